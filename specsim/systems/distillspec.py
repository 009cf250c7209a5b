"""DistillSpec: a draft distilled from the target, by whichever divergence and data serve best."""

from dataclasses import replace

from specsim.decoding import System
from specsim.systems import fastdraft
from specsim.systems.base import Bench, Published, Worlds


def world(worlds: Worlds) -> System:
    """On table worlds: a chain of the draft's tokens, however the draft was trained."""
    return replace(fastdraft.world(worlds), name="distillspec")


def real(bench: Bench) -> System:
    """On a real model: the shipped draft, whose last stage was forward KL on the target's own text."""
    return replace(fastdraft.real(bench), name="distillspec")


SYSTEM = Published(
    name="distillspec",
    title="DistillSpec",
    source="Zhou et al. 2024 (arXiv 2310.08461)",
    claim="Any distillation beats hard labels; no divergence wins everywhere.",
    lossless=True,
    world=world,
    real=real,
    needs=("fastdraft",),
)
