#!/usr/bin/env python3
"""Compares the sweep of OpenAI's probe (96 values of C) with scikit-learn's LogisticRegression, in time and in results.

    . <(make -s env); go test -c -o build/probe.test ./probe
    python3 scripts/sweep.py build/probe.test FOLDER [--samples 50000] [--dim 512] [--classes 100] [--values 96] [--limit 300] [--float64]

The Python needs numpy and scikit-learn. FOLDER gets the features, which are made: classes overlap, and directions have variances that fall
as those of CLIP's features do. Both sides read the same files and run one after the other, --rounds times. Both wall-clock and CPU
seconds are printed: CPU seconds compare on a machine that does other work too. --float64 gives scikit-learn float64 features: with float32
it ends early for large C.

clipgo always makes the whole sweep. scikit-learn starts each C anew, so its fits don't depend on each other: it makes as many as fit into
--limit seconds (0: all), but at least five: first the values of C that could be the best one by clipgo's accuracies, then the smallest and the
largest C, then those between by halving. The seconds of the others are interpolated between their neighbours; a second ratio takes the faster neighbour for each. The output says how many were measured.
Objectives and accuracies are compared at these alone.
"""
import argparse
import bisect
import json
import os
import pathlib
import resource
import subprocess
import sys
import time
import warnings

import numpy as np


