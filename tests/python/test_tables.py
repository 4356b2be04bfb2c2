"""Data sets in CSV and NumPy's archives, as Python writes them: what is read back is what was written."""

import csv
import json
import os
import subprocess

import numpy
import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("MIXENT_BUILD", os.path.join(ROOT, "build", "release"))
TOOL = os.path.join(BUILD, "tests", "data_dump")
SEEDS = range(12)


def complaint(path, *options):
    done = subprocess.run([TOOL, path, *options], capture_output=True)
    assert done.returncode == 1, done.stdout[:200]
    return done.stderr.decode()


def dump(path, *options):
    """(class names, feature names, [(labels, values) of train and test])."""
    if not os.path.exists(TOOL):
        pytest.skip("tests/tools/data_dump is not built")
    done = subprocess.run([TOOL, path, *options], capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    first, classes, features, data = done.stdout.split(b"\n", 3)
    count, side, channels, train, test, kind = first.decode().split()
    names = [line.decode().split("\t")[:-1] for line in (classes, features)]
    assert len(names[0]) == int(count)
    shape, parts = (int(side), int(side), int(channels)), []
    for rows in (int(train), int(test)):
        labels = numpy.frombuffer(data, numpy.int32, rows)
        data = data[labels.nbytes :]
        values = numpy.frombuffer(data, numpy.float32 if kind == "float" else numpy.uint8, rows * shape[0] * shape[1] * shape[2])
        data = data[values.nbytes :]
        parts.append((labels, values.reshape(rows, *shape)))
    assert not data
    return names[0], names[1], parts


def write_csv(path, names, table, labels, place, generator, quoting):
    """The label as column `place`; random line ends, blank lines and a byte order mark."""
    with open(path, "w", newline="", encoding=generator.choice(["utf-8", "utf-8-sig"])) as file:
        writer = csv.writer(file, lineterminator=str(generator.choice(["\n", "\r\n"])), quoting=quoting)
        if names:
            writer.writerow([*names[:place], "class", *names[place:]])
        for row, label in zip(table, labels):
            cells = [generator.choice([f"{value!r}", f"{value:.17e}", f"{value:+.20g}"]) for value in row.tolist()]
            writer.writerow([*cells[:place], label, *cells[place:]])
            if generator.random() < 0.1:
                file.write("\n")


@pytest.mark.parametrize("seed", SEEDS)
def test_csv_is_read_as_it_was_written(tmp_path, seed):
    generator = numpy.random.default_rng(seed)
    features, classes = int(generator.integers(1, 9)), int(generator.integers(2, 6))
    alphabet = numpy.array(list('abc,"\n é€𝛼;\t0'))
    words = ["".join(["x", *generator.choice(alphabet, 5), "x"]) for _ in range(3 * classes)]
    words = sorted(set(words), key=str.encode)[:classes] if seed % 2 else [str(k) for k in range(classes)]
    names = [f"{k} " + "".join(generator.choice(alphabet, 4)) + "." for k in range(features)] if seed % 3 else None
    names = [name.replace("\n", "").replace("\t", "") for name in names] if names else None
    words = [word.replace("\n", "/").replace("\t", "/") for word in words]  # the tool's lines end at these
    words = sorted(set(words), key=str.encode)
    place = int(generator.integers(0, features + 1)) if names else features
    written = []
    for part in ("train", "test"):
        rows = int(generator.integers(60, 90))
        table = generator.normal(0, 10.0 ** generator.integers(-20, 20, features), (rows, features))
        labels = numpy.arange(rows) % len(words)
        write_csv(tmp_path / f"{part}.csv", names, table, [words[k] for k in labels], place, generator,
                  int(generator.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])))
        written.append((labels, table))
    found_words, found_names, parts = dump(tmp_path)
    assert found_words == words
    assert found_names == (names or [])
    for (labels, table), (found_labels, values) in zip(written, parts):
        assert (labels == found_labels).all()
        assert (values[:, 0, 0] == table.astype(numpy.float32)).all()


TYPES = ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8", ">f4", ">i2", ">f8"]


@pytest.mark.parametrize("save", [numpy.savez, numpy.savez_compressed])
@pytest.mark.parametrize("seed", SEEDS)
def test_npz_is_read_as_it_was_written(tmp_path, seed, save):
    generator = numpy.random.default_rng(seed)
    features, arrays, written = int(generator.integers(1, 9)), {}, []
    for part in ("train", "test"):
        rows, kind = int(generator.integers(5, 50)), generator.choice(TYPES)
        table = (generator.normal(0, 30, (rows, features)) + (100 if "u" in kind else 0)).clip(-120, 250).astype(kind)
        labels = (numpy.arange(rows) % 3 * 5).astype(generator.choice(TYPES))
        arrays[f"x_{part}"] = generator.choice([numpy.ascontiguousarray, numpy.asfortranarray])(table)
        arrays[f"y_{part}"] = labels[:, None] if generator.random() < 0.5 else labels
        written.append((labels, table))
    save(tmp_path / "set.npz", more=numpy.arange(3), **arrays)
    words, names, parts = dump(tmp_path / "set.npz")
    assert words == ["0", "5", "10"] and not names
    for (labels, table), (found_labels, values) in zip(written, parts):
        assert (found_labels == labels / 5).all()
        assert (values[:, 0, 0] == table.astype(numpy.float32)).all()


