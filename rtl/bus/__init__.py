"""Buses and the signatures that many blocks share.

The only module that imports ``amaranth_soc``; everything else takes ``csr``, ``wishbone`` and
``MemoryMap`` from here, so that another implementation is a change of one line.
"""

from luna_soc.gateware.vendor.amaranth_soc import csr, wishbone
from luna_soc.gateware.vendor.amaranth_soc.csr.wishbone import WishboneCSRBridge
from luna_soc.gateware.vendor.amaranth_soc.memory import MemoryMap

from .bank import RegisterBank
from .stored import StoredRegister
from .signatures import (
    AlertSignature,
    KeyOperation,
    KeyPathSignature,
    LifecycleState,
    NvmPortSignature,
    RandomSignature,
)

__all__ = [
    "AlertSignature",
    "KeyOperation",
    "KeyPathSignature",
    "LifecycleState",
    "MemoryMap",
    "NvmPortSignature",
    "RandomSignature",
    "RegisterBank",
    "StoredRegister",
    "WishboneCSRBridge",
    "csr",
    "wishbone",
]
