"""Runs of the program in which one call into the system fails (tests/tools/fail.c), and what may come of them.

A command is run once undisturbed and once traced, which gives a number for each distinct stack that calls. Then each run is in
a fresh copy of its directory, with the call of one number failing. Allowed are the undisturbed run's exit code, output and
files; or a message and exit code 1, no file but such as was there before or as the undisturbed run leaves, and the undisturbed
result from the next try (which is sure where nothing has changed)."""
import difflib
import json
import random
import re
import shutil
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from events import without_progress
from support import PROGRAM, environment

LIBRARY = PROGRAM.parent / "tests" / "fail.so"
# Every kind of call that fail.c makes fail; of those that write, each call, not each stack.
KINDS = ("memory", "thread", "stat", "open", "read", "readdir", "mmap", "write", "fsync", "rename")
WRITING = ("write", "fsync", "rename")
OUTCOMES = SAME, TOLD, TOLERATED = "same result", "exit 1 with a message", "tolerated"
TIMEOUT = 60  # of one run, in seconds; what takes longer hangs
# Values that differ from run to run.
TIMES = ("seconds", "images_per_second", "peak_memory_bytes", "started", "changed", "last.seconds", "last.images_per_second",
         "plan")  # a resumed run names its own
# Not of interest: the index of the runs says what later answers say, and is made anew at will.
PASSED_OVER = re.compile(r"index\.sqlite|\.index\.lock")
# Kept where it can be, else made anew: its lack is no difference, other bytes are.
MADE_ANEW = "result.json"


def without_times(value):
    if isinstance(value, dict):
        return {key: without_times(item) for key, item in value.items() if key not in TIMES}
    return [without_times(item) for item in value] if isinstance(value, list) else value


def plain_text(text):
    """Text of a program or a file with JSON in some lines, without times."""
    def plain_line(line):
        try:
            return json.dumps(without_times(json.loads(line)))
        except ValueError:
            return line
    try:
        return json.dumps(without_times(json.loads(text)))
    except ValueError:
        return "\n".join(map(plain_line, without_runs(without_progress(text)).split("\n")))


def without_runs(text):
    """A study's lines without what it passes on of its runs: a run that is tried again tells again."""
    return "".join(line for line in text.splitlines(keepends=True) if not (line.startswith('{"event":') and "variant" in json.loads(line)))


