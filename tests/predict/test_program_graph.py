"""The text of a graph becomes a table: kinds, shapes, counts, edges; loops count as often as they run."""

import pandas as pd
import pytest

from helpers.predict.programs.graph import COLUMNS, UnknownLoop, operators

LAYER = """\
HloModule jit_f

relu.1 {
  Arg_0.1 = f32[8,4]{1,0} parameter(0)
  constant.1 = f32[] constant(0)
  broadcast.1 = f32[8,4]{1,0} broadcast(constant.1), dimensions={}
  ROOT max.1 = f32[8,4]{1,0} maximum(Arg_0.1, broadcast.1)
}

ENTRY main.2 {
  x.1 = f32[8,3]{1,0} parameter(0)
  w.1 = f32[3,4]{1,0} parameter(1)
  dot.1 = f32[8,4]{1,0} dot(x.1, w.1), lhs_contracting_dims={1}, rhs_contracting_dims={0}
  call.1 = f32[8,4]{1,0} call(dot.1), to_apply=relu.1
  call.2 = f32[8,4]{1,0} call(call.1), to_apply=relu.1
  ROOT tuple.1 = (f32[8,4]{1,0}) tuple(call.2)
}
"""

LOOP = """\
HloModule jit_g

body.1 {
  state.1 = (s32[], f32[16]{0}) parameter(0)
  i.1 = s32[] get-tuple-element(state.1), index=0
  one.1 = s32[] constant(1)
  next.1 = s32[] add(i.1, one.1)
  h.1 = f32[16]{0} get-tuple-element(state.1), index=1
  tanh.1 = f32[16]{0} tanh(h.1)
  ROOT out.1 = (s32[], f32[16]{0}) tuple(next.1, tanh.1)
}

condition.1 {
  state.2 = (s32[], f32[16]{0}) parameter(0)
  i.2 = s32[] get-tuple-element(state.2), index=0
  limit.1 = s32[] LIMIT
  ROOT lt.1 = pred[] compare(i.2, limit.1), direction=LT
}

ENTRY main.3 {
  x.1 = f32[16]{0} parameter(0)
  zero.1 = s32[] constant(0)
  start.1 = (s32[], f32[16]{0}) tuple(zero.1, x.1)
  while.1 = (s32[], f32[16]{0}) while(start.1), condition=condition.1, body=body.1
  ROOT end.1 = f32[16]{0} get-tuple-element(while.1), index=1
}
"""


def row(table, kind):
    return table[table["kind"] == kind].iloc[0]


def test_a_product_has_its_shape_its_operations_and_its_bytes():
    table, _ = operators(LAYER)
    dot = row(table, "dot")

    assert (1, 8, 4, 3) == tuple(dot[["batch", "rows", "columns", "depth"]])
    assert 2 * 8 * 4 * 3 == dot["work"]
    assert 4 * (8 * 3 + 3 * 4) == dot["bytes_in"]
    assert 4 * 8 * 4 == dot["bytes_out"]


def test_equal_operators_are_one_row_that_counts_every_call():
    table, _ = operators(LAYER)

    assert 2 == row(table, "maximum")["calls"]
    assert list(COLUMNS) == list(table.columns)


def test_edges_are_drawn_through_calls_and_past_what_moves_nothing():
    table, edges = operators(LAYER)
    kinds = table["kind"]
    named = {
        (kinds[e.source], kinds[e.target]): e.count
        for e in map(pd.Series, edges.to_dict("records"))
    }

    assert {("dot", "maximum"), ("broadcast", "maximum"), ("maximum", "maximum")} == set(named)


def test_the_body_of_a_loop_counts_as_often_as_the_loop_runs():
    table, _ = operators(LOOP.replace("LIMIT", "constant(24)"))

    assert 24 == row(table, "tanh")["calls"]
    assert 24 == row(table, "loop")["calls"]


def test_a_loop_whose_end_depends_on_data_is_refused_with_a_remedy():
    text = LOOP.replace("limit.1 = s32[] LIMIT", "limit.1 = s32[] add(i.2, i.2)")

    with pytest.raises(UnknownLoop, match="measure the program once"):
        operators(text)


def test_what_is_no_graph_is_refused():
    with pytest.raises(ValueError, match="ENTRY"):
        operators("hello")


def test_a_window_larger_than_its_image_is_another_kind():
    text = """\
HloModule jit_h

ENTRY main.1 {
  x.1 = f32[2,4,4,3]{3,2,1,0} parameter(0)
  w.1 = f32[5,5,3,6]{3,2,1,0} parameter(1)
  ROOT c.1 = f32[2,4,4,6]{3,2,1,0} convolution(x.1, w.1), window={size=5x5 pad=2_2x2_2}, dim_labels=b01f_01io->b01f
}
"""
    table, _ = operators(text)
    conv = row(table, "convolution, small image")

    assert (32, 6, 75, 25) == tuple(conv[["rows", "columns", "depth", "window"]])
    assert 2 * 32 * 6 * 75 == conv["work"]


def convolved(inputs, outputs, edge=8):
    return f"""\
HloModule jit_h

ENTRY main.1 {{
  x.1 = f32[2,{edge},{edge},{inputs}]{{3,2,1,0}} parameter(0)
  w.1 = f32[3,3,{inputs},{outputs}]{{3,2,1,0}} parameter(1)
  ROOT c.1 = f32[2,{edge},{edge},{outputs}]{{3,2,1,0}} convolution(x.1, w.1), window={{size=3x3 pad=1_1x1_1}}, dim_labels=b01f_01io->b01f
}}
"""


@pytest.mark.parametrize(
    ("inputs", "outputs", "kind"),
    [
        (8, 16, "convolution, few channels"),
        (3, 17, "convolution, thin and narrow"),
        (3, 25, "convolution, thin"),
        (7, 17, "convolution, odd channels"),
        (18, 8, "convolution"),
    ],
)
def test_a_convolution_is_of_the_kind_of_the_kernel_that_computes_it(inputs, outputs, kind):
    table, _ = operators(convolved(inputs, outputs))

    assert kind in set(table["kind"])


@pytest.mark.parametrize(
    ("left", "right", "sums", "kind"),
    [
        ("8,3", "3,4", (1, 0), "dot"),
        ("8,3", "4,3", (1, 1), "dot, right transposed"),
        ("3,8", "3,4", (0, 0), "dot, left transposed"),
        ("1,3", "3,4", (1, 0), "dot, vector"),
    ],
)
def test_a_product_is_of_the_kind_of_its_layout(left, right, sums, kind):
    rows, columns = (8 if left != "1,3" else 1), 4
    text = f"""\
HloModule jit_h

ENTRY main.1 {{
  x.1 = f32[{left}]{{1,0}} parameter(0)
  w.1 = f32[{right}]{{1,0}} parameter(1)
  ROOT d.1 = f32[{rows},{columns}]{{1,0}} dot(x.1, w.1), lhs_contracting_dims={{{sums[0]}}}, rhs_contracting_dims={{{sums[1]}}}
}}
"""
    table, _ = operators(text)

    assert kind in set(table["kind"])
