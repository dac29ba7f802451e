"""`cistron genes`: vectors of genes, tasks on genes, and gene-benchmark's protocol."""
