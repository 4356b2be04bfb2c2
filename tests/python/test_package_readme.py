"""The README's PyTorch script runs as it stands, and trains."""
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
import mixent  # noqa: E402

README = Path(__file__).resolve().parents[2] / "README.md"


def test_the_script_trains(tmp_path):
    code = re.search(r"^```python\n(.*?)^```$", README.read_text(), re.MULTILINE | re.DOTALL).group(1)
    assert len(code.strip().splitlines()) <= 14
    environment = dict(os.environ, PYTHONPATH=str(Path(mixent.__file__).resolve().parents[1]))
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    accuracy, weights = re.fullmatch(r"accuracy (\S+), weights (\{.*\})\n", done.stdout).groups()
    assert float(accuracy) > 0.9 and "'w2'" in weights
