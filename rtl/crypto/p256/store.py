"""The store: numbers of the application, and secrets between two parts of an operation."""

from amaranth import Cat, Const, Value

from ..word_store import WordStore, WordStoreSignature

__all__ = ["ADDRESS_BITS", "WORDS", "Store", "StoreSignature", "address", "scalar_address"]

ADDRESS_BITS = 7
WORDS = 1 << ADDRESS_BITS


def address(area, word):
    """Address of a word of an area; of ``word`` the lower three bits count."""
    return Cat((word | Const(0, 3))[:3], area)


def scalar_address(area, word):
    """Address of a word of a scalar, which takes an area of an even number and the next one."""
    return Cat((word | Const(0, 4))[:4], Value.cast(area)[1:])


class StoreSignature(WordStoreSignature):
    """Port of the store."""

    def __init__(self):
        super().__init__(adr_bits=ADDRESS_BITS)


class Store(WordStore):
    """Memory of 16 areas of 8 words.

    Parameters
    ----------
    users : int
        Number of ports.
    """

    def __init__(self, *, users):
        super().__init__(users=users, adr_bits=ADDRESS_BITS)
