"""Every term of the losses, composed of PyTorch's operations in the type of the logits (float64 in the tests), for autograd."""
import math

import torch

PARTS = {
    "ce": ("ce1",), "min-ent": ("ce1", "h"), "mix-ent": ("ce1", "ce2"), "mix-ent-split": ("ce1", "h", "kl"), "kl": ("kl",),
    "label-smoothing": ("ce1",), "focal": ("focal",), "confidence-penalty": ("ce1", "h"), "symmetric-ce": ("ce1", "ce2"),
    "gce": ("gce",), "mae": ("mae",), "poly1": ("ce1", "poly1"), "bi-tempered": ("bi_tempered",), "brier": ("brier",),
}
DEFAULTS = dict(eps=1e-6, gamma=2.0, q=0.7, t1=0.8, t2=1.2)
STARTS = {"min-ent": (1.0, 0.1), "mix-ent": (1.0, 0.1), "mix-ent-split": (1.0, 0.1, 0.1), "confidence-penalty": (1.0, -0.1),
          "symmetric-ce": (0.1, 1.0), "poly1": (1.0, 2.0)}


def smoothed(p, smoothing):
    return (1 - smoothing) * p + smoothing / p.shape[1]


def tempered_softmax(z, t):
    """exp_t(z - lambda) that sums to one: lambda by bisection, which autograd then sees as one Newton step from there."""
    def exp_t(x):
        return torch.clamp(1 + (1 - t) * x, min=0) ** (1 / (1 - t)) if t != 1 else torch.exp(x)

    with torch.no_grad():
        low = z.max(1, keepdim=True).values
        high = low + (z.shape[1] ** (t - 1) - 1) / (t - 1) if t != 1 else low + math.log(z.shape[1])
        for _ in range(100):
            middle = (low + high) / 2
            above = exp_t(z - middle).sum(1, keepdim=True) > 1
            low, high = torch.where(above, middle, low), torch.where(above, high, middle)
        level = (low + high) / 2
        slope = (exp_t(z - level) ** t).sum(1, keepdim=True)
    level = level + (exp_t(z - level).sum(1, keepdim=True) - 1) / slope
    return exp_t(z - level)


def row_terms(z, p, weight=None, eps=1e-6, gamma=2.0, q=0.7, t1=0.8, t2=1.2):
    """{name: [rows]} of logits [rows, classes] and (smoothed) targets [rows, classes]."""
    logq = torch.log_softmax(z, 1)
    prediction = logq.exp()
    w = torch.ones(z.shape[1], dtype=z.dtype) if weight is None else weight.to(z.dtype)
    wp = w * p
    whole = wp.sum(1)
    entropy = -(prediction * logq).sum(1)
    swapped = -(prediction * torch.log(torch.clamp(p, min=eps))).sum(1)

    def log_t(x, t):
        return (x ** (1 - t) - 1) / (1 - t)

    tempered = tempered_softmax(z, t2)
    bi_tempered = (p * (log_t(p, t1) - log_t(tempered, t1)) - (p ** (2 - t1) - tempered ** (2 - t1)) / (2 - t1)).sum(1)
    return {
        "ce1": -(wp * logq).sum(1), "h": whole * entropy, "ce2": whole * swapped, "kl": whole * (swapped - entropy),
        "focal": -(wp * (1 - prediction) ** gamma * logq).sum(1), "gce": (wp * (1 - prediction ** q) / q).sum(1),
        "mae": whole * (p - prediction).abs().sum(1), "poly1": (wp * (1 - prediction)).sum(1),
        "brier": whole * ((p - prediction) ** 2).sum(1), "bi_tempered": whole * bi_tempered,
    }


def compose(kind, z, target, weight=None, ignore_index=-100, reduction="mean", smoothing=0.0, w=None, b=None, **options):
    """The loss of logits [rows, classes]; target labels [rows] or [rows, classes]. w, b: numbers or tensors per part."""
    hard = not target.is_floating_point()
    counted = target != ignore_index if hard else torch.ones(len(z), dtype=torch.bool)
    p = torch.zeros_like(z)
    if hard:
        p[counted] = torch.nn.functional.one_hot(target[counted].long(), z.shape[1]).to(z.dtype)
    else:
        p = target.to(z.dtype)
    terms = row_terms(z, smoothed(p, smoothing), weight, **{**DEFAULTS, **options})
    parts = PARTS[kind]
    w = w or STARTS.get(kind, (1.0,) * len(parts))
    b = b or (math.e,) * len(parts)
    rows = sum(wi * terms[part] / (torch.log(bi) if torch.is_tensor(bi) else math.log(bi)) for part, wi, bi in zip(parts, w, b))
    rows = torch.where(counted, rows, torch.zeros_like(rows))
    if reduction == "none":
        return rows
    divisor = 1.0
    if reduction == "mean":
        divisor = (weight.to(z.dtype)[target[counted].long()].sum() if weight is not None else counted.sum()) if hard else len(z)
    return rows.sum() / divisor
