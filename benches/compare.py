"""muster beside its peers on PyPI, in one run: labels without a gold standard, counts of experts by company, and counts on real labels
with gold ones inside companies.

    .venv-compare/bin/python benches/compare.py --extension build/release/muster.duckdb_extension

needs benches/requirements-compare.txt. Prints the tables and writes them to docs/comparison.md, where the paragraphs between
the comments "by hand" stay as they are (read them again after a run) and everything else is written anew; with `--only babe` (labels,
counts) the other sections stay too.

Labels: two published sets whose truth is known; every method sees the labels only.

Counts: studies of muster.simulate_profiles. A study has gold people, chosen by class, and companies of whose people some
are observed. Every method estimates the experts among each company's whole headcount. The peers estimate a share among the
people observed there; it is scaled to the headcount, and so are its limits.

Real labels: BABE, in benches/babe.py, with the peers' estimators.

Seconds are those of the method itself: reading data and turning labels into the shape a library asks for is not timed for
the peers; muster starts from tables in DuckDB.
"""

import argparse
import functools
import importlib.metadata
import os
import pathlib
import re
import time
import warnings

import babe
import duckdb
import numpy as np
import pandas as pd
import quapy
from cleanlab.multiannotator import get_label_quality_multiannotator
from crowdkit.aggregation import GLAD, MACE, DawidSkene, MajorityVote
from joblib import parallel_config
from ppi_py import ppi_distribution_label_shift_ci, ppi_mean_ci, ppi_mean_pointestimate
from quapy.method.aggregative import ACC, CC, EMQ, PACC
from quapy.method.confidence import AggregativeBootstrap
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict

ROOT = pathlib.Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "comparison.md"
PACKAGES = ["crowd-kit", "cleanlab", "quapy", "numpyro", "jax", "pystan", "ppi-python"]
PACKAGES += ["scikit-learn", "numpy", "scipy", "pandas", "duckdb"]
LEVEL = 0.8
RESAMPLES = 200
FOLDS = 5
ABSENT = "not in this build"
KEPT = re.compile(r"<!-- by hand: (\w+) -->\n(.*?)<!-- end by hand -->", re.DOTALL)


class Muster:
    """A DuckDB session with the extension, and the names of the functions it has."""

    def __init__(self, extension):
        self.db = duckdb.connect(config={"allow_unsigned_extensions": "true"})
        self.db.execute(f"LOAD '{extension}'")
        self.functions = {name for (name,) in self.db.sql("SELECT name FROM muster.functions()").fetchall()}
        self.version = self.frame("FROM muster.version() WHERE component = 'muster'")["version"][0]

    def has(self, function):
        return function in self.functions

    def takes(self, function, parameter):
        """Whether the function has the parameter."""
        known = self.db.sql(
            f"SELECT parameters FROM duckdb_functions() WHERE database_name = 'muster' AND function_name = '{function}'"
        )
        return any(parameter in parameters for (parameters,) in known.fetchall())

    def frame(self, query):
        return self.db.sql(query).df()

    def store(self, table, frame):
        """A data frame as a temporary table, so that copying it is no part of a query's time."""
        self.db.register("frame", frame)
        self.db.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS FROM frame")
        self.db.unregister("frame")


# ---- labels without a gold standard -------------------------------------------------------------------------------


def labelled_sets(muster):
    """For each set a data frame (task, worker, label 0 or 1) and the truth of each task."""
    rte = muster.frame(
        f"SELECT item AS task, worker, response AS label, gold FROM '{ROOT}/test/oracle/snow2008_rte.csv' ORDER BY ALL"
    )
    wide = muster.frame(f"FROM '{ROOT}/test/oracle/bluebird_labels.csv' ORDER BY item").set_index("item")
    bluebird = wide.drop(columns="truth").rename_axis(columns="worker").stack().rename("label").reset_index()
    return {
        "RTE": (rte[["task", "worker", "label"]], rte.groupby("task")["gold"].first()),
        "bluebird": (bluebird.rename(columns={"item": "task"}), wide["truth"]),
    }


