"""Studies: read, trained by several processes, interrupted in every way, compared. test_study.py carries them elsewhere."""
import json
import re
import shutil
import signal
import time

import pytest

from events import read_last
from studies import STUDY, Place, place, whole  # noqa: F401
from support import make_dataset


def test_a_wrong_network_is_told_before_data_are_read(tmp_path):
    place = Place(tmp_path, STUDY.replace("data: bars", "data: ./nowhere").replace("ce: {loss: {name: ce}}", "ce: {loss: {name: ce}, net: foo}"))
    last = place.compare(code=2)
    assert last["event"] == "failed" and last["message"].startswith("unknown network 'foo'") and not (tmp_path / "runs" / "small").exists()


def test_a_study_is_trained_and_compared(whole):
    runs = ["ce-0", "ce-1", "min-ent-0", "min-ent-1"]
    assert whole.finished() == runs
    assert whole.said["finished"] == whole.said["runs"] == 4 and whole.said["failed"] == {}
    assert (whole.directory / "table.csv").read_text().count("\n") > 10
    text, _ = whole.run("compare", "runs/small", "--no-train")
    assert "4 of 4 runs are finished" in text and "Does the entropy of predictions help?" in text and "baseline ce" in text
    scores = whole.scores()
    assert len({scores[run]["plan_hash"] for run in runs}) == 1 and all(scores[run]["threads"] == 1 for run in runs)
    assert scores["min-ent-1"]["loss"] == "min-ent" and scores["min-ent-1"]["seed"] == 1
    assert scores["ce-0"]["recipe"] == "demo"
    plan = (whole.directory / "runs/small/plan-1.yaml").read_text()
    assert "threads: 1" in plan and "batch: 20" in plan
    recipe = (whole.directory / "runs/small/min-ent-0/recipe.yaml").read_text()
    assert "learn: w1 w2" in recipe and f"plan: {whole.directory}/runs/small/plan-1.yaml" in recipe


def test_variants_share_seeds(whole):
    """Same seed, same first weights and batches: the same as a run by itself with the same settings."""
    settings = ["data=bars", "net=net.yaml", "epochs=2", "batch=20", "precision=fp32", "validation.fraction=0.2",
                "optimizer.learning_rate=0.1", "loss.name=ce", "seed=1", "threads=1", "plan=runs/small/plan-1.yaml"]
    words = [word for setting in settings for word in ("--set", setting)]
    whole.run("train", "--recipe", "demo", "--run", "alone", *words)
    assert (whole.directory / "alone/best.safetensors").read_bytes() == whole.models()["ce-1"]


def test_other_test_images_are_refused(place):
    """The data changed between two calls: the same number of images, in another order."""
    place.compare()
    for part, header in (("images-idx3", 16), ("labels-idx1", 8)):
        path = place.directory / f"bars/test-{part}-ubyte"
        data = path.read_bytes()
        each = (len(data) - header) // 40
        path.write_bytes(data[:header] + b"".join(data[header + i * each:header + (i + 1) * each] for i in reversed(range(40))))
    place.write(STUDY.rstrip() + "\n  more: {loss: {name: ce}}\n")
    err = place.run("compare", "study.yaml", code=2)[1]
    assert "with other labels, or in another order; only runs on the same test part can be compared" in err


def test_nothing_finished_is_trained_again(place):
    place.compare()
    times = {path: path.stat().st_mtime_ns for path in place.directory.glob("runs/small/*/summary.json")}
    out, _ = place.run("compare", "study.yaml", "--seeds", "3")
    assert re.findall(r"^(\S+): .*% right", out, re.MULTILINE) in (["ce-2", "min-ent-2"], ["min-ent-2", "ce-2"])
    place.write(STUDY.replace("seeds: 2", "seeds: [1, 7]") + "  focal: {loss: {name: focal}}\n")
    said = place.compare()
    assert said["runs"] == said["finished"] == 4 * 3  # the seeds that came by --seeds stay
    place.write(STUDY.replace("about: Does", "about: Well, does") + "  focal: {loss: {name: focal}}\n")
    assert place.compare("--no-train")["about"].startswith("Well")
    assert {path: path.stat().st_mtime_ns for path in times} == times


