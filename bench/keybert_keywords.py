"""KeyBERT in Python and keybert_keywords side by side on the same texts, two threads each.

    PEERS/bin/python bench/keybert_keywords.py --extension build/release/muster.duckdb_extension [--ngram-max 2] [--texts 100]
    .venv/bin/python bench/keybert_keywords.py --extension … --memory 10000

PEERS is an environment with bench/requirements-keybert.txt. Prints seconds (median of the repeats, model loaded), their ratio, and how many of the
ordered lists agree. Each of muster's runs is a process of its own, so that nothing is remembered. With --memory the peak memory
of a process that finds keywords of so many texts is printed instead. Nothing is asserted: shared machines are noisy.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODEL = ROOT / ".models" / "sentence-transformers" / "all-MiniLM-L6-v2"
THREADS = 2
sys.path.insert(0, str(ROOT / "test" / "oracle"))
import cvs  # noqa: E402


def connect(extension):
    import duckdb

    connection = duckdb.connect(config={"allow_unsigned_extensions": "true", "threads": THREADS})
    connection.execute(f"LOAD '{extension}'")
    return connection


def muster(extension, n, ngram_max):
    """(seconds, ordered keywords of each text); the model is loaded before."""
    connection = connect(extension)
    connection.execute("CREATE TABLE docs (profile_id INTEGER, body VARCHAR)")
    connection.executemany("INSERT INTO docs VALUES (?, ?)", list(enumerate(cvs.texts(n))))
    call = f"muster.keybert_keywords(docs, body, model := '{MODEL}', ngram_max := {ngram_max})"
    connection.execute("CREATE TABLE one AS SELECT 0 AS profile_id, 'warm' AS body")
    connection.execute(f"FROM {call.replace('docs', 'one')}").fetchall()
    start = time.perf_counter()
    rows = connection.execute(f"FROM {call}").fetchall()
    seconds = time.perf_counter() - start
    keywords = [[] for _ in range(n)]
    for profile, _, keyword, _ in rows:
        keywords[profile].append(keyword)
    return seconds, keywords


def peer(texts, ngram_max, repeats):
    import torch
    from keybert import KeyBERT
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(THREADS)
    model = KeyBERT(SentenceTransformer(str(MODEL), device="cpu"))
    options = {"keyphrase_ngram_range": (1, ngram_max), "use_mmr": True, "diversity": 0.5, "top_n": 30}
    model.extract_keywords(["warm up"], **options)
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        keywords = model.extract_keywords(texts, **options)
        times.append(time.perf_counter() - start)
    return times, [[term for term, _ in document] for document in keywords]


def memory(extension, n):
    connection = connect(extension)
    connection.execute("CREATE TABLE docs (profile_id INTEGER, body VARCHAR)")
    # the texts of one seed are much alike: several seeds
    for seed in range(-(-n // 1000)):
        rows = [(1000 * seed + i, text) for i, text in enumerate(cvs.texts(min(1000, n - 1000 * seed), seed))]
        connection.executemany("INSERT INTO docs VALUES (?, ?)", rows)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    start = time.perf_counter()
    sql = f"SELECT count(*), count(DISTINCT keyword) FROM muster.keybert_keywords(docs, body, model := '{MODEL}')"
    keywords, distinct = connection.execute(sql).fetchone()
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{n:,} texts, phrases of up to four words: {keywords:,} keywords, {distinct:,} distinct, {seconds:.0f} s")
    print(f"peak memory of the process {peak:,.0f} MiB, {before:,.0f} MiB before the statement")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--extension", required=True)
    parser.add_argument("--texts", type=int, default=100)
    parser.add_argument("--ngram-max", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--memory", type=int, help="texts of the memory run")
    parser.add_argument("--once", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--python", default=sys.executable, help="the interpreter that runs DuckDB")
    args = parser.parse_args()
    if args.memory:
        memory(args.extension, args.memory)
        return
    if args.once:
        print(json.dumps(muster(args.extension, args.texts, args.ngram_max)))
        return
    texts = cvs.texts(args.texts)
    theirs, expected = peer(texts, args.ngram_max, args.repeats)
    command = [args.python, __file__, "--once", "--extension", args.extension]
    command += ["--texts", str(args.texts), "--ngram-max", str(args.ngram_max)]
    runs = []
    for _ in range(args.repeats):
        done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "MUSTER_PROGRESS": "0"})
        runs.append(json.loads(done.stdout))
    ours, found = [run[0] for run in runs], runs[0][1]
    same = sum(a == b for a, b in zip(expected, found))
    shown = lambda times: f"{statistics.median(times):6.2f} s  ({', '.join(f'{t:.2f}' for t in times)})"  # noqa: E731
    print(f"{args.texts} texts, phrases of 1 to {args.ngram_max} words, top 30, diversity .5, {THREADS} threads")
    print(f"  KeyBERT           {shown(theirs)}")
    print(f"  keybert_keywords  {shown(ours)}")
    print(f"  {statistics.median(theirs) / statistics.median(ours):.2f} times as fast; {same} of {len(texts)} ordered lists are the same")


if __name__ == "__main__":
    main()
