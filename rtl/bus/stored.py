"""A register whose value lives in a memory, not in flip-flops: what its memory map resource tells."""

from dataclasses import dataclass

__all__ = ["StoredRegister"]


@dataclass(frozen=True, eq=False, kw_only=True)
class StoredRegister:
    """Resource of a memory map for a value that a block keeps in a block RAM.

    Parameters
    ----------
    description : str
        One sentence: what the value is, and the definition that it follows.
    width : int
        Bits.
    signed : bool
        Two's complement.
    fraction_bits : int
        Bits behind the binary point.
    unit : str
        Unit of the value once the fraction is taken into account.
    access : str
        ``r``, ``w`` or ``rw``.
    """

    description: str
    width: int
    signed: bool = False
    fraction_bits: int = 0
    unit: str = ""
    access: str = "r"
