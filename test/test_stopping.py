"""Ctrl-C, fork, limits of memory and of sizes: what ends a call, and what it leaves behind.

    python test/test_stopping.py --extension build/release/muster.duckdb_extension [-v] [names of tests]

No time is asserted. A call that is interrupted says so; one that is not would run for as long as the guard of its process.
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from mock import Mock, environment_without_keys  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
EXTENSION = ROOT / "build" / "release" / "muster.duckdb_extension"
# the program itself: the one in bin is a script that ends it at an interrupt
CLI = next(ROOT.glob(".venv-1.5/lib/python3*/site-packages/duckdb_cli/duckdb"), Path("duckdb"))
# seconds after which a process counts as one that hangs
GUARD = 60

# A process that runs statements. As soon as one has listened for Ctrl-C for a while, it sends itself SIGINT.
CHILD = """
import ctypes, json, os, signal, sys, threading, time
import duckdb

libc = ctypes.CDLL(None, use_errno=True)


def disposition():
    '''The disposition of SIGINT as the system keeps it: handler, the mask's first signals, flags.'''
    action = ctypes.create_string_buffer(256)
    assert libc.sigaction(signal.SIGINT, None, action) == 0
    # on Linux the flags stand behind 1,024 signals, elsewhere behind the mask
    return action.raw[:16] + action.raw[136:140]


heard = []
extension, setup, statements, host = json.loads(sys.argv[1])
if host == "own":
    signal.signal(signal.SIGINT, lambda *_: heard.append(1))
elif host == "none":
    signal.signal(signal.SIGINT, signal.SIG_DFL)
own, found = signal.getsignal(signal.SIGINT), disposition()

connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
connection.execute("SET enable_progress_bar = false")
connection.execute(f"LOAD '{extension}'")
for statement in setup:
    connection.execute(statement)


def interrupt(over):
    '''Interrupts once a kernel has listened for a fifth of a second on end.'''
    listening = 0
    while not over.wait(0.01):
        listening = listening + 1 if disposition() != found else 0
        if listening == 20:
            print("interrupted", file=sys.stderr, flush=True)
            connection.interrupt() if host == "connection" else os.kill(os.getpid(), signal.SIGINT)
            return


for statement in statements:
    over, result = threading.Event(), None
    watcher = threading.Thread(target=interrupt, args=(over,))
    heard.clear()
    watcher.start()
    try:
        try:
            result = connection.execute(statement).fetchall()[:1]
        except Exception as error:
            result = f"{type(error).__name__}: {error}"
        time.sleep(0.01)  # Python's own exception comes as soon as it runs again, behind or for DuckDB's
    except KeyboardInterrupt:
        result = result or "KeyboardInterrupt"
    over.set()
    watcher.join()
    kept = signal.getsignal(signal.SIGINT) is own and disposition() == found
    after = connection.execute("SELECT muster.tetrachoric(40, 10, 20, 30) > 0").fetchone()[0]
    print(json.dumps([result, len(heard), kept, after], default=str), flush=True)
