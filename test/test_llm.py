"""llm_annotate from end to end, against the mock server of test/mock_llm: real sockets, real processes, a real store.

    python test/test_llm.py --extension build/release/muster.duckdb_extension [-v] [names of tests]

Counts and causes are asserted, never times: a slow machine must not fail. What the server does, and by which marker in a
text, stands in test/mock_llm/src/faults.rs.
"""

import argparse
import base64
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

import duckdb

sys.path.insert(0, str(Path(__file__).resolve().parent))
from mock import CHILD, KEYS, PROVIDERS, ROOT, Mock, environment_without_keys, given  # noqa: E402

EXTENSION = ROOT / "build" / "release" / "muster.duckdb_extension"
CLI = ROOT / ".venv" / "bin" / "duckdb"
MOCK: Mock

GOOGLE, ANTHROPIC = "google:gemini-3-flash", "anthropic:claude-sonnet-5"
OPENAI, AZURE, LOCAL = "openai:gpt-5-mini", "azure:gpt-4o", "openai-compatible:llama"
MODELS = [GOOGLE, ANTHROPIC, OPENAI, AZURE, LOCAL]
COLUMNS = (
    "profile_id annotator label requested_model model reason error finish attempts input_tokens output_tokens cost_usd cached "
    "request_hash p_yes"
).split()

def setUpModule():
    global MOCK
    MOCK = Mock()
    for name in set(os.environ) - set(environment_without_keys()):
        del os.environ[name]
    os.environ.update(MOCK.environment(MUSTER_BATCH_POLL_MS="20"))


def tearDownModule():
    MOCK.__exit__()


def connect():
    config = {"allow_unsigned_extensions": "true", "python_enable_replacements": "false"}
    connection = duckdb.connect(config=config)
    connection.execute(f"LOAD '{EXTENSION}'")
    return connection


def literal(value):
    """A Python value as SQL."""
    match value:
        case None:
            return "NULL"
        case bool() | int() | float():
            return str(value)
        case dict():
            return "{" + ", ".join(f"{name}: {literal(item)}" for name, item in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(literal, value)) + "]"
        case _:
            return "'" + str(value).replace("'", "''") + "'"


def call(name, models, options, text="text"):
    """`muster.name(docs, text, models, option := …)`"""
    more = "".join(f", {option} := {literal(value)}" for option, value in options.items())
    return f"muster.{name}(docs, {text}, {literal(models)}{more})"


def people(n, words="PyTorch models and sales dashboards"):
    """A CTE of `n` profiles of different texts."""
    return f"WITH docs AS (SELECT i AS profile_id, format('Person {{}}: {words}', i) AS text FROM range({n}) t(i)) "


def texts(*given):
    rows = ", ".join(f"({i}, {literal(text)})" for i, text in enumerate(given))
    return f"WITH docs AS (FROM (VALUES {rows}) t(profile_id, text)) "


class Case(unittest.TestCase):
    """A folder, a store in it, a connection, and a server that has forgotten the test before."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.store = self.folder / "store.sqlite"
        self.connection = connect()
        self.addCleanup(self.connection.close)
        MOCK.reset()

    def sql(self, docs, models, **options):
        models = [models] if isinstance(models, (str, dict)) else models
        return docs + "FROM " + call("llm_annotate", models, {"store": self.store, **options})

    def query(self, sql, connection=None):
        cursor = (connection or self.connection).execute(sql)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row)) for row in cursor.fetchall()]

    def annotate(self, docs, models, **options):
        """The rows, after checks that hold for all of them."""
        rows = self.query(self.sql(docs, models, **options))
        for row in rows:
            self.assertEqual(list(row), COLUMNS)
            self.assertEqual(row["error"] is None, row["label"] is not None, row)
        return rows

    def local_key(self, key):
        """A key in a variable that SQL may name."""
        os.environ.update(LOCAL_TEST_KEY=key, MUSTER_KEY_VARIABLES="OTHER, LOCAL_TEST_KEY")
        for name in ("LOCAL_TEST_KEY", "MUSTER_KEY_VARIABLES"):
            self.addCleanup(os.environ.pop, name, None)

    def error(self, sql):
        with self.assertRaises(duckdb.Error) as caught:
            self.connection.execute(sql).fetchall()
        self.assertNotIn("INTERNAL", str(caught.exception))
        return str(caught.exception)

    def sent(self):
        """Requests for answers that the server has seen."""
        return sum(model["requests"] for model in MOCK.stats()["models"].values())

    def child(self, *statements, **environment):
        with given(str(EXTENSION), *statements) as stdin:
            return subprocess.Popen(
                [sys.executable, "-c", CHILD], stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                env={**os.environ, **environment},
            )  # fmt: skip

    def finish(self, process):
        """What a child has printed, one value a statement."""
        out, err = process.communicate(timeout=300)
        self.assertEqual(process.returncode, 0, err)
        return [json.loads(line) for line in out.splitlines()]

    def peak(self, *statements):
        """The peak of a child's memory in KiB, and what it has printed."""
        process = self.child(*statements)
        with process.stdout, process.stderr:
            out, err = process.stdout.read(), process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(process.returncode, 0, err)
        return usage.ru_maxrss, [json.loads(line) for line in out.splitlines()]

    def kill(self, process):
        process.send_signal(signal.SIGKILL)
        process.communicate()


