"""`mixent export --c`: what the C file computes is what the library computes, for every network and every kind of layer; it compiles
without a warning as C99 by every compiler there is, needs nothing, and is made of nothing that a name could break."""
import ctypes
import os
import re
import resource
import shutil
import subprocess
from pathlib import Path

import numpy
import pytest
from PIL import Image

from support import PROGRAM, ROOT, TINY_NET, environment, make_dataset

BUILD = Path(os.environ.get("MIXENT_BUILD", ROOT / "build" / "release"))
TOOL = BUILD / "tests" / "export_random"
STRICT = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-ffreestanding"]
COMPILERS = [name for name in ("gcc", "clang") if shutil.which(name)]
ROWS = 6
STRANGE_NAME = '??/ "quoted" \\ \nÄ*/'  # of all classes of export_random

# Every kind of layer, and what the built-in networks do not have: batch norms that stay, ReLUs and pools that no convolution takes in,
# sums in place and not, of themselves and of narrower maps, values that are read long after they are made, pooled windows that do not
# fit into tiles, an ensemble at the end.
EVERYTHING = """
name: everything
layers:
  - conv2d: {name: c1, channels: 8, kernel: 5, padding: 1, stride: 2, bias: false}
  - batch_norm: {name: n1}
  - relu: {name: r1}
  - conv2d: {name: c2, channels: 4, kernel: 3, padding: 1}
  - conv2d: {name: c3, channels: 18, kernel: 3, padding: 1, from: r1}
  - add: {name: a0, from: [c3, c3, c3]}
  - add: {name: a1, from: [a0, r1, c2]}
  - batch_norm: {name: n2}
  - silu: {name: e2}
  - gelu: {name: e3}
  - max_pool: {name: p1, size: 3, stride: 2, padding: 1}
  - concat: {name: k1, from: [p1, p1]}
  - split: {name: s1, begin: 3, end: 20}
  - conv2d: {name: c5, channels: 17, kernel: 1}
  - max_pool: {name: p2, size: 2}
  - relu: {name: r2}
  - max_pool: {name: p3, size: 2, stride: 1}
  - flatten: {name: f1}
  - dropout: {rate: 0.3}
  - linear: {name: l1, features: 20}
  - batch_norm: {name: n3}
  - gelu: {name: e1}
  - relu: {name: r3}
  - split: {name: s2, begin: 5, end: 15}
  - flatten: {name: f2}
  - silu: {name: e4, from: f2}
  - add: {name: a2, from: [r3, s2, e4]}
  - batch_norm: {name: n4}
  - conv2d: {name: c6, channels: 20, kernel: 3, padding: 1, from: r1}
  - relu:
  - max_pool: {name: p4, size: 3}
  - global_pool: {name: g0}
  - concat: {name: k2, from: [n4, s2, g0]}
  - conv2d: {name: c4, channels: 12, kernel: 1}
  - linear: {name: l2, features: 9, bias: false}
  - relu:
  - conv2d: {name: images, channels: 3, kernel: 1}
  - global_pool: {name: g1}
  - linear: {name: l3, features: 3}
  - mean_probability: {name: logits, from: [g1, l3, g1]}
"""


def export(directory, net, channels, side, classes, temperature=1, kind="float"):
    """(inputs, logits and probabilities of the library, bytes of constants and of memory) of a network written as x.c."""
    if not TOOL.exists():
        pytest.skip("tests/tools/export_random is not built")
    (directory / "everything.yaml").write_text(EVERYTHING)
    done = subprocess.run([TOOL, net, *map(str, (channels, side, classes, temperature)), "x.c", "letters", kind], cwd=directory,
                          env=environment(), capture_output=True)
    assert done.returncode == 0, done.stderr
    inputs, answers = ROWS * side * side * channels * (4 if side == 1 else 1), 4 * ROWS * classes
    assert len(done.stdout) == inputs + 2 * answers
    given = numpy.frombuffer(done.stdout[:inputs], numpy.float32 if side == 1 else numpy.uint8).reshape(ROWS, -1)
    logits, beliefs = numpy.frombuffer(done.stdout[inputs:], numpy.float32).reshape(2, ROWS, classes)
    return given, logits, beliefs, *map(int, done.stderr.split())


def compile_file(directory, compiler, *words, output="x.so", optimise="-O1"):
    """Compiles x.c without a warning."""
    subprocess.run([compiler, *STRICT, optimise, *words, "x.c", "-o", output], cwd=directory, check=True)


