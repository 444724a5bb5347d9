"""The store of paid answers: what docs/reliability.md promises, with real processes, files and faults.

    python test/test_store.py --extension build/release/muster.duckdb_extension [--kills 100] [-v] [names of tests]

Of what is asked here the server says something else each time (`fickle`), with a number of its own as the reason: a row
that equals the stored one is the same answer, not one like it.
"""

import argparse
import ctypes
import json
import os
import random
import re
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import test_llm  # noqa: E402
from mock import given  # noqa: E402
from test_llm import COLUMNS, LOCAL, OPENAI, Case, literal, people, texts  # noqa: E402

KILLS = 10
SEED = 20260
FICKLE = "[[fault:fickle]]"
LABEL, REASON, COST, CACHED = (COLUMNS.index(name) for name in ("label", "reason", "cost_usd", "cached"))


def setUpModule():
    test_llm.setUpModule()


def tearDownModule():
    test_llm.tearDownModule()


class StoreCase(Case):
    def setUp(self):
        super().setUp()
        self.mock = test_llm.MOCK

    @property
    def answers(self):
        """The folder of the store."""
        return Path(f"{self.store}.answers")

    def files(self):
        return sorted(self.answers.glob("*.jsonl"))

    def replayed(self, docs, model, **options):
        """Label and reason of each profile, by another process and from the store alone."""
        before = self.sent()
        (rows,) = self.finish(self.child(self.sql(docs, model, replay=True, **options)))
        self.assertIsInstance(rows, list, rows)
        self.assertEqual(self.sent(), before)
        return {row[0]: (row[LABEL], row[REASON]) for row in rows}

    def usage(self):
        return self.query(f"FROM muster.llm_usage(store := {literal(self.store)})")

    def assert_sent_once(self, n, batch=False):
        """Each of `n` requests has reached the server once."""
        sent = self.mock.stats()["batch_items"] if batch else self.sent()
        self.assertEqual(sent, n)


