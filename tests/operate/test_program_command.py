"""`clean-hours predict --program`: what is said of a program, and of inputs that are none."""

import importlib.util
import json

import pytest

from helpers.operate.cli import main
from helpers.operate.commands_program import FORMAT, read_program, write_program

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
