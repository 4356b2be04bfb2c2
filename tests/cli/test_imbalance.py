"""Classes of unequal size: weights in the loss, balanced epochs, scores by class, and the choice of the best epoch by any of them."""
import json
import os
import signal
import subprocess
import time

import numpy
import pytest

from events import pick, read_events
from imbalance import COUNTS, make_imbalanced, scores_by_class
from support import PROGRAM, environment, read_safetensors

NAMES = sorted(COUNTS)  # classes in the program's order: common, rare, usual
LINEAR = "name: linear\nlayers:\n  - flatten:\n  - linear: {name: out, features: classes}\n"


@pytest.fixture
def rows(tmp_path):
    (tmp_path / "linear.yaml").write_text(LINEAR)
    return make_imbalanced(tmp_path / "kinds")


def options(*more):
    """One step of plain gradient descent over all rows: its result tells the gradient."""
    return ["train", "--recipe", "tabular", "--data", "kinds", "--net", "linear.yaml", "--precision", "fp32", "--threads", "2", "--epochs", "1",
            "--set", "batch=830", "--set", "validation.fraction=0", "--set", "optimizer.name=sgd", "--set", "optimizer.momentum=0",
            "--set", "optimizer.nesterov=false", "--set", "optimizer.weight_decay=0", "--set", "schedule.name=constant", "--set", "ema.decay=0", *more]


def read_rows(path):
    lines = [line.split(",") for line in path.read_text().splitlines()[1:]]
    return numpy.array([[float(cell) for cell in line[:-1]] for line in lines]), numpy.array([NAMES.index(line[-1]) for line in lines])


def one_step(mixent, tmp_path, run, *more):
    """(weights, bias) before the step, its gradients, the loss, inputs and labels."""
    rate = 0.5
    arrays = []
    for number, value in enumerate((1e-30, rate)):
        said = mixent(*options("--set", f"optimizer.learning_rate={value}", "--run", f"{run}{number}", *more))
        assert said.code == 0, said.err
        arrays.append(read_safetensors(tmp_path / f"{run}{number}" / "last.safetensors")[0])
    before, after = arrays
    loss = json.loads((tmp_path / f"{run}1" / "metrics.jsonl").read_text().splitlines()[0])["train"]["loss"]
    features, labels = read_rows(tmp_path / "kinds" / "train.csv")
    features = (features - features.mean(0)) / features.std(0)
    parameters = [before[name].astype(float) for name in ("out.weight", "out.bias")]
    gradients = [(before[name].astype(float) - after[name]) / rate for name in ("out.weight", "out.bias")]
    return parameters, gradients, loss, features, labels


def weights_of(labels, kind):
    """As scikit-learn's and Cui's: each image counts 1 on average."""
    counts = numpy.bincount(labels).astype(float)
    weights = 1 / counts if kind == "balanced" else (1 - 0.999) / (1 - 0.999 ** counts)
    return weights * counts.sum() / (weights * counts).sum()


@pytest.mark.parametrize("kind", ["balanced", "effective"])
def test_weights_of_cross_entropy_are_those_of_pytorch(mixent, tmp_path, rows, kind):
    torch = pytest.importorskip("torch")
    (weight, bias), gradients, loss, features, labels = one_step(mixent, tmp_path, "step", "--set", f"loss.class_weights={kind}")
    weight, bias = (torch.tensor(value, requires_grad=True) for value in (weight, bias))
    criterion = torch.nn.CrossEntropyLoss(weight=torch.tensor(weights_of(labels, kind)))
    value = criterion(torch.tensor(features) @ weight.T + bias, torch.tensor(labels))
    value.backward()
    assert loss == pytest.approx(value.item(), rel=1e-5)
    for got, wanted in zip(gradients, (weight.grad, bias.grad)):
        numpy.testing.assert_allclose(got, wanted.numpy(), atol=2e-6)


