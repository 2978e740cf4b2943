"""What every reader needs of a file: unfolding, encoding, lines, numbers; and writing it whole."""

import bz2
import gzip
import io
import lzma
import os

import numpy as np
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from helpers.files import (
    Damaged,
    NotUtf8,
    decode,
    first_bytes,
    line_blocks,
    number,
    numbers,
    read_bytes,
    read_text,
    read_utf8,
    text_lines,
    write_whole,
)

COMPRESS = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": zstandard.compress,
}
TEXT = "".join(f"{i},{i * i}\n" for i in range(50_000))


@pytest.mark.parametrize("kind", COMPRESS)
def test_a_compressed_file_is_read_whatever_its_name(tmp_path, kind):
    path = tmp_path / "table.csv"
    path.write_bytes(COMPRESS[kind](TEXT.encode()))

    assert (TEXT.encode(), "table.csv") == read_bytes(path)


@pytest.mark.parametrize("kind", COMPRESS)
def test_compressed_files_put_one_after_another_are_one_file(kind):
    twice = COMPRESS[kind](b"a\n") + COMPRESS[kind](b"b\n")

    assert b"a\nb\n" == read_bytes(io.BytesIO(twice))[0]


@pytest.mark.parametrize("kind", COMPRESS)
def test_a_cut_file_is_one_sentence_or_its_lines_before_the_cut(kind):
    whole = COMPRESS[kind](
        np.random.default_rng(1).bytes(1_500_000).hex(" ", 32).replace(" ", "\n").encode()
    )
    cut = whole[: len(whole) * 2 // 3]

    with pytest.raises(Damaged, match=r"^<buffer>: the compressed file is damaged or cut short"):
        read_text(io.BytesIO(cut))
    text = read_text(io.BytesIO(cut), keep_cut=True)
    expected = read_text(io.BytesIO(whole)).lines
    assert "fetch it again" in text.damage
    assert 0 < len(text.lines) < len(expected)
    assert expected[: len(text.lines) - 1] == text.lines[:-1]
    assert text.cut


@pytest.mark.parametrize("kind", ["plain", *COMPRESS])
def test_the_first_bytes_of_a_long_file_are_read_without_the_rest(kind):
    pack = COMPRESS.get(kind, bytes)
    data = np.random.default_rng(1).bytes(8_000_000)
    file = io.BytesIO(pack(data))
    first = first_bytes(file, 4096)

    assert (data[:4096], "<buffer>") == first
    assert file.tell() < len(file.getvalue()) / 2
    assert b"abc" == first_bytes(io.BytesIO(pack(b"abc")), 4096)[0]


@pytest.mark.parametrize("kind", COMPRESS)
def test_a_file_that_unfolds_to_more_than_the_limit_is_refused_before_it_does(kind):
    bomb = COMPRESS[kind](bytes(20_000_000))

    with pytest.raises(ValueError, match=r"^<buffer> unfolds to more than 1,000,000 bytes: if it"):
        read_bytes(io.BytesIO(bomb), largest_bytes=1_000_000)
    assert 20_000_000 == len(read_bytes(io.BytesIO(bomb), largest_bytes=20_000_000)[0])


def test_a_plain_file_may_be_larger_than_the_limit():
    assert b"123" == read_bytes(io.BytesIO(b"123"), largest_bytes=1)[0]


@pytest.mark.parametrize(
    ("first", "what"),
    [(b"PK\x03\x04", "a zip archive"), (b"PAR1", "a Parquet table"), (b"7z\xbc\xaf\x27\x1c", "7z")],
)
def test_an_archive_is_refused_by_its_name(first, what):
    with pytest.raises(ValueError, match=what):
        read_bytes(io.BytesIO(first + b"..."))


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(IsADirectoryError, match="is a folder: name a file in it"):
        read_bytes(tmp_path)


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
def test_text_is_read_in_the_encoding_that_it_is_in(encoding):
    text = "name,µ\r\nÄrger,1\n"

    assert ("name,µ", "Ärger,1") == read_text(io.BytesIO(text.encode(encoding))).lines
    assert text.replace("\r", "").encode() == read_utf8(io.BytesIO(text.encode(encoding)))[0]


def test_a_byte_that_is_no_utf_8_is_latin_1_or_refused():
    assert "Müller" == decode("Müller".encode("latin-1"))
    with pytest.raises(ValueError, match=r"^a\.csv is no UTF-8 text \(byte 1: .*save it as UTF-8"):
        decode("Müller".encode("latin-1"), "a.csv", latin_1=False)


def test_half_a_character_of_utf_16_is_refused():
    with pytest.raises(ValueError, match=r"^a\.csv is no UTF-16 text"):
        decode("ab".encode("utf-16") + b"x", "a.csv")


ENDS = st.sampled_from(["\n", "\r\n", "\r"])
LINES = st.lists(st.text(st.characters(exclude_characters="\r\n", codec="utf-8"), min_size=1))


@given(LINES, st.data())
def test_a_line_ends_at_lf_crlf_or_cr_also_mixed_and_nowhere_else(lines, data):
    text = "".join(line + data.draw(ENDS) for line in lines)

    assert lines == text_lines(text)


def test_a_last_line_without_an_end_is_a_line_that_may_be_cut():
    text = read_text(io.BytesIO(b"a\nb"))

    assert (("a", "b"), True) == (text.lines, text.cut)
    assert not read_text(io.BytesIO(b"a\rb\r")).cut


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_that_was_written_is_read(value):
    assert value == number(repr(value))
    assert value == number(f" {value!r}\t")


NO_NUMBERS = ["", "1_00", "١٢", "1,5", "nan", "inf", "0x10", "1e", "1e999", "--1", "1 2", ".", "１"]


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_what_only_python_takes_for_a_number_is_none(text):
    with pytest.raises(ValueError, match=r"is no plain number|is too large"):
        number(text)


def test_many_cells_tell_which_are_no_numbers():
    values, bad = numbers(["1", "", "1_0", "2e1", "-"], missing=("", "-"))

    np.testing.assert_array_equal([1, np.nan, np.nan, 20, np.nan], values)
    np.testing.assert_array_equal([False, False, True, False, False], bad)


@pytest.mark.parametrize("suffix", ["", ".gz", ".bz2", ".xz", ".zst"])
def test_what_is_written_is_read(tmp_path, suffix):
    path = tmp_path / f"table.csv{suffix}"

    write_whole(path, TEXT)

    assert TEXT.encode() == read_bytes(path)[0]
    assert [path] == list(tmp_path.iterdir())


def test_nothing_is_replaced_that_is_no_plain_file(tmp_path):
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to(pipe)

    for path in (pipe, link, tmp_path):
        with pytest.raises(OSError, match="is no plain file: it is not replaced"):
            write_whole(path, "text")
    assert pipe.is_fifo()


def test_through_a_link_the_file_is_written_that_it_leads_to(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("before")
    link.symlink_to(target)

    write_whole(link, "after")

    assert link.is_symlink()
    assert "after" == target.read_text()


@pytest.mark.parametrize("size", [1, 7, 2**20])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_blocks_of_lines_are_the_file_and_cut_no_line(size, end, tmp_path):
    lines = ["first", "", "é" * 9, "last"]
    path = tmp_path / "lines.txt"
    path.write_bytes("".join(line + end for line in lines).encode())

    blocks = list(line_blocks(path, size=size))

    assert "".join(line + "\n" for line in lines).encode() == b"".join(b for b, _ in blocks)
    assert all(block.endswith(b"\n") for block, _ in blocks)
    assert path.stat().st_size == blocks[-1][1]


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "utf-32", "utf-16-le"])
def test_blocks_of_lines_in_another_encoding_are_refused(encoding, tmp_path):
    path = tmp_path / "lines.txt"
    path.write_bytes("one line\nand é\n".encode(encoding))

    with pytest.raises(NotUtf8):
        list(line_blocks(path, size=4))
