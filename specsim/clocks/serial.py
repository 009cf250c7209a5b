"""Draft, then verify: chains, trees, self-speculation, and drafts on another device than the target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from specsim.clocks.calls import Call, Cost
from specsim.clocks.costs import Scaled
from specsim.clocks.layers import OneDevice, Stepper
from specsim.clocks.runs import Acceptance, Recorder, Run, accepted_prefix
from theory.chance import Chance


@dataclass(frozen=True)
class Serial:
    """Rounds of a drafted chain or tree and one target call.

    Parameters
    ----------
    draft
        How a draft step runs: a cost, taken to be on the device ``gpu``, or a stepper.
    target
        Cost of the target's calls.
    levels
        Nodes drafted at each depth; ``(1,) * gamma`` is a chain. One draft step a level, over the nodes
        of the level above.
    batch
        Sequences that are decoded together, in step.
    device
        Where the target runs.
    transfer
        Seconds to hand over from one device to the other, in either direction; each way is an operation
        on ``link``.
    extra_steps
        Draft steps a round that draft nothing (the last token's shallow pass of early exits).
    round_time
        Seconds a round besides, on the target's device.

    Raises
    ------
    ValueError
        If a level has no node, or a time is negative.

    Examples
    --------
    >>> import numpy as np
    >>> from specsim.clocks import Constant
    >>> from theory.chance import Sampled
    >>> scheme = Serial(Constant(0.1), Constant(1.0), levels=(1,) * 6)
    >>> run = scheme.run(acceptance=0.8, rounds=10_000, chance=Sampled(np.random.default_rng(0)))
    >>> round(run.seconds / 10_000, 6), abs(run.tokens_a_target_call - 3.9514) < 0.06
    (1.6, True)
    """

    draft: Cost | Stepper
    target: Cost
    levels: Sequence[int] = (1, 1, 1, 1)
    batch: int = 1
    device: str = "gpu"
    transfer: float = 0.0
    extra_steps: int = 0
    round_time: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "levels", tuple(self.levels))
        if any(size < 1 for size in self.levels):
            raise ValueError(f"every level of a tree has at least one node, got {self.levels}")
        if min(self.transfer, self.round_time) < 0 or self.extra_steps < 0 or self.batch < 1:
            raise ValueError(f"times and counts must not be negative, and the batch at least 1, got {self}")

    @property
    def drafted(self) -> int:
        """Nodes drafted a round."""
        return sum(self.levels)

    def run(self, *, acceptance: Acceptance, rounds: int, chance: Chance, context: int = 0) -> Run:
        """Play rounds; ``acceptance`` is that of each depth: that a child of the accepted node is accepted.

        Sequences of a batch are taken to accept alike; tokens are those of one sequence.
        """
        recorder, last, accepted = Recorder(), None, 0
        for number in range(rounds):
            last = self._round(recorder, context + accepted + number, last)
            accepted += accepted_prefix(acceptance, len(self.levels), chance)
        return Run(accepted + rounds, rounds, self.drafted * rounds, accepted, tuple(recorder.ops))

    def _round(self, recorder: Recorder, context: int, before: int | None) -> int:
        last = self._hand_over(recorder, () if before is None else (before,))
        steps = [1, *self.levels][: len(self.levels)] + [1] * self.extra_steps
        for nodes in steps:
            last = self._stepper.step(recorder, Call(nodes, self.batch, context), last)
        if self.levels:
            last = self._hand_over(recorder, last)
        seconds = self.target.seconds(Call(1 + self.drafted, self.batch, context))
        done = recorder.add("verify", self.device, seconds, last)
        if self.round_time:
            done = recorder.add("overhead", self.device, self.round_time, (done,))
        return done

    @property
    def _stepper(self) -> Stepper:
        return self.draft if isinstance(self.draft, Stepper) else OneDevice(self.draft, self.device)

    def _hand_over(self, recorder: Recorder, after: Sequence[int]) -> tuple[int, ...]:
        if not self.transfer:
            return tuple(after)
        return (recorder.add("transfer", "link", self.transfer, after),)


def plain(target: Cost, *, batch: int = 1, device: str = "gpu") -> Serial:
    """Decoding without drafts: one token a target call.

    Examples
    --------
    >>> from specsim.clocks import Constant
    >>> plain(Constant(1.0)).drafted
    0
    """
    return Serial(Scaled(target, 0.0), target, levels=(), batch=batch, device=device)


def early_exit(
    target: Cost, *, layers: int, exit_layer: int, length: int, adapter_time: float = 0.0, batch: int = 1
) -> Serial:
    """Self-speculation by early exit (Kangaroo): first layers and an adapter draft; verifying reuses them.

    A draft step costs ``exit_layer / layers`` of a target call and the adapter. The last drafted token
    passes the shallow layers, too; then the target runs its other layers over all of them.

    Parameters
    ----------
    target
        Cost of the whole target.
    layers, exit_layer
        Of the target, and after how many of them drafts leave; 0 < exit_layer < layers.
    length
        Drafted tokens a round.
    adapter_time
        Seconds of the adapter and the head a step.
    batch
        Sequences in step.

    Raises
    ------
    ValueError
        If the exit is not inside of the target.
    """
    if not 0 < exit_layer < layers:
        raise ValueError(f"exit_layer must be between 1 and {layers - 1}, got {exit_layer}")
    part = exit_layer / layers
    return Serial(
        Scaled(target, part, overhead=adapter_time),
        Scaled(target, 1 - part),
        levels=(1,) * length,
        batch=batch,
        extra_steps=1,
    )


def skipping(target: Cost, *, kept: float, length: int, batch: int = 1) -> Serial:
    """Self-speculation by skipping sublayers (SWIFT): nothing is reused, the target runs in full.

    Parameters
    ----------
    target
        Cost of the whole target.
    kept
        Part of its time that a draft step takes, in (0, 1].
    length
        Drafted tokens a round.
    batch
        Sequences in step.
    """
    if not 0 < kept <= 1:
        raise ValueError(f"kept must be in (0, 1], got {kept}")
    return Serial(Scaled(target, kept), target, levels=(1,) * length, batch=batch)


def heterogeneous(draft: Cost, target: Cost, *, levels: Sequence[int], transfer: float) -> Serial:
    """The draft on a GPU, the target on a CPU, a link between them (Dovetail).

    Parameters
    ----------
    draft
        Cost of a draft step on the GPU.
    target
        Cost on the CPU, where verifying more tokens takes longer; a measured table.
    levels
        Nodes drafted at each depth.
    transfer
        Seconds each way.
    """
    return Serial(OneDevice(draft, "gpu"), target, levels=levels, device="cpu", transfer=transfer)
