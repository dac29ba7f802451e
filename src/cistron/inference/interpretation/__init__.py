"""What a model looks at: gradients, attributions, and which experts fire where."""
