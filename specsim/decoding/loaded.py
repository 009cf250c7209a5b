r"""Real models behind the engine's one interface: a tree of prefixes on a key-value cache.

The cache holds all of the context but its last tokens, the *tail*: what was committed without having been
read (a correction, a bonus, a rejected draft's successor). The tail is read with the first prefixes that are
asked for, in the same forward pass. So the pass that verifies a tree also reads the token which the last
round emitted, as in every serving engine.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from specsim.clocks import Call
from specsim.decoding.reading import NotRead
from specsim.models import Model, prefill
from specsim.models.growing import GrowingTree, row_logits
from specsim.models.layer_groups import calibrate
from specsim.models.stages import View
from theory.laws import Tokens
from theory.simplex import Array, Warp


@dataclass(frozen=True, eq=False)
class Loaded:
    """A loaded model, or a view of one, as a :class:`~specsim.decoding.reading.LanguageModel`.

    Parameters
    ----------
    model
        Weights, shape and tokenizer.
    warp
        From logits to distributions. Target and draft of a system take the same one.
    view
        Which of its layers run and how; all of them for None.
    calibrated
        Whether keys and values of the context are those of the whole model, whatever the view: the prompt's,
        and after each round those of the committed tokens, by one ordinary pass more (EasySpec's bonus
        calibration). For views of all layers, such as :class:`~specsim.models.layer_groups.LayerGroups`.
    ids
        For a model whose head knows a part of the vocabulary only (a small draft): the token of each logit,
        shape ``(V',)``, increasing. Other tokens have probability zero. None: all tokens in order.

    Examples
    --------
    >>> from specsim.models import toy_model
    >>> model = Loaded(toy_model(seed=0), Warp(temperature=0.7))
    >>> reading = model.open((1, 2, 3)).read([(), (4,), (4, 5)])
    >>> reading((4, 5)).shape, reading.work
    ((256,), (Call(tokens=3, batch=1, context=2),))
    >>> reading.commit((4, 9)).context
    (1, 2, 3, 4, 9)
    """

    model: Model
    warp: Warp = field(default_factory=Warp)
    view: View | None = None
    calibrated: bool = False
    ids: Array | None = None

    def spread(self, row: Array) -> Array:
        """A row over the head's tokens as one over the vocabulary."""
        if self.ids is None:
            return row
        whole = np.zeros(self.vocabulary)
        whole[self.ids] = row
        return whole

    @property
    def vocabulary(self) -> int:
        """Number of tokens."""
        return self.model.config.vocabulary

    def open(self, context: Tokens) -> LoadedReading:
        """Read all of a context but its last token.

        Raises
        ------
        ValueError
            If it is empty, too long, or has a token outside of the vocabulary.
        """
        if len(context) < 2:
            raise ValueError(f"a real model needs a prompt of at least 2 tokens, got {len(context)}")
        params, config = self.model.params, self.model.config
        view = None if self.calibrated else self.view
        hidden, cache = prefill(params, config, tokens=context[:-1], view=view)
        tree = GrowingTree.on(params, config, cache)
        return LoadedReading(
            of=self,
            context=tuple(context),
            tail=tuple(context[-1:]),
            tree=tree.viewed(self.view) if self.calibrated else tree,
            opened=np.asarray(hidden[0]),
        )


@dataclass(frozen=True, eq=False)
class LoadedReading:
    """What a :class:`Loaded` model has read; see the module's text."""

    of: Loaded
    context: Tokens
    tail: Tokens
    tree: GrowingTree
    nodes: Mapping[Tokens, int] = field(default_factory=dict)
    states: tuple[Array, ...] = ()
    opened: Array | None = None
    work: tuple[Call, ...] = ()
    _logits: dict[int, Array] = field(default_factory=dict)

    def read(self, prefixes: Iterable[Tokens]) -> LoadedReading:
        """Score prefixes, their missing beginnings and the tail, in one forward pass."""
        wanted = {prefix[:end] for prefix in prefixes for end in range(1, len(prefix) + 1)}
        new = sorted(wanted - self.nodes.keys(), key=lambda prefix: (len(prefix), prefix))
        first = not self.nodes
        if not (new or first):
            return self
        nodes = dict(self.nodes)
        tokens = [*(self.tail if first else ()), *(prefix[-1] for prefix in new)]
        parents = list(range(-1, len(self.tail) - 1)) if first else []
        if first:
            nodes[()] = len(self.tail) - 1
        for prefix in new:
            parents.append(nodes[prefix[:-1]])
            nodes[prefix] = self.tree.nodes + len(parents) - 1
        hidden, tree = self.tree.extend(tokens, parents)
        rows = np.asarray(hidden)
        head = len(self.tail) - 1 if first else 0  # of the tail, only the tip's row is ever asked for
        logits = row_logits(self.of.model.params, hidden[head:])
        start = self.tree.nodes
        known = {**self._logits, **{start + head + i: row for i, row in enumerate(logits)}}
        call = Call(tokens=len(tokens), context=self.tree.length + start)
        return replace(
            self,
            tree=tree,
            nodes=nodes,
            states=(*self.states, *rows),
            work=(*self.work, call),
            _logits=known,
        )

    def known(self, prefix: Tokens) -> bool:
        """Whether a prefix was read."""
        return prefix in self.nodes

    def _node(self, prefix: Tokens) -> int:
        try:
            return self.nodes[prefix]
        except KeyError:
            raise NotRead(prefix) from None

    @cached_property
    def _rows(self) -> dict[int, Array]:
        return {}

    def __call__(self, prefix: Tokens) -> Array:
        """The warped distribution after a read prefix; float64, computed when it is first asked for."""
        node = self._node(prefix)
        if node not in self._rows:
            self._rows[node] = self.of.spread(self.of.warp.probabilities(self._logits[node]))
        return self._rows[node]

    def logits(self, prefix: Tokens) -> Array:
        """Logits after a read prefix; float32, shape ``(V,)``, or ``(V',)`` with ``ids``."""
        return self._logits[self._node(prefix)]

    def hidden(self, prefix: Tokens) -> Array:
        """Final hidden state (after the last norm) at a read prefix; float32, shape ``(D,)``."""
        return self.states[self._node(prefix)]

    def history(self) -> Array:
        """Final hidden states of the prompt but its last token, as it was opened; shape ``(T - 1, D)``."""
        if self.opened is None:
            raise ValueError("the hidden states of the prompt are there until the first commit only")
        return self.opened

    def top(self, prefix: Tokens, count: int) -> tuple[int, ...]:
        """The tokens of the largest logits, largest first; O(V)."""
        logits = self.logits(prefix)
        count = min(count, logits.size)
        largest = np.argpartition(-logits, count - 1)[:count]
        best = largest[np.argsort(-logits[largest], kind="stable")]
        return tuple(int(token) for token in (best if self.of.ids is None else self.of.ids[best]))

    def commit(self, tokens: Tokens) -> LoadedReading:
        """The reading of a longer context; of what was read, the cache keeps the part that agrees with it."""
        tokens = tuple(int(token) for token in tokens)
        if not self.nodes:
            return self._behind(self.tree, (*self.tail, *tokens), tokens)
        agreed = 0
        while agreed < len(tokens) - 1 and tokens[: agreed + 1] in self.nodes:
            agreed += 1
        if not tokens:
            return self._behind(self.tree.rollback(), self.tail, tokens)
        if self.of.calibrated:
            tree = calibrate(self.tree, (*self.tail, *tokens[:agreed]))
        else:
            tree = self.tree.commit(self.tree.path(self.nodes[tokens[:agreed]]))
        return self._behind(tree, tokens[agreed:], tokens)

    def rewind(self, length: int) -> LoadedReading:
        """The reading of the first tokens of the context."""
        if not 1 <= length <= len(self.context):
            raise ValueError(f"can't rewind a context of {len(self.context)} tokens to {length}")
        tree = self.tree.rollback()
        left_out = len(self.context) - len(self.tail) - tree.length  # of a sparse cache, at its beginning
        cached = min(tree.length, length - 1 - left_out)
        if cached < 1:
            raise ValueError(
                f"the cache holds {tree.length} tokens of {len(self.context)}, none before {length}"
            )
        if cached < tree.length:
            tree = GrowingTree.on(tree.params, tree.config, tree.context.truncate(cached))
        cut = replace(self, context=self.context[:length])
        return cut._behind(tree, self.context[cached + left_out : length], ())

    def _behind(self, tree: GrowingTree, tail: Tokens, tokens: Tokens) -> LoadedReading:
        return LoadedReading(of=self.of, context=(*self.context, *tokens), tail=tail, tree=tree)
