"""The mistakes: one function each, from a place in the syntax tree to what could stand there instead.

The first group are the mistakes that verification code is published with (:mod:`tests.museum` has real
ones), the second the usual small slips. Every function gets a :class:`Site` and yields replacements of
its node; an operator that has nothing to say about a node yields nothing.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

Node = ast.AST


@dataclass(frozen=True)
class Site:
    """A node and what an operator may want to know about its surroundings."""

    node: ast.AST
    parent: ast.AST
    field: str
    #: Names that the enclosing functions have bound (arguments and assignments).
    bound: frozenset[str]
    #: How often the enclosing function has loaded this name before, for ``ast.Name``.
    earlier_loads: int


@dataclass(frozen=True)
class Operator:
    """A named kind of mistake."""

    name: str
    of_the_field: bool
    propose: Callable[[Site], Iterator[Node]]

    @property
    def what(self) -> str:
        """Its first line of documentation."""
        return (self.propose.__doc__ or "").strip().splitlines()[0]


OPERATORS: list[Operator] = []


def _operator(*, of_the_field: bool) -> Callable[[Callable[[Site], Iterator[Node]]], None]:
    def register(propose: Callable[[Site], Iterator[Node]]) -> None:
        OPERATORS.append(Operator(propose.__name__, of_the_field, propose))

    return register


def _name(node: ast.AST) -> str:
    """The last part of a dotted name: ``np.maximum`` is ``maximum``."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _called(node: ast.AST) -> str:
    return _name(node.func) if isinstance(node, ast.Call) else ""


def _expression(text: str) -> ast.expr:
    parsed = ast.parse(text, mode="eval").body
    for node in ast.walk(parsed):  # its own places are elsewhere
        for attribute in ("lineno", "col_offset", "end_lineno", "end_col_offset"):
            if hasattr(node, attribute):
                delattr(node, attribute)
    return parsed


def _changed(node: ast.AST, **fields: object) -> ast.AST:
    other = copy.copy(node)
    for name, value in fields.items():
        setattr(other, name, value)
    return other


def _is_constant(node: ast.AST) -> bool:
    return isinstance(node.operand if isinstance(node, ast.UnaryOp) else node, ast.Constant)


def _loaded(site: Site) -> str:
    node = site.node
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and site.field != "func":
        return node.id
    return ""


def _zero(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value == 0


def _only_kind(site: Site) -> bool:
    """Whether only the shape or the kind of an array is looked at, which p, q and their powers share."""
    parent = site.parent
    if isinstance(parent, ast.Attribute):
        return parent.attr in {"shape", "size", "dtype", "ndim"}
    if isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Mult):
        return _zero(parent.right)
    return _called(parent) in {"is_exact", "_check_size", "zeros_like"}


def _only_support(site: Site) -> bool:
    """Whether only the support is looked at, which no precision or temperature changes."""
    return isinstance(site.parent, ast.Compare) and _zero(site.parent.comparators[-1])


# --- mistakes of the field ---------------------------------------------------------------------------

_TWINS = [
    {"p", "q"},
    {"target", "draft"},
    {"target", "q"},
    {"p", "y"},
    {"p", "enriched"},
    {"numerator", "denominator"},
]


@_operator(of_the_field=True)
def swapped_letters(site: Site) -> Iterator[Node]:
    """Read the draft's distribution for the target's, or the other way round."""
    name = _loaded(site)
    for twins in _TWINS:
        if name in twins and twins <= site.bound and not _only_kind(site):
            (other,) = twins - {name}
            yield ast.Name(other, ast.Load())


@_operator(of_the_field=True)
def swapped_operands(site: Site) -> Iterator[Node]:
    """``b - a`` for ``a - b``, ``b / a`` for ``a / b``; the two arguments of residual or ratio swapped."""
    node = site.node
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub | ast.Div):
        yield _changed(node, left=node.right, right=node.left)
    if _called(node) in {"residual", "ratio_capped", "capped_ratios", "keep_probability"}:
        assert isinstance(node, ast.Call)
        if len(node.args) == 2:
            yield _changed(node, args=node.args[::-1])


