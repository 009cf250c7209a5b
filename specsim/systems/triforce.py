"""TriForce: a small draft speculates for the target on a retrieved cache, and that one for the target."""

from specsim.decoding import Drawn, System, as_drafter
from specsim.decoding.loaded import Loaded
from specsim.decoding.sparse import Sparse
from specsim.models.sparse import Retrieval
from specsim.systems.base import Bench, Published, Worlds
from theory.couplings import Maximal
from theory.walks import TopDown, named

#: Tokens of a chunk and of the retrieved cache; the paper has 8 and 4096 at contexts of 120,000.
CHUNK, BUDGET = 8, 256
#: Tokens drafted by the smallest model, and by the middle one for the target.
INNER, LENGTH = 2, 6


def world(worlds: Worlds) -> System:
    """On table worlds: three models of falling quality."""
    walk = TopDown(Maximal())
    middle = System(worlds.draft, Drawn(worlds.small, named.token_level(1).grow), walk)
    return System(worlds.target, as_drafter(middle, length=2), walk, name="triforce")


def real(bench: Bench) -> System:
    """On a real model: the middle level shares the target's weights and its cache."""
    walk = TopDown(Maximal())
    sparse = Sparse(Loaded(bench.model, bench.warp), Retrieval(chunk=CHUNK, budget=BUDGET))
    middle = System(sparse, Drawn(bench.draft, named.token_level(INNER).grow), walk)
    return System(bench.target, as_drafter(middle, length=LENGTH), walk, name="triforce")


SYSTEM = Published(
    name="triforce",
    title="TriForce",
    source="Sun et al. 2024 (arXiv 2404.11912)",
    claim="A retrieved cache keeps more acceptance than sinks and a recent window of the same size.",
    lossless=True,
    world=world,
    real=real,
)
