"""sacct read by compiled loops, block by block, is what it is read word by word, at once."""

import gzip
import io
import random

import numpy as np
import pandas as pd
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from sacct_export import FIRST_S, export

from helpers import files
from helpers.carbon import Intensity
from helpers.jobs import AssumedPower
from helpers.jobs import _sacct_blocks as blocks
from helpers.jobs import _sacct_jobs as jobs_module
from helpers.jobs import sacct as module
from helpers.jobs._sacct_words import READ, instants
from helpers.jobs.sacct import read_sacct, sacct_footprint
from helpers.jobs.table import to_time_zone

ZONE = "Europe/Berlin"


def both_ways(text, *, block=2**22, **keywords):
    """Read an export by the compiled loops in blocks, and word by word at once."""
    found = []
    for short, size in ((0, block), (2**62, 2**62)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "_SHORT", short)
            patch.setattr(module, "_BLOCK", size)
            log = read_sacct(io.StringIO(text), time_zone=ZONE, errors="skip", **keywords)
        found.append(log)
    return found


def same(fast, plain):
    pd.testing.assert_frame_equal(plain.jobs, fast.jobs)
    pd.testing.assert_frame_equal(plain.skipped, fast.skipped)
    assert plain.epoch == fast.epoch
    return True


IDS = [
    "1",
    "2",
    "3",
    "3",
    "3",
    "07",
    "0",
    "1_4",
    "9" * 18,
    "1" + "0" * 18,
    "1234567890123456789",
    "",
]
STEPS = [".batch", ".extern", ".0", ".1", ".0.extern", "."]
SPANS = ["", "00:00:50", "1-06:00:00", "00:07.455", "00:00.000001", "23:59:59.5", "24:00:00",
         "UNLIMITED", "Partition_Limit", "9999-00:00:00", "99999-00:00:00", "00:60:00", "1-00:05", "5",
         "49710-06:28:15", "00:00:5x", "-00:00:05"]  # fmt: skip
COUNTS = ["", "0", "1", "4", "64", "007", "4294967294", "4294967296", "18446744073709551614", "4.5",
          "-1", "999999999999999", "1" + "0" * 15, "é"]  # fmt: skip
MEMORY = ["", "0", "8M", "4096K", "2.50G", "4Gn", "2000Mc", "3T", "?", "K", "1234567890", "16.00?",
          "4294967295K", "12345678901G", "9" * 16 + "K", "8 M"]  # fmt: skip
TRES = ["", "cpu=4,mem=8G", "cpu=4,energy=1200,mem=4G", "energy=7", "energy=0,cpu=2", "energy=", "cpu",
        "cpu=4,energy=12,energy=12", "gres/energy=5", "cpu=8,energy=4294967294", "cpu=2,energy=1.5K",
        "cpu=4,energy=99999999999", "cpu=1,gres/gpu:a100=1,gres/gpu=1", "energy=" + "9" * 17,
        "cpu=x,energy=33", "cpu=4,gres/shard=2"]  # fmt: skip
TIMES = ["", "Unknown", "None", "Unknowm", "1717153200", "0999999999", "1717153200000", "5", "9" * 30,
         "2024-05-31T13:00:00", "2024-10-27T02:30:00", "2024-03-31T02:30:00", "2023-02-29T00:00:00",
         "2024-02-29T23:59:59", "2024-05-31T13:00:00+0200", "1990-01-01T00:00:00", "2199-12-31T23:59:59",
         "2024-05-31T24:00:00", "2024-05-31T13:60:00", "2024-05-31 13:00:00", "2024-00-10T00:00:00",
         "2024-04-31T00:00:00", "2100-02-29T00:00:00"]  # fmt: skip
WORDS = ["", "a", "b", "é", "日本", "a b", "x" * 90, "None assigned"]

