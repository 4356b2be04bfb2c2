"""Fetching files out of a zip archive by ranges, against a local server that behaves well and badly."""
import contextlib
import fcntl
import hashlib
import io
import os
import random
import resource
import signal
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest
from archive_server import make_zip, serve

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("MIXENT_BUILD", ROOT / "build" / "release"))
TOOL = BUILD / "tests" / "tool_fetch"
PROGRAM = os.environ.get("MIXENT_PROGRAM", str(BUILD / "mixent"))
ENVIRONMENT = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
INTERRUPTED = "7 "  # MIXENT_ERROR_INTERRUPTED, as the tool prints it

generator = random.Random(0)
LETTERS = generator.randbytes(150_000) + bytes(50_000)
LABELS = bytes(generator.choices(range(5), k=3000))
WANTED = {"gzip/letters.gz": LETTERS, "gzip/labels.gz": LABELS, "gzip/empty.txt": b""}
MEMBERS = {"gzip/": b"", "gzip/other.gz": generator.randbytes(1_000_000), **WANTED, "letters.gz": b"another"}


def fetch(address, directory, stop=-1, wanted=WANTED, kind="zip", **options):
    """Runs the tool; its exit code must be 0 or 1 (never a crash)."""
    words = [word for name, content in wanted.items() for word in (name, hashlib.sha256(content).hexdigest())]
    done = subprocess.run([TOOL, kind, address, directory, str(stop), *words], env=ENVIRONMENT, capture_output=True,
                          text=True, timeout=60, **options)
    assert done.returncode in (0, 1), (done.returncode, done.stderr)
    return done


def assert_complete(directory, wanted=WANTED):
    names = {Path(name).name: content for name, content in wanted.items()}
    assert {path.name: path.read_bytes() for path in directory.iterdir()} == names


def test_fetches_only_what_is_asked_for(tmp_path):
    with serve(make_zip(MEMBERS)) as (address, faults):
        done = fetch(address, tmp_path / "new" / "place")
        assert done.returncode == 0, done.stderr
        assert_complete(tmp_path / "new" / "place")
        assert None not in faults.asked
        assert faults.sent < len(LETTERS) + len(LABELS) + 70_000  # 66 KB to find the directory
    last = [line.split() for line in done.stdout.splitlines() if line.startswith("letters.gz")][-1]
    assert last[1] == last[2] and int(last[1]) > 100_000


@pytest.mark.parametrize("options", [dict(deflate=False), dict(zip64=True), dict(zip64=True, deflate=False),
                                     dict(comment=b"PK\5\6 a comment " * 99), dict(local_extra=b"\0" * 501)], ids=str)
def test_kinds_of_archive(tmp_path, options):
    with serve(make_zip(MEMBERS, **options)) as (address, _):
        done = fetch(address, tmp_path)
        assert done.returncode == 0, done.stderr
    assert_complete(tmp_path)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_archives_of_another_maker(tmp_path, method):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", method) as writer:
        for name, content in MEMBERS.items():
            with writer.open(name, "w", force_zip64=True) as member:
                member.write(content)
    with serve(archive.getvalue()) as (address, _):
        assert fetch(address, tmp_path).returncode == 0
    assert_complete(tmp_path)


def test_what_is_there_is_not_fetched_again(tmp_path):
    with serve(make_zip(MEMBERS)) as (address, faults):
        assert fetch(address, tmp_path).returncode == 0
        (tmp_path / "labels.gz").write_bytes(b"spoilt")
        faults.asked.clear()
        faults.sent = 0
        assert fetch(address, tmp_path).returncode == 0
        assert faults.sent < len(LABELS) + 70_000
    assert_complete(tmp_path)
    assert fetch(address, tmp_path).returncode == 0  # the server is gone


def test_refused_ranges(tmp_path):
    with serve(make_zip(MEMBERS)) as (address, faults):
        faults.honours_ranges = False
        done = fetch(address, tmp_path)
        assert done.returncode == 1 and "ignores byte ranges" in done.stderr and address in done.stderr
        assert len(faults.asked) == 1
    assert not list(tmp_path.iterdir())


