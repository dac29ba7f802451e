"""Ask a model: one verb a file, free functions over plain data; `load` binds them to a model.

| file | answers |
|---|---|
| `load.py` | a name, folder or hub id → a model with verbs |
| `haplotypes.py` | token log-probabilities of continuations that share a prefix |
| `score.py` | how plausible is each variant? |
| `likelihood.py` | how plausible is each sequence? |
"""
