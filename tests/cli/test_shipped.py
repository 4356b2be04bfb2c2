"""Models that come with mixent: by their names in every command that takes a checkpoint, behind what the user has of that name."""
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from support import PROGRAM, TINY_NET, draw_images, environment, make_dataset

TRAIN = ["train", "--data", "bars", "--net", "tiny.yaml", "--epochs", "1", "batch=20", "optimizer.learning_rate=0.01", "--threads", "1"]
COMMANDS = [["eval", "?", "--json"], ["predict", "?", "bar.png", "--json"], ["info", "?"], ["export", "?", "--onnx", "x.onnx"]]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A directory with the models bars-model and other in models/."""
    directory = tmp_path_factory.mktemp("shipped")
    make_dataset(directory / "bars")
    (directory / "tiny.yaml").write_text(TINY_NET)
    for name, seed in (("bars-model", "0"), ("other", "1")):
        done = subprocess.run([PROGRAM, *TRAIN, "--seed", seed, "--run", name], cwd=directory, env=environment(), capture_output=True,
                              text=True)
        assert done.returncode == 0, done.stderr
        (directory / "models" / name).mkdir(parents=True)
        (directory / name / "best.safetensors").rename(directory / "models" / name / "best.safetensors")
        shutil.rmtree(directory / name)
    (directory / "models/README.md").write_text("No model.\n")
    (directory / "models/empty").mkdir()
    Image.fromarray(draw_images([1], 16, 3)[0]).save(directory / "bar.png")
    return directory


@pytest.fixture
def place(trained, tmp_path):
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture
def mixent(mixent, place):
    return lambda *words, models=place / "models": mixent(*words, MIXENT_MODELS=str(models))


def answers(mixent, place, word):
    said = []
    for command in COMMANDS:
        done = mixent(*(part.replace("?", str(word)) for part in command))
        assert done.code == 0, done.err
        said.append(done.out)
    return [*said, (place / "x.onnx").read_bytes()]


def test_by_name(mixent, place):
    assert answers(mixent, place, "bars-model") == answers(mixent, place, place / "models/bars-model/best.safetensors")
    both = json.loads(mixent("eval", "bars-model", "other", "--json").out)
    assert both["members"] == [str(place / "models" / name / "best.safetensors") for name in ("bars-model", "other")]


def test_what_the_user_has_comes_first(mixent, place):
    """A run, a directory with a checkpoint, a file; a directory without a checkpoint, such as a data set's, hides no model."""
    def model_of(word):
        return json.loads(mixent("eval", word, "--json").out)["checkpoint"]

    shipped = str(place / "models/bars-model/best.safetensors")
    shutil.copytree(place / "bars", place / "bars-model")
    assert model_of("bars-model") == shipped
    shutil.copytree(place / "models/other", place / "runs/bars-model")
    assert model_of("bars-model") == shipped  # no recipe.yaml, so no run
    shutil.rmtree(place / "runs")
    assert mixent(*TRAIN, "--run", "runs/bars-model").code == 0
    assert model_of("bars-model") == "runs/bars-model/best.safetensors"
    shutil.copy(place / "models/other/best.safetensors", place / "bars-model")
    assert model_of("bars-model") == "bars-model/best.safetensors"
    shutil.rmtree(place / "bars-model")
    (place / "bars-model").write_text("no checkpoint")
    assert mixent("eval", "bars-model").code == 1


@pytest.mark.parametrize("command", COMMANDS)
def test_an_unknown_name(mixent, place, command):
    done = mixent(*(part.replace("?", "bars-modle") for part in command))
    assert done.code == 2 and done.message == (
        "mixent: no run or model 'bars-modle', neither here nor in runs nor among the models that come with mixent (bars-model, other); "
        "did you mean 'bars-model'?")
    for word in ("empty", "../models/other"):
        assert mixent(*(part.replace("?", word) for part in command)).code == 2


def test_a_nearer_run_is_offered_first(mixent, place):
    assert mixent(*TRAIN, "--run", "runs/bars-mode").code == 0
    assert "did you mean 'bars-mode'?" in mixent("eval", "bars-moed").message


