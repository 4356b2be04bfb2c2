"""`mixent compare --results` on files that the trackers' own packages write: MLflow, TensorBoard (PyTorch's and tensorboardX), Lightning, Keras,
lm-evaluation-harness. `make test-trackers` installs them from PyPI; where one is missing its test is skipped. tests/cli/test_trackers.py has
the same layouts byte by byte, and everything that can be wrong with them."""
import json
import os
import random
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(os.environ.get("MIXENT_PROGRAM", ROOT / "build" / "release" / "mixent"))
ACCURACIES = {"ce": [91.2, 91.5, 91.1, 91.4, 91.3], "mix": [92.0, 92.2, 91.8, 92.3, 92.0]}
RUNS = [(variant, seed, value) for variant, values in ACCURACIES.items() for seed, value in enumerate(values)]
pytestmark = pytest.mark.skipif(not PROGRAM.exists(), reason="the program is not built")


def curve(final):
    return [final - 5, final - 2, final + 0.3, final]


def compare(*words, directory):
    done = subprocess.run([str(PROGRAM), "compare", "--results", *words, "--json"], cwd=directory, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def check(event, change=0.0, near=1e-9):
    (data,) = event["comparison"]["data"]
    metric = event["comparison"]["metric"]
    values = {variant["name"]: dict(zip(variant["seeds"], variant["measures"][metric]["values"])) for variant in data["variants"]}
    assert set(values) == set(ACCURACIES)
    for variant, right in ACCURACIES.items():
        assert list(values[variant]) == [str(seed) for seed in range(5)]
        assert list(values[variant].values()) == pytest.approx([value + change for value in right], abs=near)
    assert data["comparisons"][0]["verdict"] == "better"


def readers(event):
    return {file["reader"] for file in event["sources"]["files"]}


def test_mlflow(tmp_path):
    mlflow = pytest.importorskip("mlflow")
    pytest.importorskip("sqlalchemy")
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    mlflow.set_experiment("letters")
    for variant, seed, value in RUNS:
        with mlflow.start_run(run_name=f"{variant}-{seed}"):
            mlflow.log_params({"loss": variant, "rng": seed})
            for epoch, accuracy in enumerate(curve(value)):
                mlflow.log_metrics({"val_acc": accuracy, "val_loss": (100 - accuracy) / 10}, step=epoch)
            mlflow.log_metric("test_acc", value - 1)
    with pytest.raises(ValueError), mlflow.start_run(run_name="ce-0"):
        mlflow.log_metric("val_acc", 1.0)
        raise ValueError
    event = compare("mlflow.db", "--metric", "val_acc", directory=tmp_path)
    assert readers(event) == {"MLflow"} and event["sources"]["unfinished"] == 1
    check(event)
    check(compare("mlflow.db", "--metric", "test_acc", "--columns", "variant=params.loss,seed=rng", "--epoch", "best:val_loss", directory=tmp_path), change=-1)


@pytest.mark.parametrize("package", ["torch.utils.tensorboard", "tensorboardX"])
def test_tensorboard(tmp_path, package):
    pytest.importorskip("tensorboard" if package.startswith("torch") else package)
    writer = pytest.importorskip(package).SummaryWriter
    for variant, seed, value in RUNS:
        out = writer(str(tmp_path / "tb" / variant / f"seed{seed}"))
        for step, accuracy in enumerate(curve(value)):
            out.add_scalar("acc/val", accuracy, step)
            out.add_scalar("loss/val", (100 - accuracy) / 10, step, **({"new_style": True} if package.startswith("torch") else {}))  # a tensor
        out.add_text("note", "not a number")
        out.close()
    event = compare("tb", "--metric", "acc/val", directory=tmp_path)
    assert readers(event) == {"TensorBoard"}
    check(event, near=1e-5)
    check(compare("tb", "--metric", "acc/val", "--epoch", "best:loss/val", directory=tmp_path), change=0.3, near=1e-5)


def test_lightning(tmp_path):
    """A trainer's own log, and one of given numbers."""
    torch = pytest.importorskip("torch")
    lightning = pytest.importorskip("lightning.pytorch")
    loggers = pytest.importorskip("lightning.pytorch.loggers")

    class Model(lightning.LightningModule):
        def __init__(self, values, loss):
            super().__init__()
            self.save_hyperparameters("loss")
            self.layer = torch.nn.Linear(1, 1)
            self.values = values

        def training_step(self, batch, index):
            loss = self.layer(batch[0]).square().mean()
            self.log("train_loss", loss)
            return loss

        def validation_step(self, batch, index):
            self.log("val_acc", self.values[self.current_epoch])

        def test_step(self, batch, index):
            self.log("test_acc", self.values[-1] - 1)

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), 0.1)

    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.ones(8, 1)), 4)
    for variant, seed, value in RUNS:
        logger = loggers.CSVLogger(tmp_path / "logs", name=f"{variant}_seed{seed}")
        trainer = lightning.Trainer(max_epochs=4, logger=logger, accelerator="cpu", enable_progress_bar=False, enable_model_summary=False, enable_checkpointing=False,
                                    num_sanity_val_steps=0, log_every_n_steps=1)
        model = Model(curve(value), variant)
        trainer.fit(model, data, data)
        trainer.test(model, data, verbose=False)
    event = compare("logs", "--metric", "val_acc", directory=tmp_path)
    assert readers(event) == {"Lightning CSVLogger"}
    check(event, near=1e-4)
    check(compare("logs", "--metric", "val_acc", "--epoch", "best:val_acc", directory=tmp_path), change=0.3, near=1e-4)
    check(compare("logs", "--metric", "test_acc", "--epoch", "best:val_acc", "--columns", "variant=loss", directory=tmp_path), change=-1, near=1e-4)


