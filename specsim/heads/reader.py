"""The acceptance head in the place of a policy's confidence."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp

from specsim.heads.accept_head import AcceptHead
from specsim.heads.blocks import Params
from specsim.policies.base import Features
from specsim.policies.drafting import read


@dataclass(frozen=True)
class AcceptReader:
    """A reader for :class:`specsim.decoding.PolicyChain`: confidences from an acceptance head.

    The head reads the draft's hidden state *after* a token, so what is read at a position is about the token
    before it: confidences lag by one draft by themselves, and the policy's own ``lag`` is to be 0. At the
    first position, behind the committed text, the confidence is one.

    Parameters
    ----------
    head, params
        The head, of the draft's hidden size.

    Examples
    --------
    >>> import numpy as np
    >>> from specsim.decoding import Rows, World
    >>> world = World(lambda context: np.array([0.5, 0.25, 0.25]), features=lambda context: np.ones(4))
    >>> head = AcceptHead(width=4)
    >>> reader = AcceptReader(head, head.init(jax.random.key(0)))
    >>> rows = Rows(world.open((0,)))
    >>> reader(rows, ()).confidence, reader(rows, (1,)).confidence
    (1.0, 0.5)
    """

    head: AcceptHead
    params: Params

    def __call__(self, rows: Any, prefix: tuple[int, ...]) -> Features:
        """Features at the position after a prefix of drafted tokens."""
        plain = read(rows(prefix))
        if not prefix:
            return replace(plain, confidence=1.0)
        hidden = jnp.asarray(rows.reading.hidden(prefix), dtype=jnp.float32)
        return replace(plain, confidence=float(jax.nn.sigmoid(self.head.score(self.params, hidden))))
