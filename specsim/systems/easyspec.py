"""EasySpec: groups of the draft's layers run their attention on one input, on several devices at once."""

from specsim.decoding import Drawn, System
from specsim.decoding.loaded import Loaded
from specsim.models.layer_groups import LayerGroups
from specsim.systems.base import Bench, Published, Worlds
from theory.walks import named

#: Layers a group. The first grouped layer is no multiple of anything: early layers do not stand it.
GROUP, FIRST = 2, 4
LENGTH = 4


def world(worlds: Worlds) -> System:
    """On table worlds: the draft's law is that of the fuzzy pass, whatever it is."""
    scheme = named.token_level(2)
    return System(worlds.target, Drawn(worlds.draft, scheme.grow), scheme.walk, name="easyspec")


def real(bench: Bench) -> System:
    """On a real model: the companion, or the target itself, with its layers in groups, calibrated."""
    model = bench.companion or bench.model
    layers = model.config.layers
    groups = LayerGroups.every(GROUP, of=layers, first=min(FIRST, layers // 2))
    scheme = named.token_level(LENGTH)
    draft = Loaded(model, bench.warp, groups, calibrated=True)
    return System(bench.target, Drawn(draft, scheme.grow), scheme.walk, name="easyspec")


SYSTEM = Published(
    name="easyspec",
    title="EasySpec",
    source="Wu et al. 2025 (arXiv 2502.02493)",
    claim="Grouping attention alone keeps far more acceptance than grouping whole layers.",
    lossless=True,
    world=world,
    real=real,
)
