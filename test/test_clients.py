"""muster in Node, with DuckDB's json extension and without it, as R has it: the README's study and what takes nested values.

Results are compared with those of Python byte by byte. Needs node, the package in .node, and g++.
"""

import argparse
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

ROOT = Path(__file__).resolve().parent.parent
MODULES = ROOT / ".node"
EXTENSION = ROOT / "build/release/muster.duckdb_extension"

WITHOUT_JSON = (
    "lineage: the json extension of DuckDB is missing; INSTALL json; LOAD json; before LOAD muster"
)

# texts that DuckDB quotes, and writes with backslashes, in the text of a list
WORDS = r"""['it''s', 'a, b', 'NULL', 'c\d', '"x"', '[y]', '{z}', ' lead', 'regex:\bq''r', '日本', 'k: v']"""

NESTED = {
    "filters": f"""
        WITH docs AS (SELECT row_number() OVER () AS profile_id, word AS cv FROM (SELECT unnest({WORDS}) AS word))
        FROM muster.keyword_filter(docs, cv, [
            {{annotator: 'any, of', any_of: {WORDS}, all_of: NULL, none_of: []}},
            {{annotator: 'it''s', any_of: ['it''s', 'c\\d'], all_of: [['it', 'c']], none_of: ['NULL']}}
        ])""",
    "scores": f"""
        WITH docs AS (SELECT unnest({WORDS}) AS cv, cv = 'NULL' AS class),
            lists AS (SELECT 'a' AS list, 'true' AS label, unnest({WORDS}) AS keyword)
        FROM muster.keyword_scores(docs, cv, class, lists)""",
    "affiliations": """
        WITH affiliations AS (SELECT unnest(['Google, Inc. / Stanford University', 'Hog''s Head, Ltd']) AS name)
        FROM muster.filter_affiliations(
            affiliations, name, keep := ['academic', 'company'],
            terms := [{category: 'academic', kind: 'name', term: 'hog''s head'}]
        )""",
    "plan": """
        WITH docs AS (SELECT unnest([1, 2]) AS profile_id, 'a text' AS cv)
        FROM muster.llm_plan(
            docs, cv,
            [{annotator: 'a, b', provider: 'google', model: 'gemini-2.5-flash', temperature: 0.5, max_tokens: 99, batch: false},
             {annotator: NULL, provider: 'openai', model: 'm', temperature: NULL, max_tokens: NULL, batch: NULL}],
            schema := {field: 'verdict', yes: 'it''s, yes', no: 'no', abstain: '?'},
            prices := [{provider: 'openai', model: 'm', input: 1.25, cached: 0.1, output: 2.5}]
        )""",
}


def study() -> list[str]:
    """The statements of the README's study, without its LOAD."""
    text = (ROOT / "README.md").read_text()
    block = text[text.index("## Your own study") :]
    block = re.search(r"^```sql\n(.*?)^```$", block, flags=re.M | re.S)[1]
    block = re.sub(r"--.*", "", block)
    return [statement.strip() for statement in block.split(";") if statement.strip() not in ("", "LOAD muster")]


def statements(folder: str) -> list[str]:
    """The study and the calls with nested values; what they return goes into files of the folder."""
    made = []
    for number, statement in enumerate(study()):
        made.append(statement if statement.startswith("CREATE") else f"COPY ({statement}) TO '{folder}/study{number}.csv'")
    made.append(f"COPY estimates TO '{folder}/estimates.csv'")
    return made + [f"COPY ({query}) TO '{folder}/{name}.csv'" for name, query in NESTED.items()]


def files(folder: str) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in Path(folder).glob("*.csv")}


class Clients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        for program, what in [("node", "Node.js"), ("g++", "a C++ compiler")]:
            if shutil.which(program) is None:
                raise RuntimeError(f"{program} is missing: this test needs {what}")
        if not (MODULES / "node_modules/@duckdb/node-api").is_dir():
            raise RuntimeError(f"{MODULES} has no @duckdb/node-api: make test-clients installs it")
        cls.home = cls.enterClassContext(tempfile.TemporaryDirectory())
        os.environ["MUSTER_STORE"] = f"{cls.home}/store.sqlite"
        cls.preload = f"{cls.home}/no_json.so"
        source = ROOT / "test/clients/no_json.cpp"
        subprocess.run(["g++", "-shared", "-fPIC", "-O1", "-o", cls.preload, str(source)], check=True)
        folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        with duckdb.connect(config={"allow_unsigned_extensions": "true"}) as db:
            db.execute(f"LOAD '{EXTENSION}'")
            for statement in statements(folder):
                db.execute(statement)
            cls.functions = db.execute(FUNCTIONS).fetchone()[0]
        cls.expected = files(folder)

    def node(self, asked: list[str], with_json: bool) -> list[dict]:
        environment = {**os.environ, "HOME": self.home}
        if not with_json:
            environment["LD_PRELOAD"] = self.preload
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(asked, file)
            file.flush()
            done = subprocess.run(
                ["node", str(ROOT / "test/test_node.mjs"), str(MODULES), str(EXTENSION), file.name],
                cwd=ROOT, env=environment, capture_output=True, text=True,
            )
        self.assertEqual(done.returncode, 0, done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def check(self, with_json: bool):
        with tempfile.TemporaryDirectory() as folder:
            lines = self.node([HAS_JSON, FUNCTIONS, *statements(folder), LINEAGE], with_json)
            has_json, functions, *done, lineage = lines
            self.assertEqual(has_json, {"rows": [[with_json]]})
            self.assertEqual(functions, {"rows": [[str(self.functions)]]})
            self.assertEqual([line["error"] for line in done if "error" in line], [])
            if with_json:
                self.assertEqual(lineage, {"rows": [["a", "b"]]})
            else:
                self.assertIn(WITHOUT_JSON, lineage["error"])
            got = files(folder)
        self.assertEqual(sorted(got), sorted(self.expected))
        for name, content in self.expected.items():
            self.assertEqual(got[name], content, name)

    def test_study_with_json(self):
        self.check(with_json=True)

    def test_study_without_json(self):
        self.check(with_json=False)


HAS_JSON = "SELECT count(*) > 0 FROM duckdb_functions() WHERE function_name = 'to_json'"
FUNCTIONS = "SELECT count(*) FROM duckdb_functions() WHERE database_name = 'muster' AND function_type LIKE '%macro'"
LINEAGE = "SELECT source, target FROM muster.lineage('CREATE TABLE b AS FROM a')"

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--extension", default=str(EXTENSION))
    arguments, rest = parser.parse_known_args()
    EXTENSION = Path(arguments.extension).resolve()
    os.chdir(ROOT)
    unittest.main(argv=[sys.argv[0], *rest])
