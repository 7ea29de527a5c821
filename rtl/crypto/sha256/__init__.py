"""SHA-256 and HMAC-SHA-256: one unit with many users."""

from .sha256 import Sha256
from .signature import Command, MessageWord, UserSignature, UserWord

__all__ = ["Command", "MessageWord", "Sha256", "UserSignature", "UserWord"]
