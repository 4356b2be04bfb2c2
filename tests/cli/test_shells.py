"""The completion of bash, zsh and fish as somebody types it, and the man pages; both come from the tables of the help."""
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import mixent
import pytest
from support import PROGRAM, ROOT, environment

SCRIPTS = ROOT / "src/cli/completion"
SITE = Path(mixent.__file__).parents[1]  # the Python package, for mixent-sweep


def need(program):
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed: tools/install-dependencies test")


# What the program says may follow


@pytest.fixture
def complete(mixent):
    def run(*words):
        result = mixent("complete", "--", *words)
        assert result.code == 0 and not result.err
        return dict(line.partition("\t")[::2] for line in result.out.splitlines())
    return run


def test_commands_and_options(mixent, complete):
    listed = dict(re.findall(r"^  ([a-z]+)  +([A-Z].*)$", mixent("help").out, re.MULTILINE))
    offered = complete("")
    assert set(offered) == set(listed) | {"--help", "--version"} == set(complete("tra")) == set(complete())
    assert all(offered[name].startswith(summary) for name, summary in listed.items())
    for group in ("data", "study"):
        assert set(complete(group, "")) == set(re.findall(rf"^  {group} ([a-z]+)  ", mixent("help", group).out, re.MULTILINE))
    for command in ("train", "runs", "data show"):
        options = set(re.findall(r"^  (?:-h, )?(--[\w-]+)", mixent("help", *command.split()).out, re.MULTILINE))
        assert set(complete(*command.split(), "-")) == options
    assert "--json" in complete("data", "list", "") and complete("nothing", "") == {}


def test_values(complete):
    losses = set(complete("train", "--loss", ""))
    assert {"ce", "min-ent", "mix-ent-split", "brier"} <= losses
    assert set(complete("train", "--loss=")) == {f"--loss={loss}" for loss in losses}
    assert set(complete("train", "loss.name=m")) == {f"loss.name={loss}" for loss in losses} == set(complete("demo", "--set", "loss.name="))
    assert set(complete("train", "--set=loss.name=")) == {f"--set=loss.name={loss}" for loss in losses}
    assert {"vgg5", ":files"} <= set(complete("train", "--net", "")) and {"net=vgg5", ":files"} <= set(complete("train", "net="))
    assert {"tabular", ":files"} <= set(complete("train", "--recipe", ""))
    assert set(complete("eval", "x", "--split", "")) == {"test", "validation", "train"}
    assert set(complete("train", "--plan", "")) == {"table", "auto", ":files"}
    assert set(complete("train", "optimizer.nesterov=")) == {"optimizer.nesterov=true", "optimizer.nesterov=false"}
    assert complete("train", "--epochs", "") == {} and set(complete("eval", "")) == {":files"}
    assert set(complete("data", "show", "mnist", "")) > {"side=", "label="} and "epochs=" not in complete("data", "show", "mnist", "")
    assert set(complete("data", "show", "mnist", "fit=")) == {"fit=crop", "fit=pad", "fit=stretch"}
    assert {"mnist", ":files"} <= set(complete("data", "show", "")) and set(complete("predict", "run", "")) == {":files"}
    assert "first" in complete("compare", "") and "vgg5" in complete("info", "--plan", "") and "vgg5" not in complete("tune", "vgg5", "")


def test_keys_of_recipes(mixent, complete):
    every = re.findall(r"^  ([\w.]+)$", mixent("help", "recipe").out, re.MULTILINE)
    assert len(every) > 60
    for words in (["train", ""], ["train", "--json", "opt"], ["train", "--set", ""], ["train", "--", ""], ["demo", ""], ["runs", ""]):
        assert set(complete(*words)) == {f"{key}=" for key in every}
    assert set(every) | {"loss", "augment"} <= set(complete("help", "recipe", ""))
    assert {"train", "recipe"} <= set(complete("help", "")) and set(complete("help", "data", "")) == {"list", "show", "get", "check"}


# In the shells: what stands on the line after the tabulator

