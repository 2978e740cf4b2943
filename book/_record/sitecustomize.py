"""Writes down which files of the repository a chapter's run follows from.

Python loads a module of this name as it starts; `pipeline.py` puts this folder on the path of a
chapter's kernel, so that the workers a chapter starts write down theirs, too. Each line is a path
below ``CLEAN_HOURS_ROOT``: a module of `helpers` that was executed, or a file that was opened.
Python's own audit events are asked and not ``sys.modules``, because a worker that was ended, or a
module that was loaded and dropped, would leave no trace there.
"""

import os
import sys


def _watch(root: str, log: str) -> None:
    package = os.path.join(root, "helpers", "")
    # What is built, installed or kept elsewhere, and what is told apart by its own hash.
    apart = ("_build", "runs", "book", "data", "chapters")
    told = set()
    stream = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def note(path: str) -> None:
        if path not in told:
            told.add(path)
            # One write a line: processes that share the file do not cut each other's lines.
            os.write(stream, f"{os.path.relpath(path, root)}\n".encode())

    def hook(event: str, arguments: tuple) -> None:
        if event == "exec":
            path = getattr(arguments[0], "co_filename", "")
            if path.startswith(package):
                note(path)
        elif event == "open" and isinstance(arguments[0], str) and arguments[1] in ("r", "rb"):
            path = os.path.abspath(arguments[0])
            parts = os.path.relpath(path, root).split(os.sep)
            hidden = parts[0].startswith(".") or parts[0].endswith(".egg-info")
            # What a compiler keeps follows from what it compiled, and is written by any process.
            hidden = hidden or "__pycache__" in parts
            if not hidden and parts[0] not in apart and not path.endswith((".py", ".pyc")):
                note(path)

    sys.addaudithook(hook)


if os.environ.get("CLEAN_HOURS_ROOT"):
    _watch(os.environ["CLEAN_HOURS_ROOT"], os.environ["CLEAN_HOURS_USED"])
