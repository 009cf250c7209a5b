"""Any file of an engine's measurements: a page of metrics, answers, or server info."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from pathlib import Path

from specsim.measurements.counts import BadMeasurement, DraftCounts, MeanTokens
from specsim.measurements.engines import counts_of_metrics
from specsim.measurements.responses import Answer, parse_answers
from specsim.policies import Text


@dataclass(frozen=True)
class Measured:
    """What a file says.

    Attributes
    ----------
    counts
        Sums over all rounds, or only a mean.
    texts
        The rounds themselves, if they were recorded one by one; else none.
    """

    counts: DraftCounts | MeanTokens
    texts: tuple[Text, ...] = ()


def read_measured(path: str | Path, *, model: str | None = None) -> Measured:
    """Read a file of measurements, whatever it is; everything in it is checked first.

    Parameters
    ----------
    path
        Prometheus text of vLLM, llama.cpp or SGLang; JSON or JSON lines of answers; SGLang's server info.
    model
        Which model's counters to take from a page that has several.

    Raises
    ------
    BadMeasurement
        If it is none of these, is cut, or contradicts itself.
    """
    name = str(path)
    try:
        text = Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise BadMeasurement(f"{name!r} is not UTF-8 text: {error}") from None
    if not text.strip():
        raise BadMeasurement(f"{name} is empty")
    if text.lstrip()[0] not in "{[":
        return Measured(counts_of_metrics(text, model=model, name=name))
    return _of_answers(parse_answers(text, name=name), name)


def _of_answers(answers: tuple[Answer, ...], name: str) -> Measured:
    counts = [answer.counts for answer in answers]
    sums = [entry for entry in counts if isinstance(entry, DraftCounts)]
    if not sums and len(counts) == 1:
        return Measured(counts[0])
    if len(sums) < len(counts):
        raise BadMeasurement(
            f"{name}: {len(counts) - len(sums)} of {len(counts)} answers have only a mean; means of several "
            "answers cannot be summed"
        )
    texts = tuple(
        Text.from_rounds(answer.name, answer.rounds) for answer in answers if answer.rounds is not None
    )
    return Measured(reduce(DraftCounts.plus, sums), texts if len(texts) == len(answers) else ())
