"""Data sets at the command line: listed, shown, found, fetched, and refused where they lie."""
import gzip
import json
import re
import shutil

import numpy
import pytest
from support import make_dataset, make_folders, write_idx
from PIL import Image


def test_data_list(mixent, tmp_path):
    make_dataset(tmp_path / "sets" / "mnist")
    lines = [json.loads(line) for line in mixent("data", "list", "--data-dir", "sets", "--json").out.splitlines()]
    found = {line["name"]: line["directory"] for line in lines}
    assert found["mnist"] == "sets/mnist" and len(found) == 10 and {"emnist-letters", "emnist-byclass", "mnist", "fashion-mnist", "cifar-10", "cifar-100"} <= set(found)
    text = mixent("data", "list", MIXENT_DATA=str(tmp_path / "sets")).out
    assert f"{tmp_path}/sets/mnist" in text and "mixent data get emnist-letters" in text


def test_data_set_that_is_nowhere_says_how_to_get_it(mixent):
    result = mixent("data", "show", "emnist-letters")
    assert result.code == 1 and "mixent data get emnist-letters" in result.err


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_data_show(mixent, tmp_path, suffix):
    make_dataset(tmp_path / "mine", prefix="mine-", suffix=suffix, first_label=3)
    result = mixent("data", "show", "./mine", "--count", "10", "--out", "sheet.png")
    assert result.code == 0 and "400 train and 200 test images of 16 x 16" in result.out
    assert [line.split() for line in result.out.splitlines()[3:7]] == [[str(k), str(k), "100", "50"] for k in range(3, 7)]
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width > 10 * 16
    assert "10 of the train images" in result.out


@pytest.mark.parametrize("ending", [".png", ".jpg"])
def test_folders_of_images(mixent, tmp_path, tiny_net, ending):
    """Pictures in folders are shown, trained and scored; their archive is the same data set."""
    directory = make_folders(tmp_path / "bars", ending)
    assert mixent("data", "show", "./bars", "--out", "folders.png").code == 0
    (tmp_path / "packed").mkdir()
    shutil.make_archive(str(tmp_path / "packed" / "bars"), "gztar", tmp_path, "bars")
    result = mixent("data", "show", "./packed", "--out", "packed.png")
    assert result.code == 0 and "120 train and 120 test images of 16 x 16 colour pixels" in result.out
    assert re.search(r"1 +red +60 +60", result.out)
    assert (tmp_path / "folders.png").read_bytes() == (tmp_path / "packed.png").read_bytes()
    words = ["--net", tiny_net, "--set", "batch=20", "--epochs", "4", "--run", "run", "--threads", "1"]
    assert mixent("train", "--data", "./bars", *words).code == 0
    result = mixent("eval", "run/best.safetensors", "--data", "./packed", "--json")
    assert result.code == 0 and json.loads(result.out)["accuracy"] > 0.95
    picture = next((directory / "test" / "red").iterdir())
    picture.write_bytes(picture.read_bytes()[:-40])
    result = mixent("data", "show", "./bars")
    assert result.code == 1 and picture.name in result.message and "truncated" in result.message


def test_what_is_passed_over_is_said_once(mixent, tmp_path, tiny_net):
    """Nothing vanishes without a word: kinds that are not read are counted by `data show` and `train`; an image lies at any depth."""
    directory = make_folders(tmp_path / "bars", ".png")
    (directory / "train" / "red" / "more").mkdir()
    for number, picture in enumerate(sorted((directory / "train" / "red").glob("*.png"))[:10]):
        if number < 7:
            picture.rename(picture.parent / "more" / picture.name)
        else:
            Image.open(picture).save(picture.with_suffix(".gif"))
    said = "mixent: warning: passed-over: 3 files that are no .png, .jpg, .jpeg, .bmp or .webp (3 .gif)"
    result = mixent("data", "show", "./bars", "--out", "sheet.png")
    assert result.code == 0 and result.err.splitlines() == [said] and "120 train" in result.out
    result = mixent("train", "--data", "./bars", "--net", tiny_net, "--set", "batch=20", "--epochs", "1", "--run", "run", "--threads", "1")
    assert result.code == 0 and result.err.count(said) == 1 and result.err.count("passed-over") == 1
    assert "passed-over" not in mixent("eval", "run/best.safetensors").err
    for picture in (directory / "test" / "blue").iterdir():
        picture.unlink()
    result = mixent("data", "show", "./bars")
    assert result.code == 1 and "no .png, .jpg, .jpeg, .bmp or .webp in the class folder test/blue (0 other files)" in result.message


