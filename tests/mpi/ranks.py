"""What the tests on several ranks share: starting a job of Open MPI on this machine, watching it, and its processes."""
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = Path(os.environ.get("MIXENT_BUILD") or ROOT / "build" / "mpi")
PROGRAM = BUILD / "mixent"
PEERS = BUILD / "tests" / "peers"
MPIRUN = shutil.which("mpirun")
# Ranks may be more than processors, and root may run them; threads that wait do not spin.
ENVIRONMENT = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1", OMP_WAIT_POLICY="passive")


def command(ranks, *words):
    return [MPIRUN, "--oversubscribe", "--bind-to", "none", "-n", str(ranks), *map(str, words)]


def run(ranks, *words, timeout=120, **options):
    """The finished job, or with ranks=None the same words as one process without mpirun: returncode, stdout, stderr."""
    words = command(ranks, *words) if ranks else list(map(str, words))
    return subprocess.run(words, env=ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout,
                          **options)


class Job:
    """A job, of a command that starts mpirun, whose ranks say their process numbers (peers work)."""

    def __init__(self, directory, ranks, command):
        self.out, self.err = directory / "out", directory / "err"
        self.mpirun = subprocess.Popen(command, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=self.out.open("w"),
                                       stderr=self.err.open("w"))
        end = time.monotonic() + 30
        while len(found := dict(re.findall(r"rank (\d+) is process (\d+)", self.out.read_text()))) < ranks:
            assert time.monotonic() < end and self.mpirun.poll() is None, self.err.read_text()
            time.sleep(0.05)
        self.processes = {int(rank): int(process) for rank, process in found.items()}

    def signal(self, number, *ranks):
        for rank in ranks:
            os.kill(self.processes[rank], number)

    def wait(self, timeout):
        """Exit code, messages of mixent, everything on standard error."""
        try:
            code = self.mpirun.wait(timeout)
        finally:
            self.end()
        text = self.err.read_text()
        return code, [line for line in text.splitlines() if line.startswith("mixent: ")], text

    def left(self):
        """Ranks whose processes still run."""
        def runs(process):
            try:
                return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
            except OSError:
                return False

        return [rank for rank, process in self.processes.items() if runs(process)]

    def end(self):
        """Nothing stays behind, whatever the test has found."""
        if self.mpirun.poll() is None:
            self.mpirun.kill()
            self.mpirun.wait()
            for rank in self.left():
                self.signal(9, rank)
