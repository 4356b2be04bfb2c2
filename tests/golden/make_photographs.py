#!/usr/bin/env python3
"""Writes tests/golden/photographs.bin.gz: images, parameters, and what torchvision makes of them on PIL images.

One record per case, little endian (tests/unit/augment_photographs.c reads the same):
    int32   kind (0 resized crop, 1 padded crop and flip, 2 colour jitter, 3 all in this order), side, channels,
            box left, top, width, height, move x, y, flip
    float64 brightness, contrast, saturation, hue
    uint8   order of the colour changes [4], image [side, side, channels], expected [side, side, channels]
"""
import gzip
import struct
import sys
from pathlib import Path

import numpy as np
from make_augment import draw_image

PATH = Path(__file__).with_name("photographs.bin.gz")
BOX, MOVE, COLOUR, ALL = range(4)
CASES = 40  # of each kind
HEAD = struct.Struct("<10i4d4B")


def apply(case):
    """What the installed torchvision makes of a case."""
    from PIL import Image
    from torchvision.transforms import InterpolationMode
    from torchvision.transforms import functional as F

    pixels, kind = case["image"], case["kind"]
    side = pixels.shape[0]
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    if kind in (BOX, ALL):
        left, top, width, height = case["box"]
        image = F.resized_crop(image, top, left, height, width, [side, side], InterpolationMode.BILINEAR)
    if kind in (MOVE, ALL):
        x, y = case["move"]
        image = F.crop(F.pad(image, side, 0), side + y, side + x, side, side)
        image = F.hflip(image) if case["flip"] else image
    if kind in (COLOUR, ALL):
        changes = (F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.adjust_hue)
        for change in case["order"]:
            image = changes[change](image, case["factors"][change])
    return np.asarray(image).reshape(pixels.shape)


def make_cases():
    import torch
    from PIL import Image
    from torchvision.transforms import ColorJitter, RandomResizedCrop

    random = np.random.default_rng(0)
    torch.manual_seed(0)
    for kind in (BOX, MOVE, COLOUR, ALL):
        images = {}
        for number in range(CASES):
            side, channels = ((28, 3), (17, 1), (33, 3), (21, 3))[number % 4]
            if (side, channels) not in images:
                images[side, channels] = draw_image(random, side, channels, dark_border=False)
            image = images[side, channels]
            top, left, height, width = RandomResizedCrop.get_params(
                Image.fromarray(image.squeeze()), [0.08, 1], [3 / 4, 4 / 3])
            order, *factors = ColorJitter.get_params([0, 2], [0, 2], [0, 2], [-0.5, 0.5])
            if number < 4:
                factors[3] = (0.25, 0.5, -0.5, 1e-3)[number]
            yield dict(kind=kind, image=image, box=(left, top, width, height), move=tuple(random.integers(-6, 7, 2)),
                       flip=bool(random.integers(2)), factors=factors, order=[int(change) for change in order])


def write(path, cases):
    # no file name and no time inside: the same cases give the same file
    with open(path, "wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as file:
        for case in cases:
            side, _, channels = case["image"].shape
            file.write(HEAD.pack(case["kind"], side, channels, *case["box"], *case["move"], case["flip"],
                                 *case["factors"], *case["order"]))
            file.write(case["image"].tobytes() + apply(case).tobytes())


def read(path):
    data, at = gzip.decompress(path.read_bytes()), 0
    while at < len(data):
        kind, side, channels, *numbers = HEAD.unpack_from(data, at)
        at += HEAD.size
        case = dict(kind=kind, box=numbers[:4], move=numbers[4:6], flip=numbers[6], factors=numbers[7:11], order=numbers[11:])
        for part in ("image", "expected"):
            count = side * side * channels
            case[part] = np.frombuffer(data, np.uint8, count, at).reshape(side, side, channels)
            at += count
        yield case


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else PATH, make_cases())
