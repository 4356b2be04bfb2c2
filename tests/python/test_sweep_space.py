"""A sweep's file: what it says, and what is said of a wrong one. Needs neither Optuna nor Ray, but the program."""
import os
from pathlib import Path

import pytest

pytest.importorskip("yaml")
from mixent.sweep.main import main  # noqa: E402
from mixent.sweep.message import SweepError  # noqa: E402
from mixent.sweep.program import Program  # noqa: E402
from mixent.sweep.space import built_in, find_sweep, read_sweep  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = """\
name: letters-min-ent
recipe: emnist-letters-short
set: {net: vgg5-half, loss: {name: min-ent}}
objective: validation.accuracy
trials: 20
sampler: tpe
pruner: hyperband
seed: 0
space:
  optimizer.learning_rate: {log_uniform: [0.01, 0.5]}
  dropout: {uniform: [0, 0.5]}
  loss.w2: {uniform: [0, 1]}
  loss.max_interval: {integer: [1, 300]}
  loss.style: {choice: [free, square]}
  loss.weight_learning_rate: {log_uniform: [1e-6, 1e-2], when: {loss.learn: w1 w2}}
  loss.learn: {choice: [none, w1 w2]}
"""


@pytest.fixture(scope="module")
def program():
    path = os.environ.get("MIXENT_PROGRAM") or ROOT / "build" / "release" / "mixent"
    if not Path(path).exists():
        pytest.skip(f"{path} is not built")
    return Program(str(path))


@pytest.fixture
def read(program, tmp_path):
    def reader(text, settings={}, trials=None):
        path = tmp_path / "space.yaml"
        path.write_text(text)
        return read_sweep(path, program, settings, trials)

    return reader


def test_the_example(read):
    sweep = read(EXAMPLE)
    assert (sweep.name, sweep.recipe, sweep.trials, sweep.epochs) == ("letters-min-ent", "emnist-letters-short", 20, 4)
    assert sweep.settings == {"net": "vgg5-half", "loss.name": "min-ent"}
    rows = {row.key: row for row in sweep.parameters}
    assert list(rows)[-2:] == ["loss.learn", "loss.weight_learning_rate"]  # what it depends on comes first
    rate = rows["loss.weight_learning_rate"]
    assert (rate.low, rate.high, rate.logarithmic, rate.when) == (1e-6, 1e-2, True, (("loss.learn", ("w1 w2",)),))
    assert rate.counts({"loss.learn": "w1 w2"}) and not rate.counts({"loss.learn": "none"}) and not rate.counts({})
    assert rows["loss.max_interval"].whole and rows["loss.style"].choices == ("free", "square")
    assert sweep.settings_of({"dropout": 0.1 + 0.2, "epochs": 3, "loss.learn": "w1 w2"}) == {
        "net": "vgg5-half", "loss.name": "min-ent", "dropout": "0.30000000000000004", "epochs": "3", "loss.learn": "w1 w2"}


def test_defaults(read):
    sweep = read("space: {dropout: {uniform: [0, 0.5]}}")
    assert (sweep.name, sweep.recipe, sweep.objective, sweep.trials, sweep.sampler, sweep.pruner, sweep.seed) == (
        "space", "emnist-letters-short", "validation.accuracy", 20, "tpe", "hyperband", 0)
    assert sweep.maximize and not read("objective: validation.nll\nspace: {dropout: {uniform: [0, 0.5]}}").maximize


def test_settings_of_the_command_line_win(read):
    text = "name: tune-{loss.name}\nset: {loss: {name: ce}, epochs: 9}\nspace:\n  optimizer.learning_rate: {uniform: [0.1, 1]}\n"
    text += "  loss.focal_gamma: {uniform: [0, 5], when: {loss.name: focal}}\n"
    text += "  loss.w2:\n    - {uniform: [0, 1], when: {loss.name: [min-ent, mix-ent]}}\n    - {uniform: [-1, 0], when: {loss.name: confidence-penalty}}\n"
    assert [row.key for row in read(text).parameters] == ["optimizer.learning_rate"]
    focal = read(text, {"loss.name": "focal"}, trials=3)
    assert (focal.name, focal.trials, focal.epochs) == ("tune-focal", 3, 9)
    assert [row.key for row in focal.parameters] == ["optimizer.learning_rate", "loss.focal_gamma"]
    assert [(row.low, row.high) for row in read(text, {"loss.name": "confidence-penalty"}).parameters][1:] == [(-1, 0)]


