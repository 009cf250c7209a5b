"""Recording traces from a language model: :class:`RecordingPlan` says what, :func:`record` does it."""

from specsim.recording.plan import RecordingPlan as RecordingPlan
from specsim.recording.plan import draft_name as draft_name
from specsim.recording.recorder import record as record

__all__ = ["RecordingPlan", "draft_name", "record"]
