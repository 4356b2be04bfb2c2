"""Tables from file to prediction: trained, resumed to the bit, scored, classified; and messages for what makes no sense."""
import csv
import json
import os
import re
import signal
import subprocess
import time

import numpy
import pytest

from events import read_last
from support import PROGRAM, environment

NAMES = ["inner", "middle", "outer"]


def make_rings(count, seed):
    """Three rings, whose features stand at scales far apart, and a feature of noise."""
    generator = numpy.random.default_rng(seed)
    labels = numpy.arange(count) % 3
    radius, angle = 1 + labels + generator.normal(0, 0.15, count), generator.uniform(0, 2 * numpy.pi, count)
    columns = [radius * numpy.cos(angle), 1e4 + 100 * radius * numpy.sin(angle), generator.normal(0, 1e-3, count)]
    return numpy.stack(columns, 1), labels


def write_rings(path, count, seed, names=("x", "y", "noise"), order=(0, 1, 2), labels=True):
    table, classes = make_rings(count, seed)
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*[names[k] for k in order], *(["kind"] if labels else [])])
        for row, label in zip(table, classes):
            writer.writerow([*[f"{row[k]:.7g}" for k in order], *([NAMES[label]] if labels else [])])


@pytest.fixture
def rings(tmp_path):
    (tmp_path / "rings").mkdir()
    write_rings(tmp_path / "rings" / "train.csv", 600, 0)
    write_rings(tmp_path / "rings" / "test.csv", 300, 1)
    return tmp_path / "rings"


def options(data, *more):
    return ["--recipe", "tabular", "--data", data, "--epochs", "15", "--threads", "2", *more]


def test_a_look_ahead_that_runs_away(mixent, tmp_path, rings):
    """The gradient of a held-out loss overflows before the loss does: the run fails as such, and its last save stands."""
    (tmp_path / "deep.yaml").write_text("name: deep\nlayers:\n" + "  - linear: {features: 64}\n  - relu:\n" * 3 + "  - linear: {features: classes}\n")
    said = mixent("train", "--recipe", "tabular", "--data", rings, "--net", "deep.yaml", "--loss", "min-ent", "--set", "loss.style=hypergradient",
                  "--set", "loss.learn=w2", "--set", "loss.hypergradient_every=1", "--set", "loss.held_out_fraction=0.2", "--set", "optimizer.name=sgd",
                  "--set", "optimizer.learning_rate=10", "--set", "schedule.name=constant", "--set", "save_minutes=1e-9", "--run", "runs/away")
    assert said.code == 1 and "not finite at step" in said.err and (tmp_path / "runs/away/failure.txt").exists()
    assert "away" in mixent("runs", "status=failed").out
    assert mixent("eval", "runs/away/last.safetensors", "--data", rings).code == 0


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_train_and_eval(mixent, tmp_path, rings, precision):
    result = mixent("train", *options(rings, "--loss", "min-ent", "--precision", precision, "--run", "run", "--json"))
    assert result.code == 0, result.err
    summary = read_last(result.out)
    assert summary["test"]["images"] == 300 and summary["test"]["accuracy"] > 0.97 and summary["net"] == "mlp"
    scores = json.loads(mixent("eval", "run/best.safetensors", "--data", rings, "--precision", precision, "--json").out)
    assert scores["accuracy"] == summary["test"]["accuracy"] and abs(scores["nll"] - summary["test"]["nll"]) < 1e-5
    held_out = json.loads(mixent("eval", "run/best.safetensors", "--data", rings, "--split", "validation", "--json").out)
    assert held_out["images"] == 60
    for words in (["--side", "1"], ["--channels", "3"], ["--classes", "5"]):
        result = mixent("info", "run", *words)
        assert result.code == 2 and f"info: {words[0]} has no effect here: a checkpoint has its own" in result.message
    info = mixent("info", "run/best.safetensors").out
    assert "rows of 3 features, 3 classes: inner middle outer" in info and "layers.8" in info


def test_predict_rows(mixent, tmp_path, rings):
    assert mixent("train", *options(rings, "--precision", "fp32", "--run", "run")).code == 0
    write_rings(tmp_path / "rows.csv", 90, 2, order=(2, 0, 1), labels=False)  # columns are found by name
    lines = [json.loads(line) for line in mixent("predict", "run/best.safetensors", "rows.csv", "--json").out.splitlines()]
    assert [line["row"] for line in lines] == list(range(1, 91)) and lines[0]["file"] == "rows.csv"
    right = [line["top"][0]["class"] == NAMES[label] for line, label in zip(lines, make_rings(90, 2)[1])]
    assert numpy.mean(right) > 0.95
    text = mixent("predict", "run/best.safetensors", rings / "test.csv").out.splitlines()
    assert len(text) == 300 and text[0].startswith(f"{rings / 'test.csv'} row 1 ") and " %" in text[0]
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "rows.tsv").touch()
    (tmp_path / "rows.csv").rename(tmp_path / "tables" / "rows.csv")
    found = mixent("predict", "run", "tables")
    assert len(found.out.splitlines()) == 90 and "passed-over: 1 file that is no .csv (1 .tsv)" in found.err
    write_rings(tmp_path / "rows.csv", 90, 2, names=("x", "z", "noise"))
    result = mixent("predict", "run/best.safetensors", "rows.csv")
    assert result.code == 1 and "rows.csv:1:1: no column 'y'" in result.message
    assert mixent("predict", "run/best.safetensors", "rows.csv", "--views", "3").code == 2
    assert mixent("predict", "run/best.safetensors", "rows.csv", "--invert", "auto").code == 2


