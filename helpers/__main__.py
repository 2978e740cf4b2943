"""``python -m helpers`` is the command ``clean-hours``."""

import sys

from helpers.operate.cli import main

if __name__ == "__main__":
    sys.exit(main())
