"""Nodes of a cluster on one machine: network namespaces, joined by bench/line.c with a given speed and delay, over which Open MPI starts
ranks. Needs root. As a program:

    bench/nodes.py [--nodes N] [--rate BITS] [--delay SECONDS] [--cut I AFTER] -- PROGRAM [WORD...]

runs mpirun PROGRAM with one rank per node, and ends with its exit code. --cut takes node I off the network AFTER seconds."""
import argparse
import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LINE = ROOT / "build" / "mpi" / "bench" / "bench_line"
NUMBERS = itertools.count()
# mpirun notices a lost node after 10 seconds in place of 8 minutes (docs/SCALE.md).
KEEPALIVE = ("--mca", "oob_tcp_keepalive_time", "4", "--mca", "oob_tcp_keepalive_intvl", "2", "--mca", "oob_tcp_keepalive_probes", "3")
# mpirun asks for a node's shell like this: AGENT HOST COMMAND...
AGENT = """#!/bin/sh
host=$1
shift
exec ip netns exec "{prefix}$host" unshare --uts sh -c "hostname $host; $*"
"""


def why_not():
    """Why nodes cannot be made here, or None."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    missing = [tool for tool in ("ip", "unshare", "mpirun") if not shutil.which(tool)]
    if missing:
        return f"{missing[0]} is not installed"
    if not LINE.exists():
        return f"{LINE} is not built ('make mpi' builds it)"
    return None if Path("/dev/net/tun").exists() else "there is no /dev/net/tun"


class Nodes:
    """Hosts node0, node1, … with the addresses 10.77.0.1, …; all that it made goes away at the end of `with`."""

    def __init__(self, count, rate=1e9, delay=0.5e-3):
        self.count, self.rate, self.delay = count, rate, delay
        self.name = f"mx{os.getpid()}x{next(NUMBERS)}"
        self.prefix = f"{self.name}-"
        self.line = None
        self.directory = None

    def __enter__(self):
        self.directory = Path(tempfile.mkdtemp(prefix="mixent-nodes-"))
        try:
            self._build()
        except BaseException:
            self._clear()
            raise
        return self

    def __exit__(self, *failure):
        self._clear()

    def _build(self):
        devices = [f"{self.name}n{i}" for i in range(self.count)]
        self.line = subprocess.Popen([LINE, str(self.rate), str(self.delay), *devices], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, text=True, bufsize=1)
        if self.line.stdout.readline() != "ready\n":
            raise SystemExit("bench_line could not make its devices")
        for i, device in enumerate(devices):
            name = f"{self.prefix}node{i}"
            for words in (["netns", "add", name], ["link", "set", device, "netns", name],
                          ["-n", name, "link", "set", device, "name", "eth0", "address", f"02:00:00:00:00:{i:02x}"],
                          ["-n", name, "link", "set", "lo", "up"], ["-n", name, "link", "set", "eth0", "up"],
                          ["-n", name, "addr", "add", f"10.77.0.{i + 1}/24", "dev", "eth0"]):
                subprocess.run(["ip", *words], check=True)
        agent = self.directory / "agent"
        agent.write_text(AGENT.format(prefix=self.prefix))
        agent.chmod(0o755)

    def _clear(self):
        for i in range(self.count):
            name = f"{self.prefix}node{i}"
            for _ in range(50):  # processes may start others while they are ended
                found = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True).stdout.split()
                for process in found:
                    try:
                        os.kill(int(process), signal.SIGKILL)
                    except ProcessLookupError:
                        pass
                if not found:
                    break
                time.sleep(0.05)
            subprocess.run(["ip", "netns", "delete", name], stderr=subprocess.DEVNULL)
        if self.line:
            self.line.communicate()  # its input ends, and so does it
        shutil.rmtree(self.directory)

    def cut(self, node):
        """From now on nothing leaves or reaches the node."""
        self.line.stdin.write(f"cut {node}\n")
        self.line.stdin.flush()

    def processes(self, node):
        """Those that run on a node."""
        return [int(word) for word in subprocess.run(["ip", "netns", "pids", f"{self.prefix}node{node}"], capture_output=True,
                                                     text=True).stdout.split()]

    def on(self, node, *words):
        """The command that runs `words` on a node."""
        return ["ip", "netns", "exec", f"{self.prefix}node{node}", "unshare", "--uts", "sh", "-c", 'hostname "$0"; exec "$@"',
                f"node{node}", *map(str, words)]

    def mpirun(self, *words, ranks=None, options=KEEPALIVE):
        """The command that node 0 starts `words` with on all nodes, or as `ranks` ranks on the first nodes."""
        hosts = ",".join(f"node{i}:1" for i in range(ranks or self.count))
        return self.on(0, "mpirun", "--allow-run-as-root", "--host", hosts, "--bind-to", "none", "--map-by", "node",
                       "--mca", "plm_rsh_agent", self.directory / "agent", "--mca", "btl", "self,tcp",
                       "--mca", "btl_tcp_if_include", "eth0", "--mca", "oob_tcp_if_include", "eth0", *options, *words)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=2)
    parser.add_argument("--rate", type=float, default=1e9)
    parser.add_argument("--delay", type=float, default=0.5e-3)
    parser.add_argument("--cut", nargs=2, metavar=("I", "AFTER"))
    parser.add_argument("words", nargs="+", metavar="PROGRAM")
    arguments = parser.parse_args()
    if why_not():
        raise SystemExit(f"nodes.py: {why_not()}")
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # the nodes go away then, too
    with Nodes(arguments.nodes, arguments.rate, arguments.delay) as nodes:
        if arguments.cut:
            timer = threading.Timer(float(arguments.cut[1]), nodes.cut, [int(arguments.cut[0])])
            timer.daemon = True
            timer.start()
        return subprocess.run(nodes.mpirun(*arguments.words)).returncode


if __name__ == "__main__":
    sys.exit(main())
