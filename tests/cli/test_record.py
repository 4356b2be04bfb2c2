"""Recorded runs, of anybody's training loop: listed, shown, compared and reported like our own."""
import json
import sys
from pathlib import Path

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
