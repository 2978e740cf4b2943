"""From chapters to notebooks: execute what changed, keep what is proven.

``chapters/NAME.py`` (py:percent) is the only edited source. This module turns it into
``book/NAME.ipynb``, executed and cleaned so that the same inputs give the same bytes, and writes
the numbers the chapter claims to ``book/results/NAME.json``. For LaTeX it writes all numbers to
``book/results/numbers.tex`` and each figure, by its name, to ``_build/figures/NAME.pdf``.

    python book/pipeline.py execute [NAME ...] [--force]
    python book/pipeline.py latex
    python book/pipeline.py run NAME zone=FR year=2019

A chapter is executed again when its source, a module of `helpers` that its last run here executed,
a file that this run read, or the lock file changed since.
What a run executed and read is written down as it happens (`_record/sitecustomize.py`), so a module
that is only loaded where it is needed outdates the chapters that needed it, and no others.
A chapter that needs downloads lists them in its header (``book: {downloads: [...]}``). Where one
cannot be had, the cells tagged ``download`` (or, if none is tagged, the whole chapter) keep their
stored outputs, and the built page says so.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import hashlib
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import jupytext
import nbformat
import yaml

ROOT = Path(__file__).resolve().parent.parent
BOOK = ROOT / "book"
CHAPTERS = ROOT / "chapters"
RECORD = BOOK / "_record"
STATE = ROOT / "_build" / "chapters"
FIGURES = ROOT / "_build" / "figures"
NUMBERS_MIME = "application/vnd.clean-hours.numbers+json"
TIMEOUT_S = 600
# Run before a chapter's own cells: each figure is handed over in these forms, too.
ALL_FORMATS = "import drawn\n\ndrawn.hand_over(get_ipython())\ndel drawn"
FORMATS = {"application/pdf": "pdf", "image/svg+xml": "svg", "text/csv": "csv"}


def chapter_names(root: Path = ROOT) -> list[str]:
    """Return the chapters in the order of the table of contents."""
    return [page for page in contents(root) if (root / "chapters" / f"{page}.py").exists()]


def contents(root: Path = ROOT) -> list[str]:
    """Return all pages in the order of the table of contents, the landing page first."""
    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))

    def below(entry: dict) -> list[str]:
        inner = [*entry.get("chapters", []), *entry.get("sections", [])]
        own = [entry["file"]] if "file" in entry else []
        return own + [page for part in inner for page in below(part)]

    return [toc["root"], *(page for part in toc["parts"] for page in below(part))]


def read_chapter(name: str) -> nbformat.NotebookNode:
    """Read a chapter's source as a notebook without outputs, cells named ``NAME-000`` on."""
    path = CHAPTERS / f"{name}.py"
    if not path.exists():
        known = ", ".join(sorted(p.stem for p in CHAPTERS.glob("*.py")))
        raise SystemExit(f"No chapter {name!r} in chapters/: choose one of {known}.")
    notebook = jupytext.read(path)
    header = notebook.metadata.get("book", {})
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        "book": dict(header),
    }
    for number, cell in enumerate(notebook.cells):
        cell.id = f"{name.replace('_', '-')}-{number:03d}"
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a file under a temporary name, then rename it into place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
        file.write(content.encode() if isinstance(content, str) else content)
    os.chmod(file.name, 0o644)
    os.replace(file.name, path)


def digest(path: Path) -> str:
    """Return a file's sha256, or 'missing'."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "missing"


# --- what a chapter depends on ------------------------------------------------------------


def fingerprint(name: str, used: Iterable[str], data: Iterable[str], kept: list[str]) -> dict:
    """Return the hashes of everything a chapter's outputs follow from.

    `used` are the files of the repository that its run executed or opened, `data` the data files
    it read, by registered name; `kept` the downloads that could not be had.
    """
    always = [CHAPTERS / f"{name}.py", Path(__file__), ROOT / "requirements.lock"]
    files = {*(path.resolve().relative_to(ROOT).as_posix() for path in always), *used}
    downloads = _recorded_downloads()
    return {
        "files": {file: digest(ROOT / file) for file in sorted(files)},
        "data": {
            # What was downloaded is the file of the recorded hash, or reading it was refused.
            entry: downloads.get(entry) or digest(ROOT / "data" / entry)
            for entry in sorted(data)
        },
        "missing_downloads": sorted(kept),
    }


def _recorded_downloads() -> dict[str, str]:
    """Return the sha256 of each file of ``data/downloads.txt`` by name."""
    path = ROOT / "data" / "downloads.txt"
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return {line.split()[0]: line.split()[1] for line in lines if line.strip()}


def is_current(name: str, missing: list[str]) -> bool:
    """Tell whether a chapter's notebook was made here from just what lies here now."""
    state, notebook = STATE / f"{name}.json", BOOK / f"{name}.ipynb"
    if not state.exists() or not notebook.exists():
        return False
    stored = json.loads(state.read_text(encoding="utf-8"))
    stored.pop("seconds", None)
    now = fingerprint(name, stored["files"], stored["data"], missing)
    figures = {file: digest(FIGURES / file) for file in stored.get("figures", {})}
    return stored == now | {"notebook": digest(notebook), "figures": figures}


