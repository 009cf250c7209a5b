r"""Superposed Decoding: k drafts from one call of the model a step.

All drafts are fed at once, as one *mixture* of their last tokens: draft i counts with
:math:`\gamma_i = w_i / \sum_j w_j`, its weight among the drafts. The model answers with one law p for all
of them; each draft joins it with its own n-gram mixture (:mod:`specsim.stores.ngram_mix`), offers its k best
tokens, and of the :math:`k^2` candidates the k of largest product are the next drafts. The first step takes
the k best tokens of the joined law at the context.

What the model makes of mixtures is not this module's business: it asks a callable. For a transformer that is
the forward pass on mixed embeddings. In a world of tables it is :func:`multilinear`, the mean of the rows
under the mixtures: for a table of order one just :math:`\sum_i \gamma_i\, \text{row}(x_i)`, exactly what
the method hopes a transformer to do.

The drafts carry no law of their own: they are chosen, point masses, so any model verifies them without loss.

Complexity: ``length`` calls whatever k is; k counts of n-grams and a choice of k from k^2 a step
Source: Shen et al. 2024 (Superposed Decoding), arXiv 2405.18400; k = 3, length 10, alpha about 1/2,
temperature about 0.05
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

import numpy as np

from specsim.stores.datastore import Array
from specsim.stores.ngram_mix import NGramMix, joined_scores
from specsim.stores.text import Tokens
from theory.shapes.dynamic import tree_of_paths
from theory.tree import DraftTree

#: What is fed at one position: tokens (each once) and their weights, which sum to one.
Mixture = tuple[tuple[int, Any], ...]

#: The law of the next token after some mixtures, counted from the committed context; shape ``(V,)``.
SuperposedLaw = Callable[[tuple[Mixture, ...]], Array]


@dataclass(frozen=True)
class Drafts:
    """What the search found.

    Attributes
    ----------
    paths
        The drafts, the heaviest first.
    log_weights
        Logarithms of their products of scores.
    mixtures
        What was fed at each step after the context; the model was called once more than there are.
    """

    paths: tuple[Tokens, ...]
    log_weights: tuple[float, ...]
    mixtures: tuple[Mixture, ...]

    def tree(self, *, vocabulary: int, budget: int | None = None) -> DraftTree:
        """The drafts as a tree of point masses, the heaviest draft's nodes first, cut at the budget."""
        tree = tree_of_paths(list(self.paths), vocabulary=vocabulary)
        if budget is None or tree.size <= budget:
            return tree
        return tree_of_paths([tree.prefix(node) for node in range(1, budget + 1)], vocabulary=vocabulary)


