"""mixent.keras on every back end of Keras that is installed: keras_on_backend.py in a process of its own for each."""
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import mixent
import pytest

TESTS = Path(__file__).with_name("keras_on_backend.py")


@pytest.mark.parametrize("which", ["not long", pytest.param("long", marks=pytest.mark.long)])
@pytest.mark.parametrize("backend", ["jax", "tensorflow", "torch"])
def test_on(backend, which, capsys):
    for module in "keras", backend:
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    paths = [str(Path(mixent.__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "KERAS_BACKEND": backend, "JAX_ENABLE_X64": "1", "PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", "-m", which, TESTS]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    with capsys.disabled():
        print("\n" + "\n".join(line[line.index(backend):] for line in done.stdout.splitlines() if f"{backend}, float" in line))
    assert done.returncode == 0, done.stdout + done.stderr
