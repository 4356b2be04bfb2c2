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
find_package(PACKAGE 0.1 REQUIRED)
add_executable(example example.c)
target_link_libraries(example mixent::PACKAGE)
"""
PACKAGES = ["mixent", "mixent-loss"]


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
    assert f"`{text.strip()}`" in (ROOT / "README.md").read_text()
    assert [float(word) for word in re.findall(r"\d\.\d+", text)] == pytest.approx(terms, abs=1e-6)


@pytest.mark.parametrize("package", PACKAGES)
def test_pkg_config(installed, example, package):
    moved = example / "moved"
    shutil.copytree(installed, moved, symlinks=True)  # the prefix is found from the file itself
    config = next(moved.rglob("pkgconfig"))
    flags = run("pkg-config", "--cflags", "--libs", package, env=dict(os.environ, PKG_CONFIG_PATH=str(config))).split()
    run("cc", "-std=c17", "-Wall", "-Werror", example / "example.c", *flags, "-o", example / "example")
    check_output(run(example / "example", env=dict(os.environ, LD_LIBRARY_PATH=str(config.parent))))


@pytest.mark.parametrize("package", PACKAGES)
def test_cmake_package(installed, example, package):
    (example / "CMakeLists.txt").write_text(CMAKE.replace("PACKAGE", package))
    run("cmake", "-S", example, "-B", example / "build", f"-DCMAKE_PREFIX_PATH={installed}")
    run("cmake", "--build", example / "build")
    check_output(run(example / "build" / "example"))


def test_the_shared_loss_library(installed):
    """It needs the C library alone, and exports what its headers declare and nothing else."""
    library = next(installed.rglob("libmixent-loss.so.*.*.*"))
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", run("readelf", "-d", library))
    assert {name.split(".so")[0] for name in needed} <= {"libc", "libm", "libpthread", "ld-linux-x86-64", "ld-linux-aarch64"}
    assert re.search(r"SONAME.*libmixent-loss\.so\.0\.1", run("readelf", "-d", library))
    exported = set(re.findall(r" [TDRB] (\w+)@", run("nm", "-D", "--defined-only", library)))
    text = "".join((ROOT / "include" / "mixent" / f"{name}.h").read_text() for name in ("status", "loss", "weights", "monitor"))
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    declared = set(re.findall(r"\b(mixent_\w+)\((?!\*)[^;{}]*\);", text)) | set(re.findall(r"extern const char \*const (\w+)", text))
    declared -= set(re.findall(r"typedef void (\w+)\(", text))
    assert exported == declared


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