ODD = {
    "User": ["a", "b", "", "é"],
    "Account": ["", "p"],
    "Group": ["", "g"],
    "JobName": WORDS,
    "State": ["COMPLETED", "RUNNING", "CANCELLED by 7", "PENDING", "oom", "?", ""],
    **dict.fromkeys(("Submit", "Eligible", "Start", "End"), TIMES),
    **dict.fromkeys(("Elapsed", "Suspended", "Timelimit", "TotalCPU"), SPANS),
    "TimelimitRaw": ["90", "UNLIMITED", *COUNTS],
    "NodeList": ["n1", "None assigned"],
    **dict.fromkeys(("NNodes", "AllocCPUS", "ReqCPUS", "ConsumedEnergyRaw"), COUNTS),
    "AllocTRES": TRES,
    "ReqMem": MEMORY,
}
# Few fields are odd at once, or no row would be good.
GOOD = {"Submit": "1717153200", "Start": "1717153210", "End": "1717153300", "Elapsed": "00:01:30",
        "State": "COMPLETED", "User": "a", "AllocCPUS": "4", "ReqCPUS": "4", "NNodes": "1"}  # fmt: skip


def rows(rng):
    """Return rows of jobs and steps, some odd, in an order that may be no export's."""
    made = []
    for base in rng.choices(IDS, k=rng.randint(0, 15)):
        later = rng.choice([0, 0, 300, 90_000, 10**6])
        row = GOOD | {name: str(int(GOOD[name]) + later) for name in ("Submit", "Start", "End")}
        for name in rng.sample(sorted(ODD), rng.choice([0, 0, 1, 2, 3])):
            row[name] = rng.choice(ODD[name])
        made.append(row | {"JobID": base})
        for suffix in rng.choices(STEPS, k=rng.randint(0, 4)):
            odd = rng.random() < 0.3
            memory, counts = (MEMORY, COUNTS) if odd else (["8M", "4K", ""], ["", "1", "2", "500"])
            step = {"JobID": rng.choice([base, base, base, *IDS]) + suffix}
            step |= {name: rng.choice(memory) for name in ("AveRSS", "MaxRSS")}
            made.append(
                step | {name: rng.choice(counts) for name in ("NTasks", "ConsumedEnergyRaw")}
            )
    if rng.random() < 0.4:
        rng.shuffle(made)
    return made


COLUMNS = [*dict.fromkeys([*GOOD, "JobID", "Account", "Group", "JobName", "Eligible", "Suspended",
    "Timelimit", "TimelimitRaw", "NodeList", "AllocTRES", "ReqMem", "ConsumedEnergyRaw", "TotalCPU",
    "AveRSS", "MaxRSS", "NTasks"])]  # fmt: skip


def as_text(made, odd_lines=()):
    lines = ["|".join(COLUMNS)] + ["|".join(row.get(name, "") for name in COLUMNS) for row in made]
    for place, line in odd_lines:
        lines.insert(1 + place % len(lines), line)
    return "\n".join(lines) + "\n"


@settings(max_examples=25)
@given(st.integers(0, 2**32), st.sampled_from([1, 300, 2**22]))
def test_an_export_is_read_alike_whatever_way_and_in_blocks_of_any_size(seed, block):
    rng = random.Random(seed)  # drawn from a seed, as drawing each word would take most of the time
    made = rows(rng)
    lines = ["", "7|short", "x" * 300, "|" * 40]
    odd_lines = [(rng.randint(0, 30), rng.choice(lines)) for _ in range(rng.choice([0, 0, 3]))]
    ambiguous = rng.choice(["raise", "first", "second"])

    assert same(*both_ways(as_text(made, odd_lines), block=block, ambiguous=ambiguous))


@pytest.mark.parametrize("ambiguous", ["raise", "first", "second"])
@settings(max_examples=8)
@given(
    st.lists(
        st.tuples(st.integers(-7200, 7200), st.integers(0, 7200), st.integers(0, 7200)), min_size=20
    )
)
def test_local_times_around_a_change_of_clocks_are_read_alike(ambiguous, jobs):
    made = []
    for number, (submit, wait, run) in enumerate(jobs):
        instants_s = np.cumsum([1_729_990_800 + submit, wait, run])
        local = pd.to_datetime(instants_s, unit="s", utc=True).tz_convert(ZONE)
        texts = local.strftime("%Y-%m-%dT%H:%M:%S")
        made.append(
            GOOD
            | {"JobID": str(number)}
            | dict(zip(("Submit", "Start", "End"), texts, strict=True))
        )

    assert same(*both_ways(as_text(made), ambiguous=ambiguous))


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("count", COUNTS),
        ("minutes", [*COUNTS, "UNLIMITED"]),
        ("elapsed", SPANS),
        ("memory", MEMORY),
        ("requested memory", MEMORY),
    ],
)
def test_a_number_read_by_the_loop_is_what_its_word_is(kind, words):
    block = blocks.FastBlock("\n".join(words).encode() + b"\n", "|", 1, {"x": 0}, 1)
    # A line without characters is no row: the empty word stands in the examples of exports.
    values, odd = block.usual(kind, "x", np.arange(len(block.lines)))

    read = [word for word in words if word or len(block.lines) == len(words)]
    for word, value, unread in zip(read, values, odd, strict=True):
        if not unread:
            assert READ[kind](word) == pytest.approx(value, rel=0, abs=0, nan_ok=True)


