"""A system is a configuration: a target, a drafter, a walk and a plan; the engine never asks which one."""

from __future__ import annotations

from dataclasses import dataclass, field

from specsim.decoding.drafting import Drafter
from specsim.decoding.plans import Plan, Serial
from specsim.decoding.reading import LanguageModel
from theory.walks import CarryingWalk, Walk


@dataclass(frozen=True)
class System:
    """A published method, or a new one, as a value.

    Parameters
    ----------
    target
        The model that is to be spoken for.
    drafter
        What proposes.
    walk
        What verifies.
    plan
        In which order a round's parts run; :class:`~specsim.decoding.plans.Serial` unless given.
    name
        For tables and figures.

    Raises
    ------
    ValueError
        For a walk that carries a target over to the next round.

    Examples
    --------
    >>> import numpy as np
    >>> from specsim.decoding import Drawn, World, decode
    >>> from theory.chance import Sampled
    >>> from theory.walks import named
    >>> p = World(lambda context: np.array([0.5, 0.3, 0.2]))
    >>> q = World(lambda context: np.array([0.4, 0.3, 0.3]))
    >>> scheme = named.token_level(3)
    >>> system = System(target=p, drafter=Drawn(q, scheme.grow), walk=scheme.walk)
    >>> trace = decode(system, (0,), max_new_tokens=5, chance=Sampled(np.random.default_rng(0)))
    >>> len(trace.tokens), system.lossless
    (5, True)
    """

    target: LanguageModel
    drafter: Drafter
    walk: Walk
    plan: Plan = field(default_factory=Serial)
    name: str = "system"

    def __post_init__(self) -> None:
        if isinstance(self.walk, CarryingWalk):
            raise ValueError(
                f"{type(self.walk).__name__} gives later rounds another target than the model's rows; a "
                "system's rounds start from the model: use Block, which needs none"
            )

    @property
    def lossless(self) -> bool:
        """Whether the walk is; a claim, which :func:`specsim.decoding.exact.is_lossless` tests."""
        return self.walk.lossless
