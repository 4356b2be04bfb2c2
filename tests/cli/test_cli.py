"""The program as a person or a script sees it: help, wrong use, recipes, networks, files that are not what they should be."""
import json
import os
import re
import subprocess

import pytest
from support import PROGRAM, ROOT, environment, make_dataset

COMMANDS = ["train", "tune", "eval", "predict", "export", "info", "compare", "study", "study export", "study import", "runs", "show",
            "report", "data", "data list", "data show", "data get", "demo", "help", "version"]


# Help and wrong use


def test_no_command_is_wrong_use(mixent):
    result = mixent()
    assert result.code == 2 and "mixent help" in result.message and not result.out


@pytest.mark.parametrize("words", [["help"], ["--help"], ["-h"]])
def test_help_lists_every_command(mixent, words):
    result = mixent(*words)
    assert result.code == 0 and not result.err
    for command in COMMANDS:
        if " " not in command:
            assert re.search(rf"^  {command}  +[A-Z]", result.out, re.MULTILINE), command


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command(mixent, command):
    result = mixent("help", *command.split())
    assert result.code == 0 and not result.err
    assert result.out.startswith(f"mixent {command}: ")
    assert f"Usage: mixent {command}" in result.out
    assert max(map(len, result.out.splitlines())) <= 90
    assert mixent(*command.split(), "--help").out == mixent(*command.split(), "-h").out == result.out


def test_help_of_train_names_every_fixed_option(mixent):
    text = mixent("help", "train").out
    for option in "recipe data data-dir loss net epochs seed threads precision plan set run json resume overwrite".split():
        assert re.search(rf"^  --{option}\b", text, re.MULTILINE), option


def test_help_of_recipes(mixent):
    text = mixent("help", "recipe").out
    for word in ("emnist-letters-short", "paper-mix-ent", "optimizer.learning_rate", "square_decay"):
        assert word in text


@pytest.mark.parametrize("command", [command for command in COMMANDS if command not in ("data", "study", "help")])
def test_the_documents_name_every_option(mixent, command):
    rows = "\n".join(line for line in (ROOT / "docs/COMMANDS.md").read_text().splitlines()
                     if line.startswith("| `mixent ") and f"`mixent {command}" in line)
    options = re.findall(r"^  --([\w-]+)", mixent("help", command).out, re.MULTILINE)
    assert rows and all(f"--{option}" in rows for option in options)


def titles_and_keys(text):
    lines = text.splitlines()
    return [line for line in lines if re.fullmatch(r"[A-Z].* \(\w+\)", line)], [line.strip() for line in lines if re.match(r"  [a-z]", line)]


def test_help_of_recipes_by_a_word(mixent):
    """Every option stands in one group; a word shows a group, a part of a key, a name from elsewhere, a choice."""
    every = [option["key"] for option in json.loads(mixent("train", "--dry-run", "--json").out)["options"]]
    whole = mixent("help", "recipe").out
    groups = re.findall(r"^[A-Z].* \((\w+)\)$", whole, re.MULTILINE)
    assert "loss" in groups and "schedule" in groups and "augment" in groups
    shown = []
    for group in groups:
        text = mixent("help", "recipe", group).out
        titles, keys = titles_and_keys(text)
        assert len(titles) == 1 and text.strip() in whole
        shown += keys
    assert sorted(shown) == sorted(every)
    for word, keys in {"schedule": ["schedule.name", "schedule.warmup"], "noise": ["noise.fraction", "noise.kind", "noise.matrix", "noise.seed"],
                       "seed": ["seed"], "rotation": ["augment.rotation", "augment.affine_rotation"], "loss.w1": ["loss.w1"],
                       "lr": ["optimizer.learning_rate"], "bi-tempered": ["loss.name"], "workers": ["threads"]}.items():
        assert titles_and_keys(mixent("help", "recipe", word).out)[1] == keys, word
    assert "trains on the CPU alone" in mixent("help", "recipe", "gpu").out
    for group, choices in {"schedule": ("constant", "one-cycle", "cosine", "spinal"), "optimizer": ("sgd", "adam", "adamw")}.items():
        for choice in choices:  # each is explained
            assert re.search(rf"^      {choice}: \w+ \w+", mixent("help", "recipe", group).out, re.MULTILINE), choice
    for word, near in {"scedule": "did you mean 'schedule'?", "optimizer.learning_raet": "'optimizer.learning_rate'?",
                       "zzzz": "the groups are run, data,"}.items():
        result = mixent("help", "recipe", word)
        assert result.code == 2 and near in result.message and not result.out


