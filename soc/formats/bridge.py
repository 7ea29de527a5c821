"""Frames of the UART bridge, over which a host drives the core port of a board.

A request is ``sync``, a header byte (operation in its upper four bits, number of words less one in its lower
four), the word address in four bytes, the words of a write, and a CRC. The response is ``sync``, a header
byte (status in its upper four bits, operation in its lower four), the number of words done, the words of a
read, and a CRC; a request that is refused is answered as a read of no words. Words and addresses go least
significant byte first. The CRC (CRC-16/IBM-3740) covers what is between ``sync`` and itself, and goes most
significant byte first.

Nothing of a request is performed before its CRC is right, so one that was answered with ``BAD_FRAME`` may be
sent again. A host that sends no byte for ``idle_ms`` finds the bridge ready for ``sync``, whatever it sent
before.
"""

from binascii import crc_hqx
from dataclasses import dataclass
from enum import IntEnum

__all__ = [
    "BRIDGE",
    "BridgeProtocol",
    "FrameError",
    "Operation",
    "Response",
    "Status",
    "decode_response",
    "encode_request",
    "response_length",
]


class Operation(IntEnum):
    """What a request asks for."""

    READ = 0
    WRITE = 1
    INTERRUPTS = 2


class Status(IntEnum):
    """How a request ended."""

    OK = 0
    BUS_ERROR = 1
    BAD_FRAME = 2


@dataclass(frozen=True)
class BridgeProtocol:
    """The constants of the protocol, as the bridge takes them."""

    request_sync: int = 0x57
    response_sync: int = 0x53
    max_words: int = 16
    crc_polynomial: int = 0x1021
    crc_initial: int = 0xFFFF
    idle_ms: int = 50
    operation: type[Operation] = Operation
    status: type[Status] = Status


BRIDGE = BridgeProtocol()

_HEAD_BYTES = 3
_CRC_BYTES = 2


class FrameError(ValueError):
    """A response that is cut, broken, or none."""


@dataclass(frozen=True)
class Response:
    """A response: ``count`` words were done before the end or the error; ``words`` are those read."""

    status: Status
    operation: Operation
    count: int
    words: tuple[int, ...]


def _crc(body: bytes) -> bytes:
    return crc_hqx(body, BRIDGE.crc_initial).to_bytes(_CRC_BYTES, "big")


def encode_request(
    operation: Operation, address: int = 0, *, count: int = 1, words: tuple[int, ...] = ()
) -> bytes:
    """The frame that asks for ``operation`` on the words from byte ``address`` on.

    ``count`` is the number of words to read; a write takes as many as there are ``words``.

    Raises
    ------
    ValueError
        If the address is no multiple of 4 within 32 bits, or the number of words is not 1 to 16.
    """
    if operation is Operation.WRITE:
        count = len(words)
    if not 1 <= count <= BRIDGE.max_words:
        raise ValueError(f"Number of words must be 1 to {BRIDGE.max_words}, not {count}")
    if address % 4 or not 0 <= address < 1 << 32:
        raise ValueError(f"Address must be a multiple of 4 within 32 bits, not {address:#x}")
    body = bytes([operation << 4 | count - 1]) + (address // 4).to_bytes(4, "little")
    body += b"".join(word.to_bytes(4, "little") for word in words)
    return bytes([BRIDGE.request_sync]) + body + _crc(body)


def response_length(head: bytes) -> int:
    """Length of the response whose first three bytes are ``head``.

    Raises
    ------
    FrameError
        If no response starts with them.
    """
    if len(head) < _HEAD_BYTES or head[0] != BRIDGE.response_sync or head[2] > BRIDGE.max_words:
        raise FrameError(f"No response of the bridge starts with {head.hex() or 'nothing'}")
    words = head[2] if head[1] & 0xF != Operation.WRITE else 0
    return _HEAD_BYTES + 4 * words + _CRC_BYTES


def decode_response(frame: bytes) -> Response:
    """The response that ``frame`` is.

    Raises
    ------
    FrameError
        If its length, its CRC or its header is wrong.
    """
    if len(frame) != response_length(frame[:_HEAD_BYTES]):
        raise FrameError(f"Response of {len(frame)} bytes must have {response_length(frame[:_HEAD_BYTES])}")
    body, crc = frame[1:-_CRC_BYTES], frame[-_CRC_BYTES:]
    if crc != _crc(body):
        raise FrameError(f"CRC of the response must be {_crc(body).hex()}, not {crc.hex()}")
    try:
        status, operation = Status(body[0] >> 4), Operation(body[0] & 0xF)
    except ValueError as error:
        raise FrameError(f"Header of the response is unknown: {error}") from None
    words = [int.from_bytes(body[index : index + 4], "little") for index in range(2, len(body), 4)]
    return Response(status, operation, body[1], tuple(words))
