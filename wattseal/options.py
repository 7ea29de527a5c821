"""Options that several commands share."""

import argparse
from collections.abc import Callable
from pathlib import Path

from sim.backends import BACKENDS
from sim.meter import TEMPERATURES_C, Analogue, Engine
from sim.recordings import part, read_recording
from sim.recordings.clipping import clipped
from soc.config import PRESETS, SocConfig, preset
from soc.errors import InputError
from soc.formats.calibration import decode

__all__ = [
    "DEFAULT_BACKEND",
    "add_backend",
    "add_calibration",
    "add_recording",
    "add_scale",
    "between",
    "calibrated",
    "chip",
    "recorded",
    "whole",
]


DEFAULT_BACKEND, *_ = BACKENDS


def between(least: float, most: float) -> Callable[[str], float]:
    """A number from ``least`` to ``most``, for ``type=``."""

    def number(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"must be a number from {least:g} to {most:g}, not {text!r}")
        return value

    return number


def whole(least: int, most: int) -> Callable[[str], int]:
    """A whole number from ``least`` to ``most``, for ``type=``."""

    def number(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"must be a whole number from {least} to {most}, not {text!r}")
        return value

    return number


def add_backend(parser: argparse.ArgumentParser) -> None:
    """Add ``--backend`` and ``--preset``."""
    parser.add_argument(
        "--backend",
        metavar="B",
        help=f"what runs the RTL: {', '.join(BACKENDS)} (default {DEFAULT_BACKEND})",
    )
    parser.add_argument(
        "--preset",
        metavar="P",
        help=f"which chip: {', '.join(PRESETS)} (default single for one phase, polyphase for more)",
    )


def add_scale(parser: argparse.ArgumentParser) -> None:
    """Add ``--v-max``, ``--i-max`` and ``--declared``."""
    for option, what in (("--v-max", "volts"), ("--i-max", "amperes")):
        parser.add_argument(
            option,
            type=between(1e-3, 1e7),
            metavar="PEAK",
            help=f"full scale in peak {what} (default the smallest standard range that holds the signal)",
        )

    parser.add_argument(
        "--declared",
        type=between(1e-3, 1e7),
        metavar="V",
        help="declared supply voltage, which dips and swells are judged by (default 0.46 of full scale)",
    )


def add_calibration(parser: argparse.ArgumentParser) -> None:
    """Add ``--calibration`` and ``--temperature``."""
    parser.add_argument(
        "--calibration",
        type=Path,
        metavar="FILE",
        help="calibration file of wattseal calibrate; it sets chip and full scales, too",
    )
    parser.add_argument(
        "--temperature",
        type=between(*TEMPERATURES_C),
        metavar="C",
        help="what the chip's temperature sensor shows, in °C (default what the calibration refers to)",
    )


def calibrated(arguments: argparse.Namespace, engine: Engine) -> None:
    """Give the engine the words of ``--calibration``, and the options what the file says of the chip."""
    path = arguments.calibration
    if arguments.temperature is not None:
        engine.temperature_c = arguments.temperature
    if path is None:
        return
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise InputError(f"{path}: cannot be read ({reason}); give a calibration file.") from None
    if arguments.declared is not None:
        raise InputError(f"{path}: --declared does not go with it, as it holds the thresholds; leave it out.")
    calibration = decode(text, str(path))
    for name in ("preset", "v_max", "i_max"):
        given, value = getattr(arguments, name), getattr(calibration, name)
        if given is not None and given != value:
            option = f"--{name.replace('_', '-')}"
            raise InputError(f"{path}: is for {option} {value}, not {given}; leave the option out.")
        setattr(arguments, name, value)
    engine.settings = calibration.words
    if arguments.temperature is None:
        engine.temperature_c = calibration.reference_c


def add_recording(parser: argparse.ArgumentParser) -> None:
    """Add what chooses channels and a part of a recording."""
    parser.add_argument("--voltage", metavar="NAMES", help="voltage channels, comma-separated, one a phase")
    parser.add_argument("--current", metavar="NAMES", help="current channels, in the same order")
    parser.add_argument(
        "--segment", type=int, metavar="N", help="part of a COMTRADE file whose rate changes, from 1"
    )
    parser.add_argument(
        "--side",
        choices=("as-written", "primary", "secondary"),
        help="side of the transformers that COMTRADE values are of (default as-written)",
    )
    parser.add_argument("--start", type=float, metavar="S", help="seconds of the recording to leave out")
    parser.add_argument(
        "--seconds",
        type=between(0.01, 3600),
        metavar="S",
        help="seconds to measure; more than there are repeats the recording",
    )


def recorded(path: Path, arguments: argparse.Namespace) -> tuple[Analogue, tuple[str, ...], SocConfig]:
    """The chosen part of the recording at ``path``, notes on the choice, and the chip that measures it."""
    recording = read_recording(
        path,
        voltage=_names(arguments.voltage),
        current=_names(arguments.current),
        segment=arguments.segment,
        v_max=arguments.v_max,
        i_max=arguments.i_max,
        scale=arguments.side or "as-written",
    )
    config = chip(arguments.preset, recording.phases)
    chosen = part(recording, arguments.start, arguments.seconds)
    analogue = Analogue(
        source=str(path),
        lanes=chosen.lanes(float(config.sample_rate_hz)),
        start_s=chosen.start_s,
        seconds=chosen.seconds,
        whole=chosen.whole,
        flaws=clipped(recording),
    )
    notes = recording.notes
    if chosen.repeated:
        notes += (f"The recording is repeated {chosen.repetitions} times.",)
    return analogue, notes, config


def chip(name: str | None, phases: int) -> SocConfig:
    """The preset called ``name``, or the smallest usual one for so many phases."""
    if name is None:
        name = "single" if phases == 1 else "polyphase"
    return preset(name)


def _names(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(name.strip() for name in text.split(","))