class Answers(Case):
    def test_every_provider(self):
        """Two people, one of them plainly an expert, by all providers in one call."""
        docs = texts(
            "PhD, research scientist: designs neural networks in PyTorch and CUDA, NeurIPS and ICML papers",
            "Account manager in sales: Excel dashboards, marketing, recruiting, customer care",
        )
        rows = self.annotate(docs, MODELS)
        self.assertEqual([(r["profile_id"], r["requested_model"]) for r in rows],
                         [(i, m.split(":")[1]) for i in (0, 1) for m in MODELS])  # fmt: skip
        for row in rows:
            self.assertEqual(row["label"], row["profile_id"] == 0, row)
            self.assertRegex(row["reason"], "^The profile ")
            self.assertEqual((row["attempts"], row["cached"]), (1, False), row)
            self.assertRegex(row["request_hash"], "^[0-9a-f]{64}$")
            self.assertGreater(row["input_tokens"], 100, "the prompt counts")
            self.assertGreater(row["output_tokens"], 5)
        self.assertEqual(len({row["request_hash"] for row in rows}), 2 * len(MODELS))
        self.assertEqual(len({row["annotator"] for row in rows}), len(MODELS))
        self.assertEqual(self.sent(), 2 * len(MODELS))
        keyed = {model.split(":")[0]: 2 for model in MODELS if model != LOCAL}
        self.assertEqual(MOCK.stats()["with_key"], keyed, "no key for a local server")

    def test_who_answered(self):
        rows = {row["requested_model"]: row for row in self.annotate(texts("a CV"), MODELS)}
        self.assertEqual(rows["gemini-3-flash"]["model"], "gemini-3-flash")
        self.assertEqual(rows["gpt-5-mini"]["model"], "gpt-5-mini-2026-05-07")
        self.assertEqual(rows["gpt-4o"]["model"], "gpt-4o-2026-05-07", "the model behind the deployment")
        (row,) = self.annotate(texts("[[fault:other_model]]"), GOOGLE)
        self.assertEqual((row["requested_model"], row["model"], row["error"]), ("gemini-3-flash", "another-model-9", None))
        usage = self.query(f"FROM muster.llm_usage(store := {literal(self.store)})")
        self.assertIn("another-model-9", str(usage))

    def test_reasoning_beside_the_answer_is_not_the_answer(self):
        for row in self.annotate(texts("[[fault:thought]]", "[[fault:fenced]]", "[[fault:no_usage]]"), MODELS):
            self.assertIsNone(row["error"], row)
            self.assertNotIn("otherwise", row["reason"])
            self.assertEqual(row["input_tokens"] is None, row["profile_id"] == 2, row)

    def test_structs(self):
        model = {"provider": "openai-compatible", "model": "llama", "base_url": f"{MOCK.url}/v1"}
        models = [{"annotator": "one", **model, "temperature": 0.0}, {"annotator": "two", **model, "temperature": 1.0}]
        rows = self.annotate(people(3), models)
        self.assertEqual([row["annotator"] for row in rows], ["one", "two"] * 3)
        self.assertEqual(self.sent(), 6, "another temperature is another request")
        self.assertNotIn("authorization", MOCK.stats()["headers"])

    def test_key_of_a_local_server(self):
        self.local_key("marker-key-of-local-5f1c")
        model = {"provider": "openai-compatible", "model": "llama", "api_key_env": "LOCAL_TEST_KEY"}
        (row,) = self.annotate(texts("a CV"), model)
        self.assertIsNone(row["error"])
        self.assertEqual(MOCK.stats()["with_key"], {"openai-compatible": 1})

    def test_azure(self):
        """The deployment is in the path, the key in a header of its own, and the version can be asked for."""
        docs, endpoint = texts("a CV"), {"MUSTER_AZURE_BASE_URL": "", "AZURE_OPENAI_ENDPOINT": f"{MOCK.url}/"}
        model = {"provider": "azure", "model": "judge", "reasoning": "low", "max_tokens": 500}
        (rows,) = self.finish(self.child(self.sql(docs, model), **endpoint, MUSTER_AZURE_API_VERSION="2025-04-01-preview"))
        self.assertEqual([row[6] for row in rows], [None])
        self.assertEqual(list(MOCK.stats()["routes"]), ["POST /openai/deployments/judge/chat/completions"])
        self.assertNotIn("authorization", MOCK.stats()["headers"])
        (rows,) = self.finish(self.child(self.sql(texts("another"), model), **endpoint, MUSTER_AZURE_API_VERSION="1999-01-01"))
        self.assertRegex(rows[0][6], "HTTP 400.*1999-01-01")
        (result,) = self.finish(self.child(self.sql(docs, model), MUSTER_AZURE_BASE_URL=""))
        self.assertRegex(result["error"], "base_url for 'azure', such as 'https://my-resource.openai.azure.com'")
        self.assertRegex(self.error(self.sql(docs, AZURE, batch=True)), "no batch for 'azure'")
        self.assertRegex(self.error(self.sql(docs, AZURE, max_cost_usd=1)), "price of model 'azure:gpt-4o'")
        prices = [{"provider": "azure", "model": "gpt-4o", "input": 2.5, "cached": 1.25, "output": 10}]
        (row,) = self.annotate(docs, AZURE, prices=prices)
        cost = (2.5 * row["input_tokens"] + 10 * row["output_tokens"]) / 1e6
        self.assertAlmostEqual(row["cost_usd"], cost, places=12)

    def test_prompt_and_schema_of_ones_own(self):
        schema = {"field": "verdict", "yes": ["yes"], "no": ["no"], "abstain": ["unclear"]}
        sales = texts("Account manager in sales: Excel dashboards, marketing, recruiting, customer care")
        for row in self.annotate(sales, MODELS, prompt="Is this a data scientist?", schema=schema):
            self.assertIsNone(row["error"], row)
            self.assertFalse(row["label"])
        self.assertEqual(self.sent(), len(MODELS))
        self.annotate(sales, MODELS)
        self.assertEqual(self.sent(), 2 * len(MODELS), "another prompt is another request")

    def test_texts_that_are_not_sent(self):
        rows = self.annotate(texts(None, "", "x" * 101, "x" * 100), LOCAL, max_text_chars=100)
        self.assertEqual([row["label"] is None for row in rows], [True, True, True, False])
        self.assertRegex(rows[0]["error"], "NULL")
        self.assertRegex(rows[1]["error"], "empty")
        self.assertRegex(rows[2]["error"], "101.*max_text_chars")
        self.assertEqual(self.sent(), 1)
        blank = self.annotate(texts("\u200b", " \ufeff\u2060\n", "\u3164"), LOCAL)
        self.assertEqual([row["error"] for row in blank], ["text is empty"] * 3)
        self.assertEqual(self.sent(), 1)
        self.assertRegex(self.error(self.sql(people(1), LOCAL, prompt="\u200b")), "prompt must not be empty")

    def test_profile_ids_of_any_type(self):
        docs = "WITH docs AS (SELECT {a: i} AS profile_id, 'CV ' || i AS text FROM range(2) t(i)) "
        self.assertEqual([row["profile_id"] for row in self.annotate(docs, LOCAL)], [{"a": 0}, {"a": 1}])

    def test_awkward_texts(self):
        """Whatever a text holds arrives, and its answer is found again."""
        given = ['"quotes" and \\ and \\u0041', "line\nbreak\ttab\r\n", "emoji 😀, ﬁ, İ, ß, e\u0301", "\u202eright to left\u202c",
                 "x" * 150_000, "}{\"text\":\"no\"}", "' OR 1=1; --", "\ufeff\u0001\u001f\x7f"]  # fmt: skip
        first = self.annotate(texts(*given), MODELS)
        self.assertEqual([row["error"] for row in first], [None] * len(first))
        self.assertEqual(len({row["request_hash"] for row in first}), len(first))
        second = self.annotate(texts(*given), MODELS, replay=True)
        self.assertEqual([row["label"] for row in second], [row["label"] for row in first])

    def test_rows_come_in_order(self):
        """Of documents, and within each of models, over many vectors and on several threads."""
        self.connection.execute("SET threads = 4")
        n, models = 7000, [LOCAL, OPENAI]
        rows = self.connection.execute(self.sql(people(n), models, concurrency=64)).fetchall()
        self.assertEqual([row[:2] for row in rows], [(i, model) for i in range(n) for model in models])

    def test_no_profiles(self):
        self.assertEqual(self.annotate(people(0), MODELS), [])
        self.assertEqual(self.sent(), 0)


