"""What `make install` puts in place is enough to build on: the README's example, by pkg-config and by the CMake package."""
import math
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("MIXENT_BUILD", ROOT / "build" / "release"))
CMAKE = """cmake_minimum_required(VERSION 3.25)
project(example C)
find_package(mixent 0.1 REQUIRED)
add_executable(example example.c)
target_link_libraries(example mixent::mixent)
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    prefix = tmp_path_factory.mktemp("prefix")
    subprocess.run(["cmake", "--install", BUILD, "--prefix", prefix], check=True, capture_output=True)
    return prefix


@pytest.fixture
def example(tmp_path):
    code = re.search(r"^```c\n(.*?)^```$", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL).group(1)
    (tmp_path / "example.c").write_text(code)
    return tmp_path


def run(*words, **more):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def check_output(text):
    rows = [([2, 1, 0], 0), ([0, 3, 1], 1)]  # logits and label, as in the example
    terms = [0, 0]
    for logits, label in rows:
        total = sum(math.exp(z) for z in logits)
        q = [math.exp(z) / total for z in logits]
        terms[0] -= math.log(q[label]) / len(rows)
        terms[1] -= sum(p * math.log(p) for p in q) / len(rows)
    assert [float(word) for word in re.findall(r"\d\.\d+", text)] == pytest.approx(terms, abs=1e-6)


def test_pkg_config(installed, example):
    moved = example / "moved"
    shutil.copytree(installed, moved)  # the prefix is found from the file itself
    environment = dict(os.environ, PKG_CONFIG_PATH=str(next(moved.rglob("pkgconfig"))))
    flags = run("pkg-config", "--cflags", "--libs", "mixent", env=environment).split()
    run("cc", "-std=c17", "-Wall", "-Werror", example / "example.c", *flags, "-o", example / "example")
    check_output(run(example / "example"))


def test_cmake_package(installed, example):
    (example / "CMakeLists.txt").write_text(CMAKE)
    run("cmake", "-S", example, "-B", example / "build", f"-DCMAKE_PREFIX_PATH={installed}")
    run("cmake", "--build", example / "build")
    check_output(run(example / "build" / "example"))


def test_headers_stand_alone(installed):
    headers = sorted((installed / "include" / "mixent").glob("*.h"))
    assert headers
    for header in headers:
        run("cc", "-std=c17", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-x", "c", header, "-I", installed / "include")
        if shutil.which("c++"):
            run("c++", "-std=c++17", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-x", "c++", header, "-I",
                installed / "include")


def test_program(installed):
    assert run(installed / "bin" / "mixent", "version").startswith("mixent ")
