"""Recorded runs, of anybody's training loop: listed, shown, compared and reported like our own."""
import json
import re
import shutil
import sys

import numpy
import pytest

from events import read_last
from support import ROOT

sys.path.insert(0, str(ROOT / "build" / "python-site"))
record = pytest.importorskip("mixent.lab").record

ROWS, CLASSES = 400, 4


def draw(seed, shift, rows=ROWS):
    labels = numpy.arange(rows) % CLASSES
    logits = 2 * numpy.random.default_rng(seed).normal(size=(rows, CLASSES))
    logits[numpy.arange(rows), labels] += 2 * shift
    return logits, labels


def record_runs(directory, seeds=6, variants=(("plain", 1.0), ("sharp", 2.0)), validation=True, **more):
    """A run of each variant with each seed, which does the same to all variants."""
    for variant, shift in variants:
        for seed in range(seeds):
            logits, labels = draw(seed, shift)
            held_out = dict(zip(("val_logits", "val_labels"), draw(seed + 1000, shift))) if validation else {}
            record(directory, variant=variant, seed=seed, test_logits=logits, test_labels=labels, **held_out, **more)


def accuracy(seed, shift):
    logits, labels = draw(seed, shift)
    return (logits.argmax(1) == labels).mean()


def test_runs_lists_and_show_shows_them(mixent, tmp_path):
    record_runs(tmp_path / "runs" / "mine", seeds=1, data="letters", metrics={"f1": 0.25})
    done = mixent("runs", "variant=sharp", "--json")
    assert done.code == 0, done.err
    run = json.loads(done.out)
    assert {"run": "mine/letters/sharp-0", "status": "finished", "seed": 0, "data": "letters", "metrics.f1": 0.25}.items() <= run.items()
    shown = mixent("show", "mine/letters/sharp-0")
    assert shown.code == 0 and "recorded, variant sharp, seed 0, on letters" in shown.out
    assert f"{100 * accuracy(0, 2.0):.2f} % right" in shown.out and "At temperature" in shown.out and "f1 0.25" in shown.out
    (listed,) = [json.loads(line) for line in mixent("runs", "test.accuracy>0", "--json").out.splitlines()]
    assert listed["test.accuracy"] == pytest.approx(accuracy(0, 2.0)), "show made result.json"
    (tmp_path / "runs" / "mine" / "letters" / "sharp-0" / "record.json").write_text("{}")
    damaged = mixent("runs", "status=damaged", "--columns", "run,damage", "--csv")
    assert "sharp-0/record.json: kind: expected" in damaged.out
    assert mixent("show", "mine/letters/sharp-0").code == 0
    assert "best.safetensors" in mixent("eval", "mine/letters/plain-0", "--data", "x").err


@pytest.fixture
def compare(mixent):
    """compare(words…): the last event's comparison, or the message of a refusal."""
    def run(*words, code=0):
        done = mixent("compare", *words, "--json")
        assert done.code == code, done.err
        last = read_last(done.out)
        return last["comparison"] if code == 0 else last["message"]
    return run


def test_a_long_name_hides_no_run(mixent, tmp_path):
    names = ["é" * 400 + end for end in "ab"]
    for seed in (0, 1):
        record(tmp_path / "runs", variant="plain", seed=seed, metrics={names[0]: seed, names[1]: 7})
    runs = [json.loads(line) for line in mixent("runs", "--json").out.splitlines()]
    assert sorted(run["metrics." + names[0]] for run in runs) == [0, 1] and {run["metrics." + names[1]] for run in runs} == {7}


def test_compare_says_all_that_it_says_of_our_own_runs(compare, mixent, tmp_path):
    record_runs(tmp_path / "mine", metrics={"f1": 0.5})
    comparison = compare("mine")
    assert comparison["baseline"] == "plain" and comparison["metric"] == "accuracy"
    (data,) = comparison["data"]
    for variant, shift in zip(data["variants"], (1.0, 2.0), strict=True):
        assert variant["measures"]["accuracy"]["values"] == pytest.approx([accuracy(seed, shift) for seed in range(6)])
        assert variant["measures"]["nll_calibrated"]["count"] == variant["measures"]["temperature"]["count"] == 6
        assert variant["measures"]["f1"]["values"] == [0.5] * 6
    (pair,) = data["comparisons"]
    assert (pair["variant"], pair["verdict"], pair["scope"]) == ("sharp", "better", "like-these")
    difference, like = pair["measures"]["accuracy"], pair["bootstrap"]
    assert like["difference"] == pytest.approx(difference["mean"]) and like["low"] < like["difference"] < like["high"]
    assert "at the temperature fitted on the validation samples" in pair["calibration"]
    text = mixent("compare", "mine").out
    assert f"2 variants, 6 seeds, {ROWS} test samples; baseline plain" in text and "samples like these" in text and "f1 " in text
    other = compare("mine", "--baseline", "sharp", "--metric", "nll")
    assert other["baseline"] == "sharp" and other["data"][0]["comparisons"][0]["verdict"] == "worse"


def test_two_single_runs_are_compared_by_mcnemar(compare, tmp_path):
    record_runs(tmp_path / "mine", seeds=1)
    (pair,) = compare("mine")["data"][0]["comparisons"]
    right = [(logits.argmax(1) == labels) for logits, labels in (draw(0, 2.0), draw(0, 1.0))]
    assert pair["mcnemar"]["only_variant"] == int((right[0] & ~right[1]).sum())
    assert pair["mcnemar"]["only_baseline"] == int((right[1] & ~right[0]).sum())
    assert pair["reason"] == "one-run" and "McNemar" in pair["words"]