def test_settings_without_set(mixent):
    """`mixent train key=value`, among options, in the order given; after -- too."""
    def dry(*words):
        result = mixent("train", "--dry-run", *words)
        assert result.code == 0, result.err
        return result.out
    with_set = dry("--set", "epochs=3", "--set", "loss.name=min-ent", "--set", "optimizer.learning_rate=0.1")
    assert dry("epochs=3", "loss.name=min-ent", "optimizer.learning_rate=0.1") == with_set
    assert dry("epochs=9", "--loss", "min-ent", "--epochs", "3", "--", "optimizer.learning_rate=0.1") == with_set
    assert "epochs: 9\n" in dry("--epochs", "3", "epochs=9")
    assert 'name: "a=b"\n' in dry("name=a=b")
    assert "loss.name" in mixent("demo", "loss.name=ce").message


def test_version(mixent):
    words = mixent("version")
    assert words.code == 0 and re.match(r"mixent \d+\.\d+\.\d+\n", words.out)
    assert mixent("--version").out == words.out
    versions = json.loads(mixent("version", "--json").out)
    assert words.out.split()[1] == versions["mixent"] and versions["onednn"] in words.out


def test_only_the_build_for_several_ranks_needs_mpi(mixent):
    needed = subprocess.run(["ldd", PROGRAM], capture_output=True, text=True).stdout
    if not needed:
        pytest.skip("ldd cannot read the program")
    mpi = json.loads(mixent("version", "--json").out)["mpi"]
    assert (mpi is not None) == ("libmpi" in needed) == ("no MPI" not in mixent("version").out)


def test_messages_of_several_lines(mixent, tmp_path):
    """Lists in messages stand on lines of their own; a name cannot begin a line."""
    (tmp_path / "empty").mkdir()
    for word in ("mnist", "empty"):
        error = mixent("data", "show", word).err
        assert "\\x0a" not in error and error.count("\n  ") >= 3
    evil = mixent("data", "show", "gone\nmixent: all is well\x1b[1m").err
    assert "gone\\x0amixent: all is well\\x1b[1m" in evil and len(evil.splitlines()) == 1


def test_a_directory_does_not_hide_a_network(mixent, tmp_path):
    (tmp_path / "vgg5").mkdir()
    assert mixent("info", "vgg5").code == 0
    assert "got a directory" in mixent("info", "./vgg5").message


@pytest.mark.parametrize("words, suggestion", [
    (["trian"], "train"),
    (["evla", "x"], "eval"),
    (["data", "shw", "mnist"], "data show"),
    (["help", "predicct"], "predict"),
    (["train", "--epohcs", "3"], "--epochs"),
    (["train", "--los=ce"], "--loss"),
    (["eval", "x", "--splt", "test"], "--split"),
    (["eval", "x", "--split", "tets"], "test"),
    (["train", "--loss", "min-net"], "min-ent"),
    (["train", "--recipe", "paper-mixent"], "paper-mix-ent"),
    (["train", "--set", "optimizer.learning_rat=1"], "optimizer.learning_rate"),
    (["data", "show", "emnist-leters"], "emnist-letters"),
    (["data", "show", "emnist"], "emnist-letters"),
    (["data", "get", "EMNIST"], "emnist-letters"),
    (["train", "--data", "MNIST"], "mnist"),
    (["train", "--data", "CIFAR-10"], "cifar-10"),
    (["info", "vgg-5"], "vgg5"),
    (["info", "resnet2"], "resnet20"),
    (["train", "--loss", "CrossEntropy"], "ce"),
    (["train", "--precision", "float16"], "bf16"),
    (["train", "--set", "optimizer.name=SGD"], "sgd"),
])
def test_unknown_names_suggest_the_nearest(mixent, words, suggestion):
    result = mixent(*words)
    assert result.code == 2 and not result.out
    assert f"did you mean {suggestion}?" in result.message.replace("'", "")


# What PyTorch, Lightning, Keras, Hydra, fastai and Transformers call it, and what it is here.
ELSEWHERE = {"lr": "optimizer.learning_rate", "learning_rate": "optimizer.learning_rate", "learning-rate": "optimizer.learning_rate",
             "max_lr": "optimizer.learning_rate", "momentum": "optimizer.momentum", "weight-decay": "optimizer.weight_decay",
             "weight_decay": "optimizer.weight_decay", "wd": "optimizer.weight_decay", "optimizer": "optimizer.name",
             "opt_func": "optimizer.name", "scheduler": "schedule.name", "pct_start": "schedule.warmup", "batch_size": "batch",
             "per_device_train_batch_size": "batch", "bs": "batch", "batch-size": "batch", "label_smoothing": "loss.smoothing",
             "valid_pct": "validation.fraction", "validation_split": "validation.fraction", "dropout_rate": "dropout"}
# The same, where `train` has an option of that kind.
DIRECT = {"model": "net", "arch": "net", "dataset": "data", "criterion": "loss", "loss_fn": "loss", "max_epochs": "epochs",
          "n_epoch": "epochs", "manual_seed": "seed", "random_state": "seed", "dtype": "precision", "data_root": "data-dir"}
