"""`mixent page`: one file that is whole by itself; in Chromium its engine answers as `predict` does, to drawings and to pictures."""
import base64
import hashlib
import json
import os
import re
import shutil
import subprocess

import numpy
import pytest
from PIL import Image, PngImagePlugin

from support import ROOT, draw_images, make_dataset, write_idx

# Every kind of layer, odd sides, a convolution without padding, a stride, an addition of narrower values.
EVERYTHING = """
name: everything
layers:
  - conv2d: {name: a, channels: 8, kernel: 3, stride: 2, padding: 1, bias: false}
  - batch_norm: {name: b}
  - relu: {name: c}
  - conv2d: {name: d, from: c, channels: 8, kernel: 5, padding: 2}
  - gelu: {name: e}
  - add: {name: f, from: [e, c]}
  - batch_norm: {name: g}
  - silu: {name: h}
  - max_pool: {name: i, size: 3, stride: 2}
  - global_pool: {name: j0, from: h}
  - flatten: {name: j, from: j0}
  - conv2d: {name: k, from: i, channels: 4, kernel: 1}
  - concat: {name: l, from: [i, k]}
  - split: {name: m, from: l, begin: 0, end: 5}
  - split: {name: n, from: l, begin: 5, end: 12}
  - concat: {name: o, from: [n, m]}
  - global_pool: {name: p, from: o}
  - flatten: {name: q, from: o}
  - flatten: {name: r, from: p}
  - concat: {name: s, from: [q, r, j]}
  - dropout: {name: t, rate: 0.2}
  - linear: {name: u, features: classes}
"""

# Stands behind the page's own script: gives it a picture or strokes, and writes what it says into the title.
HARNESS = """
<script>
addEventListener("load", async () => {{
  const jobs = {jobs}, answers = [];
  const wait = () => new Promise(done => requestAnimationFrame(() => setTimeout(done, 20))); 
  const read = () => [...document.querySelectorAll("#results section")].map(part => ({{
    name: part.querySelector("h2").textContent,
    q: JSON.parse(part.querySelector("ol").dataset.probabilities || "null"),
    shown: part.querySelector("ol").innerText, facts: part.querySelector(".facts").textContent,
    milliseconds: Number(part.querySelector(".facts").dataset.milliseconds)}}));
  const field = document.querySelector("#field"), box = field.getBoundingClientRect();
  const point = (type, [x, y]) => field.dispatchEvent(new PointerEvent(type, {{bubbles: true, pointerId: 1, button: 0,
    clientX: box.left + x * box.width, clientY: box.top + y * box.height}}));
  for (const job of jobs) {{
    if (job.picture) {{
      const bytes = Uint8Array.from(atob(job.picture), letter => letter.charCodeAt(0)), data = new DataTransfer();
      data.items.add(new File([bytes], "a.png", {{type: job.type || "image/png"}}));
      const event = job.drop ? new DragEvent("drop", {{dataTransfer: data, bubbles: true}}) : new ClipboardEvent("paste", {{clipboardData: data, bubbles: true}});
      document.body.dispatchEvent(event);
    }}
    for (const stroke of job.strokes || []) {{
      point("pointerdown", stroke[0]);
      for (const at of stroke.slice(1)) point("pointermove", at);
      point("pointerup", stroke[stroke.length - 1]);
    }}
    for (const key of job.keys || []) field.dispatchEvent(new KeyboardEvent("keydown", {{key, bubbles: true}}));
    if (job.other) document.body.dispatchEvent(new DragEvent("drop", {{dataTransfer: new DataTransfer(), bubbles: true}}));
    if (job.clear) document.querySelector("#clear").click();
    for (let tries = 0; tries < 50; tries++) {{
      await wait();
      if (!job.picture || document.querySelector("#note").textContent || read().every(part => part.q)) break;
    }}
    await wait();
    answers.push({{models: read(), said: document.querySelector("#said").textContent, note: document.querySelector("#note").textContent}});
    if (!job.keep) document.querySelector("#clear").click();
  }}
  document.title = JSON.stringify({{answers, scrolled: document.documentElement.scrollTop, width: document.documentElement.scrollWidth,
    labels: [...document.querySelectorAll("canvas, button, input")].map(part => part.getAttribute("aria-label") || part.innerText || part.parentElement.innerText)}});
}});
</script>"""

