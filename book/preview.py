"""Draw the picture that a link to the book shows elsewhere: ``python book/preview.py``.

A week of the German grid with its cleanest hours shaded, on the book's colours; written to
``book/_static/preview.png``, 1200 x 630 pixels.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd

from helpers import datasets
from helpers.figures import COLORS, use_style

WEEK = pd.to_datetime(["2020-06-15T22Z", "2020-06-22T22Z"], utc=True)
TARGET = Path(__file__).parent / "_static" / "preview.png"


def draw(target: Path = TARGET) -> None:
    """Draw and write the picture."""
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    use_style()
    week = datasets.carbon_intensity("DE", 2020).window(*WEEK)
    hours = (week.edges_s - week.edges_s[0]) / 3600
    grams = week.intensity_g_per_kwh
    clean = grams <= np.quantile(grams, 0.3)
    fig = plt.figure(layout="none", figsize=(12, 6.3), dpi=100, facecolor="white")
    ax = fig.add_axes((0, 0.06, 1, 0.58))
    for start, stop, is_clean in zip(hours[:-1], hours[1:], clean, strict=True):
        if is_clean:
            ax.axvspan(start, stop, color=COLORS["green"], alpha=0.28, lw=0)
    ax.stairs(grams, hours, color=COLORS["average"], lw=4)
    ax.set(xlim=(0, hours[-1]), ylim=(0, grams.max() * 1.05))
    ax.axis("off")
    fig.text(0.05, 0.86, "Clean Hours", fontsize=58, fontweight="bold", color="#1c2733")
    question = "When should a batch job run, pause and resume\nto cause the least CO2e?"
    fig.text(0.05, 0.69, question, fontsize=26, color="#33414e", linespacing=1.35)
    fig.savefig(target, metadata={"Software": None}, pil_kwargs={"optimize": True})


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__.split("\n")[0]).parse_args()
    draw()