@pytest.mark.parametrize("old, new, message", [
    ("w2: 0.5", "w2: 0.25", "loss.w2 0.5 for min-ent, not 0.25"),
    ("epochs: 2", "epochs: 3", "epochs 2 for ce, not 3"),
    ("recipe: demo", "recipe: emnist-letters-short", "dropout 0.1 for ce, not 0.3"),
    ("data: bars", "data: lines", "other data sets"),
    ("  ce: {loss: {name: ce}}\n", "", "a variant ce that is missing"),
])
def test_another_study_of_that_name_is_refused(whole, old, new, message):
    (whole.directory / "changed.yaml").write_text(STUDY.replace("baseline: ce\n", "").replace(old, new))
    for words in ([], ["--no-train"]):
        _, errors = whole.run("compare", "changed.yaml", *words, code=2)
        assert message in errors and "give this one another name" in errors


def test_threads_stay(whole):
    _, errors = whole.run("compare", "study.yaml", "--threads", "2", code=2)
    assert "begun with 1 thread" in errors
    whole.run("compare", "study.yaml", "--threads", "1")


@pytest.mark.parametrize("old, new, where, message", [
    ("about:", "abot:", "2:1", "unknown 'abot'; did you mean 'about'?"),
    ("seeds: 2", "seeds: 1", "4:1", "at least 2"),
    ("seeds: 2", "seeds: [0, 1, 0]", "4:15", "0 is given twice"),
    ("seeds: 2", "seeds: ten", "4:1", "a whole number"),
    ("baseline: ce", "baseline: cee", "13:1", "did you mean 'ce'"),
    ("baseline: ce", "difference: -1", "13:1", "a number from 1e-09 to 100"),
    ("w2: 0.5", "w2: 0.5, seed: 1", "16:44", "unknown option 'loss.seed'; did you mean"),
    ("ce: {loss: {name: ce}}", "ce: {seed: 1}", "15:8", "'seeds' of the study"),
    ("ce: {loss: {name: ce}}", "ce: {data: mnist}", "15:8", "share their images"),
    ("ce: {loss: {name: ce}}", "ce: {loss: {nam: ce}}", "15:15", "did you mean 'loss.name'"),
    ("ce: {loss: {name: ce}}", "ce: {loss: {name: cd}}", "15:15", "did you mean"),
    ("ce: {loss: {name: ce}}", "ce: {optimizer: {momentum: 0}}", "15:3", "ce: optimizer.nesterov"),
    ("ce: {loss: {name: ce}}", "../ce: {loss: {name: ce}}", "15:3", "cannot name a variant"),
    ("name: small", "name: a/b", "1:1", "cannot name a study"),
    ("batch: 20", "threads: 2", "9:3", "--threads N"),
    ("batch: 20", "batch: many", "9:3", "batch: expected a whole number"),
    ("recipe: demo", "recipe: dmo", "3:1", "did you mean 'demo'"),
    ("recipe: demo\n", "", "1:1", "'recipe' is missing"),
    ("about:", "data: [a/b, c/b]\nabout:", "7:3", "for one data set with options, write 'set: {data: NAME}' in its place"),
    ("recipe: demo", "recipe: demo\ndata: [a/b, c/b]", None, "two are called 'b'"),
])
def test_mistakes_are_told_before_anything_runs(place, old, new, where, message):
    text = STUDY.replace(old, new, 1)
    if where is None:
        text, where = text.replace("  data: bars\n", ""), "4:13"
    place.write(text)
    _, errors = place.run("compare", "study.yaml", code=1)
    assert errors.startswith(f"mixent: study.yaml:{where}: ") and message in errors
    assert not (place.directory / "runs").exists()


def test_what_is_missing_is_told_before_anything_runs(place):
    for old, new, message in (("data: bars", "data: nowhere", "nowhere"), ("net: net.yaml", "net: none.yaml", "none.yaml")):
        place.write(STUDY.replace(old, new))
        process = place.start("compare", "study.yaml")
        _, errors = process.communicate()
        assert process.returncode in (1, 2) and message in errors
        assert not list(place.directory.glob("runs/*"))
    assert "did you mean 'first'" in place.run("compare", "firts", code=2)[1]
    assert "bars is no study, for it has no study.yaml" in place.run("compare", "bars", code=2)[1]
    shutil.copytree(place.directory / "bars", place.directory / "run")
    (place.directory / "run/recipe.yaml").write_text("")
    assert "run is a run, no study; 'mixent show run' shows it" in place.run("compare", "run", code=2)[1]
    assert "no study is there" in place.run("compare", "study.yaml", "--no-train", code=2)[1]


