"""The examples build as an outside project against what is installed, and show what they say."""
import os
import re
import shutil
import statistics
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
BUILD = Path(os.environ.get("MIXENT_BUILD", ROOT / "build" / "release"))
WARNINGS = "-Wall -Wextra -Werror"
SOURCES = sorted([*EXAMPLES.glob("*.c"), *EXAMPLES.glob("*.cpp")])
NUMBER = r"(-?\d+\.\d+(?:e[-+]\d+)?)"


def run(*words, **more):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    prefix = tmp_path_factory.mktemp("prefix")
    run("cmake", "--install", BUILD, "--prefix", prefix)
    return prefix


@pytest.fixture(scope="module")
def programs(prefix, tmp_path_factory):
    build = tmp_path_factory.mktemp("examples")
    run("cmake", "-S", EXAMPLES, "-B", build, f"-DCMAKE_PREFIX_PATH={prefix}", "-DCMAKE_BUILD_TYPE=Release",
        f"-DCMAKE_C_FLAGS={WARNINGS}", f"-DCMAKE_CXX_FLAGS={WARNINGS}")
    run("cmake", "--build", build)
    return build


def output(programs, number, **environment):
    source = next(source for source in SOURCES if source.name.startswith(number))
    program = programs / source.stem
    if source.suffix == ".cpp" and not program.exists():
        # CMake looks for more names than `c++`, and tells what it found by what it built.
        assert not shutil.which("c++"), "CMake found no C++ compiler although there is one"
        pytest.skip("no C++ compiler")
    text = run(program, env=dict(os.environ, **environment))
    assert ": NO" not in text
    return text


def numbers(pattern, text):
    found = re.search(pattern, text)
    assert found, f"{pattern!r} is not in\n{text}"
    return [float(group) for group in found.groups()]


def test_cross_entropy(programs):
    text = output(programs, "00")
    assert numbers(f"cross entropy: mixent {NUMBER}, naive {NUMBER}", text) == pytest.approx([0.507188, 0.507188], abs=2e-6)
    assert numbers(f"in NaN\n  cross entropy: mixent {NUMBER}, naive -?nan", text) == pytest.approx([25 / 3], abs=2e-6)


def test_min_ent_and_mix_ent(programs):
    text = output(programs, "01")
    ce1, h, ce2, kl = numbers(rf"ce1 {NUMBER}\n +h +{NUMBER}\n +ce2 {NUMBER}\n +kl +{NUMBER}", text)
    assert [ce1, h] == pytest.approx([0.288726, 0.678331], abs=2e-6)
    assert kl == pytest.approx(ce2 - h, abs=3e-6)
    for name, second in ("min-ent", h), ("mix-ent", ce2):
        by_base, by_weight = re.findall(rf"{name} .* loss {NUMBER}", text)
        assert by_base == by_weight
        assert float(by_base) == pytest.approx(1.19330 * ce1 + 0.12980 * second, abs=2e-4)


def test_targets_and_weights(programs):
    text = output(programs, "02")
    for pattern in (f"labels {NUMBER}, the same as one-hot rows {NUMBER}", f"smoothing 0.2 {NUMBER}, smoothed by hand {NUMBER}",
                    f"4 classes of which one is masked {NUMBER}, 3 classes {NUMBER}"):
        one, other = numbers(pattern, text)
        assert one == other
    assert "2 of 3 rows count" in text and "divisor 8" in text
    assert "row 0 has label -100" in text  # the library's own words


def test_types_and_layout(programs):
    text = output(programs, "03")
    values = [numbers(rf"{name} +loss {NUMBER}", text)[0] for name in (" double", " float", " float16", " bfloat16")]
    assert values == pytest.approx([values[0]] * 4, abs=1e-6)
    assert text.count(": yes") == 6