browser = pytest.mark.skipif(not shutil.which("chromium"), reason="chromium is not installed (tools/install-dependencies browser)")


def browse(page, directory, jobs, width=1000, height=2000):
    """What the page answers to each job. The harness is a second script, for which the page's policy is taken out."""
    text = page.read_text(encoding="utf-8")
    copy = directory / f"harnessed-{width}.html"
    copy.write_text(re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text).replace("</body>", HARNESS.format(jobs=json.dumps(jobs)) + "</body>"),
                    encoding="utf-8")
    frame = directory / f"frame-{width}.html"
    frame.write_text(f"""<!doctype html><body style="margin:0"><iframe src="{copy.as_uri()}" style="border:0;width:{width}px;height:{height}px"></iframe>
<script>onload = () => {{ const look = () => {{ const title = document.querySelector("iframe").contentDocument.title;
if (title.startsWith("{{")) document.title = title; else setTimeout(look, 2000); }}; look(); }};</script>""")
    done = subprocess.run(["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--allow-file-access-from-files",
                           "--virtual-time-budget=100000000", f"--user-data-dir={directory / 'profile'}", "--dump-dom", frame.as_uri()],
                          capture_output=True, text=True, timeout=120, env=dict(os.environ, HOME=str(directory)))
    assert "CONSOLE" not in done.stderr, done.stderr
    found = re.search(r"<title>(.*?)</title>", done.stdout, re.DOTALL)
    assert found, done.stderr
    return json.loads(found[1].replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">"))


def as_job(path, **more):
    kinds = {".png": "image/png", ".jpg": "image/jpeg", ".bmp": "image/bmp"}
    return {"picture": base64.b64encode(path.read_bytes()).decode(), "type": kinds[path.suffix], **more}


def predicted(mixent, run, *files, more=()):
    """[{class: probability}] for every file."""
    result = mixent("predict", run, *files, "--csv", "--views", "1", "--precision", "fp32", *more)
    assert result.code == 0, result.err
    return [[float(cell) for cell in line.split(",")[2:]] for line in result.out.splitlines()[1:]]


@pytest.fixture
def letters(mixent, tmp_path):
    """Two runs on four classes with odd names, and pictures of them."""
    make_dataset(tmp_path / "bars", side=21)
    (tmp_path / "bars" / "classes.txt").write_text("")
    (tmp_path / "bars" / "classes.txt").unlink()
    (tmp_path / "everything.yaml").write_text(EVERYTHING)
    for loss in "ce", "min-ent":
        result = mixent("train", "--data", "bars", "--net", "everything.yaml", "--loss", loss, "--epochs", "2", "--set", "batch=20", "--threads", "2", "--precision", "fp32",
                        "--run", f"runs/{loss}")
        assert result.code == 0, result.err
    return tmp_path


def test_one_file_whole_by_itself(mixent, letters):
    result = mixent("page", "runs/ce", "runs/min-ent/best.safetensors", "--output", "page.html")
    assert result.code == 0 and re.fullmatch(r"wrote page\.html \(\d+ kB\): open it in a browser, draw, and see what the models believe\n", result.out)
    text = (letters / "page.html").read_text(encoding="utf-8")
    assert "://" not in text.replace("http://www.w3.org", "") and " src=" not in text and "default-src 'none'" in text
    models = json.loads(re.search(r'<script type="application/json" id="models">(.*?)</script>', text, re.DOTALL)[1])
    assert [model["name"] for model in models] == ["ce", "min-ent"]
    for kind in "style", "script":  # the browser runs nothing else
        part = re.findall(f"<{kind}>(.*?)</{kind}>", text, re.DOTALL)
        assert len(part) == 1 and f"{kind}-src 'sha256-{base64.b64encode(hashlib.sha256(part[0].encode()).digest()).decode()}'" in text
    assert {layer["kind"] for layer in models[0]["layers"]} >= {"conv2d", "batch_norm", "gelu", "silu", "max_pool", "global_pool", "add", "concat", "split", "linear"}
    again = mixent("page", "runs/ce", "runs/min-ent/best.safetensors", "--output", "again.html")
    assert again.code == 0 and (letters / "again.html").read_bytes() == (letters / "page.html").read_bytes()
    shutil.copytree(letters / "runs" / "ce", letters / "other" / "ce")
    assert mixent("page", "runs/ce", "other/ce").code == 0
    assert re.findall(r'"name":"([^"]*)","about"', (letters / "page.html").read_text(encoding="utf-8")) == ["runs/ce", "other/ce"]


