"""Expressions of the metrology program, from their syntax tree to the compute engine's instructions."""

import ast
import operator
from dataclasses import dataclass

from .arithmetic import crc32, divide, dot, square_root
from .microcode import Base, Destination, Instruction, Operation, Shape, Term
from .parameters import WORD_BITS
from .state import Array, Dot, Field, State, Wide, Word

__all__ = ["Cell", "CompileError", "Expressions", "Function", "Inputs", "NotStatic", "Outputs"]

_STATIC_OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.RShift: operator.rshift,
    ast.LShift: operator.lshift,
}


class CompileError(Exception):
    """The program uses something that the engine has no instruction for; the message names the line."""


class NotStatic(Exception):
    """The expression, its argument, is not known when the chip is made."""


@dataclass(frozen=True)
class Cell:
    """A place in one of the memories."""

    kind: type
    address: int


class Inputs:
    """The sample set, where the program reads it."""


class Outputs:
    """The ports, where the program sends values."""


@dataclass
class Function:
    """What is known while a function is compiled.

    ``repeated`` are the names that are assigned more than once, ``last`` is the last statement. ``loops``
    counts the loops around the present statement, ``branches`` the loops and branches that may pass it by;
    ``unrolled`` of these are around the innermost unrolled loop.
    """

    names: dict
    scope: dict
    repeated: set
    last: ast.stmt
    loops: int = 0
    branches: int = 0
    unrolled: int = 0


class _Memory:
    """Allocation of one memory's cells."""

    def __init__(self):
        self.initial = []
        self._free = []

    def allocate(self, initial=0, *, fresh=False):
        """A cell; ``fresh`` is one that nothing has used before."""
        if self._free and not fresh:
            return self._free.pop()
        self.initial.append(initial)
        return len(self.initial) - 1

    def free(self, address):
        self._free.append(address)

    def keep(self):
        """Give no freed cell out again: who uses them may run between any two instructions."""
        self._free.clear()