@pytest.mark.parametrize("processor", [None, "plain"])
def test_threads(programs, processor):
    text = output(programs, "04", **({"MIXENT_CPU": processor} if processor else {}))
    assert len(set(re.findall(f"loss {NUMBER}", text))) == 1 and text.count("the same bits") == 4
    assert "4 threads, 4 pieces" in text and "8 rows with 4 threads: 0 pieces" in text
    if processor:
        assert f"alone ({processor})" in text


def test_train_a_classifier(programs):
    text = output(programs, "05")
    accuracies = [float(word) for word in re.findall(f"accuracy {NUMBER} %, cross", text)]
    assert len(accuracies) == 7 and accuracies[0] == pytest.approx(73, abs=3)
    assert re.search(r"style square, w2 = t\^2\n +warning weight-near-zero: w2 has fallen", text)
    assert re.search(r"style free, w2 = t\n +warning weight-near-zero: w2 has fallen to -", text)
    assert numbers(rf"style free.*\n(?: +warning.*\n)+ +accuracy.*w = \(1, (-\d+)\)", text) == [-20]


def test_hypergradient(programs):
    text = output(programs, "06")
    ahead, differences = numbers(f"hypergradient {NUMBER}, finite differences {NUMBER}", text)
    assert ahead == pytest.approx(differences, rel=0.01) and ahead != 0
    assert len(re.findall(r"^  \d  (?:  +-?\d\.\d+ \( *-?\d+\.\d+\)){4} *$", text, re.MULTILINE)) == 8
    for which in "held out", "on test data":
        fixed, free, square, look_ahead = numbers(rf"mean,? {which}\n +{NUMBER} +{NUMBER} +{NUMBER} +{NUMBER}", text)
        assert fixed < min(free, square, look_ahead)


def test_from_cplusplus(programs):
    text = output(programs, "07")
    # 1 CE + 0.1 H of 01's batch
    assert numbers(f"float:  loss {NUMBER}", text) == pytest.approx([0.288726 + 0.0678331], abs=3e-6)
    assert "row 1 has label 7" in text


def test_compare_two_methods(programs):
    text = output(programs, "08")
    mean, low, high, p = (float(word) for word in re.search(
        r"b minus a: \+(\S+) points, 95 % interval \+(\S+) to \+(\S+), p = (\S+)", text).groups())
    differences = [0.22, 0.18, 0.13, 0.22, 0.15]
    reach = 2.7764451 * statistics.stdev(differences) / 5 ** 0.5  # Student's quantile for 4 degrees of freedom
    assert [mean, low, high] == pytest.approx([0.18, 0.18 - reach, 0.18 + reach], abs=1e-3) and p < 0.01
    only_b, only_a, difference, error, mcnemar = re.search(
        rf"two models: (\d+) against (\d+) images, {NUMBER} with a standard error of {NUMBER}, McNemar's p = {NUMBER}", text).groups()
    assert (int(only_b), int(only_a), float(difference)) == (12, 6, 0.006)
    assert float(error) == pytest.approx((18 - 36 / 1000) ** 0.5 / 1000, abs=1e-4)
    assert "value 1 is nan" in text  # the library's own words


