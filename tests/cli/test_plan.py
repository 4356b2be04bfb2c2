"""Plans: `mixent tune` measures one, `mixent train` takes it and keeps it with the run, `mixent info` shows it."""
import json
import random
import re
import shutil
import signal
import subprocess
import time

import pytest

from events import read_last
from support import PROGRAM, environment

SHAPE = ["--side", "16", "--classes", "4", "--batch", "20", "--precision", "fp32", "--threads", "2"]


@pytest.fixture
def cache(tmp_path):
    return {"XDG_CACHE_HOME": str(tmp_path / "cache")}


def said(run, key):
    """The option in the recipe.yaml of a run."""
    for line in (run / "recipe.yaml").read_text().splitlines():
        if line.startswith(f"{key}: "):
            return line.split(": ", 1)[1].strip('"')


def change_a_backend(path):
    """Gives one pass of c2 another back end."""
    text = path.read_text()
    for name, other in (("winograd-2", "winograd-4"), ("winograd-4", "winograd-2"), ("onednn", "winograd-2"), ("winograd-7", "winograd-2"),
                        ("winograd-3", "winograd-2"), ("winograd-43", "winograd-2")):
        old = f"layer: c2, pass: forward, backend: {name}"
        if f"{old}," in text or f"{old}}}" in text:
            path.write_text(text.replace(old, f"layer: c2, pass: forward, backend: {other}"))
            return
    raise AssertionError(text)


def test_tune_prints_and_keeps_a_plan(mixent, tmp_path, tiny_net, cache):
    result = mixent("tune", tiny_net, *SHAPE, "--repetitions", "2", **cache)
    assert result.code == 0, result.err
    assert "layer" in result.out and re.search("c2 +backward data", result.out) and "A whole step" in result.out
    (path,) = (tmp_path / "cache" / "mixent" / "plans").iterdir()
    assert path.name.startswith("tiny-20-fp32-") and str(path) in result.out
    text = path.read_text()
    for word in ("processor:", "net: tiny", "batch: 20", "threads: 2", "milliseconds: {onednn:"):
        assert word in text
    shown = mixent("info", tiny_net, *SHAPE, "--plan", **cache).out
    assert f": {path}\n" in shown
    shown = mixent("info", tiny_net, *SHAPE[:-1], "1", "--plan", **cache).out  # another number of threads
    assert ": table\n" in shown


def test_tune_json(mixent, tmp_path, tiny_net, bars):
    result = mixent("tune", tiny_net, "--data", bars, "--batch", "20", "--precision", "fp32", "--repetitions", "1", "--output",
                    "mine.yaml", "--json")
    assert result.code == 0, result.err
    told = read_last(result.out)
    assert (told["side"], told["channels"], told["classes"], told["batch"]) == (16, 1, 4, 20)
    assert [(entry["layer"], entry["pass"]) for entry in told["layers"]] == [
        ("c1", "forward"), ("c2", "forward"), ("c2", "backward weights"), ("c2", "backward data"), ("c1", "backward weights")]
    for entry in told["layers"]:
        assert entry["milliseconds"][entry["backend"]] > 0 and "onednn" in entry["milliseconds"]
    hash = told["plan_hash"]
    assert f"plan {hash}: mine.yaml" in mixent("info", tiny_net, *SHAPE, "--plan-file", "mine.yaml").out


def test_tune_says_what_is_wrong(mixent, tiny_net):
    assert mixent("tune", "vgg6").code == 2
    assert mixent("tune", tiny_net, "--batch", "1").code == 2
    result = mixent("tune", tiny_net, *SHAPE, "--repetitions", "1", "--output", "no/where.yaml")
    assert result.code == 1 and "no/where.yaml" in result.message


def test_train_takes_the_measured_plan(mixent, tmp_path, tiny, tiny_net, cache):
    assert mixent("train", *tiny, "--epochs", "1", "--run", "before", **cache).code == 0
    assert said(tmp_path / "before", "plan") == "table" and len(said(tmp_path / "before", "plan_hash")) == 64
    assert mixent("tune", tiny_net, *SHAPE, "--repetitions", "1", **cache).code == 0
    (path,) = (tmp_path / "cache" / "mixent" / "plans").iterdir()
    change_a_backend(path)
    text = mixent("train", *tiny, "--epochs", "1", "--run", "after", **cache).out
    assert said(tmp_path / "after", "plan") == str(path) and str(path) in text
    assert said(tmp_path / "after", "plan_hash") != said(tmp_path / "before", "plan_hash")
    assert mixent("train", *tiny, "--epochs", "1", "--run", "table", "--plan", "table", **cache).code == 0
    assert said(tmp_path / "table", "plan_hash") == said(tmp_path / "before", "plan_hash")
    assert mixent("eval", "after/best.safetensors", "--data", tiny[1], **cache).code == 0


def test_the_same_plan_gives_the_same_bits(mixent, tmp_path, tiny):
    runs = {}
    for name, plan in (("onednn", "onednn"), ("table", "table"), ("again", "onednn/plan.yaml"), ("named", "winograd-2")):
        result = mixent("train", *tiny, "--epochs", "1", "--run", name, "--plan", plan)
        assert result.code == 0, result.err
        runs[name] = said(tmp_path / name, "plan_hash"), (tmp_path / name / "last.safetensors").read_bytes()
    assert runs["onednn"] == runs["again"]
    assert len({hash for hash, _ in runs.values()}) >= 2 and runs["onednn"] != runs["named"]
    summary = json.loads((tmp_path / "again" / "summary.json").read_text())
    assert summary["plan_hash"] == runs["again"][0] and summary["plan"].endswith("onednn/plan.yaml")