def crowd_kit(aggregator):
    """P(yes) of each task, from an aggregator of crowd-kit that gives probabilities."""

    def run(ratings):
        start = time.perf_counter()
        probabilities = aggregator().fit_predict_proba(ratings)
        return probabilities[1], time.perf_counter() - start

    return run


def cleanlab_consensus(ratings):
    """The consensus of CROWDLAB as 0 and 1; the classifier it wants is the smoothed share of yes."""
    wide = ratings.pivot(index="task", columns="worker", values="label")
    yes = (wide.sum(axis=1) + 0.5) / (wide.count(axis=1) + 1)
    start = time.perf_counter()
    found = get_label_quality_multiannotator(wide, np.column_stack([1 - yes, yes]), verbose=False)
    seconds = time.perf_counter() - start
    return pd.Series(found["label_quality"]["consensus_label"].to_numpy(), index=wide.index), seconds


def muster_labels(muster, function):
    """P(yes) of each task from muster.dawid_skene or muster.majority_vote; 0.5 where the label is NULL."""

    def run(ratings):
        given = ratings.rename(columns={"task": "profile_id", "worker": "annotator"}).astype({"label": bool})
        muster.store("label_ratings", given)
        start = time.perf_counter()
        rows = muster.frame(f"FROM muster.{function}(label_ratings)")
        seconds = time.perf_counter() - start
        return probability_of_yes(rows), seconds

    return run


def probability_of_yes(rows):
    """P(yes) by profile, from rows of profile_id, class, probability, or of profile_id and label."""
    if {"class", "probability"} <= set(rows.columns):
        yes = rows["class"].astype(str).str.lower().isin(["true", "1"])
        return rows["probability"].where(yes, 0.0).groupby(rows["profile_id"]).sum()
    said = rows["label"].astype(str).str.lower().map({"true": 1.0, "1": 1.0, "false": 0.0, "0": 0.0}).fillna(0.5)
    return said.groupby(rows["profile_id"]).first()


def label_methods(muster):
    """(name, how it was set, run): run takes ratings, gives P(yes) by task and seconds; None where it is missing."""

    def own(function):
        return muster_labels(muster, function) if muster.has(function) else None

    return [
        ("muster majority_vote", "defaults", own("majority_vote")),
        ("muster dawid_skene", "defaults", own("dawid_skene")),
        ("crowd-kit MajorityVote", "defaults", crowd_kit(MajorityVote)),
        ("crowd-kit DawidSkene", "defaults (at most 100 iterations)", crowd_kit(DawidSkene)),
        ("crowd-kit GLAD", "defaults (at most 100 iterations)", crowd_kit(GLAD)),
        (
            "crowd-kit MACE",
            "defaults (variational Bayes, 10 restarts), random_state 0",
            crowd_kit(lambda: MACE(random_state=0)),
        ),
        (
            "cleanlab consensus",
            "get_label_quality_multiannotator, consensus best_quality, quality crowdlab; pred_probs: the task's share of yes "
            "with half a label of each kind added, since there is no classifier to ask",
            cleanlab_consensus,
        ),
    ]


def accuracy(probability, truth):
    """Share of tasks labelled rightly; a task at exactly one half counts half."""
    probability = probability.reindex(truth.index)
    right = np.where(probability == 0.5, 0.5, (probability > 0.5) == (truth == 1))
    return float(right.mean())


def label_table(muster):
    sets = labelled_sets(muster)
    header = ["method"] + [column for name in sets for column in (f"{name} accuracy", f"{name} seconds")]
    rows, settings = [], []
    for name, setting, run in label_methods(muster):
        cells = [name]
        for ratings, truth in sets.values():
            if run is None:
                cells += [ABSENT, ""]
            else:
                probability, seconds = run(ratings)
                cells += [f"{accuracy(probability, truth):.4f}", number(seconds)]
        rows.append(cells)
        settings.append((name, setting))
    return header, rows, settings


