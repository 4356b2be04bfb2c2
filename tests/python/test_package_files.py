"""What lies in the installed package: the extension needs the C library alone, and shows nothing but its entry."""
import shutil
import subprocess
from pathlib import Path

import pytest

import mixent
from mixent import _native

EXTENSION = Path(_native.__file__)


def read(*words):
    if not shutil.which(words[0]):
        pytest.skip(f"{words[0]} is not installed")
    return subprocess.run([*words, EXTENSION], check=True, capture_output=True, text=True).stdout


def test_it_needs_the_c_library_alone():
    needed = [line.split("[")[1].rstrip("]") for line in read("readelf", "-d").splitlines() if "(NEEDED)" in line]
    assert needed and {name.split(".")[0] for name in needed} <= {"libc", "libm", "libpthread", "ld-linux-x86-64", "ld-linux-aarch64"}


def test_it_shows_its_entry_alone():
    names = [line.split()[-1] for line in read("nm", "--dynamic", "--defined-only").splitlines()]
    assert names == ["PyInit__native"]


def test_type_hints_are_there():
    package = Path(mixent.__file__).parent
    assert (package / "py.typed").exists() and (package / "_native.pyi").exists()


def test_text_for_a_terminal():
    from mixent._printable import printable

    assert printable("plain – ünïcode 字\nnext line") == "plain – ünïcode 字\nnext line"
    assert printable("\x1b[2J\r\x9b\u202e\u2066") == r"\x1b[2J\r\x9b\u202e\u2066"


def test_no_formulas_in_csv():
    from mixent._printable import csv_cell

    cells = ["=1+1", "@x", "-2.5", "+x", "min-ent", "", 3, -0.5, None]
    assert [csv_cell(cell) for cell in cells] == ["'=1+1", "'@x", "-2.5", "'+x", "min-ent", "", 3, -0.5, None]
