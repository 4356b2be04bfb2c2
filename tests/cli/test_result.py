"""What a run keeps of its predictions, and the options that studies need: selection, label noise, part of the images."""
import json

import numpy
import pytest

from support import read_safetensors


@pytest.fixture
def train(mixent, tiny, tmp_path):
    """train("a", select="test") trains a run into the directory a and gives its files, read."""
    def run(name, *words, **settings):
        changes = [word for key, value in settings.items() for word in ("--set", f"{key.replace('__', '.')}={value}")]
        done = mixent("train", *tiny, *words, *changes, "--run", name)
        assert done.code == 0, done.err
        return Run(tmp_path / name, done)
    return run


class Run:
    def __init__(self, path, done):
        self.path, self.done = path, done
        self.summary = json.loads((path / "summary.json").read_text())
        self.epochs = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
        self.predictions, self.texts = read_safetensors(path / "predictions.safetensors")


def scores(predictions, part):
    logits, labels = predictions[f"{part}.logits"].astype(float), predictions[f"{part}.labels"]
    logits -= logits.max(1, keepdims=True)
    logs = logits - numpy.log(numpy.exp(logits).sum(1, keepdims=True))
    return {"images": len(labels), "accuracy": (logits.argmax(1) == labels).mean(),
            "nll": -logs[numpy.arange(len(labels)), labels].mean(), "entropy": -(numpy.exp(logs) * logs).sum(1).mean()}


@pytest.mark.parametrize("views", [1, 3])
def test_predictions_are_what_was_scored(mixent, train, views):
    run = train("run", test__views=views, noise__fraction=0.1, optimizer__learning_rate=0.02)
    assert run.predictions["test.logits"].shape == (200, 4)
    assert json.loads(run.texts["class_names"]) == ["0", "1", "2", "3"]
    assert (run.predictions["test.labels"] == numpy.arange(200) % 4).all()  # clean, in the order of the file
    for part in ("test", "validation"):
        told = json.loads(mixent("eval", "run/best.safetensors", "--split", part, "--json").out)
        for key, value in scores(run.predictions, part).items():
            assert value == pytest.approx(run.summary[part][key], rel=1e-5), key
            assert told[key] == pytest.approx(run.summary[part][key], rel=1e-9), key
    if views > 1:  # logarithms of probabilities
        assert numpy.exp(run.predictions["test.logits"]).sum(1) == pytest.approx(numpy.ones(200), rel=1e-5)


def test_nothing_held_out(train):
    run = train("run", validation__fraction=0)
    assert set(run.predictions) == {"test.logits", "test.labels"} and run.summary["validation"] is None
    assert run.summary["best_epoch"] == 3


@pytest.mark.parametrize("missing", [["summary.json"], ["predictions.safetensors"], ["predictions.safetensors", "summary.json"]])
def test_a_run_without_its_end_gets_it_again(mixent, train, missing):
    """One that was killed there, or that an older version finished."""
    run = train("run")
    kept = (run.path / "predictions.safetensors").read_bytes()
    for name in missing:
        (run.path / name).unlink()
    done = mixent("train", "--resume", "run")
    assert done.code == 0, done.err
    assert (run.path / "predictions.safetensors").read_bytes() == kept
    again = json.loads((run.path / "summary.json").read_text())
    assert [again[key] for key in ("test", "validation", "best_epoch")] == [
        run.summary[key] for key in ("test", "validation", "best_epoch")]


def test_a_recipe_of_an_older_version_goes_on(mixent, train):
    """recipe.yaml and the checkpoint lack the options that came since."""
    run = train("run")
    for name in ("recipe.yaml", "last.safetensors"):
        data = (run.path / name).read_bytes()
        for line in (b"select: validation", b"train_fraction: 1"):
            end = b"\n" if name == "recipe.yaml" else b"\\n"
            assert line + end in data
            data = data.replace(line + end, b"#" * (len(line + end) - len(end)) + end)
        (run.path / name).write_bytes(data)
    (run.path / "summary.json").unlink()
    assert mixent("train", "--resume", "run").code == 0
    (run.path / "recipe.yaml").write_text((run.path / "recipe.yaml").read_text() + "select: last\n")
    (run.path / "summary.json").unlink()
    result = mixent("train", "--resume", "run")
    assert result.code == 1 and "another recipe: 'select: validation' there, 'select: last' now" in result.message


