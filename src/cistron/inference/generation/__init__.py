"""How sequences are drawn, kept within constraints, and screened."""
