"""The programs of bench/ that train several runs: what they compute of them, and that no finished run is repeated."""
import json
import shutil
import subprocess
import sys
import xml.dom.minidom

import pytest

from support import PROGRAM, ROOT, environment

BENCH = ROOT / "bench"
sys.path.insert(0, str(BENCH))
import runs  # noqa: E402
import same_accuracy  # noqa: E402
import time_to_accuracy  # noqa: E402


# Two-sided 95 % points, from the table of any textbook; and the 99 % point of 10.
@pytest.mark.parametrize("freedom, share, known", [(1, 0.95, 12.706), (2, 0.95, 4.303), (3, 0.95, 3.182), (4, 0.95, 2.776),
                                                   (9, 0.95, 2.262), (30, 0.95, 2.042), (120, 0.95, 1.980), (10, 0.99, 3.169)])
def test_student_s_t(freedom, share, known):
    assert runs.t_quantile(freedom, share) == pytest.approx(known, abs=5.1e-4)


def test_interval():
    mean, half = runs.interval([0.1, 0.2, 0.4, 0.5])  # deviation 0.18257, t 3.18245
    assert mean == pytest.approx(0.3) and half == pytest.approx(3.18245 * 0.182574 / 2, abs=1e-5)
    assert runs.interval([0.25]) == (0.25, None)


def made_up(test, validation, losses):
    """What runs.read gives of a run."""
    return {"test": {"accuracy": test}, "validation": validation and {"accuracy": validation},
            "epochs": [{"train": {"loss": loss}} for loss in losses]}


def test_comparison():
    pairs = {3: {"a": made_up(0.5, 0.25, [2, 1]), "b": made_up(0.75, 0.5, [2.5, 1])},
             4: {"a": made_up(0.5, 0.5, [2, 1]), "b": made_up(0.5, 0.75, [2.25, 0.25])}}
    report = same_accuracy.compare(pairs)
    assert [row["seed"] for row in report["seeds"]] == [3, 4]
    assert report["seeds"][0]["b"] == {"test": 0.75, "validation": 0.5}
    assert report["loss_gaps"] == [0.5, 0.75]
    assert report["difference"]["test"]["mean"] == 0.125
    assert report["difference"]["test"]["half_width"] == pytest.approx(12.7062 * 0.125, rel=1e-5)
    assert report["difference"]["validation"] == {"mean": 0.25, "half_width": 0}
    nothing_held_out = {0: {"a": made_up(0.5, None, [1]), "b": made_up(0.5, None, [1])}}
    assert list(same_accuracy.compare(nothing_held_out)["difference"]) == ["test"]


def run(program, *arguments, directory, code=0):
    words = [sys.executable, "-B", str(BENCH / program), *map(str, arguments)]
    done = subprocess.run(words, cwd=directory, capture_output=True, text=True, env=environment(), timeout=120)
    assert done.returncode == code, done.stderr
    return done


def test_same_accuracy(tiny, tmp_path):
    words = ["--program", PROGRAM, "--a=--set ema.decay=0", "--b", "--set ema.decay=0.5 --set test.views=3", "--seeds", 2, "--jobs", 2,
             "--first-seed", 5, "--json"]
    report = json.loads(run("same_accuracy.py", *words, "--", *tiny, directory=tmp_path).stdout)
    assert [row["seed"] for row in report["seeds"]] == [5, 6] and len(report["loss_gaps"]) == 3
    assert report["loss_gaps"] == [0, 0, 0]  # an average of the weights changes no step
    for row in report["seeds"]:
        for name in "ab":
            place = tmp_path / "runs" / "same" / f"{name}-{row['seed']}"
            summary = json.loads((place / "summary.json").read_text())
            assert summary["threads"] == 1 and summary["seed"] == row["seed"]
            assert row[name]["test"] == summary["test"]["accuracy"]
    # finished runs stay as they are, one that is gone is made again, an interrupted one goes on; the same numbers come out
    kept = tmp_path / "runs" / "same" / "a-5" / "summary.json"
    before, again = kept.stat().st_mtime_ns, tmp_path / "runs" / "same" / "b-6" / "summary.json"
    again.unlink()
    words.remove("--json")
    out = run("same_accuracy.py", *words, "--", *tiny, directory=tmp_path).stdout
    assert kept.stat().st_mtime_ns == before and again.exists()
    assert f"{100 * report['seeds'][1]['b']['test']:.3f}" in out and "±" in out
    changed = run("same_accuracy.py", *words, "--", *tiny, "--set", "batch=10", directory=tmp_path, code=1)
    assert "--runs" in changed.stderr
    wrong = run("same_accuracy.py", *words, "--runs", "wrong", "--", *tiny, "--set", "bacth=10", directory=tmp_path, code=1)
    assert "did you mean" in wrong.stderr


