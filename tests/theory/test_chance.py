"""Chance: enumeration is exact, sampling is honest, and the two agree."""

from __future__ import annotations

from collections import Counter
from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.theory.audit import assert_frequencies
from tests.theory.strategies import F, distributions, floats, fractions, frozen
from theory.chance import (
    BadQuestion,
    Chance,
    Enumerated,
    Path,
    Sampled,
    TooManyPaths,
    check_draw,
    check_probability,
)
from theory.couplings import Recursive
from theory.laws import Iid
from theory.proof import resolve_fresh

LAST = float(np.nextafter(1.0, 0.0))


class Stub:
    """A generator that always answers the same uniform."""

    def __init__(self, uniform):
        self.uniform = uniform

    def random(self):
        return self.uniform


def stubbed(monkeypatch, uniform):
    chance = Sampled(np.random.default_rng(0))
    monkeypatch.setattr(Sampled, "_stream", lambda self, name: Stub(uniform))
    return chance


def dice(chance):
    """Three dependent questions: the second depends on the first, the third is asked on one branch only."""
    first = chance.draw([F(1), F(2), F(0), F(3)], stream="first")
    second = chance.flip(F(first, 4), stream="second")
    third = chance.draw([F(1, 3), F(2, 3)], stream="third") if second else -1
    return first, second, third


class TestEnumerated:
    def test_dependent_questions(self):
        law = Enumerated().law(dice)
        expected = {
            (0, False, -1): F(1, 6),
            (1, True, 0): F(1, 3) * F(1, 4) * F(1, 3),
            (1, True, 1): F(1, 3) * F(1, 4) * F(2, 3),
            (1, False, -1): F(1, 3) * F(3, 4),
            (3, True, 0): F(1, 2) * F(3, 4) * F(1, 3),
            (3, True, 1): F(1, 2) * F(3, 4) * F(2, 3),
            (3, False, -1): F(1, 2) * F(1, 4),
        }
        assert law == expected
        assert sum(law.values()) == 1
        assert all(isinstance(weight, F) for weight in law.values())

    @given(data=st.data())
    def test_total_is_one_and_law_is_the_product(self, data):
        rows = [data.draw(distributions(3)) for _ in range(3)]

        def program(chance):
            drawn = ()
            for row in rows:
                drawn = (*drawn, chance.draw(np.roll(row, sum(drawn)), stream="x"))
            return drawn

        law = Enumerated().law(program)
        assert sum(law.values()) == 1
        for drawn, weight in law.items():
            steps = [np.roll(row, sum(drawn[:i]))[drawn[i]] for i, row in enumerate(rows)]
            assert weight == prod(steps, start=F(1))

    def test_paths_tell_their_choices(self):
        paths = list(Enumerated().paths(dice))
        assert len(paths) == 7
        assert paths[0] == Path((0, False, -1), F(1, 6), (("first", 0, F(1, 6)), ("second", 0, F(1))))
        for path in paths:
            assert path.weight == prod((share for _, _, share in path.choices), start=F(1))
            assert path.weight > 0

    def test_certain_answers_make_one_path(self):
        def program(chance):
            return chance.flip(0, stream="a"), chance.flip(F(1), stream="a"), chance.draw([0, 5], stream="b")

        assert Enumerated().law(program) == {(False, True, 1): 1}

    def test_a_program_that_asks_nothing(self):
        assert Enumerated().law(lambda chance: "same") == {"same": 1}

    def test_floats(self):
        law = Enumerated().law(lambda chance: chance.draw([0.5, 1.5], stream="x"))
        assert law == {0: 0.25, 1: 0.75}
        assert sum(Enumerated().law(lambda chance: chance.flip(0.1, stream="x")).values()) == 1.0

    def test_expectations_of_numbers_and_arrays(self):
        assert Enumerated().expectation(lambda chance: chance.draw([F(1), F(3)], stream="x")) == F(3, 4)
        unit = np.eye(3, dtype=int)
        mean = Enumerated().expectation(lambda chance: unit[chance.draw([F(1), F(2), F(3)], stream="x")])
        assert mean.tolist() == [F(1, 6), F(1, 3), F(1, 2)]

    def test_too_many_paths(self):
        def coins(chance):
            return sum(chance.flip(F(1, 2), stream="x") for _ in range(3))

        assert sum(Enumerated(limit=8).law(coins).values()) == 1
        with pytest.raises(TooManyPaths, match="more than 7 paths; use a smaller vocabulary or fewer tokens"):
            Enumerated(limit=7).law(coins)

    def test_weights_are_never_changed(self):
        weights = frozen(np.array([F(1, 3), F(2, 3)], dtype=object))
        Enumerated().law(lambda chance: chance.draw(weights, stream="x"))
        assert weights.tolist() == [F(1, 3), F(2, 3)]


