"""Buses and the signatures that many blocks share.

Everything takes ``csr``, ``wishbone`` and ``MemoryMap`` from here; where they come from is known to
``rtl.bus.soc_library`` alone.
"""

from .bank import RegisterBank
from .signatures import (
    AlertSignature,
    KeyClass,
    KeyOperation,
    KeyPathSignature,
    KeyResultSignature,
    KeySource,
    LifecycleState,
    NvmPortSignature,
    RandomSignature,
    emptied_layout,
)
from .soc_library import MemoryMap, WishboneCSRBridge, csr, wishbone
from .stored import StoredRegister

__all__ = [
    "AlertSignature",
    "KeyClass",
    "KeyOperation",
    "KeyPathSignature",
    "KeyResultSignature",
    "KeySource",
    "LifecycleState",
    "MemoryMap",
    "NvmPortSignature",
    "RandomSignature",
    "RegisterBank",
    "StoredRegister",
    "WishboneCSRBridge",
    "csr",
    "emptied_layout",
    "wishbone",
]
