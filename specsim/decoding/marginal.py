r"""Perfect parallel heads on a table world: the law of the token k + 1 steps on, whatever comes between.

Head k of Medusa predicts from the last hidden state alone, not from the tokens drafted before. The best it
can do is the marginal

.. math:: q_k(x \mid c) = \sum_{x_1 \dots x_k} \Pr(x_1 \dots x_k \mid c)\, \Pr(x \mid c\, x_1 \dots x_k),

which is exact here. Sequential heads (Hydra) see the drafted tokens: their best is the world's own row.
"""

from __future__ import annotations

from typing import Any

from specsim.decoding.reading import NotRead
from specsim.decoding.world import World, WorldReading
from theory.laws import Tokens
from theory.simplex import Array


class Marginal(World):
    """A world looked at through perfect parallel heads; rows depend on a prefix through its length only.

    Examples
    --------
    >>> import numpy as np
    >>> heads = Marginal(lambda context: np.eye(3)[(context[-1] + 1) % 3] * 0.5 + 0.5 / 3)
    >>> reading = heads.open((0,)).read([(1,), (2,)])
    >>> bool((reading((1,)) == reading((2,))).all()), reading((1,)).argmax().item()
    (True, 2)
    """

    def open(self, context: Tokens) -> MarginalReading:
        """Read a context."""
        return MarginalReading(self, tuple(context))


class MarginalReading(WorldReading):
    """What :class:`Marginal` heads have read."""

    def __call__(self, prefix: Tokens) -> Array:
        """The marginal law ``len(prefix)`` steps on; O(V^len) for a prefix."""
        if prefix not in self.prefixes:
            raise NotRead(prefix)
        law: dict[Tokens, Any] = {(): 1}
        for _ in prefix:
            law = {
                (*path, token): weight * share
                for path, weight in law.items()
                for token, share in enumerate(self._row(path))
                if share > 0
            }
        result: Array = sum(weight * self._row(path) for path, weight in law.items())
        return result

    def _row(self, path: Tokens) -> Any:
        return self.world.rows((*self.context, *path))
