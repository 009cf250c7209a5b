from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from specsim.sources import TableModel, TablePair, relations, table_pair
from specsim.sources.tables import composition, contexts

F = Fraction


def rng(seed=0):
    return np.random.default_rng(seed)


def random(order=2, vocabulary=3, seed=0, **options):
    options.setdefault("denominator", 12)
    return TableModel.random(vocabulary=vocabulary, order=order, rng=rng(seed), **options)


def test_short_prefixes_are_their_own_context_and_long_ones_end_in_theirs():
    model = random(order=2)
    assert model.context(()) == ()
    assert model.context((1,)) == (1,)
    assert model.context((2, 1)) == (2, 1)
    assert model.context((0, 0, 2, 1)) == (2, 1)
    assert model((0, 0, 2, 1)) is model((2, 1))
    assert len(model.rows) == 1 + 3 + 9
    # a context of its own: all rows differ from each other
    assert len({tuple(row) for row in model.rows.values()}) > 9


def test_order_zero_ignores_the_prefix():
    model = random(order=0)
    assert model.order == 0
    for prefix in ((), (1,), (2, 1, 0)):
        assert model.context(prefix) == ()
        assert model(prefix) is model(())


@pytest.mark.parametrize("order", [0, 1, 2, 3])
def test_joint_law_is_the_product_of_rows(order):
    model = random(order=order, zeros=1)
    law = model.joint(3)
    assert sum(law.values()) == 1
    for tokens in product(range(3), repeat=3):
        weight = model(())[tokens[0]] * model(tokens[:1])[tokens[1]] * model(tokens[:2])[tokens[2]]
        assert law.get(tokens, 0) == weight
        assert (tokens in law) == (weight > 0)


def test_joint_law_after_a_prefix_is_the_conditional():
    model = random(order=2)
    whole = model.joint(4)
    given = {t[2:]: w / model.joint(2)[t[:2]] for t, w in whole.items() if t[:2] == (1, 2)}
    assert model.joint(2, prefix=(1, 2)) == given
    assert model.joint(0) == {(): 1}


def test_random_rows():
    model = random(order=1, vocabulary=4, denominator=10, zeros=2)
    for row in model.rows.values():
        assert row.sum() == 1
        assert (row == 0).sum() == 2
        assert all(10 % value.denominator == 0 for value in row)
    assert random(seed=1).joint(2) == random(seed=1).joint(2) != random(seed=2).joint(2)
    floats = random(denominator=None, zeros=1)
    assert not floats.exact
    assert abs(sum(floats.joint(3).values()) - 1) < 1e-12


def test_composition_is_uniform_and_positive():
    # 3 parts of 5: six compositions; 6000 draws, each expected 1000 times, sd 29: beyond 7 sd at < 1e-11
    generator, counts = rng(5), {}
    for _ in range(6000):
        row = tuple(composition(generator, 3, 5))
        counts[row] = counts.get(row, 0) + 1
    assert len(counts) == 6
    assert all(min(row) > 0 and sum(row) == 1 for row in counts)
    assert all(abs(count - 1000) < 7 * 29 for count in counts.values())


def test_markov_chain():
    matrix = np.array([[F(1, 2), F(1, 2)], [F(0), F(1)]], dtype=object)
    chain = TableModel.markov(matrix)
    assert chain(()).tolist() == [F(1, 2), F(1, 2)]
    assert chain((1, 0)).tolist() == matrix[0].tolist()
    started = TableModel.markov(matrix, initial=[F(1), F(0)])
    assert started.joint(2) == {(0, 0): F(1, 2), (0, 1): F(1, 2)}
    with pytest.raises(ValueError, match=r"square, got shape \(1, 2\)"):
        TableModel.markov(matrix[:1])
    with pytest.raises(ValueError, match=r"matrix sums to 0.5, not to 1 in row \(1,\)"):
        TableModel.markov([[0.5, 0.5], [0.25, 0.25]])


def test_from_function_sees_every_context_once():
    seen = []

    def row(prefix):
        seen.append(prefix)
        return [F(1 + sum(prefix), 10), 1 - F(1 + sum(prefix), 10)]

    model = TableModel.from_function(row, vocabulary=2, order=2)
    assert seen == list(contexts(2, 2))
    assert model((0, 1, 1)).tolist() == [F(3, 10), F(7, 10)]


def test_mixture_is_the_mean_of_rows_in_every_context():
    short, long = random(order=1, seed=1), random(order=2, seed=2)
    mixed = TableModel.mixture([short, long], [F(1, 4), F(3, 4)])
    assert mixed.order == 2
    for prefix in contexts(3, 3):
        assert (mixed(prefix) == F(1, 4) * short(prefix) + F(3, 4) * long(prefix)).all()
    assert mixed.exact
    with pytest.raises(ValueError, match="of one kind"):
        TableModel.mixture([short, long], [0.25, 0.75])
    with pytest.raises(ValueError, match="2 models and weights of shape"):
        TableModel.mixture([short, long], [F(1)])


