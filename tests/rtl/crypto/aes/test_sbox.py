"""The S-box in its memory, and what its affine map alone is good for."""

from amaranth.sim import Simulator

from rtl.crypto.aes.sbox import LINEAR_ORDER, SBoxes, affine, sbox


def test_the_table(reference):
    dut = SBoxes()

    async def check(ctx):
        ctx.set(dut.en, 1)
        for byte in range(256):
            ctx.set(dut.bytes, byte | (byte ^ 0xFF) << 8)
            ctx.set(dut.linear, 0)
            await ctx.tick()
            expected = reference.sbox[byte] | reference.sbox[byte ^ 0xFF] << 8
            assert ctx.get(dut.results) == expected, f"byte {byte:#x}"
            ctx.set(dut.linear, 1)
            await ctx.tick()
            assert ctx.get(dut.results) == affine(byte) | affine(byte ^ 0xFF) << 8, f"byte {byte:#x}"

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(check)
    simulator.run()


def test_results_stay_until_others_are_taken():
    dut = SBoxes()

    async def check(ctx):
        for enabled, byte, expected in ((1, 0x53, 0xED), (0, 0x12, 0xED), (1, 0x12, 0xC9)):
            ctx.set(dut.en, enabled)
            ctx.set(dut.bytes, byte)
            await ctx.tick()
            assert ctx.get(dut.results) & 0xFF == expected

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(check)
    simulator.run()


def test_the_affine_map_undoes_itself_and_the_sbox(reference):
    def repeated(byte, times):
        for _ in range(times):
            byte = affine(byte)
        return byte

    for byte in range(256):
        assert repeated(byte, LINEAR_ORDER) == byte
        middle = sbox(repeated(byte, LINEAR_ORDER - 1))
        assert repeated(middle, LINEAR_ORDER - 1) == reference.inverse_sbox[byte]