class TestBadQuestions:
    @pytest.mark.parametrize("probability", [-0.1, 1.1, float("nan"), F(-1, 10**30), F(3, 2), 2, 1 + 1e-8])
    @pytest.mark.parametrize("interpreter", ["sampled", "enumerated"])
    def test_probabilities(self, probability, interpreter):
        with pytest.raises(BadQuestion, match=r"flip needs a probability in \[0, 1\], got"):
            ask(interpreter, lambda chance: chance.flip(probability, stream="x"))

    @pytest.mark.parametrize(
        ("weights", "message"),
        [
            ([0.0, 0.0], "draw needs at least one positive weight, got none"),
            ([F(0)], "draw needs at least one positive weight"),
            ([0.5, -0.1], r"draw: weights has the entry -0\.1 at token 1"),
            ([0.5, float("nan")], "draw: weights has the entry nan at token 1"),
            ([0.5, float("inf")], "draw: weights has the entry inf at token 1"),
            ([[0.5, 0.5]], r"draw needs one vector of weights, got shape \(1, 2\)"),
            ([], "draw: weights needs a last axis of at least one token"),
            (1.0, "draw: weights needs a last axis"),
            ([F(1, 2), 0.5], "draw: an object array holds a float"),
            ("abc", "draw: expected an array of numbers"),
        ],
    )
    @pytest.mark.parametrize("interpreter", ["sampled", "enumerated"])
    def test_weights(self, weights, message, interpreter):
        with pytest.raises(BadQuestion, match=message):
            ask(interpreter, lambda chance: chance.draw(weights, stream="x"))

    @pytest.mark.parametrize(
        "probability", ["0.5", None, [0.5], np.array([0.5, 0.5]), np.array([0.5])], ids=str
    )
    def test_probabilities_that_are_no_numbers(self, probability):
        with pytest.raises(BadQuestion, match="flip needs a probability"):
            check_probability(probability)

    @pytest.mark.parametrize("weights", [[None, 1.0], np.array([F(1), "a"], dtype=object)], ids=str)
    def test_weights_that_are_no_numbers(self, weights):
        with pytest.raises(BadQuestion, match="draw"):
            check_draw(weights)

    def test_rounding_of_a_float_is_clipped_but_that_of_a_fraction_is_not(self):
        assert check_probability(1 + 1e-12) == 1.0
        assert check_probability(-1e-12) == 0.0
        assert check_probability(np.float64(1 + 1e-12)) == 1.0
        with pytest.raises(BadQuestion):
            check_probability(1 + F(1, 10**12))


def ask(interpreter, program):
    if interpreter == "sampled":
        return program(Sampled(np.random.default_rng(0)))
    return Enumerated().law(program)


