"""The core in simulation: performs a scenario's operations through the sequencer's handshake."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Sequence
from functools import cache
from typing import Any

from sim.sequencer import BUFFER_WORDS, Kind, Sequencer
from sw.app.ops import BusError, Read, Wait, Write

from .base import PowerOff

__all__ = ["Core"]

_LONGEST_WAIT = (1 << 32) - 1
_ERROR = 1 << Sequencer.STATUS["error"].offset
_POWERED_OFF = 1 << Sequencer.STATUS["powered_off"].offset
_POSITION = Sequencer.STATUS["position"].offset


@cache
def _command(kind: Kind, last: int = 0, forever: bool = False, continued: bool = False) -> int:
    fields = {"kind": kind, "last": last, "forever": forever, "continued": continued}
    return Sequencer.COMMAND.const(fields).as_bits()


class Core(ABC):
    """Performs operations; a back-end implements the one handshake.

    Attributes
    ----------
    operations : int
        Handshakes so far.
    """

    def __init__(self) -> None:
        self.operations = 0

    @abstractmethod
    async def handshake(
        self, command: int, address: int, words: Sequence[int], wanted: int
    ) -> tuple[int, list[int]]:
        """Ask the sequencer once; returns its status and the first ``wanted`` words."""

    async def run(self, scenario: Generator[Any, Any, Any]) -> Any:
        """Drive the scenario to its end; returns what it returns, None if the power failed before."""
        advance: Any = scenario.send
        answer: Any = None
        try:
            while True:
                operation = advance(answer)
                try:
                    answer = await self._perform(operation)
                    advance = scenario.send
                except (BusError, PowerOff) as error:
                    answer = error
                    advance = scenario.throw
        except StopIteration as stop:
            return stop.value
        except PowerOff:
            return None
        finally:
            scenario.close()

    async def _perform(self, operation: Any) -> Any:
        if isinstance(operation, Read):
            return await self._read(operation.address, operation.count)
        if isinstance(operation, Write):
            return await self._write(operation.address, operation.words)
        if isinstance(operation, Wait):
            return await self._wait(operation.mask, operation.cycles)
        raise TypeError(f"A scenario yields Read, Write or Wait, not {operation!r}")

    async def _read(self, address: int, count: int) -> list[int]:
        values: list[int] = []
        while len(values) < count:
            part = min(count - len(values), BUFFER_WORDS)
            command = _command(Kind.READ, part - 1, continued=bool(values))
            values += await self._access(command, address + 4 * len(values), (), part)
        return values

    async def _write(self, address: int, words: Sequence[int]) -> None:
        for start in range(0, len(words), BUFFER_WORDS):
            part = words[start : start + BUFFER_WORDS]
            command = _command(Kind.WRITE, len(part) - 1, continued=start > 0)
            await self._access(command, address + 4 * start, part, 0)

    async def _access(self, command: int, address: int, words: Sequence[int], wanted: int) -> list[int]:
        self.operations += 1
        status, values = await self.handshake(command, address, words, wanted)
        if status & _ERROR:
            raise BusError(address + 4 * (status >> _POSITION))
        return values

    async def _wait(self, mask: int, cycles: int | None) -> int:
        forever = cycles is None
        remaining = cycles or 0
        continued = False
        while True:
            part = min(remaining, _LONGEST_WAIT)
            remaining -= part
            self.operations += 1
            command = _command(Kind.WAIT, forever=forever, continued=continued)
            status, values = await self.handshake(command, mask, (part,), 1)
            if status & _POWERED_OFF:
                raise PowerOff
            if values[0] or not remaining:
                return values[0]
            continued = True
