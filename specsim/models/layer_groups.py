r"""Groups of consecutive layers that read one input, so that several devices can run them at once.

*Attention parallel* (EasySpec): the attention sublayers of a group all take the stream at the group's start,
their outputs are added, and the feed-forward networks run in order. *Whole-layer parallel*: entire layers of
a group take that stream, and what each adds is added. Both approximate the model: the keys and values of a
group are *fuzzy*. They serve to draft; once a round is verified, :func:`calibrate` puts exact ones in their
place by an ordinary pass over the accepted tokens, so that errors don't pile up over rounds.

Source: Wu et al., 2025, *EasySpec*, arXiv 2502.02493, sections 3.2 and 3.3. The draft's law is that of the
fuzzy pass, so drafting with it is as lossless as the walk that verifies it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from specsim.models.config import Array, LlamaConfig
from specsim.models.growing import GrowingTree
from specsim.models.stages import Stage, Stages, in_order


@dataclass(frozen=True, slots=True)
class LayerGroups:
    """The whole model with some layers in groups.

    Parameters
    ----------
    groups
        Each group's layers, consecutive; groups are disjoint and in order. Other layers run as ever.
    whole
        Whether entire layers of a group read one input, and not their attention only.

    Examples
    --------
    >>> LayerGroups.every(2, of=6)
    LayerGroups(groups=((1, 2), (3, 4)), whole=False)
    """

    groups: tuple[tuple[int, ...], ...]
    whole: bool = False

    def __post_init__(self) -> None:
        groups = tuple(tuple(group) for group in self.groups)
        object.__setattr__(self, "groups", groups)
        flat = [layer for group in groups for layer in group]
        consecutive = all(
            group and list(group) == list(range(group[0], group[0] + len(group))) for group in groups
        )
        if not consecutive or flat != sorted(set(flat)):
            raise ValueError(f"groups are consecutive layers, disjoint and in order, got {groups}")

    @classmethod
    def every(
        cls, size: int, *, of: int, first: int = 1, last: int | None = None, whole: bool = False
    ) -> LayerGroups:
        """Groups of ``size`` layers from layer ``first`` to layer ``last`` (of ``of``; the last but one).

        The last group has what remains. First and last layer stay alone by default, as in the paper.
        """
        end = of - 1 if last is None else last + 1
        if size < 1 or not 0 <= first <= end <= of:
            raise ValueError(
                f"needs size >= 1 and layers 0 <= first <= last < {of}, got {size}, {first}..{end - 1}"
            )
        starts = range(first, end, size)
        return cls(tuple(tuple(range(start, min(start + size, end))) for start in starts), whole=whole)

    def layers(self, config: LlamaConfig) -> tuple[int, ...]:
        outside = [layer for group in self.groups for layer in group if not 0 <= layer < config.layers]
        if outside:
            raise ValueError(f"can't group layers {outside}: the model has layers 0..{config.layers - 1}")
        return tuple(range(config.layers))

    def stages(self, config: LlamaConfig) -> Stages:
        """One stage a group, one a layer alone."""
        group_at = {group[0]: group for group in self.groups}
        found: list[Stage] = []
        layer = 0
        while layer < len(self.layers(config)):
            group = group_at.get(layer, (layer,))
            found.append(Stage(group, group, whole=self.whole))
            layer += len(group)
        return tuple(found)


def calibrate(tree: GrowingTree, tokens: Sequence[int] | Array) -> GrowingTree:
    """Drop what was drafted, and append tokens to the context with exact keys and values.

    Parameters
    ----------
    tree
        A session that drafts with :class:`LayerGroups`. Its context should be exact so far: open it with
        whole layers and take ``tree.viewed(groups)``, or calibrate each round.
    tokens
        The accepted tokens (with the bonus token or without), at least one.

    Returns
    -------
    GrowingTree
        Its context equals one read with whole layers; it goes on drafting with its own stages.

    Raises
    ------
    ValueError
        If tokens are out of range or don't fit in the model's context.

    Notes
    -----
    Cost: one ordinary pass over the tokens.

    Examples
    --------
    >>> from specsim.models import toy_model
    >>> model = toy_model(seed=0)
    >>> tree = GrowingTree.open(model.params, model.config, [1, 2]).viewed(LayerGroups.every(2, of=4))
    >>> _, tree = tree.extend([3, 4], [-1, 0])
    >>> calibrate(tree, [3]).length
    3
    """
    exact = replace(tree.context, stages=in_order(range(tree.config.layers)))
    read = GrowingTree.on(tree.params, tree.config, exact).append(tokens)
    return replace(tree.rollback(), context=replace(read.context, stages=tree.context.stages))
