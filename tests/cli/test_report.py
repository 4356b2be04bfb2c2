"""The report: one page that is well-formed, whole by itself, true to the comparison, and looks right in a browser."""
import io
import json
import os
import re
import shutil
import subprocess

import numpy
import pytest
from PIL import Image

from events import read_last
from page import SCRIPT, Page
from support import PROGRAM, TINY_NET, draw_images, environment, make_dataset, write_idx

pytestmark = pytest.mark.skipif(not shutil.which("gnuplot"), reason="gnuplot is not installed (tools/install-dependencies report)")

STUDY = """\
name: small
about: "Is <b>min-ent</b> better & why?"
recipe: demo
seeds: 2
set:
  data: {data}
  net: net.yaml
  epochs: 3
  batch: 20
  precision: fp32
  validation: {{fraction: 0.2}}
  ema: {{decay: 0}}
  optimizer: {{learning_rate: 0.1}}
baseline: ce
difference: 1
variants:
  ce: {{loss: {{name: ce}}}}
  min-ent: {{loss: {{name: min-ent, w2: 0.5, learn: [w1, w2, b1]}}}}
"""
SECTIONS = ["verdict", "measures", "curves", "weights", "reliability", "certainty", "confusion", "making"]


class Place:
    """A directory with data, a network and a study, in which the program runs."""

    def __init__(self, directory, data="bars"):
        self.directory = directory
        make_dataset(directory / "bars", train=200, test=120)
        labels = numpy.arange(120) % 4
        labels[:24] = (labels[:24] + 1) % 4  # some that no network gets right
        write_idx(directory / "bars" / "test-labels-idx1-ubyte", labels)
        (directory / "bars" / "bars-mapping.txt").write_text("0 60\n1 38\n2 34\n3 66\n")  # classes <, &, " and B
        (directory / "net.yaml").write_text(TINY_NET)
        (directory / "study.yaml").write_text(STUDY.format(data=data))

    def run(self, *words, code=0, **variables):
        done = subprocess.run([str(PROGRAM), *map(str, words)], cwd=self.directory, env=environment(**variables),
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout if code == 0 else done.stderr

    def report(self, *words, **variables):
        said = json.loads(self.run("report", *words, "--json", **variables))
        path = self.directory / said["report"]
        assert path.stat().st_size == said["bytes"] < 2e6
        return Page(path).check()


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A finished study; not to be changed."""
    place = Place(tmp_path_factory.mktemp("whole"))
    place.said = read_last(place.run("compare", "study.yaml", "--jobs", "1", "--json"))
    return place


@pytest.fixture
def copy(whole, tmp_path):
    """The same, to be changed."""
    place = Place(tmp_path / "copy")
    shutil.copytree(whole.directory / "runs", place.directory / "runs")
    return place


def test_a_study_becomes_a_page(whole):
    page = whole.report("runs/small")
    assert page.sections() == SECTIONS
    assert "Is <b>min-ent</b> better & why?" in page.text and "4 of 4 runs finished" in page.text
    assert page.charts == 1 + 4 + 3 + 2 + 2 + 1  # intervals, curves, weights, reliability, entropy, risk
    compared = whole.said["comparison"]
    for name in ("ce", "min-ent"):
        assert page.text.count(name) > 5
    words = json.dumps(compared, ensure_ascii=False)
    told = [value for value in re.findall(r'"words": "((?:[^"\\]|\\.)*)"', words)]
    assert told and all(json.loads(f'"{text}"') in page.text for text in told)
    assert "mixent compare small.yaml" in page.text and whole.run("version").split()[1] in page.text
    assert (whole.directory / "runs/small/report.html").exists()


def test_the_first_screen(whole):
    """A line for each variant, the baseline first, and below each chart its values, by which the script answers."""
    page = whole.report("runs/small")
    lines = page.source.partition('class="lines"')[2].partition("</table>")[0]
    names = re.findall(r'--hue-(\d)\)">([^<]*)</span>(?:</a>)?</th>', lines)
    assert names == [("0", "ce"), ("1", "min-ent")]
    accuracy = [100 * read_summary(whole, f"ce-{seed}")["accuracy"] for seed in (0, 1)]
    assert f">{numpy.mean(accuracy):.2f} <" in lines
    assert '<details class="verdict ' in page.source and not re.search(r'<details class="verdict [a-z]*" open', page.source)
    assert re.search(r"<title>min-ent minus ce\n[−+]?\d+\.\d\d\n2 seeds</title>", lines)  # no scatter: no interval
    assert page.boxes == ["show0", "show1"] and ":root:has(#show1:not(:checked)) .v1 {" in page.source


def read_summary(place, run):
    return json.loads((place.directory / "runs/small" / run / "summary.json").read_text())["test"]


def test_values_of_charts(whole):
    """The table below the chart of accuracy is the mean, lowest and highest of metrics.jsonl."""
    page = whole.report("runs/small")
    table = page.source.partition("Validation accuracy, %</figcaption>")[2].partition("<table>")[2].partition("</table>")[0]
    rows = re.findall(r'<tr data-x="(\d)"><th scope="row">\1</th><td class="v0">([^<]*)</td><td class="v1">([^<]*)</td></tr>', table)
    assert [row[0] for row in rows] == ["1", "2", "3"]
    for epoch, *cells in rows:
        for name, cell in zip(("ce", "min-ent"), cells):
            values = [100 * read_epoch(whole, f"{name}-{seed}", int(epoch))["validation"]["accuracy"] for seed in (0, 1)]
            assert cell == f"{numpy.mean(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def read_epoch(place, run, epoch):
    return json.loads((place.directory / "runs/small" / run / "metrics.jsonl").read_text().splitlines()[epoch - 1])


def test_fourteen_colours_are_told_apart():
    """Each is seen on its paper, and any two are apart for usual and for colour-blind eyes (Machado et al. 2009, full strength), those with one
    dash by more. Distances are of OKLab, in which 0.02 is just seen."""
    eyes = [numpy.eye(3),
            [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
            [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
            [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]]
    style = SCRIPT.with_name("style.css").read_text(encoding="utf-8")
    light, dark, print_ = [[numpy.array([int(text[i:i + 2], 16) for i in (0, 2, 4)]) / 255 for text in found] for found in (
        [re.findall(rf"--hue-\d+: #([0-9a-f]{{6}})", part) for part in style.split(":root {")[1:4]])]
    assert len(light) == len(dark) == 14 and numpy.array_equal(light, print_)
    for colours, paper in ((light, "#ffffff"), (dark, "#14171c")):
        linear = numpy.array([numpy.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) for c in colours])
        luminance = linear @ [0.2126, 0.7152, 0.0722]
        ground = {"#ffffff": 1, "#14171c": 0.0085}[paper]
        assert min((max(x, ground) + 0.05) / (min(x, ground) + 0.05) for x in luminance) > 2.8
        for eye in eyes:
            lms = numpy.cbrt(numpy.clip(linear @ numpy.array(eye).T, 0, 1) @ numpy.array(
                [[0.4122, 0.2119, 0.0883], [0.5363, 0.6807, 0.2817], [0.0514, 0.1074, 0.6300]]))
            lab = lms @ numpy.array([[0.2105, 1.9780, 0.0259], [0.7936, -2.4286, 0.7828], [-0.0041, 0.4506, -0.8087]])
            apart = numpy.linalg.norm(lab[:, None] - lab, axis=2)
            for i in range(14):
                for j in range(i):
                    assert apart[i, j] > (0.08 if i // 7 == j // 7 else 0.055), (paper, i, j, apart[i, j])


def test_the_same_bytes_again(whole, tmp_path):
    whole.report("runs/small", "--output", tmp_path / "one.html")
    whole.report("runs/small", "--output", tmp_path / "two.html")
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "two.html").read_bytes()


def test_pictures_are_the_test_images(whole):
    page = whole.report("runs/small")
    images = draw_images(numpy.arange(120) % 4, 16, 1)
    assert page.images
    for alt, png in page.images:
        assert numpy.array_equal(numpy.asarray(Image.open(io.BytesIO(png))), images[int(alt.split()[-1])])


def test_names_are_escaped(whole, tmp_path):
    name = "<b>\"x\"&'"
    shutil.copytree(whole.directory / "runs/small/ce-0", tmp_path / name)
    with open(tmp_path / name / "metrics.jsonl") as stream:
        lines = [json.loads(line) for line in stream]
    lines[1]["warnings"] = ["collapse: <img src=x onerror=alert(1)>"]
    (tmp_path / name / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    page = whole.report(tmp_path / name, whole.directory / "runs/small/ce-1", "--output", tmp_path / "page.html")
    assert page.text.count(name) > 5
    assert "epoch 2: collapse: <img src=x onerror=alert(1)>" in page.text
    assert page.tags.count("img") == len(page.images)
    assert '<th scope="row" class="class">&lt;</th>' in page.source or "<th scope=\"col\">&lt;</th>" in page.source


def test_one_run(whole):
    page = whole.report("runs/small/min-ent-1", "--output", "one.html")
    assert page.sections() == SECTIONS and page.boxes == []
    assert "min-ent-1" in page.text and "loss.name=min-ent" in page.text


def test_two_runs_are_told_apart_by_mcnemar(whole):
    page = whole.report("runs/small/ce-0", "runs/small/min-ent-0", "--output", "two.html")
    assert "McNemar" in page.text and "two single models" in page.text and page.boxes == ["show0", "show1"]


def test_runs_that_hold_nothing_out_have_no_curve_of_validation(copy):
    copy.run("train", "--recipe", "demo", "--data", "bars", "--net", "net.yaml", "--epochs", "2", "--set", "validation.fraction=0",
             "--set", "batch=20", "--run", "runs/all")
    alone = copy.report("runs/all", "--output", "alone.html")
    assert "Training accuracy, %" in alone.text
    both = copy.report("runs/small/ce-0", "runs/all", "--output", "both.html")

    def hues(title):
        return set(re.findall(r"--hue-\d", both.source.partition(f"{title}</figcaption>")[2].partition("</svg>")[0]))

    assert len(hues("Training loss")) == 2 and hues("Validation accuracy, %") < hues("Training loss")


def test_an_unfinished_run_stands_with_those_of_its_data_set(copy):
    shutil.copytree(copy.directory / "runs/small/ce-0", copy.directory / "runs/cut")
    for name in ("summary.json", "result.json", "predictions.safetensors"):
        (copy.directory / "runs/cut" / name).unlink(missing_ok=True)
    recipe = copy.directory / "runs/cut/recipe.yaml"
    recipe.write_text(re.sub(r"^data: .*$", f"data: {copy.directory}/bars", recipe.read_text(), flags=re.MULTILINE))
    page = copy.report("runs/small/ce-0", "runs/cut", "--output", "cut.html")
    assert page.sections().count("verdict") == 1 and not any(name.startswith("data-") for name in page.ids)


def test_a_study_carried_elsewhere_without_its_data(whole, tmp_path):
    whole.run("study", "export", "runs/small", tmp_path / "small.jsonl")
    elsewhere = Place(tmp_path / "elsewhere")
    elsewhere.run("study", "import", tmp_path / "small.jsonl")
    shutil.rmtree(elsewhere.directory / "bars")
    page = elsewhere.report("runs/small")
    assert page.sections() == SECTIONS
    assert not page.images and "Pictures are left out" in page.text


def test_what_is_missing_is_said(copy):
    runs = copy.directory / "runs/small"
    shutil.rmtree(runs / "ce-1")
    (runs / "min-ent-1" / "summary.json").unlink()
    lines = (runs / "min-ent-1" / "metrics.jsonl").read_text().splitlines()
    (runs / "min-ent-1" / "metrics.jsonl").write_text(lines[0] + "\n" + lines[1][:40])  # as a power cut leaves it
    page = copy.report("runs/small")
    assert "2 of 4 runs finished" in page.text and "Runs that are not finished : 2" in page.text.replace("finished:", "finished :")
    assert "ce-1 not begun" in page.text and "warnings" in page.sections()


def test_nothing_is_finished_yet(copy):
    for run in (copy.directory / "runs/small").glob("*/"):
        (run / "summary.json").unlink(missing_ok=True)
    page = copy.report("runs/small")
    assert "0 of 4 runs finished" in page.text and "nothing can be concluded" in page.text
    assert page.sections() == ["verdict", "curves", "weights", "warnings", "making"]


def test_several_data_sets(tmp_path):
    place = Place(tmp_path, data="bars")
    make_dataset(tmp_path / "other", train=200, test=100, seed=5)
    text = STUDY.format(data="bars").replace("  data: bars\n", "").replace("baseline: ce", "data: [bars, other]\nbaseline: ce")
    (tmp_path / "study.yaml").write_text(text)
    place.run("compare", "study.yaml", "--jobs", "1")
    page = place.report("runs/small")
    assert page.sections() == SECTIONS[:-1] * 2 + ["making"]
    assert {"data-0", "data-1"} <= set(page.ids) and "8 of 8 runs finished" in page.text


def test_a_loss_that_failed_does_not_squeeze_the_others(tmp_path):
    place = Place(tmp_path)
    with open(tmp_path / "study.yaml", "a") as study:
        study.write("  alike: {loss: {name: min-ent, w1: 1, w2: 0.01, b1: e, b2: e}}\n  failed: {optimizer: {learning_rate: 0.000001}}\n")
    place.run("compare", "study.yaml", "--jobs", "1")
    page = place.report("runs/small")
    assert "An arrow stands for a difference so far out" in page.text
    assert page.source.count('class="beyond"') == 2 and page.source.count("<circle") == 3  # without scatter one circle each, and #mark
    assert re.search(r"<title>failed minus ce\non these images: −\d+\.\d\d \[−\d+\.\d\d, [−+]\d+\.\d\d\], p \d\.\d+\n"
                     r"on images like these: −", page.source)


def test_what_cannot_be_reported(whole, tmp_path):
    assert "neither a study (study.yaml) nor a run" in whole.run("report", tmp_path, code=2)
    assert "name it alone" in whole.run("report", "runs/small", "runs/small/ce-0", code=2)
    assert "name it alone" in whole.run("report", "runs/small/ce-0", "runs/small", code=2)
    said = whole.run("report", "runs/small", "--output", tmp_path / "page.html", code=1, PATH=str(tmp_path))
    assert "gnuplot-nox" in said and not (tmp_path / "page.html").exists()


@pytest.mark.parametrize("damage, said", [
    ("sed '/^plot /,$d' | {gnuplot} -d", "before its chart was drawn"),  # the script is cut off before its end
    ("sed '$d' | {gnuplot} -d", "before its chart was drawn"),
    ("{gnuplot} -d | head -n 60", "and no end"),  # the disk is full
    ("{gnuplot} -d | sed 's/gnuplot_plot_2/lost/'", "is incomplete: expected "),
    ("cat >/dev/null", "before its chart was drawn"),
    ("{gnuplot} -d; exit 3", "gnuplot drew its chart, but ended with exit code 3"),
], ids=["no plot", "no last command", "drawing cut off", "a curve less", "nothing", "a failure behind it"])
def test_gnuplot_fails_half_way(whole, tmp_path, damage, said):
    """gnuplot ends with exit status 0, but did not draw all, or draws all and fails: no page, and an exit code of 1."""
    (tmp_path / "gnuplot").write_text(f"#!/bin/sh\n{damage.format(gnuplot=shutil.which('gnuplot'))}\nexit 0\n")
    (tmp_path / "gnuplot").chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    assert said in whole.run("report", "runs/small", "--output", tmp_path / "page.html", code=1, PATH=path)
    assert not (tmp_path / "page.html").exists()


# In a browser. The page stands in a frame of the width asked for, for a window has a least width; the frame's script asks
# the page how wide it is and which words of a chart lie over one another.
FRAME = """<!doctype html><body style="margin:0"><iframe src="{page}" style="border:0;width:{width}px;height:4000px"></iframe>
<script>
onload = () => {{
  const page = document.querySelector("iframe").contentDocument, found = [];
  page.querySelectorAll("details").forEach(part => part.open = true);
  for (const chart of page.querySelectorAll("svg[role=img], tr.scale svg")) {{
    const words = [...chart.querySelectorAll("text")].map(word => [word.textContent, word.getBoundingClientRect()]);
    for (let i = 0; i < words.length; i++) for (let j = 0; j < i; j++) {{
      const [a, b] = [words[i][1], words[j][1]];
      if (Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 2.5)
        found.push(words[i][0] + " over " + words[j][0]);
    }}
    const room = chart.getBoundingClientRect();
    for (const [text, box] of words)
      if (chart.closest("figure") && (box.right > room.right + 1 || box.left < room.left - 1)) found.push(text + " outside");
  }}
  const root = page.documentElement, tip = page.querySelector(".tip"), view = page.defaultView;
  const point = (target, x, y) => {{
    const box = target.getBoundingClientRect();
    target.dispatchEvent(new view.PointerEvent("pointermove", {{bubbles: true, pointerType: "mouse",
      clientX: box.left + x * box.width, clientY: box.top + y * box.height}}));
    return !tip || tip.hidden ? null : tip.innerText;
  }};
  const leave = target => {{
    target.dispatchEvent(new view.PointerEvent("pointerleave", {{pointerType: "mouse"}}));
    return tip ? tip.hidden : null;
  }};
  const told = {{}}, charts = [...page.querySelectorAll("figure")];
  for (const figure of charts) {{
    told[figure.querySelector("figcaption").innerText] = [0, 0.3, 0.8].map(x => point(figure.querySelector("svg"), x, 0.5));
    told.hidden = leave(figure.querySelector("svg"));
  }}
  const press = (target, key) => target.dispatchEvent(new view.KeyboardEvent("keydown", {{key, bubbles: true}}));
  const first = charts.length ? charts[0].querySelector("svg") : root;
  const keys = [press(first, "ArrowLeft"), tip && tip.innerText, press(first, "Escape"), tip && tip.hidden];
  told.interval = point(page.querySelector("svg.interval[role=img]") || root, 0.5, 0.5);
  told.cell = point(page.querySelector(".matrix tbody tr:nth-child(2) td:nth-child(2)") || root, 0.5, 0.5);
  leave(page.querySelector(".matrix") || root);
  const seen = () => [...page.querySelectorAll(".v1")].filter(part => part.getClientRects().length && view.getComputedStyle(part).display !== "none").length;
  const before = seen(), box = page.querySelector("#show1");
  if (box) box.click();
  const after = seen(), without = charts.length ? point(charts[0].querySelector("svg"), 0.8, 0.5) : null;
  if (box) box.click();
  const folded = [...page.querySelectorAll("details.verdict")].map(part => part.open = false);
  view.dispatchEvent(new view.Event("beforeprint"));
  const printed = [...page.querySelectorAll("details.verdict")].every(part => part.open);
  const middle = part => part ? (part.getBoundingClientRect().left + part.getBoundingClientRect().right) / 2 : null;
  const number = [...page.querySelectorAll("tr.scale text")].find(word => Number(word.textContent) === 0);
  const zeros = [middle(page.querySelector("svg.interval[role=img] .zero")), middle(number)];
  document.title = JSON.stringify({{told, keys, zeros, before, after, without, printed, width: root.scrollWidth, overlaps: found, ink: getComputedStyle(page.body).color,
    strokes: [...new Set([...page.querySelectorAll("figure path")].map(path => getComputedStyle(path).stroke))]}});
}};
</script>"""


def browse(page, directory, width, *options):
    """What the frame found, and the console's errors."""
    frame = directory / f"frame-{width}.html"
    frame.write_text(FRAME.format(page=page.as_uri(), width=width))
    done = subprocess.run(["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--enable-logging=stderr",
                           "--allow-file-access-from-files", f"--user-data-dir={directory / 'profile'}", *options, "--dump-dom",
                           frame.as_uri()], capture_output=True, text=True, timeout=120, env=dict(os.environ, HOME=str(directory)))
    errors = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    found = re.search(r"<title>(.*?)</title>", done.stdout)
    assert found, done.stderr
    return json.loads(found[1].replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">")), errors


