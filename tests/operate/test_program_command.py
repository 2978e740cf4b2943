"""`clean-hours predict --program`: what is said of a program, and of inputs that are none."""

import copy
import importlib.util
import json

import pytest

from helpers import datasets
from helpers.operate.cli import main
from helpers.operate.commands_program import read_program, write_program

LOG_OPTIONS = (["--of", "memory"], ["--time-zone", "UTC"], ["--no-waits"], ["--card", "c.md"])
HAS_JAX = importlib.util.find_spec("jax") is not None


def run(capsys, *words):
    code = main(["predict", *words])
    told = capsys.readouterr()
    return code, told.out, told.err


def written(tmp_path, text, name="train.py"):
    path = tmp_path / name
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize(
    ("text", "function", "message"),
    [
        (None, "step", "there is no such file"),
        ("def stop(): pass", "step", "has no function 'step': did you mean stop?"),
        ("x = 1", "step", "has no function 'step': it has none"),
        ("step = 3", "step", "step is no function: it is a int"),
        ("def step(x): pass", "step", "step takes x, and nothing says what: define arguments()"),
        ("def step(:", "step", "train.py:1: running it failed: SyntaxError"),
        (
            "a = 1\nraise RuntimeError('boom\\n\\n  twice')",
            "step",
            "train.py:2: running it failed: RuntimeError: boom twice",
        ),
        ("import sys; sys.exit(3)", "step", "running it failed: SystemExit: 3"),
        ("import nosuchmodule", "step", "needs the module 'nosuchmodule': install it"),
        (
            "def step(x): pass\ndef arguments(): return 1 / 0",
            "step",
            "train.py:2: arguments() failed: ZeroDivisionError",
        ),
    ],
)
def test_a_file_that_names_no_program_is_told_in_one_line(
    tmp_path, capsys, text, function, message
):
    path = str(tmp_path / "train.py") if text is None else written(tmp_path, text)
    code, out, err = run(capsys, "--program", f"{path}:{function}")

    assert (2, "") == (code, out)
    assert message in err
    assert 1 == err.count("\n")


@pytest.mark.parametrize(
    "target", ["train.py", ":step", "train.py:", "train.py:a b", "train.py:a.b"]
)
def test_a_program_is_named_by_file_and_function(capsys, target):
    code, _, err = run(capsys, "--program", target)

    assert 2 == code
    assert "must be FILE.py:FUNCTION" in err


def test_a_file_that_is_no_python_is_refused(tmp_path, capsys):
    code, _, err = run(capsys, "--program", written(tmp_path, "x", "train.txt") + ":step")

    assert 2 == code
    assert "its name must end in .py" in err


@pytest.mark.skipif(HAS_JAX, reason="JAX is installed")
def test_without_jax_one_sentence_says_how_to_get_it(tmp_path, capsys):
    for text in ("def step(): pass", "import jax\ndef step(): pass"):
        code, _, err = run(capsys, "--program", written(tmp_path, text) + ":step")

        assert 2 == code
        assert "pip install 'jax[cpu]'" in err
        assert 1 == err.count("\n")


@pytest.mark.parametrize(
    "words", [[], ["jobs.txt", "--program", "a.py:f"], ["--program", "a.py:f", "--described", "x"]]
)
def test_one_thing_is_predicted_at_a_time(capsys, words):
    code, _, err = run(capsys, *words)

    assert 2 == code
    assert "predict takes one of" in err


@pytest.mark.parametrize("times", ["0", "-1", "nan", "inf"])
def test_how_often_it_is_called_is_above_0(tmp_path, capsys, times):
    code, _, err = run(capsys, "--described", "x.json", f"--times={times}")

    assert 2 == code
    assert "--times" in err


def test_help_says_that_the_named_file_is_run(capsys):
    with pytest.raises(SystemExit):
        main(["predict", "--help"])

    assert "name only files that you would run" in capsys.readouterr().out


@pytest.mark.parametrize("words", LOG_OPTIONS)
def test_what_is_said_of_logs_is_refused_with_a_program_and_the_other_way_round(capsys, words):
    code, _, err = run(capsys, "--described", "x.json", *words)
    other, _, told = run(capsys, "jobs.txt", "--times", "3")

    assert (2, 2) == (code, other)
    assert f"{words[0]} says nothing of a program" in err
    assert "--times says nothing of a log" in told


@pytest.fixture(scope="module")
def known():
    return datasets.programs().select([7])


def kept(tmp_path, known, change=lambda told: None):
    told = json.loads(write_program(known))
    change(told)
    path = tmp_path / "program.json"
    path.write_text(json.dumps(told))
    return str(path)


def test_a_described_program_comes_back_as_it_was(tmp_path, known):
    again = read_program(kept(tmp_path, known))
    said = datasets.program_predictor().predict

    assert said(known).iloc[0].tolist() == said(again).iloc[0].tolist()
    assert known.memory_bytes.tolist() == again.memory_bytes.tolist()