def test_what_it_refuses(mixent, letters, tmp_path):
    assert mixent("page", "runs/ce", "--output", "page.txt").code == 2
    assert mixent("page").code == 2
    assert "nowhere" in mixent("page", "nowhere").message
    (tmp_path / "table.csv").write_text("a,b,label\n" + "".join(f"{i},{i % 7},{i % 2}\n" for i in range(200)))
    assert mixent("train", "--recipe", "tabular", "--data", "table.csv", "--epochs", "1", "--run", "runs/table").code == 0
    result = mixent("page", "runs/table")
    assert result.code == 1 and "table: expected a model of images" in result.message and not (tmp_path / "page.html").exists()


@pytest.mark.long
@browser
def test_answers_as_predict_does(mixent, letters):
    """Pictures of the model's side, larger ones, ones that are not square, in colour, transparent ones, one with a colour space, and negatives."""
    random = numpy.random.default_rng(0)
    files = []
    for number, image in enumerate(draw_images(numpy.arange(6) % 4, 21, 5)):
        files.append(letters / f"own{number}.png")
        Image.fromarray(image).save(files[-1])
    for name, shape in ("large.png", (60, 60)), ("wide.png", (40, 90)), ("small.png", (9, 12)):
        files.append(letters / name)
        Image.fromarray(random.integers(0, 90, (*shape, 3)).astype(numpy.uint8)).save(files[-1])
    files.append(letters / "space.png")
    colours = PngImagePlugin.PngInfo()
    colours.add(b"cHRM", b"".join(value.to_bytes(4, "big") for value in (31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)))
    colours.add(b"gAMA", (100000).to_bytes(4, "big"))
    Image.fromarray(random.integers(0, 90, (21, 21, 3)).astype(numpy.uint8)).save(files[-1], pnginfo=colours)
    files.append(letters / "clear.png")
    alpha = numpy.full((30, 30), 255)
    alpha[:, :9] = 0
    Image.fromarray(numpy.dstack([random.integers(0, 255, (30, 30, 3)), alpha]).astype(numpy.uint8)).save(files[-1])
    files.append(letters / "negative.png")
    Image.fromarray(255 - draw_images(numpy.array([1]), 21, 9)[0]).save(files[-1])
    assert mixent("page", "runs/ce", "runs/min-ent").code == 0
    told = browse(letters / "page.html", letters, [as_job(path, drop=number % 2 == 0) for number, path in enumerate(files)])
    for m, run in enumerate(("runs/ce", "runs/min-ent")):
        expected = predicted(mixent, run, *files, more=("--invert", "auto"))
        for path, answer, q in zip(files, told["answers"], expected):
            numpy.testing.assert_allclose(answer["models"][m]["q"], q, atol=1e-3, err_msg=path.name)
    last = told["answers"][-1]
    assert last["note"].startswith("ce, min-ent: ") and "negative is shown" in last["note"] and last["said"].startswith("ce: ") and "; min-ent: " in last["said"]
    assert re.fullmatch(r"entropy \d\.\d\d of 1\.39 nats, in \d+ ms", last["models"][0]["facts"])


