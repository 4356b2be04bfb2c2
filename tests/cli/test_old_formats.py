"""What older revisions left on disk is still read: models are scored, runs go on, studies are imported."""
import json
import re
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from events import await_event, read_last

GOLDEN = Path(__file__).resolve().parent.parent / "golden"
sys.path.insert(0, str(GOLDEN))
from make_old_formats import make_inputs

from support import PROGRAM, environment, read_safetensors

# What each safetensors file has in its description since format 2.
OWN_KEYS = {"mixent_format", "payload_crc32"}


def write_metadata(path, texts):
    """The description of a safetensors file becomes another one."""
    data = path.read_bytes()
    begin = 8 + struct.unpack("<Q", data[:8])[0]
    header = json.dumps({**json.loads(data[8:begin]), "__metadata__": texts}).encode()
    header += b" " * (-len(header) % 8)
    path.write_bytes(struct.pack("<Q", len(header)) + header + data[begin:])


def stop_after_an_epoch(words, directory):
    train = subprocess.Popen([PROGRAM, *words], cwd=directory, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    await_event(train, "epoch")
    train.send_signal(signal.SIGINT)
    train.communicate(timeout=60)


def content_of(directory):
    return {path: path.read_bytes() for path in directory.rglob("*") if path.is_file() and "index" not in path.name}


def lay_out(revision, directory):
    shutil.copytree(GOLDEN / f"formats-{revision}", directory, dirs_exist_ok=True)
    make_inputs(directory)
    return directory


@pytest.fixture
def old(tmp_path):
    """A directory with what the oldest revision left, and the data set and network that it was made from. It had 1 for each
    weight that nobody gives, and kept no temperature in models."""
    return lay_out("d2249e4", tmp_path)


@pytest.fixture(params=["d2249e4", "a564270"])
def each(request, tmp_path):
    """The same of each revision; a564270 was the last one whose safetensors files have no checksum."""
    return lay_out(request.param, tmp_path)


def test_a_model_scores_as_it_did(mixent, each):
    done = mixent("eval", "finished/best.safetensors", "--data", "bars", "--json")
    assert done.code == 0, done.err
    kept = json.loads((each / "finished/summary.json").read_text())["test"]
    now = json.loads(done.out)
    assert now["accuracy"] == kept["accuracy"]
    assert now["nll"] == pytest.approx(kept["nll"], rel=1e-4)
    assert mixent("info", "finished/best.safetensors").code == 0


def test_a_finished_run_is_an_event(mixent, old):
    shown = read_last(mixent("train", "--resume", "finished", "--json").out)
    assert shown["test"] == json.loads((old / "finished/summary.json").read_text())["test"]


def test_a_finished_run_is_shown_and_listed(mixent, each):
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


def test_an_interrupted_run_goes_on(mixent, each):
    """To the same bytes whether its old checkpoint is resumed once, or a new one was written on the way."""
    run, again = each / "interrupted", each / "again"
    shutil.copytree(run, again)
    assert read_safetensors(run / "last.safetensors")[1].keys().isdisjoint(OWN_KEYS)
    begun = (run / "metrics.jsonl").read_text().splitlines()
    done = mixent("train", "--resume", "interrupted")
    assert done.code == 0, done.err
    lines = (run / "metrics.jsonl").read_text().splitlines()
    assert lines[:len(begun)] == begun and len(lines) == 20
    assert json.loads((run / "summary.json").read_text())["test"]["accuracy"] > 0.9
    stop_after_an_epoch(["train", "--json", "--resume", "again"], each)
    assert not (again / "summary.json").exists()
    assert read_safetensors(again / "last.safetensors")[1].keys() >= OWN_KEYS
    assert mixent("train", "--resume", "again").code == 0
    for name in ("last.safetensors", "best.safetensors", "predictions.safetensors"):
        assert (run / name).read_bytes() == (again / name).read_bytes(), name


def test_a_checkpoint_without_a_checksum_is_resumed_to_the_bytes(mixent, old):
    """What today's program leaves, as it would have left it before there were checksums."""
    words = ["train", "--json", "--recipe", "course.yaml", "--threads", "1", "--epochs", "12"]
    assert mixent(*words, "--run", "whole").code == 0
    stop_after_an_epoch([*words, "--run", "stopped"], old)
    path = old / "stopped/last.safetensors"
    write_metadata(path, {key: text for key, text in read_safetensors(path)[1].items() if key not in OWN_KEYS})
    done = mixent("train", "--resume", "stopped")
    assert done.code == 0, done.err
    for name in ("last.safetensors", "best.safetensors", "predictions.safetensors"):
        assert (old / "whole" / name).read_bytes() == (old / "stopped" / name).read_bytes(), name


def make_newer(path):
    """The file as a later version might write it."""
    if path.suffix == ".safetensors":
        write_metadata(path, {**read_safetensors(path)[1], "mixent_format": "4"})
    elif path.suffix == ".yaml":
        path.write_text("format: 2\nspeed: high\n" + path.read_text())
    elif path.name.endswith(".jsonl"):
        header, rest = path.read_text().split("\n", 1)
        path.write_text(json.dumps({**json.loads(header), "format": 2}) + "\n" + rest)
    else:
        path.write_text(json.dumps({**json.loads(path.read_text()), "format": 99}))


@pytest.mark.parametrize("name, words", [
    ("interrupted/last.safetensors", ["train", "--resume", "interrupted"]),
    ("interrupted/plan.yaml", ["train", "--resume", "interrupted"]),
    ("interrupted/recipe.yaml", ["train", "--resume", "interrupted"]),
    ("finished/best.safetensors", ["eval", "finished", "--data", "bars"]),
    ("runs/small/study.json", ["compare", "runs/small", "--no-train"]),
    ("runs/small/ce-1/result.json", ["compare", "runs/small", "--no-train"]),
    ("study.jsonl", ["study", "import", "study.jsonl", "--runs", "elsewhere"]),
])
def test_what_a_later_version_wrote_is_refused(mixent, old, name, words):
    assert mixent("study", "import", "study.jsonl").code == 0
    make_newer(old / name)
    before = content_of(old)
    done = mixent(*words)
    assert done.code == 1
    assert name in done.message and "update mixent" in done.message, done.message
    assert content_of(old) == before


def test_predictions_of_a_later_version_are_left_out_of_a_report(mixent, old):
    make_newer(old / "finished/predictions.safetensors")
    done = mixent("report", "finished")
    assert done.code == 0 and "finished/predictions.safetensors" in done.message and "update mixent" in done.message


def test_an_index_of_another_version_is_made_anew(mixent, old):
    assert mixent("runs", "--runs", ".").code == 0
    index = old / "index.sqlite"
    with sqlite3.connect(index) as database:
        database.execute("PRAGMA user_version = 7")
        database.execute("UPDATE run SET status = 'none'")
    listed = mixent("runs", "--runs", ".")
    assert listed.code == 0 and not listed.err and "finished" in listed.out and "none" not in listed.out


def test_a_study_is_imported_and_compared(mixent, each):
    done = mixent("study", "import", "study.jsonl")
    assert done.code == 0, done.err
    compared = mixent("compare", "runs/small", "--no-train", "--json")
    assert compared.code == 0, compared.err
    assert "min-ent" in json.dumps(read_last(compared.out)["comparison"])


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
