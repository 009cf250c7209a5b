r"""What decoding did, as numbers: pure functions of traces, one definition each.

Papers use one name for different things; here each name has one meaning, and says whether the bonus (or
correction) token counts:

=========================  ============================================================================
``block_efficiency``       tokens emitted per target call, **bonus counted** (tau; "mean accepted tokens")
``accepted_length``        drafted tokens that were accepted per target call, bonus **not** counted
``utilisation``            accepted / drafted, over all drafted tokens, judged or not
``positional_acceptance``  at each depth: rounds that accepted a draft there / rounds that judged one
``discard_rate``           drafted tokens that were not accepted / emitted tokens
``verification_rate``      target calls / emitted tokens
``mbsu``                   memory-bound speed-up: a call costs the same whatever its size
``seconds``                modelled time on a clock: the cost of every recorded forward pass
``speedup``                over plain decoding of the same text, on the same clock
=========================  ============================================================================

Each is a ratio of two sums over requests :math:`i`, :math:`R = \sum_i y_i / \sum_i x_i`, an *estimate* whose
standard error takes requests for independent, whatever happens inside of them:

.. math:: s^2 = \frac{n}{n-1} \frac{\sum_i (y_i - R\,x_i)^2}{(\sum_i x_i)^2}.

One request gives no error: it is infinite. Where prompts differ, several requests from one prompt are not
independent: ``by=prompt`` sums them first, so that the units are prompts.

A request that is cut at a number of tokens loses part of its last round. Tokens per call are then too low, by
about half a round in all. :func:`specsim.comparing.run` keeps last rounds whole, which by Wald's identity has
no such error.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass

from specsim.clocks import Call, Cost
from specsim.decoding.decode import Trace
from specsim.decoding.plans import Round

#: What makes traces one unit of an estimate, such as :func:`prompt`; each trace by itself unless given.
Units = Callable[[Trace], Hashable]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measured number.

    Attributes
    ----------
    value
        The number.
    error
        Its standard error; infinite where one request gives none.
    count
        Requests (or other units) that it is over.

    Examples
    --------
    >>> Estimate(2.5, 0.1, 40).interval()
    (2.304, 2.696)
    """

    value: float
    error: float
    count: int

    def interval(self, z: float = 1.96) -> tuple[float, float]:
        """Lower and upper end, ``z`` standard errors away: 95 % for many requests."""
        return self.value - z * self.error, self.value + z * self.error


class Undefined(ValueError):
    """A ratio whose denominator is zero, such as the utilisation of plain decoding."""


def ratio(pairs: Iterable[tuple[float, float]], *, name: str = "the ratio") -> Estimate:
    """Sum of the first over sum of the second numbers, with its standard error; see the module's text.

    Parameters
    ----------
    pairs
        Numerator and denominator of each independent unit.
    name
        For the message.

    Raises
    ------
    Undefined
        If the denominators sum to zero.

    Examples
    --------
    >>> ratio([(3, 1), (1, 1)])
    Estimate(value=2.0, error=1.0, count=2)
    """
    pairs = list(pairs)
    top, bottom = math.fsum(y for y, _ in pairs), math.fsum(x for _, x in pairs)
    if bottom == 0:
        raise Undefined(f"{name} is undefined: its denominator is zero over {len(pairs)} requests")
    value, count = top / bottom, len(pairs)
    if count == 1:
        return Estimate(value, math.inf, 1)
    spread = math.fsum((y - value * x) ** 2 for y, x in pairs)
    return Estimate(value, math.sqrt(count / (count - 1) * spread) / abs(bottom), count)


def mean(values: Iterable[float], *, name: str = "the mean") -> Estimate:
    """The mean of independent numbers, such as one result a seed.

    Examples
    --------
    >>> mean([1.0, 3.0])
    Estimate(value=2.0, error=1.0, count=2)
    """
    return ratio(((value, 1.0) for value in values), name=name)


def prompt(trace: Trace) -> tuple[int, ...]:
    """The prompt of a trace, for ``by=prompt``: errors are then those over prompts."""
    return trace.prompt


