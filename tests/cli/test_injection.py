"""Each kind of call fails, once or for good, in every command: an exit code of 1 with a message, or the result of an undisturbed
run, never another answer and never a damaged file. See injection.py and tests/tools/fail.c.

`make test` takes a sample. `make test-long` takes each call that writes, and of other calls one for each distinct stack, about
20,000 runs; of the four runs that `compare` starts only the first fails, for the others do the same. INJECTIONS is the most of
each kind in each command. The outcomes are printed at the end, as a table."""
import errno
import json
import os
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy
import pytest
from PIL import Image

from events import await_event
import test_trackers
import test_trackers_tensorboard as tensorboard
from injection import KINDS, LIBRARY, OUTCOMES, WRITING, Command, Injection, count, sample
from studies import STUDY
from support import PROGRAM, TINY_NET, draw_images, environment, make_dataset
from test_results import A, B, rows_of, write

if not LIBRARY.exists():
    pytest.skip("tests/tools/fail.c is not built (with sanitizers, or for another processor)", allow_module_level=True)

TRAIN = ["train", "--json", "--data", "./bars", "--net", "tiny.yaml", "--epochs", "2", "--set", "batch=20", "--precision", "fp32",
         "--set", "validation.fraction=0.2", "--threads", "1"]


EVERY_OPTION = [word for setting in (
    "members=2", "distill.teacher=runs/done", "distill.augmented=true", "prune.fraction=0.5", "optimizer.clip_norm=1",
    "augment.erase=0.5", "ema.decay=0.9")
    for word in ("--set", setting)]

TEACHING = ["--set", "members=2", "--set", "distill.members=1"]


def resume_or_train(directory):
    return ["train", "--json", "--resume", "run"] if (directory / "run").exists() else [*TRAIN, "--run", "run"]


