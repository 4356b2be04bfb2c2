"""`mixent compare --results` on samples of what the trackers' own packages write (tests/golden/make_trackers.py)."""
import gzip
import re
import sqlite3
from contextlib import closing

import pytest

import trackers
from events import read_last

SAMPLES = trackers.GOLDEN / "trackers"


@pytest.fixture
def compare(mixent):
    def run(*words, directory=SAMPLES):
        done = mixent("compare", "--results", *words, "--json", directory=directory)
        assert done.code == 0, done.err
        return read_last(done.out)
    return run


def test_mlflow(compare, tmp_path):
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as store:
        store.executescript(gzip.decompress((SAMPLES / "mlflow.sql.gz").read_bytes()).decode())
    trackers.check_mlflow(lambda *words: compare(*words, directory=tmp_path), trackers.SEEDS)


@pytest.mark.parametrize("package", ["torch", "tensorboardX"])
def test_tensorboard(compare, package):
    trackers.check_tensorboard(compare, trackers.SEEDS, package)


def test_lightning(compare):
    trackers.check_lightning(compare, trackers.SEEDS)


def test_keras(compare):
    trackers.check_keras(compare, trackers.SEEDS)


def test_lm_evaluation_harness(compare):
    trackers.check_lm_eval(compare, trackers.SEEDS)


def test_nothing_personal():
    """No host, absolute path or e-mail address stands in the samples."""
    for path in SAMPLES.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode(errors="replace")
            assert not re.search(r"[\"'=: ]/\w|\w@\w+\.\w", text), path
            assert "tfevents" not in path.name or path.name.endswith(".host")
