"""AES: GCM, CMAC and key wrap."""

from .signature import Command, Operation, Word

__all__ = ["Command", "Operation", "Word"]
