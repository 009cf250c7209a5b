"""Drafting while the target verifies (PEARL): a machine of two states on two devices."""

from __future__ import annotations

from dataclasses import dataclass

from specsim.clocks.calls import Call, Cost
from specsim.clocks.runs import Acceptance, Recorder, Run, accepted_prefix
from theory.chance import Chance


@dataclass(frozen=True)
class Parallel:
    """Steps in which the draft makes gamma tokens while the target judges those it has.

    *Pre-verification*: the target judges the first token of the block that is being drafted. Accepted:
    pending, next comes post-verification. Rejected: one corrected token, and the same again.
    *Post-verification*: the target judges the gamma - 1 pending tokens and the first of the next block.
    All accepted: gamma tokens, and the same again. A rejection after n: n tokens and a corrected one,
    next comes pre-verification.

    Parameters
    ----------
    draft, target
        Costs of a draft step and a target call.
    length
        Tokens drafted a step, gamma.
    batch
        Sequences in step, which are taken to accept alike.

    Examples
    --------
    >>> import numpy as np
    >>> from specsim.clocks import Constant
    >>> from theory.chance import Sampled
    >>> from theory.speedup import pearl_tokens_per_step
    >>> scheme = Parallel(Constant(0.25), Constant(1.0), length=4)
    >>> run = scheme.run(acceptance=0.8, rounds=20_000, chance=Sampled(np.random.default_rng(0)))
    >>> expected = pearl_tokens_per_step(acceptance=0.8, length=4)
    >>> run.seconds, abs(run.tokens_a_target_call / expected - 1) < 0.03
    (20000.0, True)
    """

    draft: Cost
    target: Cost
    length: int = 4
    batch: int = 1

    def __post_init__(self) -> None:
        if self.length < 1 or self.batch < 1:
            raise ValueError(f"length and batch must be at least 1, got {self.length} and {self.batch}")

    def run(self, *, acceptance: Acceptance, rounds: int, chance: Chance, context: int = 0) -> Run:
        """Play ``rounds`` steps from pre-verification; the acceptance is one number: no blocks."""
        recorder, tokens, accepted, pending = Recorder(), 0, 0, False
        after: tuple[int, ...] = ()
        if not isinstance(acceptance, int | float) and hasattr(acceptance, "__len__"):
            raise ValueError("a parallel scheme has no fixed blocks: give one number for the acceptance")
        for _ in range(rounds):
            judged = self.length if pending else 1
            after = self._step(recorder, judged, context + tokens, after)
            good = accepted_prefix(acceptance, judged, chance)
            pending = good == judged
            accepted += good
            # what pre-verification accepts is emitted there; post-verification judges what comes after it
            tokens += good if pending else good + 1
        return Run(tokens, rounds, rounds * self.length, accepted, tuple(recorder.ops))

    def _step(self, recorder: Recorder, judged: int, context: int, after: tuple[int, ...]) -> tuple[int, int]:
        seconds = self.target.seconds(Call(judged, self.batch, context))
        verify = recorder.add(
            "post-verify" if judged > 1 or self.length == 1 else "pre-verify", "target", seconds, after
        )
        last = after
        for place in range(self.length):
            time = self.draft.seconds(Call(1, self.batch, context + place))
            last = (recorder.add("draft", "draft", time, last),)
        return verify, last[0]
