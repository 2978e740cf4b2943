"""How long a program will run that never ran here: from its graph, with an interval.

===========  =====================================================================
module       what it holds
===========  =====================================================================
`families`   small programs of four families, drawn at random and built in JAX
`describe`   one's own function as a row, without running it; or measured
`graph`      HLO, the compiler's text of a program, as a table of operators
`table`      programs as tables: facts, operators, edges
`cost`       seconds per kind and amount of operator, none negative
`models`     black boxes on what an author says, the cost model, the hybrid
`predictor`  intervals that hold, and a flag where an estimate extrapolates
`trial`      seen programs, unseen families, learning curves
===========  =====================================================================
"""

from helpers.predict.programs.describe import describe
from helpers.predict.programs.graph import UnknownLoop
from helpers.predict.programs.models import MODELS
from helpers.predict.programs.predictor import ProgramPredictor, fit
from helpers.predict.programs.table import Programs

__all__ = ["MODELS", "ProgramPredictor", "Programs", "UnknownLoop", "describe", "fit"]
