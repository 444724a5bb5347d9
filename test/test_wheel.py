"""The wheel, as who installs it meets it: an empty environment, an empty home, nothing of this repository.

    python test/test_wheel.py --wheel build/wheel/muster-….whl [--python python3.12]

Each version of DuckDB has an environment of its own; those from 2.0 on need Python 3.11, so an older Python has 1.5.6 alone. The fit must be the same
on all of them, byte for byte. Where the embedding model is not in .models (`make models`), the test that needs it says that it is skipped.
"""

import argparse
import os
import platform
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODELS = ROOT / ".models"
MODEL = MODELS / "sentence-transformers" / "all-MiniLM-L6-v2"
# Version of DuckDB, and what is installed besides: Altair is there in one and missing in another.
ENVIRONMENTS = {"oldest": ("1.5.6", []), "middle": ("2.0.0", []), "newest": ("2.0.1", ["altair"])}
ENVIRONMENTS_OF_OLD_PYTHON = {"oldest": ("1.5.6", []), "newest": ("1.5.6", ["altair"])}
SETUP = """
import muster
db = muster.connect(config={"threads": 1})
db.execute("CREATE TABLE profiles AS FROM muster.simulate_profiles(companies := 5)")
db.execute("CREATE TABLE ratings AS FROM muster.simulate_ratings(companies := 5)")
"""
EMBED = """
import muster
def dimensions():
    return muster.connect().execute("SELECT len(muster.embed('a text'))").fetchone()[0]
"""
FIT = "FROM muster.fit_probit_bootstrap(ratings, profiles, company, is_expert, headcount := headcount, draws := 50, keep_draws := true)"


