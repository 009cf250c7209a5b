r"""Online learning: a draft that serves requests and learns from the positions where it was wrong.

Requests are decoded by speculative sampling with chains of ``gamma`` drafts. Positions whose draft was
rejected go into a ring buffer, with the target's law there; after every so many requests the trainer takes
steps on batches of the buffer (Liu et al., 2024, *Online Speculative Decoding*, section 4: forward KL at
wrong positions). Serving doesn't change the law of the text, so the stream of requests is that of the
target alone, whatever the draft has learnt.

The requests may come from one world after another: topics that change, a target that drifts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax.numpy as jnp
import numpy as np

from specsim.models.config import Array
from specsim.training.network import Batch, Network, Params, generator
from specsim.training.schedules import Online
from specsim.training.sources import known_rows, push
from specsim.training.worlds import World, draw_rows


@dataclass(frozen=True, eq=False)
class Served:
    """What serving some requests showed.

    Parameters
    ----------
    batch
        The texts with what the target knows of them.
    judged, wrong
        Boolean ``(B, T)``, by the column before the drafted token: drafts that were verified, and those
        of them that were rejected.
    acceptance
        The mean of sum min(p, q) over judged positions.
    """

    batch: Batch
    judged: Array
    wrong: Array
    acceptance: float


def serve(
    world: World,
    network: Network,
    params: Params,
    *,
    requests: int,
    gamma: int,
    rng: np.random.Generator,
) -> Served:
    """Decode requests speculatively, ``gamma`` drafts a block, and say where the draft was wrong.

    Parameters
    ----------
    world
        Where requests come from, all of one number of new tokens.
    network, params
        The draft.
    requests
        How many, decoded side by side.
    gamma
        Drafts a block, at least 1; after ``gamma`` accepted ones the target adds a token, which isn't judged.
    rng
        All randomness.

    Returns
    -------
    Served
        Texts that follow the target's law exactly (speculative sampling is lossless).
    """
    if requests < 1 or gamma < 1:
        raise ValueError(f"requests and gamma must be at least 1, got {requests} and {gamma}")
    run, place = world.open(requests, rng), np.zeros(requests, dtype=int)
    judged, wrong, shares = [], [], []
    while not run.finished:
        p, q = run.law(), run.student_law(network, params)
        drafting = place < gamma
        token, rejected = _verify(p, q, drafting, rng)
        run.append(token)
        judged.append(drafting)
        wrong.append(rejected)
        shares.append(np.where(drafting, np.minimum(p, q).sum(axis=1), 0.0))
        place = np.where(drafting & ~rejected, place + 1, 0)
    batch = run.score()
    verified, missed = (_columns(batch, np.stack(marks, axis=1)) for marks in (judged, wrong))
    return Served(batch, verified, missed, acceptance=float(np.sum(shares) / np.sum(judged)))


def _verify(p: Array, q: Array, drafting: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """A token of law p for each row, and whether a draft from q was rejected on the way."""
    rows = np.arange(len(p))
    draft, coins = draw_rows(q, rng), rng.random(len(p))
    rejected = drafting & (coins * q[rows, draft] >= p[rows, draft])
    left = np.maximum(p - q, 0)
    law = np.where(drafting[:, None] & (left.sum(axis=1, keepdims=True) > 0), left, p)
    other = draw_rows(law, rng)
    return np.where(drafting & ~rejected, draft, other), rejected


def _columns(batch: Batch, marks: Array) -> Array:
    """Marks of appended tokens ``(B, new)`` at the columns before these tokens, where they count."""
    weight = np.asarray(batch.weight) > 0
    found = np.zeros(weight.shape, dtype=bool)
    for row, begin in enumerate(weight.argmax(axis=1)):
        end = min(begin + marks.shape[1], weight.shape[1])
        found[row, begin:end] = marks[row, : end - begin]
    return found & weight


@dataclass(frozen=True, eq=False)
class Stream:
    """A source that serves requests before its steps, and gives batches of what it kept of them.

    Parameters
    ----------
    phases
        Pairs of a world and how many requests come from it, in order; the last goes on for ever. All worlds
        give texts of one width.
    schedule
        How many requests are served at a time, and how many steps follow.
    batch
        Rows a step, drawn at random from the buffer.
    capacity
        Texts kept.
    gamma
        Drafts a block.
    learn
        ``"wrong"``: only rejected positions count; ``"judged"``: all that were verified; ``"all"``.

    Notes
    -----
    :meth:`watch` tells the trainer's curve the acceptance at the last serving and the phase.
    """

    phases: Sequence[tuple[World, int]]
    schedule: Online
    batch: int
    capacity: int = 64
    gamma: int = 5
    learn: str = "wrong"

    def __post_init__(self) -> None:
        if self.learn not in ("wrong", "judged", "all"):
            raise ValueError(f"learn must be 'wrong', 'judged' or 'all', got {self.learn!r}")
        if not self.phases or min(self.batch, self.capacity, self.gamma) < 1:
            raise ValueError("give at least one phase, and batch, capacity and gamma of at least 1")
        if self.capacity < self.schedule.every:
            raise ValueError(f"a capacity of {self.capacity} can't hold {self.schedule.every} requests")

    def start(self) -> Any:
        return {"filled": np.zeros((), np.int64), "rows": {}, "seen": np.zeros(2)}

    def watch(self, state: Mapping[str, Any]) -> dict[str, float]:
        """Acceptance (mean of sum min(p, q) over judged positions) at the last serving, and the phase."""
        return {"served_acceptance": float(state["seen"][0]), "phase": float(state["seen"][1])}

    def draw(
        self, state: Any, *, step: int, seed: int, network: Network, params: Params
    ) -> tuple[Batch, Any]:
        if step % self.schedule.updates == 0:
            state = self._serve(state, step // self.schedule.updates, seed, network, params)
        count = known_rows(state, self.capacity)
        chosen = generator(seed, "stream", step).integers(count, size=self.batch)
        return Batch.of_rows({name: rows[chosen] for name, rows in state["rows"].items()}), state

    def _serve(self, state: Any, turn: int, seed: int, network: Network, params: Params) -> Any:
        phase = self._phase(turn * self.schedule.every)
        seen = serve(
            self.phases[phase][0],
            network,
            params,
            requests=self.schedule.every,
            gamma=self.gamma,
            rng=generator(seed, "serve", turn),
        )
        weight = {"wrong": seen.wrong, "judged": seen.judged}.get(self.learn)
        kept = seen.batch
        if weight is not None:
            kept = replace(kept, weight=jnp.asarray(weight, dtype=jnp.float32))
        return {
            **push(state, kept.as_rows(), self.capacity),
            "seen": np.array([seen.acceptance, float(phase)]),
        }

    def _phase(self, request: int) -> int:
        for number, (_, count) in enumerate(self.phases):
            request -= count
            if request < 0:
                return number
        return len(self.phases) - 1