def picture(page, directory, name, *options):
    path = directory / name
    subprocess.run(["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=1200,2400",
                    f"--user-data-dir={directory / 'profile'}", *options, f"--screenshot={path}", page.as_uri()], check=True,
                   capture_output=True, timeout=120, env=dict(os.environ, HOME=str(directory)))
    return numpy.asarray(Image.open(path).convert("L"), float)


def check_answers(found):
    """Those who point at a chart are told its values; a check box hides a variant everywhere; paper folds nothing away."""
    told = found["told"]
    assert told.pop("hidden") is True
    first, _, last = told["Validation accuracy, %"]
    assert first.startswith("epoch 1\n") and last.startswith("epoch 3\n")
    assert re.search(r"\bce\s+\d+\.\d\d \(\d+\.\d\d to \d+\.\d\d\)", last) and "min-ent" in last
    assert re.match(r"min-ent minus ce\n[−+]?\d+\.\d\d\n2 seeds", told.pop("interval"))
    assert re.match(r"true &, said <\n\d+ of \d+: \d+\.\d\d %", told.pop("cell"))
    (reliability,) = [values for title, values in told.items() if title.startswith("ce\nECE")]
    assert re.match(r"confidence 0\.\d+ to \d\.\d+\naccuracy", reliability[2])
    assert all(all(values) for values in told.values()), told
    assert found["before"] > 20 and found["after"] == 0 and "min-ent" not in found["without"] and "ce" in found["without"]
    assert found["keys"][1].startswith("epoch 2\n") and found["keys"][3] is True  # one place to the left of where the pointer was
    assert found["printed"]