def test_cut_in_the_middle_goes_on(tmp_path):
    with serve(make_zip(MEMBERS, deflate=False)) as (address, faults):
        faults.cuts = [70, 1 << 20, 50_000, 100_000, 0]  # the first while the directory is looked for
        done = fetch(address, tmp_path)
        assert done.returncode == 0, done.stderr
        starts = [first for first, last in faults.asked if last - first > 1000]
        look, look_on, data, *data_on, labels = starts
        assert look_on == look + 70 and data_on == [data + 50_000, data + 150_000, data + 150_000]
    assert_complete(tmp_path)


def test_cut_again_and_again_then_run_again(tmp_path):
    with serve(make_zip({"gzip/letters.gz": LETTERS}, deflate=False)) as (address, faults):
        wanted = {"gzip/letters.gz": LETTERS}
        # the look for the directory comes through; of the data, a little with each of more tries than there are in a
        # row, then nothing
        faults.cuts = [1 << 20] + [1000] * 6 + [0] * 4
        done = fetch(address, tmp_path, wanted=wanted)
        assert done.returncode == 1 and "run again" in done.stderr and address in done.stderr
        part = tmp_path / "letters.gz.part"
        assert part.read_bytes() == LETTERS[:6000]
        assert not faults.cuts
        faults.asked.clear()
        assert fetch(address, tmp_path, wanted=wanted).returncode == 0
        assert faults.asked[-1][1] - faults.asked[-1][0] + 1 == len(LETTERS) - 6000
    assert_complete(tmp_path, wanted)


def test_stopped_then_run_again(tmp_path):
    with serve(make_zip(MEMBERS)) as (address, _):
        done = fetch(address, tmp_path, stop=0)
        assert done.returncode == 1 and done.stderr.startswith(INTERRUPTED) and "run again" in done.stderr
        stopped = fetch(address, tmp_path, stop=20_000)
        assert stopped.returncode == 1 and stopped.stderr.startswith(INTERRUPTED)
        assert fetch(address, tmp_path).returncode == 0
    assert_complete(tmp_path)


@pytest.mark.parametrize("deflate", [False, True])
def test_wrong_bytes(tmp_path, deflate):
    good = make_zip(MEMBERS, deflate)
    at = good.index(LETTERS[:100]) if not deflate else good.index(b"gzip/letters.gz") + 10_000
    bad = good[:at] + bytes(byte ^ 0x55 for byte in good[at:at + 50]) + good[at + 50:]
    with serve(bad) as (address, faults):
        done = fetch(address, tmp_path)
        assert done.returncode == 1 and "SHA-256" in done.stderr and "removed" in done.stderr
        assert not list(tmp_path.glob("letters.gz*"))
        faults.content = good
        assert fetch(address, tmp_path).returncode == 0
    assert_complete(tmp_path)


@pytest.mark.parametrize("rubbish", [b"rubbish", b"rubbish" * 100_000], ids=["short", "long"])
def test_a_part_of_something_else(tmp_path, rubbish):
    (tmp_path / "letters.gz.part").write_bytes(rubbish)
    with serve(make_zip(MEMBERS)) as (address, _):
        first = fetch(address, tmp_path)
        assert first.returncode == (len(rubbish) < 1000)  # too long to be a part: begun anew at once
        assert fetch(address, tmp_path).returncode == 0
    assert_complete(tmp_path)


def test_statuses(tmp_path):
    with serve(make_zip(MEMBERS)) as (address, faults):
        faults.statuses = [404]
        done = fetch(address, tmp_path)
        assert done.returncode == 1 and "404" in done.stderr and len(faults.asked) == 1
        faults.statuses = [503, 429]
        faults.redirect_from = "/old"
        assert fetch(address.replace("/archive.zip", "/old"), tmp_path).returncode == 0
    assert_complete(tmp_path)


def test_another_range_than_asked(tmp_path):
    with serve(make_zip(MEMBERS)) as (address, faults):
        faults.shift_range = 1
        done = fetch(address, tmp_path)
        assert done.returncode == 1 and "something else" in done.stderr
    assert not list(tmp_path.iterdir())


def test_no_such_server_address_or_member(tmp_path):
    with serve(make_zip(MEMBERS)) as (address, _):
        done = fetch(address, tmp_path, wanted={"gzip/missing.gz": b""})
        assert done.returncode == 1 and "gzip/missing.gz" in done.stderr
    assert fetch(address, tmp_path).returncode == 1  # the server is gone
    done = fetch(f"file://{ROOT}/README.md", tmp_path)
    assert done.returncode == 1 and "check the address" in done.stderr


