"""Write tfidf_keywords.json: the weights of scikit-learn's TfidfVectorizer on the CVs of keybert_keywords.json.

cases: options, vocabulary, and of each document the weights in the order of its terms (column, weight).

    python test/oracle/tfidf_keywords.py
"""

import json
import platform
from pathlib import Path

import cvs
import numpy
import sklearn
from sklearn.feature_extraction.text import TfidfVectorizer

CASES = [
    {"ngrams": (1, 1), "min_df": 1, "max_df": 1.0, "documents": 25},
    {"ngrams": (1, 4), "min_df": 2, "max_df": 0.85, "documents": 40},
    {"ngrams": (2, 3), "min_df": 0.02, "max_df": 30, "documents": 100},
]


def case(ngrams, min_df, max_df, documents):
    vectorizer = TfidfVectorizer(ngram_range=ngrams, min_df=min_df, max_df=max_df, stop_words="english")
    matrix = vectorizer.fit_transform(cvs.texts()[:documents]).toarray()
    rows = [[[int(j), float(row[j])] for j in numpy.flatnonzero(row)] for row in matrix]
    shown = {"ngram_min": ngrams[0], "ngram_max": ngrams[1], "min_df": min_df, "max_df": max_df, "documents": documents}
    return {**shown, "vocabulary": list(vectorizer.get_feature_names_out()), "rows": rows}


def main():
    versions = {"python": platform.python_version(), "scikit-learn": sklearn.__version__, "numpy": numpy.__version__}
    oracle = {"versions": versions, "cases": [case(**options) for options in CASES]}
    path = Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(oracle, ensure_ascii=False, separators=(",", ":")) + "\n")
    print(f"{path.name}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
