"""The key store: slots whose contents leave for accelerators alone, and only as their policies say."""

from .keystore import KeyStore
from .policy import OPERATION_GROUPS, POLICY, Operation, Outcome, WipeLevel

__all__ = ["OPERATION_GROUPS", "POLICY", "KeyStore", "Operation", "Outcome", "WipeLevel"]