def mix_ent(parameters, features, labels, weights, w):
    """w1 CE1 + w2 H + w3 (CE2 - H) of hard labels, each row times its class's weight; over the sum of the weights."""
    logits = features @ parameters[0].T + parameters[1]
    log_q = logits - numpy.log(numpy.sum(numpy.exp(logits), 1, keepdims=True))
    q, row = numpy.exp(log_q), numpy.arange(len(labels))
    entropy = -numpy.sum(q * log_q, 1)
    swapped = -numpy.log(1e-6) * (1 - q[row, labels])
    values = w[0] * -log_q[row, labels] + w[1] * entropy + w[2] * (swapped - entropy)
    return numpy.sum(weights[labels] * values) / numpy.sum(weights[labels])


def test_weights_of_mix_ent_by_finite_differences(mixent, tmp_path, rows):
    w = (0.7, 0.2, 0.1)
    settings = [word for k, value in enumerate(w) for word in ("--set", f"loss.w{k + 1}={value}")]
    parameters, gradients, loss, features, labels = one_step(mixent, tmp_path, "mix", "--loss", "mix-ent-split", "--set", "loss.eps=1e-6",
                                                             "--set", "loss.class_weights=balanced", *settings)
    weights = weights_of(labels, "balanced")
    assert loss == pytest.approx(mix_ent(parameters, features, labels, weights, w), rel=1e-5)
    for part in (0, 1):
        for place in numpy.ndindex(parameters[part].shape):
            moved = []
            for step in (1e-4, -1e-4):
                changed = [value.copy() for value in parameters]
                changed[part][place] += step
                moved.append(mix_ent(changed, features, labels, weights, w))
            assert gradients[part][place] == pytest.approx((moved[0] - moved[1]) / 2e-4, abs=5e-6), (part, place)


def trained(mixent, run, *more, data="kinds"):
    said = mixent("train", "--recipe", "tabular", "--data", data, "--precision", "fp32", "--threads", "2", "--epochs", "4", "--set", "batch=64",
                  "--set", "validation.fraction=0.2", "--run", run, *more)
    assert said.code == 0, said.err
    return said


def test_scores_by_class(mixent, tmp_path, rows):
    """summary.json, metrics, eval, show, compare and report say the same, and what the definitions say of the logits kept."""
    trained(mixent, "runs/plain")
    trained(mixent, "runs/balanced", "--set", "sampling=balanced")
    summary = json.loads((tmp_path / "runs/plain/summary.json").read_text())
    arrays, _ = read_safetensors(tmp_path / "runs/plain/predictions.safetensors")
    labels = arrays["test.labels"]
    balanced, f1, recalls = scores_by_class(labels, arrays["test.logits"].argmax(1))
    test = summary["test"]
    assert test["balanced_accuracy"] == pytest.approx(balanced) and test["macro_f1"] == pytest.approx(f1)
    worst = min(recalls, key=recalls.get)
    assert test["worst_recall"] == pytest.approx(recalls[worst]) and test["worst_class"] == NAMES[worst] == "rare"
    assert [(line["class"], line["images"]) for line in test["classes"]] == [(name, 100) for name in NAMES]
    assert [line["recall"] for line in test["classes"]] == pytest.approx([recalls[k] for k in range(3)])
    better = json.loads((tmp_path / "runs/balanced/summary.json").read_text())["test"]
    assert better["worst_recall"] > test["worst_recall"] + 0.2 and better["balanced_accuracy"] > test["balanced_accuracy"]
    last = json.loads((tmp_path / "runs/plain/metrics.jsonl").read_text().splitlines()[-1])
    assert "balanced_accuracy" in last["validation"] and "balanced_accuracy" not in last["train"]
    said = json.loads(mixent("eval", "runs/plain", "--json").out)
    for key in ("balanced_accuracy", "macro_f1", "worst_recall", "worst_class", "classes"):
        assert said[key] == test[key], key
    words = mixent("eval", "runs/plain", "--classes").out
    assert f"worst     {100 * test['worst_recall']:.2f} %  recall of class rare" in words and "precision %" in words
    listed = mixent("runs", "test.worst_recall<0.5", "--columns", "run,test.worst_class", "--csv").out
    assert "plain,rare" in listed and "balanced" not in listed


