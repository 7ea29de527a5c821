"""The microprogram: operations of the curve as instructions of the sequencer."""

from functools import cache

from ...bus import KeyOperation
from . import formulas
from .arithmetic import Modulo
from .curve import COLUMNS, P256, WINDOW
from .declarations import Constant, Operate, Status
from .microcode import Area, Assembler, Condition, Control, Other, Request, Select
from .power import power
from .scalar import Blind, Digit
from .schedule import Value

__all__ = ["Register", "program"]


class Register:
    """What is where in the arithmetic unit."""

    TABLE = (0, 16, 32)
    B, ZERO = 48, 49
    ACC = (50, 51, 52)
    POINT = (53, 54, 55)
    T = tuple(range(56, 64))
    # While there is no table: what a signature is made of, and the powers of an inversion.
    D, E, LAMBDA, INVERSE, R, S, BLINDED = range(7)
    POWERS = tuple(range(32, 44))


_T = Register.T
_POSITION = {"comb": COLUMNS - 1, "secret": P256.scalar_bits - WINDOW, "public": P256.bits - 1}


def _values(registers):
    return tuple(Value(register=register) for register in registers)


@cache
def program(*, variant):
    """The microprogram, assembled, with formulas ordered for a variant of the arithmetic unit."""
    asm = _Program(variant=variant)
    asm.write()
    return asm