TYPED = [("mixent tra", "mixent train "),
         ("mixent data sh", "mixent data show "),
         ("mixent train --overw", "mixent train --overwrite "),
         ("mixent train --loss mix-ent-", "mixent train --loss mix-ent-split "),
         ("mixent train --loss=mix-ent-", "mixent train --loss=mix-ent-split "),
         ("mixent train epochs=3 schedule.w", "mixent train epochs=3 schedule.warmup="),
         ("mixent train --set schedule.w", "mixent train --set schedule.warmup="),
         ("mixent train loss.name=bri", "mixent train loss.name=brier "),
         ("mixent train --set=loss.name=bri", "mixent train --set=loss.name=brier "),
         ("mixent train --recipe ./my-re", "mixent train --recipe ./my-recipe.yaml "),
         ("mixent train data=my-im", "mixent train data=my-images/"),
         ("mixent eval my-im", "mixent eval my-images/"),
         ("mixent-sweep paper-sm", "mixent-sweep paper-small "),
         ("mixent-sweep tune --thr", "mixent-sweep tune --threads "),
         ("mixent-sweep tune loss.name=bri", "mixent-sweep tune loss.name=brier "),
         ("mixent-sweep tune --set schedule.w", "mixent-sweep tune --set schedule.warmup="),
         ("mixent-sweep ./my-re", "mixent-sweep ./my-recipe.yaml "),
         ("mixent help recipe sched", "mixent help recipe schedule")]  # that is a group, and the beginning of keys


@pytest.fixture
def place(tmp_path):
    """A directory with two files, and the programs on the path."""
    (tmp_path / "my-images").mkdir()
    (tmp_path / "my-recipe.yaml").write_text("epochs: 1\n")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/mixent").symlink_to(PROGRAM.resolve())
    (tmp_path / "bin/mixent-sweep").write_text(f"#!/bin/sh\nPYTHONPATH='{SITE}' exec {sys.executable} -m mixent.sweep \"$@\"\n")
    (tmp_path / "bin/mixent-sweep").chmod(0o755)
    return tmp_path


def type_into(words, directory, every, **variables):
    """What an interactive shell has on its line after each text, a tabulator and Ctrl-T, which writes the line into `line`."""
    line, shown, lines = directory / "line", b"", []
    path = f"{directory}/bin:{os.environ['PATH']}"
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(directory)
        os.execvpe(words[0], words, environment(PATH=path, TERM="dumb", **variables))

    def wait_for(condition):
        nonlocal shown
        end = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < end, shown
            if select.select([terminal], [], [], 0.01)[0]:
                shown += os.read(terminal, 65536)
    try:
        wait_for(lambda: b"ready> " in shown)
        for typed in every:
            os.write(terminal, b"\x15" + typed.encode() + b"\t\x14")  # Ctrl-U: a new line
            wait_for(lambda: line.exists() and line.read_text().endswith("|"))
            lines.append(line.read_text()[:-1])
            line.unlink()
        return lines
    finally:
        os.kill(process, 9)
        os.close(terminal)
        os.waitpid(process, 0)


def check_lines(lines):
    """Whether a blank follows depends on the shell where one more word would begin so."""
    for (typed, expected), line in zip(TYPED, lines, strict=True):
        assert line.removesuffix(" ") == expected.removesuffix(" "), typed


def test_bash(place):
    (place / "rc").write_text(f"PS1='ready> '; source {SCRIPTS}/mixent.bash; bind 'set bell-style none'\n"
                              """bind -x '"\\C-t": printf "%s|" "$READLINE_LINE" >line'\n""")
    check_lines(type_into(["bash", "--noprofile", "--rcfile", "rc", "-i"], place, [typed for typed, _ in TYPED]))


def test_zsh(place):
    need("zsh")
    (place / ".zshenv").write_text("unsetopt GLOBAL_RCS\n")
    (place / ".zshrc").write_text(f"PS1='ready> '; fpath=({SCRIPTS} $fpath); autoload -Uz compinit; compinit -u -D; unsetopt BEEP\n"
                                  "dump() { print -rn -- \"$BUFFER|\" >line }; zle -N dump; bindkey '^T' dump\n")
    check_lines(type_into(["zsh", "-i"], place, [typed for typed, _ in TYPED], ZDOTDIR=str(place)))


