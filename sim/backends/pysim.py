"""The back-end ``pysim``: Amaranth's own simulator, which needs no compiler."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from amaranth.sim import Simulator

from sim.harness import Harness

from .base import Backend, Progress, Result, Run
from .core import Core

__all__ = ["PysimBackend"]

_PROGRESS_S = 0.2


class _Core(Core):
    """The handshake as a testbench of Amaranth's simulator performs it."""

    def __init__(self, ctx: Any, harness: Harness) -> None:
        super().__init__()
        self._ctx = ctx
        self._harness = harness
        self._request = 0

    async def handshake(
        self, command: int, address: int, words: Sequence[int], wanted: int
    ) -> tuple[int, list[int]]:
        ctx, harness = self._ctx, self._harness
        ctx.set(harness.command.as_value(), command)
        ctx.set(harness.address, address)
        for index, word in enumerate(words):
            ctx.set(harness.words_w[index], word)
        self._request ^= 1
        ctx.set(harness.request, self._request)
        await ctx.changed(harness.status.as_value())
        return ctx.get(harness.status.as_value()), [
            ctx.get(harness.words_r[index]) for index in range(wanted)
        ]


class PysimBackend(Backend):
    """Runs the design in Python, without a step of compilation.

    Thousands of clocks a second: for debugging and small runs.
    """

    name = "pysim"
    features = frozenset({"samples", "console", "cycles"})

    def _run(self, run: Run, progress: Progress) -> Result:
        progress("Elaborating the chip", None)
        return _Simulation(run).run(progress)


class _Simulation:
    """One run: the harness, its testbenches, and what they gather."""

    def __init__(self, run: Run) -> None:
        self._given = run
        self._harness = Harness(run.config)
        self._simulator = Simulator(self._harness)
        self._simulator.add_clock(1 / run.config.application_hz)
        self._simulator.add_clock(1 / run.config.metrology_hz, domain="metrology")
        self._simulator.add_testbench(self._drive)
        self._simulator.add_testbench(self._collect_console, background=True)
        if run.samples is not None:
            self._simulator.add_testbench(self._feed_samples, background=True)
        if run.cycles_limit is not None:
            self._simulator.add_testbench(self._watch_limit, background=True)
        if run.console_input:
            self._simulator.add_testbench(self._feed_console, background=True)
        self._console = bytearray()
        self._sets = 0
        self._result: Result | None = None
        self._error: BaseException | None = None

    def run(self, progress: Progress) -> Result:
        self._started = reported = time.monotonic()
        while self._result is None and self._error is None:
            self._simulator.advance()
            now = time.monotonic()
            if now - reported >= _PROGRESS_S:
                reported = now
                progress("Simulating", self._fraction())
        if self._error is not None:
            raise self._error
        assert self._result is not None
        return self._result

    def _fraction(self) -> float | None:
        samples = self._given.samples
        return self._sets / len(samples) if samples is not None and len(samples) else None

    async def _drive(self, ctx: Any) -> None:
        run = self._given
        core = _Core(ctx, self._harness)
        ctx.set(self._harness.hold, run.hold)
        ctx.set(self._harness.samples_wait, run.samples_wait)
        ctx.set(self._harness.temperature, run.temperature)
        try:
            value = await core.run(run.scenario(*run.arguments))
        except Exception as error:
            self._error = error
        else:
            self._result = Result(
                value=value,
                application_cycles=ctx.get(self._harness.application_cycles),
                metrology_cycles=ctx.get(self._harness.metrology_cycles),
                operations=core.operations,
                sample_sets=ctx.get(self._harness.sets),
                console=bytes(self._console),
                wall_s=time.monotonic() - self._started,
            )

    async def _watch_limit(self, ctx: Any) -> None:
        run = self._given
        assert run.cycles_limit is not None
        await ctx.delay(run.cycles_limit / run.config.application_hz)
        self._error = run.exhausted

    async def _feed_samples(self, ctx: Any) -> None:
        harness = self._harness
        samples = self._given.samples
        assert samples is not None
        for row in np.asarray(samples).tolist():
            ctx.set(harness.samples.payload, row)
            ctx.set(harness.samples.valid, 1)
            await _taken(ctx, "metrology", harness.samples)
            self._sets += 1
        ctx.set(harness.samples.valid, 0)
        ctx.set(harness.samples_end, 1)

    async def _collect_console(self, ctx: Any) -> None:
        out = self._harness.console_out
        ctx.set(out.ready, 1)
        while True:
            *_, valid, payload = await ctx.tick().sample(out.valid, out.payload)
            if valid:
                self._console.append(payload)

    async def _feed_console(self, ctx: Any) -> None:
        stream = self._harness.console_in
        for byte in self._given.console_input:
            ctx.set(stream.payload, byte)
            ctx.set(stream.valid, 1)
            await _taken(ctx, "sync", stream)
        ctx.set(stream.valid, 0)


async def _taken(ctx: Any, domain: str, stream: Any) -> None:
    # Not .until(): its generator complains when a simulation is dropped while it waits.
    ready = 0
    while not ready:
        *_, ready = await ctx.tick(domain).sample(stream.ready)
