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
STATISTICS = """#include <mixent/statistics.h>
#include <stdio.h>
int main(void) {
  const double a[] = {94.8, 94.9, 94.7, 94.9, 94.8}, b[] = {94.6, 94.7, 94.6, 94.5, 94.7};
  mixent_paired paired;
  if (mixent_paired_compare(a, b, 5, 0.95, &paired) != MIXENT_OK) return puts(mixent_last_error()), 1;
  printf("%.4f %.4f %.4f\\n", paired.difference.mean, paired.difference.low, paired.difference.high);
}
"""
# What a program that trains and predicts is linked with.
TRAINING = """#include <mixent/train.h>
#include <stdio.h>
int main(void) {
  mixent_model *model;
  mixent_train_summary summary;
  const mixent_train_options options = {.recipe = "no-such-recipe"};
  printf("%d", mixent_train(&options, &summary) != MIXENT_OK);
  printf("%d", mixent_model_open("/no/such/model", &model) != MIXENT_OK);
}
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


@pytest.mark.parametrize("package", ["mixent", "mixent-stats"])
def test_statistics_alone(installed, tmp_path, package):
    """The interval of the paired t test, 0.2 -+ 2.776 * 0.0548, from either library."""
    (tmp_path / "example.c").write_text(STATISTICS)
    config = next(installed.rglob("pkgconfig"))
    flags = run("pkg-config", "--cflags", "--libs", package, env=dict(os.environ, PKG_CONFIG_PATH=str(config))).split()
    run("cc", "-std=c17", "-Wall", "-Werror", tmp_path / "example.c", *flags, "-o", tmp_path / "example")
    assert run(tmp_path / "example", env=dict(os.environ, LD_LIBRARY_PATH=str(config.parent))) == "0.2000 0.0479 0.3521\n"
    (tmp_path / "CMakeLists.txt").write_text(CMAKE.replace("PACKAGE", package))
    run("cmake", "-S", tmp_path, "-B", tmp_path / "build", f"-DCMAKE_PREFIX_PATH={installed}")
    run("cmake", "--build", tmp_path / "build")
    assert run(tmp_path / "build" / "example").startswith("0.2000")


def needed(library):
    """The libraries that a shared library or a program names, without their versions."""
    names = re.findall(r"\(NEEDED\).*\[(.*)\]", run("readelf", "-d", library))
    return {name.split(".so")[0] for name in names}


def test_training_and_predicting_need_no_sqlite(installed, tmp_path):
    """The shared library by pkg-config, the archive by CMake."""
    (tmp_path / "example.c").write_text(TRAINING)
    config = next(installed.rglob("pkgconfig"))
    assert "sqlite" not in (config / "mixent.pc").read_text()
    assert "SQLITE" not in "".join(file.read_text() for file in (config.parent / "cmake" / "mixent").glob("*.cmake"))
    flags = run("pkg-config", "--cflags", "--libs", "mixent", env=dict(os.environ, PKG_CONFIG_PATH=str(config))).split()
    run("cc", "-std=c17", tmp_path / "example.c", *flags, "-o", tmp_path / "example")
    (tmp_path / "CMakeLists.txt").write_text(CMAKE.replace("find_package(PACKAGE", "find_package(mixent").replace("PACKAGE", "mixent-static"))
    run("cmake", "-S", tmp_path, "-B", tmp_path / "build", f"-DCMAKE_PREFIX_PATH={installed}")
    run("cmake", "--build", tmp_path / "build")
    for program in tmp_path / "example", tmp_path / "build" / "example":
        assert run(program, env=dict(os.environ, LD_LIBRARY_PATH=str(config.parent))) == "11"
        assert "libsqlite3" not in needed(program) | needed(config.parent / "libmixent.so")


@pytest.mark.parametrize("name", ["mixent", "mixent-loss", "mixent-stats"])
def test_a_shared_library_uses_all_that_it_names(installed, name):
    """Of each library that it needs it takes a function or table."""
    library = next(installed.rglob(f"lib{name}.so.*.*.*"))
    wanted = set(re.findall(r" U (\w+)", run("nm", "-D", "--undefined-only", library)))
    places = dict(re.findall(r"^\s+(\S+) => (/\S+)", run("ldd", library), re.MULTILINE))
    for needs in re.findall(r"\(NEEDED\).*\[(.*)\]", run("readelf", "-d", library)):
        if needs.startswith("ld-linux"):  # of the C library, for variables of threads
            continue
        given = set(re.findall(r" [A-TV-Zi] (\w+)", run("nm", "-D", "--defined-only", places[needs])))
        assert wanted & given, f"lib{name}.so names {needs}, of which it uses nothing"


def declared_in(headers):
    """The functions and tables that public headers declare."""
    text = "".join((ROOT / "include" / "mixent" / f"{name}.h").read_text() for name in headers)
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    names = set(re.findall(r"\b(mixent_\w+)\((?!\*)[^;{}]*\);", text)) | set(re.findall(r"extern const char \*const (\w+)", text))
    return names - set(re.findall(r"typedef \w+ (\w+)\(", text))


SMALL = {"libc", "libm", "libpthread", "ld-linux-x86-64", "ld-linux-aarch64"}
LIBRARIES = {"mixent-loss": ["status", "loss", "weights", "monitor"], "mixent-stats": ["status", "statistics"],
             "mixent": sorted(path.stem for path in (ROOT / "include" / "mixent").glob("*.h"))}


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_shared_library(installed, name):
    """It has a SONAME and exports what its headers declare and nothing else; the small ones need the C library alone."""
    library = next(installed.rglob(f"lib{name}.so.*.*.*"))
    assert name == "mixent" or needed(library) <= SMALL
    assert re.search(rf"SONAME.*lib{name}\.so\.0\.1", run("readelf", "-d", library))
    exported = set(re.findall(r" [TDRB] (\w+)@", run("nm", "-D", "--defined-only", library)))
    assert exported == declared_in(LIBRARIES[name])


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


def test_models(installed):
    """All of models/ lies where the program looks: tests/cli/test_shipped.py."""
    placed, ours = installed / "share/mixent/models", ROOT / "models"
    files = [path.relative_to(ours) for path in ours.rglob("*") if path.is_file()]
    assert files and all((placed / path).read_bytes() == (ours / path).read_bytes() for path in files)
    for path in ours.glob("*/best.safetensors"):
        assert "trained on" in run(installed / "bin/mixent", "info", path.parent.name)


def test_all_of_it_can_be_removed(tmp_path):
    """As `make uninstall` does, by the list that `make install` keeps; what lay there before stays."""
    others = tmp_path / "prefix" / "include" / "mixent" / "others.h"
    others.parent.mkdir(parents=True)
    others.write_text("")
    subprocess.run(["cmake", "--install", BUILD, "--prefix", tmp_path / "prefix"], check=True, capture_output=True)
    listed = tmp_path / "list"
    shutil.copy(BUILD / "install_manifest.txt", listed)
    assert len(list((tmp_path / "prefix").rglob("*"))) > 30
    subprocess.run([ROOT / "tools" / "uninstall", listed], check=True, capture_output=True)
    left = [path for path in (tmp_path / "prefix").rglob("*") if not path.is_dir()]
    assert left == [others] and not listed.exists()
    assert {path.name for path in (tmp_path / "prefix").rglob("mixent*")} == {"mixent"}
    assert not (tmp_path / "prefix/share/mixent").exists()
    assert subprocess.run([ROOT / "tools" / "uninstall", listed], capture_output=True).returncode == 1
