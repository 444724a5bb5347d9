"""Write log_debias.json: 1,000 random tables of company counts and their consensus estimates, by numpy.

Counts X (companies by annotators, NaN = the annotator has none; zero counts as one half) in logarithms:

m      = median over annotators of X
alpha  = median over companies of X - m
Y      = X - alpha
estimate, lower, upper = exp of the median of Y and of its linear quantiles at (1 - level) / 2 and (1 + level) / 2,
         rounded to 9 decimals and then to a whole number, half to even
factor = upper / lower before rounding
outlier = some |Y - median| above ln 3 (1e-9 of it is the same)

The tables have zeros, gaps, whole rows and columns without a count, ties, and counts of every size.

    python test/oracle/log_debias.py
"""

import json
import platform
import warnings
from pathlib import Path

import numpy as np

TABLES = 1000
LEVELS = [0.8, 0.5, 0.9, 0.95]


def consensus(x, level):
    """One row a company: estimate, lower, upper, factor, outlier, number of counts; NaN where there is no count."""
    logs = np.log(np.where(x <= 0, 0.5, x))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # rows and columns without a count
        middle = np.nanmedian(logs, axis=1, keepdims=True)
        alpha = np.nanmedian(logs - middle, axis=0, keepdims=True)
        debiased = logs - alpha
        centre = np.nanmedian(debiased, axis=1)
        limits = np.nanquantile(debiased, [(1 - level) / 2, (1 + level) / 2], axis=1, method="linear")
        deviation = np.nanmax(np.abs(debiased - centre[:, None]), axis=1)
    lower, upper = np.exp(limits)
    rounded = [np.rint(np.round(value, 9)) for value in (np.exp(centre), lower, upper)]
    return *rounded, upper / lower, deviation > np.log(3) + 1e-9, np.isfinite(x).sum(axis=1)


def random_table(rng):
    companies, annotators = rng.integers(1, 6), rng.integers(1, 7)
    kind = rng.integers(3)
    if kind == 0:  # small counts, many ties and zeros
        x = rng.integers(0, 5, (companies, annotators)).astype(float)
    elif kind == 1:  # every size, biased annotators
        x = rng.lognormal(rng.uniform(0, 8, (companies, 1)) + rng.normal(0, 1, (1, annotators)), 0.5, (companies, annotators))
        x = np.floor(x)
    else:  # factors of two: exact ties of ratios and halves
        x = 2.0 ** rng.integers(-1, 9, (companies, annotators))
    x[rng.random(x.shape) < rng.choice([0, 0.1, 0.4])] = np.nan
    return x


def plain(value):
    """As JSON: no decimals where there are none, null for NaN."""
    value = float(value)
    return None if np.isnan(value) else int(value) if value.is_integer() else value


def main():
    rng = np.random.default_rng(20240501)
    tables = []
    for number in range(TABLES):
        x, level = random_table(rng), LEVELS[number % len(LEVELS)]
        headcount = [None if rng.random() < 0.2 else int(rng.integers(1, 5000)) for _ in x]
        result = []
        for row, (estimate, lower, upper, factor, outlier, n) in enumerate(zip(*consensus(x, level))):
            share = plain(estimate / headcount[row]) if headcount[row] and n else None
            result.append({
                "estimate": plain(estimate),
                "lower": plain(lower),
                "upper": plain(upper),
                "share": share,
                "factor": plain(factor),
                "outlier": bool(outlier) if n else None,
                "n": int(n),
            })
        tables.append({"level": level, "x": [[plain(v) for v in row] for row in x], "headcount": headcount, "result": result})
    lines = ",\n".join(json.dumps(table, separators=(",", ":")) for table in tables)
    versions = json.dumps({"python": platform.python_version(), "numpy": np.__version__})
    text = f'{{\n"versions": {versions},\n"tables": [\n{lines}\n]\n}}\n'
    Path(__file__).with_name("log_debias.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
