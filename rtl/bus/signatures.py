"""Signatures that many blocks share, declared once.

Each is written from the side of the block that *drives* it (lifecycle, alert, randomness) or *asks*
over it (key path, NVM port); the other side takes it flipped.
"""

from amaranth.lib import data, enum, stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = [
    "AlertSignature",
    "KeyClass",
    "KeyOperation",
    "KeyPathSignature",
    "KeyResultSignature",
    "KeySource",
    "LifecycleState",
    "NvmPortSignature",
    "RandomSignature",
    "emptied_layout",
]


class LifecycleState(enum.Enum, shape=16):
    """Lifecycle of the chip, in codes of weight 8 that differ from each other in 8 bits or more.

    A value that is none of these is treated as ``RETIRED`` by every block: up to seven flipped bits
    never make one state look like another.
    """

    MANUFACTURING = 0xBAC8
    INSTALLATION = 0xD417
    OPERATION = 0x9D2C
    RETIRED = 0xE325


class AlertSignature(wiring.Signature):
    """Differential alert line, from the block that raises the alert.

    Members
    -------
    p : Out(1)
        High while the alert is raised.
    n : Out(1)
        The complement of ``p``, high out of reset. ``p == n`` is a broken line, which counts as an alert.
    """

    def __init__(self):
        super().__init__({"p": Out(1), "n": Out(1, init=1)})


class RandomSignature(wiring.Signature):
    """Randomness for secret operations, from its source.

    Members
    -------
    words : Out(stream of 32 bits)
        Random words; ``valid`` only while ``healthy``.
    healthy : Out(1)
        The source passed its tests. While low, a block that needs randomness refuses its secret
        operations instead of waiting.
    """

    def __init__(self):
        super().__init__({"words": Out(stream.Signature(32)), "healthy": Out(1)})


class KeyOperation(enum.Enum, shape=4):
    """What a block asks a key slot's contents for; the slot's policy allows or refuses it.

    Each is a bit of the policy, at the position of its value. ``DERIVE`` is HKDF, ``AGREE`` is ECDH, ``AAD``
    lets the slot be authenticated along with a message.
    """

    HMAC = 0
    DERIVE = 1
    ENCRYPT = 2
    DECRYPT = 3
    SIGN = 4
    AGREE = 5
    WRAP = 6
    UNWRAP = 7
    CMAC = 8
    AAD = 9


class KeySource(enum.Enum, shape=2):
    """How a new key was made, on which it depends what the key store lets it be used for.

    ``RANDOM``: of random words. ``DERIVED``: of slots' words by SHA-256, bound to the slot's policy unless it
    is external. ``AGREED``: by ECDH, and so known to whoever chose the public key. ``UNWRAPPED``: as a
    message has it that can be unwrapped again.
    """

    RANDOM = 0
    DERIVED = 1
    AGREED = 2
    UNWRAPPED = 3


class KeyClass(data.Struct):
    """What a block must know of a key that it was given.

    Its origin: ``external``, it came from the bus, or from such keys alone; it may have any IV.
    ``generated``, it was made here of random words, or derived from such keys alone: nobody knows it, and
    other keys may be wrapped or authenticated with it. If it is neither, it may be known and must be kept.
    (A key that hardware alone derives from a secret of the chip, when there is one, is generated.)

    ``to_bus``: a result made of external keys alone may go to the bus. ``short``: the key is an AES-128 key,
    the upper half of the slot. ``template``: signs only digests that hardware computed. ``unchecked``: a
    signature is given out without verifying it first.
    """

    external: 1
    to_bus: 1
    short: 1
    template: 1
    unchecked: 1
    generated: 1


def _key_slot(slots):
    """Shape of a slot's number; raises if there are fewer than two slots."""
    if not isinstance(slots, int):
        raise TypeError(f"Number of key slots must be an integer, not {slots!r}")
    if slots < 2:
        raise ValueError(f"Number of key slots must be 2 or more, not {slots}")
    return range(slots)


def emptied_layout(slots):
    """Tells that a slot has been emptied: a strobe, and its number."""
    return data.StructLayout({"stb": 1, "slot": _key_slot(slots)})