@pytest.mark.long
@browser
def test_drawing(mixent, letters):
    """Strokes by pointer and by keyboard; clearing; what is no picture; a telephone's width; names for those who hear the page."""
    assert mixent("page", "runs/ce", "runs/min-ent").code == 0
    level, upright = [[[0.2, 0.5], [0.8, 0.5]]], [[[0.5, 0.2], [0.5, 0.8]]]
    jobs = [{"strokes": level}, {"strokes": upright}, {"strokes": [[[0.5, 0.5]]]}, {"clear": True},
            {"keys": [" ", *["ArrowDown"] * 9, " "]}, {"keys": ["Escape"]}, {"picture": base64.b64encode(b"no picture").decode()},
            {"keys": [" ", "ArrowDown"], "clear": True}, {"keys": ["ArrowDown"]}, {"other": True}, {"keys": [" "]}]
    told = browse(letters / "page.html", letters, jobs, width=380, height=300)
    answers = [answer["models"][0]["q"] for answer in told["answers"]]
    assert answers[0] and numpy.argmax(answers[0]) != numpy.argmax(answers[1])
    assert answers[2] and answers[3] is None and answers[5] is None
    numpy.testing.assert_allclose(answers[4], answers[1], atol=0.2)  # the same line, drawn with the arrow keys
    assert "reads no picture" in told["answers"][6]["note"] and "No file is in it; expected a PNG" in told["answers"][9]["note"]
    assert answers[7] is None and answers[8] is None  # clearing lifts the pen
    assert told["answers"][0]["said"].startswith("ce: ") and told["answers"][10]["said"] == "pen down"
    assert told["width"] <= 380 and all(told["labels"])
    assert told["scrolled"] == 0  # what one draws on stays where it is


@pytest.mark.long
@browser
def test_strokes_for_dark_on_light(mixent, letters):
    """A model of dark bars on white reads strokes dark on white."""
    (letters / "ink").mkdir()
    for part, count in ("train", 400), ("test", 200):
        labels = numpy.arange(count) % 4
        write_idx(letters / "ink" / f"{part}-images-idx3-ubyte", 255 - draw_images(labels, 21, len(part)))
        write_idx(letters / "ink" / f"{part}-labels-idx1-ubyte", labels)
    assert mixent("train", "--data", "ink", "--net", "everything.yaml", "--epochs", "2", "--set", "batch=20", "optimizer.learning_rate=0.02", "--threads", "2", "--run", "runs/ink").code == 0
    assert mixent("page", "runs/ce", "runs/ink").code == 0
    told = browse(letters / "page.html", letters, [{"strokes": [[[0.2, 0.5], [0.8, 0.5]]]}, {"strokes": [[[0.5, 0.2], [0.5, 0.8]]]}])
    for answer in told["answers"]:
        light, dark = (numpy.array(model["q"]) for model in answer["models"])
        assert light.argmax() == dark.argmax() and answer["note"] == ""


@pytest.mark.long
@browser
def test_commands_of_the_document(mixent, tmp_path):
    """DEPLOY.md, from an empty directory to a letter on the page: as they stand there, but for the data, which are few and made here, and the time."""
    document = (ROOT / "docs/DEPLOY.md").read_text()
    get, train, page, look = re.search(r"to a letter on the page.*?\n\n((?:    .*\n)+)", document)[1].split("\n")[:-1]
    assert get.split() == "mixent data get emnist-letters".split() and look.split() == ["xdg-open", "letters.html"]
    make_dataset(tmp_path / "data" / "emnist-letters", train=600, side=28, first_label=1, prefix="emnist-letters-")
    for command, more in (train, ["--net", "conv3", "batch=20", "precision=fp32"]), (page, []):
        done = mixent(*command.split()[1:], *more)
        assert done.code == 0, done.err
    picture = ROOT / "examples/a.png"
    told = browse(tmp_path / "letters.html", tmp_path, [as_job(picture, drop=True), {"strokes": [[[0.2, 0.9], [0.5, 0.1], [0.8, 0.9]]]}])
    numpy.testing.assert_allclose(told["answers"][0]["models"][0]["q"], predicted(mixent, "runs/letters", picture, more=("--invert", "auto"))[0], atol=1e-3)
    assert told["answers"][1]["said"].startswith("letters: ")