# ---- counts by company -----------------------------------------------------------------------------------------------


class Study:
    """A simulated study: tables `profiles`, `ratings`, `truth` in DuckDB, and its people as arrays for the peers.

    labels (people x annotators): 1, 0 and nan. features: says yes, has no label, by annotator. company of each person, ""
    for the gold. truth of the gold people. companies: a frame by company with headcount and the true count `experts`.
    """

    def __init__(self, muster, seed, companies, max_observed, drift):
        arguments = f"companies := {companies}, seed := {seed}, max_observed := {max_observed}, drift := {drift}"
        for table in ("profiles", "ratings", "truth"):
            muster.db.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS FROM muster.simulate_{table}({arguments})")
        people = muster.frame(
            "SELECT profile_id, coalesce(company, '') AS company, is_expert FROM profiles ORDER BY profile_id"
        )
        self.ratings = muster.frame(
            "SELECT profile_id AS task, annotator AS worker, label::INT AS label FROM ratings ORDER BY ALL"
        )
        wide = self.ratings.pivot(index="task", columns="worker", values="label").reindex(people["profile_id"])
        self.seed = seed
        self.labels = wide.to_numpy(dtype=float)
        self.features = np.hstack([np.nan_to_num(self.labels), np.isnan(self.labels)])
        self.profile = people["profile_id"].to_numpy()
        self.company = people["company"].to_numpy()
        self.gold = people["is_expert"].notna().to_numpy()
        self.gold_truth = people["is_expert"][self.gold].astype(int).to_numpy()
        truth = muster.frame("SELECT company, headcount, experts FROM truth ORDER BY company")
        self.companies = truth.set_index("company")
        self.rows_of = {company: np.flatnonzero(self.company == company) for company in self.companies.index}

    def bags(self):
        return {company: self.features[rows] for company, rows in self.rows_of.items()}

    def scaled(self, shares):
        """A frame of counts from shares: a dict from company to a share or to (share, lower, upper)."""
        rows = {company: np.atleast_1d(share) for company, share in shares.items()}
        frame = pd.DataFrame.from_dict(rows, orient="index").rename(columns={0: "estimate", 1: "lower", 2: "upper"})
        return frame.mul(self.companies["headcount"].reindex(frame.index), axis=0)

    def share_of(self, probability):
        """Each company's mean of a person's P(expert), over the people that have one."""
        return {company: np.nanmean(probability[rows]) for company, rows in self.rows_of.items()}


def muster_probit(muster, method):
    def run(study):
        start = time.perf_counter()
        found = muster.frame(
            f"""FROM muster.fit_probit_bootstrap(
                    ratings, profiles, company, is_expert, headcount := headcount, method := '{method}', level := {LEVEL}
                )"""
        )
        return found.set_index("company")[["estimate", "lower", "upper"]], time.perf_counter() - start

    return run


def muster_log_debias(muster, gold):
    """Counts by annotator, each scaled to the headcount; with `gold`, the truth of every third company is given."""
    calibrated = ", truth := truth, method := 'calibrated'" if gold else ""

    def run(study):
        start = time.perf_counter()
        muster.db.execute(
            """CREATE OR REPLACE TEMP TABLE counts AS
               WITH audit AS (
                   SELECT company, CASE WHEN row_number() OVER (ORDER BY company) % 3 = 1 THEN experts END AS truth
                   FROM truth
               )
               SELECT company, annotator, avg(label::INT) * headcount AS value, headcount, truth
               FROM ratings JOIN profiles USING (profile_id) JOIN audit USING (company)
               GROUP BY company, annotator, headcount, truth"""
        )
        found = muster.frame(
            f"""FROM muster.log_debias_estimate(
                    counts, company, annotator, value, headcount := headcount, level := {LEVEL}{calibrated}
                )"""
        ).set_index("company")[["estimate", "lower", "upper"]]
        seconds = time.perf_counter() - start
        return found.drop(study.companies.index[::3]) if gold else found, seconds

    return run


