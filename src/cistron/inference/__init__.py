"""Ask a model: one verb a file, free functions over plain data; `load` binds them to a model.

| file | answers |
|---|---|
| `load.py` | a name, folder or hub id → a model with verbs |
| `score.py` | how plausible is each variant? |
| `likelihood.py` | how plausible is each sequence? |
| `scan.py` | what would every substitution cost at first sight, along a genome? |
| `mutagenesis.py` | what does every substitution of a region do? |
| `embed.py` | what does the model see in each sequence? |
| `embed_variants.py` | what changes in the model's view when a variant does? |
| `generate.py` | how may a sequence go on? |
| `predict.py` | what does a trained head say of sequences and alleles? |
| `calibration.py` | is a score unusual for a change of its kind? |
| `next_base.py` | what is expected at every base: what `scan` and `likelihood` are made of |
| `chunks.py` | reading any length in bounded memory |
| `batching.py` | which sequences run together |

| folder | holds |
|---|---|
| `scoring/` | windows of alleles, what they share, and how the sharing is read |
| `embedding/` | pooling of hidden states and what is pooled |
| `generation/` | drawing, constraints and screening |
| `interpretation/` | gradients, one-hot input, expert routing |
| `planning/` | memory, batches and time before and while a verb runs |
"""
