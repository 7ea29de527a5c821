"""What the sequencer's instructions look like, and the assembler that makes them."""

from amaranth.lib import data, enum

from .arithmetic import MAX_REGISTERS, Modulo, Operation
from .schedule import schedule

__all__ = [
    "ADDRESS_BITS",
    "AREA_WORDS",
    "ASYNCHRONOUS",
    "PUBLIC_AREAS",
    "WORD_BITS",
    "Area",
    "ArithmeticWord",
    "Assembler",
    "Condition",
    "Control",
    "ControlWord",
    "Kind",
    "Other",
    "Request",
    "RequestWord",
    "Select",
]

ADDRESS_BITS = 10
AREA_WORDS = 8


class Kind(enum.Enum, shape=2):
    """Who an instruction is for."""

    ARITHMETIC = 0
    REQUEST = 1
    CONTROL = 2


class Select(enum.Enum, shape=1):
    """What decides a ``SELECT``: the sign of the digit (1 for positive), or the flag ``zero``."""

    SIGN = 0
    ZERO = 1


class ArithmeticWord(data.Struct):
    """An instruction of the arithmetic unit. A register that is ``indexed`` has the digit's index added."""

    kind: Kind
    operation: Operation
    modulus: Modulo
    target: range(MAX_REGISTERS)
    left: range(MAX_REGISTERS)
    right: range(MAX_REGISTERS)
    target_indexed: 1
    left_indexed: 1
    right_indexed: 1
    select: Select


class Area(enum.Enum, shape=4):
    """Places of eight words in the store. The application reaches those up to ``SHARED``, while idle.

    Numbers have their most significant word first; blinded scalars the least significant, and more words.
    """

    X = 0
    Y = 1
    DIGEST = 2
    R = 3
    S = 4
    SHARED = 5
    PUBLIC_SCALAR = 6
    VALUE = 8
    KEY = 9
    HASHED = 10
    RANDOM = 11
    HMAC_KEY = 12
    SCALAR = 14


PUBLIC_AREAS = (Area.X, Area.Y, Area.DIGEST, Area.R, Area.S, Area.SHARED)


class Request(enum.Enum, shape=5):
    """What the sequencer asks the units around the store for.

    ``PUT``, ``FETCH``: a number from an area into a register and back. ``CONSTANT``: constant ``argument``
    into a register. ``POINT``: the table's point of the digit into a register and the one behind it.
    ``RANDOM``: random words into an area; if ``argument`` is 1, an odd number below 2^255. ``FILL``:
    ``register`` areas with ``argument`` in each byte. ``BLIND``: the number of an area into a scalar,
    ``argument`` as in `Scalar`. ``DIGIT``: the digit at the position, ``argument`` as in `Digit`. ``KEY``:
    the slot's key, for the `KeyOperation` of ``argument``. ``RESULT``: the area into the target slot.
    ``TEMPLATE``: a digest from the template port. ``HMAC_KEY``: the area is the key. ``HMAC_SEED``,
    ``HMAC_VALUE``, ``HMAC_AGAIN``: into ``area``, the HMAC of value, tag ``argument``, key, digest and
    random words; of the value; of the value and a zero byte. ``HASH_WIPE``, ``WIPE``: forget in the hash
    unit, in the arithmetic unit.
    """

    PUT = 0
    FETCH = 1
    CONSTANT = 2
    POINT = 3
    RANDOM = 4
    FILL = 5
    BLIND = 6
    DIGIT = 7
    KEY = 8
    RESULT = 9
    TEMPLATE = 10
    HMAC_KEY = 12
    HMAC_SEED = 13
    HMAC_VALUE = 14
    HMAC_AGAIN = 15
    HASH_WIPE = 16
    WIPE = 17


ASYNCHRONOUS = (Request.BLIND, Request.DIGIT)
"""Requests that the program does not wait for; the next request does, and a use of the digit."""


class RequestWord(data.Struct):
    """A request; what the fields mean depends on it."""

    kind: Kind
    request: Request
    area: Area
    register: range(MAX_REGISTERS)
    argument: 4


class Control(enum.Enum, shape=3):
    """What a control instruction does.

    ``POSITION`` and ``INDEX`` load a register, ``STEP`` adds one to the index. ``REPEAT``: the next
    arithmetic instruction is done as many times more. ``MARK`` sets or clears the mark, ``STATUS`` the
    operation's status.
    """

    JUMP = 0
    CALL = 1
    RETURN = 2
    POSITION = 3
    INDEX = 4
    STEP = 5
    REPEAT = 6
    OTHER = 7


class Other(enum.Enum, shape=2):
    """Rare control instructions, in ``condition``; their value is in ``value``."""

    MARK = 0
    STATUS = 1
    END = 2


