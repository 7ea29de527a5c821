"""The registers of the SHA-256 unit for the application, and what lies in its memory."""

from amaranth.lib import enum

from ...bus import csr

__all__ = [
    "BLOCK_WORDS",
    "CODE_BITS",
    "KEY_WORDS",
    "STORED",
    "Operate",
    "Operation",
    "Refusal",
    "Status",
    "is_one_of",
]

BLOCK_WORDS = 16
KEY_WORDS = 8
CODE_BITS = 3  # of an operation's code, which name a `Command`; the bit above them is that of slots

STORED = (
    (
        "data",
        64,
        16,
        "Words of the message, their first byte on top. Whatever address a word is written to, it is the "
        "next one. Reads show the words of the incomplete block.",
    ),
    ("tail", 80, 1, "The last bytes of the message, up to three, the first one on top; see `finish`."),
    (
        "state",
        96,
        8,
        "The digest after `finish`, its first byte on top; the chaining value after `save`, and for the "
        "`restore` operations.",
    ),
    (
        "length",
        104,
        2,
        "Blocks of 64 bytes hashed into `state`, after `save` and for the `restore` operations.",
    ),
)
"""Name, address, words and description of what lies in the memory."""


class Operation(enum.Enum, shape=4):
    """What the application asks for: up to ``WIPE`` a `Command` of the same code."""

    HASH = 0
    HMAC = 1
    KEY = 2
    SAVE = 3
    RESTORE_HASH = 4
    RESTORE_HMAC = 5
    WIPE = 6
    FINISH = 7
    KEY_HMAC = 8
    KEY_DERIVE = 9
    APPEND = 10
    FINISH_SLOT = 11


class Refusal(enum.Enum, shape=3):
    """Why a command or a word of the application was refused."""

    NONE = 0
    ORDER = 1
    ROOM = 2
    UNIT = 3
    SLOT = 4
    SECRET = 5


class Status(csr.Register, access="r"):
    """State of the session.

    Fields
    ------
    busy: An operation is being done, or a block handed over: the memory reads as zero.
    session: A message is open: words can be written to `data`.
    begun: A block of the message has gone to the unit, so that `save` has something to save.
    keyed: An HMAC key is loaded.
    refusal: Why the last refusal was. 0 there was none; 1 the access was out of order; 2 the queue was
        full; 3 there was no key, or the unit was wiped, which ends the session and clears the memory; 4 the
        key store refused a slot, which ends the session, or emptied that of the key, which does both; 5 the
        digest is of a slot's key, and may only go to a slot: it is dropped.
    waiting: Words in the queue. While not busy these are the words of the incomplete block, and `data`
        shows them, except those of a slot.
    """

    codes = (("refusal", Refusal),)
    busy: csr.Field(csr.action.R, 1)
    session: csr.Field(csr.action.R, 1)
    begun: csr.Field(csr.action.R, 1)
    keyed: csr.Field(csr.action.R, 1)
    refusal: csr.Field(csr.action.R, 3)
    _: csr.Field(csr.action.ResR0W0, 1)
    waiting: csr.Field(csr.action.R, 6)


class Operate(csr.Register, access="w"):
    """What is to be done.

    Fields
    ------
    operation: 0 `hash`, 1 `hmac` and 2 `key` begin a message: it is hashed, authenticated with the key,
        or made the key. 7 `finish` ends it; then the digest, if there is one, is in `state`. 3 `save`
        puts the state of the message into `state` and `length`, without the words that wait; 4
        `restore_hash` and 5 `restore_hmac` make a message of them. 6 `wipe` forgets message, key and
        memory, as soon as what is being done is done. 8 `key_hmac` and 9 `key_derive` make a slot's key the
        key, to authenticate or to derive with. 10 `append` adds a slot's 32 bytes to the message. 11
        `finish_slot` ends a message as `finish` does, but puts the digest into an empty slot.
    tail_bytes: With `finish` and `finish_slot`: how many bytes of `tail`, 0 to 3, end the message.
    slot: Number of the slot, for operations that have one.
    """

    codes = (("operation", Operation),)
    operation: csr.Field(csr.action.W, 4)
    tail_bytes: csr.Field(csr.action.W, 2)
    _: csr.Field(csr.action.ResR0W0, 2)
    slot: csr.Field(csr.action.W, 8)


def is_one_of(operation, *operations):
    """Whether the operation, or its code, is one of these."""
    code = operation.as_value() if hasattr(operation, "as_value") else operation
    return code.matches(*(each.value for each in operations))
