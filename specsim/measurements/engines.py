"""Counters of serving engines: vLLM's and llama.cpp's on ``/metrics``, SGLang's means.

vLLM (and with the same names llama.cpp) counts rounds, drafted and accepted tokens, vLLM accepted tokens by
position, too; SGLang publishes a mean of emitted tokens a round, bonus counted. Names are those of the
engines' public pages in 2026; a counter may end in ``_total``. Series of several engines of one deployment
are summed; if there are several models, one has to be named.
"""

from __future__ import annotations

from collections.abc import Iterable

from specsim.measurements.counts import BadMeasurement, DraftCounts, MeanTokens
from specsim.measurements.prometheus import Sample, parse_metrics, whole

_ROUNDS, _DRAFTED = "spec_decode_num_drafts", "spec_decode_num_draft_tokens"
_ACCEPTED, _BY_POSITION = "spec_decode_num_accepted_tokens", "spec_decode_num_accepted_tokens_per_pos"
_ENGINES = ("vllm", "llamacpp")
_MEAN = "sglang:spec_accept_length"


def counts_of_metrics(
    text: str, *, model: str | None = None, name: str = "metrics"
) -> DraftCounts | MeanTokens:
    r"""What a page of Prometheus metrics says about drafts.

    Parameters
    ----------
    text
        The page.
    model
        Value of ``model_name`` to take, if there are several.
    name
        Of the file, for messages.

    Returns
    -------
    DraftCounts or MeanTokens
        Counters of vLLM or llama.cpp; or SGLang's mean, without a length.

    Raises
    ------
    BadMeasurement
        If the page is damaged, has no such counters, or they contradict each other.

    Examples
    --------
    >>> page = '''vllm:spec_decode_num_drafts_total{engine="0",model_name="m"} 10.0
    ... vllm:spec_decode_num_draft_tokens_total{engine="0",model_name="m"} 20.0
    ... vllm:spec_decode_num_accepted_tokens_total{engine="0",model_name="m"} 12.0
    ... vllm:spec_decode_num_accepted_tokens_per_pos_total{engine="0",model_name="m",position="0"} 8.0
    ... vllm:spec_decode_num_accepted_tokens_per_pos_total{engine="0",model_name="m",position="1"} 4.0
    ... '''
    >>> counts_of_metrics(page).reached
    (8, 4)
    """
    known = [(_short(sample.name), sample) for sample in parse_metrics(text, name=name)]
    series = [(short, sample) for short, sample in known if short is not None]
    if not series:
        raise BadMeasurement(
            f"{name} has no counter of drafts: neither vllm:{_ROUNDS} nor llamacpp:{_ROUNDS} nor {_MEAN}; "
            "is speculative decoding on, and the page the engine's own?"
        )
    chosen = [(short, sample) for short, sample in series if sample in _of_model(series, model, name)]
    means = [sample.value for short, sample in chosen if short == _MEAN]
    if means:
        if len(set(means)) > 1:
            raise BadMeasurement(f"{name} has {len(means)} different means {_MEAN}; means cannot be summed")
        return MeanTokens(means[0])
    return _counts(chosen, name)


def _short(name: str) -> str | None:
    """The counter's bare name, or None for metrics that are not about drafts."""
    engine, _, rest = name.partition(":")
    bare = rest.removesuffix("_total")
    if engine in _ENGINES and bare in (_ROUNDS, _DRAFTED, _ACCEPTED, _BY_POSITION):
        return bare
    return name if name == _MEAN else None


def _of_model(series: Iterable[tuple[str, Sample]], model: str | None, name: str) -> list[Sample]:
    samples = [sample for _, sample in series]
    models = sorted({found for sample in samples if (found := sample.label("model_name")) is not None})
    if model is None and len(models) > 1:
        raise BadMeasurement(f"{name} counts for several models; name one of {', '.join(models)}")
    if model is not None and model not in models:
        raise BadMeasurement(
            f"{name} has no model {model!r}; there is {', '.join(models) or 'no name at all'}"
        )
    return [sample for sample in samples if model is None or sample.label("model_name") == model]


def _counts(series: list[tuple[str, Sample]], name: str) -> DraftCounts:
    sums: dict[str, int] = {}
    positions: dict[int, int] = {}
    for short, sample in series:
        value = whole(sample, name)
        if short == _BY_POSITION:
            place = sample.label("position")
            if place is None or not place.isdecimal():
                raise BadMeasurement(
                    f"{name}: {sample.name} needs a label position of 0, 1, ..., got {place!r}"
                )
            positions[int(place)] = positions.get(int(place), 0) + value
        else:
            sums[short] = sums.get(short, 0) + value
    lacking = [counter for counter in (_ROUNDS, _DRAFTED, _ACCEPTED) if counter not in sums]
    if lacking:
        raise BadMeasurement(f"{name} lacks {', '.join(lacking)}: the page is cut, or of another engine")
    if sorted(positions) != list(range(len(positions))):
        raise BadMeasurement(f"{name}: positions must be 0, 1, ... without a gap, got {sorted(positions)}")
    reached = tuple(positions[place] for place in range(len(positions))) or None
    try:
        return DraftCounts(sums[_ROUNDS], sums[_DRAFTED], sums[_ACCEPTED], reached)
    except BadMeasurement as error:
        raise BadMeasurement(f"{name}: {error}") from None
