"""Laws recovered from controlled executions, against laws that are known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from specsim.testing.blackbox.drive import MAX_REQUESTS, Drive, NotDrivable
from specsim.testing.blackbox.extraction import Effort, extract


def assert_law(extraction, expected):
    found = extraction.law()
    assert set(found) == set(expected)
    assert extraction.error < 1e-9
    for outcome, mass in expected.items():
        assert abs(found[outcome] - mass) <= extraction.error + 1e-12


def test_one_threshold():
    assert_law(extract(lambda drive: drive.uniform() < 0.3), {True: 0.3, False: 0.7})


def test_no_randomness():
    extraction = extract(lambda drive: "always")
    assert extraction.law() == {"always": 1.0}
    assert extraction.error == 0


def test_choices_by_their_stated_probabilities():
    assert_law(extract(lambda drive: drive.choose([0.5, 0.0, 0.25, 0.25])), {0: 0.5, 2: 0.25, 3: 0.25})


def test_inverse_of_a_cumulative_sum():
    edges = np.cumsum([0.1, 0.2, 0.3, 0.4])

    def draw(drive):
        return int(np.searchsorted(edges, drive.uniform(), side="right"))

    assert_law(extract(draw), {0: 0.1, 1: 0.2, 2: 0.3, 3: 0.4})


def test_numbers_that_are_asked_for_only_sometimes():
    def accept_or_draw(drive):
        if drive.uniform() < 0.25:
            return "accepted"
        return "low" if drive.uniform() < 0.5 else "high"

    assert_law(extract(accept_or_draw), {"accepted": 0.25, "low": 0.375, "high": 0.375})


def test_regions_that_are_no_boxes():
    # token if either number is small: an L, whose product of extents would be everything
    def either(drive):
        first, second = drive.uniform(), drive.uniform()
        return first < 0.3 or second < 0.4

    assert_law(extract(either), {True: 1 - 0.7 * 0.6, False: 0.7 * 0.6})


def test_one_number_for_two_purposes():
    def reused(drive):
        number = drive.uniform()
        return (number < 0.5, number < 0.2)

    assert_law(extract(reused), {(True, True): 0.2, (True, False): 0.3, (False, False): 0.5})


def test_probabilities_that_depend_on_an_earlier_number():
    def branching(drive):
        bias = 0.9 if drive.uniform() < 0.5 else 0.2
        return drive.choose([1 - bias, bias])

    assert_law(extract(branching), {1: 0.55, 0: 0.45})


@pytest.mark.parametrize("width", [1e-3, 1e-6, 1e-9])
def test_narrow_outer_pieces_are_seen_at_corners(width):
    assert_law(extract(lambda drive: drive.uniform() < width), {True: width, False: 1 - width})


def test_the_stated_precision_is_kept():
    for resolution in (2.0**-20, 2.0**-40):
        extraction = extract(lambda drive: drive.uniform() < math.pi / 4, Effort(resolution=resolution))
        assert extraction.error <= 2 * resolution
        assert abs(extraction.law()[True] - math.pi / 4) <= extraction.error


def test_a_lattice_of_numbers_widens_the_error():
    extraction = extract(lambda drive: drive.uniform(2.0**-24) < 0.3)
    assert 2.0**-24 <= extraction.error < 2.0**-22
    assert abs(extraction.law()[True] - 0.3) <= extraction.error


def test_slack_is_part_of_the_error():
    assert extract(lambda drive: drive.uniform() < 0.5, Effort(slack=1e-5)).error >= 1e-5


def test_ends_of_the_range_are_tried():
    edges = extract(lambda drive: drive.uniform() <= 0.0).edges
    assert (True, 0.0) in edges
    assert all(outcome is False for outcome, value in edges if value > 0)


def race(drive):
    """The argmin of exponentials: every threshold moves with the other numbers."""
    clocks = [-math.log1p(-drive.uniform()) / rate for rate in (0.5, 0.3, 0.2)]
    return int(np.argmin(clocks))


def test_laws_without_constant_pieces_are_given_up():
    with pytest.raises(NotDrivable, match=r"was not resolved into constant pieces after \d+ runs"):
        extract(race, Effort(max_runs=2_000))


def test_what_is_resolved_of_them_is_right_within_its_error():
    extraction = extract(race, Effort(max_runs=4_000, allowed_error=0.5))
    for outcome, mass in enumerate((0.5, 0.3, 0.2)):
        assert abs(extraction.law()[outcome] - mass) <= extraction.error


def test_a_second_source_of_randomness_is_noticed():
    rng = np.random.default_rng(0)
    with pytest.raises(NotDrivable, match="second source of randomness"):
        extract(lambda drive: (drive.uniform() < 0.5, rng.random()))


def test_loops_that_no_number_ends_are_noticed():
    def forever(drive):
        while drive.uniform() < 2:
            pass

    with pytest.raises(NotDrivable, match=f"more than {MAX_REQUESTS} random numbers"):
        extract(forever)


def test_loops_that_end_are_resolved_to_their_tail():
    def until_heads(drive):
        tails = 0
        while drive.choose([0.5, 0.5]):
            tails += 1
        return min(tails, 2)

    found = extract(until_heads, Effort(max_runs=2_000)).law()
    assert found[0] == pytest.approx(0.5, abs=1e-6)
    assert found[2] == pytest.approx(0.25, abs=1e-6)


def test_bad_probabilities_are_the_functions_own_mistake():
    with pytest.raises(ValueError, match="probabilities that sum to 1"):
        extract(lambda drive: drive.choose([0.5, 0.25]))


def test_probes_that_miss_are_as_rare_as_stated():
    # a region of mass m in the middle escapes with probability at most exp(-m probes): 128 * 0.2 -> 8e-12
    def hidden(drive):
        return 0.4 < drive.uniform() < 0.6

    assert_law(extract(hidden), {True: 0.2, False: 0.8})


def test_a_drive_says_what_was_asked():
    drive = Drive(lambda position: 0.5, {1: 2})
    assert (drive.uniform(), drive.choose([0.2, 0.3, 0.5]), drive.uniform()) == (0.5, 2, 0.5)
    assert [request.probabilities for request in drive.requests] == [None, (0.2, 0.3, 0.5), None]
