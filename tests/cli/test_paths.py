"""What may stand at a path the program reads or writes: links, devices, pipes, other people's files."""
import os
import stat
import subprocess

import pytest

from support import PROGRAM, environment


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
