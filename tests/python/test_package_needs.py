"""Where a library that a part of the package needs is not installed, the error names it and the command that installs it."""
import os
import subprocess
import sys
from pathlib import Path

import mixent
import pytest

SITE = str(Path(mixent.__file__).parents[1])
BACK_END = ("mixent.keras needs a back end of Keras, and the one that Keras looks for is missing (import of tensorflow halted; None in "
            "sys.modules): pip install tensorflow-cpu (or jax, or torch), and set KERAS_BACKEND to tensorflow (or jax, or torch)")
ERRORS = [
    ("torch", "torch", "mixent.torch needs PyTorch: pip install 'mixent[torch]'"),
    ("torch.networks", "yaml", "mixent.torch.networks needs PyYAML: pip install 'mixent[torch]'"),
    ("jax", "jax", "mixent.jax needs JAX: pip install 'mixent[jax]'"),
    ("keras", "keras", "mixent.keras needs Keras 3.10 or later: pip install 'mixent[keras]', and one of Keras's back ends: pip install "),
    ("keras", "tensorflow", BACK_END),
]


@pytest.mark.parametrize("part, missing, message", ERRORS)
def test_what_is_not_installed_is_named(tmp_path, part, missing, message):
    (tmp_path / "keras.py").write_text("import tensorflow\n")  # as Keras does where no back end is chosen
    code = f"import sys; sys.modules[{missing!r}] = None; import mixent.{part}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path,
                          env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), SITE])})
    assert done.returncode == 1
    assert f"ImportError: {message}" in done.stderr.splitlines()[-1]


def test_an_older_keras_is_told_apart(tmp_path):
    (tmp_path / "keras.py").write_text("__version__ = '2.15.0'\n")
    done = subprocess.run([sys.executable, "-c", "import mixent.keras"], capture_output=True, text=True, cwd=tmp_path,
                          env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), SITE])})
    assert "ImportError: mixent.keras needs Keras 3.10 or later: pip install 'mixent[keras]'" in done.stderr.splitlines()[-1]
