#!/usr/bin/env python3
"""Logs the same small runs with the trackers' own packages: MLflow, TensorBoard (PyTorch's and tensorboardX), Lightning, Keras,
lm-evaluation-harness. Each function writes below the current directory and imports its package itself.
tests/golden/trackers holds three seeds of each, made by `tests/golden/make_trackers.py tests/golden/trackers` in the environment of
`make test-trackers` with Python 3.11: mlflow-skinny 3.17.2, torch 2.15.0, tensorboard 2.21.0, tensorboardX 2.6.5, lightning 2.6.6,
keras 3.15.1 on jax 0.10.2, lm_eval 0.4.13. `strip` takes out what tells of the machine and its user. tests/cli/trackers.py says what
`mixent compare --results` must read of them."""
import gzip
import json
import os
import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path

ACCURACIES = {"ce": [91.2, 91.5, 91.1, 91.4, 91.3], "mix": [92.0, 92.2, 91.8, 92.3, 92.0]}
RIGHT = {"ce": [4, 5, 4, 3, 5], "mix": [6, 6, 7, 6, 7]}  # of the documents of lm-evaluation-harness
EPOCHS, DOCUMENTS, SEEDS = 4, 10, 3
OFFLINE = {"HF_DATASETS_OFFLINE": "1", "HF_HUB_OFFLINE": "1", "KERAS_BACKEND": "jax"}
TASK = """task: toy
dataset_path: json
dataset_kwargs:
  data_files: {test: task/toy.jsonl}
output_type: multiple_choice
test_split: test
doc_to_text: "{{question}}"
doc_to_choice: ["yes", "no"]
doc_to_target: "{{label}}"
metric_list:
  - {metric: acc, aggregation: mean, higher_is_better: true}
"""
# What tells of a machine and its user, and what stands in its place.
NEUTRAL_TAGS = {"mlflow.user": "user", "mlflow.source.name": "train.py", "mlflow.source.git.commit": "0" * 40}
NEUTRAL_ENVIRONMENT = {"pretty_env_info": "", "git_hash": None, "upper_git_hash": None}


def runs(seeds, of=ACCURACIES):
    return [(variant, seed, value) for variant, values in of.items() for seed, value in enumerate(values[:seeds])]


def curve(final):
    """Validation accuracies: the best is not the last."""
    return [final - 5, final - 2, final + 0.3, final]


def loss(accuracy):
    return (100 - accuracy) / 10


def write_mlflow(seeds):
    """Beside the runs, one that failed and one that was deleted."""
    import mlflow

    mlflow.set_tracking_uri("sqlite:///mlflow.db")
    mlflow.set_experiment(experiment_id=mlflow.create_experiment("letters", artifact_location="artifacts"))
    for variant, seed, value in runs(seeds):
        with mlflow.start_run(run_name=f"{variant}-{seed}"):
            mlflow.log_params({"loss": variant, "rng": seed})
            for epoch, accuracy in enumerate(curve(value)):
                mlflow.log_metrics({"val_acc": accuracy, "val_loss": loss(accuracy)}, step=epoch)
            mlflow.log_metric("test_acc", value - 1)
    try:
        with mlflow.start_run(run_name="ce-0"):
            mlflow.log_metric("val_acc", 1.0)
            raise ValueError
    except ValueError:
        pass
    with mlflow.start_run(run_name="mix-0") as run:
        mlflow.log_metric("val_acc", 1.0)
    mlflow.delete_run(run.info.run_id)


def write_tensorboard(seeds, package, writer):
    """Scalars as numbers and, by PyTorch's writer, as tensors."""
    for variant, seed, value in runs(seeds):
        with writer(str(Path(package) / variant / f"seed{seed}")) as out:
            for step, accuracy in enumerate(curve(value)):
                out.add_scalar("acc/val", accuracy, step)
                out.add_scalar("loss/val", loss(accuracy), step, **({"new_style": True} if package == "torch" else {}))
            out.add_text("note", "not a number")


def write_torch(seeds):
    from torch.utils.tensorboard import SummaryWriter

    write_tensorboard(seeds, "torch", SummaryWriter)


def write_tensorboardX(seeds):
    from tensorboardX import SummaryWriter

    write_tensorboard(seeds, "tensorboardX", SummaryWriter)