def muster_dawid_skene(muster):
    def run(study):
        muster.db.execute(
            """CREATE OR REPLACE TEMP TABLE company_ratings AS
               SELECT ratings.* FROM ratings JOIN profiles USING (profile_id) WHERE company IS NOT NULL"""
        )
        start = time.perf_counter()
        rows = muster.frame("FROM muster.dawid_skene(company_ratings)")
        probability = probability_of_yes(rows).reindex(study.profile).to_numpy(dtype=float)
        return study.scaled(study.share_of(probability)), time.perf_counter() - start

    return run


def majority_vote(study):
    """The share of people of whom most labels say yes, ties half, people without labels left out."""
    start = time.perf_counter()
    yes, given = np.nansum(study.labels, axis=1), np.sum(~np.isnan(study.labels), axis=1)
    vote = np.where(given == 0, np.nan, 0.5 + 0.5 * np.sign(2 * yes - given))
    return study.scaled(study.share_of(vote)), time.perf_counter() - start


def crowd_kit_dawid_skene(study):
    gold = set(study.profile[study.gold])
    ratings = study.ratings[~study.ratings["task"].isin(gold)]
    start = time.perf_counter()
    probability = DawidSkene().fit_predict_proba(ratings)[1].reindex(study.profile).to_numpy(dtype=float)
    return study.scaled(study.share_of(probability)), time.perf_counter() - start


def classifier():
    return LogisticRegression(max_iter=1000)


def quapy_quantifier(quantifier, resamples=RESAMPLES):
    """The quantifier's own estimate, and the percentile interval of quapy's bootstrap of the company's people.

    The bootstrap runs in this process: its pool of processes is slower on bags of this size, and is not reproducible.
    """

    def run(study):
        bags = study.bags()
        start = time.perf_counter()
        plain = quantifier().fit(study.features[study.gold], study.gold_truth)
        shares = {company: [plain.predict(bag)[1]] for company, bag in bags.items()}
        if resamples:
            boot = AggregativeBootstrap(
                quantifier(), n_test_samples=resamples, confidence_level=LEVEL, random_state=study.seed
            )
            with parallel_config(backend="sequential"):
                boot.fit(study.features[study.gold], study.gold_truth)
                for company, bag in bags.items():
                    region = boot.predict_conf(bag)[1]
                    shares[company] += [region.I_low[1], region.I_high[1]]
        return study.scaled(shares), time.perf_counter() - start

    return run


def ppi_mean(study):
    """Prediction-powered mean (PPI++, tuned lambda): the gold people as labelled, the company's people as unlabelled."""
    truth, features, bags = study.gold_truth.astype(float), study.features[study.gold], study.bags()
    start = time.perf_counter()
    gold_prediction = cross_val_predict(classifier(), features, truth, cv=FOLDS, method="predict_proba")[:, 1]
    fitted = classifier().fit(features, truth)
    shares = {}
    for company, bag in bags.items():
        prediction = fitted.predict_proba(bag)[:, 1]
        limits = ppi_mean_ci(truth, gold_prediction, prediction, alpha=1 - LEVEL)
        triple = [ppi_mean_pointestimate(truth, gold_prediction, prediction), *limits]
        shares[company] = np.clip([float(np.squeeze(value)) for value in triple], 0, 1)
    return study.scaled(shares), time.perf_counter() - start


