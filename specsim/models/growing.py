r"""A token tree that grows while it is drafted, on a cache of its own.

Dynamic trees are drawn node by node: the law at a node decides what is drawn next. :class:`GrowingTree`
scores new nodes as they come, each against the committed context, its own ancestors and itself, and never
reads a token twice. It serves equally as a target's session: verify by one :meth:`~GrowingTree.extend`,
then :meth:`~GrowingTree.commit` the accepted path.

Keys and values of the context and of the drafted nodes are two parts: slots ``[0, length)`` of ``context``,
and slot i of ``drafted`` for node i. A pass attends to both parts and to its own new nodes, and a mask leaves
to each node the context and its ancestors. So extending copies the small part only, rolling back drops it,
and a value of the class never changes: an older one stays valid.

New nodes are padded to a power of two, ``drafted`` to a multiple of :data:`NODES`, the context to a multiple
of :data:`~specsim.models.steps.SLOTS`; padding isn't attended to. So few shapes are compiled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import jax
import jax.numpy as jnp
import numpy as np

from specsim.models.cache import Cache, copy_all, write_all
from specsim.models.config import Array, LlamaConfig, Params
from specsim.models.layers import Pair, embed, turns_at
from specsim.models.llama import logits
from specsim.models.stages import View, entries, finish, run, stages_of
from specsim.models.steps import SLOTS, check_context, check_tokens, padded_inputs, prefill, round_up

#: Drafted nodes have room in multiples of this many slots.
NODES = 64


def bucket(count: int) -> int:
    """The smallest power of two that is at least ``count``.

    Examples
    --------
    >>> [bucket(count) for count in (1, 2, 3, 64, 65)]
    [1, 2, 4, 64, 128]
    """
    return 1 << max(count - 1, 0).bit_length()


def pad_rows(rows: Array, width: int) -> Array:
    """Rows with zeros appended along the first axis up to ``width``."""
    padded = np.zeros((width, *rows.shape[1:]), rows.dtype)
    padded[: len(rows)] = rows
    return padded


def row_logits(params: Params, hidden: jax.Array) -> Array:
    """Logits ``(T, V)`` of hidden states ``(T, D)``, computed at a power of two of rows; float32 on the host.

    Examples
    --------
    >>> from specsim.models import toy_model
    >>> row_logits(toy_model(seed=0).params, jnp.zeros((3, 32))).shape
    (3, 256)
    """
    rows = np.asarray(hidden)
    padded = pad_rows(rows, bucket(len(rows)))
    return np.asarray(logits(params, jnp.asarray(padded)))[: len(rows)]


@dataclass(frozen=True, eq=False)
class GrowingTree:
    """A committed context and a tree of drafted nodes behind it.

    Make one with :meth:`open` or :meth:`on`. Nodes are numbered 0, 1, ... in the order in which they came;
    -1 is the committed tip.

    Parameters
    ----------
    params, config
        The model.
    context
        Keys and values of the committed tokens, and the stages that run.
    drafted
        Keys and values of the drafted nodes, slot i for node i.
    tokens, parents, depths
        The drafted nodes; a child of the tip has depth 0.
    """

    params: Params
    config: LlamaConfig
    context: Cache
    drafted: Cache
    tokens: tuple[int, ...] = ()
    parents: tuple[int, ...] = ()
    depths: tuple[int, ...] = ()

    @classmethod
    def open(
        cls,
        params: Params,
        config: LlamaConfig,
        tokens: Sequence[int] | Array,
        *,
        slots: int | None = None,
        layers: Sequence[int] | None = None,
        view: View | None = None,
    ) -> GrowingTree:
        """Read a context, and begin an empty tree behind it.

        Parameters
        ----------
        params, config
            The model.
        tokens
            The context, at least one token.
        slots
            Least number of slots for committed tokens; more are made when they are needed.
        layers, view
            What runs: whole layers, or a view; all layers for neither.

        Examples
        --------
        >>> from specsim.models import toy_model
        >>> model = toy_model(seed=0)
        >>> tree = GrowingTree.open(model.params, model.config, [1, 2, 3])
        >>> hidden, tree = tree.extend([7, 8], [-1, -1])
        >>> hidden, tree = tree.extend([9], [1])
        >>> hidden.shape, tree.nodes, tree.commit([1, 2]).length
        ((1, 32), 3, 5)
        """
        _, cache = prefill(params, config, tokens=tokens, slots=slots, layers=layers, view=view)
        return cls.on(params, config, cache)

    @classmethod
    def on(cls, params: Params, config: LlamaConfig, cache: Cache) -> GrowingTree:
        """Begin an empty tree behind the committed slots of a cache of one sequence."""
        if cache.batch != 1:
            raise ValueError(f"a growing tree holds one sequence, the cache {cache.batch}")
        blank = Cache.empty(config, slots=NODES, stages=cache.stages)
        return cls(params, config, cache, blank)

    def viewed(self, view: View | None) -> GrowingTree:
        """The same committed context, to be continued by other stages with the same attention sublayers."""
        stages = stages_of(view, self.config)
        if entries(stages) != self.context.layers:
            raise ValueError(
                f"the cache has entries for {self.context.layers}, the view runs {entries(stages)}"
            )
        tree = self.rollback()
        return replace(
            tree,
            context=replace(tree.context, stages=stages),
            drafted=replace(tree.drafted, stages=stages),
        )

    @property
    def length(self) -> int:
        """How many committed tokens the cache holds."""
        return self.context.length

    @property
    def nodes(self) -> int:
        """How many drafted nodes there are."""
        return len(self.tokens)

    def path(self, node: int) -> list[int]:
        """The nodes from a child of the tip down to a node; empty for -1."""
        if not -1 <= node < self.nodes:
            raise ValueError(f"there is no node {node}: the tree has {self.nodes} nodes, and -1 is the tip")
        found: list[int] = []
        while node >= 0:
            found.append(node)
            node = self.parents[node]
        return found[::-1]

    def extend(
        self,
        tokens: Sequence[int] | Array,
        parents: Sequence[int],
        *,
        inputs: jax.Array | Array | None = None,
        normed: bool = True,
    ) -> tuple[jax.Array, GrowingTree]:
        """Score new nodes in one pass.

        Parameters
        ----------
        tokens
            Token id of each new node, at least one.
        parents
            Number of each one's parent: -1 for the tip, an older node, or a new node before it (the first new
            node has the number ``nodes``).
        inputs
            Vectors ``(T, D)`` to read in place of the tokens' embeddings; ``tokens`` are then names only.
        normed
            Whether the final norm is applied to what is returned.

        Returns
        -------
        hidden : jax.Array
            Float32, shape ``(T, D)``: row i, with the head, is the law of the token after new node i.
        tree : GrowingTree
            With the new nodes; this value stays valid too.

        Raises
        ------
        ValueError
            If a parent doesn't come before its child, a token isn't in the vocabulary, a node is too deep for
            the model's context, or the inputs have another shape.

        Notes
        -----
        Cost: one forward pass over the new nodes only, padded to a power of two.
        """
        ids = check_tokens(self.config, tokens)
        grown = self._with_nodes(ids, [int(parent) for parent in parents])
        width, stages = bucket(len(ids)), self.context.stages
        drafted = self.drafted.grow(max(self.drafted.slots, round_up(self.nodes + width, NODES)))
        depths = pad_rows(np.array(grown.depths[self.nodes :], np.int32), width)
        stream, pairs = run(
            self.params,
            self.config,
            stages=stages,
            stream=self._inputs(ids, width, inputs),
            turns=turns_at(self.config, jnp.asarray((self.context.position + depths)[None])),
            mask=jnp.asarray(grown._mask(self.nodes, width, drafted.slots)[None]),
            pasts=[(kept, new) for kept, new in zip(self.context.pairs, drafted.pairs, strict=True)],
        )
        hidden = finish(self.params, self.config, stages, stream) if normed else stream
        written = write_all(drafted.pairs, pairs, self.nodes)
        rows = jnp.asarray(np.asarray(hidden)[0, : len(ids)])
        return rows, replace(grown, drafted=drafted.replaced(written))

    def _inputs(self, ids: Array, width: int, inputs: jax.Array | Array | None) -> jax.Array:
        if inputs is None:
            return cast(jax.Array, embed(self.params["embedding"], jnp.asarray(pad_rows(ids, width)[None])))
        if inputs.shape != (len(ids), self.config.hidden):
            raise ValueError(
                f"inputs must have shape {(len(ids), self.config.hidden)}, one row a node, got {inputs.shape}"
            )
        return padded_inputs(inputs, width)

    def _with_nodes(self, ids: Array, parents: list[int]) -> GrowingTree:
        if len(parents) != len(ids):
            raise ValueError(f"tokens and parents must be of one length, got {len(ids)} and {len(parents)}")
        depths = list(self.depths)
        for node, parent in enumerate(parents, start=self.nodes):
            if not -1 <= parent < node:
                raise ValueError(
                    f"node {node} has parent {parent}; a parent is -1 (the committed tip) or an earlier node"
                )
            depths.append(0 if parent < 0 else depths[parent] + 1)
        check_context(self.config, self.context.position + max(depths[self.nodes :]) + 1)
        return replace(
            self,
            tokens=(*self.tokens, *ids.tolist()),
            parents=(*self.parents, *parents),
            depths=tuple(depths),
        )

    def _mask(self, start: int, width: int, room: int) -> Array:
        """Columns (context, drafted, new) that the nodes from ``start`` on attend to, ``width`` rows."""
        context, count = self.context.slots, self.nodes
        mask = np.zeros((width, context + room + width), bool)
        mask[:, : self.length] = True
        mask[np.arange(width), context + room + np.arange(width)] = True
        for node in range(start, count):
            above = np.array(self.path(node)[:-1], dtype=np.int64)
            mask[node - start, context + np.where(above < start, above, above + room - start)] = True
        return mask

    def commit(self, path: Sequence[int]) -> GrowingTree:
        """Make a path part of the context, and drop all other nodes.

        Parameters
        ----------
        path
            Node numbers from a child of the tip downwards, each the parent of the next; may be empty.

        Raises
        ------
        ValueError
            If it isn't a path from the tip.

        Notes
        -----
        Cost: one copy of the context's slots.
        """
        nodes = [int(node) for node in path]
        if nodes and nodes != self.path(nodes[-1]):
            raise ValueError(
                f"{nodes} isn't a path from the tip: node {nodes[-1]} is reached by {self.path(nodes[-1])}"
            )
        if not nodes:
            return self.rollback()
        width = bucket(len(nodes))
        context = self.context.grow(max(self.context.slots, round_up(self.length + width, SLOTS)))
        where = jnp.asarray(pad_rows(np.array(nodes, np.int32), width))
        moved = cast(tuple[Pair, ...], copy_all(context.pairs, self.drafted.pairs, where, self.length))
        context = replace(context.replaced(moved), length=self.length + len(nodes))
        return replace(self.rollback(), context=context)

    def rollback(self) -> GrowingTree:
        """Drop all drafted nodes; the committed context stays as it is."""
        return replace(self, tokens=(), parents=(), depths=())

    def append(self, tokens: Sequence[int] | Array) -> GrowingTree:
        """Drop all drafted nodes, and read any number of tokens into the context, a few at a time."""
        tree = self.rollback()
        for start in range(0, len(tokens), NODES):
            piece = tokens[start : start + NODES]
            _, tree = tree.extend(piece, range(-1, len(piece) - 1))
            tree = tree.commit(range(len(piece)))
        return tree

    def truncate(self, length: int) -> GrowingTree:
        """Drop all drafted nodes, and forget the context from ``length`` on."""
        return replace(self.rollback(), context=self.context.truncate(length))