def _over(
    traces: Iterable[Trace],
    top: Callable[[Trace], float],
    bottom: Callable[[Trace], float],
    *,
    by: Units | None,
    name: str,
) -> Estimate:
    """The ratio of two sums over traces; traces of one unit are summed first."""
    sums: dict[Hashable, tuple[float, float]] = {}
    for number, trace in enumerate(traces):
        unit = number if by is None else by(trace)
        y, x = sums.get(unit, (0, 0))
        sums[unit] = (y + top(trace), x + bottom(trace))
    return ratio(sums.values(), name=name)


def block_efficiency(traces: Iterable[Trace], *, by: Units | None = None) -> Estimate:
    """Tokens emitted per target call, bonus and correction counted.

    Examples
    --------
    >>> from specsim.decoding import Round
    >>> done = Round(drafted=3, depth=3, accepted=2, tokens=(5, 6, 7), bonus=False, draft=(),
    ...              target=(Call(tokens=4),))
    >>> block_efficiency([Trace((0,), (done, done))]).value
    3.0
    """
    return _over(traces, _tokens, _target_calls, by=by, name="block efficiency")


def accepted_length(traces: Iterable[Trace], *, by: Units | None = None) -> Estimate:
    """Accepted drafts per target call; bonus and correction are not counted."""
    return _over(traces, _accepted, _target_calls, by=by, name="accepted length")


def drafted_length(traces: Iterable[Trace], *, by: Units | None = None) -> Estimate:
    """Drafted tokens per target call: the size of the trees."""
    return _over(traces, _drafted, _target_calls, by=by, name="drafted length")


def utilisation(traces: Iterable[Trace], *, by: Units | None = None) -> Estimate:
    """Accepted over drafted tokens, those behind a rejection (which nobody judged) included."""
    return _over(traces, _accepted, _drafted, by=by, name="utilisation")


def discard_rate(traces: Iterable[Trace], *, by: Units | None = None) -> Estimate:
    """Drafted tokens that were not accepted, per emitted token."""
    return _over(traces, lambda t: _drafted(t) - _accepted(t), _tokens, by=by, name="discard rate")


def verification_rate(traces: Iterable[Trace], *, by: Units | None = None) -> Estimate:
    """Target calls per emitted token: the inverse of the block efficiency."""
    return _over(traces, _target_calls, _tokens, by=by, name="verification rate")


def judged(done: Round, depth: int) -> bool:
    """Whether a round judged drafts at a depth: the draft before was accepted, and there was one here.

    What was cut off after verification (by the end of the text) counts as not judged.
    """
    corrected = len(done.tokens) > done.accepted and not done.bonus and done.depth > done.accepted
    return done.accepted >= depth or (corrected and done.accepted == depth - 1)


def positional_acceptance(traces: Sequence[Trace], *, by: Units | None = None) -> tuple[Estimate, ...]:
    """At each depth, from 1: rounds that accepted a draft there over rounds that judged one there.

    Of trees: that any of the siblings was accepted. The tuple ends before the first depth that no round
    judged; it is empty where nothing was drafted. Where verification looks at whole paths (block, traversal)
    it is the share of rounds that got beyond a depth among those that came to it.
    """
    found: list[Estimate] = []
    while any(judged(done, len(found) + 1) for trace in traces for done in trace.rounds):
        depth = len(found) + 1
        found.append(_at_depth(traces, depth, by))
    return tuple(found)


def _at_depth(traces: Iterable[Trace], depth: int, by: Units | None) -> Estimate:
    def accepted(trace: Trace) -> int:
        return sum(done.accepted >= depth for done in trace.rounds)

    def tried(trace: Trace) -> int:
        return sum(judged(done, depth) for done in trace.rounds)

    return _over(traces, accepted, tried, by=by, name=f"acceptance at depth {depth}")


def mean_positional_acceptance(traces: Iterable[Trace], *, by: Units | None = None) -> Estimate:
    """Accepted drafts over judged depths, all depths together.

    For a chain verified token by token it estimates the mean of sum(min(p, q)) over the positions that were
    judged.
    """
    name = "mean positional acceptance"
    return _over(traces, _accepted, lambda t: _accepted(t) + sum(map(_refused, t.rounds)), by=by, name=name)


