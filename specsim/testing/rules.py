"""Rules in the project's own form: programs against a ``chance``, at one node or over a tree.

An audit sees every rule through two methods: ``takes`` says whether the rule is made for a case, and ``play``
returns one round of it, all runs with their weights.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, Protocol

import numpy as np

from specsim.testing.cases import Case, Drafting, NodeCase, TreeCase
from specsim.testing.paths import Emission, Round, enumerate_round, spoiled_arrays
from specsim.testing.tables import ScratchModel
from theory.chance import Chance
from theory.couplings import NoClosedForm, Resolution
from theory.laws import Tokens
from theory.tree import DraftTree
from theory.walks import Model, Verified

#: Most runs of one enumeration: far more than any rule needs at the sizes of an audit.
PATH_LIMIT = 200_000


class BadOutput(ValueError):
    """A rule returned something that is no token, or no sequence of tokens."""


class Rule(Protocol):
    """What an audit needs of a rule."""

    @property
    def name(self) -> str:
        """How reports call the rule."""
        ...

    @property
    def form(self) -> str:
        """As what the rule was recognised."""
        ...

    @property
    def at_node(self) -> bool:
        """Whether the rule resolves one node; otherwise it verifies a tree."""
        ...

    @property
    def drafting(self) -> Drafting | None:
        """How the rule drafts, where it brings that with it."""
        ...

    @property
    def default_laws(self) -> tuple[str, ...] | None:
        """Laws of drafts that it is examined on, unless told otherwise; None is all."""
        ...

    @property
    def default_drafts(self) -> tuple[int, ...]:
        """Numbers of drafts, unless told otherwise."""
        ...

    @property
    def default_examples(self) -> int:
        """Cases of each family of laws, unless told otherwise."""
        ...

    @property
    def shrinking(self) -> tuple[int, int]:
        """What may be spent on making a case readable: cases while shrinking, small cases tried."""
        ...

    @property
    def repetitions(self) -> int:
        """How often a law is computed anew before the rule is called wrong."""
        ...

    @property
    def method(self) -> str:
        """How its law is computed where it is not in fractions: ``floats`` or ``extracted``."""
        ...

    def play(self, case: Case, *, context: Tokens = (), target: Model | None = None) -> Round:
        """One round on a case, in a context and against a target that starts there (None: the case's)."""
        ...

    def claimed_acceptance(self, case: Case) -> Any:
        """The acceptance probability by the rule's own closed form, or None where it has none."""
        ...


@dataclass(frozen=True)
class NodeRule:
    """A rule at one node, ``resolve(p=, drafts=, law=, chance=)``, that returns a token or a Resolution."""

    name: str
    resolve: Callable[..., Any]
    acceptance: Callable[..., Any] | None = None
    form: str = "a node rule against chance"
    default_laws: tuple[str, ...] | None = None
    default_drafts: tuple[int, ...] = (1, 2)
    default_examples: int = 200
    drafting: ClassVar[None] = None
    at_node: ClassVar[bool] = True
    shrinking: ClassVar[tuple[int, int]] = (600, 250)
    repetitions: ClassVar[int] = 12
    method: ClassVar[str] = "floats"

    def play(self, case: Case, *, context: Tokens = (), target: Model | None = None) -> Round:
        assert isinstance(case, NodeCase)

        def verify(drafts: Tokens, chance: Chance) -> Emission:
            p = case.p.copy()
            answer = self.resolve(p=p, drafts=drafts, law=case.law, chance=chance)
            spoiled = spoiled_arrays({"p": (p, case.p)})
            return node_emission(answer, drafts, case.p.size, spoiled)

        return enumerate_round(case.law.sample, verify, limit=PATH_LIMIT)

    def claimed_acceptance(self, case: Case) -> Any:
        assert isinstance(case, NodeCase)
        if self.acceptance is None:
            return None
        try:
            return self.acceptance(p=case.p, law=case.law)
        except NoClosedForm:
            return None


@dataclass(frozen=True)
class WalkRule:
    """A rule over a tree, ``verify(tree=, target=, chance=)``, that returns tokens or a Verified.

    ``following(depth=, target=, draft=, emitted=)``, where there is one, makes the target of the next round.
    """

    name: str
    verify: Callable[..., Any]
    following: Callable[..., Model] | None = None
    form: str = "a tree rule against chance"
    default_laws: tuple[str, ...] | None = ("iid", "without-replacement", "point")
    default_drafts: tuple[int, ...] = (1, 2)
    default_examples: int = 60
    drafting: Drafting | None = None
    at_node: ClassVar[bool] = False
    shrinking: ClassVar[tuple[int, int]] = (150, 60)
    repetitions: ClassVar[int] = 3
    method: ClassVar[str] = "floats"

    def play(self, case: Case, *, context: Tokens = (), target: Model | None = None) -> Round:
        assert isinstance(case, TreeCase)
        base = shifted_to(case.target, context) if target is None else target
        draft = shifted_to(case.draft, context)

        def verify(tree: DraftTree, chance: Chance) -> Emission:
            scratch = ScratchModel(base)
            answer = self.verify(tree=tree, target=scratch, chance=chance)
            emission = tree_emission(answer, tree, case.target.vocabulary, scratch)
            if self.following is None:
                return emission
            after = self.following(depth=tree.depth, target=base, draft=draft, emitted=emission.tokens)
            return replace(emission, following=after)

        return enumerate_round(partial(case.grow, draft=draft), verify, limit=PATH_LIMIT)

    def claimed_acceptance(self, case: Case) -> Any:
        return None


def shifted_to(model: Model, context: Tokens) -> Model:
    """The model after a context."""
    return (lambda prefix: model((*context, *prefix))) if context else model


def as_token(value: Any, vocabulary: int) -> int:
    """A token id, or :class:`BadOutput`.

    Examples
    --------
    >>> as_token(np.int64(2), 3)
    2
    """
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.reshape(())[()]
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | np.integer):
        raise BadOutput(
            f"a rule returns a token id (an integer), got {value!r} of type {type(value).__name__}"
        )
    if not 0 <= value < vocabulary:
        raise BadOutput(f"a rule returned the token {value}, outside of a vocabulary of {vocabulary}")
    return int(value)


