"""The dbt project of examples/dbt, run by dbt on the sample study with the mock server in place of the language models.

    .venv-dbt/bin/python test/test_dbt.py --extension build/release/muster.duckdb_extension [-v]

Each test goes on from what the one before it left, as a user's runs do: they are in the order of their names.
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

import duckdb
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parent))
from mock import KEYS, ROOT, Mock, environment_without_keys  # noqa: E402

DBT = Path(sys.executable).parent / "dbt"
EXTENSION = ROOT / "build" / "release" / "muster.duckdb_extension"
FILES = ("profiles", "companies", "cvs", "texts", "affiliations")
# what `probit_bootstrap+` is made of; the others are steps before it or beside it
ESTIMATES = {"probit_bootstrap", "headcount_total", "methods"}
# variables whose usual values differ from those of sql/pipeline: the folder is seen from the project, and the keywords that are
# clustered are fewer
OTHER_VALUES = {"data", "min_cluster_size"}


class Project(unittest.TestCase):
    """The project is the study of sql/pipeline: what both say, they say alike."""

    project, pipeline = ROOT / "examples" / "dbt", ROOT / "sql" / "pipeline"

    def test_variables_are_settings_of_the_scripts(self):
        variables = yaml.safe_load((self.project / "dbt_project.yml").read_text())["vars"]
        with duckdb.connect(config={"allow_unsigned_extensions": "true"}) as connection:
            connection.execute(f"LOAD '{EXTENSION}'")
            connection.execute((self.pipeline / "settings.sql").read_text())
            settings = dict(connection.execute("SELECT name, value FROM settings").fetchall())
        settings = {name: json.loads(value) for name, value in settings.items() if name in variables}
        self.assertEqual({name for name in variables if settings.get(name) != variables[name]}, OTHER_VALUES)
        self.assertEqual(set(settings), set(variables))

    def test_models_call_the_functions_of_the_scripts(self):
        functions = lambda path: set(re.findall(r"muster\.(\w+)\(", path.read_text()))
        models = yaml.safe_load((self.project / "models" / "models.yml").read_text())["models"]
        self.assertEqual({model["name"] for model in models}, {path.stem for path in (self.project / "models").glob("*.sql")})
        for model in models:
            step = re.match(r"Step (\w+): ", model["description"])[1]
            called = functions(self.project / "models" / f"{model['name']}.sql")
            self.assertLessEqual(called, functions(self.pipeline / f"{step}.sql"), model["name"])


class Study(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder, cls.mock = tempfile.TemporaryDirectory(), Mock()
        cls.addClassCleanup(folder.cleanup)
        cls.addClassCleanup(cls.mock.__exit__)
        cls.folder = Path(folder.name)
        cls.project, cls.data = cls.folder / "dbt", cls.folder / "data"
        shutil.copytree(
            ROOT / "examples" / "dbt", cls.project, ignore=shutil.ignore_patterns("target", "logs", "study.duckdb*", "__pycache__")
        )
        cls.data.mkdir()
        for name in FILES:
            shutil.copy(ROOT / "data" / f"{name}.csv", cls.data)
        cls.environment = {
            **environment_without_keys(),
            **cls.mock.environment(MUSTER_STORE=str(cls.folder / "store.sqlite")),
            "MUSTER_EXTENSION": str(EXTENSION),
            "MUSTER_MODEL_DIR": str(ROOT / ".models"),
            "MUSTER_OFFLINE": "1",
        }

    def dbt(self, *words, fails=False, **variables):
        """Runs dbt; returns the status of each model and test by name."""
        given = json.dumps({"data": str(self.data), **variables})
        done = subprocess.run(
            [DBT, *words, "--vars", given], cwd=self.project, env=self.environment, capture_output=True, text=True
        )
        self.assertEqual(done.returncode != 0, fails, done.stdout + done.stderr)
        results = json.loads((self.project / "target" / "run_results.json").read_text())["results"]
        return {result["unique_id"].split(".")[2]: result for result in results}

    def rows(self, query):
        with duckdb.connect(
            str(self.project / "study.duckdb"), read_only=True, config={"allow_unsigned_extensions": "true"}
        ) as connection:
            connection.execute(f"LOAD '{EXTENSION}'")
            return connection.execute(query).fetchall()

    def append(self, name, *row):
        with open(self.data / f"{name}.csv", "a", newline="") as file:
            csv.writer(file, lineterminator="\n").writerow(row)

    def replace(self, name, old, new):
        path = self.data / f"{name}.csv"
        text = path.read_text()
        self.assertIn(old, text)
        path.write_text(text.replace(old, new, 1))

    def requests(self):
        return self.mock.stats()["requests"]

    def test_1_everything_is_built(self):
        done = self.dbt("build")
        self.assertEqual({result["status"] for result in done.values()}, {"success", "pass"})
        texts = self.rows("SELECT count(DISTINCT text) FROM people")[0][0]
        self.assertEqual(self.requests(), 3 * texts)
        self.assertEqual(self.rows("SELECT count(*), count(label) FROM llm_answers"), [(3 * 1660, 3 * 1660)])
        # four companies, whose truth lies within intervals of 99 %
        inside = f"""
            SELECT count(*), count(*) FILTER (WHERE experts BETWEEN lower AND upper)
            FROM muster.fit_probit_bootstrap(ratings, people, company, is_expert, headcount := headcount, level := 0.99)
            JOIN '{ROOT}/data/truth.csv' USING (company)
        """
        self.assertEqual(self.rows(inside), [(4, 4)])

    def test_2_models_are_what_the_functions_return(self):
        direct = """
            FROM muster.fit_probit_bootstrap(
                ratings, people, company, is_expert, headcount := headcount, draws := 1000, level := 0.8, seed := 42, keep_draws := true
            )
        """
        for query in (f"({direct}) EXCEPT FROM probit_bootstrap", f"FROM probit_bootstrap EXCEPT ({direct})"):
            self.assertEqual(self.rows(query), [])
        self.assertEqual(len(self.rows("FROM headcount_total")), 1)
        self.assertEqual(len(self.rows("FROM methods")), 8)
        self.assertGreater(len(self.rows("FROM cv_lists")), 20)
        self.assertGreater(self.rows("SELECT sum(n) FROM organisations")[0][0], 1000)
        self.assertGreater(self.rows("SELECT count(cluster) FROM keyword_clusters")[0][0], 1)

    def test_3_a_second_run_asks_nobody_and_changes_nothing(self):
        before, tables = self.requests(), ("probit_bootstrap", "methods", "llm_answers", "cv_scores", "predictive_check")
        first = [self.rows(f"FROM {table} ORDER BY ALL") for table in tables]
        self.dbt("build")
        self.assertEqual(self.requests(), before)
        self.assertEqual([self.rows(f"FROM {table} ORDER BY ALL") for table in tables], first)

    def test_4_new_people_and_changed_texts_are_asked_about_and_nobody_else(self):
        before = self.requests()
        self.append("profiles", 900001, "Bexhurst Bank", "")
        self.append("texts", 900001, "Research scientist. Deep learning with PyTorch for fraud detection.")
        self.replace("texts", "Financial Analyst at Greyholt Robotics", "Financial analyst, Greyholt Robotics")
        self.dbt("build", "--select", "+ratings")
        self.assertEqual(self.requests(), before + 6)
        count = "SELECT count(*), count(DISTINCT (profile_id, annotator)) FROM llm_answers"
        self.assertEqual(self.rows(count), [(3 * 1661, 3 * 1661)])

    def test_5_a_model_that_is_added_reads_everybody_and_the_others_nobody(self):
        before, models = self.requests(), ["anthropic:claude-haiku-4-5", "openai:gpt-5"]
        self.dbt("build", "--select", "llm_answers", models=models)
        texts = self.rows("SELECT count(DISTINCT text) FROM people")[0][0]
        self.assertEqual(self.requests(), before + texts)

    def test_6_a_step_and_what_follows_from_it(self):
        done = self.dbt("build", "--select", "probit_bootstrap+", "--exclude-resource-type", "test", draws=100)
        self.assertEqual(set(done), ESTIMATES)
        self.assertEqual(self.rows("SELECT DISTINCT len(draws) FROM probit_bootstrap"), [(100,)])

    def test_7_settings_that_are_wrong_say_so(self):
        done = self.dbt("build", "--select", "probit_bootstrap", fails=True, draws=0)
        self.assertIn("draws must be a whole number from 1 to 100000, got 0", done["probit_bootstrap"]["message"])

    def test_8_the_lineage_is_known(self):
        self.dbt("docs", "generate")
        parents = json.loads((self.project / "target" / "manifest.json").read_text())["parent_map"]
        self.assertEqual(
            set(parents["model.muster_study.probit_bootstrap"]),
            {"model.muster_study.ratings", "model.muster_study.people"},
        )
        self.assertIn("source.muster_study.study.texts", parents["model.muster_study.people"])
        self.assertTrue((self.project / "target" / "index.html").exists())

    def test_8_lineage_finds_the_edges_that_dbt_knows(self):
        manifest = json.loads((self.project / "target" / "manifest.json").read_text())
        known = {
            (parent.split(".")[-1], child.split(".")[-1])
            for child, parents in manifest["parent_map"].items()
            for parent in parents
            if child.startswith("model.")
        }
        found = set()
        for path in (self.project / "target" / "compiled" / "muster_study" / "models").glob("*.sql"):
            rows = self.rows(f"""
                SELECT source FROM muster.lineage((SELECT 'CREATE TABLE t AS ' || content FROM read_text('{path}')))
                WHERE error IS NULL
            """)
            # files are sources by their names, tables with database and schema
            found |= {(source.split("/")[-1].removesuffix(".csv").split(".")[-1].strip('"'), path.stem) for (source,) in rows}
        # an incremental model reads itself, which dbt does not count
        self.assertEqual(found - {("llm_answers", "llm_answers")}, known)

    def test_9_bad_inputs_stop_the_estimates(self):
        self.append("texts", 900001, "The same person again")
        done = self.dbt("build", fails=True)
        self.assertEqual(done["source_unique_study_texts_profile_id"]["status"], "fail")
        self.assertEqual(done["probit_bootstrap"]["status"], "skipped")

    def test_9_no_key_is_written(self):
        written = [path for path in self.folder.rglob("*") if path.is_file()]
        self.assertTrue(any(path.name == "dbt.log" for path in written))
        for path in written:
            content = path.read_bytes()
            for key in KEYS.values():
                self.assertNotIn(key.encode(), content, path)


def main():
    global EXTENSION
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--extension", default=EXTENSION, type=Path)
    args, rest = parser.parse_known_args()
    EXTENSION = args.extension.resolve()
    os.environ["DO_NOT_TRACK"] = "1"
    unittest.main(argv=[sys.argv[0], *rest])


if __name__ == "__main__":
    main()
