"""What tests of blocks share: a simulation in one call, registers by name, and a bus initiator."""

import pytest
from amaranth.sim import Simulator


class Registers:
    """The registers of a block by name, over its CSR bus."""

    def __init__(self, bus):
        self._bus = bus
        self._places = {
            "_".join(str(part) for part in name): (resource, start, end)
            for resource, name, (start, end) in bus.memory_map.resources()
        }

    def fields(self, name):
        """Position and width of each field of the register."""
        places, lsb = {}, 0
        for path, action in self._places[name][0]:
            places["_".join(path)] = lsb, len(action.port.r_data)
            lsb += len(action.port.r_data)
        return places

    async def read(self, ctx, name):
        """The register's value."""
        _, start, end = self._places[name]
        value = 0
        for address in range(start, end):
            ctx.set(self._bus.addr, address)
            ctx.set(self._bus.r_stb, 1)
            await ctx.tick()
            ctx.set(self._bus.r_stb, 0)
            value |= ctx.get(self._bus.r_data) << 32 * (address - start)
        return value

    async def read_fields(self, ctx, name):
        """The value of each field."""
        value = await self.read(ctx, name)
        return {key: value >> lsb & (1 << width) - 1 for key, (lsb, width) in self.fields(name).items()}

    async def write(self, ctx, name, value=None, **fields):
        """Set the register to ``value``, or to the given fields and zero elsewhere."""
        if value is None:
            places = self.fields(name)
            value = sum(bits << places[key][0] for key, bits in fields.items())
        _, start, end = self._places[name]
        for address in range(start, end):
            ctx.set(self._bus.addr, address)
            ctx.set(self._bus.w_data, value >> 32 * (address - start) & 0xFFFF_FFFF)
            ctx.set(self._bus.w_stb, 1)
            await ctx.tick()
        ctx.set(self._bus.w_stb, 0)
        await ctx.tick()


class Initiator:
    """A Wishbone initiator: one access at a time, each bounded in cycles."""

    def __init__(self, bus, *, limit=2000):
        self._bus = bus
        self._limit = limit

    async def access(self, ctx, word, data=None):
        """One read, or a write of ``data``: (``ack`` or ``err``, data read, cycles to the answer)."""
        bus = self._bus
        ctx.set(bus.adr, word)
        ctx.set(bus.we, data is not None)
        ctx.set(bus.dat_w, data or 0)
        ctx.set(bus.sel, 1)
        ctx.set(bus.cyc, 1)
        ctx.set(bus.stb, 1)
        for cycles in range(self._limit):
            *_, ack, err, value = await ctx.tick().sample(bus.ack, bus.err, bus.dat_r)
            if ack or err:
                assert not (ack and err), f"both ack and err at word {word:#x}"
                ctx.set(bus.cyc, 0)
                ctx.set(bus.stb, 0)
                return "ack" if ack else "err", value, cycles
        raise AssertionError(f"no answer at word {word:#x} in {self._limit} cycles")


def _simulate(design, *testbenches, background=(), processes=(), domains=("sync",)):
    simulator = Simulator(design)
    for index, domain in enumerate(domains):
        simulator.add_clock(1e-6 * (1 + index / 7), domain=domain)
    for testbench in testbenches:
        simulator.add_testbench(testbench)
    for testbench in background:
        simulator.add_testbench(testbench, background=True)
    for process in processes:
        simulator.add_process(process)
    simulator.run()


@pytest.fixture
def simulate():
    """Runs testbenches on a design, one clock cycle a microsecond."""
    return _simulate


@pytest.fixture
def registers():
    """`Registers`, to be called with a CSR bus."""
    return Registers


@pytest.fixture
def initiator():
    """`Initiator`, to be called with a Wishbone bus."""
    return Initiator