def as_tokens(values: Any, vocabulary: int) -> Tokens:
    """A non-empty sequence of token ids, or :class:`BadOutput`."""
    try:
        listed = list(values)
    except TypeError:
        raise BadOutput(
            f"a tree rule returns the list of emitted tokens, got {values!r} of type {type(values).__name__}"
        ) from None
    if not listed:
        raise BadOutput("a tree rule emits at least one token a round, got none")
    return tuple(as_token(value, vocabulary) for value in listed)


def node_emission(answer: Any, drafts: Tokens, vocabulary: int, spoiled: str | None) -> Emission:
    """What a node rule's answer says: a bare token, or a resolution with its claim."""
    if not isinstance(answer, Resolution):
        return Emission((as_token(answer, vocabulary),), None, None, spoiled)
    token, slot = as_token(answer.token, vocabulary), answer.slot
    fault = None
    if slot is not None and not (0 <= slot < len(drafts) and drafts[slot] == token):
        fault = f"it says that draft number {slot} of {drafts} was accepted, but it emitted token {token}"
    return Emission((token,), answer.accepted, fault, spoiled)


def tree_emission(answer: Any, tree: DraftTree, vocabulary: int, scratch: ScratchModel) -> Emission:
    """What a tree rule's answer says: bare tokens, or a Verified with its claim."""
    spoiled = scratch.spoiled()
    words = f"the target's row after {spoiled[0]}" if spoiled else None
    if not isinstance(answer, Verified):
        return Emission(as_tokens(answer, vocabulary), None, None, words)
    tokens = as_tokens(answer.tokens, vocabulary)
    last = answer.path[-1] if answer.path else 0
    fault = None
    if tree.path(last) != answer.path or tree.prefix(last) != tokens[:-1]:
        fault = f"it says that the nodes {answer.path} were accepted, but it emitted the tokens {tokens}"
    return Emission(tokens, len(answer.path) > 0, fault, words)