def test_equivalence_and_data_sets(programs):
    text = output(programs, "09")
    mean, seen, p, within = numbers(rf"10 seeds: \+{NUMBER} points, p of no difference {NUMBER}; of a difference of 0.05 or more {NUMBER}, "
                                    rf"P\(within\) {NUMBER}", text)
    assert mean == pytest.approx(0.004, abs=1e-3) and seen > 0.5 and p < 0.05 < 0.95 < within
    few = numbers(rf"3 seeds: .* or more {NUMBER}, P\(within\) {NUMBER}", text)
    assert few[0] > 0.05 and few[1] < 0.95
    a, c = [94.61, 94.72, 94.58, 94.66, 94.70, 94.63, 94.75, 94.59, 94.68, 94.65], [94.20, 94.41, 94.33, 94.57]
    parts = [statistics.variance(sample) / len(sample) for sample in (a, c)]  # Welch's squared errors, Satterthwaite's freedom
    freedom = sum(parts) ** 2 / sum(part ** 2 / (len(sample) - 1) for part, sample in zip(parts, (a, c)))
    mean, low, high, found, p = numbers(
        rf"unpaired: {NUMBER} points, 95 % interval {NUMBER} to {NUMBER}, {NUMBER} degrees of freedom, p = {NUMBER}", text)
    assert [mean, found] == pytest.approx([statistics.mean(c) - statistics.mean(a), freedom], abs=1e-2)
    assert low < mean < high < 0 and p < 0.05
    paired, corrected = numbers(rf"paired t p = {NUMBER}, corrected p = {NUMBER}", text)
    assert paired < 0.05 < corrected
    chance, low, high = numbers(rf"probability {NUMBER}, 95 % interval {NUMBER} to {NUMBER}", text)
    # of 9 pairs each: 8 and a tie on the first set, 9 on the second, 3 on the third
    assert chance == pytest.approx((8.5 + 9 + 3) / 27, abs=1e-4) and low < chance < high
    assert numbers(rf"interquartile mean of b: {NUMBER}", text) == pytest.approx(
        [statistics.mean(sorted([94.8, 94.7, 94.9, 72.6, 73.1, 72.2, 87.9, 88.2, 87.5])[2:-2])], abs=1e-3)
    shares = [numbers(rf"{part}: variance {NUMBER}, share {NUMBER}", text)[1] for part in ("seed", "split", "rest")]
    assert sum(shares) == pytest.approx(1, abs=2e-4) and shares[1] > 0.9
    assert ("seed: " in text) and (shares[0] < 0) == ("below 0" in text)


@pytest.fixture(scope="module")
def bars(programs, tmp_path_factory):
    """Where program 10 has run; and what it said."""
    directory = tmp_path_factory.mktemp("bars")
    return directory, run(programs / "10_train_from_memory", cwd=directory)


def test_training_and_predicting_from_memory(programs, bars):
    directory, said = bars
    assert [line.split(":")[0] for line in said.splitlines()[:3]] == ["epoch 1 of 3", "epoch 2 of 3", "epoch 3 of 3"]
    assert numbers(f"test images: {NUMBER} % right", said)[0] > 90
    predicted = run(programs / "11_predict_from_memory", cwd=directory)
    assert re.findall(r"degrees: (\w+), ", predicted) == ["upright", "falling", "level", "rising", "upright"]
    mixent = BUILD / "mixent"
    refused = subprocess.run([mixent, "eval", "bars"], cwd=directory, capture_output=True, text=True)
    assert refused.returncode != 0 and "'memory:bars' were arrays of a program" in refused.stderr
    assert "conv3" in run(mixent, "info", "bars.safetensors", cwd=directory)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_the_command_in_its_first_lines_builds_it(prefix, bars, source, tmp_path):
    command = re.search(r"^(?: \*|//)   (c(?:c|\+\+) -std=.*pkg-config.*?)(?: \*/)?$", source.read_text(), re.MULTILINE).group(1)
    assert source.name in command
    if not shutil.which(command.split()[0]):
        pytest.skip(f"no {command.split()[0]}")
    config = next(prefix.rglob("mixent-loss.pc")).parent
    environment = dict(os.environ, PKG_CONFIG_PATH=str(config), LD_LIBRARY_PATH=str(config.parent))
    run("sh", "-c", command.replace(source.name, f"'{source}' {WARNINGS}") + f" -o '{tmp_path}/program'", env=environment)
    run(tmp_path / "program", env=environment, cwd=bars[0])


def test_the_table_lists_them_all():
    listed = re.findall(r"^\| \[(\S+)\]\((\S+)\) \| \S", (EXAMPLES / "README.md").read_text(), re.MULTILINE)
    assert listed == [(source.name, source.name) for source in SOURCES]
    cmake = (EXAMPLES / "CMakeLists.txt").read_text()
    assert all(source.stem in cmake for source in SOURCES)
