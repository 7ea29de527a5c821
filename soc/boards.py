"""The boards that the chip is built for, each with its configuration, clocks and pins."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from amaranth.build import Attrs, Pins, Platform, Resource, Subsignal
from amaranth.vendor import LatticeECP5Platform, SiliconBluePlatform

from .config import SocConfig, preset
from .errors import InputError

__all__ = ["BOARDS", "SENSORS", "Board", "Header", "board", "family_of"]

SENSORS = ("magnet", "cover_main", "cover_terminal", "brown_out")
"""What tells of magnets, open covers and a failing supply, from pins."""


@dataclass(frozen=True, kw_only=True)
class Header:
    """Where on a connector of the board the chip's own signals are.

    Parameters
    ----------
    connector : (str, int)
        Name and number of the connector in the platform.
    attributes, pull_up : dict
        Attributes of all pins, and of the inputs besides, so that an open line idles high.
    bit_clock, frame_sync : str
        Pins to the converters.
    data : tuple of str
        Pins from the converters, voltages first; the chip takes as many as it has lanes.
    uart_comms, uart_optical : (str, str)
        Pins ``rx`` and ``tx``.
    core : (str, str) or None
        Pins ``rx`` and ``tx`` of the core port, where the board has no UART of its own.
    extra : (str, int) or None
        Name and number of the connector of the pins that follow, if it is another one.
    modulator_clock, use_bits : str
        Pins to the modulators, whose bits come in on ``data``, and of the strap to ground that chooses them.
    pulses : tuple of str
        Pins of the pulse outputs; the first ones, if they are fewer.
    sensors : tuple of str
        Pins of `SENSORS`, active low: an open line tells nothing. Without them there are no sensors.
    """

    connector: tuple[str, int]
    attributes: dict[str, str]
    pull_up: dict[str, str | int]
    bit_clock: str
    frame_sync: str
    data: tuple[str, ...]
    uart_comms: tuple[str, str]
    uart_optical: tuple[str, str]
    core: tuple[str, str] | None = None
    extra: tuple[str, int] | None = None
    modulator_clock: str = ""
    use_bits: str = ""
    pulses: tuple[str, ...] = ()
    sensors: tuple[str, ...] = ()

    def resources(self, config: SocConfig) -> list[Resource]:
        """The signals as resources.

        ``adc_words``, ``uart_comms``, ``uart_optical``; and ``core``, ``modulators``, ``pulses`` and
        ``sensors``, where there are any.
        """
        serial = {"uart_comms": self.uart_comms, "uart_optical": self.uart_optical}
        if self.core is not None:
            serial["core"] = self.core
        words = Resource(
            "adc_words",
            0,
            self._pin("bit_clock", self.bit_clock, "o"),
            self._pin("frame_sync", self.frame_sync, "o"),
            self._pin("data", " ".join(self.data[: config.lanes]), "i"),
        )
        return [
            words,
            *self._extras(config),
            *(
                Resource(name, 0, self._pin("rx", rx, "i"), self._pin("tx", tx, "o"))
                for name, (rx, tx) in serial.items()
            ),
        ]

    def _extras(self, config: SocConfig) -> Iterator[Resource]:
        place = self.extra or self.connector
        if config.modulators:
            clock = self._pin("clock", self.modulator_clock, "o", place)
            yield Resource(
                "modulators", 0, clock, self._pin("use_bits", self.use_bits, "i", place, invert=True)
            )
        if pulses := self.pulses[: config.pulse_outputs]:
            yield Resource("pulses", 0, self._pin("outputs", " ".join(pulses), "o", place))
        if self.sensors:
            named = zip(SENSORS, self.sensors, strict=True)
            pins = (self._pin(name, pin, "i", place, invert=True) for name, pin in named)
            yield Resource("sensors", 0, *pins)

    def _pin(
        self,
        name: str,
        pins: str,
        direction: str,
        connector: tuple[str, int] | None = None,
        invert: bool = False,
    ) -> Subsignal:
        attributes = self.attributes | (self.pull_up if direction == "i" else {})
        place = Pins(pins, dir=direction, conn=connector or self.connector, invert=invert)
        return Subsignal(name, place, Attrs(**attributes))


@dataclass(frozen=True, kw_only=True)
class Board:
    """A board.

    Parameters
    ----------
    name : str
        Name in the command line.
    title : str
        The manufacturer's name of it.
    platform : str
        Platform class, as ``module:class``.
    config : SocConfig
        The chip that is built for it.
    header : Header
        Pins of the chip's own signals.
    core : (str, int)
        Resource of the UART that is the core port.
    heartbeat, lost : (str, int) or (str, int, str)
        Resources of two lights: samples are coming in, and a sample set was lost.
    core_baud : int
        Bits a second on the core port.
    """

    name: str
    title: str
    platform: str
    config: SocConfig
    header: Header
    core: tuple[str, int] = ("uart", 0)
    heartbeat: tuple[Any, ...] = ("led", 0)
    lost: tuple[Any, ...] = ("led", 1)
    core_baud: int = 1_000_000

    def make_platform(self) -> Platform:
        """A platform with the board's resources and the chip's.

        Raises
        ------
        InputError
            If the package with the platforms is missing.
        """
        module, _, name = self.platform.partition(":")
        try:
            platform = getattr(import_module(module), name)()
        except ModuleNotFoundError as error:
            raise InputError(
                f"The Python package {error.name} is missing: install it with `pip install amaranth-boards`."
            ) from None
        platform.add_resources(self.header.resources(self.config))
        return platform


def _ecp5(name: str, application_hz: int) -> SocConfig:
    """Preset ``name`` with 3200 clocks of 25 MHz a sample set: 7812.5 sample sets a second."""
    return preset(name).with_changes(
        application_hz=application_hz, metrology_hz=25_000_000, modulator_divider=8, cic_decimation=200
    )


_LVCMOS33 = {"IO_TYPE": "LVCMOS33"}
_PULL_UP: dict[str, str | int] = {"PULLMODE": "UP"}

_ULX3S_HEADER = Header(
    connector=("gpio", 0),
    attributes=_LVCMOS33,
    pull_up=_PULL_UP,
    bit_clock="0+",
    frame_sync="0-",
    data=("1+", "1-", "2+", "2-", "3+", "3-", "4+"),
    uart_comms=("5+", "5-"),
    uart_optical=("6+", "6-"),
    modulator_clock="7+",
    use_bits="7-",
    pulses=("8+", "8-", "9+", "9-"),
    sensors=("10+", "10-", "11+", "11-"),
)

_ALL = (
    Board(
        name="ulx3s-85f",
        title="Radiona ULX3S, ECP5-85F",
        platform="amaranth_boards.ulx3s:ULX3S_85F_Platform",
        config=_ecp5("polyphase", 50_000_000),
        header=_ULX3S_HEADER,
    ),
    Board(
        name="ulx3s-25f",
        title="Radiona ULX3S, ECP5-25F",
        platform="amaranth_boards.ulx3s:ULX3S_25F_Platform",
        config=_ecp5("single", 50_000_000),
        header=_ULX3S_HEADER,
    ),
    Board(
        name="ecp5-5g-evn",
        title="Lattice ECP5-5G Evaluation Board, ECP5-5G-85F",
        platform="amaranth_boards.ecp5_5g_evn:ECP55GEVNPlatform",
        config=_ecp5("polyphase", 50_000_000),
        header=Header(
            connector=("J", 40),
            attributes=_LVCMOS33,
            pull_up=_PULL_UP,
            bit_clock="4",
            frame_sync="5",
            data=("6", "7", "8", "9", "10", "11", "12"),
            uart_comms=("13", "14"),
            uart_optical=("15", "16"),
            modulator_clock="17",
            use_bits="18",
            pulses=("21", "23", "25", "27"),
            sensors=("28", "29", "31", "32"),
        ),
    ),
    Board(
        name="versa-ecp5",
        title="Lattice ECP5 Versa, ECP5UM-45F",
        platform="amaranth_boards.versa_ecp5:VersaECP5Platform",
        config=_ecp5("polyphase", 50_000_000),
        header=Header(
            connector=("expcon", 1),
            attributes=_LVCMOS33,
            pull_up=_PULL_UP,
            bit_clock="7",
            frame_sync="8",
            data=("9", "10", "11", "12", "13", "14", "15"),
            uart_comms=("16", "17"),
            uart_optical=("18", "19"),
            extra=("expcon", 2),
            modulator_clock="1",
            use_bits="13",
            pulses=("14", "15"),
            sensors=("16", "17", "18", "38"),
        ),
    ),
    Board(
        name="orangecrab-r0.2-25f",
        title="OrangeCrab r0.2, ECP5-25F",
        platform="amaranth_boards.orangecrab_r0_2:OrangeCrabR0_2_25FPlatform",
        config=_ecp5("single", 50_000_000),
        header=Header(
            connector=("io", 0),
            attributes=_LVCMOS33,
            pull_up=_PULL_UP,
            bit_clock="5",
            frame_sync="6",
            data=("9", "10", "11"),
            uart_comms=("12", "13"),
            uart_optical=("a0", "a1"),
            core=("0", "1"),
            modulator_clock="a2",
            use_bits="a3",
            pulses=("sck", "copi"),
            sensors=("cipo", "a4", "scl", "sda"),
        ),
        core=("core", 0),
        heartbeat=("rgb_led", 0, "g"),
        lost=("rgb_led", 0, "r"),
    ),
    Board(
        name="icebreaker",
        title="1BitSquared iCEBreaker, iCE40 UP5K",
        platform="amaranth_boards.icebreaker:ICEBreakerPlatform",
        # Its look-up tables are so slow that 64 clocks a sample of noise would not do.
        config=preset("tiny").with_changes(metrology_hz=12_000_000, modulator_divider=3, noise_divider=272),
        header=Header(
            connector=("pmod", 0),
            attributes={"IO_STANDARD": "SB_LVCMOS"},
            pull_up={"PULLUP": 1},
            bit_clock="1",
            frame_sync="2",
            data=("3", "4"),
            uart_comms=("7", "8"),
            uart_optical=("9", "10"),
            extra=("pmod", 1),
            pulses=("1", "2"),
            sensors=("7", "8", "9", "10"),
        ),
    ),
)

BOARDS = {board.name: board for board in _ALL}
"""The boards by name."""


def board(name: str) -> Board:
    """The board called ``name``; raises `InputError` with the known names if there is none."""
    try:
        return BOARDS[name]
    except KeyError:
        raise InputError(f"There is no board {name!r}; known are {', '.join(BOARDS)}.") from None


def family_of(platform: Platform) -> str:
    """Amaranth's name of the family of FPGAs; raises `InputError` if it is none of ours."""
    if isinstance(platform, LatticeECP5Platform):
        return "ecp5"
    if isinstance(platform, SiliconBluePlatform):
        return "ice40"
    raise InputError(f"{type(platform).__name__} must be a board with an ECP5 or an iCE40, which it is not.")