def test_colours_of_print(mixent, tmp_path):
    directory = make_folders(tmp_path / "bars", ".jpg")
    first = sorted((directory / "train").rglob("*.jpg"))[0]
    Image.open(first).convert("CMYK").save(first)
    result = mixent("data", "show", "./bars")
    assert result.code == 0 and not result.err and "colour" in result.out


def test_cifar(mixent, tmp_path):
    directory = tmp_path / "sets" / "cifar-10-batches-bin"
    directory.mkdir(parents=True)
    for name in [f"data_batch_{k}.bin" for k in range(1, 6)] + ["test_batch.bin"]:
        (directory / name).write_bytes(b"".join(bytes([k]) + bytes([20 * k, 0, 9]) * 1024 for k in range(10)))
    result = mixent("data", "show", "cifar-10", "--data-dir", "sets")
    assert result.code == 0 and "50 train and 10 test images of 32 x 32 colour" in result.out
    assert re.search(r"9 +truck +5 +1", result.out)
    (directory / "data_batch_4.bin").unlink()
    result = mixent("data", "show", "cifar-10", "--data-dir", "sets")
    assert result.code == 1 and "data_batch_4.bin" in result.err


def test_data_show_transposes(mixent, tmp_path):
    """An image with one bright corner moves when it is transposed."""
    directory = make_dataset(tmp_path / "corner", train=8, test=8)
    images = numpy.zeros((8, 16, 16))
    images[:, 0:4, 12:16] = 255
    write_idx(directory / "train-images-idx3-ubyte", images)
    assert mixent("data", "show", "./corner", "--out", "plain.png").code == 0
    assert mixent("data", "show", "./corner", "--transpose", "--out", "transposed.png").code == 0
    plain, transposed = (numpy.asarray(Image.open(tmp_path / f"{name}.png").convert("L")) for name in ("plain", "transposed"))
    assert plain.shape == transposed.shape
    rows, columns = numpy.nonzero(plain < 30)  # the images are dark on a light sheet; the first begins here
    top, left = rows.min(), columns.min()
    side = int(numpy.argmin(plain[top:, left] < 30))  # its left edge is dark from top to bottom
    tile = (slice(top, top + side), slice(left, left + side))
    assert side >= 16 and plain[tile][0, -1] > 200  # the bright corner
    assert (numpy.abs(plain[tile].T.astype(int) - transposed[tile]) < 2).all()


def test_data_get_without_a_server(mixent, tmp_path):
    result = mixent("data", "get", "emnist-letters", "--directory", "got", "--address", "http://127.0.0.1:9/none.zip")
    assert result.code == 1 and "127.0.0.1:9" in result.message and not result.out
    result = mixent("data", "get", "emnist-leters")
    assert result.code == 2 and "did you mean emnist-letters?" in result.message


def truncate_gzip(directory):
    path = directory / "train-images-idx3-ubyte"
    data = gzip.compress(path.read_bytes())
    path.unlink()
    path = path.with_name(path.name + ".gz")
    path.write_bytes(data[: len(data) // 2])
    return path.name, "end"


def spoil_test_label(directory):
    write_idx(directory / "test-labels-idx1-ubyte", [9] * 200)
    return "test-labels-idx1-ubyte", "9"


def drop_labels(directory):
    write_idx(directory / "train-labels-idx1-ubyte", [0, 1, 2, 3])
    return "train-", "400"


def empty_file(directory):
    (directory / "test-images-idx3-ubyte").write_bytes(b"")
    return "test-images-idx3-ubyte", "empty|0 bytes|short|zero"


def put_directory(directory):
    (directory / "train-images-idx3-ubyte").unlink()
    (directory / "train-images-idx3-ubyte").mkdir()
    return "train-images-idx3-ubyte", "directory"


def remove_file(directory):
    (directory / "test-labels-idx1-ubyte").unlink()
    return "bars", "test-labels-idx1-ubyte"


def make_small(directory):
    write_idx(directory / "train-images-idx3-ubyte", numpy.zeros((400, 8, 8)))
    return "train-images-idx3-ubyte", "16"


@pytest.mark.parametrize("damage", [truncate_gzip, spoil_test_label, drop_labels, empty_file, put_directory, remove_file,
                                    make_small])
def test_bad_data_is_refused(mixent, tmp_path, bars, tiny, damage):
    name, said = damage(bars)
    for command in (["data", "show", "./bars"], ["train", *tiny, "--run", "run"]):
        result = mixent(*command)
        assert result.code == 1 and not result.out, result
        assert name in result.message and re.search(said, result.message), result.message
    assert not (tmp_path / "run").exists()
