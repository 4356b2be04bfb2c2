"""Where the tests of the Python package find it: installed for the interpreter that runs them, or in build/python-site, where
`make python` lays it."""
import importlib.util
import sys
from pathlib import Path

if importlib.util.find_spec("mixent") is None:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "build" / "python-site"))
