"""Formal proofs of the chip's invariants: harnesses, and what runs them."""