def ppi_label_shift(study):
    """Prediction-powered interval for the count of experts when the mix of classes differs; it comes without an estimate.

    ppi-python raises an error where all of a company's people are classified alike: those companies are left out.
    """
    truth, features, bags = study.gold_truth, study.features[study.gold], study.bags()
    start = time.perf_counter()
    gold_class = cross_val_predict(classifier(), features, truth, cv=FOLDS)
    fitted = classifier().fit(features, truth)
    shares = {}
    for company, bag in bags.items():
        classes = fitted.predict(bag)
        if len(np.unique(classes)) == 2:
            limits = ppi_distribution_label_shift_ci(truth, gold_class, classes, 2, np.array([0, 1]), alpha=1 - LEVEL)
            shares[company] = [np.nan, *(limit / len(bag) for limit in limits)]
    return study.scaled(shares), time.perf_counter() - start


def count_methods(muster):
    """(name, how it was set, run): run takes a study, gives a frame by company and seconds; None where it is missing."""

    def own(function, run):
        return run if muster.has(function) else None

    # quapy's Bayesian quantifiers are with the real labels: BayesianCC compiles for every bag
    logistic = "logistic regression (C = 1) on says-yes and has-no-label by annotator, fitted to the gold people"
    boot = f"interval: AggregativeBootstrap, {RESAMPLES} resamples of the company's people"
    return [
        ("muster company", "fit_probit_bootstrap, defaults", muster_probit(muster, "company")),
        ("muster hierarchical", "method := 'hierarchical'", muster_probit(muster, "hierarchical")),
        ("muster original", "method := 'original'", muster_probit(muster, "original")),
        (
            "muster log_debias consensus",
            "log_debias_estimate, defaults; an annotator's share of yes times the headcount is its count",
            own("log_debias_estimate", muster_log_debias(muster, gold=False)),
        ),
        (
            "muster log_debias calibrated",
            "the truth of every third company is given, and the other companies are measured",
            own("log_debias_estimate", muster_log_debias(muster, gold=True)),
        ),
        (
            "muster dawid_skene, summed",
            "defaults, on the labels of all companies' people together; mean probability times headcount",
            own("dawid_skene", muster_dawid_skene(muster)),
        ),
        ("crowd-kit DawidSkene, summed", "defaults, on the same labels and scaled likewise", crowd_kit_dawid_skene),
        ("majority vote", "of the labels a person has, ties half (numpy)", majority_vote),
        (
            "quapy CC",
            f"{logistic}; classify and count, no correction; no interval",
            quapy_quantifier(lambda: CC(classifier()), resamples=0),
        ),
        (
            "quapy ACC",
            f"the same classifier, {FOLDS} folds; solver exact-cc, which for two classes finds what the default solver finds "
            f"and is much faster; {boot}",
            quapy_quantifier(lambda: ACC(classifier(), val_split=FOLDS, solver="exact-cc")),
        ),
        (
            "quapy PACC",
            f"as ACC; {boot}",
            quapy_quantifier(lambda: PACC(classifier(), val_split=FOLDS, solver="exact-cc")),
        ),
        ("quapy EMQ (SLD)", f"defaults, the same classifier; {boot}", quapy_quantifier(lambda: EMQ(classifier()))),
        (
            "quapy EMQ-BCTS",
            f"EMQ_BCTS: calibrated posteriors, the configuration its authors recommend; {boot}",
            quapy_quantifier(lambda: EMQ.EMQ_BCTS(classifier(), val_split=FOLDS)),
        ),
        (
            "ppi-python mean",
            "ppi_mean_ci, lambda tuned; predictions of the same classifier, out of fold for the gold people; it assumes "
            "that companies have the gold people's mix of classes",
            ppi_mean,
        ),
        (
            "ppi-python label shift",
            "ppi_distribution_label_shift_ci on the same classifier's classes: an interval without an estimate; companies "
            "whose people are all classified alike are left out, as it raises an error there",
            ppi_label_shift,
        ),
    ]


