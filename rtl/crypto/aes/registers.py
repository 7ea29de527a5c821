"""What the application writes and reads of the AES block."""

from amaranth.lib import enum

from ...bus import csr

__all__ = ["ApplicationOperation", "IvChoice", "Operate", "Piece", "Session", "Status", "StatusRegister"]


class ApplicationOperation(enum.Enum, shape=4):
    """Operations that the application can ask for."""

    ENCRYPT = 0
    DECRYPT = 1
    CMAC = 2
    AAD = 3
    AAD_SLOT = 4
    TEXT = 5
    FINISH = 6
    VERIFY = 7
    WRAP = 8
    UNWRAP = 9
    WRAP_DATA = 10
    UNWRAP_DATA = 11
    WIPE = 12


class IvChoice(enum.Enum, shape=2):
    """Where the IV comes from."""

    HARDWARE = 0
    REGISTER = 1
    PIECE = 2


class Session(enum.Enum, shape=2):
    """What is open."""

    NONE = 0
    ENCRYPTS = 1
    DECRYPTS = 2
    AUTHENTICATES = 3


class Status(enum.Enum, shape=4):
    """How the last operation ended."""

    SUCCESS = 0
    ORDER = 1
    KEY_REFUSED = 2
    TARGET_REFUSED = 3
    IV_FORBIDDEN = 4
    IV_EMPTY = 5
    IV_EXHAUSTED = 6
    NVM_BROKEN = 7
    TOO_LONG = 8
    LENGTH = 9
    TAG_WRONG = 10
    UNWRAP_WRONG = 11
    WIPED = 12


class StatusRegister(csr.Register, access="r"):
    """State of the block.

    Fields
    ------
    busy: An operation is being done: the memory reads as zero, and nothing can be written to it.
    session: What is open. 0 nothing; 1 an encryption; 2 a decryption; 3 a CMAC.
    code: How the last operation ended. 0 well; 1 out of order, or there is no such operation; 2 the key
        store refused a key, or the key must not be used so; 3 the key store refused the result; 4 a slot that
        is not external must have an IV made by hardware; 5 there is no IV; 6 all IVs are used up; 7 the NVM
        of the IVs is broken; 8 a piece does not fit into the memory, a decryption comes in pieces, or a
        message has 2 GiB; 9 a length is not possible; 10 the tag is wrong; 11 the wrapped key is wrong; 12
        the block was wiped.
    """

    codes = (("session", Session), ("code", Status))

    busy: csr.Field(csr.action.R, 1)
    session: csr.Field(csr.action.R, 2)
    _: csr.Field(csr.action.ResR0W0, 1)
    code: csr.Field(csr.action.R, 4)


class Operate(csr.Register, access="w"):
    """What is to be done; `piece` says with which bytes of the memory.

    Fields
    ------
    operation: 0 `encrypt`, 1 `decrypt` and 2 `cmac` open a message with the key of `slot`. 3 `aad`
        authenticates a piece, 4 `aad_slot` the key of `slot`. 5 `text` encrypts or authenticates a piece of
        whole blocks. 6 `finish` does so with the last piece, and puts the tag into `tag`; 7 `verify` decrypts
        or authenticates the last piece, and compares the tag. 8 `wrap` wraps the key of `target` with that of
        `slot` into the memory, from word 0 on; 9 `unwrap` unwraps what is there into the slot `target`; the
        length is 24 or 40. 10 `wrap_data` and 11 `unwrap_data` do so with an external key within the memory:
        the data is from word 2 on, its wrapped form from word 0 on, and the length is that before. 12 `wipe`
        forgets message, key and memory.
    iv: With `encrypt` and `decrypt`, the IV. 0 is made by hardware, and put into `iv`; 1 is in `iv`; 2 is the
        piece.
    tag_bytes: With `verify`, the length of the tag, 4 to 16; of GCM, 12 to 16 if the key is not external.
    slot: Key slot.
    target: Key slot of the key that is wrapped or unwrapped.
    """

    codes = (("operation", ApplicationOperation), ("iv", IvChoice))

    operation: csr.Field(csr.action.W, 4)
    iv: csr.Field(csr.action.W, 2)
    _: csr.Field(csr.action.ResR0W0, 2)
    tag_bytes: csr.Field(csr.action.W, 5)
    _unused: csr.Field(csr.action.ResR0W0, 3)
    slot: csr.Field(csr.action.W, 8)
    target: csr.Field(csr.action.W, 8)


class Piece(csr.Register, access="rw"):
    """Bytes of the memory that an operation is about.

    Fields
    ------
    start: First word.
    length: Bytes.
    """

    start: csr.Field(csr.action.RW, 9)
    _: csr.Field(csr.action.ResR0W0, 7)
    length: csr.Field(csr.action.RW, 12)