class TestZeroProbabilities:
    """What has probability zero never comes, at either end of the uniform's range."""

    @pytest.mark.parametrize("uniform", [0.0, 5e-324, 0.5, LAST])
    @pytest.mark.parametrize(
        "weights",
        [
            [0.0, 1.0, 0.0],
            [0.0, 0.0, 5e-324, 0.0],
            [0.0, 0.5, 0.5, 0.0, 0.0],
            [0.0, 0.1, 0.2, 0.3, 0.4, 0.0],
            [0.0, 1e-300, 1.0, 0.0, 1e-17, 0.0],
            [0.0, 1e300, 1e300, 0.0],
            [F(0), F(1, 3), F(2, 3), F(0)],
            [F(0), F(1, 10**30), F(0)],
        ],
    )
    def test_draws(self, monkeypatch, uniform, weights):
        assert weights[stubbed(monkeypatch, uniform).draw(weights, stream="x")] > 0

    @pytest.mark.parametrize(
        ("bad", "message"),
        [(np.nan, "nan at token 700"), (np.inf, "inf at token 700"), (-0.5, "-0.5 at token 700")],
    )
    def test_a_bad_weight_among_many(self, bad, message):
        weights = np.ones(1500)
        weights[700] = bad
        with pytest.raises(BadQuestion, match=message):
            Sampled(np.random.default_rng(0)).draw(weights, stream="x")

    @pytest.mark.parametrize(
        "weights", [np.array([]), np.zeros(1500), np.ones((2, 3)), np.ones(3, dtype=bool)]
    )
    def test_arrays_that_are_no_weights(self, weights):
        with pytest.raises(BadQuestion, match="draw"):
            Sampled(np.random.default_rng(0)).draw(weights, stream="x")

    @pytest.mark.parametrize("uniform", [0.0, 0.5, LAST])
    def test_many_light_weights_that_round_up(self, monkeypatch, uniform):
        weights = floats([*[0.1] * 1001, 0.0, 0.0])
        assert stubbed(monkeypatch, uniform).draw(weights, stream="x") <= 1000

    @pytest.mark.parametrize("uniform", [0.0, 0.5, LAST])
    def test_flips(self, monkeypatch, uniform):
        chance = stubbed(monkeypatch, uniform)
        for never, always in ((0, 1), (0.0, 1.0), (F(0), F(1)), (-1e-12, 1 + 1e-12)):
            assert not chance.flip(never, stream="x")
            assert chance.flip(always, stream="x")

    def test_ends_of_the_range_reach_the_ends_of_the_support(self, monkeypatch):
        weights = floats([0, 0.25, 0.5, 0.25, 0])
        assert stubbed(monkeypatch, 0.0).draw(weights, stream="x") == 1
        assert stubbed(monkeypatch, LAST).draw(weights, stream="x") == 3

    @pytest.mark.parametrize("scale", [F(1, 10**400), F(10**400)], ids=["tiny", "huge"])
    def test_fractions_beyond_the_range_of_floats(self, monkeypatch, scale):
        """Only the shares matter; a weight that is zero is never drawn, whatever the others' scale."""
        weights = frozen(np.array([F(0), scale, scale], dtype=object))
        assert stubbed(monkeypatch, 0.0).draw(weights, stream="x") == 1
        assert stubbed(monkeypatch, LAST).draw(weights, stream="x") == 2

    def test_floats_whose_sum_overflows(self, monkeypatch):
        """Each weight is finite, their sum is not. Refuse it or draw by the shares, but pick no side."""
        try:
            drawn = stubbed(monkeypatch, 0.0).draw([1e308, 1e308], stream="x")
        except BadQuestion:
            return
        assert drawn == 0


class TestSampled:
    SIZE = 12_000

    @pytest.mark.parametrize(
        "weights",
        [
            floats([1, 1, 1]),
            floats([0.7, 0.25, 0.05, 0, 1e-3]),
            fractions([5, 3, 0, 2]),
            floats([1e-200, 3e-200]),
        ],
    )
    def test_frequencies_of_draws(self, weights):
        """False alarm 1e-9; a cell of probability 1/3 is resolved to 0.043."""
        chance = Sampled(np.random.default_rng(1))
        counts = Counter(chance.draw(weights, stream="x") for _ in range(self.SIZE))
        total = sum(weights)
        assert_frequencies(counts, {token: float(weight / total) for token, weight in enumerate(weights)})

    def test_a_bias_is_refuted(self):
        """The negative control of the test above."""
        chance = Sampled(np.random.default_rng(1))
        biased = floats([1 / 3 + 0.043, 1 / 3 - 0.043, 1 / 3])
        counts = Counter(chance.draw(biased, stream="x") for _ in range(self.SIZE))
        with pytest.raises(AssertionError, match="its probability is"):
            assert_frequencies(counts, dict.fromkeys(range(3), 1 / 3))
        with pytest.raises(AssertionError, match="impossible outcome"):
            assert_frequencies(Counter({0: 10**6, 1: 1}), {0: 1, 1: 0})

    @pytest.mark.parametrize("probability", [0.3, F(1, 3), 1e-3])
    def test_frequencies_of_flips(self, probability):
        chance = Sampled(np.random.default_rng(2))
        counts = Counter(chance.flip(probability, stream="x") for _ in range(self.SIZE))
        assert_frequencies(counts, {True: float(probability), False: 1 - float(probability)})

    def test_the_same_seed_says_the_same(self):
        def run(seed):
            chance = Sampled(np.random.default_rng(seed))
            return [chance.draw([1, 2, 3], stream=name) for name in "abcab" * 20]

        assert run(7) == run(7)
        assert run(7) != run(8)

    def test_two_chances_of_one_generator_differ(self):
        rng = np.random.default_rng(0)
        first, second = (
            [chance.draw(np.ones(10), stream="x") for _ in range(50)]
            for chance in (Sampled(rng), Sampled(rng))
        )
        assert first != second

    def test_the_answer_is_a_plain_integer_or_bool(self):
        chance = Sampled(np.random.default_rng(0))
        assert type(chance.draw(floats([1, 1]), stream="x")) is int
        assert type(chance.flip(0.5, stream="x")) is bool
        assert isinstance(chance, Chance)