def test_fish(place):
    need("fish")
    for typed, line in TYPED:
        done = subprocess.run(["fish", "--no-config", "-c", f"source {SCRIPTS}/mixent.fish; complete -C '{typed}'"], cwd=place, text=True,
                              env=dict(environment(PATH=f"{place}/bin:{os.environ['PATH']}"), HOME=str(place)), capture_output=True)
        offered = [row.partition("\t")[0] for row in done.stdout.splitlines()]
        assert not done.stderr and line.split()[-1] in offered, (typed, done)
        assert all(word.startswith(typed.split()[-1]) for word in offered)


# Man pages


@pytest.fixture(scope="module")
def manual(tmp_path_factory):
    directory = tmp_path_factory.mktemp("manual")
    subprocess.run([PROGRAM, "manual", directory], check=True, env=environment())
    return directory


def test_every_command_has_a_page(mixent, manual):
    commands = [name for group in ("", "data", "study") for name in re.findall(
        r"^  ([a-z]+|[a-z]+ [a-z]+)  +[A-Z]", mixent("help", *group.split()).out, re.MULTILINE)]
    pages = {f"mixent-{command.replace(' ', '-')}.1" for command in commands} | {"mixent.1", "mixent-recipe.5"}
    assert {path.name for path in manual.iterdir()} == pages and len(commands) > 15


def read_page(path):
    done = subprocess.run(["man", "--warnings", "-l", path], capture_output=True, text=True,
                          env=environment(LC_ALL="C.UTF-8", MANWIDTH="100", MANROFFOPT="-c", TERM="dumb"))
    assert done.returncode == 0 and not done.stderr, done.stderr
    return re.sub(r"\x1b\[[\d;]*m|.\x08", "", done.stdout)


def test_pages_say_what_the_help_says(mixent, manual):
    need("man")
    def plain(text):
        return re.sub(r"\s+", " ", text.replace("…", "...")).strip()
    entries = 0
    for path in manual.glob("mixent-*.1"):
        page, command = plain(read_page(path)), path.stem.removeprefix("mixent-")
        description, _, options = mixent("help", *command.split("-")).out.partition("\nOptions\n")
        assert page.startswith(f"mixent-{command}(1)") and "EXIT STATUS" in page
        for entry in re.split(r"\n(?=  -)", options):
            entries += 1
            assert plain(entry) in page, (path.name, entry)
        for paragraph in description.partition("\nCommands\n")[0].split("\n\n")[2:]:
            assert plain(paragraph) in page, (path.name, paragraph)
    assert entries > 80
    recipe = read_page(manual / "mixent-recipe.5")
    for key in re.findall(r"^  ([\w.]+)$", mixent("help", "recipe").out, re.MULTILINE):
        assert re.search(rf"^ +{re.escape(key)}(\s|$)", recipe, re.MULTILINE), key


def test_the_page_of_mixent_sweep():
    """It is in the project as `mixent-sweep manual` writes it, and has every option of the help."""
    path = ROOT / "python" / "mixent-sweep.1"
    said, usage = (subprocess.run([sys.executable, "-m", "mixent.sweep", word], env=environment(PYTHONPATH=str(SITE)), capture_output=True,
                                  text=True, check=True).stdout for word in ("manual", "--help"))
    assert said == path.read_text()
    page = read_page(path)
    options = set(re.findall(r"^  (?:-h, )?(--[a-z]+)", usage, re.MULTILINE))
    assert len(options) > 6 and all(re.search(rf"^ +(-h, )?{option}\b", page, re.MULTILINE) for option in options)


def test_what_is_installed(tmp_path):
    build = Path(os.environ.get("MIXENT_BUILD") or ROOT / "build/release")
    if not (build / "manual").is_dir():
        pytest.skip("this build writes no man pages")
    subprocess.run(["cmake", "--install", build, "--prefix", tmp_path], check=True, capture_output=True)
    share = tmp_path / "share"
    assert (share / "bash-completion/completions/mixent").read_text() == (SCRIPTS / "mixent.bash").read_text()
    assert (share / "zsh/site-functions/_mixent").exists() and (share / "fish/vendor_completions.d/mixent.fish").exists()
    for name in "bash-completion/completions/mixent-sweep", "fish/vendor_completions.d/mixent-sweep.fish", "man/man1/mixent-sweep.1":
        assert (share / name).exists(), name
    assert (share / "man/man1/mixent-train.1").exists() and (share / "man/man5/mixent-recipe.5").exists()
