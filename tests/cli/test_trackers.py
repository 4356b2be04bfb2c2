"""`mixent compare --results` on what trackers write: Weights & Biases, MLflow, Lightning, Keras, lm-evaluation-harness. TensorBoard:
test_trackers_tensorboard.py.

The files are made here, byte by byte, in the layout of each tracker. test_trackers_samples.py reads samples that the real packages made,
tests/python/test_trackers_real.py makes them anew.
Those of Weights & Biases are made by hand after its documented export: no account is at hand.
"""
import json
import os
import sqlite3

import pytest

from tracker_logs import (ACCURACIES, BEST, EPOCHS, RUNS, check, compare, curve, loss, metrics_of, pair_of, readers,  # noqa: F401
                          values_of, write_rows)


# ---- Lightning and Keras ----

def lightning_rows(value):
    rows = []
    for epoch, accuracy in enumerate(curve(value)):
        rows += [{"epoch": epoch, "step": 10 * epoch + 5, "train_loss": 1}, {"step": 10 * epoch + 6, "lr-Adam": 0.1},
                 {"epoch": epoch, "step": 10 * epoch + 9, "val_acc": accuracy, "val_loss": loss(accuracy)}]
    return [*rows, {"epoch": EPOCHS, "step": 40, "test_acc": 0}, {"epoch": EPOCHS, "step": 40, "test_acc": value - 1}]  # tested twice: the later counts


def test_lightning(compare, tmp_path):
    for variant, seed, value in RUNS:
        write_rows(tmp_path / "logs" / f"{variant}-{seed}" / "version_0" / "metrics.csv", lightning_rows(value))
        (tmp_path / "logs" / f"{variant}-{seed}" / "version_0" / "hparams.yaml").write_text(f"betas: !!python/tuple\n- 0.9\n- 0.99\nloss: {variant}x\nrng: {seed + 1}\n")
    check(found := compare("logs", "--metric", "val_acc"))
    assert readers(found) == ["Lightning CSVLogger"] and "step" not in metrics_of(found)
    check(compare("logs", "--metric", "val_acc", "--epoch", "best:val_loss"), change=0.3)
    check(compare("logs", "--metric", "test_acc", "--epoch", "best:val_loss"), change=-1)
    check(compare("logs"), change=-1)  # the test's, where there is one
    by_settings = compare("logs", "--metric", "val_acc", "--columns", "variant=loss,seed=hparams.rng")
    assert {variant: list(seeds) for variant, seeds in values_of(by_settings).items()} == {"cex": list("123456"), "mixx": list("123456")}
    assert "names of runs" not in by_settings["sources"]["words"]
    assert "expected a column 'other'" in compare("logs", "--columns", "variant=other", code=1)
    (tmp_path / "logs" / "ce-0" / "version_1").mkdir()
    write_rows(tmp_path / "logs" / "ce-0" / "version_1" / "metrics.csv", lightning_rows(95))  # the run once more: which of the two counts nobody knows
    assert "ce-0/version_1/metrics.csv" in (said := compare("logs", code=1)) and "the first is in logs/ce-0/version_0/metrics.csv" in said


def test_versions_are_no_seeds(compare, tmp_path):
    for variant, seed, value in RUNS:
        write_rows(tmp_path / "logs" / variant / f"version_{seed}" / "metrics.csv", lightning_rows(value))
    pair = pair_of(compare("logs", "--metric", "val_acc"))
    assert pair["test"] == "unpaired" and pair["verdict"] == "better"


