"""The small clusters and workloads of the tests of `helpers.cluster` are those of this folder, too."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "cluster"))
