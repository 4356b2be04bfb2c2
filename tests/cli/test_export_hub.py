"""`mixent export --hub`: a directory as model hubs expect it, which every command reads back."""
import json
import re
import subprocess

import numpy
import pytest
from PIL import Image

from support import PROGRAM, TINY_NET, draw_images, environment, make_dataset, read_safetensors

yaml = pytest.importorskip("yaml")
STRANGE = 'we: "ird" #<b>[x](y)'  # the data set's name


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A directory with the finished runs `images`, on two views, and `table`, and a picture and a table to predict."""
    directory = tmp_path_factory.mktemp("hub")
    (directory / "tiny.yaml").write_text(TINY_NET)
    make_dataset(directory / STRANGE)
    (directory / STRANGE / "classes.txt").write_text("\n".join(["one", "# two", "three: 3", 'a "d"']) + "\n")
    rows = numpy.random.default_rng(0).normal(size=(200, 2))
    (directory / "points.csv").write_text("x,second,label\n" + "".join(f"{x},{y},{'right' if x > 0 else 'left'}\n" for x, y in rows))
    common = ["--epochs", "2", "--threads", "1", "validation.fraction=0.2", "batch=20"]
    for words in (["--data", f"./{STRANGE}", "--net", "tiny.yaml", "--run", "images", "test.views=3", "optimizer.learning_rate=0.1"],
                  ["--data", "points.csv", "--recipe", "tabular", "--run", "table"]):
        done = subprocess.run([PROGRAM, "train", *words, *common], cwd=directory, env=environment(), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    Image.fromarray(draw_images([1], 16, 3)[0]).save(directory / "bar.png")
    return directory


@pytest.fixture
def mixent(mixent, place):
    return lambda *words: mixent(*words, directory=place)


def read(directory):
    """(configuration, front matter, the rest of the card)"""
    _, front, body = (directory / "README.md").read_text().split("---\n", 2)
    return json.loads((directory / "config.json").read_text()), yaml.safe_load(front), body


def test_of_a_run(mixent, place):
    done = mixent("export", "images", "--hub", "hub/images")
    assert done.code == 0 and "wrote model.safetensors and config.json in hub/images; 'mixent predict' reads the directory" in done.out
    assert "name a license in it" in done.out
    assert sorted(path.name for path in (place / "hub/images").iterdir()) == ["README.md", "config.json", "model.safetensors"]
    tensors, texts = read_safetensors(place / "images/best.safetensors")
    weights, kept = read_safetensors(place / "hub/images/model.safetensors")
    assert all((weights[name] == tensors[name]).all() for name in tensors) and kept["net_text"] == texts["net_text"]

    config, front, body = read(place / "hub/images")
    names = json.loads(texts["class_names"])
    assert config["library_name"] == config["model_type"] == "mixent" and config["architectures"] == ["tiny"]
    assert config["id2label"] == {str(k): name for k, name in enumerate(names)}
    assert config["label2id"] == {name: k for k, name in enumerate(names)}
    assert (config["num_channels"], config["image_size"], config["data"]) == (1, 16, STRANGE)
    assert config["image_mean"] == pytest.approx(json.loads(texts["mean"])) and config["image_std"] == pytest.approx(json.loads(texts["std"]))

    summary = json.loads((place / "images/summary.json").read_text())
    assert (front["library_name"], front["pipeline_tag"], front["tags"]) == ("mixent", "image-classification", ["mixent", "tiny"])
    assert "license" not in front
    result, = front["model-index"][0]["results"]
    assert front["model-index"][0]["name"] == "images" and result["dataset"] == {"name": STRANGE, "type": STRANGE}
    assert result["metrics"] == [{"type": "accuracy", "value": pytest.approx(summary["test"]["accuracy"], rel=1e-5)}]
    for part, scores in (("test", summary["test"]), ("held out of training", summary["validation"])):
        assert f"| {part} | {scores['images']} | {100 * scores['accuracy']:.2f}% | {scores['nll']:.4f} | {scores['ece']:.4f} |" in body
    assert "Each is of the mean over 3 views of an image (--views 3)." in body
    assert f"    data     {STRANGE}\n" in body and f"    classes  4: {', '.join(names)}\n" in body
    assert all(f"    {line}\n" in body for line in texts["recipe"].splitlines() if line)
    outside = [line for line in body.splitlines() if "<b>" in line and not line.startswith("    ")]
    assert not outside  # Markdown obeys nothing that others wrote


def test_every_command_reads_it(mixent, place):
    assert mixent("export", "images", "--hub", "model").code == 0
    for words in (["predict", "?", "bar.png", "--json"], ["eval", "?", "--data", f"./{STRANGE}", "--views", "1"], ["info", "?"]):
        directory, run = (mixent(*(name if word == "?" else word for word in words)) for name in ("model", "images"))
        assert directory.code == run.code == 0, directory.err
        assert directory.out.replace("model/model.safetensors", "images/best.safetensors") == run.out
    both = mixent("predict", "model", "images", "bar.png", "--json")  # behind a checkpoint it is one, too, and no picture
    assert both.code == 0, both.err
    page = mixent("page", "model/model.safetensors", "--output", "page.html")
    assert page.code == 0 and '"model"' in (place / "page.html").read_text()


def test_half_and_a_table(mixent, place):
    assert mixent("export", "table", "--hub", "rows/", "--half").code == 0
    config, front, body = read(place / "rows")
    assert front["pipeline_tag"] == "tabular-classification" and "# rows\n" in body and "mixent predict DIRECTORY rows.csv" in body
    assert config["num_features"] == 2 and len(config["feature_mean"]) == 2 and "image_size" not in config
    weights, _ = read_safetensors(place / "rows/model.safetensors")
    assert any(array.dtype == numpy.float16 for array in weights.values())
    done = mixent("predict", "rows", "points.csv")
    assert done.code == 0 and "right" in done.out


def test_scores_that_nobody_knows(mixent, place):
    """Of an ensemble, and of a file that is no run's best."""
    for words in (["images", "images"], ["images/last.safetensors"]):
        assert mixent("export", *words, "--hub", "unknown").code == 0
        _, front, body = read(place / "unknown")
        assert "model-index" not in front and "None are known here. 'mixent eval DIRECTORY --data DATA' measures them." in body
        (place / "unknown/README.md").unlink()