@pytest.mark.parametrize("channels", [None, 1, 3])
@pytest.mark.parametrize("order", ["C", "F"])
def test_images_in_npz(tmp_path, channels, order):
    """As Keras has MNIST and CIFAR-10: bytes, labels perhaps as a column."""
    generator = numpy.random.default_rng(1)
    shape = (20, 20) if channels is None else (20, 20, channels)
    images = [numpy.array(generator.integers(0, 256, (rows, *shape)), numpy.uint8, order=order) for rows in (30, 10)]
    labels = [numpy.arange(len(part), dtype=numpy.uint8) % 2 for part in images]
    numpy.savez(tmp_path / "set.npz", x_train=images[0], y_train=labels[0][:, None], x_test=images[1], y_test=labels[1][:, None])
    _, _, parts = dump(tmp_path)
    for k in range(2):
        assert parts[k][1].dtype == numpy.uint8
        assert (parts[k][1] == images[k].reshape(-1, 20, 20, channels or 1)).all()
        assert (parts[k][0] == labels[k]).all()


RULES = {  # numbers of an image, and the pixels that they become
    "unit": (lambda pixels: pixels / 255, lambda numbers: numbers * 255, "from 0 to 1"),
    "half": (lambda pixels: (pixels / 255).astype("f2"), lambda numbers: numbers.astype(float) * 255, "from 0 to 1"),
    "bytes": (lambda pixels: pixels.astype("f4"), lambda numbers: numbers, "from 0 to 255"),
    "symmetric": (lambda pixels: pixels / 127.5 - 1, lambda numbers: (numbers + 1) * 127.5, "from -1 to 1"),
    "whole": (lambda pixels: pixels.astype("i8"), lambda numbers: numbers, None),
    "deep": (lambda pixels: pixels.astype("u2") * 257, lambda numbers: numbers / 257, "of 16 bits"),
    "bool": (lambda pixels: pixels > 128, lambda numbers: numbers * 255.0, None),
    "standard": (lambda pixels: ((pixels / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]).astype("f4"), None, "each channel's lowest"),
}


