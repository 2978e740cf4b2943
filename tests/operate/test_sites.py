"""Which scheduler a command speaks to: by name, and by a file that describes what must be."""

from __future__ import annotations

import importlib.util
import json

import pytest
from fake_tapis import FakeTapis

from helpers.operate.cli import main
from helpers.operate.local import Local
from helpers.operate.sites import NAMES, backend_named, default_name

RULES = """
partitions:
- name: normal
  nodes: 1
  cores_per_node: 2
  memory_mb: 4000
  default: true
"""
TAPIS = """
tapis:
  url: {url}
  token: token
  app: clean-hours
  version: "0.1"
  system: cluster
  rules: rules.yaml
"""


@pytest.fixture(autouse=True)
def _state(tmp_path, monkeypatch):
    monkeypatch.setenv("CLEAN_HOURS_STATE", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rules.yaml").write_text(RULES)


@pytest.fixture
def tapis(tmp_path):
    """A service of Tapis, described in a file."""
    service = FakeTapis(tmp_path)
    (tmp_path / "token").write_text(service.token)
    (tmp_path / "token").chmod(0o600)
    (tmp_path / "site.yaml").write_text(TAPIS.format(url=service.url))
    yield tmp_path / "site.yaml"
    service.close()


def test_without_a_name_it_is_slurm_where_sbatch_is_and_this_machine_elsewhere(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: None)

    assert "local" == default_name()
    assert isinstance(backend_named(), Local)
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    assert "slurm" == default_name()
    assert 3.0 == backend_named(rest_s=3.0).rest_s


def test_a_job_is_handed_over_to_a_described_tapis_and_watched(tapis, tmp_path, capsys):
    (tmp_path / "job.sh").write_text("#!/bin/bash\ntrue\n")
    where = ["--on", "tapis", "--site", str(tapis)]

    handed = main(["submit", *where, "--length", "4h", "--within", "24h", "--json", "job.sh"])
    told = json.loads(capsys.readouterr().out)
    main(["watch", *where, "--json"])
    (job,) = json.loads(capsys.readouterr().out)["jobs"]
    backend_named("tapis", tapis).cancel(told["job_id"])

    assert (0, "tapis") == (handed, told["backend"])
    assert (told["key"], "waiting") == (job["key"], job["state"])


@pytest.mark.skipif(
    importlib.util.find_spec("psij") is None, reason="PSI/J lives in an environment of its own"
)
def test_a_job_is_handed_over_to_psij_s_executor_for_this_machine(tmp_path, capsys):
    (tmp_path / "job.sh").write_text("#!/bin/bash\ntrue\n")

    code = main(["submit", "--on", "psij", "--length", "4h", "--within", "24h", "--json", "job.sh"])
    told = json.loads(capsys.readouterr().out)
    backend_named("psij").cancel(told["job_id"])

    assert (0, "psij") == (code, told["backend"])


def test_what_is_not_installed_is_said_with_the_way_to_get_it(monkeypatch, capsys):
    monkeypatch.setitem(__import__("sys").modules, "psij", None)

    assert 2 == main(["watch", "--on", "psij"])
    assert "pip install psij-python" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("tapis", None, "must be described"),
        ("tapis", "psij: {}\n", "no key `tapis`"),
        ("tapis", TAPIS.format(url="http://example.org"), "line .*https"),
        ("tapis", TAPIS.format(url="https://x").replace("app:", "apps:"), "apps"),
        ("tapis", TAPIS.format(url="https://x").replace("0.1", "$(reboot)"), "version"),
        ("local", "psij: {}\n", "needs no description"),
        ("slurm", "psij: {}\n", "needs no description"),
    ],
)
def test_a_description_that_is_none_is_refused(tmp_path, name, text, said):
    (tmp_path / "token").write_text("secret")
    (tmp_path / "token").chmod(0o600)
    path = None
    if text is not None:
        path = tmp_path / "site.yaml"
        path.write_text(text)

    with pytest.raises(ValueError, match=said):
        backend_named(name, path)


@pytest.mark.parametrize("name", ["local", "psij", "tapis"])
def test_a_rest_is_refused_where_nothing_is_requeued(name):
    with pytest.raises(ValueError, match=f"--rest is of jobs that Slurm requeues; {name}"):
        backend_named(name, rest_s=3.0)


def test_a_scheduler_that_is_none_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match=", ".join(NAMES)):
        backend_named("pbs")
