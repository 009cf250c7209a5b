"""Profiles of hypothesis for every test.

``default`` is derandomised, so a run says the same thing twice; ``ci`` draws fresh examples, five
times as many.
Choose with ``HYPOTHESIS_PROFILE=ci``.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_SLOW_IS_FINE = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]

settings.register_profile(
    "default",
    deadline=None,
    derandomize=True,
    max_examples=200,
    database=None,
    suppress_health_check=_SLOW_IS_FINE,
)
settings.register_profile(
    "ci", deadline=None, max_examples=1000, print_blob=True, suppress_health_check=_SLOW_IS_FINE
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