def test_keras(tmp_path):
    keras = pytest.importorskip("keras")
    for variant, seed, value in RUNS:
        log = keras.callbacks.CSVLogger(str(tmp_path / f"{variant}_{seed}.csv"))
        log.set_model(keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1)]))
        log.on_train_begin()
        for epoch, accuracy in enumerate(curve(value)):
            log.on_epoch_end(epoch, {"accuracy": 99.0, "loss": 0.1, "val_accuracy": accuracy, "val_loss": (100 - accuracy) / 10})
        log.on_train_end()
    event = compare(*sorted(path.name for path in tmp_path.glob("*.csv")), "--metric", "val_accuracy", directory=tmp_path)
    assert readers(event) == {"Keras CSVLogger"}
    check(event)
    check(compare(".", "--metric", "val_accuracy", "--epoch", "best:val_loss", directory=tmp_path), change=0.3)


def test_lm_evaluation_harness(tmp_path, monkeypatch):
    for name, value in {"HF_DATASETS_OFFLINE": "1", "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "home")}.items():
        monkeypatch.setenv(name, value)
    lm_eval = pytest.importorskip("lm_eval")
    model = pytest.importorskip("lm_eval.api.model")
    tasks = pytest.importorskip("lm_eval.tasks")
    loggers = pytest.importorskip("lm_eval.loggers")

    class Guesser(model.LM):
        def __init__(self, seed):
            super().__init__()
            self.draw = random.Random(seed)

        def loglikelihood(self, requests):
            return [(self.draw.random(), False) for _ in requests]

        def loglikelihood_rolling(self, requests):
            return []

        def generate_until(self, requests):
            return []

    (tmp_path / "toy.jsonl").write_text("".join(json.dumps({"question": f"q{i}", "label": i % 2}) + "\n" for i in range(30)))
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "toy.yaml").write_text(
        f"task: toy\ndataset_path: json\ndataset_kwargs:\n  data_files: {{test: {tmp_path}/toy.jsonl}}\noutput_type: multiple_choice\ntest_split: test\n"
        'doc_to_text: "{{question}}"\ndoc_to_choice: ["yes", "no"]\ndoc_to_target: "{{label}}"\nmetric_list:\n  - {metric: acc, aggregation: mean, higher_is_better: true}\n')
    for variant, seed, _ in RUNS:
        found = lm_eval.simple_evaluate(model=Guesser(f"{variant}{seed}"), tasks=["toy"], log_samples=True, bootstrap_iters=2,
                                        task_manager=tasks.TaskManager(include_path=str(tmp_path / "tasks"), include_defaults=False))
        tracker = loggers.EvaluationTracker(output_path=str(tmp_path / "out"))
        tracker.general_config_tracker.model_name_sanitized = f"{variant}-seed{seed}"
        samples = found.pop("samples")
        tracker.save_results_aggregated(results=found, samples=samples)
        tracker.save_results_samples(task_name="toy", samples=samples["toy"])
    event = compare("out", directory=tmp_path)
    (data,) = event["comparison"]["data"]
    assert readers(event) == {"lm-evaluation-harness"} and (data["name"], data["test_images"], data["samples"]) == ("toy", 30, "items")
    for variant in data["variants"]:
        assert variant["seeds"] == list("01234") and variant["measures"]["accuracy"]["values"] == pytest.approx(variant["measures"]["acc"]["values"])
    assert data["comparisons"][0]["bootstrap"]["error"] > 0  # what each item says is known