class Readers(StoreCase):
    def read_in_every_way(self):
        """What a notebook, a backup and another SQLite do with the files, in this process."""
        files = [*self.answers.iterdir(), *self.folder.glob("store.sqlite*")]
        for file in filter(Path.is_file, files):
            file.read_bytes()
        shutil.copytree(self.answers, self.folder / "copy.sqlite.answers", dirs_exist_ok=True)
        if self.store.exists():
            connection = sqlite3.connect(self.store)
            connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
            connection.close()
        sql = f"SELECT count(*) FROM read_json('{self.answers}/*.jsonl', format = 'newline_delimited') WHERE kind = 'answer'"
        return self.connection.execute(sql).fetchall()[0][0]

    def test_reading_in_this_process_takes_nothing_away(self):
        first = self.annotate(people(20, FICKLE), LOCAL)
        self.assertEqual(self.read_in_every_way(), 20)
        # vectors of the same store are in the SQLite file, which stays out of this
        sqlite3.connect(self.store).close()
        second = self.annotate(people(220, FICKLE), LOCAL)
        self.assertEqual(self.read_in_every_way(), 220)
        self.assertEqual([row["reason"] for row in second[:20]], [row["reason"] for row in first])
        self.assertEqual(self.replayed(people(220, FICKLE), LOCAL), {r["profile_id"]: (r["label"], r["reason"]) for r in second})
        self.store = self.folder / "copy.sqlite"
        self.assertEqual(len(self.replayed(people(220, FICKLE), LOCAL)), 220)

    def test_reading_while_it_is_written(self):
        """Copies that are made meanwhile are stores, which hold what had come out by then."""
        self.mock.reset(latency_ms=5)
        ended, looks = threading.Event(), []
        self.annotate(people(1, FICKLE), LOCAL)

        def read():
            while not ended.is_set():
                looks.append(self.read_in_every_way())

        def read_json_alone(path):
            return sum(line.count('"kind":"answer"') for file in Path(path).glob("*.jsonl") for line in file.read_text().splitlines())

        reader = threading.Thread(target=read)
        reader.start()
        try:
            (rows,) = self.finish(self.child(self.sql(people(600, FICKLE), LOCAL)))
        finally:
            ended.set()
            reader.join()
        self.assertEqual(len(rows), 600)
        self.assertEqual(looks, sorted(looks), "answers are added and never taken away")
        copied = read_json_alone(self.folder / "copy.sqlite.answers")
        (counts,) = self.finish(self.child(f"SELECT count(*) FROM muster.llm_store(store := '{self.folder}/copy.sqlite')"))
        self.assertEqual(counts, [[copied]])

    def test_a_store_that_may_only_be_read(self):
        rows = self.annotate(people(20, FICKLE), OPENAI)
        listed = self.query(f"FROM muster.llm_store(store := {literal(self.store)})")
        self.make_old(listed, self.folder / "old.sqlite")
        expected = {row["profile_id"]: (row["label"], row["reason"]) for row in rows}
        spent = sum(row["cost_usd"] for row in rows)
        for store in (self.store, self.folder / "old.sqlite"):
            self.store = store
            with self.subTest(store.name), self.read_only():
                replay = self.sql(people(20, FICKLE), OPENAI, replay=True)
                again = self.sql(people(20, FICKLE), OPENAI)
                more = self.sql(people(21, FICKLE), OPENAI)
                named = f"(store := {literal(store)})"
                usage = f"SELECT sum(cost_usd) FROM muster.llm_usage{named}"
                results = self.finish(self.bound(replay, again, f"SELECT count(*) FROM muster.llm_store{named}", usage, more))
                for rows in results[:2]:
                    self.assertIsInstance(rows, list, rows)
                    self.assertEqual({row[0]: (row[LABEL], row[REASON]) for row in rows}, expected)
                self.assertEqual(results[2], [[20]])
                self.assertAlmostEqual(results[3][0][0], spent, places=12)
                self.assertRegex(results[4]["error"], "cannot be written, so nothing is asked")
        self.assert_sent_once(20)

    def read_only(self):
        """Within the block nobody may write what is in the folder."""
        case = self

        class ReadOnly:
            def __enter__(self):
                os.chmod(case.folder, 0o555)
                for path in case.folder.rglob("*"):
                    os.chmod(path, 0o555 if path.is_dir() else 0o444)

            def __exit__(self, *_):
                for path in (case.folder, *case.folder.rglob("*")):
                    os.chmod(path, 0o755)

        return ReadOnly()

    def bound(self, *statements):
        """A child whom permissions bind, also where this one is root."""

        def drop():
            if os.geteuid() == 0:
                # PR_CAPBSET_DROP of CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH: gone with the next program
                for capability in (1, 2):
                    if ctypes.CDLL(None).prctl(24, capability, 0, 0, 0) != 0:
                        raise OSError("capabilities cannot be dropped")

        with given(str(test_llm.EXTENSION), *statements) as stdin:
            return subprocess.Popen(
                [sys.executable, "-c", test_llm.CHILD],
                stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=drop,
            )  # fmt: skip

    def make_old(self, listed, path):
        """A store as version 0.1 wrote it, with the rows of `llm_store`."""
        connection = sqlite3.connect(path)
        connection.executescript("""
            PRAGMA journal_mode = wal;
            PRAGMA application_id = 0x6d737472;
            PRAGMA user_version = 1;
            CREATE TABLE llm_template (template_id INTEGER PRIMARY KEY, template_hash BLOB NOT NULL UNIQUE,
                provider TEXT NOT NULL, base_url TEXT NOT NULL, requested_model TEXT NOT NULL, head TEXT NOT NULL);
            CREATE TABLE llm_answer (answer_id INTEGER PRIMARY KEY, request_hash BLOB NOT NULL UNIQUE,
                template_id INTEGER NOT NULL, model TEXT, label INTEGER, word TEXT NOT NULL, finish TEXT,
                attempts INTEGER NOT NULL, batch INTEGER NOT NULL, input_tokens INTEGER, cached_tokens INTEGER,
                output_tokens INTEGER, reasoning_tokens INTEGER, cost_usd REAL, answered_ms INTEGER NOT NULL,
                request_id TEXT, reason TEXT, text TEXT NOT NULL, response TEXT NOT NULL);
            CREATE TABLE llm_failure (failure_id INTEGER PRIMARY KEY, request_hash BLOB NOT NULL, template_id INTEGER NOT NULL,
                model TEXT, error TEXT NOT NULL, finish TEXT, attempts INTEGER NOT NULL, batch INTEGER NOT NULL,
                input_tokens INTEGER, cached_tokens INTEGER, output_tokens INTEGER, reasoning_tokens INTEGER, cost_usd REAL,
                failed_ms INTEGER NOT NULL, response TEXT);
            CREATE TABLE llm_batch (batch_id TEXT NOT NULL, provider TEXT NOT NULL, base_url TEXT NOT NULL, model TEXT NOT NULL,
                open INTEGER NOT NULL, submitted_ms INTEGER NOT NULL, requests BLOB NOT NULL,
                PRIMARY KEY (provider, base_url, batch_id));
        """)
        templates = {}
        for row in listed:
            text = json.loads(row["request"])["text"]
            head = row["request"].removesuffix(',"version":1}')
            head = head[: len(head) - len(json.dumps(text, ensure_ascii=False))]
            self.assertTrue(head.endswith('"text":'))
            if head not in templates:
                templates[head] = len(templates) + 1
                values = (templates[head], str(len(templates)), row["provider"], row["base_url"], row["requested_model"], head)
                connection.execute("INSERT INTO llm_template VALUES (?, ?, ?, ?, ?, ?)", values)
            values = (bytes.fromhex(row["request_hash"]), templates[head], row["model"], row["label"], row["answer"], row["finish"],
                      row["attempts"], row["batch"], row["input_tokens"], row["cached_tokens"], row["output_tokens"],
                      row["reasoning_tokens"], row["cost_usd"], int(row["answered_at"].timestamp() * 1000), row["request_id"],
                      row["reason"], text, row["response"])  # fmt: skip
            connection.execute(f"INSERT INTO llm_answer VALUES (NULL, {', '.join('?' * len(values))})", values)
        connection.commit()
        connection.close()

    def test_a_store_of_an_earlier_version(self):
        """Its answers are found and stay; what is new goes beside them, also while somebody has the SQLite file locked."""
        rows = self.annotate(people(20, FICKLE), OPENAI)
        listed = self.query(f"FROM muster.llm_store(store := {literal(self.store)})")
        self.store = self.folder / "old.sqlite"
        self.make_old(listed, self.store)
        holder = sqlite3.connect(self.store, isolation_level=None)
        self.addCleanup(holder.close)
        holder.execute("BEGIN EXCLUSIVE")
        before = {row["profile_id"]: (row["label"], row["reason"]) for row in rows}
        again = self.annotate(people(30, FICKLE), OPENAI)
        self.assertEqual({row["profile_id"]: (row["label"], row["reason"]) for row in again[:20]}, before)
        self.assert_sent_once(30)
        self.assertEqual(len(self.replayed(people(30, FICKLE), OPENAI)), 30)
        self.assertAlmostEqual(self.usage()[0]["cost_usd"], sum(row["cost_usd"] for row in again), places=12)
        holder.execute("ROLLBACK")
        # a replay by whoever has only the old file
        for path in self.answers.iterdir():
            path.unlink()
        self.assertEqual(self.replayed(people(20, FICKLE), OPENAI), before)


