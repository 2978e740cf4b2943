"""Broken files: a clean result or one sentence of our own, and no row that is neither read nor skipped.

`fuzz_readers.py` is the long run: ``python tests/fuzz_readers.py --inputs 20000``.
"""

import pytest
from fuzz_readers import Reader, fuzz, wrong


@pytest.mark.parametrize("room", ["jobs", "carbon", "power", "phases", "work"])
def test_a_broken_file_is_read_or_refused_in_a_sentence_and_no_row_is_lost(room):
    _, findings = fuzz(inputs=60, seed=1, only=room)

    assert [] == [f"seed {seed}: {text}" for text, seed in findings.values()]


@pytest.mark.parametrize(
    ("read", "what"),
    [
        (lambda path, errors: int(path.read_text()), "no sentence of ours: ValueError"),
        (lambda path, errors: {}["key"], "no sentence of ours: KeyError"),
    ],
)
def test_the_fuzz_finds_what_comes_out_of_a_library(tmp_path, read, what):
    reader = Reader("bad", "none", b"", read)

    assert wrong(reader, b"x", b"x", tmp_path).startswith(what)
