"""Picture files whose images memory should not hold: decoded once, into the user's cache, and read from there; with the same results."""
import os
import re

import numpy
import pytest
from PIL import Image

from support import inject


def make_pictures(directory, parts=("train", "val", "test"), grey=False, each=60):
    """Of 60 x 60 pixels, so that 180 of each class take more than 1 MB."""
    random = numpy.random.default_rng(0)
    for part in parts:
        for light, name in (60, "dim"), (200, "bright"):
            (directory / part / name).mkdir(parents=True, exist_ok=True)
            for i in range(each):
                pixels = random.integers(0, light, (60, 60, 3))
                picture = Image.fromarray(pixels.astype(numpy.uint8))
                (picture.convert("L") if grey else picture).save(directory / part / name / f"{i:03}.png")
    return directory


def train(mixent, net, run, *more, **variables):
    return mixent("train", "--data", "shapes", "--net", net, "--epochs", "2", "batch=20", "--threads", "2", "--run", run, *more, **variables)


def files_in(cache):
    return sorted((cache / "mixent" / "pictures").iterdir())


@pytest.mark.parametrize("parts, grey", [(("train", "val", "test"), False), (("train", "test"), True), (("",), False)], ids=["parts", "grey", "cut"])
def test_the_same_bytes_as_in_memory(mixent, tmp_path, tiny_net, parts, grey):
    make_pictures(tmp_path / "shapes", parts, grey, each=200 if grey else 60)
    cache = tmp_path / "cache"
    plain = train(mixent, tiny_net, "plain", XDG_CACHE_HOME=str(cache))
    assert plain.code == 0 and not cache.exists() and "memory_limit" not in plain.err, plain.err
    limited = train(mixent, tiny_net, "limited", "memory_limit=1", XDG_CACHE_HOME=str(cache))
    assert limited.code == 0, limited.err
    kept, = files_in(cache)
    assert re.search(r"memory_limit: the images take [1-9]\d* MB and may take 1, .* from " + re.escape(str(kept)), limited.err)
    for name in "best.safetensors", "last.safetensors", "predictions.safetensors":
        assert (tmp_path / "plain" / name).read_bytes() == (tmp_path / "limited" / name).read_bytes(), name
    # the next run takes it as it is
    before = kept.stat()
    assert train(mixent, tiny_net, "again", "memory_limit=1", XDG_CACHE_HOME=str(cache)).code == 0
    assert kept.stat().st_mtime_ns == before.st_mtime_ns and kept.stat().st_ino == before.st_ino


def test_what_is_kept_is_what_is_there(mixent, tmp_path, tiny_net):
    """A picture that changed, another side, a damaged file: each is noticed."""
    make_pictures(tmp_path / "shapes")
    cache, limit = tmp_path / "cache", ("memory_limit=1",)
    assert train(mixent, tiny_net, "first", *limit, XDG_CACHE_HOME=str(cache)).code == 0
    kept, = files_in(cache)
    whole = kept.read_bytes()
    for damaged in whole[:-1], whole[:100], b"", b"x" + whole[1:]:
        kept.write_bytes(damaged)
        assert train(mixent, tiny_net, "damaged", *limit, "--overwrite", XDG_CACHE_HOME=str(cache)).code == 0
        assert kept.read_bytes() == whole
    changed = tmp_path / "shapes" / "train" / "dim" / "000.png"
    Image.new("RGB", (60, 60), (9, 9, 9)).save(changed)
    assert train(mixent, tiny_net, "changed", *limit, XDG_CACHE_HOME=str(cache)).code == 0
    assert train(mixent, tiny_net, "smaller", *limit, "side=56", XDG_CACHE_HOME=str(cache)).code == 0
    assert len(files_in(cache)) == 3


def test_trouble_with_the_cache(mixent, tmp_path, tiny_net):
    make_pictures(tmp_path / "shapes")
    limit = ("memory_limit=1",)
    (tmp_path / "file").write_text("")
    result = train(mixent, tiny_net, "run", *limit, XDG_CACHE_HOME=str(tmp_path / "file"))
    assert result.code == 1 and "file/mixent" in result.message and not (tmp_path / "run").exists()
    result = train(mixent, tiny_net, "run", *limit, XDG_CACHE_HOME="", HOME="")
    assert result.code == 1 and "set HOME or XDG_CACHE_HOME" in result.message
    (tmp_path / "shapes" / "test" / "dim" / "000.png").write_bytes(b"\x89PNG\r\n\x1a\nno more")
    result = train(mixent, tiny_net, "run", *limit, XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert result.code == 1 and "dim/000.png" in result.message and not files_in(tmp_path / "cache")
    result = train(mixent, tiny_net, "run", *limit, "transpose=true", XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert result.code != 0


def test_two_sets_of_one_path(mixent, tmp_path):
    """Of one relative path, and of the same names, sizes and times, as archives unpack to: each is read as itself."""
    stamp, said = 1_500_000_000, []
    for place, light in ("first", 60), ("second", 200):
        random = numpy.random.default_rng(light)
        for name in "a", "b":
            (tmp_path / place / "shapes" / name).mkdir(parents=True)
            for i in range(90):
                path = tmp_path / place / "shapes" / name / f"{i}.bmp"
                Image.fromarray(random.integers(0, light, (60, 60, 3)).astype(numpy.uint8)).save(path)
                os.utime(path, (stamp, stamp))
        done = mixent("data", "show", "./shapes", "memory_limit=1", directory=tmp_path / place, XDG_CACHE_HOME=str(tmp_path / "cache"))
        assert done.code == 0, done.err
        said.append(re.search(r"from (\S+\.pixels)", done.err)[1])
    assert said[0] != said[1] and len(files_in(tmp_path / "cache")) == 2


def test_a_full_disk(tmp_path, tiny_net, strace):
    """The first file that is synced is that of the pictures."""
    make_pictures(tmp_path / "shapes")
    words = ("train", "--data", "shapes", "--net", tiny_net, "--epochs", "1", "batch=20", "memory_limit=1", "--run", "run")
    code, _, err = inject("fsync:error=ENOSPC:when=1", *words, directory=tmp_path, HOME=str(tmp_path))
    assert code == 1 and "No space left" in err, err
    assert not files_in(tmp_path / ".cache") and not (tmp_path / "run").exists()