@dataclass(frozen=True)
class Superposed:
    """The search.

    Parameters
    ----------
    drafts
        k, at least 1.
    length
        Tokens of a draft, at least 1.
    ngrams
        The n-gram mixture, or None for the model alone (all drafts then rank tokens alike).
    alpha, penalty
        As in :func:`~specsim.stores.ngram_mix.joined_scores`.
    temperature
        The model's law is raised to its inverse before it is joined; positive.
    considered
        The tokens that a draft may go on with: so many likeliest of the model's law, at least k.

    Examples
    --------
    >>> rows = np.array([[0.0, 0.6, 0.4], [0.1, 0.1, 0.8], [0.5, 0.3, 0.2]])
    >>> law = multilinear(lambda prefix: rows[prefix[-1]], context=(0,), order=1)
    >>> found = Superposed(drafts=2, length=2).search(law, context=(0,))
    >>> found.paths, [tuple(round(float(w), 2) for _, w in mixture) for mixture in found.mixtures]
    (((1, 2), (2, 2)), [(0.6, 0.4)])
    """

    drafts: int = 3
    length: int = 10
    ngrams: NGramMix | None = None
    alpha: float = 0.48
    penalty: float = 200.0
    temperature: float = 1.0
    considered: int | None = None

    def __post_init__(self) -> None:
        if self.drafts < 1 or self.length < 1 or not self.temperature > 0:
            raise ValueError(
                "drafts and length must be at least 1 and temperature positive, got "
                f"drafts={self.drafts}, length={self.length}, temperature={self.temperature}"
            )
        if self.considered is not None and self.considered < self.drafts:
            raise ValueError(f"considered must be at least drafts={self.drafts}, got {self.considered}")

    def search(self, law: SuperposedLaw, *, context: Sequence[int]) -> Drafts:
        """The drafts after a context.

        Parameters
        ----------
        law
            The model's law after mixtures; it knows the context.
        context
            Committed tokens, for the n-grams.

        Notes
        -----
        Ties go to the earlier draft, then to the token likelier under the model, then to the smaller one.
        Drafts are fewer than k where the law has fewer tokens of positive probability.
        """
        beam: list[tuple[float, Tokens]] = [(0.0, ())]
        mixtures: tuple[Mixture, ...] = ()
        for step in range(self.length):
            tokens, log_p = self._row(law(mixtures))
            offered = [
                (weight + gain, (*path, token))
                for weight, path in beam
                for gain, token in self._offers((*context, *path), tokens, log_p)
            ]
            beam = sorted(offered, key=lambda candidate: -candidate[0])[: self.drafts]
            if step + 1 < self.length:
                mixtures = (*mixtures, _mixture(beam))
        return Drafts(tuple(path for _, path in beam), tuple(weight for weight, _ in beam), mixtures)

    def _row(self, p: Array) -> tuple[Tokens, Array]:
        """The tokens considered, likeliest first, and the logarithms of their tempered law."""
        row = np.asarray(p, dtype=np.float64)
        live = np.flatnonzero(row > 0)
        order = live[np.argsort(-row[live], kind="stable")][: self.considered or 3 * self.drafts]
        scaled = np.log(row[order]) / self.temperature
        return tuple(order.tolist()), scaled - np.logaddexp.reduce(scaled)

    def _offers(self, context: Tokens, tokens: Tokens, log_p: Array) -> list[tuple[float, int]]:
        scores = log_p
        if self.ngrams is not None:
            scores = joined_scores(
                log_p=log_p,
                tokens=tokens,
                mass=self.ngrams(context),
                alpha=self.alpha,
                penalty=self.penalty,
            )
        best = np.argsort(-scores, kind="stable")[: self.drafts]
        return [(float(scores[i]), tokens[i]) for i in best if scores[i] > -np.inf]


def multilinear(row: Callable[[Tokens], Array], *, context: Sequence[int], order: int) -> SuperposedLaw:
    r"""The superposed law of a table: the mean of its rows, positions mixed independently of each other.

    Only the last ``order`` positions matter, so :math:`\sum \prod_t \gamma_t(x_t)\, \text{row}(x)` runs
    over the mixtures of these. It is linear in each mixture. For order one it is the mean over the drafts;
    for higher orders it is not, as mixtures forget which tokens belong to one draft (as they do for a
    transformer).

    Parameters
    ----------
    row
        The table: a distribution after a prefix, which holds the context.
    context
        Committed tokens.
    order
        How many of the last tokens the table looks at, at least 1.

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> rows = {0: [F(1), F(0)], 1: [F(1, 2), F(1, 2)]}
    >>> law = multilinear(lambda prefix: np.array(rows[prefix[-1]]), context=(0,), order=1)
    >>> law((((0, F(1, 3)), (1, F(2, 3))),)).tolist()
    [Fraction(2, 3), Fraction(1, 3)]
    """
    if order < 1:
        raise ValueError(f"order must be at least 1, got {order}")
    start = tuple(context)

    def law(mixtures: tuple[Mixture, ...]) -> Array:
        head = mixtures[: max(0, len(mixtures) - order)]
        # what lies further back can't matter: the heaviest token stands for it
        fixed = tuple(max(mixture, key=lambda entry: entry[1])[0] for mixture in head)
        rows = [
            prod(weight for _, weight in chosen) * row((*start, *fixed, *(token for token, _ in chosen)))
            for chosen in product(*mixtures[len(head) :])
        ]
        return np.asarray(sum(rows[1:], start=rows[0]))

    return law


def _mixture(beam: Sequence[tuple[float, Tokens]]) -> Mixture:
    """The last tokens of the drafts with their shares, equal tokens taken together, by token."""
    weights = np.exp(np.array([weight for weight, _ in beam]) - beam[0][0])
    shares: dict[int, float] = {}
    for (_, path), share in zip(beam, (weights / weights.sum()).tolist(), strict=True):
        shares[path[-1]] = shares.get(path[-1], 0.0) + share
    return tuple(sorted(shares.items()))
