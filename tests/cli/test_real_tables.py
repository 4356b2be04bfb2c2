"""Tables as they come, from file to prediction: words, gaps, decimal commas; what training found is what predict, eval, resume and
the ONNX file have."""

import csv
import io
import json
import random

import numpy
import pytest

from events import read_last

KINDS = {"cat": (4, ["black", "red"], 4), "dog": (20, ["brown", "black"], 4), "owl": (1, ["grey", "brown"], 2)}


def make_rows(count, seed, gaps=0.1):
    generator = random.Random(seed)
    rows = []
    for i in range(count):
        kind = list(KINDS)[i % 3]
        weight, colours, legs = KINDS[kind]
        row = [f"{weight + generator.gauss(0, 1):.2f}", generator.choice(colours), str(legs)]
        rows.append([generator.choice(["", "NA", "?"]) if generator.random() < gaps else cell for cell in row] + [kind])
    return rows


def write_table(path, rows, separator=",", comma=False, header=("weight", "colour", "legs", "kind"), bom=""):
    with open(path, "w", newline="", encoding="utf-8") as file:
        file.write(bom)
        writer = csv.writer(file, delimiter=separator)
        writer.writerow(header)
        writer.writerows([[cell.replace(".", ",") if comma else cell for cell in row] for row in rows])


def options(data, *more):
    return ["--recipe", "tabular", "--data", data, "--epochs", "15", "--precision", "fp32", "missing=impute", *more]


def read_csv(text):
    return list(csv.DictReader(io.StringIO(text)))


@pytest.fixture
def animals(mixent, tmp_path):
    write_table(tmp_path / "tiere.csv", make_rows(300, 1), ";", comma=True, bom="\ufeff")
    result = mixent("train", *options("tiere.csv", "--run", "run", "--json"))
    assert result.code == 0, result.err
    return read_last(result.out)


def test_words_and_gaps_from_file_to_prediction(mixent, tmp_path, animals):
    assert animals["test"]["accuracy"] > 0.9
    shown = mixent("data", "show", "tiere.csv", "missing=impute").out
    assert "240 train and 60 test rows of 9 features" in shown and "colour=grey" in shown and "weight is missing" in shown
    assert json.loads(mixent("eval", "run", "--json").out)["accuracy"] == animals["test"]["accuracy"]
    rows = make_rows(90, 2)
    write_table(tmp_path / "rows.csv", [row[::-1] for row in rows], header=("kind", "legs", "colour", "weight"))  # another order, commas
    write_table(tmp_path / "zeilen.csv", [row[:3] for row in rows], ";", True, ("weight", "colour", "legs"))  # no labels
    found = [read_csv(mixent("predict", "run", name, "--csv").out) for name in ("rows.csv", "zeilen.csv")]
    assert list(found[0][0]) == ["file", "row", "class", "p(cat)", "p(dog)", "p(owl)"]
    assert numpy.mean([line["class"] == row[3] for line, row in zip(found[0], rows)]) > 0.9
    for line, other in zip(*found):
        assert {**line, "file": ""} == {**other, "file": ""}
        chances = [float(line[f"p({kind})"]) for kind in KINDS]
        assert abs(sum(chances) - 1) < 1e-5 and list(KINDS)[int(numpy.argmax(chances))] == line["class"]
    scores = json.loads(mixent("eval", "run", "--data", "rows.csv", "--json").out)  # by the model's encoder, not one of its own
    assert scores["accuracy"] > 0.9
    assert mixent("predict", "run", "rows.csv", "--csv", "--json").code == 2


def test_what_training_did_not_see(mixent, tmp_path, animals):
    (tmp_path / "new.csv").write_text("weight,colour,legs\n1,purple,2\n,,\n20,green,4\n")
    result = mixent("predict", "run", "new.csv", "--csv")
    assert result.code == 0 and len(read_csv(result.out)) == 3
    assert "unseen-category: new.csv:2: 'purple' in column 'colour' (and 1 more cell) is in no train row" in result.err
    (tmp_path / "new.csv").write_text("weight,colour\n1,red\n")
    assert "new.csv:1:1: no column 'legs', which the model reads" in mixent("predict", "run", "new.csv").message
    (tmp_path / "new.csv").write_text("weight,colour,legs\nheavy,red,4\n")
    assert "new.csv:2:1: 'heavy' in column 'weight' is not a number" in mixent("predict", "run", "new.csv").message


def test_the_encoder_goes_with_the_model(mixent, tmp_path, animals):
    """Into one file, an ensemble and ONNX; a run is resumed to the same bytes."""
    assert mixent("export", "run", "--onnx", "model.onnx").code == 0
    assert b'"kind":"category"' in (tmp_path / "model.onnx").read_bytes()
    assert mixent("train", *options("tiere.csv", "--run", "other", "--seed", "1")).code == 0
    assert mixent("export", "run", "other", "--safetensors", "both.safetensors").code == 0
    write_table(tmp_path / "rows.csv", make_rows(9, 2))
    both = [mixent("predict", *words, "rows.csv", "--csv").out for words in (["both.safetensors"], ["run", "other"])]
    assert both[0] == both[1] and len(both[0].splitlines()) == 10
    write_table(tmp_path / "light.csv", make_rows(300, 5))
    assert mixent("train", *options("light.csv", "--run", "light")).code == 0
    refused = mixent("predict", "run", "light", "rows.csv")
    assert refused.code == 2 and "only models of the same data make one ensemble" in refused.message
    last = (tmp_path / "run" / "last.safetensors").read_bytes()
    assert mixent("train", "--resume", "run").code == 0 and (tmp_path / "run" / "last.safetensors").read_bytes() == last