@pytest.mark.parametrize("word", TIMES)
def test_an_instant_read_by_the_loop_is_what_its_word_is(word):
    block = blocks.FastBlock(f"{word}|\n".encode(), "|", 2, {"x": 0}, 1)
    zone = to_time_zone(ZONE)

    for expected, found in zip(
        instants(np.array([word], dtype=object), zone),
        block.instants("x", np.arange(1), zone),
        strict=True,
    ):
        np.testing.assert_array_equal(expected, found)


# --- Files --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def centre():
    return export(3000)


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.compress])
def test_a_file_is_read_in_blocks_whatever_compresses_it(centre, pack, tmp_path, monkeypatch):
    whole = read_sacct(io.BytesIO(centre), time_zone=ZONE)
    path = tmp_path / "jobs.txt"
    path.write_bytes(pack(centre))
    monkeypatch.setattr(module, "_BLOCK", 100_000)
    log = read_sacct(path, time_zone=ZONE)

    assert same(log, whole)
    assert 3000 == len(log)


@pytest.mark.parametrize("end", [b"\r\n", b"\r", b"\r\r\n"])
@pytest.mark.parametrize("block", [1, 1000, 2**22])
def test_ends_of_lines_at_the_end_of_a_block_make_no_difference(end, block, tmp_path, monkeypatch):
    text = export(40)
    path = tmp_path / "jobs.txt"
    path.write_bytes(b"\xef\xbb\xbf" + text.replace(b"\n", end))
    monkeypatch.setattr(module, "_BLOCK", block)

    assert same(read_sacct(path, time_zone=ZONE), read_sacct(io.BytesIO(text), time_zone=ZONE))


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "utf-16-le"])
def test_a_file_in_another_encoding_is_read_whole(encoding, tmp_path, monkeypatch):
    text = (
        export(400).decode() + export(401).decode().splitlines()[-4].replace("u0", "jérôme") + "\n"
    )
    path = tmp_path / "jobs.txt"
    path.write_bytes(text.encode(encoding))
    monkeypatch.setattr(module, "_BLOCK", 1000)

    assert same(
        read_sacct(path, time_zone=ZONE),
        read_sacct(io.BytesIO(text.encode(encoding)), time_zone=ZONE),
    )


