"""Programs are drawn again by number and seed, and the stored tables are what they give."""

import pandas as pd
import pytest

from helpers import datasets
from helpers.predict.programs import describe
from helpers.predict.programs.describe import ONE_THREAD, compile_program, measure
from helpers.predict.programs.families import ALONE, FAMILIES, alone, build, downsized, draw

SEED = 17  # of the stored programs


def test_a_program_depends_on_its_number_and_the_seed_alone():
    assert draw(5, SEED) == draw(5, SEED)
    assert draw(5, SEED) != draw(5, SEED + 1)
    assert list(FAMILIES) == [draw(number).family for number in range(4)]


def test_a_part_of_a_program_has_a_part_of_its_batch_and_nothing_else_changes():
    program = next(p for p in map(draw, range(100)) if p.batch >= 8)

    assert program.batch // 8 == downsized(program, 8).batch
    assert program.width == downsized(program, 8).width


def test_more_parts_than_examples_are_refused_with_a_remedy():
    program = next(p for p in map(draw, range(100)) if p.batch == 1)

    with pytest.raises(ValueError, match="ask for fewer"):
        downsized(program, 2)


def test_the_stored_programs_are_those_that_are_drawn():
    facts = datasets.programs().facts

    for number in facts.index[:40]:
        program = draw(int(number), SEED)
        assert program.__dict__ == facts.loc[number, list(program.__dict__)].to_dict()


@pytest.mark.parametrize("number", range(4))
def test_a_program_traced_again_has_the_stored_operators(number):
    pytest.importorskip("jax", reason="JAX is not installed (extra `programs`)")
    function, arguments = build(draw(number, SEED))
    one = describe(function, *arguments, compiled=False)
    stored = datasets.programs().operators.query("program == @number").reset_index(drop=True)

    pd.testing.assert_frame_equal(
        stored, one.operators.assign(program=number)[stored.columns], check_dtype=False
    )


def test_a_call_is_timed_in_cpu_seconds_of_its_fastest():
    pytest.importorskip("jax", reason="JAX is not installed (extra `programs`)")
    function, arguments = build(draw(0, SEED))
    found = measure(compile_program(function, *arguments).call, *arguments, budget_s=0.01)

    assert 0 < found.run_s <= found.median_s
    assert "intra_op_parallelism_threads=1" in ONE_THREAD


def test_operators_alone_take_turns_and_depend_on_number_and_seed():
    drawn = [alone(number, SEED) for number in range(2 * len(ALONE))]

    assert list(ALONE) * 2 == [one.operator.removesuffix(", backwards") for one in drawn]
    assert drawn[5] == alone(5, SEED) != alone(5, SEED + 1)


@pytest.mark.parametrize("number", range(len(ALONE)))
def test_an_operator_alone_has_one_convolution_or_one_loop(number):
    pytest.importorskip("jax", reason="JAX is not installed (extra `programs`)")
    function, arguments = build(alone(number, SEED))
    kinds = describe(function, *arguments, compiled=False).operators["kind"]
    convolutions = kinds.str.startswith("convolution").sum()

    assert 1 == convolutions + ("loop" in set(kinds))