def mbsu(
    traces: Iterable[Trace], *, draft_time: float, target_time: float, by: Units | None = None
) -> Estimate:
    """Memory-bound speed-up: every draft pass takes one time, every target call another, one after the other.

    For chains of gamma drafts it is tau / (gamma * draft_time / target_time + 1). Not for overlapped rounds
    (use :func:`speedup`).

    Raises
    ------
    ValueError
        If a time is negative, or that of the target zero.
    """
    if not (draft_time >= 0 and target_time > 0):
        raise ValueError(
            f"draft_time must be at least 0 and target_time positive, got {draft_time} and {target_time}"
        )

    def bound(trace: Trace) -> float:
        return _target_calls(trace) * target_time + _draft_calls(trace) * draft_time

    return _over(traces, lambda t: _tokens(t) * target_time, bound, by=by, name="mbsu")


def round_seconds(done: Round, *, draft: Cost, target: Cost) -> float:
    """Modelled time of one round: draft plus target, or the longer of the two where they overlap."""
    drafting = math.fsum(draft.seconds(call) for call in done.draft)
    verifying = math.fsum(target.seconds(call) for call in done.target)
    return max(drafting, verifying) if done.overlapped else drafting + verifying


def seconds(trace: Trace, *, draft: Cost, target: Cost) -> float:
    """Modelled time of a request's rounds, its prompt not counted: exact on the clock.

    Parameters
    ----------
    trace
        What was done.
    draft, target
        What a forward pass of each costs. Where several models draft, the costs of all are ``draft``'s.

    Examples
    --------
    >>> from specsim.clocks import Constant
    >>> from specsim.decoding import Round
    >>> done = Round(drafted=2, depth=2, accepted=2, tokens=(5, 6, 7), bonus=True, draft=(Call(),) * 2,
    ...              target=(Call(tokens=3),))
    >>> seconds(Trace((0,), (done,)), draft=Constant(0.1), target=Constant(1.0))
    1.2
    """
    return math.fsum(round_seconds(done, draft=draft, target=target) for done in trace.rounds)


def plain_seconds(trace: Trace, *, target: Cost) -> float:
    """Modelled time of plain decoding of as many tokens behind the same prompt: one call a token."""
    start = max(0, len(trace.prompt) - 1)
    return math.fsum(target.seconds(Call(context=start + place)) for place in range(_tokens(trace)))


def seconds_a_token(
    traces: Iterable[Trace], *, draft: Cost, target: Cost, by: Units | None = None
) -> Estimate:
    """Modelled seconds per emitted token."""

    def time(trace: Trace) -> float:
        return seconds(trace, draft=draft, target=target)

    return _over(traces, time, _tokens, by=by, name="seconds a token")


def speedup(traces: Iterable[Trace], *, draft: Cost, target: Cost, by: Units | None = None) -> Estimate:
    """Over plain decoding on the same clock: its modelled seconds for the same text over the trace's.

    Parameters
    ----------
    traces
        Requests.
    draft, target
        As for :func:`seconds`.

    Examples
    --------
    >>> from specsim.clocks import Constant
    >>> from specsim.decoding import Round
    >>> done = Round(drafted=2, depth=2, accepted=2, tokens=(5, 6, 7), bonus=True, draft=(Call(),) * 2,
    ...              target=(Call(tokens=3),))
    >>> speedup([Trace((0,), (done,))], draft=Constant(0.1), target=Constant(1.0)).value
    2.5
    """

    def plain(trace: Trace) -> float:
        return plain_seconds(trace, target=target)

    def time(trace: Trace) -> float:
        return seconds(trace, draft=draft, target=target)

    return _over(traces, plain, time, by=by, name="speed-up")


def _refused(done: Round) -> bool:
    return judged(done, done.accepted + 1)


def _tokens(trace: Trace) -> int:
    return sum(len(done.tokens) for done in trace.rounds)


def _accepted(trace: Trace) -> int:
    return sum(done.accepted for done in trace.rounds)


def _drafted(trace: Trace) -> int:
    return sum(done.drafted for done in trace.rounds)


def _target_calls(trace: Trace) -> int:
    return sum(len(done.target) for done in trace.rounds)


def _draft_calls(trace: Trace) -> int:
    return sum(len(done.draft) for done in trace.rounds)
