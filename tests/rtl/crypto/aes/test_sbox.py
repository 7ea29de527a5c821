"""The S-box in its memory, and what its affine map alone is good for."""

from amaranth.sim import Simulator

from rtl.crypto.aes.sbox import LINEAR_ORDER, SBoxes, affine, sbox


def _sbox():
    """By the powers of 3 (FIPS 197, section 5.1.1)."""
    powers = [1]
    for _ in range(254):
        doubled = powers[-1] << 1
        powers.append(powers[-1] ^ doubled ^ 0x11B * (doubled >> 8))
    forward = [0x63] * 256
    for power, value in enumerate(powers):
        total = inverse = powers[-power % 255]
        for turn in range(1, 5):
            total ^= inverse << turn | inverse >> 8 - turn
        forward[value] = total & 0xFF ^ 0x63
    return forward


SBOX = _sbox()


def test_the_table():
    dut = SBoxes()

    async def check(ctx):
        ctx.set(dut.en, 1)
        for byte in range(256):
            ctx.set(dut.bytes, byte | (byte ^ 0xFF) << 8)
            ctx.set(dut.linear, 0)
            await ctx.tick()
            expected = SBOX[byte] | SBOX[byte ^ 0xFF] << 8
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


def test_the_affine_map_undoes_itself_and_the_sbox():
    def repeated(byte, times):
        for _ in range(times):
            byte = affine(byte)
        return byte

    for byte in range(256):
        assert repeated(byte, LINEAR_ORDER) == byte
        middle = sbox(repeated(byte, LINEAR_ORDER - 1))
        assert repeated(middle, LINEAR_ORDER - 1) == SBOX.index(byte)
