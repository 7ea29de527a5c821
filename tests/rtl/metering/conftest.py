"""What tests of the metering blocks share: the compute engine in simulation."""

import pytest
from amaranth.sim import Simulator

from rtl.metering.compiler import compile_program
from rtl.metering.engine import ComputeEngine
from rtl.metering.microcode import JUMPS, Operation
from rtl.metering.parameters import WIDE_BITS
from rtl.metering.quantities import quantities


def _run_engine(made_for, samples, program=None):
    """Windows that the engine gives for ``samples``, and the clocks that each sample set took."""
    dut = ComputeEngine(
        program=program or compile_program(made_for), lanes=made_for.lanes, history=made_for.history
    )
    paths = [".".join(quantity.path) for quantity in quantities(made_for.phases)]
    windows, clocks = [], []

    async def bench(ctx):
        record = {}
        for lanes in (samples.astype("int64") << made_for.alignment).tolist():
            ctx.set(dut.lanes, lanes)
            ctx.set(dut.start, 1)
            await ctx.tick()
            ctx.set(dut.start, 0)
            clocks.append(1)
            while not ctx.get(dut.idle):
                if ctx.get(dut.quantity_stb):
                    record[paths[ctx.get(dut.quantity_adr)]] = ctx.get(dut.quantity)
                if ctx.get(dut.commit_stb):
                    windows.append(dict(record))
                clocks[-1] += 1
                await ctx.tick()

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return windows, clocks


@pytest.fixture
def run_engine():
    """Runs the engine on sample sets: ``run_engine(made_for, samples, program)``."""
    return _run_engine


def _longest_run(program):
    """Clocks that a sample set takes at most with one turn of the program's loop, and those of a turn.

    Every instruction once, every jump taken, every division and root with all their bits.
    """

    def clocks(instruction):
        if instruction.operation is Operation.DIVIDE:
            return 1 + WIDE_BITS + instruction.y + 1
        if instruction.operation is Operation.ROOT:
            return 1 + WIDE_BITS // 2 + 1
        return 3 if instruction.operation in JUMPS else 1

    code = program.instructions
    ((top, bottom),) = [
        (instruction.target, address)
        for address, instruction in enumerate(code)
        if instruction.operation in JUMPS and instruction.target < address
    ]
    return sum(map(clocks, code)) + 3, sum(map(clocks, code[top : bottom + 1]))


@pytest.fixture
def longest_run():
    """Bound on the clocks of a sample set and of a turn of its loop: ``longest_run(program)``."""
    return _longest_run