class _Program(Assembler):
    """Writes the program, part by part."""

    def write(self):
        for operation in Operate:
            self.jump(operation.name)
        self._points()
        self._table()
        self._ladder()
        self._inversions()
        self._generate()
        self._public()
        self._sign()
        self._check()
        self._verify()
        self._agree()
        self._ends()

    def _formula(self, results, targets, *, temporaries=_T):
        self.formula(results, targets, temporaries)

    def _copy(self, target, source, **options):
        self.add(target, source, Register.ZERO, **options)

    def _constant(self, register, constant):
        self.request(Request.CONSTANT, register=register, argument=constant.value)

    def _put(self, area, register):
        self.request(Request.PUT, area, register)

    def _check_range(self, register, modulo, failure):
        """A number not below the modulus is a failure; the flag ``zero`` tells if it is 0."""
        self._constant(_T[7], Constant[modulo.name])
        self.subtract(_T[6], register, _T[7], modulo)
        self.jump_unless(failure, Condition.BORROW)
        self._copy(_T[6], register, modulus=modulo)

    def _begin(self, operation, *, secret=False, clear=None):
        """Begin an operation: clear areas of old results, take a digest of the template port."""
        self.label(operation.name)
        if operation == Operate.SIGN:
            self.jump_unless("sign", Condition.TEMPLATE)
            self.request(Request.TEMPLATE, Area.DIGEST)
            self.label("sign")
        if clear:
            self.request(Request.FILL, clear[0], register=len(clear))
        if secret:
            self.jump_unless("no randomness", Condition.HEALTHY)
        self._constant(Register.B, Constant.B)
        self.subtract(Register.ZERO, Register.B, Register.B)

    def _random(self, *, odd=False):
        self.request(Request.RANDOM, Area.RANDOM, argument=odd)
        self.jump("no randomness", Condition.REFUSED)

    def _blind(self, area, *known):
        """The number of an area becomes a blinded scalar, while the program goes on.

        Registers in which it is ``known``, and those of the adder, forget it before. Random words come over
        it, because how many bits a constant changes would tell of the number.
        """
        self._random()
        for register in known:
            self._put(Area.RANDOM, register)
        self._copy(known[-1], known[-1])
        self.request(Request.BLIND, area, argument=Blind.SECRET.value)

    def _put_key(self, register, failure="key range"):
        """Key into a register, if it is in range."""
        self._put(Area.KEY, register)
        self._check_range(register, Modulo.N, failure)
        self.jump(failure, Condition.ZERO)

    def _points(self):
        """``comb``: the scalar's multiple of the base point. ``add``, ``add affine``: to the accumulator."""
        acc, point, b = Register.ACC, Register.POINT, Register.B
        self.label("comb")
        self._random(odd=True)  # (0 : λ : 0) is infinity, and makes every coordinate after it a random one
        self._put(Area.RANDOM, acc[1])
        self._copy(acc[0], Register.ZERO)
        self._copy(acc[2], Register.ZERO)
        self.control(Control.POSITION, _POSITION["comb"])
        self.request(Request.DIGIT, argument=Digit.COMB.value)
        self.label("comb row")
        self._formula(formulas.double(_values(acc), Value(register=b)), acc, temporaries=(*point, *_T))
        for _ in range(4):
            self.call("comb column")
        self.jump("comb row", Condition.MORE)
        self.back()
        self.label("comb column")
        self._signed_point()
        self.request(Request.DIGIT, argument=Digit.COMB.value)
        self.label("add affine")
        results = formulas.add_affine(_values(acc), _values(point[:2]), Value(register=b))
        self._formula(results, acc, temporaries=(*point, *_T))
        self.back()
        self.label("add")
        self._formula(formulas.add(_values(acc), _values(point), Value(register=b)), acc)
        self.back()

    def _signed_point(self):
        """The table memory's point of the digit, with the digit's sign."""
        y = Register.POINT[1]
        self.request(Request.POINT, register=Register.POINT[0])
        self.subtract(_T[0], Register.ZERO, y)
        self.select(y, y, _T[0], Select.SIGN)

    def _table(self):
        """``table``: odd multiples of the point."""
        acc, point = Register.ACC, Register.POINT
        self.label("table")
        for target, source in zip(acc, point, strict=True):
            self._copy(target, source)
        self._formula(formulas.double(_values(point), Value(register=Register.B)), point)
        self.control(Control.INDEX, 0)
        self.label("table entry")
        for table, source in zip(Register.TABLE, acc, strict=True):
            self._copy(table, source, indexed="t")
        self.jump("table end", Condition.LAST_INDEX)
        self.call("add")
        self.control(Control.STEP)
        self.jump("table entry")
        self.label("table end")
        self.back()

    def _ladder(self):
        """``ladder``: the table's point times the scalar; if marked, plus the base point times the other."""
        acc, point = Register.ACC, Register.POINT
        x, y, z = Register.TABLE
        self.label("ladder")
        self._copy(acc[0], Register.ZERO)
        self._copy(acc[1], Register.B)
        self._copy(acc[2], Register.ZERO)
        self.jump("ladder digit")
        self.label("ladder window")
        temporaries = (*point, *_T)
        self._formula(formulas.double_to_jacobian(_values(acc)), acc, temporaries=temporaries)
        for _ in range(WINDOW - 1):
            self.call("double")
        self._copy(_T[0], acc[2])
        self._formula(formulas.from_jacobian(_values(acc)), acc, temporaries=temporaries)
        self.select(acc[1], Register.B, acc[1], Select.ZERO)  # infinity is (0 : b : 0), and not (0 : 0 : 0)
        self.label("ladder digit")
        self.subtract(_T[0], Register.ZERO, y, indexed="r")
        self.select(point[1], y, _T[0], Select.SIGN, indexed="l")
        self._copy(point[0], x, indexed="l")
        self._copy(point[2], z, indexed="l")
        self.request(Request.DIGIT, argument=Digit.BASE.value)
        self.call("add")
        self.jump_unless("ladder next", Condition.MARKED)
        self._signed_point()
        self.request(Request.DIGIT, argument=Digit.POINT.value)
        self.call("add affine")
        self.label("ladder next")
        self.jump("ladder window", Condition.MORE)
        self.back()
        self.label("double")
        self._formula(formulas.double_jacobian(_values(acc)), acc, temporaries=temporaries)
        self.back()

    def _inversions(self):
        """``invert p``, ``invert n``: the last of the powers becomes the inverse of the first.

        ``affine x``: x of the accumulator into the first temporary; the inverse of its Z stays.
        """
        for name, modulo, modulus in (("p", Modulo.P, P256.p), ("n", Modulo.N, P256.n)):
            self.label(f"invert {name}")
            power(self, modulus - 2, modulo, Register.POWERS)
            self.back()
        first, last = Register.POWERS[0], Register.POWERS[-1]
        self.label("affine x")
        self._constant(_T[1], Constant.ONE)
        self._copy(first, Register.ACC[2])
        self.jump("infinity", Condition.ZERO)
        self.call("invert p")
        self.multiply(_T[0], Register.ACC[0], last)
        self.multiply(_T[0], _T[0], _T[1])
        self.back()
        self.label("public key")  # of the accumulator, into the areas
        self.call("affine x")
        self.multiply(_T[2], Register.ACC[1], last)
        self.multiply(_T[2], _T[2], _T[1])
        self.request(Request.FETCH, Area.X, _T[0])
        self.request(Request.FETCH, Area.Y, _T[2])
        self.back()

    def _generate(self):
        self._begin(Operate.GENERATE, secret=True, clear=(Area.X, Area.Y))
        self.label("another key")
        self.request(Request.RANDOM, Area.KEY)
        self.jump("no randomness", Condition.REFUSED)
        self._put_key(_T[0], failure="another key")
        self._blind(Area.KEY, _T[0], _T[6])
        self.call("comb")
        self.call("public key")
        self.request(Request.RESULT, Area.KEY)
        self.jump_unless("success", Condition.REFUSED)
        self.request(Request.FILL, Area.X, register=2)
        self.jump("target refused")

    def _public(self):
        self._begin(Operate.PUBLIC, secret=True, clear=(Area.X, Area.Y))
        self.request(Request.KEY, Area.KEY, argument=KeyOperation.SIGN.value)
        self.jump_unless("public", Condition.REFUSED)
        self.request(Request.KEY, Area.KEY, argument=KeyOperation.AGREE.value)
        self.jump("key refused", Condition.REFUSED)
        self.label("public")
        self._put_key(_T[0])
        self._blind(Area.KEY, _T[0], _T[6])
        self.call("comb")
        self.call("public key")
        self.jump("success")

    def _sign(self):
        reg = Register
        self._begin(Operate.SIGN, secret=True, clear=(Area.R, Area.S))
        self.request(Request.KEY, Area.KEY, argument=KeyOperation.SIGN.value)
        self.jump("key refused", Condition.REFUSED)
        self.jump("sign template", Condition.TEMPLATE)
        self.jump("template only", Condition.TEMPLATE_KEY)  # SEC_CM: SIGN.TEMPLATE
        self.jump("sign digest")
        self.label("sign template")
        self.jump_unless("template only", Condition.TEMPLATE_KEY)
        self.label("sign digest")
        self._put_key(reg.D)
        self._put(Area.DIGEST, reg.E)
        self._copy(reg.E, reg.E, modulus=Modulo.N)
        self.request(Request.FETCH, Area.HASHED, reg.E)
        self._nonce()
        self._random(odd=True)
        self._put(Area.RANDOM, reg.LAMBDA)
        self._constant(reg.S, Constant.RADIX_N)
        self._blind(Area.VALUE, _T[6])
        # The key's one product is with a random number, and not with the constant.
        self.multiply(reg.BLINDED, reg.LAMBDA, reg.S, Modulo.N)
        self.multiply(reg.BLINDED, reg.BLINDED, reg.D, Modulo.N)
        self._copy(reg.D, reg.LAMBDA)
        self.multiply(reg.POWERS[0], reg.INVERSE, reg.S, Modulo.N)
        self.multiply(reg.POWERS[0], reg.POWERS[0], reg.LAMBDA, Modulo.N)
        self.call("invert n")
        self._copy(reg.INVERSE, reg.POWERS[-1], modulus=Modulo.N)
        self.call("comb")
        self.call("affine x")
        self._copy(reg.R, _T[0], modulus=Modulo.N)
        self.jump("another nonce", Condition.ZERO)
        # s = (λ·d·r + λ·e) / (λ·k)
        self.multiply(_T[0], reg.R, reg.BLINDED, Modulo.N)
        self.multiply(_T[1], reg.E, reg.LAMBDA, Modulo.N)
        self.add(_T[0], _T[0], _T[1], Modulo.N)
        self.multiply(reg.S, _T[0], reg.INVERSE, Modulo.N)
        self._copy(reg.S, reg.S, modulus=Modulo.N)
        self.jump("another nonce", Condition.ZERO)
        self.request(Request.FETCH, Area.R, reg.R)
        self.request(Request.FETCH, Area.S, reg.S)
        self.jump("success", Condition.UNCHECKED)

    def _hash(self, request, area, argument=0):
        self.request(request, area, argument=argument)
        self.jump("nonce failed", Condition.REFUSED)

    def _nonce(self):
        """The nonce into the register of the inverse: RFC 6979, section 3.2, with random words as in 3.6."""
        self._random()
        self.request(Request.FILL, Area.VALUE, register=1, argument=1)
        self.request(Request.FILL, Area.HMAC_KEY, register=1)
        self._hash(Request.HMAC_KEY, Area.HMAC_KEY)
        self._hash(Request.HMAC_SEED, Area.HMAC_KEY, argument=0)
        self._hash(Request.HMAC_KEY, Area.HMAC_KEY)
        self._hash(Request.HMAC_VALUE, Area.VALUE)
        self._hash(Request.HMAC_SEED, Area.HMAC_KEY, argument=1)
        self.jump("nonce")
        self.label("another nonce")
        self._hash(Request.HMAC_AGAIN, Area.HMAC_KEY)
        self.label("nonce")
        self._hash(Request.HMAC_KEY, Area.HMAC_KEY)
        self._hash(Request.HMAC_VALUE, Area.VALUE)
        self._hash(Request.HMAC_VALUE, Area.VALUE)
        self._put(Area.VALUE, Register.INVERSE)
        self._check_range(Register.INVERSE, Modulo.N, "another nonce")
        self.jump("another nonce", Condition.ZERO)

    def _check(self):
        """The signature made is verified, with a public key from the slot's key, asked for anew."""
        self.request(Request.KEY, Area.KEY, argument=KeyOperation.SIGN.value)
        self.jump("check failed", Condition.REFUSED)
        self._put_key(_T[0], failure="check failed")
        self._blind(Area.KEY, _T[0], _T[6])
        self.call("comb")
        for target, source in zip(Register.POINT, Register.ACC, strict=True):
            self._copy(target, source)
        self.call("verify")
        self.jump("success", Condition.MARKED)
        self.label("check failed")
        self.request(Request.FILL, Area.R, register=2)
        self._fail(Status.CHECK_FAILED)

    def _verify(self):
        self._begin(Operate.VERIFY)
        for area, name in ((Area.R, "r"), (Area.S, "s")):
            self._put(area, _T[0])
            self._check_range(_T[0], Modulo.N, f"{name} range")
            self.jump(f"{name} zero", Condition.ZERO)
        self.call("load point")
        self._constant(Register.POINT[2], Constant.RADIX_P)
        self._constant(_T[0], Constant.ONE)
        self.multiply(Register.POINT[2], Register.POINT[2], _T[0])
        self.call("verify")
        self.jump("success", Condition.MARKED)
        self._fail(Status.SIGNATURE_WRONG)
        self._verify_scalars()
        self._compare()

    def _verify_scalars(self):
        """``verify``: marks if the signature is right; the public key is in the registers of the point."""
        self.label("verify")
        first, last = Register.POWERS[0], Register.POWERS[-1]
        r, e = Register.R, Register.E
        self._put(Area.R, r)
        self._put(Area.S, first)
        self._put(Area.DIGEST, e)
        self._constant(_T[0], Constant.RADIX_N)
        self._copy(e, e, modulus=Modulo.N)
        self.multiply(first, first, _T[0], Modulo.N)
        self.call("invert n")
        self.multiply(e, e, last, Modulo.N)
        self.multiply(r, r, last, Modulo.N)
        self.request(Request.FETCH, Area.VALUE, e)
        self.request(Request.BLIND, Area.VALUE, argument=Blind.PUBLIC_BASE.value)
        self.request(Request.FETCH, Area.VALUE, r)
        self.request(Request.BLIND, Area.VALUE, argument=Blind.PUBLIC_POINT.value)
        self.call("table")
        self.other(Other.MARK, 1)
        self.control(Control.POSITION, _POSITION["public"])
        self.request(Request.DIGIT, argument=Digit.POINT.value)
        self.call("ladder")

    def _compare(self):
        """X = r·Z, or X = (r + n)·Z if r + n < p."""
        x, _, z = Register.ACC
        r, product = _T[0], _T[1]
        self._put(Area.R, r)
        self._constant(_T[2], Constant.RADIX_P)
        self._constant(_T[3], Constant.GAP)
        self._constant(_T[4], Constant.ORDER)
        self._copy(_T[5], z)
        self.jump("wrong", Condition.ZERO)
        self.multiply(_T[2], r, _T[2])
        self.multiply(product, _T[2], z)
        self.subtract(product, product, x)
        self.jump("right", Condition.ZERO)
        self.subtract(product, r, _T[3])
        self.jump_unless("wrong", Condition.BORROW)
        self.add(_T[2], _T[2], _T[4])
        self.multiply(product, _T[2], z)
        self.subtract(product, product, x)
        self.jump("right", Condition.ZERO)
        self.label("wrong")
        self.other(Other.MARK, 0)
        self.label("right")
        self.back()

    def _load_point(self):
        """``load point``: the public key's coordinates, if it is a point, in Montgomery's form."""
        x, y, _ = Register.POINT
        self.label("load point")
        self._put(Area.X, x)
        self._put(Area.Y, y)
        self._check_range(y, Modulo.P, "point range")
        self._check_range(x, Modulo.P, "point range")
        self.jump_unless("not infinity", Condition.ZERO)
        self._copy(_T[6], y)
        self.jump("infinity", Condition.ZERO)
        self.label("not infinity")
        self._constant(_T[0], Constant.RADIX_P)
        self.multiply(x, x, _T[0])
        self.multiply(y, y, _T[0])
        b = Value(register=Register.B)
        self._formula((formulas.curve_difference(*_values((x, y)), b),), (_T[0],))
        self.jump_unless("off curve", Condition.ZERO)
        self.back()

    def _agree(self):
        x, y, z = Register.POINT
        self._begin(Operate.VALIDATE)
        self.call("load point")
        self.jump("success")
        self._load_point()
        self._begin(Operate.AGREE, secret=True, clear=(Area.SHARED,))
        self.call("load point")
        self.request(Request.KEY, Area.KEY, argument=KeyOperation.AGREE.value)
        self.jump("key refused", Condition.REFUSED)
        self.jump("agree", Condition.TO_SLOT)
        self.jump_unless("slot only", Condition.TO_BUS)
        self.label("agree")
        self._put_key(_T[0])
        self._random(odd=True)
        self._put(Area.RANDOM, z)
        self.multiply(x, x, z)
        self.multiply(y, y, z)
        self._blind(Area.KEY, _T[0], _T[6])
        self.call("table")
        self.other(Other.MARK, 0)
        self.control(Control.POSITION, _POSITION["secret"])
        self.request(Request.DIGIT, argument=Digit.BASE.value)
        self.call("ladder")
        self.call("affine x")
        self.request(Request.FETCH, Area.SHARED, _T[0])
        self.jump_unless("success", Condition.TO_SLOT)
        self.request(Request.RESULT, Area.SHARED)
        self.jump("agree refused", Condition.REFUSED)
        self.request(Request.FILL, Area.SHARED, register=1)
        self.jump("success")
        self.label("agree refused")
        self.request(Request.FILL, Area.SHARED, register=1)
        self.jump("target refused")

    def _fail(self, status):
        self.other(Other.STATUS, status.value)
        self.jump("end")

    def _ends(self):
        """Statuses, and what is to be forgotten after every operation."""
        for status in Status:
            if status not in (Status.CHECK_FAILED, Status.SIGNATURE_WRONG, Status.WIPED, Status.UNKNOWN):
                self.label(_LABELS.get(status, status.name.lower().replace("_", " ")))
                self._fail(status)
        self.label(Operate.NONE.name)
        self._fail(Status.UNKNOWN)
        self.label(Operate.WIPE.name)
        self.request(Request.FILL, Area.X, register=8)
        self.label("end")
        self.request(Request.FILL, Area.VALUE, register=8)  # SEC_CM: KEY.WIPE
        self.request(Request.HASH_WIPE)  # SEC_CM: KEY.WIPE
        self.request(Request.WIPE)  # SEC_CM: KEY.WIPE
        self.other(Other.END)


_LABELS = {Status.NONCE: "nonce failed", Status.POINT_OFF_CURVE: "off curve"}
