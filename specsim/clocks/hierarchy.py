"""Three models in a row (TriForce): a small one drafts for a middle one, and that one for the target."""

from __future__ import annotations

from dataclasses import dataclass

from specsim.clocks.calls import Call, Cost
from specsim.clocks.runs import Acceptance, Recorder, Run, accepted_prefix
from theory.chance import Chance


@dataclass(frozen=True)
class Hierarchy:
    """Inner rounds of the small and the middle model fill a block; the target verifies it.

    The middle model is the target's own weights with part of the cache (TriForce), or any model between.

    Parameters
    ----------
    small, middle, target
        Costs of their calls.
    inner
        Tokens that the small model drafts a round of the middle one.
    outer
        Tokens that the middle level hands to the target; inner rounds are played until there are as many,
        and what is too much is cut.
    inner_acceptance
        Probability that the middle model accepts a draft of the small one.
    batch
        Sequences in step, which are taken to accept alike.
    middle_context
        Most tokens in the middle model's cache; None for all.

    Examples
    --------
    >>> import numpy as np
    >>> from specsim.clocks import Constant
    >>> from theory.chance import Sampled
    >>> costs = Constant(0.01), Constant(0.1), Constant(1.0)
    >>> scheme = Hierarchy(*costs, inner=2, outer=6, inner_acceptance=0.6)
    >>> run = scheme.run(acceptance=0.9, rounds=1000, chance=Sampled(np.random.default_rng(0)))
    >>> run.target_calls, 5.0 < run.tokens_a_target_call < 5.5
    (1000, True)
    """

    small: Cost
    middle: Cost
    target: Cost
    inner: int = 2
    outer: int = 6
    inner_acceptance: Acceptance = 0.6
    batch: int = 1
    middle_context: int | None = None

    def __post_init__(self) -> None:
        if min(self.inner, self.outer, self.batch) < 1:
            raise ValueError(
                f"inner, outer and batch must be at least 1, got {self.inner}, {self.outer}, {self.batch}"
            )

    def run(self, *, acceptance: Acceptance, rounds: int, chance: Chance, context: int = 0) -> Run:
        """Play rounds of the target; ``acceptance`` is that of the middle level's tokens by the target."""
        recorder, accepted = Recorder(), 0
        after: tuple[int, ...] = ()
        for number in range(rounds):
            place = context + accepted + number
            after = self._block(recorder, place, after, chance)
            seconds = self.target.seconds(Call(1 + self.outer, self.batch, place))
            after = (recorder.add("verify", "gpu", seconds, after),)
            accepted += accepted_prefix(acceptance, self.outer, chance, stream="accept/outer")
        return Run(accepted + rounds, rounds, rounds * self.outer, accepted, tuple(recorder.ops))

    def _block(
        self, recorder: Recorder, context: int, after: tuple[int, ...], chance: Chance
    ) -> tuple[int, ...]:
        """Inner rounds until the block is full."""
        filled = 0
        while filled < self.outer:
            for place in range(self.inner):
                call = Call(1, self.batch, context + filled + place)
                after = (recorder.add("draft", "gpu", self.small.seconds(call), after),)
            seen = context + filled
            if self.middle_context is not None:
                seen = min(seen, self.middle_context)
            seconds = self.middle.seconds(Call(1 + self.inner, self.batch, seen))
            after = (recorder.add("middle", "gpu", seconds, after),)
            filled += 1 + accepted_prefix(self.inner_acceptance, self.inner, chance, stream="accept/inner")
        return after
