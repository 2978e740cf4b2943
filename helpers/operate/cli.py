"""The command ``clean-hours``: the front door for people who never open a notebook.

==========  ============================================================================
exit code   meaning
==========  ============================================================================
0           done
2           an input is wrong; nothing was done
3           no intensity is known; the answer given is the one that waits for nothing
4           the scheduler, or a broker, refused or gave no answer
5           another agent is at work for this user
==========  ============================================================================

What it prints is for people; with ``--json`` it is one JSON object for programs. What is told
besides goes to standard error.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

import helpers
from helpers.operate.words import Answer, counts, duration, instant

__all__ = ["main", "parser"]


def _add_window(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group("window")
    group.add_argument("--from", dest="release", type=instant, help="earliest start (default: now)")
    choice = group.add_mutually_exclusive_group()
    choice.add_argument(
        "--within", type=duration, help="start at the latest this long after the earliest (24h)"
    )
    choice.add_argument("--by", type=instant, help="be finished by this time")


def _add_grid(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group("carbon intensity")
    group.add_argument("--zone", default="DE", help="grid zone (DE)")
    group.add_argument("--intensity", metavar="FILE", help="file of the zone's intensity (CSV)")
    group.add_argument("--offline", action="store_true", help="ask no service on the network")


def _add_job(command: argparse.ArgumentParser, *, positional: bool) -> None:
    group = command.add_argument_group("job")
    if positional:
        group.add_argument("phases", nargs="?", metavar="JOB.yaml", help="phases of the job")
    group.add_argument("--length", type=duration, help="how long it runs")
    group.add_argument("--power", type=float, metavar="W", help="what it draws [W]")
    group.add_argument("--startup", type=duration, help="start-up, repeated after every pause")
    group.add_argument(
        "--checkpoint", type=duration, help="a checkpoint every ...: may pause there"
    )
    group.add_argument("--stretch", type=float, help="run time at worst / expected (1.2)")
    group.add_argument(
        "--predicted",
        metavar="FILE",
        help="what predict --json printed: its middle is the length, its upper end the time limit",
    )
    group.add_argument("--predicted-job", metavar="ID", help="which job of it, if it holds several")
    group.add_argument("--margin", type=duration, default=60.0, help="kept free at the end (1min)")


def _add_request(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group("request")
    group.add_argument("--wall", type=duration, help="time limit (default: the job at worst)")
    group.add_argument("--nodes", type=int, default=1)
    group.add_argument("--cores", type=int, default=1, help="cores in all")
    group.add_argument("--memory", help="on each node, such as 4G")
    group.add_argument("--gpus", type=int, default=0, help="on each node")
    group.add_argument("--partition")
    group.add_argument("--qos")
    group.add_argument("--account")
    group.add_argument(
        "--price-per-core-hour",
        type=float,
        metavar="X",
        help="price of a core hour where the rules know none",
    )
    group.add_argument(
        "--price-per-kwh", type=float, metavar="X", help="price of the energy that it draws"
    )


_EXIT = "Exit codes: 0 done, 2 wrong input, 3 no intensity known, 4 scheduler failed, 5 busy."


def _command(
    commands: Any, name: str, about: str, example: str, run: Callable[[argparse.Namespace], Any]
) -> argparse.ArgumentParser:
    command = commands.add_parser(
        name,
        help=about,
        description=about,
        epilog=f"example:\n{example}\n\n{_EXIT}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("--json", action="store_true", help="print one JSON object")
    command.set_defaults(run=run)
    return command


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    top = argparse.ArgumentParser(
        prog="clean-hours",
        description="When should a batch job run so that its electricity causes the least CO2e?",
        epilog=f"Each command has its own --help with an example. {_EXIT}",
    )
    top.add_argument("--version", action="version", version=f"clean-hours {helpers.__version__}")
    sub = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    _add_plans(sub)
    _add_choice(sub)
    _add_submit(sub)
    _add_agent(sub)
    _add_watching(sub)
    _add_report(sub)
    _add_rules(sub)
    _add_answers(sub)
    _add_operator(sub)
    _add_programs(sub, top)
    _add_tools(sub, top)
    return top


def _add_plans(sub: Any) -> None:
    """Add the commands that decide when a job runs."""
    from helpers.operate import commands as do

    start = _command(
        sub,
        "start",
        "the best start of a job that runs through",
        "  clean-hours start --zone DE --length 4h --within 24h\n"
        "  sbatch --begin=$(clean-hours start --length 4h --format sbatch) job.sh",
        do.start,
    )
    start.add_argument("--length", type=duration, required=True, help="how long it runs")
    start.add_argument("--power", type=float, metavar="W", help="what it draws [W], for grams")
    start.add_argument(
        "--format",
        choices=("text", "sbatch", "iso", "epoch"),
        default="text",
        help="what is printed",
    )
    _add_window(start)
    _add_grid(start)

    plan = _command(
        sub,
        "plan",
        "the best runs of a job that may pause after its checkpoints",
        "  clean-hours plan --length 8h --power 300 --startup 10min --checkpoint 30min --within 2d\n"
        "  clean-hours plan job.yaml --by 2026-12-01T06:00 --out plan.json",
        do.plan,
    )
    plan.add_argument("--out", metavar="FILE", help="write the plan (JSON)")
    plan.add_argument(
        "--keep", nargs="+", metavar="SCRIPT", help="keep it with this script: submit --plan ID"
    )
    plan.add_argument("--rules", metavar="FILE", help="the centre's rules (YAML), to be kept")
    _add_job(plan, positional=True)
    _add_request(plan)
    _add_window(plan)
    _add_grid(plan)


def _add_choice(sub: Any) -> None:
    """Add the command that compares configurations of a job."""
    from helpers.operate import commands_choice as do

    choice = _command(
        sub,
        "what-if",
        "one job in every configuration the centre allows: fastest, cheapest, cleanest",
        "  clean-hours what-if --length 4h --power 800 --cores 8 --try-cores 4,8,16 --parallel 0.95\n"
        "  clean-hours what-if job.yaml --rules rules.yaml --by 2026-12-01T06:00 --json",
        do.what_if,
    )
    choice.add_argument("--rules", metavar="FILE", help="the centre's rules (YAML), with prices")
    choice.add_argument("--try-cores", type=counts, metavar="N,N", help="numbers of cores to try")
    choice.add_argument(
        "--parallel", type=float, default=1.0, help="share of the work that runs in parallel (1)"
    )
    _add_on(choice)
    _add_job(choice, positional=True)
    _add_request(choice)
    _add_window(choice)
    _add_grid(choice)


def _add_answers(sub: Any) -> None:
    """Add the commands that say what was, and why a plan is as it is."""
    from helpers.operate import commands as do
    from helpers.operate import commands_why as why

    account = _command(
        sub,
        "account",
        "energy and CO2e of the jobs of a log, by user, month, partition, ...",
        "  SLURM_TIME_FORMAT=%s sacct -a -P -o ALL -S 2020-01-01 > jobs.txt\n"
        "  clean-hours account jobs.txt --time-zone UTC --per-core 5 --by user --by month",
        do.account,
    )
    account.add_argument("log", help="what sacct --parsable2 printed, SWF, or a jobs table")
    account.add_argument("--time-zone", help="clock of the log's times, such as Europe/Berlin")
    account.add_argument("--by", action="append", help="user, group, partition, month, ... (user)")
    account.add_argument("--per-core", type=float, metavar="W", help="drawn by a core in use [W]")
    account.add_argument("--per-gpu", type=float, metavar="W", help="drawn by a GPU in use [W]")
    account.add_argument("--per-node", type=float, metavar="W", help="drawn by a node in use [W]")
    account.add_argument(
        "--pue", type=float, default=1.0, help="energy of the building / computers"
    )
    account.add_argument("--format", choices=("table", "csv", "html"), default="table")
    account.add_argument("--out", metavar="FILE", help="write it there")
    _add_grid(account)

    _add_predict(sub)

    explain = _command(
        sub,
        "explain",
        "why a job waits: of a plan, of a job handed over, or of a log that is replayed",
        "  clean-hours explain plan.json\n"
        "  clean-hours explain 4711                       # handed over, by key or scheduler's number\n"
        "  clean-hours explain 4711 --log jobs.txt --time-zone Europe/Berlin --cores 1000 --per-core 8 \\\n"
        "      --policy aware --at 2020-09-07T14:00",
        why.explain,
    )
    explain.add_argument(
        "plan", metavar="JOB", help="file of a plan, key or number of a job; with --log, its job"
    )
    explain.add_argument("--at", type=instant, help="with --log: when (default: when it came)")
    explain.add_argument(
        "--others", action="store_true", help="with --log: what its waiting did to others"
    )
    _add_on(explain)
    _add_replay(explain)
    _add_grid(explain)


def _add_replay(command: argparse.ArgumentParser) -> None:
    from helpers.operate.commands_replay import POLICIES

    group = command.add_argument_group("replay of a log")
    group.add_argument("--log", metavar="FILE", help="sacct --parsable2, SWF, or a jobs table")
    group.add_argument("--time-zone", help="clock of the log's times, such as Europe/Berlin")
    group.add_argument("--start", metavar="DAY", help="lay second 0 of the log on this day")
    group.add_argument("--cores", type=int, help="cores of the machine")
    group.add_argument("--per-core", type=float, metavar="W", help="drawn by a core in use [W]")
    group.add_argument("--policy", choices=POLICIES, default="easy", help="who decides (easy)")
    group.add_argument(
        "--hold", type=float, default=0.6, help="gated, aware: clean share of the past week (0.6)"
    )
    group.add_argument(
        "--pause", type=float, default=0.7, help="aware: share above which jobs are paused (0.7)"
    )
    group.add_argument("--longest-wait", type=duration, help="longest wait that users accept (24h)")


def _add_predict(sub: Any) -> None:
    """Add the command that says how long jobs will run."""
    from helpers.operate import commands_predict as do

    predict = _command(
        sub,
        "predict",
        "how long jobs of a log, or a program that never ran, will run, with intervals",
        "  clean-hours predict jobs.txt --time-zone Europe/Berlin --card card.md\n"
        "  clean-hours predict jobs.swf --of memory --save model.json --json\n"
        "  clean-hours predict --program train.py:step --times 10000 --json > length.json\n"
        "  clean-hours plan --predicted length.json --power 300 --within 2d\n\n"
        "With --program FILE.py:FUNCTION the file is run as Python runs it, and for no other reason\n"
        "is anything of yours run: name only files that you would run. The function is traced and\n"
        "compiled by JAX, not run; arguments() of the same file gives what it is called with.",
        do.predict,
    )
    predict.add_argument("log", nargs="?", help="what sacct --parsable2 printed, SWF, or a table")
    _add_program(predict)
    predict.add_argument("--time-zone", help="clock of the log's times, such as Europe/Berlin")
    predict.add_argument("--of", choices=("time", "memory"), default="time", help="what (time)")
    predict.add_argument("--show", type=_count, default=10, metavar="N", help="at most N jobs (10)")
    predict.add_argument("--no-waits", action="store_true", help="take it that no job waited")
    predict.add_argument(
        "--model", metavar="FILE", help="use this saved model (JSON), learn nothing"
    )
    predict.add_argument(
        "--save", metavar="FILE", help="write the model, or the program, there (JSON)"
    )
    predict.add_argument("--card", metavar="FILE", help="write its card there (Markdown)")


def _add_program(predict: argparse.ArgumentParser) -> None:
    group = predict.add_argument_group("a program instead of a log")
    group.add_argument(
        "--program", metavar="FILE.py:FUNCTION", help="a function that JAX can trace"
    )
    group.add_argument("--described", metavar="FILE", help="a program that --save described (JSON)")
    group.add_argument(
        "--arguments",
        default="arguments",
        metavar="NAME",
        help="what gives its arguments (arguments)",
    )
    group.add_argument(
        "--times", type=float, default=1.0, metavar="N", help="how often it is called (1)"
    )
    group.add_argument("--power", type=float, metavar="W", help="what a core draws [W], for energy")


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} must be a whole number above 0.")
    return int(text)


def _add_operator(sub: Any) -> None:
    """Add the commands for those who run a cluster."""
    about = "for those who run a cluster: walls over dirty hours, begin times, suspended jobs"
    top = sub.add_parser(
        "operator",
        help=about,
        description=about,
        epilog="example:\n  clean-hours operator hours --zone DE\n"
        f"  clean-hours operator keep --zone DE --table /etc/slurm/clean_hours.table\n\n{_EXIT}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    under = top.add_subparsers(dest="verb", required=True, metavar="VERB")

    def add(name: str, about: str, example: str, run: Callable[[argparse.Namespace], Any]) -> Any:
        """Add one of them."""
        return _command(under, name, about, f"  clean-hours operator {name} {example}", run)

    _add_walls(add)
    _add_begin_times(add)
    _add_suspensions(add)


def _add_walls(add: Callable[..., Any]) -> None:
    """Add what keeps dirty hours free."""
    from helpers.operate import commands_operator as do

    hours = add("hours", "which hours would be walled", "--zone DE --share 0.2", do.hours)
    keep = add(
        "keep",
        "one pass, for cron: walls, suspensions, the table; a second one changes nothing",
        "--zone DE --table /etc/slurm/clean_hours.table",
        do.keep,
    )
    for command in (hours, keep):
        command.add_argument(
            "--share", type=float, default=0.25, help="share of hours walled at most (0.25)"
        )
        command.add_argument(
            "--longest", type=duration, default=6 * 3600.0, help="longest wall (6h)"
        )
    keep.add_argument("--nodes", default="ALL", help="nodes with walls, such as n[1-8] (all)")
    keep.add_argument("--no-walls", action="store_true", help="make and remove no reservation")
    keep.add_argument("--table", metavar="FILE", help="renew this table for job_submit.lua")
    for command in (hours, keep):
        _add_ahead(command)


def _add_ahead(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--ahead", type=duration, default=48 * 3600.0, help="how far it looks (48h)"
    )
    _add_grid(command)


def _add_begin_times(add: Callable[..., Any]) -> None:
    """Add what lets Slurm give begin times to jobs that ask for it."""
    from helpers.operate import commands_operator as do

    table = add(
        "table",
        "write the table of job_submit.lua",
        "--out /etc/slurm/clean_hours.table",
        do.table,
    )
    table.add_argument("--out", dest="table", metavar="FILE", required=True, help="where to")
    _add_ahead(table)
    lua = add(
        "lua",
        "print job_submit.lua, which gives jobs that ask for it a begin time",
        "--table /etc/slurm/clean_hours.table > /etc/slurm/job_submit.lua",
        do.lua,
    )
    lua.add_argument("--table", metavar="FILE", required=True, help="its table")
    lua.add_argument("--out", metavar="FILE", help="write it there")


def _add_suspensions(add: Callable[..., Any]) -> None:
    """Add what suspends jobs and resumes them."""
    from helpers.operate import commands_operator as do

    suspend = add(
        "suspend",
        "suspend a job, with a watchdog that resumes it",
        "4711 --until 2026-12-01T21:00",
        do.suspend,
    )
    suspend.add_argument("--until", type=instant, required=True, help="when it is resumed")
    resume = add("resume", "resume a job and dismiss its watchdog", "4711", do.resume)
    for command in (suspend, resume):
        command.add_argument("job", metavar="JOB", help="its number")


def _add_tools(sub: Any, top: argparse.ArgumentParser) -> None:
    """Add what measures, and what helps at the shell."""
    from helpers.operate import commands as do

    record = _command(
        sub,
        "record",
        "record power while a program runs",
        "  clean-hours record --out run.csv --meter rapl -- python train.py",
        do.record,
    )
    record.add_argument(
        "rest", nargs=argparse.REMAINDER, help="as for python -m helpers.power.record"
    )
    completion = _command(
        sub,
        "completion",
        "print a completion script for a shell",
        '  eval "$(clean-hours completion bash)"',
        do.completion,
    )
    completion.set_defaults(parser=top)
    completion.add_argument("shell", choices=("bash", "zsh", "tcsh"))


def _add_broker(command: argparse.ArgumentParser, default: str | None = None) -> None:
    group = command.add_argument_group("events")
    said = f" ({default})" if default else ""
    group.add_argument("--events", metavar="URL", default=default, help=f"broker{said}")
    group.add_argument(
        "--token", metavar="FILE", help="its token, in a file that only you may read"
    )
    group.add_argument("--channel", default="clean_hours", help="subject or topic (clean_hours)")
    group.add_argument("--cluster", help="how this cluster is called (default: its own name)")


def _add_programs(sub: Any, top: argparse.ArgumentParser) -> None:
    """Add what other programs speak with: events on a broker, tools of an assistant."""
    from helpers.operate import commands_events as do
    from helpers.operate import mcp

    events = _command(
        sub,
        "events",
        "watch events on a broker, say one, run a NATS server of your own, or print AsyncAPI",
        "  clean-hours events serve &\n  clean-hours events watch &\n"
        "  clean-hours events say --forecast DE\n  clean-hours events asyncapi > asyncapi.json",
        do.events,
    )
    events.add_argument("what", choices=("watch", "say", "serve", "asyncapi"))
    _add_broker(events, "nats://127.0.0.1:4222")
    _add_on(events)
    events.add_argument("--count", type=_count, metavar="N", help="watch: end after N")
    events.add_argument("--for", dest="lasts", type=duration, help="watch: end after so long")
    events.add_argument("--store", metavar="FOLDER", help="serve: where it keeps them")
    say = events.add_argument_group("say")
    say.add_argument("--forecast", metavar="ZONE", help="something else is expected there now")
    say.add_argument("--job", metavar="KEY", help="which job (default: the one that says it)")
    say.add_argument("--state", default="checkpoint", help="what it did (checkpoint)")
    say.add_argument("--number", type=int, metavar="N", help="checkpoints done")
    say.add_argument("--restarts", type=int, default=0, metavar="N", help="how often requeued (0)")
    say.add_argument("--job-id", metavar="N", help="what its scheduler says of this number")
    tools = _command(
        sub,
        "mcp",
        "serve estimates, plans and their submission by id as tools of an assistant (MCP)",
        "  clean-hours plan --length 4h --out plan.json --keep job.sh   # may be submitted by its id\n"
        "  clean-hours mcp                                              # over standard input, output",
        mcp.serve,
    )
    tools.set_defaults(parser=top)
    tools.add_argument("--http", type=_count, metavar="PORT", help="over HTTP, on loopback alone")
    tools.add_argument(
        "--token", metavar="FILE", help="with --http: who asks must send it; needed to submit"
    )
    _add_on(tools)


def _add_on(command: argparse.ArgumentParser) -> None:
    from helpers.operate.sites import NAMES

    command.add_argument("--on", choices=NAMES, help="scheduler (default: slurm where sbatch is)")
    command.add_argument("--site", metavar="FILE", help="what psij and tapis need to know (YAML)")


def _add_submit(sub: Any) -> None:
    """Add what hands a job over."""
    from helpers.operate import commands_jobs as do

    submit = _command(
        sub,
        "submit",
        "plan a job and hand it over; it starts by itself in its clean hours",
        "  clean-hours submit --length 4h --within 24h --cores 8 job.sh input.txt\n"
        "  clean-hours submit --plan plan.json job.sh",
        do.submit,
    )
    submit.add_argument("--plan", metavar="FILE", help="a plan, or the id of one that was kept")
    submit.add_argument("--phases", metavar="FILE", help="phases of the job (YAML)")
    _add_on(submit)
    _add_job(submit, positional=False)
    _add_request(submit)
    _add_window(submit)
    _add_grid(submit)
    submit.add_argument("script", nargs="?", help="the script that sbatch would run")
    submit.add_argument("arguments", nargs=argparse.REMAINDER, help="its arguments")


def _add_agent(sub: Any) -> None:
    """Add what carries plans out."""
    from helpers.operate import commands_jobs as do

    agent = _command(
        sub,
        "agent",
        "carry out all plans: pause after checkpoints, resume, write receipts",
        "  clean-hours agent --until-empty\n  nohup clean-hours agent &\n"
        "  clean-hours agent --events nats://127.0.0.1:4222   # looks sooner when told",
        do.agent,
    )
    _add_on(agent)
    agent.add_argument("--until-empty", action="store_true", help="end when no job is left")
    agent.add_argument(
        "--poll", type=duration, default=15.0, help="between looks at the queue (15s)"
    )
    agent.add_argument("--tick", type=duration, default=1.0, help="between looks at events (1s)")
    agent.add_argument(
        "--rest", type=duration, help="how long a requeued job of Slurm rests at least (121s)"
    )
    agent.add_argument(
        "--replan", type=duration, default=3600.0, help="between looks at forecasts (1h)"
    )
    agent.add_argument(
        "--switch",
        choices=("planned start", "last moment"),
        default="planned start",
        help="when a waiting job starts by itself if the agent is dead",
    )
    agent.add_argument(
        "--migrate",
        action="store_true",
        help="move jobs that wait to a partition in which they start earlier or cleaner",
    )
    _add_broker(agent)


def _add_watching(sub: Any) -> None:
    """Add what looks at jobs that were handed over, and moves one."""
    from helpers.operate import commands_jobs as do

    move = _command(
        sub,
        "move",
        "let a job that was handed over go on in another partition",
        "  clean-hours move 4711 --partition long",
        do.move,
    )
    _add_on(move)
    move.add_argument("job", metavar="JOB", help="its key, or its scheduler's number")
    move.add_argument("--partition", required=True, help="where to")
    watch = _command(
        sub, "watch", "what every planned job does", "  clean-hours watch --all", do.watch
    )
    _add_on(watch)
    watch.add_argument("--all", action="store_true", help="those that are over, too")


def _add_report(sub: Any) -> None:
    """Add what tells planned from real, and a user's page of a log."""
    from helpers.operate import commands_why as why

    report = _command(
        sub,
        "report",
        "planned against real of all jobs that are over; of a log: what waiting did for a user",
        "  clean-hours report --json > receipts.json\n"
        "  clean-hours report --log jobs.txt --time-zone UTC --cores 1000 --per-core 8 "
        "--policy aware \\\n      --user ann --out ann.html",
        why.report,
    )
    report.add_argument("--user", help="with --log: whose page; it names nobody else")
    report.add_argument(
        "--all-users", action="store_true", help="with --log: all users, for who may see them"
    )
    report.add_argument(
        "--least-others",
        type=int,
        default=5,
        help="other users a sum on a user's page must be made of at least (5)",
    )
    report.add_argument("--out", metavar="FILE", help="with --log: write the page (HTML) there")
    _add_replay(report)
    _add_grid(report)


