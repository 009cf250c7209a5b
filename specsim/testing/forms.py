"""Which forms a rule may have, and how a given object is recognised as one of them.

See ``docs/auditing.md`` for the forms with an example of each.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from specsim.testing.cases import Drafting
from specsim.testing.rules import NodeRule, Rule, WalkRule
from theory.walks import Scheme

#: What ``kind`` may be.
KINDS = ("auto", "single-draft", "multi-draft", "tree", "sampler")


class UnknownForm(ValueError):
    """An object that an audit can't take as a rule; the message lists the forms."""


@dataclass(frozen=True)
class Form:
    """A function's form: the names of its parameters, and what it is then.

    Attributes
    ----------
    kinds
        For which of :data:`KINDS` it is chosen where the names don't decide.
    parameters
        Names, in order.
    title
        How reports call it.
    """

    kinds: tuple[str, ...]
    parameters: tuple[str, ...]
    title: str

    @property
    def source(self) -> str:
        """The last parameter: where randomness comes from."""
        return self.parameters[-1]

    def __str__(self) -> str:
        return f"f({', '.join(self.parameters)})"


CHANCE_NODE = Form(("single-draft", "multi-draft"), ("p", "drafts", "law", "chance"), "a node rule")
CHANCE_TREE = Form(("tree",), ("tree", "target", "chance"), "a tree rule")
RNG_SINGLE = Form(("single-draft",), ("p", "q", "token", "rng"), "a single-draft rule of arrays")
RNG_MULTI = Form(("multi-draft",), ("p", "q", "tokens", "rng"), "a multi-draft rule of arrays")
RNG_CHAIN = Form(("tree",), ("target_rows", "draft_rows", "tokens", "rng"), "a chain rule of arrays")
RNG_TREE = Form(("tree",), ("target_rows", "draft_rows", "tokens", "parents", "rng"), "a tree rule of arrays")
RNG_SAMPLER = Form(("sampler",), ("p", "q", "rng"), "a sampler that draws its own draft")

FORMS = (CHANCE_NODE, CHANCE_TREE, RNG_SINGLE, RNG_MULTI, RNG_CHAIN, RNG_TREE, RNG_SAMPLER)


def as_rule(rule: Any, *, kind: str = "auto", name: str | None = None) -> Rule:
    """A rule in the form that audits use.

    Parameters
    ----------
    rule
        A coupling or walk, a class or function without parameters that makes one, or a function of one of
        :data:`FORMS`.
    kind
        One of :data:`KINDS`. With ``"auto"`` a function is recognised by the names of its parameters; else
        they may have any names, and are passed by position.
    name
        How reports call it; None for its own name.

    Raises
    ------
    UnknownForm
        If it is none of these.

    Examples
    --------
    >>> from theory.couplings import Maximal
    >>> as_rule(Maximal).form
    'a coupling'
    """
    if kind not in KINDS:
        raise UnknownForm(f"unknown kind {kind!r}; the kinds are {', '.join(KINDS)}")
    if hasattr(rule, "play") and hasattr(rule, "at_node"):
        return rule  # type: ignore[no-any-return]
    made = _made(rule) if kind == "auto" else rule
    label = name or name_of(rule)
    if isinstance(made, Scheme):
        return scheme_rule(made, label)
    if hasattr(made, "resolve"):
        return NodeRule(label, made.resolve, getattr(made, "acceptance", None), "a coupling")
    if hasattr(made, "verify"):
        return WalkRule(label, made.verify, getattr(made, "following", None), "a walk")
    if not callable(made):
        raise UnknownForm(f"{label} is no rule: it is {type(made).__name__}; {_choices()}")
    return _function_rule(made, label, kind)


def name_of(rule: Any) -> str:
    """The name of a function or class, or of an object's class."""
    return str(getattr(rule, "__name__", type(rule).__name__))


def rng_form(
    function: Callable[..., Any], kind: str, *, source: str
) -> tuple[Form, Callable[..., Any], bool]:
    """The form of a function whose randomness is not a numpy generator.

    Parameters
    ----------
    function
        Takes the arrays of one of the forms that end in ``rng``, and perhaps a last parameter of another
        name.
    kind
        One of :data:`KINDS` but ``"auto"``.
    source
        The name of that last parameter.

    Returns
    -------
    tuple
        The form, the function to be called by keyword, and whether it has the last parameter.
    """
    names = _required(function)
    takes = names[-1:] == [source]
    arrays = names[:-1] if takes else names
    for form in FORMS:
        if form.source == "rng" and kind in form.kinds and len(form.parameters) == len(arrays) + 1:
            renamed = (*form.parameters[:-1], source) if takes else form.parameters[:-1]
            return form, function if set(names) == set(renamed) else _by_position(function, renamed), takes
    label = name_of(function)
    wanted = ", or ".join(
        f"({', '.join(f.parameters[:-1])})" for f in FORMS if f.source == "rng" and kind in f.kinds
    )
    raise UnknownForm(
        f"{label}({', '.join(names)}) can't be a {kind} rule, which takes {wanted or 'something else'}"
    )


