"""Gene properties: what the vectors that a model gives to genes tell of the genes."""