def test_grid(read):
    text = "sampler: grid\nspace:\n  loss.w2: {uniform: [0, 1], points: 3, when: {loss.learn: [w1, w2]}}\n"
    text += "  loss.learn: {choice: [none, w1, w2]}\n  optimizer.learning_rate: {log_uniform: [0.01, 1], points: 3}\n"
    sweep = read(text)
    points = list(sweep.grid())
    assert len(points) == sweep.trials == (1 + 2 * 3) * 3
    assert len({tuple(sorted(point.items())) for point in points}) == len(points)
    assert sorted({point["optimizer.learning_rate"] for point in points}) == pytest.approx([0.01, 0.1, 1])
    assert all(("loss.w2" in point) == (point["loss.learn"] != "none") for point in points)
    assert read("trials: 5\n" + text).trials == 5 and read("trials: 500\n" + text).trials == 21
    assert [row.grid() for row in read("sampler: grid\nspace: {batch: {log_integer: [10, 1000], points: 3}}").parameters] == [[10, 100, 1000]]


def test_epochs_that_are_searched(read):
    assert read("space: {epochs: {integer: [2, 30]}}").epochs == 30
    sweep = read("space: {epochs: {choice: [7, 3]}}")
    assert sweep.epochs == 7 and sweep.epochs_of({"epochs": "3"}) == 3


SPACE = "space: {dropout: {uniform: [0, 0.5]}}\n"