def test_rows_cannot_be_changed():
    row = np.array([0.5, 0.5])
    model = TableModel({(): row})
    row[0] = 0.0
    assert model(()).tolist() == [0.5, 0.5]
    with pytest.raises(ValueError, match="read-only"):
        model(())[0] = 1.0
    with pytest.raises(TypeError, match="item assignment"):
        model.rows[()] = row


HALF = [0.5, 0.5]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({(0,): HALF}, r"row for the empty prefix"),
        ({(): HALF, (0,): HALF}, r"table of order 1 needs a row for the prefix \(1,\) too"),
        ({(): HALF, (0,): HALF, (2,): HALF}, r"the prefix \(2,\) has a token outside of the vocabulary of 2"),
        ({(): HALF, (0,): [0.5, 0.6], (1,): HALF}, r"the row of the prefix \(0,\) sums to 1.1"),
        ({(): HALF, (0,): [1.0], (1,): HALF}, r"the row of the prefix \(0,\) has shape \(1,\)"),
        ({(): HALF, (0,): [F(1), F(0)], (1,): HALF}, r"the row of the prefix \(0,\) .* one kind"),
        ({(): [HALF]}, r"the row of the prefix \(\) has shape \(1, 2\)"),
    ],
)
def test_bad_tables_are_named(rows, message):
    with pytest.raises(ValueError, match=message):
        TableModel(rows)


def test_bad_requests():
    model = random(order=1)
    for prefix in ((3,), (-1,), (7, 0, 1)):
        with pytest.raises(ValueError, match="outside of the vocabulary of 3"):
            model(prefix)
    with pytest.raises(ValueError, match="length must be an integer of at least 0"):
        model.joint(-1)
    with pytest.raises(ValueError, match="the joint law of 20 tokens has"):
        model.joint(20)
    with pytest.raises(ValueError, match="a table of order 30 has"):
        random(order=30)
    with pytest.raises(ValueError, match="zeros must be less than the vocabulary of 3, got 3"):
        random(zeros=3)
    with pytest.raises(ValueError, match="3 tokens of positive probability need a denominator of 3, got 2"):
        random(denominator=2)
    with pytest.raises(ValueError, match="rng must be a numpy Generator"):
        TableModel.random(vocabulary=3, order=1, rng=0)


def pairs_of_rows(relation, vocabulary=4, order=2, **options):
    pair = table_pair(relation, vocabulary=vocabulary, order=order, rng=rng(3), **options)
    assert isinstance(pair, TablePair)
    assert pair.vocabulary == vocabulary
    assert pair.target.order == pair.draft.order == order
    return [(pair.target(prefix), pair.draft(prefix)) for prefix in contexts(vocabulary, order)]


@pytest.mark.parametrize("relation", relations())
@pytest.mark.parametrize("vocabulary", [2, 3, 4])
def test_every_relation_gives_exact_models_that_depend_on_context(relation, vocabulary):
    rows = pairs_of_rows(relation, vocabulary)
    for p, q in rows:
        assert p.sum() == q.sum() == 1
        assert min(*p, *q) >= 0
    assert len({tuple(p) for p, _ in rows}) > 1


def test_relations_are_what_they_are_called():
    assert all((p == q).all() for p, q in pairs_of_rows("identical"))
    assert all(not (p * q).any() for p, q in pairs_of_rows("disjoint"))
    assert all(np.abs(p - q).sum() == F(2, 12) for p, q in pairs_of_rows("near-equal"))
    assert all((q == 1).sum() == 1 for _, q in pairs_of_rows("point"))
    assert all((p == 0).any() and (q == 0).any() for p, q in pairs_of_rows("zeros"))
    assert all(len(set(p / q)) < 4 for p, q in pairs_of_rows("ties"))
    assert all((2 * q >= p).all() for p, q in pairs_of_rows("mixed"))
    assert any((2 * q < p).any() for p, q in pairs_of_rows("independent"))


def test_relation_any_uses_many():
    rows = pairs_of_rows("any", order=3)
    assert any((p == q).all() for p, q in rows)
    assert any(not (p * q).any() for p, q in rows)
    assert any((q == 1).any() for _, q in rows)


def test_bad_pairs():
    with pytest.raises(ValueError, match=r"no relation 'disjiont'; did you mean 'disjoint'\? Known: mixed"):
        table_pair("disjiont", vocabulary=3, order=1, rng=rng())
    with pytest.raises(ValueError, match="vocabulary of a pair of tables must be an integer of at least 2"):
        table_pair(vocabulary=1, order=1, rng=rng())
    with pytest.raises(ValueError, match="denominator must be an integer of at least 4, got 3"):
        table_pair(vocabulary=4, order=1, rng=rng(), denominator=3)
    with pytest.raises(ValueError, match="must share one"):
        TablePair(random(vocabulary=3), random(vocabulary=4))
    with pytest.raises(ValueError, match="use one kind for both"):
        TablePair(random(), random(denominator=None))