def test_comparison_and_report_have_the_scores_by_class(mixent, tmp_path, rows):
    (tmp_path / "kinds.yaml").write_text("""name: kinds
recipe: tabular
data: [kinds]
seeds: [1, 2]
set: {epochs: 3, batch: 64, precision: fp32}
baseline: shuffled
variants:
  shuffled: {}
  balanced: {sampling: balanced}
""")
    said = mixent("compare", "kinds.yaml", "--json", "--csv", "measures.csv")
    assert said.code == 0, said.err
    lines = [line.split(",") for line in (tmp_path / "measures.csv").read_text().splitlines()]
    means = {(line[1], line[2]): float(line[lines[0].index("mean")]) for line in lines[1:]}
    for key in ("balanced_accuracy", "macro_f1", "worst_recall"):
        for variant in ("shuffled", "balanced"):
            summaries = [json.loads(path.read_text()) for path in tmp_path.glob(f"runs/kinds/**/{variant}*/summary.json")]
            assert len(summaries) == 2
            assert means[variant, key] == pytest.approx(numpy.mean([summary["test"][key] for summary in summaries])), (variant, key)
    assert mixent("report", "runs/kinds", "--output", "page.html").code == 0
    page = (tmp_path / "page.html").read_text()
    assert "balanced accuracy" in page and "recall of the worst class" in page


@pytest.mark.parametrize("key", ["accuracy", "nll", "balanced_accuracy", "macro_f1", "worst_recall"])
def test_select_by(mixent, tmp_path, rows, key):
    trained(mixent, "run", "--set", f"select_by={key}", "--set", "optimizer.learning_rate=0.1")
    lines = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    ranks = [(-line["validation"]["nll"] if key == "nll" else line["validation"][key], -line["validation"]["nll"]) for line in lines]
    best = ranks.index(max(ranks)) + 1
    summary = json.loads((tmp_path / "run/summary.json").read_text())
    assert summary["best_epoch"] == best and summary["select_by"] == key
    assert [line["best"] for line in lines] == [rank == max(ranks[:i + 1]) and rank not in ranks[:i] for i, rank in enumerate(ranks)]


@pytest.mark.parametrize("options", [["sampling=balanced", "loss.class_weights=effective"], ["select_by=nll"], ["select_by=worst_recall"]])
def test_runs_go_on_to_the_bit(mixent, tmp_path, rows, options):
    """Stopped in the middle of an epoch and resumed, with any number of threads for the draw: the same bytes."""
    words = ["train", "--recipe", "tabular", "--data", "kinds", "--precision", "fp32", "--threads", "2", "--epochs", "5", "batch=64", *options]
    assert mixent(*words, "--run", "whole").code == 0
    process = subprocess.Popen([str(PROGRAM), *words, "--run", "parts", "--json"], cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        if json.loads(line)["event"] == "epoch":
            break
    time.sleep(0.02)
    os.kill(process.pid, signal.SIGINT)
    process.stdout.read()
    assert process.wait() != 0
    assert mixent("train", "--resume", "parts").code == 0
    for name in ("last.safetensors", "best.safetensors"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "parts" / name).read_bytes()


def test_what_excludes_itself(mixent, rows):
    said = mixent("train", "--recipe", "tabular", "--data", "kinds", "--set", "sampling=balanced", "--set", "prune.fraction=0.3")
    assert said.code == 2 and "sampling: balanced" in said.message and "prune.fraction" in said.message


def test_replicas_with_balanced_epochs(mixent, tmp_path, rows):
    """Two replicas train on as many rows as one, and their scores by class are of all rows."""
    for run, replicas in (("one", 1), ("two", 2)):
        said = trained(mixent, run, "--set", "sampling=balanced", "--set", f"replicas={replicas}", "--json")
        line = pick(read_events(said.out), "epoch")[0]
        assert line["validation"]["images"] == 166
    lines = [json.loads((tmp_path / run / "metrics.jsonl").read_text().splitlines()[0]) for run in ("one", "two")]
    assert lines[0]["train"]["images"] == lines[1]["train"]["images"] and all("worst_class" in line["validation"] for line in lines)