@_operator(of_the_field=True)
def missing_renormalisation(site: Site) -> Iterator[Node]:
    """Leave the division by a total away."""
    node = site.node
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        divisor = node.right
        if _called(divisor) == "sum" or _name(divisor) in {"total", "totals", "mass", "weight"}:
            yield node.left
    if _called(node) in {"normalise", "normalised"}:
        assert isinstance(node, ast.Call)
        yield node.args[0]


_NEIGHBOURS: dict[type, type] = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}


@_operator(of_the_field=True)
def boundary(site: Site) -> Iterator[Node]:
    """``<=`` for ``<`` and so on: the case of equality goes to the other side."""
    node = site.node
    if isinstance(node, ast.Compare):
        for place, relation in enumerate(node.ops):
            if type(relation) in _NEIGHBOURS:
                ops = [*node.ops]
                ops[place] = _NEIGHBOURS[type(relation)]()
                yield _changed(node, ops=ops)


@_operator(of_the_field=True)
def shared_stream(site: Site) -> Iterator[Node]:
    """Take the random numbers of another question: accept and residual share a stream, levels share one."""
    node = site.node
    if not (isinstance(node, ast.keyword) and node.arg == "stream"):
        return
    if isinstance(node.value, ast.Constant):
        yield _changed(node, value=ast.Constant("accept/0"))
    if isinstance(node.value, ast.JoinedStr) and isinstance(node.value.values[0], ast.Constant):
        text = node.value.values[0]
        other = "residual/" if text.value != "residual/" else "accept/"
        values = [ast.Constant(other), *node.value.values[1:]]
        yield _changed(node, value=_changed(node.value, values=values))
        yield _changed(node, value=ast.Constant(f"{text.value}0"))


@_operator(of_the_field=True)
def fixed_coin(site: Site) -> Iterator[Node]:
    """A coin that isn't thrown: always heads (u = 0), always tails."""
    if _called(site.node) == "flip":
        yield ast.Constant(True)
        yield ast.Constant(False)


@_operator(of_the_field=True)
def wrong_row(site: Site) -> Iterator[Node]:
    """Read the row or entry before: the bonus from the wrong row, the token's neighbour."""
    node = site.node
    if not isinstance(node, ast.Subscript) or isinstance(node.slice, ast.Slice | ast.Tuple):
        return
    if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
        return
    if _is_constant(node.slice) or _name(node.value) == "shape":  # the operator `constant` moves these
        return
    yield _changed(node, slice=ast.BinOp(node.slice, ast.Sub(), ast.Constant(1)))


@_operator(of_the_field=True)
def unclamped(site: Site) -> Iterator[Node]:
    """A residual that keeps its negative entries, a ratio that exceeds one."""
    node = site.node
    name = _called(node)
    if not isinstance(node, ast.Call) or not node.args:
        return
    if name == "positive_part":
        yield node.args[0]
    if name == "residual":
        yield ast.BinOp(node.args[0], ast.Sub(), node.args[1])
    if name == "ratio_capped":
        yield ast.BinOp(node.args[0], ast.Div(), node.args[1])
    if name in {"min", "max", "minimum", "maximum", "clip"} and len(node.args) >= 2:
        yield from node.args


@_operator(of_the_field=True)
def first_failure(site: Site) -> Iterator[Node]:
    """Stop a loop at the first turn, or go on where it stops."""
    node = site.node
    if isinstance(node, ast.Continue):
        yield ast.Break()
    if isinstance(node, ast.Break):
        yield ast.Continue()
    if isinstance(node, ast.For | ast.While):
        yield _changed(node, body=[*node.body, ast.Break()])


