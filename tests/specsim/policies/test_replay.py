"""Records from files, replay, and the bounds on every text."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specsim.policies import (
    BadRecord,
    Features,
    Fixed,
    Missing,
    SpecDecPlusPlus,
    Svip,
    Text,
    TopOne,
    compare,
    parse_texts,
    read_texts,
    replay,
    together,
    usual_policies,
)
from tests.specsim.policies.test_policies import SHIPPED
from theory.stopping import Times, clairvoyant, greedy_oracle


def features():
    shares = st.floats(0, 1)
    return st.builds(Features, shares, shares, st.floats(0, 4))


@st.composite
def texts(draw):
    accepted = draw(st.lists(st.sampled_from([True, True, True, False, None]), min_size=1, max_size=30))
    return Text("", tuple(accepted), tuple(draw(features()) for _ in accepted))


prices = st.builds(Times, st.floats(0, 3), st.floats(0.05, 3), st.floats(0, 1))


@settings(max_examples=40)
@given(texts(), prices, st.integers(0, 8), st.sampled_from(["cut", "rejected", "accepted"]))
def test_clairvoyant_greedy_oracle_and_every_policy(text, times, limit, unknown):
    text = text.taking(unknown)
    best = clairvoyant(text.outcomes, times=times, limit=limit)
    greedy = greedy_oracle(text.outcomes, times=times, limit=limit)
    # floats: sums of at most 30 rounds and their drafts
    assert best.time <= greedy.time * (1 + 1e-12)
    for policy in SHIPPED.values():
        found = replay(policy, text, times=times, limit=limit)
        assert found.tokens == len(text.accepted) == found.accepted + found.rounds
        assert found.passes >= sum(found.lengths)
        assert max(found.lengths) <= limit
        assert greedy.time <= found.time * (1 + 1e-12)


@settings(max_examples=40)
@given(texts(), st.integers(0, 8), st.randoms(use_true_random=False))
def test_no_random_policy_beats_the_oracle_either(text, limit, random):
    class Any(SHIPPED["fixed"].__class__):
        def more(self, seen, memory):
            return random.random() < 0.7

    times = Times(1, 4)
    found = replay(Any(0), text, times=times, limit=limit)
    assert greedy_oracle(text.outcomes, times=times, limit=limit).time <= found.time


def test_a_look_that_ends_in_no_costs_a_draft_step():
    sure, unsure = Features(top=0.9, entropy=0.0), Features(top=0.1, entropy=3.0)
    text = Text("", (True, False, True, True), (sure, unsure, sure, sure))
    here = replay(TopOne(threshold=0.5), text, times=Times(1, 10), limit=8)
    assert (here.lengths, here.passes, here.accepted) == ((1, 1), 3, 2)
    behind = replay(TopOne(threshold=0.5, looks="behind"), text, times=Times(1, 10), limit=8)
    assert (behind.lengths, behind.passes) == ((2, 1), 3)
    cut = replay(TopOne(threshold=0.5), text, times=Times(1, 10), limit=1)
    assert (cut.lengths, cut.passes) == ((1, 1), 2)


def test_rounds_become_positions():
    lines = [
        {"accepted": 2, "drafted": 4, "confidence": [0.9, 0.8, 0.3, 0.2]},
        {"accepted": 1, "drafted": 1, "confidence": [0.7]},
        {"accepted": 0, "drafted": 0},
        {"positions": [1, 0, None], "request": "other"},
    ]
    first, other = parse_texts(map(json.dumps, lines))
    assert first.accepted == (True, True, False, True, None, None)
    assert [entry and entry.confidence for entry in first.features] == [0.9, 0.8, 0.3, 0.7, None, None]
    assert (other.name, other.accepted) == ("other", (True, False, None))
    assert first.recorded("confidence")
    assert not first.recorded("top")
    assert first.taking("accepted").accepted[-1] is True


def test_a_replay_of_the_recorded_lengths_is_the_record():
    """Where drafts were rejected in each round, the recorded policy meets its own outcomes."""
    rounds = [(2, 4), (0, 4), (3, 4), (1, 4), (0, 4), (3, 4)]
    (text,) = parse_texts(json.dumps({"accepted": a, "drafted": d}) for a, d in rounds)
    found = replay(Fixed(4), text, times=Times(1, 5), limit=4)
    assert found.tokens == sum(a + 1 for a, _ in rounds)
    assert found.accepted == sum(a for a, _ in rounds)
    assert found.rounds == len(rounds)


@pytest.mark.parametrize(
    ("line", "match"),
    [
        ("{", "line 2: not JSON"),
        ("[1]", "a record is an object"),
        ('{"accepted": 1}', "'drafted' must be a whole number"),
        ('{"accepted": 3, "drafted": 2}', "3 of 2 drafts"),
        ('{"accepted": true, "drafted": 2}', "'accepted' must be a whole number"),
        ('{"accepted": -1, "drafted": 2}', "at least 0"),
        ('{"acepted": 1, "drafted": 2}', "no key 'acepted'"),
        ('{"accepted": 1, "drafted": 2, "positions": [1]}', "either"),
        ("{}", "either"),
        ('{"positions": [2]}', "list of 1 .accepted."),
        ('{"positions": [1], "top": [0.5, 0.5]}', "list of 1 numbers"),
        ('{"positions": [1], "top": [1.5]}', "top must be in"),
        ('{"positions": [1], "request": [1]}', "'request' is a name"),
    ],
)
def test_bad_lines(line, match):
    with pytest.raises(BadRecord, match=match):
        parse_texts(['{"accepted": 1, "drafted": 2}', line])


def test_files(tmp_path):
    path = tmp_path / "rounds.jsonl"
    path.write_text('{"accepted": 1, "drafted": 2}\n\n{"accepted": 0, "drafted": 1}\n')
    assert read_texts(path)[0].accepted == (True, False, False)
    path.write_text("\n")
    with pytest.raises(BadRecord, match="holds no record"):
        read_texts(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(BadRecord, match="not UTF-8"):
        read_texts(path)


def test_compare_and_usual_policies():
    full = Features(confidence=0.9, top=0.8, entropy=0.3)
    text = Text("", (True, True, False, True, True, True, False), (full,) * 7)
    times = Times(0.2, 1.0)
    names = set(usual_policies([text], times=times, limit=6))
    assert {"SpecDec++", "Kangaroo top-1", "SVIP", "AdaEDL", "PEARL adaptive"} <= names
    bare = Text("", text.accepted, (None,) * 7)
    assert "SpecDec++" not in usual_policies([bare], times=times, limit=6)
    rows = compare([text, text], usual_policies([text], times=times, limit=6), times=times, limit=6)
    assert [rows[0].kind, rows[1].kind, rows[-1].kind] == ["reference", "hindsight", "bound"]
    assert rows[0].found.speedup == 1
    best = rows[-1].found.rate
    assert all(row.found.rate <= best * (1 + 1e-12) for row in rows)
    for limit in (0, 1):
        compare([text], usual_policies([text], times=times, limit=limit), times=times, limit=limit)


def test_bad_calls():
    with pytest.raises(ValueError, match="one for each position"):
        Text("", (True,), ())
    with pytest.raises(ValueError, match="'cut', 'rejected' or 'accepted'"):
        Text("", (True,), (None,)).taking("maybe")
    with pytest.raises(ValueError, match="at least one way"):
        together([])
    bare = Text("", (True, True, True, True), (None,) * 4)
    with pytest.raises(Missing, match="was not recorded"):
        replay(Svip(), bare, times=Times(1, 4), limit=4)
    with pytest.raises(Missing, match="'confidence'"):
        replay(SpecDecPlusPlus(), bare, times=Times(1, 4), limit=4)