def test_a_run_goes_on_to_the_same_bytes(mixent, tmp_path, rings):
    more = ["--precision", "fp32", "--epochs", "60", "--set", "ema.decay=0.9"]
    assert mixent("train", *options(rings, *more, "--run", "whole")).code == 0
    whole = [(tmp_path / "whole" / name).read_bytes() for name in ("last.safetensors", "best.safetensors")]
    command = [PROGRAM, "train", *map(str, options(rings, *more)), "--run", "cut"]
    stopped = 0
    for _ in range(20):
        process = subprocess.Popen(command, cwd=tmp_path, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and not (tmp_path / "cut" / "last.safetensors").exists():
            time.sleep(0.002)
        time.sleep(0.03 + 0.04 * stopped)
        process.send_signal([signal.SIGTERM, signal.SIGKILL][stopped % 2])
        stopped += process.wait() != 0
        if (tmp_path / "cut" / "summary.json").exists():
            break
        command = [PROGRAM, "train", "--resume", "cut"]
    assert mixent("train", "--resume", "cut").code == 0
    assert stopped > 0
    assert whole == [(tmp_path / "cut" / name).read_bytes() for name in ("last.safetensors", "best.safetensors")]


def test_one_file_is_cut(mixent, tmp_path):
    write_rings(tmp_path / "rings.csv", 400, 0)
    table, labels = make_rings(400, 0)
    numpy.savez(tmp_path / "rings.npz", X=table.astype(numpy.float32), y=labels)
    for name in ("rings.csv", "rings.npz"):
        result = mixent("train", *options(name))
        assert result.code == 0, result.err
        assert json.loads((tmp_path / "runs" / "tabular-rings-ce-0" / "summary.json").read_text())["test"]["images"] == 81
        shown = mixent("data", "show", name)
        assert "319 train and 81 test rows of 3 features" in shown.out and "20 % of each class were set apart" in shown.out
        os.rename(tmp_path / "runs", tmp_path / f"runs-{name}")
    shown = mixent("data", "show", "rings.csv").out
    assert "noise" in shown and "inner" in shown and not list(tmp_path.glob("*.png"))
    # resumed by its whole path, from anywhere
    (tmp_path / "elsewhere").mkdir()
    again = mixent("train", "--resume", "../runs-rings.csv/tabular-rings-ce-0", directory=tmp_path / "elsewhere")
    assert again.code == 0, again.err


def test_images_in_npz_train_as_images(mixent, tmp_path, tiny_net):
    generator = numpy.random.default_rng(0)
    labels = numpy.arange(200) % 2
    images = generator.integers(0, 60, (200, 16, 16)).astype(numpy.uint8)
    images[labels == 1, 4:12, 4:12] += 150
    numpy.savez_compressed(tmp_path / "squares.npz", x_train=images[:150], y_train=labels[:150], x_test=images[150:], y_test=labels[150:])
    result = mixent("train", "--data", "squares.npz", "--net", tiny_net, "--epochs", "2", "--set", "batch=10", "--run", "run", "--json")
    assert result.code == 0, result.err
    assert read_last(result.out)["test"]["accuracy"] > 0.95
    assert mixent("data", "show", "squares.npz").code == 0 and (tmp_path / "squares.png").exists()
    result = mixent("train", "--data", "squares.npz", "--net", "mlp", "--epochs", "2", "--set", "batch=10", "--run", "mlp", "--json")
    assert result.code == 0 and read_last(result.out)["test"]["accuracy"] > 0.95


def test_rows_are_called_rows(mixent, tmp_path, rings):
    """In all that is printed of a table, and in a report but for its style and its script."""
    (tmp_path / "study.yaml").write_text(
        "name: small\nrecipe: tabular\nseeds: 2\nbaseline: ce\nset: {data: rings, epochs: 2}\nvariants:\n  ce: {}\n  mix-ent: {loss: {name: mix-ent}}\n")
    commands = [["data", "show", rings], ["train", *options("rings", "--run", "runs/a", "--epochs", "2")], ["eval", "a"], ["info", "a"], ["show", "a"],
                ["predict", "a", "rings/test.csv"], ["compare", "study.yaml"], ["train", *options("rings", "--set", "batch=1000")],
                ["report", "small", "--output", "study.html"], ["report", "a", "small/ce-0", "--output", "runs.html"]]
    for words in commands:
        done = mixent(*words)
        assert "image" not in (done.out + done.err).lower() and done.code == (2 if "batch=1000" in words else 0), (words, done.out, done.err)
    for page in ("study.html", "runs.html"):
        text = re.sub(r"<style.*?</style>|<script.*?</script>|<svg.*?</svg>|<[^>]*>", "", (tmp_path / page).read_text(), flags=re.DOTALL)
        assert "test rows" in text and "image" not in text.lower(), re.findall(".*image.*", text)
    (tmp_path / "runs/a/best.safetensors").unlink()  # an imported run has no model: its summary tells
    shown = mixent("show", "a").out
    assert "the 300 test rows" in shown and "rows/s" in shown


def test_what_makes_no_sense_is_refused(mixent, tmp_path, rings, bars):
    for more, said in ((["--set", "augment.rotation=5"], "augment.rotation: rings holds rows of features"),
                       (["--set", "test.views=3"], "test.views: rings holds rows of features"),
                       (["--net", "vgg5"], "for rows of features take the network mlp")):
        result = mixent("train", *options(rings, *more, "--run", "no"))
        assert result.code != 0 and said in result.message and not (tmp_path / "no").exists()
    assert "set it to 0, as --recipe tabular has it" in mixent("train", "--data", rings).message
    trained = mixent("train", *options(rings, "--transpose", "--run", "run"))
    assert trained.code == 0 and "unused-option: transpose has no effect: the data are rows of features" in trained.err
    best = "run/best.safetensors"
    assert "the model takes rows of 3 features (rings), bars holds images of 16x16 with 1 channel" in mixent("eval", best, "--data", bars).message
    assert "have but one" in mixent("eval", best, "--data", rings, "--views", "2").message
    assert "rings holds rows of features" not in mixent("data", "show", rings).out
    for words in (["--transpose"], ["--count", "3"], ["--split", "test"], ["--seed", "1"]):
        result = mixent("data", "show", rings, *words)
        assert result.code == 2 and f"data show: {words[0]} has no effect: rings holds rows of features" in result.message
    assert "rows of features are no images" in mixent("data", "show", rings, "--out", "a.png").message
    (tmp_path / "other").mkdir()
    write_rings(tmp_path / "other" / "data.csv", 100, 3, order=(1, 0, 2))
    assert "feature 1 of the model is 'x' (rings), in other it is 'y'" in mixent("eval", best, "--data", "other").message
    text = (rings / "train.csv").read_text()
    (tmp_path / "other" / "data.csv").write_text(text.replace("inner", "within"))
    assert "class 0 of the model is 'inner' (rings), in other it is 'middle'" in mixent("eval", best, "--data", "other").message
    (tmp_path / "other" / "data.csv").write_text(text.replace("1", "one", 1))
    assert "other/data.csv:2:" in mixent("eval", best, "--data", "other").message
    assert "none.csv: no such file" in mixent("eval", best, "--data", "none.csv").message
    (tmp_path / "no.npz").write_bytes(b"this is none")
    assert "no.npz: expected a zip archive, got a text file" in mixent("data", "show", "no.npz").message
    (tmp_path / "table.txt").write_text(text)
    assert "a file, not a data set" in mixent("data", "show", "table.txt").message


def test_columns_of_one_name(mixent, tmp_path, rings):
    """Each is read as the one it was in training, wherever it stands, and none as two."""
    write_rings(rings / "train.csv", 600, 0, names=("x", "x", "noise"))
    write_rings(rings / "test.csv", 300, 1, names=("x", "x", "noise"))
    assert mixent("train", *options("./rings", "--run", "run")).code == 0
    write_rings(tmp_path / "same.csv", 9, 2, names=("x", "x", "noise"), labels=False)
    write_rings(tmp_path / "moved.csv", 9, 2, names=("x", "x", "noise"), order=(2, 0, 1), labels=False)
    same, moved = mixent("predict", "run", "same.csv"), mixent("predict", "run", "moved.csv")
    assert same.code == 0 and same.out.replace("same.csv", "moved.csv") == moved.out
    write_rings(tmp_path / "fewer.csv", 9, 2, names=("x", "y", "noise"), labels=False)
    result = mixent("predict", "run", "fewer.csv")
    assert result.code == 1 and "reads more columns called 'x' than there are here" in result.message


def test_findings_in_a_table_have_lines(mixent, tmp_path):
    rows = [f"{0.1 * i:.1f},5,{'ab'[i % 2]}" for i in range(20)]
    (tmp_path / "table.csv").write_text("\n".join(["x,k,label", *rows, rows[3]]) + "\n")
    said = mixent("data", "check", "table.csv", "--no-labels", "--json")
    assert said.code == 0, said.err
    groups = json.loads(said.out)["duplicates"]
    assert [sorted(image["file"] for image in group["images"]) for group in groups] == [["table.csv:22", "table.csv:5"]]
    assert re.search(r"^k +5 +0$", mixent("data", "show", "table.csv").out, re.M)
