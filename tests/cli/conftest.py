"""Fixtures of the command-line tests: running the program, and small data and networks for it."""
import shutil
import subprocess

import pytest

import injection
from support import PROGRAM, TINY_NET, Result, environment, inject, make_dataset


@pytest.fixture
def mixent(tmp_path):
    """mixent("train", "--json", …) runs the program in the test's own directory and returns code, out and err."""
    if not PROGRAM.exists():
        pytest.fail(f"{PROGRAM} is not built; run make")

    def run(*arguments, directory=tmp_path, timeout=120, **variables):
        done = subprocess.run([str(PROGRAM), *map(str, arguments)], cwd=directory, env=environment(**variables),
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout)
        return Result(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def bars(tmp_path):
    """The directory of a small data set: four classes, 400 train and 200 test images of 16 x 16 pixels."""
    return make_dataset(tmp_path / "bars")


@pytest.fixture
def tiny_net(tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY_NET)
    return path


@pytest.fixture
def tiny(bars, tiny_net):
    """The options of `mixent train` for a run that takes a second or two."""
    return ["--data", bars, "--net", tiny_net, "--epochs", "3", "--set", "batch=20", "--set", "optimizer.learning_rate=0.1", "--precision", "fp32", "--threads", "2"]


@pytest.fixture
def strace(tmp_path):
    works = shutil.which("strace") and inject("close:error=EIO:when=65535", "version", directory=tmp_path)[0] == 0
    if not works:
        pytest.skip("strace is not installed, or may not trace")


def pytest_terminal_summary(terminalreporter):
    if injection.COUNTS:
        terminalreporter.section("calls that failed: same result / exit 1 with a message / tolerated / faults")
        terminalreporter.write("\n".join(injection.table_of_counts()) + "\n")
