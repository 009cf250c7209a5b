"""``specsim audit``: rules are recognised, verdicts printed, mistakes answered in one sentence."""

from __future__ import annotations

import json
import sys
from textwrap import dedent

import pytest

from specsim.cli import main

SOURCE = """
    import numpy as np


    def leftover(p, q):
        rest = np.maximum(p - q, 0)
        return rest / rest.sum() if rest.sum() > 0 else p


    def right(p, q, token, rng):
        if rng.random() * q[token] < p[token]:
            return token
        return int(rng.choice(p.size, p=leftover(p, q)))


    def wrong(p, q, token, rng):
        if rng.random() < p[token]:
            return token
        return int(rng.choice(p.size, p=leftover(p, q)))


    def other_names(target, draft, proposed, numbers):
        return right(target, draft, proposed, numbers)


    def raises(p, q, token, rng):
        raise RuntimeError("no such kernel")


    def no_rule(x):
        return x


    class Factory:
        def resolve(self, *, p, drafts, law, chance, level=0):
            return chance.draw(p, stream="any")
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A directory with a module of rules."""
    (tmp_path / "rules_of_a_user.py").write_text(dedent(SOURCE))
    (tmp_path / "needs_something.py").write_text("import a_module_that_does_not_exist\n")
    (tmp_path / "breaks.py").write_text("1 / 0\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    for name in ("rules_of_a_user", "needs_something", "breaks"):
        sys.modules.pop(name, None)


def run(capsys, *arguments):
    status = main(["audit", *arguments])
    out, err = capsys.readouterr()
    return status, out, err


def test_a_lossless_function(here, capsys):
    status, out, err = run(capsys, "rules_of_a_user:right", "--examples", "4")
    assert (status, err) == (0, "")
    assert out.startswith("rules_of_a_user:right: lossless on all examples (to a stated precision)\n")
    assert "4 examples, extracted" in out


def test_a_wrong_function(here, capsys):
    status, out, _ = run(capsys, "rules_of_a_user:wrong")
    assert status == 1
    assert "refuted: not lossless" in out
    assert "too much: token" in out


def test_classes_of_the_projects_form(here, capsys):
    status, out, _ = run(
        capsys, "rules_of_a_user:Factory", "--examples", "3", "--law", "iid,point", "--drafts", "1,2"
    )
    assert status == 0
    assert "taken as a coupling" in out
    assert out.count("passed: law of the emitted token") == 4


def test_installed_rules(here, capsys):
    status, out, _ = run(capsys, "theory.couplings:KSeq", "--examples", "3", "--law", "all", "--drafts", "2")
    assert status == 0
    assert "not examined, by the rule's own word" in out


def test_names_that_do_not_tell_need_a_kind(here, capsys):
    status, out, err = run(capsys, "rules_of_a_user:other_names")
    assert (status, out) == (2, "")
    assert "has none of the known forms" in err
    options = ("--kind", "single-draft", "--examples", "3")
    assert run(capsys, "rules_of_a_user:other_names", *options)[0] == 0


def test_json(here, capsys):
    status, out, _ = run(capsys, "rules_of_a_user:wrong", "--json")
    verdict = json.loads(out)
    assert status == 1
    assert verdict["status"] == "refuted"
    assert verdict["rule"] == "rules_of_a_user:wrong"
    assert verdict["counterexample"]["laws"]


def test_html(here, capsys):
    assert run(capsys, "rules_of_a_user:right", "--examples", "2", "--html", "verdict.html")[0] == 0
    assert (here / "verdict.html").read_text().startswith("<!doctype html>")
    status, out, err = run(capsys, "rules_of_a_user:right", "--html", "verdict.html")
    assert (status, out) == (2, "")
    assert "'verdict.html' exists already; name a new file" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rules_of_a_user:no_rule"], "has none of the known forms"),
        (["rules_of_a_user:missing"], "rules_of_a_user has no 'missing'; its public names: "),
        (["no_such_module:x"], "there is no module 'no_such_module', here or installed"),
        (["rules_of_a_user"], "'rules_of_a_user' is not package.module:name"),
        (["needs_something:x"], "needs_something can't be imported: it needs 'a_module_that_does_not_exist'"),
        (["breaks:x"], "breaks can't be imported: ZeroDivisionError"),
        (["rules_of_a_user:raises"], "it raises RuntimeError: no such kernel"),
        (["rules_of_a_user:right", "--vocabulary", "1"], "'1' is not a whole number of at least 2"),
        (["rules_of_a_user:right", "--law", "gauss"], "'gauss' is not one of iid, "),
        (["rules_of_a_user:right", "--drafts", "2"], "takes one draft, not 2"),
        (["rules_of_a_user:right", "--kind", "chain"], "'chain' is not one of auto, "),
        (["rules_of_a_user:right", "--html", "no/such/dir/x.html"], "directory that does not exist"),
        ([], "the following arguments are required: RULE"),
    ],
)
def test_mistakes_are_one_sentence_and_status_2(here, capsys, arguments, message):
    status, out, err = run(capsys, *arguments)
    assert (status, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_an_error_is_a_verdict_in_json(here, capsys):
    status, out, _ = run(capsys, "rules_of_a_user:raises", "--json")
    assert status == 2
    assert json.loads(out)["lossless"] is None


def test_samples_for_what_can_not_be_driven(here, capsys):
    (here / "rules_of_a_user.py").write_text(
        dedent(SOURCE)
        + dedent(
            """
            def race(p, q, rng):
                with np.errstate(divide="ignore"):
                    return int(np.argmax(np.log(p) + rng.gumbel(size=p.size)))
            """
        )
    )
    status, out, _ = run(capsys, "rules_of_a_user:race", "--samples", "3000", "--examples", "2")
    assert status == 0
    assert "not refuted (statistical)" in out
    assert "may exist" in out


def test_help_says_what_the_exit_status_means(here, capsys):
    with pytest.raises(SystemExit):
        main(["audit", "--help"])
    assert "1  refuted" in capsys.readouterr().out