DARK = ["--force-dark-mode", "--blink-settings=preferredColorScheme=0"]


@pytest.mark.long
@pytest.mark.skipif(not shutil.which("chromium"), reason="chromium is not installed (tools/install-dependencies browser)")
def test_in_a_browser(whole, tmp_path):
    whole.report("runs/small", "--output", tmp_path / "page.html")
    page = tmp_path / "page.html"
    inks = []
    for width, options in ((1200, []), (1200, DARK), (1000, []), (400, []), (390, DARK)):
        found, errors = browse(page, tmp_path, width, *options)
        assert errors == [] and found["overlaps"] == []
        assert found["width"] <= width, "wider than the window"
        line, number = found["zeros"]
        assert abs(line - number) < 2, "the scale's 0 is not below the line at 0"
        assert len(found["strokes"]) > 3 and "none" not in found["strokes"]
        inks.append(found["ink"])
        check_answers(found)
    assert inks[0] == inks[2] == inks[3] != inks[1] == inks[4]
    bare = tmp_path / "bare.html"  # as where scripts do not run: the check boxes hide, and a title tells the values
    bare.write_text(re.sub(r"<script>.*?</script>", "", page.read_text(encoding="utf-8"), flags=re.DOTALL), encoding="utf-8")
    found, errors = browse(bare, tmp_path, 1200)
    assert errors == [] and found["before"] > 20 and found["after"] == 0 and found["told"]["interval"] is None
    light, dark = picture(page, tmp_path, "light.png"), picture(page, tmp_path, "dark.png", *DARK)
    assert numpy.median(light) > 240 and numpy.median(dark) < 40
    assert light.std() > 15 and dark.std() > 15
    subprocess.run(["chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}",
                    f"--print-to-pdf={tmp_path / 'page.pdf'}", page.as_uri()], check=True, capture_output=True, timeout=120,
                   env=dict(os.environ, HOME=str(tmp_path)))
    pdf = (tmp_path / "page.pdf").read_bytes()
    assert pdf.startswith(b"%PDF") and 2 <= pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ") <= 20