def test_several_data_sets(place):
    make_dataset(place.directory / "lines", train=100, test=60, seed=5)
    place.write(STUDY.replace("  data: bars\n", "").replace("recipe: demo", "recipe: demo\ndata: [bars, lines]"))
    said = place.compare()
    assert said["finished"] == 8
    assert {path.name for path in (place.directory / "runs/small/lines").iterdir()} == {
        "ce-0", "ce-1", "min-ent-0", "min-ent-1"}
    place.run("study", "export", "runs/small", "all.jsonl")
    assert "8 runs came in" in place.run("study", "import", "all.jsonl", "--runs", "other")[0]
    assert read_last(place.run("compare", "other/small", "--no-train", "--json")[0])["comparison"] == said["comparison"]


def test_a_variant_that_fails(place):
    """Its runs are told and counted, and tried again unless they are lost; the others are finished and compared."""
    place.write(STUDY + "  wild: {optimizer: {learning_rate: 1000}, loss: {name: min-ent, w1: 1e6}}\n")
    out, errors = place.run("compare", "study.yaml", code=1)
    assert "mixent: run wild-0 failed: " in errors and "mixent: run wild-1 failed: " in errors
    assert "4 of 6 runs are finished" in out and re.search("failed: wild with seeds 0, 1; the first: .*finite", out)
    assert place.finished() == ["ce-0", "ce-1", "min-ent-0", "min-ent-1"]
    said = place.compare("--no-train")
    assert set(said["failed"]) == {"wild-0", "wild-1"} and "finite" in said["failed"]["wild-0"]
    assert (place.directory / "runs/small/wild-0/failure.txt").exists()
    (place.directory / "runs/small/wild-1/failure.txt").unlink()
    out, errors = place.run("compare", "study.yaml", code=1)
    assert "run wild-1 failed: " in errors and "run wild-0" not in errors and "failed: wild with seeds 0, 1; " in out
    # another machine is told of it, without the run's place
    place.run("study", "export", "runs/small", "all.jsonl")
    place.run("study", "import", "all.jsonl", "--runs", "other")
    there = read_last(place.run("compare", "other/small", "--no-train", "--json")[0])
    assert there["failed"] == {name: why.replace(f"runs/small/{name}/", "") for name, why in place.compare("--no-train")["failed"].items()}
    assert "checkpoint is last.safetensors" in there["failed"]["wild-0"]
    # nor is it trained there, until its directory is removed
    _, errors = place.run("compare", "other/small", code=1)
    assert "run wild-" not in errors and "started" not in errors
    lines = (place.directory / "all.jsonl").read_text()
    assert place.run("study", "export", "other/small")[0] == lines
    assert place.run("runs", "status=failed", "--runs", "other", "--columns", "run", "--csv")[0] == "run\nsmall/wild-0\nsmall/wild-1\n"
    shutil.rmtree(place.directory / "other/small/wild-1")
    _, errors = place.run("compare", "other/small", code=1)
    assert "run wild-1 failed: " in errors and "run wild-0" not in errors
    (place.directory / "lying.jsonl").write_text(lines.replace('"wild-0":', '"wild-7":'))
    assert "lying.jsonl:1: the study has no run 'wild-7'" in place.run("study", "import", "lying.jsonl", "--runs", "lies", code=1)[1]


