"""One style for every figure, one meaning a colour through the whole book.

The colours are those of Okabe and Ito's set, told apart by readers with any common form of
colour blindness (Okabe, Ito 2008, 'Color Universal Design'). Call `use_style` once at the top
of a chapter; take colours by their meaning from `COLORS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

__all__ = [
    "COLORS",
    "WIDE",
    "duration_axis",
    "ecdf",
    "heatmap",
    "label_line",
    "say",
    "use_style",
]

#: Figure size [inch] of a full-width figure; text stays readable when shown 400 px wide.
WIDE = (7.2, 3.6)

#: Colour by meaning. Each meaning keeps its colour in every chapter.
COLORS: Mapping[str, str] = MappingProxyType(
    {
        # intensity
        "average": "#0072B2",
        "marginal": "#D55E00",
        "forecast": "#CC79A7",
        "green": "#009E73",
        # jobs and their states
        "jobs": "#0072B2",
        "completed": "#009E73",
        "failed": "#D55E00",
        "cancelled": "#E69F00",
        "timeout": "#CC79A7",
        "partial": "#56B4E9",
        # what a machine does
        "work": "#0072B2",
        "startup": "#E69F00",
        "end": "#56B4E9",
        "idle": "#999999",
        # comparisons
        "baseline": "#555555",
        "model": "#D55E00",
        "rest": "#BBBBBB",
        # what stands beside jobs: how they were submitted, what they weigh, another log
        "batches": "#009E73",
        "core_hours": "#D55E00",
        "second": "#E69F00",
    }
)

_STYLE = {
    "axes.axisbelow": True,
    "axes.edgecolor": "#555555",
    "axes.grid": True,
    "axes.labelcolor": "#222222",
    "axes.labelsize": 10.5,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "figure.constrained_layout.use": True,
    "figure.dpi": 150,
    "figure.facecolor": "white",
    "figure.figsize": WIDE,
    "font.family": "DejaVu Sans",
    "font.size": 10.5,
    "grid.color": "#E3E3E3",
    "grid.linewidth": 0.7,
    "image.cmap": "cividis",
    "legend.fontsize": 9.5,
    "legend.frameon": False,
    "lines.linewidth": 1.7,
    "pdf.fonttype": 42,
    "svg.hashsalt": "clean-hours",
    "xtick.color": "#444444",
    "ytick.color": "#444444",
}


def use_style() -> None:
    """Set the book's style for all figures drawn from here on in this process."""
    import matplotlib as mpl
    from cycler import cycler

    order = ("average", "marginal", "green", "timeout", "cancelled", "partial", "baseline")
    mpl.rcParams.update(_STYLE)
    mpl.rcParams["axes.prop_cycle"] = cycler(color=[COLORS[name] for name in order])


def ecdf(ax: Axes, values: ArrayLike, *, weights: ArrayLike | None = None, **line) -> Axes:
    """Draw the share of values (or of their weights) at or below x.

    Parameters
    ----------
    ax : Axes
        Where to draw.
    values : array_like, shape (n,)
        Finite numbers, in the unit of the x axis.
    weights : array_like, shape (n,), optional
        Non-negative weight of each value, for example its core-hours [h].
    **line
        Passed to ``Axes.step`` (colour, label, ...).

    Returns
    -------
    Axes
        The same axes.

    Raises
    ------
    ValueError
        If there are no values or one of them is not finite: select them before.
    """
    x = np.asarray(values, dtype=float)
    if x.size == 0 or not np.isfinite(x).all():
        bad = int(x.size - np.isfinite(x).sum())
        raise ValueError(
            f"ecdf needs finite values, got {x.size} of which {bad} are not: "
            "drop and count them before."
        )
    w = np.ones_like(x) if weights is None else np.asarray(weights, dtype=float)
    order = np.argsort(x, kind="stable")
    share = np.cumsum(w[order]) / w.sum()
    # One point a distinct value: what lies between equal values is no information.
    last = np.append(np.diff(x[order]) > 0, True)
    ax.step(x[order][last], share[last], where="post", **line)
    ax.set_ylim(0, 1.01)
    return ax


def label_line(ax: Axes, x: float, y: float, text: str, color: str, **kwargs) -> None:
    """Write a line's name beside its end, in its colour, instead of a legend."""
    ax.annotate(
        text,
        (x, y),
        xytext=kwargs.pop("xytext", (4, 0)),
        textcoords="offset points",
        color=color,
        va=kwargs.pop("va", "center"),
        fontsize=kwargs.pop("fontsize", 9.5),
        annotation_clip=False,
        **kwargs,
    )


def heatmap(ax: Axes, values: ArrayLike, *, label: str, **mesh):
    """Draw a matrix as coloured cells with a labelled colour bar.

    Parameters
    ----------
    ax : Axes
        Where to draw.
    values : array_like, shape (rows, columns)
        The matrix; the first row is drawn at the top.
    label : str
        Quantity and unit of the values, for the colour bar.
    **mesh
        Passed to ``Axes.imshow``.

    Returns
    -------
    AxesImage
        The drawn cells.
    """
    ax.grid(False)
    image = ax.imshow(values, aspect=mesh.pop("aspect", "auto"), **mesh)
    ax.figure.colorbar(image, ax=ax, label=label, pad=0.02)
    return image


_DURATIONS = {
    "1 s": 1.0,
    "10 s": 10.0,
    "1 min": 60.0,
    "10 min": 600.0,
    "1 h": 3600.0,
    "6 h": 21_600.0,
    "1 d": 86_400.0,
    "1 week": 604_800.0,
}


def duration_axis(ax: Axes, axis: str = "x") -> None:
    """Make an axis of durations [s] logarithmic, with ticks at 1 s, 1 min, 1 h, 1 d, ...

    Parameters
    ----------
    ax : Axes
        Whose axis.
    axis : {"x", "y"}
        Which of its axes.

    Raises
    ------
    ValueError
        If `axis` is neither.
    """
    if axis not in ("x", "y"):
        raise ValueError(f"axis is {axis!r}: it must be 'x' or 'y'.")
    getattr(ax, f"set_{axis}scale")("log")
    getattr(ax, f"set_{axis}ticks")(list(_DURATIONS.values()), list(_DURATIONS))
    getattr(ax, f"{axis}axis").minorticks_off()


def say(ax: Axes, text: str) -> None:
    """Write in an empty panel why nothing is drawn in it."""
    ax.text(
        0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", color=COLORS["baseline"]
    )
    ax.set(xticks=[], yticks=[])
