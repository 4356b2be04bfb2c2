"""`runs`: what `mixent runs` lists, as a data frame."""
from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from typing import Any

from .._program import find_program
from ._tables import to_frame


def runs(directory: str | os.PathLike[str] = "runs", *filters: str, columns: Sequence[str] | None = None, sort: str | None = None) -> Any:
    """The runs that `mixent train`, `mixent compare` and mixent-sweep left in a directory, a row each.

    >>> mixent.lab.runs("runs", "test.accuracy>0.95", "loss.name=min-ent")

    Args:
        directory: of the runs.
        filters: each a key, one of = != < <= > >= ~ !~, and a value; ~ means: contains. `mixent runs --help` tells the keys.
        columns: keys; None: all there are.
        sort: a key to sort by; None: by name.

    Returns:
        a data frame of pandas; where pandas is not installed, a list of dicts. A run without a value of a key has None or NaN there.

    Raises:
        FileNotFoundError: there is no program `mixent` on the path, and MIXENT_PROGRAM names none.
        ValueError: the program's message, such as of a directory that is not there or an unknown key.
    """
    words = [find_program(), "runs", "--runs", os.fspath(directory), "--json"]
    words += ["--columns", ",".join(columns)] if columns is not None else []
    words += ["--sort", sort] if sort is not None else []
    return to_frame([json.loads(line) for line in call(words + list(filters)).splitlines()])


def call(words: list[str]) -> str:
    """What the program printed. Its failure is ValueError with its message."""
    done = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        message = done.stderr.strip().removeprefix("mixent: ")
        raise ValueError(message or f"{' '.join(words[:2])} ended with {done.returncode}")
    return done.stdout
