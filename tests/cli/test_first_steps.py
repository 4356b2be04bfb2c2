"""What someone types first: `make`, `make help`, the tour of the README."""
import re
import subprocess

from PIL import Image

from support import ROOT

README = (ROOT / "README.md").read_text()


def make(*words):
    done = subprocess.run(["make", "-s", *words], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_make_ends_by_saying_how_to_run_it():
    said = [line for line in make("-n", "release").splitlines() if line.startswith("echo")]
    spoken = subprocess.run(["bash", "-c", "\n".join(said)], cwd="/", capture_output=True, text=True).stdout
    export, = re.findall(r"export PATH=\S+", spoken)
    assert f'{ROOT}/build/release:$PATH' in export and "make install" in spoken


def test_make_help_lists_targets_alone():
    lines = make("help").splitlines()
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.M))
    listed = [re.match(r"  make ((?:[\w-]+, )*[\w-]+)  +\S", line) for line in lines]
    for line, found in zip(lines, listed):
        assert found or line.startswith(" " * 20), line  # a line that goes on
        assert not found or set(found[1].split(", ")) <= targets, line
    assert sum(1 for found in listed if found) > 20


def test_the_tour_can_be_followed(mixent, tiny):
    tour = re.search(r"## A minute's tour\n\n(.*?)\n\n`", README, re.S).group(1).splitlines()
    assert tour[0].strip().startswith('export PATH="$PWD/build/release:$PATH"')
    commands = {line.split()[1] for line in tour if line.split()[0] == "mixent"}
    assert all(f"mixent {command}" in mixent("help", command).out for command in commands)
    assert "examples/a.png" in "\n".join(tour)
    with Image.open(ROOT / "examples/a.png") as image:
        assert image.mode == "L" and image.getpixel((0, 0)) < 30 and max(image.getdata()) > 200  # light on dark, as the letters are
    assert mixent("train", *tiny, "--epochs", "1", "--run", "run").code == 0
    done = mixent("predict", "run", ROOT / "examples/a.png")
    assert done.code == 0 and not done.err


def test_the_sweep_of_the_tour_is_there():
    word, = re.findall(r"mixent-sweep (\S+)", re.search(r"## A minute's tour\n\n(.*?)\n\n`", README, re.S).group(1))
    assert (ROOT / "recipes/sweeps" / f"{word}.yaml").exists()
