"""Cryptographic engines."""
