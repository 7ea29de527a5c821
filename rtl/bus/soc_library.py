"""The only importer of ``amaranth_soc`` (it comes inside ``luna_soc``): to swap it is to change this file."""

from luna_soc.gateware.vendor.amaranth_soc import csr, wishbone
from luna_soc.gateware.vendor.amaranth_soc.csr.wishbone import WishboneCSRBridge
from luna_soc.gateware.vendor.amaranth_soc.memory import MemoryMap

__all__ = ["MemoryMap", "WishboneCSRBridge", "csr", "wishbone"]