# --- downloads ----------------------------------------------------------------------------


def missing_downloads(notebook: nbformat.NotebookNode) -> list[str]:
    """Return the downloads a chapter's header lists that can neither be found nor fetched."""
    wanted = notebook.metadata["book"].get("downloads", [])
    if not wanted:
        return []
    from helpers import datasets

    return [name for name in wanted if not datasets.available(name, download=True)]


def split_downloads(notebook: nbformat.NotebookNode) -> set[int]:
    """Return the positions of the code cells that need the chapter's downloads."""
    code = {i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code"}
    tagged = {i for i in code if "download" in notebook.cells[i].metadata.get("tags", [])}
    return tagged or code


# --- executing ----------------------------------------------------------------------------


def clean(notebook: nbformat.NotebookNode, keep_ids: list[str]) -> None:
    """Strip what differs from run to run: times, random ids, empty tags, parameters' traces."""
    for key in ("papermill", "widgets"):
        notebook.metadata.pop(key, None)
    notebook.metadata["language_info"] = {"name": "python"}
    for cell, cell_id in zip(notebook.cells, keep_ids, strict=True):
        cell.id = cell_id
        for key in ("papermill", "execution"):
            cell.metadata.pop(key, None)
        if not cell.metadata.get("tags", True):
            cell.metadata.pop("tags")
    for count, cell in enumerate((c for c in notebook.cells if c.cell_type == "code"), start=1):
        cell.execution_count = count
        cell.outputs = _merge_streams(cell.outputs)
        for output in cell.outputs:
            if "execution_count" in output:
                output.execution_count = count
            for mime, data in output.get("data", {}).items():
                if isinstance(data, str) and mime.startswith("text/"):
                    output.data[mime] = re.sub(r"\bat 0x[0-9a-f]+", "at 0x0", data)


def _merge_streams(outputs: list[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    """Join what was printed in one go but arrived in parts, as the kernel's timing had it."""
    merged: list[nbformat.NotebookNode] = []
    for output in outputs:
        last = merged[-1] if merged else None
        streams = output.output_type == "stream" and last is not None
        if streams and last.output_type == "stream" and last.name == output.name:
            last.text += output.text
        else:
            merged.append(output)
    return merged


def refuse_stderr(notebook: nbformat.NotebookNode, name: str) -> None:
    """Raise if a chapter wrote to stderr: warnings have no place in a page."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "stream" and output.name == "stderr":
                raise RuntimeError(
                    f"Chapter {name}, cell {cell.id} wrote to stderr: mend the cause.\n{output.text}"
                )


def claimed_numbers(notebook: nbformat.NotebookNode) -> dict | None:
    """Return what the chapter's `Numbers` objects show, the last of each name, or None."""
    found, kinds = None, {"numbers": {}, "words": {}, "facts": {}}
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if NUMBERS_MIME in output.get("data", {}):
                bundle = output["data"][NUMBERS_MIME]
                found = json.loads(bundle) if isinstance(bundle, str) else bundle
                for kind, by_name in kinds.items():
                    by_name |= {entry["name"]: entry for entry in found.get(kind, ())}
    if found is None:
        return None
    return found | {kind: list(kinds[kind].values()) for kind in kinds if kind in found}


def papermill_execute(
    notebook: nbformat.NotebookNode, parameters: dict, logs: Path
) -> nbformat.NotebookNode:
    """Execute a notebook in ``book/`` through papermill, one BLAS thread, nothing fetched.

    In the folder `logs`, ``read`` names the data it read and ``used`` the files of the repository
    that it executed or opened. The package it imports is that of the repository, installed or not.
    """
    import papermill

    with tempfile.TemporaryDirectory() as folder, recorded(logs), _quiet_kernel():
        source, target = Path(folder, "in.ipynb"), Path(folder, "out.ipynb")
        nbformat.write(notebook, source)
        papermill.execute_notebook(
            source,
            target,
            parameters=parameters,
            cwd=BOOK,
            kernel_name="python3",
            progress_bar=False,
            log_output=False,
            execution_timeout=TIMEOUT_S,
        )
        return nbformat.read(target, as_version=4)


@contextlib.contextmanager
def _quiet_kernel():
    """Keep what the kernel's own process says (not the cells) off the terminal."""
    sys.stderr.flush()
    terminal = os.dup(2)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)


@contextlib.contextmanager
def recorded(logs: Path):
    """Have a kernel that starts meanwhile write down, in `logs`, what it reads and executes."""
    paths = [str(RECORD), str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    values = {
        "PYTHONPATH": os.pathsep.join(paths),
        "CLEAN_HOURS_ROOT": str(ROOT),
        "CLEAN_HOURS_USED": str(logs / "used"),
        "HELPERS_READ_LOG": str(logs / "read"),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
    before = {key: os.environ.get(key) for key in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for key, value in before.items():
            if value is None:
                os.environ.pop(key, None)
            else:
                os.environ[key] = value


def execute(name: str, force: bool = False) -> str:
    """Bring one chapter's notebook, numbers and state up to date; return what was done."""
    source = read_chapter(name)
    missing = missing_downloads(source)
    if not force and is_current(name, missing):
        return "unchanged"
    started = time.monotonic()
    kept = split_downloads(source) if missing else set()
    code = {i for i, cell in enumerate(source.cells) if cell.cell_type == "code"}
    with tempfile.TemporaryDirectory() as folder:
        logs = Path(folder)
        if code - kept:
            part = source.copy()
            part.cells = [cell for i, cell in enumerate(source.cells) if i not in kept]
            part.cells.insert(0, nbformat.v4.new_code_cell(ALL_FORMATS, id="all-formats"))
            executed = iter(papermill_execute(part, {}, logs).cells[1:])
            done = [None if i in kept else next(executed) for i in range(len(source.cells))]
        else:
            done = [None if i in kept else cell for i, cell in enumerate(source.cells)]
        logs_said = what_it_used(logs)
    stored = _stored_cells(name, source) if kept else {}
    result = source.copy()
    result.cells = [stored[i] if cell is None else cell for i, cell in enumerate(done)]
    figures = take_figures(result)
    clean(result, [cell.id for cell in source.cells])
    refuse_stderr(result, name)
    _store(name, result)
    keep(name, logs_said, missing, figures, time.monotonic() - started)
    what = f"executed in {time.monotonic() - started:.0f} s"
    return what + (f", {len(kept)} cells kept: no {', '.join(missing)}" if kept else "")


def what_it_used(logs: Path) -> tuple[set[str], set[str]]:
    """Return the files of the repository that a recorded run used, and the data that it read."""
    return _lines(logs / "used"), _lines(logs / "read")


def keep(
    name: str,
    used_and_read: tuple[set[str], set[str]],
    missing: list[str],
    figures: dict[str, bytes],
    seconds: float,
) -> None:
    """Keep a run's figures and what it followed from: until that changes, it need not run again."""
    for file, content in figures.items():
        write_atomically(FIGURES / file, content)
    state = fingerprint(name, *used_and_read, missing) | {
        "notebook": digest(BOOK / f"{name}.ipynb"),
        "figures": {file: digest(FIGURES / file) for file in figures},
        "seconds": round(seconds, 1),
    }
    write_atomically(STATE / f"{name}.json", json.dumps(state, indent=1, sort_keys=True))


def _lines(path: Path) -> set[str]:
    """Return the lines of a text file, or none if it was not written."""
    return set(path.read_text(encoding="utf-8").splitlines()) if path.exists() else set()


def _stored_cells(name: str, source: nbformat.NotebookNode) -> dict[int, nbformat.NotebookNode]:
    """Return the stored notebook's cells by position, if they are those of the source."""
    path = BOOK / f"{name}.ipynb"
    stored = nbformat.read(path, as_version=4).cells if path.exists() else []
    positions = {
        i: old
        for i, (new, old) in enumerate(zip(source.cells, stored, strict=False))
        if new.source == old.source
    }
    for i in split_downloads(source):
        if i not in positions:
            raise RuntimeError(
                f"Chapter {name}, cell {source.cells[i].id} changed and needs a download that "
                "is not here: fetch it, or take the change back."
            )
    return positions


def _store(name: str, notebook: nbformat.NotebookNode) -> None:
    """Write the notebook and the numbers it claims."""
    write_atomically(BOOK / f"{name}.ipynb", nbformat.writes(notebook) + "\n")
    numbers = claimed_numbers(notebook)
    path = BOOK / "results" / f"{name}.json"
    if numbers is not None:
        if numbers["chapter"] != name:
            raise RuntimeError(f"Chapter {name} records numbers as {numbers['chapter']!r}.")
        write_atomically(path, json.dumps(numbers, indent=1, ensure_ascii=False) + "\n")
    else:
        path.unlink(missing_ok=True)


def execute_all(names: list[str], force: bool, jobs: int) -> None:
    """Execute chapters side by side, saying what happens; exit 1 if one fails."""
    width = max(map(len, names), default=0)
    failed = []
    with ProcessPoolExecutor(max_workers=jobs) as pool:
        futures = {pool.submit(execute, name, force): name for name in names}
        for count, future in enumerate(as_completed(futures), start=1):
            name = futures[future]
            try:
                what = future.result()
            except Exception as error:
                failed.append(name)
                what = f"FAILED\n{error}"
            print(f"[{count}/{len(names)}] chapter {name:<{width}}  {what}", flush=True)
    write_numbers()
    readme = ROOT / "README.md"
    try:
        write_atomically(readme, with_numbers(readme.read_text(encoding="utf-8")))
    except ValueError as error:  # a chapter under work; a test holds the README to the record
        print(f"[readme] left as it is: {error}")
    if failed:
        raise SystemExit(f"Failed: {', '.join(failed)}. The stored notebooks are as before.")


# --- numbers and figures for LaTeX --------------------------------------------------------


def figure_file(cell: nbformat.NotebookNode, form: str = "pdf") -> str | None:
    """Return the file's name of the figure a cell draws (``fig:a`` -> ``a.pdf``), or None."""
    name = cell.metadata.get("mystnb", {}).get("figure", {}).get("name")
    return name and re.sub(r"[^\w-]", "-", name.removeprefix("fig:")) + f".{form}"


def take_figures(notebook: nbformat.NotebookNode) -> dict[str, bytes]:
    """Take all but the PNGs of figures out of a notebook's outputs; return them by file name."""
    taken = {}
    for cell in notebook.cells:
        taken |= take_forms(cell, cell.get("outputs", []))
    return taken


def take_forms(cell: nbformat.NotebookNode, outputs: list) -> dict[str, bytes]:
    """Take all but the PNG of a figure out of a cell's outputs; return them by file name."""
    taken = {}
    for data in (output.get("data", {}) for output in outputs):
        if "image/png" not in data:
            continue
        for mime, form in FORMATS.items():
            content, file = data.pop(mime, None), figure_file(cell, form)
            if content and file:
                taken[file] = base64.b64decode(content) if form == "pdf" else content.encode()
    return taken


def write_numbers() -> Path:
    """Write the numbers of all chapters as LaTeX macros; the same numbers give the same bytes."""
    from helpers.publish import to_latex

    results = (BOOK / "results" / f"{name}.json" for name in chapter_names(ROOT))
    chapters = [json.loads(p.read_text(encoding="utf-8")) for p in results if p.exists()]
    path = BOOK / "results" / "numbers.tex"
    write_atomically(path, to_latex(chapters))
    return path


README_NUMBER = re.compile(r"(<!--(num|word) ([\w.]+)-->)(.*?)(<!--/\2-->)")


def with_numbers(text: str) -> str:
    """Return a text with its claims, ``<!--num chapter.name-->...<!--/num-->``, filled.

    Words are ``<!--word chapter.name-->...<!--/word-->``.
    """
    import said

    record = said.Record.read(BOOK / "results")

    def value(match: re.Match) -> str:
        text = record.text(match[2], match[3])
        if text is None:
            raise ValueError(f"README.md claims {match[3]!r}, which no chapter records.")
        return match[1] + text + match[5]

    return README_NUMBER.sub(value, text)


def latex(jobs: int) -> None:
    """Bring numbers and figures for LaTeX up to date and say where they lie."""
    execute_all(chapter_names(), False, jobs)
    notebooks = (nbformat.read(BOOK / f"{name}.ipynb", as_version=4) for name in chapter_names())
    named = {figure_file(cell) for notebook in notebooks for cell in notebook.cells} - {None}
    drawn = {path.name for path in FIGURES.glob("*.pdf")}
    for left_over in drawn - named:
        for form in FORMATS.values():
            (FIGURES / left_over).with_suffix(f".{form}").unlink(missing_ok=True)
    if named - drawn:
        missing = ", ".join(sorted(named - drawn))
        print(f"[latex] not drawn, for want of a download: {missing}")
    print(f"[latex] {len(named & drawn)} figures in {FIGURES.relative_to(ROOT).as_posix()}/")
    print(f"[latex] numbers in {(BOOK / 'results' / 'numbers.tex').relative_to(ROOT).as_posix()}")


# --- a chapter run again, for another grid or log -----------------------------------------


def parse_parameters(pairs: list[str], notebook: nbformat.NotebookNode) -> dict:
    """Read ``name=value`` pairs and check them against the chapter's parameters cell."""
    from run_page import own_parameters

    known = own_parameters(notebook)
    parameters = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not sign or name not in known:
            raise SystemExit(
                f"{pair!r} must be name=value with a name of {', '.join(known) or '(none)'}."
            )
        try:
            parameters[name] = _like(known[name], yaml.load(value, Loader=yaml.BaseLoader), value)
        except (KeyError, TypeError, ValueError, yaml.YAMLError):
            raise SystemExit(f"{pair!r}: {name} must be of the form {known[name]!r}.") from None
    return parameters


def _like(default: object, value: object, text: str) -> object:
    """Return a value of the command line as what it replaces, so that zone=NO is no "no"."""
    if isinstance(default, str):
        return text
    if isinstance(default, list | tuple):
        return [_like(default[0], v, v) for v in (value if isinstance(value, list) else [value])]
    if isinstance(default, bool):
        return {"true": True, "false": False}[text.lower()]
    try:
        return int(text)
    except ValueError:
        return float(text)


# Errors whose message says what to do; anything else is a fault and shows its traceback.
EXPLAINED = ("ValueError", "DatasetMissingError", "DatasetChangedError")


def run(name: str, pairs: list[str]) -> None:
    """Run one chapter with other parameters into ``runs/``, as notebook and as page."""
    import run_page
    from papermill import PapermillExecutionError

    source = read_chapter(name)
    parameters = parse_parameters(pairs, source)
    own = run_page.own_parameters(source)
    left_out = leave_out_downloads(name, source)
    if left_out:
        print(left_out)
    print(f"chapter {name} with {parameters or 'its own parameters'} ...", flush=True)
    try:
        with tempfile.TemporaryDirectory() as folder:
            done = papermill_execute(source, parameters, Path(folder))
    except PapermillExecutionError as error:
        if error.ename not in EXPLAINED:
            raise
        raise SystemExit(f"chapter {name} stopped: {error.evalue}") from None
    chapter = claimed_numbers(done) or {"chapter": name, "numbers": []}
    head = run_page.banner(name, parameters, own, left_out)
    record = run_page.choose(done, chapter, head)
    label = run_page.label(name, parameters)
    book = nbformat.writes(run_page.as_notebook(done, record))
    write_atomically(ROOT / "runs" / f"{label}.ipynb", book)
    run_page.build(name, done, chapter, ROOT / "runs" / f"{label}.html")
    print(f"runs/{label}.ipynb\nruns/{label}.html")


def leave_out_downloads(name: str, source: nbformat.NotebookNode) -> str:
    """Take out what needs a download that cannot be had; return a sentence that says so."""
    missing = missing_downloads(source)
    if not missing:
        return ""
    kept = split_downloads(source)
    if all(cell.cell_type != "code" or i in kept for i, cell in enumerate(source.cells)):
        raise SystemExit(
            f"chapter {name} rests on {', '.join(missing)}, which could be neither found nor "
            "fetched: put the files into HELPERS_DATA_CACHE (data/README.md says from where)."
        )
    source.cells = [
        cell
        for i, cell in enumerate(source.cells)
        if i not in kept and "download" not in cell.metadata.get("tags", [])
    ]
    return f"{len(kept)} cells are left out: no {', '.join(missing)}."


def main(arguments: list[str] | None = None) -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    parts = commands.add_parser("execute", help="execute the chapters that changed")
    parts.add_argument("names", nargs="*", help="chapters (default: all in the contents)")
    parts.add_argument("--force", action="store_true", help="execute unchanged ones too")
    paper = commands.add_parser("latex", help="numbers and figures for a text in LaTeX")
    for part in (parts, paper):
        part.add_argument("--jobs", type=int, default=min(os.cpu_count() or 1, 4))
    again = commands.add_parser("run", help="run a chapter with other parameters into runs/")
    again.add_argument("name")
    again.add_argument("parameters", nargs="*", metavar="name=value")
    options = parser.parse_args(arguments)
    if options.command == "execute":
        execute_all(options.names or chapter_names(), options.force, options.jobs)
    elif options.command == "latex":
        latex(options.jobs)
    else:
        run(options.name, options.parameters)


if __name__ == "__main__":
    sys.exit(main())
