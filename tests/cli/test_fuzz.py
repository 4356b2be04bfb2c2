"""The list of fuzzers is true: each has a source, seeds, and readers in src/. Its seeds run as unit tests (tests/fuzz/run.c)."""
import subprocess

from support import ROOT


def test_the_list_of_fuzzers():
    done = subprocess.run([ROOT / "tools" / "fuzz", "--list"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    names = [line.split()[0] for line in done.stdout.splitlines()]
    fuzzers = {path.stem for path in (ROOT / "tests" / "fuzz").glob("*.c")} - {"run"}
    assert set(names) == fuzzers
    assert all(len(line.split()) > 1 for line in done.stdout.splitlines())
    assert all(any((ROOT / "tests" / "fuzz" / "seeds" / name).iterdir()) for name in names)