@pytest.mark.parametrize("first", [False, True], ids=["NHWC", "NCHW"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("rule", RULES)
def test_images_of_other_numbers(tmp_path, rule, order, first):
    """Channels last or first; what the pixels were that a standardised image was made of is found again."""
    encode, decode, _ = RULES[rule]
    generator = numpy.random.default_rng(2)
    pixels = [generator.integers(0, 256, (rows, 16, 16, 3)).astype(numpy.uint8) for rows in (30, 10)]
    pixels[0][0, 0, 0] = pixels[0][1, 3, 3] = 0
    pixels[0][0, 0, 1] = 255
    numbers = [encode(part.astype(float)) for part in pixels]
    expected = [numpy.rint(decode(part)).astype(numpy.uint8) for part in numbers] if decode else pixels
    shaped = [numpy.array(part.transpose(0, 3, 1, 2) if first else part, order=order) for part in numbers]
    numpy.savez(tmp_path / "set.npz", train_images=shaped[0], train_labels=numpy.arange(30) % 2, test_images=shaped[1], test_labels=numpy.arange(10) % 2)
    _, _, parts = dump(tmp_path)
    for k in range(2):
        assert (parts[k][1] == expected[k]).all()


def test_train_and_test_in_one_range(tmp_path):
    """Bytes divided by 255 in one part alone would be black images."""
    bytes_, labels = numpy.random.default_rng(3).integers(0, 256, (20, 16, 16)).astype(numpy.uint8), numpy.arange(20) % 2
    for train, test in ((bytes_, bytes_ / 255), (bytes_ / 255, bytes_), (bytes_ / 255.0, bytes_.astype(float)), (bytes_ / 127.5 - 1, bytes_ / 255)):
        numpy.savez(tmp_path / "set.npz", x_train=train, y_train=labels, x_test=test, y_test=labels)
        said = complaint(tmp_path / "set.npz")
        assert "x_test: numbers" in said and "scale both in the same way" in said, said
    numpy.savez(tmp_path / "set.npz", x_train=bytes_, y_train=labels, x_test=bytes_.astype(float), y_test=labels)
    _, _, parts = dump(tmp_path / "set.npz")
    assert (parts[0][1] == parts[1][1]).all()


@pytest.mark.parametrize("kind", ["U", "S", "one-hot", "one-hot f4", "bool", "column of U"])
def test_labels_of_any_kind(tmp_path, kind):
    words = numpy.array(["tea", "café" if "U" in kind else "cafe", "water"])
    labels = numpy.arange(40) % 3
    table = numpy.arange(40.0)[:, None]
    made = {"U": lambda: words[labels], "column of U": lambda: words[labels][:, None], "S": lambda: words[labels].astype("S"),
            "one-hot": lambda: numpy.eye(3, dtype=int)[labels], "one-hot f4": lambda: numpy.eye(3, dtype="f4")[labels], "bool": lambda: labels > 0}
    numpy.savez(tmp_path / "set.npz", table, made[kind]())  # arr_0 and arr_1
    found, _, parts = dump(tmp_path / "set.npz")
    text = kind[-1] in "US"
    assert found == (sorted(words) if text else ["0", "1"] if kind == "bool" else ["0", "1", "2"])
    for classes, values in parts:
        truth = values[:, 0, 0, 0].astype(int) % 3
        assert [found[k] for k in classes] == [words[k] if text else str(min(k, 1)) if kind == "bool" else str(k) for k in truth]


def test_arrays_that_are_no_data(tmp_path):
    table, images, labels = numpy.zeros((4, 2)), numpy.zeros((4, 16, 16, 3)), numpy.arange(4) % 2
    for x, y, said in ((table, numpy.full((4, 2), 0.5), "y[0]: expected a label, as one number, or as 2 of which one is 1 and the others 0"),
                       (table, numpy.array(["a", "", "b", "a"]), "y[1]: the label is missing (empty or nan)"),
                       (table, numpy.array(["a", "b", "c", "d"], object), "Python objects; save numbers, or texts with labels.astype(str)"),
                       (table.astype(str), labels, "its elements are texts"),
                       (numpy.zeros((4, 16, 16, 4)), labels, "with 4 channels; they must be square"),
                       (numpy.zeros((4, 16, 20)), labels, "images of 16 x 20"),
                       (images + numpy.nan, labels, "X[0] holds nan; pixels are finite numbers"),
                       (images.astype("i4") - 5, labels, "whole numbers from -5 to -5; expected pixels from 0 to 255"),
                       (numpy.zeros((4, 3, 3, 3)), labels, "of side 16 to 256")):
        numpy.savez(tmp_path / "set.npz", X=x, y=y)
        assert said in complaint(tmp_path / "set.npz"), said


def test_gaps_in_arrays_are_filled(tmp_path):
    table = numpy.array([[1, 5], [numpy.nan, 6], [3, 7], [10, 8], [2, 9]] * 4)
    numpy.savez(tmp_path / "set.npz", x_train=table, y_train=numpy.arange(20) % 2, x_test=table + 1, y_test=numpy.arange(20) % 2)
    assert "x_train[1, 0] is nan" in complaint(tmp_path / "set.npz")
    _, names, parts = dump(tmp_path / "set.npz", "missing=impute")
    assert names == ["1", "1 is missing", "2"]
    assert parts[0][1][:2, 0, 0].tolist() == [[1, 0, 5], [2.5, 1, 6]] and parts[1][1][1, 0, 0].tolist() == [2.5, 1, 7]


def test_a_set_in_one_part_is_cut_the_same_way(tmp_path):
    """Each row is in one part with its label, a fifth of each class in test; CSV and NPZ cut alike."""
    rows = 97
    labels = numpy.arange(rows) % 3
    table = numpy.arange(rows, dtype=float)[:, None]
    numpy.savez(tmp_path / "one.npz", X=table, y=labels)
    write_csv(tmp_path / "one.csv", None, table, labels, 1, numpy.random.default_rng(0), csv.QUOTE_MINIMAL)
    first, second = dump(tmp_path / "one.npz")[2], dump(tmp_path / "one.csv")[2]
    for k in range(2):
        assert (first[k][0] == second[k][0]).all() and (first[k][1] == second[k][1]).all()
        assert (first[k][0] == first[k][1][:, 0, 0, 0] % 3).all()
    assert sorted(numpy.concatenate([part[1].reshape(-1) for part in first])) == list(range(rows))
    assert numpy.bincount(first[1][0]).tolist() == [7, 6, 6]


with open(os.path.join(ROOT, "tests", "golden", "encoder.json"), encoding="utf-8") as golden:
    ENCODED = json.load(golden)


@pytest.mark.parametrize("case", ENCODED)
def test_gaps_and_words_are_encoded_as_by_scikit_learn(tmp_path, case):
    """The values of SimpleImputer with its indicator and of OneHotEncoder (tests/golden/make_encoder.py)."""
    for part in ("train.csv", "test.csv"):
        (tmp_path / part).write_text(case[part], encoding="utf-8")
    _, names, parts = dump(tmp_path, "missing=impute")
    assert names == case["names"]
    for (_, values), part in zip(parts, ("train", "test")):
        assert (values[:, 0, 0] == numpy.array(case[part], numpy.float32)).all()