COMMANDS = {
    "train": Command([*TRAIN, "--run", "run"], again=resume_or_train),
    "resume": Command(["train", "--json", "--resume", "runs/begun"]),
    "eval": Command(["eval", "runs/done", "--data", "./bars", "--threads", "1"]),
    "predict": Command(["predict", "runs/done", "a.png", "--threads", "1"]),
    "export": Command(["export", "runs/done/best.safetensors", "--onnx", "model.onnx"]),
    "export --c": Command(["export", "runs/done/best.safetensors", "--c", "model.c", "--int8"]),
    "report": Command(["report", "runs/small"]),
    "runs": Command(["runs"]),
    "runs --csv": Command(["runs", "--csv", "--columns", "run,status,damage,test.accuracy,loss.name,epochs_done"]),
    "show": Command(["show", "done"]),
    "compare": Command(["compare", "runs/small", "--no-train"]),
    "compare --json": Command(["compare", "runs/small", "--no-train", "--json"]),
    "compare --results": Command(["compare", "--results", "results.csv", "results.jsonl.gz"], kinds=("memory", "open", "read", "write")),
    "compare, recorded": Command(["compare", "mine"], kinds=("memory", "open", "read", "write")),
    "compare --results, .npz": Command(["compare", "--results", "a.npz", "b.npz", "items.csv"], kinds=("memory", "open", "read", "write")),
    "compare --results, logs": Command(["compare", "--results", "logs", "--epoch", "best:loss"], kinds=("memory", "stat", "open", "read", "readdir", "write")),
    "compare --results, mlflow": Command(["compare", "--results", "mlflow.db"], kinds=("memory", "open", "read", "write")),
    "compare --results, evaluations": Command(["compare", "--results", "evaluations"], kinds=("memory", "open", "read", "write")),
    "compare --ledger": Command(["compare", "--ledger", "ledger"], kinds=("memory", "stat", "open", "read", "readdir", "write")),
    "report, recorded": Command(["report", "mine"], kinds=("memory", "open", "read", "write")),
    "study export": Command(["study", "export", "runs/small", "small.study.gz"]),
    "study import": Command(["study", "import", "given.study.gz", "--runs", "elsewhere"]),
    "data show": Command(["data", "show", "./bars"]),
    "data show, pictures": Command(["data", "show", "./pictures"], kinds=("memory", "stat", "open", "read", "readdir", "write"),
                                   variables={"OMP_NUM_THREADS": "1"}),
    "data show, zip": Command(["data", "show", "pictures.zip"], kinds=("memory", "open", "read", "write"), variables={"OMP_NUM_THREADS": "1"}),
    "data check": Command(["data", "check", "./bars", "--no-labels", "--html", "check.html"], kinds=("memory", "open", "read", "write"), variables={"OMP_NUM_THREADS": "1"}),
    "data check, pictures": Command(["data", "check", "./pictures", "--no-labels", "--json"], kinds=("memory", "open", "read", "write"), variables={"OMP_NUM_THREADS": "1"}),
    "help": Command(["help", "train"], kinds=("memory", "write")),
    "help recipe": Command(["help", "recipe"], kinds=("memory", "write")),
    "complete": Command(["complete", "--", "train", "--"], kinds=("memory", "write")),
    # what it measures differs from run to run, and with it its choice
    "tune": Command(["tune", "tiny.yaml", "--side", "16", "--classes", "3", "--batch", "4", "--precision", "fp32", "--threads", "1",
                     "--repetitions", "1", "--output", "plan.yaml", "--json"], vary=r'"?(plan_hash|backend|kept)"?: "?[\w-]*"?|-?\d+(\.\d+)?(e-\d+)?'),
    "train, every option": Command([*TRAIN, "--run", "run", *EVERY_OPTION], again=lambda directory: [*resume_or_train(directory), *(
        [] if (directory / "run").exists() else EVERY_OPTION)]),
    "eval, ensemble": Command(["eval", "runs/done", "runs/done", "--data", "./bars", "--threads", "1"], kinds=("memory", "open", "read", "write")),
    "export, ensemble": Command(["export", "runs/done", "runs/done", "--safetensors", "both.safetensors", "--half"],
                                kinds=("memory", "open", "read", "write", "fsync", "rename")),
    "export --hub": Command(["export", "runs/done", "--hub", "hub"],
                            kinds=("memory", "open", "read", "write", "fsync", "rename")),
    "predict, shipped": Command(["predict", "shipped", "a.png", "--threads", "1"], kinds=("memory", "stat", "open", "read")),
    "complete, shipped": Command(["complete", "--", "predict", ""], kinds=("memory", "stat", "open", "readdir", "write")),
    "train, members teach": Command([*TRAIN, "--run", "run", *TEACHING], again=lambda directory: [*resume_or_train(directory), *(
        [] if (directory / "run").exists() else TEACHING)], kinds=("memory", "open", "read")),
    "train, two threads": Command([*TRAIN, "--threads", "2", "--run", "run"], again=resume_or_train, kinds=("thread",)),
    "train, replicas": Command([*TRAIN, "--set", "replicas=4", "--run", "run"], again=lambda directory: [*resume_or_train(directory), *(
        [] if (directory / "run").exists() else ["--set", "replicas=4"])], kinds=("memory", "thread")),
    "compare, training": Command(["compare", "other.yaml", "--threads", "1", "--jobs", "1", "--json"]),
}
PROCESSES = 2  # the program, and the first that it starts


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    """A directory with a data set, a model that comes with mixent, a finished and an interrupted run, a study with four runs, and its file."""
    tried = subprocess.run([PROGRAM, "version"], env=environment(LD_PRELOAD=str(LIBRARY), FAIL_KIND="read"), capture_output=True,
                           text=True, timeout=120)
    if tried.returncode == 99:
        pytest.skip(tried.stderr)  # where filters of system calls are not allowed
    directory = tmp_path_factory.mktemp("template")
    make_dataset(directory / "bars", train=60, test=30, classes=3)
    (directory / "tiny.yaml").write_text(TINY_NET)
    (directory / "net.yaml").write_text(TINY_NET)
    (directory / "study.yaml").write_text(STUDY)
    (directory / "other.yaml").write_text(STUDY.replace("name: small", "name: other"))
    write(directory / "results.csv", rows_of(a=A))
    write(directory / "results.jsonl.gz", rows_of(b=B, c=B[:1]))
    Image.fromarray(draw_images([1], 16, 7)[0]).save(directory / "a.png")
    draw_pictures(directory / "pictures")

    def run(*words):
        done = subprocess.run([PROGRAM, *words], cwd=directory, env=environment(), capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr

    run(*TRAIN, "--run", "runs/done")
    (directory / "models/shipped").mkdir(parents=True)
    shutil.copy(directory / "runs/done/best.safetensors", directory / "models/shipped")
    begin_run(directory)
    run("compare", "study.yaml", "--threads", "1")
    run("study", "export", "runs/small", "given.study.gz")
    record_runs(directory)
    write_logs(directory)
    (directory / "ledger").mkdir()
    shutil.copy(directory / "given.study.gz", directory / "ledger" / "given.jsonl.gz")
    shutil.copytree(directory / "mine", directory / "ledger" / "mine")
    for path in directory.glob("runs/**/index.sqlite*"):
        path.unlink()
    return directory


def draw_pictures(directory):
    """Two pictures of each kind in class folders, and their archive."""
    for number, (mode, ending, options) in enumerate([("RGB", ".jpg", {}), ("RGBA", ".png", {}), ("P", ".bmp", {}), ("RGBA", ".webp", {"lossless": True})] * 2):
        folder = directory / ("one" if number % 2 else "two")
        folder.mkdir(parents=True, exist_ok=True)
        pixels = numpy.random.default_rng(number).integers(0, 256, (20 + number, 30, 3), numpy.uint8)
        Image.fromarray(pixels).convert(mode).save(folder / f"{number}{ending}", **options)
    shutil.make_archive(str(directory), "zip", directory)


def record_runs(directory):
    """Recorded runs with the predictions of the study's, the same in .npz, and a table of items."""
    for variant, seed in (("ce", 0), ("ce", 1), ("min-ent", 0), ("min-ent", 1)):
        place = directory / "mine" / f"{variant}-{seed}"
        place.mkdir(parents=True)
        (place / "record.json").write_text(json.dumps({"kind": "mixent record", "format": 1, "variant": variant, "seed": seed, "data": None,
                                                       "metrics": {"f1": 0.5}, "class_names": None}))
        shutil.copy(directory / "runs/small" / f"{variant}-{seed}" / "predictions.safetensors", place)
    for variant in "ab":
        numpy.savez_compressed(directory / f"{variant}.npz", variant=variant, seed=0, test_logits=numpy.diag([3, 3, ord(variant) - 98]), test_labels=[0, 1, 1],
                               val_logits=3 * numpy.eye(3), val_labels=[0, 1, 1], class_names=["x", "y", "z"], f1=0.5)
    (directory / "items.csv").write_text("variant,seed,data,item,correct\na,0,other,p,1\na,0,other,q,0\nb,0,other,p,1\nb,0,other,q,1\n")


def write_logs(directory):
    """What trackers write of two runs each."""
    (directory / "logs").mkdir()
    for variant in "ab":
        tensorboard.write_events(directory / "logs" / f"{variant}-0", *[tensorboard.event(step, tensorboard.simple("accuracy", 90 + step), tensorboard.simple("loss", step))
                                                                        for step in range(2)])
        (directory / "logs" / f"{variant}-1.csv").write_text("epoch,accuracy,loss\n0,0.5,1\n1,0.75,0.5\n")
        (directory / "logs" / f"{variant}_2" / "version_0").mkdir(parents=True)
        (directory / "logs" / f"{variant}_2" / "version_0" / "metrics.csv").write_text("epoch,step,accuracy,loss\n0,5,,1\n0,9,0.5,\n")
        (directory / "logs" / f"{variant}_2" / "version_0" / "hparams.yaml").write_text("lr: 0.1\n")
        test_trackers.write_evaluation(directory / "evaluations" / variant, [1, 0, variant == "a"])
    test_trackers.write_store(directory / "mlflow.db")


def begin_run(directory):
    """A run as a process leaves it that ends after the first of twelve epochs."""
    words = [*TRAIN, "--epochs", "12", "--run", "runs/begun"]
    process = subprocess.Popen([PROGRAM, *words], cwd=directory, env=environment(), stdout=subprocess.PIPE, text=True)
    await_event(process, "epoch")
    process.kill()
    process.wait(timeout=60)
    process.stdout.close()
    for name in ("summary.json", "predictions.safetensors"):
        assert not (directory / "runs" / "begun" / name).exists()


@pytest.fixture
def scratch(tmp_path):
    """A directory in memory where there is one: hundreds of runs write to it."""
    place = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=place if os.access(place, os.W_OK) else tmp_path) as directory:
        yield Path(directory)


