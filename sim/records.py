"""What the chip shows, one record a window: the same from the engine's own words as from the firmware."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rtl.metering.harmonic_quantities import harmonic_quantities
from rtl.metering.microcode import Port
from rtl.metering.parameters import MeteringParameters
from rtl.metering.quantities import Quantity, quantities

__all__ = ["Record", "Records", "Shown", "shown"]

Record = Mapping[str, Any]

_HALF_BITS = 64
_LOW = (1 << _HALF_BITS) - 1


class Shown(Mapping[str, Any]):
    """A record whose values are made from the words that were sent when they are asked for."""

    def __init__(self, places: Mapping[str, tuple[int, int]], low: np.ndarray, high: np.ndarray) -> None:
        self._places, self._low, self._high = places, low, high

    def __getitem__(self, path: str) -> Any:
        first, count = self._places[path]
        values = [self._value(first + index) for index in range(count)]
        return values[0] if count == 1 else values

    def _value(self, address: int) -> int:
        return int(self._low[address]) & _LOW | int(self._high[address]) << _HALF_BITS

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


@dataclass
class Records:
    """Records of every window, and of every window of 10 or 12 cycles."""

    windows: list[Record] = field(default_factory=list)
    harmonics: list[Record] = field(default_factory=list)


def shown(sent: np.ndarray, parameters: MeteringParameters) -> Records:
    """Records of what a `CompiledModel` sent; the last ones only if they are complete."""
    records = Records(_of_port(sent, quantities(parameters), Port.QUANTITY, Port.QUANTITY_COMMIT))
    if parameters.harmonics:
        declared = harmonic_quantities(parameters)
        records.harmonics = _of_port(sent, declared, Port.HARMONIC, Port.HARMONIC_COMMIT)
    return records


def _of_port(sent: np.ndarray, declared: list[Quantity], port: Any, commit: Any) -> list[Record]:
    places, end = {}, 0
    for quantity in declared:
        places[".".join(quantity.path)] = end, quantity.register.count
        end += quantity.register.count
    commits = sent["port"] == commit.value
    number = np.cumsum(commits)
    complete = int(number[-1]) if len(number) else 0
    mine = (sent["port"] == port.value) & (number < complete)
    window, address = number[mine], sent["address"][mine]
    low, high = np.zeros((complete, end), np.uint64), np.zeros((complete, end), np.int64)
    low[window, address] = sent["low"][mine]
    high[window, address] = sent["high"][mine]
    return [Shown(places, low[index], high[index]) for index in range(complete)]