class Confidence(Case):
    """A text says how probable yes is. The server gives nineteen twentieths of its probability to the first pieces of the two words, in that
    proportion, and the rest to what is no word of the schema; or it states the number."""

    CHAT = "openai:gpt-4o-mini"
    MODELS = [GOOGLE, ANTHROPIC, CHAT, AZURE, LOCAL]
    STATED = {"provider": "openai", "model": "gpt-5-mini", "confidence": "stated"}

    def test_every_provider(self):
        given = (0.8, 0.1, 0.5, 1, 0)
        rows = self.annotate(texts(*(f"A CV [[p:{p}]]" for p in given)), self.MODELS, confidence=True)
        for row in rows:
            p = given[row["profile_id"]]
            self.assertAlmostEqual(row["p_yes"], p, places=9, msg=row["annotator"])
            self.assertEqual(row["label"], p >= 0.5)
        plain = self.annotate(texts("A CV [[p:0.8]]"), self.MODELS)
        self.assertEqual([row["p_yes"] for row in plain], [None] * len(self.MODELS))
        self.assertTrue({row["request_hash"] for row in plain}.isdisjoint(row["request_hash"] for row in rows), "another request")

    def test_models_that_reason_state_it(self):
        docs = texts("A CV [[p:0.3]]")
        (row,) = self.annotate(docs, OPENAI, confidence=True)
        self.assertRegex(row["error"], "logprobs are not supported")
        effort = {"annotator": "low", "provider": "openai", "model": "gpt-5-mini", "reasoning": "low"}
        rows = self.annotate(docs, [self.STATED, effort], confidence=True)
        self.assertEqual([row["p_yes"] for row in rows], [0.3, 0.3])
        # a model's own way asks too
        (row,) = self.annotate(docs, {"annotator": "own", **self.STATED})
        self.assertEqual((row["p_yes"], row["cached"]), (0.3, True))

    def test_own_words(self):
        schema = {"field": "manager", "yes": ["yes"], "no": ["no"], "abstain": ["unclear"]}
        rows = self.annotate(texts("A CV [[p:0.7]]"), self.MODELS, confidence=True, schema=schema)
        for row in rows:
            self.assertAlmostEqual(row["p_yes"], 0.7, places=9, msg=row["annotator"])

    def test_a_server_that_ignores_it(self):
        marks = ("no_logprobs", "thinking", "fenced")
        rows = self.annotate(texts(*(f"A CV [[p:0.8]] [[fault:{mark}]]" for mark in marks)), LOCAL, confidence=True)
        self.assertEqual([row["label"] for row in rows], [True] * 3)
        self.assertEqual((rows[0]["p_yes"], rows[0]["error"]), (None, None))
        # what stands before the answer is none
        for row in rows[1:]:
            self.assertAlmostEqual(row["p_yes"], 0.8, places=9)

    def test_it_is_kept(self):
        docs = texts(*(f"A CV [[p:{p}]]" for p in (0.8, 0.1, 1 / 3)))
        first = self.annotate(docs, self.MODELS, confidence=True)
        again = self.annotate(docs, self.MODELS, confidence=True, replay=True)
        self.assertEqual([row["p_yes"] for row in again], [row["p_yes"] for row in first])
        self.error(self.sql(docs, self.MODELS, replay=True))
        (plan,) = self.query(docs + "FROM " + call("llm_plan", LOCAL, {"store": self.store, "confidence": True}))
        self.assertEqual((plan["stored"], plan["to_send"]), (3, 0))
        parquet, other = self.folder / "answers.parquet", self.folder / "other.sqlite"
        self.connection.execute(f"COPY (FROM muster.llm_store(store := '{self.store}')) TO '{parquet}'")
        self.connection.execute(f"FROM muster.llm_import('{parquet}', store := '{other}')").fetchall()
        old = f"SELECT * EXCLUDE (p_yes) FROM '{parquet}'"
        self.connection.execute(f"COPY ({old}) TO '{self.folder / 'old.parquet'}'")
        self.connection.execute(f"FROM muster.llm_import('{self.folder / 'old.parquet'}', store := '{self.folder / 'old.sqlite'}')").fetchall()
        self.store = other
        imported = self.annotate(docs, self.MODELS, confidence=True, replay=True)
        self.assertEqual([row["p_yes"] for row in imported], [row["p_yes"] for row in first])
        self.store = self.folder / "old.sqlite"
        without = self.annotate(docs, self.MODELS, confidence=True, replay=True)
        self.assertEqual([row["p_yes"] for row in without], [None] * len(first), "answers of a version that had none")
        self.assertEqual([row["label"] for row in without], [row["label"] for row in first])

    def test_batches(self):
        for model in (GOOGLE, ANTHROPIC, self.CHAT):
            (row,) = self.annotate(texts("A CV [[p:0.8]]"), model, confidence=True, batch=True)
            self.assertAlmostEqual(row["p_yes"], 0.8, places=9, msg=model)
        self.assertEqual(MOCK.stats()["batches"], 3)

    def test_arguments(self):
        docs = texts("a CV")
        wrong = {"provider": "anthropic", "model": "m", "confidence": "logprobs"}
        self.assertRegex(self.error(self.sql(docs, wrong)), "models must have no confidence 'logprobs' for 'anthropic'")
        wrong = {"provider": "openai", "model": "m", "confidence": "high"}
        self.assertRegex(self.error(self.sql(docs, wrong)), "a confidence that is 'logprobs' or 'stated', got 'high'")
        self.assertRegex(self.error(self.sql(docs, LOCAL, confidence="very")), "confidence must be true or false, got")


class Faults(Case):
    @staticmethod
    def documented(columns):
        """The tables of docs/llm.md with so many columns and a marker in the second: what is documented is what is tested."""
        lines = (ROOT / "docs" / "llm.md").read_text().splitlines()
        cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
        return [row for row in cells if len(row) == columns and re.fullmatch(r"`[a-z0-9_:@-]+`", row[1])]

    def test_table(self):
        """All faults in one query, by all providers: no row is false by a fault, and the query never ends."""
        MOCK.reset(wait_ms=50)
        table = self.documented(columns=4)
        self.assertGreater(len(table), 20)
        profiles = (f"CV, {marker}: [[fault:{marker.strip('`')}]]" for _, marker, _, _ in table)
        rows = self.annotate(texts(*profiles), MODELS, max_attempts=3)
        self.assertEqual(len(rows), len(table) * len(MODELS))
        for row in rows:
            _, marker, says, attempts = table[row["profile_id"]]
            with self.subTest(fault=marker, model=row["requested_model"]):
                if says.startswith("none"):
                    self.assertIsNone(row["error"])
                else:
                    self.assertIsNone(row["label"])
                    self.assertTrue(any(text in row["error"] for text in re.findall("`(.*?)`", says)), row["error"])
                self.assertEqual(row["attempts"], int(attempts))
        self.assertEqual(self.sent(), sum(row["attempts"] for row in rows), "attempts are what the server saw")

    def test_what_stops_a_model(self):
        """Each remaining row says why, and the other models go on."""
        n = 200
        for _, marker, says in self.documented(columns=3):
            fault, provider = marker.strip("`").split("@")
            with self.subTest(provider, fault=fault):
                MOCK.reset()
                # the marker is for one provider: to the others the text is like any other
                rows = self.annotate(people(n, f"[[fault:{fault}@{provider}]]"), MODELS, concurrency=4)
                stopped = [row for row in rows if row["annotator"].startswith(f"{provider}:")]
                self.assertEqual([row["label"] for row in stopped], [None] * n)
                for row in stopped:
                    self.assertIn(says.strip("`"), row["error"])
                self.assertLessEqual(max(row["attempts"] for row in stopped), 1)
                (name,) = (name for name in MOCK.stats()["models"] if name.startswith(f"{provider}:"))
                self.assertLessEqual(MOCK.stats()["models"][name]["requests"], 8, "those in flight, and no more")
                self.assertEqual({row["annotator"] for row in rows if row["error"]}, {stopped[0]["annotator"]})
                self.assertEqual(MOCK.requests("__redirected"), 0)

    def test_azure_filters_prompts_and_answers(self):
        blocked, filtered = self.annotate(texts("[[fault:safety]]", "[[fault:spii]]"), AZURE)
        self.assertEqual((blocked["error"], blocked["attempts"]), ("prompt blocked: violence (medium)", 1))
        self.assertEqual((filtered["error"], filtered["finish"]), ("no answer: content_filter", "content_filter"))

    def test_gemini_ends_for_personal_data(self):
        (row,) = self.annotate(texts("[[fault:spii]]"), GOOGLE)
        self.assertEqual((row["label"], row["attempts"]), (None, 1))
        self.assertRegex(row["error"] + str(row["finish"]), "SPII")

    def test_hang_ends_at_the_deadline(self):
        rows = self.annotate(texts("[[fault:hang]]"), MODELS, timeout_s=2, max_attempts=2)
        for row in rows:
            self.assertEqual((row["label"], row["attempts"]), (None, 2), row)
            self.assertRegex(row["error"], "(?i)time")

    @unittest.skipUnless(sys.platform == "linux", "the unit of the peak of memory is that of Linux")
    def test_no_answer_is_longer_than_16_mib(self):
        """The server says 128 MiB, four times at once; of each at most 16 MiB are read, into a buffer that may double."""
        few, long = self.sql(people(40), LOCAL), self.sql(people(4, "[[fault:endless]]"), LOCAL, concurrency=4)
        before, _ = self.peak(few)
        after, (_, rows) = self.peak(few, long)
        self.assertEqual(len(rows), 4)
        for row in rows:
            row = dict(zip(COLUMNS, row))
            self.assertEqual((row["label"], row["attempts"]), (None, 1), row)
            self.assertRegex(row["error"], "the response is longer than 16 MiB")
        self.assertLess(after - before, 4 * 48 << 10, "KiB")

    def test_nobody_listens(self):
        model = {"provider": "openai-compatible", "model": "llama", "base_url": "http://127.0.0.1:9/v1"}
        (row,) = self.annotate(people(1), model, max_attempts=2)
        self.assertEqual((row["label"], row["attempts"]), (None, 2))
        self.assertRegex(row["error"], "no connection")

    def test_the_server_goes_away(self):
        """In the middle of a run: what was answered stays, the rest are rows with errors."""
        with Mock(latency_ms=20) as server:
            model = {"provider": "openai-compatible", "model": "llama", "base_url": f"{server.url}/v1"}
            process = self.child(self.sql(people(300), model, concurrency=8, max_attempts=1))
            server.wait_for(lambda stats: stats["statuses"].get("200", 0) >= 50)
        (rows,) = self.finish(process)
        answered = [row for row in rows if row[6] is None]
        self.assertEqual(len(rows), 300)
        self.assertTrue(40 <= len(answered) < 300, len(answered))
        again = self.annotate(people(300), {**model, "base_url": f"{server.url}/v1"}, max_attempts=1)
        self.assertEqual(sum(row["cached"] for row in again), len(answered))

    def test_wait_of_the_server_is_kept(self):
        """The server asks for five seconds once. Whoever came back sooner would have been counted before they had passed."""
        MOCK.reset(wait_ms=5000)
        process = self.child(self.sql(texts("[[fault:429:1]] a CV"), MODELS))
        MOCK.wait_for(lambda stats: len(stats["models"]) == len(MODELS))
        started = time.monotonic()
        while process.poll() is None:
            seen, now = self.sent(), time.monotonic() - started
            # the clock was started after the server had answered, so that less than this has passed for muster
            if seen > len(MODELS):
                self.assertGreater(now, 4, "asked again before the wait that the server gave was over")
                break
            time.sleep(0.05)
        (rows,) = self.finish(process)
        self.assertEqual([row[COLUMNS.index("attempts")] for row in rows], [2] * len(MODELS))

    def test_failures_are_not_stored_as_answers(self):
        docs = texts("[[fault:500:3]] a CV")
        (row,) = self.annotate(docs, LOCAL, max_attempts=3)
        self.assertIsNone(row["label"])
        (row,) = self.annotate(docs, LOCAL, max_attempts=3)
        self.assertIsNone(row["error"])
        self.assertFalse(row["cached"])
        self.assertEqual(self.sent(), 4)

    def test_max_error_ratio(self):
        # sixteen at once and 20 ms each: to ask about all would take seconds
        MOCK.reset(latency_ms=20)
        message = self.error(self.sql(people(2000, "[[fault:400]]"), LOCAL, max_error_ratio=0.1))
        self.assertRegex(message, "max_error_ratio")
        self.assertLess(self.sent(), 2000, "it ended before all were asked")
        MOCK.reset()
        self.assertEqual(len(self.annotate(people(100, "[[fault:400]]"), LOCAL)), 100, "1.0 never ends a query")