def check(name, injection, calls, kind=None, **variables):
    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(lambda call: injection.judge(call, **variables), calls))
    faults = [outcome for outcome in outcomes if outcome not in OUTCOMES]
    for call, outcome in zip(calls, outcomes):
        count(name, kind or call.kind, outcome)
    assert not faults, f"{len(faults)} of {len(calls)}:\n" + "\n".join(faults[:20])


@pytest.mark.parametrize("name", COMMANDS)
def test_a_sample_of_calls_fails(name, template, scratch):
    """Of each kind two, those within oneDNN left out, for they end the process."""
    injection = Injection(template, COMMANDS[name], scratch)
    calls = []
    for kind in COMMANDS[name].kinds:
        found = [call for call in injection.calls(kind) if call.process <= PROCESSES and not call.within("libdnnl.so")]
        assert kind not in ("memory", "open", "write") or found
        calls += sample(found, 3 if kind == "memory" else 2, name)
    check(name, injection, calls)
    check(name, injection, sample(calls, 4, name), FAIL_ON="1")


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", COMMANDS)
def test_every_call_fails(name, kind, template, scratch):
    """Every call once, every fourth for good; of allocations within oneDNN twenty."""
    command = COMMANDS[name]
    if kind not in command.kinds:
        pytest.skip("another command has these calls")
    injection = Injection(template, command, scratch)
    calls = [call for call in injection.calls(kind) if call.process <= PROCESSES]
    within = [call for call in calls if kind == "memory" and call.within("libdnnl.so")]
    outside = [call for call in calls if kind != "memory" or not call.within("libdnnl.so")]
    outside = sample(outside, int(os.environ.get("INJECTIONS", len(outside))), name)
    check(name, injection, outside + sample(within, 20, name))
    check(name, injection, outside[::4], FAIL_ON="1")