def scheme_rule(scheme: Scheme, name: str, *, depth: int = 2, support: int = 2) -> WalkRule:
    """A scheme, which drafts by itself, as a rule.

    Parameters
    ----------
    scheme, name
        The scheme, and how reports call it.
    depth
        Most drafts on a path of its trees.
    support
        The fewest tokens of positive probability that the draft's distributions need.
    """
    drafting = Drafting("its own drafts", depth, scheme.grow, support)
    following = getattr(scheme.walk, "following", None)
    return WalkRule(name, scheme.walk.verify, following, "a scheme", drafting=drafting)


def _made(rule: Any) -> Any:
    """What a class or a function without required parameters makes; other things as they are."""
    if inspect.isclass(rule):
        return rule()
    if callable(rule) and not hasattr(rule, "resolve") and not hasattr(rule, "verify"):
        required = _required(rule)
        if not required:
            return rule()
    return rule


def _required(function: Callable[..., Any]) -> list[str]:
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:
        raise UnknownForm(
            "the function's parameters can't be read; wrap it in a Python function of one of the forms"
        ) from None
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [x.name for x in parameters if x.default is inspect.Parameter.empty and x.kind not in kinds]


def _function_rule(function: Callable[..., Any], label: str, kind: str) -> Rule:
    names = _required(function)
    if names[-1:] in (["key"], ["generator"]):
        return _library_rule(function, label, kind, names)
    form = _by_name(names) if kind == "auto" else _by_kind(names, kind, label)
    if form is None:
        raise UnknownForm(f"{label}({', '.join(names)}) has none of the known forms; {_choices()}")
    call = function if set(names) == set(form.parameters) else _by_position(function, form.parameters)
    if form == CHANCE_NODE:
        return NodeRule(label, call, form=f"{form.title}, {form}", default_laws=("iid",))
    if form == CHANCE_TREE:
        return WalkRule(label, call, form=f"{form.title}, {form}")
    from specsim.testing.blackbox.generator_rules import generator_rule

    return generator_rule(form, call, label)


def _library_rule(function: Callable[..., Any], label: str, kind: str, names: list[str]) -> Rule:
    """A function of JAX arrays and a ``key``, or of torch tensors and a ``generator``."""
    form = _by_name([*names[:-1], "rng"])
    if kind == "auto" and form is None:
        raise UnknownForm(f"{label}({', '.join(names)}) has none of the known forms; {_choices()}")
    chosen = kind if form is None or kind != "auto" else form.kinds[0]
    if names[-1] == "key":
        from specsim.testing.blackbox.jax_backend import jax_rule

        return jax_rule(function, kind=chosen, name=label)
    from specsim.testing.blackbox.torch_backend import torch_rule

    return torch_rule(function, kind=chosen, name=label)


def _by_name(names: list[str]) -> Form | None:
    return next((form for form in FORMS if set(form.parameters) == set(names)), None)


def _by_kind(names: list[str], kind: str, label: str) -> Form:
    matching = [form for form in FORMS if kind in form.kinds and len(form.parameters) == len(names)]
    against_chance = names[-1:] == ["chance"]
    matching = [form for form in matching if (form.source == "chance") == against_chance]
    if not matching:
        wanted = " or ".join(str(form) for form in FORMS if kind in form.kinds)
        raise UnknownForm(f"{label}({', '.join(names)}) can't be a {kind} rule, which is {wanted}")
    return matching[0]


def _by_position(function: Callable[..., Any], names: tuple[str, ...]) -> Callable[..., Any]:
    """The function, called by keyword."""

    def call(**given: Any) -> Any:
        return function(*(given[name] for name in names))

    return call


def _choices() -> str:
    forms = ", ".join(str(form) for form in FORMS)
    return (
        f"give a coupling, a walk, or a function {forms}, with 'key' in place of 'rng' for JAX and "
        "'generator' for torch; or say its kind, and it is called by position"
    )
