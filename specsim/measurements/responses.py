"""Measurements that ride on answers: vLLM's per-request metrics, SGLang's ``meta_info`` and server info.

A file holds one JSON value (an answer, a list of them, or SGLang's ``/server_info``) or one answer a line. Of
an answer this reads ``metrics.speculative_decoding`` (vLLM) or ``meta_info`` (SGLang); prompts and texts are
not looked at. vLLM's level *detailed* has the rounds one by one, and they can be replayed under any policy.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from specsim.measurements.counts import BadMeasurement, DraftCounts, MeanTokens

#: Names of SGLang's histogram of accepted drafts a round, newest first.
_HISTOGRAMS = ("spec_correct_drafts_histogram", "spec_accept_histogram", "spec_acceptance_histogram")


@dataclass(frozen=True)
class Answer:
    """What one answer says about its drafts.

    Attributes
    ----------
    name
        Its id, or the place in the file.
    counts
        Sums over its rounds, or a mean.
    rounds
        Accepted and drafted tokens of each round in order; None if they were not recorded.
    """

    name: str
    counts: DraftCounts | MeanTokens
    rounds: tuple[tuple[int, int], ...] | None = None


def parse_answers(text: str, *, name: str = "answers") -> tuple[Answer, ...]:
    r"""Answers of a file's text.

    Raises
    ------
    BadMeasurement
        If a line is no JSON (cut, say), holds no metrics of drafts, or contradicts itself.

    Examples
    --------
    >>> line = '{"id": "a", "metrics": {"speculative_decoding": {"acceptance_histogram": [1, 2], '
    >>> line += '"num_draft_tokens": 3, "per_step_accepted": [1, 0, 1], "per_step_drafted": [1, 1, 1]}}}'
    >>> parse_answers(line)[0].rounds
    ((1, 1), (0, 1), (1, 1))
    """
    found = [_answer(value, where, place) for place, (value, where) in enumerate(_values(text, name))]
    if not found:
        raise BadMeasurement(f"{name} holds no answer")
    return tuple(found)


def _values(text: str, name: str) -> Iterator[tuple[Any, str]]:
    """JSON values of a file: one in all (or a list), or one a line."""
    try:
        whole = json.loads(text)
    except ValueError:
        for number, line in enumerate(text.splitlines(), start=1):
            if line.strip():
                yield _json(line, f"{name}, line {number}"), f"{name}, line {number}"
        return
    if isinstance(whole, list):
        yield from ((entry, f"{name}, entry {place}") for place, entry in enumerate(whole))
    else:
        yield whole, name


def _json(line: str, where: str) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        raise BadMeasurement(f"{where}: not JSON ({error}); the file may be cut") from None


def _answer(value: Any, where: str, place: int) -> Answer:
    if not isinstance(value, dict):
        raise BadMeasurement(f"{where}: an answer is an object, got {type(value).__name__}")
    label = value.get("id", place)
    try:
        if isinstance(metrics := _within(value, "metrics", "speculative_decoding"), dict):
            return _vllm(metrics, str(label))
        if isinstance(meta := value.get("meta_info"), dict):
            return Answer(str(meta.get("id", label)), _sglang(meta))
        if isinstance(states := value.get("internal_states"), list) and states:
            return Answer(str(label), _server_info(value, states[0]))
    except BadMeasurement as error:
        raise BadMeasurement(f"{where}: {error}") from None
    raise BadMeasurement(
        f"{where}: no metrics of drafts: neither metrics.speculative_decoding (vLLM, started with "
        "--per-request-spec-decode-metrics) nor meta_info nor internal_states (SGLang)"
    )


def _within(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _vllm(data: dict[str, Any], name: str) -> Answer:
    histogram = _whole_list(data, "acceptance_histogram")
    rounds = _steps(data)
    if rounds is not None:
        counts = _sum_of_rounds(rounds)
        if histogram is not None and _histogram(rounds, len(histogram)) != histogram:
            raise BadMeasurement("acceptance_histogram is not that of per_step_accepted")
    elif isinstance(by_length := data.get("acceptance_histogram_by_draft_length"), dict):
        counts = _by_length(by_length)
    elif histogram is not None:
        counts = _of_histogram(histogram, _whole(data, "num_draft_tokens"))
    else:
        raise BadMeasurement("neither acceptance_histogram nor per_step_accepted is there")
    sums = {
        "num_spec_steps": "rounds",
        "num_accepted_draft_tokens": "accepted",
        "num_draft_tokens": "drafted",
    }
    for key, attribute in sums.items():
        if key in data and _whole(data, key) != getattr(counts, attribute):
            raise BadMeasurement(f"{key} is {data[key]}, but the rounds sum to {getattr(counts, attribute)}")
    return Answer(name, counts, rounds)


def _steps(data: dict[str, Any]) -> tuple[tuple[int, int], ...] | None:
    accepted, drafted = _whole_list(data, "per_step_accepted"), _whole_list(data, "per_step_drafted")
    if accepted is None and drafted is None:
        return None
    if accepted is None or drafted is None or len(accepted) != len(drafted):
        raise BadMeasurement("per_step_accepted and per_step_drafted need one entry for each round")
    for place, (good, made) in enumerate(zip(accepted, drafted, strict=True)):
        if good > made:
            raise BadMeasurement(f"round {place}: {good} of {made} drafts cannot be accepted")
    return tuple(zip(accepted, drafted, strict=True))


def _histogram(rounds: tuple[tuple[int, int], ...], size: int) -> list[int]:
    counts = [0] * max([size, *(accepted + 1 for accepted, _ in rounds)])
    for accepted, _ in rounds:
        counts[accepted] += 1
    return counts


def _sum_of_rounds(rounds: tuple[tuple[int, int], ...]) -> DraftCounts:
    longest = max((drafted for _, drafted in rounds), default=0)
    reached = tuple(sum(accepted > place for accepted, _ in rounds) for place in range(longest))
    judged = tuple(
        sum(accepted >= place and drafted > place for accepted, drafted in rounds) for place in range(longest)
    )
    totals = sum(drafted for _, drafted in rounds), sum(accepted for accepted, _ in rounds)
    return DraftCounts(len(rounds), *totals, reached, judged)


def _by_length(table: dict[str, Any]) -> DraftCounts:
    """From histograms of accepted drafts, one for each draft length."""
    total = DraftCounts(0, 0, 0, (), ())
    for key in table:
        row = _whole_list(table, key)
        if not key.isdecimal() or row is None or len(row) != int(key) + 1:
            raise BadMeasurement(f"acceptance_histogram_by_draft_length[{key!r}] needs {key} + 1 counts")
        total = total.plus(_of_histogram(row, sum(row) * int(key), exact=True))
    return total


def _of_histogram(histogram: list[int], drafted: int, *, exact: bool = False) -> DraftCounts:
    """Entry j counts the rounds that accepted exactly j drafts."""
    reached = tuple(sum(histogram[place:]) for place in range(1, len(histogram)))
    rounds, accepted = sum(histogram), sum(reached)
    return DraftCounts(rounds, drafted, accepted, reached, (rounds, *reached)[:-1] if exact else None)


def _sglang(meta: dict[str, Any]) -> DraftCounts | MeanTokens:
    name = next((key for key in _HISTOGRAMS if key in meta), None)
    if name is not None:
        histogram = _whole_list(meta, name) or []
        drafted = next((key for key in ("spec_num_proposed_drafts",) if key in meta), None)
        longest = sum(histogram) * max(0, len(histogram) - 1)
        return _of_histogram(histogram, longest if drafted is None else _whole(meta, drafted))
    if "spec_verify_ct" not in meta:
        raise BadMeasurement("meta_info has no spec_verify_ct: was the request served with drafts?")
    rounds, tokens = _whole(meta, "spec_verify_ct"), _whole(meta, "completion_tokens")
    if not rounds:
        raise BadMeasurement("spec_verify_ct is 0: nothing was verified")
    return MeanTokens(tokens / rounds)


def _server_info(info: dict[str, Any], state: Any) -> MeanTokens:
    mean = _within(state, "avg_spec_accept_length")
    if not isinstance(mean, int | float) or isinstance(mean, bool):
        raise BadMeasurement("internal_states[0] has no avg_spec_accept_length: nothing was drafted yet")
    if (info.get("speculative_eagle_topk") or 1) != 1:
        raise BadMeasurement(
            "the engine drafts trees (speculative_eagle_topk above 1); from their mean no acceptance of a "
            "chain follows"
        )
    steps = info.get("speculative_num_steps")
    return MeanTokens(float(mean), steps if isinstance(steps, int) and steps > 0 else None)


def _whole(data: dict[str, Any], key: str) -> int:
    value = data.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise BadMeasurement(f"{key} must be a whole number of at least 0, got {value!r}")
    return value


def _whole_list(data: dict[str, Any], key: str) -> list[int] | None:
    values = data.get(key)
    if values is None:
        return None
    if not isinstance(values, list) or any(
        not isinstance(entry, int) or isinstance(entry, bool) or entry < 0 for entry in values
    ):
        raise BadMeasurement(f"{key} must be a list of whole numbers of at least 0, got {values!r:.80}")
    return values
