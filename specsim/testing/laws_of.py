"""The law of one rule on one case of the caller's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import ArrayLike

from specsim.testing.cases import Case, Drafting, Level, NodeCase, TreeCase
from specsim.testing.families import chosen_families
from specsim.testing.forms import as_rule
from specsim.testing.joint import found_law
from specsim.testing.tables import TableModel
from theory.laws import Law, Tokens
from theory.simplex import check_distribution

Table = TableModel | Mapping[Tokens, Any]


def law_of(
    rule: Any,
    *,
    p: ArrayLike | None = None,
    law: Law | None = None,
    target: Table | None = None,
    draft: Table | None = None,
    levels: Sequence[Level | tuple[str, int]] | None = None,
    rounds: int = 1,
    kind: str = "auto",
) -> dict[Tokens, Any]:
    """The law of what a rule emits, as a dictionary from tokens to probabilities.

    For a rule at one node give ``p`` and ``law``; for a tree rule ``target``, ``draft`` and ``levels``.

    Parameters
    ----------
    rule, kind
        As for :func:`assert_lossless`.
    p
        Target distribution, shape ``(V,)``.
    law
        The law of the drafts.
    target, draft
        Models, or tables from contexts to distributions; see :class:`TableModel`.
    levels
        For each depth how the children of a node are drawn, such as ``("iid", 2)``.
    rounds
        Rounds played before the tokens that are missing are drawn from the target.

    Returns
    -------
    dict
        Outcomes of positive probability: one token at a node, ``len(levels) + 1`` tokens over a tree
        (completed with samples of the target). Exact for fractions; floats are enumerated to rounding; for
        functions that own their randomness, probabilities are off by at most the resolution of the
        breakpoints.

    Raises
    ------
    ValueError
        If it is not clear which of the two cases is meant.

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> import numpy as np
    >>> from theory.couplings import Maximal
    >>> from theory.laws import Iid
    >>> p, q = np.array([F(1, 2), F(1, 2), F(0)]), np.array([F(1, 4), F(1, 4), F(1, 2)])
    >>> law_of(Maximal(), p=p, law=Iid(q, 1))
    {(0,): Fraction(1, 2), (1,): Fraction(1, 2)}
    """
    known = as_rule(rule, kind=kind)
    at_node = p is not None and law is not None
    over_tree = target is not None and draft is not None and levels is not None
    if at_node == over_tree:
        raise ValueError(
            "law_of needs p and law for a rule at one node, or target, draft and levels for a tree rule"
        )
    if known.at_node != at_node:
        wanted = "p and law" if known.at_node else "target, draft and levels"
        raise ValueError(f"{known.name} is {known.form}; give {wanted}")
    case: Case
    if p is not None and law is not None:
        checked = check_distribution(p)
        drafters = tuple(getattr(law, "drafters", ())) or (law.over(checked.size).conditional(()),)
        case = NodeCase(checked.copy(), law.over(checked.size), type(law).__name__, drafters)
    else:
        drafting = Drafting.by_levels([_level(level) for level in levels or ()])
        case = TreeCase(_table(target), _table(draft), drafting, rounds)
    found = found_law(known, case).law
    return {tokens: mass for tokens, mass in sorted(found.items()) if mass > 0}


def _table(model: Table | None) -> TableModel:
    assert model is not None
    return model if isinstance(model, TableModel) else TableModel(model)


def _level(level: Level | tuple[str, int]) -> Level:
    if isinstance(level, Level):
        return level
    name, k = level
    return Level(chosen_families(name)[0], k)
