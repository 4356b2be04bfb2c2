"""The program `mixent`, which some of the package calls: where it is."""
from __future__ import annotations

import os
import shutil


def find_program() -> str:
    """$MIXENT_PROGRAM, else `mixent` on the path. FileNotFoundError says what to do where there is none."""
    named = os.environ.get("MIXENT_PROGRAM")
    found = shutil.which(named or "mixent")
    if not found:
        where = f"MIXENT_PROGRAM names {named}, which is no program" if named else "the program 'mixent' is not on the path"
        raise FileNotFoundError(f"{where}; build it with 'make', then 'make install', or set MIXENT_PROGRAM to where it is")
    return os.path.abspath(found)
