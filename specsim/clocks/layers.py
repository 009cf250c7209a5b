"""How a draft step runs: on one device, or with groups of layers in parallel on several (EasySpec)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from specsim.clocks.calls import Call, Cost
from specsim.clocks.runs import Recorder


@runtime_checkable
class Stepper(Protocol):
    """Lists the operations of one draft step."""

    def step(self, recorder: Recorder, call: Call, after: Sequence[int]) -> tuple[int, ...]:
        """List them and return the numbers of the last ones."""
        ...


@dataclass(frozen=True)
class OneDevice:
    """The whole step on one device.

    Parameters
    ----------
    cost
        Of a step.
    device
        Where.
    """

    cost: Cost
    device: str = "gpu"

    def step(self, recorder: Recorder, call: Call, after: Sequence[int]) -> tuple[int, ...]:
        """One operation."""
        return (recorder.add("draft", self.device, self.cost.seconds(call), after),)


@dataclass(frozen=True)
class LayerGroups:
    """Groups of consecutive layers run their attention on one input, in parallel; then their MLPs in order.

    The first and the last layer are not grouped. The MLPs of a group run one after the other, each split
    over all devices (tensor-parallel), as are the layers outside of groups; attention of a group runs
    whole, a layer a device.

    Parameters
    ----------
    attention, mlp
        Cost of one layer's attention and MLP on one device.
    layers
        Of the draft model; at least 2.
    group
        Layers a group.
    devices
        How many devices; attention of larger groups takes several turns.
    speedup
        How much faster an operation is that is split over all devices; 1 if splitting buys nothing.
    synchronisation
        Seconds a group besides.

    Examples
    --------
    >>> from specsim.clocks import Constant, schedule
    >>> groups = LayerGroups(Constant(1.0), Constant(1.0), layers=10, group=4, devices=4, speedup=1.0)
    >>> recorder = Recorder()
    >>> _ = groups.step(recorder, Call(), ())
    >>> schedule(recorder.ops).seconds      # 2 * 2 outside, 2 groups of 1 + 4
    14.0
    """

    attention: Cost
    mlp: Cost
    layers: int
    group: int = 4
    devices: int = 4
    speedup: float = 1.0
    synchronisation: float = 0.0

    def __post_init__(self) -> None:
        if self.layers < 2 or self.group < 1 or self.devices < 1:
            raise ValueError(
                "layer groups need 2 or more layers and at least 1 layer a group and 1 device, got "
                f"layers={self.layers}, group={self.group}, devices={self.devices}"
            )
        if not self.speedup >= 1 or not self.synchronisation >= 0:
            raise ValueError(
                "speedup must be at least 1 and synchronisation not negative, got "
                f"{self.speedup} and {self.synchronisation}"
            )

    def step(self, recorder: Recorder, call: Call, after: Sequence[int]) -> tuple[int, ...]:
        """First layer, groups, last layer."""
        attention, mlp = self.attention.seconds(call), self.mlp.seconds(call)
        last = self._split(recorder, "draft layer", attention + mlp, after)
        inner = self.layers - 2
        for start in range(0, inner, self.group):
            size = min(self.group, inner - start)
            heads = [
                recorder.add("draft attention", self._device(place), attention, last) for place in range(size)
            ]
            last = self._split(recorder, "draft MLPs", size * mlp, heads, besides=self.synchronisation)
        return self._split(recorder, "draft layer", attention + mlp, last)

    def _split(
        self, recorder: Recorder, name: str, seconds: float, after: Sequence[int], *, besides: float = 0.0
    ) -> tuple[int, ...]:
        time = seconds / (self.speedup if self.devices > 1 else 1.0) + besides
        return tuple(recorder.add(name, self._device(place), time, after) for place in range(self.devices))

    def _device(self, place: int) -> str:
        return f"gpu {place % self.devices}"
