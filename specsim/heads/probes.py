r"""Data for the two probes, and how well a score tells right from wrong.

* :func:`judged`: the target's states at the tokens of answers that can be checked
  (:mod:`specsim.heads.checkable`), for the judge; the score to beat is the target's own probability of the
  token.
* :func:`drafted`: a draft's states at tokens it drew itself behind the target's text, with the label
  :math:`\min(1, p / q)`, for the acceptance head; the scores to beat are the draft's probability of the
  token, its largest one, and its entropy.

A score is measured by the area under the curve: the probability that a right token scores above a wrong one
(one half for a tie). With soft labels a token is right with its label's weight and wrong with the rest. No
threshold on the score can do better than the whole curve says, so comparing areas compares all thresholds
at once; :func:`best_accuracy` is the best single one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from specsim.heads.checkable import Answer
from specsim.models import Full, LayerMask, Model, hidden_states, logits
from specsim.models.config import Array
from specsim.models.steps import BUCKET, round_up
from specsim.training.batched import generate_batch

#: Contexts that are continued at once.
_BATCH = 32


@dataclass(frozen=True, eq=False)
class States:
    """States with labels.

    Attributes
    ----------
    hidden
        Shape ``(N, D)``.
    label
        In [0, 1], shape ``(N,)``.
    group
        Which text each is from, shape ``(N,)``.
    scores
        Scores to beat, by name, each ``(N,)``; larger means more likely right.
    """

    hidden: Array
    label: Array
    group: Array
    scores: Mapping[str, Array]


def judged(model: Model, answers: Sequence[Answer]) -> States:
    """The target's states at every token of the answers that counts; a forward pass an answer."""
    parts = [_judged(model, number, answer) for number, answer in enumerate(answers)]
    return _together(parts)


def _judged(model: Model, number: int, answer: Answer) -> States:
    places = np.flatnonzero(answer.weight)
    hidden = hidden_states(model, answer.tokens, {"target": Full()})["target"]
    log_p = _log_law(model, hidden[places - 1])
    score = log_p[np.arange(len(places)), answer.tokens[places]]
    group = np.full(len(places), number)
    return States(hidden[places], answer.label[places], group, {"p": score})


def drafted(
    model: Model, view: LayerMask, contexts: Sequence[Array], *, count: int, seed: int, groups: Sequence[int]
) -> States:
    """A draft's states at tokens it drew behind contexts.

    Parameters
    ----------
    model, view
        The target, and the layers of it that are the draft.
    contexts
        Token ids; the draft continues each by ``count`` tokens at temperature 1.
    count, seed
        How many, and of the draws.
    groups
        Which text each context is from.
    """
    kept = view.layers(model.config)
    small = replace(
        model,
        params=model.params | {"layers": [model.params["layers"][number] for number in kept]},
        config=replace(model.config, layers=len(kept)),
    )
    parts = []
    for first in range(0, len(contexts), _BATCH):
        some = [context.tolist() for context in contexts[first : first + _BATCH]]
        seeds = [seed * 1_000_003 + first + place for place in range(len(some))]
        new = generate_batch(small, some, max_new_tokens=count, temperatures=[1.0] * len(some), seeds=seeds)
        for place, (context, drawn) in enumerate(zip(some, new, strict=True)):
            parts.append(_drafted(model, view, context, drawn, groups[first + place]))
    return _together(parts)


def _drafted(
    model: Model, view: LayerMask, context: Sequence[int], drawn: Sequence[int], group: int
) -> States:
    text = np.array([*context, *drawn], dtype=np.int32)
    found = hidden_states(model, text, {"p": Full(), "q": view})
    before = np.arange(len(context) - 1, len(text) - 1)
    row, token = np.arange(len(before)), text[before + 1]
    log_p, log_q = (_log_law(model, found[name][before]) for name in ("p", "q"))
    own = log_q[row, token]
    scores = {"q": own, "top": log_q.max(axis=-1), "certainty": (np.exp(log_q) * log_q).sum(axis=-1)}
    label = np.minimum(1.0, np.exp(log_p[row, token] - own))
    return States(found["q"][before + 1], label, np.full(len(before), group), scores)


def _log_law(model: Model, hidden: Array) -> Array:
    padded = np.pad(hidden, ((0, round_up(len(hidden), BUCKET) - len(hidden)), (0, 0)))  # few shapes
    rows = np.asarray(logits(model.params, jnp.asarray(padded)), dtype=np.float64)[: len(hidden)]
    rows -= rows.max(axis=-1, keepdims=True)
    law: Array = rows - np.log(np.exp(rows).sum(axis=-1, keepdims=True))
    return law


def _together(parts: Sequence[States]) -> States:
    return States(
        hidden=np.concatenate([part.hidden for part in parts]),
        label=np.concatenate([part.label for part in parts]),
        group=np.concatenate([part.group for part in parts]),
        scores={name: np.concatenate([part.scores[name] for part in parts]) for name in parts[0].scores},
    )


def area(score: ArrayLike, label: ArrayLike) -> float:
    """Probability that a right token scores above a wrong one; see the module's text. O(N log N).

    Raises
    ------
    ValueError
        If all labels are right, or all wrong.

    Examples
    --------
    >>> area([0.9, 0.2, 0.4, 0.4], [1, 0, 1, 0])
    0.875
    """
    values, right = np.asarray(score, dtype=float), np.asarray(label, dtype=float)
    levels, place = np.unique(values, return_inverse=True)
    good = np.bincount(place, weights=right, minlength=len(levels))
    bad = np.bincount(place, weights=1 - right, minlength=len(levels))
    if not (good.sum() > 0 and bad.sum() > 0):
        raise ValueError("an area needs both right and wrong labels")
    below = np.cumsum(bad) - bad
    return float((good * (below + bad / 2)).sum() / (good.sum() * bad.sum()))


def best_accuracy(score: ArrayLike, label: ArrayLike) -> float:
    """Largest accuracy of any rule 'right if the score is above a threshold'.

    Examples
    --------
    >>> best_accuracy([0.9, 0.2, 0.4], [1, 0, 0])
    1.0
    """
    order = np.argsort(np.asarray(score, dtype=float), kind="stable")
    values, right = np.asarray(score, dtype=float)[order], np.asarray(label, dtype=float)[order]
    gained = right.sum() + np.concatenate([[0.0], np.cumsum(1 - 2 * right)])
    cut = np.concatenate([[True], values[1:] != values[:-1], [True]])
    return float(gained[cut].max() / len(values))


def area_error(score: Array, label: Array, group: Array, *, rounds: int = 200, seed: int = 0) -> float:
    """Standard error of :func:`area` by a bootstrap over texts."""
    rng, names = np.random.default_rng(seed), np.unique(group)
    rows = {name: np.flatnonzero(group == name) for name in names}
    found = []
    for _ in range(rounds):
        chosen = np.concatenate([rows[name] for name in rng.choice(names, size=len(names))])
        found.append(area(score[chosen], label[chosen]))
    return float(np.std(found, ddof=1))
