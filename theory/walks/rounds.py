r"""Schemes and rounds: how a tree is drawn, how it is verified, and what several rounds emit.

A :class:`Scheme` holds both halves of a method. :func:`emitted` runs some rounds of it, each from the
context that the last one committed, and completes the text with samples of the target: the joint law of its
first n tokens must be the target's for every n and every number of rounds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from theory.chance import Chance, Enumerated
from theory.laws import Law, Tokens
from theory.simplex import Array
from theory.tree import DraftTree, grow_levels
from theory.walks.base import CarryingWalk, Model, Walk, shifted


class Grower(Protocol):
    """Draws the draft tree of one round."""

    def __call__(self, *, draft: Model, chance: Chance) -> DraftTree:
        """A tree; ``draft`` is a model over prefixes that start at the committed context."""
        ...


@dataclass(frozen=True)
class Levels:
    """Every node of a level gets children of that level's law.

    Parameters
    ----------
    branching
        For each level the law of a node's children, made from the draft's distribution there.

    Examples
    --------
    >>> import numpy as np
    >>> from theory.chance import Sampled
    >>> from theory.laws import Iid, Point
    >>> grow = Levels((lambda q: Point.top(q, 2), lambda q: Iid(q, 1)))
    >>> q = np.array([0.1, 0.9, 0.0])
    >>> grow(draft=lambda prefix: q, chance=Sampled(np.random.default_rng(0))).parents
    (-1, 0, 0, 1, 2)
    """

    branching: tuple[Callable[[Array], Law], ...]

    def __call__(self, *, draft: Model, chance: Chance) -> DraftTree:
        """Draw the tree; a node of depth d draws from the stream ``draft/d``."""
        return grow_levels(draft=draft, branching=self.branching, chance=chance)


@dataclass(frozen=True)
class Scheme:
    """A way to draft and the walk that verifies it.

    Parameters
    ----------
    grow
        Draws a round's tree.
    walk
        Verifies it.
    """

    grow: Grower
    walk: Walk

    @property
    def lossless(self) -> bool:
        """Whether the walk is."""
        return self.walk.lossless


def emitted(
    *, scheme: Scheme, target: Model, draft: Model, rounds: int, length: int, chance: Chance
) -> Tokens:
    """The first tokens that some rounds emit, completed with samples of the target: one program.

    Parameters
    ----------
    scheme
        How to draft and verify.
    target, draft
        Models over prefixes.
    rounds
        Most rounds run; no further round starts once ``length`` tokens are there.
    length
        Number of tokens returned.
    chance
        Randomness; the completion asks the stream ``completion``.

    Examples
    --------
    >>> import numpy as np
    >>> from theory.chance import Sampled
    >>> from theory.couplings import Maximal
    >>> from theory.laws import Iid
    >>> from theory.walks import TopDown
    >>> scheme = Scheme(Levels((lambda q: Iid(q, 1),) * 2), TopDown(Maximal()))
    >>> certain = lambda prefix: np.array([0.0, 1.0, 0.0])
    >>> emitted(scheme=scheme, target=certain, draft=certain, rounds=2, length=5,
    ...         chance=Sampled(np.random.default_rng(0)))
    (1, 1, 1, 1, 1)
    """
    tokens, current = run_rounds(
        scheme=scheme, target=target, draft=draft, rounds=rounds, at_least=length, chance=chance
    )
    rest: Tokens = ()
    while len(tokens) + len(rest) < length:
        rest = (*rest, chance.draw(current(rest), stream="completion"))
    return (*tokens, *rest)[:length]


def run_rounds(
    *, scheme: Scheme, target: Model, draft: Model, rounds: int, at_least: int, chance: Chance
) -> tuple[Tokens, Model]:
    """Run rounds until there are enough tokens; all that they emitted, and the target of a next round.

    Parameters
    ----------
    scheme, target, draft, chance
        As in :func:`emitted`.
    rounds
        Most rounds run.
    at_least
        No further round starts once there are so many tokens.
    """
    tokens: Tokens = ()
    current = target
    for _ in range(rounds):
        if len(tokens) >= at_least:
            break
        local = shifted(draft, tokens)
        new, depth = _round(scheme, current, local, chance)
        current = next_target(scheme, depth=depth, target=current, draft=local, emitted=new)
        tokens = (*tokens, *new)
    return tokens, current


def _round(scheme: Scheme, target: Model, draft: Model, chance: Chance) -> tuple[Tokens, int]:
    tree = scheme.grow(draft=draft, chance=chance)
    return scheme.walk.verify(tree=tree, target=target, chance=chance).tokens, tree.depth


def next_target(scheme: Scheme, *, depth: int, target: Model, draft: Model, emitted: Tokens) -> Model:
    """The target of the round after one that emitted some tokens: its own, or what the walk carries over."""
    if isinstance(scheme.walk, CarryingWalk):
        return scheme.walk.following(depth=depth, target=target, draft=draft, emitted=emitted)
    return shifted(target, emitted)


def law_of_rounds(
    *, scheme: Scheme, target: Model, draft: Model, rounds: int, length: int
) -> dict[Tokens, Any]:
    """The joint law of the first ``length`` tokens over some rounds; exact for fractions.

    The law of :func:`emitted`. Each round is enumerated once from every text the rounds before it can have
    committed, not once for every path to it: what a round does depends on that text alone (and, for walks
    that carry a target over, on where its rounds ended).

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> import numpy as np
    >>> from theory.couplings import Maximal
    >>> from theory.laws import Iid
    >>> from theory.walks import TopDown
    >>> p, q = np.array([F(1, 2), F(1, 2)]), np.array([F(1, 4), F(3, 4)])
    >>> scheme = Scheme(Levels((lambda q: Iid(q, 1),)), TopDown(Maximal()))
    >>> law = law_of_rounds(
    ...     scheme=scheme, target=lambda prefix: p, draft=lambda prefix: q, rounds=2, length=3)
    >>> set(law.values())
    {Fraction(1, 8)}
    """
    texts: _Texts = {((), ()): (1, target)}
    for _ in range(rounds):
        texts = _after_round(texts, scheme, draft, length)
    law: dict[Tokens, Any] = {}
    for (tokens, _), (mass, current) in texts.items():
        for completed, weight in _completions(tokens, current, length).items():
            law[completed] = law.get(completed, 0) + mass * weight
    return law


#: A text and where its rounds ended (for walks that carry a target over) -> its mass and the next target.
_Texts = dict[tuple[Tokens, Tokens], tuple[Any, Model]]


def _after_round(texts: _Texts, scheme: Scheme, draft: Model, length: int) -> _Texts:
    out: _Texts = {}
    carries = isinstance(scheme.walk, CarryingWalk)
    for (tokens, ends), (mass, current) in texts.items():
        local = shifted(draft, tokens)
        for (new, depth), weight in _outcomes(scheme, current, local, len(tokens) < length).items():
            following = next_target(scheme, depth=depth, target=current, draft=local, emitted=new)
            text = (*tokens, *new)
            key = (text, (*ends, len(text)) if carries else ())
            before = out[key][0] if key in out else 0
            out[key] = (before + mass * weight, following)
    return out


def _outcomes(scheme: Scheme, target: Model, draft: Model, runs: bool) -> dict[tuple[Tokens, int], Any]:
    """Law of what a round emits, with the depth of its tree; nothing where no round is run any more."""
    if not runs:
        return {((), 0): 1}
    return Enumerated().law(lambda chance: _round(scheme, target, draft, chance))


def _completions(tokens: Tokens, current: Model, length: int) -> dict[Tokens, Any]:
    law: dict[Tokens, Any] = {(): 1}
    for _ in range(length - len(tokens)):
        law = {
            (*rest, token): weight * probability
            for rest, weight in law.items()
            for token, probability in enumerate(current(rest))
            if probability > 0
        }
    return {(*tokens, *rest)[:length]: weight for rest, weight in law.items()}


def expected_length(*, scheme: Scheme, target: Model, draft: Model) -> Any:
    """Expected number of accepted drafts in one round (bonus not counted), by enumeration.

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> import numpy as np
    >>> from theory.couplings import Maximal
    >>> from theory.laws import Iid
    >>> from theory.walks import TopDown
    >>> p, q = np.array([F(1, 2), F(1, 3), F(1, 6)]), np.array([F(1, 4), F(1, 4), F(1, 2)])
    >>> scheme = Scheme(Levels((lambda q: Iid(q, 1),) * 2), TopDown(Maximal()))
    >>> expected_length(scheme=scheme, target=lambda prefix: p, draft=lambda prefix: q)
    Fraction(10, 9)
    """

    def program(chance: Chance) -> int:
        tree = scheme.grow(draft=draft, chance=chance)
        return scheme.walk.verify(tree=tree, target=target, chance=chance).accepted_length

    return Enumerated().expectation(program)
