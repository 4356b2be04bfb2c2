"""What the system hides (permissions, a broken disk) is an error that names it, never "not there" and never a smaller answer."""
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from support import PROGRAM, ROOT, environment, inject, make_dataset

GOLDEN = ROOT / "tests/golden/formats-d2249e4"


@pytest.fixture
def study(mixent, tmp_path):
    """A study and its runs: (its directory, a run of it)."""
    done = mixent("study", "import", GOLDEN / "study.jsonl", "--runs", tmp_path / "runs")
    assert done.code == 0, done.err
    summary = sorted((tmp_path / "runs").glob("*/**/summary.json"))[0]
    return next((tmp_path / "runs").glob("*/study.yaml")).parent, summary.parent


def test_a_run_of_a_study(strace, study, tmp_path):
    place, run = study
    for words in (["compare", place, "--no-train"], ["compare", place], ["report", place], ["study", "export", place, "out.jsonl"]):
        code, out, err = inject("%%stat:error=EIO", *words, directory=tmp_path, path=run / "summary.json")
        assert code == 1 and out == "" and f"cannot look at {run}/summary.json: Input/output error" in err, (words, out, err)


def test_a_study_is_not_taken_for_none(strace, study, tmp_path):
    place, _ = study
    for words in (["compare", place, "--no-train"], ["report", place]):
        for name in ("study.yaml", "study.json"):
            code, out, err = inject("%%stat:error=EIO", *words, directory=tmp_path, path=place / name)
            assert code == 1 and out == "" and f"{place}/{name}: Input/output error" in err, (words, out, err)


@pytest.mark.parametrize("words", [["show"], ["report"], ["train", "--resume"]])
def test_one_run(strace, tmp_path, words):
    run = shutil.copytree(GOLDEN / "finished", tmp_path / "a")
    code, out, err = inject("%%stat:error=EIO", *words, "a", directory=tmp_path, path="a/recipe.yaml")
    assert code == 1 and out == "" and "cannot look at a/recipe.yaml: Input/output error" in err, (out, err)
    assert not (run / "report.html").exists()


def test_runs_lists_what_is_hidden(mixent, strace, tmp_path):
    """As damaged, and as it is when the disk answers again."""
    for name in ("a", "b"):
        shutil.copytree(GOLDEN / "finished", tmp_path / "runs" / name)
    code, out, err = inject("%%stat:error=EACCES", "runs", "--csv", "--columns", "run,status", directory=tmp_path,
                            path="runs/a/recipe.yaml")
    assert code == 1 and out.splitlines() == ["run,status", "a,damaged", "b,finished"], err
    assert "runs/a/recipe.yaml: Permission denied" in err and "1 run is listed as damaged" in err
    assert mixent("runs", "--csv", "--columns", "run,status").out.splitlines() == ["run,status", "a,finished", "b,finished"]
    (tmp_path / "runs/a/recipe.yaml").unlink()
    os.mkfifo(tmp_path / "runs/a/recipe.yaml")
    assert mixent("runs", "--csv", "--columns", "run,status").out.splitlines() == ["run,status", "a,damaged", "b,finished"]


@pytest.mark.parametrize("call", ["getdents64", "%%stat"])
def test_data_sets(strace, tmp_path, call):
    """Neither "not here", nor another place's set, nor the recipe's other choice."""
    first, second = tmp_path / "first", tmp_path / "data"
    for place in (first, second):
        make_dataset(place / "emnist-letters", train=60, test=60, side=28)
        make_dataset(place / "fashion-mnist", train=60, test=60, side=28)
    hidden = first / "emnist-letters"
    for words in (["data", "list"], ["data", "show", "emnist-letters"], ["demo"], ["train", "--recipe", "demo"]):
        code, out, err = inject(f"{call}:error=EIO", *words, "--data-dir", first, directory=tmp_path, path=hidden)
        assert code == 1 and str(hidden) in err and "Input/output error" in err, (words, out, err)


@pytest.fixture
def nobody():
    """nobody(*words) -> (code, out, err) of a user who is not root, in the directory nobody.directory."""
    user = 65534 if os.getuid() == 0 else None
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        program = shutil.copy2(PROGRAM, name)

        def run(*words, **variables):
            done = subprocess.run([program, *map(str, words)], cwd=name, env=dict(environment(), **variables), user=user, capture_output=True, text=True)
            return done.returncode, done.stdout, done.stderr

        run.directory = Path(name)
        try:
            subprocess.run(["true"], user=user, check=True)
        except PermissionError:  # a root directory that only root may enter, as some containers have
            pytest.skip("no other user can run anything here")
        yield run
        for path in run.directory.glob("**/closed"):
            os.chmod(path, 0o700)


def test_runs_that_may_not_be_read(nobody):
    runs = nobody.directory / "runs"
    for name in ("closed", "group/closed", "open"):
        shutil.copytree(GOLDEN / "finished", runs / name)
    for name in ("closed", "group/closed"):
        (runs / name).chmod(0)
    code, out, err = nobody("runs", "--csv", "--columns", "run")
    assert code == 1 and out.splitlines() == ["run", "open"]
    assert err.splitlines()[-1] == "mixent: you may not read runs/closed, runs/group/closed; the runs in it are not listed; check the permissions"
    for words in (["show", "runs/closed"], ["show", "closed"], ["report", "runs/closed"], ["compare", "runs/closed"],
                  ["train", "--resume", "runs/closed"], ["eval", "runs/closed"], ["info", "runs/closed"]):
        code, out, err = nobody(*words)
        assert code == 1 and out == "" and "runs/closed/" in err and "Permission denied; check its permissions" in err, (words, err)


def test_a_home_that_is_not_ours(nobody):
    """A cache that may not be entered is one place less to look in."""
    home = nobody.directory / "closed"
    home.mkdir(mode=0)
    code, out, err = nobody("data", "list", "--json", HOME=str(home))
    assert code == 0 and [json.loads(line)["name"] for line in out.splitlines()][0] == "emnist-letters", err
