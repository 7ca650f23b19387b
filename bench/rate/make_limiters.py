#!/usr/bin/env python3
"""Draws a set of limiters: make_limiters.py SEED > FILE.

limiters.json is seed 1, held-out.json is seed 2; nothing was tuned on the latter.
"""
import json
import math
import random
import sys

USUAL = [1, 1, 5, 10, 10, 15, 30, 60, 60, 60, 300, 600, 900, 3600]
SHARES = {
    "token-bucket": 36, "leaky-bucket": 20, "fixed-window": 32, "fixed-window-first": 28, "sliding-log": 28,
    "sliding-counter": 24, "strict": 20, "shared": 24, "changing": 16,
}
BUCKETS = ("token-bucket", "leaky-bucket")
WINDOWS = ("fixed-window", "fixed-window-first", "sliding-log", "sliding-counter")


def logarithmic(dice, low, high):
    return math.exp(dice.uniform(math.log(low), math.log(high)))


def rounded(value):
    return float(f"{value:.3g}")


def numbers(dice, family, low=0.2, high=100):
    if family in BUCKETS:
        most = 500 if family == "token-bucket" else 30
        return {"rate": rounded(logarithmic(dice, low, high)), "burst": round(logarithmic(dice, 1, most))}
    while True:
        odd = dice.random() < 0.4
        window = rounded(logarithmic(dice, 1, 3600)) if odd else dice.choice(USUAL)
        limit = round(logarithmic(dice, low, high) * window)
        if 1 <= limit <= 500 and low <= limit / window <= high:
            return {"limit": limit, "window": window}


def limiter(dice, group, index):
    family = {
        "strict": ("sliding-log", "sliding-log", "sliding-counter", "token-bucket"),
        "shared": ("token-bucket", "token-bucket", "fixed-window", "sliding-log"),
        "changing": ("token-bucket", "fixed-window", "sliding-log", "token-bucket"),
    }.get(group, (group,))
    family = family[index % len(family)]
    one = {"name": f"{group}-{index + 1}", "family": family}
    one["jitter_ms"] = dice.choice((0, 5, 10, 10, 20, 50))
    if group != "changing":
        one.update(numbers(dice, family))
    if group == "strict":
        one["strict"] = True
    if group == "shared":
        one["neighbour"] = dice.choice((0.2, 0.4, 0.6))
    if group == "changing":
        changing(dice, one, family, cut=index % 2 == 0 if index < 8 else index % 4 < 2)
    return one


def changing(dice, one, family, cut):
    """A tenfold cut after a quarter of a thousand creates, or a tenfold raise."""
    before = logarithmic(dice, 5, 50) if cut else logarithmic(dice, 1, 8)
    after = before / 10 if cut else before * 10
    burst = round(logarithmic(dice, 1, 50))
    window = dice.choice((1, 10, 15, 30))
    if family in BUCKETS:
        one.update({"rate": rounded(before), "burst": burst})
        change = {"rate": rounded(after)}
    else:
        low = max(1, round(min(before, after) * window))
        limits = (10 * low, low) if cut else (low, 10 * low)
        one.update({"limit": limits[0], "window": window})
        before = limits[0] / window
        change = {"limit": limits[1]}
    one["changes"] = [{"at": round(500 / before, 1) if cut else round(300 / before, 1), **change}]


def main():
    dice = random.Random(int(sys.argv[1]))
    limiters = [limiter(dice, group, i) for group, count in SHARES.items() for i in range(count)]
    lines = ",\n".join("  " + json.dumps(one) for one in limiters)
    print('{"limiters": [\n' + lines + "\n]}")


if __name__ == "__main__":
    main()