KEYS = {"loss": "loss.name", "data-dir": "data_dir"}


@pytest.mark.parametrize("word, key", ELSEWHERE.items())
def test_names_of_other_programs_are_answered_with_ours(mixent, tmp_path, word, key):
    said = f"unknown option '{word}'; here it is '{key}'"
    for setting in ([f"{word}=1"], ["--set", f"{word}=1"]):
        result = mixent("train", *setting)
        assert result.code == 2 and result.message == f"mixent: {said}"
    (tmp_path / "mine.yaml").write_text(f"{word}: 1\n")
    assert mixent("train", "--recipe", "mine.yaml").message == f"mixent: mine.yaml:1:1: {said}"
    for words in ([f"--{word}", "1"], [f"--{word}=1"]):
        for command in ("train", "demo"):
            assert mixent(command, *words).message == (
                f"mixent: {command}: unknown option --{word}; here it is '{key}': mixent {command} {key}=…")


@pytest.mark.parametrize("word, option", DIRECT.items())
def test_names_of_other_programs_for_options_of_train(mixent, word, option):
    assert mixent("train", f"{word}=1").message == f"mixent: unknown option '{word}'; here it is '{KEYS.get(option, option)}'"
    result = mixent("train", f"--{word}", "1")
    assert result.code == 2 and result.message == f"mixent: train: unknown option --{word}; here it is --{option}"


@pytest.mark.parametrize("words, option", [
    (["train", "--config", "x.yaml"], "--recipe"),
    (["train", "--output", "x"], "--run"),
    (["export", "r", "--output", "x.onnx"], "--onnx"),
    (["compare", "x", "--workers", "2"], "--jobs"),
    (["train", "--epoch", "3"], "--epochs"),
    (["train", "optimizer.lr=1"], "'optimizer.learning_rate'"),
    (["train", "trainer.max_epochs=1"], "'epochs'"),
    (["train", "+model.name=vgg5"], "'net'"),
])
def test_more_names_of_other_programs(mixent, words, option):
    result = mixent(*words)
    assert result.code == 2 and result.message.endswith(f"; here it is {option}")


def test_words_without_a_like_here_are_explained(mixent):
    for words in (["train", "--device", "cuda"], ["train", "--gpu"], ["eval", "x", "--device", "cpu"], ["train", "device=cuda"]):
        result = mixent(*words)
        assert result.code == 2 and "trains on the CPU alone" in result.message and "threads" in result.message
    for words in (["train", "--workers", "2"], ["train", "num_workers=2"]):
        assert "the threads that train also read and augment the images" in mixent(*words).message
    assert "the checkpoint or run is given without one" in mixent("eval", "--model", "x").message
    assert "did you mean" not in mixent("eval", "x", "--batch", "3").message


def test_a_batch_larger_than_the_data(mixent, tmp_path, tiny_net):
    make_dataset(tmp_path / "few", train=161, test=40)
    words = ["train", "--data", "few", "--net", tiny_net, "--epochs", "1", "--run", "run"]
    result = mixent(*words)
    assert result.code == 2 and "batch: expected at most the 153 training images of few, got 250" in result.message
    advice = re.search("; take '--set (batch=([0-9]+))', which makes ([0-9]+) steps", result.message)
    assert int(advice[3]) == 153 // int(advice[2]) >= 8
    assert mixent(*words, "--set", advice[1]).code == 0  # what it says works


@pytest.mark.parametrize("words, said", [
    (["train", "--data", "emnist-leters"], "did you mean emnist-letters?"),
    (["train", "--net", "vgg6", "--data", "bars"], "did you mean vgg5?"),
    (["train", "--recipe", "tabular"], "name the table with --data TABLE.csv"),
    (["train", "--recipe", "photos"], "name the folder of class folders with --data DIRECTORY"),
    (["train", "--loss", "ce", "--set", "loss.learn=w2", "--data", "bars"], "loss.learn: the loss 'ce' has nothing to learn"),
    (["train", "--epochs"], "--epochs N"),
    (["train", "--epochs", "many"], "whole number"),
    (["train", "--json=yes"], "no value"),
    (["train", "--set", "epochs"], "key=value"),
    (["train", "epochs"], "key=value"),
    (["train", "=3"], "expected key=value"),
    (["train", "here"], "'here'"),
    (["train", "-e", "3"], "-e"),
    (["train", "--resume", "r", "--epochs", "3"], "--resume"),
    (["train", "--resume", "r", "epochs=3"], "--resume"),
    (["train", "--resume", "r", "--dry-run"], "--resume"),
    (["eval"], "mixent eval CHECKPOINT"),
    (["predict", "model.safetensors"], "IMAGE"),
    (["info", "vgg5", "--side", "15"], "16 to 256"),
    (["info", "vgg5", "--batch", "20"], "info: --batch has no effect here: it needs --plan"),
    (["info", "vgg5", "--precision", "fp32"], "info: --precision has no effect here: it needs --plan"),
    (["info", "vgg5", "--threads", "2"], "info: --threads has no effect here: it needs --plan"),
    (["data"], "mixent help data"),
])
def test_wrong_use(mixent, bars, words, said):
    result = mixent(*words)
    assert result.code == 2 and not result.out
    assert said in result.message.replace("'vgg5'", "vgg5")


