"""The pytest plugin, in pytest runs of its own."""

from __future__ import annotations

import pytest

import specsim.testing  # noqa: F401  (numpy can't be imported anew in every inner run)

pytest_plugins = ["pytester"]

OPTIONS = ("-p", "no:cacheprovider", "--strict-markers")


@pytest.fixture
def run(pytester):
    """Write a test file and run it; the plugin is there because the package is installed."""

    def call(text, *options):
        pytester.makepyfile(text)
        return pytester.runpytest_inprocess(*OPTIONS, *options)

    return call


def test_the_fixture_passes_a_lossless_rule(run):
    result = run(
        """
        from theory.couplings import Maximal

        def test_rule(audit):
            verdict = audit(Maximal(), examples=3)
            assert verdict.status == "lossless on all examples (exact)"
        """
    )
    result.assert_outcomes(passed=1)


def test_the_fixture_fails_with_the_counterexample_and_nothing_else(run):
    result = run(
        """
        def always(p, drafts, law, chance):
            return drafts[0]

        def test_rule(audit):
            audit(always, drafts=1)
        """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*always: refuted: not lossless*", "*too much: token *"])
    result.stdout.no_fnmatch_line("*exact_audit.py*")


def test_the_marker_audits_what_the_test_returns(run):
    result = run(
        """
        import pytest
        from theory.couplings import Maximal

        @pytest.mark.lossless(examples=3, laws="iid", drafts=1)
        def test_right():
            return Maximal()

        @pytest.mark.lossless(drafts=1)
        def test_wrong():
            return lambda p, drafts, law, chance: drafts[0]

        @pytest.mark.lossless
        def test_nothing():
            pass
        """
    )
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(["*it has to return the rule; it returned None*"])


def test_the_marker_works_with_fixtures_and_parameters(run):
    result = run(
        """
        import pytest
        from theory.couplings import Maximal, Recursive

        @pytest.fixture
        def make():
            return lambda kind: kind()

        @pytest.mark.lossless(examples=3, laws="iid")
        @pytest.mark.parametrize("kind", [Maximal, Recursive])
        def test_rule(make, kind):
            return make(kind)
        """
    )
    result.assert_outcomes(passed=2)


def test_the_marker_takes_no_positions(run):
    result = run(
        """
        import pytest

        @pytest.mark.lossless(3)
        def test_rule():
            return None
        """
    )
    assert result.ret != 0
    result.stdout.fnmatch_lines(["*takes options by name only*"])


def test_a_line_for_every_rule_when_verbose(run):
    result = run(
        """
        from theory.couplings import Maximal

        def test_rule(audit):
            audit(Maximal(), examples=3, laws="iid", drafts=1)
        """,
        "-v",
    )
    result.stdout.fnmatch_lines(
        ["*audited rules*", "Maximal: lossless on all examples (exact) (3 examples, * s)"]
    )


def test_other_tests_are_left_alone(run):
    result = run("def test_plain():\n    assert True\n")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*audited rules*")


def test_the_marker_is_documented(run):
    run("", "--markers").stdout.fnmatch_lines(["*lossless(**options): audit the verification rule*"])
