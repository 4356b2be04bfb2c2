"""Several checkpoints as one model: its prediction is the mean of their probabilities, by whatever command, in memory or as a file."""
import json
import subprocess

import numpy
import pytest
from PIL import Image

from support import PROGRAM, TINY_NET, draw_images, environment, make_dataset, read_safetensors


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A directory with the runs a, b and other, of which the last was trained on another part of the data."""
    directory = tmp_path_factory.mktemp("ensemble")
    make_dataset(directory / "bars")
    (directory / "tiny.yaml").write_text(TINY_NET)
    for name, more in (("a", []), ("b", ["--seed", "1", "--loss", "min-ent"]), ("other", ["validation.seed=7"])):
        done = subprocess.run([PROGRAM, "train", "--data", "bars", "--net", "tiny.yaml", "--epochs", "2", "batch=20",
                               "optimizer.learning_rate=0.01", "validation.fraction=0.2", "--run", name, *more],
                              cwd=directory, env=environment(), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    for label, pixels in enumerate(draw_images(range(4), 16, 3)):
        Image.fromarray(pixels).save(directory / f"{label}.png")
    return directory


@pytest.fixture
def mixent(mixent, place):
    return lambda *words: mixent(*words, directory=place)


def probabilities(logits):
    e = numpy.exp(logits.astype(float) - logits.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def mean_of_runs(place, part):
    """(mean of both runs' probabilities, labels)"""
    kept = [read_safetensors(place / run / "predictions.safetensors")[0] for run in "ab"]
    return sum(probabilities(k[f"{part}.logits"]) for k in kept) / 2, kept[0][f"{part}.labels"]


@pytest.mark.parametrize("part", ["test", "validation"])
def test_scores_are_those_of_the_mean(mixent, place, part):
    done = mixent("eval", "a", "b", "--split", part, "--json")
    assert done.code == 0, done.err
    said = json.loads(done.out)
    mean, labels = mean_of_runs(place, part)
    assert said["members"] == ["a/best.safetensors", "b/best.safetensors"]
    assert said["accuracy"] == pytest.approx((mean.argmax(1) == labels).mean())
    assert said["nll"] == pytest.approx(-numpy.log(mean[numpy.arange(len(labels)), labels]).mean(), abs=1e-5)
    one = json.loads(mixent("eval", "a", "--json").out)
    assert "members" not in one


def test_one_file_says_the_same(mixent, place):
    done = mixent("export", "a", "b", "--safetensors", "both.safetensors", "--onnx", "both.onnx")
    assert done.code == 0 and ": the 2 checkpoints as one; 'mixent eval'" in done.out, done.err
    in_memory, as_file = mixent("eval", "a", "b"), mixent("eval", "both.safetensors")
    assert in_memory.out.splitlines()[1:] == as_file.out.splitlines()[1:]
    assert in_memory.out.startswith("a/best.safetensors and 1 more on 200 test images of bars")
    images = [f"{k}.png" for k in range(4)]
    both = mixent("predict", "a", "b", *images, "--json")
    assert both.code == 0 and mixent("predict", "both.safetensors", *images, "--json").out == both.out
    assert mixent("predict", "a/best.safetensors", "b/best.safetensors", *images, "--json").out == both.out
    for line, image in zip(both.out.splitlines(), images):
        each = [{t["class"]: t["probability"] for t in json.loads(mixent("predict", run, image, "--json").out)["top"]} for run in "ab"]
        for entry in json.loads(line)["top"]:
            if all(entry["class"] in run for run in each):
                assert entry["probability"] == pytest.approx(sum(run[entry["class"]] for run in each) / 2, abs=1e-5)


@pytest.mark.parametrize("words, said", [
    (["eval", "a", "other"], "a/best.safetensors and other/best.safetensors normalise their input by other numbers"),
    (["export", "a", "b", "--safetensors", "a/best.safetensors"], "a/best.safetensors is one of the checkpoints"),
    (["export", "a", "b", "--safetensors", "x.onnx"], "expected a name that ends in .safetensors, got x.onnx"),
    (["predict", "a", "b"], "expected images or tables after the checkpoints, got none"),
    (["eval", "a", "b", "--temperature", "fitted"], "has none"),
    (["eval", "a", "none"], "none"),
])
def test_complaints(mixent, words, said):
    done = mixent(*words)
    assert done.code == 2 and said in done.err, done.err


def test_no_ensemble_of_ensembles(mixent):
    assert mixent("export", "a", "b", "--safetensors", "pair.safetensors").code == 0
    done = mixent("eval", "pair.safetensors", "a")
    assert done.code == 2 and done.message == (
        "mixent: pair.safetensors is an ensemble, which cannot be part of another; name the checkpoints of its members")
