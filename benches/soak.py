"""Thousands of mixed statements over many connections of one process: are results right, and does memory stay?

    .venv/bin/python benches/soak.py --extension build/release/muster.duckdb_extension [--statements 10000] [--connections 16]

Estimates, diagnostics, filters, vectors, keywords, plots, lineage, simulations, answers of language models by the server of the
tests, and bad input, drawn by a fixed seed. Each distinct statement is first run alone on one thread; whatever runs later must
give the same rows, byte by byte, or the same error. Ends with status 1 where one does not, where a statement fails that should not,
or where resident memory grows over the second half by more than SLOPE. The annotations have new texts in each tenth of the run, so
that some are asked and most come from the store.
"""

import argparse
import hashlib
import queue
import random
import sys
import threading
import time
from pathlib import Path

import duckdb

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "test"))
from mock import language_models  # noqa: E402

SEED = 20260
# bytes a statement by which resident memory may grow: five times the error that the slope has by the allocator's ups and downs
SLOPE = 6144
# fewer statements than this say nothing of memory
ENOUGH = 2000

SETUP = [
    "CREATE TABLE profiles AS FROM muster.simulate_profiles(companies := 4, max_observed := 60)",
    "CREATE TABLE ratings AS FROM muster.simulate_ratings(companies := 4, max_observed := 60)",
    "CREATE TABLE docs AS SELECT i AS profile_id, i % 2 = 0 AS label, "
    "'Person ' || i || ' built ' || ['PyTorch models', 'dashboards in SQL', 'wooden boats'][1 + i % 3] AS text FROM range(30) t(i)",
    "CREATE TABLE names AS SELECT 'Office ' || i || ' of Harrow & Finch, Inc., Erlangen, Germany' AS name FROM range(30) t(i)",
    "CREATE TABLE script AS SELECT string_agg('CREATE TABLE t' || (i + 1) || ' AS SELECT a.* FROM t' || i || ' AS a', '; ') AS sql FROM range(20) t(i)",
    "CREATE TABLE made AS SELECT 't' || i AS source, 't' || (i + 1) AS target, 'view' AS kind FROM range(12) t(i)",
]

TINY = ROOT / "test" / "oracle" / "tiny_bert"
# `{}` is a number from 1 to 5, the seed of what is random
GOOD = [
    "FROM muster.fit_probit_bootstrap(ratings, profiles, company, is_expert, draws := 20, seed := {})",
    "FROM muster.probit_model(ratings, profiles, is_expert)",
    "FROM muster.rogan_gladen(ratings, profiles, is_expert)",
    "FROM muster.dawid_skene(ratings)",
    "FROM muster.majority_vote(ratings)",
    "FROM muster.annotator_metrics(ratings, profiles, is_expert)",
    "FROM muster.annotator_correlations(ratings, profiles, is_expert)",
    "FROM muster.check_inputs(profiles, ratings, company := company, truth := is_expert)",
    "FROM muster.covariance_diagnostic(ratings, profiles, company, is_expert)",
    "FROM muster.posterior_predictive_check(ratings, profiles, company, is_expert, draws := 20, seed := {})",
    "FROM muster.keyword_filter(docs, text, [{annotator: 'a', any_of: ['pytorch', 'regex:sql\\b'], none_of: ['boats']}])",
    "FROM muster.filter_affiliations(names, name)",
    f"SELECT muster.embed(text || {{}}, model := '{TINY}') FROM docs",
    "FROM muster.tfidf_keywords(docs, text)",
    "FROM muster.discriminative_keywords(docs, text, label)",
    "FROM muster.plot_lineage(made)",
    "FROM muster.lineage((SELECT sql FROM script))",
    "FROM muster.simulate_ratings(companies := 3, max_observed := 40, seed := {})",
    "FROM muster.simulate_profiles(companies := 3, max_observed := 40, seed := {})",
    "SELECT muster.tetrachoric(40 + {}, 10, 20, 30)",
]
# the texts are new in each tenth of the run
ANNOTATE = (
    "WITH new AS (SELECT profile_id, text || ' {} {tenth}' AS text FROM docs) "
    "SELECT profile_id, annotator, label FROM muster.llm_annotate(new, text, 'openai-compatible:llama')"
)
BAD = [
    "FROM muster.fit_probit_bootstrap(ratings, profiles, company, is_expert, draws := -{})",
    "FROM muster.dawid_skene(no_such_relation)",
    "FROM muster.keyword_filter(docs, text, [{annotator: 'a', any_of: ['regex:(']}])",
    "SELECT muster.embed('a text', model := '/nowhere/{}')",
    "FROM muster.llm_annotate(docs, text, 'nobody:model')",
    "FROM muster.llm_annotate(docs, text, 'openai-compatible:llama', concurrency := -{})",
    "SELECT muster.tetrachoric(-1, 0, 0, {})",
]