def bytes_of(directory):
    return {path.relative_to(directory): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def files_of(directory):
    """Each file's content by its path, without times and the directory's own place."""
    files = {}
    for path in sorted(directory.rglob("*")):
        if path.is_file() and not PASSED_OVER.search(path.name):
            content = path.read_bytes().replace(str(directory).encode(), b"HERE")
            text = path.suffix in (".json", ".jsonl", ".study", ".yaml", ".html")
            files[str(path.relative_to(directory))] = plain_text(content.decode(errors="replace")) if text else content
    return files


def are_alike(right, found):
    """Whether two sets of files are the same."""
    lacks = {name for name in right if name not in found and Path(name).name == MADE_ANEW}
    return {name: content for name, content in right.items() if name not in lacks} == found


def difference(right, found):
    """The lines in which two texts, or two sets of files, differ."""
    if isinstance(right, dict):
        return "\n".join(f"{name}: {difference(right.get(name), found.get(name))}" for name in sorted(right.keys() | found.keys())
                         if right.get(name) != found.get(name))
    if not isinstance(right, str) or not isinstance(found, str):
        return f"expected {'no file' if right is None else len(right)}, got {'no file' if found is None else len(found)} bytes"
    split = [text.replace(", ", ",\n").splitlines() for text in (right, found)]
    return "\n".join(list(difflib.unified_diff(*split, n=0, lineterm=""))[2:12])


@dataclass
class Call:
    kind: str
    process: int
    number: int
    objects: list

    def __str__(self):
        return f"{self.kind} {self.number} of process {self.process}"

    def within(self, library):
        return any(name.startswith(library) for name in self.objects)


@dataclass
class Command:
    """Words of the program; `again` are those of the next try after a failure if they are others; `vary` is what differs from run to
    run."""
    words: list
    again: callable = None
    kinds: tuple = KINDS
    vary: str = None
    variables: dict = field(default_factory=dict)

    def words_of_next_try(self, directory):
        return self.again(directory) if self.again else self.words


class Injection:
    """A command in copies of `template`, a directory that holds all it needs."""

    def __init__(self, template, command, scratch):
        self.template, self.command, self.scratch = template, command, scratch
        self.copies = 0
        self.before = files_of(template)
        directory = self.copy()
        self.unchanged = bytes_of(template)
        self.right = self.run(directory)
        assert self.right.returncode == 0, self.right.stderr
        self.answer = self.answer_of(self.right)
        self.after = self.files_of(directory)
        shutil.rmtree(directory)

    def files_of(self, directory):
        """The same without what may vary in the command's own files."""
        files = files_of(directory)
        for name in files.keys() - self.before.keys() if self.command.vary else ():
            files[name] = self.constant(files[name])
        return files

    def constant(self, text):
        return re.sub(self.command.vary, "", text) if self.command.vary else text

    def answer_of(self, done):
        return self.constant(plain_text(done.stdout))

    def copy(self):
        self.copies += 1
        directory = self.scratch / f"copy-{self.copies}"
        shutil.copytree(self.template, directory, symlinks=True)
        return directory

    def run(self, directory, words=None, **variables):
        return subprocess.run([str(PROGRAM), *map(str, words or self.command.words)], cwd=directory, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, errors="replace", timeout=TIMEOUT,
                              env=environment(**self.command.variables, **variables))

    def run_watched(self, directory, kind, **variables):
        """A run in which fail.c counts the calls of a kind."""
        count = directory.with_name(directory.name + "-count")
        variables = {name: str(value) for name, value in variables.items() if value is not None}
        try:
            return self.run(directory, LD_PRELOAD=str(LIBRARY), FAIL_KIND=kind, FAIL_PROGRAM=PROGRAM.name, FAIL_COUNT=str(count),
                            **variables)
        finally:
            count.unlink(missing_ok=True)

    def calls(self, kind):
        """The calls of a kind that the program itself makes: one for each distinct stack; of those that write, all."""
        directory, trace = self.copy(), self.scratch / "trace"
        trace.unlink(missing_ok=True)
        done = self.run_watched(directory, kind, FAIL_TRACE=trace, FAIL_EVERY=1 if kind in WRITING else None)
        assert done.returncode == 0, done.stderr
        shutil.rmtree(directory)
        lines = [line.split() for line in trace.read_text().splitlines()]
        return [Call(kind, int(process), int(number), objects) for process, number, *objects in lines]

    def judge(self, call, **variables):
        """How the run ends in which that call fails: SAME, TOLD or TOLERATED, or what is wrong with it."""
        directory = self.copy()
        try:
            done = self.run_watched(directory, call.kind, FAIL_PROCESS=call.process, FAIL_AT=call.number, **variables)
            outcome = self.find_outcome(directory, done)
        except subprocess.TimeoutExpired:
            return f"{call}: hangs"
        shutil.rmtree(directory)
        return outcome if outcome in OUTCOMES else f"{call}: {outcome}\n{done.stderr[-400:]}"

    def find_outcome(self, directory, done):
        if is_tolerated(done):
            return TOLERATED
        left = self.files_of(directory)
        if done.returncode == 0:
            answer = self.answer_of(done)
            if answer != self.answer:
                return f"exit 0 and another answer:\n{difference(self.answer, answer)}"
            return SAME if are_alike(self.after, left) else f"exit 0 and other files:\n{difference(self.after, left)}"
        if done.returncode != 1:
            return f"exit {done.returncode}"
        if not re.search(r"^(mixent|libgomp): ", done.stderr, re.MULTILINE):
            return "exit 1 without a message"
        return self.find_damage(directory, left)

    def find_damage(self, directory, left):
        damaged = [name for name, content in left.items() if is_damaged(name, content)]
        if damaged:
            return f"exit 1 and damaged files: {damaged}"
        gone = [name for name in self.before if name not in left and name in self.after]
        if gone:
            return f"exit 1 and lost files: {gone}"
        if bytes_of(directory) == self.unchanged:
            return TOLD
        again = self.run(directory, self.command.words_of_next_try(directory))
        if again.returncode != 0:
            return f"exit 1, and the next try fails: {again.stderr}"
        left = self.files_of(directory)
        return TOLD if are_alike(self.after, left) else f"exit 1, and the next try leaves other files:\n{difference(self.after, left)}"


def is_damaged(name, content):
    """Whether a file cannot be read as what its name says. Files beside others, made to be renamed, may be cut."""
    if Path(name).name.startswith(".") or "/." in name or name.endswith(".new"):
        return False
    try:
        if name.endswith(".json"):
            json.loads(content)
        elif name.endswith(".jsonl"):
            for line in content.split("\n")[:-1]:
                json.loads(line)
        elif name.endswith(".safetensors"):
            length = int.from_bytes(content[:8], "little")
            header = json.loads(content[8:8 + length])
            ends = [tensor["data_offsets"][1] for key, tensor in header.items() if key != "__metadata__"]
            return len(content) != 8 + length + max(ends, default=0)
    except ValueError:
        return True
    return False


def is_tolerated(done):
    """oneDNN does not look at some of its allocations: where one of those fails, it crashes. Files are whole whenever a
    process ends, which the tests of kills show."""
    return done.returncode == -signal.SIGSEGV and re.search(r"fail: signal 11 in \S*/libdnnl\.so", done.stderr)


def sample(calls, count, seed):
    """So many of the calls, always the same ones; all if there are no more."""
    return calls if count >= len(calls) else random.Random(seed).sample(calls, count)


COUNTS = {}  # (command, kind) → outcome → number


def count(command, kind, outcome):
    outcome = outcome if outcome in OUTCOMES else "fault"
    of = COUNTS.setdefault((command, kind), dict.fromkeys((*OUTCOMES, "fault"), 0))
    of[outcome] += 1


def table_of_counts():
    """Markdown: a row per command, a column per kind."""
    kinds = list(dict.fromkeys([*KINDS, *(kind for _, kind in COUNTS)]))
    lines = ["| command | " + " | ".join(kinds) + " |", "|---" * (1 + len(kinds)) + "|"]
    for command in dict.fromkeys(command for command, _ in COUNTS):
        cells = [" / ".join(map(str, COUNTS[command, kind].values())) if (command, kind) in COUNTS else "–" for kind in kinds]
        lines.append(f"| {command} | " + " | ".join(cells) + " |")
    return lines
