"""Recorded traces: next-token distributions of a target and its drafts along real text, on disk.

A trace is a directory: ``manifest.jsonl``, safetensors shards of rows, and safetensors files for what all
rows share. See :mod:`specsim.sources.traces.forms` for how distributions are stored,
``docs/trace-format.md`` for the layout.

Read one with :meth:`Trace.open` and :meth:`Trace.blocks`; write one with :class:`TraceWriter`.
"""

from specsim.sources.traces.errors import TraceError as TraceError
from specsim.sources.traces.forms import Base as Base
from specsim.sources.traces.forms import Dense as Dense
from specsim.sources.traces.forms import Form as Form
from specsim.sources.traces.forms import Head as Head
from specsim.sources.traces.forms import Hidden as Hidden
from specsim.sources.traces.forms import Shared as Shared
from specsim.sources.traces.forms import Sparse as Sparse
from specsim.sources.traces.header import Header as Header
from specsim.sources.traces.header import Source as Source
from specsim.sources.traces.passage import Passage as Passage
from specsim.sources.traces.reader import Block as Block
from specsim.sources.traces.reader import Trace as Trace
from specsim.sources.traces.writer import TraceWriter as TraceWriter
from specsim.sources.traces.writer import check_free as check_free

__all__ = [
    "Base",
    "Block",
    "Dense",
    "Form",
    "Head",
    "Header",
    "Hidden",
    "Passage",
    "Shared",
    "Source",
    "Sparse",
    "Trace",
    "TraceError",
    "TraceWriter",
    "check_free",
]
