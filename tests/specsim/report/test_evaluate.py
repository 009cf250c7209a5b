"""Streaming, processes, selections, and the means."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from specsim.report import BOUND, Demand, Method, Plan, evaluate, results
from specsim.report.cells import ESTIMATE, INTERVAL, KINDS, exact_cells
from specsim.report.results import ALL, clustered_standard_error, gaps, mean_of_cells
from specsim.sources.traces import Dense, Header, Passage, Source, Trace, TraceError, TraceWriter
from theory.simplex import Warp, entropy, total_variation


def test_what_the_distributions_look_like(trace, evaluation):
    logits = [(b.target_logits, b.draft_logits["far"], b.rows) for b in trace.blocks(size=5)]
    target, draft = (np.concatenate([part[i] for part in logits]) for i in (0, 1))
    for t, temperature in enumerate((0.6, 1.0)):
        warp = Warp(temperature=temperature)
        p, q = warp.probabilities(target), warp.probabilities(draft)
        pictures = evaluation.pictures
        assert pictures.tv[:, t, 1] == pytest.approx(total_variation(p, q), abs=1e-12)
        assert pictures.target_entropy[:, t] == pytest.approx(entropy(p), abs=1e-12)
        assert pictures.draft_entropy[:, t, 1] == pytest.approx(entropy(q), abs=1e-12)
        assert pictures.draft_support[:, t, 1].tolist() == (q > 0).sum(axis=1).tolist()
        alone = evaluation.of(temperature=temperature, draft="far", method=Method("single", BOUND, 1))
        assert alone["value"] == pytest.approx(1 - total_variation(p, q), abs=1e-12)
    assert evaluation.places.row.tolist() == np.concatenate([part[2] for part in logits]).tolist()
    assert evaluation.domains == ("code", "chat")


def test_two_processes_give_the_same_bytes(trace, plan, evaluation):
    again = evaluate(trace, plan, jobs=2)
    assert again.cells.tobytes() == evaluation.cells.tobytes()
    assert again.pictures.tv.tobytes() == evaluation.pictures.tv.tobytes()
    assert again.audit == evaluation.audit
    assert again.places.domain.tolist() == evaluation.places.domain.tolist()


def test_a_number_does_not_depend_on_what_else_is_asked_for(trace, plan, evaluation):
    """Estimates included: random numbers belong to the position, the draft and the temperature."""
    other = replace(plan, drafts=("far",), temperatures=(1.0,), limit=7)
    part = evaluate(trace, other)
    assert len(part) == 7
    rows = np.searchsorted(evaluation.places.row, part.places.row)
    for method in part.methods:
        found = part.of(temperature=1.0, draft="far", method=method)
        whole = evaluation.of(temperature=1.0, draft="far", method=method)[rows]
        assert found.tobytes() == whole.tobytes(), method


def test_the_seed_moves_estimates_and_nothing_else(trace, plan, evaluation):
    other = evaluate(trace, replace(plan, demand=replace(plan.demand, seed=4)))
    estimate = evaluation.cells["kind"] == ESTIMATE
    assert (other.cells[~estimate] == evaluation.cells[~estimate]).all()
    assert (other.cells["value"][estimate] != evaluation.cells["value"][estimate]).mean() > 0.5


def test_kinds(evaluation):
    kinds = {
        m: set(evaluation.of(temperature=1.0, draft="near", method=m)["kind"]) for m in evaluation.methods
    }
    estimated = {m for m, kind in kinds.items() if kind == {ESTIMATE}}
    assert estimated == {
        *(Method("without-replacement", "recursive", k) for k in (4, 8)),
        *(Method("without-replacement", "sample-and-match", k) for k in (2, 4, 8)),
    }
    bounded = {m for m, kind in kinds.items() if kind == {INTERVAL}}
    assert bounded == {Method("without-replacement", BOUND, k) for k in (2, 4, 8)}


def test_too_small_supports_are_counted(evaluation):
    found = {
        r.method.k: r.fewer_drafts
        for r in results(evaluation)
        if (r.draft, r.domain, r.temperature, r.method.law, r.method.rule)
        == ("far", ALL, 1.0, "without-replacement", BOUND)
    }
    # the first of every four rows has five tokens
    assert found == {2: 0, 4: 0, 8: 6}
    assert all(r.fewer_drafts == 0 for r in results(evaluation) if r.draft == "near")


def test_filters_apply_to_both(trace):
    plan = Plan(demand=Demand((2,), samples=2), temperatures=(1.0,), filters=Warp(top_k=3), drafts=("near",))
    found = evaluate(trace, plan)
    assert (found.pictures.draft_support == 3).all()
    (block,) = trace.select(limit=1).blocks()
    p = Warp(top_k=3).probabilities(block.target_logits)
    assert found.pictures.target_entropy[0, 0] == pytest.approx(float(entropy(p)[0]))


def test_temperature_zero(trace):
    plan = Plan(demand=Demand((1, 2, 4), samples=2), temperatures=(0.0,))
    found = evaluate(trace, plan)
    assert set(np.unique(found.cells["value"])) <= {0.0, 1.0}
    assert (found.cells["kind"] != ESTIMATE).all()


def test_progress(trace, plan):
    seen: list[tuple[int, int]] = []
    evaluate(trace, replace(plan, limit=20), progress=lambda done, total: seen.append((done, total)))
    assert seen[0] == (0, 20)
    assert seen[-1] == (20, 20)
    assert seen == sorted(seen)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"temperatures": ()}, "temperatures must be one or more"),
        ({"temperatures": (1.0, 1.0)}, "different"),
        ({"temperatures": (-1.0,)}, "temperature must be finite and at least 0"),
        ({"limit": 0}, "limit must be at least 1"),
        ({"certify_every": 0}, "certify_every must be at least 1"),
    ],
)
def test_plans_that_make_no_sense(settings, message):
    with pytest.raises(ValueError, match=message):
        Plan(**settings)


def test_evaluations_that_make_no_sense(trace, plan, tmp_path):
    with pytest.raises(ValueError, match="jobs must be at least 1"):
        evaluate(trace, plan, jobs=0)
    with pytest.raises(TraceError, match="unknown draft 'nope'"):
        evaluate(trace, replace(plan, drafts=("nope",)))
    with pytest.raises(ValueError, match="drafts must be different"):
        evaluate(trace, replace(plan, drafts=("near", "near")))
    header = Header(vocabulary=4, target=Source("dense"), drafts={}, domains=("a",), temperature=1.0, seed=0)
    rows = Dense(np.zeros((1, 4), dtype=np.float32))
    with TraceWriter.create(tmp_path / "alone", header=header) as writer:
        writer.append(Passage("a", "1", np.array([1, 2]), np.array([1]), rows, {}))
    with pytest.raises(ValueError, match="no draft to evaluate"):
        evaluate(Trace.open(tmp_path / "alone"), plan)


def test_an_error_in_a_worker_arrives(trace, plan, tmp_path):
    """Drafts of another vocabulary can't happen in a trace; a damaged file can, after the pool has begun."""
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(trace._store.directory, copy)
    shard = copy / "shard-00002.safetensors"
    data = bytearray(shard.read_bytes())
    data[-1] ^= 1
    shard.write_bytes(bytes(data))
    with pytest.raises(TraceError, match="shard-00002"):
        evaluate(Trace.open(copy), plan, jobs=2)


