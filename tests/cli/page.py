"""A page of `mixent report` taken apart: well-formed, whole by itself, with no script but the program's own."""
import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

VOID = {"meta", "img", "br", "input"}
SCRIPT = Path(__file__).parents[2] / "src/lab/report/script.js"
INSIDE_SVG = {"path", "polygon", "use", "circle", "rect", "line"}


class Page(HTMLParser):
    """A page taken apart, and held to be well-formed on the way."""

    def __init__(self, path):
        super().__init__(convert_charrefs=True)
        self.source = path.read_text(encoding="utf-8")
        self.open, self.ids, self.links, self.images, self.words, self.tags = [], [], [], [], [], []
        self.charts, self.scripts, self.policy, self.boxes = 0, [], None, []
        self.feed(self.source)
        self.close()
        assert self.open == []
        self.text = re.sub(r"\s+", " ", " ".join(self.words))

    def handle_startendtag(self, tag, attributes):
        assert tag in VOID | INSIDE_SVG, f"<{tag}/>"
        self.take(tag, dict(attributes))

    def handle_starttag(self, tag, attributes):
        assert len({name for name, _ in attributes}) == len(attributes), self.get_starttag_text()
        self.take(tag, dict(attributes))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, f"</{tag}> at {self.getpos()}"

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)
        elif self.open and self.open[-1] != "style":
            self.words.append(data)

    def take(self, tag, attributes):
        self.tags.append(tag)
        for name, value in attributes.items():
            assert not name.startswith("on") and (value is not None or name in ("open", "checked")), f"{tag} {name}"
            if name in ("href", "xlink:href"):
                assert value.startswith("#")
                self.links.append(value[1:])
            if name == "src":
                assert value.startswith("data:image/png;base64,")
                self.images.append((attributes["alt"], base64.b64decode(value.partition(",")[2], validate=True)))
        if attributes.get("http-equiv") == "Content-Security-Policy":
            self.policy = attributes["content"]
        if tag == "input":
            assert attributes["type"] == "checkbox" and "checked" in attributes and self.open[-1] == "label"
            self.boxes.append(attributes["id"])
        if "id" in attributes:
            self.ids.append(attributes["id"])
        if tag == "svg" and "aria-hidden" not in attributes:
            assert attributes["role"] == "img" and attributes["aria-label"]
            self.charts += 1

    def check(self):
        assert self.source.startswith("<!doctype html>")
        assert len(set(self.ids)) == len(self.ids) and set(self.links) <= set(self.ids)
        assert not re.search(r"https?:(?!//www.w3.org/2000/svg)|url\(|@import|<link|<iframe|innerHTML|insertAdjacent", self.source)
        assert not {"iframe", "link", "object", "form", "b>"} & set(self.tags)
        (script,) = self.scripts  # the program's own, and the only one that a browser runs
        assert script == SCRIPT.read_text(encoding="utf-8") and self.tags.count("script") == 1
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert self.policy == f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
        for style in ("prefers-color-scheme: dark", "@media print"):
            assert style in self.source
        for name in set(re.findall(r"var\((--[a-z0-9-]+)\)", self.source)):
            assert name == "--hue" or f"{name}:" in self.source, f"{name} has no colour"
        return self

    def sections(self):
        return [name.rpartition("-")[0] for name in self.ids if re.search(r"-\d$", name) and not name.startswith("data-")]
