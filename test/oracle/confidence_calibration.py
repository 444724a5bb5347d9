"""Write confidence_calibration.json: Brier scores and reliability curves by scikit-learn.

Five annotators with 1 to 400 gold people each: certain ones, one that says tenths, the edges of the bins, and random ones that
are right and wrong about how sure they may be.

    python test/oracle/confidence_calibration.py
"""

import json
import platform
from pathlib import Path

import numpy as np
import sklearn
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss


def annotators(rng):
    yield "certain", [1.0, 0.0, 1.0, 0.0, 1.0], [1, 0, 0, 1, 1]
    yield "one", [0.25], [1]
    tenths = [i / 10 for i in range(11) for _ in range(7)]
    yield "tenths", tenths, (rng.uniform(size=len(tenths)) < 0.5).astype(int).tolist()
    for name, power in [("calibrated", 1.0), ("too sure", 3.0)]:
        chance = rng.uniform(size=400)
        odds = (chance / (1 - chance)) ** power
        yield name, (odds / (1 + odds)).tolist(), (rng.uniform(size=400) < chance).astype(int).tolist()


def main():
    cases = []
    for name, p, truth in annotators(np.random.default_rng(7)):
        share, mean = calibration_curve(truth, p, n_bins=10, strategy="uniform") if len(set(truth)) > 1 else ([1.0], [0.25])
        cases.append({
            "annotator": name, "p_yes": p, "truth": truth, "brier": float(brier_score_loss(truth, p, pos_label=1)),
            "bins": [{"share": float(s), "p_yes": float(m)} for s, m in zip(share, mean)],
        })  # fmt: skip
    lines = ",\n".join(json.dumps(case) for case in cases)
    versions = json.dumps({"python": platform.python_version(), "scikit-learn": sklearn.__version__})
    Path(__file__).with_suffix(".json").write_text(f'{{\n"versions": {versions},\n"cases": [\n{lines}\n]\n}}\n')


if __name__ == "__main__":
    main()
