"""A type on a page of the package leads to the class that its module means."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "book" / "_ext"))

import signatures  # noqa: E402

from helpers import timeline  # noqa: E402
from helpers.carbon import accounting  # noqa: E402


@pytest.mark.parametrize(
    ("module", "name", "full"),
    [
        ("helpers.phases.validate", "Plan", "helpers.phases.plan.Plan"),
        ("helpers.schedule.suspend", "Plan", "helpers.schedule.suspend.Plan"),  # made there
        ("helpers.jobs.table", "Pue", "helpers.carbon.uses.Pue"),  # imported for its types alone
        ("helpers.jobs.cloud", "Rows", "helpers.jobs.rows.Rows"),  # a relative import
        ("helpers.datasets", "JobLog", "helpers.jobs.table.JobLog"),  # through the door of a room
    ],
)
def test_a_bare_name_means_what_its_module_imports_or_makes(module, name, full):
    assert full == signatures.meanings(module)[name]


def kept(what, name, member, module):
    app = SimpleNamespace(env=SimpleNamespace(temp_data={"autodoc:module": module}))
    return signatures.keep_once(app, what, name, member, False, None) is None


def test_what_a_module_only_passes_on_is_described_where_it_is_made():
    assert kept("module", "Pue", accounting.Pue, "helpers.carbon.uses")
    assert not kept("module", "Pue", accounting.Pue, "helpers.carbon.accounting")


def test_a_field_of_a_named_tuple_is_described_by_its_class():
    assert not kept("class", "place", timeline.Pieces.place, "helpers.timeline")
    assert kept("class", "at", timeline.StepFunction.at, "helpers.timeline")
