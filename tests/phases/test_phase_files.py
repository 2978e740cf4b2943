import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.phases import (
    Phase,
    PhaseModel,
    Repeat,
    generic_ml,
    read_csv,
    read_yaml,
    write_csv,
    write_yaml,
)

PRINTABLE = st.characters(codec="utf-8", exclude_categories=("C", "Z"), include_characters=" ")
NAMES = st.text(PRINTABLE, min_size=1, max_size=8).filter(str.strip)
DURATIONS = st.floats(min_value=0, exclude_min=True, allow_infinity=False)
POWERS = st.floats(min_value=0, allow_infinity=False)
PHASES = st.builds(Phase, name=NAMES, duration_s=DURATIONS, power_w=POWERS)
WORK = st.builds(Phase, name=NAMES, duration_s=DURATIONS, power_w=POWERS, checkpoint=st.booleans())
NESTED = st.recursive(
    st.lists(WORK, min_size=1, max_size=2).map(tuple),
    lambda inner: st.lists(
        WORK | st.builds(Repeat, times=st.integers(1, 3), phases=inner), min_size=1, max_size=3
    ).map(tuple),
    max_leaves=4,
)
MODELS = st.builds(
    PhaseModel,
    name=NAMES,
    startup=st.lists(PHASES, max_size=2).map(tuple),
    work=NESTED,
    end=st.lists(PHASES, max_size=2).map(tuple),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("models")


def text_file(folder, text, name="model.yaml"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@given(model=MODELS)
def test_yaml_gives_back_exactly_the_model_that_was_written(folder, model):
    write_yaml(model, folder / "round.yaml")

    assert model == read_yaml(folder / "round.yaml")


@given(model=MODELS)
def test_csv_gives_back_exactly_the_flattened_model(folder, model):
    write_csv(model, folder / "round.csv")

    assert model.flattened() == read_csv(folder / "round.csv", name=model.name)


def test_a_csv_model_is_named_for_its_file(tmp_path):
    write_csv(generic_ml(), tmp_path / "training.csv")

    assert "training" == read_csv(tmp_path / "training.csv").name


def test_people_may_leave_out_what_is_empty_and_write_whole_numbers(tmp_path):
    path = text_file(
        tmp_path,
        "# a comment\nname: job\nwork:\n"
        "  - {repeat: 2, phases: [{name: train, duration_s: 60, power_w: 2.0e+2}]}\n",
    )

    assert PhaseModel("job", (), (Repeat(2, (Phase("train", 60.0, 200.0),)),)) == read_yaml(path)


PHASE = "{name: a, duration_s: 1, power_w: 2}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"model.yaml, line 1: the file is empty"),
        ("work: [", r"model.yaml: not valid YAML"),
        ("- a", r"model.yaml, line 1, top level: must be a mapping with the keys name, startup"),
        ("name: m\n", r"model.yaml, line 1, top level: missing key: add work"),
        (f"name: m\nwork: [{PHASE}]\nfee: 1", r"line 3, fee: unknown key: only name, startup"),
        (f"name: m\nname: n\nwork: [{PHASE}]", r"line 2, name: key given twice"),
        (f"name: 3\nwork: [{PHASE}]", r"line 1, name: '3' must be a text"),
        ("name: m\nwork: 3", r"line 2, work: must be a list of phases and repeats"),
        ("name: m\nwork: [a]", r"line 2, work\[0\]: must be a mapping with the keys name, dur"),
        (
            "name: m\nwork:\n - {name: a, duration_s: 1e3, power_w: 2}",
            r"line 3, work\[0\].duration_s: '1e3' must be a number, such as 1500 or 1.5e\+3",
        ),
        (
            "name: m\nwork:\n - {name: a, duration_s: 1:30, power_w: 2}",
            r"line 3, work\[0\].duration_s: '1:30' must be a number",
        ),
        (
            "name: m\nwork:\n - {name: a, duration_s: [1], power_w: 2}",
            r"line 3, work\[0\].duration_s: must be a number",
        ),
        (
            "name: m\nwork:\n - {name: a, duration_s: 1, power_w: 2, checkpoint: 1}",
            r"line 3, work\[0\].checkpoint: '1' must be true or false",
        ),
        (
            f"name: m\nwork:\n - {PHASE}\n - repeat: 2\n   phases:\n"
            "   - {name: b, duration_s: -1, power_w: 2}",
            r"line 6, work\[1\].phases\[0\]: phase 'b': duration_s\(=-1.0\) must be finite and > 0",
        ),
        (
            f"name: m\nwork:\n - {{repeat: 0, phases: [{PHASE}]}}",
            r"line 3, work\[0\]: repeat: times\(=0\) must be >= 1",
        ),
        (
            f"name: m\nwork:\n - {{repeat: 1.5, phases: [{PHASE}]}}",
            r"line 3, work\[0\].repeat: '1.5' must be a whole number",
        ),
        (
            "name: m\nwork: &again\n - repeat: 2\n   phases: *again",
            r"repeats are nested more than 20 deep",
        ),
        (
            "name: m\nstartup: [{name: a, duration_s: 1, power_w: 2, checkpoint: true}]\n"
            f"work: [{PHASE}]",
            r"line 1, top level: model 'm', startup: phase 'a' has checkpoint=True",
        ),
        (
            "name: m\nwork:\n - {name: !!python/name:os.system '', duration_s: 1, power_w: 2}",
            r"line 3, work\[0\].name: could not determine a constructor",
        ),
    ],
)
def test_a_wrong_yaml_file_is_told_by_line_and_path(tmp_path, text, message):
    path = text_file(tmp_path, text)

    with pytest.raises(ValueError, match=message):
        read_yaml(path)


HEADER = "part,name,duration_s,power_w,checkpoint\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"model.csv, line 1: columns\(=\) must be part,name"),
        ("part,name\n", r"model.csv, line 1: columns\(=part,name\) must be"),
        (HEADER, r"model.csv: model 'model': work\(=\(\)\) must hold"),
        (HEADER + "work,a,1\n", r"model.csv, line 2: 3 fields found, 5 wanted"),
        (HEADER + "rest,a,1,2,\n", r"model.csv, line 2: part\(='rest'\) must be one of startup"),
        (HEADER + "work,a,x,2,\n", r"model.csv, line 2: duration_s\(='x'\) must be a number"),
        (HEADER + "work,a,1,2,true\n", r"line 2: checkpoint\(='true'\) must be 'yes' or empty"),
        (HEADER + "work,a,1,-2,\n", r"line 2: phase 'a': power_w\(=-2.0\) must be finite"),
        (
            HEADER + "work,a,1,2,\nstartup,b,1,2,\n",
            r"line 3: part\(='startup'\) must not stand after 'work'",
        ),
    ],
)
def test_a_wrong_csv_file_is_told_by_line(tmp_path, text, message):
    path = text_file(tmp_path, text, "model.csv")

    with pytest.raises(ValueError, match=message):
        read_csv(path)


@pytest.mark.parametrize("write", [write_yaml, write_csv])
def test_a_failed_write_leaves_what_was_there_and_nothing_else(tmp_path, write):
    in_the_way = tmp_path / "model"
    in_the_way.mkdir()

    with pytest.raises(OSError, match="model"):
        write(generic_ml(), in_the_way)

    assert [in_the_way] == list(tmp_path.iterdir())