class Expressions:
    """Memories and expressions: all of the compiler that knows nothing of statements.

    Parameters
    ----------
    inline : callable
        Compiles a call: ``inline(called, arguments, caller)`` leaves what it returns in the accumulator.
    """

    def __init__(self, inline):
        self._inline = inline
        self._code = []
        self._memories = {Word: _Memory(), Wide: _Memory()}
        self._constants = {}
        self._cells = {}
        self._paths = {}
        self._arrays = {}
        self._placed = set()
        self._array_words = 0
        self._table = [1]
        self._tables = {}
        self._shapes = []
        self._variables = []
        self._lent = []
        self._joined = 0  # where the last jump that is not taken yet ends: the accumulator is unknown there
        self._line = ""
        self._constant(0)
        # The word 1 in an array of its own, and in the table: with them a dot product reads a single word.
        self._read_shape = self._shape(Dot((1,), 1))

    # --- Memories

    def _place(self, state, path=""):
        """Give every field of ``state``, and of what it holds, a cell; a state met again has its own."""
        if id(state) in self._placed:
            return
        self._placed.add(id(state))
        for name in type(state).__annotations__:
            kind, value = state.kind(name), getattr(state, name)
            if kind in (Word, Wide):
                cell = Cell(kind, self._memories[kind].allocate(value))
                self._cells[id(state), name] = cell
                self._paths[path + name] = cell
            else:
                self._place(value, f"{path}{name}.")
        for name, group in vars(state).items():
            members = (
                {f"{name}.{index}": each for index, each in enumerate(group)}
                if isinstance(group, list)
                else {}
            )
            for member, held in (members or {name: group}).items():
                if isinstance(held, Array):
                    self._place_array(held)
                elif isinstance(held, State):
                    self._place(held, f"{path}{member}.")

    def _place_array(self, array):
        if id(array) in self._arrays:
            return
        start = -(-self._array_words // array.length) * array.length
        self._arrays[id(array)] = start
        self._array_words = start + array.length

    def _constant(self, value):
        if not -(1 << WORD_BITS - 1) <= value < 1 << WORD_BITS - 1:
            raise CompileError(f"{self._line}: constant {value} does not fit in a word of {WORD_BITS} bits")
        if value not in self._constants:
            memory = self._memories[Word]
            memory.initial.append(value)
            self._constants[value] = Cell(Word, len(memory.initial) - 1)
        return self._constants[value]

    def _shape(self, shape):
        """Number of the dot product ``shape``; its table joins the table ROM when it is first used."""
        wraps = 0 if shape.start is None else len(shape.table)
        if shape.table not in self._tables:
            align = wraps or 1
            self._table += [0] * (-len(self._table) % align)
            self._tables[shape.table] = len(self._table)
            self._table += shape.table
        found = Shape(self._tables[shape.table], shape.count, shape.start or 0, wraps)
        if found not in self._shapes:
            self._shapes.append(found)
        return self._shapes.index(found)

    # --- What is known when the chip is made

    def _static(self, node, function):
        match node:
            case ast.Constant(value=value):
                return value
            case ast.Name(id=name):
                found = function.names.get(name, function.scope.get(name))
            case ast.Attribute(value=owner, attr=name):
                holder = self._static(owner, function)
                is_field = isinstance(holder, State) and holder.kind(name) in (Word, Wide)
                if is_field or isinstance(holder, Field):
                    raise NotStatic(node)
                found = getattr(holder, name)
            case ast.Subscript(value=owner, slice=index) if isinstance(
                self._known(owner, function), list | tuple | dict
            ):
                found = self._static(owner, function)[self._static(index, function)]
            case ast.Tuple(elts=elements):
                return tuple(self._static(element, function) for element in elements)
            case ast.Call(func=ast.Name(id="range"), args=arguments):
                return range(*(self._static(argument, function) for argument in arguments))
            case ast.Call(func=ast.Name(id="len"), args=[argument]):
                return len(self._static(argument, function))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -self._static(operand, function)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _STATIC_OPERATORS:
                operands = self._static(left, function), self._static(right, function)
                if not all(isinstance(operand, int) for operand in operands):
                    raise NotStatic(node)
                return _STATIC_OPERATORS[type(op)](*operands)
            case _:
                raise NotStatic(node)
        if found is None or isinstance(found, Cell):
            raise NotStatic(node)
        return found

    def _known(self, node, function):
        """The value of ``node`` if it is known when the chip is made, else None."""
        try:
            return self._static(node, function)
        except NotStatic:
            return None

    def _cell(self, node, function):
        """The cell that ``node`` names, or None."""
        match node:
            case ast.Name(id=name) if isinstance(function.names.get(name), Cell):
                return function.names[name]
            case ast.Attribute(value=owner, attr=name):
                holder = self._known(owner, function)
                if isinstance(holder, Field):
                    holder, name = holder.state, holder.name
                return self._cells.get((id(holder), name))
        return None

    # --- Expressions

    def _emit(self, **fields):
        self._code.append(Instruction(line=self._line, **fields))

    def _product(self, factors, sign, base, z=0):
        x, y = (factor.address for factor in factors)
        self._emit(base=base, negate=sign < 0, x=x, y=y, z=z)

    def _nothing(self):
        """Factors whose product is zero."""
        return self._constant(0), self._constant(0)

    def _terms(self, node, function, sign=1):
        match node:
            case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as op, right=right) if (
                self._known(node, function) is None
            ):
                yield from self._terms(left, function, sign)
                yield from self._terms(right, function, sign if isinstance(op, ast.Add) else -sign)
            case ast.UnaryOp(op=ast.USub(), operand=operand) if self._known(node, function) is None:
                yield from self._terms(operand, function, -sign)
            case _:
                yield sign, node

    def _word(self, node, function):
        """A word cell with the value of ``node``: its own, a constant's, or a new variable's."""
        value = self._known(node, function)
        if isinstance(value, int):
            return self._constant(value)
        cell = self._cell(node, function)
        if cell is not None and cell.kind is Word:
            return cell
        cell = self._variable(Word)
        self._evaluate(node, function)
        self._store(cell)
        return cell

    def _variable(self, kind, *, fresh=False):
        cell = Cell(kind, self._memories[kind].allocate(fresh=fresh))
        self._variables.append(cell)
        return cell

    def _evaluate(self, node, function):
        """Leave the value of ``node`` in the accumulator."""
        match node:
            case ast.BinOp(left=left, op=ast.RShift(), right=right) if self._known(node, function) is None:
                before = len(self._code)
                self._evaluate(left, function)
                last = self._code[-1]
                if len(self._code) == before or last.operation is not Operation.COMPUTE or last.shift:
                    self._product(self._nothing(), 1, Base.ACCUMULATOR)
                self._code[-1].shift = self._static(right, function)
            case ast.Call():
                self._called(node, function)
            case ast.Subscript(value=owner, slice=index) if isinstance(self._known(owner, function), Inputs):
                zero = self._constant(0).address
                self._emit(operation=Operation.LANE, x=zero, y=self._static(index, function))
            case ast.Subscript(value=owner, slice=index) if isinstance(self._known(owner, function), Array):
                array, start = self._static(owner, function), self._constant(0)
                self._dot(self._read_shape, array, self._word(index, function), start)
            case _:
                self._sum(list(self._terms(node, function)), function)

    def _dot(self, shape, array, first, argument):
        self._emit(
            operation=Operation.DOT,
            z=shape,
            x=first.address,
            y=argument.address,
            length=array.length,
            target=self._arrays[id(array)],
        )

    def _is_inner(self, node, function):
        """Whether the term ``node`` needs the accumulator before the sum has it."""
        match node:
            case ast.BinOp(op=ast.RShift()) | ast.Call():
                return True
            case ast.Subscript(value=owner):
                return isinstance(self._known(owner, function), Inputs | Array)
        return False

    def _sum(self, terms, function):
        inner, wides, products = [], [], []
        for sign, node in terms:
            cell = self._cell(node, function)
            if cell is not None and cell.kind is Wide:
                wides.append((sign, cell.address))
            elif cell is not None or isinstance(self._known(node, function), int):
                products.append((sign, (self._word(node, function), self._constant(1))))
            elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
                products.append((sign, (self._word(node.left, function), self._word(node.right, function))))
            elif self._is_inner(node, function):
                inner.append((sign, node))
            else:
                raise CompileError(f"{self._line}: the engine has no value `{ast.unparse(node)}`")
        if len(inner) > 1:
            raise CompileError(f"{self._line}: more than one shifted or divided term; give one a name")
        for sign, node in inner:
            self._evaluate(node, function)
            if sign < 0 and not wides:
                self._emit(term=Term.ACCUMULATOR, negate=True)
        stored = not inner and self._take_stored(wides, products)
        self._add(inner[0][0] if inner and wides else int(stored), bool(inner) or stored, wides, products)

    def _take_stored(self, wides, products):
        """Take out of a sum the cell that the last instruction wrote: the accumulator has it still."""
        last = self._code[-1] if len(self._code) > self._joined else Instruction()
        one = self._constant(1)
        for terms, term in (
            (wides, (1, last.target)),
            (products, (1, (Cell(Word, last.target), one))),
        ):
            if last.to is (Destination.WIDE if terms is wides else Destination.WORD) and term in terms:
                terms.remove(term)
                return True
        return False

    def _add(self, inner_sign, accumulated, wides, products):
        """Add wide cells and products to the accumulator, if it holds a part of the sum, or to nothing."""
        wides = sorted(wides, reverse=True)
        products = list(products)
        if inner_sign < 0 and wides[0][0] < 0:
            raise CompileError(f"{self._line}: nothing positive in this sum; turn it round")
        for sign, address in wides:
            if not accumulated and sign > 0:
                factors_sign, factors = (
                    products.pop(0) if products and len(wides) == 1 else (1, self._nothing())
                )
                self._product(factors, factors_sign, Base.WIDE, address)
            elif sign > 0:
                self._emit(base=Base.WIDE, term=Term.ACCUMULATOR, z=address, negate=inner_sign < 0)
                inner_sign = 1
            else:
                if not accumulated:
                    self._product(self._nothing(), 1, Base.ZERO)
                self._emit(base=Base.WIDE, term=Term.ACCUMULATOR, z=address, negate=True)
                self._emit(term=Term.ACCUMULATOR, negate=True)
            accumulated = True
        for sign, factors in products:
            self._product(factors, sign, Base.ACCUMULATOR if accumulated else Base.ZERO)
            accumulated = True

    def _called(self, node, function):
        """Leave in the accumulator what a call returns."""
        called = self._static(node.func, function)
        if called is divide:
            numerator, denominator, fraction = node.args
            cell = self._word(denominator, function)
            self._evaluate(numerator, function)
            self._emit(operation=Operation.DIVIDE, x=cell.address, y=self._static(fraction, function))
        elif called is square_root:
            self._evaluate(node.args[0], function)
            self._emit(operation=Operation.ROOT)
        elif called is crc32:
            cell = self._word(node.args[1], function)
            self._evaluate(node.args[0], function)
            self._emit(operation=Operation.CRC, x=cell.address)
        elif called is dot:
            shape, array = (self._static(argument, function) for argument in node.args[:2])
            first, argument = (self._word(argument, function) for argument in node.args[2:])
            self._dot(self._shape(shape), array, first, argument)
        else:
            self._inline(called, node.args, function)

    def _store(self, cell):
        """Send the result of the last instruction to a cell."""
        if cell in self._lent:
            raise CompileError(
                f"{self._line}: this changes an argument of the call; give its value a name before"
            )
        last = self._code[-1]
        takes = last.operation in (Operation.COMPUTE, Operation.LANE)
        if not takes or last.to is not Destination.NOWHERE:
            self._product(self._nothing(), 1, Base.ACCUMULATOR)
            last = self._code[-1]
        last.to = Destination.WORD if cell.kind is Word else Destination.WIDE
        last.target = cell.address
