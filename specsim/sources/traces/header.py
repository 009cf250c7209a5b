"""What a trace says about itself: the first line of its manifest."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from specsim.sources.traces.errors import TraceError

#: The version of the format that is written.
SCHEMA = 1
#: The versions that can be read.
READABLE = (1,)
FORMAT = "specsim-trace"

STORAGES = ("dense", "hidden", "sparse")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")


def check_name(name: str, what: str) -> None:
    """Raise unless a name is safe as part of a file name and of a tensor name."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise TraceError(
            f"{what} {name!r} must consist of lower-case letters, digits, '-' and '_', "
            "and begin with a letter or digit"
        )


@dataclass(frozen=True)
class Source:
    """How the target or one draft is stored, and what it is.

    Parameters
    ----------
    storage
        ``dense``, ``hidden`` or ``sparse``, see :mod:`specsim.sources.traces.forms`.
    dtype
        ``float16`` or ``float32``: of the logits or hidden states (``sparse`` is always float32).
    shared
        The name of the head (``hidden``) or base (``sparse``); empty for ``dense``.
    description
        One line for people.

    Examples
    --------
    >>> Source("hidden", "float16", shared="head", description="layers 14-16 left out").storage
    'hidden'
    """

    storage: str
    dtype: str = "float32"
    shared: str = ""
    description: str = ""

    def __post_init__(self) -> None:
        if self.storage not in STORAGES:
            raise TraceError(f"unknown storage {self.storage!r}; use one of {', '.join(STORAGES)}")
        if self.dtype not in ("float16", "float32"):
            raise TraceError(f"unknown dtype {self.dtype!r}; use float16 or float32")
        if (self.storage == "dense") != (self.shared == ""):
            needed = "no shared head or base" if self.storage == "dense" else "a shared head or base"
            raise TraceError(f"storage {self.storage!r} takes {needed}, got {self.shared!r}")


@dataclass(frozen=True)
class Header:
    """Everything that is said once for a whole trace.

    Parameters
    ----------
    vocabulary
        The number of tokens, V.
    target, drafts
        How each source is stored.
    domains
        The names of the prompt domains.
    temperature
        The temperature at which the recorded text was sampled (stored logits are *before* it).
    seed
        The seed of that sampling.
    shard_rows
        A shard is closed with the passage that brings it to this many rows.
    models, versions, licences, details
        Maps from a name to a string: what was run, on which package versions, under which licences, and
        anything else.
    tokenizer
        What turns text into these tokens.
    command
        The command that made the trace, without machine paths.

    Examples
    --------
    >>> header = Header(vocabulary=5, target=Source("dense"), drafts={"flat": Source("dense")},
    ...                 domains=("toy",), temperature=1.0, seed=0)
    >>> Header.from_json(header.to_json()) == header
    True
    """

    vocabulary: int
    target: Source
    drafts: Mapping[str, Source]
    domains: tuple[str, ...]
    temperature: float
    seed: int
    shard_rows: int = 64
    models: Mapping[str, str] = field(default_factory=dict)
    tokenizer: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    licences: Mapping[str, str] = field(default_factory=dict)
    details: Mapping[str, str] = field(default_factory=dict)
    command: str = ""

    def __post_init__(self) -> None:
        if self.vocabulary < 2:
            raise TraceError(f"vocabulary must be at least 2, got {self.vocabulary}")
        if not 0 <= self.temperature < float("inf"):
            raise TraceError(f"temperature must be finite and at least 0, got {self.temperature}")
        if self.shard_rows < 1:
            raise TraceError(f"shard_rows must be at least 1, got {self.shard_rows}")
        if not self.domains or len(set(self.domains)) != len(self.domains):
            raise TraceError(f"domains must be one or more different names, got {self.domains}")
        for name in self.drafts:
            check_name(name, "the draft name")
            if name == "target":
                raise TraceError("a draft can't be called 'target'")

    def source(self, name: str) -> Source:
        """The source of that name: ``target`` or a draft."""
        return self.target if name == "target" else self.drafts[name]

    @property
    def shared(self) -> dict[str, str]:
        """The shared arrays that the sources need: name to role (``head`` or ``base``)."""
        roles = {"hidden": "head", "sparse": "base"}
        sources = [self.target, *self.drafts.values()]
        found = sorted({(s.shared, roles[s.storage]) for s in sources if s.shared})
        if len(dict(found)) != len(found):
            raise TraceError(f"one name is used for a head and for a base: {found}")
        return dict(found)

    def to_json(self) -> dict[str, Any]:
        """The header as plain JSON values; drafts are a list, which keeps their order."""
        drafts = [{"name": name, **asdict(source)} for name, source in self.drafts.items()]
        return {**asdict(self), "domains": list(self.domains), "drafts": drafts}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Header:
        """The header from JSON values; ``TraceError`` names a missing or unknown field."""
        try:
            values = dict(data)
            values["target"] = Source(**values["target"])
            values["drafts"] = dict(_named_source(draft) for draft in values["drafts"])
            values["domains"] = tuple(values["domains"])
            return cls(**values)
        except (KeyError, TypeError, AttributeError) as error:
            raise TraceError(f"the header has a missing or unknown field: {error}") from None


def _named_source(data: Mapping[str, Any]) -> tuple[str, Source]:
    return data["name"], Source(**{key: value for key, value in data.items() if key != "name"})


def first_difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """A clause that names the fields in which two headers differ."""
    keys = [key for key in sorted({*old, *new}) if old.get(key) != new.get(key)]
    return "; ".join(f"{key}: {old.get(key)!r} in the trace, {new.get(key)!r} now" for key in keys)
