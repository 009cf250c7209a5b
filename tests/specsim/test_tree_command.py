"""``specsim tree --profile``: what it prints, what it writes, and what it refuses."""

from __future__ import annotations

import json

import pytest

from specsim.cli import main
from theory.shapes import Certificate, Profile, TreeShape, max_plus


@pytest.fixture
def write(tmp_path):
    def write(data, name="profile.json"):
        path = tmp_path / name
        path.write_text(data if isinstance(data, str) else json.dumps(data))
        return str(path)

    return write


def answer(capsys, *argv):
    assert main(["tree", *argv, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("data", "profile", "method"),
    [
        ([0.6, 0.2, 0.1], Profile.positional([0.6, 0.2, 0.1]), "order ideal"),
        ([0.2, 0.6, 0.1], Profile.positional([0.2, 0.6, 0.1]), "dynamic programming"),
        ([[0.6, 0.2], [0.5, 0.3]], Profile.by_depth([[0.6, 0.2], [0.5, 0.3]]), "order ideal"),
        ([[0.6, 0.2], [0.1, 0.3]], Profile.by_depth([[0.6, 0.2], [0.1, 0.3]]), "dynamic programming"),
    ],
)
@pytest.mark.parametrize("caps", [{}, {"max_depth": 2, "max_children": 2}])
def test_json_holds_the_optimum_and_its_tree(capsys, write, data, profile, method, caps):
    options = [x for name, cap in caps.items() for x in (f"--{name.replace('_', '-')}", str(cap))]
    result = answer(capsys, "--profile", write(data), "--budget", "12", *options)
    exact = max_plus(profile, nodes=12, **caps)
    shape = TreeShape(tuple(result["tree"]["parents"]))
    assert result["value"] == pytest.approx(exact.value(12), abs=1e-12)
    assert result["values"] == pytest.approx(exact.values.tolist(), abs=1e-12)
    assert shape.value(profile) == pytest.approx(result["value"], abs=1e-12)
    assert result["drafted"] == shape.size <= 12
    assert result["tree"]["ranks"] == list(shape.ranks)
    assert sum(result["tree"]["weights"]) == pytest.approx(result["value"])
    assert result["certificate"]["method"] == method
    assert (result["kind"], result["budget_counts_root"], result["notes"]) == ("exact", False, [])
    if method == "order ideal":
        proof = Certificate.of(shape, profile=profile, **caps)
        assert (proof.kept, proof.left_out) == (
            result["certificate"]["least_kept"],
            result["certificate"]["largest_left_out"],
        )
    for other in result["others"]:
        assert TreeShape(tuple(other["parents"])).value(profile) == pytest.approx(other["value"])
        assert other["gap"] >= 0


def test_a_chain_by_hand(capsys, write):
    result = answer(capsys, "--profile", write([0.5]), "--budget", "3")
    assert result["value"] == 1 + 0.5 + 0.25 + 0.125
    assert result["tree"]["parents"] == [-1, 0, 1, 2]
    nothing = answer(capsys, "--profile", write([0.5]), "--budget", "0")
    assert (nothing["value"], nothing["tree"]["parents"]) == (1, [-1])


def test_table_and_figure(capsys, write, tmp_path):
    figure = tmp_path / "tree.png"
    argv = ["tree", "--profile", write([0.6, 0.2, 0.1]), "--budget", "16", "--figure", str(figure)]
    assert main([*argv, "--samples", "2000"]) == 0
    out = capsys.readouterr().out
    for text in (
        "optimum",
        "chain",
        "Medusa's greedy",
        "Token Recycling",
        "beam of",
        "SpecInfer",
        "95% confidence",
    ):
        assert text in out
    assert figure.read_bytes().startswith(b"\x89PNG")
    assert main(argv) == 2
    assert "name a new .png or .pdf file" in capsys.readouterr().err


def test_bands(capsys, write):
    result = answer(capsys, "--profile", write([0.6, 0.2]), "--budget", "16", "--samples", "1000")
    band = result["band"]
    assert band["lower"] < result["value"] < band["upper"]
    assert 0 <= band["largest_regret"] < 0.1
    assert band["kind"] == "interval"
    assert result["samples_needed"] is None
    argv = ["--profile", write([0.6, 0.2]), "--budget", "16", "--regret", "0.02"]
    needed = answer(capsys, *argv)["samples_needed"]["samples"]
    assert 100 < needed < 20_000
    assert main(["tree", *argv]) == 0
    assert f"{needed:,} samples a list certify" in capsys.readouterr().out


def test_rates_given_rejection(capsys, write):
    path = write([0.9, 0.9])
    rates = answer(capsys, "--profile", path, "--budget", "5", "--conditional")
    assert rates["value"] == pytest.approx(max_plus(Profile.positional([0.9, 0.09]), nodes=5).value(5))
    assert rates["notes"] == []
    sums = answer(capsys, "--profile", path, "--budget", "2")
    assert sums["value"] == pytest.approx(1 + 0.9 + 0.9)
    assert "say --conditional" in sums["notes"][0]


@pytest.mark.parametrize(
    ("data", "status", "message"),
    [
        ("x", 1, "is not JSON"),
        ("[]", 1, "must hold a non-empty list"),
        ("{}", 1, "must hold a non-empty list"),
        ("[[]]", 1, "must hold a non-empty list"),
        ("[true]", 1, "must hold a non-empty list"),
        ("[null]", 1, "must hold a non-empty list"),
        ("[1, [2]]", 1, "must hold a non-empty list"),
        ("[[0.5], [0.1, 0.2]]", 1, "differ in length"),
        ("[1.5]", 1, "between 0 and 1"),
        ("[NaN]", 1, "between 0 and 1"),
        (None, 2, "there is no file"),
    ],
)
def test_bad_profiles_are_one_sentence(capsys, write, data, status, message):
    path = "missing.json" if data is None else write(data)
    assert main(["tree", "--profile", path, "--budget", "4"]) == status
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--budget", "4"], "--profile FILE.json"),
        (["--profile", "p.json"], "--budget"),
        (["--profile", "p.json", "--budget", "-1"], "whole number of at least 0"),
        (["--profile", "p.json", "--budget", "4", "--max-depth", "x"], "whole number"),
    ],
)
def test_bad_command_lines(capsys, argv, message):
    assert main(["tree", *argv]) == 2
    assert message in capsys.readouterr().err


def test_samples_need_frequencies(capsys, write):
    assert main(["tree", "--profile", write([0.9, 0.9]), "--budget", "4", "--samples", "10"]) == 1
    assert "sum to at most 1" in capsys.readouterr().err


def test_shapes_draw(write):
    from specsim.plots.trees import shape_figure

    for shape in (TreeShape((-1,)), TreeShape.from_counts([3, 2])):
        assert shape_figure(shape).axes
