"""The study beyond one process: examples/spark in Spark and in plain processes, on people of the sample with the mock server in place of the
language models.

    .venv-spark/bin/python test/test_spark.py --extension build/release/muster.duckdb_extension [-v] [names of tests]
"""

import argparse
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
from mock import ROOT, Mock, environment_without_keys  # noqa: E402

EXAMPLE = ROOT / "examples" / "spark"
sys.path.insert(0, str(EXAMPLE))
import partition  # noqa: E402
from partition import Settings, connect, literal  # noqa: E402

EXTENSION = ROOT / "build" / "release" / "muster.duckdb_extension"
MODELS = ["openai-compatible:llama", "google:gemini-3-flash"]
EMBEDDING = ROOT / ".models" / "sentence-transformers" / "all-MiniLM-L6-v2"
PARTS = 4
# SQL of ids that no whole number is
TEXT_IDS = "format('person {}', profile_id)"
# says something else each time it is asked: see test/test_store.py
FICKLE = "[[fault:fickle]]"


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.stores = self.folder / "stores"
        self.mock = Mock()
        self.addCleanup(self.mock.__exit__)
        self.environment = {
            **environment_without_keys(),
            **self.mock.environment(),
            "PYSPARK_SUBMIT_ARGS": "--conf spark.ui.enabled=false pyspark-shell",
            "SPARK_LOCAL_IP": "127.0.0.1",
        }

    def people(self, marker="", where="true", ids="profile_id"):
        """A file of the people of the sample who have texts; some have the text of another. `ids` is SQL of their profile_id."""
        file = self.folder / "people.parquet"
        with connect(EXTENSION) as connection:
            connection.execute(f"""
                COPY (FROM (
                    SELECT profile_id, text || {literal(marker)} AS text, company, is_expert, headcount
                    FROM (FROM '{ROOT}/data/cvs.csv' UNION ALL FROM '{ROOT}/data/texts.csv')
                    JOIN '{ROOT}/data/profiles.csv' USING (profile_id)
                    LEFT JOIN '{ROOT}/data/companies.csv' USING (company)
                    WHERE {where}
                    UNION ALL
                    SELECT -profile_id, text || {literal(marker)}, 'Tidewell', NULL, 900 FROM '{ROOT}/data/texts.csv' WHERE profile_id < 200
                    UNION ALL
                    SELECT 0, NULL, 'Tidewell', NULL, 900
                ) SELECT {ids} AS profile_id, * EXCLUDE (profile_id)) TO '{file}' (FORMAT parquet)
            """)
        return file

    def run_program(self, name, people, *more):
        command = [sys.executable, EXAMPLE / name, "--extension", EXTENSION, "--people", people, "--out", self.folder / "out"]
        return subprocess.Popen(
            [*map(str, command), "--parts", str(PARTS), *map(str, more)],
            env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def finish(self, process):
        out, err = process.communicate(timeout=600)
        self.assertEqual(process.returncode, 0, err)
        return out, err

    def spark(self, people, master, *more):
        return self.run_program("study.py", people, "--master", master, "--stores", self.stores, *more)

    def rows(self, what):
        with connect(EXTENSION) as connection:
            return connection.execute(f"FROM read_parquet({literal(str(self.folder / 'out' / what))}) ORDER BY ALL").fetchall()

    def sent(self):
        return sum(model["requests"] for model in self.mock.stats()["models"].values())

    def one_process(self, people, models, store, **options):
        """Labelled people and estimates by muster's functions alone, with neither parts nor counts."""
        given = "".join(f", {name} := {literal(value)}" for name, value in {"store": str(store), **options}.items())
        variables = os.environ.copy()
        self.addCleanup(os.environ.update, variables)
        os.environ.update(self.environment)
        with connect(EXTENSION) as connection:
            connection.execute(f"CREATE TABLE people AS FROM '{people}'")
            connection.execute(f"""
                CREATE TABLE ratings AS
                SELECT profile_id, annotator, label
                FROM muster.keyword_filter(people, text, (SELECT list(f) FROM muster.machine_learning_filters() AS f))
                UNION ALL
                SELECT profile_id, annotator, label FROM muster.llm_annotate(people, text, {literal(models)}{given})
            """)
            labelled = connection.execute("""
                SELECT
                    profile_id, company, is_expert, headcount,
                    coalesce(list({annotator: annotator, label: label} ORDER BY annotator) FILTER (label IS NOT NULL), []) AS labels
                FROM people LEFT JOIN ratings USING (profile_id)
                GROUP BY ALL ORDER BY ALL
            """).fetchall()
            estimates = connection.execute("""
                FROM muster.fit_probit_bootstrap(ratings, people, company, is_expert, headcount := headcount) ORDER BY ALL
            """).fetchall()
        return labelled, estimates

    def assert_like_one_process(self, people, labelled, estimates):
        texts = self.distinct(people)
        self.assertEqual(self.sent(), len(MODELS) * texts, "each text is asked once")
        expected = self.one_process(people, MODELS, self.folder / "alone.sqlite")
        self.assertEqual([row[:5] for row in labelled], expected[0])
        self.assertEqual({row[5] for row in labelled}, {0}, "no failures")
        self.assertEqual(estimates, expected[1])
        self.assertGreater(len(estimates), 3)
        # the merged store answers everything
        self.assertEqual(self.one_process(people, MODELS, self.stores / "all.sqlite", replay=True), expected)

    def distinct(self, people):
        with connect(EXTENSION) as connection:
            texts, rows = connection.execute(f"SELECT count(DISTINCT text), count(text) FROM '{people}'").fetchone()
        self.assertLess(texts, rows)
        return texts


class Processes(Case):
    def setUp(self):
        super().setUp()
        self.stores = self.folder / "out" / "stores"

    def program(self, people, *more):
        return self.run_program("processes.py", people, "--models", *MODELS, *more)

    def test_like_one_process(self):
        people = self.people()
        self.finish(self.program(people))
        self.assert_like_one_process(people, self.rows("labelled/*.parquet"), self.rows("estimates.parquet"))

    def test_ids_of_text(self):
        people = self.people(where="profile_id % 5 = 0", ids=TEXT_IDS)
        self.finish(self.program(people))
        self.assert_like_one_process(people, self.rows("labelled/*.parquet"), self.rows("estimates.parquet"))

    def test_split_that_was_killed_and_other_arguments(self):
        people = self.people(where="profile_id % 5 = 0")
        left = self.folder / "out" / "parts.unfinished" / "part=0"
        left.mkdir(parents=True)
        (left / "data_0.parquet").write_text("half of a file")
        self.finish(self.run_program("processes.py", people))
        estimates = self.rows("estimates.parquet")
        self.finish(self.run_program("processes.py", people))
        self.assertEqual(self.rows("estimates.parquet"), estimates)

        def refused(name, *more):
            process = self.run_program("processes.py", people, *more)
            _, err = process.communicate(timeout=600)
            self.assertEqual(process.returncode, 1)
            self.assertIn(f"processes.py: {name} must be", err)

        refused("parts", "--parts", "3")
        refused("embedding", "--embedding", EMBEDDING)
        refused("models", "--models", *MODELS)
        # others in a file of the same name
        self.people(where="profile_id % 4 = 0")
        refused("people")
        self.assertEqual(self.rows("estimates.parquet"), estimates)

    def test_wrong_people_and_arguments(self):
        def refused(people, message, *more):
            process = self.run_program("processes.py", people, *more)
            _, err = process.communicate(timeout=600)
            self.assertNotEqual(process.returncode, 0)
            self.assertIn(message, err)

        people = self.people(where="profile_id % 5 = 0")
        for name in ("parts", "processes"):
            refused(people, f"--{name} must be at least 1, got 0", f"--{name}", "0")
        wrong = self.folder / "wrong.parquet"
        for sql, message in (
            (f"SELECT * REPLACE (nullif(profile_id, 0) AS profile_id) FROM '{people}'", "profile_id None has 1"),
            (f"FROM '{people}' UNION ALL SELECT * REPLACE ('another' AS text) FROM '{people}' WHERE profile_id = 0", "profile_id 0 has 2"),
        ):
            with connect(EXTENSION) as connection:
                connection.execute(f"COPY ({sql}) TO '{wrong}' (FORMAT parquet)")
            refused(wrong, f"processes.py: people must have one row a person, {message}")
        self.finish(self.run_program("processes.py", people))

    def test_failed_answers_are_asked_again(self):
        people = self.people(where="profile_id % 5 = 0")
        model = ("--models", "openai:gpt-5-mini")
        _, err = self.finish(self.run_program("processes.py", people, *model, "--max-cost-usd", "0.01"))
        self.assertIn("answers failed; run again", err)
        asked = self.sent()
        self.assertLess(asked, self.distinct(people))
        _, err = self.finish(self.run_program("processes.py", people, *model))
        self.assertNotIn("failed", err)
        self.assertEqual(self.sent(), self.distinct(people))
        self.assertEqual(sum(row[5] for row in self.rows("labelled/*.parquet")), 0)

    def test_killed_and_run_again(self):
        people = self.people(FICKLE, "profile_id % 5 = 0")
        expected = len(MODELS) * self.distinct(people)
        self.mock.set(latency_ms=50)
        process = self.program(people)
        self.mock.wait_for(lambda _: self.sent() > expected // 4)
        children = descendants(process.pid)
        for pid in [process.pid, *children]:
            end(pid)
        process.communicate()
        for pid in children:
            wait_until_gone(pid)
        self.assertLess(self.sent(), expected)
        self.mock.set(latency_ms=0)
        self.finish(self.program(people))
        # in flight when they were killed: two processes, each with 16 requests to each model
        self.assertLessEqual(self.sent(), expected + 2 * len(MODELS) * Settings.concurrency)
        self.assertEqual([row[:5] for row in self.rows("labelled/*.parquet")], self.one_process(people, MODELS, self.stores / "all.sqlite", replay=True)[0])


class Spark(Case):
    def test_like_one_process(self):
        people = self.people(where="profile_id % 5 = 0")
        self.finish(self.spark(people, "local[2]", "--models", *MODELS, "--embedding", EMBEDDING))
        labelled = self.rows("labelled/*.parquet")
        self.assert_like_one_process(people, labelled, self.rows("estimates/*.parquet"))
        with connect(EXTENSION) as connection:
            sql = f"SELECT muster.embed(text, model := {literal(str(EMBEDDING))}) FROM '{people}' ORDER BY profile_id"
            vectors = [vector for (vector,) in connection.execute(sql).fetchall()]
        self.assertEqual([row[6] for row in labelled], vectors)

    def test_ids_of_text(self):
        people = self.people(where="profile_id % 5 = 0", ids=TEXT_IDS)
        self.finish(self.spark(people, "local[2]", "--models", *MODELS))
        self.assert_like_one_process(people, self.rows("labelled/*.parquet"), self.rows("estimates/*.parquet"))

    def test_a_killed_executor_costs_no_second_payment(self):
        """Executors are processes of their own here. What one was paid for is found by the next one that takes its part."""
        people = self.people(FICKLE, "profile_id % 5 = 0")
        expected = len(MODELS) * self.distinct(people)
        self.mock.set(latency_ms=200)
        process = self.spark(people, "local-cluster[2,1,1024]", "--models", *MODELS)
        self.mock.wait_for(lambda _: self.sent() > expected // 4, patience=300)
        executors = [pid for pid in descendants(process.pid) if "CoarseGrainedExecutorBackend" in command(pid)]
        self.assertEqual(len(executors), 2)
        end(executors[0])
        self.assertLess(self.sent(), expected)
        self.mock.set(latency_ms=0)
        _, err = self.finish(process)
        self.assertRegex(err, "Lost (executor|task)")
        # in flight when it was killed: 16 requests to each model
        self.assertLessEqual(self.sent(), expected + len(MODELS) * Settings.concurrency)
        labelled = [row[:5] for row in self.rows("labelled/*.parquet")]
        self.assertEqual(labelled, self.one_process(people, MODELS, self.stores / "all.sqlite", replay=True)[0])


class Parts(unittest.TestCase):
    def test_another_number_of_parts_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            first = partition.store(Settings(parts=4, stores=folder), 3)
            self.assertEqual(first, partition.store(Settings(parts=4, stores=folder), 3))
            with self.assertRaisesRegex(ValueError, "are those of 4 parts, got 8"):
                partition.store(Settings(parts=8, stores=folder), 3)


def command(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def descendants(pid):
    """The processes that one has begun, and those have, as long as they live."""
    lines = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout.split("\n")
    children = {}
    for child, parent in (map(int, line.split()) for line in lines if line.strip()):
        children.setdefault(parent, []).append(child)
    found = [pid]
    for parent in found:
        found += children.get(parent, [])
    return found[1:]


def end(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def wait_until_gone(pid):
    """A killed process may live on as long as somebody is to be told."""
    for _ in range(6000):
        state = re.search(r"\) (\w)", (Path(f"/proc/{pid}/stat").read_text() if Path(f"/proc/{pid}").exists() else ""))
        if not state or state[1] == "Z":
            return
        time.sleep(0.01)
    raise TimeoutError(f"{pid} lives on")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--extension", type=lambda path: Path(path).resolve(), default=EXTENSION)
    args, rest = parser.parse_known_args()
    EXTENSION = args.extension
    unittest.main(argv=[sys.argv[0], *rest])
