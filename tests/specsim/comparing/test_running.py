"""Comparisons: what was kept is what is computed, however often a run is killed."""

from __future__ import annotations

from pathlib import Path

import pytest

from specsim.comparing import Ledger
from specsim.comparing.ledger import LedgerError
from specsim.comparing.running import run
from specsim.models import toy_model
from specsim.systems import Bench, by_name
from theory.simplex import Warp

BENCH = Bench(toy_model(seed=0), Warp(temperature=0.8))
SYSTEMS = [by_name("plain"), by_name("speculative")]
PROMPTS = [tuple(range(3, 15)), tuple(range(20, 32))]
SETTINGS = {"seeds": [0, 1], "max_new_tokens": 4}


class Killed(Exception):
    """What stands for a signal."""


def test_a_killed_run_goes_on_and_ends_in_the_same(tmp_path: Path) -> None:
    whole = run(SYSTEMS, BENCH, PROMPTS, ledger=tmp_path / "whole.jsonl", **SETTINGS)

    def kill(system: str, done: int, total: int) -> None:
        assert total == 8
        if done == 5:
            raise Killed

    torn = tmp_path / "torn.jsonl"
    with pytest.raises(Killed):
        run(SYSTEMS, BENCH, PROMPTS, ledger=torn, progress=kill, **SETTINGS)
    torn.write_bytes(torn.read_bytes()[:-20])  # and killed while it was writing
    assert len(Ledger(torn, settings=_settings(torn))) == 4
    assert run(SYSTEMS, BENCH, PROMPTS, ledger=torn, **SETTINGS) == whole
    assert run(SYSTEMS, BENCH, PROMPTS, ledger=torn, progress=None, **SETTINGS) == whole
    assert whole.wall_a_token("plain") > 0
    assert {len(done.target) for trace in whole.traces("speculative") for done in trace.rounds} == {1}


def _settings(path: Path) -> dict[str, object]:
    import json

    settings: dict[str, object] = json.loads(path.read_text().splitlines()[0])["settings"]
    return settings


def test_another_runs_results_are_not_mixed_in(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    Ledger(path, settings={"tokens": 4}).put("a", 1)
    with pytest.raises(LedgerError, match=r"other settings \(tokens: 4 there, 5 here\)"):
        Ledger(path, settings={"tokens": 5})
    path.write_text(path.read_text() + "nonsense\n" + '{"key":"b","value":2}\n')
    with pytest.raises(LedgerError, match="line 3 is no result"):
        Ledger(path, settings={"tokens": 4})
    fresh = Ledger(tmp_path / "fresh.jsonl", settings={})
    fresh.put("a", 1)
    with pytest.raises(LedgerError, match="already has a result 'a'"):
        fresh.put("a", 2)


def test_nonsense_is_refused_before_any_work() -> None:
    with pytest.raises(ValueError, match="there is no system to run"):
        run([], BENCH, PROMPTS, **SETTINGS)
    with pytest.raises(ValueError, match="a prompt comes twice"):
        run(SYSTEMS, BENCH, PROMPTS[:1] * 2, **SETTINGS)
    with pytest.raises(ValueError, match="there is no seed to run"):
        run(SYSTEMS, BENCH, PROMPTS, seeds=[], max_new_tokens=4)