def test_a_plan_made_for_something_else(mixent, tmp_path, tiny, tiny_net):
    assert mixent("train", *tiny, "--epochs", "1", "--run", "one").code == 0
    other = mixent("train", *tiny, "--epochs", "1", "--run", "two", "--plan", "one/plan.yaml", "--set", "batch=40")
    assert other.code == 0 and "warning: plan-elsewhere: " in other.err and "batch 20, not 40" in other.err
    result = mixent("train", *tiny, "--net", "vgg5-half", "--run", "three", "--plan", "one/plan.yaml")
    assert result.code == 2 and "network tiny, not vgg5-half" in result.message and not (tmp_path / "three").exists()
    (tmp_path / "broken.yaml").write_text((tmp_path / "one/plan.yaml").read_text()[:-20])
    result = mixent("train", *tiny, "--run", "three", "--plan", "broken.yaml")
    assert result.code == 1 and "broken.yaml:" in result.message
    result = mixent("train", *tiny, "--run", "three", "--plan", "wingorad-2")
    assert result.code == 2 and "did you mean 'winograd-2'?" in result.message
    result = mixent("train", *tiny, "--run", "three", "--plan", "winograd-4", "--precision", "bf16")
    assert result.code == 2 and "no convolution here is computed by 'winograd-4'" in result.message and "onednn" in result.message
    result = mixent("train", *tiny, "--run", "three", "--plan", "missing.yaml")
    assert result.code == 1 and "missing.yaml" in result.message


def test_a_recipe_whose_plan_is_another_now(mixent, tmp_path, tiny):
    assert mixent("train", *tiny, "--epochs", "1", "--run", "one", "--plan", "onednn").code == 0
    same = mixent("train", "--recipe", "one/recipe.yaml", "--run", "two")
    assert same.code == 0 and "plan-changed" not in same.err
    assert (tmp_path / "one/last.safetensors").read_bytes() == (tmp_path / "two/last.safetensors").read_bytes()
    other = mixent("train", "--recipe", "one/recipe.yaml", "--run", "three", "--plan", "winograd-2")
    assert other.code == 0 and "warning: plan-changed: " in other.err


def stop_early(run, *words, directory):
    """Kills a run after a while; again, until it is caught at work."""
    generator = random.Random(1)
    for _ in range(20):
        shutil.rmtree(directory / run, ignore_errors=True)
        process = subprocess.Popen([PROGRAM, "train", *map(str, words), "--run", run], cwd=directory, env=environment(),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not (directory / run).exists() and process.poll() is None:
            time.sleep(0.01)
        time.sleep(generator.uniform(0.05, 0.3))
        process.send_signal(signal.SIGKILL)
        process.wait()
        if (directory / run / "recipe.yaml").exists() and not (directory / run / "summary.json").exists():
            return
    pytest.fail("it was never caught")


def test_resume_keeps_the_plan(mixent, tmp_path, tiny, tiny_net, cache):
    """Killed, then a plan is measured that a new run would take: the run goes on with its own, to the same bytes."""
    words = [*tiny, "--epochs", "30", "--set", "save_minutes=0.0001", "--plan", "winograd-2"]
    assert mixent("train", *words, "--run", "whole", timeout=300).code == 0
    stop_early("cut", *words, directory=tmp_path)
    assert mixent("tune", tiny_net, *SHAPE, "--repetitions", "1", **cache).code == 0
    again = mixent("train", "--resume", "cut", timeout=300, **cache)
    assert again.code == 0, again.err
    assert (tmp_path / "cut/last.safetensors").read_bytes() == (tmp_path / "whole/last.safetensors").read_bytes()


def test_resume_with_a_plan_that_was_changed(mixent, tmp_path, tiny):
    assert mixent("train", *tiny, "--epochs", "1", "--run", "run").code == 0
    (tmp_path / "run/summary.json").unlink()
    plan = (tmp_path / "run/plan.yaml").read_text()
    change_a_backend(tmp_path / "run/plan.yaml")
    result = mixent("train", "--resume", "run")
    assert result.code == 1 and "run/plan.yaml: " in result.message and said(tmp_path / "run", "plan_hash") in result.message
    (tmp_path / "run/plan.yaml").write_text(plan.replace("backend: ", "backend: abacus, table: ", 1))
    result = mixent("train", "--resume", "run")
    assert result.code == 1 and "no back end 'abacus' for it here; there is " in result.message
    (tmp_path / "run/plan.yaml").unlink()
    result = mixent("train", "--resume", "run")
    assert result.code == 1 and "plan.yaml" in result.message
    (tmp_path / "run/plan.yaml").write_text(plan)
    assert mixent("train", "--resume", "run").code == 0


def test_resume_of_a_run_from_before_plans(mixent, tmp_path, tiny):
    """Its recipe.yaml says nothing of a plan: it had the table's."""
    assert mixent("train", *tiny, "--epochs", "1", "--run", "run").code == 0
    (tmp_path / "run/summary.json").unlink()
    (tmp_path / "run/plan.yaml").unlink()
    recipe = tmp_path / "run/recipe.yaml"
    recipe.write_text("".join(line for line in recipe.read_text().splitlines(True) if not line.startswith("plan")))
    assert mixent("train", "--resume", "run").code == 0


def test_where_no_plan_can_be_written(mixent):
    """It is said before anything is measured."""
    result = mixent("tune", "vgg5", "--output", "missing/plan.yaml", "--json")
    assert result.code == 1 and "cannot create missing/plan.yaml" in result.message and "progress" not in result.out
