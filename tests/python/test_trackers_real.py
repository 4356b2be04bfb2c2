"""`mixent compare --results` on files that the trackers' own packages write: MLflow, TensorBoard (PyTorch's and tensorboardX),
Lightning, Keras, lm-evaluation-harness. `make test-trackers` installs them from PyPI; where one is missing its test is skipped.
tests/golden/trackers has small samples of the same files for tests/cli/test_trackers_samples.py; tests/cli/test_trackers.py and
test_trackers_tensorboard.py have the layouts byte by byte, and everything that can be wrong with them."""
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(os.environ.get("MIXENT_PROGRAM", ROOT / "build" / "release" / "mixent"))
SEEDS = 5
pytestmark = pytest.mark.skipif(not PROGRAM.exists(), reason="the program is not built")

sys.path[:0] = [str(ROOT / "tests" / "cli"), str(ROOT / "tests" / "golden")]
import make_trackers
import trackers


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """The logs are written in the test's own directory."""
    monkeypatch.chdir(tmp_path)
    for name, value in (make_trackers.OFFLINE | {"HF_HOME": str(tmp_path / "home")}).items():
        monkeypatch.setenv(name, value)


def compare(*words):
    done = subprocess.run([str(PROGRAM), "compare", "--results", *words, "--json"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_mlflow():
    pytest.importorskip("mlflow")
    pytest.importorskip("sqlalchemy")
    make_trackers.write_mlflow(SEEDS)
    trackers.check_mlflow(compare, SEEDS)


def test_torch():
    pytest.importorskip("tensorboard")
    pytest.importorskip("torch.utils.tensorboard")
    make_trackers.write_torch(SEEDS)
    trackers.check_tensorboard(compare, SEEDS, "torch")


def test_tensorboardX():
    pytest.importorskip("tensorboardX")
    make_trackers.write_tensorboardX(SEEDS)
    trackers.check_tensorboard(compare, SEEDS, "tensorboardX")


def test_lightning():
    pytest.importorskip("torch")
    pytest.importorskip("lightning.pytorch")
    make_trackers.write_lightning(SEEDS)
    trackers.check_lightning(compare, SEEDS)


def test_keras():
    pytest.importorskip("keras")
    pytest.importorskip(os.environ["KERAS_BACKEND"])
    make_trackers.write_keras(SEEDS)
    trackers.check_keras(compare, SEEDS)


def test_lm_evaluation_harness():
    pytest.importorskip("lm_eval")
    make_trackers.write_lm_eval(SEEDS)
    trackers.check_lm_eval(compare, SEEDS)
