"""Cut-offs on the draft's distribution: Kangaroo (top-1), SVIP and AdaEDL (entropy).

All compare one position's q with a number. ``looks="here"`` asks before the position is submitted, at the
price of its draft step; ``"behind"`` asks the position submitted last, so its token still goes along.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from specsim.policies.base import Done, Features, Forgetful, Seen, check_length, check_share


@dataclass(frozen=True)
class TopOne(Forgetful):
    """Go on while the draft's largest probability is high enough.

    Lossless: yes. Source: Liu et al. 2024 (Kangaroo), arXiv 2404.18911; 0.6 and 6 as in its code, which never
    stops before the first draft.

    Parameters
    ----------
    threshold
        Least top probability, in [0, 1].
    most
        Most drafts a round.
    looks
        Which position is asked.

    Examples
    --------
    >>> TopOne(looks="here").more(Seen((Features(top=0.9),), here=Features(top=0.5)), None)
    False
    """

    threshold: float = 0.6
    most: int = 6
    looks: Literal["behind", "here"] = "here"

    def __post_init__(self) -> None:
        check_share("threshold", self.threshold)
        check_length("most", self.most, least=1)

    def more(self, seen: Seen, memory: Any) -> bool:
        """The first draft in any case, then by the threshold."""
        if seen.length == 0 or seen.length >= self.most:
            return seen.length == 0
        return _asked(seen, self.looks).need("top") >= self.threshold


@dataclass(frozen=True)
class Svip(Forgetful):
    r"""Stop if :math:`\sqrt{H_q}` exceeds a threshold.

    Lossless: yes. Source: Zhang et al. 2024 (SVIP), arXiv 2411.18462, from the bound acceptance
    :math:`\ge 1 - \sqrt{c H}`.

    Parameters
    ----------
    threshold
        Of the square root of the entropy in nats; at least 0.
    most
        Most drafts a round.
    looks
        Which position is asked.

    Examples
    --------
    >>> Svip().more(Seen((Features(entropy=0.01),)), None), Svip().more(Seen((Features(entropy=1.0),)), None)
    (True, False)
    """

    threshold: float = 0.3
    most: int = 40
    looks: Literal["behind", "here"] = "behind"

    def __post_init__(self) -> None:
        if not 0 <= self.threshold < math.inf:
            raise ValueError(f"threshold must be at least 0 and finite, got {self.threshold}")
        check_length("most", self.most, least=1)

    def more(self, seen: Seen, memory: Any) -> bool:
        """While entropy is low; with ``"behind"`` the first draft in any case."""
        if seen.length >= self.most:
            return False
        if self.looks == "behind" and seen.length == 0:
            return True
        return math.sqrt(_asked(seen, self.looks).need("entropy")) <= self.threshold


@dataclass(frozen=True)
class AdaEdl:
    r"""Stop if the bound :math:`1 - \sqrt{\gamma H_q}` falls below a threshold that is adapted.

    Lossless: yes. Source: Agrawal et al. 2024 (AdaEDL), arXiv 2410.18351. Memory holds the running acceptance
    and the threshold: after a round the former is averaged with the round's, and the latter moves by ``step``
    towards stopping earlier if it is below ``wanted``, later if above, smoothed. The defaults of the
    adaptation are ours.

    Parameters
    ----------
    gamma
        In the bound, at least 0.
    first
        First threshold.
    wanted
        Acceptance to hold, in [0, 1].
    step
        Of the threshold, at least 0.
    keep_acceptance, keep_threshold
        Weights of the past in both averages, in [0, 1].
    most
        Most drafts a round.
    looks
        Which position is asked.

    Examples
    --------
    >>> policy = AdaEdl()
    >>> policy.learn(policy.begin(), Done(drafted=4, accepted=0))[1] > policy.begin()[1]
    True
    """

    gamma: float = 0.2
    first: float = 0.4
    wanted: float = 0.9
    step: float = 0.01
    keep_acceptance: float = 0.5
    keep_threshold: float = 0.9
    most: int = 20
    looks: Literal["behind", "here"] = "here"

    def __post_init__(self) -> None:
        for name in ("wanted", "keep_acceptance", "keep_threshold"):
            check_share(name, getattr(self, name))
        if not (self.gamma >= 0 and self.step >= 0):
            raise ValueError(f"gamma and step must be at least 0, got {self.gamma} and {self.step}")
        check_length("most", self.most, least=1)

    def begin(self) -> tuple[float, float]:
        """The acceptance that is wanted, the first threshold."""
        return self.wanted, self.first

    def more(self, seen: Seen, memory: Any) -> bool:
        """The first draft in any case, then while the bound is high enough."""
        if seen.length == 0 or seen.length >= self.most:
            return seen.length == 0
        entropy = _asked(seen, self.looks).need("entropy")
        return bool(1 - math.sqrt(self.gamma * entropy) >= memory[1])

    def learn(self, memory: Any, done: Done) -> tuple[float, float]:
        """Both averages."""
        acceptance, threshold = memory
        if done.drafted == 0:
            return acceptance, threshold
        share = done.accepted / done.drafted
        acceptance = self.keep_acceptance * acceptance + (1 - self.keep_acceptance) * share
        moved = threshold + math.copysign(self.step, self.wanted - acceptance)
        return acceptance, self.keep_threshold * threshold + (1 - self.keep_threshold) * moved


def _asked(seen: Seen, looks: str) -> Features:
    return seen.at_hand() if looks == "here" else seen.drafted[-1]


__all__ = ["AdaEdl", "Svip", "TopOne"]
