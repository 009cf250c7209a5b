r"""A bandit over lengths: upper confidence bounds on tokens per unit of time.

BanditSpec's index is a mean accepted length plus a radius,

.. math:: \hat\mu_i + \frac{L}{2} \sqrt{\frac{1 + n_i}{n_i^2}
          \Bigl(1 + 2 \ln \frac{K t^2 \sqrt{1 + n_i}}{\delta}\Bigr)},

with :math:`n_i` rounds of arm i, K arms, t rounds in all. Two corrections make it a rule for speed:

* **time**: accepted length favours long drafts whatever they cost. An arm's round time is known
  (:math:`b + k_i d`), so the bound on its tokens over that time is a bound on its rate;
* **one count for each arm**: the released code divides by the sum over all arms, which adds the same bonus
  to every arm and so explores nothing after its first rounds.

The range of an arm's tokens is its own length :math:`k_i`, not the longest one's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from specsim.policies.base import Behind, Done, Seen, check_length
from theory.stopping import Times

#: For each arm the number of rounds and the tokens they committed.
Counts = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Ucb(Behind):
    """Each round the length whose rate could be the largest.

    Lossless: yes. Source: Hou et al. 2025 (BanditSpec), arXiv 2505.15141, corrected as the module says.

    Parameters
    ----------
    lengths
        The arms: different lengths, at least 0.
    times
        Times of draft step and target call.
    delta
        Allowed failure probability of the bounds, in (0, 1).
    width
        Factor of the radius; 1 is the proven one, less explores less.

    Examples
    --------
    >>> policy = Ucb(lengths=(1, 4), times=Times(draft_time=0.1, target_time=1.0))
    >>> memory = policy.learn(policy.begin(), Done(drafted=1, accepted=1))
    >>> memory, policy.arm(memory)  # each arm once, then by the index
    (((1, 2), (0, 0)), 1)
    """

    lengths: tuple[int, ...]
    times: Times
    delta: float = 0.05
    width: float = 1.0

    def __post_init__(self) -> None:
        if not self.lengths or len(set(self.lengths)) < len(self.lengths):
            raise ValueError(f"lengths must be at least one, all different, got {self.lengths}")
        for length in self.lengths:
            check_length("a length", length)
        if not (0 < self.delta < 1 and self.width >= 0):
            raise ValueError(
                f"delta must be in (0, 1) and width at least 0, got {self.delta} and {self.width}"
            )

    def begin(self) -> Counts:
        """Nothing counted."""
        return ((0, 0),) * len(self.lengths)

    def arm(self, memory: Counts) -> int:
        """The arm of the next round."""
        scores = [self.index(memory, arm) for arm in range(len(self.lengths))]
        return scores.index(max(scores))

    def index(self, memory: Counts, arm: int) -> float:
        """Upper bound of an arm's tokens per unit of time; infinite before its first round."""
        count, tokens = memory[arm]
        if count == 0:
            return math.inf
        rounds = sum(entry[0] for entry in memory)
        inside = 1 + 2 * math.log(len(self.lengths) * rounds**2 * math.sqrt(1 + count) / self.delta)
        radius = self.lengths[arm] / 2 * math.sqrt((1 + count) / count**2 * inside)
        bound = min(tokens / count + self.width * radius, self.lengths[arm] + 1)
        return bound / float(self.times.of_round(self.lengths[arm]))

    def more(self, seen: Seen, memory: Any) -> bool:
        """Until the arm's length is reached."""
        return seen.length < self.lengths[self.arm(memory)]

    def learn(self, memory: Any, done: Done) -> Counts:
        """Count the round for its arm; one that the limit cut counts for none."""
        arm = self.arm(memory)
        if done.drafted != self.lengths[arm]:
            return tuple(memory)
        count, tokens = memory[arm]
        return (*memory[:arm], (count + 1, tokens + done.accepted + 1), *memory[arm + 1 :])
