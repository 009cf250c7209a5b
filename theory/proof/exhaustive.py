"""Exhaustive proofs: the exact law of a program, held against the target's.

With fractions the law that enumeration returns is exact, so 'lossless' is an equality of dictionaries.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from theory.chance import Chance, Enumerated
from theory.couplings.base import Coupling, Resolution
from theory.laws import Law, Tokens
from theory.simplex import Array
from theory.tree import DraftTree
from theory.walks import TopDown


def resolve_fresh(coupling: Coupling, p: Array, law: Law, chance: Chance) -> Resolution:
    """Draw drafts from the law and resolve them: one whole round at one node."""
    return coupling.resolve(p=p, drafts=law.sample(chance), law=law, chance=chance)


def output_law(*, coupling: Coupling, p: Array, law: Law) -> Array:
    """The law of the emitted token, shape ``(V,)``; exact for fractions.

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> from theory.couplings import Maximal
    >>> from theory.laws import Iid
    >>> p = np.array([F(1, 2), F(1, 3), F(1, 6)])
    >>> q = np.array([F(1, 4), F(1, 4), F(1, 2)])
    >>> output_law(coupling=Maximal(), p=p, law=Iid(q, 1)).tolist() == p.tolist()
    True
    """
    law_of_token = Enumerated().law(lambda chance: resolve_fresh(coupling, p, law, chance).token)
    return np.array([law_of_token.get(token, p[token] * 0) for token in range(p.size)], dtype=p.dtype)


def enumerated_acceptance(*, coupling: Coupling, p: Array, law: Law) -> Any:
    """Probability that the emitted token was drafted; exact for fractions.

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> from theory.couplings import Maximal
    >>> from theory.laws import Iid
    >>> p = np.array([F(1, 2), F(1, 3), F(1, 6)])
    >>> q = np.array([F(1, 4), F(1, 4), F(1, 2)])
    >>> enumerated_acceptance(coupling=Maximal(), p=p, law=Iid(q, 1))
    Fraction(2, 3)
    """
    outcome = Enumerated().law(lambda chance: resolve_fresh(coupling, p, law, chance).accepted)
    return outcome.get(True, p[0] * 0)


def joint_law(
    *,
    walk: TopDown,
    grow: Callable[[Chance], DraftTree],
    target: Callable[[Tokens], Array],
    length: int,
) -> dict[Tokens, Any]:
    """The joint law of the first ``length`` tokens: one round, completed with samples of the target.

    Parameters
    ----------
    walk
        The verifier.
    grow
        Draws the draft tree through the chance it is given.
    target
        The target's next-token distribution after a prefix.
    length
        Number of tokens; at least the tree's depth plus one, so that no emitted token is cut.

    Raises
    ------
    ValueError
        If a grown tree is too deep for ``length``.
    """

    def program(chance: Chance) -> Tokens:
        tree = grow(chance)
        if length <= tree.depth:
            raise ValueError(
                f"length is {length}, but a tree of depth {tree.depth} emits up to {tree.depth + 1} tokens; "
                "none may be cut, so give at least that"
            )
        tokens = walk.verify(tree=tree, target=target, chance=chance).tokens
        while len(tokens) < length:
            tokens = (*tokens, chance.draw(target(tokens), stream="completion"))
        return tokens

    return Enumerated().law(program)


def target_law(*, target: Callable[[Tokens], Array], length: int) -> dict[Tokens, Any]:
    """The target's own joint law of its first ``length`` tokens."""
    law: dict[Tokens, Any] = {(): 1}
    for _ in range(length):
        law = {
            (*prefix, token): weight * probability
            for prefix, weight in law.items()
            for token, probability in enumerate(target(prefix))
            if probability > 0
        }
    return law