def test_of_a_cut_file_the_rows_before_the_cut_are_read_in_blocks(centre, tmp_path, monkeypatch):
    whole = gzip.compress(centre)
    path = tmp_path / "jobs.txt.gz"
    path.write_bytes(whole[: len(whole) // 2])
    expected = read_sacct(io.BytesIO(path.read_bytes()), time_zone=ZONE, errors="skip")
    monkeypatch.setattr(module, "_BLOCK", 50_000)

    assert same(read_sacct(path, time_zone=ZONE, errors="skip"), expected)
    with pytest.raises(ValueError, match="damaged or cut short"):
        read_sacct(path, time_zone=ZONE)


def test_progress_is_told_on_the_error_stream_of_who_waits(centre, tmp_path, capfd, monkeypatch):
    import tqdm

    path = tmp_path / "jobs.txt"
    path.write_bytes(centre)
    real = tqdm.tqdm
    monkeypatch.setattr(tqdm, "tqdm", lambda **keywords: real(**keywords | {"delay": 0}))
    read_sacct(path, time_zone=ZONE, progress=True)
    assert "jobs.txt: 100%" in capfd.readouterr().err
    read_sacct(path, time_zone=ZONE)

    assert "" == capfd.readouterr().err


# --- The account --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def intensity():
    first = 1_704_067_200
    return Intensity(
        first + 3600.0 * np.arange(24 * 60 + 1),
        300 + np.arange(24 * 60.0) % 24,
        "average",
        "DE",
        "x",
    )


@pytest.mark.parametrize("power", [None, 10.0, AssumedPower(per_node_w=100, fixed_w=50)])
def test_the_account_of_an_export_is_that_of_its_log(centre, intensity, power):
    # Without energy the power that is assumed counts: the column of the meter is another one.
    text = centre if power is None else centre.replace(b"ConsumedEnergyRaw", b"Comment")
    log = read_sacct(io.BytesIO(text), time_zone=ZONE)
    expected = log.account(intensity, power=power, pue=1.3, errors="skip")
    found = sacct_footprint(
        io.BytesIO(text), intensity, time_zone=ZONE, power=power, pue=1.3, errors="skip"
    )

    same_account(expected, found)


def same_account(expected, found):
    pd.testing.assert_frame_equal(expected.per_job(), found.per_job())
    for column in ("user", "group", "partition", "state", "month"):
        pd.testing.assert_frame_equal(expected.by(column), found.by(column))
    pd.testing.assert_frame_equal(expected.assumptions, found.assumptions)
    pd.testing.assert_frame_equal(expected.left_out, found.left_out)
    for name in ("energy_kwh", "facility_kwh", "emissions_g"):
        assert getattr(expected, name) == pytest.approx(getattr(found, name), rel=1e-15)
    assert len(expected) == len(found)


@pytest.fixture
def small_lots(tmp_path, monkeypatch):
    """A file of 300 jobs that is read in blocks of a few lines, and charged in lots of some jobs."""
    header, *rows = export(300).decode().splitlines()
    # A step far from its job, a job that never ran, and one that is no number.
    never = rows[8].split("|")
    never[0] = never[1] = "1_77"
    for name in ("Start", "End"):
        never[header.split("|").index(name)] = "Unknown"
    rows = [*rows[:4], *rows[5:40], rows[4], "|".join(never), *rows[40:]]
    path = tmp_path / "jobs.txt"
    path.write_text("\n".join([header, *rows]) + "\n")
    monkeypatch.setattr(module, "_SHORT", 0)
    for where, name in ((module, "_BLOCK"), (files, "_PIECE")):
        monkeypatch.setattr(where, name, 3000)
    monkeypatch.setattr(jobs_module, "_AT_ONCE", 40)
    return path


def test_an_account_in_lots_is_that_of_all_jobs_at_once(small_lots, intensity):
    options = {"time_zone": ZONE, "errors": "skip"}
    expected = read_sacct(small_lots, **options).account(intensity, pue=1.3, errors="skip")
    found = sacct_footprint(small_lots, intensity, pue=1.3, **options)

    assert 8 == len(list(found.lots))
    assert ["1_77"] == found.left_out["job_id"].tolist()
    same_account(expected, found)


def test_what_is_wrong_with_an_account_in_lots_is_counted_over_all(small_lots, intensity):
    text = small_lots.read_text().replace("ConsumedEnergyRaw", "Comment").replace("NNodes", "Other")
    small_lots.write_text(text)
    log = read_sacct(small_lots, time_zone=ZONE)
    early = intensity.window(*FIRST_S + np.array([0.0, 8 * 3600.0]))
    node = AssumedPower(per_node_w=100.0)
    for curve, power, told in (
        (early, 10.0, "of 300 jobs ran when the intensity of DE is not known"),
        (intensity, None, "job 0 and 299 more: energy_j is not known"),
        (early, node, "job 0 and 299 more: nodes is not known"),
    ):
        with pytest.raises(ValueError, match=told) as expected:
            log.account(curve, power=power)
        with pytest.raises(ValueError, match=told) as found:
            sacct_footprint(small_lots, curve, time_zone=ZONE, power=power)

        assert str(expected.value) == str(found.value)


def test_an_account_by_what_is_no_name_or_of_no_job_is_refused(centre, intensity):
    with pytest.raises(ValueError, match="by is 'run_s': it must be one of user, group"):
        sacct_footprint(io.BytesIO(centre), intensity, time_zone=ZONE, by=["run_s"])
    empty = io.StringIO("JobID|Submit|AllocCPUS\n")
    with pytest.raises(ValueError, match="<buffer>: has no job to charge"):
        sacct_footprint(empty, intensity, time_zone=ZONE)