def test_metrics_alone_are_compared_by_what_they_allow(compare, tmp_path):
    for variant, gain in (("a", 0), ("b", 0.02)):
        for seed in range(6):
            record(tmp_path / "mine", variant=variant, seed=seed, metrics={"accuracy": 0.9 + gain + seed / 1000 + gain * seed / 100, "time": 3})
    comparison = compare("mine")
    (pair,) = comparison["data"][0]["comparisons"]
    assert (pair["verdict"], pair["scope"], pair["bootstrap"]) == ("better", "these", None)
    assert [measure["name"] for measure in comparison["measures"]] == ["accuracy", "time"]


def test_unequal_seeds_missing_validation_and_data_sets(compare, tmp_path):
    record_runs(tmp_path / "mine", data="a", seeds=6, validation=False)
    record_runs(tmp_path / "mine", data="b", seeds=6)
    record_runs(tmp_path / "mine", data="b", seeds=8, variants=[("sharp", 2.0)])
    first, second = compare("mine")["data"]
    assert (first["name"], second["name"]) == ("a", "b")
    assert first["variants"][0]["measures"]["nll_calibrated"]["count"] == 0, "nothing was held out"
    assert second["variants"][0]["measures"]["nll_calibrated"]["count"] == 6
    (pair,) = second["comparisons"]
    assert pair["seeds"] == 6 and "2 of 8 runs of sharp" in pair["words"]


def test_several_directories_and_runs_that_do_not_fit(compare, tmp_path):
    record_runs(tmp_path / "mine", variants=[("plain", 1.0)])
    record_runs(tmp_path / "theirs", variants=[("sharp", 2.0)])
    assert compare("mine", "theirs")["data"][0]["comparisons"][0]["verdict"] == "better"
    logits, labels = draw(0, 1.0)
    record(tmp_path / "others", variant="other", seed=0, test_logits=logits, test_labels=labels[::-1])
    message = compare("mine", "others", code=2)
    assert "mine/plain-0 and others/other-0: expected the same test labels and classes in the same order" in message
    assert "mine/plain-0 and mine/plain-0" in compare("mine", "mine", code=1)


def test_directories_by_their_name_among_the_runs(mixent, tmp_path):
    record_runs(tmp_path / "runs" / "mine")
    (tmp_path / "mine").mkdir()  # a directory without runs hides none
    assert "baseline plain" in mixent("compare", "mine").out
    if shutil.which("gnuplot"):
        assert mixent("report", "mine").code == 0 and (tmp_path / "runs/mine/report.html").exists()
    assert mixent("compare", "mine", "nothing").code == 1


def test_options_of_studies_are_not_for_recorded_runs(compare, mixent, tmp_path):
    record_runs(tmp_path / "mine", seeds=2)
    for option in (["--seeds", "3"], ["--jobs", "1"], ["--no-train"]):
        done = mixent("compare", "mine", *option)
        assert done.code == 2 and "is for a study, not for recorded runs" in done.err
    assert mixent("compare", "mine", "--csv", "table.csv").code == 0
    assert (tmp_path / "table.csv").read_text().startswith("data,variant,measure,count,mean")
    (tmp_path / "empty").mkdir()
    assert mixent("compare", "empty").code == 2


def sections_of(path):
    return re.findall(r'<section id="(\w+)-\d+"', path.read_text())


needs_gnuplot = pytest.mark.skipif(not shutil.which("gnuplot"), reason="gnuplot is not installed (tools/install-dependencies report)")


@needs_gnuplot
def test_the_report_has_what_the_runs_allow(mixent, tmp_path):
    record_runs(tmp_path / "mine", class_names=["ant", "bee", "cow", "doe"], metrics={"f1": 0.5})
    assert mixent("report", "mine").code == 0
    page = (tmp_path / "mine" / "report.html").read_text()
    assert sections_of(tmp_path / "mine" / "report.html") == ["verdict", "measures", "reliability", "certainty", "confusion", "making"]
    assert "better" in page and f"{ROWS} test samples" in page and "ant" in page and "f1" in page
    assert mixent("compare", "mine").code == 0, "a page beside the runs is no run"
    for variant, value in (("a", 0.9), ("b", 0.95)):
        for seed in range(5):
            record(tmp_path / "alone", variant=variant, seed=seed, metrics={"accuracy": value + seed / 500})
    assert mixent("report", "alone", "--baseline", "b", "--output", "alone.html").code == 0
    assert sections_of(tmp_path / "alone.html") == ["verdict", "measures", "making"]
    assert "worse" in (tmp_path / "alone.html").read_text()


@needs_gnuplot
def test_the_report_of_one_run_and_of_names_that_are_html(mixent, tmp_path):
    record_runs(tmp_path / "mine", seeds=1, variants=[("<b>a<i> & b", 1.0)])
    assert mixent("report", "mine").code == 0
    page = (tmp_path / "mine" / "report.html").read_text()
    assert "<b>a<i>" not in page and "&lt;b&gt;a&lt;i&gt; &amp; b" in page and "another seed would give another number" in page
