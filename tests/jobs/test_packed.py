"""A packed column is the numbers that were put into it, in fewer bytes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from helpers.jobs._packed import Packed

NEAR = st.one_of(
    st.integers(0, 300).map(float),
    st.sampled_from([np.nan, 1.7e9, 255.0, 256.0, 65_535.0, 2.0**32, 2.0**53]),
)
FLOATS = st.one_of(
    arrays.arrays(np.float64, st.integers(0, 40)),
    arrays.arrays(np.float64, st.integers(0, 40), elements=NEAR),
)
WHOLE = st.one_of(
    *(
        arrays.arrays(kind, st.integers(0, 40), elements=values)
        for kind in (np.int64, np.int32, np.uint32, np.bool_)
        for values in (None, st.integers(0, 1) if kind is np.bool_ else st.integers(0, 70_000))
    )
)


def packed(pieces, **keywords):
    column = Packed(pieces[0].dtype, **keywords)
    for piece in pieces:
        column.append(piece)
    return column


@given(st.data(), st.one_of(FLOATS, WHOLE), st.booleans())
def test_what_is_packed_comes_out_as_it_was(data, first, pattern):
    kind = FLOATS if first.dtype == np.float64 else WHOLE.filter(lambda x: x.dtype == first.dtype)
    pieces = [first, *data.draw(st.lists(kind, max_size=3))]
    every = np.concatenate(pieces)
    column = packed(pieces, pattern=pattern)

    np.testing.assert_array_equal(every, column.values)
    assert every.dtype == column.values.dtype
    assert len(every) == len(column)
    places = data.draw(st.lists(st.integers(0, max(len(every) - 1, 0)), max_size=9))
    places = np.array(places if len(every) else [], dtype=np.int64)
    np.testing.assert_array_equal(every[places], column.at(places))
    assert bool((every[1:] > every[:-1]).all()) == column.increases()


@given(FLOATS, FLOATS)
def test_other_values_take_the_place_of_all(first, second):
    column = packed([first, second])
    other = np.arange(len(first) + len(second), dtype=np.float64) / 3
    column.put(other)

    assert [len(first), len(second)] == column.sizes
    np.testing.assert_array_equal(other, column.values)


@pytest.mark.parametrize(
    ("values", "nbytes"),
    [
        (np.full(1000, np.nan), 0),
        (np.full(1000, 1.5), 0),
        (1.7e9 + np.arange(1000.0) * 200, 999),
        (np.arange(1000)[::-1] * 60.0, 2000),
        (np.where(np.arange(1000) % 2, np.nan, 1000.0 - np.arange(1000)), 2000),
        (np.arange(1000)[::-1] * 1e5, 4000),
        (np.arange(1000.0) / 7, 8000),
        (np.arange(1000) + 2**60, 999),
        (np.arange(1000) % 255, 1000),
        (np.append(np.arange(255.0), np.nan), 256),
        (np.append(np.arange(256.0)[::-1], np.nan), 2 * 257),
    ],
)
def test_a_piece_takes_as_few_bytes_as_its_values_need(values, nbytes):
    column = packed([values])

    assert nbytes == column.nbytes
    np.testing.assert_array_equal(values, column.values)


def test_a_pattern_is_squeezed():
    values = np.tile(np.arange(3), 4000)

    assert 12_000 == packed([values]).nbytes
    assert packed([values], pattern=True).nbytes < 200
