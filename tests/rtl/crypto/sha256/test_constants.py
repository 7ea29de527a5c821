"""The constants against the tables of FIPS 180-4."""

from rtl.crypto.sha256.constants import INITIAL_STATE, ROUND_CONSTANTS


def test_round_constants():
    assert len(ROUND_CONSTANTS) == 64
    assert ROUND_CONSTANTS[:4] == (0x428A2F98, 0x71374491, 0xB5C0FBCF, 0xE9B5DBA5)
    assert ROUND_CONSTANTS[-2:] == (0xBEF9A3F7, 0xC67178F2)


def test_initial_state():
    assert len(INITIAL_STATE) == 8
    assert INITIAL_STATE[:2] == (0x6A09E667, 0xBB67AE85)
    assert INITIAL_STATE[-2:] == (0x1F83D9AB, 0x5BE0CD19)
