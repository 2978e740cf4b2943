"""What a figure draws, handed over beside its picture: as PDF, as SVG, and as a table (CSV).

`pipeline.py` has a chapter's kernel import this module before the chapter's own cells. The table
has a row for each point, step, bar, segment or field that is drawn, in the units of the axes.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from itertools import pairwise

import numpy as np

HEAD = ("panel", "x axis", "y axis", "kind", "series", "x", "x end", "y", "y end", "value", "every")
#: More points of one line than this are thinned; the column "every" says to which.
MOST_POINTS = 5_000


def hand_over(shell) -> None:
    """Have a kernel hand each figure over as PNG and PDF, as SVG and as a table."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    plots = shell.config.InlineBackend
    plots.figure_formats = {"png", "pdf"}
    plots.print_figure_kwargs = {"bbox_inches": "tight", "metadata": {"CreationDate": None}}
    mpl.rcParams["svg.hashsalt"] = "clean hours"  # the same figure gives the same bytes

    def more(figure: Figure, include: object = None, exclude: object = None) -> dict[str, str]:
        drawn = io.BytesIO()
        figure.savefig(drawn, format="svg", bbox_inches="tight", metadata={"Date": None})
        return {"image/svg+xml": drawn.getvalue().decode(), "text/csv": as_csv(figure)}

    shell.display_formatter.mimebundle_formatter.for_type(Figure, more)


def as_csv(figure) -> str:
    """Return what a figure draws, a row a point, step, bar, segment or field."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEAD)
    for number, axes in enumerate(figure.axes, start=1):
        panel = axes.get_title(loc="left") or axes.get_title() or str(number)
        names = (panel, axes.get_xlabel(), axes.get_ylabel())
        within = {part: whole for whole in axes.containers for part in whole if part is not None}
        for artist in axes.get_children():
            labels = (str(a.get_label()) for a in (artist, within.get(artist, artist)))
            series = next((label for label in labels if not label.startswith("_")), "")
            for kind, x, y, value, every in _rows(artist, axes):
                ends = (_said(x, axes.xaxis), _said(y, axes.yaxis))
                row = (kind, series, *ends[0], *ends[1], _number(value), every)
                writer.writerow([*names, *row])
    return text.getvalue()


Row = tuple[str, tuple[float, ...], tuple[float, ...], float | None, int]


def _rows(artist, axes) -> Iterator[Row]:
    """Yield what an artist draws: kind, x (or both ends), y (or both ends), value, thinning."""
    from matplotlib import collections, image, lines, patches

    known = (image.AxesImage, collections.Collection, lines.Line2D, patches.Patch)
    if not isinstance(artist, known):
        return  # axes, texts, legends
    in_x, in_y = artist.get_transform().contains_branch_seperately(axes.transData)
    if isinstance(artist, image.AxesImage):
        yield from _fields(artist.get_array(), *_borders(artist))
    elif isinstance(artist, collections.QuadMesh):
        corners = artist.get_coordinates()
        yield from _fields(artist.get_array(), corners[0, :, 0], corners[:, 0, 1])
    elif isinstance(artist, collections.PathCollection):
        for x, y in np.asarray(artist.get_offsets(), float):
            yield "point", (x,), (y,), None, 1
    elif not in_x and not in_y:
        return  # a background, a legend's key: nothing in the units of the axes
    elif isinstance(artist, lines.Line2D):
        x, y = (np.asarray(values, float) for values in artist.get_data(orig=False))
        every = max(1, -(-x.size // MOST_POINTS))
        for one_x, one_y in zip(x[::every], y[::every], strict=True):
            yield "line", (one_x,) if in_x else (), (one_y,) if in_y else (), None, every
    elif isinstance(artist, patches.StepPatch):
        values, edges, _ = artist.get_data()
        lying = artist.orientation == "horizontal"
        for left, right, value in zip(edges[:-1], edges[1:], values, strict=True):
            along, across = (left, right), (value,)
            yield "step", across if lying else along, along if lying else across, None, 1
    elif isinstance(artist, patches.Rectangle):
        box = artist.get_bbox()
        x, y = (box.x0, box.x1), (box.y0, box.y1)
        yield "bar", x if in_x else (), y if in_y else (), None, 1
    elif isinstance(artist, collections.LineCollection):
        for segment in artist.get_segments():
            for (x, y), (x_end, y_end) in pairwise(segment):
                yield "segment", (x, x_end), (y, y_end), None, 1
    elif isinstance(artist, collections.PolyCollection):
        for path in artist.get_paths():
            for x, y in path.vertices:
                yield "outline", (x,), (y,), None, 1


def _borders(picture) -> tuple[np.ndarray, np.ndarray]:
    """Return the borders of an image's fields along x and along y, in the order of its array."""
    rows, columns = picture.get_array().shape[:2]
    left, right, bottom, top = picture.get_extent()
    upper = picture.origin == "upper"
    y = np.linspace(top, bottom, rows + 1) if upper else np.linspace(bottom, top, rows + 1)
    return np.linspace(left, right, columns + 1), y


def _fields(values, x: np.ndarray, y: np.ndarray) -> Iterator[Row]:
    if values is None or np.ndim(values) != 2:
        return
    table = np.ma.filled(np.ma.asarray(values, float), np.nan)
    for row in range(table.shape[0]):
        for column in range(table.shape[1]):
            across, along = (x[column], x[column + 1]), (y[row], y[row + 1])
            yield "field", across, along, float(table[row, column]), 1


def _said(ends: tuple[float, ...], axis) -> tuple[str, str]:
    """Write a value, or both ends, as the axis reads it: an instant where it holds dates."""
    converter = type(axis.get_converter()).__name__  # matplotlib's own, or that of pandas
    write = _instant if "Date" in converter else _number
    first, last = (*map(write, ends), "", "")[:2]
    return first, last


def _instant(value: float) -> str:
    from matplotlib import dates

    return dates.num2date(value).isoformat(timespec="seconds") if np.isfinite(value) else ""


def _number(value: float | None) -> str:
    return "" if value is None or not np.isfinite(value) else f"{value:.6g}"
