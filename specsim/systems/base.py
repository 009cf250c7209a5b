r"""What a published system is here: a name, a claim, and two configurations.

A module of this package defines one :class:`Published` value, called ``SYSTEM``. It says how the method is
put together on small table worlds (:class:`Worlds`), where all that it does is enumerated, and on a real
model (:class:`Bench`). Both are calls of :class:`~specsim.decoding.System`; nothing in the engine knows any
of them, and a new file is all that a new system takes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from specsim.decoding.reading import LanguageModel
from specsim.decoding.system import System
from specsim.decoding.world import World
from theory.laws import Tokens
from theory.simplex import Warp

if TYPE_CHECKING:
    from specsim.models import Model


@dataclass(frozen=True)
class Worlds:
    """Table worlds to put a system together on.

    Attributes
    ----------
    target, draft, small
        Three models over one vocabulary, of falling quality; the smallest is for hierarchies.
    corpus
        Text for the stores of retrieval systems.
    """

    target: World
    draft: World
    small: World
    corpus: Tokens = ()


@dataclass(frozen=True)
class Bench:
    """A real model and what systems need beside it; everything is loaded when it is first asked for.

    Parameters
    ----------
    model
        The target.
    warp
        From logits to distributions, of target and drafts alike.
    companion
        A second model with the same tokenizer, for systems with a stand-alone draft; None: a view of the
        target with middle layers left out stands for it.
    corpus
        Text for stores: token ids.
    load
        From the name of a trained head to the network and its parameters; the shipped ones
        (:func:`specsim.systems.trained.load`) for None.
    """

    model: Model
    warp: Warp = field(default_factory=Warp)
    companion: Model | None = None
    corpus: Tokens = ()
    load: Callable[[str], Any] | None = None

    @cached_property
    def target(self) -> LanguageModel:
        """The target behind the engine's interface."""
        return self.view(None)

    @cached_property
    def draft(self) -> LanguageModel:
        """The companion, or the target without some of its middle layers (one in ten, at least one)."""
        if self.companion is not None:
            from specsim.decoding.loaded import Loaded

            return Loaded(self.companion, self.warp)
        return self.skipping(max(1, self.model.config.layers // 10))

    def skipping(self, layers: int) -> LanguageModel:
        """The target without some of its middle layers."""
        from specsim.models import LayerMask

        return self.view(LayerMask.middle(layers, of=self.model.config.layers))

    def view(self, view: Any) -> LanguageModel:
        """A view of the target's weights as a model of its own."""
        from specsim.decoding.loaded import Loaded

        return Loaded(self.model, self.warp, view)

    def head(self, name: str) -> tuple[Any, Any]:
        """A trained head by name: the network and its parameters.

        Raises
        ------
        ValueError
            If there is none of that name, or it was trained for another target.
        """
        if self.load is not None:
            network, params = self.load(name)
            return network, params
        from specsim.systems.trained import load

        return load(name, self.model)

    def student(self, name: str) -> LanguageModel:
        """A small stand-alone draft that was trained for this target, by name."""
        from specsim.decoding.loaded import Loaded

        network, params = self.head(name)
        config, weights = network.as_llama(params)
        model = replace(self.model, name=name, config=config, params=weights, quantised=None)
        return Loaded(model, self.warp, ids=np.asarray(network.vocabulary.ids))


@dataclass(frozen=True)
class Published:
    """A published system.

    Attributes
    ----------
    name
        As on the command line.
    title
        As in print.
    source
        Authors, year, identifier.
    claim
        What can be checked of what its paper says, in one sentence.
    lossless
        Whether it is meant to be; the exact tests hold it to that.
    world
        It on table worlds.
    real
        It on a real model.
    needs
        Names of trained weights that ``real`` loads.
    """

    name: str
    title: str
    source: str
    claim: str
    lossless: bool
    world: Callable[[Worlds], System]
    real: Callable[[Bench], System]
    needs: tuple[str, ...] = ()


class UnknownSystem(ValueError):
    """No system has that name; the message lists those that there are."""


def pick(systems: Mapping[str, Published], name: str) -> Published:
    """A system by name.

    Examples
    --------
    >>> pick({}, "medusa")
    Traceback (most recent call last):
    ...
    specsim.systems.base.UnknownSystem: there is no system 'medusa'; there are: none
    """
    try:
        return systems[name]
    except KeyError:
        known = ", ".join(sorted(systems)) or "none"
        raise UnknownSystem(f"there is no system {name!r}; there are: {known}") from None
