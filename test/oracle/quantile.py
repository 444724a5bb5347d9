"""Write quantile.json: linear quantiles of sorted samples, computed with numpy.

Samples of 0 to 40 numbers, some of few whole numbers (ties) and some of very different sizes, each at ten places q that
include 0, 1/2, 1 and those of an 80 % interval. The quantile of no numbers is null.

    python test/oracle/quantile.py
"""

import json
import platform
from pathlib import Path

import numpy as np

PLACES = [0.0, 0.1, 0.25, 0.5, 0.9, 0.975, 1.0]


def samples(rng):
    yield []
    yield [3.25]
    yield [7.0, 7.0]
    for n in [2, 3, 4, 5, 10, 11, 40]:
        yield rng.normal(size=n).tolist()
        yield rng.integers(0, 4, size=n).astype(float).tolist()
        yield (rng.choice([-1, 1], size=n) * 10.0 ** rng.uniform(-6, 9, size=n)).tolist()


def main():
    rng = np.random.default_rng(20)
    cases = []
    for sample in samples(rng):
        sample = sorted(sample)
        for q in PLACES + rng.uniform(size=3).tolist():
            quantile = float(np.quantile(sample, q)) if sample else None
            cases.append({"sorted": sample, "q": q, "quantile": quantile})
    lines = ",\n".join(json.dumps(case) for case in cases)
    versions = json.dumps({"python": platform.python_version(), "numpy": np.__version__})
    Path(__file__).with_suffix(".json").write_text(f'{{\n"versions": {versions},\n"cases": [\n{lines}\n]\n}}\n')


if __name__ == "__main__":
    main()
