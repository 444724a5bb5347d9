"""Counts by news outlet on BABE (Spinde et al. 2021) with some of each outlet's sentences gold: drawings, and peers' estimators.

Every estimator takes a drawing and gives a frame by company with estimate, lower and upper: the number of biased sentences among
all of the company's. Gold sentences count as they are, and no limit lies outside what they leave possible.

The score that the peers correct is P(biased | labels) of a logistic regression fitted to the gold sentences, out of fold for these.
"""

import pathlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from ppi_py import ppi_mean_ci, ppi_mean_pointestimate
from quapy.method.confidence import PQ, BayesianCC
from scipy import stats
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from threadpoolctl import threadpool_limits

ORACLE = pathlib.Path(__file__).resolve().parent.parent / "test" / "oracle"
ANNOTATORS = ["gpt_4", "gpt_3_5", "flan_ul2", "zephyr", "openchat", "llama_13b"]
GOLD, GOLD_BIASED = 300, 78
FOLDS = 5
LEVEL = 0.8
Z = stats.norm.ppf(0.5 + LEVEL / 2)
DRAWS = 500


def sentences(shots, companies):
    """The sentences of the outlets with at least 90 of them, or of the pairs of outlet and topic with at least 15."""
    frame = pd.read_csv(ORACLE / f"babe_{shots}_shot.csv")
    if companies == "outlets":
        frame["company"], least = frame["outlet"], 90
    else:
        frame["company"], least = frame["outlet"] + ": " + frame["topic"], 15
    return frame[frame.groupby("company")["id"].transform("size") >= least].reset_index(drop=True)


@dataclass
class Drawing:
    """Sentences of which some are gold.

    frame: a row a sentence. gold: whether each is. sampling: how gold sentences were chosen, 'at_random' or 'by_class'. company:
    position of each sentence's in `names`.
    """

    frame: pd.DataFrame
    gold: np.ndarray
    sampling: str
    seed: int

    @classmethod
    def of(cls, frame, sampling, seed):
        generator = np.random.default_rng(seed)
        order = generator.permutation(len(frame))
        if sampling == "by_class":
            biased = frame["biased"].to_numpy()[order] == 1
            order = np.concatenate([order[biased][:GOLD_BIASED], order[~biased][: GOLD - GOLD_BIASED]])
        gold = np.zeros(len(frame), dtype=bool)
        gold[order[:GOLD]] = True
        return cls(frame, gold, sampling, seed)

    @cached_property
    def names(self):
        return sorted(self.frame["company"].unique())

    @cached_property
    def company(self):
        return np.searchsorted(self.names, self.frame["company"])

    @cached_property
    def truth(self):
        return self.frame["biased"].to_numpy()

    @cached_property
    def features(self):
        """Says yes, has no label, by annotator."""
        labels = self.frame[ANNOTATORS].to_numpy(dtype=float)
        return np.hstack([np.nan_to_num(labels), np.isnan(labels)])

    @cached_property
    def score(self):
        features, truth = self.features[self.gold], self.truth[self.gold]
        score = classifier().fit(features, truth).predict_proba(self.features)[:, 1]
        score[self.gold] = cross_val_predict(classifier(), features, truth, cv=FOLDS, method="predict_proba")[:, 1]
        return score

    def count(self, of, where=True):
        """Sum of `of` over each company's sentences."""
        return np.bincount(self.company, weights=np.where(where, of, 0) * np.ones(len(self.company)), minlength=len(self.names))

    @cached_property
    def headcount(self):
        return self.count(1)

    @cached_property
    def n_gold(self):
        return self.count(self.gold)

    @cached_property
    def gold_biased(self):
        return self.count(self.truth, self.gold)

    @cached_property
    def others(self):
        """Number of sentences that are not gold."""
        return self.headcount - self.n_gold

    def estimates(self, estimate, lower, upper):
        """The frame of an estimator, its numbers kept within what the gold sentences leave possible."""
        least, most = self.gold_biased, self.gold_biased + self.others
        columns = {"estimate": estimate, "lower": lower, "upper": upper}
        return pd.DataFrame({name: np.clip(x, least, most) for name, x in columns.items()}, index=self.names)

    def of_draws(self, draws):
        """The frame of draws (draws x companies) of the count."""
        return self.estimates(draws.mean(axis=0), *np.quantile(draws, [0.5 - LEVEL / 2, 0.5 + LEVEL / 2], axis=0))


