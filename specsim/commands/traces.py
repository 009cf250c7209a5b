"""Opening the trace that a command line names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from specsim.commands.parsing import UsageError, did_you_mean

if TYPE_CHECKING:
    from specsim.sources.traces import Trace


def opened(text: str, *, verify: bool = False) -> Trace:
    """The trace in a directory; :class:`UsageError` if there is none, ``TraceError`` if it is damaged."""
    path = Path(text)
    if not path.exists():
        raise UsageError(f"there is no trace {text!r}: the directory does not exist")
    if not path.is_dir() or not (path / "manifest.jsonl").exists():
        kind = "a directory without a manifest.jsonl" if path.is_dir() else "a file"
        raise UsageError(f"{text!r} is not a trace but {kind}; give the directory that `specsim record` made")
    from specsim.sources.traces import Trace

    return Trace.open(path, verify=verify)


def check_drafts(trace: Trace, drafts: Sequence[str]) -> None:
    """:class:`UsageError` for a draft that the trace does not have."""
    for draft in drafts:
        if draft not in trace.drafts:
            have = ", ".join(trace.drafts) or "none"
            hint = did_you_mean(draft, trace.drafts)
            raise UsageError(f"the trace has no draft {draft!r}{hint}; it has {have}")
