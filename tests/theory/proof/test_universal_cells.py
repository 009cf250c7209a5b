"""Points, z3 and the judge of cells."""

from __future__ import annotations

import numpy as np
import pytest

from tests.theory.strategies import F
from theory.proof.symbolic import Effort, EffortExhausted, Explorer, Judge, Ring, Simplex, Undecided, Unknowns
from theory.proof.symbolic.points import Pool
from theory.proof.symbolic.solver import Solver


@pytest.fixture
def ring():
    return Ring([Simplex("p", 3), Simplex("q", 3)], positives=("s",))


def atom_of(ring, symbol):
    return ring.atom(symbol.above)


def test_pool_points_are_inside_and_their_signs_exact(ring):
    pool, unknowns = Pool(ring), Unknowns(ring)
    (p1, p2, _), (q1, _, _), s = unknowns["p"], unknowns["q"], unknowns["s"]
    atoms = [atom_of(ring, x) for x in (p1 - q1, p1 * s - p2 - q1 * p2, p1 * p1 - p2)]
    for row in range(0, len(pool), 97):
        point = pool.point(row)
        for values in ring.values_at(point).values():
            assert np.all(np.asarray(values) > 0)
        assert ring.values_at(point)["p"].sum() == 1
        for atom in atoms:
            sign = pool.signs(atom)[row]
            exact = atom.value(point)
            assert sign == 0 or sign * exact > 0


def test_a_pool_grows_around_a_point(ring):
    pool = Pool(ring)
    first = len(pool)
    point = (F(1, 1000), F(1, 3), F(1, 3), F(1, 3), F(7))
    rows = pool.add_near(point)
    assert pool.point(int(rows[0])) == point
    assert len(pool) == first + len(rows)
    for row in rows:
        assert ring.values_at(pool.point(int(row)))["p"].sum() == 1
    for _ in range(80):
        pool.add_near(point)
    assert pool.point(int(rows[0])) == point


def test_z3_finds_points_and_contradictions(ring):
    solver, unknowns = Solver(ring), Unknowns(ring)
    p, q = unknowns["p"], unknowns["q"]
    gaps = [atom_of(ring, p[i] - q[i]) for i in range(3)]
    signs = [1 if (p[i] - q[i]).above == gaps[i].polynomial else -1 for i in range(3)]
    assert solver.find([(a, s) for a, s in zip(gaps, signs, strict=True)], steps=10**6) is False
    point = solver.find([(gaps[0], signs[0]), (gaps[1], -signs[1])], steps=10**6)
    values = ring.values_at(point)
    assert values["p"][0] > values["q"][0]
    assert values["p"][1] < values["q"][1]


def test_z3_solves_what_is_not_linear(ring):
    solver, unknowns = Solver(ring), Unknowns(ring)
    p1, p2, _ = unknowns["p"]
    square = atom_of(ring, p1 * p1 + p2 * p2 - F(1, 2))
    found = solver.find([(square, 1)], steps=10**6)
    assert isinstance(found, tuple)
    assert square.value(found) > 0
    assert solver.find([(atom_of(ring, 4 * p1 * p2 - 1), 1)], steps=10**6) is False


def test_no_answer_within_the_steps_is_unknown(ring):
    solver, unknowns = Solver(ring), Unknowns(ring)
    p1, p2, _ = unknowns["p"]
    assert solver.find([(atom_of(ring, 4 * p1 * p2 - 1), 1)], steps=1) is None


def test_sides_split_imply_and_refute(ring):
    judge, unknowns = Judge(ring, Pool(ring)), Unknowns(ring)
    p, q = unknowns["p"], unknowns["q"]
    first, second = atom_of(ring, p[0] - q[0]), atom_of(ring, p[1] - q[1])
    above, below = judge.sides(judge.everything(), first)
    assert above.signs == {first.number: 1}
    assert below.assumed == ((first, -1),)
    both, _ = judge.sides(above, second)
    total = atom_of(ring, p[0] - q[0] + p[1] - q[1])
    implied, nothing = judge.sides(both, total)
    assert nothing is None
    assert implied.signs[total.number] == 1
    assert total not in [atom for atom, _ in implied.assumed]
    assert judge.refutations[-1].conditions[-1] == (total, -1)


def test_a_kept_cell_of_unknown_emptiness_is_settled_with_more_steps(ring):
    judge, unknowns = Judge(ring, Pool(ring), steps=1), Unknowns(ring)
    p1, p2, _ = unknowns["p"]
    atom = atom_of(ring, 4 * p1 * p2 - 1)
    above, below = judge.sides(judge.everything(), atom)
    assert above.points.size == 0
    assert below.points.size > 0
    assert judge.witness(above) is None
    assert judge.filled(above, steps=10**6) is None
    assert judge.filled(below, steps=1) is below


def test_a_thin_cell_gets_a_witness_from_z3(ring):
    judge, unknowns = Judge(ring, Pool(ring)), Unknowns(ring)
    p1 = unknowns["p"][0]
    atom = atom_of(ring, 10**9 * p1 - 1)
    _, below = judge.sides(judge.everything(), atom)
    point = judge.witness(below)
    assert 0 < point[0] < F(1, 10**9)


def explored(ring, program, **options):
    judge = Judge(ring, Pool(ring))
    explorer = Explorer(ring, judge, program, Effort(**options))
    everything = judge.everything()
    return explorer, explorer.leaves(explorer.law_tree(everything), everything)


def test_a_program_without_comparisons_has_one_cell(ring):
    unknowns = Unknowns(ring)
    _, [(cell, law)] = explored(ring, lambda chance: chance.draw(unknowns["p"], stream="x"))
    assert cell.assumed == ()
    assert law == dict(enumerate(unknowns["p"]))


def test_certain_answers_are_no_branches(ring):
    unknowns = Unknowns(ring)

    def program(chance):
        total = unknowns["p"].sum()
        return (
            chance.flip(total, stream="a"),
            chance.flip(1 - total, stream="b"),
            chance.draw([0, 3], stream="c"),
        )

    explorer, [(_, law)] = explored(ring, program)
    assert law == {(True, False, 1): 1}
    assert explorer.runs == 1


def test_a_split_inside_one_branch_only(ring):
    unknowns = Unknowns(ring)

    def program(chance):
        p, q = unknowns["p"], unknowns["q"]
        return chance.flip(q[0], stream="a") and bool(p[0] > q[0])

    _, leaves = explored(ring, program)
    q1 = unknowns["q"][0]
    assert [law for _, law in leaves] == [{True: q1, False: 1 - q1}, {False: 1}]


def test_merging_forgets_what_does_not_matter(ring):
    unknowns = Unknowns(ring)

    def program(chance):
        p, q = unknowns["p"], unknowns["q"]
        if chance.flip(F(1, 2), stream="a"):
            ahead = chance.flip(F(1, 2), stream="b")
            return "x" if ahead == bool(p[0] > q[0]) else "y"
        return "z"

    _, flat = explored(ring, program)
    _, merged = explored(ring, program, merge=True)
    assert len(flat) == 2
    assert [law for _, law in merged] == [{"x": F(1, 4), "y": F(1, 4), "z": F(1, 2)}]


@pytest.mark.parametrize("limit", [{"most_runs": 3}, {"most_seconds": 0}])
def test_limits_are_kept(ring, limit):
    unknowns = Unknowns(ring)
    with pytest.raises(EffortExhausted, match=r"no verdict after .* runs of the program"):
        explored(ring, lambda chance: chance.draw(unknowns["p"], stream="x"), **limit)


def test_undecided_is_no_ordinary_exception():
    assert not issubclass(Undecided, Exception)
