"""P-256: modular arithmetic and what is built on it."""
