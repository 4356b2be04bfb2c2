"""Photographs: pictures of every size, kind and mode in class folders and archives, split, trained on, predicted as they were trained on."""
import io
import json
import re
import shutil
import struct
import zipfile
import zlib

import numpy
import pytest
from PIL import Image

KINDS = [("RGB", ".jpg", {}), ("L", ".png", {}), ("RGBA", ".png", {}), ("P", ".png", {}), ("CMYK", ".jpg", {}), ("RGB", ".bmp", {}),
         ("RGB", ".webp", {}), ("I;16", ".png", {}), ("1", ".bmp", {}), ("RGB", ".JPEG", {"format": "JPEG", "quality": 70})]


def draw(seed, shape):
    """A picture of any size: a light disc or a light bar on a dark, noisy ground."""
    random = numpy.random.default_rng(seed)
    height, width = random.integers(20, 150, 2)
    y, x = numpy.mgrid[0:height, 0:width]
    middle, size = (height / 2, width / 2), min(height, width)
    if shape == "disc":
        light = (y - middle[0]) ** 2 + (x - middle[1]) ** 2 < (0.35 * size) ** 2
    else:
        light = abs((y - middle[0]) if seed % 2 else (x - middle[1])) < 0.1 * size
    pixels = random.integers(0, 70, (height, width, 3)) + 150 * light[..., None]
    return Image.fromarray(pixels.astype(numpy.uint8))


def save(picture, mode, path, options):
    if mode == "I;16":
        picture = Image.fromarray(numpy.asarray(picture.convert("L")).astype(numpy.uint16) * 257)
    else:
        picture = picture.convert(mode)
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, **options)


def make_pictures(directory, parts=("",), each=40):
    for p, part in enumerate(parts):
        for s, shape in enumerate(("disc", "bar")):
            for i in range(each):
                mode, ending, options = KINDS[i % len(KINDS)]
                deeper = "more" if i % 3 == 0 else ""
                save(draw(1000 * p + 100 * s + i, shape), mode, directory / part / shape / deeper / f"{i:03}{ending}", options)
    return directory


def predicted(mixent, run, *files):
    result = mixent("predict", run, *files, "--json")
    assert result.code == 0, result.err
    return {line["image"]: line["top"][0]["class"] for line in map(json.loads, result.out.splitlines())}, result.err


def test_photographs_from_folder_to_prediction(mixent, tmp_path, tiny_net):
    """Class folders of any pictures are split, and predict reads a picture as training did: the score is that of eval."""
    make_pictures(tmp_path / "shapes")
    for kind in "zip", "gztar":
        (tmp_path / kind).mkdir()
        shutil.make_archive(str(tmp_path / kind / "shapes"), kind, tmp_path, "shapes")
    shown = [mixent("data", "show", name, "--out", f"sheet{i}.png") for i, name in enumerate(["./shapes", "zip/shapes.zip", "./gztar"])]
    assert all(result.code == 0 for result in shown)
    assert "64 train and 16 test images of 64 x 64 colour pixels" in shown[0].out and "in one part: 20 % of each class" in shown[0].out
    assert re.fullmatch(r"mixent: warning: side: the median picture has \d+ x \d+ pixels; all become images of 64 x 64 by fit crop .*\n", shown[0].err)
    assert len({(tmp_path / f"sheet{i}.png").read_bytes() for i in range(3)}) == 1
    words = ["--net", tiny_net, "--set", "batch=16", "--epochs", "6", "--threads", "1", "--set", "side=24", "--set", "optimizer.learning_rate=0.05"]
    trained = mixent("train", "--data", "./shapes", *words, "--set", "fit=pad", "--run", "run")
    assert trained.code == 0 and "no-test: the data have no test part; 20 % of each class" in trained.err and "side:" not in trained.err
    scored = mixent("eval", "run", "--data", "zip/shapes.zip", "--json")
    assert scored.code == 0, scored.err
    again = mixent("eval", "run", "--json")
    assert json.loads(again.out)["nll"] == json.loads(scored.out)["nll"]
    everything = mixent("predict", "run", "shapes", "--json")
    assert everything.code == 0 and everything.err == "" and len(everything.out.splitlines()) == 80
    assert "; pictures are made square by fit pad\n" in mixent("info", "run/best.safetensors").out
    from_onnx = mixent("export", "run", "--onnx", "model.onnx")
    assert from_onnx.code == 0 and b"pad" in (tmp_path / "model.onnx").read_bytes() and b"contrast" in (tmp_path / "model.onnx").read_bytes()