def test_factors_crossed(place):
    """Four runs of each variant: two that share nothing are compared, and all four are the variance table."""
    place.write(STUDY.replace("seeds: 2", "vary: {init: 2, split: 2}").replace("epochs: 2", "epochs: 1"))
    said = place.compare()
    assert said["finished"] == 8 and said["vary"] == ["init", "split"] and said["comparison"]["seeds"] == ["0", "3"]
    for variant in said["variance"]:
        seeds, grid = {}, [[0, 0], [0, 0]]
        for run in range(4):
            directory = place.directory / f"runs/small/{variant['variant']}-{run}"
            recipe = (directory / "recipe.yaml").read_text()
            seeds[run] = [int(re.search(rf"^{group}:(?:\n  .*)*?\n  seed: (\d)$", recipe, re.M)[1]) for group in ("init", "validation")]
            grid[seeds[run][0]][seeds[run][1]] = json.loads((directory / "summary.json").read_text())["test"]["accuracy"]
            assert re.search(r"^seed: 0$", recipe, re.M)
        assert seeds == {0: [0, 0], 1: [1, 0], 2: [0, 1], 3: [1, 1]}
        # analysis of variance of two crossed factors
        (a, b), (c, d) = grid
        rest = (a - b - c + d) ** 2 / 4
        init, split = ((c + d - a - b) ** 2 / 4 - rest) / 2, ((b + d - a - c) ** 2 / 4 - rest) / 2
        parts = variant["components"]
        assert [part["factor"] for part in parts] == ["init", "split", "rest"]
        assert [part["variance"] for part in parts] == pytest.approx([init, split, rest], abs=1e-12)
        assert [part["negative"] for part in parts] == [init < -1e-12, split < -1e-12, False]
    text, _ = place.run("compare", "study.yaml", "--no-train")
    assert "Runs vary init (2), split (2), crossed; the first 2 of a variant share no level" in text
    assert re.search(r"variant +runs +init +split +rest\n *ce +4 ", text)
    assert "--seeds is not for small" in place.run("compare", "study.yaml", "--seeds", "3", code=2)[1]
    place.write(STUDY.replace("seeds: 2", "vary: [init, split]\nseeds: 4").replace("epochs: 2", "epochs: 1"))
    assert "holds a study with 'vary' of init (2), split (2), not init, split;" in place.run("compare", "study.yaml", code=2)[1]
    place.write(STUDY.replace("seeds: 2", "vary: {init: 2, split: 2}").replace("epochs: 2", "epochs: 1"))
    place.run("report", "runs/small")
    page = (place.directory / "runs/small/report.html").read_text()
    assert "Runs vary init (2), split (2), crossed" in page and "What makes runs differ" in page


def test_one_process_at_a_time(place):
    place.write(STUDY.replace("epochs: 2", "epochs: 2000"))
    first = place.start("compare", "study.yaml")
    place.await_run()
    _, errors = place.run("compare", "study.yaml", code=2)
    assert "another process is at work on this study" in errors
    assert "0 of 4 runs are finished" in place.run("compare", "study.yaml", "--no-train")[0]
    first.send_signal(signal.SIGINT)
    _, errors = first.communicate(timeout=60)
    assert first.returncode == 130 and "go on by 'mixent compare runs/small'" in errors
    assert not place.trainers()


def test_two_interrupts_end_at_once(place):
    place.write(STUDY.replace("epochs: 2", "epochs: 2000"))
    process = place.start("compare", "study.yaml")
    place.await_run()
    process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode in (143, -signal.SIGTERM)
    place.await_no_trainers()


def test_interrupted_and_gone_on_with(place, whole):
    """Ctrl-C in the middle, again and again: the end is that of the study nothing disturbed."""
    for _ in range(3):
        process = place.start("compare", "study.yaml")
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        assert process.returncode in (0, -signal.SIGINT) or process.returncode == 130 and "interrupted" in errors, errors
        assert not place.trainers()
    place.run("compare", "study.yaml")
    assert place.scores() == whole.scores() and place.models() == whole.models() and place.table() == whole.table()


def test_children_end_with_their_parent(place):
    place.write(STUDY.replace("epochs: 2", "epochs: 2000"))
    process = place.start("compare", "study.yaml")
    place.await_run()
    assert place.trainers()
    process.kill()
    process.communicate()
    place.await_no_trainers()


def test_a_note_of_a_failure_that_a_killed_process_left(place, whole):
    """A run that failed was trained anew to its end; the process that was to take the note back was killed before."""
    shutil.copytree(whole.directory / "runs", place.directory / "runs")
    path = place.directory / "runs/small/study.json"
    right = path.read_bytes()
    state = json.loads(right)
    state["failed"]["ce-0"] = "ended by signal 9 (Killed)"
    path.write_text(json.dumps(state))
    place.run("compare", "study.yaml")
    assert path.read_bytes() == right


def test_more_than_a_study_may_have(place):
    """Nothing is written that would be refused when it is read."""
    assert "from 2 to 10000" in place.run("compare", "study.yaml", "--seeds", "10001", code=2)[1]
    place.write(STUDY.replace("  data: bars\n", "").replace("recipe: demo", "recipe: emnist-letters-short") + "".join(f"  v{i}: {{}}\n" for i in range(9)))
    said = place.run("compare", "study.yaml", "--seeds", "10000", code=1)[1]
    assert "expected a study of at most 100000 runs" in said and not (place.directory / "runs").exists()


def test_a_table_that_cannot_be_written(place):
    said = place.run("compare", "study.yaml", "--csv", "missing/table.csv", code=1)[1]
    assert "cannot create missing/table.csv" in said and not (place.directory / "runs").exists()
