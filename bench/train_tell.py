"""What bench/train.py measured, as tables for people and as JSON."""
import statistics


def speeds(answers):
    return [answer["images_per_second"] for answer in answers]


def median_speed(answers):
    return statistics.median(speeds(answers))


def best(measured, wanted=lambda key: True):
    """The key with the highest median, or None."""
    return max(filter(wanted, measured), key=lambda key: median_speed(measured[key]), default=None)


def spread(values, form):
    return f"{statistics.median(values):{form}}  ({min(values):{form}} to {max(values):{form}})"


def ratios(above, below):
    """Round by round; what was left out of later rounds is compared with those it was in."""
    return [a / b for a, b in zip(above, below)]


def limits(case, precision):
    """Images per second that direct convolution could reach, for each round."""
    operations = next(iter(case.ours.values()))[0]["operations_per_image"]
    return [1e9 * peak[f"{precision}_gflops"] / operations for peak in case.peaks if peak[f"{precision}_gflops"]]


def share_outside(answer):
    """Of a step: all that is no convolution."""
    inside = sum(layer["milliseconds"] for layer in answer["layers"] if layer["kind"] == "conv2d")
    return 1 - inside / sum(answer["milliseconds"].values())


def best_with_parts(case):
    """The key of the best of ours whose parts are timed; with replicas they are not."""
    return best(case.ours, lambda key: "milliseconds" in case.ours[key][0])


def print_row(name, precision, how, rest):
    print(f"  {name:<20}{precision:<6}{how:<32}{rest}")


def print_case(case):
    print(f"\n{case.net}, batch {case.batch}                       images per second, median of the rounds (least to most)")
    for (precision, way), answers in case.ours.items():
        memory = max(answer["peak_memory_bytes"] for answer in answers) / 1e6
        print_row("mixent", precision, way, f"{spread(speeds(answers), '.0f'):<26}{memory:.0f} MB of memory")
    for key, answers in case.peers.items():
        name, precision, layout, mode = key
        dropped = "  left out after one round" if key in case.left_out else ""
        print_row(name, precision, f"{layout}, {mode}", spread(speeds(answers), ".0f") + dropped)
    for (name, precision, layout, mode), error in case.errors.items():
        print_row(name, precision, f"{layout}, {mode}", error if error.startswith("gave up") else f"cannot: {error[:100]}")
    print_ratios(case)


def print_peer_ratios(case, name, label, wanted):
    """Ours, of the ways that are wanted, beside the peer's best."""
    told = []
    for precision in ("fp32", "bf16"):
        ours = best(case.ours, lambda key: key[0] == precision and wanted(case.ours[key][0]))
        theirs = best(case.peers, lambda key: key[:2] == (name, precision))
        if ours and theirs:
            told.append(f"{precision} {spread(ratios(speeds(case.ours[ours]), speeds(case.peers[theirs])), '.2f')}")
    if told:
        print(f"  {label} / best of {name}: {', '.join(told)}")


def print_ratios(case):
    for name in dict.fromkeys(key[0] for key in case.peers):
        print_peer_ratios(case, name, "ours", lambda answer: answer["replicas"] == 1)
        # another computation than the peer's: batch norm sees a part of the batch
        print_peer_ratios(case, name, "ours with replicas, batch norm of a part", lambda answer: answer["replicas"] > 1)
    for precision in ("fp32", "bf16"):
        limit = limits(case, precision)
        key = best(case.ours, lambda key: key[0] == precision)
        if limit and key:
            part = ratios(speeds(case.ours[key]), limit)
            print(f"  direct limit in {precision}: {spread(limit, '.0f')}; ours / limit ({key[1]}): {spread(part, '.2f')}")
    precision, way = key = best_with_parts(case)
    timed = case.ours[key]
    augmentation = statistics.median(100 * answer["augmentation_core_share"] for answer in timed)
    print(f"  of a step ({precision}, {way}) {spread([100 * share_outside(answer) for answer in timed], '.1f')} % lie outside the "
          f"convolutions, {augmentation:.2f} % of core time is augmentation")


def layer_rows(answers):
    """Each step of the plan with the median of its milliseconds."""
    rows = []
    for number, layer in enumerate(answers[0]["layers"]):
        rows.append({**layer, "milliseconds": statistics.median(answer["layers"][number]["milliseconds"] for answer in answers)})
    return rows


def print_layers(case):
    precision, way = key = best_with_parts(case)
    answers = case.ours[key]
    rows = layer_rows(answers)
    parts = {part: statistics.median(answer["milliseconds"][part] for answer in answers) for part in answers[0]["milliseconds"]}
    step = sum(parts.values())
    print(f"\n{case.net}, batch {case.batch}, {precision}, {way}: a step of {step:.1f} ms by layer and pass")
    print(f"  {'layer':<20}{'pass':<18}{'back end':<16}{'ms':>9}{'GFLOP/s':>10}{'share':>8}")
    for row in rows:
        if row["operations"]:
            speed = row["operations"] / row["milliseconds"] / 1e6 if row["milliseconds"] else 0
            print(f"  {row['layer']:<20}{row['pass']:<18}{row['backend'][:15]:<16}{row['milliseconds']:>9.2f}{speed:>10.0f}"
                  f"{row['milliseconds'] / step:>8.1%}")
    rest = {}
    for row in rows:
        if not row["operations"]:
            rest[row["kind"]] = rest.get(row["kind"], 0) + row["milliseconds"]
    rest.update({part: parts[part] for part in ("augmentation", "loss", "optimizer")})
    for name, milliseconds in sorted(rest.items(), key=lambda item: -item[1]):
        print(f"  {'all ' + name if name not in parts else name:<54}{milliseconds:>9.2f}{'':>10}{milliseconds / step:>8.1%}")


def print_all(name, extensions, arguments, cases, peers, missing):
    print(f"Training steps on {name} ({', '.join(extensions) or 'no vector extensions known'}), {arguments.threads} threads, "
          f"{arguments.rounds} rounds")
    for precision, what in (("fp32", "float32"), ("bf16", "bfloat16 pairs, not tiles")):
        values = [peak[f"{precision}_gflops"] for case in cases for peak in case.peaks if peak[f"{precision}_gflops"]]
        if values:
            print(f"peak of {what}: {spread(values, '.0f')} GFLOP/s")
    for peer in peers:
        print(f"{peer.name}: " + ", ".join(f"{key} {value}" for key, value in peer.told["settings"].items() if value != ""))
        for lack in peer.told["lacks"]:
            print(f"  not to be had: {lack}")
    for peer, reason in missing.items():
        print(f"{peer}: left out: {reason}")
    for case in cases:
        print_case(case)
    for case in cases:
        if not arguments.no_layers:
            print_layers(case)


def case_to_json(case):
    def named(key):
        return dict(zip(("name", "precision", "layout", "mode"), key))
    return {"net": case.net, "batch": case.batch, "peaks": case.peaks,
            "mixent": [{"precision": precision, "plan": way, "rounds": answers} for (precision, way), answers in case.ours.items()],
            "peers": [{**named(key), "rounds": answers} for key, answers in case.peers.items()],
            "errors": [{**named(key), "error": error} for key, error in case.errors.items()],
            "direct_limit": {precision: limits(case, precision) for precision in ("fp32", "bf16")}}


def to_json(name, extensions, arguments, cases, peers, missing):
    return {"cpu": name, "extensions": extensions, "threads": arguments.threads,
            "peers": [{"name": peer.name, **{key: peer.told[key] for key in ("peer", "version", "settings", "lacks")}} for peer in peers],
            "left_out": missing, "cases": [case_to_json(case) for case in cases]}
