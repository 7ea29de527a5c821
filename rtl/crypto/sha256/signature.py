"""What passes between the SHA-256 unit and its users, and between its own parts."""

from amaranth.lib import data, enum, stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Command", "CoreSignature", "MessageWord", "UserSignature", "UserWord"]


class Command(enum.Enum, shape=3):
    """What a user asks for with the first word of a message.

    ``HASH`` and ``HMAC`` give a digest of the message, ``HMAC`` under the key that the user loaded last.
    ``KEY`` makes the message the user's HMAC key. ``SAVE`` gives the state of the user's open message,
    ``RESTORE_HASH`` and ``RESTORE_HMAC`` take one back. ``WIPE`` forgets the user's message and key.
    """

    HASH = 0
    HMAC = 1
    KEY = 2
    SAVE = 3
    RESTORE_HASH = 4
    RESTORE_HMAC = 5
    WIPE = 6


class MessageWord(data.Struct):
    """Four bytes of a message.

    The first byte is the top one of ``data``. With ``last``, which ends the message, the upper ``bytes``
    (0 to 4) of its bytes belong to the message; without it, all four do and ``bytes`` means nothing.
    """

    data: 32
    bytes: 3
    last: 1


class UserWord(data.Struct):
    """A word of a user's message; ``first`` and ``command`` mean something at the start of a block only.

    ``first`` begins a message, as ``command`` says; a message of the same user that was open is dropped.
    """

    word: MessageWord
    first: 1
    command: Command


class UserSignature(wiring.Signature):
    """Port of one user of the SHA-256 unit, from the user.

    A user sends words; padding, key blocks and the order of bytes are the unit's affair. ``SAVE`` and
    ``WIPE`` are messages of one word whose data mean nothing; the message of a ``RESTORE`` is the ten words
    that ``SAVE`` gave, in the order of their indices.

    The unit may lend itself to others between two blocks of 16 words, but not within one: a user offers the
    first word of a block only when it can soon offer the rest of the block, or of the message.

    Members
    -------
    message : Out(stream of UserWord)
        The message.
    done : In(1)
        High for one cycle when what was asked for is done.
    failed : In(1)
        High for one cycle if a word was refused and dropped: a word that begins no message when none is open,
        ``HMAC`` or ``RESTORE_HMAC`` without a key, ``SAVE`` without an open message. Also when the unit was
        wiped while the user's message was open. Nothing else comes for that message.
    digest : In(256)
        The digest, its first byte on top, valid while ``done`` is high after ``HASH`` or ``HMAC``.
    result : In({stb, index, data})
        The digest again, for a user that keeps it in a memory: a word in each of eight cycles with ``stb``
        after ``done``, index 7 (the last four bytes) first. After ``SAVE``, the state in the same way,
        and then in indices 8 and 9 the number of blocks hashed so far, the lower half first.
    keyed : In(1)
        The user has an HMAC key loaded.
    """

    def __init__(self):
        result = data.StructLayout({"stb": 1, "index": 4, "data": 32})
        super().__init__(
            {
                "message": Out(stream.Signature(UserWord)),
                "done": In(1),
                "failed": In(1),
                "digest": In(256),
                "result": In(result),
                "keyed": In(1),
            }
        )


class CoreSignature(wiring.Signature):
    """Port of a compression core, from the core. Every variant has it.

    Members
    -------
    words : In(stream of 32 bits)
        Padded blocks of 16 words. The next block is taken while the rounds of the one before run.
    idle : Out(1)
        All blocks begun are hashed into ``state``, and no word of another has been taken.
    state : Out(256)
        The chaining value, the word H0 on top; valid while ``idle``.
    init : In(1)
        Makes ``state`` the initial value of SHA-256. Given while ``idle``; words may follow at once.
    shift : In(1)
        Drops the lowest word of ``state``, moves the others down and puts ``shift_data`` on top. Given while
        ``idle``, in eight cycles that no word comes between.
    shift_data : In(32)
        See ``shift``.
    """

    def __init__(self):
        super().__init__(
            {
                "words": In(stream.Signature(32)),
                "idle": Out(1),
                "state": Out(256),
                "init": In(1),
                "shift": In(1),
                "shift_data": In(32),
            }
        )