def statements(count):
    """The statements of a run, and of each whether it is to fail."""
    chance = random.Random(SEED)
    drawn = []
    for at in range(count):
        number = 1 + chance.randrange(5)
        kind = chance.random()
        if kind < 0.1:
            text = ANNOTATE.replace("{tenth}", str(10 * at // count))
        else:
            text = chance.choice(BAD if kind < 0.2 else GOOD)
        drawn.append((text.replace("{}", str(number)), 0.1 <= kind < 0.2))
    return drawn


def outcome(connection, sql):
    """Whether a statement failed, and a digest of its rows or of its error."""
    failed = False
    try:
        result = repr(sorted(map(repr, connection.execute(sql).fetchall())))
    except duckdb.Error as error:
        failed, result = True, f"{type(error).__name__}: {error}"
    return failed, hashlib.sha256(result.encode()).hexdigest(), result[:300]


def resident():
    """Resident memory of this process, in KiB."""
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmRSS"))


def slope(points):
    """Least squares of the second of each pair on the first."""
    n = len(points)
    mean = [sum(point[axis] for point in points) / n for axis in (0, 1)]
    return sum((x - mean[0]) * (y - mean[1]) for x, y in points) / sum((x - mean[0]) ** 2 for x, _ in points)


class Soak:
    def __init__(self, extension):
        self.connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
        self.connection.execute("SET enable_progress_bar = false")
        self.connection.execute(f"LOAD '{extension}'")
        for sql in SETUP:
            self.connection.execute(sql)
        self.expected, self.faults, self.memory = {}, [], []
        self.done = self.failed = 0
        self.lock = threading.Lock()

    def check(self, sql, to_fail, failed, digest, result):
        if failed != to_fail:
            self.faults.append(f"{'failed' if failed else 'did not fail'}: {sql}: {result}")
        elif self.expected.setdefault(sql, digest) != digest:
            self.faults.append(f"another result: {sql}: {result}")

    def alone(self, drawn):
        """Each distinct statement, on one thread."""
        self.connection.execute("SET threads = 1")
        for sql, to_fail in sorted(set(drawn)):
            # annotations are asked by the run itself
            if "llm_annotate" not in sql:
                self.check(sql, to_fail, *outcome(self.connection, sql))
        self.connection.execute("RESET threads")

    def work(self, waiting, every):
        connection = self.connection.cursor()
        while True:
            try:
                sql, to_fail = waiting.get_nowait()
            except queue.Empty:
                return connection.close()
            result = outcome(connection, sql)
            with self.lock:
                self.check(sql, to_fail, *result)
                self.done += 1
                self.failed += result[0]
                if self.done % every == 0:
                    self.memory.append((self.done, resident()))

    def run(self, drawn, connections):
        self.alone(drawn)
        waiting = queue.SimpleQueue()
        for statement in drawn:
            waiting.put(statement)
        every = max(1, len(drawn) // 100)
        workers = [threading.Thread(target=self.work, args=(waiting, every)) for _ in range(connections)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--extension", type=Path, required=True)
    parser.add_argument("--statements", type=int, default=10_000)
    parser.add_argument("--connections", type=int, default=16)
    args = parser.parse_args()
    drawn = statements(args.statements)
    with language_models() as mock:
        soak = Soak(args.extension.resolve())
        start = time.perf_counter()
        soak.run(drawn, args.connections)
        seconds = time.perf_counter() - start
        asked = mock.stats()["requests"]
    to_fail = sum(fails for _, fails in drawn)
    print(f"{soak.done:,} statements, {len(soak.expected)} of them distinct, over {args.connections} connections in {seconds:.0f} s; "
          f"{asked:,} requests")  # fmt: skip
    print(f"errors: {soak.failed:,} of {to_fail:,} expected; wrong results and unexpected errors: {len(soak.faults)}")
    for fault in soak.faults[:20]:
        print(f"  {fault}")
    grows = False
    if args.statements >= ENOUGH:
        print("resident, MiB: " + ", ".join(f"{at:,}: {kib / 1024:.0f}" for at, kib in soak.memory[9::10]))
        growth = 1024 * slope(soak.memory[len(soak.memory) // 2 :])
        grows = growth > SLOPE
        print(f"growth over the second half: {growth:.0f} bytes a statement; at most {SLOPE:,} are allowed")
    return 1 if soak.faults or grows or soak.done != len(drawn) else 0


if __name__ == "__main__":
    sys.exit(main())