"""

# Relations that the statements below read, and how they are made.
SETUP = {
    **{
        name: f"CREATE TABLE {name} AS FROM muster.simulate_{name}(companies := 400, max_observed := 200)"
        for name in ("profiles", "ratings")
    },
    # gold people in companies
    "known": "CREATE TABLE known AS SELECT * REPLACE (profile_id % 5 = 0 AS is_expert) FROM profiles WHERE company IS NOT NULL",
    "docs": """
        CREATE TABLE docs AS
        SELECT i AS profile_id, i % 2 = 0 AS label, string_agg(hash(k, i) % 5000, ' ') AS text, count(*) AS n
        FROM range(40000) t(i), range(60) s(k) GROUP BY i
    """,
    "names": "CREATE TABLE names AS SELECT 'Office ' || i || ' of Harrow & Finch, Inc., Erlangen, Germany' AS name FROM range(100000) t(i)",
    "made": "CREATE TABLE made AS SELECT 't' || i AS source, 't' || k AS target, 'view' AS kind FROM range(400) t(i), range(400) s(k) WHERE i < k",
    "script": "CREATE TABLE script AS SELECT string_agg('CREATE TABLE t' || (i + 1) || ' AS SELECT a.* FROM t' || i || ' AS a', '; ') AS sql FROM range(40000) t(i)",
}

# The functions with long kernels: a statement each that takes much longer than a test may.
FILTERS = ", ".join(f"{{annotator: 'a{i}', any_of: ['regex:[{i % 10}5]\\w+ 7\\w+ {i}']}}" for i in range(300))
STUDY = "ratings, profiles, company, is_expert"
LONG = {
    "fit_probit_bootstrap": f"FROM muster.fit_probit_bootstrap({STUDY}, draws := 100000)",
    "prior_sensitivity": f"FROM muster.prior_sensitivity({STUDY}, draws := 50000)",
    "posterior_predictive_check": f"FROM muster.posterior_predictive_check({STUDY}, draws := 10000)",
    "drift_summary": "FROM muster.drift_summary(ratings, known, company, is_expert, permutations := 99999)",
    "dawid_skene": "FROM muster.dawid_skene(ratings, max_iterations := 100000, tolerance := 0)",
    "simulate_ratings": "FROM muster.simulate_ratings(companies := 100000)",
    "simulate_profiles": "FROM muster.simulate_profiles(companies := 100000)",
    "embed": "SELECT muster.embed(text) FROM docs",
    "keybert_keywords": "FROM muster.keybert_keywords(docs, text)",
    "cluster_profiles": "FROM muster.cluster_profiles(docs, text)",
    "tfidf_keywords": "FROM muster.tfidf_keywords(docs, text)",
    "discriminative_keywords": "FROM muster.discriminative_keywords(docs, text, label)",
    "keyword_filter": f"FROM muster.keyword_filter(docs, text, [{FILTERS}])",
    "filter_affiliations": "FROM muster.filter_affiliations(names, name)",
    "lineage": "FROM muster.lineage((SELECT sql FROM script))",
}


def child(setup, statements, host):
    """What a process prints, a line a statement, and what it says on standard error."""
    process = subprocess.run(
        [sys.executable, "-c", CHILD, json.dumps([str(EXTENSION), setup, statements, host])],
        capture_output=True, text=True, timeout=GUARD, stdin=subprocess.DEVNULL, cwd=ROOT,
    )  # fmt: skip
    return process, [json.loads(line) for line in process.stdout.splitlines()]


def needed(*statements):
    """How the relations are made that the statements read."""
    wanted = " ".join(statements)
    wanted += " profiles ratings" if "known" in wanted else ""
    return [sql for name, sql in SETUP.items() if re.search(rf"\b{name}\b", wanted)]


class Interrupted(unittest.TestCase):
    def test_every_long_kernel_hears_it(self):
        """The host's own handler does nothing here, so that the error is the kernel's own."""
        names, statements = list(LONG), list(LONG.values())
        process, results = child(needed(*statements), statements, "own")
        self.assertEqual((process.returncode, len(results)), (0, len(names)), process.stderr)
        for name, (result, heard, kept, after) in zip(names, results):
            with self.subTest(name):
                self.assertRegex(result, rf"\b{name}: interrupted$")
                self.assertEqual(heard, 1, "the host's handler was not called")
                self.assertTrue(kept, "the handler is not the one that was there")
                self.assertTrue(after)


    def test_python_hears_it_too(self):
        statement = LONG["fit_probit_bootstrap"]
        process, ((result, _, kept, after),) = child(needed(statement), [statement], "python")
        self.assertRegex(result, "(?i)interrupt", process.stderr)
        self.assertTrue(kept and after)

    def test_interrupt_of_the_connection(self):
        """DuckDB hears it between two calls of a kernel."""
        statement = LONG["keyword_filter"]
        process, ((result, _, kept, after),) = child(needed(statement), [statement], "connection")
        self.assertIn("InterruptException", result, process.stderr)
        self.assertTrue(kept and after)

    def test_process_without_a_handler_ends(self):
        statement = LONG["fit_probit_bootstrap"]
        process, results = child(needed(statement), [statement], "none")
        self.assertEqual((process.returncode, results), (-signal.SIGINT, []), process.stderr)
        self.assertIn("interrupted", process.stderr)

    @unittest.skipUnless(CLI.exists(), "the command-line client is not here")
    def test_client(self):
        """The client has a handler of its own; it says nothing of what was interrupted, and goes on."""
        for name in ("fit_probit_bootstrap", "prior_sensitivity"):
            with self.subTest(name):
                ready = Path(self.enterContext(tempfile.TemporaryDirectory())) / "ready"
                statements = [f"LOAD '{EXTENSION}'", *needed(LONG[name]), f"COPY (SELECT 1) TO '{ready}'"]
                statements += [f"SELECT count(*) AS rows {LONG[name]}", "SELECT 40000 + 2 AS behind"]
                client = subprocess.Popen(
                    [CLI, "-unsigned", "-interactive"],
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                )  # fmt: skip
                self.addCleanup(client.kill)
                client.stdin.write(";\n".join(statements) + ";\n")
                client.stdin.flush()
                while not ready.exists():
                    self.assertIsNone(client.poll(), "the client ended before")
                    time.sleep(0.05)
                time.sleep(2)  # it is in the kernel then; if not yet, DuckDB hears it
                client.send_signal(signal.SIGINT)
                printed, _ = client.communicate(timeout=GUARD)
                self.assertIn("40002", printed)
                self.assertNotIn("rows", printed)


# A process that embeds one word, and prints the largest memory that it took, in MB.
WORD = """
import duckdb, resource, sys

