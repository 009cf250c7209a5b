"""``specsim compare``: what it writes, that it goes on, and what it refuses before any work."""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from specsim.cli import main
from specsim.comparing import benches
from specsim.comparing.worlds import distortions
from specsim.models import toy_model
from specsim.systems import Bench, by_name


@pytest.fixture(autouse=True)
def few_timed_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each size that is timed is a compilation."""
    monkeypatch.setattr("specsim.comparing.clocks.TIMED", (1, 2, 4))


SMALL = ["compare", "--target", "toy", "--systems", "speculative,plain", "--prompts", "2", "--tokens", "4"]


@pytest.mark.slow
def test_the_table_the_figures_and_going_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "compared"
    command = [*SMALL, "--out", str(out)]
    assert main(command) == 0
    assert "speculative" in capsys.readouterr().out
    with (out / "table.csv").open() as file:
        rows = {row["system"]: row for row in csv.DictReader(file)}
    assert float(rows["plain"]["block_efficiency"]) == 1
    assert float(rows["plain"]["modelled_speedup_A100"]) == pytest.approx(1)
    assert rows["plain"]["utilisation"] == ""
    assert float(rows["speculative"]["draft_cost_share"]) < 1
    assert (out / "table.md").read_text().startswith("| system | block efficiency |")
    for name in ("block-efficiency", "modelled-speedup", "positional-acceptance"):
        assert (out / f"{name}.png").stat().st_size > 1000
    first, traces = (out / "table.csv").read_bytes(), (out / "requests.jsonl").read_bytes()
    assert main(command) == 0
    assert (out / "table.csv").read_bytes() == first
    assert (out / "requests.jsonl").read_bytes() == traces


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--systems", "plain,speculatve"], "there is no system 'speculatve', did you mean 'speculative'"),
        (["--prompts", "0"], "'0' is not a whole number of at least 1"),
        (["--temperature", "-1"], "not a number of at least 0"),
    ],
)
def test_what_is_refused(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "--target", "toy", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_systems_without_their_weights_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(bench: Bench) -> None:
        raise ValueError("there is no artefact 'heads'")

    broken = replace(by_name("plain"), name="broken", real=missing)
    found = {"broken": broken, "plain": by_name("plain")}
    monkeypatch.setattr("specsim.systems.every", lambda: found)
    out = tmp_path / "compared"
    few = ["compare", "--target", "toy", "--prompts", "1", "--tokens", "2", "--out", str(out)]
    assert main([*few, "--systems", "plain,broken"]) == 2
    assert "broken can't be made: there is no artefact 'heads'" in capsys.readouterr().err
    assert not (out / "requests.jsonl").exists()
    assert main(few) == 0
    assert "left out: broken: there is no artefact 'heads'" in capsys.readouterr().err
    assert "- broken: there is no artefact 'heads'" in (out / "table.md").read_text()


def test_the_list_of_systems(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "--list"]) == 0
    assert "One token a target call." in capsys.readouterr().out


def test_programming_errors_are_not_taken_for_missing_weights() -> None:
    def wrong(bench: Bench) -> None:
        raise TypeError("wrong")

    with pytest.raises(TypeError, match="wrong"):
        benches.make([replace(by_name("plain"), real=wrong)], Bench(toy_model(seed=0)))


def test_only_lossy_systems_are_held_against_the_worlds() -> None:
    assert distortions([by_name("speculative")]) == {}


def test_a_toy_has_no_model_beside_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*SMALL, "--draft", "smollm2-135m"]) != 0
    assert "the toy has no model beside it, got draft 'smollm2-135m'" in capsys.readouterr().err


@dataclass(frozen=True)
class Reads:
    """A tokenizer that reads every text as the same token."""

    token: int

    def encode(self, text: str) -> list[int]:
        return [self.token] * len(text)


def test_target_and_draft_share_their_tokens() -> None:
    chatty = replace(toy_model(seed=0), name="target", tokenizer=Reads(1))
    other = replace(chatty, name="draft", tokenizer=Reads(2))
    small = replace(other, config=replace(other.config, vocabulary=128))
    with pytest.raises(ValueError, match=r"target and draft read the text .* as other tokens"):
        benches._check_tokens(chatty, other, ["abc"])
    with pytest.raises(ValueError, match="target has 256 tokens and draft 128; a draft must have its target"):
        benches._check_tokens(chatty, small, [])
    benches._check_tokens(chatty, chatty, ["abc"])