def test_keras(compare, tmp_path):
    for variant, seed, value in RUNS:
        write_rows(tmp_path / "logs" / f"{variant}_{seed}.csv", [{"epoch": epoch, "accuracy": 99, "loss": 0.1, "val_accuracy": accuracy, "val_loss": loss(accuracy)}
                                                                for epoch, accuracy in enumerate(curve(value))])
    (tmp_path / "logs" / "notes.csv").write_text("day,what\n1,none\n")
    (tmp_path / "logs" / "config.json").write_text("{")
    check(found := compare("logs"))  # accuracy, without val_, is that of training
    assert readers(found) == ["Keras CSVLogger"] and found["sources"]["passed_over"] == ["logs/notes.csv"] and "notes.csv" in found["sources"]["words"]
    check(compare("logs", "--metric", "val_accuracy", "--epoch", "best:val_loss"), change=0.3)
    check(compare(*sorted(str(path.relative_to(tmp_path)) for path in (tmp_path / "logs").glob("*_*.csv")), "--metric", "val_accuracy"))
    (tmp_path / "ce-1").mkdir()
    (tmp_path / "ce-1" / "log.csv").write_text("epoch,accuracy\n0,0.5\n1,0.75\n")
    assert values_of(compare("ce-1/log.csv")) == {"ce": {"1": 0.75}}


# ---- tables with epochs, nested objects ----

def test_a_table_with_epochs(compare, tmp_path):
    rows = [{"variant": variant, "seed": seed, "epoch": epoch, "val_acc": accuracy, "nll": loss(accuracy)} for variant, seed, value in RUNS for epoch, accuracy in enumerate(curve(value))]
    write_rows(tmp_path / "r.csv", sorted(rows, key=lambda row: -row["epoch"]))
    check(compare("r.csv"))
    check(compare("r.csv", "--epoch", "best:nll"), change=0.3)
    write_rows(tmp_path / "twice.csv", [*rows, rows[-1]])
    assert "expected one value of 'val_acc' at epoch 3 of this run, got a second one" in compare("twice.csv", code=1)
    write_rows(tmp_path / "without.csv", [{key: row[key] for key in row if key != "seed"} for row in rows])
    assert "expected a column 'seed' in a table with a row per epoch" in compare("without.csv", code=1)
    write_rows(tmp_path / "blank.csv", [*rows, dict(rows[0], epoch="")])
    assert "expected a number for the epoch" in compare("blank.csv", code=1)