@pytest.mark.parametrize("content", [b"x", b"<html>not found</html>" * 5000, make_zip(MEMBERS)[:-30]], ids=len)
def test_not_an_archive(tmp_path, content):
    with serve(content) as (address, _):
        done = fetch(address, tmp_path)
        assert done.returncode == 1 and "check the address" in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("zip64", [False, True])
def test_damaged_directories_never_crash(tmp_path, zip64):
    wanted = {"a.txt": b"a" * 500, "b.txt": b"b" * 600}
    good = make_zip(wanted, zip64=zip64)
    start, random_ = good.index(b"PK\1\2"), random.Random(1)
    with serve(good) as (address, faults):
        for number in range(60):
            damaged = bytearray(good)
            for _ in range(random_.choice([1, 1, 2, 4])):
                damaged[random_.randrange(start, len(good))] = random_.choice([0, 1, 0x7F, 0x80, 0xFF])
            faults.content = bytes(damaged)
            directory = tmp_path / str(number)
            if fetch(address, directory, wanted=wanted).returncode == 0:
                assert_complete(directory, wanted)


def test_only_one_at_a_time(tmp_path):
    with serve(make_zip(MEMBERS)) as (address, _), open(tmp_path / "letters.gz.part", "ab") as part:
        fcntl.flock(part, fcntl.LOCK_EX)
        done = fetch(address, tmp_path)
        assert done.returncode == 1 and "another program" in done.stderr


def test_disk_full(tmp_path):
    def allow_little():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    with serve(make_zip(MEMBERS)) as (address, _):
        done = fetch(address, tmp_path, preexec_fn=allow_little)
        assert done.returncode == 1 and "cannot write" in done.stderr and "letters.gz.part" in done.stderr
        assert fetch(address, tmp_path).returncode == 0
    assert_complete(tmp_path)


def run_program(*words, **environment):
    if not os.path.exists(PROGRAM):
        pytest.skip("the program is not built")
    return subprocess.run([PROGRAM, "data", "get", *words], env={**ENVIRONMENT, **environment}, capture_output=True,
                          text=True, timeout=120)


def test_program_fetches_the_letters(tmp_path):
    source = Path(os.environ.get("MIXENT_DATA", ROOT.parent / "shared" / "data")) / "emnist-letters"
    if not source.is_dir():
        pytest.skip("EMNIST-Letters is not here")
    files = {path.name: path.read_bytes() for path in source.glob("emnist-letters-*")}
    assert len(files) == 5
    with serve(make_zip({f"gzip/{name}": content for name, content in files.items()}, False)) as (address, faults):
        faults.cuts = [1 << 20, 1000]
        done = run_program("emnist-letters", "--address", address, XDG_CACHE_HOME=str(tmp_path))
        assert done.returncode == 0, done.stderr
    assert_complete(tmp_path / "mixent" / "emnist-letters", files)


FILES = {"images.gz": generator.randbytes(120_000), "labels.gz": LABELS}


@contextlib.contextmanager
def serve_files(files):
    """The directory that files lie in, at an address with a slash or without."""
    with serve({f"/sets/{name}": content for name, content in files.items()}) as (address, faults):
        yield address.replace("archive.zip", "sets"), faults


@pytest.mark.parametrize("slash", ["", "/"])
def test_files_by_themselves(tmp_path, slash):
    with serve_files(FILES) as (address, faults):
        faults.cuts = [50_000]
        done = fetch(address + slash, tmp_path, wanted=FILES, kind="files")
        assert done.returncode == 0, done.stderr
        assert_complete(tmp_path, FILES)
        sent = faults.sent
        (tmp_path / "labels.gz").write_bytes(b"spoilt")
        assert fetch(address, tmp_path, wanted=FILES, kind="files").returncode == 0
        assert faults.sent - sent < len(LABELS) + 1000
    assert_complete(tmp_path, FILES)


def test_files_stopped_go_on(tmp_path):
    with serve_files(FILES) as (address, faults):
        stopped = fetch(address, tmp_path, stop=40_000, wanted=FILES, kind="files")
        assert stopped.returncode == 1 and stopped.stderr.startswith(INTERRUPTED)
        asked, there = len(faults.asked), (tmp_path / "images.gz.part").stat().st_size
        assert there >= 40_000
        assert fetch(address, tmp_path, wanted=FILES, kind="files").returncode == 0
        size = len(FILES["images.gz"])
        again = [first for first, last in faults.asked[asked:] if last == size - 1]
        assert again == ([there] if there < size else [])
    assert_complete(tmp_path, FILES)


