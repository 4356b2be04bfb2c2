"""A training and what comes out of it: its formats, its model in use, the terminal, signals, the demo."""
import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import time

import numpy
import pytest
from events import await_event, pick, read_events, read_last, without_header
from support import PROGRAM, TINY_NET, environment, make_dataset, write_idx
from PIL import Image


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A finished run in a directory of its own: (directory, standard output of train --json)."""
    directory = tmp_path_factory.mktemp("trained")
    make_dataset(directory / "bars")
    (directory / "tiny.yaml").write_text(TINY_NET)
    words = "train --data ./bars --net tiny.yaml --epochs 4 --set batch=20 --set optimizer.learning_rate=0.1".split()
    done = subprocess.run([str(PROGRAM), *words, "--loss", "min-ent", "--precision", "fp32", "--json"], cwd=directory,
                          capture_output=True, text=True, env=environment(), timeout=120)
    assert done.returncode == 0, done.stderr
    return directory, done.stdout


def test_train_json(trained):
    directory, out = trained
    run = directory / "runs" / "emnist-letters-short-bars-tiny-min-ent-0"
    assert sorted(path.name for path in run.iterdir()) == ["best.safetensors", "last.safetensors", "metrics.jsonl",
                                                           "plan.yaml", "predictions.safetensors", "recipe.yaml",
                                                           "summary.json"]
    events = read_events(out)
    epochs = [without_header(event) for event in pick(events, "epoch")]
    assert epochs == [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [epoch["epoch"] for epoch in epochs] == [1, 2, 3, 4]
    summary = without_header(events[-1], "exit_code", "directory")
    assert summary == json.loads((run / "summary.json").read_text())
    assert summary["test"]["accuracy"] >= 0.95
    for key in "images_per_second seconds peak_memory_bytes parameters cpu versions".split():
        assert key in summary, key
    for key in ("accuracy", "nll", "ece"):
        assert key in summary["test"]
    assert "accuracy" in summary["validation"]


def test_eval_repeats_the_summary(mixent, trained):
    directory, out = trained
    summary = read_last(out)
    best = "runs/emnist-letters-short-bars-tiny-min-ent-0/best.safetensors"
    result = mixent("eval", best, "--data", "./bars", "--json", directory=directory)
    scores = json.loads(result.out)
    for key in ("accuracy", "nll", "ece", "brier", "entropy"):
        assert scores[key] == pytest.approx(summary["test"][key], abs=1e-6), key
    assert scores["split"] == "test" and scores["images"] == 200
    validation = json.loads(mixent("eval", best, "--data", "./bars", "--split", "validation", "--json",
                                   directory=directory).out)
    assert validation["images"] == 20
    assert validation["accuracy"] == pytest.approx(summary["validation"]["accuracy"])
    words = mixent("eval", best, "--data", "./bars", directory=directory).out
    for word in ("accuracy", "NLL", "ECE", "Brier", "entropy", "200 test images"):
        assert word in words


@pytest.mark.parametrize("words, said", [
    (["train", "--net", "foo"], "unknown network 'foo'; known: conv3,"),
    (["train", "--net", "nothing.yaml"], "cannot open nothing.yaml: No such file"),
    (["train", "--plan", "foo"], "plan: unknown 'foo'; it is auto, table, onednn,"),
    (["train", "--plan", "nothing.yaml"], "cannot open nothing.yaml: No such file"),
    (["tune", "foo"], "unknown network 'foo'; known: conv3,"),
])
def test_a_wrong_name_is_told_before_data_are_read(mixent, words, said):
    done = mixent(*words, "--data", "nowhere")
    assert done.message.startswith(f"mixent: {said}") and "nowhere" not in done.err


def test_views(mixent, tiny, bars):
    run = mixent("train", *tiny, "--set", "test.views=5", "--run", "run")
    assert "averaged over 5 views of each" in run.out
    summary = json.loads((bars.parent / "run" / "summary.json").read_text())
    assert summary["test_views"] == 5
    scores = {}
    for views in (0, 1, 2, 5):
        scores[views] = json.loads(mixent("eval", "run/best.safetensors", "--views", views, "--json").out)
        assert scores[views].pop("views") == (views or 5)
    assert scores[0] == scores[5]
    assert len({scores[views]["nll"] for views in (1, 2, 5)}) == 3
    for key in ("accuracy", "nll", "ece", "brier", "entropy", "loss"):
        assert scores[5][key] == pytest.approx(summary["test"][key], abs=1e-9), key
    assert "5 views of each" in mixent("eval", "run/best.safetensors").out
    assert "views" not in mixent("eval", "run/best.safetensors", "--views", 1).out
    result = mixent("eval", "run/best.safetensors", "--views", 65)
    assert result.code == 2 and "from 0 to 64" in result.message

    Image.fromarray(numpy.full((16, 16), 77, numpy.uint8)).save(bars.parent / "x.png")
    alone = json.loads(mixent("predict", "run/best.safetensors", "x.png", "--views", 1, "--json").out)
    for views in (), ("--views", 5):
        assert json.loads(mixent("predict", "run/best.safetensors", "x.png", *views, "--json").out) != alone


def test_eval_in_8_bits(mixent, trained):
    directory, _ = trained
    best = "runs/emnist-letters-short-bars-tiny-min-ent-0/best.safetensors"
    result = mixent("eval", best, "--data", "./bars", "--json", "--precision", "int8", directory=directory)
    if "need a processor with AVX2" in result.err:
        pytest.skip("this processor has no AVX2")
    whole = json.loads(mixent("eval", best, "--data", "./bars", "--json", directory=directory).out)
    scores = json.loads(result.out)
    assert scores["nll"] != whole["nll"] and scores["nll"] == pytest.approx(whole["nll"], rel=0.1)
    assert scores["accuracy"] == pytest.approx(whole["accuracy"], abs=0.02)


def test_eval_of_another_data_set_is_refused(mixent, trained):
    directory, _ = trained
    best = "runs/emnist-letters-short-bars-tiny-min-ent-0/best.safetensors"
    make_dataset(directory / "other", classes=5)
    make_dataset(directory / "larger", side=20)
    for data, said in (("./other", "5"), ("./larger", "20")):
        result = mixent("eval", best, "--data", data, directory=directory)
        assert result.code != 0 and said in result.message


def test_eval_of_parts_that_no_training_cut_is_refused(mixent, trained):
    directory, _ = trained
    best = "runs/emnist-letters-short-bars-tiny-min-ent-0/best.safetensors"
    make_dataset(directory / "alike", seed=7)
    for split in ("validation", "train"):
        result = mixent("eval", best, "--data", "./alike", "--split", split, directory=directory)
        assert result.code == 2 and "not those the model was trained on" in result.message and split in result.message
        assert mixent("eval", best, "--data", "./bars", "--split", split, directory=directory).code == 0
    assert mixent("eval", best, "--data", "./alike", directory=directory).code == 0


def test_eval_of_a_part_of_nothing_is_refused(mixent, tiny):
    assert mixent("train", *tiny, "--epochs", "1", "--run", "run", "--set", "validation.fraction=0").code == 0
    result = mixent("eval", "run", "--split", "validation")
    assert result.code == 2 and "so it has no validation part" in result.message and not result.out
    assert mixent("eval", "run", "--split", "train").code == 0


def test_eval_says_when_its_data_is_gone(mixent, trained, tmp_path):
    directory, _ = trained
    run = directory / "runs/emnist-letters-short-bars-tiny-min-ent-0"
    shutil.copytree(run, tmp_path / "run")  # its recipe.yaml names the data by a whole path
    assert mixent("eval", "run/best.safetensors").out == mixent("eval", run / "best.safetensors").out.replace(f"{run}/", "run/")
    recipe = tmp_path / "run" / "recipe.yaml"
    recipe.write_text(re.sub(r"^data: .*$", "data: ./gone", recipe.read_text(), flags=re.MULTILINE))
    result = mixent("eval", "run/best.safetensors")
    assert result.code != 0 and "--data" in result.message
    # a model alone knows the name of its data, and its fingerprint
    shutil.copy(run / "best.safetensors", tmp_path / "alone.safetensors")
    assert "unknown data set bars" in mixent("eval", "alone.safetensors").message
    make_dataset(tmp_path / "bars", seed=9)
    recipe.write_text(re.sub(r"^data: .*$", "data: ./bars", recipe.read_text(), flags=re.MULTILINE))
    result = mixent("eval", "run/best.safetensors")
    assert result.code == 2 and "not the data set that the model was trained on" in result.message
    assert mixent("eval", "run/best.safetensors", "--data", "./bars").code == 0


def test_predict(mixent, trained, tmp_path):
    directory, _ = trained
    best = directory / "runs/emnist-letters-short-bars-tiny-min-ent-0/best.safetensors"
    images = numpy.frombuffer((directory / "bars" / "test-images-idx3-ubyte").read_bytes()[16:], numpy.uint8)
    images = images.reshape(200, 16, 16)
    for i in range(8):
        Image.fromarray(images[i]).save(tmp_path / f"{i}.png")
    names = [f"{i}.png" for i in range(8)]
    result = mixent("predict", best, *names, "--json")
    lines = [json.loads(line) for line in result.out.splitlines()]
    assert [line["image"] for line in lines] == names
    assert sum(line["top"][0]["label"] == i % 4 for i, line in enumerate(lines)) >= 7
    for line in lines:
        probabilities = [entry["probability"] for entry in line["top"]]
        assert len(probabilities) == 3 and probabilities == sorted(probabilities, reverse=True)
        assert 0 <= sum(probabilities) <= 1.000001
    words = mixent("predict", best, *names).out.splitlines()
    assert len(words) == 8 and all(line.startswith(name) for line, name in zip(words, names))
    assert words[0].count("%") == 3
    name = os.fsdecode(b"caf\xe9.png")
    Image.fromarray(images[0]).save(tmp_path / name)
    assert json.loads(mixent("predict", best, name, "--json").out)["image"] == "caf?.png"


def test_predict_refuses_what_is_no_image(mixent, trained, tmp_path):
    directory, _ = trained
    best = directory / "runs/emnist-letters-short-bars-tiny-min-ent-0/best.safetensors"
    (tmp_path / "text.png").write_text("no picture")
    for name in ("text.png", "missing.png", "."):
        result = mixent("predict", best, name)
        assert result.code == 1 and name in result.message and not result.out


def test_info_of_a_checkpoint(mixent, trained):
    directory, _ = trained
    result = mixent("info", directory / "runs/emnist-letters-short-bars-tiny-min-ent-0/best.safetensors")
    assert result.code == 0 and "trained on bars" in result.out and "1,332 parameters" in result.out


def test_checkpoint_of_another_network(mixent, trained, tmp_path, bars):
    """A run whose checkpoint was exchanged for that of another network does not go on."""
    directory, _ = trained
    net = tmp_path / "wide.yaml"
    net.write_text((directory / "tiny.yaml").read_text().replace("channels: 8", "channels: 12"))
    assert mixent("train", "--data", "./bars", "--net", net, "--epochs", "1", "--set", "batch=20", "--run", "run").code == 0
    source = directory / "runs/emnist-letters-short-bars-tiny-min-ent-0/last.safetensors"
    (tmp_path / "run" / "last.safetensors").write_bytes(source.read_bytes())
    (tmp_path / "run" / "summary.json").unlink()
    result = mixent("train", "--resume", "run")
    assert result.code != 0 and "last.safetensors" in result.message


def test_existing_run_is_refused(mixent, tmp_path, tiny):
    assert mixent("train", *tiny, "--run", "run", "--epochs", "1").code == 0
    before = (tmp_path / "run" / "best.safetensors").read_bytes()
    result = mixent("train", *tiny, "--run", "run")
    assert result.code != 0 and "--resume" in result.message and "--overwrite" in result.message
    assert (tmp_path / "run" / "best.safetensors").read_bytes() == before
    assert mixent("train", *tiny, "--run", "run", "--overwrite").code == 0
    assert (tmp_path / "run" / "best.safetensors").read_bytes() != before
    assert [path.name for path in tmp_path.iterdir() if "run" in path.name] == ["run"]


def test_later_settings_win(mixent, tiny):
    events = read_events(mixent("train", *tiny, "--set", "epochs=2", "--run", "run", "--json").out)
    assert len(pick(events, "epoch")) == 2


@pytest.mark.parametrize("where", ["./data", "MIXENT_DATA", "alternative"])
def test_resume_from_another_directory(mixent, tmp_path, tiny_net, where):
    """A data set that was found in a place that depends on the working directory is found again from elsewhere."""
    name = "fashion-mnist" if where == "alternative" else "mnist"
    make_dataset(tmp_path / ("sets" if where == "MIXENT_DATA" else "data") / name)
    variables = {"MIXENT_DATA": "sets"} if where == "MIXENT_DATA" else {}
    words = ["--data", "mnist", "--net", tiny_net, "--set", "batch=20", "--epochs", "1", "--run", "run", "--threads", "1"]
    if where == "alternative":
        words += ["--set", "data_alternative=fashion-mnist"]
    first = mixent("train", *words, "--json", **variables)
    assert first.code == 0, first.err
    (tmp_path / "run" / "summary.json").unlink()  # so that there is something left to do
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    again = mixent("train", "--resume", "../run", "--json", directory=elsewhere)
    assert again.code == 0, again.err
    assert read_last(again.out)["test"] == read_last(first.out)["test"]
    assert str(tmp_path).encode() not in (tmp_path / "run" / "last.safetensors").read_bytes()


def test_resume_of_a_finished_run_shows_it(mixent, tiny):
    first = mixent("train", *tiny, "--epochs", "1", "--run", "run", "--json").out
    again = mixent("train", "--resume", "run", "--json")
    assert again.code == 0 and not pick(read_events(again.out), "start") and read_last(again.out) == read_last(first)


def test_a_finished_run_whose_model_is_gone(mixent, tmp_path, tiny):
    assert mixent("train", *tiny, "--epochs", "1", "--run", "run").code == 0
    (tmp_path / "run/best.safetensors").unlink()
    again = mixent("train", "--resume", "run")
    assert again.code == 0 and "is gone" in again.out and "read it" not in again.out
    assert "the run is finished, but its best.safetensors is gone" in mixent("eval", "run").message


def test_resume_of_what_is_no_run(mixent, tmp_path):
    (tmp_path / "empty").mkdir()
    for name in ("empty", "missing"):
        result = mixent("train", "--resume", name)
        assert result.code == 2 and name in result.message


@pytest.mark.parametrize("loss, columns", [("ce", {"CE", "H"}), ("min-ent", {"CE", "H", "w1", "w2"}),
                                           ("mix-ent", {"CE", "H", "KL", "w1", "w2"})])
def test_piped_output_is_plain_and_aligned(mixent, tiny, loss, columns):
    result = mixent("train", *tiny, "--loss", loss, "--run", "run")
    assert result.code == 0 and not result.err
    assert "\r" not in result.out and "\033" not in result.out
    lines = result.out.splitlines()
    begin = next(i for i, line in enumerate(lines) if line.startswith("epoch"))
    titles = lines[begin].split()
    assert columns | {"NLL", "ECE", "Brier", "entropy", "lr", "images/s"} <= set(titles)
    ends = [match.end() for match in re.finditer(r"\S+", re.sub(r"(train|val) %", r"\1_%", lines[begin]))]
    for line in lines[begin + 1: begin + 4]:
        cells = [match.end() for match in re.finditer(r"\S+", line.removesuffix("best").rstrip())]
        assert cells == ends, line
    assert "test images" in result.out
    assert not {"lr-w", "lr-b"} & set(titles)


def test_learned_weights_and_bases_show_their_rates(mixent, tmp_path, tiny):
    learned = ["--set", "loss.learn=w2,b1", "--set", "loss.weight_learning_rate=0.003", "--set", "loss.base_learning_rate=0.002"]
    lines = mixent("train", *tiny, "--loss", "mix-ent", *learned, "--run", "run").out.splitlines()
    begin = next(i for i, line in enumerate(lines) if line.startswith("epoch"))
    titles = lines[begin].replace(" %", "_%").split()
    cells = dict(zip(titles, lines[begin + 1].split()))
    assert cells["lr-w"] == "0.003" and cells["lr-b"] == "0.002" and {"b1", "b2"} <= set(titles)
    first, last = (json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()[::2])
    assert {name for name in ("w1", "w2", "b1", "b2") if first[name] != last[name]} == {"w2", "b1"}


def run_in_terminal(words, directory, keys=None):
    """Runs the program with a terminal for all three streams; returns (exit code, what the terminal got). keys: (text to wait
    for, keys to press then)."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(directory)
        os.execve(PROGRAM, [str(PROGRAM), *map(str, words)], dict(environment(), TERM="xterm"))
    output, deadline = b"", time.monotonic() + 60
    while time.monotonic() < deadline:
        if select.select([terminal], [], [], 1)[0]:
            try:
                data = os.read(terminal, 65536)
            except OSError:  # the other end is closed
                break
            if not data:
                break
            output += data
            if keys and keys[0] in output:
                os.write(terminal, keys[1])
                keys = None
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), output.decode()


