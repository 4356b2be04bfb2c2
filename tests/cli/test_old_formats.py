"""What older revisions left on disk is still read: models are scored, runs go on, studies are imported."""
import json
import re
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
    shown = mixent("show", "finished")
    assert shown.code == 0, shown.err


def test_the_temperature_of_an_old_run_is_applied(mixent, old):
    """Its model brings none: `show` names the number, and nothing where there is no model."""
    shown = mixent("show", "finished").out
    temperature, nll, applied = re.search(r"At temperature (\S+), fitted .*?: NLL (\S+) .*; (--temperature \S+) applies it", shown).groups()
    assert applied == f"--temperature {temperature}"
    done = mixent("eval", "finished", "--data", "bars", "--json", *applied.split())
    assert done.code == 0 and json.loads(done.out)["nll"] == pytest.approx(float(nll), rel=1e-2)  # of three decimals
    (old / "finished/best.safetensors").unlink()
    shown = mixent("show", "finished").out
    assert "At temperature" in shown and "applies it" not in shown


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


def losses_of(directory):
    """What each run of a study is trained with: {"split-1": {"w1": 1.0, …}}."""
    return {path.parent.name: {key: float(value) for key, value in re.findall(r"^  (w\d): (\S+)$", path.read_text(), re.M)}
            for path in directory.glob("*/recipe.yaml")}


def test_a_study_goes_on_with_the_weights_that_it_began_with(mixent, old):
    """Revision d2249e4 had 1 for each weight that nobody gives; its runs and today's in one study have the same."""
    done = mixent("study", "import", "defaults.jsonl")
    assert done.code == 0, done.err
    assert mixent("compare", "runs/defaults", "--no-train").code == 0
    text = (old / "defaults.yaml").read_text() + "  min: {loss: {name: min-ent}}\n  mix: {loss: {name: mix-ent}}\n"
    text += "  given: {loss: {name: min-ent, w2: 0.1}}\n"
    (old / "defaults.yaml").write_text(text)
    done = mixent("compare", "defaults.yaml", "--seeds", "2", "--jobs", "1")
    assert done.code == 0, done.err
    found = losses_of(old / "runs/defaults")
    assert len(found) == 12
    for seed in range(3):
        assert found[f"split-{seed}"] == {"w1": 1, "w2": 1, "w3": 1}
        assert found[f"min-{seed}"]["w2"] == found[f"mix-{seed}"]["w2"] == 1 and found[f"given-{seed}"]["w2"] == 0.1
    assert mixent("study", "export", "runs/defaults", "again.jsonl").code == 0
    assert mixent("study", "import", "again.jsonl", "--runs", "other").code == 0


def test_a_new_study_has_the_weights_of_today(mixent, old):
    done = mixent("compare", "defaults.yaml", "--threads", "1", "--jobs", "1")
    assert done.code == 0, done.err
    assert all(run == {"w1": 1, "w2": 0.1, "w3": 0.1} for run in losses_of(old / "runs/defaults").values())
    done = mixent("study", "import", "defaults.jsonl")
    assert done.code != 0 and "loss.w2 0.1 for split, not 1" in done.message


def test_runs_of_other_weights_are_not_pooled(mixent, old):
    assert mixent("study", "import", "defaults.jsonl").code == 0
    recipe = old / "runs/defaults/split-2/recipe.yaml"
    recipe.write_text(recipe.read_text().replace("w2: 1\n", "w2: 0.1\n"))
    for words in (["compare", "runs/defaults", "--no-train"], ["compare", "defaults.yaml", "--jobs", "1"], ["report", "runs/defaults"],
                  ["study", "export", "runs/defaults", "out.jsonl"], ["study", "import", "defaults.jsonl"]):
        done = mixent(*words)
        assert done.code == 1, words
        assert "defaults/split-2: the run has loss.w2 0.1, but the study says 1" in done.message
        assert "study.yaml" in done.message and "remove the run" in done.message
    shutil.rmtree(recipe.parent)
    done = mixent("compare", "runs/defaults", "--jobs", "1")
    assert done.code == 0, done.err
    assert losses_of(old / "runs/defaults")["split-2"]["w2"] == 1


def test_a_study_is_read_from_anywhere(mixent, old, tmp_path_factory):
    """Its runs remember whole paths, without links; its own may be relative, a link, or the working directory."""
    (old / "link").symlink_to("bars")
    (old / "plain.yaml").write_text((old / "plain.yaml").read_text().replace("./net.yaml", "../net.yaml"))
    for name, place, data in (("linked", old / "bars", "../link"), ("here", old / "bars", ".")):
        text = (old / "defaults.yaml").read_text().replace("plain.yaml", "../plain.yaml").replace("name: defaults", f"name: {name}")
        (place / "study.yaml").write_text(text + f"data: {json.dumps(data)}\n")
        done = mixent("compare", "study.yaml", "--threads", "1", "--jobs", "1", "--runs", str(old / "runs"), directory=place)
        assert done.code == 0, done.err
        for directory in (place, old, tmp_path_factory.mktemp("elsewhere")):
            done = mixent("compare", str(old / "runs" / name), "--no-train", directory=directory)
            assert done.code == 0, done.err
        assert mixent("study", "export", f"runs/{name}", "out.jsonl").code == 0
        done = mixent("study", "import", old / "out.jsonl", directory=tmp_path_factory.mktemp("elsewhere"))
        assert done.code == 0, done.err
