r"""GGUF files: metadata and tensors, memory-mapped.

A GGUF file (version 2 or 3, little-endian) is a header ``GGUF, version, tensors, entries``, a list of typed
metadata entries, a list of tensor descriptions, and the tensors' blocks, each at an offset from an aligned
start. The header is parsed here directly, which takes a twentieth of a second where a general reader takes
seconds; blocks become numbers by ``gguf.quants.dequantize``.

The dimensions of a tensor stand in the file innermost first; :class:`Tensor` gives them numpy's way.
"""

from __future__ import annotations

import math
import mmap
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType
from gguf.quants import dequantize

from specsim.models.config import Array
from specsim.models.errors import ModelError

_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_ALIGNMENT = 32
_STRING, _ARRAY = 8, 9

#: Formats of the scalar metadata types, by their number in the file.
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor of a file: what it is and where its blocks are.

    Parameters
    ----------
    name
        Its name in the file.
    shape
        Outermost dimension first.
    kind
        How its numbers are stored.
    start, size
        First byte in the file, and number of bytes.
    """

    name: str
    shape: tuple[int, ...]
    kind: GGMLQuantizationType
    start: int
    size: int


@dataclass(frozen=True, eq=False)
class GGUFFile:
    """An opened GGUF file.

    Parameters
    ----------
    path
        Where it is.
    metadata
        Typed entries by name; arrays are tuples (of numbers or strings).
    tensors
        Descriptions by name.
    bytes
        The whole file, memory-mapped, uint8.
    """

    path: Path
    metadata: Mapping[str, Any]
    tensors: Mapping[str, Tensor]
    bytes: Array

    @classmethod
    def open(cls, path: str | Path) -> GGUFFile:
        """Read the header and map the rest.

        Raises
        ------
        ModelError
            If the file isn't GGUF, has an unsupported version, or ends too early; the message says where.
        """
        path = Path(path)
        if path.stat().st_size == 0:
            raise ModelError(f"{path.name} is empty")
        with path.open("rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        cursor = _Cursor(mapped, path.name)
        metadata, tensors = _parse(cursor)
        return cls(path, metadata, tensors, np.frombuffer(mapped, dtype=np.uint8))

    def require(self, key: str) -> Any:
        """A metadata entry, or ``ModelError`` if it isn't there."""
        if key not in self.metadata:
            raise ModelError(f"{self.path.name} has no metadata entry {key!r}")
        return self.metadata[key]

    def blocks(self, name: str) -> Array:
        """The raw bytes of a tensor: uint8, shape ``(rows..., bytes a row)``."""
        tensor = self._tensor(name)
        data = self.bytes[tensor.start : tensor.start + tensor.size]
        return data.reshape(*tensor.shape[:-1], -1)

    def array(self, name: str) -> Array:
        """A tensor as float32, dequantised."""
        tensor, blocks = self._tensor(name), self.blocks(name)
        if tensor.kind == GGMLQuantizationType.F32:
            return blocks.view(np.float32).reshape(tensor.shape)
        return np.asarray(dequantize(blocks, tensor.kind), dtype=np.float32).reshape(tensor.shape)

    def _tensor(self, name: str) -> Tensor:
        if name not in self.tensors:
            raise ModelError(f"{self.path.name} has no tensor {name!r}")
        return self.tensors[name]


class _Cursor:
    """Reads values one after the other, and names the place where a file ends too early."""

    def __init__(self, data: mmap.mmap, name: str) -> None:
        self.data, self.name, self.at = data, name, 0

    def take(self, count: int) -> bytes:
        end = self.at + count
        if end > len(self.data):
            raise ModelError(
                f"{self.name} is truncated: its header needs byte {end - 1} and the file has "
                f"{len(self.data)} bytes; download it again"
            )
        piece, self.at = self.data[self.at : end], end
        return piece

    def unpack(self, form: str) -> Any:
        return struct.unpack("<" + form, self.take(struct.calcsize("<" + form)))[0]

    def string(self) -> str:
        raw = self.take(self.unpack("Q"))
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            raise ModelError(f"{self.name}: text before byte {self.at} isn't UTF-8") from None

    def value(self, kind: int) -> Any:
        if kind == _STRING:
            return self.string()
        if kind == _ARRAY:
            return self.array()
        if kind not in _SCALARS:
            raise ModelError(f"{self.name}: unknown metadata type {kind} before byte {self.at}")
        return self.unpack(_SCALARS[kind])

    def array(self) -> tuple[Any, ...]:
        kind, count = self.unpack("I"), self.unpack("Q")
        if kind in _SCALARS:
            form = f"<{count}{_SCALARS[kind]}"
            return struct.unpack(form, self.take(count * struct.calcsize("<" + _SCALARS[kind])))
        read: Callable[[], Any] = self.string if kind == _STRING else lambda: self.value(kind)
        return tuple(read() for _ in range(count))


def _parse(cursor: _Cursor) -> tuple[dict[str, Any], dict[str, Tensor]]:
    if cursor.take(4) != _MAGIC:
        raise ModelError(f"{cursor.name} isn't a GGUF file: it doesn't begin with the bytes 'GGUF'")
    version = cursor.unpack("I")
    if version not in _VERSIONS:
        raise ModelError(
            f"{cursor.name} has GGUF version {version}; little-endian versions 2 and 3 are supported"
        )
    tensor_count, entry_count = cursor.unpack("Q"), cursor.unpack("Q")
    metadata = {}
    for _ in range(entry_count):
        key = cursor.string()
        metadata[key] = cursor.value(cursor.unpack("I"))
    described = [_describe(cursor) for _ in range(tensor_count)]
    alignment = metadata.get("general.alignment", _ALIGNMENT)
    if not isinstance(alignment, int) or alignment < 1:
        raise ModelError(f"{cursor.name}: general.alignment must be a positive integer, got {alignment!r}")
    start = -(-cursor.at // alignment) * alignment
    return metadata, {item[0]: _place(cursor, item, start) for item in described}


Description = tuple[str, tuple[int, ...], int, int]


def _describe(cursor: _Cursor) -> Description:
    name, rank = cursor.string(), cursor.unpack("I")
    shape = tuple(cursor.unpack("Q") for _ in range(rank))[::-1]
    return name, shape, cursor.unpack("I"), cursor.unpack("Q")


def _place(cursor: _Cursor, item: Description, start: int) -> Tensor:
    name, shape, number, offset = item
    try:
        kind = GGMLQuantizationType(number)
    except ValueError:
        raise ModelError(f"{cursor.name}: tensor {name} has the unknown type {number}") from None
    per_block, block_bytes = GGML_QUANT_SIZES[kind]
    if not shape or shape[-1] % per_block:
        raise ModelError(
            f"{cursor.name}: tensor {name} of shape {shape} isn't made of {kind.name} blocks of {per_block}"
        )
    size = math.prod(shape) // per_block * block_bytes
    if start + offset + size > len(cursor.data):
        raise ModelError(
            f"{cursor.name} is truncated: tensor {name} ends at byte {start + offset + size} and the "
            f"file has {len(cursor.data)} bytes; download it again"
        )
    return Tensor(name, shape, kind, start + offset, size)