def test_terminal_has_a_progress_bar(tmp_path, tiny):
    code, text = run_in_terminal(["train", *tiny, "--epochs", "6", "--run", "run"], tmp_path)
    assert code == 0
    assert re.search(r"\repoch \d/6  \[[#.]+\] +\d+ %  .*images/s.*left\x1b\[K", text)
    # what stays on the screen when every line that was drawn over is gone
    shown = [re.split(r"\r(?!$)", line.rstrip("\r"))[-1].replace("\x1b[K", "") for line in text.split("\n")]
    assert not any("left" in line for line in shown)
    assert sum(bool(re.match(r" +\d+ +\d+\.\d{4} ", line)) for line in shown) == 6


def test_scoring_shows_how_far_it_is(trained):
    directory, _ = trained
    code, text = run_in_terminal(["eval", "runs/emnist-letters-short-bars-tiny-min-ent-0/best.safetensors"], directory)
    assert code == 0 and re.search(r"\rscoring  \[#+\.*\] +\d+ %  \d+ images/s, 0:\d\d left\x1b\[K", text)
    assert "left" not in re.split(r"\r(?!$)", text.split("\n")[0].rstrip("\r"))[-1].replace("\x1b[K", "")


def test_control_c_saves_and_resume_ends_alike(mixent, tmp_path, tiny):
    assert mixent("train", *tiny, "--epochs", "12", "--run", "whole").code == 0
    code, text = run_in_terminal(["train", *tiny, "--epochs", "12", "--run", "cut"], tmp_path, (b"\x1b[K    2 ", b"\x03"))
    assert code == 130 and "mixent train --resume cut" in text.replace("./cut", "cut")
    assert not (tmp_path / "cut" / "summary.json").exists()
    assert mixent("train", "--resume", "cut").code == 0
    for name in ("best.safetensors", "last.safetensors"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
    epochs = [json.loads(line)["epoch"] for line in (tmp_path / "cut" / "metrics.jsonl").read_text().splitlines()]
    assert epochs == list(range(1, 13))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_stop_a_piped_run(mixent, tmp_path, tiny, number):
    process = subprocess.Popen([str(PROGRAM), *map(str, ["train", *tiny, "--epochs", "1000", "--run", "a run", "--json"])],
                               cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    await_event(process, "epoch")
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number and "mixent train --resume 'a run'" in err
    assert "Traceback" not in err and (tmp_path / "a run" / "last.safetensors").exists()


# The demo


def test_demo(mixent, tmp_path, bars, tiny_net):
    words = ["demo", "--data", bars, "--set", f"net={tiny_net}", "--set", "batch=20", "--epochs", "2"]
    first = mixent(*words)
    assert first.code == 0 and not first.err
    with Image.open(tmp_path / "runs" / "demo" / "predictions.png") as sheet:
        assert sheet.width > 300
    assert first.out.splitlines()[-1] == "runs/demo/page.html opens in a browser: draw there, and see what both networks believe."
    assert '"name":"min-ent"' in (tmp_path / "runs" / "demo" / "page.html").read_text(encoding="utf-8")
    before = (tmp_path / "runs" / "demo" / "ce" / "best.safetensors").stat().st_mtime_ns
    again = mixent(*words)
    assert again.code == 0 and again.out.count("trained before") == 2
    assert again.out.split("\nloss  ")[1] == first.out.split("\nloss  ")[1]
    assert (tmp_path / "runs" / "demo" / "ce" / "best.safetensors").stat().st_mtime_ns == before
    other = mixent(*words, "--epochs", "1")
    assert other.code == 0 and "trained before" not in other.out
    assert mixent(*words, "--epochs", "1", "--overwrite").out.count("trained before") == 0
    assert "the demo compares ce with min-ent" in mixent(*words, "--set", "loss.name=focal").message
    (tmp_path / "t.csv").write_text("".join(f"{i},{i % 7},{'ab'[i % 2]}\n" for i in range(60)))
    assert "the demo shows images" in mixent("demo", "--data", "t.csv", "--set", "net=mlp", "--run", "table").message
    # in a place of the user's own nothing is replaced without being asked
    elsewhere = [*words, "--run", str(tmp_path / "mine")]
    assert mixent(*elsewhere).code == 0
    refused = mixent(*elsewhere, "--epochs", "1")
    assert refused.code == 2 and "--overwrite" in refused.err
    assert mixent(*elsewhere).out.count("trained before") == 2


def test_demo_says_what_the_difference_means(mixent, bars, tiny_net):
    """The sentence agrees with the table and with the error of a difference of paired accuracies."""
    for part in ("train", "test"):  # wrong labels keep the networks from being perfect and alike
        labels = numpy.random.default_rng(1).permutation(numpy.arange(400 if part == "train" else 200) % 4)
        images = numpy.frombuffer((bars / f"{part}-images-idx3-ubyte").read_bytes()[16:], numpy.uint8)
        kept = numpy.arange(len(labels)) % 4
        kept[: len(labels) // 2] = labels[: len(labels) // 2]
        write_idx(bars / f"{part}-images-idx3-ubyte", images.reshape(-1, 16, 16))
        write_idx(bars / f"{part}-labels-idx1-ubyte", kept)
    text = mixent("demo", "--data", bars, "--set", f"net={tiny_net}", "--set", "batch=20", "--epochs", "2",
                  "--set", "optimizer.learning_rate=0.01", "--set", "precision=fp32").out
    accuracy = {name: float(value) for name, value in re.findall(r"^(ce|min-ent) +([\d.]+) ", text, re.MULTILINE)}
    sentence = " ".join(text.split("\n\n")[-2].split())
    points, sign = re.search(r"min-ent gets ([\d.]+) points (more|less) than ce", sentence).groups()
    second, first = map(int, re.search(r"Of the 200 test images (\d+) are right with min-ent alone and (\d+) with ce alone",
                                       sentence).groups())
    assert first + second > 0, "the networks are alike, so this shows nothing"
    difference = (second - first) / 200
    assert float(points) == pytest.approx(100 * abs(difference), abs=0.01) and (sign == "less") == (difference < 0)
    assert accuracy["min-ent"] - accuracy["ce"] == pytest.approx(100 * difference, abs=0.011)
    deviation = numpy.std([1] * second + [-1] * first + [0] * (200 - first - second)) / numpy.sqrt(200)
    said = float(re.search(r"standard error of this difference is ([\d.]+) points", sentence).group(1))
    assert said == pytest.approx(100 * deviation, abs=0.006)
    assert ("within two of them" in sentence) == (abs(difference) < 2 * deviation)


@pytest.mark.parametrize("launcher", [{"PMIX_RANK": "0", "OMPI_COMM_WORLD_SIZE": "2"}, {"PMI_RANK": "1", "PMI_SIZE": "2"}, {"PMIX_RANK": "0"}])
def test_ranks_need_a_build_with_mpi(mixent, tiny, launcher):
    if "this build has no MPI" not in mixent("version").out:
        pytest.skip("the build has MPI")
    told = [mixent("train", *tiny, "--epochs", "1", "--overwrite", "--run", "r", **more) for more in (launcher, {**launcher, "OMPI_COMM_WORLD_SIZE": "1"})]
    assert [done.code for done in told] == [0, 0]
    assert [done.err.count("mixent: warning: no-mpi: ") for done in told] == [1, 0]
