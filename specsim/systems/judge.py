"""Judge Decoding: a probe on the target's features approves of right tokens it would not say. Lossy."""

from fractions import Fraction
from typing import Any

import jax.numpy as jnp
import numpy as np

from specsim.decoding import Drawn, System
from specsim.systems.base import Bench, Published, Worlds
from theory.laws import Tokens
from theory.lossy import JudgedChain
from theory.walks import named

#: Approve above this probability; long chains, as in the paper.
THRESHOLD, LENGTH = 0.5, 10


def world(worlds: Worlds) -> System:
    """On table worlds: a judge that approves of one token wherever it stands."""

    def approval(target: Any, prefix: Tokens) -> Fraction:
        return Fraction(int(prefix[-1] == 1))

    scheme = named.token_level(2)
    return System(worlds.target, Drawn(worlds.draft, scheme.grow), JudgedChain(approval), name="judge")


def real(bench: Bench) -> System:
    """On a real model: the trained probe at the drafted token."""
    probe, params = bench.head("judge")

    def approval(target: Any, prefix: Tokens) -> float:
        score = float(probe.score(params, jnp.asarray(target.hidden(prefix))[None])[0])
        return float(1 / (1 + np.exp(-score)))

    scheme = named.token_level(LENGTH)
    walk = JudgedChain(approval, THRESHOLD)
    return System(bench.target, Drawn(bench.draft, scheme.grow), walk, name="judge")


SYSTEM = Published(
    name="judge",
    title="Judge Decoding",
    source="Bachmann et al. 2025 (arXiv 2501.19309)",
    claim="Acceptance rises as the threshold falls; the probe tells right from wrong better than p does.",
    lossless=False,
    world=world,
    real=real,
    needs=("judge",),
)
