"""Black boxes: functions that own their randomness, by exact extraction of their law or by statistics.

:func:`torch_rule` and :func:`jax_rule` make rules of functions of those libraries, to be passed to
:func:`specsim.testing.audit`; functions of numpy arrays and a generator are recognised without. The parts
are public too: :func:`extract` recovers the law of any function of a :class:`DrivenGenerator`'s drive, and
for samples that come from elsewhere (a kernel on a device, a log) there are :func:`multinomial_test` and
:class:`Evidence`.
"""

from specsim.testing.blackbox.drive import Drive, NotDrivable
from specsim.testing.blackbox.evidence import Evidence
from specsim.testing.blackbox.extraction import Effort, Extraction, extract
from specsim.testing.blackbox.generator import DrivenGenerator
from specsim.testing.blackbox.jax_backend import jax_rule
from specsim.testing.blackbox.multinomial import MultinomialTest, multinomial_test
from specsim.testing.blackbox.statistical import Budget
from specsim.testing.blackbox.torch_backend import torch_rule

__all__ = [
    "Budget",
    "Drive",
    "DrivenGenerator",
    "Effort",
    "Evidence",
    "Extraction",
    "MultinomialTest",
    "NotDrivable",
    "extract",
    "jax_rule",
    "multinomial_test",
    "torch_rule",
]
