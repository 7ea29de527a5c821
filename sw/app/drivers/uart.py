"""A serial line."""

from .. import access
from ..ops import Wait

__all__ = ["IDENTIFICATION", "VERSION", "Uart"]

IDENTIFICATION = "UART"
VERSION = 1
_ERRORS = ("frame_error", "overrun", "line_break", "dropped")
_DIVISOR_BITS = 8  # behind the binary point


class Uart:
    """Driver of one UART; one task may read while another writes.

    Parameters
    ----------
    block : namespace
        The UART's registers: ``uart_comms`` or ``uart_optical`` of the generated map.
    """

    def __init__(self, block):
        self._block = block
        self._enabled = set()
        self._depth = None

    def write(self, data):
        """Send bytes; returns when the last is in the transmit FIFO."""
        block = self._block
        if self._depth is None:
            self._depth = yield from access.read(block.capacity)
        while data:
            level = (yield from access.read_fields(block.status))["tx_level"]
            if level >= self._depth:
                yield from self._sleep("tx_space", None)
            for byte in data[: self._depth - level]:
                yield from access.write(block.transmit, byte)
            data = data[self._depth - level :]

    def read(self, limit, cycles=None):
        """What has been received, up to ``limit`` bytes; sleeps until there is a byte.

        With ``cycles``, returns nothing when so many application clocks have passed without an interrupt
        of this UART.
        """
        received = bytearray()
        while len(received) < limit:
            fields = yield from access.read_fields(self._block.receive)
            if fields["valid"]:
                received.append(fields["byte"])
            elif received or not (yield from self._sleep("rx_data", cycles)):
                break
        return bytes(received)

    def flush(self):
        """Sleep until every byte has left the transmit FIFO and the line is idle."""
        while True:
            status = yield from access.read_fields(self._block.status)
            if not status["tx_level"] and not status["tx_busy"]:
                return
            divisor = yield from access.read(self._block.divisor)
            yield Wait(0, 80 * divisor >> _DIVISOR_BITS)

    def errors(self):
        """Names of the errors since the last call."""
        causes = yield from access.read_fields(self._block.cause)
        seen = {name: 1 for name in _ERRORS if causes[name]}
        if seen:
            yield from access.write_fields(self._block.cause, **seen)
        return list(seen)

    def set_baud(self, clock_hz, baud):
        """Change the baud rate; both directions must be idle."""
        yield from access.write(self._block.divisor, ((clock_hz << _DIVISOR_BITS) // (4 * baud) + 1) // 2)

    def _sleep(self, cause, cycles):
        """Sleep until ``cause`` is pending; returns whether it came before ``cycles`` had passed."""
        block = self._block
        yield from access.write_fields(block.cause, **{cause: 1})
        yield from self._enable(self._enabled | {cause})
        pending = False
        while not pending:
            if not (yield Wait(1 << block.interrupt, cycles)):
                break
            pending = (yield from access.read_fields(block.cause))[cause]
        yield from self._enable(self._enabled - {cause})
        return bool(pending)

    def _enable(self, causes):
        self._enabled = causes
        yield from access.write_fields(self._block.enable, **dict.fromkeys(causes, 1))
