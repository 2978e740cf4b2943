"""A centre's rules: read as Slurm prints them, kept in YAML, and every broken one named."""

from pathlib import Path

import pytest

from helpers.operate.rules import (
    Partition,
    Qos,
    Resources,
    Rules,
    memory_mb,
    pairs_of,
    parse_accounts,
    parse_partitions,
    parse_qos,
    read_rules,
    write_rules,
)

RECORDED = Path(__file__).parent.parent / "fixtures" / "slurm" / "live" / "recorded"


def recorded(name):
    return (RECORDED / name).read_text(encoding="utf-8")


@pytest.fixture
def rules():
    partitions = parse_partitions(recorded("partitions.txt"), recorded("nodes.txt"))
    accounts, default = parse_accounts(recorded("accounts.txt"))
    return Rules(partitions, parse_qos(recorded("qos.txt")), accounts, default, "physics")


def test_partitions_are_read_as_slurm_prints_them(rules):
    short = rules.partition("short")

    assert ("batch", "short", "closed", "scavenge") == tuple(p.name for p in rules.partitions)
    assert (2, 8, 4000.0, 1800.0, 1.0) == (
        short.nodes,
        short.cores_per_node,
        short.memory_mb,
        short.longest_s,
        short.most_nodes,
    )
    assert ("biology",) == rules.partition("closed").accounts
    assert "batch" == rules.partition(None).name


def test_gpus_are_counted_with_and_without_their_type():
    nodes = (
        "NodeName=a CPUTot=8 Gres=gpu:a100:4(S:0-1),gpu:2 Partitions=p RealMemory=1\n"
        "NodeName=b CPUTot=4 Gres=(null) Partitions=p RealMemory=1"
    )

    found = parse_partitions("PartitionName=p State=UP TotalNodes=2", nodes)[0]

    assert (6, 8) == (found.gpus_per_node, found.cores_per_node)


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (Resources(wall_s=3600, partition="short"), "wall_s(=3600) must be <= 1800 s"),
        (Resources(wall_s=60, partition="short", nodes=2, cores=2), "nodes(=2) must be <= 1"),
        (Resources(wall_s=60, cores=9), "cores(=9) on nodes(=1) need 9"),
        (Resources(wall_s=60, memory_mb=4001), "memory_mb(=4001) must be <= 4000"),
        (Resources(wall_s=60, gpus=1), "gpus(=1) must be <= 0"),
        (Resources(wall_s=60, partition="closed"), "for the accounts biology"),
        (Resources(wall_s=60, account="biology"), "account 'biology' is not one"),
        (Resources(wall_s=7200, qos="green"), "must be <= 3600 s with QoS 'green'"),
        (Resources(wall_s=60, nodes=2, cores=9, qos="green"), "cores(=9 in all) must be <= 8"),
        (Resources(wall_s=60, qos="nosuch"), "QoS 'nosuch' does not exist"),
        (Resources(wall_s=60, partition="nosuch"), "partition 'nosuch' does not exist"),
    ],
)
def test_a_request_that_breaks_a_rule_is_told_which(rules, request_, said):
    broken = rules.broken(request_)

    assert 1 == len(broken)
    assert said in broken[0]


def test_all_broken_rules_are_told_at_once(rules):
    broken = rules.broken(Resources(wall_s=1e6, cores=64, memory_mb=9999, qos="green"))

    assert 5 == len(broken)


def test_a_valid_request_breaks_none(rules):
    assert [] == rules.broken(Resources(wall_s=1800, cores=8, partition="short", qos="green"))


def test_rules_survive_yaml(rules, tmp_path):
    write_rules(rules, tmp_path / "rules.yaml")

    again = read_rules(tmp_path / "rules.yaml")

    assert rules.to_frame().equals(again.to_frame())
    assert (rules.accounts, rules.default_qos) == (again.accounts, again.default_qos)


def test_a_price_counts_core_hours_and_the_factor_of_the_qos():
    rules = Rules(
        (Partition("p", 1, 8, price_per_core_h=0.5, default=True),), (Qos("q", usage_factor=2.0),)
    )

    assert 0.5 * 2 * 4 * 2 == rules.cost(Resources(wall_s=7200, cores=4, qos="q"))


def test_an_error_in_yaml_names_file_line_and_remedy(tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text("partitions:\n  - {name: p, nodes: 1, cores_per_node: 8, lognest_s: 5}\n")

    with pytest.raises(ValueError, match=r"rules\.yaml, line 2.*lognest_s.*unknown key"):
        read_rules(path)


@pytest.mark.parametrize("name", ["-rf", "a b", "$(x)", "a;b", "", "a\nb", "--wrap=x"])
def test_a_name_that_is_none_never_becomes_a_word_of_a_command(name):
    with pytest.raises(ValueError, match="letters, digits"):
        Resources(wall_s=60, partition=name)


def test_memory_is_read_as_sbatch_reads_it():
    assert (4000, 4096, 1) == (memory_mb("4000"), memory_mb("4G"), memory_mb("12K"))


def test_a_line_of_scontrol_is_read_as_pairs():
    assert {"NodeName": "n1", "Gres": "(null)", "State": "IDLE+DRAIN"} == pairs_of(
        "NodeName=n1 Gres=(null) State=IDLE+DRAIN"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", r"rules\.yaml, line 1: the file is empty: it must hold partitions"),
        ("partitions: []\n", r"line 1, partitions: must be a list of partitions, at least one"),
        (
            "partitions:\n- {name: p, nodes: 1}\n",
            r"line 2, partitions\[0\]: missing key: add cores",
        ),
        (
            "partitions:\n- {name: p, nodes: -1, cores_per_node: 8}\n",
            r"line 2, partitions\[0\]\.nodes: -1 must be >= 0",
        ),
        (
            "partitions:\n- {name: p, nodes: 1.5, cores_per_node: 8}\n",
            r"partitions\[0\]\.nodes: '1\.5' must be a whole number",
        ),
        (
            "partitions:\n- {name: p, nodes: 1, cores_per_node: 8, price_per_core_h: .nan}\n",
            r"price_per_core_h: \.nan must be >= 0",
        ),
        (
            "partitions:\n- {name: p, nodes: 1, cores_per_node: 8, up: maybe}\n",
            r"up: 'maybe' must be true or false",
        ),
        (
            "partitions:\n- {name: a;b, nodes: 1, cores_per_node: 8}\n",
            r"line 2, partitions\[0\]: partition\(='a;b'\) must be letters",
        ),
        (
            "partitions:\n- {name: p, nodes: 1, cores_per_node: 8}\n"
            "- {name: p, nodes: 1, cores_per_node: 8}\n",
            r"line 1, top level: 'p' is there twice",
        ),
        (
            "partitions:\n- {name: p, nodes: 1, cores_per_node: 8}\naccounts:\n- {name: x}\n",
            r"line 4, accounts\[0\]: missing key: add qos",
        ),
        ("partitions: !!python/object/apply:os.getcwd []\n", r"rules\.yaml"),
    ],
)
def test_a_refusal_of_rules_names_file_line_place_and_remedy(tmp_path, text, said):
    (tmp_path / "rules.yaml").write_text(text)

    with pytest.raises(ValueError, match=said):
        read_rules(tmp_path / "rules.yaml")


def test_no_limit_may_be_written_out(tmp_path):
    (tmp_path / "rules.yaml").write_text(
        "partitions:\n- {name: p, nodes: 1, cores_per_node: 8, longest_s: .inf, accounts: null}\n"
    )

    found = read_rules(tmp_path / "rules.yaml").partitions[0]

    assert (float("inf"), None) == (found.longest_s, found.accounts)
