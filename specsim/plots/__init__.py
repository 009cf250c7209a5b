"""The report's figures. Each function returns a matplotlib figure; :func:`save` writes it as PNG and PDF."""

from specsim.plots.acceptance import acceptance_figure as acceptance_figure
from specsim.plots.distance import distance_figure as distance_figure
from specsim.plots.gantt import gantt_figure as gantt_figure
from specsim.plots.gap import gap_figure as gap_figure
from specsim.plots.ladder import ladder_figure as ladder_figure
from specsim.plots.learning import learning_figure as learning_figure
from specsim.plots.lengths import phase_figure as phase_figure
from specsim.plots.lengths import policies_figure as policies_figure
from specsim.plots.parallel import parallel_figure as parallel_figure
from specsim.plots.serving import serving_figure as serving_figure
from specsim.plots.style import COLOURS as COLOURS
from specsim.plots.style import save as save
from specsim.plots.style import style as style

__all__ = [
    "COLOURS",
    "acceptance_figure",
    "distance_figure",
    "gantt_figure",
    "gap_figure",
    "ladder_figure",
    "learning_figure",
    "parallel_figure",
    "phase_figure",
    "policies_figure",
    "save",
    "serving_figure",
    "style",
]
