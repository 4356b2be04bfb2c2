#!/usr/bin/python3
"""How long a folder of JPEG photographs takes to become training images: mixent beside torchvision's ImageFolder and DataLoader.

    bench/pictures.py [--pictures 10000] [--side 64] [--workers 2] [--rounds 5] [--program build/release/mixent] [--out facts.json]

Photographs are drawn once into a temporary directory (500 x 375 pixels, quality 85, of ten classes). Both sides then read all of them
in turn, `rounds` times: mixent data show (decode, scale, crop, count, and a sheet of two), and a DataLoader that decodes, resizes and
crops the same way (Resize, CenterCrop, PILToTensor). Times are of the clock, from start to end of one process each, PyTorch's import
left out. The first round warms the file cache and is left out, too. It prints the medians and torchvision's time over mixent's."""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CLASSES, WIDTH, HEIGHT = 10, 500, 375


def draw(directory, count):
    """Smooth colours with grain, as photographs have; a few are drawn and each is saved many times, turned and brightened."""
    import numpy
    from PIL import Image

    random = numpy.random.default_rng(0)
    scenes = []
    for _ in range(10):
        smooth = Image.fromarray(random.integers(0, 256, (12, 16, 3), numpy.uint8)).resize((WIDTH, HEIGHT), Image.BICUBIC)
        scenes.append(numpy.asarray(smooth).astype(numpy.int16) + random.integers(-12, 13, (HEIGHT, WIDTH, 3)))
    for i in range(count):
        pixels = numpy.roll(scenes[i % len(scenes)], 7 * i, 1) + i % 31
        folder = directory / f"class{i % CLASSES}"
        folder.mkdir(exist_ok=True)
        Image.fromarray(pixels.clip(0, 255).astype(numpy.uint8)).save(folder / f"{i:05}.jpg", quality=85)


def time_mixent(program, directory, side, sheet):
    start = time.perf_counter()
    done = subprocess.run([program, "data", "show", directory, f"side={side}", "--count", "2", "--out", sheet], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return time.perf_counter() - start


def time_torchvision(directory, side, workers):
    from torch.utils.data import DataLoader
    from torchvision import transforms
    from torchvision.datasets import ImageFolder

    start = time.perf_counter()
    made = transforms.Compose([transforms.Resize(side), transforms.CenterCrop(side), transforms.PILToTensor()])
    count = sum(len(labels) for _, labels in DataLoader(ImageFolder(str(directory), made), batch_size=250, num_workers=workers))
    seconds = time.perf_counter() - start
    assert count == sum(1 for _ in directory.glob("*/*.jpg"))
    return seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=10000)
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--program", default=str(ROOT / "build/release/mixent"))
    parser.add_argument("--out")
    options = parser.parse_args()
    times = {"mixent": [], "torchvision": []}
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place) / "photographs"
        directory.mkdir()
        draw(directory, options.pictures)
        for _ in range(options.rounds + 1):
            times["mixent"].append(time_mixent(options.program, str(directory), options.side, str(Path(place) / "sheet.png")))
            times["torchvision"].append(time_torchvision(directory, options.side, options.workers))
    facts = {"pictures": options.pictures, "side": options.side, "workers": options.workers, "processors": len(os.sched_getaffinity(0)), "seconds": {}}
    for name, seconds in times.items():
        facts["seconds"][name] = statistics.median(seconds[1:])
        print(f"{name:12} {facts['seconds'][name]:8.2f} s  {options.pictures / facts['seconds'][name]:8.0f} pictures/s")
    facts["ratio"] = facts["seconds"]["torchvision"] / facts["seconds"]["mixent"]
    print(f"torchvision's time over mixent's: {facts['ratio']:.2f}")
    if options.out:
        Path(options.out).write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main()
