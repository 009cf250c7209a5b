"""Costs from first principles: the slower of arithmetic and memory traffic (roofline)."""

from __future__ import annotations

from dataclasses import dataclass

from specsim.clocks.calls import Call


@dataclass(frozen=True, slots=True)
class Hardware:
    """One device.

    Parameters
    ----------
    flops
        Floating-point operations a second that it sustains.
    bandwidth
        Bytes a second from its memory.
    overhead
        Seconds a call besides: launches, sampling.

    Examples
    --------
    >>> A100.bandwidth
    2039000000000.0
    """

    flops: float
    bandwidth: float
    overhead: float = 0.0

    def __post_init__(self) -> None:
        if not (self.flops > 0 and self.bandwidth > 0 and self.overhead >= 0):
            raise ValueError(
                f"hardware needs positive flops and bandwidth and no negative overhead, got {self}"
            )


#: Peak figures of data sheets (16-bit, dense); real kernels reach perhaps half to four fifths of them.
A100 = Hardware(flops=312e12, bandwidth=2039e9)
H100 = Hardware(flops=989e12, bandwidth=3350e9)
L40 = Hardware(flops=181e12, bandwidth=864e9)


@dataclass(frozen=True, slots=True)
class Transformer:
    """A dense decoder's size, as far as its cost goes.

    Parameters
    ----------
    parameters
        Weights that a token is multiplied with; the embedding table counts once if it is the head, too.
    layers, width
        Of the residual stream; attention of a new token on a cached one costs ``4 * layers * width``
        operations.
    cached_bytes
        Bytes of keys and values a cached token, all layers.
    weight_bytes
        Bytes a weight.

    Examples
    --------
    >>> seven = Transformer(parameters=6.7e9, layers=32, width=4096, cached_bytes=524288)
    >>> round(Roofline(seven, A100).seconds(Call()) * 1000, 2)
    6.57
    """

    parameters: float
    layers: int
    width: int
    cached_bytes: float
    weight_bytes: float = 2.0

    def __post_init__(self) -> None:
        sizes = (self.parameters, self.layers, self.width, self.weight_bytes)
        if min(sizes) <= 0 or self.cached_bytes < 0:
            raise ValueError(f"a transformer's sizes must be positive, got {self}")


@dataclass(frozen=True, slots=True)
class Roofline:
    """The larger of operations / flops and bytes / bandwidth, and the overhead.

    Operations are two a weight and new token, and attention; bytes are the weights once a call, and each
    sequence's cache. Activations are left out.

    Parameters
    ----------
    model
        What is run.
    hardware
        What it runs on.
    """

    model: Transformer
    hardware: Hardware

    def seconds(self, call: Call, /) -> float:
        """The roofline time; a lower bound of what real kernels take at these peaks."""
        model = self.model
        seen = call.context + (call.tokens + 1) / 2
        attention = 4.0 * model.layers * model.width * call.new_tokens * seen
        operations = 2.0 * model.parameters * call.new_tokens + attention
        traffic = model.parameters * model.weight_bytes
        traffic += model.cached_bytes * (call.cached_tokens + call.new_tokens)
        return (
            max(operations / self.hardware.flops, traffic / self.hardware.bandwidth) + self.hardware.overhead
        )
