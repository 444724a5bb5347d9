"""KeyBERT in Python and keybert_keywords side by side on the same texts, two threads each.

    PEERS/bin/python benches/keybert_keywords.py --extension build/release/muster.duckdb_extension [--ngram-max 2] [--texts 100]
    .venv/bin/python benches/keybert_keywords.py --extension … --memory 10000

PEERS is an environment with benches/requirements-embed.txt. Prints seconds of both, turn by turn with the model loaded, the median of
their ratios, and how many of the ordered lists agree. Each of muster's runs is a process of its own, so that nothing is remembered. With --memory the peak memory
of a process that finds keywords of so many texts is printed instead. Nothing is asserted: shared machines are noisy.
"""

import argparse
import json
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


class Stopwatch:
    """Seconds of the clock and of the processors."""

    def __enter__(self):
        self.start = (time.perf_counter(), time.process_time())
        return self

    def __exit__(self, *_):
        self.times = (time.perf_counter() - self.start[0], time.process_time() - self.start[1])


def connect(extension):
    import duckdb

    connection = duckdb.connect(config={"allow_unsigned_extensions": "true", "threads": THREADS})
    connection.execute(f"LOAD '{extension}'")
    return connection


def muster(extension, n, ngram_max):
    """(times, ordered keywords of each text); the model is loaded before."""
    connection = connect(extension)
    connection.execute("CREATE TABLE docs (profile_id INTEGER, body VARCHAR)")
    connection.executemany("INSERT INTO docs VALUES (?, ?)", list(enumerate(cvs.texts(n))))
    call = f"muster.keybert_keywords(docs, body, model := '{MODEL}', ngram_max := {ngram_max})"
    connection.execute("CREATE TABLE one AS SELECT 0 AS profile_id, 'warm' AS body")
    connection.execute(f"FROM {call.replace('docs', 'one')}").fetchall()
    with Stopwatch() as watch:
        rows = connection.execute(f"FROM {call}").fetchall()
    keywords = [[] for _ in range(n)]
    for profile, _, keyword, _ in rows:
        keywords[profile].append(keyword)
    return watch.times, keywords


class Peer:
    def __init__(self, ngram_max):
        import torch
        from keybert import KeyBERT
        from sentence_transformers import SentenceTransformer

        torch.set_num_threads(THREADS)
        self.model = KeyBERT(SentenceTransformer(str(MODEL), device="cpu"))
        self.options = {"keyphrase_ngram_range": (1, ngram_max), "use_mmr": True, "diversity": 0.5, "top_n": 30}
        self.model.extract_keywords(["warm up"], **self.options)

    def run(self, texts):
        with Stopwatch() as watch:
            keywords = self.model.extract_keywords(texts, **self.options)
        return watch.times, [[term for term, _ in document] for document in keywords]


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
    texts, peer = cvs.texts(args.texts), Peer(args.ngram_max)
    command = [args.python, __file__, "--once", "--extension", args.extension]
    command += ["--texts", str(args.texts), "--ngram-max", str(args.ngram_max)]
    theirs, ours = [], []
    # turn by turn, so that what else the machine does falls on both
    for _ in range(args.repeats):
        times, expected = peer.run(texts)
        theirs.append(times)
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        times, found = json.loads(done.stdout)
        ours.append(times)
    same = sum(a == b for a, b in zip(expected, found))
    print(f"{args.texts} texts, phrases of 1 to {args.ngram_max} words, top 30, diversity .5, {THREADS} threads")
    for at, what in enumerate(("seconds", "seconds of the processors")):
        a, b = ([times[at] for times in runs] for runs in (theirs, ours))
        ratio = statistics.median(x / y for x, y in zip(a, b))
        shown = ["/".join(f"{t:.2f}" for t in times) for times in (a, b)]
        print(f"  {what:<26}KeyBERT {shown[0]}, keybert_keywords {shown[1]}: {ratio:.2f} times as fast")
    print(f"  {same} of {len(texts)} ordered lists are the same")


if __name__ == "__main__":
    main()