def answer(directory, given, classes):
    """(logits, probabilities, classes chosen) of x.so."""
    library = ctypes.CDLL(str(directory / "x.so"))
    logits, beliefs = numpy.zeros((2, len(given), classes), numpy.float32)
    chosen = []
    for row in range(len(given)):
        one = numpy.ascontiguousarray(given[row])
        library.letters_logits(ctypes.c_void_p(one.ctypes.data), ctypes.c_void_p(logits[row].ctypes.data))
        chosen.append(library.letters_classify(ctypes.c_void_p(one.ctypes.data), ctypes.c_void_p(beliefs[row].ctypes.data)))
    names = (ctypes.c_char_p * classes).in_dll(library, "letters_class_names")
    assert [name.decode() for name in names] == [STRANGE_NAME] * classes
    return logits, beliefs, chosen


def check(directory, net, channels, side, classes, temperature=1, compiler=None, sanitize=False):
    given, logits, beliefs, *_ = export(directory, net, channels, side, classes, temperature)
    words = ["-fsanitize=undefined", "-fsanitize-undefined-trap-on-error"] if sanitize else []
    compile_file(directory, compiler or COMPILERS[0], "-shared", "-fPIC", *words)
    own_logits, own_beliefs, chosen = answer(directory, given, classes)
    assert logits.std() > 0.05, "the test's network says nothing"
    numpy.testing.assert_allclose(own_logits, logits, atol=1e-4, rtol=0)
    numpy.testing.assert_allclose(own_beliefs, beliefs, atol=1e-5, rtol=0)
    assert chosen == own_beliefs.argmax(1).tolist()


@pytest.mark.parametrize("net, channels, side, classes", [("conv3", 1, 28, 26), ("mlp", 5, 1, 2), ("resnet20", 3, 32, 10),
                                                          ("everything.yaml", 3, 23, 3), ("everything.yaml", 1, 16, 3)])
def test_logits_are_the_library_s(tmp_path, net, channels, side, classes):
    check(tmp_path, net, channels, side, classes)


def describe_random(seed):
    """A network in which most layers read any of the values before them, however long ago they were made."""
    draw = numpy.random.default_rng(seed)
    layers, values = [], [("first", 4, 16)]  # name, channels, side
    layers.append("conv2d: {name: first, channels: 4, kernel: 3, padding: 1}")
    for number in range(24):
        older = values[int(draw.integers(len(values)))]
        name, channels, side = older if draw.random() < 0.4 else values[-1]
        alike = [value for value in values if value[2] == side and value[1] <= channels and (channels - value[1]) % 2 == 0]
        others = [alike[int(i)] for i in draw.integers(len(alike), size=2)]
        kind = str(draw.choice(["conv2d", "relu", "relu", "silu", "gelu", "batch_norm", "max_pool", "add", "add", "concat", "split"]))
        fields = {"name": f"v{number}", "from": name}
        if kind == "conv2d":
            channels = fields["channels"] = int(draw.integers(1, 20))
            fields |= {"kernel": 3, "padding": 1}
        elif kind == "max_pool":
            size, stride, padding = [(2, 2, 0), (2, 1, 0), (3, 2, 1), (1, 2, 0)][int(draw.integers(4))]
            if side < 4:
                continue
            fields |= {"size": size, "stride": stride, "padding": padding}
            side = (side + 2 * padding - size) // stride + 1
        elif kind in ("add", "concat"):
            fields["from"] = f"[{', '.join([name] + [other[0] for other in others])}]"
            channels += sum(other[1] for other in others) if kind == "concat" else 0
        elif kind == "split":
            begin = fields["begin"] = int(draw.integers(channels))
            end = fields["end"] = int(draw.integers(begin + 1, channels + 1))
            channels = end - begin
        layers.append(f"{kind}: {{{', '.join(f'{key}: {value}' for key, value in fields.items())}}}")
        values.append((f"v{number}", channels, side))
    used = set(re.findall(r"\bv\d+|first", " ".join(re.findall(r"from: (\[.*?\]|\w+)", "\n".join(layers)))))
    ends = [value for value in values if value[0] not in used]
    for number, (name, _, _) in enumerate(ends):  # every value counts
        layers += [f"global_pool: {{name: g{number}, from: {name}}}"]
    joined = [f"g{number}" for number in range(len(ends))]
    layers += [f"concat: {{from: [{', '.join(joined)}]}}"] if len(joined) > 1 else []
    return "name: random\nlayers:\n" + "".join(f"  - {layer}\n" for layer in [*layers, "flatten:", "linear: {features: classes}"])