class Condition(enum.Enum, shape=4):
    """What a jump depends on. All are public, or true but once in 2^32 times or less.

    ``ZERO``, ``BORROW``: flags of the arithmetic unit. ``REFUSED``: the last request was refused. ``MORE``:
    the digit's position was not below 0. ``LAST_INDEX``: the index is that of a table's last entry.
    ``MARKED``: see ``MARK``. ``HEALTHY``: there is randomness. ``TEMPLATE``: the operation came over the
    template port. ``TEMPLATE_KEY``, ``UNCHECKED``, ``TO_BUS``: of the key's class; the last one for
    external keys only. ``TO_SLOT``: the application asked for it.
    """

    ALWAYS = 0
    ZERO = 1
    BORROW = 2
    REFUSED = 3
    MORE = 4
    LAST_INDEX = 5
    MARKED = 6
    HEALTHY = 7
    TEMPLATE = 8
    TEMPLATE_KEY = 9
    UNCHECKED = 10
    TO_BUS = 11
    TO_SLOT = 12


class ControlWord(data.Struct):
    """A control instruction; ``negate`` turns the condition of a jump round."""

    kind: Kind
    control: Control
    condition: Condition
    negate: 1
    value: ADDRESS_BITS


WORD_BITS = max(shape.as_shape().size for shape in (ArithmeticWord, RequestWord, ControlWord))
"""Width of the program memory."""


def _pack(shape, **fields):
    return shape.as_shape().const(fields).as_bits()


class Assembler:
    """Collects instructions and labels.

    Parameters
    ----------
    variant : str
        Of the arithmetic unit that formulas are ordered for.
    """

    def __init__(self, *, variant):
        self._variant = variant
        self._lines = []  # (struct, fields, label or None)
        self.labels = {}

    def label(self, name):
        """The next instruction's name."""
        if name in self.labels:
            raise ValueError(f"Label {name!r} must be used once")
        self.labels[name] = len(self._lines)

    def _add(self, shape, label=None, **fields):
        self._lines.append((shape, fields, label))

    def arithmetic(self, operation, target, left, right, modulus=Modulo.P, *, indexed="", select=Select.SIGN):
        """An instruction of the arithmetic unit; ``indexed`` has the letters t, l, r of indexed registers."""
        self._add(
            ArithmeticWord,
            kind=Kind.ARITHMETIC,
            operation=operation,
            modulus=modulus,
            target=target,
            left=left,
            right=right,
            target_indexed="t" in indexed,
            left_indexed="l" in indexed,
            right_indexed="r" in indexed,
            select=select,
        )

    def multiply(self, target, left, right, modulus=Modulo.P, **options):
        """Montgomery's product."""
        self.arithmetic(Operation.MULTIPLY, target, left, right, modulus, **options)

    def add(self, target, left, right, modulus=Modulo.P, **options):
        """A sum."""
        self.arithmetic(Operation.ADD, target, left, right, modulus, **options)

    def subtract(self, target, left, right, modulus=Modulo.P, **options):
        """A difference."""
        self.arithmetic(Operation.SUBTRACT, target, left, right, modulus, **options)

    def select(self, target, left, right, by, **options):
        """``left`` if the digit is positive or the last result zero, ``right`` if not."""
        self.arithmetic(Operation.SELECT, target, left, right, select=by, **options)

    def formula(self, results, targets, temporaries):
        """A formula's instructions, which leave its results in registers."""
        steps = schedule(
            dict(zip(targets, results, strict=True)), temporaries=temporaries, variant=self._variant
        )
        for step in steps:
            self.arithmetic(step.operation, step.target, step.left, step.right)

    def request(self, request, area=Area.X, register=0, argument=0):
        """A request."""
        self._add(
            RequestWord, kind=Kind.REQUEST, request=request, area=area, register=register, argument=argument
        )

    def control(self, control, value=0, condition=Condition.ALWAYS, *, label=None, negate=False):
        """A control instruction."""
        self._add(
            ControlWord,
            label,
            kind=Kind.CONTROL,
            control=control,
            condition=condition,
            negate=negate,
            value=value,
        )

    def jump(self, label, condition=Condition.ALWAYS):
        """Go on at a label, if the condition holds."""
        self.control(Control.JUMP, condition=condition, label=label)

    def jump_unless(self, label, condition):
        """Go on at a label, if the condition does not hold."""
        self.control(Control.JUMP, condition=condition, label=label, negate=True)

    def call(self, label):
        """Go on at a label, until it returns."""
        self.control(Control.CALL, label=label)

    def back(self):
        """Go back behind the call."""
        self.control(Control.RETURN)

    def other(self, other, value=0):
        """One of the rare ones."""
        self.control(Control.OTHER, value, Condition(other.value))

    def lines(self):
        """The instructions as (struct, fields)."""
        return [
            (shape, fields if label is None else fields | {"value": self.labels[label]})
            for shape, fields, label in self._lines
        ]

    def words(self):
        """The program as the memory holds it.

        Raises
        ------
        ValueError
            If it does not fit.
        """
        if len(self._lines) > 1 << ADDRESS_BITS:
            raise ValueError(
                f"The program must have {1 << ADDRESS_BITS} instructions or fewer, not {len(self._lines)}"
            )
        return [_pack(shape, **fields) for shape, fields in self.lines()]
