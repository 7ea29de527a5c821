"""Comparison of cycles, area and accuracy."""