def test_classes_of_other_names(mixent, tmp_path, tiny_net):
    """A data set whose classes have other names than the model's is scored with a warning that names the first; a batch that is too large names a recipe."""
    make_pictures(tmp_path / "shapes", each=24)
    (tmp_path / "others").mkdir()
    shutil.copytree(tmp_path / "shapes/bar", tmp_path / "others/beam")
    shutil.copytree(tmp_path / "shapes/disc", tmp_path / "others/disc")
    words = ["train", "--data", "./shapes", "--net", tiny_net, "--epochs", "1", "--threads", "1", "--set", "side=24", "--run", "run"]
    said = mixent(*words)
    assert said.code == 2 and "take '--recipe photos-small', which is made for few images, or '--set batch=4', which makes" in said.message
    assert mixent(*words, "--set", "batch=4").code == 0
    assert mixent("eval", "run").err == ""
    said = mixent("eval", "run", "--data", "./others")
    assert said.code == 0 and "class-names: 1 class of 2 has another name in others than in the model: class 0 is 'beam' there, 'bar' in the model" in said.err


def test_predict_reads_as_training_did(mixent, tmp_path, tiny_net):
    """With parts of one's own: the test pictures, predicted one by one, are right as often as eval says. Wide pictures tell the fits apart."""
    make_pictures(tmp_path / "shapes", ("Train", "VALID", "test"), each=20)
    shown = mixent("data", "show", "./shapes", "--split", "validation", "side=32", "fit=stretch")
    assert shown.code == 0 and "40 train, 40 validation and 40 test images of 32 x 32" in shown.out and shown.err == ""
    words = ["--net", tiny_net, "--set", "batch=16", "--epochs", "5", "--threads", "1", "--set", "side=24"]
    trained = mixent("train", "--data", "./shapes", *words, "--run", "run", "--set", "validation.fraction=0.5")
    assert trained.code == 0 and "40 images to train, 40 to validate, 40 to test" in trained.out
    assert "validation.fraction has no effect: the data have a validation part of their own" in trained.err
    for part, folder in ("test", "test"), ("validation", "VALID"):
        score = json.loads(mixent("eval", "run", "--split", part, "--json").out)
        classes, err = predicted(mixent, "run", tmp_path / "shapes" / folder)
        right = sum(f"/{name}/" in path for path, name in classes.items())
        assert err == "" and right / len(classes) == pytest.approx(score["accuracy"], abs=1e-9)
    (tmp_path / "shapes" / "test" / "disc" / "001.png").unlink()
    assert "its data changed since" in mixent("eval", "run").message


