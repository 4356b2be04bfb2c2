"""What may stand at a path the program reads or writes: links, devices, pipes, other people's files."""
import os
import stat
import subprocess

import pytest

from support import PROGRAM, ROOT, environment, inject, make_folders


@pytest.fixture
def strange(tmp_path):
    """What never ends and what never begins."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    return [tmp_path / "pipe", tmp_path / "zero"]


@pytest.mark.parametrize("words", [["train", "--recipe"], ["train", "--data", "bars", "--net"], ["info"], ["eval"], ["compare"],
                                   ["train", "--data", "bars", "--plan"], ["study", "import"], ["data", "show"], ["export"],
                                   ["predict", "pipe"], ["report"], ["show"]])
def test_only_files_are_read(mixent, strange, bars, words):
    for path in strange:
        done = mixent(*words, path, timeout=10)
        assert done.code in (1, 2)
        assert done.message


def test_data_sets_of_pipes(mixent, strange, tmp_path):
    """One message, at once, for files of a data set that are none."""
    names = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte.gz")
    for kind in strange:
        idx, folders = tmp_path / f"idx-{kind.name}", tmp_path / f"folders-{kind.name}"
        idx.mkdir()
        for name in names:
            (idx / name).symlink_to(kind)
        assert "not a file" in mixent("data", "show", idx, timeout=10).message
        for part in ("train", "test"):
            (folders / part / "a").mkdir(parents=True)
            (folders / part / "a" / "1.png").symlink_to(kind)
        assert "1.png" in mixent("data", "show", folders, timeout=10).message
        table = tmp_path / f"{kind.name}.csv"
        table.symlink_to(kind)
        assert f"{table}: expected a directory or a regular file, got neither" in mixent("data", "show", table, timeout=10).message


def test_what_is_written_in_place_stays(mixent, bars, tmp_path):
    """A link is followed, a device and a pipe are written in place, and a foreseeable name beside the target is nobody's."""
    link, null, pipe, victim = (tmp_path / name for name in ("link.png", "null", "pipe", "precious"))
    victim.write_text("precious")
    link.symlink_to("target.png")
    (tmp_path / "target.png.new").symlink_to(victim)
    (tmp_path / "link.png.new").symlink_to(victim)
    null.symlink_to("/dev/null")
    os.mkfifo(pipe)
    for path in (link, null):
        done = mixent("data", "show", bars, "--out", path)
        assert done.code == 0, done.err
    with subprocess.Popen([str(PROGRAM), "data", "show", str(bars), "--out", str(pipe)], env=environment(),
                          stdout=subprocess.DEVNULL) as writer:
        drawn = pipe.read_bytes()
    assert writer.returncode == 0
    assert link.is_symlink() and null.is_symlink() and pipe.is_fifo() and stat.S_ISCHR(os.stat("/dev/null").st_mode)
    assert drawn.startswith(b"\x89PNG") and (tmp_path / "target.png").read_bytes() == drawn
    assert victim.read_text() == "precious"


def test_writers_to_one_path(bars, tmp_path):
    """Each of many succeeds, and the file is whole."""
    sheet = tmp_path / "sheet.png"
    words = [str(PROGRAM), "data", "show", str(bars), "--out", str(sheet)]
    writers = [subprocess.Popen(words, env=environment(), stdout=subprocess.DEVNULL) for _ in range(12)]
    assert [writer.wait() for writer in writers] == [0] * len(writers)
    assert sheet.read_bytes().endswith(b"IEND\xaeB`\x82")
    assert not list(tmp_path.glob(".mixent-*"))


@pytest.mark.parametrize("words", [["data", "show", "folders"], ["data", "show", "bars"], ["runs", "--runs", "some"]])
def test_a_directory_that_cannot_be_read(strace, bars, tmp_path, words):
    """It is an error, never a smaller data set or fewer runs."""
    make_folders(tmp_path / "folders", ".png", count=6)
    for number in range(3):
        (tmp_path / "some" / f"group-{number}" / "run").mkdir(parents=True)
        (tmp_path / "some" / f"group-{number}" / "run" / "recipe.yaml").write_text("epochs: 1\n")
    right = inject("getdents64:error=EIO:when=65535", *words, directory=tmp_path)
    assert right[0] == 0, right[2]
    failures = 0
    for when in range(1, 1000):
        code, out, err = inject(f"getdents64:error=EIO:when={when}", *words, directory=tmp_path)
        if (code, out) == right[:2]:  # no more such calls
            break
        failures += 1
        assert code == 1 and "cannot read directory" in err and "Input/output error" in err, (when, code, out, err)
    assert failures > 1


def test_standard_output_holds_the_file_alone(tmp_path):
    """`export --onnx /dev/stdout` through a pipe gives the bytes of the file; what was written is said beside it."""
    words = [str(PROGRAM), "export", str(ROOT / "tests/golden/formats-d2249e4/finished/best.safetensors"), "--onnx"]
    subprocess.run([*words, str(tmp_path / "model.onnx")], env=environment(), check=True, stdout=subprocess.DEVNULL)
    piped = subprocess.run([*words, "/dev/stdout"], env=environment(), check=True, capture_output=True)
    assert piped.stdout == (tmp_path / "model.onnx").read_bytes()
    assert piped.stderr.startswith(b"wrote /dev/stdout")


def test_a_path_that_recipe_yaml_cannot_hold(mixent, bars, tmp_path):
    """Latin-1 in a whole path: said before the run begins, which could not be resumed."""
    place = os.fsencode(tmp_path) + b"/b\xe4r"
    os.mkdir(place)
    bars.rename(os.fsdecode(place + b"/bars"))
    done = mixent("train", "--data", "bars", "--run", tmp_path / "run", directory=place)
    assert done.code == 2 and "data: expected UTF-8" in done.message and "b\\xe4r/bars" in done.message
    assert not (tmp_path / "run").exists()
