"""Write keybert_keywords.json: keywords of one hundred made CVs by KeyBERT with sentence-transformers/all-MiniLM-L6-v2.

texts       the CVs of cvs.py
cases       options, and of each document its keywords in order with ten thousand times their scores. 'maxsum' comes from KeyBERT
            with the lowest score first; the order is reversed here
selection   random unit vectors (text, candidates) and what KeyBERT's own functions select from them: (candidate, score)

    python test/oracle/keybert_keywords.py .models/sentence-transformers/all-MiniLM-L6-v2
"""

import json
import platform
import sys
from pathlib import Path

import cvs
import keybert
import numpy
import sentence_transformers
import sklearn
import torch
from keybert import KeyBERT
from keybert._maxsum import max_sum_distance
from keybert._mmr import mmr
from sentence_transformers import SentenceTransformer
from sklearn.metrics.pairwise import cosine_similarity

SEEDS = ["machine learning research", "neural networks"]
CANDIDATES = ["machine learning", "sales manager", "neural networks", "patient education", "engineer", "python", "teacher",
              "clinical trials", "open source", "lead generation", "economics", "computer science", "free time"]


def found(model, texts, ngrams, embeddings=None, **options):
    given = {} if embeddings is None else dict(zip(("doc_embeddings", "word_embeddings"), embeddings))
    keywords = model.extract_keywords(texts, keyphrase_ngram_range=ngrams, **given, **options)
    if options.get("use_maxsum"):
        keywords = [list(reversed(document)) for document in keywords]
    return [[[term, round(score * 1e4)] for term, score in document] for document in keywords]


def cases(model, texts):
    made = []

    def add(method, ngrams, top_n, documents, **more):
        shown = {"method": method, "ngram_min": ngrams[0], "ngram_max": ngrams[1], "top_n": top_n, "documents": documents}
        options = {"plain": {}, "mmr": {"use_mmr": True, "diversity": more.pop("diversity", 0.5)}, "maxsum": {"use_maxsum": True, "nr_candidates": 20}}
        options = options[method]
        plain = {key: value for key, value in options.items() if not key.startswith("use_")}
        extra = {key: value for key, value in more.items() if key != "embeddings"}
        keywords = found(model, texts[:documents], ngrams, top_n=top_n, **options, **more)
        made.append({**shown, **plain, **extra, "keywords": keywords})
        print(shown, flush=True)

    for longest in (1, 2, 3, 4):
        ngrams = (1, longest)
        embeddings = model.extract_embeddings(texts, keyphrase_ngram_range=ngrams)
        for method in ("plain", "mmr"):
            add(method, ngrams, 30, 100, embeddings=embeddings)
    add("mmr", (2, 3), 10, 20, diversity=0.7)
    add("mmr", (1, 2), 10, 20, diversity=0.0)
    add("maxsum", (1, 2), 5, 20)
    add("plain", (1, 2), 10, 20, seed_keywords=SEEDS)
    add("mmr", (1, 2), 10, 20, seed_keywords=SEEDS)
    add("plain", (1, 2), 10, 100, candidates=CANDIDATES)
    add("mmr", (1, 2), 5, 100, candidates=CANDIDATES)
    return made


def selection():
    generator = numpy.random.default_rng(5)
    made = []
    for n, dimensions, top_n in [(1, 8, 3), (2, 8, 2), (9, 8, 4), (14, 6, 5), (20, 16, 10), (30, 24, 30), (40, 12, 12)]:
        candidates = generator.normal(size=(n, dimensions)).astype(numpy.float32)
        text = (candidates.mean(axis=0) + generator.normal(size=dimensions) / 4).astype(numpy.float32)
        names = [str(i) for i in range(n)]
        row = text.reshape(1, -1)
        # as in KeyBERT.extract_keywords
        distances = cosine_similarity(row, candidates)
        plain = [(names[i], round(float(distances[0][i]), 4)) for i in distances.argsort()[0][-top_n:]][::-1]
        results = {"plain": plain}
        for diversity in (0.0, 0.3, 0.5, 0.8, 1.0):
            results[f"mmr {diversity}"] = mmr(row, candidates, names, top_n, diversity)
        if n >= top_n and n <= 20:
            for nr_candidates in (top_n, top_n + 2, 20):
                results[f"maxsum {nr_candidates}"] = max_sum_distance(row, candidates, names, top_n, nr_candidates)[::-1]
        made.append({
            "text": [float(x) for x in text],
            "candidates": [[float(x) for x in line] for line in candidates],
            "top_n": top_n,
            "results": {name: [[int(term), score] for term, score in result] for name, result in results.items()},
        })
    return made


def main():
    texts = cvs.texts()
    model = KeyBERT(SentenceTransformer(sys.argv[1], device="cpu"))
    modules = (keybert, sentence_transformers, sklearn, torch, numpy)
    oracle = {
        "versions": {"python": platform.python_version(), **{module.__name__: module.__version__ for module in modules}},
        "texts": texts,
        "cases": cases(model, texts),
        "selection": selection(),
    }
    path = Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(oracle, ensure_ascii=False, separators=(",", ":")) + "\n")
    print(f"{path.name}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
