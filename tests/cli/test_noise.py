"""Kinds of label noise in a run: the train and held-out labels have it, the test labels do not, and a matrix of confusions goes from eval to train."""
import csv
import json

import numpy
import pytest

from support import read_safetensors


def labels_of(path):
    arrays, _ = read_safetensors(path / "predictions.safetensors")
    return arrays["validation.labels"], arrays["test.labels"]


def train(mixent, tiny, run, *more):
    return mixent("train", *tiny, "--set", "validation.fraction=0.5", "--run", run, *more)


@pytest.fixture
def clean(mixent, tiny):
    assert train(mixent, tiny, "clean").code == 0


def test_pairs_in_a_run(mixent, tmp_path, tiny, clean):
    assert train(mixent, tiny, "noisy", "--set", "noise.fraction=0.4", "--set", "noise.kind=pair").code == 0
    held_out, test = labels_of(tmp_path / "clean")
    noisy, same = labels_of(tmp_path / "noisy")
    numpy.testing.assert_array_equal(test, same)
    changed = noisy != held_out
    assert 0.25 < changed.mean() < 0.55
    numpy.testing.assert_array_equal(noisy[changed], (held_out[changed] + 1) % 4)
    said = json.loads(mixent("eval", "noisy", "--split", "validation", "--json").out)
    summary = json.loads((tmp_path / "noisy/summary.json").read_text())
    assert said["accuracy"] == summary["validation"]["accuracy"]


def test_confusions_from_eval(mixent, tmp_path, tiny, clean):
    said = mixent("eval", "clean", "--split", "validation", "--confusions", "matrix.csv", "--json")
    assert said.code == 0, said.err
    lines = list(csv.reader((tmp_path / "matrix.csv").open()))
    assert lines[0] == ["class", "0", "1", "2", "3"] and [line[0] for line in lines[1:]] == list("0123")
    counts = numpy.array([[int(cell) for cell in line[1:]] for line in lines[1:]])
    arrays, _ = read_safetensors(tmp_path / "clean" / "predictions.safetensors")
    wanted = numpy.zeros((4, 4), int)
    numpy.add.at(wanted, (arrays["validation.labels"], arrays["validation.logits"].argmax(1)), 1)
    numpy.testing.assert_array_equal(counts, wanted)

    (tmp_path / "matrix.csv").write_text("class,0,1,2,3\n0,9,0,1,0\n1,0,9,0,1\n2,1,0,9,0\n3,0,1,0,9\n")
    assert train(mixent, tiny, "noisy", "--set", "noise.fraction=0.3", "--set", "noise.kind=confusable", "--set", "noise.matrix=matrix.csv").code == 0
    held_out, test = labels_of(tmp_path / "clean")
    noisy, same = labels_of(tmp_path / "noisy")
    changed = noisy != held_out
    assert changed.any()
    numpy.testing.assert_array_equal(noisy[changed], (held_out[changed] + 2) % 4)
    numpy.testing.assert_array_equal(test, same)


@pytest.mark.parametrize("settings, said", [
    (["noise.kind=confusable"], "mixent has no confusions of bars; make them with 'mixent eval RUN --split validation --confusions FILE.csv'"),
    (["noise.kind=confusable", "noise.matrix=none.csv"], "none.csv"),
    (["noise.kind=confusables"], "unknown 'confusables'; did you mean 'confusable'?"),
])
def test_what_is_refused(mixent, tiny, settings, said):
    words = [word for setting in settings for word in ("--set", setting)]
    done = train(mixent, tiny, "run", "--set", "noise.fraction=0.2", *words)
    assert done.code in (1, 2) and said in done.message, done.err