def test_files_that_are_wrong_or_missing(tmp_path):
    with serve_files({**FILES, "labels.gz": LABELS[::-1]}) as (address, _):
        done = fetch(address, tmp_path, wanted=FILES, kind="files")
        assert done.returncode == 1 and f"{address}/labels.gz has SHA-256" in done.stderr
        assert [path.name for path in tmp_path.iterdir()] == ["images.gz"]
    with serve_files({"images.gz": FILES["images.gz"]}) as (address, _):
        done = fetch(address, tmp_path, wanted=FILES, kind="files")
        assert done.returncode == 1 and "404" in done.stderr and f"{address}/labels.gz" in done.stderr


MEMBERS_OF_TAR = {"a.bin": generator.randbytes(50_000), "names.txt": b"one\ntwo\n"}


def make_tar(members, folder="set-bin/"):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as writer:
        for name, content in members.items():
            member = tarfile.TarInfo(folder + name)
            member.size = len(content)
            writer.addfile(member, io.BytesIO(content))
    return out.getvalue()


def fetch_tar(address, directory, archive, members=MEMBERS_OF_TAR, stop=-1):
    words = [TOOL, "tar", address, directory, str(stop), "set.tar.gz", hashlib.sha256(archive).hexdigest(), *members]
    done = subprocess.run(words, env=ENVIRONMENT, capture_output=True, text=True, timeout=60)
    assert done.returncode in (0, 1), (done.returncode, done.stderr)
    return done


def test_files_in_a_tar(tmp_path):
    archive = make_tar({**MEMBERS_OF_TAR, "readme.html": b"not wanted"})
    with serve_files({"set.tar.gz": archive}) as (address, faults):
        faults.cuts = [20_000]
        done = fetch_tar(address, tmp_path, archive)
        assert done.returncode == 0, done.stderr
        assert_complete(tmp_path, MEMBERS_OF_TAR)
        sent = faults.sent
        assert fetch_tar(address, tmp_path, archive).returncode == 0 and faults.sent == sent
        (tmp_path / "a.bin").unlink()
        assert fetch_tar(address, tmp_path, archive).returncode == 0
    assert_complete(tmp_path, MEMBERS_OF_TAR)


def test_a_tar_that_lacks_a_file(tmp_path):
    archive = make_tar({"a.bin": b"alone"})
    with serve_files({"set.tar.gz": archive}) as (address, _):
        done = fetch_tar(address, tmp_path, archive)
    assert done.returncode == 1 and "expected 2 files of the data set in it, got 1" in done.stderr


def test_program_fetches_every_known_set_from_where_it_is_told(tmp_path):
    """Each set asks a server for files of its own; what comes is not the published one, and is refused by its sum."""
    wrong = generator.randbytes(2000)
    for name, file in (("mnist", "train-labels-idx1-ubyte.gz"), ("fashion-mnist", "train-labels-idx1-ubyte.gz"), ("cifar-10", "cifar-10-binary.tar.gz"),
                       ("cifar-100", "cifar-100-binary.tar.gz")):
        with serve_files({file: wrong}) as (address, _):
            done = run_program(name, "--address", address, "--directory", str(tmp_path / name))
        assert done.returncode == 1 and f"{address}/{file} has SHA-256 {hashlib.sha256(wrong).hexdigest()} instead of" in done.stderr, done.stderr
        assert list((tmp_path / name).iterdir()) == []
    for split in "balanced byclass bymerge digits letters mnist".split():
        members = {f"gzip/emnist-{split}-{part}-{what}-ubyte.gz": wrong for part in ("train", "test") for what in ("images-idx3", "labels-idx1")}
        with serve(make_zip(members)) as (address, _):
            done = run_program(f"emnist-{split}", "--address", address, "--directory", str(tmp_path / split))
        assert done.returncode == 1 and "emnist-" + split + "-train-labels-idx1-ubyte.gz: what came" in done.stderr, done.stderr


def test_program_says_what_it_cannot_fetch(tmp_path):
    done = run_program("emnist-leters")
    assert done.returncode == 2 and "did you mean emnist-letters" in done.stderr