class Processes(StoreCase):
    def at_once(self, processes, n, **options):
        """Several processes that ask about the same, each in an order of its own; their rows."""
        docs = people(n, FICKLE)
        shuffled = [docs + f", mixed AS (FROM docs ORDER BY hash(profile_id + {k})) " for k in range(processes)]
        calls = [self.sql("", OPENAI, **options).replace("(docs", "(mixed") for _ in shuffled]
        children = [self.child(docs + call) for docs, call in zip(shuffled, calls)]
        return [self.finish(child)[0] for child in children]

    def check(self, results, n, batch=False):
        self.assert_sent_once(n, batch)
        stored = self.replayed(people(n, FICKLE), OPENAI)
        paid = 0
        for rows in results:
            self.assertIsInstance(rows, list, rows)
            self.assertEqual({row[0]: (row[LABEL], row[REASON]) for row in rows}, stored)
            paid += sum(row[COST] for row in rows if not row[CACHED])
        (line,) = self.usage()
        self.assertEqual(line["answers"], n)
        self.assertAlmostEqual(line["cost_usd"], paid, places=9)

    def test_two(self):
        self.mock.reset(latency_ms=10)
        self.check(self.at_once(2, 300), 300)

    def test_eight(self):
        self.mock.reset(latency_ms=20)
        self.check(self.at_once(8, 300, concurrency=4), 300)

    def test_batches_of_two(self):
        self.check(self.at_once(2, 40, batch=True), 40, batch=True)

    def test_failures_of_one_are_tried_by_the_other(self):
        """What the first asks in vain is no answer to the second."""
        sql = self.sql(texts("[[fault:500:2]] a CV"), LOCAL, max_attempts=2)
        results = [self.finish(child)[0] for child in [self.child(sql), self.child(sql)]]
        self.assertEqual(sorted(row[LABEL] is None for (row,) in results), [False, True], results)
        self.assert_sent_once(3)

    def test_a_claim_ends_with_its_process(self):
        self.mock.reset(hold="POST /v1/chat")
        sql = self.sql(people(5, FICKLE), LOCAL)
        first = self.child(sql)
        self.mock.wait_for(lambda stats: stats["held"] == 5)
        second = self.child(sql)
        time.sleep(0.5)
        self.assertEqual(self.sent(), 5, "the second waits for the first")
        self.kill(first)
        self.mock.wait_for(lambda stats: stats["models"][LOCAL]["requests"] == 10)
        self.mock.set(hold="")
        (rows,) = self.finish(second)
        self.assertEqual([row[6] for row in rows], [None] * 5)


