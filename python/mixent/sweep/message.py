"""The one kind of failure that a user is told of, and the nearest valid choice for a wrong word."""
from __future__ import annotations

import difflib
from collections.abc import Iterable


class SweepError(Exception):
    """Its text says what is wrong, where, and what to do."""
    code = 1


class WrongUse(SweepError):
    """Of the command line."""
    code = 2


def unknown(what: str, word: str, known: Iterable[str]) -> str:
    """"unknown sampler 'tpee'; did you mean 'tpe'?", or all that there are where none is near."""
    names, said = list(known), f"unknown {what} '{word}'" if what else f"unknown '{word}'"
    near = difflib.get_close_matches(word, names, 1) or difflib.get_close_matches(word.lower(), names, 1) or [
        name for name in names if "." in name and name.rpartition(".")[2] == word.rpartition(".")[2]]
    if near:
        return f"{said}; did you mean '{near[0]}'?"
    return said + (f"; there are {', '.join(names)}" if len(names) <= 16 else "; 'mixent help recipe' lists them")
