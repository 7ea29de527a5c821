# amaranth: UnusedElaboratable=no
"""A register whose value lives in a memory, not in flip-flops: what its memory map resource tells."""

from amaranth.lib import wiring

__all__ = ["StoredRegister"]


class StoredRegister(wiring.Component):
    """Resource of a memory map for a value that a block keeps in a memory.

    A memory map takes components as its resources; this one has no ports and no logic, and is never a
    submodule of anything.

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
    count : int
        Elements of an array: they lie one behind the other, all of the same size.

    Raises
    ------
    ValueError
        If the width or the count is not positive, or the access is none of the three.
    """

    def __new__(cls, **_parameters):
        # Amaranth takes the caller of __new__ for the place that made the component; made here, the
        # first line of this file tells it that not being elaborated is meant.
        return super().__new__(cls)

    def __init__(self, *, description, width, signed=False, fraction_bits=0, unit="", access="r", count=1):
        if not isinstance(width, int) or width < 1:
            raise ValueError(f"Width must be a positive integer, not {width!r}")
        if not isinstance(count, int) or count < 1:
            raise ValueError(f"Count must be a positive integer, not {count!r}")
        if access not in ("r", "w", "rw"):
            raise ValueError(f"Access must be 'r', 'w' or 'rw', not {access!r}")
        super().__init__({})
        self.description = description
        self.width = width
        self.signed = signed
        self.fraction_bits = fraction_bits
        self.unit = unit
        self.access = access
        self.count = count
