"""From a trace to the report: acceptance of every known rule, the best possible, and the gap.

:func:`evaluate` computes, :func:`results` averages, :func:`write_report` makes files. All numbers say whether
they are exact, an interval or an estimate; ``docs/report.md`` says what each means.
"""

from specsim.report.audit import Audit as Audit
from specsim.report.audit import RuleAboveBound as RuleAboveBound
from specsim.report.audit import Tally as Tally
from specsim.report.demand import Demand as Demand
from specsim.report.evaluate import evaluate as evaluate
from specsim.report.evaluate import evaluate_stream as evaluate_stream
from specsim.report.evaluation import Evaluation as Evaluation
from specsim.report.evaluation import Plan as Plan
from specsim.report.files import write_report as write_report
from specsim.report.methods import BOUND as BOUND
from specsim.report.methods import Method as Method
from specsim.report.methods import methods as methods
from specsim.report.page import Subject as Subject
from specsim.report.pairs import evaluate_pairs as evaluate_pairs
from specsim.report.results import Mean as Mean
from specsim.report.results import Result as Result
from specsim.report.results import results as results
from specsim.report.running import RunningMeans as RunningMeans

__all__ = [
    "BOUND",
    "Audit",
    "Demand",
    "Evaluation",
    "Mean",
    "Method",
    "Plan",
    "Result",
    "RuleAboveBound",
    "RunningMeans",
    "Subject",
    "Tally",
    "evaluate",
    "evaluate_pairs",
    "evaluate_stream",
    "methods",
    "results",
    "write_report",
]