# --- means ---------------------------------------------------------------------------------------------


def test_means_over_positions_and_domains(evaluation):
    found = results(evaluation)
    cells = evaluation.of(temperature=0.6, draft="near", method=Method("iid", "k-seq", 4))
    for domain, rows in ((ALL, slice(None)), ("chat", evaluation.places.domain == "chat")):
        (one,) = [
            r
            for r in found
            if (r.temperature, r.draft, r.domain, r.method)
            == (0.6, "near", domain, Method("iid", "k-seq", 4))
        ]
        assert one.acceptance.value == pytest.approx(cells["value"][rows].mean(), abs=1e-15)
        assert one.acceptance.kind == "exact"
        assert one.acceptance.lower == one.acceptance.value == one.acceptance.upper
        assert one.positions == len(cells[rows])
        assert one.passages == (6 if domain == ALL else 3)
    assert len(found) == 2 * 2 * 3 * len(evaluation.methods)


def test_the_error_of_a_mean_of_estimates(evaluation):
    method = Method("without-replacement", "recursive", 4)
    cells = evaluation.of(temperature=0.6, draft="near", method=method)
    (one,) = [
        r
        for r in results(evaluation)
        if (r.temperature, r.draft, r.domain, r.method) == (0.6, "near", ALL, method)
    ]
    assert one.acceptance.kind == one.gap.kind == "estimate"
    expected = np.sqrt((cells["standard_error"] ** 2).sum()) / len(cells)
    assert one.acceptance.standard_error == pytest.approx(expected)
    assert one.gap.standard_error == pytest.approx(expected)
    assert np.isnan(one.acceptance.lower)
    assert one.samples == 16


def test_the_weakest_kind_wins():
    cells = exact_cells([0.1, 0.2, 0.3], drafts=2)
    assert mean_of_cells(cells, np.arange(3)).kind == "exact"
    cells["kind"][1] = INTERVAL
    cells["lower"][1], cells["upper"][1] = 0.1, 0.3
    mean = mean_of_cells(cells, np.arange(3))
    assert mean.kind == "interval"
    assert (mean.lower, mean.upper) == (pytest.approx(0.5 / 3), pytest.approx(0.7 / 3))
    cells["kind"][2] = ESTIMATE
    assert mean_of_cells(cells, np.arange(3)).kind == "estimate"
    assert KINDS == ("exact", "interval", "estimate")


def test_gaps_of_exact_values_under_an_interval():
    value, bound = exact_cells([0.5], drafts=2), exact_cells([0.75], drafts=2)
    assert gaps(value, bound)["kind"].tolist() == [0]
    bound["kind"], bound["lower"], bound["upper"] = INTERVAL, 0.7, 0.8
    gap = gaps(value, bound)[0]
    assert (gap["kind"], gap["value"]) == (INTERVAL, 0.25)
    assert gap["lower"] == pytest.approx(0.2)
    assert gap["upper"] == pytest.approx(0.3)


def test_sampling_error_is_that_of_independent_passages():
    """With one position a passage it is the usual standard error of a mean."""
    values = np.random.default_rng(0).random(50)
    plain = values.std(ddof=1) / np.sqrt(50)
    assert clustered_standard_error(values, np.arange(50)) == pytest.approx(plain)
    # copies within a passage add nothing
    assert clustered_standard_error(np.repeat(values, 4), np.repeat(np.arange(50), 4)) == pytest.approx(plain)
    assert np.isnan(clustered_standard_error(values, np.zeros(50)))