@pytest.mark.parametrize("rows", [False, True])
def test_arrays_with_a_validation_part(mixent, tmp_path, tiny_net, rows):
    """x_val chooses the best epoch, in place of a cut of train; of rows its gaps are filled as train's are."""
    generator, counts, names = numpy.random.default_rng(0), (60, 20, 20), ("train", "val", "test")
    arrays = {}
    for name, count in zip(names, counts):
        x = generator.random((count, 5)) if rows else generator.integers(0, 256, (count, 16, 16)).astype(numpy.uint8)
        if rows:
            x[generator.random(x.shape) < 0.1] = numpy.nan
        arrays |= {f"x_{name}": x, f"y_{name}": numpy.arange(count)[:, None] % 2}
    numpy.savez(tmp_path / "set.npz", **arrays)
    words = ["missing=impute"] if rows else []
    shown = mixent("data", "show", "set.npz", *words)
    assert shown.code == 0 and "60 train, 20 validation and 20 test" in shown.out, shown
    net = ["--recipe", "tabular"] if rows else ["--net", tiny_net]
    trained = mixent("train", "--data", "set.npz", *net, "batch=20", "--epochs", "1", "--threads", "1", *words, "--run", "run")
    assert trained.code == 0, trained.err
    for part in "validation", "test":
        assert f"20 {part}" in mixent("eval", "run", "--split", part).out
    numpy.savez(tmp_path / "set.npz", **{**arrays, "x_val": numpy.zeros((20, 7))})
    assert "what x_train holds and what x_val holds are of different shapes" in mixent("data", "show", "set.npz", *words).message
    del arrays["y_val"]
    numpy.savez(tmp_path / "set.npz", **arrays)
    assert "no array y_val in it" in mixent("data", "show", "set.npz", *words).message


def test_a_test_table_without_labels(mixent, tmp_path):
    """As competitions give them."""
    (tmp_path / "set").mkdir()
    (tmp_path / "set/train.csv").write_text("id,x,kind\n" + "".join(f"{i * i},{i % 7},{'ab'[i % 2]}\n" for i in range(40)))
    (tmp_path / "set/test.csv").write_text("id,x\n1,2\n3,4\n")
    message = mixent("data", "show", "./set").message
    assert "test.csv:1:1: no column 'kind' with the labels" in message and "'mixent predict'" in message
    assert mixent("data", "show", "set/train.csv").code == 0


def test_a_check_reads_as_training_does(mixent, tmp_path):
    """Words, gaps and the column of the labels: for the check itself and for the runs on its folds."""
    rows = make_rows(120, 3)
    rows[0][3] = "owl"  # it was a cat
    write_table(tmp_path / "tiere.csv", [[row[3], *row[:3]] for row in rows], ";", comma=True, header=("kind", "weight", "colour", "legs"))
    assert "is missing" in mixent("data", "check", "tiere.csv", "label=kind").message
    checked = mixent("data", "check", "tiere.csv", "label=kind", "missing=impute", "--folds", "2", "--epochs", "15", "--json")
    assert checked.code == 0, checked.err
    assert json.loads(checked.out)["labels_checked"] == 96


def test_images_have_no_columns(mixent, tmp_path, bars, tiny_net):
    result = mixent("train", "--data", bars, "--net", tiny_net, "--epochs", "1", "label=kind", "missing=impute", "--run", "run")
    assert result.code == 0
    for key in ("label", "missing"):
        assert f"unused-option: {key} has no effect: the data are images, not a table" in result.err
    result = mixent("data", "show", bars, "epochs=3")
    assert result.code == 2 and "epochs does not say how data are read" in result.message
    image = next((bars if hasattr(bars, "rglob") else tmp_path / bars).rglob("*.png"), None)
    if image:
        lines = read_csv(mixent("predict", "run", image, "--csv").out)
        assert list(lines[0])[:2] == ["file", "class"] and len(lines) == 1


@pytest.mark.parametrize("option", ["label: kind", "missing: impute", "categories: legs", "leave_out: legs", "separator: tab", "decimal: comma", "header: yes"])
def test_variants_share_their_rows(mixent, tmp_path, option):
    (tmp_path / "study.yaml").write_text(f"name: small\nrecipe: tabular\nseeds: 2\nbaseline: ce\nset: {{data: t.csv}}\nvariants:\n  ce: {{}}\n  other: {{{option}}}\n")
    result = mixent("compare", "study.yaml")
    assert result.code == 1 and f"study.yaml:8:11: {option.split(chr(58))[0]}: all variants share their images" in result.message