class KeyPathSignature(wiring.Signature):
    """Private path from a block to the key store, from the block that asks.

    Parameters
    ----------
    slots : int
        Number of key slots, 2 or more.

    Members
    -------
    request : Out(stream of {slot, operation})
        Asks once for the contents of ``slot`` for ``operation``.
    key : In(stream of 32 bits)
        The eight words of the slot, most significant first, after a request that the policy allows.
    key_class : In(KeyClass)
        Of the slot, valid with the words.
    refused : In(1)
        High for one cycle in answer to a request that the policy forbids, or whose slot is empty; no key
        word follows. Also if the slot is wiped before its last word, or no word is taken for too long: the
        words so far are then void.
    forbids : Out(1)
        High for a cycle when the block refuses to do with a slot's key what it was asked to, because class or
        origin of the key forbid it: an alert. What the policy forbids, the key store sees itself.
    emptied : In({stb, slot})
        A slot has been emptied: who has kept anything of its words is to forget it.

    Raises
    ------
    TypeError, ValueError
        If the number of slots is no integer, or less than two.
    """

    def __init__(self, *, slots):
        request = data.StructLayout({"slot": _key_slot(slots), "operation": KeyOperation})
        super().__init__(
            {
                "request": Out(stream.Signature(request)),
                "key": In(stream.Signature(32)),
                "key_class": In(KeyClass),
                "refused": In(1),
                "forbids": Out(1),
                "emptied": In(emptied_layout(slots)),
            }
        )


class KeyResultSignature(wiring.Signature):
    """Private path of a new key from the block that made it into an empty slot, from that block.

    Parameters
    ----------
    slots : int
        Number of key slots, 2 or more.

    Members
    -------
    request : Out(stream of {slot, external, generated, source, short})
        Asks for the empty slot ``slot``; ``external`` if all that the key was made of was external,
        ``generated`` if it all was generated here. ``short``: an unwrapped key has 128 bits.
    binding : In(32)
        The slot's policy, valid in the cycle after the request was taken: what a key that is derived is bound
        to. It stays the slot's policy until ``done`` or ``refused``.
    key : Out(stream of 32 bits)
        The eight words of the key, most significant first, after the request was taken and not refused.
    done : In(1)
        High for one cycle when the key is in its slot.
    refused : In(1)
        High for one cycle instead, at any time from the request on: the slot is not empty, may not be
        written, or not by a key from this source, the store is being wiped, or no word comes for too long;
        words that follow are dropped without waiting for them.

    Raises
    ------
    TypeError, ValueError
        If the number of slots is no integer, or less than two.
    """

    def __init__(self, *, slots):
        origin = {"external": 1, "generated": 1, "source": KeySource, "short": 1}
        request = data.StructLayout({"slot": _key_slot(slots), **origin})
        super().__init__(
            {
                "request": Out(stream.Signature(request)),
                "binding": In(32),
                "key": Out(stream.Signature(32)),
                "done": In(1),
                "refused": In(1),
            }
        )


class NvmPortSignature(wiring.Signature):
    """Port of one owner to its region of the on-chip NVM, from the owner.

    Parameters
    ----------
    words : int
        Words of 32 bits in the region, 2 or more.

    Attributes
    ----------
    words : int
        Words of the region.

    Members
    -------
    request : Out(stream of {adr, write, data})
        One word read or written; words are written whole, in the order of the requests.
    done : In(1)
        High for one cycle when the request has ended. A word written is then safe from a power cut.
    error : In(1)
        With ``done``: the address is outside the region, and the request was refused.
    data : In(32)
        The word read, valid with ``done`` and without ``error``.

    Raises
    ------
    ValueError
        If the region has fewer than two words.
    """

    def __init__(self, *, words):
        if not isinstance(words, int):
            raise TypeError(f"Number of words must be an integer, not {words!r}")
        if words < 2:
            raise ValueError(f"Number of words must be 2 or more, not {words}")
        self.words = words
        request = data.StructLayout({"adr": range(words), "write": 1, "data": 32})
        super().__init__(
            {"request": Out(stream.Signature(request)), "done": In(1), "error": In(1), "data": In(32)}
        )
