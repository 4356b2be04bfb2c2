"""Studies: read, trained by several processes, interrupted in every way, compared, carried elsewhere."""
import gzip
import json
import os
import re
import shutil
import signal
import subprocess
import time

import pytest

from events import read_last
from support import PROGRAM, TINY_NET, environment, make_dataset

STUDY = """\
name: small
about: Does the entropy of predictions help?
recipe: demo
seeds: 2
set:
  data: bars
  net: net.yaml
  epochs: 2
  batch: 20
  precision: fp32
  validation: {fraction: 0.2}
  optimizer: {learning_rate: 0.1}
baseline: ce
variants:
  ce: {loss: {name: ce}}
  min-ent: {loss: {name: min-ent, w2: 0.5, learn: [w1, w2]}}
"""
TIMES = ("seconds", "images_per_second", "peak_memory_bytes", "cpu", "versions", "plan")


class Place:
    """A directory with data, a network and a study, in which the program runs."""

    def __init__(self, directory, study=STUDY):
        self.directory = directory
        make_dataset(directory / "bars", train=100, test=40)
        (directory / "net.yaml").write_text(TINY_NET)
        self.write(study)

    def write(self, study):
        (self.directory / "study.yaml").write_text(study)

    def start(self, *words):
        return subprocess.Popen([PROGRAM, *map(str, words)], cwd=self.directory, env=environment(), stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)

    def run(self, *words, code=0):
        process = self.start(*words)
        out, err = process.communicate(timeout=300)
        assert process.returncode == code, out + err
        return out, err

    def compare(self, *words, code=0):
        """The last event, which has the comparison."""
        return read_last(self.run("compare", "study.yaml", "--json", *words, code=code)[0])

    def table(self, name="small"):
        """What the finished study says, times left out."""
        shown = read_last(self.run("compare", f"runs/{name}", "--json", "--no-train")[0])
        text = json.dumps(shown["comparison"], sort_keys=True)
        return re.sub(r'"(training_time|seconds|images_per_second)": \{[^{}]*\}', "", text)

    def finished(self, name="small"):
        return sorted(path.parent.name for path in self.directory.glob(f"runs/{name}/*/summary.json"))

    def scores(self, name="small"):
        """All that a study's runs must have in common with those of another machine or day."""
        found = {}
        for path in self.directory.glob(f"runs/{name}/*/summary.json"):
            summary = json.loads(path.read_text())
            found[path.parent.name] = {key: value for key, value in summary.items() if key not in TIMES}
            lines = [json.loads(line) for line in (path.parent / "metrics.jsonl").read_text().splitlines()]
            found[path.parent.name]["lines"] = [{key: line[key] for key in line if key not in TIMES} for line in lines]
        return found

    def models(self, name="small"):
        return {path.parent.name: path.read_bytes() for path in self.directory.glob(f"runs/{name}/*/best.safetensors")}

    def trainers(self):
        """Processes that train in this directory."""
        found = []
        for entry in os.listdir("/proc"):
            try:
                if entry.isdigit() and os.readlink(f"/proc/{entry}/cwd") == str(self.directory):
                    with open(f"/proc/{entry}/cmdline", "rb") as stream:
                        found += [int(entry)] if b"\0train\0" in stream.read() else []
            except OSError:
                pass  # it has ended
        return found

    def await_no_trainers(self):
        end = time.monotonic() + 20
        while self.trainers():
            assert time.monotonic() < end, "processes go on without the one that started them"
            time.sleep(0.02)

    def await_run(self, name="small"):
        end = time.monotonic() + 60
        while not list(self.directory.glob(f"runs/{name}/*/metrics.jsonl")):
            assert time.monotonic() < end
            time.sleep(0.01)


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A study that nothing disturbed; not to be changed."""
    place = Place(tmp_path_factory.mktemp("whole"))
    place.said = place.compare("--csv", "table.csv")
    return place


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


def test_exported_and_imported(place, whole, tmp_path):
    out, _ = whole.run("study", "export", "runs/small", tmp_path / "study.jsonl")
    assert "4 of 4 runs" in out
    text = (tmp_path / "study.jsonl").read_text()
    assert text.count("\n") == 5 and str(whole.directory) not in text
    assert whole.run("study", "export", "runs/small")[0] == text
    out, _ = place.run("study", "import", "study.jsonl")
    assert "4 runs came in, 0 were there already" in out
    assert place.table() == whole.table() and place.scores() == whole.scores()
    assert not place.models()
    assert place.run("study", "export", "runs/small")[0] == text
    out, _ = place.run("compare", "study.yaml", "--seeds", "3")  # goes on with new seeds alone
    assert len(re.findall("% right, NLL", out)) == 2
    assert place.scores()["ce-2"]["plan_hash"] == whole.scores()["ce-0"]["plan_hash"]


def test_import_adds_what_is_missing(place, whole):
    whole.run("study", "export", "runs/small", place.directory / "study.jsonl")
    place.compare()
    shutil.rmtree(place.directory / "runs/small/min-ent-1")
    (place.directory / "runs/small/ce-1/summary.json").unlink()  # a run that has begun gives way
    out, _ = place.run("study", "import", "study.jsonl")
    assert "2 runs came in, 2 were there already" in out
    assert place.scores() == whole.scores()


def test_every_kind_of_run_comes_in(place):
    """What import works out again holds where targets are soft, several networks are one, and epochs are chosen otherwise."""
    place.write(STUDY[:STUDY.index("  min-ent:")] + """\
  members: {members: 2}
  mixed: {augment: {mixup: 0.3}}
  taught: {members: 2, distill: {members: 1}}
  smooth: {loss: {name: label-smoothing}}
  views: {test: {views: 3}}
  test: {select: test}
  last: {select: last}
  ema: {ema: {decay: 0.9}}
  pruned: {prune: {fraction: 0.5}}
  nothing-held-out: {validation: {fraction: 0}}
