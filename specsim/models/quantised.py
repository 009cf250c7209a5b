r"""An output head in its stored 8-bit form, so that a trace can hold it exactly in a quarter of the room.

Q8_0 stores a row in blocks of 32 numbers: an integer in [-128, 127] each, and one float16 scale. The head
that the model computes with is ``scale * integer``, which float32 represents exactly; nothing is lost.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from specsim.models.config import Array

#: Numbers that share a scale.
BLOCK = 32

_Q8_0 = np.dtype([("scale", "<f2"), ("values", "i1", (BLOCK,))])


@dataclass(frozen=True, eq=False)
class QuantisedHead:
    """A Q8_0 matrix.

    Parameters
    ----------
    values
        int8, shape ``(V, D)``.
    scales
        float16, shape ``(V, D / 32)``: one for each 32 consecutive values of a row.

    Examples
    --------
    >>> head = QuantisedHead(values=np.ones((2, 64), np.int8), scales=np.full((2, 2), 0.5, np.float16))
    >>> head.dense()[0, :2].tolist()
    [0.5, 0.5]
    """

    values: Array
    scales: Array

    def __post_init__(self) -> None:
        rows, width = self.values.shape
        if self.values.dtype != np.int8 or self.scales.dtype != np.float16:
            raise ValueError(f"needs int8 and float16, got {self.values.dtype} and {self.scales.dtype}")
        if width % BLOCK or self.scales.shape != (rows, width // BLOCK):
            raise ValueError(
                f"values of shape {self.values.shape} need scales of shape {(rows, width // BLOCK)}, "
                f"got {self.scales.shape}"
            )

    @classmethod
    def from_blocks(cls, blocks: Array) -> QuantisedHead:
        """From the bytes of a GGUF tensor: uint8, shape ``(V, bytes a row)``."""
        cells = np.ascontiguousarray(blocks).view(_Q8_0)
        return cls(
            values=cells["values"].reshape(len(cells), -1), scales=np.ascontiguousarray(cells["scale"])
        )

    def dense(self) -> Array:
        """The matrix itself, float32, shape ``(V, D)``, exact."""
        scales = np.repeat(self.scales.astype(np.float32), BLOCK, axis=1)
        return self.values.astype(np.float32) * scales
