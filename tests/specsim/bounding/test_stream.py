"""Streaming, and the files that a run leaves."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from specsim.bounding import BoundFiles, BoundWriter, Question, bound_pairs, bound_stream
from specsim.bounding import files as files_module
from specsim.bounding.stream import chosen_drafts
from specsim.report.cells import KINDS
from specsim.sources.traces import TraceError
from theory.simplex import Warp

QUESTION = Question(ks=(1, 2, 4), temperatures=(0.6, 1.0))


def collected(trace, question=QUESTION, **options):
    pieces = list(bound_stream(trace, question, **options))
    return np.concatenate([piece.cells for piece in pieces]), pieces


def test_a_stream_is_its_positions(trace):
    cells, pieces = collected(trace, sets=True)
    assert cells.shape == (15, 2, 2, 12)
    (block,) = list(trace.select(limit=1).blocks())
    for t, temperature in enumerate((0.6, 1.0)):
        p = Warp(temperature).probabilities(block.target_logits)
        q = Warp(temperature).probabilities(block.draft_logits["far"])
        alone = bound_pairs(p=p, q=q, laws=QUESTION.laws, ks=QUESTION.ks, sets=True)
        assert cells[0, t, 1].tobytes() == alone.cells[0].tobytes()
        assert alone.sets is not None
        bits = np.unpackbits(pieces[0].sets[0, t, 1], axis=-1, count=12).astype(bool)
        assert (bits == alone.sets[0]).all()


def test_two_processes_give_the_same_bytes(trace):
    assert collected(trace, jobs=2)[0].tobytes() == collected(trace)[0].tobytes()


def test_selections(trace):
    question = Question(laws=("iid",), ks=(2,), drafts=("far",), domains=("chat",), limit=4)
    cells, pieces = collected(trace, question)
    assert cells.shape == (4, 1, 1, 1)
    assert {str(name) for piece in pieces for name in piece.domain} == {"chat"}
    with pytest.raises(TraceError, match="unknown domain 'news'"):
        bound_stream(trace, Question(domains=("news",)))
    with pytest.raises(TraceError, match="unknown draft 'nope'"):
        bound_stream(trace, Question(drafts=("nope",)))
    with pytest.raises(ValueError, match="drafts must be different"):
        bound_stream(trace, Question(drafts=("far", "far")))
    with pytest.raises(ValueError, match="jobs must be at least 1"):
        bound_stream(trace, jobs=0)


def test_the_likeliest_tokens_alone(trace):
    question = Question(ks=(1, 2), drafts=("near",), top=4)
    narrow, pieces = collected(trace, question)
    whole, _ = collected(trace, Question(ks=(1, 2), drafts=("near",)))
    assert (narrow["lower"] <= whole["upper"] + 1e-12).all()
    assert (narrow["upper"] >= whole["lower"] - 1e-12).all()
    assert np.isnan(pieces[0].thresholds).all()


def written(trace, path, *, sets=False):
    drafts = chosen_drafts(trace, QUESTION)
    with BoundWriter(path, QUESTION, drafts) as writer:
        for piece in bound_stream(trace, QUESTION, sets=sets):
            writer.add(piece)
        writer.finish({"trace": "made-up"})
    return BoundFiles.open(path)


@pytest.mark.parametrize("sets", [False, True])
def test_files_hold_every_position(trace, tmp_path, monkeypatch, sets):
    monkeypatch.setattr(files_module, "POSITIONS", 4)
    found = written(trace, tmp_path / "out", sets=sets)
    cells, pieces = collected(trace, sets=sets)
    parts = list(found.pieces())
    assert len(parts) == 3  # blocks of a shard's six rows, written from four positions on
    for name in ("value", "lower", "upper", "kind", "drafts"):
        assert (np.concatenate([part[name] for part in parts]) == cells[name]).all()
    thresholds = np.concatenate([piece.thresholds for piece in pieces])
    assert np.array_equal(np.concatenate([part["threshold"] for part in parts]), thresholds, equal_nan=True)
    assert all(("sets" in part) == sets for part in parts)
    with (tmp_path / "out" / "positions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == cells.size
    flat = cells.reshape(-1)
    assert [float(row["value"]) for row in rows] == flat["value"].tolist()
    assert [row["kind"] for row in rows] == [KINDS[kind] for kind in flat["kind"]]
    assert rows[-1]["row"] == "14"
    assert rows[-1]["law"] == "point"
    assert found.summary["methods"][-1] == {"law": "point", "drafts": 4}
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        *(entry["file"] for entry in found.summary["files"]),
        "positions.csv",
        "summary.json",
    ]


def test_the_same_numbers_give_the_same_bytes(trace, tmp_path):
    for name in "ab":
        written(trace, tmp_path / name)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_an_interrupted_run_does_not_look_complete(trace, tmp_path, monkeypatch):
    monkeypatch.setattr(files_module, "POSITIONS", 4)
    path = tmp_path / "out"

    def interrupted() -> None:
        with BoundWriter(path, QUESTION, chosen_drafts(trace, QUESTION)) as writer:
            for number, piece in enumerate(bound_stream(trace, QUESTION)):
                if number == 2:
                    raise KeyboardInterrupt
                writer.add(piece)

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    left = {each.name for each in path.iterdir()}
    assert "bounds-00000.npz" in left
    assert not left & {"summary.json", "positions.csv"}
    with pytest.raises(ValueError, match=r"has no summary.json: the run that wrote it did not finish"):
        BoundFiles.open(path)
    with pytest.raises(ValueError, match="is not an empty directory"):
        written(trace, path)


def test_damage_is_found(trace, tmp_path):
    found = written(trace, tmp_path / "out")
    file = tmp_path / "out" / found.summary["files"][0]["file"]
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(bytes(data))
    with pytest.raises(ValueError, match="was changed: its SHA-256"):
        list(BoundFiles.open(tmp_path / "out").pieces())
    file.write_bytes(bytes(data[:-1]))
    with pytest.raises(ValueError, match="is missing or not of its size"):
        BoundFiles.open(tmp_path / "out")


def test_a_writer_must_be_entered(tmp_path):
    with pytest.raises(ValueError, match="was not entered"):
        BoundWriter(tmp_path / "out", QUESTION, ("near",)).finish({})


def test_the_summary_is_json_without_nan(trace, tmp_path):
    written(trace, tmp_path / "out")
    text = (tmp_path / "out" / "summary.json").read_text()
    assert json.loads(text)["trace"] == "made-up"
    assert "NaN" not in text