class Store(Case):
    def test_paid_once(self):
        first = self.annotate(people(40), MODELS)
        self.assertEqual(self.sent(), 40 * len(MODELS))
        second = self.annotate(people(50), MODELS)
        self.assertEqual(self.sent(), 50 * len(MODELS))
        kept = [{**row, "cached": True} for row in first]
        same = [row for row in second if row["profile_id"] < 40]
        for a, b in zip(kept, same):
            for name in ("profile_id", "annotator", "label", "model", "reason", "request_hash", "input_tokens", "cached"):
                self.assertEqual(a[name], b[name])

    def test_equal_texts_cost_one_request(self):
        docs = "WITH docs AS (SELECT i AS profile_id, 'CV ' || i % 3 AS text FROM range(5000) t(i)) "
        rows = self.annotate(docs, [LOCAL, GOOGLE])
        self.assertEqual(len(rows), 10_000)
        self.assertEqual(self.sent(), 6)

    def test_equal_requests_in_flight_are_joined(self):
        """Four statements at once, each the same 50 texts, while the server takes its time."""
        MOCK.reset(latency_ms=300)
        results, sql = [], self.sql(people(50), LOCAL)
        threads = [threading.Thread(target=lambda: results.append(self.query(sql, self.connection.cursor()))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([len(rows) for rows in results], [50] * 4)
        self.assertEqual(self.sent(), 50)

    def test_one_request_whatever_the_plan(self):
        select = call("llm_annotate", [LOCAL], {"store": self.store})
        sql = people(30) + f", a AS (FROM {select}) SELECT count(*) FROM a JOIN a b USING (profile_id) WHERE a.label IS NOT NULL"
        self.assertEqual(self.connection.execute(sql).fetchall(), [(30,)])
        self.assertEqual(self.sent(), 30)

    def test_nothing_is_sent_before_a_run(self):
        sql = self.sql(people(5), MODELS)
        for statement in (f"EXPLAIN {sql}", f"PREPARE p AS {sql}", f"CREATE VIEW v AS {sql}", f"DESCRIBE {sql}"):
            self.connection.execute(statement).fetchall()
        plan = self.query(people(5) + "FROM " + call("llm_plan", MODELS, {"store": self.store}))
        self.assertEqual(len(plan), len(MODELS))
        self.assertEqual(MOCK.stats()["requests"], 0)
        self.connection.execute("EXECUTE p").fetchall()
        self.assertEqual(self.sent(), 5 * len(MODELS))
        self.connection.execute("FROM v").fetchall()
        self.assertEqual(self.sent(), 5 * len(MODELS))

    def test_plan_is_what_is_sent(self):
        self.annotate(people(20), MODELS)
        docs = people(50) + ", twice AS (FROM docs UNION ALL FROM docs) "
        options = {"store": self.store}
        plan = self.query(docs + "FROM " + call("llm_plan", MODELS, options).replace("(docs", "(twice"))
        self.assertEqual([row["annotator"] for row in plan], MODELS)
        for row in plan:
            counts = [row[name] for name in ("documents", "requests", "stored", "to_send")]
            self.assertEqual(counts, [100, 50, 20, 30])
            self.assertEqual(row["cost_usd"] is None, row["annotator"] != OPENAI, "only one of them has a price")
        MOCK.reset()
        self.query(docs + "FROM " + call("llm_annotate", MODELS, options).replace("(docs", "(twice"))
        self.assertEqual(self.sent(), sum(row["to_send"] for row in plan))

    def test_replay(self):
        docs = people(20)
        first = self.annotate(docs, MODELS)
        message = self.error(self.sql(people(21), MODELS, replay=True))
        self.assertRegex(message, "replay.*not in the store")
        self.assertEqual(self.sent(), 20 * len(MODELS))
        # years later: no key, and nobody answers
        again = self.sql(docs, MODELS, replay=True)
        keys = {name: "" for name in KEYS}
        (rows,) = self.finish(self.child(again, **keys))
        self.assertEqual([row[2] for row in rows], [row["label"] for row in first])
        self.assertEqual(self.sent(), 20 * len(MODELS))

    def test_publish_and_import(self):
        docs, parquet, other = people(20), self.folder / "answers.parquet", self.folder / "other.sqlite"
        first = self.annotate(docs, MODELS)
        self.connection.execute(f"COPY (FROM muster.llm_store(store := '{self.store}')) TO '{parquet}'")
        load = f"SELECT * FROM muster.llm_import('{parquet}', store := '{other}')"
        self.connection.execute(load).fetchall()
        self.connection.execute(load).fetchall()
        self.store = other
        again = self.annotate(docs, MODELS, replay=True)
        self.assertEqual([(r["label"], r["reason"], r["request_hash"]) for r in again],
                         [(r["label"], r["reason"], r["request_hash"]) for r in first])  # fmt: skip
        self.assertEqual(self.sent(), 20 * len(MODELS))

    def test_answers_outlive_their_query(self):
        """A transaction that is rolled back, and a query that fails over its rows, have paid all the same."""
        self.connection.execute("BEGIN")
        self.connection.execute(f"CREATE TABLE answers AS {self.sql(people(10), LOCAL)}")
        self.connection.execute("ROLLBACK")
        self.assertEqual(self.sent(), 10)
        rows = self.sql(people(20), LOCAL)
        self.error(f"SELECT error(reason) FROM ({rows})")
        self.assertEqual([row["cached"] for row in self.annotate(people(20), LOCAL)], [True] * 20)
        self.assertEqual(self.sent(), 20)

    def test_max_cost(self):
        n = 300
        whole = self.annotate(people(20), OPENAI)
        each = sum(row["cost_usd"] for row in whole) / 20
        self.assertGreater(each, 0)
        self.store = self.folder / "second.sqlite"
        MOCK.reset()
        rows = self.annotate(people(n), OPENAI, max_cost_usd=100 * each, concurrency=4)
        answered = [row for row in rows if row["error"] is None]
        self.assertTrue(80 <= len(answered) <= 110, len(answered))
        for row in rows:
            self.assertRegex(row["error"] or "max_cost_usd", "max_cost_usd")
        spent = sum(row["cost_usd"] for row in answered)
        usage = self.query(f"FROM muster.llm_usage(store := '{self.store}')")
        self.assertAlmostEqual(sum(row["cost_usd"] for row in usage), spent, places=9)
        # what was paid is kept, and the budget of the next run pays for the rest
        rows = self.annotate(people(n), OPENAI, max_cost_usd=1000 * each)
        self.assertEqual([row for row in rows if row["error"]], [])
        self.assertEqual(self.sent(), n)

    def test_runs_are_not_forgotten(self):
        """A statement of several vectors that waits in the first, and a hundred others meanwhile: one budget for all its rows."""
        self.connection.execute("SET threads = 1")
        rows, other = [], self.connection.cursor()
        sql = self.sql(people(9000, "[[fault:dear]]"), LOCAL, prices=dollars(LOCAL), max_cost_usd=3)
        MOCK.reset(hold="POST /v1/chat")
        statement = threading.Thread(target=lambda: rows.extend(self.connection.execute(sql).fetchall()))
        statement.start()
        MOCK.wait_for(lambda stats: stats["held"] == 1)
        for i in range(100):
            other.execute(self.sql(texts(f"a CV, {i}"), OPENAI)).fetchall()
        MOCK.set(hold="")
        statement.join()
        self.assertEqual(len(rows), 9000)
        self.assertEqual(sum(row[2] is not None for row in rows), 3)
        self.assertEqual(self.sent(), 100 + 3)

    def test_unknown_price_is_no_price(self):
        rows = self.annotate(texts("a CV"), LOCAL)
        self.assertEqual([row["cost_usd"] for row in rows], [None])

    def test_two_processes_at_once(self):
        """Half of the texts are the same: nothing is lost, and every row comes out of both."""
        MOCK.reset(latency_ms=5)
        one = self.child(self.sql(people(600), LOCAL))
        two = self.child(self.sql(people(600).replace("range(600)", "range(300, 900)"), LOCAL))
        for process in (one, two):
            (rows,) = self.finish(process)
            self.assertIsInstance(rows, list, rows)
            self.assertEqual(len(rows), 600)
            self.assertEqual([row[6] for row in rows], [None] * 600)
        stored = self.query(f"SELECT count(DISTINCT request_hash) AS n FROM muster.llm_store(store := '{self.store}')")
        self.assertEqual(stored, [{"n": 900}])
        MOCK.reset()
        self.annotate(people(900), LOCAL)
        self.assertEqual(self.sent(), 0)


def dollars(*models):
    """Prices under which a million tokens of an answer cost a dollar, and nothing else costs anything."""
    split = (model.split(":") for model in models)
    return [{"provider": of, "model": name, "input": 0, "cached": 0, "output": 1} for of, name in split]


class Money(Case):
    """Answers marked `dear` have a million tokens, a dollar each, of which the guess before the first knows nothing."""

    def test_the_limit_holds_at_any_concurrency(self):
        for concurrency in (1, 16, 64):
            for limit, answers in ((3, 3), (0.5, 1), (2.5, 2)):
                with self.subTest(concurrency=concurrency, limit=limit):
                    MOCK.reset(latency_ms=10)
                    self.store = self.folder / f"{concurrency}-{limit}.sqlite"
                    options = {"concurrency": concurrency, "max_cost_usd": limit, "prices": dollars(LOCAL)}
                    rows = self.annotate(people(300, "[[fault:dear]]"), LOCAL, **options)
                    self.assertEqual(sum(row["label"] is not None for row in rows), answers)
                    self.assertEqual(sum(row["cost_usd"] or 0 for row in rows), answers)
                    self.assertEqual(self.sent(), answers)
                    self.assertTrue(all("max_cost_usd" in row["error"] for row in rows if row["error"]))

    def test_the_limit_holds_for_all_models_together(self):
        """One answer more at most, though five models start without knowing what theirs cost."""
        for limit in (0.5, 4):
            self.store = self.folder / f"{limit}.sqlite"
            options = {"concurrency": 16, "max_cost_usd": limit, "prices": dollars(*MODELS)}
            rows = self.annotate(people(100, "[[fault:dear]]"), MODELS, **options)
            costs = [row["cost_usd"] for row in rows if row["label"] is not None]
            self.assertTrue(limit - 1.1 < sum(costs) <= limit + max(costs), costs)

    def test_dear_answers_among_cheap_ones(self):
        docs = texts(*(f"CV {i}" + ("[[fault:dear]]" if i % 40 == 0 else "") for i in range(400)))
        rows = self.annotate(docs, LOCAL, concurrency=64, max_cost_usd=5, prices=dollars(LOCAL))
        self.assertLessEqual(sum(row["cost_usd"] or 0 for row in rows), 6)

    def test_requests_widen(self):
        """With enough money there are as many at once as were asked for."""
        MOCK.reset(latency_ms=50)
        options = {"concurrency": 16, "max_cost_usd": 1e6, "prices": dollars(LOCAL)}
        rows = self.annotate(people(200, "[[fault:dear]]"), LOCAL, **options)
        self.assertEqual([row["error"] for row in rows], [None] * 200)
        self.assertEqual(MOCK.stats()["highest_in_flight"], 16)

    def test_errors_and_retries(self):
        docs = texts(*(f"CV {i}, [[fault:{'500:1' if i % 2 else 'dear'}]]" for i in range(100)))
        rows = self.annotate(docs, LOCAL, concurrency=16, max_cost_usd=2, prices=dollars(LOCAL))
        self.assertLessEqual(sum(row["cost_usd"] or 0 for row in rows), 3)

    def test_answers_of_an_earlier_run_count(self):
        """A batch that is taken up again is paid all the same."""
        model, options = {"provider": "openai", "model": "gpt-5-mini", "max_tokens": 1_000_000}, {"prices": dollars(OPENAI)}
        docs = people(4, "[[fault:dear]]")
        MOCK.reset(hold="GET /v1/batches")
        process = self.child(self.sql(docs, model, batch=True, **options))
        MOCK.wait_for(lambda stats: stats["held"] == 1)
        self.kill(process)
        MOCK.set(hold="")
        more = texts(*(f"Person {i}: [[fault:dear]]" for i in range(4)), "another CV")
        rows = self.annotate(more, model, batch=True, max_cost_usd=2, **options)
        self.assertEqual([row["label"] is None for row in rows], [False] * 4 + [True])
        self.assertRegex(rows[4]["error"], "max_cost_usd")
        self.assertEqual(MOCK.stats()["batch_items"], 4)

    def test_a_server_that_does_not_count_tokens(self):
        options = {"max_cost_usd": 1, "prices": dollars(LOCAL)}
        rows = self.annotate(people(100, "[[fault:no_usage]]"), LOCAL, **options)
        self.assertEqual(self.sent(), 1)
        self.assertEqual(sum("max_cost_usd := 1: its server does not count tokens" in (row["error"] or "") for row in rows), 99)

    def test_batches_are_covered_by_the_cap_on_tokens(self):
        self.assertRegex(self.error(self.sql(people(1), OPENAI, batch=True, max_cost_usd=1)), "max_cost_usd needs max_tokens")
        # half a dollar an answer at the most
        model = {"provider": "openai", "model": "gpt-5-mini", "max_tokens": 1_000_000}
        rows = self.annotate(people(20), model, batch=True, max_cost_usd=2, prices=dollars(OPENAI))
        self.assertEqual(MOCK.stats()["batch_items"], 4)
        self.assertEqual(sum("may be reached" in (row["error"] or "") for row in rows), 16)


class Limits(Case):
    def test_concurrency(self):
        MOCK.reset(latency_ms=100)
        models = [{"provider": "openai-compatible", "model": "a", "concurrency": 7},
                  {"provider": "openai-compatible", "model": "b", "concurrency": 3}]  # fmt: skip
        self.annotate(people(60), models)
        seen = {name: model["highest_in_flight"] for name, model in MOCK.stats()["models"].items()}
        self.assertEqual(seen, {"openai-compatible:a": 7, "openai-compatible:b": 3})

    def test_requests_a_minute(self):
        """Whatever time has passed, within a minute the server has seen no more than that."""
        process = self.child(self.sql(people(500), LOCAL, requests_per_minute=30))
        self.addCleanup(self.kill, process)
        MOCK.wait_for(lambda stats: stats["requests"] >= 1)
        end = time.monotonic() + 6
        while time.monotonic() < end:
            self.assertLessEqual(self.sent(), 30)
            time.sleep(0.1)
        self.assertIsNone(process.poll(), "the run is not over")

    def test_tokens_a_minute(self):
        (row,) = self.annotate(texts("a CV"), LOCAL)
        tokens = row["input_tokens"]
        MOCK.reset()
        self.store = self.folder / "other.sqlite"
        process = self.child(self.sql(people(500), LOCAL, tokens_per_minute=30 * tokens))
        self.addCleanup(self.kill, process)
        MOCK.wait_for(lambda stats: stats["requests"] >= 1)
        end = time.monotonic() + 6
        while time.monotonic() < end:
            self.assertLessEqual(self.sent(), 33)
            time.sleep(0.1)
        self.assertIsNone(process.poll(), "the run is not over")


class Killed(Case):
    """kill -9 and Ctrl-C: real processes, and the server counts what was asked."""

    N, AT_ONCE = 1000, 32

    def test_kill_at_half_and_run_again(self):
        MOCK.reset(latency_ms=20)
        sql = self.sql(people(self.N), LOCAL, concurrency=self.AT_ONCE)
        process = self.child(sql)
        MOCK.wait_for(lambda stats: stats["statuses"].get("200", 0) >= self.N // 2)
        self.kill(process)
        seen = self.sent()
        self.assertLess(seen, self.N, "it was killed too late to show anything")
        (rows,) = self.finish(self.child(sql))
        self.assertEqual(sorted(row[0] for row in rows), list(range(self.N)))
        self.assertEqual([row[6] for row in rows], [None] * self.N)
        self.assertLessEqual(self.sent(), self.N * 1.02 + self.AT_ONCE)
        print(f"\nkilled at {seen} of {self.N}: {self.sent()} requests in all", file=sys.stderr)

    def interrupt(self, process):
        """SIGINT once a part is answered and the server has fallen silent; how long the process took to end."""
        MOCK.wait_for(lambda stats: stats["statuses"].get("200", 0) >= 200)
        MOCK.set(hold="POST /v1/chat")
        MOCK.wait_for(lambda stats: stats["held"] == self.AT_ONCE)
        answered = MOCK.stats()["statuses"]["200"]
        process.send_signal(signal.SIGINT)
        start = time.monotonic()
        out, err = process.communicate(timeout=120)
        print(f"\nended {time.monotonic() - start:.2f} s after SIGINT", file=sys.stderr)
        return answered, out + err

    def assert_kept(self, answered):
        kept = self.query(f"SELECT count(*) AS n FROM muster.llm_store(store := '{self.store}')")[0]["n"]
        self.assertEqual(kept, answered)

    def test_interrupt_in_python(self):
        MOCK.reset(latency_ms=20)
        process = self.child(self.sql(people(self.N), LOCAL, concurrency=self.AT_ONCE))
        answered, printed = self.interrupt(process)
        self.assertRegex(printed, "(?i)interrupt")
        self.assert_kept(answered)

    @unittest.skipUnless(CLI.exists(), "the command-line client is not here")
    def test_interrupt_in_the_client(self):
        MOCK.reset(latency_ms=20)
        sql = self.sql(people(self.N), LOCAL, concurrency=self.AT_ONCE)
        process = subprocess.Popen(
            [CLI, "-unsigned", "-c", f"LOAD '{EXTENSION}'", "-c", sql],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        answered, printed = self.interrupt(process)
        self.assertRegex(printed, "(?i)interrupt")
        self.assert_kept(answered)

    def test_host_goes_on_after_an_interrupt(self):
        """Python's own KeyboardInterrupt still works, and so does the connection."""
        MOCK.reset(hold="POST /v1/chat")
        process = self.child(self.sql(people(5), LOCAL), "SELECT 42")
        MOCK.wait_for(lambda stats: stats["held"] == 5)
        process.send_signal(signal.SIGINT)
        first, second = self.finish(process)
        self.assertRegex(first["error"], "(?i)interrupt")
        self.assertEqual(second, [[42]])


class Batches(Case):
    N = 30
    # the requests of each provider's batch interface, in their order
    STEPS = {
        GOOGLE: ["POST /v1beta/models/gemini-3-flash:batchGenerateContent", "GET /v1beta/batches/"],
        ANTHROPIC: ["POST /v1/messages/batches", "GET /v1/messages/batches/"],
        OPENAI: ["POST /v1/files", "POST /v1/batches", "GET /v1/batches/", "GET /v1/files/"],
    }

    def test_every_provider(self):
        for model in self.STEPS:
            with self.subTest(model):
                MOCK.reset()
                rows = self.annotate(people(self.N), model, batch=True)
                self.assertEqual([row["error"] for row in rows], [None] * self.N)
                direct = self.annotate(people(self.N), model)
                self.assertEqual([row["cached"] for row in direct], [True] * self.N, "a batch is the same request")
                stats = MOCK.stats()
                self.assertEqual((stats["batches"], stats["batch_items"], stats["models"]), (1, self.N, {}))

    def test_half_price(self):
        batch = self.annotate(people(1), OPENAI, batch=True)
        self.store = self.folder / "other.sqlite"
        direct = self.annotate(people(1), OPENAI)
        self.assertAlmostEqual(batch[0]["cost_usd"] * 2, direct[0]["cost_usd"], places=12)

    def test_results_of_gemini_in_a_file(self):
        MOCK.reset(batch_file=1)
        rows = self.annotate(people(self.N), GOOGLE, batch=True)
        self.assertEqual([row["error"] for row in rows], [None] * self.N)

    def test_partly_expired_and_failed(self):
        marked = ("[[fault:expired]] another", "[[fault:batch_error]] a third", "[[fault:refusal]] a fourth")
        docs = texts("a CV", *marked, "a fifth")
        for model in self.STEPS:
            with self.subTest(model):
                MOCK.reset()
                rows = self.annotate(docs, model, batch=True, max_attempts=2)
                self.assertEqual([row["error"] is None for row in rows], [True, True, False, False, True])
                self.assertGreaterEqual(MOCK.stats()["batches"], 2, "a second batch for what expired")

    def test_kill_at_each_step(self):
        for model, steps in self.STEPS.items():
            for at, step in enumerate(steps):
                with self.subTest(model, step=step):
                    self.store = self.folder / f"{model.split(':')[0]}-{at}.sqlite"
                    MOCK.reset(hold=step)
                    sql = self.sql(people(self.N), model, batch=True)
                    process = self.child(sql)
                    MOCK.wait_for(lambda stats: stats["held"] == 1)
                    self.kill(process)
                    MOCK.set(hold="")
                    (rows,) = self.finish(self.child(sql))
                    self.assertEqual([row[6] for row in rows], [None] * self.N)
                    # a submission that was held reached nobody; everything after it is taken up again
                    self.assertEqual(MOCK.stats()["batch_items"], self.N)
                    self.assertEqual(MOCK.stats()["batches"], 1)

    def test_local_servers_have_no_batches(self):
        self.assertRegex(self.error(self.sql(people(1), LOCAL, batch=True)), "batch")


class Security(Case):
    def test_no_key_anywhere(self):
        docs = texts("a CV", "[[fault:echo_key]] a CV", "[[fault:401]]", "[[fault:403]]", "[[fault:drop]]")
        sql = self.sql(docs, MODELS, max_attempts=1)
        store = f"FROM muster.llm_store(store := '{self.store}')"
        usage = f"FROM muster.llm_usage(store := '{self.store}')"
        bad = self.sql(docs, "openai:gpt-5-mini", concurrency=-1)
        statements = (sql, f"EXPLAIN {sql}", f"EXPLAIN ANALYZE {sql}", store, usage, bad)
        process = self.child(*statements, RUST_LOG="trace", RUST_BACKTRACE="1")
        out, err = process.communicate(timeout=120)
        self.assertEqual(len(out.splitlines()), 6, err)
        self.assertIn("API key provided: [key]", out, "a server that echoed the key was redacted")
        self.assertGreater(MOCK.stats()["with_key"]["openai"], 0, "the keys were used")
        for name, text in (("output", out), ("errors", err)):
            self.assertNotIn("marker-key", text, name)
        files = sorted(filter(Path.is_file, self.folder.rglob("*")))
        self.assertIn(".jsonl", {file.suffix for file in files})
        for file in files:
            self.assertNotIn(b"marker-key", file.read_bytes(), file.name)

    def test_no_spelling_of_a_key_anywhere(self):
        """What a server sends back encoded, cut or in a header stands neither in rows nor in files."""
        names = ("json", "percent", "base64", "cut", "answer")
        docs, table = texts(*(f"[[fault:echo_{name}]] a CV" for name in names)), self.folder / "answers.parquet"
        statements = (self.sql(docs, MODELS), f"FROM muster.llm_store(store := '{self.store}')",
                      f"COPY (FROM muster.llm_store(store := '{self.store}')) TO '{table}' (COMPRESSION uncompressed)")  # fmt: skip
        process = self.child(*statements)
        out, err = process.communicate(timeout=120)
        rows, stored, _ = map(json.loads, out.splitlines())
        self.assertEqual((len(rows), len(stored)), (25, 5))
        answered = [row for row in rows if row[COLUMNS.index("error")] is None]
        for row in answered:
            # of a character of base64 a part may be of the key, and is left
            reason = r"came with ,  and \.$" if row[COLUMNS.index("annotator")] == LOCAL else r"came with \[key\], \[key\] and \[key\]\w?\.$"
            self.assertRegex(row[COLUMNS.index("reason")], reason)
        texts_out = json.dumps([rows, stored], ensure_ascii=False)
        everything = [out, texts_out, err, *(file.read_bytes().decode("latin-1") for file in self.folder.rglob("*") if file.is_file())]
        for key in KEYS.values():
            bare = base64.b64encode(b"Bearer " + key.encode()).decode().rstrip("=")
            spellings = (key, key[:16], "".join(f"\\u{ord(c):04x}" for c in key), "".join(f"%{ord(c):02X}" for c in key),
                         base64.b64encode(key.encode()).decode().rstrip("=")[:-1], bare[12:-1])  # fmt: skip
            for spelling in spellings:
                for text in everything:
                    self.assertFalse(spelling in text or spelling.replace("\\", "\\\\") in text, spelling)

    def test_short_keys(self):
        """Keys that are a part of every answer by chance, as local servers are given them."""
        model = {"provider": "openai-compatible", "model": "llama", "api_key_env": "LOCAL_TEST_KEY"}
        (plain,) = self.annotate(texts("10 papers on token models"), LOCAL)
        for at, key in enumerate(("0", "1", "token", "evaluation", "ACCEPT", "The")):
            self.local_key(key)
            self.store = self.folder / f"{at}.sqlite"
            (row,) = self.annotate(texts("10 papers on token models"), model)
            for name in ("label", "reason", "model", "error", "finish", "input_tokens", "output_tokens"):
                self.assertEqual(row[name], plain[name], key)
            (stored,) = self.query(f"FROM muster.llm_store(store := '{self.store}')")
            self.assertEqual(json.loads(stored["response"])["usage"]["prompt_tokens"], row["input_tokens"])

    def test_missing_key(self):
        for provider in PROVIDERS:
            for name in provider["keys"]:
                (result,) = self.finish(self.child(self.sql(people(1), f"{provider['name']}:m"), **{name: ""}))
                self.assertIn(name, result["error"])
        self.assertEqual(MOCK.stats()["requests"], 0)

    def test_variables_that_are_no_keys(self):
        """SQL names no variable of the process but keys of muster's."""
        docs = people(1)
        for variable in ("AWS_SECRET_ACCESS_KEY", "PATH", "MUSTER_STORE", "MUSTER_KEY_VARIABLES", "OTHER_KEY", ""):
            model = {"provider": "openai-compatible", "model": "llama", "api_key_env": variable}
            sql = self.sql(docs, model)
            environment = {variable or "NONE": "marker-key-of-nobody-5f1c", "MUSTER_KEY_VARIABLES": "OTHER, THIRD"}
            for statement in (sql, sql.replace("llm_annotate", "llm_plan"), self.sql(docs, model, replay=True)):
                (result,) = self.finish(self.child(statement, **environment))
                self.assertIn(f"MUSTER_KEY_VARIABLES, got '{variable}'", result["error"])
        self.assertEqual(MOCK.stats()["requests"], 0)
        for variable in ("MUSTER_LLAMA_KEY", "THIRD"):
            model["api_key_env"] = variable
            sql = self.sql(texts(variable), model)
            (rows,) = self.finish(self.child(sql, **{variable: "k" * 20, "MUSTER_KEY_VARIABLES": "OTHER, THIRD"}))
            self.assertIsNone(rows[0][6])
        self.assertEqual(MOCK.stats()["with_key"], {"openai-compatible": 2})

    def test_keys_stay_with_their_hosts(self):
        """A key goes to no address that SQL alone has named, not even on this machine."""
        with Mock() as other:
            port = other.url.rsplit(":", 1)[1]
            openai = {"provider": "openai", "model": "gpt-5-mini", "base_url": f"{other.url}/v1"}
            borrowed = {"provider": "openai-compatible", "model": "llama", "base_url": f"{other.url}/v1"}
            borrowed |= {"api_key_env": "OPENAI_API_KEY"}
            named = {**borrowed, "api_key_env": "MUSTER_LLAMA_KEY"}
            for model in (openai, borrowed, named):
                sql = self.sql(people(1), model)
                (result,) = self.finish(self.child(sql, MUSTER_LLAMA_KEY="k" * 20))
                self.assertRegex(result["error"], f"would send the key in {model.get('api_key_env', 'OPENAI_API_KEY')} to {other.url}")
                self.assertIn("MUSTER_ALLOWED_HOSTS or MUSTER_OPENAI_", result["error"])
                # nothing is sent for these
                plan = sql.replace("llm_annotate", "llm_plan")
                self.assertIsInstance(self.finish(self.child(plan, MUSTER_LLAMA_KEY="k" * 20))[0], list)
            self.assertEqual(other.stats()["requests"], 0)
            for at, (model, variables) in enumerate((
                (openai, {"MUSTER_ALLOWED_HOSTS": f"127.0.0.1:{port}"}),
                (openai, {"MUSTER_OPENAI_BASE_URL": other.url}),
                (borrowed, {"MUSTER_OPENAI_BASE_URL": f"{other.url}/elsewhere"}),
                (named, {"MUSTER_OPENAI_COMPATIBLE_BASE_URL": other.url}),
            )):  # fmt: skip
                (rows,) = self.finish(self.child(self.sql(texts(f"CV {at}"), model), MUSTER_LLAMA_KEY="k" * 20, **variables))
                self.assertIsNone(rows[0][6])
            self.assertEqual(other.stats()["requests"], 4)
            # without a key any server will do
            del borrowed["api_key_env"]
            self.assertIsNone(self.annotate(texts("free"), borrowed)[0]["error"])

    def test_plain_http(self):
        model = {"provider": "openai-compatible", "model": "llama", "base_url": "http://models.invalid/v1"}
        self.assertRegex(self.error(self.sql(people(1), model)), "http://models.invalid.*https|not encrypted")
        (row,) = self.annotate(people(1), model, allow_http=True, max_attempts=1)
        self.assertIsNone(row["label"])
        for host in ("localhost", "127.0.0.1"):
            model["base_url"] = f"{MOCK.url.replace('127.0.0.1', host)}/v1"
            (row,) = self.annotate(people(1), model)
            self.assertIsNone(row["error"])

    def test_disguised_hosts(self):
        """Base URLs that only look like a loopback address, or bring more than an address."""
        urls = ("http://127.0.0.1.evil.invalid/v1", "http://localhost@evil.invalid/v1", "http://evil.invalid#localhost",
                "ftp://localhost/v1", "file:///etc/passwd", "localhost", "")  # fmt: skip
        for url in urls:
            with self.subTest(url):
                model = {"provider": "openai-compatible", "model": "llama", "base_url": url}
                self.assertRegex(self.error(self.sql(people(1), model)), "base_url|base URL")

    def test_allowed_hosts(self):
        sql = self.sql(people(1), LOCAL)
        (refused,) = self.finish(self.child(sql, MUSTER_ALLOWED_HOSTS="models.example, api.openai.com"))
        self.assertRegex(refused["error"], "127.0.0.1.*MUSTER_ALLOWED_HOSTS")
        self.assertEqual(MOCK.stats()["requests"], 0)
        (rows,) = self.finish(self.child(sql, MUSTER_ALLOWED_HOSTS="models.example,127.0.0.1"))
        self.assertEqual([row[6] for row in rows], [None])
        port = MOCK.url.rsplit(":", 1)[1]
        for hosts, error in (
            (f"127.0.0.1:{port}", None),
            ("127.0.0.1:1", "is not in MUSTER_ALLOWED_HOSTS"),
            (" ", "is not in MUSTER_ALLOWED_HOSTS"),
            (f"127.0.0.1,{MOCK.url}", "MUSTER_ALLOWED_HOSTS must list 'host' or 'host:port'"),
            ("127.0.0.1,\udcff", "MUSTER_ALLOWED_HOSTS must list 'host' or 'host:port'"),
        ):
            with self.subTest(hosts):
                (result,) = self.finish(self.child(sql, MUSTER_ALLOWED_HOSTS=hosts))
                self.assertEqual(error is None, isinstance(result, list), result)
                self.assertIn(error or "", str(result))

    def test_redirects(self):
        rows = self.annotate(texts("[[fault:redirect]]", "[[fault:redirect_here]]"), MODELS)
        self.assertEqual([row["label"] for row in rows], [None] * 2 * len(MODELS))
        self.assertEqual(MOCK.requests("__redirected"), 0)

    def test_store_is_the_owners_alone(self):
        self.annotate(people(1), LOCAL)
        files = list(self.folder.rglob("*"))
        self.assertGreater(len(files), 2)
        for file in files:
            self.assertEqual(file.stat().st_mode & 0o077, 0, file.name)


class Progress(Case):
    def run_on_terminal(self, **environment):
        """What a run of 300 rows writes to a terminal, and its other output."""
        ours, theirs = os.openpty()
        with given(str(EXTENSION), self.sql(people(300), LOCAL)) as stdin:
            process = subprocess.Popen(
                [sys.executable, "-c", CHILD], stdin=stdin, stdout=subprocess.PIPE, stderr=theirs, text=True,
                env={**os.environ, "TERM": "xterm", "COLUMNS": "120", **environment},
            )  # fmt: skip
        os.close(theirs)
        shown, output = b"", []
        reader = threading.Thread(target=lambda: output.append(process.stdout.read()))
        reader.start()
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # the other side is closed
                break
            if not part:
                break
            shown += part
        process.wait()
        reader.join()
        process.stdout.close()
        os.close(ours)
        return shown.decode(), output[0]

    def test_line_on_a_terminal(self):
        MOCK.reset(latency_ms=100)
        shown, out = self.run_on_terminal(MUSTER_PROGRESS="1")
        self.assertEqual(len(out.splitlines()), 1, "nothing but the rows on standard output")
        self.assertRegex(shown, "300")
        self.assertRegex(shown, "(?i)stored")

    def test_silence(self):
        MOCK.reset(latency_ms=20)
        shown, _ = self.run_on_terminal(MUSTER_PROGRESS="0")
        self.assertEqual(shown, "")
        self.store = self.folder / "other.sqlite"
        process = self.child(self.sql(people(300), LOCAL), MUSTER_PROGRESS="1")
        _, err = process.communicate(timeout=120)
        self.assertEqual(err, "", "not a terminal")


class Arguments(Case):
    BAD = [
        (["nobody:model"], {}, "provider.*google.*anthropic.*openai"),
        (["gemini"], {}, "provider:model"),
        ([], {}, "models must"),
        (None, {}, "models must .*got NULL"),
        ([LOCAL, LOCAL], {}, "(?i)twice|annotator"),
        ([{"provider": "openai", "model": "m", "colour": "red"}], {}, "colour"),
        ([{"provider": "openai"}], {}, "model"),
        ([LOCAL], {"concurrency": 0}, "concurrency must .*got 0"),
        ([LOCAL], {"max_attempts": 0}, "max_attempts must .*got 0"),
        ([LOCAL], {"timeout_s": -1}, "timeout_s must .*got -1"),
        ([LOCAL], {"max_error_ratio": 2}, "max_error_ratio must .*got 2"),
        ([LOCAL], {"max_cost_usd": 1}, "max_cost_usd.*price"),
        ([LOCAL], {"requests_per_minute": 0}, "requests_per_minute must .*got 0"),
        ([LOCAL], {"schema": "{"}, "schema must"),
        ([LOCAL], {"schema": {"yes": ["ja"], "no": ["Ja"]}}, "schema must"),
        ([LOCAL], {"prompt": ""}, "prompt must"),
        ([LOCAL], {"store": "/dev/null/x"}, "store '/dev/null/x"),
    ]

    def test_bad_arguments(self):
        for models, options, pattern in self.BAD:
            with self.subTest(models=models, **options):
                self.assertRegex(self.error(self.sql(people(1), models, **options)), pattern)
        self.assertEqual(MOCK.stats()["requests"], 0)


class Agreement(Case):
    def test_kappa(self):
        """The worked example of Cohen's kappa: 20 and 15 agreements of 50, hence .4."""
        pairs = [(True, True)] * 20 + [(True, False)] * 5 + [(False, True)] * 10 + [(False, False)] * 15
        values = ", ".join(f"({i}, 'a', {x}), ({i}, 'b', {y})" for i, (x, y) in enumerate(pairs))
        sql = f"WITH r AS (FROM (VALUES {values}) t(profile_id, annotator, label)) FROM muster.llm_agreement(r)"
        (row,) = self.query(sql)
        self.assertEqual((row["annotator"], row["other"], row["n"]), ("a", "b", 50))
        self.assertAlmostEqual(row["agreement"], 0.7)
        self.assertAlmostEqual(row["kappa"], 0.4)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--extension", type=Path, default=EXTENSION)
    options, rest = parser.parse_known_args()
    EXTENSION = options.extension.resolve()
    unittest.main(argv=[sys.argv[0], *rest])
