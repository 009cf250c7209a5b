r"""A classifier of positions: stop where the next draft is likely to be rejected (DISCO's kind).

Logistic regression on the draft's signals: top probability, entropy, how far into the round. DISCO uses a
small network; the rule is the same: compare the predicted probability with a threshold.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from specsim.policies.base import Features, Forgetful, Seen, check_length, check_share


@dataclass(frozen=True)
class Classifier(Forgetful):
    """Go on while the predicted acceptance is high enough.

    Lossless: yes. Source: Mamou et al. 2024 (DISCO), arXiv 2405.04304, with logistic regression.

    Parameters
    ----------
    weights
        Of: one, top probability, entropy, place in the round. From :func:`fit_classifier`.
    threshold
        Least predicted probability, in [0, 1].
    most
        Most drafts a round.
    looks
        Which position is asked.

    Examples
    --------
    >>> policy = Classifier(weights=(-2.0, 4.0, 0.0, 0.0))
    >>> policy.more(Seen((), here=Features(top=0.9, entropy=0.1)), None)
    True
    """

    weights: tuple[float, float, float, float]
    threshold: float = 0.5
    most: int = 20
    looks: Literal["behind", "here"] = "here"

    def __post_init__(self) -> None:
        if len(self.weights) != 4 or not all(math.isfinite(weight) for weight in self.weights):
            raise ValueError(f"weights must be four finite numbers, got {self.weights}")
        check_share("threshold", self.threshold)
        check_length("most", self.most, least=1)

    def more(self, seen: Seen, memory: Any) -> bool:
        """While the prediction is at least the threshold; without a position to ask, go on."""
        if seen.length >= self.most:
            return False
        if self.looks == "behind" and seen.length == 0:
            return True
        features = seen.at_hand() if self.looks == "here" else seen.drafted[-1]
        return self.predicted(features, seen.length) >= self.threshold

    def predicted(self, features: Features, place: int) -> float:
        """Probability that a draft there is accepted."""
        score = float(np.dot(self.weights, _signals(features, place)))
        return 1 / (1 + math.exp(-max(-700.0, min(700.0, score))))


def fit_classifier(
    examples: Sequence[tuple[Features, int, bool]], *, ridge: float = 1e-3, steps: int = 50
) -> tuple[float, float, float, float]:
    """Weights by ridge-penalised logistic regression (Newton's method): an estimate.

    Parameters
    ----------
    examples
        Features, place in the round, whether accepted; both outcomes must occur.
    ridge
        Penalty on squared weights, positive.
    steps
        Most Newton steps.

    Raises
    ------
    ValueError
        If there is only one outcome, or the penalty is not positive.

    Examples
    --------
    >>> sure, unsure = Features(top=0.9, entropy=0.2), Features(top=0.2, entropy=2.0)
    >>> weights = fit_classifier([(sure, 0, True), (unsure, 0, False)] * 20)
    >>> policy = Classifier(weights)
    >>> policy.predicted(sure, 0) > 0.9 > 0.1 > policy.predicted(unsure, 0)
    True
    """
    if not ridge > 0:
        raise ValueError(f"ridge must be positive, got {ridge}")
    if len({bool(accepted) for _, _, accepted in examples}) < 2:
        raise ValueError("a classifier needs examples of accepted and of rejected drafts")
    signals = np.array([_signals(features, place) for features, place, _ in examples])
    wanted = np.array([accepted for _, _, accepted in examples], dtype=np.float64)
    weights = np.zeros(4)
    for _ in range(steps):
        predicted = 1 / (1 + np.exp(-np.clip(signals @ weights, -700, 700)))
        slope = signals.T @ (predicted - wanted) + ridge * weights
        curve = (signals * (predicted * (1 - predicted))[:, None]).T @ signals + ridge * np.eye(4)
        step = np.linalg.solve(curve, slope)
        weights = weights - step
        if np.abs(step).max() < 1e-10:
            break
    first, second, third, fourth = (float(weight) for weight in weights)
    return first, second, third, fourth


def _signals(features: Features, place: int) -> tuple[float, float, float, float]:
    return 1.0, features.need("top"), features.need("entropy"), float(place)