def write_lightning(seeds):
    """A trainer's own log, and one of given numbers."""
    import torch
    from lightning.pytorch import LightningModule, Trainer
    from lightning.pytorch.loggers import CSVLogger

    class Model(LightningModule):
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
    for variant, seed, value in runs(seeds):
        trainer = Trainer(max_epochs=EPOCHS, logger=CSVLogger("lightning", name=f"{variant}_seed{seed}"), accelerator="cpu",
                          enable_progress_bar=False, enable_model_summary=False, enable_checkpointing=False,
                          num_sanity_val_steps=0, log_every_n_steps=1)
        model = Model(curve(value), variant)
        trainer.fit(model, data, data)
        trainer.test(model, data, verbose=False)


def write_keras(seeds):
    """The logs of `fit`, in which what validation measured is given."""
    import keras
    import numpy

    model = keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1)])
    model.compile(loss="mse", metrics=["accuracy"])
    images, labels = numpy.ones((4, 1)), numpy.zeros(4)
    Path("keras").mkdir()
    for variant, seed, value in runs(seeds):
        def measure(epoch, logs, accuracies=curve(value)):
            logs.update(val_accuracy=accuracies[epoch], val_loss=loss(accuracies[epoch]))

        callbacks = [keras.callbacks.LambdaCallback(on_epoch_end=measure), keras.callbacks.CSVLogger(f"keras/{variant}_{seed}.csv")]
        model.fit(images, labels, epochs=EPOCHS, validation_data=(images, labels), verbose=0, callbacks=callbacks)


def write_lm_eval(seeds):
    """A model that answers so many documents right, and the others wrong."""
    from lm_eval import simple_evaluate
    from lm_eval.api.model import LM
    from lm_eval.loggers import EvaluationTracker
    from lm_eval.tasks import TaskManager

    class Model(LM):
        def __init__(self, right):
            super().__init__()
            self.right = right

        def loglikelihood(self, requests):
            return [(-1.0 if (request.idx == request.doc["label"]) == (request.doc_id < self.right) else -2.0, False)
                    for request in requests]

        def loglikelihood_rolling(self, requests):
            return []

        def generate_until(self, requests):
            return []

    task = Path("task")
    task.mkdir()
    (task / "toy.jsonl").write_text("".join(json.dumps({"question": f"q{i}", "label": i % 2}) + "\n" for i in range(DOCUMENTS)))
    (task / "toy.yaml").write_text(TASK)
    for variant, seed, right in runs(seeds, RIGHT):
        found = simple_evaluate(model=Model(right), tasks=["toy"], log_samples=True, bootstrap_iters=2,
                                task_manager=TaskManager(include_path=str(task), include_defaults=False))
        tracker = EvaluationTracker(output_path="lm_eval")
        tracker.general_config_tracker.model_name_sanitized = f"{variant}-seed{seed}"
        samples = found.pop("samples")
        tracker.save_results_aggregated(results=found, samples=samples)
        tracker.save_results_samples(task_name="toy", samples=samples["toy"])


def strip():
    """Takes out of the files what tells of the machine and its user; MLflow's store becomes its SQL."""
    with closing(sqlite3.connect("mlflow.db")) as store:
        store.execute("UPDATE runs SET user_id = 'user', source_name = 'train.py', artifact_uri = 'artifacts'")
        store.executemany("UPDATE tags SET value = ? WHERE key = ?", [(value, key) for key, value in NEUTRAL_TAGS.items()])
        store.execute("UPDATE experiments SET artifact_location = 'artifacts'")
        store.commit()
        dump = "\n".join(store.iterdump()) + "\n"
    Path("mlflow.db").unlink()
    Path("mlflow.sql.gz").write_bytes(gzip.compress(dump.encode(), mtime=0))
    for path in [*Path("torch").rglob("events.*"), *Path("tensorboardX").rglob("events.*")]:
        path.rename(path.with_name(".".join([*path.name.split(".")[:4], "host"])))  # events.out.tfevents.TIME.HOST…
    for path in Path("lm_eval").rglob("results_*.json"):
        path.write_text(json.dumps(json.loads(path.read_text()) | NEUTRAL_ENVIRONMENT, indent=2, ensure_ascii=False))
    for path in Path("task").iterdir():
        path.unlink()
    Path("task").rmdir()


def main():
    directory = Path(sys.argv[1])
    directory.mkdir(parents=True)
    os.chdir(directory)
    with tempfile.TemporaryDirectory() as home:
        os.environ.update(OFFLINE, HF_HOME=home)  # before the packages are imported
        for write in (write_mlflow, write_torch, write_tensorboardX, write_lightning, write_keras, write_lm_eval):
            write(SEEDS)
        strip()


if __name__ == "__main__":
    main()
