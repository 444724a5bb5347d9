"""Discriminative keywords by scikit-learn and scipy, log-odds by their formula: `discriminative.json`.

Counts and tf-idf weights are CountVectorizer's and TfidfVectorizer's, p-values scipy's fisher_exact, adjusted p-values its
false_discovery_control. Shares and log-odds (Monroe, Colaresi & Quinn 2008) are written out keyword by keyword.
Three cases: 60 of the sample CVs by rate and raw, and made texts of three classes. All terms are kept, since scikit-learn cuts
ties at max_features by chance.

    python test/oracle/discriminative.py
"""

import csv
import json
import math
import platform
import random
from pathlib import Path

import numpy
import scipy
import sklearn
from scipy.stats import false_discovery_control, fisher_exact
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

ROOT = Path(__file__).resolve().parent.parent.parent


def keywords(documents, settings):
    """One row a class and keyword that occurs in it: label, keyword, n_documents, shares, score, log-odds, z, p, q."""
    labels, texts = zip(*documents)
    options = dict(ngram_range=(1, settings["ngram_max"]), min_df=2, max_df=0.85, stop_words="english")
    vectorizer = CountVectorizer(**options)
    counts = vectorizer.fit_transform(texts).toarray()
    weights = TfidfVectorizer(**options).fit_transform(texts).toarray()
    vocabulary = vectorizer.get_feature_names_out()
    classes = sorted(set(labels))
    member = {c: numpy.array([label == c for label in labels]) for c in classes}
    rows = []
    for c in classes:
        own, rest = counts[member[c]], counts[~member[c]]
        of_class = []
        for k, keyword in enumerate(vocabulary):
            hits = int((own[:, k] > 0).sum())
            if not hits:
                continue
            size = lambda j: 1 if settings["counts"] == "raw" else member[j].sum()
            frequencies = {j: (counts[member[j]][:, k] > 0).sum() / size(j) for j in classes}
            tfidf = {j: weights[member[j]][:, k].mean() for j in classes}
            frequency_share = frequencies[c] / sum(frequencies.values())
            tfidf_share = tfidf[c] / (tfidf[c] + numpy.mean([tfidf[j] for j in classes if j != c]))
            a0 = settings["prior"]
            a = a0 * counts[:, k].sum() / counts.sum()
            y, n, yo, no = own[:, k].sum(), own.sum(), rest[:, k].sum(), rest.sum()
            delta = math.log((y + a) / (n + a0 - y - a)) - math.log((yo + a) / (no + a0 - yo - a))
            z = delta / math.sqrt(1 / (y + a) + 1 / (yo + a))
            others = int((rest[:, k] > 0).sum())
            table = [[hits, len(own) - hits], [others, len(rest) - others]]
            p = fisher_exact(table, alternative="greater").pvalue
            score = (frequency_share + tfidf_share) / 2
            of_class.append([c, str(keyword), hits, frequency_share, tfidf_share, score, delta, z, p])
        adjusted = false_discovery_control([row[-1] for row in of_class])
        rows += [row + [q] for row, q in zip(of_class, adjusted)]
    return [row[:3] + [float(f"{float(x):.12g}") for x in row[3:]] for row in rows]


def sample_cvs():
    with open(ROOT / "data" / "profiles.csv", newline="") as file:
        truth = {row["profile_id"]: row["is_expert"] for row in csv.DictReader(file) if row["is_expert"]}
    with open(ROOT / "data" / "cvs.csv", newline="") as file:
        cvs = [(truth[row["profile_id"]], row["text"]) for row in csv.DictReader(file)]
    return [cv for cv in cvs if cv[0] == "true"][:20] + [cv for cv in cvs if cv[0] == "false"][:40]


def made_texts():
    """Three classes of 5, 12 and 20 texts over words that they use differently."""
    rng = random.Random(4)
    words = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "the", "of", "eta", "Straße", "naïve", "42"]
    documents = []
    for c, (label, size) in enumerate([("a", 5), ("b b", 12), ("ç", 20)]):
        for _ in range(size):
            weights = [1 + 4 * (i % 3 == c) for i in range(len(words))]
            documents.append((label, " ".join(rng.choices(words, weights, k=rng.randint(1, 12)))))
    rng.shuffle(documents)
    return documents


def main():
    cases = []
    for documents, settings in [
        (sample_cvs(), {"ngram_max": 2, "counts": "rate", "prior": 500}),
        (sample_cvs(), {"ngram_max": 1, "counts": "raw", "prior": 50}),
        (made_texts(), {"ngram_max": 4, "counts": "rate", "prior": 7.5}),
    ]:
        cases.append({"settings": settings, "documents": documents, "rows": keywords(documents, settings)})
        print(len(documents), "texts,", len(cases[-1]["rows"]), "rows")
    out = {
        "source": "test/oracle/discriminative.py",
        "versions": {
            "python": platform.python_version(),
            "numpy": numpy.__version__,
            "scipy": scipy.__version__,
            "scikit-learn": sklearn.__version__,
        },
        "cases": cases,
    }
    Path(__file__).with_suffix(".json").write_text(json.dumps(out, separators=(",", ":"), ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
