"""Compiler of the metrology program: from its Python text to the compute engine's microcode.

It takes the part of Python that the program is written in: assignments of sums of products, ``>>`` by a
constant, ``if`` and ``while`` on comparisons, loops over phases (unrolled) and calls (inlined). What is
known when the chip is made (constants, names, the phases) is computed at once; the rest becomes instructions.
"""

import ast
import inspect
import operator
import textwrap
from dataclasses import dataclass

from .arithmetic import divide, square_root
from .hazards import without_hazards
from .microcode import Base, Instruction, Operation, Program, Term
from .parameters import WORD_BITS, Constants
from .program import Machine, sample_set
from .quantities import quantities
from .state import State, Wide, Word

__all__ = ["CompileError", "compile_program"]

_STATIC_OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.RShift: operator.rshift,
    ast.LShift: operator.lshift,
}
_COMPARISONS = {ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge}


class CompileError(Exception):
    """The program uses something that the engine has no instruction for; the message names the line."""


class _NotStatic(Exception):
    """The expression, its argument, is not known when the chip is made."""


@dataclass(frozen=True)
class _Cell:
    """A place in one of the memories."""

    kind: type
    address: int


@dataclass(frozen=True)
class _Lanes:
    """A sample set, where the program reads it: the newest, or a recalled one by the number of its recall."""

    recall: int = 0


class _History:
    """The sample sets of the past, where the program chooses one."""


class _Quantities:
    """The quantity memory, where the program writes it."""


@dataclass
class _Function:
    """What is known while a function is compiled."""

    names: dict
    scope: dict
    repeated: set


class _Memory:
    """Allocation of one memory's cells."""

    def __init__(self):
        self.initial = []
        self._free = []

    def allocate(self, initial=0):
        if self._free:
            return self._free.pop()
        self.initial.append(initial)
        return len(self.initial) - 1

    def free(self, address):
        self._free.append(address)