def test_orientation(mixent, tmp_path, tiny_net):
    """A picture that lies on its side, and says so, is the upright one; a lie leaves it as it is stored."""
    make_pictures(tmp_path / "shapes", each=5)
    assert mixent("train", "--data", "./shapes", "--net", tiny_net, "--set", "batch=4", "--epochs", "1", "--threads", "1", "--run", "run").code == 0
    upright = draw(1, "bar")
    upright.save(tmp_path / "upright.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    upright.transpose(Image.ROTATE_90).save(tmp_path / "turned.png", exif=exif.tobytes())
    upright.save(tmp_path / "lying.png", exif=exif.tobytes()[:-9])
    lines = [json.loads(line)["top"] for line in mixent("predict", "run", "upright.png", "turned.png", "lying.png", "--json").out.splitlines()]
    assert lines[0] == lines[1] == lines[2]


def huge_png(width, height):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def write_zip(path, names, *, encrypted=False, link=None):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for i, name in enumerate(names):
            out = io.BytesIO()
            draw(i, "disc" if "disc" in name else "bar").save(out, "PNG")
            info = zipfile.ZipInfo(name)
            if name == link:
                info.create_system, info.external_attr = 3, 0o120777 << 16
            archive.writestr(info, b"other.png" if name == link else out.getvalue())
    if encrypted:
        data = bytearray(path.read_bytes())
        at = data.find(b"PK\1\2")
        data[at + 8] |= 1
        path.write_bytes(data)


NAMES = [f"{shape}/{i}.png" for shape in ("disc", "bar") for i in range(5)]


def test_faults(mixent, tmp_path):
    """Each is told in one message that names the file and what to do."""
    write_zip(tmp_path / "a.zip", NAMES)
    whole = (tmp_path / "a.zip").read_bytes()
    assert mixent("data", "show", "a.zip", "--out", "a.png").code == 0
    for cut in 30, len(whole) // 2, len(whole) - 5:
        (tmp_path / "cut.zip").write_bytes(whole[:cut])
        assert "cut.zip" in (message := mixent("data", "show", "cut.zip").message) and "truncated file" in message
    damaged = bytearray(whole)
    damaged[100] ^= 4
    (tmp_path / "damaged.zip").write_bytes(damaged)
    assert "disc/0.png in it is damaged; fetch or copy it again" in mixent("data", "show", "damaged.zip").message
    write_zip(tmp_path / "secret.zip", NAMES, encrypted=True)
    assert "disc/0.png in it is encrypted; pack it without a password" in mixent("data", "show", "secret.zip").message
    write_zip(tmp_path / "link.zip", NAMES, link="bar/2.png")
    assert "bar/2.png is a link" in mixent("data", "show", "link.zip").message
    write_zip(tmp_path / "one.zip", NAMES[:5])
    assert mixent("data", "show", "one.zip").code == 1
    make_pictures(tmp_path / "shapes", each=3)
    (tmp_path / "shapes" / "disc" / "huge.png").write_bytes(huge_png(12500, 8000))
    huge = mixent("data", "show", "./shapes")
    assert huge.code == 1 and "huge.png: 12500 x 8000 pixels; expected at most 64 million: scale it down" in huge.message
    (tmp_path / "shapes" / "disc" / "huge.png").write_bytes(huge_png(7000, 7000))
    assert "huge.png: its header promises 7000 x 7000 pixels, more than" in mixent("data", "show", "./shapes").message
    for words in (["--set", "side=8"], ["--set", "side=300"], ["--set", "fit=squash"]):
        assert mixent("train", "--data", "./shapes", *words, "--run", "never").code == 2


def test_a_class_of_one_picture(mixent, tmp_path, tiny_net):
    """It is trained on and not scored: nothing of it is left for testing."""
    make_pictures(tmp_path / "shapes", each=6)
    save(draw(1, "bar"), "RGB", tmp_path / "shapes" / "rare" / "1.png", {})
    shown = mixent("data", "show", "./shapes")
    assert shown.code == 0 and re.search(r"^ +2 +rare +1 +0$", shown.out, re.M)
    words = ["--net", tiny_net, "--set", "batch=4", "--epochs", "1", "--threads", "1", "--set", "side=16", "--run", "run"]
    assert mixent("train", "--data", "./shapes", *words).code == 0


def test_zip64(mixent, tmp_path):
    with zipfile.ZipFile(tmp_path / "large.zip", "w") as archive:
        for i, name in enumerate(NAMES):
            with archive.open(zipfile.ZipInfo(f"set/{name}"), "w", force_zip64=True) as out:
                draw(i, "disc" if "disc" in name else "bar").save(out, "PNG")
    shown = mixent("data", "show", "large.zip")
    assert shown.code == 0 and "8 train and 2 test images" in shown.out


def test_options_without_effect(mixent, tiny, bars):
    trained = mixent("train", *tiny, "--epochs", "1", "--set", "side=32", "--set", "fit=pad", "--run", "run")
    assert trained.code == 0
    for option in "side", "fit":
        assert f"unused-option: {option} has no effect: the data are no picture files" in trained.err
    for word in "side=32", "fit=pad":
        assert f"data show: {word.split('=')[0]} has no effect" in mixent("data", "show", bars, word).message
    assert mixent("data", "show", bars, "side=8").code == 2