def summary(found, seconds):
    """The row of a method: `found` is a list of frames by company with experts, estimate and perhaps lower and upper."""
    every = pd.concat(found)
    truth = every["experts"].clip(lower=1)
    cells = [str(len(every)), "", "", "", "", "", number(np.mean(seconds))]
    if every["estimate"].notna().all():
        cells[1] = f"{every['estimate'].sum() / every['experts'].sum():.2f}"
        cells[2] = f"{((every['estimate'] - every['experts']).abs() / truth).median():.2f}"
    if "lower" in every:
        inside = [frame["experts"].between(frame["lower"], frame["upper"]).mean() for frame in found]
        cells[3] = f"{every['experts'].between(every['lower'], every['upper']).mean():.2f}"
        cells[4] = f"{min(inside):.2f} to {max(inside):.2f}"
        cells[5] = f"{((every['upper'] - every['lower']) / truth).median():.2f}"
    return cells


def count_table(muster, studies, companies, max_observed, drift):
    header = [
        "method",
        "companies",
        "sum of estimates / truth",
        "median relative error",
        "coverage",
        "coverage by study",
        "median relative width",
        "seconds a study",
    ]
    methods = count_methods(muster)
    found = {name: [] for name, _, _ in methods}
    seconds = {name: [] for name, _, _ in methods}
    for seed in range(1, studies + 1):
        study = Study(muster, seed, companies, max_observed, drift)
        for name, _, run in methods:
            if run is not None:
                estimates, spent = run(study)
                found[name].append(estimates.join(study.companies["experts"], how="inner"))
                seconds[name].append(spent)
        print(f"study {seed} of {studies} done", flush=True)
    rows = [
        [name, *(summary(found[name], seconds[name]) if run is not None else [ABSENT] + [""] * (len(header) - 2))]
        for name, _, run in methods
    ]
    return header, rows, [(name, setting) for name, setting, _ in methods]


# ---- real labels, gold ones inside companies --------------------------------------------------------------------------

# labels, companies, how gold sentences are chosen
BABE = [
    ("zero", "outlets", "at_random"),
    ("zero", "outlet-topic cells", "at_random"),
    ("zero", "outlets", "by_class"),
    ("four", "outlets", "at_random"),
    ("four", "outlet-topic cells", "at_random"),
]


def muster_on_babe(muster, method):
    def run(drawing):
        frame = drawing.frame
        profiles = frame[["id", "company"]].rename(columns={"id": "profile_id"})
        truth = pd.array(np.where(drawing.gold, drawing.truth, None), dtype="boolean")
        muster.store("babe_profiles", profiles.assign(is_biased=truth))
        wide = frame.rename(columns={"id": "profile_id"})
        ratings = wide.melt("profile_id", babe.ANNOTATORS, "annotator", "label").dropna().astype({"label": int})
        muster.store("babe_ratings", ratings)
        option = f", gold_sampling := '{drawing.sampling}'"
        chosen = option if muster.takes("fit_probit_bootstrap", "gold_sampling") else ""
        found = muster.frame(
            f"""FROM muster.fit_probit_bootstrap(
                    babe_ratings, babe_profiles, company, is_biased, method := '{method}', level := {LEVEL}{chosen}
                )"""
        )
        return found.set_index("company")[["estimate", "lower", "upper"]]

    return run


def babe_methods(muster):
    """(name, how it was set, run, whether it takes long), as babe.peers()."""
    settings = {
        "company": "method := 'company'",
        "hierarchical": "method := 'hierarchical'; gold_sampling as the gold sentences were chosen",
    }
    own = [(f"muster {name}", set_so, muster_on_babe(muster, name), False) for name, set_so in settings.items()]
    return own + babe.peers()


