"""Replay of policies on recorded outcomes, and the two bounds that nothing beats.

A replay is exact about what it replays: outcomes belong to positions of the text, so a policy that drafts
less or more than was drafted meets the same ones. (Under sampling that is one draw from the exact law given
the text: :mod:`specsim.policies.from_trace`.) **Clairvoyant >= greedy oracle >= every policy, on every
text**; for outcomes that belong to positions the first two are equal (:mod:`theory.stopping.recorded` proves
it).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from specsim.policies.bandit import Ucb
from specsim.policies.base import Done, Features, Policy, Seen
from specsim.policies.cut_offs import AdaEdl, Svip, TopOne
from specsim.policies.fixed import pearl_length
from specsim.policies.goodput import Goodput
from specsim.policies.heuristic import PlusTwoMinusOne
from specsim.policies.pearl import PearlAdaptive
from specsim.policies.spec_dec_pp import SpecDecPlusPlus
from specsim.policies.texts import Text
from theory.stopping import Outcomes, Replayed, Times, clairvoyant, greedy_oracle, walk


def replay(policy: Policy, text: Text, *, times: Times, limit: int) -> Replayed:
    """A policy's way through one text, its memory fresh.

    Parameters
    ----------
    policy
        The policy.
    text
        Recorded outcomes and features.
    times
        Times of draft step and target call.
    limit
        Most drafts a round, whatever the policy wants; at least 0.

    Raises
    ------
    Missing
        If the policy needs a feature that was not recorded.

    Notes
    -----
    O(draft steps). Passes count the draft step of a position that was looked at and not submitted.

    Examples
    --------
    >>> from specsim.policies import Fixed
    >>> text = Text("", (True, True, False, True, True), (None,) * 5)
    >>> found = replay(Fixed(2), text, times=Times(draft_time=1, target_time=4), limit=8)
    >>> found.lengths, found.accepted, found.time
    ((2, 1), 3, 11)
    """
    outcomes = text.outcomes
    memory, start = policy.begin(), 0
    lengths, accepted, passes = list[int](), 0, 0
    while start < outcomes.tokens:
        most = min(limit, outcomes.most[start])
        features, looked = _drafted(policy, memory, text, start, most)
        taken = min(len(features), outcomes.reach[start])
        lengths.append(len(features))
        accepted, passes = accepted + taken, passes + len(features) + looked
        done = Done(len(features), taken, cut=len(features) == most, features=features)
        memory = policy.learn(memory, done)
        start += taken + 1
    return Replayed(times, outcomes.tokens, tuple(lengths), accepted, passes)


def _drafted(
    policy: Policy, memory: Any, text: Text, start: int, most: int
) -> tuple[tuple[Features, ...], int]:
    """Features of what a round submits, and whether a draft step was spent on a position that is not."""
    behind = text.features[start - 1] if start else None
    drafted: tuple[Features, ...] = ()
    while len(drafted) < most:
        at_hand = text.features[start + len(drafted)] or Features()
        here = at_hand if policy.looks == "here" else None
        if not policy.more(Seen(drafted, here=here, start=behind), memory):
            return drafted, int(policy.looks == "here")
        drafted = (*drafted, at_hand)
    return drafted, 0


@dataclass(frozen=True)
class Row:
    """One policy on all texts.

    Attributes
    ----------
    name
        Of the policy.
    kind
        ``"policy"``, ``"hindsight"`` (a setting chosen with the outcomes known), ``"bound"``, or
        ``"reference"`` (plain decoding, which does not pay what rounds cost besides).
    found
        All texts together.
    length
        Of a fixed length; None for others.
    """

    name: str
    kind: str
    found: Replayed
    length: int | None = None


def together(ways: Iterable[Replayed]) -> Replayed:
    """Several texts as one: sums.

    Raises
    ------
    ValueError
        If there is none, or times differ.
    """
    given = tuple(ways)
    if len({way.times for way in given}) != 1:
        raise ValueError("give at least one way through a text, all with the same times")
    return Replayed(
        given[0].times,
        sum(way.tokens for way in given),
        tuple(length for way in given for length in way.lengths),
        sum(way.accepted for way in given),
        sum(way.passes for way in given),
    )


def compare(
    texts: Sequence[Text], policies: Mapping[str, Policy], *, times: Times, limit: int
) -> tuple[Row, ...]:
    """Policies, fixed lengths with hindsight, and both bounds, on the same texts.

    Returns
    -------
    tuple of Row
        Plain decoding first, the best fixed length, the policies in their order, greedy oracle, clairvoyant.

    Examples
    --------
    >>> text = Text("", (True, True, False, True, True), (None,) * 5)
    >>> for row in compare([text], {"+2/-1": PlusTwoMinusOne()}, times=Times(1, 4), limit=4):
    ...     print(f"{row.name:22} {row.found.speedup:.3f}")
    plain decoding         1.000
    best fixed length (2)  1.818
    +2/-1                  1.538
    greedy oracle          1.818
    clairvoyant            1.818
    """

    def over(policy: Policy) -> Replayed:
        return together(replay(policy, text, times=times, limit=limit) for text in texts)

    def bound(rule: Callable[..., Replayed]) -> Replayed:
        return together(rule(outcomes, times=times, limit=limit) for outcomes in known)

    known: list[Outcomes] = [text.outcomes for text in texts]

    def always(drafts: int) -> Replayed:
        def length(start: int, most: int) -> int:
            return min(drafts, most)

        return together(walk(outcomes, times=times, limit=limit, length=length) for outcomes in known)

    fixed = [always(drafts) for drafts in range(limit + 1)]
    best = min(range(limit + 1), key=lambda n: fixed[n].time)
    tokens = sum(outcomes.tokens for outcomes in known)
    plain = Replayed(Times(times.draft_time, times.target_time), tokens, (0,) * tokens, 0, 0)
    rows = [
        Row("plain decoding", "reference", plain),
        Row(f"best fixed length ({best})", "hindsight", fixed[best], best),
    ]
    rows += [Row(name, "policy", over(policy)) for name, policy in policies.items()]
    rows.append(Row("greedy oracle", "bound", bound(greedy_oracle)))
    rows.append(Row("clairvoyant", "bound", bound(clairvoyant)))
    return tuple(rows)


def usual_policies(texts: Sequence[Text], *, times: Times, limit: int) -> dict[str, Policy]:
    """The published policies at their published settings, those whose features were recorded."""
    most = max(1, limit)
    lengths = tuple(sorted({0, *(n for n in (1, 2, 3, 4, 6, 8, 12, 16) if n <= limit)}))
    found: dict[str, Policy] = {
        "+2/-1 heuristic": PlusTwoMinusOne(first=min(5, most), most=most),
        "SmartSpec goodput": Goodput(times, most=most),
        "UCB over lengths": Ucb(lengths, times),
    }
    if times.draft_time > 0:
        block = min(most, pearl_length(times))
        found["PEARL adaptive"] = PearlAdaptive(block=block, most=most)
    if all(text.recorded("confidence") for text in texts):
        found["SpecDec++"] = SpecDecPlusPlus(least=min(2, most), most=most)
    if all(text.recorded("top") for text in texts):
        found["Kangaroo top-1"] = TopOne(most=min(6, most))
    if all(text.recorded("entropy") for text in texts):
        found["SVIP"] = Svip(most=most)
        found["AdaEDL"] = AdaEdl(most=most)
    return found