def test_seconds_memory_and_energy_are_told_with_their_interval(tmp_path, capsys, known):
    path = kept(tmp_path, known)
    code, out, _ = run(capsys, "--described", path, "--times", "1000", "--power", "10", "--json")
    told = json.loads(out)
    one = datasets.program_predictor().predict(known).iloc[0]

    assert 0 == code
    assert told["trusted"]
    assert pytest.approx(1000 * one["value"]) == told["run_s"]["expected"]
    assert told["run_s"]["low"] < told["run_s"]["expected"] < told["run_s"]["high"]
    assert known.memory_bytes[0] == told["memory_bytes"]
    assert pytest.approx(10 * told["run_s"]["high"]) == told["energy_j"]["high"]


def test_an_operator_never_seen_raises_the_flag_and_no_plan_is_made_with_it(
    tmp_path, capsys, known
):
    def strange(told):
        told["operators"].append({**told["operators"][-1], "kind": "sort", "work": 10**12})

    path = kept(tmp_path, known, strange)
    _, text, _ = run(capsys, "--described", path)
    _, out, _ = run(capsys, "--described", path, "--json")
    (tmp_path / "length.json").write_text(out)
    code = main(["plan", "--predicted", str(tmp_path / "length.json"), "--offline"])
    err = capsys.readouterr().err

    assert "DO NOT TRUST THIS" in text
    assert "sort" in text
    assert "No upper end can be told" in text
    assert 2 == code
    assert "is not to be planned with" in err


def test_a_plan_takes_what_the_command_printed(tmp_path, capsys, known):
    path = kept(tmp_path, known)
    _, out, _ = run(capsys, "--described", path, "--times", "1e7", "--json")
    (tmp_path / "length.json").write_text(out)
    code = main(["plan", "--predicted", str(tmp_path / "length.json"), "--offline", "--json"])
    made = json.loads(capsys.readouterr().out)

    assert 0 == code
    assert made["resources"]["wall_s"] >= json.loads(out)["run_s"]["high"]


def test_what_was_described_is_kept_where_it_is_asked_for(tmp_path, capsys, known):
    path, again = kept(tmp_path, known), str(tmp_path / "again.json")
    run(capsys, "--described", path, "--save", again)

    assert json.loads(write_program(known)) == json.loads(write_program(read_program(again)))


def put(*keys):
    """Return a change of what is told: the last of the keys is the new value."""

    def change(told):
        place = told
        for key in keys[:-2]:
            place = place[key]
        place[keys[-2]] = copy.deepcopy(keys[-1])

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (put("format", "other/1"), "its format is not"),
        (put("facts", [1]), "no facts or no operators"),
        (put("operators", []), "no facts or no operators"),
        (put("operators", {"kind": "dot"}), "operators must be a list"),
        (put("operators", 0, 3), "operators[0] must have"),
        (put("operators", 0, "work", -1), "work is -1: it must be a number >= 0"),
        (put("operators", 0, "work", True), "work is True"),
        (put("operators", 0, "work", "many"), "work is 'many'"),
        (put("operators", 0, "kind", 5), "kind is 5: it must be a short text"),
        (put("operators", 0, "kind", "\x1b[2J"), "must be a short text"),
        (put("edges", [{"source": 0}]), "edges[0] must have"),
        (put("facts", "batch", "large"), "batch is 'large'"),
    ],
)
def test_a_file_that_describes_no_program_is_refused(tmp_path, capsys, known, change, message):
    code, _, err = run(capsys, "--described", kept(tmp_path, known, change))

    assert 2 == code
    assert message in err
    assert "\x1b" not in err


@pytest.mark.parametrize("text", ["no json", "[" * 100_000, "[]"])
def test_a_file_without_a_program_is_refused(tmp_path, capsys, text):
    code, _, err = run(capsys, "--described", written(tmp_path, text, "program.json"))

    assert 2 == code
    assert "program.json" in err


@pytest.mark.skipif(not HAS_JAX, reason="JAX is not installed")
def test_a_function_is_traced_and_not_run(tmp_path, capsys):
    text = (
        "import jax.numpy as jnp\nimport numpy as np\nprint('printed by the file')\n"
        "def step(w, x): return jnp.tanh(x @ w).sum()\n"
        "def wrong(w, x): return x @ x\n"
        "def arguments(): return np.ones((64, 8), np.float32), np.ones((32, 64), np.float32)\n"
    )
    path = written(tmp_path, text)
    code, out, err = run(capsys, "--program", f"{path}:step", "--json")
    other, _, told = run(capsys, "--program", f"{path}:wrong")

    assert 0 == code
    assert json.loads(out)["memory_bytes"] >= 4 * (64 * 8 + 32 * 64)
    assert "printed by the file" in err
    assert 2 == other
    assert "train.py:5: tracing train.py:wrong failed: TypeError" in told
