"""Memory runs out, once or for good: an exit code of 1 with a message, or the result of an undisturbed run, never another answer and
never a damaged file. See injection.py."""
import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image

from injection import LIBRARY, Command, Injection, sample
from support import PROGRAM, TINY_NET, draw_images, environment, make_dataset
from test_compare import STUDY

if not LIBRARY.exists():
    pytest.skip("tests/tools/fail.c is not built (a sanitizer has an allocator of its own)", allow_module_level=True)

TRAIN = ["train", "--json", "--data", "./bars", "--net", "tiny.yaml", "--epochs", "2", "--set", "batch=20", "--precision", "fp32",
         "--set", "validation.fraction=0.2", "--threads", "1"]


def resume_or_train(directory):
    return ["train", "--json", "--resume", "run"] if (directory / "run").exists() else [*TRAIN, "--run", "run"]


COMMANDS = {
    "train": Command([*TRAIN, "--run", "run"], again=resume_or_train),
    "resume": Command(["train", "--json", "--resume", "runs/begun"]),
    "eval": Command(["eval", "runs/done", "--data", "./bars", "--threads", "1"]),
    "predict": Command(["predict", "runs/done", "a.png", "--threads", "1"]),
    "export": Command(["export", "runs/done/best.safetensors", "--onnx", "model.onnx"]),
    "report": Command(["report", "runs/small"]),
    "runs": Command(["runs"]),
    "runs --csv": Command(["runs", "--csv", "--columns", "run,status,damage,test.accuracy,loss.name,epochs_done"]),
    "show": Command(["show", "done"]),
    "compare": Command(["compare", "runs/small", "--no-train"]),
    "compare --json": Command(["compare", "runs/small", "--no-train", "--json"]),
    "study export": Command(["study", "export", "runs/small", "small.study.gz"]),
    "study import": Command(["study", "import", "given.study.gz", "--runs", "elsewhere"]),
    "data show": Command(["data", "show", "./bars"]),
}


# Of more than one process, and longer.
LONG_COMMANDS = {**COMMANDS, "compare, training": Command(["compare", "other.yaml", "--threads", "1", "--jobs", "1", "--json"])}


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    """A directory with a data set, a finished and an interrupted run, a study with four runs, and its file."""
    directory = tmp_path_factory.mktemp("template")
    make_dataset(directory / "bars", train=60, test=30, classes=3)
    (directory / "tiny.yaml").write_text(TINY_NET)
    (directory / "net.yaml").write_text(TINY_NET)
    (directory / "study.yaml").write_text(STUDY)
    (directory / "other.yaml").write_text(STUDY.replace("name: small", "name: other"))
    Image.fromarray(draw_images([1], 16, 7)[0]).save(directory / "a.png")

    def run(*words):
        done = subprocess.run([PROGRAM, *words], cwd=directory, env=environment(), capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr

    run(*TRAIN, "--run", "runs/done")
    begin_run(directory)
    run("compare", "study.yaml", "--threads", "1")
    run("study", "export", "runs/small", "given.study.gz")
    for path in directory.glob("runs/**/index.sqlite*"):
        path.unlink()
    return directory


def begin_run(directory):
    """A run as a process leaves it that ends after the first of twelve epochs."""
    words = [*TRAIN, "--epochs", "12", "--run", "runs/begun"]
    process = subprocess.Popen([PROGRAM, *words], cwd=directory, env=environment(), stdout=subprocess.PIPE, text=True)
    process.stdout.readline()
    process.kill()
    process.wait(timeout=60)
    process.stdout.close()
    for name in ("summary.json", "predictions.safetensors"):
        assert not (directory / "runs" / "begun" / name).exists()


def check(injection, numbers, **variables):
    with ThreadPoolExecutor(2) as pool:
        faults = list(filter(None, pool.map(lambda number: injection.judge(number, **variables), numbers)))
    assert not faults, f"{len(faults)} of {len(numbers)}:\n" + "\n".join(faults[:20])


def within_onednn(objects):
    return any(name.startswith("libdnnl.so") for name in objects)


@pytest.mark.parametrize("name", COMMANDS)
def test_memory_runs_out(name, template, tmp_path):
    """A sample of places, those within oneDNN left out, for they end the process."""
    injection = Injection(template, COMMANDS[name], tmp_path)
    calls = [number for number, objects in injection.calls() if not within_onednn(objects)]
    assert len(calls) > 20
    check(injection, sample(calls, 4, name))
    check(injection, sample(calls, 1, name + " for good"), FAIL_ON="1")


@pytest.mark.long
@pytest.mark.parametrize("name", LONG_COMMANDS)
def test_memory_runs_out_everywhere(name, template, tmp_path):
    """Every place once, every fourth for good; within oneDNN a sample. INJECTIONS is the most of each."""
    most = int(os.environ.get("INJECTIONS", "1000000"))
    injection = Injection(template, LONG_COMMANDS[name], tmp_path)
    calls = injection.calls()
    within = [number for number, objects in calls if within_onednn(objects)]
    outside = [number for number, objects in calls if not within_onednn(objects)]
    check(injection, sample(outside, most, name) + sample(within, min(most, 20), name))
    check(injection, sample(outside, min(most, len(outside)) // 4, name + " for good"), FAIL_ON="1")


def test_a_passing_error_is_not_kept(template, tmp_path):
    """A file that cannot be opened for once makes its run damaged in one answer of `runs`, not in the next."""
    words = ["runs", "--csv", "--columns", "run,status,damage,seed,test.accuracy,epochs_done"]
    injection = Injection(template, Command(words), tmp_path)
    trace = tmp_path / "opens"
    injection.run(injection.copy(), LD_PRELOAD=str(LIBRARY), FAIL_KIND="open", FAIL_TRACE=str(trace))
    damaged = 0
    for number in [line.split()[0] for line in trace.read_text().splitlines()]:
        directory = injection.copy()
        found = injection.run(directory, LD_PRELOAD=str(LIBRARY), FAIL_KIND="open", FAIL_AT=number)
        damaged += "damaged" in found.stdout
        again = injection.run(directory)
        assert (again.returncode, again.stdout, again.stderr) == (0, injection.right.stdout, ""), f"open {number}"
        shutil.rmtree(directory)
    assert damaged >= 4