class _Compiler:
    def __init__(self, machine, phases, lanes):
        self._lanes = lanes
        self._code = []
        self._memories = {Word: _Memory(), Wide: _Memory()}
        self._constants = {}
        self._cells = {}
        self._lent = []
        self._recalls = 0
        self._line = ""
        self._quantity = {quantity.path: index for index, quantity in enumerate(quantities(phases))}
        self._constant(0)
        self._place(machine)

    # --- Memories

    def _place(self, state):
        """Give every field of ``state``, and of what it holds, a cell."""
        for name in type(state).__annotations__:
            kind, value = state.kind(name), getattr(state, name)
            if kind in (Word, Wide):
                self._cells[id(state), name] = _Cell(kind, self._memories[kind].allocate(value))
            else:
                self._place(value)
        for group in vars(state).values():
            for member in group if isinstance(group, list) else ():
                self._place(member)

    def _constant(self, value):
        if not -(1 << WORD_BITS - 1) <= value < 1 << WORD_BITS - 1:
            raise CompileError(f"{self._line}: constant {value} does not fit in a word of {WORD_BITS} bits")
        if value not in self._constants:
            memory = self._memories[Word]
            memory.initial.append(value)
            self._constants[value] = _Cell(Word, len(memory.initial) - 1)
        return self._constants[value]

    # --- What is known when the chip is made

    def _static(self, node, function):
        match node:
            case ast.Constant(value=value):
                return value
            case ast.Name(id=name):
                found = function.names.get(name, function.scope.get(name))
            case ast.Attribute(value=owner, attr=name):
                holder = self._static(owner, function)
                if isinstance(holder, State) and holder.kind(name) in (Word, Wide):
                    raise _NotStatic(node)
                found = getattr(holder, name)
            case ast.Subscript(value=owner, slice=index) if isinstance(self._known(owner, function), list):
                found = self._static(owner, function)[self._static(index, function)]
            case ast.Tuple(elts=elements):
                return tuple(self._static(element, function) for element in elements)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -self._static(operand, function)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _STATIC_OPERATORS:
                return _STATIC_OPERATORS[type(op)](
                    self._static(left, function), self._static(right, function)
                )
            case _:
                raise _NotStatic(node)
        if found is None or isinstance(found, _Cell):
            raise _NotStatic(node)
        return found

    def _known(self, node, function):
        """The value of ``node`` if it is known when the chip is made, else None."""
        try:
            return self._static(node, function)
        except _NotStatic:
            return None

    def _cell(self, node, function):
        """The cell that ``node`` names, or None."""
        match node:
            case ast.Name(id=name) if isinstance(function.names.get(name), _Cell):
                return function.names[name]
            case ast.Attribute(value=owner, attr=name):
                return self._cells.get((id(self._known(owner, function)), name))
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

    def _variable(self, kind):
        cell = _Cell(kind, self._memories[kind].allocate())
        self._variables.append(cell)
        return cell

    def _evaluate(self, node, function):
        """Leave the value of ``node`` in the accumulator."""
        match node:
            case ast.BinOp(left=left, op=ast.RShift(), right=right) if self._known(node, function) is None:
                self._evaluate(left, function)
                if self._code[-1].operation is not Operation.COMPUTE or self._code[-1].shift:
                    self._product(self._nothing(), 1, Base.ACCUMULATOR)
                self._code[-1].shift = self._static(right, function)
            case ast.Call():
                self._intrinsic(node, function)
            case ast.Subscript(value=owner, slice=index) if isinstance(self._known(owner, function), _Lanes):
                self._lane(self._static(owner, function).recall, self._static(index, function))
            case _:
                self._sum(list(self._terms(node, function)), function)

    def _lane(self, recall, index):
        if recall not in (0, self._recalls):
            raise CompileError(f"{self._line}: another sample set was recalled in the place of this one")
        self._emit(operation=Operation.LANE, y=index + self._lanes * bool(recall))

    def _is_inner(self, node, function):
        """Whether the term ``node`` needs the accumulator before the sum has it."""
        match node:
            case ast.BinOp(op=ast.RShift()) | ast.Call():
                return True
            case ast.Subscript(value=owner):
                return isinstance(self._known(owner, function), _Lanes)
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
        self._add(inner[0][0] if inner and wides else 0, bool(inner), wides, products)

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

    def _intrinsic(self, node, function):
        called = self._known(node.func, function)
        if called is divide:
            numerator, denominator, fraction = node.args
            cell = self._word(denominator, function)
            self._evaluate(numerator, function)
            self._emit(operation=Operation.DIVIDE, x=cell.address, y=self._static(fraction, function))
        elif called is square_root:
            self._evaluate(node.args[0], function)
            self._emit(operation=Operation.ROOT)
        else:
            raise CompileError(
                f"{self._line}: {ast.unparse(node)} has no value; only divide and square_root have"
            )

    # --- Statements

    def _store(self, cell=None, quantity=None):
        """Send the result of the last instruction to a cell or a quantity."""
        if cell in self._lent:
            raise CompileError(
                f"{self._line}: this changes an argument of the call; give its value a name before"
            )
        last = self._code[-1]
        takes = last.operation in (Operation.COMPUTE, Operation.LANE)
        if not takes or last.to_word or last.to_wide or last.to_quantity:
            self._product(self._nothing(), 1, Base.ACCUMULATOR)
            last = self._code[-1]
        last.to_word = cell is not None and cell.kind is Word
        last.to_wide = cell is not None and cell.kind is Wide
        last.to_quantity = quantity is not None
        last.target = quantity if cell is None else cell.address

    def _assign(self, target, value, kind, function):
        if isinstance(target, ast.Subscript):
            path = self._static(target.slice, function)
            path = path if isinstance(path, tuple) else (path,)
            if path not in self._quantity:
                raise CompileError(f"{self._line}: there is no quantity {'.'.join(path)!r}")
            self._evaluate(value, function)
            self._store(quantity=self._quantity[path])
            return
        if isinstance(value, ast.Subscript) and isinstance(self._known(value.value, function), _History):
            function.names[target.id] = self._recall(value.slice, function)
            return
        cell = self._cell(target, function)
        if cell is None:
            name = target.id
            known = self._known(value, function)
            if isinstance(known, int) and name not in function.repeated:
                function.names[name] = known
                return
            cell = function.names[name] = self._variable(kind)
        self._evaluate(value, function)
        self._store(cell)

    def _recall(self, back, function):
        if self._known(back, function) == 0:
            return _Lanes()
        self._emit(operation=Operation.RECALL, x=self._word(back, function).address)
        self._recalls += 1
        return _Lanes(self._recalls)

    def _statement(self, node, function):
        self._line = f"{function.scope['__name__']}:{node.lineno + function.scope['first line']}"
        match node:
            case ast.Expr(value=ast.Constant()):
                pass
            case ast.Assign(targets=[target], value=value):
                self._assign(target, value, Word, function)
            case ast.AnnAssign(target=target, annotation=annotation, value=value):
                self._assign(target, value, self._static(annotation, function), function)
            case ast.For(target=ast.Name(id=name), iter=iterated, body=body):
                for item in self._static(iterated, function):
                    function.names[name] = item
                    self._block(body, function)
            case ast.While(test=test, body=body):
                self._while(test, body, function)
            case ast.If(test=test, body=body, orelse=orelse):
                self._if(test, body, orelse, function)
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=owner, attr="commit"))) if isinstance(
                self._known(owner, function), _Quantities
            ):
                self._emit(operation=Operation.COMMIT)
            case ast.Expr(value=ast.Call(func=called, args=arguments)):
                self._call(self._static(called, function), arguments, function)
            case _:
                raise CompileError(f"{self._line}: the engine has nothing for `{ast.unparse(node)}`")

    def _block(self, body, function):
        for node in body:
            try:
                self._statement(node, function)
            except _NotStatic as error:
                unknown = ast.unparse(error.args[0])
                raise CompileError(f"{self._line}: `{unknown}` is not known when the chip is made") from None

    def _if(self, test, body, orelse, function):
        known = [self._compare_known(condition, function) for condition in self._conditions(test)]
        if None not in known:
            self._block(body if all(known) else orelse, function)
            return
        leave = [self._leave_unless(condition, function) for condition in self._conditions(test)]
        self._block(body, function)
        if orelse:
            self._emit(operation=Operation.JUMP)
            end = self._code[-1]
        for jump in leave:
            jump.target = len(self._code)
        if orelse:
            self._block(orelse, function)
            end.target = len(self._code)

    def _while(self, test, body, function):
        top = len(self._code)
        leave = [self._leave_unless(condition, function) for condition in self._conditions(test)]
        self._block(body, function)
        self._emit(operation=Operation.JUMP, target=top)
        for jump in leave:
            jump.target = len(self._code)

    def _conditions(self, test):
        joined = isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And)
        for node in test.values if joined else [test]:
            match node:
                case ast.Compare(ops=[op]) if type(op) in _COMPARISONS:
                    yield node
                case _:
                    raise CompileError(f"{self._line}: the engine cannot compare `{ast.unparse(node)}`")

    def _compare_known(self, node, function):
        values = self._known(node.left, function), self._known(node.comparators[0], function)
        return None if None in values else _COMPARISONS[type(node.ops[0])](*values)

    def _leave_unless(self, node, function):
        """Emit a jump that is taken unless the comparison holds; its target is set later."""
        left, op, right = node.left, node.ops[0], node.comparators[0]
        if isinstance(op, ast.Gt | ast.LtE):
            left, right = right, left
        known = self._known(right, function)
        difference = left if known == 0 else ast.BinOp(left=left, op=ast.Sub(), right=right)
        self._evaluate(difference, function)
        holds_below = isinstance(op, ast.Lt | ast.Gt)
        self._emit(operation=Operation.JUMP_IF_NOT_NEGATIVE if holds_below else Operation.JUMP_IF_NEGATIVE)
        return self._code[-1]

    def _call(self, called, arguments, caller):
        tree = ast.parse(textwrap.dedent(inspect.getsource(called))).body[0]
        outer_line, outer_variables, self._variables = self._line, getattr(self, "_variables", []), []
        names = {}
        for parameter, argument in zip(tree.args.args, arguments, strict=True):
            known = self._known(argument, caller)
            names[parameter.arg] = known if known is not None else self._argument(argument, caller)
        assigned = [
            node.id
            for node in ast.walk(tree)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        ]
        scope = {**vars(inspect.getmodule(called)), "first line": called.__code__.co_firstlineno - 1}
        repeated = {name for name in assigned if assigned.count(name) > 1}
        lent, self._lent = self._lent, [*self._lent, *(v for v in names.values() if isinstance(v, _Cell))]
        self._block(tree.body, _Function(names, scope, repeated))
        self._lent = lent
        for cell in self._variables:
            self._memories[cell.kind].free(cell.address)
        self._line, self._variables = outer_line, outer_variables

    def _argument(self, node, function):
        cell = self._cell(node, function)
        return cell if cell is not None else self._word(node, function)

    def program(self, entry, machine, constants):
        scope = {"machine": machine, "constants": constants, "history": _History(), "out": _Quantities()}
        caller = _Function(scope, {"__name__": "", "first line": 0}, set())
        arguments = [ast.Name(id=name, ctx=ast.Load()) for name in scope]
        self._call(entry, arguments, caller)
        self._emit(operation=Operation.END)
        instructions = without_hazards(self._code, self._constants[0].address)
        words, wides = (tuple(self._memories[kind].initial) for kind in (Word, Wide))
        return Program(instructions, words, wides, len(self._quantity))


def compile_program(parameters, entry=sample_set):
    """Compile the metrology program, which starts at ``entry``, for `MeteringParameters` ``parameters``.

    Returns a `Program`.

    Raises
    ------
    CompileError
        If the program's text has something that the engine cannot do.
    """
    constants = Constants(parameters)
    machine = Machine(constants, parameters.phases)
    return _Compiler(machine, parameters.phases, parameters.lanes).program(entry, machine, constants)
