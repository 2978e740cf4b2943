"""Models of programs: unit costs are found again, intervals hold, what extrapolates is flagged."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers import datasets
from helpers.predict.programs import MODELS, ProgramPredictor, Programs, describe, fit
from helpers.predict.programs.cost import CostModel, amounts
from helpers.predict.programs.trial import by_small_runs, curve, percentage_errors, seen, unseen


@pytest.fixture(scope="module")
def known():
    programs = datasets.programs()
    full = programs.facts["parts"].to_numpy() == 1
    return programs.select(np.flatnonzero(full)[:240])


@pytest.fixture(scope="module")
def predictor(known):
    return fit(known, name="cost model")


def made(random, units, count=80):
    columns = pd.MultiIndex.from_product(
        [["dot", "tanh"], ["calls", "work"]], names=["kind", "amount"]
    )
    table = pd.DataFrame(random.uniform(1, 1000, (count, 4)), columns=columns)
    return table, 5e-6 + table.to_numpy() @ units


@given(st.lists(st.floats(1e-9, 1e-6), min_size=4, max_size=4), st.integers(0, 1000))
def test_unit_costs_that_made_run_times_predict_them(units, seed):
    table, run_s = made(np.random.default_rng(seed), np.array(units))
    model = CostModel.fit(table, run_s)

    assert (model.seconds >= 0).all()
    assert np.median(np.abs(model.predict(table) / run_s - 1)) < 0.05


def test_where_seconds_go_sums_to_the_prediction(known):
    model = CostModel.fit(known.amounts, known.run_s)
    parts = model.explain(known.amounts)

    np.testing.assert_allclose(parts.sum(axis=1), model.predict(known.amounts), rtol=1e-9)


def test_a_run_time_that_is_not_positive_is_refused(known):
    with pytest.raises(ValueError, match="leave out what was not measured"):
        CostModel.fit(known.amounts, np.zeros(len(known)))


def test_amounts_of_a_program_do_not_depend_on_the_others(known):
    few = known.select([3, 7])
    alone = amounts(few.operators, few.facts.index)
    table = known.amounts.loc[few.facts.index]

    pd.testing.assert_frame_equal(table.loc[:, table.any()], alone, check_dtype=False)


def test_amounts_do_not_depend_on_how_rows_are_numbered(known):
    some = known.select(np.argsort(known.facts["argument_bytes"].to_numpy())[-5:])
    again = some.operators.reset_index(drop=True)

    assert (some.amounts.filter(like="program of 1 MB", axis=1).to_numpy() > 0).any()
    pd.testing.assert_frame_equal(
        amounts(again, some.facts.index), amounts(some.operators, some.facts.index)
    )


def test_settings_of_a_hybrid_are_chosen_on_the_known_alone(known):
    few, out = known.select(np.arange(160)), known.select(np.arange(160, 240))
    kind, said = MODELS["hybrid, settings chosen inside"]
    chosen = kind.fit(few, few.run_s, **said)
    spoiled = Programs(out.facts.assign(run_s=1.0), out.operators, out.edges)

    assert chosen.trust in (0.0, 0.25, 0.5, 0.75, 1.0)
    np.testing.assert_array_equal(chosen.predict(out), chosen.predict(spoiled))


def test_operators_alone_are_known_and_never_judged():
    every = datasets.programs()
    alone = np.flatnonzero(every.facts["parts"] == 0)[:60]
    some = every.select(np.concatenate([np.arange(160), alone]))
    seen_rows = []

    def fit(known, truth):
        seen_rows.append((known.families == "operator").sum())
        return MODELS["cost model"][0].fit(known, truth)

    said = unseen(fit, some, some.run_s)

    assert [60] * 4 == seen_rows
    assert np.isnan(said[160:]).all()
    assert np.isfinite(said[:160]).all()


def test_the_cost_model_is_better_than_a_table_on_seen_programs(known):
    off = {}
    for name in ("boosting on the table", "cost model"):
        kind, said = MODELS[name]
        told = seen(
            lambda k, t, kind=kind, said=said: kind.fit(k, t, **said), known, known.run_s, 3
        )
        off[name] = np.median(percentage_errors(known.run_s, told))

    assert off["cost model"] < 0.6 * off["boosting on the table"]


def test_a_share_of_a_family_is_known_and_not_judged(known):
    kind, _ = MODELS["cost model"]
    said = unseen(kind.fit, known, known.run_s, 0.2)

    assert len(known) // 5 == pytest.approx(np.isnan(said).sum(), abs=4)


def test_more_programs_make_a_better_model(known):
    kind, _ = MODELS["cost model"]
    table = curve(kind.fit, known, known.run_s, [24, 190], repeats=3).groupby("size")["median"]

    assert table.mean()[190] < table.mean()[24]


def test_a_program_of_the_kind_known_is_not_flagged_and_mostly_in_its_interval(known):
    fitted = fit(known.select(np.arange(0, 180)), name="cost model")
    out = known.select(np.arange(180, 240))
    said = fitted.predict(out)
    plain = ~said["flagged"].to_numpy()
    inside = (said["low"] <= out.run_s) & (out.run_s <= said["high"])

    assert plain.mean() > 0.7
    assert inside[plain].mean() > 0.75


def test_a_family_with_operators_never_seen_is_refused(known):
    recurrent = known.families == "recurrent"
    said = fit(known.select(~recurrent), name="cost model").predict(known.select(recurrent))

    assert said["flagged"].all()
    assert np.isinf(said["high"]).all()
    assert said["why"].str.contains("never seen").all()


def test_a_program_larger_than_all_known_is_flagged_and_its_interval_is_wider(known, predictor):
    largest = known.select([int(np.argmax(known.run_s))])
    grown = Programs(
        largest.facts,
        largest.operators.assign(calls=50 * largest.operators["calls"]),
        largest.edges,
    )
    said, before = predictor.predict(grown).iloc[0], predictor.predict(largest).iloc[0]

    assert "times the" in said["why"]
    assert said["high"] / said["low"] > before["high"] / before["low"]


def test_a_kept_predictor_says_the_same(known, tmp_path):
    fitted = fit(known.select(np.arange(0, 120)))
    fitted.save(tmp_path / "model.json.bz2")
    again = ProgramPredictor.load(tmp_path / "model.json.bz2")

    pd.testing.assert_frame_equal(fitted.predict(known), again.predict(known))


def test_a_file_that_holds_no_predictor_is_refused(tmp_path):
    (tmp_path / "a.json").write_text("[1]")
    (tmp_path / "b.json").write_text("x")

    for name in ("a.json", "b.json"):
        with pytest.raises(ValueError, match=r"give the file that ProgramPredictor\.save wrote"):
            ProgramPredictor.load(tmp_path / name)


def test_only_the_hybrid_is_kept(predictor, tmp_path):
    with pytest.raises(ValueError, match="keep the hybrid"):
        predictor.save(tmp_path / "model.json")


def test_a_level_that_is_no_share_is_refused(known):
    with pytest.raises(ValueError, match="nine tenths"):
        fit(known, level=90)


def test_programs_without_operators_are_refused(known):
    with pytest.raises(ValueError, match="has no operators"):
        Programs(known.facts, known.operators.iloc[:0], known.edges)


def test_what_comes_with_the_package_predicts_in_under_fifty_milliseconds(known):
    import time

    predictor, one = datasets.program_predictor(), known.select([5])
    taken = []
    for _ in range(5):  # the least: what others do on the machine only adds
        fresh = Programs(one.facts, one.operators, one.edges)  # its amounts are not computed yet
        begin = time.process_time()
        predictor.predict(fresh)
        taken.append(time.process_time() - begin)

    assert min(taken) < 0.05


def test_small_runs_predict_full_ones_as_a_table():
    programs = datasets.programs()
    kind, _ = MODELS["cost model"]
    if not (programs.facts["parts"] > 1).any():
        pytest.skip("no program was run small")
    table = by_small_runs(kind.fit, programs)

    assert {"run_s", "proportion", "line", "model", "scaled"} == set(table.columns)
    assert (table > 0).all().all()


def test_ones_own_function_becomes_a_row():
    jax = pytest.importorskip("jax", reason="JAX is not installed (extra `programs`)")
    one = describe(lambda x, w: jax.numpy.tanh(x @ w), np.ones((4, 8), "f4"), np.ones((8, 2), "f4"))

    assert 4 * 4 * (8 + 2) - 4 * 4 * 2 + 4 * 8 * 2 + 4 * 4 * 2 == one.memory_bytes[0]
    assert {"dot", "tanh"} <= set(one.operators["kind"])


def test_without_jax_one_sentence_says_how_to_get_it():
    try:
        import jax  # noqa: F401
    except ModuleNotFoundError:
        with pytest.raises(ModuleNotFoundError, match=r"\.\[programs\]"):
            describe(lambda x: x, 1.0)
    else:
        pytest.skip("JAX is installed")
