"""Every loss and every way of learning its weights through the program: it trains, shows what it learns, resumes to the bit, and warns."""
import json
import subprocess

import pytest

from events import await_event, read_last
from support import PROGRAM, environment

LOSSES = ["ce", "min-ent", "mix-ent", "mix-ent-split", "kl", "label-smoothing", "focal", "confidence-penalty", "symmetric-ce", "gce",
          "mae", "poly1", "bi-tempered", "brier"]
OWN = {"label-smoothing": ("smoothing", 0.1), "confidence-penalty": ("w2", -0.1), "symmetric-ce": ("eps", 1e-4), "poly1": ("w2", 2)}


def train(mixent, tiny, *more):
    done = mixent("train", *tiny, "--run", "run", *more)
    assert done.code == 0, done.err
    return done


def option(directory, name):
    """A value of the section `loss` in the run's recipe.yaml."""
    lines = (directory / "run" / "recipe.yaml").read_text().splitlines()
    return next(line.split(": ")[1] for line in lines if line.strip().startswith(f"{name}: "))


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_trains(mixent, tmp_path, tiny, loss):
    done = train(mixent, tiny, "--loss", loss, "--json")
    summary = read_last(done.out)
    assert summary["loss"] == loss
    assert summary["test"]["accuracy"] > 0.5  # of four classes
    if loss in OWN:
        name, value = OWN[loss]
        assert float(option(tmp_path, name)) == value
    checked = mixent("eval", "run/best.safetensors", "--data", tiny[1], "--json")
    assert json.loads(checked.out)["loss"] == pytest.approx(summary["test"]["loss"], rel=1e-6)


@pytest.mark.parametrize("words, message", [
    (["--loss", "ce", "--set", "loss.w2=1"], "loss.w2: the loss 'ce' does not use it (it has smoothing)"),
    (["--loss", "ce", "--set", "loss.learn=w2"], "loss.learn: the loss 'ce' has nothing to learn"),
    (["--loss", "min-ent", "--set", "loss.w3=5"], "loss.w3: the loss 'min-ent' does not use it (it has w1, w2, b1, b2, smoothing)"),
    (["--loss", "min-ent", "--set", "loss.focal_gamma=5"], "loss.focal_gamma: the loss 'min-ent' does not use it"),
    (["--set", "optimizer.beta1=0.5"], "optimizer.beta1: the optimizer 'sgd' does not use it ('adam' does)")])
def test_options_of_another_loss_are_refused(mixent, tiny, words, message):
    for dry in ([], ["--dry-run"]):
        done = mixent("train", *tiny, *words, *dry)
        assert done.code == 2 and message in done.message


def test_options_without_effect_are_told_and_recipes_of_runs_are_taken(mixent, tmp_path, tiny):
    said = mixent("train", *tiny, "--loss", "min-ent", "--epochs", "1", "--set", "loss.max_interval=2", "--run", "run")
    assert said.code == 0 and "warning: unused-option: loss.max_interval has no effect" in said.err
    again = mixent("train", "--recipe", "run/recipe.yaml", "--run", "again")
    assert again.code == 0, again.err
    assert (tmp_path / "run/last.safetensors").read_bytes() == (tmp_path / "again/last.safetensors").read_bytes()
    # a run that an older version made
    recipe = tmp_path / "run/recipe.yaml"
    recipe.write_text(recipe.read_text().replace("focal_gamma: 2", "focal_gamma: 5"))
    assert mixent("eval", "run/best.safetensors").code == 0
    assert mixent("train", "--resume", "run").code == 0
    assert "damaged" not in mixent("runs", "--runs", ".").out
    refused = mixent("train", "--recipe", "run/recipe.yaml", "--run", "third")
    assert refused.code == 1 and "recipe.yaml:" in refused.message and "focal_gamma: the loss 'min-ent'" in refused.message


def test_help_names_every_loss(mixent):
    text = mixent("help", "train").out
    assert all(loss in text for loss in LOSSES)


