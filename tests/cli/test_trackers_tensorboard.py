"""`mixent compare --results` on TensorBoard's event files, made here byte by byte: every form of a scalar, damage, runs in several
files and directories, and the epoch that counts."""
import struct

import pytest

from tracker_logs import EPOCHS, RUNS, check, compare, curve, loss, metrics_of, readers, values_of, write_rows  # noqa: F401


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def masked(data):
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xa282ead8) & 0xffffffff)


def record(data):
    head = struct.pack("<Q", len(data))
    return head + masked(head) + data + masked(data)


def varint(number):
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 0x7f:
        out.append(number & 0x7f | 0x80)
        number >>= 7
    return bytes(out + bytes([number]))


def message(*fields):
    """Protocol buffers: (number, value); whole numbers, floats of 4 bytes, bytes and texts."""
    out = b""
    for number, value in fields:
        if isinstance(value, int):
            out += varint(number << 3) + varint(value)
        elif isinstance(value, float):
            out += varint(number << 3 | 5) + struct.pack("<f", value)
        else:
            value = value.encode() if isinstance(value, str) else value
            out += varint(number << 3 | 2) + varint(len(value)) + value
    return out


def event(step, *values):
    return record(varint(1 << 3 | 1) + struct.pack("<d", 1.7e9) + message((2, step), (5, b"".join(message((1, value)) for value in values))))


def simple(tag, value):
    return message((1, tag), (2, float(value)))


PLUGIN = {name: message((1, message((1, name)))) for name in ("scalars", "hparams", "histograms")}


def tensor(tag, kind, content, shape=b"", plugin="scalars", field=4):
    return message((1, tag), (8, message((1, kind), (2, shape), (field, content))), (9, PLUGIN[plugin]))


VERSION = record(varint(1 << 3 | 1) + bytes(8) + message((3, "brain.Event:2")))
VECTOR = message((2, message((1, 3))))


def write_events(directory, *records, name="events.out.tfevents.1.host"):
    directory.mkdir(parents=True, exist_ok=True)
    (directory / name).write_bytes(VERSION + b"".join(records))


@pytest.fixture
def board(tmp_path):
    for variant, seed, value in RUNS:
        write_events(tmp_path / "tb" / variant / f"seed{seed}", *[
            event(step, simple("acc/val", accuracy), tensor("loss/val", 1, struct.pack("<f", loss(accuracy))), tensor("h", 2, bytes(24), VECTOR, "histograms"),
                  tensor("_hparams_/session", 1, bytes(4), plugin="hparams"))
            for step, accuracy in enumerate(curve(value))], event(EPOCHS, simple("acc/test", value - 1)))
    return tmp_path / "tb"


def test_event_files(compare, board):
    event = compare("tb", "--metric", "acc/val,loss/val")
    check(event, near=1e-5)
    assert readers(event) == ["TensorBoard"] and len(event["sources"]["files"]) == 12 and event["sources"]["epoch"] == "last"
    assert metrics_of(event) == ["acc/val", "loss/val", "acc/test"]
    assert event["further"][0]["metric"] == "loss/val" and event["further"][0]["data"][0]["variants"][0]["measures"]["loss/val"]["values"][0] == pytest.approx(loss(91.2), abs=1e-6)
    single = values_of(compare("tb/ce/seed3", "tb/mix/seed3"))  # runs by themselves: the directory above is the variant
    assert {variant: list(seeds) for variant, seeds in single.items()} == {"ce": ["3"], "mix": ["3"]}


def test_the_epoch_that_counts(compare, mixent, board):
    best = compare("tb", "--metric", "acc/val", "--epoch", "best:loss/val")
    check(best, change=0.3, near=1e-5)
    assert best["sources"]["epoch"] == "best:loss/val" and "Warning" not in best["sources"]["words"]
    check(compare("tb", "--metric", "acc/test", "--epoch", "best:loss/val"), change=-1, near=1e-5)  # measured once: as it is
    assert "chosen by acc/val itself" in compare("tb", "--metric", "acc/val", "--epoch", "best:acc/val")["sources"]["words"]
    assert "no test score" in compare("tb", "--epoch", "best:acc/test", code=2)
    assert "which no run has" in compare("tb", "--epoch", "best:other_loss", code=2)
    assert "say it: --lower or --higher h" in compare("tb", "--epoch", "best:h", code=2)
    assert compare("tb", "--epoch", "best:x", "--lower", "x", code=2).endswith("which no run has")
    assert "expected last or best:METRIC, got 'first'" in compare("tb", "--epoch", "first", code=2)
    text = " ".join(mixent("compare", "--results", "tb", "--metric", "acc/val").out.split())
    assert "Read: TensorBoard (12). Where no column has them, variant and seed are from the names" in text and "the last epoch counts (--epoch)" in text