@pytest.mark.parametrize("text, line, said", [
    ("sampler: tpee\n" + SPACE, 1, "unknown sampler 'tpee'; did you mean 'tpe'?"),
    (SPACE + "pruner: hyperbnad\n", 2, "did you mean 'hyperband'?"),
    (SPACE + "objective: validation.acuracy\n", 2, "did you mean 'validation.accuracy'?"),
    (SPACE + "objective: test.accuracy\n", 2, "unknown objective 'test.accuracy'"),
    (SPACE + "trails: 3\n", 2, "did you mean 'trials'?"),
    (SPACE + "trials: 0\n", 2, "at least 1"),
    (SPACE + "trials: 2.5\n", 2, "whole number, got '2.5'"),
    (SPACE + "seed: -1\n", 2, "at least 0"),
    (SPACE + "recipe: emnist-leters-short\n", 2, "did you mean 'emnist-letters-short'?"),
    (SPACE + "recipe: none.yaml\n", 2, "none.yaml"),
    (SPACE + "name: a/b\n", 2, "'a/b'"),
    (SPACE + "name: tune-{loss.nam}\n", 2, "did you mean 'loss.name'?"),
    (SPACE + "set: {loss: {nam: ce}}\n", 2, "did you mean 'loss.name'?"),
    (SPACE + "set:\n  loss:\n    name: min-entt\n", 4, "did you mean 'min-ent'?"),
    (SPACE + "set: {optimizer: {lr: 1}}\n", 2, "unknown option 'optimizer.lr'; here it is 'optimizer.learning_rate'"),  # the program's words
    (SPACE + "set: {model: vgg5}\n", 2, "here it is 'net'"),
    (SPACE + "set: {device: cuda}\n", 2, "mixent trains on the CPU alone"),
    (SPACE + "set: {loss: {name: xent}}\n", 2, "did you mean 'ce'?"),
    ("space:\n  lr: {log_uniform: [0.1, 1]}\n", 2, "here it is 'optimizer.learning_rate'"),
    ("space:\n  loss.name: {choice: [xent, min-ent]}\n", 2, "did you mean 'ce'?"),
    (SPACE + "set: {epochs: many}\n", 2, "whole number from 1 to 1000000"),
    (SPACE + "set: {threads: 2}\n", 2, "--threads"),
    (SPACE + "set: {validation: {fraction: 0}}\n", 2, "held-out"),
    (SPACE + "set: {schedule: {name: spinal}, validation: {fraction: 0}}\n", 2, "looks at the validation part"),  # the program's words
    ("trials: 3\n", 1, "nothing is searched"),
    ("space: {}\n", 1, "nothing is searched"),
    ("space:\n  learning_rate: {uniform: [0, 1]}\n", 2, "here it is 'optimizer.learning_rate'"),
    ("space:\n  dropout: {unifrom: [0, 0.5]}\n", 2, "unknown distribution 'unifrom'; did you mean 'uniform'?"),
    ("space:\n  dropout: 0.5\n", 2, "expected a mapping"),
    ("space:\n  dropout: {uniform: [0, 0.5], integer: [0, 1]}\n", 2, "one of uniform"),
    ("space:\n  dropout: {uniform: [0, 2]}\n", 2, "expected a number from -1 to 0.99, got '2.0'"),
    ("space:\n  dropout: {uniform: [0.5, 0]}\n", 2, "below the second"),
    ("space:\n  dropout: {uniform: [0]}\n", 2, "two numbers"),
    ("space:\n  dropout: {uniform: [0, nan]}\n", 2, "expected a number, got 'nan'"),
    ("space:\n  dropout: {log_uniform: [0, 0.5]}\n", 2, "above 0"),
    ("space:\n  epochs: {uniform: [1, 5]}\n", 2, "say 'integer'"),
    ("space:\n  loss.style: {uniform: [1, 5]}\n", 2, "choice"),
    ("space:\n  loss.style: {choice: [free, sqare]}\n", 2, "did you mean 'square'?"),
    ("space:\n  loss.style: {choice: free}\n", 2, "a list of different values"),
    ("space:\n  loss.learn: {choice: [w1 w4]}\n", 2, "loss.learn: unknown 'w4'; did you mean 'w1'?"),
    ("space:\n  validation.seed: {integer: [1, 9]}\n", 2, "same images"),
    ("space:\n  dropout: {uniform: [0, 0.5], points: 1}\n", 2, "2 at least"),
    ("sampler: grid\nspace:\n  dropout: {uniform: [0, 0.5]}\n", 3, "points: 5"),
    ("space:\n  dropout: {uniform: [0, 0.5], when: {loss.lern: w1}}\n", 2, "did you mean 'loss.learn'?"),
    ("space:\n  dropout: {uniform: [0, 0.5], when: {loss.learn: w2}}\n  loss.learn: {choice: [none, w1]}\n", 2, "'w2'"),
    ("space:\n  dropout: {uniform: [0, 0.5], when: {epochs: 3}}\n  epochs: {integer: [1, 9]}\n", 2, "a range"),
    ("space:\n  loss.style: {choice: [free, square], when: {loss.learn: w1}}\n"
     "  loss.learn: {choice: [none, w1], when: {loss.style: free}}\n", 1, "wait for each other"),
    ("space:\n  dropout: [{uniform: [0, 0.5]}, {uniform: [0, 0.2], when: {loss.name: ce}}]\n", 2, "two of its entries"),
    ("space:\n  dropout: {uniform: [0, 0.5]}\n  dropout: {uniform: [0, 0.4]}\n", 3, "given twice"),
    ("space: {dropout: {uniform: [0, 0.5]}\n", 2, "expected"),
    ("- 3\n", 1, "expected a mapping"),
])
def test_wrong_files(read, text, line, said):
    with pytest.raises(SweepError) as failure:
        read(text)
    message = str(failure.value)
    assert f"space.yaml:{line}:" in message and said in message and "\n" not in message