@_operator(of_the_field=True)
def skipped_duplicates(site: Site) -> Iterator[Node]:
    """Look at each drafted token once although it was drafted twice - or twice where once is meant."""
    node = site.node
    counted = _called(site.parent) in {"enumerate", "zip", "len", "check_drafts"} or site.field == "iter"
    if _loaded(site) in {"drafts", "tokens"} and counted:
        yield _expression(f"tuple(dict.fromkeys({_loaded(site)}))")
    if isinstance(node, ast.Call) and _name(node.func) == "set" and len(node.args) == 1:
        yield _changed(node, func=ast.Name("tuple", ast.Load()))


@_operator(of_the_field=True)
def other_precision(site: Site) -> Iterator[Node]:
    """Calculate with a number of another precision than the token was drawn with."""
    node = site.node
    if isinstance(node, ast.Attribute) and node.attr == "float64":
        yield _changed(node, attr="float32")
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "astype":
        yield node.func.value
    if isinstance(node, ast.keyword) and node.arg == "dtype" and "float64" not in ast.unparse(node.value):
        yield _changed(node, value=_expression("float"))
    if _only_kind(site) or _only_support(site):
        return
    if _loaded(site) in {"p", "q", "target"} and site.earlier_loads == 0 and site.field != "value":
        yield _expression(f"{node.id}.astype('float32')")  # type: ignore[attr-defined]


@_operator(of_the_field=True)
def other_temperature(site: Site) -> Iterator[Node]:
    """Use p or q at half the temperature that the token was drawn with."""
    name = _loaded(site)
    if _only_kind(site) or _only_support(site):
        return
    if name in {"p", "q"} and site.field != "value" and site.earlier_loads == 0:
        yield _expression(f"{name} * {name} / ({name} * {name}).sum()")


@_operator(of_the_field=True)
def removed_check(site: Site) -> Iterator[Node]:
    """Accept what should be refused: drop ``if ...: raise``."""
    node = site.node
    if isinstance(node, ast.If) and isinstance(node.body[-1], ast.Raise) and not node.orelse:
        yield ast.Pass()


# --- slips -------------------------------------------------------------------------------------------

_ARITHMETIC: dict[type, type] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Pow: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}


def _is_number_typing(site: Site) -> bool:
    """``x * 0``, which carries no value but a kind of number: adding or subtracting it is the same."""
    node = site.node
    sides = [node.left, node.right] if isinstance(node, ast.BinOp) else []
    return any(
        isinstance(side, ast.BinOp)
        and isinstance(side.op, ast.Mult)
        and isinstance(side.right, ast.Constant)
        and side.right.value == 0
        for side in sides[1:]
    )


@_operator(of_the_field=False)
def arithmetic(site: Site) -> Iterator[Node]:
    """``-`` for ``+``, ``*`` for ``/`` and the other way round."""
    node = site.node
    if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC and not _is_number_typing(site):
        yield _changed(node, op=_ARITHMETIC[type(node.op)]())
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Invert):
        yield node.operand


_OPPOSITES = {
    "min": "max",
    "minimum": "maximum",
    "any": "all",
    "argmin": "argmax",
    "cumsum": "cumprod",
    "sum": "prod",
}
_OPPOSITES |= {value: key for key, value in _OPPOSITES.items()}


@_operator(of_the_field=False)
def opposite_function(site: Site) -> Iterator[Node]:
    """``max`` for ``min``, ``any`` for ``all``; no ``sorted``, no ``reversed``."""
    node = site.node
    if not isinstance(node, ast.Call):
        return
    name = _called(node)
    if isinstance(node.func, ast.Name):
        if name in _OPPOSITES and name != "sum":
            yield _changed(node, func=ast.Name(_OPPOSITES[name], ast.Load()))
        if name in {"sorted", "reversed"}:
            yield _changed(node, func=ast.Name("list", ast.Load()), keywords=[])
    elif isinstance(node.func, ast.Attribute) and name in _OPPOSITES:
        yield _changed(node, func=_changed(node.func, attr=_OPPOSITES[name]))


