"""The text form of Prometheus metrics, as far as counters and gauges go; every line is checked."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from specsim.measurements.counts import BadMeasurement

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\\n]|\\.)*)"\s*'
_LINE = re.compile(rf"({_NAME})(?:\s*\{{((?:{_LABEL},?)*)\}})?\s+(\S+)(?:\s+(-?\d+))?$")
_ESCAPES = {r"\\": "\\", r"\"": '"', r"\n": "\n"}


@dataclass(frozen=True)
class Sample:
    """One series: name, labels in the order of their names, value."""

    name: str
    labels: tuple[tuple[str, str], ...]
    value: float

    def label(self, name: str) -> str | None:
        """Value of a label, or None."""
        return dict(self.labels).get(name)


def parse_metrics(text: str, *, name: str = "metrics") -> tuple[Sample, ...]:
    r"""Samples of a page of metrics.

    Parameters
    ----------
    text
        What ``/metrics`` answers.
    name
        Of the file, for messages.

    Raises
    ------
    BadMeasurement
        If the last line has no end (the form demands one, so the file is cut), a line is not of the form, or
        a series comes twice.

    Examples
    --------
    >>> parse_metrics('# TYPE a counter\na_total{engine="0"} 7\n')[0].value
    7.0
    """
    if text and not text.endswith("\n"):
        raise BadMeasurement(f"{name}: the last line has no end, so the file is cut; read the page again")
    samples: dict[tuple[str, tuple[tuple[str, str], ...]], Sample] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        bare = line.strip()
        if not bare or bare.startswith("#"):
            continue
        sample = _sample(bare, f"{name}, line {number}")
        if (sample.name, sample.labels) in samples:
            raise BadMeasurement(
                f"{name}, line {number}: the series {bare.split(' ')[0]} comes twice; give one reading a file"
            )
        samples[sample.name, sample.labels] = sample
    return tuple(samples.values())


def _sample(line: str, where: str) -> Sample:
    match = _LINE.match(line)
    if match is None:
        raise BadMeasurement(f"{where}: {line[:80]!r} is not 'name{{label=\"value\"}} number'")
    labels = tuple(sorted((key, _plain(value)) for key, value in re.findall(_LABEL, match[2] or "")))
    try:
        value = float(match[5])
    except ValueError:
        raise BadMeasurement(f"{where}: {match[5]!r} is not a number") from None
    return Sample(match[1], labels, value)


def _plain(value: str) -> str:
    return re.sub(r"\\[\\\"n]", lambda found: _ESCAPES[found[0]], value)


def whole(sample: Sample, where: str) -> int:
    """A counter's value as a whole number of at least 0, or :class:`BadMeasurement`."""
    if not math.isfinite(sample.value) or sample.value < 0 or sample.value != int(sample.value):
        raise BadMeasurement(
            f"{where}: {sample.name} is a counter, a whole number of at least 0, got {sample.value:g}"
        )
    return int(sample.value)
