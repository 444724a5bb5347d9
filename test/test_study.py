"""The scripts of sql/pipeline over a small study: each alone, twice, out of order, and with inputs that are missing, wrong or
empty; and the tables `settings` and `steps` beside what scripts and docs say.

    python test/test_study.py --extension build/release/muster.duckdb_extension

Scripts are run through Python, statement after statement as DuckDB reads them; all.sql, which is for the command-line client,
by that. What is computed again is seen from `muster_steps`, from the number of requests at the server of the language models,
and by taking server and embedding model away.
"""

import argparse
import csv
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from xml.etree import ElementTree

import duckdb

from mock import Mock, environment_without_keys

ROOT = Path(__file__).resolve().parent.parent
PIPELINE = ROOT / "sql" / "pipeline"
STEPS = re.findall(r"'(\w+)'", re.search(r"\[\s+('settings'.*?)\]", (PIPELINE / "all.sql").read_text(), flags=re.S)[1])
# what is kept until something changes
KEPT = [step for step in STEPS if step not in ("settings", "inputs")]
SETTINGS = {
    "ngram_max": 1, "top_n": 6, "cluster_min_cvs": 4, "draws": 60, "diagnostics_draws": 20, "earlier_annotators": ["gemini", "sonnet"],
    "filters": ["strict"], "models": ["google:gemini-3.1-flash-lite", "openai:gpt-5-mini"],
}
COMPANIES = ("Bexhurst Bank", "Cinderford Cloud", "Ivybridge Imaging", "Foxglove Finance")
CLIENT = ROOT / ".venv-1.5" / "bin" / "duckdb"
EXTENSION = None