_NEGATED: dict[type, type] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.Lt: ast.GtE,
    ast.LtE: ast.Gt,
    ast.Gt: ast.LtE,
    ast.GtE: ast.Lt,
}


@_operator(of_the_field=False)
def logic(site: Site) -> Iterator[Node]:
    """``or`` for ``and``, a comparison negated, a ``not`` dropped, a part of a condition left away."""
    node = site.node
    if isinstance(node, ast.BoolOp):
        yield _changed(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
        for place in range(len(node.values)):
            values = [value for index, value in enumerate(node.values) if index != place]
            yield values[0] if len(values) == 1 else _changed(node, values=values)
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _NEGATED:
        yield _changed(node, ops=[_NEGATED[type(node.ops[0])]()])
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node.operand
    if isinstance(node, ast.IfExp):
        yield node.body
        yield node.orelse
    if isinstance(site.parent, ast.comprehension) and site.field == "ifs":
        yield ast.Constant(True)


@_operator(of_the_field=False)
def constant(site: Site) -> Iterator[Node]:
    """One more, one less; ``True`` for ``False``."""
    node = site.node
    if not isinstance(node, ast.Constant):
        return
    if isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node.value, int):
        yield ast.Constant(node.value + 1)
        if node.value > 0 and not isinstance(site.parent, ast.UnaryOp):
            yield ast.Constant(node.value - 1)
    elif isinstance(node.value, float):
        yield ast.Constant(node.value + 1)
        yield ast.Constant(node.value * 0.5)


@_operator(of_the_field=False)
def slice_end(site: Site) -> Iterator[Node]:
    """A slice that starts or ends one later, a range that ends one earlier."""
    node = site.node
    if isinstance(node, ast.Slice):
        for field in ("lower", "upper"):
            bound = getattr(node, field)
            if bound is not None and not isinstance(bound, ast.Constant):
                yield _changed(node, **{field: ast.BinOp(bound, ast.Add(), ast.Constant(1))})
    if _called(node) == "range":
        assert isinstance(node, ast.Call)
        if not isinstance(node.args[-1], ast.Constant):
            yield _changed(node, args=[*node.args[:-1], ast.BinOp(node.args[-1], ast.Sub(), ast.Constant(1))])


_OPTIONAL = {
    "key",
    "kind",
    "ddof",
    "axis",
    "default",
    "start",
    "reverse",
    "side",
    "keepdims",
    "level",
    "like",
}


@_operator(of_the_field=False)
def dropped_keyword(site: Site) -> Iterator[Node]:
    """Leave an optional argument away: the key of a minimum, the stable order of a sort."""
    node = site.node
    if isinstance(node, ast.Call):
        for place, keyword in enumerate(node.keywords):
            if keyword.arg in _OPTIONAL:
                yield _changed(node, keywords=node.keywords[:place] + node.keywords[place + 1 :])


@_operator(of_the_field=False)
def dropped_statement(site: Site) -> Iterator[Node]:
    """Leave a statement away: a call for its effect, an update, a return or branch that ends early."""
    node = site.node
    if isinstance(node, ast.AugAssign):
        yield ast.Pass()
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield ast.Pass()
    if isinstance(node, ast.Assign):
        target = node.targets[0]
        names = target.elts if isinstance(target, ast.Tuple) else [target]
        read = {name.id for name in ast.walk(node.value) if isinstance(name, ast.Name)}
        rebinds = any(isinstance(name, ast.Name) and name.id in read for name in names)
        if rebinds or not isinstance(target, ast.Name | ast.Tuple):
            yield ast.Pass()
    if isinstance(node, ast.If) and not node.orelse and not isinstance(node.body[-1], ast.Raise):
        yield ast.Pass()
