"""Trained models as people name and use them: a run in place of its checkpoint, many images of both formats, words in the wrong
order, and the temperature that the training fitted."""
import json
import shutil
import subprocess

import numpy
import pytest
from PIL import Image

from support import PROGRAM, TINY_NET, draw_images, environment, make_dataset, read_safetensors


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A directory with a run that is right about most images, and underconfident for want of training."""
    directory = tmp_path_factory.mktemp("predict")
    make_dataset(directory / "bars")
    (directory / "tiny.yaml").write_text(TINY_NET)
    done = subprocess.run([PROGRAM, "train", "--data", "bars", "--net", "tiny.yaml", "--epochs", "3", "--set", "batch=20", "--set",
                           "optimizer.learning_rate=0.02", "--set", "validation.fraction=0.2", "--precision", "fp32", "--run", "run"],
                          cwd=directory, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    images = directory / "images"
    (images / "deep" / "er").mkdir(parents=True)
    for index, pixels in enumerate(draw_images(numpy.arange(8) % 4, 16, 3)):
        Image.fromarray(pixels).save(images / ("" if index < 4 else "deep/er") / f"{index}.png")
    Image.fromarray(draw_images(range(4), 16, 5)[2]).save(images / "a.JPG", quality=95)
    Image.fromarray(draw_images(range(4), 16, 5)[1]).save(images / "b.jpeg", quality=95)
    return directory


@pytest.fixture
def mixent(mixent, place):
    return lambda *words: mixent(*words, directory=place)


def test_jpeg_folders_and_many_files(mixent, place):
    done = mixent("predict", "run", "images", "images/1.png", "--json")
    assert done.code == 0, done.err
    said = [json.loads(line) for line in done.out.splitlines()]
    assert [row["image"] for row in said] == [f"images/{name}" for name in (
        "0.png", "1.png", "2.png", "3.png", "a.JPG", "b.jpeg", "deep/er/4.png", "deep/er/5.png", "deep/er/6.png", "deep/er/7.png", "1.png")]
    found = [row["top"][0]["label"] for row in said]
    assert found[4] == 2 and found[5] == 1  # the JPEGs
    assert said[1]["top"] == said[10]["top"]
    assert sum(a == b for a, b in zip(found[:4] + found[6:10], [0, 1, 2, 3] * 2)) >= 6


def test_answers_stand_below_each_other(mixent, place, tmp_path):
    """Whatever letters a name has; what a terminal would obey is escaped."""
    for name in ("plain.png", "üñï.png", "a\nb.png"):
        shutil.copy(place / "images" / "0.png", tmp_path / name)
    done = mixent("predict", "run", *(tmp_path / name for name in ("plain.png", "üñï.png", "a\nb.png")))
    names = [f"{tmp_path}/{name}" for name in ("plain.png", "üñï.png", "a\\x0ab.png")]
    assert [line[:len(names[2])].rstrip() for line in done.out.splitlines()] == names
    assert len({line[len(names[2]):] for line in done.out.splitlines()}) == 1


def test_files_of_other_kinds_are_counted(mixent, place, tmp_path):
    for name in ("a.tif", "b.TIF", "c.heic", "deep/d.gif", "deep/e", ".hidden"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"no image that is read")
    said = "warning: passed-over: 5 files that are no .png, .jpg, .jpeg, .bmp or .webp (2 .tif, 1 .gif, 1 .heic, 1 other)"
    empty = mixent("predict", "run", tmp_path)
    assert empty.code == 1 and said in empty.err and f"{tmp_path}: no file in it ends in .png, .jpg, .jpeg, .bmp or .webp" in empty.err
    shutil.copy(place / "images" / "0.png", tmp_path)
    done = mixent("predict", "run", tmp_path)
    assert done.code == 0 and len(done.out.splitlines()) == 1 and said in done.err
    assert "passed-over" not in mixent("predict", "run", "images/0.png").err


def test_a_bad_file_does_not_hide_the_others(mixent, place):
    (place / "images" / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    try:
        done = mixent("predict", "run", "nothing.png", "images", "images/0.png")
        assert done.code == 1 and len(done.out.splitlines()) == 11
        assert "nothing.png: No such file" in done.err and "images/bad.png" in done.err
        assert mixent("predict", "run", "bars").code == 1  # a directory without any image
    finally:
        (place / "images" / "bad.png").unlink()


@pytest.mark.parametrize("choice, warned, turned", [(None, "--invert auto classifies their negatives", False), ("warn", "--invert auto", False),
                                                    ("auto", "classified as negatives", True), ("yes", None, True), ("no", None, False)])
def test_dark_on_light(mixent, place, choice, warned, turned):
    """Dark bars on white, where the model learnt light ones on black."""
    negatives = place / "negatives"
    negatives.mkdir(exist_ok=True)
    for index in range(4):
        pixels = numpy.asarray(Image.open(place / "images" / f"{index}.png"))
        Image.fromarray(255 - pixels).save(negatives / f"{index}.png")
    more = ["--invert", choice] if choice else []
    done = mixent("predict", "run", "negatives", "images/0.png", "--json", *more)
    assert done.code == 0
    said, plain = ([json.loads(line) for line in result.out.splitlines()] for result in (done, mixent("predict", "run", "images", "--json")))
    assert [row["inverted"] for row in said] == [turned] * 4 + [choice == "yes"]
    assert ([row["top"] for row in said[:4]] == [row["top"] for row in plain[:4]]) == turned
    if warned:
        assert done.err.startswith("mixent: warning: negatives/0.png and 3 more: light where the training images are dark, or dark where these are light; ")
        assert warned in done.err and len(done.err.splitlines()) == 1
    else:
        assert not done.err
    assert not mixent("predict", "run", "images").err  # nothing is said of images like those of the training


def test_images_that_are_not_square(mixent, place, tmp_path):
    """Training refuses them, predict stretches them: the answer comes with one warning, however many there are."""
    pixels = numpy.asarray(Image.open(place / "images" / "0.png"))
    for index in range(3):
        Image.fromarray(pixels[:12 + index]).save(tmp_path / f"{index}.png")
    done = mixent("predict", "run", "images/0.png", tmp_path)
    assert done.code == 0 and len(done.out.splitlines()) == 4
    assert done.err == (f"mixent: warning: {tmp_path}/0.png and 2 more: not square, so stretched, which training images never are; "
                        "crop to a square first\n")
    assert mixent("predict", "run", tmp_path / "1.png").err.startswith(f"mixent: warning: {tmp_path}/1.png: not square")


def test_more_images_than_are_read_together(mixent, place):
    done = mixent("predict", "run", *["images/0.png"] * 1100)
    lines = done.out.splitlines()
    assert done.code == 0 and len(lines) == 1100 and len(set(lines)) == 1


def test_a_run_in_place_of_its_checkpoint(mixent, place):
    for words in (["eval", "{}"], ["predict", "{}", "images"], ["info", "{}"], ["export", "{}", "--onnx", "model.onnx"]):
        by_run, by_file = (mixent(*[word.format(name) for word in words]) for name in ("run/", "run/best.safetensors"))
        assert by_run.code == by_file.code == 0, by_run.err
        assert by_run.out.replace("run//", "run/") == by_file.out
    assert mixent("export", "run", "--onnx", "model.onnx").out.startswith("wrote model.onnx (")


@pytest.mark.parametrize("words, message", [
    (["predict", "images/0.png", "run"], "images/0.png: expected a checkpoint or a run, got an image; the checkpoint comes first"),
    (["predict", "images/a.JPG", "images/0.png"], "got an image"),
    (["eval", "bars"], "bars: expected a checkpoint (.safetensors, .onnx) or the directory of a run"),
    (["eval", "model.pth"], "python -m mixent.convert"),
    (["eval", "run/recipe.yaml"], "the best.safetensors in it"),
    (["export", "model.onnx", "--onnx", "run/best.safetensors"], "--onnx would replace run/best.safetensors"),
    (["export", "run", "--onnx", "run/recipe.yaml"], "--onnx would replace run/recipe.yaml"),
    (["export", "run", "--onnx", "run/last.safetensors"], "--onnx would replace run/last.safetensors"),
    (["export", "run", "--onnx", "run/best.safetensors"], "is the checkpoint itself"),
    (["eval", "run", "--temperature", "0"], "expected 'fitted' or a number from 1e-06 to 1e+06, got '0'"),
    (["eval", "run", "--temperature", "warm"], "got 'warm'"),
    (["eval", "run/last.safetensors", "--temperature", "fitted"], "run/last.safetensors has none")])
def test_words_that_are_not_meant(mixent, place, words, message):
    before = [(place / "run" / name).read_bytes() for name in ("best.safetensors", "last.safetensors")]
    done = mixent(*words)
    assert done.code == 2 and message in done.message
    assert before == [(place / "run" / name).read_bytes() for name in ("best.safetensors", "last.safetensors")]


@pytest.mark.parametrize("key, value", [("std", "[0]"), ("std", "[-1]"), ("std", "[1e-300]"), ("std", "[1e99]"), ("mean", "[1e99]"),
                                        ("temperature", "[1e-99]"), ("temperature", "[1e99]"), ("temperature", "[-1]")])
def test_numbers_that_no_checkpoint_holds(mixent, place, key, value):
    """What divides pixels or logits is above 0, and finite as a float: else every probability would be NaN."""
    content = (place / "run/best.safetensors").read_bytes()
    held = read_safetensors(place / "run/best.safetensors")[1][key].encode()
    assert content.count(held) == 1 and len(held) >= len(value)
    (place / "wrong.safetensors").write_bytes(content.replace(held, value.encode().ljust(len(held))))
    for words in (["predict", "wrong.safetensors", "images/0.png", "--json"], ["eval", "wrong.safetensors", "--data", "bars"],
                  ["export", "wrong.safetensors", "--onnx", "wrong.onnx"]):
        done = mixent(*words)
        assert done.code == 1 and not done.out and f"'{key}' in its description is missing or wrong" in done.message
    assert not (place / "wrong.onnx").exists()


def scores(mixent, *words):
    return json.loads(mixent("eval", *words, "--json").out)


def test_the_temperature_that_show_reports_is_applied(mixent, place):
    assert mixent("show", "run").code == 0
    shown = json.loads((place / "run/result.json").read_text())
    fitted = json.loads(read_safetensors(place / "run/best.safetensors")[1]["temperature"])[0]
    assert fitted == pytest.approx(shown["temperature"]["temperature"], rel=1e-14) and fitted != 1
    shutil.copy(place / "run/best.safetensors", place / "alone.safetensors")  # the checkpoint alone brings it
    plain, warm = scores(mixent, "run"), scores(mixent, "alone.safetensors", "--data", "bars", "--temperature", "fitted")
    assert warm["accuracy"] == plain["accuracy"] and warm["nll"] < plain["nll"] and warm["ece"] < plain["ece"]
    assert warm["temperature"] == pytest.approx(fitted) and plain["temperature"] == 1
    assert warm["nll"] == pytest.approx(shown["test_calibrated"]["nll"], rel=1e-6)
    assert scores(mixent, "run", "--temperature", "1") == plain
    assert scores(mixent, "run", "--temperature", repr(fitted))["nll"] == pytest.approx(warm["nll"], rel=1e-9)
    # predictions: the same order of classes, and softmax(logits / T)
    one, other = (json.loads(mixent("predict", "run", "images/0.png", "--json", *words).out)["top"]
                  for words in ([], ["--temperature", "0.5"]))
    assert [row["label"] for row in one] == [row["label"] for row in other]
    assert other[0]["probability"] / other[1]["probability"] == pytest.approx(
        (one[0]["probability"] / one[1]["probability"]) ** 2, rel=1e-4)


def test_a_run_without_held_out_images_has_none(mixent, place):
    done = mixent("train", "--data", "bars", "--net", "tiny.yaml", "--epochs", "1", "--set", "batch=20", "--set", "validation.fraction=0",
                  "--precision", "fp32", "--run", "bare")
    assert done.code == 0, done.err
    assert "temperature" not in read_safetensors(place / "bare/best.safetensors")[1]
    assert "bare/best.safetensors has none" in mixent("eval", "bare", "--temperature", "fitted").message