def babe_tables(muster, drawings, few):
    """A table for each entry of BABE; methods that take long have `few` drawings."""
    header = [
        "method",
        "drawings",
        "coverage",
        "sd between drawings",
        "width / headcount",
        "interval score",
        "estimates / truth",
        "seconds",
    ]
    methods = babe_methods(muster)
    tables = []
    for shots, companies, sampling in BABE:
        frame = babe.sentences(shots, companies)
        measured = {name: [] for name, *_ in methods}
        seconds = {name: [] for name, *_ in methods}
        for seed in range(1, drawings + 1):
            drawing = babe.Drawing.of(frame, sampling, seed)
            # shared by some of the peers, so that its fit is in nobody's seconds
            _ = drawing.score
            for name, _, run, long in methods:
                # a sampler compiles for every company anew
                if long and (seed > few or (name == "quapy BayesianCC" and companies != "outlets")):
                    continue
                start = time.perf_counter()
                found = run(drawing)
                seconds[name].append(time.perf_counter() - start)
                measured[name].append(babe.measured(found, drawing))
        rows = []
        for name, *_ in methods:
            if measured[name]:
                m = pd.DataFrame(measured[name])
                rows.append([
                    name,
                    str(len(m)),
                    f"{m['coverage'].mean():.2f}",
                    f"{m['coverage'].std():.2f}" if len(m) > 1 else "",
                    f"{m['width'].mean():.3f}",
                    f"{m['score'].mean():.3f}",
                    f"{m['estimates'].sum() / m['truths'].sum():.2f}",
                    number(np.mean(seconds[name])),
                ])
        gold = "at random" if sampling == "at_random" else "by class"
        tables.append((f"{shots}-shot, {drawing.headcount.size} {companies}, gold {gold}", header, rows))
        print(f"{tables[-1][0]}\n\n{markdown(header, rows)}", flush=True)
    return tables, [(name, setting) for name, setting, *_ in methods]


def training_resamples():
    """What quapy's bootstrap of the training set does, in words."""
    features = np.arange(40).reshape(-1, 1) % 7
    boot = AggregativeBootstrap(ACC(classifier(), val_split=FOLDS, solver="exact-cc"), n_train_samples=2, n_test_samples=2)
    version = importlib.metadata.version("quapy")
    try:
        boot.fit(features, (features[:, 0] > 3).astype(int))
    except AttributeError as error:
        return (
            f"quapy {version} cannot resample its training set: `AggregativeBootstrap(n_train_samples=2)` raises an\n"
            f"AttributeError ({error}), so its bootstrap has no doubt about the\n"
            "classifier's error rates in it, and its intervals are short."
        )
    return f"quapy {version} resamples its training set where `n_train_samples` is above 1; it was left at 1."


# ---- the page --------------------------------------------------------------------------------------------------------

HEADINGS = {
    "labels": "Labels without a gold standard",
    "counts": "Experts by company",
    "babe": "Gold labels inside companies",
}


def number(seconds):
    return f"{seconds:.3f}" if seconds < 1 else f"{seconds:.1f}"


