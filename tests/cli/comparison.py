"""What `mixent compare --json` says of the metric that is asked for, taken out of all that it says."""


def of_metric(last):
    """The last event of `compare --results --json`: for each data set its variants and comparisons, with the metric's numbers in them."""
    whole = last["comparison"]
    metric = whole["metric"]
    return {"metric": metric, "better": next(measure["better"] for measure in whole["measures"] if measure["name"] == metric),
            **{key: whole[key] for key in ("baseline", "difference", "tested")}, "metrics": last["metrics"],
            "data": [{"name": data["name"], "variants": [variant_of(variant, metric) for variant in data["variants"]],
                      "comparisons": [pair_of(pair, metric) for pair in data["comparisons"]]} for data in whole["data"]]}


def variant_of(variant, metric):
    sample = variant["measures"][metric]
    return {"name": variant["name"], "seeds": variant["seeds"], "missing": sample["values"].count(None), **sample}


def pair_of(pair, metric):
    compared = dict(pair["measures"][metric])
    difference, mean = compared.pop("mean"), compared.pop("variant_mean")
    return {**{key: pair[key] for key in ("variant", "seeds", "verdict", "scope", "reason", "words")}, **compared, "difference": difference,
            "mean": mean, **{name: pair["equivalence"] and pair["equivalence"][key] for name, key in
                             (("equivalence_p", "p"), ("equivalence_holm", "holm"), ("within", "within"))}}