def test_a_nan_of_json_lines_was_measured(compare, tmp_path):
    """As in CSV: no earlier epoch stands for it. Python writes NaN, which JSON has not."""
    for name, last in (("nan", float("nan")), ("inf", float("inf"))):
        for variant, seed, value in RUNS:
            diverges = (variant, seed) == ("mix", 5)
            rows = [{"epoch": epoch, "val_loss": loss(accuracy)} for epoch, accuracy in enumerate(curve(value))]
            rows[-1]["val_loss"] = last if diverges else rows[-1]["val_loss"]
            (tmp_path / name).mkdir(exist_ok=True)
            (tmp_path / name / f"{variant}-{seed}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        values = list(values_of(compare(name, "--metric", "val_loss"))["mix"].values())
        assert values[5] is None and None not in values[:5]


def test_a_row_that_was_written_again_chooses_no_epoch(compare, tmp_path):
    """Of two rows with one epoch the later counts, also where best:METRIC looks."""
    for variant, seed, value in RUNS:
        rows = [{"epoch": epoch, "val_acc": accuracy, "other": -epoch} for epoch, accuracy in enumerate(curve(value))]
        rows.insert(2, {"epoch": 1, "val_acc": 99.9, "other": 7})  # before it, what was lost when the run was killed: epoch 1 comes again
        rows[1], rows[2] = rows[2], rows[1]
        (tmp_path / f"{variant}-{seed}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    check(compare(".", "--metric", "val_acc", "--epoch", "best:val_acc"), change=0.3)
    assert set(values_of(compare(".", "--metric", "other", "--epoch", "best:val_acc"))["ce"].values()) == {-BEST}


def test_names_of_files_that_are_hexadecimal(compare, tmp_path):
    for variant, like in (("0x10", "ce"), ("16", "mix")):
        for seed, value in enumerate(ACCURACIES[like]):
            write_rows(tmp_path / f"{variant}-{seed}.csv", [{"epoch": epoch, "val_acc": accuracy} for epoch, accuracy in enumerate(curve(value))])
    assert set(values_of(compare("."))) == {"0x10", "16"}


def test_logs_beside_tables(compare, tmp_path):
    """--epoch reads logs twice; a table's runs without a seed are not two runs each for that."""
    write_rows(tmp_path / "log-1.csv", [{"epoch": 0, "val_acc": 80, "val_loss": 1}, {"epoch": 1, "val_acc": 70, "val_loss": 2}])
    write_rows(tmp_path / "table.csv", [{"variant": "plain", "val_acc": 75}, {"variant": "plain", "val_acc": 76}])
    found = compare("log-1.csv", "table.csv", "--epoch", "best:val_loss", "--metric", "val_acc")
    (data,) = found["comparison"]["data"]
    assert {variant["name"]: variant["measures"]["val_acc"]["values"] for variant in data["variants"]} == {"log": [80], "plain": [75, 76]}
    write_rows(tmp_path / "dash.csv", [{"variant": variant, "top - 1": value} for variant in "ab" for value in (1, 2)])  # no chart of Weights & Biases
    assert readers(compare("dash.csv")) == ["CSV"]


def test_nested_objects(compare, tmp_path):
    def lines(**extra):
        return "".join(json.dumps({"name": "x", "config": {"loss": variant, "seed": seed, "model": {"depth": 3}}, "summary": {"val": {"accuracy": value}}, "list": [1], **extra}) + "\n"
                       for variant, seed, value in RUNS)
    (tmp_path / "r.jsonl").write_text(lines())
    found = compare("r.jsonl", "--columns", "variant=config.loss")  # the seed is found: config.seed
    check(found)
    assert metrics_of(found) == ["summary.val.accuracy"]  # settings are no metrics
    deep = {"a": 1}
    for _ in range(100):
        deep = {"a": deep}
    (tmp_path / "r.jsonl").write_text(lines(deep=deep, **{"k" * 2000: {"a": 1}}))
    check(compare("r.jsonl", "--columns", "variant=loss"))
    (tmp_path / "log-1.jsonl").write_text('{"epoch": 1, "step": 5, "accuracy": 0.5}\n{"epoch": 2, "step": 10, "accuracy": 0.6}\n')
    assert values_of(found := compare("log-1.jsonl")) == {"log": {"1": 0.6}} and metrics_of(found) == ["accuracy"]


# ---- Weights & Biases ----

def wandb_rows(**extra):
    return [{"Name": f"{variant}-{seed}", "State": "finished", "Notes": "-", "User": "a", "Tags": "", "Created": "2026-01-02T03:04:05.000Z", "Runtime": 60, "Sweep": "",
             "Group": variant, "seed": seed, "lr": 0.1, "_step": 9, "_timestamp": 1.7e9, "_runtime": 60.5, "val_acc": value} | extra for variant, seed, value in RUNS]


def test_wandb_runs(compare, tmp_path):
    write_rows(tmp_path / "runs.csv", wandb_rows())
    check(found := compare("runs.csv"))
    assert readers(found) == ["Weights & Biases runs"] and metrics_of(found) == ["Runtime", "lr", "val_acc"]
    check(compare("runs.csv", "--columns", "variant=Group,seed=config.seed"))
    write_rows(tmp_path / "named.csv", [{key: row[key] for key in row if key not in ("Group", "seed")} for row in wandb_rows()])
    check(found := compare("named.csv"))
    assert "from the names" in found["sources"]["words"]
    for grouped in (0, 6):  # runs without a group have the column, too
        write_rows(tmp_path / "blank.csv", [row | ({} if i < grouped else {"Group": ""}) for i, row in enumerate(wandb_rows())])
        check(found := compare("blank.csv"))
        assert "from the names" in found["sources"]["words"] and metrics_of(found) == ["Runtime", "lr", "val_acc"]
    rows = wandb_rows()
    rows[0]["State"] = "crashed"
    write_rows(tmp_path / "crashed.csv", [*rows, dict(rows[1], State="running", seed="")])
    found = compare("crashed.csv")
    pair = pair_of(found)
    assert found["sources"]["unfinished"] == 2 and pair["seeds"] == 5 and "1 of 6 runs of ce; if such runs failed, the others flatter it" in pair["words"]


def test_wandb_runs_of_its_interface(compare, tmp_path):
    """The data frame of its documentation, with summary, config and name."""
    (tmp_path / "runs.jsonl").write_text("".join(json.dumps({"summary": {"val_acc": value, "_step": 9}, "config": {"loss": variant, "seed": seed}, "name": f"{variant}-{seed}"}) + "\n"
                                                 for variant, seed, value in RUNS))
    check(found := compare("runs.jsonl"))
    assert readers(found) == ["Weights & Biases runs"] and "from the names" in found["sources"]["words"]
    check(compare("runs.jsonl", "--columns", "variant=config.loss"))
    (tmp_path / "project.csv").write_text(",summary,config,name\n0,\"{'val_acc': 91.2}\",\"{'seed': 0}\",ce-0\n")
    assert "project.csv:1:1: expected a column for each value" in (said := compare("project.csv", code=1)) and "to_json('runs.jsonl', orient='records', lines=True)" in said


def test_wandb_history(compare, tmp_path):
    rows = [{"Step": step} | {f"{variant}-{seed} - val_acc{bound}": curve(value)[step] for variant, seed, value in RUNS for bound in ("", "__MIN", "__MAX")} for step in range(EPOCHS)]
    write_rows(tmp_path / "chart.csv", rows)
    check(found := compare("chart.csv"))
    assert readers(found) == ["Weights & Biases history"] and metrics_of(found) == ["val_acc"]
    write_rows(tmp_path / "other.csv", [{"Step": step} | {f"{variant}-{seed} - val_loss": loss(curve(value)[step]) for variant, seed, value in RUNS} for step in range(EPOCHS)])
    check(compare("chart.csv", "other.csv", "--metric", "val_acc", "--epoch", "best:val_loss"), change=0.3)
    (tmp_path / "group.csv").write_text("Step,Group: ce - val_acc\n0,1\n")
    assert "export the chart without groups" in compare("group.csv", code=1)
    write_rows(tmp_path / "ce-1.csv", [{"": step, "_step": step, "_timestamp": 1.7e9, "val_acc": accuracy} for step, accuracy in enumerate(curve(90))])  # run.history()
    found = compare("ce-1.csv")
    assert values_of(found) == {"ce": {"1": 90}} and metrics_of(found) == ["val_acc"]


# ---- MLflow ----

TABLES = """
CREATE TABLE experiments (experiment_id INTEGER PRIMARY KEY, name VARCHAR(256), lifecycle_stage VARCHAR(32));
CREATE TABLE runs (run_uuid VARCHAR(32) PRIMARY KEY, name VARCHAR(250), status VARCHAR(9), start_time BIGINT, lifecycle_stage VARCHAR(20), experiment_id INTEGER);
CREATE TABLE params (key VARCHAR(250), value VARCHAR(8000), run_uuid VARCHAR(32));
CREATE TABLE tags (key VARCHAR(250), value VARCHAR(8000), run_uuid VARCHAR(32));
CREATE TABLE metrics (key VARCHAR(250), value FLOAT, timestamp BIGINT, run_uuid VARCHAR(32), step BIGINT, is_nan BOOLEAN);
INSERT INTO experiments VALUES (0, 'Default', 'active'), (1, 'letters', 'active');
"""


def write_store(path, change=""):
    database = sqlite3.connect(path)
    database.executescript(TABLES)
    for variant, seed, value in RUNS:
        identity = f"{variant}{seed}"
        database.execute("INSERT INTO runs VALUES (?, ?, 'FINISHED', ?, 'active', 1)", (identity, f"{variant}-{seed}", len(identity) * 100 + seed))
        database.executemany("INSERT INTO params VALUES (?, ?, ?)", [("loss", variant, identity), ("rng", str(seed), identity)])
        database.executemany("INSERT INTO metrics VALUES (?, ?, ?, ?, ?, 0)", [(name, number, 1, identity, epoch) for epoch, accuracy in enumerate(curve(value))
                                                                            for name, number in (("val_acc", accuracy), ("val_loss", loss(accuracy)))])
        database.execute("INSERT INTO metrics VALUES ('test_acc', ?, 1, ?, 0, 0)", (value - 1, identity))
    database.executescript(change)
    database.commit()
    database.close()


def test_mlflow(compare, tmp_path):
    write_store(tmp_path / "mlflow.db", """
        INSERT INTO runs VALUES ('deleted', 'ce-0', 'FINISHED', 1, 'deleted', 1), ('parent', 'sweep', 'FINISHED', 2, 'active', 1), ('failed', 'ce-7', 'FAILED', 3, 'active', 1);
        INSERT INTO metrics VALUES ('val_acc', 1, 1, 'deleted', 0, 0), ('val_acc', 1, 1, 'failed', 0, 0)""")
    found = compare("mlflow.db", "--metric", "val_acc")
    assert readers(found) == ["MLflow"] and found["sources"]["unfinished"] == 1
    values = values_of(found)
    assert values["ce"].pop("7") is None  # it failed: a run without values, which the words count
    assert "1 of 7 runs of ce; if such runs failed" in pair_of(found)["words"]
    assert {variant: list(seeds.values()) for variant, seeds in values.items()} == ACCURACIES
    mapped = compare("mlflow.db", "--metric", "test_acc", "--columns", "variant=params.loss,seed=rng", "--epoch", "best:val_loss")
    check(mapped, change=-1)
    assert mapped["sources"]["unfinished"] == 1  # it has no such parameters
    assert "run 'ce-0': expected a parameter or a tag 'other'" in compare("mlflow.db", "--columns", "variant=other", code=1)
    (tmp_path / "tree").mkdir()
    (tmp_path / "mlflow.db").rename(tmp_path / "tree" / "mlflow.db")
    assert values_of(compare("tree", "--metric", "val_acc")) == values_of(found)


def test_experiments_are_data_sets(compare, tmp_path):
    write_store(tmp_path / "mlflow.db", "INSERT INTO experiments VALUES (2, 'digits', 'active'); UPDATE runs SET experiment_id = 2 WHERE name LIKE '%-5'")
    assert [data["name"] for data in compare("mlflow.db", "--metric", "val_acc")["comparison"]["data"]] == ["letters", "digits"]


def test_a_nan_of_mlflow(compare, tmp_path):
    write_store(tmp_path / "mlflow.db", "UPDATE metrics SET value = 0, is_nan = 1 WHERE run_uuid = 'ce1' AND step = 3")
    assert values_of(compare("mlflow.db", "--metric", "val_acc"))["ce"]["1"] is None


def test_stores_that_cannot_be_read(compare, mixent, tmp_path):
    write_store(tmp_path / "mlflow.db")
    whole = (tmp_path / "mlflow.db").read_bytes()
    (tmp_path / "damaged.db").write_bytes(whole[:4096] + bytes(len(whole) - 4096))
    assert "damaged.db: expected MLflow's store in SQLite, got a damaged" in compare("damaged.db", code=1)
    sqlite3.connect(tmp_path / "other.db").executescript("CREATE TABLE runs (x)")
    assert "other.db: expected MLflow's tables" in compare("other.db", code=1)
    database = sqlite3.connect(tmp_path / "views.db")  # a query of a stranger's is not run
    database.executescript("CREATE TABLE experiments (x); CREATE TABLE params (x); CREATE TABLE tags (x); CREATE TABLE runs (x); "
                           "CREATE VIEW metrics AS WITH RECURSIVE a(x) AS (SELECT 1 UNION ALL SELECT x FROM a) SELECT x FROM a")
    database.close()
    assert "views.db: expected MLflow's tables" in compare("views.db", code=1)
    before = os.stat(tmp_path / "mlflow.db")
    os.chmod(tmp_path / "mlflow.db", 0o444)
    assert len(values_of(compare("mlflow.db", "--metric", "val_acc"))) == 2
    assert sorted(os.listdir(tmp_path)) == ["damaged.db", "mlflow.db", "other.db", "views.db"]  # nothing is written
    assert os.stat(tmp_path / "mlflow.db").st_mtime_ns == before.st_mtime_ns
    strange = tmp_path / "a?b#c%41.db"
    strange.write_bytes(whole)
    assert len(values_of(compare(strange.name, "--metric", "val_acc"))) == 2


def test_a_store_in_write_ahead_mode(compare, tmp_path):
    """Nothing is written beside it, and what a process that has it open has written counts."""
    write_store(tmp_path / "mlflow.db")
    database = sqlite3.connect(tmp_path / "mlflow.db")
    database.execute("PRAGMA journal_mode = WAL")
    database.close()
    check(compare("mlflow.db", "--metric", "val_acc"))
    assert os.listdir(tmp_path) == ["mlflow.db"]
    database = sqlite3.connect(tmp_path / "mlflow.db")
    database.execute("UPDATE metrics SET value = value - 1 WHERE key = 'val_acc'")
    database.commit()
    check(compare("mlflow.db", "--metric", "val_acc"), change=-1)
    database.close()


@pytest.mark.long
def test_a_locked_store(compare, tmp_path):
    """After five seconds."""
    write_store(tmp_path / "mlflow.db")
    writer = sqlite3.connect(tmp_path / "mlflow.db", isolation_level=None)
    writer.execute("BEGIN EXCLUSIVE")
    assert "another process is writing to it" in compare("mlflow.db", code=1)


# ---- several metrics ----

def test_several_metrics(compare, mixent, tmp_path):
    rows = [{"variant": variant, "seed": seed, "accuracy": value, "nll": loss(value), "a,b": value} for variant, seed, value in RUNS]
    write_rows(tmp_path / "r.csv", rows)
    both = compare("r.csv", "--metric", "accuracy,nll")
    assert both["comparison"] == compare("r.csv", "--metric", "accuracy")["comparison"] and both["further"] == [compare("r.csv", "--metric", "nll")["comparison"]]
    assert compare("r.csv", "--metric", "a,b")["comparison"]["metric"] == "a,b"
    assert "expected each metric once" in compare("r.csv", "--metric", "nll,nll", code=2)
    assert "--metric: expected one of" in compare("r.csv", "--metric", "nll,", code=2)
    text = " ".join(mixent("compare", "--results", "r.csv", "--metric", "accuracy,nll").out.split())
    assert "Holm's correction is for each of the 2 metrics by itself" in text


# ---- lm-evaluation-harness ----

TIME = "2026-01-02T03-04-05.678901"


def sample(document, right, **extra):
    return json.dumps({"doc_id": document, "doc": {"question": "?", "variant": "no column"}, "target": "0", "arguments": {}, "resps": [], "filtered_resps": [], "filter": "none",
                       "metrics": ["length", "acc"], "doc_hash": f"{document:064x}", "length": 7.5, "acc": float(right)} | extra) + "\n"


def write_evaluation(directory, right, task="arc", **extra):
    directory.mkdir(parents=True, exist_ok=True)
    (directory / f"samples_{task}_{TIME}.jsonl").write_text("".join(sample(document, value, **extra) for document, value in enumerate(right)))
    means = {"alias": task, "acc,none": sum(right) / len(right), "acc_stderr,none": 0.1, "length,none": 7.5}
    (directory / f"results_{TIME}.json").write_text(json.dumps({"results": {task: means, "group": means}, "groups": {"group": means}, "versions": {task: 1}}, indent=2))


def test_lm_evaluation_harness(compare, tmp_path):
    for seed in range(5):
        write_evaluation(tmp_path / "out" / f"phi-2-seed{seed}", [1, 0, 1, 0, seed % 2, 0, 0, 1, 0, 0])
        write_evaluation(tmp_path / "out" / f"gpt-seed{seed}", [1, 1, 1, 1, seed % 2, 1, 1, 1, 0, 1])
    found = compare("out", "--baseline", "phi-2")
    assert readers(found) == ["lm-evaluation-harness"] and metrics_of(found) == ["acc", "length", "accuracy"]
    assert values_of(found)["phi-2"] == {str(seed): 0.3 + 0.1 * (seed % 2) for seed in range(5)}
    (data,) = found["comparison"]["data"]
    assert data["name"] == "arc" and data["test_images"] == 10 and data["samples"] == "items"
    assert pair_of(found)["seeds"] == 5 and data["comparisons"][0]["reason"] == "no-scatter"
    acc = compare("out", "--metric", "acc")["comparison"]["data"][0]["variants"][0]["measures"]
    assert acc["acc"]["values"] == pytest.approx(acc["accuracy"]["values"])  # the mean of the items is the harness's own


def test_means_that_are_nan_and_files_that_are_broken(compare, tmp_path):
    for model, right in (("phi-2", [1]), ("gpt", [0])):
        write_evaluation(tmp_path / model, right)
        path = tmp_path / model / f"results_{TIME}.json"
        path.write_text(path.read_text().replace('"acc_stderr,none": 0.1', '"acc_stderr,none": NaN'))
        (tmp_path / model / f"samples_arc_{TIME}.jsonl").unlink()
    (tmp_path / "gpt" / "results_other.json").write_text("{\n  'no': JSON\n}\n")
    assert values_of(compare("phi-2", "gpt", "--metric", "acc")) == {"phi-2": {None: 1.0}, "gpt": {None: 0.0}}


def test_models_evaluated_once(compare, tmp_path):
    for model, right in (("phi-2", [1, 0] * 20), ("gpt-3", [1, 1, 1, 0] * 10)):  # the numbers are no seeds
        write_evaluation(tmp_path / "out" / model, right)
        write_evaluation(tmp_path / "out" / model, right, task="math", filter="strict-match")
    found = compare("out")
    data = {data["name"]: data["comparisons"] for data in found["comparison"]["data"]}
    assert set(data) == {"arc", "math", "math, strict-match"}
    (pair,) = data["arc"]
    assert pair["variant"] == "phi-2" and pair["reason"] == "one-run" and pair["mcnemar"]["only_baseline"] == 10


def test_evaluations_of_other_documents(compare, tmp_path):
    write_evaluation(tmp_path / "out" / "a", [1, 0, 1])
    write_evaluation(tmp_path / "out" / "b", [1, 0])
    assert "got no row of item '2 000000000000' for variant 'b'" in compare("out", code=1)
    write_evaluation(tmp_path / "out" / "b", [1, 0, 1], doc_hash="f" * 64)
    assert "expected every item for every run on a data set" in compare("out", code=1)
    write_evaluation(tmp_path / "out" / "b", [1, 0.5, 1])
    assert f"out/b/samples_arc_{TIME}.jsonl:2:1: expected a whole number 'doc_id' and 0 or 1 for 'acc'" in compare("out", code=1)
    assert "for 'length'" in compare("out", "--columns", "correct=length", code=1)
    for model in "ab":
        write_evaluation(tmp_path / "out" / model, [1, 0, 1], metrics=["length"])
    assert metrics_of(compare("out")) == ["acc", "length"]  # no metric says right or wrong: the means are left