def markdown(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def listed(settings):
    return "".join(f"* **{name}**: {setting}\n" for name, setting in settings)


def labels_section(arguments, labels, by_hand):
    return f"""RTE: 800 pairs of sentences with 10 labels each by 164 workers. Bluebird: 108 images by 39 workers. The methods see labels only;
accuracy is the share labelled rightly, ties half.

{markdown(*labels[:2])}
{by_hand}
Settings:

{listed(labels[2])}"""


def counts_section(arguments, counts, by_hand):
    return f"""{arguments.studies} simulated studies (`simulate_profiles(companies := {arguments.companies}, max_observed := \
{arguments.max_observed}, drift := {arguments.drift:g})`,
seeds 1 to {arguments.studies}): six correlated annotators, 432 others and 153 experts gold, the truth known. The target is the number of
experts among the whole headcount; peers' shares and their limits are scaled to it. Relative error and width are divided by the
truth, or by 1 where it is 0. Intervals are meant to cover {LEVEL:.0%}; the gold people are shared by a study's companies, so
coverage differs between studies.

{markdown(*counts[:2])}
{by_hand}
{training_resamples()}

Settings:

{listed(counts[2])}"""


def babe_section(arguments, found, by_hand):
    tables, settings = found
    shown = "\n".join(f"### {title}\n\n{markdown(header, rows)}" for title, header, rows in tables)
    return f"""BABE (Spinde et al. 2021; `test/oracle/README.md`): sentences of news outlets that experts called biased or not, labelled by
six language models ({", ".join(babe.ANNOTATORS)}) without examples (zero-shot) or with four. {babe.GOLD} gold sentences
are drawn over all companies, at random or by class ({babe.GOLD_BIASED} biased); companies are the outlets with at least 90 sentences, or the
pairs of outlet and topic with at least 15. Everything is observed; counted are the biased sentences of a company. Interval score:
(upper - lower + 10 times what the truth lies outside) / headcount, mean over companies; less is better. All methods have the
same drawings; those that sample for every company anew have the first of them only. Seconds are without the classifier that
PPI and calibration share. All peers but the quantifiers take the gold sentences of a company for a random sample of it, which
those chosen by class are not.

{shown}
{by_hand}
Settings:

{listed(settings)}"""


def document(muster, sections):
    """The page: `sections` by name, each a function of the paragraphs written by hand; other sections and these paragraphs stay."""
    page = DOCUMENT.read_text(encoding="utf-8") if DOCUMENT.exists() else ""
    kept = dict(KEPT.findall(page))
    text = f"""# Comparison

Generated by `make compare`, which runs `benches/compare.py` in an environment of its own; no test and no other part of muster
needs it. Paragraphs between the comments "by hand" are kept, everything else is overwritten. One run on {os.cpu_count()} cores;
seconds hold for that machine only.

"""
    versions = [["muster", muster.version], *([package, importlib.metadata.version(package)] for package in PACKAGES)]
    text += markdown(["package", "version"], versions)
    for name, heading in HEADINGS.items():
        if name in sections:
            body = sections[name](f"<!-- by hand: {name} -->\n{kept.get(name, '')}<!-- end by hand -->\n")
        else:
            _, _, rest = page.partition(f"\n## {heading}\n\n")
            body = rest.partition("\n## ")[0]
        text += f"\n## {heading}\n\n{body.rstrip()}\n"
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--extension", required=True)
    parser.add_argument("--studies", type=int, default=12)
    parser.add_argument("--companies", type=int, default=60)
    parser.add_argument("--max-observed", type=int, default=1000)
    parser.add_argument("--drift", type=float, default=0.0)
    parser.add_argument("--drawings", type=int, default=20, help="of gold sentences of BABE")
    parser.add_argument("--few", type=int, default=3, help="drawings of the methods that take long")
    parser.add_argument("--only", nargs="+", choices=HEADINGS, default=list(HEADINGS), help="sections to write anew")
    parser.add_argument("--print-only", action="store_true", help="leave docs/comparison.md alone")
    arguments = parser.parse_args()
    # the peers warn of deprecations and of iterations that ran out; neither changes what is compared
    warnings.simplefilter("ignore")
    quapy.environ["N_JOBS"] = 1
    muster = Muster(arguments.extension)
    sections = {}
    if "labels" in arguments.only:
        labels = label_table(muster)
        print(markdown(*labels[:2]), flush=True)
        sections["labels"] = functools.partial(labels_section, arguments, labels)
    if "counts" in arguments.only:
        counts = count_table(muster, arguments.studies, arguments.companies, arguments.max_observed, arguments.drift)
        print(markdown(*counts[:2]), flush=True)
        sections["counts"] = functools.partial(counts_section, arguments, counts)
    if "babe" in arguments.only:
        sections["babe"] = functools.partial(babe_section, arguments, babe_tables(muster, arguments.drawings, arguments.few))
    if not arguments.print_only:
        DOCUMENT.write_text(document(muster, sections), encoding="utf-8")
        print(f"written to {DOCUMENT.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
