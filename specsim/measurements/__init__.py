"""Real measurements: what serving engines count of their drafts, checked, with errors.

:func:`read_measured` takes any of their files; requests that were recorded are read by
:func:`specsim.serving.read_arrivals`, rounds in our own format by :func:`specsim.policies.read_texts`.
``docs/measurements.md`` has the formats.
"""

from specsim.measurements.counts import BadMeasurement, DraftCounts, Estimate, MeanTokens
from specsim.measurements.engines import counts_of_metrics
from specsim.measurements.files import Measured, read_measured
from specsim.measurements.lengths import MeasuredLength, measured_lengths, texts_of_counts
from specsim.measurements.prometheus import Sample, parse_metrics
from specsim.measurements.responses import Answer, parse_answers

__all__ = [
    "Answer",
    "BadMeasurement",
    "DraftCounts",
    "Estimate",
    "MeanTokens",
    "Measured",
    "MeasuredLength",
    "Sample",
    "counts_of_metrics",
    "measured_lengths",
    "parse_answers",
    "parse_metrics",
    "read_measured",
    "texts_of_counts",
]
