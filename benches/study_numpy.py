"""The study's bootstrap probit as an ordinary numpy and scipy program: the peer of muster's speed measurements.

It follows the study's method step by step with the tools its authors had at hand: tetrachoric correlations by root
finding on scipy's bivariate normal CDF, and the probability of each pattern of labels by counting which of 8192
quasi-random points fall into its orthant. It is correct and plain, neither tuned nor slowed down on purpose. By default
every pattern draws its own points, as a function of one pattern naturally does; --reuse-points draws them once for each
set of annotators, the first thing a careful author would improve, and is the harder comparison.

    python benches/study_numpy.py --profiles profiles.csv --ratings ratings.csv [--replicates 3] [--out estimates.csv]

profiles.csv: profile_id, company, headcount, is_expert (empty where not rated); ratings.csv: profile_id, annotator,
label. Reading the files is not timed. Needs scipy 1.15 or later.
"""

import argparse
import csv
import json
import time

import numpy as np
from scipy.optimize import brentq
from scipy.stats import multivariate_normal, norm, qmc

POINTS = 8192
SHRINKAGE = 0.2
SMALLEST_EIGENVALUE = 0.05
FLOOR = 1e-12
MISSING = -1
TRUTH = {"true": 1, "1": 1, "t": 1, "yes": 1, "false": 0, "0": 0, "f": 0, "no": 0, "": MISSING, "null": MISSING}


def read_study(profiles_path, ratings_path):
    """Truth (n), labels (n x J), and for each company its name, headcount and the rows of its people."""
    truth, company, headcount, row_of = [], [], {}, {}
    with open(profiles_path, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            row_of[row["profile_id"]] = len(truth)
            truth.append(TRUTH[row["is_expert"].lower()])
            company.append(row["company"])
            headcount[row["company"]] = max(headcount.get(row["company"], 0), int(float(row["headcount"] or 0)))
    with open(ratings_path, newline="", encoding="utf-8") as file:
        ratings = list(csv.DictReader(file))
    annotators = sorted({rating["annotator"] for rating in ratings})
    column_of = {annotator: j for j, annotator in enumerate(annotators)}
    labels = np.full((len(truth), len(annotators)), MISSING)
    for rating in ratings:
        if rating["profile_id"] in row_of:
            labels[row_of[rating["profile_id"]], column_of[rating["annotator"]]] = TRUTH[rating["label"].lower()]
    company = np.array(company)
    companies = [(name, headcount[name], np.flatnonzero(company == name)) for name in np.unique(company) if name]
    return np.array(truth), labels, companies


def tetrachoric(a, b):
    """The tetrachoric correlation of two columns of labels, over the rows that have both."""
    both = (a != MISSING) & (b != MISSING)
    table = np.array([[np.sum(both & (a == x) & (b == y)) for y in (0, 1)] for x in (0, 1)], dtype=float)
    if (table == 0).any():
        table += 0.5
    table /= table.sum()
    thresholds = norm.ppf([table[1].sum(), table[:, 1].sum()])

    def excess(rho):
        return multivariate_normal.cdf(thresholds, cov=[[1, rho], [rho, 1]]) - table[1, 1]

    low, high = -0.999, 0.999
    if excess(low) >= 0:
        return low
    return high if excess(high) <= 0 else brentq(excess, low, high, xtol=1e-6)


def fit_class(labels):
    """Thresholds mu and correlation matrix R of the latent normal of one class."""
    yes, seen = (labels == 1).sum(axis=0), (labels != MISSING).sum(axis=0)
    mu = norm.ppf((yes + 0.5) / (seen + 1))
    size = labels.shape[1]
    correlation = np.eye(size)
    for i in range(size):
        for j in range(i):
            correlation[i, j] = correlation[j, i] = tetrachoric(labels[:, i], labels[:, j])
    correlation = (1 - SHRINKAGE) * correlation + SHRINKAGE * np.eye(size)
    values, vectors = np.linalg.eigh(correlation)
    correlation = vectors @ np.diag(np.maximum(values, SMALLEST_EIGENVALUE)) @ vectors.T
    scale = np.sqrt(np.diag(correlation))
    return mu, correlation / np.outer(scale, scale)


def latent_labels(mu, correlation, rng):
    """The labels (points x J, boolean) that POINTS quasi-random people would be given."""
    uniform = qmc.Sobol(len(mu), scramble=True, rng=rng).random(POINTS)
    independent = norm.ppf(np.clip(uniform, 1e-12, 1 - 1e-12))
    return independent @ np.linalg.cholesky(correlation).T + mu > 0


def orthant_probability(pattern, mu, correlation, rng, drawn):
    """P(pattern) in one class, missing labels marginalised. `drawn` keeps points for reuse; None draws each time."""
    axes = np.flatnonzero(pattern != MISSING)
    if len(axes) == 0:
        return 1.0
    key = tuple(axes)
    labels = drawn.get(key) if drawn is not None else None
    if labels is None:
        labels = latent_labels(mu[axes], correlation[np.ix_(axes, axes)], rng)
        if drawn is not None:
            drawn[key] = labels
    return max((labels == pattern[axes]).all(axis=1).mean(), FLOOR)


def replicate(truth, labels, companies, patterns, pattern_of, rng, reuse_points):
    """One bootstrap replicate: the number of experts in each company."""
    likelihood = {}
    for z in (0, 1):
        gold = np.flatnonzero(truth == z)
        mu, correlation = fit_class(labels[rng.choice(gold, len(gold))])
        drawn = {} if reuse_points else None
        likelihood[z] = np.array([orthant_probability(p, mu, correlation, rng, drawn) for p in patterns])
    prevalence = rng.beta(2, 10)
    expert, other = prevalence * likelihood[1], (1 - prevalence) * likelihood[0]
    posterior = (expert / (expert + other))[pattern_of]
    posterior = np.where(truth == MISSING, posterior, truth)
    counts = []
    for _, headcount, people in companies:
        resampled = posterior[rng.choice(people, len(people))]
        seen = (rng.random(len(people)) < resampled).sum()
        counts.append(seen + rng.binomial(max(headcount - len(people), 0), prevalence))
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profiles", required=True)
    parser.add_argument("--ratings", required=True)
    parser.add_argument("--replicates", type=int, default=3)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--reuse-points", action="store_true")
    parser.add_argument("--out", help="write company, estimate, lower, upper (80 %%) to this CSV file")
    options = parser.parse_args()
    truth, labels, companies = read_study(options.profiles, options.ratings)
    patterns, pattern_of = np.unique(labels, axis=0, return_inverse=True)
    rng = np.random.default_rng(options.seed)
    draws, seconds = [], []
    for _ in range(options.replicates):
        start = time.perf_counter()
        draws.append(replicate(truth, labels, companies, patterns, pattern_of, rng, options.reuse_points))
        seconds.append(time.perf_counter() - start)
    if options.out:
        lower, upper = np.quantile(draws, [0.1, 0.9], axis=0)
        with open(options.out, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["company", "estimate", "lower", "upper"])
            writer.writerows(zip((name for name, _, _ in companies), np.mean(draws, axis=0), lower, upper))
    print(json.dumps({
        "seconds_per_replicate": round(float(np.median(seconds)), 4),
        "replicates": options.replicates,
        "people": sum(len(people) for _, _, people in companies),
        "gold": int((truth != MISSING).sum()),
        "companies": len(companies),
        "annotators": labels.shape[1],
        "patterns": len(patterns),
        "reuse_points": options.reuse_points,
    }))


if __name__ == "__main__":
    main()
