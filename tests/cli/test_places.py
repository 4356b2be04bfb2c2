"""Runs and studies by directory or by name: one rule for every command, and one exit code for what is not there."""
import json

import pytest

from events import without_progress

RUN_COMMANDS = [["show"], ["eval"], ["predict", "?", "x.png"], ["export", "?", "--onnx", "a.onnx"], ["info"], ["report"],
                ["train", "--resume", "?"], ["train", "--run", "new", "--baseline", "?"], ["train", "--run", "new", "--set", "baseline=?"]]


def with_word(command, word):
    return [part.replace("?", word) for part in command] if any("?" in part for part in command) else [*command, word]


@pytest.fixture
def run(mixent, tiny, tmp_path):
    """A finished run, runs/first."""
    assert mixent("train", *tiny, "--run", "runs/first").code == 0
    return tmp_path / "runs" / "first"


def test_a_run_by_its_name(mixent, run, tmp_path, tiny):
    answers = {}
    for word in ("runs/first", "first"):
        assert json.loads(mixent("show", word, "--json").out)["directory"] == "runs/first"
        answers[word] = [mixent("eval", word, "--json").out, mixent("info", word).out, mixent("export", word, "--onnx", "a.onnx").out,
                         mixent("train", "--resume", word, "--json").out, mixent("report", word, "--json").out]
        assert all(answers[word]), answers[word]
    assert answers["first"] == answers["runs/first"]
    assert (run / "report.html").exists()
    assert mixent("train", *tiny, "--run", "second", "--baseline", "first").code == 0
    assert f"baseline: {run}\n" in (tmp_path / "second/recipe.yaml").read_text()


def test_a_directory_of_data_hides_no_run_of_its_name(mixent, run, tmp_path):
    """As in the tutorial: ./shapes are pictures, and runs/shapes is the run."""
    def answers():
        return [mixent(*words).out for words in (["show", "first", "--json"], ["eval", "first", "--json"], ["info", "first"],
                                                 ["report", "first", "--json"], ["export", "first", "--onnx", "a.onnx"])]

    before = answers()
    (tmp_path / "first/train/circle").mkdir(parents=True)
    assert all(before) and answers() == before


def test_a_study_by_its_name(mixent, tmp_path, bars, tiny_net):
    (tmp_path / "s.yaml").write_text("name: small\nrecipe: demo\nseeds: 2\nbaseline: ce\nvariants:\n  ce: {}\n  mix-ent: {loss: {name: mix-ent}}\n"
                                     f"set: {{data: {bars}, net: {tiny_net}, epochs: 1, batch: 20, precision: fp32}}\n")
    assert mixent("compare", "s.yaml").code == 0
    for words in (["compare", "?", "--no-train", "--json"], ["study", "export"], ["report", "?", "--json"]):
        answers = [mixent(*with_word(words, word)) for word in ("runs/small", "small")]
        assert answers[0].code == answers[1].code == 0 and without_progress(answers[0].out) == without_progress(answers[1].out), answers


def test_what_is_not_there(mixent, run, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "runs/closer").mkdir()
    for command in RUN_COMMANDS:
        done = mixent(*with_word(command, "firts"))
        suggested = "known: " if command == ["info"] else "did you mean 'first'?"
        assert done.code == 2 and suggested in done.message and not done.out, done
        for word in ("nothing", "no/where", "runs/nothing"):
            done = mixent(*with_word(command, word))
            assert done.code == 2 and not done.out, done
        for word in ("empty", "closer"):
            assert mixent(*with_word(command, word)).code == 2
    for command in (["compare"], ["compare", "?", "--no-train"], ["study", "export"]):
        for word in ("nothing", "no/where", "runs/nothing", "empty", "first"):
            done = mixent(*with_word(command, word))
            assert done.code == 2 and "study" in done.message and not done.out, done
    assert not (tmp_path / "new").exists()
    for words in (["eval", "a.safetensors"], ["export", "no/a.safetensors", "--onnx", "a.onnx"], ["info", "a.safetensors"], ["info", "a.yaml"],
                  ["compare", "a.yaml"], ["study", "import", "a.jsonl"], ["train", "--recipe", "a.yaml"]):
        done = mixent(*words)
        assert done.code == 1 and "No such file" in done.message, done