def _add_rules(sub: Any) -> None:
    """Add what a centre allows."""
    from helpers.operate import commands_jobs as do

    rules = _command(
        sub,
        "rules",
        "what the centre allows, as YAML",
        "  clean-hours rules --out rules.yaml   # then add price_per_core_h",
        do.rules,
    )
    _add_on(rules)
    rules.add_argument("--out", metavar="FILE", help="write them there")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        By default those of the shell.
    """
    from helpers.operate.backend import SchedulerError

    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == ["record"] and "--help" not in words and "-h" not in words:
        return _record(words[1:])  # what follows `--` is a program's, not ours to parse
    options = parser().parse_args(words)
    if getattr(options, "by", None) is None and options.command == "account":
        options.by = ["user"]
    try:
        result = options.run(options)
    except Answer as answer:
        print(f"clean-hours: {answer}", file=sys.stderr)
        return answer.code
    except SchedulerError as error:
        print(f"clean-hours: {error}", file=sys.stderr)
        return 4
    except (ValueError, OSError) as error:
        print(f"clean-hours: {error}", file=sys.stderr)
        return 2
    code = int(result.pop("exit_code", 0))
    text = result.pop("text", "")
    told = result.pop("warning", "")
    if told:
        print(f"clean-hours: {told}", file=sys.stderr)
    print(json.dumps(result, indent=2, allow_nan=False) if options.json else text)
    return code


def _record(words: Sequence[str]) -> int:
    from helpers.power.record import main as record

    return record([word for word in words if word != "--json"])
