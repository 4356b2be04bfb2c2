"""The words of mixent-sweep's command line: one table of options that its parser, the completion of shells and the man page read."""
from __future__ import annotations

import argparse
import subprocess
from collections.abc import Iterator
from pathlib import Path

from mixent.sweep.message import SweepError
from mixent.sweep.program import Program
from mixent.sweep.space import built_in

ABOUT = ("Searches the options of a recipe by training, with the validation part of the training images as the judge; the test set is not "
         "looked at. Killed or stopped, it goes on where it was when it is started again.")


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number above 0, got '{text}'")
    return int(text)


def _setting(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"expected KEY=VALUE, got '{text}'")
    return key, value


OPERANDS = {
    "space": {"metavar": "SPACE.yaml|NAME", "help": "what is fixed, what is searched and how (docs/SWEEPS.md): a file, or built in"},
    "settings": {"metavar": "KEY=VALUE", "nargs": "*", "type": _setting,
                 "help": "fix an option of the recipe, whatever the file says of it"},
}
OPTIONS = {
    "--set": {"metavar": "KEY=VALUE", "action": "append", "default": [], "type": _setting, "help": "the same"},
    "--trials": {"metavar": "N", "type": _count, "help": "how many trials, whatever the file says"},
    "--jobs": {"metavar": "N", "type": _count,
               "help": "trials at once (default: processors / threads; on Ray: what it has room for)"},
    "--threads": {"metavar": "N", "type": _count, "default": 1, "help": "threads of a trial (default: 1)"},
    "--directory": {"metavar": "DIR", "type": Path, "help": "where all goes (default: runs/sweeps/NAME)"},
    "--ray": {"metavar": "ADDRESS", "help": "run the trials on a Ray cluster: its address, or 'local' to start one here"},
    "--json": {"action": "store_true", "help": "print the trials as JSON at the end; all else goes to standard error"},
}
EXITS = [("0", "all trials are done"), ("1", "failed"), ("2", "wrong use"), ("128 + N", "stopped by signal N; every trial is saved")]


def parse(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="mixent-sweep", allow_abbrev=False, description=ABOUT)
    for name, fields in (OPERANDS | OPTIONS).items():
        names = f": {', '.join(built_in())}" if name == "space" else ""
        parser.add_argument(name, **(fields | {"help": fields["help"] + names}))
    return parser.parse_intermixed_args(words)


def _argument(option: str) -> str:
    """What stands after an option; "": nothing."""
    return OPTIONS.get(option, {}).get("metavar", "")


def _keys(word: str) -> Iterator[str]:
    """What may follow in KEY=VALUE, as the program says it of `mixent train`."""
    try:
        program = Program.find()
    except SweepError:
        return
    said = subprocess.run([program.path, "complete", "--", "train", word], capture_output=True, text=True)
    yield from said.stdout.splitlines()


def _values(argument: str, word: str) -> Iterator[str]:
    if argument == "KEY=VALUE":
        yield from _keys(word)
    elif argument == "ADDRESS":
        yield from ("auto\t", "local\t")
    elif argument in ("DIR", "SPACE.yaml|NAME"):
        yield ":files"


def complete(words: list[str]) -> Iterator[str]:
    """Lines of what may stand in place of the last word: the word, a tabulator, its help; ':files' where a path may (`mixent complete`)."""
    *before, word = words or [""]
    operands = [each for previous, each in zip(["", *before], before) if not each.startswith("-") and not _argument(previous)]
    if before and _argument(before[-1]):
        yield from _values(_argument(before[-1]), word)
    elif word.startswith("--") and "=" in word:
        option, _, value = word.partition("=")
        yield from (line if line == ":files" else f"{option}={line}" for line in _values(_argument(option), value))
    elif word.startswith("-"):
        yield from (f"{option}\t{fields['help']}" for option, fields in OPTIONS.items())
        yield "--help\tshow the help"
    elif operands:  # the space is there
        yield from _keys(word)
    else:
        yield from (f"{name}\tbuilt in" for name in built_in())
        yield ":files"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")


def manual() -> str:
    """The man page, in the macros of man(7)."""
    lines = [".\\\" Written by `mixent-sweep manual`.", '.TH "mixent\\-sweep" 1 "" "" "mixent"', ".nh", ".ad l", ".SH NAME",
             "mixent\\-sweep \\- search the options of a recipe by training", ".SH SYNOPSIS",
             "\\fBmixent\\-sweep\\fR SPACE.yaml|NAME [KEY=VALUE]... [\\-\\-OPTION VALUE]...", ".SH DESCRIPTION", _escaped(ABOUT), ".SH OPTIONS"]
    for name, fields in (OPERANDS | OPTIONS).items():
        word, argument = ("", fields["metavar"]) if name in OPERANDS else (name, _argument(name))
        heads = [f"\\fB{_escaped(word)}\\fR"] * bool(word) + [f"\\fI{_escaped(argument)}\\fR"] * bool(argument)
        lines += [".TP", " ".join(heads), _escaped(fields["help"])]
    lines += [".TP", "\\fB\\-h, \\-\\-help\\fR", "show the help", ".SH EXIT STATUS"]
    for code, meaning in EXITS:
        lines += [".TP", f"\\fB{code}\\fR", meaning]
    return "\n".join([*lines, ".SH SEE ALSO", ".BR mixent\\-train (1),", ".BR mixent\\-recipe (5)", ""])
