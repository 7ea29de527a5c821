"""Compiler of the metrology program: from its Python text to the compute engine's microcode.

It takes the part of Python that the program is written in: assignments of sums of products, ``>>`` by a
constant, ``if`` and ``while`` on comparisons, loops over what is known (unrolled) and calls (inlined). What
is known when the chip is made (constants, names, the phases) is computed at once; the rest becomes
instructions.
"""

import ast
import inspect
import operator
import textwrap
from functools import cache

from .constants import Constants
from .expressions import Cell, CompileError, Expressions, Function, Inputs, NotStatic, Outputs
from .hazards import without_hazards
from .microcode import Operation, Port, Program
from .parameters import INPUTS
from .program.machine import Machine, sample_set
from .state import Array, Wide, Word

__all__ = ["CompileError", "compile_program"]

_COMPARISONS = {ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge}


@cache
def _parsed(function):
    """The syntax tree of a function, and the line before its first."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    return tree, function.__code__.co_firstlineno - 1


class _Compiler(Expressions):
    """Statements, functions and the whole program."""

    def __init__(self, machine, addresses):
        super().__init__(self._call)
        self._addresses = addresses
        self._waiting = []
        self._in_background = False
        self._place(machine)

    def _assign(self, target, value, kind, function):
        if isinstance(target, ast.Subscript):
            self._assign_element(target, value, function)
            return
        cell = self._cell(target, function)
        if cell is None:
            name = target.id
            known = self._known(value, function)
            if known is not None and name not in function.repeated:
                if function.branches > function.unrolled and function.names.get(name, known) != known:
                    raise CompileError(
                        f"{self._line}: give `{name}` a value before the loop that may change it"
                    )
                function.names[name] = known
                return
            # What one turn of a loop may leave to the next must not share the cell of a call before it.
            fresh = function.loops > 0 and function.branches > 1
            cell = function.names[name] = self._variable(kind, fresh=fresh)
        self._evaluate(value, function)
        self._store(cell)

    def _assign_element(self, target, value, function):
        owner = self._static(target.value, function)
        if isinstance(owner, Array):
            index = self._word(target.slice, function)
            self._evaluate(value, function)
            self._emit(
                operation=Operation.STORE,
                x=index.address,
                length=owner.length,
                target=self._arrays[id(owner)],
            )
            return
        path = self._static(target.slice, function)
        path = path if isinstance(path, tuple) else (path,)
        if path not in self._addresses:
            raise CompileError(f"{self._line}: there is no quantity {'.'.join(path)!r}")
        self._evaluate(value, function)
        self._emit(operation=Operation.SEND, z=Port.QUANTITY.value, target=self._addresses[path])

    def _output(self, method, arguments, function):
        """``out.send(port, address, value)``, or ``out.background(function, …)``."""
        if method == "background":
            if self._in_background:
                raise CompileError(f"{self._line}: the background cannot start the background")
            self._emit(operation=Operation.START)
            called = self._static(arguments[0], function)
            names = [self._static(argument, function) for argument in arguments[1:]]
            if any(isinstance(each, Inputs) for each in names):
                raise CompileError(f"{self._line}: the background has no sample set")
            self._waiting.append((self._code[-1], called, names))
            return
        port, address, value = arguments
        fixed, moving = self._known(address, function), self._constant(0)
        if fixed is None:
            fixed = 0
            if isinstance(address, ast.BinOp) and isinstance(address.op, ast.Add):
                known = self._known(address.left, function)
                if known is not None:
                    fixed, address = known, address.right
            moving = self._word(address, function)
        self._evaluate(value, function)
        self._emit(
            operation=Operation.SEND, z=self._static(port, function).value, target=fixed, x=moving.address
        )

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
                outer, function.unrolled = function.unrolled, function.branches
                for item in self._static(iterated, function):
                    function.names[name] = item
                    self._block(body, function)
                function.unrolled = outer
            case ast.While(test=test, body=body):
                self._while(test, body, function)
            case ast.If(test=test, body=body, orelse=orelse):
                self._if(test, body, orelse, function)
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=owner, attr=name), args=arguments)) if (
                isinstance(self._known(owner, function), Outputs)
            ):
                self._output(name, arguments, function)
            case ast.Expr(value=ast.Call(func=called, args=arguments)):
                self._call(self._static(called, function), arguments, function)
            case ast.Return(value=value) if node is function.last:
                self._evaluate(value, function)
            case _:
                raise CompileError(f"{self._line}: the engine has nothing for `{ast.unparse(node)}`")

    def _block(self, body, function):
        for node in body:
            try:
                self._statement(node, function)
            except NotStatic as error:
                unknown = ast.unparse(error.args[0])
                raise CompileError(f"{self._line}: `{unknown}` is not known when the chip is made") from None

    def _if(self, test, body, orelse, function):
        known = [self._compare_known(condition, function) for condition in self._conditions(test)]
        if None not in known or False in known:
            self._block(body if all(known) else orelse, function)
            return
        leave = [self._leave_unless(condition, function) for condition in self._conditions(test)]
        function.branches += 1
        self._block(body, function)
        if orelse:
            self._emit(operation=Operation.JUMP)
            end = self._code[-1]
        self._land(leave)
        if orelse:
            self._block(orelse, function)
            self._land([end])
        function.branches -= 1

    def _while(self, test, body, function):
        top = self._joined = len(self._code)
        leave = [self._leave_unless(condition, function) for condition in self._conditions(test)]
        function.loops += 1
        function.branches += 1
        self._block(body, function)
        function.loops -= 1
        function.branches -= 1
        self._emit(operation=Operation.JUMP, target=top)
        self._land(leave)

    def _land(self, jumps):
        """Let jumps end here."""
        for jump in jumps:
            jump.target = self._joined = len(self._code)

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
        tree, before_first = _parsed(called)
        outer_line, outer_variables, self._variables = self._line, self._variables, []
        names = {}
        for parameter, argument in zip(tree.args.args, arguments, strict=True):
            known = self._known(argument, caller)
            names[parameter.arg] = known if known is not None else self._argument(argument, caller)
        lent, self._lent = self._lent, [*self._lent, *(v for v in names.values() if isinstance(v, Cell))]
        self._body(called, tree, before_first, names)
        self._lent = lent
        for cell in self._variables:
            self._memories[cell.kind].free(cell.address)
        self._line, self._variables = outer_line, outer_variables

    def _body(self, called, tree, before_first, names):
        assigned = [
            node.id
            for node in ast.walk(tree)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        ]
        scope = {**vars(inspect.getmodule(called)), "first line": before_first}
        repeated = {name for name in assigned if assigned.count(name) > 1}
        self._block(tree.body, Function(names, scope, repeated, tree.body[-1]))

    def _argument(self, node, function):
        cell = self._cell(node, function)
        return cell if cell is not None else self._word(node, function)

    def program(self, entry, machine, constants):
        """Compile ``entry``, and the background that it starts."""
        self._entry(entry, (machine, constants, Inputs(), Outputs()))
        self._in_background = True
        for start, called, arguments in self._waiting:
            for memory in self._memories.values():
                memory.keep()
            self._land([start])
            self._entry(called, arguments)
        instructions = without_hazards(self._code, self._constants[0].address)
        words, wides = (tuple(self._memories[kind].initial) for kind in (Word, Wide))
        return Program(
            instructions,
            words,
            wides or (0,),
            max(1, self._array_words),
            tuple(self._table),
            tuple(self._shapes),
            INPUTS,
            self._paths,
        )

    def _entry(self, called, arguments):
        tree, before_first = _parsed(called)
        names = dict(zip((each.arg for each in tree.args.args), arguments, strict=True))
        self._body(called, tree, before_first, names)
        self._emit(operation=Operation.END)


def compile_program(parameters, entry=sample_set, machine=Machine):
    """Compile a metrology program; returns a `Program`.

    Parameters
    ----------
    parameters : MeteringParameters
        What the engine is made for.
    entry : function, optional
        The work of a sample set.
    machine : type, optional
        `State` of the program, made with the constants and the parameters.

    Raises
    ------
    CompileError
        If the program's text has something that the engine cannot do.
    """
    constants = Constants(parameters)
    state = machine(constants, parameters)
    return _Compiler(state, constants.addresses).program(entry, state, constants)