def classifier():
    return LogisticRegression(max_iter=1000)


def labels_alone(drawing):
    """The company's own gold sentences, Beta(.5, .5) prior: a beta-binomial for the others."""
    prior = drawing.others, drawing.gold_biased + 0.5, drawing.n_gold - drawing.gold_biased + 0.5
    quantile = [drawing.gold_biased + stats.betabinom.ppf(q, *prior) for q in (0.5 - LEVEL / 2, 0.5 + LEVEL / 2)]
    return drawing.estimates(drawing.gold_biased + stats.betabinom.mean(*prior), *quantile)


def ppi_plus_plus(drawing):
    """PPI++ (Angelopoulos, Duchi & Zrnic 2023) in each company by itself; all that is possible where fewer than two are gold."""
    rows = []
    for company in range(len(drawing.names)):
        here = drawing.company == company
        truth = drawing.truth[here & drawing.gold].astype(float)
        of_gold, of_others = drawing.score[here & drawing.gold], drawing.score[here & ~drawing.gold]
        if len(truth) < 2 or len(of_others) < 2:
            rows.append([of_others.mean() if len(of_others) else truth.mean(), 0, 1])
            continue
        limits = ppi_mean_ci(truth, of_gold, of_others, alpha=1 - LEVEL)
        rows.append([float(np.squeeze(x)) for x in (ppi_mean_pointestimate(truth, of_gold, of_others), *limits)])
    return drawing.estimates(*(np.array(rows).T * drawing.headcount))


def eb_ppi(drawing):
    """PPI whose rectifiers (mean of truth - score among gold sentences) are shrunk to their common mean by empirical Bayes.

    The model of Fay & Herriot (1979): rectifier_c ~ N(mu, tau^2), and the mean of its n_c residuals ~ N(rectifier_c, sigma^2 / n_c),
    sigma pooled over companies, tau by the moments of DerSimonian & Laird (1986). Li & Ignatiadis (2025) shrink PPI++ likewise, for
    estimates without intervals. The others' residuals scatter by sigma too.
    """
    residual, gold = drawing.truth - drawing.score, drawing.gold
    n = drawing.n_gold
    there = n > 0
    mean = drawing.count(residual, gold) / np.maximum(n, 1)
    within = ((residual - mean[drawing.company])[gold] ** 2).sum() / (n.sum() - there.sum())
    weight = n / within
    centre = np.average(mean, weights=weight)
    q = (weight * (mean - centre) ** 2).sum()
    tau2 = max(0.0, (q - (there.sum() - 1)) / (weight.sum() - (weight**2).sum() / weight.sum()))
    marginal = weight / (1 + weight * tau2)
    centre = np.average(mean, weights=marginal)
    shrink = weight * tau2 / (1 + weight * tau2)
    rectifier = centre + shrink * (mean - centre)
    variance = tau2 * (1 - shrink) + (1 - shrink) ** 2 / marginal.sum()
    estimate = drawing.gold_biased + drawing.count(drawing.score, ~gold) + drawing.others * rectifier
    sd = np.sqrt(drawing.others**2 * variance + drawing.others * within)
    return drawing.estimates(estimate, estimate - Z * sd, estimate + Z * sd)