class Kills(StoreCase):
    def test_kills_at_random(self):
        """Two processes on one store, one of them killed again and again, and readers beside: whatever a killed process had
        printed is what a replay gives."""
        chance, each, at_once = random.Random(SEED), 60, 8
        n = KILLS * each
        self.mock.reset(latency_ms=20)
        statements = [self.sql(self.part(i, i + 10), LOCAL, concurrency=at_once) for i in range(0, n, 10)]
        ended, faults, printed = threading.Event(), [], {}

        def came_out(rows):
            for row in rows:
                self.assertEqual(printed.setdefault(row[0], (row[LABEL], row[REASON])), (row[LABEL], row[REASON]))

        def read():
            while not ended.is_set():
                for file in self.answers.glob("*.jsonl"):
                    file.read_bytes()
                copy = self.folder / "copy.sqlite"
                if self.files():
                    shutil.copytree(self.answers, f"{copy}.answers", ignore=shutil.ignore_patterns("*.new"))
                    (result,) = self.finish(self.child(f"SELECT count(*) FROM muster.llm_store(store := '{copy}')"))
                    faults.extend([] if isinstance(result, list) else [result])
                    shutil.rmtree(f"{copy}.answers")

        reader = threading.Thread(target=read)
        reader.start()
        beside = self.child(*(sql.replace(f"concurrency := {at_once}", "concurrency := 1") for sql in statements[::-1]))
        try:
            for k in range(KILLS):
                own = statements[k * each // 10 : (k + 1) * each // 10]
                process = self.child(*own)
                out = [process.stdout.readline() for _ in range(chance.randrange(1, 4))]
                time.sleep(chance.random() * 0.05)
                process.send_signal(signal.SIGKILL)
                rest, _ = process.communicate()
                # a line that was cut has not come out
                for line in "".join([*out, rest]).split("\n")[:-1]:
                    came_out(json.loads(line) if line.startswith("[[") else [])
            for rows in self.finish(beside) + self.finish(self.child(*statements)):
                self.assertIsInstance(rows, list, rows)
                came_out(rows)
        finally:
            ended.set()
            reader.join()
        self.assertEqual(faults, [])
        self.assertEqual(self.replayed(self.part(0, n), LOCAL), printed)
        self.assertEqual(len(printed), n)
        self.assertLessEqual(self.sent(), n + KILLS * at_once)
        (line,) = self.usage()
        self.assertEqual(line["answers"], n)
        print(f"\n{KILLS} kills: {self.sent()} requests for {n} answers in {len(self.files())} files", file=sys.stderr)

    @staticmethod
    def part(begin, end):
        return people(0, FICKLE).replace("range(0)", f"range({begin}, {end})")


# A process that may not write files longer than a number of bytes, until it is told so.
LIMITED = (
    test_llm.CHILD.replace("import duckdb", "import resource, duckdb", 1)
    .replace("extension, *statements", "limit, extension, *statements", 1)
    .replace("for statement in statements:", """
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
for statement in statements:
    if statement == "more room":
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        continue
""")
)  # fmt: skip


class Full(StoreCase):
    """A disk that is full, as a process sees it that may not write long files."""

    N, AT_ONCE, ROOM = 400, 8, 100_000

    def limited(self, *statements):
        with given(self.ROOM, str(test_llm.EXTENSION), *statements) as stdin:
            return subprocess.Popen(
                [sys.executable, "-c", LIMITED], stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )

    def until_it_stands(self):
        """Waits until nothing more is sent."""
        self.mock.wait_for(lambda stats: stats["requests"] > self.AT_ONCE)
        sent = -1
        while sent != (sent := self.sent()):
            time.sleep(0.7)
        return sent

    def kept(self):
        return self.query(f"SELECT count(*) AS n FROM muster.llm_store(store := '{self.store}')")[0]["n"]

    def test_sending_stops_and_nothing_is_paid_twice(self):
        sql = self.sql(people(self.N, FICKLE), LOCAL, concurrency=self.AT_ONCE)
        process = self.limited(sql, "more room", sql)
        sent = self.until_it_stands()
        self.assertLess(sent, self.N, "there was room for everything")
        kept = self.kept()
        self.assertGreater(kept, 0)
        self.assertLessEqual(sent - kept, self.AT_ONCE)
        first, second = self.finish(process)
        self.assertRegex(first["error"], r"cannot be written to the store .*kept in memory and tried again")
        self.assertEqual([row[6] for row in second], [None] * self.N)
        self.assert_sent_once(self.N)
        self.assertEqual({row[0]: (row[LABEL], row[REASON]) for row in second}, self.replayed(people(self.N, FICKLE), LOCAL))
        self.assertEqual(self.usage()[0]["answers"], self.N)

    def test_an_interrupt_is_heard_and_another_store_goes_on(self):
        sql = self.sql(people(self.N, FICKLE), LOCAL, concurrency=self.AT_ONCE)
        other = sql.replace("store.sqlite", "other.sqlite").replace(f"range({self.N})", "range(5)")
        beside = "import threading\ndef beside():\n    connection.cursor().execute({!r}).fetchall()\n    print('\"beside\"', flush=True)\n"
        program = LIMITED.replace("for statement in statements:", beside.format(other) + "for statement in statements:", 1)
        program = program.replace("if statement ==", "threading.Timer(1.5, beside).start()\n    if statement ==")
        with given(self.ROOM, str(test_llm.EXTENSION), sql) as stdin:
            process = subprocess.Popen(
                [sys.executable, "-c", program], stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
        # the other statement came out while the first one was waiting
        self.assertEqual(process.stdout.readline().strip(), '"beside"')
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
        self.assertRegex(out + err, "(?i)interrupt")
        self.assertNotIn("cannot be written", out + err)


# Library that prints what is synced by the process into which it is loaded: a line each, with the number of the file or folder and its size.
SYNCED = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static int synced(const char *name, int fd)
{
    int (*sync)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    int result = sync(fd);
    struct stat file;
    if (result == 0 && fstat(fd, &file) == 0) {
        FILE *log = fopen(getenv("SYNCED"), "a");
        fprintf(log, "%lu %ld\\n", (unsigned long)file.st_ino, (long)file.st_size);
        fclose(log);
    }
    return result;
}

int fsync(int fd) { return synced("fsync", fd); }
int fdatasync(int fd) { return synced("fdatasync", fd); }
"""


@unittest.skipUnless(sys.platform == "linux", "a library is put before the system's")
class Synced(StoreCase):
    def test_rows_come_out_behind_the_disk(self):
        """Once a statement's rows are there, every byte of its answers, and the name of their file, has been synced."""
        source, library, log = (self.folder / name for name in ("synced.c", "synced.so", "log"))
        source.write_text(SYNCED)
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
        log.touch()
        look = f"SELECT content FROM read_text('{log}')"
        statements = [sql for n in (20, 60) for sql in (self.sql(people(n, FICKLE), LOCAL), look)]
        first, synced_first, second, synced_second = self.finish(self.child(*statements, LD_PRELOAD=str(library), SYNCED=str(log)))
        self.assertEqual((len(first), len(second)), (20, 60))
        (file,) = self.files()
        text = file.read_text().splitlines(keepends=True)
        answers = [at for at, line in enumerate(text) if '"kind":"answer"' in line]
        sizes = []
        for ((log_then,),), n in ((synced_first, 20), (synced_second, 60)):
            lines = [tuple(map(int, line.split())) for line in log_then.splitlines()]
            self.assertIn(self.answers.stat().st_ino, [number for number, _ in lines])
            sizes.append(max(size for number, size in lines if number == file.stat().st_ino))
            self.assertGreaterEqual(sizes[-1], sum(len(line.encode()) for line in text[: answers[n - 1] + 1]))
        self.assertEqual(sizes[-1], file.stat().st_size)


class Damage(StoreCase):
    def damaged(self, change, says):
        """Every function errs over a file that `change` was done to, and nothing is sent."""
        (file,) = self.files()
        whole = file.read_bytes()
        file.write_bytes(change(whole))
        sent = self.sent()
        named = f"(store := {literal(self.store)})"
        for sql in (self.sql(people(20, FICKLE), LOCAL), self.sql(people(20, FICKLE), LOCAL, replay=True),
                    f"FROM muster.llm_store{named}", f"FROM muster.llm_usage{named}"):  # fmt: skip
            (result,) = self.finish(self.child(sql))
            self.assertIsInstance(result, dict, "an error")
            self.assertRegex(result["error"], says)
            self.assertIn(str(file), result["error"])
        self.assertEqual(self.sent(), sent)
        file.write_bytes(whole)

    def test_flipped_bits(self):
        self.annotate(people(20, FICKLE), LOCAL)
        chance = random.Random(SEED)
        (file,) = self.files()
        text = file.read_bytes()
        lines = text.split(b"\n")
        label = text.index(b'"label":') + 8

        def flip(at):
            return lambda whole: whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]

        for at in [label, *(chance.randrange(len(text) - 1) for _ in range(3))]:
            number = text[:at].count(b"\n") + 1
            with self.subTest(line=number, byte=at):
                self.damaged(flip(at), rf"line {number} of .* is damaged")
        # the way out that the error names
        file.write_bytes(b"\n".join([*lines[1:5], *lines[6:]]))
        rows = self.annotate(people(20, FICKLE), LOCAL)
        self.assertEqual([row["cached"] for row in rows].count(False), 1)

    def test_files_that_were_cut(self):
        self.annotate(people(20, FICKLE), LOCAL)
        size = self.files()[0].stat().st_size
        for length in (0, 1, 200, size // 2, size - 1):
            with self.subTest(length):
                self.damaged(lambda whole: whole[:length], "has been cut|line 1 of .* is damaged")

    def test_an_old_store_that_was_cut(self):
        self.store.write_bytes(b"S")
        self.assertRegex(self.error(self.sql(people(1), LOCAL)), "what is left of a store")
        self.assertEqual(self.sent(), 0)


class Places(StoreCase):
    def test_paths_that_are_none(self):
        for store in (":memory:", "file::memory:", "file:x?mode=memory", "~nobody/x", str(self.folder)):
            with self.subTest(store):
                self.store = store
                pattern = f"store must be the path of a file, got '{re.escape(store)}'"
                self.assertRegex(self.error(self.sql(people(1), LOCAL)), pattern)
        self.assertEqual(self.sent(), 0)

    def test_home(self):
        self.store = "~/study.sqlite"
        sql = self.sql(people(3, FICKLE), LOCAL)
        self.finish(self.child(sql, HOME=str(self.folder)))
        self.assertTrue((self.folder / "study.sqlite.answers").is_dir())
        self.finish(self.child(sql, HOME=str(self.folder)))
        self.assert_sent_once(3)


class Imports(StoreCase):
    def listed(self, n=5000):
        """A table `listed` of rows of `llm_store`, more than a vector of them."""
        self.annotate(texts("a CV"), OPENAI)
        self.connection.execute(f"""
            CREATE TABLE one AS FROM muster.llm_store(store := '{self.store}');
            CREATE TABLE listed AS
            SELECT one.* REPLACE (r AS request, sha256(r) AS request_hash)
            FROM one, (SELECT replace(request, 'a CV', 'CV ' || i) AS r FROM one, range({n}) t(i))
        """)
        self.store = self.folder / "imported.sqlite"

    def load(self, relation):
        return f"FROM muster.llm_import({relation}, store := {literal(self.store)})"

    def count(self):
        return self.query(f"SELECT count(*) AS n FROM muster.llm_store(store := '{self.store}')")[0]["n"]

    def test_labels_of_any_type(self):
        self.listed(1)
        before = self.query("FROM listed")[0]
        for number, kind in enumerate(("VARCHAR", "INTEGER", "DOUBLE", "BOOLEAN")):
            with self.subTest(kind):
                self.store = self.folder / f"{number}.sqlite"
                self.connection.execute(f"CREATE OR REPLACE VIEW typed AS SELECT * REPLACE (CAST(label AS {kind}) AS label) FROM listed")
                self.assertEqual(self.query(self.load("typed")), [{"answers": 1, "imported": 1}])
                (row,) = self.query(f"FROM muster.llm_store(store := '{self.store}')")
                self.assertEqual({**row, "response": None}, {**before, "response": None})

    def test_a_bad_row_leaves_nothing_and_a_right_import_mends_it(self):
        self.listed()
        is_bad = "request = (SELECT request FROM listed LIMIT 1 OFFSET 4000)"
        opposite = "CASE answer WHEN 'ACCEPT' THEN 'REJECT' ELSE 'ACCEPT' END"
        for column, value, says in (
            ("label", "NOT label", "label must be .*, as answer is"),
            ("label", "NULL", "label must be .* got NULL"),
            ("label", "'perhaps'", "label must be true or false, 1 or 0, yes or no, or NULL, got 'perhaps'"),
            ("answer", opposite, "label must be"),
            ("answer", "'MAYBE'", "answer must be a word"),
            ("cost_usd", "-1", "cost_usd must be a number between 0 and .* got -1"),
            ("cost_usd", "'nan'::DOUBLE", "cost_usd must be|not to be read"),
            ("attempts", "1e18", "attempts must be a number between 1 and"),
            ("request_hash", "sha256('')", "the row was changed"),
        ):
            with self.subTest(column, value=value):
                kind = "DOUBLE" if column in ("cost_usd", "attempts") else "VARCHAR"
                changed = f"CASE WHEN {is_bad} THEN CAST({value} AS {kind}) ELSE CAST({column} AS {kind}) END"
                self.connection.execute(f"CREATE OR REPLACE VIEW bad AS SELECT * REPLACE ({changed} AS {column}) FROM listed")
                self.assertRegex(self.error(self.load("bad")), says)
                self.assertEqual(self.count(), 0)
        self.assertEqual(self.query(self.load("listed")), [{"answers": 5000, "imported": 5000}])
        self.assertEqual(self.query(self.load("listed")), [{"answers": 5000, "imported": 0}])
        self.assertEqual(self.count(), 5000)
        self.assertEqual(len(self.files()), 1, "no file has a name that is of an import that failed")

    def test_nothing_to_import(self):
        self.listed(1)
        self.connection.execute("CREATE VIEW none_of_them AS FROM listed WHERE false")
        self.assertEqual(self.query(self.load("none_of_them")), [{"answers": 0, "imported": 0}])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--extension", type=Path, default=test_llm.EXTENSION)
    parser.add_argument("--kills", type=int, default=KILLS)
    options, rest = parser.parse_known_args()
    test_llm.EXTENSION, KILLS = options.extension.resolve(), options.kills
    unittest.main(argv=[sys.argv[0], *rest])