class SharedUniform:
    """A broken chance: every question of a round is answered by one and the same random number."""

    def __init__(self, rng):
        self.uniform = rng.random()

    def flip(self, probability, *, stream):
        return bool(self.uniform < probability)

    def draw(self, weights, *, stream):
        total = np.cumsum(np.asarray(weights, dtype=float))
        return int(np.searchsorted(total, self.uniform * total[-1], side="right"))


class TestStreams:
    def test_using_another_stream_does_not_shift_a_stream(self):
        def answers(others):
            chance = Sampled(np.random.default_rng(5))
            drawn = []
            for round_ in range(60):
                for other in others[round_ % 3 :]:
                    chance.draw([1, 1, 1], stream=other)
                drawn.append(chance.draw(np.ones(9), stream="accept/0"))
            return drawn

        assert answers([]) == answers(["residual/0"]) == answers(["draft/0", "bonus", "accept/1"])

    def test_the_order_in_which_streams_are_first_used_does_not_matter(self):
        def answers(order):
            chance = Sampled(np.random.default_rng(5))
            return {name: [chance.draw(np.ones(9), stream=name) for _ in range(20)] for name in order}

        assert answers("abc") == answers("cab")

    @pytest.mark.parametrize(
        "names", [("accept/0", "accept/1"), ("draft/0", "residual/0"), ("a", "A"), ("", " ")]
    )
    def test_streams_are_independent(self, names):
        """Joint frequencies of one draw from each: nine cells of 1/9; false alarm 1e-9, resolved to 0.045."""
        chance = Sampled(np.random.default_rng(6))
        counts = Counter(tuple(chance.draw([1, 1, 1], stream=name) for name in names) for _ in range(5_000))
        assert_frequencies(counts, {(i, j): 1 / 9 for i in range(3) for j in range(3)})

    def test_one_stream_twice_is_not_one_draw(self):
        chance = Sampled(np.random.default_rng(6))
        counts = Counter(tuple(chance.draw([1, 1, 1], stream="x") for _ in range(2)) for _ in range(5_000))
        assert_frequencies(counts, {(i, j): 1 / 9 for i in range(3) for j in range(3)})


class TestSampledAgainstEnumerated:
    """One coupling program, interpreted twice. False alarm 1e-9; cells are resolved to 0.05."""

    P, Q = fractions([1, 6, 3]), fractions([2, 3, 5])
    ROUNDS = 10_000

    def law(self):
        law = Iid(self.Q, 2)
        return Enumerated().law(lambda chance: resolve_fresh(Recursive(), self.P, law, chance))

    def counts(self, make_chance):
        p, law = floats(self.P), Iid(floats(self.Q), 2)
        rng = np.random.default_rng(3)
        return Counter(resolve_fresh(Recursive(), p, law, make_chance(rng)) for _ in range(self.ROUNDS))

    def test_they_agree(self):
        chance = Sampled(np.random.default_rng(3))
        assert_frequencies(self.counts(lambda rng: chance), self.law())

    def test_shared_random_numbers_are_refuted(self):
        """Draft, coin and residual from one uniform: each step looks right, the output law is not."""
        with pytest.raises(AssertionError, match=r"probability|impossible"):
            assert_frequencies(self.counts(SharedUniform), self.law())

    def test_both_interpreters_are_chances(self):
        assert isinstance(Sampled(np.random.default_rng(0)), Chance)
        Enumerated().law(lambda chance: isinstance(chance, Chance) or pytest.fail("the replay is no Chance"))