@threadpool_limits.wrap(limits=1)  # small matrices, many times
def group_calibration(drawing):
    """The recipe of calibration by group: logit P(biased) = a + b logit(score) + u_company, u ~ N(0, tau^2), fitted to gold sentences.

    Laplace's approximation on a grid of tau with a half-normal(1) prior; the others' classes are drawn from the posterior of the
    coefficients.
    """
    generator = np.random.default_rng(drawing.seed)
    companies = len(drawing.names)
    ones = np.ones(len(drawing.score))
    x = np.hstack([np.column_stack([ones, logit(drawing.score)]), np.eye(companies)[drawing.company]])
    gold, truth = x[drawing.gold], drawing.truth[drawing.gold]
    taus = np.exp(np.linspace(np.log(0.05), np.log(3), 15))
    fits, evidence = [], []
    theta = np.zeros(2 + companies)
    for tau in taus:
        precision = np.concatenate([[0.01, 0.01], np.full(companies, tau**-2)])
        for _ in range(50):
            p = expit(gold @ theta)
            hessian = (gold * (p * (1 - p))[:, None]).T @ gold + np.diag(precision)
            step = np.linalg.solve(hessian, gold.T @ (truth - p) - precision * theta)
            theta = theta + step / max(1.0, np.abs(step).max())
            if np.abs(step).max() < 1e-8:
                break
        eta = gold @ theta
        fit = (truth * eta - np.logaddexp(0, eta)).sum() - 0.5 * (precision * theta**2).sum()
        prior = np.log(tau) - 0.5 * tau**2  # the grid is even in log tau
        evidence.append(fit + 0.5 * np.log(precision).sum() - 0.5 * np.linalg.slogdet(hessian)[1] + prior)
        fits.append((theta, np.linalg.cholesky(hessian)))
    chance = np.exp(np.array(evidence) - max(evidence))
    chosen = generator.multinomial(DRAWS, chance / chance.sum())
    others = x[~drawing.gold]
    draws = []
    for (theta, factor), number in zip(fits, chosen, strict=True):
        coefficients = theta[:, None] + np.linalg.solve(factor.T, generator.standard_normal((len(theta), number)))
        classes = generator.random((len(others), number)) < expit(others @ coefficients)
        draws.append(drawing.gold_biased + classes.T @ others[:, 2:])
    draws = np.concatenate(draws)
    return drawing.of_draws(draws)


def quapy_bayesian(quantifier):
    """A Bayesian quantifier of quapy, fitted to all gold sentences and asked for each company's others."""

    def run(drawing):
        fitted = quantifier().fit(drawing.features[drawing.gold], drawing.truth[drawing.gold])
        rows = []
        for company, others in enumerate(drawing.others):
            if others == 0:
                rows.append([0, 0, 0])
                continue
            share, region = fitted.predict_conf(drawing.features[(drawing.company == company) & ~drawing.gold])
            rows.append([share[1], region.I_low[1], region.I_high[1]])
        return drawing.estimates(*(drawing.gold_biased + np.array(rows).T * drawing.others))

    return run


def peers():
    """(name, how it was set, run, whether it takes long): run takes a drawing."""
    logistic = "score: logistic regression (C = 1) on says-yes and has-no-label by annotator"
    return [
        (
            "labels alone",
            "the company's own gold sentences, Beta(.5, .5) prior, beta-binomial for the others",
            labels_alone,
            False,
        ),
        (
            "PPI++",
            f"ppi_mean_ci of ppi-python in each company, lambda tuned there; {logistic}; nothing is claimed where fewer "
            "than two are gold",
            ppi_plus_plus,
            False,
        ),
        (
            "empirical-Bayes PPI",
            "rectifiers shrunk to their common mean (Fay & Herriot 1979); the same score",
            eb_ppi,
            False,
        ),
        (
            "group calibration",
            "logistic regression on the logit of the score, with a random effect of the company; Laplace's approximation, "
            "half-normal(1) prior of its size",
            group_calibration,
            False,
        ),
        (
            "quapy BayesianCC",
            f"defaults, the same classifier, {FOLDS} folds; gold sentences are its training set, whatever their company",
            quapy_bayesian(lambda: BayesianCC(classifier(), val_split=FOLDS, confidence_level=LEVEL)),
            True,
        ),
        (
            "quapy PQ",
            "as BayesianCC; bins of equal width: scores of labels have ties, which the default bins count on different "
            "sides in training and in use",
            quapy_bayesian(lambda: PQ(classifier(), val_split=FOLDS, fixed_bins=True, confidence_level=LEVEL)),
            True,
        ),
    ]


def measured(found, drawing):
    """Coverage, width and interval score of a frame of estimates, and the sums of estimates and truths."""
    truth = drawing.count(drawing.truth)
    lower, upper = found["lower"].to_numpy(), found["upper"].to_numpy()
    # limits are sums of floating-point numbers: an interval of one whole number holds it
    miss = np.maximum(0, lower - truth) + np.maximum(0, truth - upper)
    miss = np.where(miss < 1e-9, 0, miss)
    return {
        "coverage": (miss == 0).mean(),
        "width": ((upper - lower) / drawing.headcount).mean(),
        "score": ((upper - lower + 2 / (1 - LEVEL) * miss) / drawing.headcount).mean(),
        "estimates": found["estimate"].sum(),
        "truths": truth.sum(),
    }
