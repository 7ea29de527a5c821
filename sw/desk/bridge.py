"""Firmware run at the desk: its accesses go over a serial line to the core port of a board."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from typing import Any, Protocol

from soc.formats.bridge import (
    BRIDGE,
    FrameError,
    Operation,
    Response,
    Status,
    decode_response,
    encode_request,
    response_length,
)
from sw.app.ops import BusError, Read, Wait, Write

__all__ = ["Bridge", "Line", "LineError"]

_HEAD_BYTES = 3
_ATTEMPTS = 3
_POLL_S = 0.001


class Line(Protocol):
    """A serial line: what of a ``serial.Serial`` is used. Reads end after a time, with what there is."""

    def read(self, size: int, /) -> bytes:
        """Up to ``size`` bytes."""

    def write(self, data: bytes, /) -> Any:
        """Send all of the bytes."""

    def reset_input_buffer(self) -> None:
        """Forget what has come in."""


class LineError(Exception):
    """The board does not answer, or not as a bridge does."""


class Bridge:
    """The core's place: performs what firmware yields, on the bus of a board.

    Parameters
    ----------
    line : Line
        To the board, already at its rate.
    clock_hz : int
        Application clock of the board, which waits of a number of clocks are counted in.
    limit_s : float
        How long a coroutine or a wait may take.
    pause, now : callable
        Sleep for so many seconds, and a clock in seconds.

    Raises
    ------
    LineError
        From `run` and `perform`: if there is no answer, a broken one, or three times none to a request that
        arrived broken, or if it takes longer than the limit. A request that was performed is never sent
        again.
    """

    def __init__(
        self,
        line: Line,
        *,
        clock_hz: int,
        limit_s: float = 60.0,
        pause: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.monotonic,
    ):
        self._line = line
        self._clock_hz = clock_hz
        self._limit_s = limit_s
        self._pause = pause
        self._now = now
        # Whatever was sent before, the bridge is ready after this.
        pause(BRIDGE.idle_ms / 1000)
        line.reset_input_buffer()

    def run(self, firmware: Generator[Any, Any, Any]) -> Any:
        """Run a coroutine of firmware to its end; what it returns."""
        answer: Any = None
        error: BusError | None = None
        end = self._now() + self._limit_s
        try:
            while True:
                self._check_time(end)
                operation = firmware.throw(error) if error else firmware.send(answer)
                answer, error = None, None
                try:
                    answer = self.perform(operation)
                except BusError as refused:
                    error = refused
        except StopIteration as ended:
            return ended.value

    def perform(self, operation: Read | Write | Wait) -> list[int] | int | None:
        """Perform one operation; its answer.

        Raises
        ------
        BusError
            If the bus refuses the access.
        """
        if isinstance(operation, Wait):
            return self._wait(operation)
        if isinstance(operation, Read):
            words: list[int] = []
            while len(words) < operation.count:
                count = min(BRIDGE.max_words, operation.count - len(words))
                words += self._access(Operation.READ, operation.address + 4 * len(words), count=count).words
            return words
        for start in range(0, len(operation.words), BRIDGE.max_words):
            part = tuple(operation.words[start : start + BRIDGE.max_words])
            self._access(Operation.WRITE, operation.address + 4 * start, words=part)
        return None

    def _access(
        self, operation: Operation, address: int, *, count: int = 1, words: tuple[int, ...] = ()
    ) -> Response:
        response = self._ask(operation, encode_request(operation, address, count=count, words=words))
        if response.status is Status.BUS_ERROR:
            raise BusError(address + 4 * response.count)
        if response.count != (len(words) or count):
            raise LineError(f"The board did {response.count} words of {len(words) or count}")
        return response

    def _wait(self, wait: Wait) -> int:
        request = encode_request(Operation.INTERRUPTS)
        left = None if wait.cycles is None else wait.cycles / self._clock_hz
        end = self._now() + self._limit_s
        while True:
            self._check_time(end)
            (lines,) = self._ask(Operation.INTERRUPTS, request).words
            if lines & wait.mask or (left is not None and left <= 0):
                return lines & wait.mask
            step = _POLL_S if left is None or wait.mask else left
            self._pause(step)
            if left is not None:
                left -= step

    def _check_time(self, end: float) -> None:
        if self._now() > end:
            raise LineError(f"The board was not ready after {self._limit_s:g} s")

    def _ask(self, operation: Operation, request: bytes) -> Response:
        for _ in range(_ATTEMPTS):
            self._line.write(request)
            try:
                response = decode_response(self._frame())
            except FrameError as error:
                raise LineError(f"{error}") from None
            if response.status is not Status.BAD_FRAME:
                if response.operation is not operation:
                    raise LineError(
                        f"The board answered a request to {operation.name} with {response.operation.name}"
                    )
                return response
        raise LineError(f"The board found each of {_ATTEMPTS} requests broken")

    def _frame(self) -> bytes:
        head = self._line.read(_HEAD_BYTES)
        if not head:
            raise LineError("The board does not answer")
        return head + self._line.read(response_length(head) - len(head))