def read(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write(path, rows, columns=None):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns or list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def sample(folder):
    """People of four companies and some gold people, and what is known of them."""
    profiles = read(ROOT / "data" / "profiles.csv")
    gold = [row for row in profiles if row["is_expert"]]
    some = [row for row in gold if row["is_expert"] == "true"][:35] + [row for row in gold if row["is_expert"] == "false"][:70]
    people = some + [row for row in profiles if row["company"] in COMPANIES and not row["is_expert"]]
    known = {row["profile_id"] for row in people}
    write(folder / "profiles.csv", people)
    for name in ("cvs", "texts", "ratings", "affiliations"):
        write(folder / f"{name}.csv", [row for row in read(ROOT / "data" / f"{name}.csv") if row["profile_id"] in known])
    write(folder / "companies.csv", [row for row in read(ROOT / "data" / "companies.csv") if row["company"] in COMPANIES])


def connect(database):
    connection = duckdb.connect(str(database), config={"allow_unsigned_extensions": "true"})
    connection.execute(f"LOAD '{EXTENSION}'")
    return connection


def script(step, folder=PIPELINE):
    return (folder / f"{step}.sql").read_text()


class Scripts(unittest.TestCase):
    """The tables `steps` and `settings` agree with the scripts and with docs/study.md."""

    @classmethod
    def setUpClass(cls):
        cls.texts = {step: script(step) for step in STEPS}
        cls.connection = connect(":memory:")
        cls.addClassCleanup(cls.connection.close)
        cls.connection.execute(cls.texts["settings"])
        cls.steps = {
            step: {"makes": makes, "reads": reads, "reads_part_of": reads_part_of, "parts": parts, "kept": kept}
            for step, makes, reads, reads_part_of, parts, kept in cls.connection.execute("FROM steps").fetchall()
        }
        cls.maker = {name: step for step, row in cls.steps.items() for name in row["makes"]}

    def edges(self, step):
        """Pairs (source, target) of the script, of tables and views as they are called outside of it."""
        query = "SELECT source, target, kind FROM muster.lineage(?) WHERE kind <> 'set variable'"
        rows = self.connection.execute(query, [self.texts[step]]).fetchall()
        return {(source, target.removesuffix("_now")) for source, target, _ in rows}

    def test_steps_are_those_of_all(self):
        self.assertEqual(list(self.steps), STEPS)
        self.assertEqual([step for step, row in self.steps.items() if row["kept"]], KEPT)

    def test_scripts_stand_in_one_frame(self):
        heads, ends = set(), set()
        for step in STEPS[1:]:
            text = self.texts[step]
            body = text[text.index("BEGIN;\n") :].replace(f"SET VARIABLE step = '{step}'", "SET VARIABLE step = '…'")
            heads.add(body[: body.index("SET VARIABLE begun = begin_step();\n")])
            ends.add(body[body.index("MERGE INTO") :])
            self.assertEqual(body.count("SET VARIABLE state = (FROM step_state());\n"), 1, step)
            self.assertNotIn("muster_steps", body[: body.index("MERGE INTO")])
            kept = re.findall(r"^CREATE OR REPLACE TABLE (\w+) AS FROM kept_or_now\('(\w+)'\);$", body, flags=re.M)
            self.assertEqual([name for name, _ in kept], [name for _, name in kept])
            self.assertEqual(body.count("kept_or_now"), len(kept), step)
            self.assertEqual(set(re.findall(r"VIEW (\w+)_now\b", body)), {name for name, _ in kept}, step)
        self.assertEqual((len(heads), len(ends)), (1, 1), (heads, ends))

    def test_steps_make_what_the_table_says(self):
        for step, row in self.steps.items():
            text = self.texts[step]
            made = re.findall(r"^CREATE (?:OR REPLACE )?(?:TABLE|VIEW) (?:IF NOT EXISTS )?(\w+)", text, flags=re.M)
            self.assertEqual(sorted(made), sorted(row["makes"]), step)
            any_made = set(re.findall(r"^CREATE OR REPLACE (?:TEMP )?(?:TABLE|VIEW) (\w+)", text, flags=re.M))
            self.assertLessEqual(set(row["parts"]), any_made, step)
            if step != "settings":
                head = text[: text.index("BEGIN;")]
                self.assertEqual(sorted(re.findall(r"^--   (\w+) {3,}\S", head, flags=re.M)), sorted(row["makes"]), step)

    def test_steps_read_what_the_table_says(self):
        for step, row in self.steps.items():
            said = row["reads"] + row["reads_part_of"]
            self.assertEqual(len(set(said)), len(said), step)
            others = {name for name, maker in self.maker.items() if maker not in ("settings", step)}
            read = {source for source, _ in self.edges(step)} & others
            self.assertLessEqual(read, set(said), step)
            # and what a view of another step reads
            through = {source for name in read for source, target in self.edges(self.maker[name]) if target == name}
            self.assertLessEqual(set(said) - read, through, step)
            self.assertLessEqual({STEPS.index(self.maker[name]) for name in said}, set(range(STEPS.index(step))), step)

    def test_settings_are_used(self):
        names = {name for name, in self.connection.execute("SELECT name FROM settings").fetchall()}
        self.assertEqual(set(re.findall(r"setting\('(\w+)'\)", "".join(self.texts[step] for step in STEPS[1:]))), names)
        scopes = self.connection.execute("SELECT DISTINCT scope FROM settings ORDER BY scope").fetchall()
        self.assertEqual(scopes, [("limit",), ("place",), ("result",)])

    def test_docs(self):
        page = (ROOT / "docs" / "study.md").read_text()
        lines = ["| script | needs | makes |", "| --- | --- | --- |"]
        for step, row in self.steps.items():
            makers = {self.maker[name] for name in row["reads"] + row["reads_part_of"]}
            needs = [maker for maker in STEPS if maker in makers] or ["the files"] * (step == "inputs")
            makes = ", ".join(f"`{name}`" for name in row["makes"])
            lines.append(f"| `{step}.sql` | {', '.join(needs)} | {makes} |")
        self.assertIn("\n".join(lines), page)
        lines = ["| setting | usual value | scope | meaning |", "| --- | --- | --- | --- |"]
        for name, value, scope, meaning in self.connection.execute(
            "SELECT name, value, scope, meaning FROM settings"
        ).fetchall():
            value = json.loads(value)
            shown = value if isinstance(value, str) else json.dumps(value)
            lines.append(f"| `{name}` | `{shown}` | {scope} | {meaning} |")
        self.assertIn("\n".join(lines), page)


class Study(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        """The whole study once; every test has a copy of it."""
        cls.cleanup = tempfile.TemporaryDirectory()
        cls.made = Path(cls.cleanup.name) / "made"
        (cls.made / "data").mkdir(parents=True)
        (cls.made / "report").mkdir()
        sample(cls.made / "data")
        cls.mock = Mock()
        for name in set(os.environ) - set(environment_without_keys()):
            del os.environ[name]
        os.environ.update(cls.mock.environment(MUSTER_MODEL_DIR=str(ROOT / ".models"), MUSTER_OFFLINE="1"))
        cls.use(cls.made)
        # each in a session of its own
        for step in STEPS:
            cls.run_steps(cls.made, [step])

    @classmethod
    def tearDownClass(cls):
        cls.mock.__exit__()
        cls.cleanup.cleanup()

    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.addCleanup(self.temporary.cleanup)
        self.folder = Path(self.temporary.name) / "study"
        shutil.copytree(self.made, self.folder)
        self.use(self.folder)
        self.run_steps(self.folder, ["settings"])
        self.mock.reset()

    @staticmethod
    def use(folder):
        os.environ["MUSTER_STORE"] = str(folder / "store.sqlite")

    @staticmethod
    def run_steps(folder, steps, **settings):
        """Run steps in one session. `settings` is run with the settings of this study, and with what is given here."""
        connection = connect(folder / "study.db")
        base = {"data": str(folder / "data"), "report": str(folder / "report"), "scripts": str(PIPELINE), **SETTINGS}
        for name, value in ({**base, **settings} if "settings" in steps else settings).items():
            connection.execute(f"SET VARIABLE {name} = ?", [value])
        try:
            for step in steps:
                connection.execute(script(step, Path(settings.get("scripts", PIPELINE))))
        finally:
            connection.close()

    def again(self, steps=STEPS, **settings):
        """Run steps, and say which of them have computed something."""
        before = self.query("SELECT step, finished_at FROM muster_steps")
        self.run_steps(self.folder, steps, **settings)
        after = self.query("SELECT step, finished_at FROM muster_steps")
        return {step for step, finished in after if (step, finished) not in before} - {"inputs"}

    def query(self, sql):
        connection = connect(self.folder / "study.db")
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()

    def tables(self):
        """A checksum of each table and view. Whether an answer came from the store is no part of the study."""
        connection = connect(self.folder / "study.db")
        names = connection.execute("SELECT table_name FROM information_schema.tables WHERE table_catalog = 'study' ORDER BY ALL").fetchall()
        rows = lambda name: "(SELECT * EXCLUDE (cached) FROM answers)" if name == "answers" else name
        checksum = lambda name: connection.execute(f"SELECT count(*), sum(hash(t)) FROM {rows(name)} AS t").fetchone()
        sums = {name: checksum(name) for name, in names if name not in ("muster_steps", "settings")}
        connection.close()
        return sums

    def edit(self, name, change):
        path = self.folder / "data" / f"{name}.csv"
        rows = read(path)
        columns = list(rows[0])
        write(path, change(rows) or rows, columns)

    def test_every_step_is_in_all(self):
        self.assertEqual({path.stem for path in PIPELINE.glob("*.sql")}, {"all", *STEPS})
        self.assertEqual([step for step, in self.query("SELECT step FROM muster_steps ORDER BY finished_at")], STEPS[1:])
        self.assertEqual(self.query("SELECT count(*) FROM muster_steps WHERE seconds IS NULL OR seconds < 0"), [(0,)])

    def test_the_study_finds_something(self):
        empty = {table for table, (count, _) in self.tables().items() if count == 0}
        self.assertEqual(empty, set())
        unused = ["both", "broad", "gpt", "strict"]
        self.assertEqual(self.query("SELECT relation, n, examples FROM input_problems"), [("ratings", len(unused), unused)])
        self.assertEqual(self.query("SELECT count(*), count(DISTINCT company) FROM estimates"), [(4, 4)])
        self.assertEqual(
            self.query("SELECT name, value FROM settings WHERE name IN ('draws', 'models', 'level') ORDER BY name"),
            [("draws", "60"), ("level", "0.8"), ("models", '["google:gemini-3.1-flash-lite","openai:gpt-5-mini"]')],
        )
        self.assertEqual(self.query("SELECT DISTINCT len(draws) FROM estimates"), [(60,)])
        documents = len(read(self.folder / "data" / "cvs.csv")) + len(read(self.folder / "data" / "texts.csv"))
        self.assertEqual(self.query("SELECT count(*), count(label) FROM answers"), [(2 * documents, 2 * documents)])
        annotators = ["earlier gemini", "earlier sonnet", "google:gemini-3.1-flash-lite", "openai:gpt-5-mini", "strict"]
        self.assertEqual(self.query("SELECT DISTINCT annotator FROM ratings ORDER BY ALL"), [(name,) for name in annotators])
        halves = self.query("SELECT list, label, tp + fp + tn + fn AS n FROM keyword_list_scores")
        gold = len(read(self.folder / "data" / "cvs.csv"))
        self.assertTrue(all(gold / 4 < n < gold * 3 / 4 for _, _, n in halves), halves)

    def test_a_second_run_computes_nothing(self):
        before = self.tables()
        # without answers, vectors, server and model
        (self.folder / "store.sqlite").unlink()
        shutil.rmtree(self.folder / "store.sqlite.answers")
        nowhere = {"MUSTER_MODEL_DIR": str(self.folder / "none"), "MUSTER_STORE": str(self.folder / "new.sqlite")}
        command = [sys.executable, __file__, "--extension", str(EXTENSION), "--run", str(self.folder)]
        done = subprocess.run(command, env={**environment_without_keys(), **nowhere, "MUSTER_OFFLINE": "1"}, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        self.assertEqual(self.tables(), before)
        self.assertFalse((self.folder / "new.sqlite").exists())
        self.assertEqual(self.again(), set())
        self.assertEqual(self.mock.stats()["requests"], 0)

    def test_in_one_session_and_in_the_other_order(self):
        before = self.tables()
        connection = connect(self.folder / "study.db")
        for step in reversed(KEPT):
            connection.execute(script(step))
        connection.close()
        self.assertEqual(self.tables(), before)
        self.assertEqual(self.again(list(reversed(KEPT)), force=KEPT), set(KEPT))
        self.assertEqual(self.tables(), before)
        # what was said and embedded before is in the store
        self.assertEqual(self.mock.stats()["requests"], 0)

    def test_order_of_rows_changes_nothing(self):
        before = self.tables()
        for name in ("profiles", "cvs", "texts", "ratings", "affiliations", "companies"):
            self.edit(name, lambda rows: rows.reverse())
        self.assertEqual(self.again(), set())
        self.assertEqual(self.tables(), before)

    def test_a_step_can_be_forced(self):
        self.assertEqual(self.again(force="clustering"), {"clustering"})
        self.assertEqual(self.again(force=["log_debias", "affiliation"]), {"log_debias", "affiliation"})
        self.assertEqual(self.again(force=""), set())
        with self.assertRaisesRegex(duckdb.Error, "force must name steps of the study, got cluster$"):
            self.again(["clustering"], force="cluster")

    def test_a_changed_setting(self):
        dependent = {"probit_bootstrap", "report"}
        self.assertEqual(self.again(draws=40), dependent)
        self.assertEqual(self.query("SELECT DISTINCT len(draws) FROM estimates"), [(40,)])
        # kept for a step that is run alone
        self.assertEqual(self.again(["probit_bootstrap"]), set())
        # and what the session sets comes first
        self.assertEqual(self.again(["probit_bootstrap"], draws=30), {"probit_bootstrap"})
        self.assertEqual(self.query("SELECT DISTINCT len(draws) FROM estimates"), [(30,)])

    def test_a_changed_script(self):
        scripts = self.folder / "scripts"
        shutil.copytree(PIPELINE, scripts)
        self.assertEqual(self.again(scripts=str(scripts)), set())
        text = script("log_debias").replace("level := setting('level')", "level := 0.9")
        self.assertNotEqual(text, script("log_debias"))
        (scripts / "log_debias.sql").write_text(text)
        self.assertEqual(self.again(scripts=str(scripts)), {"log_debias", "report"})

    def test_a_changed_affiliation(self):
        def change(rows):
            rows[0]["affiliation"] = "Université de Montclair; Foxglove Finance GmbH"
        self.edit("affiliations", change)
        self.assertEqual(self.again(), {"affiliation", "report"})

    def test_a_changed_headcount(self):
        def change(rows):
            rows[0]["headcount"] = "999"
        self.edit("companies", change)
        # everything that sees headcounts; texts and affiliations are none of their business
        self.assertEqual(self.again(), set(KEPT) - {"cv_analysis", "clustering", "affiliation", "annotate", "annotator_metrics"})

    def test_a_changed_text(self):
        def change(rows):
            rows[0]["text"] = "Sales manager. Price lists and trade fairs, day in, day out."
        self.edit("texts", change)
        changed = self.again()
        # one text and two models
        self.assertEqual(self.mock.stats()["requests"], 2)
        self.assertIn("annotate", changed)
        self.assertFalse(changed & {"cv_analysis", "clustering", "affiliation"}, changed)

    def test_a_changed_cv(self):
        def change(rows):
            rows[0]["text"] += " Beekeeping."
        self.edit("cvs", change)
        changed = self.again()
        self.assertEqual(self.mock.stats()["requests"], 2)
        self.assertTrue({"cv_analysis", "annotate", "clustering"} <= changed, changed)
        self.assertNotIn("affiliation", changed)

    def test_the_page(self):
        name = 'Bexhurst <b>& "Bank"'
        def rename(rows):
            for row in rows:
                row["company"] = row["company"].replace("Bexhurst Bank", name)
        self.edit("profiles", rename)
        self.edit("companies", rename)
        self.again()
        page = (self.folder / "report" / "index.html").read_text()
        self.assertIn("<td>Bexhurst &lt;b&gt;&amp; &quot;Bank&quot;</td>", page)
        self.assertNotIn("<b>", page)
        pictures = sorted((self.folder / "report").glob("*.svg"))
        self.assertEqual([(path.stem,) for path in pictures], self.query("SELECT name FROM pictures ORDER BY name"))
        for path in pictures:
            ElementTree.parse(path)
            self.assertIn(path.read_text(), page)
        # as strict as XML but for its first line: every element is closed, every text escaped; and nothing comes from elsewhere
        body = page[page.index("<body>"):page.index("</html>")]
        ElementTree.fromstring(body)
        self.assertEqual(set(re.findall(r'(?:href|src)="([^"#]*)', body)), {""})
        for section in ("Experts", "Companies", "Annotators", "How it was made"):
            self.assertRegex(page, f'<h2 id="[0-9]">{section}</h2>')
        self.assertRegex(page, "[Tt]he model of the annotators can(not)? produce the labels that are observed")
        # the lineage leads from files to results
        edges = (self.folder / "report" / "lineage.svg").read_text()
        for table in ("profiles", "ratings", "estimates"):
            self.assertIn(f">{table}<", edges)

    def test_a_folder_for_the_page_that_is_not_there(self):
        before = self.tables()
        with self.assertRaisesRegex(duckdb.Error, "nowhere"):
            self.again(["report"], report=str(self.folder / "nowhere"), force="report")
        self.assertEqual(self.tables(), before)

    def test_a_table_that_was_dropped(self):
        before = self.tables()
        self.query("DROP TABLE totals")
        self.assertEqual(self.again(), {"probit_bootstrap"})
        self.assertEqual(self.tables(), before)

    def test_answers_that_failed_are_asked_again(self):
        def change(rows):
            rows[0]["text"] = "Refused. [[fault:refusal]]"
        self.edit("texts", change)
        self.again()
        self.assertEqual(self.query("SELECT count(*) FROM answers WHERE label IS NULL AND error IS NOT NULL"), [(2,)])
        self.mock.reset()
        self.assertEqual(self.again(["annotate"]), {"annotate"})
        self.assertEqual(self.mock.stats()["requests"], 2)

    def test_what_is_missing_is_said(self):
        needed = {
            "inputs": ("settings", "settings"), "annotate": ("texts", "inputs"), "annotator_metrics": ("ratings", "annotate"),
            "cv_analysis": ("cvs", "inputs"), "clustering": ("cv_keywords", "cv_analysis"), "affiliation": ("affiliations", "inputs"),
            "probit_bootstrap": ("ratings", "annotate"), "log_debias": ("ratings", "annotate"), "diagnostics": ("ratings", "annotate"),
            "report": ("estimates", "probit_bootstrap"),
        }
        self.assertEqual(list(needed), STEPS[1:])
        for step, (table, maker) in needed.items():
            kind = "VIEW" if table == "ratings" else "TABLE"
            connection = connect(self.folder / "study.db")
            connection.execute(f"ALTER {kind} {table} RENAME TO away")
            before = connection.execute("SELECT * EXCLUDE (estimated_size) FROM duckdb_tables()").fetchall()
            message = f"{step}: table {table} is missing, run sql/pipeline/{maker}.sql first"
            with self.subTest(step), self.assertRaisesRegex(duckdb.Error, re.escape(message)):
                connection.execute(script(step))
            connection.rollback()
            self.assertEqual(connection.execute("SELECT * EXCLUDE (estimated_size) FROM duckdb_tables()").fetchall(), before)
            connection.execute(f"ALTER {kind} away RENAME TO {table}")
            connection.close()
        # nothing at all
        for step in STEPS[1:]:
            connection = connect(Path(self.temporary.name) / "empty.db")
            with self.assertRaisesRegex(duckdb.Error, f"{step}: table settings is missing, run sql/pipeline/settings.sql first"):
                connection.execute(script(step))
            connection.close()

    def test_missing_files_and_columns(self):
        for name in ("profiles", "companies", "cvs", "texts", "ratings", "affiliations"):
            path = self.folder / "data" / f"{name}.csv"
            rows = read(path)
            path.unlink()
            line = ",".join(column for column in rows[0] if column != "headcount" or name == "companies")
            with self.assertRaisesRegex(duckdb.Error, f"/{name}.csv is missing; where you have nothing for it, make it of the line {line}$"):
                self.run_steps(self.folder, ["inputs"])
            column = list(rows[0])[-1]
            write(path, [{key: value for key, value in row.items() if key != column} for row in rows])
            with self.assertRaisesRegex(duckdb.Error, f'"{column}" not found'):
                self.run_steps(self.folder, ["inputs"])
            write(path, rows)
        self.assertEqual(self.again(), set())

    def test_wrong_values(self):
        def put(name, column, value):
            def change(rows):
                # of an annotator that is used
                next(row for row in rows if row.get("annotator", "gemini") == "gemini")[column] = value
            return name, change

        cases = [
            (put("profiles", "is_expert", "perhaps"), "profiles, truth is true or false, 1 or 0, yes or no, or NULL: violated 1 times, such as perhaps"),
            (put("companies", "headcount", "many"), "profiles, headcount is a whole number from 0 to 9007199254740992 or NULL: violated .* such as many"),
            (put("ratings", "label", "2"), "ratings, label is true or false, 1 or 0, yes or no, or NULL: violated 1 times, such as 2"),
            (("ratings", lambda rows: rows + [row for row in rows if row["annotator"] == "gemini"][:1]), "ratings, one row a person and annotator: violated 1 times"),
            (("profiles", lambda rows: rows + rows[:1]), "profiles, profile_id is unique: violated 1 times"),
            (("companies", lambda rows: rows + rows[:1]), "companies, company is unique: violated 1 times, such as Bexhurst Bank"),
            (("profiles", lambda rows: [*rows, {**rows[0], "profile_id": ""}]), "profiles, profile_id is not NULL: violated 1 times"),
            (("texts", lambda rows: rows + rows[:1]), "cvs and texts, one text a person: violated 1 times"),
        ]
        before = self.tables()
        for (name, change), message in cases:
            path = self.folder / "data" / f"{name}.csv"
            bytes_before = path.read_bytes()
            self.edit(name, change)
            with self.subTest(message), self.assertRaisesRegex(duckdb.Error, message):
                self.run_steps(self.folder, ["inputs"])
            path.write_bytes(bytes_before)
        # a step that fails leaves the tables as they were
        self.assertEqual(self.tables(), before)
        self.edit("texts", lambda rows: rows + [{"profile_id": "nobody", "text": "of nobody"}])
        self.assertEqual(self.again(), {"report"})
        rule = "every text is of a profile (else it is ignored)"
        self.assertEqual(self.query("SELECT rule, n, examples FROM input_problems WHERE relation <> 'ratings'"), [(rule, 1, ["nobody"])])

    def test_identifiers_and_truths_of_other_types(self):
        before = {table: self.query(f"SELECT * EXCLUDE (draws) FROM {table}") for table in ("estimates",)}
        renamed = lambda rows: [{**row, "profile_id": "p-" + row["profile_id"]} for row in rows]
        for name in ("cvs", "texts", "ratings", "affiliations", "profiles"):
            self.edit(name, renamed)
        words = {"true": "Yes", "false": "0", "": ""}
        self.edit("profiles", lambda rows: [{**row, "is_expert": words[row["is_expert"]]} for row in rows])
        self.again()
        self.assertEqual(self.mock.stats()["requests"], 0)
        after = {table: self.query(f"SELECT * EXCLUDE (draws) FROM {table}") for table in before}
        self.assertEqual(after, before)

    def notes(self):
        return dict(self.query("SELECT step, note FROM muster_steps WHERE note IS NOT NULL"))

    def test_ratings_and_no_language_model(self):
        given = [row for row in read(self.folder / "data" / "ratings.csv")]
        for name in ("cvs", "texts", "affiliations"):
            path = self.folder / "data" / f"{name}.csv"
            write(path, [], list(read(path)[0]))
        columns = self.query("SELECT column_name, column_type FROM (DESCRIBE answers)")
        nowhere = {"MUSTER_MODEL_DIR": str(self.folder / "none"), "MUSTER_STORE": str(self.folder / "new.sqlite")}
        before = {name: os.environ[name] for name in nowhere}
        os.environ.update(nowhere)
        self.addCleanup(os.environ.update, before)
        # empty lists, as written in SQL and as given by Python
        bare = {"models": "[]", "filters": "[]", "earlier_annotators": "['*']"}
        self.run_steps(self.folder, STEPS, models=[], filters=[], earlier_annotators=["*"])
        first = self.tables()
        connection = connect(self.folder / "study.db")
        for name, value in {**bare, "data": repr(str(self.folder / "data")), "report": repr(str(self.folder / "report"))}.items():
            connection.execute(f"SET VARIABLE {name} = {value}")
        for name in ("scripts", "ngram_max", "top_n", "cluster_min_cvs", "draws", "diagnostics_draws"):
            connection.execute(f"SET VARIABLE {name} = ?", [{"scripts": str(PIPELINE), **SETTINGS}[name]])
        for step in STEPS:
            connection.execute(script(step))
        connection.close()
        self.assertEqual(self.tables(), first)
        self.assertEqual(self.mock.stats()["requests"], 0)
        self.assertFalse((self.folder / "new.sqlite").exists())
        labels = self.query("SELECT profile_id, annotator, label FROM ratings ORDER BY ALL")
        self.assertEqual(labels, sorted((row["profile_id"], f"earlier {row['annotator']}", row["label"] == "1") for row in given))
        self.assertEqual(self.query("SELECT column_name, column_type FROM (DESCRIBE answers)"), columns)
        self.assertEqual(self.query("SELECT count(*) FROM estimates WHERE n_labelled > 0"), [(len(COMPANIES),)])
        self.assertEqual(self.notes(), {
            "annotate": "annotate: nobody has a text, so all labels are those of ratings.csv",
            "cv_analysis": "cv_analysis: no gold person has a CV, so there are no keywords",
            "clustering": "clustering: no gold person has a CV, so there is nothing to cluster",
            "affiliation": "affiliation: affiliations.csv has no affiliations",
        })
        page = (self.folder / "report" / "index.html").read_text()
        ElementTree.fromstring(page[page.index("<body>") : page.index("</html>")])

    def test_texts_that_nobody_is_asked_about(self):
        self.run_steps(self.folder, STEPS, models=[], filters=[])
        self.assertEqual(self.query("SELECT count(*) FROM answers UNION ALL SELECT count(*) FROM filter_ratings"), [(0,), (0,)])
        self.assertEqual(self.notes(), {"annotate": "annotate: models and filters are empty, so all labels are those of ratings.csv"})
        # in the session of the step, after settings.sql; a text is a list of one
        self.assertEqual(self.again(["annotate"], filters="broad"), {"annotate"})
        annotators = ["broad", "earlier gemini", "earlier sonnet"]
        self.assertEqual(self.query("SELECT DISTINCT annotator FROM ratings ORDER BY ALL"), [(name,) for name in annotators])
        self.assertEqual(self.notes(), {"annotate": "annotate: models is empty, so no language model was asked"})
        self.run_steps(self.folder, ["annotate"], filters=["strict"], models=["openai:gpt-5-mini"])
        self.assertEqual(self.notes(), {})

    def test_names_that_are_not_there(self):
        with self.assertRaisesRegex(duckdb.Error, r"annotate: filters must be names of .* \(.*filter_broad_yes, .*strict.*\), got stirct"):
            self.run_steps(self.folder, ["annotate"], filters=["stirct", "broad"])
        message = r"inputs: earlier_annotators must name annotators of ratings.csv \(.*gemini.*\), or be .*, got Gemini, opus"
        with self.assertRaisesRegex(duckdb.Error, message):
            self.run_steps(self.folder, ["inputs"], earlier_annotators=["Gemini", "opus"])
        self.run_steps(self.folder, ["inputs"], earlier_annotators=["gemini", "opus"])
        others = sorted({row["annotator"] for row in read(self.folder / "data" / "ratings.csv")} - {"gemini"})
        self.assertEqual(self.query("SELECT relation, n, examples FROM input_problems ORDER BY relation"), [
            ("ratings", len(others), others[:5]), ("settings", 1, ["opus"]),
        ])
        self.run_steps(self.folder, ["inputs"], earlier_annotators=[])
        self.assertEqual(self.query("SELECT count(*) FROM earlier_ratings UNION ALL SELECT count(*) FROM input_problems"), [(0,), (0,)])

    def test_keywords_need_both_classes(self):
        experts = {row["profile_id"] for row in read(self.folder / "data" / "profiles.csv") if row["is_expert"] == "true"}
        self.edit("cvs", lambda rows: [row for row in rows if row["profile_id"] in experts])
        self.run_steps(self.folder, ["inputs", "cv_analysis", "clustering"])
        self.assertEqual(
            self.notes(), {"cv_analysis": "cv_analysis: the CVs for learning are not of both classes, so there are no lists"}
        )
        self.assertEqual(self.query("SELECT count(*) > 0 FROM cv_keywords"), [(True,)])
        self.assertEqual(self.query("SELECT count(*) FROM class_keywords UNION ALL SELECT count(*) FROM keyword_list_scores"), [(0,), (0,)])

    def test_empty_tables(self):
        for name in ("texts", "affiliations", "ratings"):
            path = self.folder / "data" / f"{name}.csv"
            write(path, [], list(read(path)[0]))
        self.again()
        self.assertEqual(self.query("SELECT count(*) FROM organisations"), [(0,)])
        self.assertEqual(self.query("SELECT sum(n_labelled) FROM estimates"), [(0,)])
        for name in ("cvs", "profiles", "companies"):
            path = self.folder / "data" / f"{name}.csv"
            write(path, [], list(read(path)[0]))
        self.run_steps(self.folder, ["settings", "inputs"])
        said = {
            "annotator_metrics": "needs at least 10 gold experts with labels to calibrate the annotators, got 0",
            "probit_bootstrap": "needs at least 10 gold experts with labels to calibrate the annotators, got 0",
            "diagnostics": "needs at least 10 gold experts with labels to calibrate the annotators, got 0",
        }
        for step in KEPT:
            with self.subTest(step):
                try:
                    self.run_steps(self.folder, [step])
                except duckdb.Error as error:
                    self.assertIn(said.get(step, "nothing may fail here"), str(error))


class Client(unittest.TestCase):
    @unittest.skipUnless(CLIENT.exists() and duckdb.__version__.startswith("2"), "once is enough")
    def test_all_in_the_client(self):
        with tempfile.TemporaryDirectory() as folder, Mock() as mock:
            folder = Path(folder)
            (folder / "data").mkdir()
            sample(folder / "data")
            # scripts in a folder whose name needs quotes, run from elsewhere
            scripts = folder / 'the "study\'s" scripts'
            shutil.copytree(PIPELINE, scripts)
            variables = {"data": str(folder / "data"), "report": str(folder), "scripts": str(scripts), **SETTINGS}
            quoted = lambda value: value if isinstance(value, (int, list)) else "'" + value.replace("'", "''") + "'"
            settings = "".join(f"SET VARIABLE {name} = {quoted(value)};" for name, value in variables.items())
            command = [CLIENT, "-unsigned", folder / "study.db", "-cmd", f"LOAD '{EXTENSION}'", "-cmd", settings]
            store = {"MUSTER_STORE": str(folder / "store.sqlite"), "MUSTER_MODEL_DIR": str(ROOT / ".models"), "MUSTER_OFFLINE": "1"}
            environment = {**environment_without_keys(), **mock.environment(**store)}

            def run(name, check=0, cwd=folder):
                with open(PIPELINE / f"{name}.sql") as file:
                    done = subprocess.run(command, stdin=file, env=environment, cwd=cwd, capture_output=True, text=True)
                self.assertEqual(done.returncode, check, done.stderr)
                return done

            first, second = run("all"), run("all")
            self.assertEqual((first.stderr, second.stderr), ("", ""))
            for done, word in ((first, "computed"), (second, "kept")):
                for step in KEPT:
                    self.assertRegex(done.stdout, rf"(?m)^{step}$")
                    self.assertRegex(done.stdout, rf"│ {step} +│ {word} +│ +[0-9.]+ │")
            # a step alone prints nothing, and one that cannot run says why first of all
            self.assertEqual(run("log_debias").stdout, "")
            command[2] = folder / "other.db"
            failed = run("log_debias", check=1)
            self.assertEqual(failed.stdout, "")
            self.assertRegex(failed.stderr, r"\AInvalid Input Error: log_debias: table settings is missing, run sql/pipeline/settings.sql first")
            failed = run("clustering", check=1)
            # all.sql ends with the first error
            (folder / "data" / "texts.csv").unlink()
            failed = run("all", check=1)
            self.assertEqual(failed.stdout.split(), ["settings", "inputs"])
            self.assertEqual(failed.stderr.count("Error"), 1, failed.stderr)
            # a folder without the scripts
            command[-1] = f"SET VARIABLE scripts = '{folder}';"
            failed = run("all", check=1)
            self.assertEqual(failed.stdout, "")
            self.assertIn(f"all: scripts must be the folder of the scripts of the study, got {folder}: it has no settings.sql", failed.stderr)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--extension", required=True)
    parser.add_argument("--run", type=Path, help="run all steps in this folder's study, without any test")
    args, rest = parser.parse_known_args()
    EXTENSION = Path(args.extension).resolve()
    if args.run:
        Study.run_steps(args.run, STEPS)
    else:
        unittest.main(argv=[sys.argv[0], *rest], verbosity=1)
