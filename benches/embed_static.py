"""Static embeddings: muster beside the Python package model2vec and beside all-MiniLM-L6-v2, in one run.

    PEERS/bin/python benches/embed_static.py --extension build/release/muster.duckdb_extension [--threads 2] [--texts 10000]

PEERS is an environment with benches/requirements-embed.txt. The static model has real size and no meaning: the table of words of
all-MiniLM-L6-v2, 30,522 tokens, 256 numbers each, written to a temporary folder. Phrases are those of benches/embed.py, CVs those
of test/oracle/cvs.py, a thousand a seed, their phrases of up to four words. Engines take turns and the best turn counts. muster is timed as a SQL statement.
"""

import argparse
import os
import random
import sys
import tempfile
import time
from pathlib import Path

PARSER = argparse.ArgumentParser(description=__doc__.splitlines()[0])
PARSER.add_argument("--extension", required=True)
PARSER.add_argument("--threads", type=int, default=2)
PARSER.add_argument("--turns", type=int, default=3)
PARSER.add_argument("--phrases", type=int, default=100_000)
PARSER.add_argument("--texts", type=int, default=10_000)
ARGS = PARSER.parse_args()
# read by the tokenizers when they are imported
os.environ["RAYON_NUM_THREADS"] = str(ARGS.threads)
os.environ["TOKENIZERS_PARALLELISM"] = "true"

import duckdb  # noqa: E402
import numpy  # noqa: E402
from model2vec import StaticModel  # noqa: E402
from safetensors.numpy import load_file  # noqa: E402
from tokenizers import Tokenizer  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
MINILM = ROOT / ".models" / "sentence-transformers" / "all-MiniLM-L6-v2"
sys.path.insert(0, str(ROOT / "test" / "oracle"))
import cvs  # noqa: E402

WORDS = sorted({word for text in cvs.texts(100) for word in text.lower().split() if word.isalpha()})


def make(folder):
    table = load_file(MINILM / "model.safetensors")["embeddings.word_embeddings.weight"]
    tokenizer = Tokenizer.from_file(str(MINILM / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    config = {"model_type": "model2vec"}
    StaticModel(table[:, :256].astype(numpy.float32), tokenizer, config, normalize=True).save_pretrained(folder)
    return StaticModel.from_pretrained(folder)


def phrases(n, rng):
    return [" ".join(rng.sample(WORDS, rng.randint(2, 4))) for _ in range(n)]


def timed(work):
    clock, processor = time.perf_counter(), time.process_time()
    result = work()
    return result, (time.perf_counter() - clock, time.process_time() - processor)


def show(what, n, unit, times, reference=None):
    """The best turn; `reference` is the best of another engine, a text."""
    best = [min(column) for column in zip(*times)]
    ratio = "" if reference is None else f", {reference[0] * n / best[0]:.1f} times as fast, {reference[1] * n / best[1]:.1f} by the processor"
    print(f"{what:<36}{best[0]:7.2f} s, {best[1]:7.2f} s of the processors, {n / best[0]:9,.0f} {unit}/s{ratio}", flush=True)
    return [seconds / n for seconds in best]


def main():
    connection = duckdb.connect(config={"allow_unsigned_extensions": "true", "threads": ARGS.threads})
    connection.execute(f"LOAD '{ARGS.extension}'")
    rng = random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        peer = make(folder)

        def embed(model, texts):
            connection.execute("CREATE OR REPLACE TEMP TABLE texts AS SELECT unnest(?) AS text", [texts])
            statement = f"CREATE OR REPLACE TEMP TABLE vectors AS SELECT muster.embed(text, model := '{model}') AS vector FROM texts"
            _, times = timed(lambda: connection.execute(statement))
            return connection.execute("FROM vectors").fetchnumpy()["vector"], times

        few = ARGS.phrases // 50
        times = {"static": [], "model2vec": [], "minilm": []}
        for turn in range(ARGS.turns + 1):
            texts = phrases(ARGS.phrases, rng)
            vectors, own = embed(folder, texts)
            expected, theirs = timed(lambda: peer.encode(texts))
            _, slow = embed(MINILM, phrases(few, rng))
            assert abs(numpy.stack(list(vectors)) - expected).max() < 1e-6
            if turn:  # the first is for warming up
                for name, seconds in (("static", own), ("model2vec", theirs), ("minilm", slow)):
                    times[name].append(seconds)
        minilm = show(f"MiniLM, {few:,} phrases", few, "phrases", times["minilm"])
        theirs = show(f"model2vec, {ARGS.phrases:,} phrases", ARGS.phrases, "phrases", times["model2vec"], minilm)
        show("muster, static, against MiniLM", ARGS.phrases, "phrases", times["static"], minilm)
        show("muster, static, against model2vec", ARGS.phrases, "phrases", times["static"], theirs)

        def keywords(model, first, n):
            rows = []
            for seed in range(-(-n // 1000)):
                some = cvs.texts(min(1000, n - 1000 * seed), first + seed)
                rows += [(1000 * seed + i, text) for i, text in enumerate(some)]
            connection.execute("CREATE OR REPLACE TEMP TABLE docs (profile_id INTEGER, body VARCHAR)")
            ids, texts = zip(*rows)
            connection.execute("INSERT INTO docs SELECT unnest(?), unnest(?)", [list(ids), list(texts)])
            sql = f"SELECT count(*) FROM muster.keybert_keywords(docs, body, model := '{model}')"
            return timed(lambda: connection.execute(sql).fetchone())

        few = max(1, ARGS.texts // 100)
        _, slow = keywords(MINILM, 1000, few)
        found, own = keywords(folder, 0, ARGS.texts)
        minilm = show(f"MiniLM, keywords of {few:,} CVs", few, "CVs", [slow])
        show(f"static, keywords of {ARGS.texts:,} CVs", ARGS.texts, "CVs", [own], minilm)
        print(f"{found[0]:,} keywords")


if __name__ == "__main__":
    main()
