"""Files of another kind than is read: a web page that a download left, a Git LFS pointer, an image, a checkpoint of PyTorch. Every
reader tells what the file is; what only begins alike is read on."""
import gzip
import io
import zipfile
from pathlib import Path

import pytest

CHECKPOINT = next((Path(__file__).parents[1] / "golden").glob("formats-*/finished/best.safetensors"))


def archive(name):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        packed.writestr(name, "abc")
    return file.getvalue()


CONTENTS = {
    "a web page; download the file itself": b"\xef\xbb\xbf\n<!DOCTYPE HTML><html>404</html>",
    "a Git LFS pointer; fetch the file itself with 'git lfs pull'": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n",
    "a PNG image": b"\x89PNG\r\n\x1a\n" + bytes(600),
    "a JPEG image": b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(600),
    "a checkpoint of PyTorch; 'python -m mixent.convert'": archive("x/data.pkl"),
    "a zip archive": archive("x/a.txt"),
    "an ONNX file": b"\x08\x07\x12\x07pytorch" + bytes(600),
    "a safetensors file": CHECKPOINT.read_bytes(),
    "an empty file (0 bytes)": b"",
    "a text": b'{"accuracy": 0.5}\n',
}
ARCHIVES = ("a checkpoint of PyTorch", "a zip archive")
NO_TEXT = [kind for kind in CONTENTS if kind not in ("an empty file (0 bytes)", "a text")]
READERS = [
    (("eval",), "x.safetensors", "a safetensors file", [kind for kind in CONTENTS if kind != "a safetensors file"]),
    (("data", "show"), "x.npz", "a zip archive", [kind for kind in CONTENTS if not kind.startswith(ARCHIVES)]),
    (("data", "show"), "x.csv", "a table (CSV)", NO_TEXT),
    (("data", "show"), "x.tar.gz", "a tar archive", list(CONTENTS)),
    (("predict", CHECKPOINT), "x.png", "a PNG, JPEG, BMP or WebP image", [kind for kind in CONTENTS if "image" not in kind]),
    (("train", "--dry-run", "--recipe"), "x.yaml", "a recipe (YAML)", NO_TEXT),
    (("compare",), "./x.yaml", "a study (YAML)", NO_TEXT),
    (("study", "import"), "x.jsonl", "a study's file (JSON Lines)", NO_TEXT),
    (("study", "import"), "x.jsonl.gz", "a study's file (JSON Lines)", NO_TEXT),
    (("info",), "./x.pt", "a network's description (YAML)", NO_TEXT),
    (("eval",), "x.onnx", "an ONNX file", [kind for kind in CONTENTS if kind != "an ONNX file"]),
    (("info",), "x.bin", "a network (its name, or a .yaml file)", NO_TEXT),
]


@pytest.mark.parametrize("words, name, wanted, kinds", READERS, ids=lambda value: value if isinstance(value, str) else "")
def test_what_a_file_is_is_told(mixent, tmp_path, words, name, wanted, kinds):
    for kind in kinds:
        content = CONTENTS[kind]
        (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        done = mixent(*map(str, words), name, directory=tmp_path)
        assert done.code in (1, 2) and not done.out and f"{name}: expected {wanted}, got {kind}" in done.message, done.message


def test_what_begins_alike_is_read(mixent, tmp_path):
    (tmp_path / "x.csv").write_text("BZh,7z,label\n" + "".join(f"{row},{row % 7},{'ab'[row % 2]}\n" for row in range(60)))
    assert mixent("data", "show", "x.csv", directory=tmp_path).code == 0
    for name, content, message in (("x.safetensors", CHECKPOINT.read_bytes()[:500], "cut short or not safetensors"),
                                   ("x.npz", archive("x.npy")[:-10], "no end of a directory")):
        (tmp_path / name).write_bytes(content)
        done = mixent(*(["eval"] if "safe" in name else ["data", "show"]), name, directory=tmp_path)
        assert done.code == 1 and message in done.message