@pytest.mark.parametrize("kind, content, field", [
    (1, struct.pack("<f", 91.5), 4), (2, struct.pack("<d", 91.5), 4), (1, 91.5, 5), (1, struct.pack("<f", 91.5), 5), (2, struct.pack("<d", 91.5), 6),
    (3, struct.pack("<i", 91), 4), (3, varint(91), 7), (9, 91, 10), (9, struct.pack("<q", 91), 4), (19, struct.pack("<e", 91.5), 4), (14, struct.pack("<f", 91.5)[2:], 4),
    (19, struct.unpack("<H", struct.pack("<e", 91.5))[0], 13)])
def test_every_form_of_a_scalar(compare, tmp_path, kind, content, field):
    write_events(tmp_path / "ce-0", event(1, tensor("accuracy", kind, content, field=field)))
    value = values_of(compare("ce-0", code=0))["ce"]["0"]
    assert value == pytest.approx(91 if kind in (3, 9) else 91.5, abs=0.25 if kind == 14 else 1e-9)


def test_a_shape_that_is_none(compare, tmp_path):
    """The size of a dimension is a whole number; bytes in its place are no scalar's."""
    shapes = {"bytes": message((2, message((1, b"x")))), "float": message((2, message((1, 1.0))))}
    write_events(tmp_path / "ce-0", event(1, simple("accuracy", 91.5), *(tensor(tag, 1, struct.pack("<f", 1), shape) for tag, shape in shapes.items()),
                                          tensor("one", 1, struct.pack("<f", 1), message((2, message((1, 1)))))))
    assert metrics_of(compare("ce-0")) == ["accuracy", "one"]


def test_a_run_in_two_directories(compare, tmp_path):
    """Keras writes what it measures on train and validation images side by side."""
    for variant, seed, value in RUNS:
        write_events(tmp_path / "logs" / f"{variant}-{seed}" / "train", event(3, simple("epoch_accuracy", 99)))
        write_events(tmp_path / "logs" / f"{variant}-{seed}" / "validation", event(3, simple("epoch_accuracy", value)))
    check(compare("logs"), near=1e-5)


def test_damaged_event_files(compare, tmp_path):
    whole = VERSION + event(0, simple("accuracy", 91)) + event(1, simple("accuracy", 92))
    directory = tmp_path / "ce-0"
    directory.mkdir()
    path = directory / "events.out.tfevents.1"
    path.write_bytes(whole[:-5])  # cut off: what stands before counts
    event_of_cut = compare("ce-0")
    assert values_of(event_of_cut)["ce"]["0"] == 91 and "end within a record: 1" in event_of_cut["sources"]["words"]
    for at, what in ((3, "a record of an event file"), (len(VERSION) + 20, "fit their checksum")):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1:])
        assert what in (said := compare("ce-0", code=1)) and "ce-0/events.out.tfevents.1" in said
    for wrong in (b"\x2a\xff", b"\x2a\x02\x0a\x7f", b"\x0b", b"\x10" + b"\xff" * 11):  # right checksums around what is no Event
        path.write_bytes(VERSION + record(wrong))
        assert "expected an event of TensorBoard" in compare("ce-0", code=1)
    path.write_bytes(VERSION + event(0, simple("accuracy", 91)) + event(1, simple("accuracy", float("nan"))))
    assert values_of(compare("ce-0")) == {"ce": {"0": None}}  # diverged at the last epoch: the one before does not stand for it


def test_a_run_that_was_resumed(compare, tmp_path):
    write_events(tmp_path / "ce-0", event(1, simple("accuracy", 90)), event(2, simple("accuracy", 80)), name="events.out.tfevents.1")
    write_events(tmp_path / "ce-0", event(2, simple("accuracy", 91)), name="events.out.tfevents.2")
    assert values_of(compare("ce-0"))["ce"]["0"] == 91


@pytest.mark.parametrize("path, variant, seed", [
    ("ce-3", "ce", "3"), ("ce_3", "ce", "3"), ("ce_seed3", "ce", "3"), ("ce-seed-03", "ce", "3"), ("ce_s3", "ce", "3"), ("ce/seed3", "ce", "3"), ("ce/3", "ce", "3"),
    ("seed=3/ce", "ce", "3"), ("ce_seed3_lr0.1", "ce_lr0.1", "3"), ("a/ce-3/version_2", "a/ce", "3"), ("resnet18", "resnet18", None), ("ce/version_3", "ce", None),
    ("ce-3/1717171717.25", "ce", "3"), ("ce.v2", "ce.v2", None), ("reseed3", "reseed3", None), ("ce-12345678901234567890", "ce-12345678901234567890", None)])
def test_names_of_runs(compare, tmp_path, path, variant, seed):
    write_events(tmp_path / "root" / path, event(1, simple("accuracy", 90)))
    assert values_of(compare("root")) == {variant: {seed: 90}}


def test_several_kinds_at_once(compare, board, tmp_path):
    write_rows(tmp_path / "tb" / "third.csv", [{"variant": "third", "seed": seed, "acc/val": 90 + seed / 10} for seed in range(6)])
    found = compare("tb", "--metric", "acc/val", "--baseline", "ce")
    assert readers(found) == ["CSV", "TensorBoard"] and {variant: len(seeds) for variant, seeds in values_of(found).items()} == {"ce": 6, "mix": 6, "third": 6}