@pytest.mark.parametrize("seed", range(6))
def test_random_networks(tmp_path, seed):
    (tmp_path / "random.yaml").write_text(describe_random(seed))
    check(tmp_path, "random.yaml", 1, 16, 4, sanitize=True)


def test_temperature_divides_the_logits(tmp_path):
    check(tmp_path, "everything.yaml", 1, 23, 3, temperature=1.75)


@pytest.mark.long
@pytest.mark.parametrize("net", ["conv3", "mlp", "resnet10", "resnet20", "resnet9", "resnet9-pool-first", "resnet9-thin", "spinal-vgg5", "vgg5",
                                 "vgg5-half"])
def test_logits_of_built_in_networks(tmp_path, net):
    """Each as it would be used, with the compiler that reads weights faster."""
    assert net in subprocess.run([PROGRAM, "help", "info"], env=environment(), capture_output=True, text=True).stdout + "".join(
        path.stem for path in (ROOT / "src/net/networks").glob("*.yaml"))
    check(tmp_path, net, 1, 28, 26, compiler=COMPILERS[-1])


def test_every_network_is_in_the_long_test():
    """A network added later is added there."""
    listed = next(mark for mark in test_logits_of_built_in_networks.pytestmark if mark.name == "parametrize").args[1]
    assert listed == sorted(path.stem for path in (ROOT / "src/net/networks").glob("*.yaml"))


@pytest.mark.parametrize("kind", ["float", "int8"])
@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("net, channels, side", [("everything.yaml", 3, 23), ("mlp", 4, 1)])
def test_strict_compilers_have_nothing_to_say(tmp_path, net, channels, side, compiler, kind):
    """And the object needs nothing but what compilers may call in any program."""
    export(tmp_path, net, channels, side, 3, 2, kind)
    for optimise in ("-O0", "-O2"):
        compile_file(tmp_path, compiler, "-c", output="x.o", optimise=optimise)
    names = subprocess.run(["nm", "x.o"], cwd=tmp_path, check=True, capture_output=True, text=True).stdout.split("\n")
    needed = {line.split()[-1] for line in names if " U " in line}
    assert needed <= {"memcpy", "memset", "_GLOBAL_OFFSET_TABLE_", "__stack_chk_fail"}, needed
    public = {line.split()[-1] for line in names if re.search(" [TDBRC] ", line)}
    assert public == {"letters_classify", "letters_logits", "letters_class_names"}


SANITIZED = r"""
#define LETTERS_DECLARATIONS
#include "x.c"
#include <stdio.h>
int main(void) {
  static %s row[letters_side * letters_side * letters_channels];
  float logits[letters_classes];
  while (fread(row, sizeof row, 1, stdin) == 1) {
    letters_logits(row, logits);
    fwrite(logits, sizeof logits, 1, stdout);
  }
  return ferror(stdout);
}
"""