def test_output_that_cannot_be_written_is_a_failure(tmp_path):
    with open("/dev/full", "w") as full:
        done = subprocess.run([str(PROGRAM), "help"], stdout=full, stderr=subprocess.PIPE, text=True, env=environment())
    assert done.returncode == 1 and "standard output" in done.stderr


# Networks and data sets


@pytest.mark.parametrize("net, options, parameters", [
    ("vgg5", [], "3,654,362"),
    ("spinal-vgg5", [], "3,637,978"),
    ("resnet20", ["--channels", "3", "--side=32", "--classes", "10"], "269,722"),
])
def test_info_adds_up(mixent, net, options, parameters):
    text = mixent("info", net, *options).out
    assert f"{net}: {parameters} parameters" in text
    title, *lines = text.split("\n\n")[0].splitlines()
    column = slice(title.index("output") + len("output"), title.index("parameters") + len("parameters"))
    total = sum(int(line[column].replace(",", "")) for line in lines if line[column].strip())
    assert f"{total:,}" == parameters


def test_info_counts_multiply_adds(mixent):
    assert "161,028,096 multiply-adds" in mixent("info", "vgg5").out


def test_info_of_a_file_and_its_plan(mixent, tiny_net):
    result = mixent("info", tiny_net, "--side", "16", "--classes", "4", "--plan", "--batch", "20", "--precision", "fp32")
    assert result.code == 0 and "tiny: 1,332 parameters" in result.out
    assert re.search(r"\d+ +c2 .*backward weights", result.out)


def test_recipe_with_a_typo(mixent, tmp_path):
    (tmp_path / "mine.yaml").write_text("epochs: 2\noptimizer:\n  name: sgd\n  learning_rat: 0.1\n")
    result = mixent("train", "--recipe", "mine.yaml")
    assert result.code == 1 and "mine.yaml:4:3" in result.message and "optimizer.learning_rate" in result.message


def test_dry_run_shows_the_whole_recipe(mixent, tmp_path):
    words = ["train", "--dry-run", "--loss", "min-ent", "--set", "loss.learn=w1 b2", "--set", "dropout=0.123456789012345678"]
    whole = mixent(*words)
    assert whole.code == 0 and not whole.err and not (tmp_path / "runs").exists()
    (tmp_path / "whole.yaml").write_text(whole.out)
    again = mixent("train", "--dry-run", "--recipe", "whole.yaml")
    assert again.out == whole.out  # to the bit
    table = json.loads(mixent(*words, "--json").out)
    options = {option["key"]: option for option in table["options"]}
    assert table["name"] == "emnist-letters-short" and len(options) == whole.out.count(": ")
    assert options["loss.name"]["value"] == "min-ent" and "mix-ent" in options["loss.name"]["choices"]
    assert options["loss.learn"] | {"help": ""} == {"key": "loss.learn", "type": "names", "value": "w1 b2", "help": "", "choices": [
        "w1", "w2", "w3", "b1", "b2", "b3"]}
    assert options["epochs"]["type"] == "whole" and (options["epochs"]["low"], options["epochs"]["high"]) == (1, 1000000)
    assert options["data_alternative"]["value"] == ""
    assert mixent("train", "--dry-run", "--set", "dropout=2").code == 2


def test_recipe_that_is_not_there(mixent):
    result = mixent("train", "--recipe", "none.yaml")
    assert result.code == 1 and "none.yaml" in result.message


@pytest.mark.parametrize("content", [b"", b"\x08\0\0\0\0\0\0\0{}      ", os.urandom(100)])
def test_file_that_is_no_checkpoint(mixent, tmp_path, content):
    (tmp_path / "bad.safetensors").write_bytes(content)
    for command in (["eval", "bad.safetensors"], ["info", "bad.safetensors"], ["predict", "bad.safetensors", "x.png"]):
        result = mixent(*command)
        assert result.code == 1 and "bad.safetensors" in result.message and not result.out


def test_directory_instead_of_a_checkpoint(mixent, tmp_path):
    (tmp_path / "run.safetensors").mkdir()
    result = mixent("eval", "run.safetensors")
    assert result.code == 2 and "directory" in result.message
