"""Write annotator_metrics.json: weighted rates by scikit-learn, their limits by scipy.

Six annotators with 40 to 400 gold people each, who were chosen with chances that go by class, by the annotator's label, by both or
by something else, with and without weights above 20 times the mean of the class, and one annotator that is always right about experts.

    python test/oracle/annotator_metrics.py
"""

import json
import platform
from pathlib import Path

import numpy as np
import scipy
import sklearn
from scipy.stats import beta, norm
from sklearn.metrics import accuracy_score, recall_score

LEVEL = 0.8


def annotators(rng):
    def case(name, people, sensitivity, chance):
        truth = rng.uniform(size=people) < 0.3
        label = np.where(truth, rng.uniform(size=people) < sensitivity, rng.uniform(size=people) < 0.1)
        chances = chance(truth, label)
        chosen = rng.uniform(size=people) < chances * 5
        return name, truth[chosen], label[chosen], 1 / chances[chosen]

    yield case("by_class", 600, 0.8, lambda truth, label: np.where(truth, 0.2, 0.05))
    yield case("by_label", 1000, 0.8, lambda truth, label: np.where(label, 0.2, 0.02))
    yield case("by_both", 400, 0.7, lambda truth, label: np.where(truth, 0.2, 0.1) * np.where(label, 1.0, 0.2))
    yield case("by_chance", 300, 0.8, lambda truth, label: rng.choice([0.01, 0.05, 0.2], size=truth.size))
    yield case("heavy", 2000, 0.9, lambda truth, label: rng.choice([0.0005, 0.2], size=truth.size, p=[0.5, 0.5]))
    yield case("never_wrong", 500, 1.1, lambda truth, label: np.where(label, 0.2, 0.02))


def cut(truth, weight):
    """Weights of each class cut at 20 times their mean, and the class as heavy as before; how many were cut."""
    weight, several = weight.copy(), 0
    for of in (truth, ~truth):
        mean = weight[of].mean()
        several += int((weight[of] > 20 * mean).sum())
        weight[of] = np.minimum(weight[of], 20 * mean)
        weight[of] *= mean / weight[of].mean()
    return weight, several


def smoothed(weight, heaviest):
    """Sum and sum of squares with half a person more."""
    return weight.sum() + 0.5 * heaviest, (weight**2).sum() + 0.5 * heaviest**2


def limits(yes, no):
    """Limits of a share: Beta quantiles of as many people as the weights are worth, the odds times the weights."""
    (a, aa), (b, bb) = smoothed(*yes), smoothed(*no)
    low, high = beta.ppf([(1 - LEVEL) / 2, (1 + LEVEL) / 2], a * a / aa, b * b / bb)
    odds = [share / (1 - share) * (aa / a) / (bb / b) for share in (low, high)]
    return [0.0 if yes[0].size == 0 else odds[0] / (1 + odds[0]), 1.0 if no[0].size == 0 else odds[1] / (1 + odds[1])]


def bias_limits(cells):
    """Limits of a difference: the normal ones of a weighted mean of 1, -1, 0 and 0, with half a person more of each."""
    value = np.array([1.0, -1.0, 0.0, 0.0])
    sums, squares = np.array([smoothed(*cell) for cell in cells]).T
    mean = (sums * value).sum() / sums.sum()
    se = np.sqrt((squares * (value - mean) ** 2).sum()) / sums.sum()
    return [max(mean - norm.ppf((1 + LEVEL) / 2) * se, -1.0), min(mean + norm.ppf((1 + LEVEL) / 2) * se, 1.0)]


def expected(truth, label, given):
    weight, several = cut(truth, given)
    cells = {(t, a): weight[(truth == t) & (label == a)] for t in (True, False) for a in (True, False)}
    top = {cell: there.max(initial=0.0) for cell, there in cells.items()}

    def heaviest(t, a):
        """Weight of the heaviest person who may have the answer: seen, or as in the other class."""
        there = top[not t, a] * top[t, not a] / top[not t, not a] if top[not t, not a] > 0 else 0.0
        return max(top[t, a], there) or top[t, not a]

    full = {(t, a): (cells[t, a], heaviest(t, a)) for t, a in cells}
    tp, fn, fp, tn = full[True, True], full[True, False], full[False, True], full[False, False]
    either = lambda one, other: (np.concatenate([one[0], other[0]]), max(one[1], other[1]))  # noqa: E731
    values = {
        "sensitivity": recall_score(truth, label, sample_weight=weight),
        "specificity": recall_score(truth, label, pos_label=False, sample_weight=weight),
        "accuracy": accuracy_score(truth, label, sample_weight=weight),
        "bias": np.average(label, weights=weight) - np.average(truth, weights=weight),
    }
    found = {
        "sensitivity": limits(tp, fn),
        "specificity": limits(tn, fp),
        "accuracy": limits(either(tp, tn), either(fp, fn)),
        "bias": bias_limits([fp, fn, tp, tn]),
    }
    return {
        "cut": several,
        **{name: [float(value), *map(float, found[name])] for name, value in values.items()},
    }


def main():
    cases = []
    for name, truth, label, weight in annotators(np.random.default_rng(20)):
        people = {"truth": truth.tolist(), "label": label.tolist(), "gold_weight": [float(w) for w in weight]}
        cases.append({"annotator": name, **people, **expected(truth, label, weight)})
    lines = ",\n".join(json.dumps(case) for case in cases)
    versions = json.dumps({
        "python": platform.python_version(), "numpy": np.__version__, "scipy": scipy.__version__, "scikit-learn": sklearn.__version__,
    })  # fmt: skip
    Path(__file__).with_suffix(".json").write_text(f'{{\n"versions": {versions},\n"cases": [\n{lines}\n]\n}}\n')


if __name__ == "__main__":
    main()