@pytest.mark.parametrize("kind", ["float", "int8"])
@pytest.mark.parametrize("net, channels, side", [("everything.yaml", 3, 23), ("mlp", 5, 1)])
def test_no_byte_outside_is_touched(tmp_path, net, channels, side, kind):
    """Nor is anything undefined. 8 bits are near the library's logits in every kind of layer."""
    given, logits, *_ = export(tmp_path, net, channels, side, 3, kind=kind)
    (tmp_path / "main.c").write_text(SANITIZED % ("float" if side == 1 else "unsigned char"))
    subprocess.run([COMPILERS[0], "-std=c99", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "main.c", "x.c", "-o", "main"],
                   cwd=tmp_path, check=True)
    done = subprocess.run(["./main"], cwd=tmp_path, input=given.tobytes(), capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    apart = abs(numpy.frombuffer(done.stdout, numpy.float32).reshape(ROWS, 3) - logits).max()
    assert apart < (1e-4 if kind == "float" else 0.05 * abs(logits).max()), apart


def test_int8_is_near_in_a_quarter_of_the_bytes(tmp_path):
    given, logits, beliefs, constants, memory = export(tmp_path, "conv3", 1, 28, 26)
    small = export(tmp_path, "conv3", 1, 28, 26, kind="int8")
    assert (small[0] == given).all() and (small[2] == beliefs).all()
    assert small[3] < 0.27 * constants and small[4] == memory + 4 * 16 * 16  # 256 weights at a time are widened
    compile_file(tmp_path, COMPILERS[0], "-shared", "-fPIC")
    own_logits, _, _ = answer(tmp_path, given, 26)
    apart = abs(own_logits - logits).max()
    assert 0 < apart < 0.03 * abs(logits).max(), apart


def test_memory_is_shared(tmp_path):
    """conv3's maps before pooling, 28x28x16, never stand in memory."""
    *_, memory = export(tmp_path, "conv3", 1, 28, 26)
    assert memory == 4 * (14 * 14 * 16 + 7 * 7 * 32)


def test_declarations_alone(tmp_path):
    """The file tells another one, of C or C++, what it has; once more changes nothing."""
    export(tmp_path, "conv3", 1, 28, 26)
    main = ('#define LETTERS_DECLARATIONS\n#include "x.c"\n#include "x.c"\n'
            "int main(void) { static unsigned char pixels[letters_side * letters_side * letters_channels];\n"
            "  float probabilities[letters_classes];\n"
            "  return letters_classify(pixels, probabilities) < 0 || !letters_class_names[25]; }\n")
    compile_file(tmp_path, COMPILERS[0], "-c", output="x.o")
    for ending, standard in (("c", "c99"), ("cpp", "c++11")):
        (tmp_path / f"main.{ending}").write_text(main)
        subprocess.run([COMPILERS[0], f"-std={standard}", "-Wall", "-Wextra", "-Werror", "-pedantic", f"main.{ending}", "x.o", "-o", "main"], cwd=tmp_path,
                       check=True)
        subprocess.run(["./main"], cwd=tmp_path, check=True)


FUNCTIONS = r"""
#include <math.h>
#include <stdint.h>
#include <stdio.h>
%s
int main(void) {
  double e = 0, l = 0, g = 0, s = 0;
  for (int i = -869999; i <= 880000; i++) { /* relative */
    float x = (float)i / 10000;
    e = fmax(e, fabs(exponential(x) / exp(x) - 1));
  }
  for (float x = 1; x < 1e6f; x *= 1.0001f) l = fmax(l, fabs(logarithm(x) - log(x)));
  for (int i = -200000; i <= 200000; i++) {
    float x = (float)i / 10000, y;
    gelu(1, &x, &y);
    g = fmax(g, fabs(y - x * 0.5 * erfc(-x * sqrt(0.5))));
    silu(1, &x, &y);
    s = fmax(s, fabs(y - x / (1 + exp(-(double)x))));
  }
  printf("%%g %%g %%g %%g %%g %%g %%g\n", e, l, g, s, exponential(-1000), exponential(NAN), exponential(1000));
}
"""


def test_functions_are_those_of_mathematics(tmp_path):
    source = ROOT / "src" / "model" / "exported"
    pieces = "\n".join((source / f"{name}.c").read_text() for name in ("exponential", "logarithm", "gelu", "silu"))
    (tmp_path / "f.c").write_text(FUNCTIONS % pieces)
    subprocess.run([COMPILERS[0], "-std=c99", "-O1", "f.c", "-o", "f", "-lm"], cwd=tmp_path, check=True)
    done = subprocess.run(["./f"], cwd=tmp_path, check=True, capture_output=True, text=True)
    e, l, g, s, low, none, high = map(float, done.stdout.split())
    assert e < 3e-7 and l < 2e-6 and g < 2e-6 and s < 5e-6, done.stdout
    assert low == 0 and none == 0 and 1e38 < high < 3e38


@pytest.mark.long
@pytest.mark.parametrize("compiler", COMPILERS)
def test_vgg5_compiles_in_a_minute_and_two_gigabytes(tmp_path, compiler):
    export(tmp_path, "vgg5", 1, 28, 26)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    limit = lambda: resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
    subprocess.run([compiler, *STRICT, "-O2", "-c", "x.c", "-o", "x.o"], cwd=tmp_path, check=True, preexec_fn=limit)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 60


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    directory = tmp_path_factory.mktemp("export_c")
    make_dataset(directory / "bars")
    (directory / "tiny.yaml").write_text(TINY_NET)
    subprocess.run([PROGRAM, "train", "--data", "bars", "--net", "tiny.yaml", "--epochs", "1", "--run", "a", "batch=20"], cwd=directory,
                   env=environment(), check=True, capture_output=True)
    return directory


def test_the_command_says_what_it_wrote(mixent, run):
    done = mixent("export", "a", "--c", "bars.c", "--name", "bars", "--int8", directory=run)
    assert re.fullmatch(r"wrote bars\.c \(\d+ kB\): bars_classify\(pixels \[16, 16, 1\]\) -> probabilities \[\d+\]; "
                        r"[\d,]+ bytes of constants and [\d,]+ of working memory, besides code\n", done.out), done.out + done.err
    again = mixent("export", "a", "--c", "bars.c", directory=run)  # what export wrote may be replaced
    assert again.code == 0 and "model_classify(" in again.out


@pytest.mark.parametrize("words, code, said", [
    (["a", "--c", "x.c", "--name", "2x"], 2, "expected a letter and at most 18 more letters, digits or '_', got '2x'"),
    (["a", "--c", "x.c", "--name", "a-b"], 2, "got 'a-b'"),
    (["a", "--c", "x.c", "--name", "twenty_characters_xx"], 2, "at most 18 more"),
    (["a", "--c", "mine.c"], 2, "mine.c is there and was not made by 'mixent export --c'; name another file"),
    (["a", "--c", "a/best.safetensors"], 2, "is the checkpoint itself"),
    (["a", "--c", "a/recipe.yaml"], 2, "name a file that ends in .c"),
    (["a", "--name", "x", "--onnx", "x.onnx"], 2, "--name is of the file that --c FILE names"),
    (["a", "--int8"], 2, "say what to write"),
    (["a", "--int8", "--onnx", "x.onnx"], 2, "--int8 is of the file that --c FILE names"),
    (["a", "--c", "nowhere/x.c"], 1, "nowhere"),
])
def test_what_cannot_be_is_refused_and_nothing_written(mixent, run, words, code, said):
    (run / "mine.c").write_text("int main(void) { return 0; }\n")
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    done = mixent("export", *words, directory=run)
    assert done.code == code and said in done.message, done.err
    assert before == {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}


def test_several_checkpoints_become_one_file(mixent, run):
    done = mixent("export", "a", "a", "--c", "both.c", directory=run)
    assert done.code == 0, done.err
    assert "mean_probability(2, 1, " in (run / "both.c").read_text()


def test_five_commands_of_the_page(mixent, tmp_path):
    """DEPLOY.md, from an empty directory to a letter: as they stand there, but for the data, which are few and made here, and the time."""
    page = (ROOT / "docs/DEPLOY.md").read_text()
    commands = re.search(r"in five commands[^\0]*?\n\n((?:    .*\n)+)", page)[1].splitlines()
    get, train, export_model, build, classify = [command.strip().replace("~/mixent", str(ROOT)) for command in commands]
    assert get == "mixent data get emnist-letters"
    make_dataset(tmp_path / "data" / "emnist-letters", train=600, side=28, first_label=1, prefix="emnist-letters-")
    short = ["--net", "conv3", "batch=20", "--epochs", "2", "augment.affine_shift=0"]
    for command, more in ((train, short), (export_model, [])):
        done = mixent(*command.split()[1:], *more)
        assert done.code == 0, done.err
    subprocess.run(build, shell=True, cwd=tmp_path, check=True)
    picture = (tmp_path / "data/emnist-letters/emnist-letters-test-images-idx3-ubyte").read_bytes()[16:][:784]
    upright = numpy.frombuffer(picture, numpy.uint8).reshape(28, 28).T  # the set's files hold images transposed
    (tmp_path / "a.pgm").write_bytes(b"P5\n28 28\n255\n" + upright.tobytes())
    Image.fromarray(upright).save(tmp_path / "a.png")
    done = subprocess.run(["./classify", "a.pgm"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and re.fullmatch(r"a\.pgm  A [\d.]+ %\n", done.stdout), done.stdout + done.stderr
    said = mixent("predict", "runs/letters", "a.png").out
    assert said.split()[1:3] == done.stdout.split()[1:3], said + done.stdout
    given = subprocess.run([*classify.split()], cwd=tmp_path, capture_output=True, text=True)
    assert given.returncode == 0 and re.fullmatch(r"\S+a\.pgm  \S+ [\d.]+ %\n", given.stdout), given.stderr
    refused = subprocess.run(["./classify", "letters.c"], cwd=tmp_path, capture_output=True, text=True)
    assert refused.returncode == 1 and "expected a PGM picture" in refused.stderr