def make(folder, n, dim, classes):
    """Writes train and val (a fifth as many samples): NAME.f32, features, and NAME.i64, labels."""
    rng = np.random.default_rng(0)
    scale = np.arange(1, dim + 1) ** -0.6
    turn, _ = np.linalg.qr(rng.standard_normal((dim, dim)))
    centres = rng.standard_normal((classes, dim)) * scale * 0.4
    mean = rng.standard_normal(dim) * 0.3
    for name, count in ("train", n), ("val", n // 5):
        labels = rng.integers(0, classes, count)
        rows = ((centres[labels] + rng.standard_normal((count, dim)) * scale) @ turn + mean).astype(np.float32)
        wrong = rng.random(count) < 0.05
        labels = np.where(wrong, rng.integers(0, classes, count), labels).astype(np.int64)
        rows.tofile(folder / (name + ".f32"))
        labels.tofile(folder / (name + ".i64"))


def load(folder, name, dim):
    return np.fromfile(folder / (name + ".f32"), np.float32).reshape(-1, dim), np.fromfile(folder / (name + ".i64"), np.int64)


def objective(x, y, weight, bias, c):
    weight, total = weight.astype(np.float64), 0.0
    for at in range(0, len(y), 8192):
        z = x[at:at + 8192].astype(np.float64) @ weight.T + bias
        top = z.max(1)
        total += (top + np.log(np.exp(z - top[:, None]).sum(1)) - z[np.arange(len(z)), y[at:at + 8192]]).sum()
    return c * total + (weight ** 2).sum() / 2


def halving(n):
    """The numbers 0 to n - 1: both ends, then the middle of the longest gap, again and again."""
    order = [0, n - 1] if n > 1 else [0]
    while len(order) < n:
        have = sorted(order)
        _, at = max(((b - a), -i) for i, (a, b) in enumerate(zip(have, have[1:])))
        order.append((have[-at] + have[1 - at]) // 2)
    return order


def fit_all(folder, dim, values, double, limit, first):
    """The other side, in a process of its own: a line of JSON for each C. The numbers of first are made in any case. It ends before a fit as
    long as the longest would pass the limit."""
    from sklearn.linear_model import LogisticRegression
    warnings.filterwarnings("ignore")
    (x, y), (vx, vy) = load(folder, "train", dim), load(folder, "val", dim)
    if double:
        x, vx = x.astype(np.float64), vx.astype(np.float64)
    cs, spent, longest, made = np.logspace(-6, 6, values), 0.0, 0.0, 0
    for i in first + [i for i in halving(values) if i not in first]:
        if limit and spent + longest > limit and made >= len(first) + 5:
            break
        made += 1
        cpu, wall = os.times(), time.time()
        m = LogisticRegression(C=cs[i], max_iter=1000).fit(x, y)
        accuracy = m.score(vx, vy)
        now = os.times()
        seconds = {"wall": time.time() - wall, "cpu": now.user + now.system - cpu.user - cpu.system}
        spent, longest = spent + seconds["wall"], max(longest, seconds["wall"])
        print(json.dumps({"i": i, "C": cs[i], "val_acc1": accuracy, "objective": objective(x, y, m.coef_, m.intercept_, cs[i]),
                          "iterations": int(m.n_iter_[0]), **seconds}), flush=True)


def ours(test, folder, dim, classes, values):
    before, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.time()
    out = folder / "clipgo.jsonl"
    env = dict(os.environ, CLIPGO_SWEEP=str(folder), CLIPGO_SWEEP_SHAPE="%d,%d,%d" % (dim, classes, values), CLIPGO_SWEEP_OUT=str(out))
    subprocess.run([test, "-test.run", "NONE", "-test.bench", "^BenchmarkSweep$", "-test.benchtime", "1x", "-test.timeout", "0"], env=env, check=True,
                   stdout=sys.stderr)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return [json.loads(line) for line in out.read_text().splitlines()], {"wall": time.time() - wall, "cpu": cpu}


def contenders(rows, most=6):
    """The values of C that could be the best of the other side: the best accuracies of ours, up to 0.001 below the best one."""
    ranked = sorted(rows, key=lambda r: (-r["val_acc1"], r["C"]))
    return [rows.index(r) for r in ranked[:most] if r["val_acc1"] >= ranked[0]["val_acc1"] - 0.001]


def theirs(folder, dim, values, double, limit, first):
    """The fits that were made, the seconds of all if those of the others are on the lines between their neighbours, and if they are those
    of the faster neighbour."""
    p = subprocess.run([sys.executable, __file__, "--fit", str(folder), "--dim", str(dim), "--values", str(values), "--limit", str(limit),
                        "--first", ",".join(map(str, first))] +
                       (["--float64"] if double else []), check=True, stdout=subprocess.PIPE, text=True)
    rows = sorted((json.loads(line) for line in p.stdout.splitlines()), key=lambda r: r["i"])
    made = [r["i"] for r in rows]
    faster = [min(rows[bisect.bisect_right(made, i) - 1]["wall"], rows[bisect.bisect_left(made, i)]["wall"]) for i in range(values)]
    return rows, {k: float(np.interp(range(values), made, [r[k] for r in rows]).sum()) for k in ("wall", "cpu")}, sum(faster)


def best(rows):
    return max(rows, key=lambda r: r["val_acc1"])  # of equals the smallest C


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("test", nargs="?")
    p.add_argument("folder", nargs="?")
    p.add_argument("--fit", help=argparse.SUPPRESS)
    p.add_argument("--first", help=argparse.SUPPRESS)
    for name, default in ("samples", 50000), ("dim", 512), ("classes", 100), ("values", 96), ("rounds", 1), ("limit", 300):
        p.add_argument("--" + name, type=int, default=default)
    p.add_argument("--float64", action="store_true")
    a = p.parse_args()
    if a.fit:
        return fit_all(pathlib.Path(a.fit), a.dim, a.values, a.float64, a.limit, [int(i) for i in a.first.split(",")])
    folder = pathlib.Path(a.folder)
    folder.mkdir(parents=True, exist_ok=True)
    make(folder, a.samples, a.dim, a.classes)
    for _ in range(a.rounds):
        got, time_got = ours(a.test, folder, a.dim, a.classes, a.values)
        want, time_want, least = theirs(folder, a.dim, a.values, a.float64, a.limit, contenders(got))
        pairs = [(got[w["i"]], w) for w in want]
        excess = max(g["objective"] / w["objective"] - 1 for g, w in pairs)
        accuracy = max(abs(g["val_acc1"] - w["val_acc1"]) for g, w in pairs)
        print("%d samples, %d features, %d classes, %d values of C" % (a.samples, a.dim, a.classes, a.values))
        print("clipgo       %8.1f s wall %8.1f s CPU  best C %-10.4g val %.4f, all values measured" % (
            time_got["wall"], time_got["cpu"], best(got)["C"], best(got)["val_acc1"]))
        print("scikit-learn %8.1f s wall %8.1f s CPU  best C %-10.4g val %.4f, %d of %d values measured%s" % (
            time_want["wall"], time_want["cpu"], best(want)["C"], best(want)["val_acc1"], len(want), a.values,
            "" if len(want) == a.values else ", the others interpolated"))
        print("measured alone: scikit-learn %.1f s wall %.1f s CPU, %d iterations" % (
            sum(w["wall"] for w in want), sum(w["cpu"] for w in want), sum(w["iterations"] for w in want)))
        print("ratio %.1f wall (at least %.1f), %.1f CPU; clipgo's objective is at most %.1e above scikit-learn's, accuracies differ by at most %.4f" % (
            time_want["wall"] / time_got["wall"], least / time_got["wall"], time_want["cpu"] / time_got["cpu"], excess, accuracy), flush=True)


if __name__ == "__main__":
    main()