@pytest.mark.long
@pytest.mark.parametrize("name", [name for name, command in COMMANDS.items() if "write" in command.kinds])
@pytest.mark.parametrize("error", [0, errno.EINTR, errno.EIO], ids=["half", "interrupted", "broken"])
def test_every_write_fails_otherwise(name, error, template, scratch):
    """The disk takes half of what is written, a signal interrupts a write, the disk breaks."""
    injection = Injection(template, COMMANDS[name], scratch)
    calls = [call for call in injection.calls("write") if call.process <= PROCESSES]
    check(name, injection, calls, "write otherwise", FAIL_ERROR=error)


def test_a_passing_error_is_not_kept(template, scratch):
    """A file that cannot be opened for once makes its run damaged in one answer of `runs`, not in the next."""
    words = ["runs", "--csv", "--columns", "run,status,damage,seed,test.accuracy,epochs_done"]
    injection = Injection(template, Command(words), scratch)
    damaged = 0
    for call in injection.calls("open"):
        directory = injection.copy()
        found = injection.run_watched(directory, "open", FAIL_AT=call.number)
        damaged += "damaged" in found.stdout
        assert ("damaged" in found.stdout) <= (found.returncode == 1 and "listed as damaged" in found.stderr)
        again = injection.run(directory)
        assert (again.returncode, again.stdout, again.stderr) == (0, injection.right.stdout, ""), call
        shutil.rmtree(directory)
    assert damaged >= 4