""")
    place.compare()
    place.run("study", "export", "runs/small", "all.jsonl")
    assert "22 runs came in" in place.run("study", "import", "all.jsonl", "--runs", "other")[0]


def test_what_finished_takes_the_place_of_what_failed(place, whole):
    lines = whole.run("study", "export", "runs/small")[0].splitlines()
    header = json.loads(lines[0])
    header["runs"] = 3
    header["study.json"]["failed"]["ce-0"] = "the disk was full"
    (place.directory / "failed.jsonl").write_text("\n".join([json.dumps(header), *lines[2:]]) + "\n")
    (place.directory / "whole.jsonl").write_text("\n".join(lines) + "\n")
    for name, came in (("failed", "3 runs came in, 0"), ("whole", "1 runs came in, 3"), ("failed", "0 runs came in, 3")):
        assert came in place.run("study", "import", f"{name}.jsonl")[0]
        assert ((place.directory / "runs/small/ce-0/failure.txt").exists()) == (came[0] == "3")
    assert place.scores() == whole.scores() and place.compare("--no-train")["failed"] == {}
    header["runs"] = 4
    (place.directory / "both.jsonl").write_text("\n".join([json.dumps(header), *lines[1:]]) + "\n")
    assert "both.jsonl:2: this run is finished, and failed in line 1" in place.run("study", "import", "both.jsonl", code=1)[1]


def change(line, key, old, new):
    json_line = json.loads(line)
    assert old in json_line[key]
    json_line[key] = json_line[key].replace(old, new)
    return json.dumps(json_line)


def lie_about(*lies):
    """Lies that are valid JSON: of the first run, FILE has another value at PATH, or what a function makes of it; of
    metrics.jsonl it is the last epoch."""
    def lie(lines):
        line = json.loads(lines[1])
        for file, path, value in lies:
            *before, text = line[file].splitlines() if file == "metrics.jsonl" else [line[file]]
            place = held = json.loads(text)
            *keys, last = (int(key) if key.isdigit() else key for key in path.split("."))
            for key in keys:
                place = place[key]
            new = value(place[last]) if callable(value) else value
            assert new != place[last]
            place[last] = new
            line[file] = "".join(f"{kept}\n" for kept in [*before, json.dumps(held)])
        return [lines[0], json.dumps(line), *lines[2:]]
    return lie


def move_between_classes(lines):
    """A wrong image of the first run is said to be of the class that it was taken for, another one the other way: all sums stay."""
    line = json.loads(lines[1])
    result = json.loads(line["result.json"])
    confusion = result["confusion"]
    label, taken = next((i, k) for i, row in enumerate(confusion) for k, count in enumerate(row) if i != k and count)
    other = next(k for k in range(len(confusion)) if k not in (label, taken))
    confusion[label][taken] -= 1
    confusion[other][taken] += 1
    pairs = sorted((-count, i, k) for i, row in enumerate(confusion) for k, count in enumerate(row) if i != k and count)
    wrong = [image for pair in result["confused"] for image in pair["images"]]
    result["confused"] = [{"label": i, "predicted": k, "count": -count, "images": wrong[:min(8, -count)]} for count, i, k in pairs[:12]]
    line["result.json"] = json.dumps(result)
    return [lines[0], json.dumps(line), *lines[2:]]


def up(value):
    return value + 0.01


@pytest.mark.parametrize("lie, where, message", [
    (lambda lines: lines[:3], 3, "ends here with 2 of 4 runs"),
    (lambda lines: lines + [lines[1]], 6, "more lines"),
    (lambda lines: lines[:2] + [lines[1]] + lines[3:], 3, "given twice"),
    (lambda lines: lines[1:], 1, "no study's file"),
    (lambda lines: ["{}"] + lines[1:], 1, "no study's file"),
    (lambda lines: [lines[0], "[1", *lines[2:]], 2, "no line of a study's file"),
    (lambda lines: [lines[0], change(lines[1], "run", "ce-0", "../ce-0"), *lines[2:]], 2, "no run '../ce-0'"),
    (lambda lines: [lines[0], change(lines[1], "run", "ce-0", "ce-1"), *lines[2:]], 2, "seed"),
    (lambda lines: [lines[0], change(lines[1], "recipe.yaml", "batch: 20", "batch: 21"), *lines[2:]], 2, "batch 21"),
    (lambda lines: [lines[0], change(lines[1], "plan.yaml", "layers:", "lairs:"), *lines[2:]], 2, "lairs"),
    (lambda lines: [lines[0], change(lines[1], "metrics.jsonl", '"epoch":2', '"epoch":3'), *lines[2:]], 2, "metrics.jsonl"),
    (lambda lines: [lines[0], change(lines[1], "summary.json", '"accuracy": ', '"accuracy": 0'), *lines[2:]], 2,
     "invalid token"),
    (lie_about(("summary.json", "test.accuracy", 39 / 40)), 2, "its accuracy of the test part is "),
    (lie_about(("summary.json", "seed", 1)), 2, "summary.json: seed is 1, but seed is 0 in recipe.yaml"),
    (lie_about(("summary.json", "batch", 30)), 2, "summary.json: batch is 30, but batch is 20 in recipe.yaml"),
    (lie_about(("summary.json", "select", "test")), 2, "summary.json: select is test, but select is validation"),
    (lie_about(("summary.json", "plan_hash", "0" * 64)), 2, "summary.json: plan_hash is "),
    (lie_about(("summary.json", "epochs", 3)), 2, "summary.json: epochs is 3, but epochs is 2 in recipe.yaml"),
    (lie_about(("summary.json", "best_epoch", lambda epoch: 3 - epoch)), 2, "is the best in metrics.jsonl"),
    (lie_about(("summary.json", "best_epoch", 7)), 2, "summary.json: best_epoch is 7, but "),
    (lie_about(("metrics.jsonl", "best", lambda best: not best)), 2, "the best so far, but 'best' says otherwise"),
    (lie_about(("metrics.jsonl", "step", 9)), 2, "metrics.jsonl: epoch 2 ends with step 9 of 20 images, but 80 images"),
    (lie_about(("metrics.jsonl", "seconds", up)), 2, "summary.json: seconds is "),
    (lie_about(("summary.json", "images_per_second", 9.0)), 2, "summary.json: images_per_second is "),
    (lie_about(("metrics.jsonl", "validation.nll", up)), 2, "metrics.jsonl: nll and ce1 of the validation part: expected one value"),
    (lie_about(("metrics.jsonl", "train.accuracy", 2)), 2, "metrics.jsonl: accuracy of the train part: expected a number from 0 to 1"),
    (lie_about(("metrics.jsonl", "validation.kl", up)), 2, "metrics.jsonl: ce2 and h + kl of the validation part"),
    (lie_about(("summary.json", "validation.images", 21)), 2, "its validation part has other images than in metrics.jsonl"),
    (lie_about(("summary.json", "validation.loss", up)), 2, "summary.json: loss of the validation part is "),
    (lie_about(("summary.json", "test.nll", up), ("summary.json", "test.ce1", up)), 2, "its nll of the test part is "),
    (lie_about(("summary.json", "test.nll", up), ("result.json", "test.nll", up)), 2,
     "summary.json: nll and ce1 of the test part: expected one value, got "),
    (lie_about(*((file, f"validation.{key}", up) for file, key in (("summary.json", "nll"), ("summary.json", "ce1"),
                                                                   ("result.json", "nll")))), 2, "nll of the validation part is "),
    (lie_about(*((file, f"test.{key}", up) for file, key in (("summary.json", "entropy"), ("summary.json", "h"),
                                                             ("summary.json", "ce2"), ("result.json", "entropy")))), 2,
     "'test' is missing"),
    (lie_about(*((file, f"test.{key}", 0.01) for file, key in (("summary.json", "nll"), ("summary.json", "ce1"), ("result.json", "nll")))), 2,
     "'test' is missing, wrong or contradicts"),
    (lie_about(("summary.json", "test.brier", 0.01), ("result.json", "test.brier", 0.01)), 2, "'test' is missing, wrong or contradicts"),
    (lie_about(("result.json", "test_calibrated.nll", 0.01)), 2, "'test_calibrated' is missing, wrong or contradicts"),
    (lie_about(("result.json", "test.accuracy", 39 / 40)), 2, "'right' is missing, wrong or contradicts"),
    (lie_about(("result.json", "test.nll", up)), 2, "its nll of the test part is "),
    (lie_about(("result.json", "temperature.nll_before", up)), 2, "'temperature' is missing, wrong or contradicts"),
    (lie_about(("result.json", "temperature.nll_after", up)), 2, "'temperature' is missing, wrong or contradicts"),
    (lie_about(("result.json", "temperature.found", lambda found: not found)), 2, "'t"),
    (lie_about(("result.json", "validation_calibrated.nll", up)), 2, "'temperature' is missing, wrong or contradicts"),
    (lie_about(("result.json", "test_calibrated.accuracy", lambda share: share / 2)), 2, "'test_calibrated' is missing"),
    (lie_about(("result.json", "test.aurc", lambda area: 1 - area)), 2, "'aurc of the test part' is missing, wrong"),
    (lie_about(("result.json", "reliability", lambda bins: [[count, mean, 1 - share] for count, mean, share in bins])), 2,
     "'reliability' is"),
    (lie_about(("result.json", "entropy_right", lambda bins: bins[::-1])), 2, "'entropy_right' is missing, wrong or contradicts"),
    (lie_about(("result.json", "confused", lambda pairs: pairs[::-1])), 2, "'confused' is missing, wrong or contradicts"),
    (lie_about(("result.json", "confused.0.images", lambda images: images[1:])), 2, "'confused' is missing, wrong"),
    (lie_about(("result.json", "risk.49", up)), 2, "'risk' is missing, wrong or contradicts"),
    (move_between_classes, 3, "its test images have other labels than those of line 2"),
    (lambda lines: [lines[0], change(lines[1], "result.json", '"right":"', '"right":"A'), *lines[2:]], 2, "result.json"),
    (lambda lines: [change(lines[0], "study.yaml", "seeds: 2", "seeds: 1"), *lines[1:]], 1, "at least 2"),
    (lambda lines: [lines[0].replace('"threads":1', '"threads":2'), *lines[1:]], 2, "threads"),
])
def test_a_lying_file_changes_nothing(place, whole, lie, where, message):
    lines = whole.run("study", "export", "runs/small")[0].splitlines()
    (place.directory / "lie.jsonl").write_text("\n".join(lie(lines)) + "\n")
    for existing in (False, True):
        if existing:
            place.run("study", "import", "whole.jsonl")
            shutil.rmtree(place.directory / "runs/small/ce-0")
        _, errors = place.run("study", "import", "lie.jsonl", code=1)
        assert errors.startswith(f"mixent: lie.jsonl:{where}:") and message in errors and errors.count("\n") == 1
        assert not list(place.directory.glob("runs/*/ce-0")) and not list(place.directory.glob("runs/**/.*"))
        (place.directory / "whole.jsonl").write_text("\n".join(lines) + "\n")


def test_a_cut_file_changes_nothing(place, whole):
    text = whole.run("study", "export", "runs/small")[0]
    for length in (0, 10, len(text) // 3, len(text) - 1):
        (place.directory / "cut.jsonl").write_text(text[:length])
        assert re.match(r"mixent: cut.jsonl:\d+: .*cut off", place.run("study", "import", "cut.jsonl", code=1)[1])
        assert not list(place.directory.glob("runs/*"))


def test_a_file_in_gzip(place, whole):
    """Written by the ending of its name, read by its first bytes; the same study gives the same bytes, whenever and wherever."""
    text = whole.run("study", "export", "runs/small")[0].encode()
    for name in ("a.jsonl.gz", "b.JSONL.GZ"):
        whole.run("study", "export", "runs/small", place.directory / name)
    packed = (place.directory / "a.jsonl.gz").read_bytes()
    assert gzip.decompress(packed) == text and len(packed) < len(text) / 2
    assert packed[3:8] == bytes(5) and (place.directory / "b.JSONL.GZ").read_bytes() == packed  # no name, no time
    (place.directory / "renamed").write_bytes(packed)
    assert "4 runs came in" in place.run("study", "import", "renamed")[0]
    (place.directory / "plain.gz").write_bytes(text)
    assert "0 runs came in, 4 were there already" in place.run("study", "import", "plain.gz")[0]


def test_a_damaged_file_in_gzip_changes_nothing(place, whole):
    whole.run("study", "export", "runs/small", place.directory / "whole.gz")
    packed = (place.directory / "whole.gz").read_bytes()
    for length in (15, len(packed) // 2, len(packed) - 1):
        (place.directory / "cut.gz").write_bytes(packed[:length])
        assert "cut.gz: the gzip data is damaged or truncated" in place.run("study", "import", "cut.gz", code=1)[1]
    (place.directory / "bomb.gz").write_bytes(gzip.compress(bytes(80 << 20)))
    assert "bomb.gz: unpacks to more than 50 times its size" in place.run("study", "import", "bomb.gz", code=1)[1]
    assert not list(place.directory.glob("runs/*"))


def test_an_export_that_fails_leaves_the_old_file(whole, tmp_path):
    """The disk is full before the file is whole."""
    for name in ("old.jsonl", "old.jsonl.gz"):
        (tmp_path / name).write_text("old")
        done = subprocess.run(["bash", "-c", 'ulimit -f 1; exec "$@"', "bash", str(PROGRAM), "study", "export",
                               str(whole.directory / "runs/small"), name], cwd=tmp_path, env=environment(), capture_output=True,
                              text=True)
        assert done.returncode == 1 and "ulimit -f" in done.stderr
        assert (tmp_path / name).read_text() == "old" and len(list(tmp_path.iterdir())) == (2 if name.endswith("z") else 1)


def test_a_contradiction_is_refused(place, whole):
    place.compare()
    lines = whole.run("study", "export", "runs/small")[0].splitlines()
    summary = json.loads(json.loads(lines[2])["summary.json"])
    summary["test"]["nll"] += 0.001
    summary["test"]["ce1"] += 0.001
    line = json.loads(lines[2])
    line["summary.json"] = json.dumps(summary)
    (place.directory / "other.jsonl").write_text("\n".join([*lines[:2], json.dumps(line), *lines[3:]]) + "\n")
    shutil.rmtree(place.directory / "runs/small/ce-0")
    _, errors = place.run("study", "import", "other.jsonl", code=1)
    assert errors.startswith("mixent: other.jsonl:3: its scores are not those of runs/small/")
    assert not (place.directory / "runs/small/ce-0").exists()
