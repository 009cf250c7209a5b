"""Reading a trace: lazily, in blocks, with bounded memory.

Opening reads the manifest and checks what costs nothing: versions, file sizes, row counts. A file's SHA-256
is computed once, when its first row is asked for. Only the rows of the current block are in memory as
logits; a head is kept in its stored form and, where that is small (:data:`HEAD_CACHE`), as float64.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from specsim.sources.traces.errors import TraceError
from specsim.sources.traces.forms import Base, Head, check_logits, check_mass
from specsim.sources.traces.header import Header, Source
from specsim.sources.traces.manifest import read_manifest
from specsim.sources.traces.shards import File, Store, prefix_of

Array = NDArray[Any]
Logits = NDArray[np.float64]

#: A head whose float64 copy takes at most so many bytes is expanded once; a larger one in tiles.
HEAD_CACHE = 2**28
#: The rows of a larger head that are expanded at a time.
TILE = 8192


@dataclass(frozen=True, eq=False)
class Block:
    """Up to ``size`` consecutive rows of a selection, as logits.

    Attributes
    ----------
    rows
        int64, shape ``(n,)``: row numbers in the whole trace.
    target_logits
        float64, shape ``(n, V)``: before any temperature.
    draft_logits
        The same for each draft asked for, by name.
    domain
        Shape ``(n,)``: names of the prompt domains.
    passage
        int64, shape ``(n,)``: the number of the context, see :meth:`Trace.tokens`.
    position
        int64, shape ``(n,)``: the length of the context of the row.
    previous, token
        int64, shape ``(n,)``: the last token of the context, and the one that came next.
    """

    rows: NDArray[np.int64]
    target_logits: Logits
    draft_logits: dict[str, Logits]
    domain: NDArray[np.str_]
    passage: NDArray[np.int64]
    position: NDArray[np.int64]
    previous: NDArray[np.int64]
    token: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)

    def part(self, span: slice) -> Block:
        """Some of its rows."""
        return Block(
            rows=self.rows[span],
            target_logits=self.target_logits[span],
            draft_logits={name: logits[span] for name, logits in self.draft_logits.items()},
            domain=self.domain[span],
            passage=self.passage[span],
            position=self.position[span],
            previous=self.previous[span],
            token=self.token[span],
        )


@dataclass(frozen=True, eq=False)
class Trace:
    """A recorded trace, or a selection of its rows. Make one with :meth:`open`.

    Examples
    --------
    >>> trace = Trace.open("traces/glassllm-en")
    >>> trace.vocabulary, trace.drafts
    (1024, ('skip', 'exit', 'ngram'))
    >>> block = next(trace.blocks(size=4))
    >>> block.target_logits.shape, sorted(block.draft_logits)
    ((4, 1024), ['exit', 'ngram', 'skip'])
    """

    _store: Store
    _rows: NDArray[np.int64]
    _heads: dict[str, Logits] = field(default_factory=dict)

    @classmethod
    def open(cls, path: str | Path, *, verify: bool = False) -> Trace:
        """Open a trace for reading.

        Parameters
        ----------
        path
            The directory of the trace.
        verify
            Check the SHA-256 and the shapes of every file now, instead of each on first use.

        Raises
        ------
        TraceError
            If it is missing, is not a trace, is of another schema version, is empty, or a file is missing,
            cut or (with ``verify``) changed. The message names the file.
        """
        directory = Path(path)
        manifest = read_manifest(directory)
        if not manifest.lines:
            raise TraceError(f"{directory} is empty: its manifest has no whole line")
        header = Header.from_json(manifest.lines[0]["header"])
        store = Store(directory, header, manifest)
        store.check_cheaply()
        trace = cls(store, np.arange(store.shard_ends[-1]))
        if verify:
            trace.verify()
        return trace

    @property
    def header(self) -> Header:
        """What the trace says about itself."""
        return self._store.header

    @property
    def vocabulary(self) -> int:
        """The number of tokens, V."""
        return self.header.vocabulary

    @property
    def drafts(self) -> tuple[str, ...]:
        """The names of the recorded drafts."""
        return tuple(self.header.drafts)

    @property
    def domains(self) -> tuple[str, ...]:
        """The domains of the selected rows, in the order of the header."""
        found = {self._store.passages[i]["domain"] for i in np.unique(self._passage_of(self._rows))}
        return tuple(name for name in self.header.domains if name in found)

    @property
    def complete(self) -> bool:
        """Whether the recording was finished; a prefix of a stopped one can be read all the same."""
        return self._store.manifest.complete

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know about the state of the files; empty for a finished trace."""
        manifest = self._store.manifest
        notes = []
        if manifest.torn_bytes:
            notes.append(f"the last {manifest.torn_bytes} bytes of the manifest are a torn line, ignored")
        if not manifest.complete:
            notes.append("the recording was not finished; resume it to complete the trace")
        return tuple(notes)

    def __len__(self) -> int:
        return len(self._rows)

    def select(self, *, domain: str | Sequence[str] | None = None, limit: int | None = None) -> Trace:
        """Rows of some domains, and at most ``limit`` of them, evenly spaced.

        Raises
        ------
        TraceError
            For an unknown domain or a limit below one.

        Examples
        --------
        >>> trace = Trace.open("traces/glassllm-en")
        >>> len(trace.select(domain="code", limit=8))
        8
        """
        rows = self._rows
        if domain is not None:
            wanted = (domain,) if isinstance(domain, str) else tuple(domain)
            rows = rows[self._in_domains(rows, wanted)]
        if limit is not None:
            if limit < 1:
                raise TraceError(f"limit must be at least 1, got {limit}")
            count = min(limit, len(rows))
            rows = rows[np.arange(count) * len(rows) // max(count, 1)]
        return Trace(self._store, rows, self._heads)

    def _in_domains(self, rows: Array, wanted: tuple[str, ...]) -> Array:
        unknown = [name for name in wanted if name not in self.header.domains]
        if unknown:
            have = ", ".join(self.header.domains)
            raise TraceError(f"unknown domain {unknown[0]!r}; this trace has {have}")
        flags = np.array([passage["domain"] in wanted for passage in self._store.passages])
        return np.asarray(flags[self._passage_of(rows)])

    def _passage_of(self, rows: Array) -> NDArray[np.int64]:
        return np.searchsorted(self._store.passage_ends, rows, side="right") - 1

    def blocks(self, *, size: int = 16, drafts: Sequence[str] | None = None) -> Iterator[Block]:
        """The selected rows in order, in blocks of at most ``size``.

        A block never spans two shards, so it can be smaller. Sources that share a head are multiplied with it
        together. Logits agree between block sizes up to float64 rounding.

        Parameters
        ----------
        size
            Rows a block; memory is about ``8 size V (1 + drafts)`` bytes, and one float64 head.
        drafts
            The drafts to decode; all if ``None``.

        Raises
        ------
        TraceError
            For an unknown draft or a size below one (at once), or a damaged file or row (when it is reached).
        """
        names = self.drafts if drafts is None else tuple(drafts)
        for name in names:
            self._check_draft(name)
        if size < 1:
            raise TraceError(f"size must be at least 1, got {size}")
        return self._blocks(size, names)

    def _check_draft(self, name: str) -> None:
        if name not in self.drafts:
            have = ", ".join(self.drafts) or "no drafts"
            raise TraceError(f"unknown draft {name!r}; this trace has {have}")

    def _blocks(self, size: int, names: tuple[str, ...]) -> Iterator[Block]:
        ends = self._store.shard_ends
        cuts = np.searchsorted(self._rows, ends)
        for shard in range(len(ends) - 1):
            for start in range(cuts[shard], cuts[shard + 1], size):
                rows = self._rows[start : min(start + size, cuts[shard + 1])]
                yield self._block(shard, rows, names)

    def _block(self, shard: int, rows: NDArray[np.int64], names: tuple[str, ...]) -> Block:
        self._store.check_shard(shard)
        logits = self._logits(shard, rows, ("target", *names))
        passage = self._passage_of(rows)
        position, previous, token = self._places(shard, rows, passage)
        return Block(
            rows=rows,
            target_logits=logits.pop("target"),
            draft_logits=logits,
            domain=np.array([self._store.passages[i]["domain"] for i in passage]),
            passage=passage,
            position=position,
            previous=previous,
            token=token,
        )

    def _places(self, shard: int, rows: Array, passage: Array) -> tuple[Array, Array, Array]:
        """Position, previous and next token of each row."""
        store, first = self._store, int(self._store.shard_passages[shard])
        local = _part(rows, int(store.shard_ends[shard]))
        arrays = store.shards[shard].slices({"positions": local.span, "tokens": slice(None)})
        position = arrays["positions"][local.pick].astype(np.int64)
        lengths = [p["tokens"] for p in store.shards[shard].line["passages"]]
        begin = np.concatenate([[0], np.cumsum(lengths)])[passage - first]
        tokens = arrays["tokens"].astype(np.int64)
        return position, tokens[begin + position - 1], tokens[begin + position]

    def _logits(self, shard: int, rows: Array, names: tuple[str, ...]) -> dict[str, Logits]:
        local = _part(rows, int(self._store.shard_ends[shard]))
        file, found, states = self._store.shards[shard], {}, {}
        for name in names:
            source, prefix = self.header.source(name), prefix_of(name)
            if source.storage == "dense":
                part = file.slices({f"{prefix}.logits": local.span})[f"{prefix}.logits"]
                found[name] = part[local.pick].astype(np.float64)
            elif source.storage == "sparse":
                found[name] = self._sparse(file, prefix, source, local)
            else:
                part = file.slices({f"{prefix}.states": local.span})[f"{prefix}.states"]
                states[name] = part[local.pick].astype(np.float64)
        found |= self._times_heads(states)
        for name in names:
            check_logits(found[name], f"{file.path}: {name} logits", rows=rows)
        return {name: found[name] for name in names}

    def _times_heads(self, states: dict[str, Logits]) -> dict[str, Logits]:
        """``states @ head.T``, one product for all sources with the same head."""
        groups: dict[str, list[str]] = {}
        for name in states:
            groups.setdefault(self.header.source(name).shared, []).append(name)
        found: dict[str, Logits] = {}
        for head, names in groups.items():
            product = self._product(head, np.concatenate([states[name] for name in names]))
            found |= dict(zip(names, np.split(product, len(names)), strict=True))
        return found

    def _product(self, name: str, states: Logits) -> Logits:
        head = self._store.shared(name)
        assert isinstance(head, Head)
        if states.shape[1] != head.width:
            raise TraceError(
                f"{self._store.directory}: hidden states have {states.shape[1]} numbers, "
                f"the head {name!r} takes {head.width}"
            )
        if 8 * head.vocabulary * head.width <= HEAD_CACHE:
            if name not in self._heads:
                self._heads[name] = head.matrix(0, head.vocabulary)
            return states @ self._heads[name].T
        out = np.empty((len(states), head.vocabulary))
        for start in range(0, head.vocabulary, TILE):
            out[:, start : start + TILE] = states @ head.matrix(start, start + TILE).T
        return out

    def _sparse(self, file: File, prefix: str, source: Source, local: _Part) -> Logits:
        base = self._store.shared(source.shared)
        assert isinstance(base, Base)
        counts = file.slices({f"{prefix}.counts": slice(0, local.span.stop)})[f"{prefix}.counts"]
        ends = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
        span = slice(int(ends[local.span.start]), int(ends[-1]))
        arrays = file.slices(
            {f"{prefix}.weight": local.span, f"{prefix}.indices": span, f"{prefix}.values": span}
        )
        out = np.multiply.outer(arrays[f"{prefix}.weight"], base.probability.astype(np.float64))
        row = np.repeat(np.arange(len(out)), counts[local.span])
        out[row, arrays[f"{prefix}.indices"].astype(np.int64)] += arrays[f"{prefix}.values"]
        check_mass(out, f"{file.path}: {prefix}")
        return np.log(out[local.pick])

    def tokens(self, passage: int) -> NDArray[np.int64]:
        """All tokens of one context: the prompt and what followed it.

        The context of a row is ``trace.tokens(block.passage[i])[: block.position[i]]``.
        """
        store = self._store
        if not 0 <= passage < len(store.passages):
            raise TraceError(f"passage must be in 0 .. {len(store.passages) - 1}, got {passage}")
        shard = int(np.searchsorted(store.shard_passages, passage, side="right")) - 1
        first = int(store.shard_passages[shard])
        start = sum(p["tokens"] for p in store.passages[first:passage])
        part = slice(start, start + store.passages[passage]["tokens"])
        return store.shards[shard].slices({"tokens": part})["tokens"].astype(np.int64)

    def verify(self) -> None:
        """Check the SHA-256 and the shapes of every file; raises ``TraceError`` at the first fault."""
        for file in [*self._store.shared_files.values(), *self._store.shards]:
            file.verify(again=True)
        for name in self._store.shared_files:
            self._store.shared(name)
        for number in range(len(self._store.shards)):
            self._store.check_shard(number)


@dataclass(frozen=True, eq=False)
class _Part:
    """Rows of a shard: the span that is read, and which of it are wanted."""

    span: slice
    pick: NDArray[np.int64]


def _part(rows: Array, first: int) -> _Part:
    local = rows - first
    return _Part(slice(int(local[0]), int(local[-1]) + 1), local - local[0])