def test_what_is_there(mixent, place):
    mine = place / "mine"
    assert mixent("export", "images", "--hub", mine).code == 0
    (mine / "README.md").write_text("my own words\n")
    again = mixent("export", "table", "--hub", mine)
    assert again.code == 0 and "left README.md, which was there, as it is: remove it to have it written anew" in again.out
    assert (mine / "README.md").read_text() == "my own words\n"
    assert json.loads((mine / "config.json").read_text())["data"] == "points"

    for name, text in (("config.json", '{"library_name": "other"}'), ("config.json", "no JSON"), ("model.safetensors", "weights")):
        other = place / f"other-{name}"
        other.mkdir(exist_ok=True)
        (other / name).write_text(text)
        refused = mixent("export", "images", "--hub", other)
        assert refused.code == 2 and refused.message.endswith(f"holds {name}, which 'mixent export --hub' did not write; name another directory")
        assert [path.name for path in other.iterdir()] == [name] and (other / name).read_text() == text


def test_wrong_use(mixent, place):
    (place / "file").write_text("")
    assert mixent("export", "images", "--hub", "file").code == 1
    assert (place / "file").read_text() == ""
    for words, said in ((["--half", "--onnx", "x.onnx"], "--half is of what --safetensors FILE or --hub DIRECTORY names"),
                        (["--hub", "h", "--temperature", "2"], "--temperature is of the file that --onnx FILE or --c FILE names"),
                        (["--safetensors", "h.safetensors", "--temperature", "fitted"], "a checkpoint keeps the fitted one"),
                        (["--hub", ""], "say what to write: .* or --hub DIRECTORY")):
        done = mixent("export", "images", *words)
        assert done.code == 2 and re.search(said, done.message)
    (place / "nothing").mkdir()
    done = mixent("predict", "nothing", "bar.png")
    assert done.code == 2 and "got a directory without best.safetensors and model.safetensors" in done.message


def test_a_damaged_summary_is_said(mixent, place):
    (place / "damaged").mkdir()
    (place / "damaged/best.safetensors").write_bytes((place / "images/best.safetensors").read_bytes())
    (place / "damaged/summary.json").write_text("{")
    done = mixent("export", "damaged/best.safetensors", "--hub", "d")
    assert done.code == 1 and "damaged/summary.json:1:" in done.message and not (place / "d").exists()