def best_by(epochs, part):
    return max(epochs, key=lambda epoch: (epoch[part]["accuracy"], -epoch[part]["nll"]))["epoch"]


def test_selection(mixent, train, tmp_path):
    """The same training, whatever chooses from it; for a seed at which the choices differ."""
    for seed in range(8):
        words = ["--seed", seed, "--epochs", 5]
        settings = {"noise__fraction": 0.4, "schedule__name": "constant", "validation__fraction": 0.1}
        runs = {by: train(f"{by}-{seed}", *words, select=by, **settings) for by in ("validation", "test", "last")}
        by_test = runs["test"]
        for by, run in runs.items():
            assert ("test" in run.epochs[0]) == (by == "test")
            assert [epoch["train"] for epoch in run.epochs] == [epoch["train"] for epoch in by_test.epochs]
            assert [epoch["validation"] for epoch in run.epochs] == [epoch["validation"] for epoch in by_test.epochs]
            assert run.summary["select"] == by
            chosen = run.summary["best_epoch"]
            assert chosen == (5 if by == "last" else best_by(by_test.epochs, by))
            assert [epoch["epoch"] for epoch in run.epochs if epoch["best"]][-1] == chosen
            assert run.summary["test"]["accuracy"] == pytest.approx(by_test.epochs[chosen - 1]["test"]["accuracy"], abs=0.011)
        if len({run.summary["best_epoch"] for run in runs.values()}) == 3:
            break
    else:
        pytest.fail("no seed told them apart")
    assert by_test.done.err.count("test-selected") == 1 and "test %" in by_test.done.out
    assert runs["last"].done.err == "" and "test %" not in runs["last"].done.out
    assert (tmp_path / "last-0" / "recipe.yaml").read_text().count("select: last") == 1


def test_the_name_tells_of_selection_by_test(mixent, tiny, tmp_path):
    result = mixent("train", *tiny, "--epochs", 1, "--set", "select=test", "--set", "validation.fraction=0",
                    "--set", "schedule.name=spinal")  # which then follows the test images
    assert result.code == 0, result.err
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["emnist-letters-short-bars-tiny-ce-0-test-selected"]
    result = mixent("train", *tiny, "--set", "select=tset")
    assert result.code == 2 and "did you mean 'test'" in result.message


def test_label_noise_is_the_same_for_all_seeds_and_losses(train):
    clean = train("clean", "--epochs", 1, validation__fraction=0.5)
    noisy = [train(f"noisy-{i}", "--epochs", 1, *words, validation__fraction=0.5, noise__fraction=0.3)
             for i, words in enumerate([(), ("--seed", 7), ("--loss", "min-ent")])]
    other = train("other", "--epochs", 1, validation__fraction=0.5, noise__fraction=0.3, noise__seed=2)
    labels = clean.predictions["validation.labels"]
    changed = (noisy[0].predictions["validation.labels"] != labels).mean()
    assert abs(changed - 0.3) < 4 * (0.3 * 0.7 / len(labels)) ** 0.5
    for run in noisy:
        assert (run.predictions["validation.labels"] == noisy[0].predictions["validation.labels"]).all()
    assert (other.predictions["validation.labels"] != noisy[0].predictions["validation.labels"]).any()
    for run in (*noisy, other):
        assert (run.predictions["test.labels"] == clean.predictions["test.labels"]).all()
    assert noisy[0].epochs[0]["train"]["loss"] != clean.epochs[0]["train"]["loss"]


def test_part_of_the_training_images(mixent, train):
    whole, part = train("whole", "--epochs", 1), train("part", "--epochs", 1, train_fraction=0.5)
    assert "380 images to train" in whole.done.out and "192 images to train" in part.done.out  # 48 of each class's 95
    assert part.epochs[0]["train"]["images"] == 180
    assert (part.predictions["validation.labels"] == whole.predictions["validation.labels"]).all()
    assert json.loads(mixent("eval", "part/best.safetensors", "--split", "train", "--json").out)["images"] == 192
