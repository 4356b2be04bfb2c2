"""What older revisions left on disk is still read: models are scored, runs go on, studies are imported."""
import json
import shutil
import sys
from pathlib import Path

import pytest

GOLDEN = Path(__file__).resolve().parent.parent / "golden"
sys.path.insert(0, str(GOLDEN))
from make_old_formats import make_inputs


@pytest.fixture(params=["formats-d2249e4"])
def old(request, tmp_path):
    """A directory with what one revision left, and the data set and network that it was made from."""
    shutil.copytree(GOLDEN / request.param, tmp_path, dirs_exist_ok=True)
    make_inputs(tmp_path)
    return tmp_path


def test_a_model_scores_as_it_did(mixent, old):
    done = mixent("eval", "finished/best.safetensors", "--data", "bars", "--json")
    assert done.code == 0, done.err
    kept = json.loads((old / "finished/summary.json").read_text())["test"]
    now = json.loads(done.out)
    assert now["accuracy"] == kept["accuracy"]
    assert now["nll"] == pytest.approx(kept["nll"], rel=1e-4)
    assert mixent("info", "finished/best.safetensors").code == 0


def test_a_finished_run_is_shown_and_listed(mixent, old):
    listed = mixent("runs", "--runs", ".", "--json")
    assert listed.code == 0, listed.err
    states = {run["run"]: run["status"] for run in map(json.loads, listed.out.splitlines())}
    assert states["finished"] == "finished" and states["interrupted"] == "interrupted"
    assert mixent("show", "finished").code == 0


def test_an_interrupted_run_goes_on(mixent, old):
    begun = (old / "interrupted/metrics.jsonl").read_text().splitlines()
    done = mixent("train", "--resume", "interrupted")
    assert done.code == 0, done.err
    lines = (old / "interrupted/metrics.jsonl").read_text().splitlines()
    assert lines[:len(begun)] == begun and len(lines) == 20
    assert json.loads((old / "interrupted/summary.json").read_text())["test"]["accuracy"] > 0.9


def test_a_study_is_imported_and_compared(mixent, old):
    done = mixent("study", "import", "study.jsonl")
    assert done.code == 0, done.err
    compared = mixent("compare", "runs/small", "--no-train", "--json")
    assert compared.code == 0, compared.err
    assert "min-ent" in compared.out