def test_wrong_settings(read):
    with pytest.raises(SweepError, match="^unknown option 'loss.nam'; did you mean 'loss.name'?"):
        read(SPACE, {"loss.nam": "ce"})
    with pytest.raises(SweepError, match="^unknown option 'lr'; here it is 'optimizer.learning_rate'"):
        read(SPACE, {"lr": "0.1"})
    with pytest.raises(SweepError, match="there is nothing in it"):
        read("")


def test_the_command_line(program, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("MIXENT_PROGRAM", str(tmp_path / "nowhere"))
    assert main([str(tmp_path / "none.yaml")]) == 1
    assert capsys.readouterr().err.startswith(f"mixent-sweep: MIXENT_PROGRAM names {tmp_path}/nowhere, which is no program")
    monkeypatch.setenv("MIXENT_PROGRAM", program.path)
    assert main([str(tmp_path / "none.yaml")]) == 1
    assert capsys.readouterr().err == f"mixent-sweep: {tmp_path}/none.yaml: No such file or directory\n"
    (tmp_path / "space.yaml").write_text(SPACE)
    for words in (["--set", "epoch=3"], ["epoch=3"], ["epochs=3", "--set", "dropout=0", "epoch=3"]):
        assert main([str(tmp_path / "space.yaml"), *words]) == 2
        assert capsys.readouterr().err == "mixent-sweep: unknown option 'epoch'; here it is 'epochs'\n"
    with pytest.raises(SystemExit) as end:
        main([str(tmp_path / "space.yaml"), "--jobs", "0"])
    assert end.value.code == 2


@pytest.mark.parametrize("path", sorted((ROOT / "recipes" / "sweeps").glob("*.yaml")), ids=lambda path: path.stem)
@pytest.mark.parametrize("loss", ["ce", "min-ent", "mix-ent", "kl", "label-smoothing", "focal", "confidence-penalty", "symmetric-ce",
                                  "gce", "mae", "poly1", "bi-tempered", "brier"])
def test_the_sweeps_that_come_along(program, path, loss):
    if path.stem.startswith("paper") and loss not in path.stem:
        pytest.skip("made for one loss")
    sweep = read_sweep(path, program, {} if path.stem.startswith("paper") else {"loss.name": loss})
    assert sweep.trials >= 8 and len(sweep.parameters) >= 1 and loss in sweep.name
    for turn in range(8):  # the program takes what trials are made of: no option that loss, style or choices leave without effect
        chosen: dict[str, object] = {}
        for row in sweep.parameters:
            if row.counts(chosen):
                chosen[row.key] = row.choices[turn % len(row.choices)] if row.choices else row.low
        program.recipe_text(sweep.recipe, sweep.settings_of(chosen))


def test_sweeps_are_found_by_name(program, tmp_path, capsys, monkeypatch):
    assert set(built_in()) == {path.stem for path in (ROOT / "recipes" / "sweeps").glob("*.yaml")}
    assert find_sweep("tune").read_text() == (ROOT / "recipes" / "sweeps" / "tune.yaml").read_text()
    assert read_sweep(find_sweep("tune"), program, {"loss.name": "focal"}).name == "tune-focal"
    assert find_sweep("tune.yaml") == Path("tune.yaml") and find_sweep("./tune") == Path("tune")
    monkeypatch.setenv("MIXENT_PROGRAM", program.path)
    assert main(["tuen"]) == 2
    assert capsys.readouterr().err == "mixent-sweep: unknown sweep 'tuen'; did you mean 'tune'? (a file ends in .yaml)\n"


def test_messages_hold_nothing_that_a_terminal_obeys(program, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("MIXENT_PROGRAM", program.path)
    (tmp_path / "space.yaml").write_text('"a\\e[2J\\u202Eb": 1\n')
    assert main([str(tmp_path / "space.yaml")]) != 0
    said = capsys.readouterr().err
    assert said.endswith("\n") and said[:-1].isprintable() and "a\\x1b[2J\\u202eb" in said
