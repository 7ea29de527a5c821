"""Blocks that guard: what they let through is decided by a list that they are given, never by software."""
