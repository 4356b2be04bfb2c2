#!/usr/bin/env python3
"""Writes tests/golden/pictures.bin.gz: picture files of every kind that is read, and the images that Pillow and torchvision make of them.

One record per case, little endian (tests/unit/pictures.c reads the same):
    char    name [32]
    int32   size of the file, side, channels, fit (0 crop, 1 pad, 2 stretch), allowance
    uint8   the file [size], expected [side, side, channels]
allowance is by how much a byte may differ: 0 where the file holds the pixels themselves (Pillow's resize is met to the bit), 1 where
bits are lost or colours are converted on the way.
"""
import gzip
import io
import struct
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from torchvision.transforms import functional as F

PATH = Path(__file__).with_name("pictures.bin.gz")
HEAD = struct.Struct("<32s5i")
CROP, PAD, STRETCH = range(3)


def draw(random, width, height, channels):
    """Smooth blobs, a sharp bar, some noise."""
    y, x = np.mgrid[0:height, 0:width] / max(width, height)
    image = np.zeros((height, width, channels))
    for _ in range(4):
        centre, spread = random.uniform(0, 1, 2), random.uniform(0.1, 0.35)
        image += np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / (2 * spread**2))[..., None] * random.uniform(60, 220, channels)
    image[np.abs(x - y) < 0.05] = random.uniform(150, 255, channels)
    image[: height // 4] += random.uniform(-40, 40, (height // 4, width, channels))
    return np.clip(image, 0, 255).astype(np.uint8)


def flatten(image):
    """On white where the picture is dark, on black where it is light."""
    if image.mode not in ("LA", "RGBA", "PA") and "transparency" not in image.info:
        return image
    pixels = np.asarray(image.convert("RGBA")).astype(float)
    opacity, luma = pixels[..., 3], pixels[..., :3] @ [0.299, 0.587, 0.114]
    behind = 255 if (opacity * luma).sum() < 127.5 * opacity.sum() else 0
    part = opacity[..., None] / 255
    return Image.fromarray(np.floor(pixels[..., :3] * part + behind * (1 - part) + 0.5).astype(np.uint8))


def square(image, side, fit):
    if fit == STRETCH:
        return image.resize((side, side), Image.BILINEAR)
    if fit == CROP:
        return F.center_crop(F.resize(image, side), side)
    longer = max(image.size)
    size = [max(1, round(extent / longer * side)) for extent in image.size]
    out = Image.new(image.mode, (side, side))
    out.paste(image.resize(size, Image.BILINEAR), [round((side - extent) / 2) for extent in size])
    return out


def expect(file, side, channels, fit):
    image = Image.open(io.BytesIO(file))
    image.load()
    if image.mode.startswith("I"):  # 16 bits
        image = Image.fromarray(np.floor(np.asarray(image) / 257 + 0.5).astype(np.uint8))
    image = flatten(ImageOps.exif_transpose(image)).convert("L" if channels == 1 else "RGB")
    return np.asarray(square(image, side, fit)).tobytes()


def save(image, format, **options):
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def exif(orientation, endian):
    order, mark = ("<", b"II*\0") if endian == "little" else (">", b"MM\0*")
    entries = [struct.pack(order + "HHII", 0x010F, 2, 2, 0), struct.pack(order + "HHIHH", 0x0112, 3, 1, orientation, 0)]
    return mark + struct.pack(order + "IH", 8, len(entries)) + b"".join(entries) + bytes(4)


def bmp(width, height, depth, rows, palette=b"", masks=b"", header=40, top_down=False, colors=0):
    """rows: a function of y that gives a line's bytes, without its padding."""
    compression = 3 if masks else 0
    lines = b"".join((line + bytes(-len(line) % 4)) for line in map(rows, range(height) if top_down else range(height - 1, -1, -1)))
    info = struct.pack("<IiiHHIIiiII", header, width, -height if top_down else height, 1, depth, compression, len(lines), 0, 0, colors, 0)
    if header == 12:
        info = struct.pack("<IHHHH", 12, width, height, 1, depth)
    extra = (masks + bytes(header - 40 - len(masks))) if header > 40 else masks
    at = 14 + len(info) + len(extra) + len(palette)
    return b"BM" + struct.pack("<IHHI", at + len(lines), 0, 0, at) + info + extra + palette + lines


def make_bmps(random):
    width, height = 37, 23
    rgb = draw(random, width, height, 3)
    index = random.integers(0, 16, (height, width))
    palette = b"".join(bytes([*random.integers(0, 256, 3), 0]) for _ in range(256))
    yield "bmp1", bmp(width, height, 1, lambda y: np.packbits(index[y] % 2).tobytes(), palette[:8]), 0
    yield "bmp4", bmp(width, height, 4, lambda y: bytes((np.append(index[y], 0)[::2] * 16 + np.append(index[y], 0)[1::2]).tolist()),
                      palette[:64]), 0
    yield "bmp8", bmp(width, height, 8, lambda y: bytes(index[y].tolist()), palette), 0
    yield "bmp8 few colours", bmp(width, height, 8, lambda y: bytes(index[y].tolist()), palette[:64], colors=16), 0
    core = b"".join(palette[i:i + 3] for i in range(0, 1024, 4))
    yield "bmp8 core", bmp(width, height, 8, lambda y: bytes(index[y].tolist()), core, header=12), 0
    for top_down in (False, True):
        yield f"bmp24 {top_down}", bmp(width, height, 24, lambda y: rgb[y, :, ::-1].tobytes(), top_down=top_down), 0
    wide = rgb.astype("<u2")
    five = (wide[..., 0] >> 3 << 10) | (wide[..., 1] >> 3 << 5) | wide[..., 2] >> 3
    six = (wide[..., 0] >> 3 << 11) | (wide[..., 1] >> 2 << 5) | wide[..., 2] >> 3
    yield "bmp16", bmp(width, height, 16, lambda y: five[y].astype("<u2").tobytes()), 1
    yield "bmp16 565", bmp(width, height, 16, lambda y: six[y].astype("<u2").tobytes(), masks=struct.pack("<3I", 0xF800, 0x7E0, 0x1F)), 1
    four = np.concatenate([rgb[..., ::-1], random.integers(0, 256, (height, width, 1), np.uint8)], 2)
    yield "bmp32", bmp(width, height, 32, lambda y: four[y].tobytes()), 0
    masks = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    yield "bmp32 alpha", bmp(width, height, 32, lambda y: four[y].tobytes(), masks=masks, header=124), 1


def make_files(random):
    """(name, file, allowance)"""
    for width, height in ((13, 7), (64, 64), (117, 40), (40, 117), (90, 61), (1, 5), (3, 150)):
        yield f"png {width}x{height}", save(Image.fromarray(draw(random, width, height, 3)), "PNG"), 0
        yield f"grey png {width}x{height}", save(Image.fromarray(draw(random, width, height, 1)[..., 0]), "PNG"), 0
    rgb = Image.fromarray(draw(random, 70, 53, 3))
    alpha = Image.fromarray(draw(random, 70, 53, 1)[..., 0])
    for light, name in ((1.0, "light"), (0.25, "dark")):
        image = rgb.point(lambda value: int(value * light + (255 * (1 - light) if light == 1 else 0)))
        image.putalpha(alpha)
        yield f"rgba png {name}", save(image, "PNG"), 1
        yield f"la png {name}", save(image.convert("LA"), "PNG"), 1
        yield f"rgba webp {name}", save(image, "WEBP", lossless=True, exact=True), 1
    yield "palette png", save(rgb.quantize(40), "PNG"), 0
    yield "transparent palette png", save(rgb.quantize(40), "PNG", transparency=bytes(range(0, 240, 6))), 1
    yield "bilevel png", save(rgb.convert("1"), "PNG"), 0
    yield "16-bit png", save(Image.fromarray((draw(random, 41, 30, 1)[..., 0].astype(np.int32) * 257 + 100).clip(0, 65535).astype(np.uint16)), "PNG"), 1
    yield "jpeg", save(rgb, "JPEG", quality=92), 1
    yield "progressive jpeg", save(rgb, "JPEG", quality=80, progressive=True, subsampling=0), 1
    yield "grey jpeg", save(rgb.convert("L"), "JPEG", quality=92), 1
    yield "cmyk jpeg", save(rgb.convert("CMYK"), "JPEG", quality=95), 1
    yield "webp", save(rgb, "WEBP", quality=85), 1
    yield "lossless webp", save(rgb, "WEBP", lossless=True), 0
    for orientation in range(1, 9):
        data = exif(orientation, "little" if orientation % 2 else "big")
        yield f"png turned {orientation}", save(rgb, "PNG", exif=data), 0
        yield f"jpeg turned {orientation}", save(rgb, "JPEG", quality=60, exif=b"Exif\0\0" + data), 1
        if orientation > 4:
            yield f"webp turned {orientation}", save(rgb, "WEBP", lossless=True, exif=data), 0
    yield from make_bmps(random)


def main():
    random = np.random.default_rng(20)
    sides = (16, 24, 33, 48)
    with gzip.GzipFile(PATH, "wb", mtime=0) as out:
        for i, (name, file, allowance) in enumerate(make_files(random)):
            for fit in range(3):
                side, channels = sides[(i + fit) % 4], 1 if (i + fit) % 3 == 0 else 3
                expected = expect(file, side, channels, fit)
                assert len(expected) == side * side * channels, name
                out.write(HEAD.pack(name.encode(), len(file), side, channels, fit, allowance) + file + expected)


if __name__ == "__main__":
    sys.exit(main())
