"""The operations that firmware yields, and the one error that answers them.

Firmware is a coroutine: it yields an operation, and whoever drives it performs the operation on the
core's bus port and sends the answer back. Nothing here knows what drives it.
"""

from dataclasses import dataclass

__all__ = ["BusError", "Read", "Wait", "Write"]


@dataclass(frozen=True)
class Read:
    """Read ``count`` words of 32 bits from byte address ``address`` upwards.

    Answered with a list of ``count`` integers. No other coroutine comes between the words.
    """

    address: int
    count: int = 1

    def __post_init__(self):
        _check_address(self.address, self.count)


@dataclass(frozen=True)
class Write:
    """Write the words of 32 bits in ``words`` from byte address ``address`` upwards.

    Answered with ``None``. No other coroutine comes between the words.
    """

    address: int
    words: tuple[int, ...]

    def __post_init__(self):
        _check_address(self.address, len(self.words))
        for word in self.words:
            if not 0 <= word < 1 << 32:
                raise ValueError(f"A word must be 0 to 0xffffffff, not {word:#x}")


@dataclass(frozen=True)
class Wait:
    """Sleep until an interrupt line of ``mask`` is high or ``cycles`` application clocks have passed.

    Answered with the lines that are high and in ``mask``, 0 if the clocks ran out first. With 0 clocks
    it tells the lines without sleeping; with ``cycles`` None it sleeps until an interrupt comes.
    """

    mask: int = 0
    cycles: int | None = None

    def __post_init__(self):
        if not 0 <= self.mask < 1 << 32:
            raise ValueError(f"An interrupt mask must be 0 to 0xffffffff, not {self.mask:#x}")
        if self.cycles is None:
            if not self.mask:
                raise ValueError("A wait must have an interrupt mask or a number of clocks, or it never ends")
        elif self.cycles < 0:
            raise ValueError(f"A wait must last 0 clocks or more, not {self.cycles}")


class BusError(Exception):
    """The bus answered an access to ``address`` with an error."""

    def __init__(self, address):
        super().__init__(address)
        self.address = address

    def __str__(self):
        return f"bus error at address {self.address:#010x}"


def _check_address(address, count):
    if count < 1:
        raise ValueError(f"An access must have one word or more, not {count}")
    if address % 4 or not 0 <= address <= (1 << 32) - 4 * count:
        raise ValueError(
            f"An access of {count} words must start at a multiple of 4 and end within 32 address bits, "
            f"not start at {address:#x}"
        )
