"""What runs inside the simulator's process: the one cocotb test, which drives a scenario.

The run's directory comes in the environment; in it lie the task and, in the end, what became of it.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import pickle
import struct
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cocotb
from cocotb.triggers import Timer, select

from .core import Core
from .task import DIRECTORY, OUTCOME, PROGRESS, TASK, Outcome, Task

__all__ = ["run_scenario"]

_REPORT_S = 0.15
_WORD = (1 << 32) - 1
_FIRST_LOOK_CLOCKS = 20_000


class _Core(Core):
    """The handshake over the wrapper's variables: one wake-up an operation."""

    def __init__(self, dut: Any) -> None:
        super().__init__()
        self._request = 0
        self._control = dut.control
        self._address = dut.address
        self._status = dut.status
        self._first_w = dut.first_w
        self._rest_w = dut.rest_w
        self._reply = dut.reply
        self._words_r = dut.words_r

    async def handshake(
        self, command: int, address: int, words: Sequence[int], wanted: int
    ) -> tuple[int, list[int]]:
        if words:
            self._first_w.value = words[0]
        if len(words) > 1:
            self._rest_w.value = _joined(words[1:])
        self._address.value = address
        self._request ^= 1
        self._control.value = command << 1 | self._request
        await self._status.value_change
        reply = int(self._reply.value)
        if wanted <= 1:
            return reply & _WORD, [reply >> 32][:wanted]
        return reply & _WORD, _split(int(self._words_r.value), wanted)


def _joined(words: Sequence[int]) -> int:
    return int.from_bytes(struct.pack(f"<{len(words)}I", *words), "little")


def _split(value: int, count: int) -> list[int]:
    return list(struct.unpack_from(f"<{count}I", value.to_bytes(64, "little")))


@cocotb.test()
async def run_scenario(dut: Any) -> None:
    """Drive the scenario of the run's directory to its end."""
    directory = Path(os.environ[DIRECTORY])
    task: Task = pickle.loads((directory / TASK).read_bytes())
    outcome = await _run(dut, task)
    (directory / OUTCOME).write_bytes(pickle.dumps(outcome))


async def _run(dut: Any, task: Task) -> Outcome:
    core = _Core(dut)
    started = time.monotonic()
    value = error = None
    trace = ""
    limited = False
    try:
        scenario = getattr(_module(task), task.name)(*pickle.loads(task.arguments))
        dut.hold.value = task.hold
        started = time.monotonic()
        ended, result = await select(core.run(scenario), _watch(dut, task))
        limited = ended == 1
        value = pickle.dumps(result)
    except Exception as exception:
        trace = traceback.format_exc()
        error = _pickled(exception)
    return Outcome(
        value=value,
        error=error,
        trace=trace,
        limited=limited,
        application_cycles=int(dut.application_cycles.value),
        metrology_cycles=int(dut.metrology_cycles.value),
        operations=core.operations,
        sample_sets=int(dut.sets.value),
        wall_s=time.monotonic() - started,
    )


def _module(task: Task) -> Any:
    """The scenario's module, by its name or, where that cannot be imported, by its file."""
    if importlib.util.find_spec(task.module.partition(".")[0]) or task.file is None:
        return importlib.import_module(task.module)
    spec = importlib.util.spec_from_file_location(task.module, task.file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[task.module] = module
    spec.loader.exec_module(module)
    return module


def _pickled(exception: Exception) -> bytes | None:
    try:
        pickled = pickle.dumps(exception)
        pickle.loads(pickled)
    except Exception:
        return None
    return pickled


async def _watch(dut: Any, task: Task) -> None:
    """Report progress every `_REPORT_S` seconds of wall time; ends when the limit of cycles is reached."""
    clocks = _FIRST_LOOK_CLOCKS
    with os.fdopen(int(os.environ[PROGRESS]), "w", buffering=1) as reports:
        while True:
            before = time.monotonic()
            cycles = int(dut.application_cycles.value)
            if task.cycles_limit is not None:
                if cycles >= task.cycles_limit:
                    return
                clocks = min(clocks, task.cycles_limit - cycles)
            await Timer(clocks * task.clock_fs, unit="fs")
            elapsed = time.monotonic() - before
            clocks = max(1000, min(round(clocks * _REPORT_S / max(elapsed, 1e-3)), 4 * clocks))
            reports.write(f"{int(dut.sets.value) / task.sets if task.sets else -1:.4f}\n")