class Wheel(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.place = tempfile.TemporaryDirectory()
        cls.pythons = {}
        asked = [ARGS.python, "-c", "import sys; print(sys.version_info >= (3, 11))"]
        is_new = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip() == "True"
        cls.versions = {}
        for name, (duckdb, more) in (ENVIRONMENTS if is_new else ENVIRONMENTS_OF_OLD_PYTHON).items():
            cls.versions[name] = duckdb
            folder = Path(cls.place.name) / name
            subprocess.run([ARGS.python, "-m", "venv", str(folder)], check=True)
            python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
            pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            subprocess.run([*pip, str(ARGS.wheel), f"duckdb=={duckdb}", *more], check=True)
            cls.pythons[name] = python

    @classmethod
    def tearDownClass(cls):
        cls.place.cleanup()

    def run_in(self, name, program, model=False, **environment):
        """The output of `program` in one of the environments, in a home and a folder that are empty but for a fetched model."""
        with tempfile.TemporaryDirectory() as home:
            if model:
                models = Path(home) / ".cache" / "muster" / "models"
                models.parent.mkdir(parents=True)
                models.symlink_to(MODELS)
            clean = {"HOME": home, "PATH": os.environ["PATH"], "MUSTER_OFFLINE": "1", **environment}
            command = [self.pythons[name], "-I", "-c", program]
            done = subprocess.run(command, cwd=home, env=clean, capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
            return done.stdout.strip()

    @unittest.skipUnless(platform.system() == "Linux", "only tags of Linux name a version of the C library")
    def test_the_tag_is_what_the_system_and_the_file_say(self):
        tag = ARGS.wheel.stem.split("-")[-1]
        # the highest name of a version anywhere in the bytes, by no reader of ELF
        with tempfile.TemporaryDirectory() as place:
            subprocess.run([sys.executable, "-m", "zipfile", "-e", str(ARGS.wheel), place], check=True)
            code = next(Path(place).rglob("muster.duckdb_extension")).read_bytes()
        newest = max((int(major), int(minor)) for major, minor in re.findall(rb"\0GLIBC_(\d+)\.(\d+)(?=\0)", code))
        self.assertEqual(tag, f"manylinux_{newest[0]}_{newest[1]}_{platform.machine()}")

    def test_the_same_fit_on_every_version(self):
        program = f"{SETUP}\nprint(db.execute({'SELECT version()'!r}).fetchone()[0]); print(db.execute({FIT + ' ORDER BY company'!r}).fetchall())"
        fits = {}
        for name, version in self.versions.items():
            running, fits[name] = self.run_in(name, program).split("\n", 1)
            self.assertEqual(running, f"v{version}")
        self.assertEqual(len(set(fits.values())), 1)
        # 5 companies of 50 draws, as asked for
        program = f"{SETUP}\nprint(db.execute({f'SELECT count(*), min(len(draws)), max(len(draws)) FROM ({FIT})'!r}).fetchone())"
        self.assertEqual(self.run_in("newest", program), "(5, 50, 50)")

    def test_sql_on_the_version_that_has_no_environment_of_its_own(self):
        if "middle" not in self.versions:
            self.skipTest("DuckDB 2.0.0 is not there for this Python")
        with tempfile.TemporaryDirectory() as place:
            subprocess.run([sys.executable, "-m", "zipfile", "-e", str(ARGS.wheel), place], check=True)
            extension = next(Path(place).rglob("muster.duckdb_extension"))
            files = [str(ROOT / "test" / "sql" / f"{name}.test") for name in ("orthant", "tetrachoric", "catalog", "relations")]
            command = [self.pythons["middle"], ROOT / "test" / "run_sql.py", "--extension", str(extension), *files]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        self.assertEqual(done.stdout.strip(), "DuckDB 2.0.0: 4 passed, 0 failed", done.stderr)

    def test_settings_of_the_user_are_kept(self):
        program = """
import muster
db = muster.connect(config={"threads": 1, "allow_unsigned_extensions": "false"})
print(db.execute("SELECT current_setting('threads')").fetchone()[0], db.execute("SELECT muster.orthant([0, 0], [[1, 0], [0, 1]], [true, true])").fetchone()[0])
"""
        for name in self.versions:
            threads, quarter = self.run_in(name, program).split()
            self.assertEqual(threads, "1")
            self.assertAlmostEqual(float(quarter), 0.25, places=9)

    def test_load_says_what_a_connection_must_allow(self):
        program = """
import duckdb, muster
try:
    muster.load(duckdb.connect())
except PermissionError as error:
    print(error)
db = duckdb.connect(config={"allow_unsigned_extensions": "true"})
print(muster.load(muster.load(db)) is db)
"""
        for name in self.versions:
            error, same = self.run_in(name, program).splitlines()
            self.assertIn("open it by muster.connect(…)", error)
            self.assertEqual(same, "True")

    @unittest.skipUnless(MODEL.is_dir(), f"{MODEL} is missing: make models fetches it")
    def test_a_fetched_model_is_found(self):
        self.assertEqual(self.run_in("newest", f"{EMBED}\nprint(dimensions())", model=True), "384")
        # the variable of the user comes before
        program = f"{EMBED}\ntry:\n    dimensions()\nexcept Exception as error:\n    print(error)"
        self.assertIn("'nowhere/", self.run_in("newest", program, model=True, MUSTER_MODEL_DIR="nowhere"))

    def test_an_error_names_what_fetches_a_missing_model(self):
        program = f"{EMBED}\ntry:\n    dimensions()\nexcept Exception as error:\n    print(error)"
        self.assertIn("muster.fetch_model()", self.run_in("newest", program))

    def test_show(self):
        made = f"{SETUP}\nimport json\nspec = db.sql({f'WITH made AS ({FIT}) FROM muster.plot_uncertainty_spec(made)'!r})"
        made += "\ntext = spec.fetchall()[0][0]"
        # every entry of the specification is in the chart, beside what Altair adds; text, dict and relation are alike
        shown = """
def within(part, whole):
    if not isinstance(part, dict):
        return part == whole
    return all(key in whole and within(value, whole[key]) for key, value in part.items())
wanted = json.loads(text)
print(all(within(wanted, muster.show(each).to_dict()) for each in (text, wanted, spec)))
"""
        self.assertEqual(self.run_in("newest", f"{made}\n{shown}"), "True")
        # what a notebook asks for
        notebook = "print('vega-embed' in muster.show(spec)._repr_mimebundle_()['text/html'])"
        self.assertEqual(self.run_in("newest", f"{made}\n{notebook}"), "True")
        refused = f"{made}\ntry:\n    muster.show(db.sql('SELECT 1 AS one'))\nexcept ValueError as error:\n    print(error)"
        self.assertIn("allowed is one row with a column spec", self.run_in("newest", refused))
        missing = "import muster\ntry:\n    muster.show('{}')\nexcept ImportError as error:\n    print(error)"
        self.assertIn("pip install 'muster[altair]'", self.run_in("oldest", missing))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--wheel", type=lambda path: Path(path).resolve(), required=True)
    parser.add_argument("--python", default=sys.executable)
    ARGS, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], *rest])