def test_three_weights_are_shown_and_learned(mixent, tmp_path, tiny):
    done = train(mixent, tiny, "--loss", "mix-ent-split", "--set", "loss.learn=w1 w2 w3 b3", "--set",
                 "loss.weight_learning_rate=1e-4", "--set", "loss.base_learning_rate=1e-4", "--set", "loss.w3=0.5")
    title = next(line for line in done.out.splitlines() if line.split()[:1] == ["epoch"])
    assert {"w1", "w2", "w3", "b1", "b2", "b3", "lr-w", "lr-b", "KL"} <= set(title.split())
    last = json.loads((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()[-1])
    assert last["w3"] != 0.5 and last["w1"] != 1 and last["b3"] != pytest.approx(2.718281828459045, rel=1e-9)


HYPERGRADIENT = ["--loss", "min-ent", "--set", "loss.style=hypergradient", "--set", "loss.learn=w1,w2", "--set",
                 "loss.weight_learning_rate=1", "--set", "loss.hypergradient_every=3", "--set", "loss.held_out_fraction=0.2"]


def test_hypergradient_moves_weights_and_resumes_to_the_bit(mixent, tmp_path, tiny):
    options = [*tiny, *HYPERGRADIENT, "--epochs", "20", "--json"]
    assert mixent("train", *options, "--run", "whole").code == 0
    epochs = [json.loads(line) for line in (tmp_path / "whole" / "metrics.jsonl").read_text().splitlines()]
    assert len({epoch["w2"] for epoch in epochs}) == 20  # it moved in every epoch
    process = subprocess.Popen([str(PROGRAM), *map(str, ["train", *options, "--run", "cut"])], cwd=tmp_path, env=environment(),
                               stdout=subprocess.PIPE, text=True)
    await_event(process, "epoch")
    process.kill()
    process.communicate()
    assert not (tmp_path / "cut" / "summary.json").exists()
    assert mixent("train", "--resume", "cut").code == 0
    assert (tmp_path / "cut" / "last.safetensors").read_bytes() == (tmp_path / "whole" / "last.safetensors").read_bytes()


def test_hypergradient_needs_a_batch_held_out(mixent, tiny):
    done = mixent("train", *tiny, *HYPERGRADIENT, "--set", "loss.held_out_fraction=0.01", "--run", "run")
    assert done.code == 2
    assert "loss.held_out_fraction" in done.message and "20 images" in done.message


def test_weight_that_falls_to_nothing_is_warned_of_once(mixent, tiny):
    done = train(mixent, tiny, "--loss", "min-ent", "--epochs", "6", "--set", "loss.style=expo", "--set", "loss.learn=w2", "--set",
                 "loss.weight_learning_rate=20", "--set", "loss.weight_min=-30")
    assert done.err.count("mixent: warning: weight-near-zero: w2 has fallen") == 1


def test_base_at_its_bound_is_warned_of(mixent, tiny):
    done = train(mixent, tiny, "--loss", "mix-ent", "--set", "loss.learn=b2", "--set", "loss.base_learning_rate=5")
    assert done.err.count("mixent: warning: base-at-bound: base b2") == 1


def test_plateau_below_the_baseline_is_warned_of(mixent, tmp_path, tiny):
    good = mixent("train", *tiny, "--run", "baseline", "--epochs", "8")
    assert good.code == 0
    bad = mixent("train", *tiny, "--run", "run", "--baseline", "baseline", "--epochs", "8", "--set", "optimizer.learning_rate=0")
    assert bad.err.count("mixent: warning: below-baseline: validation accuracy stays at") == 1, bad.err


@pytest.mark.parametrize("make", [False, True])
def test_baseline_that_is_none(mixent, tmp_path, tiny, make):
    if make:
        (tmp_path / "empty").mkdir()
        (tmp_path / "empty" / "recipe.yaml").write_text("")
        (tmp_path / "empty" / "metrics.jsonl").write_text("")
    done = mixent("train", *tiny, "--run", "run", "--baseline", "empty")
    assert done.code == 2
    assert "baseline: " in done.message and ("empty/metrics.jsonl" if make else "no run 'empty'") in done.message
    assert not (tmp_path / "run").exists()


def test_not_finite_is_warned_of_by_name(mixent, tiny):
    done = mixent("train", *tiny, "--run", "run", "--set", "optimizer.learning_rate=1e3", "--set", "optimizer.momentum=0.999")
    assert done.code == 1
    assert done.err.count("mixent: warning: not-finite: ") == 1