def test_no_models(mixent, place):
    done = mixent("eval", "bars-model", models=place / "nowhere")
    assert done.code == 2 and done.message == "mixent: no run or model 'bars-model', neither here nor in runs; 'mixent runs' lists runs"


@pytest.mark.parametrize("command", ["eval", "predict", "info", "export"])
def test_completion_lists_them(mixent, command):
    offered = [line.split("\t")[0] for line in mixent("complete", "--", command, "").out.splitlines()]
    assert {"bars-model", "other"} <= set(offered) and "empty" not in offered and ":files" in offered


def test_training_takes_them(mixent, place):
    done = mixent(*TRAIN, "init_from=bars-model", "distill.teacher=other,bars-model", "--run", "student")
    assert done.code == 0, done.err
    recipe = (place / "student/recipe.yaml").read_text()
    first, other = (place / "models" / name / "best.safetensors" for name in ("bars-model", "other"))
    assert f"init_from: {first}\n" in recipe and f"teacher: \"{other},{first}\"\n" in recipe.replace("'", '"')


@pytest.mark.parametrize("setting", ["init_from=?", "distill.teacher=other,?"])
def test_training_refuses_unknown_ones(mixent, place, setting):
    (place / "runs/done").mkdir(parents=True)
    done = mixent(*TRAIN, setting.replace("?", "done"), "--run", "student")
    assert done.code == 2 and done.message == (
        f"mixent: {setting.partition('=')[0]}: expected a checkpoint, the directory of a run, or a model that comes with mixent, "
        "got 'done'; write runs/done for a run in runs/")
    assert mixent(*TRAIN, setting.replace("?", "done.safetensors"), "--run", "student").code == 1


@pytest.mark.parametrize("program, models", [("build/mixent", "build/models"), ("usr/bin/mixent", "usr/share/mixent/models")])
def test_where_they_are_looked_for(place, program, models):
    (place / program).parent.mkdir(parents=True)
    shutil.copy(PROGRAM, place / program)
    (place / "models").rename(place / "kept")
    (place / models).parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(place / "kept", place / models)
    done = subprocess.run([place / program, "info", "other"], cwd=place, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith(f"{place}/"), done.stderr
    assert "other/best.safetensors: trained on bars" in done.stdout


ROOT = Path(__file__).resolve().parents[2]


def as_installed():
    """The environment as it is, data sets included: the program finds the models of its own."""
    return {key: value for key, value in os.environ.items() if key != "MIXENT_MODELS"}


def test_the_letters_right_after_make(tmp_path):
    """The model that is in the repository, from any directory, without an option."""
    (model,) = [path for path in (ROOT / "models").iterdir() if path.is_dir()]
    assert model.name == "emnist-letters" and (model / "best.safetensors").stat().st_size < 4e6
    done = subprocess.run([PROGRAM, "predict", "emnist-letters", ROOT / "examples/a.png", "--json"], cwd=tmp_path, env=as_installed(),
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    best = json.loads(done.stdout)["top"][0]
    assert best["class"] == "A" and best["probability"] > 0.99


@pytest.mark.long
@pytest.mark.skipif(not Path(os.environ.get("MIXENT_DATA", "data"), "emnist-letters").exists(), reason="EMNIST-Letters is not here")
@pytest.mark.parametrize("views", [9, 1])
def test_its_page_says_what_it_scores(views):
    done = subprocess.run([PROGRAM, "eval", "emnist-letters", "--views", str(views), "--json"], env=as_installed(), capture_output=True,
                          text=True)
    said, page = json.loads(done.stdout), (ROOT / "models/emnist-letters/README.md").read_text()
    where = "with nine views of each image" if views == 9 else "with the image alone"
    found = re.search(rf"([\d.]+) % {where} \(NLL ([\d.]+), ECE ([\d.]+)\)", page)
    shown = (f"{100 * said['accuracy']:.2f}", f"{said['nll']:.4f}", f"{said['ece']:.4f}")
    assert all(abs(float(a) - float(b)) <= 2 * 10.0**-(2 if i == 0 else 4) for i, (a, b) in enumerate(zip(found.groups(), shown)))