connection = duckdb.connect(config={"allow_unsigned_extensions": "true", "memory_limit": "200MB"})
connection.execute(f"LOAD '{sys.argv[1]}'")
unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // unit
connection.execute(f"SELECT muster.embed(repeat('x', 30000000), model := '{sys.argv[2]}')").fetchall()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // unit - before)
"""


class Memory(unittest.TestCase):
    def test_a_word_of_thirty_megabytes(self):
        """350 MB a MB of text are what the tokenizer took of all of it."""
        model = ROOT / "test" / "oracle" / "tiny_roberta"
        process = subprocess.run(
            [sys.executable, "-c", WORD, str(EXTENSION), str(model)], capture_output=True, text=True, timeout=GUARD
        )
        self.assertEqual(process.returncode, 0, process.stderr)
        self.assertLess(int(process.stdout), 500)


# A process that has used muster, and a child of it that uses it too.
FORK = """
import duckdb, json, os, sys

extension, statements, again = json.loads(sys.argv[1])


def results(statements):
    connection = duckdb.connect(config={"allow_unsigned_extensions": "true", "threads": "2"})
    connection.execute("SET enable_progress_bar = false")
    connection.execute(f"LOAD '{extension}'")
    found = [connection.execute(statement).fetchall() for statement in statements]
    connection.close()
    return found


expected = results(statements)[-1]
child = os.fork()
if child == 0:
    found = results(again)[-1]
    print("same" if found == expected else found, flush=True)
    os._exit(0)
sys.exit(os.waitpid(child, 0)[1])
"""


class Forked(unittest.TestCase):
    """A child has none of its parent's threads; one that waited for them would run into the guard."""

    def both(self, statements, again=None, environment=None):
        given = json.dumps([str(EXTENSION), statements, again or statements])
        process = subprocess.run(
            [sys.executable, "-c", FORK, given],
            capture_output=True, text=True, timeout=GUARD, cwd=ROOT, env=environment or os.environ,
        )  # fmt: skip
        self.assertEqual((process.returncode, process.stdout), (0, "same\n"), process.stderr)

    def test_estimates(self):
        relations = [sql.replace("companies := 400", "companies := 5") for sql in needed("profiles ratings")]
        self.both([*relations, f"FROM muster.fit_probit_bootstrap({STUDY}, draws := 20)"])

    def test_vectors(self):
        texts = "(SELECT 'text number ' || i AS text FROM range(300) t(i))"
        for dtype in ("f32", "bf16"):  # both encoders
            self.both([f"SELECT sum(list_sum(muster.embed(text, dtype := '{dtype}')))::DECIMAL(18, 2) FROM {texts}"])

    def test_language_models(self):
        with Mock() as mock, tempfile.TemporaryDirectory() as folder:
            call = (
                "WITH docs AS (SELECT i AS profile_id, 'Person ' || i AS text FROM range(5) t(i)) SELECT profile_id, label "
                "FROM muster.llm_annotate(docs, text, 'openai-compatible:llama', store := '{}') ORDER BY ALL"
            )
            stores = [call.format(Path(folder) / name) for name in ("parent.sqlite", "child.sqlite")]
            environment = {**environment_without_keys(), **mock.environment()}
            self.both([stores[0]], [stores[1]], environment)


def main():
    global EXTENSION
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--extension", type=Path, default=EXTENSION)
    arguments, rest = parser.parse_known_args()
    EXTENSION = arguments.extension.resolve()
    unittest.main(argv=[sys.argv[0], *rest])


if __name__ == "__main__":
    main()
