"""Raw bits of a board, over its serial core port."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import numpy as np
import numpy.typing as npt

from soc.boards import Board
from soc.errors import InputError
from soc.generated.registers import entropy
from sw.app.drivers.entropy import IDENTIFICATION, VERSION, Entropy, Refused
from sw.app.drivers.sysinfo import WrongBlock, check
from sw.app.ops import BusError
from sw.desk.bridge import Bridge, LineError

__all__ = ["board_source"]

_ANSWER_S = 1.0
_WORD_BITS = 32


@contextmanager
def board_source(port: str, made_for: Board) -> Iterator[Callable[[int], npt.NDArray[np.uint8]]]:
    """A function that gives the next so many raw bits, a multiple of 32 or the last ones.

    At the end the board tests its source. That this fails is a warning: it may be why bits are captured.

    Parameters
    ----------
    port : str
        Serial device that leads to the core port.
    made_for : Board
        The board: it says how fast its port and its clock are.

    Raises
    ------
    InputError
        If the device cannot be opened, the board does not answer, or it gives no raw bits.
    """
    # Imported here: nothing else needs it.
    import serial

    try:
        line = serial.Serial(port, made_for.core_baud, timeout=_ANSWER_S, write_timeout=_ANSWER_S)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{port}: cannot be opened ({reason}); give the serial device of a board.") from None
    try:
        bridge = Bridge(line, clock_hz=made_for.config.application_hz)
        driver = Entropy()
        bridge.run(check(entropy, IDENTIFICATION, VERSION))
        _open(bridge, driver, port)

        def source(count: int) -> npt.NDArray[np.uint8]:
            packed = bridge.run(driver.raw(-(-count // _WORD_BITS)))
            return np.unpackbits(np.frombuffer(packed, np.uint8))[:count]

        try:
            yield source
        except BaseException:
            with suppress(Refused):
                bridge.run(driver.close_raw())
            raise
        _close(bridge, driver, port)
    except Refused as error:
        raise InputError(f"{port}: the board stopped giving raw bits: {error}; capture again.") from None
    except (LineError, BusError, WrongBlock, OSError) as error:
        raise InputError(f"{port}: {error}; is {made_for.title} there, with its bitstream?") from None
    finally:
        line.close()


def _open(bridge: Bridge, driver: Entropy, port: str) -> None:
    try:
        bridge.run(driver.open_raw())
    except Refused as error:
        raise InputError(
            f"{port}: the board gives no raw bits: {error}; build it with --lifecycle manufacturing."
        ) from None


def _close(bridge: Bridge, driver: Entropy, port: str) -> None:
    """Let the board test its source, now that all bits are there."""
    try:
        bridge.run(driver.close_raw())
    except Refused as error:
        print(f"wattseal: {port}: all raw bits were captured, but after that {error}.", file=sys.stderr)