def test_time_to_accuracy(tiny, tmp_path):
    words = ["--program", PROGRAM, "--seeds", 2, "--json", "--", *tiny, "--set", "test.views=3"]
    (report,) = json.loads(run("time_to_accuracy.py", *words, directory=tmp_path).stdout)
    assert report["seeds"] == [0, 1] and report["views"] == 3 and [epoch["epoch"] for epoch in report["epochs"]] == [1, 2, 3]
    places = [tmp_path / "runs" / "time" / seed for seed in "01"]
    summaries = [json.loads((place / "summary.json").read_text()) for place in places]
    assert report["test"]["mean"] == pytest.approx(sum(one["test"]["accuracy"] for one in summaries) / 2)
    assert report["epochs"][-1]["minutes"] == pytest.approx(sum(one["seconds"] for one in summaries) / 120)
    plain = [json.loads((place / "test-1-view.json").read_text()) for place in places]
    assert all(one["views"] == 1 and one["split"] == "test" for one in plain)
    assert report["test_one_view"]["mean"] == pytest.approx(sum(one["accuracy"] for one in plain) / 2)

    # the same from the directories, and beside a run of another recipe, a group of its own
    other = runs.train(PROGRAM, tmp_path / "other", [*tiny, "--set", "validation.fraction=0"])
    reports = json.loads(run("time_to_accuracy.py", "--program", PROGRAM, "--json", *places, tmp_path / "other", directory=tmp_path).stdout)
    assert reports[0] == report and reports[1]["validation"] is None and reports[1]["test_one_view"] == reports[1]["test"]
    assert reports[1]["test"] == {"mean": other["test"]["accuracy"], "deviation": None}
    out = run("time_to_accuracy.py", "--program", PROGRAM, *places, directory=tmp_path).stdout
    assert "2 seeds" in out and "with 3 views" in out and len(out.splitlines()) == 7
    for name in ("best.safetensors", "test-1-view.json"):  # as a study that was imported
        (places[0] / name).unlink()
    assert "image alone -" in run("time_to_accuracy.py", "--program", PROGRAM, *places, directory=tmp_path).stdout
    assert "no finished run" in run("time_to_accuracy.py", tmp_path / "bars", directory=tmp_path, code=1).stderr


@pytest.mark.skipif(not shutil.which("gnuplot"), reason="gnuplot is not installed (tools/install-dependencies docs)")
def test_picture(tmp_path):
    one = {"title": "it's_a, net, ce", "epochs": [{"epoch": 1, "minutes": 0.5, "validation": {"mean": 0.25, "deviation": None}},
                                                  {"epoch": 2, "minutes": 1, "validation": {"mean": 0.75, "deviation": 0.1}}],
           "test": {"mean": 0.5, "deviation": None}}
    time_to_accuracy.draw(time_to_accuracy.script([one, one], ["95.93 it's published"]), tmp_path / "picture.svg")
    picture = xml.dom.minidom.parse(str(tmp_path / "picture.svg"))
    assert picture.documentElement.tagName == "svg" and "it's_a, net, ce" in (tmp_path / "picture.svg").read_text().replace("&#39;", "'")


def test_summaries():
    assert time_to_accuracy.summarize([0.5, 0.75]) == {"mean": 0.625, "deviation": pytest.approx(0.1767767)}
    assert time_to_accuracy.summarize([0.5]) == {"mean": 0.5, "deviation": None}
    assert time_to_accuracy.summarize([None, None]) is None
    assert time_to_accuracy.words({"mean": 0.5, "deviation": None}) == "50.00"


def test_memory_limit(tmp_path):
    words = ["--program", PROGRAM, "--pictures", 400, "--side", 32, "--rounds", 1, "--threads", 1, "--net", "conv3"]
    told = json.loads(run("memory_limit.py", *words, directory=tmp_path).stdout)
    assert told["disk_to_memory"] > 0 and told["megabytes"] == 1 and len(told["images_per_second"]["disk"]) == 1


@pytest.mark.long
def test_pictures(tmp_path):
    """Both sides read every photograph; with so few of them the ratio says nothing."""
    pytest.importorskip("torchvision")
    done = run("pictures.py", "--pictures", 20, "--rounds", 1, "--program", PROGRAM, "--out", "facts.json", directory=tmp_path)
    facts = json.loads((tmp_path / "facts.json").read_text())
    assert facts["pictures"] == 20 and min(facts["seconds"].values()) > 0
    assert facts["ratio"] == facts["seconds"]["torchvision"] / facts["seconds"]["mixent"] and "torchvision's time over mixent's" in done.stdout
