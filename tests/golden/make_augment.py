#!/usr/bin/env python3
"""Writes tests/golden/augment.bin.gz: images, parameters, and what torchvision makes of them on PIL images.

One record per case, little endian (tests/unit/augment.c reads the same):
    int32   kind (0 perspective, 1 rotation, 2 affine, 3 all in this order), side, channels, shift x, shift y
    float64 corners [4][2], rotation, angle, scale, shear
    uint8   image [side, side, channels], expected [side, side, channels], allowance [side, side]
allowance is by how much a pixel may differ: 0 for rotation and affine. For perspective it is 1, because torchvision
solves for its coefficients numerically (older ones in single precision); and 255 where that noise decides whether a
pixel centre lies in or out of the input (it lies on the input's very edge).
"""
import gzip
import struct
import sys
from pathlib import Path

import numpy as np

PATH = Path(__file__).with_name("augment.bin.gz")
PERSPECTIVE, ROTATION, AFFINE, ALL = range(4)
CASES = 100  # of each kind
HEAD = struct.Struct("<5i12d")


def draw_image(random, side, channels, dark_border):
    """Smooth blobs and a sharp bar; values up to the edge unless dark_border."""
    y, x = np.mgrid[0:side, 0:side] / side
    image = np.zeros((side, side, channels))
    for _ in range(4):
        centre, width = random.uniform(0, 1, 2), random.uniform(0.1, 0.35)
        blob = np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / (2 * width**2))
        image += blob[..., None] * random.uniform(60, 220, channels)
    angle = random.uniform(0, np.pi)
    bar = np.abs((x - 0.5) * np.cos(angle) + (y - 0.5) * np.sin(angle)) < 0.08
    image[bar] = random.uniform(150, 255, channels)
    if dark_border:
        image[[0, -1]] = image[:, [0, -1]] = 0
    return np.clip(image, 0, 255).astype(np.uint8)


def apply(case):
    """What the installed torchvision makes of a case: Compose of the stages, each on a PIL image."""
    from PIL import Image
    from torchvision.transforms import InterpolationMode
    from torchvision.transforms import functional as F

    pixels, kind = case["image"], case["kind"]
    side = pixels.shape[0]
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    if kind in (PERSPECTIVE, ALL):
        last = side - 1
        start = [[0, 0], [last, 0], [last, last], [0, last]]
        corners = [[int(value) for value in corner] for corner in case["corners"]]
        image = F.perspective(image, start, corners, InterpolationMode.BILINEAR, 0)
    if kind in (ROTATION, ALL):
        image = F.rotate(image, case["rotation"], InterpolationMode.NEAREST, fill=0)
    if kind in (AFFINE, ALL):
        image = F.affine(image, case["angle"], list(case["shift"]), case["scale"], [case["shear"], 0.0],
                         InterpolationMode.BILINEAR, 0)
    return np.asarray(image).reshape(pixels.shape)


def on_edge(corners, side):
    """Pixels whose centre comes from within 0.01 of the edge of the input."""
    equations, last = [], side - 1
    ends = [0, 0, last, 0, last, last, 0, last]
    for (x, y), (u, v) in zip(corners, np.reshape(ends, (4, 2))):
        equations += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
    a, b, c, d, e, f, g, h = np.linalg.solve(np.array(equations, float), np.array(ends, float))
    y, x = np.mgrid[0:side, 0:side] + 0.5
    w = g * x + h * y + 1
    sources = np.stack([(a * x + b * y + c) / w, (d * x + e * y + f) / w])
    return np.any((np.abs(sources) < 0.01) | (np.abs(sources - side) < 0.01), axis=0)


def make_cases():
    import torch
    from torchvision.transforms import RandomAffine, RandomPerspective, RandomRotation

    random = np.random.default_rng(0)
    torch.manual_seed(0)
    for kind in (PERSPECTIVE, ROTATION, AFFINE, ALL):
        images = {}
        for number in range(CASES):
            if number % 25 == 0:
                images.clear()  # a few images serve many cases, which keeps the file small
            side, channels = (33, 3) if number % 25 == 24 else ((28, 1), (28, 1), (17, 1), (21, 1))[number % 4]
            # after a doubtful pixel at the edge, later stages would carry it inwards: a dark border has none
            if (side, channels) not in images:
                images[side, channels] = draw_image(random, side, channels, dark_border=kind == ALL)
            case = dict(kind=kind, image=images[side, channels])
            case["corners"] = RandomPerspective.get_params(side, side, 0.5)[1]
            case["rotation"] = RandomRotation.get_params([-30, 30])
            if kind == ROTATION and number < 8:
                case["rotation"] = (0.0, 90.0, -90.0, 180.0, 45.0, -60.0, 360.0, 1e-3)[number]
            angle, shift, scale, (shear, _) = RandomAffine.get_params(
                [-20, 20], [0.1, 0.1], [0.8, 1.2], [-15, 15], [side, side])
            case.update(angle=angle, shift=shift, scale=scale, shear=shear)
            allowance = np.full((side, side), int(kind in (PERSPECTIVE, ALL)), np.uint8)
            if kind == PERSPECTIVE:
                allowance[on_edge(case["corners"], side)] = 255
            case.update(expected=apply(case), allowance=allowance)
            yield case


def write(path, cases):
    # no file name and no time inside: the same cases give the same file
    with open(path, "wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as file:
        for case in cases:
            side, _, channels = case["image"].shape
            file.write(HEAD.pack(case["kind"], side, channels, *case["shift"], *np.ravel(case["corners"]),
                                 case["rotation"], case["angle"], case["scale"], case["shear"]))
            for part in ("image", "expected", "allowance"):
                file.write(case[part].tobytes())


def read(path):
    data, at = gzip.decompress(path.read_bytes()), 0
    while at < len(data):
        kind, side, channels, shift_x, shift_y, *numbers = HEAD.unpack_from(data, at)
        at += HEAD.size
        case = dict(kind=kind, shift=(shift_x, shift_y), corners=np.reshape(numbers[:8], (4, 2)))
        case.update(zip(("rotation", "angle", "scale", "shear"), numbers[8:]))
        for part, shape in (("image", (side, side, channels)), ("expected", (side, side, channels)),
                            ("allowance", (side, side))):
            count = int(np.prod(shape))
            case[part] = np.frombuffer(data, np.uint8, count, at).reshape(shape)
            at += count
        yield case


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else PATH, make_cases())
