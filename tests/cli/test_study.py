"""`mixent study`: studies carried elsewhere, exported to a file and imported from it; files that are cut, damaged or untrue change
nothing."""
import gzip
import json
import re
import shutil
import subprocess

import pytest

from studies import STUDY, place, whole  # noqa: F401
from support import PROGRAM, environment


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
