"""Files read and written by the package: only files are read; a link, a device or a pipe at the path stays, permissions stay, nothing half-written takes a place."""
import multiprocessing
import os
import stat
import tempfile
import threading

import pytest

from mixent._files import read_text, replacing


def write(path, text="new"):
    with replacing(path) as file:
        file.write(text)


def test_links_stay(tmp_path):
    (tmp_path / "inner").mkdir()
    link = tmp_path / "link"
    link.symlink_to("inner/file")
    for text in ("first", "second"):
        write(link, text)
        assert link.is_symlink() and (tmp_path / "inner" / "file").read_text() == text
    assert os.listdir(tmp_path / "inner") == ["file"]


def test_devices_and_pipes_stay(tmp_path):
    link, pipe, got = tmp_path / "null", tmp_path / "pipe", []
    link.symlink_to("/dev/null")
    write(link)
    assert link.is_symlink() and stat.S_ISCHR(os.stat("/dev/null").st_mode)
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: got.append(pipe.read_text()))
    reader.start()
    write(pipe, "through")
    reader.join()
    assert got == ["through"] and pipe.is_fifo()


def test_permissions(tmp_path):
    before = os.umask(0o027)
    try:
        path = tmp_path / "file"
        write(path)
        assert path.stat().st_mode & 0o777 == 0o640
        for mode in (0o600, 0o666):
            path.chmod(mode)
            write(path)
            assert path.stat().st_mode & 0o777 == mode
        if os.geteuid():
            path.chmod(0o444)
            with pytest.raises(PermissionError):
                write(path)
    finally:
        os.umask(before)


def _replace_as_user(path, groups):
    os.setgroups(groups)
    os.setgid(34567)
    os.setuid(34567)
    write(path)


@pytest.mark.skipif(os.geteuid() != 0 or not os.stat("/").st_mode & 0o001, reason="root alone gives files away, and other users must get in")
def test_access_is_never_wider():
    with tempfile.TemporaryDirectory() as directory:  # pytest's own is closed to other users
        os.chmod(directory, 0o777)
        path = os.path.join(directory, "file")
        for mode, groups, group, expected in ((0o660, [23456], 23456, 0o660), (0o662, [], 34567, 0o622), (0o606, [], 34567, 0o600)):
            with open(path, "w"):
                os.chown(path, 12345, 23456)
                os.chmod(path, mode)
            writer = multiprocessing.Process(target=_replace_as_user, args=(path, groups))
            writer.start()
            writer.join()
            about = os.stat(path)
            assert (writer.exitcode, about.st_uid, about.st_gid, about.st_mode & 0o777) == (0, 34567, group, expected)


def test_what_is_half_written_goes(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "file.new").symlink_to("precious")
    with pytest.raises(KeyError), replacing(path) as file:
        file.write("half")
        raise KeyError
    assert path.read_text() == "old"
    write(path)
    assert (tmp_path / "precious").read_text() == "precious"
    assert sorted(os.listdir(tmp_path)) == ["file", "file.new", "precious"]


def test_only_files_are_read(tmp_path):
    path, pipe = tmp_path / "file", tmp_path / "pipe"
    path.write_text("ä")
    os.mkfifo(pipe)
    assert read_text(path) == "ä"
    for refused, reason in ((pipe, "pipe"), ("/dev/zero", "device"), (tmp_path, "directory"), (tmp_path / "none", "No such")):
        with pytest.raises(OSError, match=reason):
            read_text(refused)
    with pytest.raises(OSError, match="larger than 1 bytes"):
        read_text(path, most=1)


def _write_often(path, letter):
    for _ in range(20):
        write(path, letter * 65536)


def test_writers_at_once(tmp_path):
    path = tmp_path / "file"
    writers = [multiprocessing.Process(target=_write_often, args=(path, letter)) for letter in "abcd"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0] * 4
    text = path.read_text()
    assert len(text) == 65536 and len(set(text)) == 1 and os.listdir(tmp_path) == ["file"]
