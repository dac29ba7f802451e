"""From texts to vectors: passages, the layers that are asked for, and pooling."""
