"""SpecDec++: stop once a rejection has become likely enough."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from specsim.policies.base import Forgetful, Seen, check_length, check_share


@dataclass(frozen=True)
class SpecDecPlusPlus(Forgetful):
    """Stop if one minus the product of the confidences exceeds a threshold.

    Lossless: yes. Source: Huang et al. 2024 (SpecDec++), arXiv 2405.19715; bounds and threshold as in its
    code.

    Parameters
    ----------
    threshold
        In [0, 1].
    least, most
        Drafts a round in any case, and at most.
    lag
        Confidences left out at the end. In the published code a head's output belongs to the token consumed
        last, so the newest draft's is not in the product: 1. With 0 all are in.

    Examples
    --------
    >>> from specsim.policies.base import Features
    >>> policy = SpecDecPlusPlus(threshold=0.3, least=0)
    >>> [policy.more(Seen((Features(confidence=sure),)), None) for sure in (0.9, 0.6)]
    [True, False]
    """

    threshold: float = 0.3
    least: int = 2
    most: int = 20
    lag: int = 0

    def __post_init__(self) -> None:
        check_share("threshold", self.threshold)
        check_length("least", self.least)
        check_length("most", self.most, least=self.least)
        check_length("lag", self.lag)

    def more(self, seen: Seen, memory: Any) -> bool:
        """While the product is large enough, within the bounds."""
        if seen.length < self.least or seen.length >= self.most:
            return seen.length < self.least
        counted = seen.drafted[: max(0, seen.length - self.lag)]
        belief = math.prod(features.need("confidence") for features in counted)
        return 1 - belief <= self.threshold
