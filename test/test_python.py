"""What needs several connections, processes or data frames: LOAD, catalogs, concurrency, pandas, names, versions.

    python test/test_python.py --extension build/release/muster.duckdb_extension
    python test/test_python.py --extension … --print-checksum

The second form prints a checksum of estimates, which must be the same on every DuckDB version.
"""

import argparse
import hashlib
import re
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

import duckdb
import pandas
import pyarrow

from mock import language_models

ROOT = Path(__file__).resolve().parent.parent
EXTENSION = ROOT / "build" / "release" / "muster.duckdb_extension"
ESTIMATE = "FROM muster.fit_probit_bootstrap(ratings, profiles, company, is_expert, draws := 20, keep_draws := true)"
TETRACHORIC = "SELECT round(muster.tetrachoric(40, 10, 20, 30), 6)"


def connect(path=":memory:", load=True, **options):
    # relations must come from where a test puts them, not from Python variables that happen to have the name
    config = {"allow_unsigned_extensions": "true", "python_enable_replacements": "false"}
    connection = duckdb.connect(str(path), config=config, **options)
    if load:
        connection.execute(f"LOAD '{EXTENSION}'")
    return connection


def simulate(connection, kind="TEMP TABLE", companies=3):
    for name in ("profiles", "ratings"):
        call = f"muster.simulate_{name}(companies := {companies}, max_observed := 60)"
        connection.execute(f"CREATE {kind} {name} AS FROM {call}")
    return connection


def rows(connection, sql):
    return connection.execute(sql).fetchall()


def digest(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def checksum():
    """Of everything random: simulated studies, estimates by each method, posteriors, a total."""
    connection = simulate(connect(), companies=5)
    statements = ["FROM profiles ORDER BY ALL", "FROM ratings ORDER BY ALL", "FROM muster.simulate_truth(companies := 20)"]
    for method in ("company", "hierarchical", "original", "original_by_size"):
        options = f"headcount := headcount, draws := 50, keep_draws := true, method := '{method}'"
        statements.append(f"FROM muster.fit_probit_bootstrap(ratings, profiles, company, is_expert, {options})")
    statements += [
        "FROM muster.probit_posterior(ratings, profiles, is_expert, company := company)",
        "FROM muster.probit_model(ratings, profiles, is_expert)",
        "FROM muster.annotator_metrics(ratings, profiles, is_expert)",
        f"WITH estimates AS ({ESTIMATE}) FROM muster.headcount_total(estimates)",
    ]
    text = "\n".join(repr(rows(connection, sql)) for sql in statements)
    return hashlib.sha256(text.encode()).hexdigest()


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)


class Load(Folder):
    def assert_works(self, connection):
        self.assertEqual(rows(connection, TETRACHORIC), [(0.607073,)])
        self.assertEqual(rows(connection, "SELECT count(*) FROM muster.simulate_truth(companies := 3)"), [(3,)])

    def test_twice(self):
        connection = connect()
        before = rows(connection, "SELECT count(*) FROM duckdb_functions()")
        connection.execute(f"LOAD '{EXTENSION}'")
        self.assertEqual(rows(connection, "SELECT count(*) FROM duckdb_functions()"), before)
        self.assert_works(connection)

    def test_other_connections_see_it(self):
        connection = connect()
        second = connection.cursor()
        self.assert_works(second)
        second.execute(f"LOAD '{EXTENSION}'")
        self.assert_works(second)

    def test_several_databases(self):
        many = [connect(), connect(self.folder / "a.db"), connect(self.folder / "b.db"), connect()]
        for connection in many:
            self.assert_works(connection)
        many[0].close()
        for connection in many[1:]:
            self.assert_works(connection)

    def test_eight_connections_at_once(self):
        for _ in range(10):
            main = connect(load=False)
            barrier, failures = threading.Barrier(8), []

            def load(connection):
                try:
                    barrier.wait()
                    connection.execute(f"LOAD '{EXTENSION}'")
                    self.assert_works(connection)
                except Exception as error:
                    failures.append(error)

            threads = [threading.Thread(target=load, args=(main.cursor(),)) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(failures, [])
            self.assert_works(main)

    def test_eight_databases_at_once(self):
        barrier, counts = threading.Barrier(8), []

        def load():
            connection = connect(load=False)
            barrier.wait()
            connection.execute(f"LOAD '{EXTENSION}'")
            counts.append(rows(connection, "SELECT count(*) FROM muster.simulate_truth(companies := 3)")[0][0])

        threads = [threading.Thread(target=load) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(counts, [3] * 8)

    def test_in_a_transaction(self):
        connection = connect(load=False)
        connection.execute("BEGIN")
        connection.execute("CREATE TABLE mine AS SELECT 1 AS i")
        connection.execute(f"LOAD '{EXTENSION}'")
        self.assert_works(connection)
        connection.execute("COMMIT")
        self.assert_works(connection)
        self.assertEqual(rows(connection, "FROM mine"), [(1,)])

    def test_in_a_transaction_rolled_back(self):
        connection = connect(load=False)
        connection.execute("BEGIN")
        connection.execute("CREATE TABLE mine AS SELECT 1 AS i")
        connection.execute(f"LOAD '{EXTENSION}'")
        connection.execute("ROLLBACK")
        self.assert_works(connection)
        tables = "SELECT count(*) FROM duckdb_tables() WHERE database_name <> 'muster'"
        self.assertEqual(rows(connection, tables), [(0,)])
        connection.execute(f"LOAD '{EXTENSION}'")
        self.assert_works(connection.cursor())

    def test_read_only_database(self):
        path = self.folder / "study.db"
        simulate(connect(path), "TABLE").close()
        before = digest(path)
        connection = connect(path, read_only=True)
        self.assertEqual(len(rows(connection, ESTIMATE)), 3)
        with self.assertRaisesRegex(duckdb.Error, "read-only"):
            connection.execute("CREATE TABLE t AS SELECT 1")
        connection.close()
        self.assertEqual(digest(path), before)
        self.assertEqual(sorted(file.name for file in self.folder.iterdir()), ["study.db"])

    def test_nothing_is_written_into_the_database(self):
        path = self.folder / "study.db"
        connection = connect(path)
        simulate(connection, "TEMP TABLE")
        self.assertEqual(len(rows(connection, ESTIMATE)), 3)
        connection.close()
        plain = connect(path, load=False)
        for what in ("tables", "views", "schemas"):
            self.assertEqual(rows(plain, f"SELECT count(*) FROM duckdb_{what}() WHERE NOT internal"), [(0,)], what)
        self.assertEqual(rows(plain, "SELECT count(*) FROM duckdb_functions() WHERE NOT internal"), [(0,)])
        self.assertEqual(rows(plain, "SELECT database_name FROM duckdb_databases() WHERE NOT internal"), [("study",)])

    def test_external_access_switched_off_afterwards(self):
        connection = simulate(connect())
        connection.execute("SET enable_external_access = false")
        self.assertEqual(len(rows(connection, ESTIMATE)), 3)
        connection.execute(f"LOAD '{EXTENSION}'")
        self.assert_works(connection)
        with self.assertRaisesRegex(duckdb.Error, "Permission Error"):
            connection.execute("COPY profiles TO 'profiles.csv'")

    def test_a_database_named_muster(self):
        path = self.folder / "other.db"
        plain = connect(path, load=False)
        plain.execute("CREATE TABLE mine AS SELECT 1 AS i")
        plain.close()
        before = digest(path)
        connection = connect(load=False)
        connection.execute(f"ATTACH '{path}' AS muster")
        for _ in range(2):
            with self.assertRaisesRegex(duckdb.Error, "a database named muster is attached already.*DETACH it.*LOAD again"):
                connection.execute(f"LOAD '{EXTENSION}'")
        self.assertEqual(rows(connection, "FROM muster.mine"), [(1,)])
        own = "database_name = 'muster' AND NOT internal"
        self.assertEqual(rows(connection, f"SELECT count(*) FROM duckdb_functions() WHERE {own}"), [(0,)])
        connection.execute("DETACH muster")
        self.assertEqual(digest(path), before)
        connection.execute(f"LOAD '{EXTENSION}'")
        self.assert_works(connection)
        connection.execute(f"ATTACH '{path}' AS other")
        self.assertEqual(rows(connection, "FROM other.mine"), [(1,)])

    def test_a_main_database_file_named_muster(self):
        path = self.folder / "muster.duckdb"
        plain = connect(path, load=False)
        plain.execute("CREATE TABLE mine AS SELECT 1 AS i")
        plain.close()
        before = digest(path)
        connection = connect(path, load=False)
        with self.assertRaisesRegex(duckdb.Error, "a database named muster is attached already.*under another name"):
            connection.execute(f"LOAD '{EXTENSION}'")
        connection.close()
        self.assertEqual(digest(path), before)
        connection = connect()
        connection.execute(f"ATTACH '{path}' AS other")
        self.assertEqual(rows(connection, "FROM other.mine"), [(1,)])
        self.assert_works(connection)

    def test_the_catalog_keeps_its_name(self):
        connection = connect()
        with self.assertRaisesRegex(duckdb.Error, "already exists"):
            connection.execute(f"ATTACH '{self.folder / 'other.db'}' AS muster")
        self.assert_works(connection)

    def test_nothing_is_printed(self):
        script = (
            "import duckdb, sys\n"
            "c = duckdb.connect(config={'allow_unsigned_extensions': 'true'})\n"
            "c.execute(f\"LOAD '{sys.argv[1]}'\")\n"
            "c.execute('CREATE TABLE p AS FROM muster.simulate_profiles(companies := 2, max_observed := 20)')\n"
            "c.execute('CREATE TABLE r AS FROM muster.simulate_ratings(companies := 2, max_observed := 20)')\n"
            "c.execute('FROM muster.fit_probit_bootstrap(r, p, company, is_expert, draws := 5)').fetchall()\n"
            "try: c.execute('FROM muster.fit_probit_bootstrap(r, p, company, is_expert, draws := 0)')\n"
            "except duckdb.Error: sys.exit(7)\n"
        )
        done = subprocess.run([sys.executable, "-c", script, str(EXTENSION)], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (7, "", ""))


class Relations(Folder):
    def setUp(self):
        super().setUp()
        self.connection = simulate(connect())
        self.expected = rows(self.connection, ESTIMATE)
        self.frames = [self.connection.execute(f"FROM {name}").df() for name in ("profiles", "ratings")]

    def plain(self):
        """A connection without the tables, for frames of the same names."""
        return connect()

    def test_pandas(self):
        connection = self.plain()
        for name, frame in zip(("profiles", "ratings"), self.frames):
            connection.register(name, frame)
        self.assertEqual(rows(connection, ESTIMATE), self.expected)

    def test_pandas_replacement_scan(self):
        profiles, ratings = self.frames
        connection = self.plain()
        connection.execute("SET python_enable_replacements = true")
        self.assertEqual(len(profiles) > 0 and len(ratings) > 0, True)
        self.assertEqual(connection.execute(ESTIMATE).fetchall(), self.expected)

    def test_labels_as_floats_with_gaps(self):
        profiles, ratings = self.frames
        wide = ratings.astype({"label": "float64"}).pivot(index="profile_id", columns="annotator", values="label")
        self.assertTrue(wide.isna().any().any())
        ratings = wide.reset_index().melt(id_vars="profile_id", value_name="label")
        self.assertEqual(str(ratings["label"].dtype), "float64")
        profiles = profiles.assign(is_expert=profiles["is_expert"].map({True: 1.0, False: 0.0}).astype("float64"))
        self.assertTrue(profiles["is_expert"].isna().any())
        connection = self.plain()
        connection.register("profiles", profiles)
        connection.register("ratings", ratings)
        self.assertEqual(rows(connection, ESTIMATE), self.expected)

    def test_arrow(self):
        connection = self.plain()
        for name, frame in zip(("profiles", "ratings"), self.frames):
            connection.register(name, pyarrow.Table.from_pandas(frame))
        self.assertEqual(rows(connection, ESTIMATE), self.expected)

    def test_results_as_frames(self):
        estimates = self.connection.execute(ESTIMATE).df()
        self.assertEqual(list(estimates["company"]), [row[0] for row in self.expected])
        self.assertEqual([list(draws) for draws in estimates["draws"]], [row[-1] for row in self.expected])
        table = self.connection.sql(ESTIMATE).to_arrow_table()
        self.assertEqual(table.column("draws").to_pylist(), [row[-1] for row in self.expected])
        self.connection.register("kept", estimates)
        total = rows(self.connection, "SELECT companies, estimate FROM muster.headcount_total(kept)")
        self.assertEqual(total[0][0], 3)
        self.assertAlmostEqual(total[0][1], sum(row[6] for row in self.expected), places=6)

    def test_temporary_tables_are_those_of_the_connection(self):
        other = self.connection.cursor()
        with self.assertRaisesRegex(duckdb.Error, "does not exist"):
            other.execute(ESTIMATE)
        simulate(other, companies=2)
        self.assertEqual(len(rows(other, ESTIMATE)), 2)
        self.assertEqual(len(rows(self.connection, ESTIMATE)), 3)

    def test_uncommitted_rows_are_seen_by_their_connection_only(self):
        first = simulate(connect(), "TABLE")
        second = first.cursor()
        first.execute("BEGIN")
        first.execute("INSERT INTO profiles SELECT -i, 'new', NULL, NULL FROM range(1, 4) AS t(i)")
        self.assertEqual([row[:2] for row in rows(first, ESTIMATE)][-1], ("new", 3))
        self.assertEqual(rows(second, ESTIMATE), self.expected)
        first.execute("ROLLBACK")
        self.assertEqual(rows(first, ESTIMATE), self.expected)

    def test_estimates_at_once_from_several_connections(self):
        main = simulate(connect(), "TABLE")
        results = {}

        def estimate(i, connection):
            results[i] = rows(connection, ESTIMATE)

        threads = [threading.Thread(target=estimate, args=(i, main.cursor())) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([results.get(i) for i in range(8)], [self.expected] * 8)

    def test_parameters_of_the_client(self):
        sql = "SELECT company FROM muster.fit_probit_bootstrap(ratings, profiles, company, is_expert, draws := ?, level := ?)"
        for draws in (5, 6):
            self.assertEqual(len(self.connection.execute(sql, [draws, 0.9]).fetchall()), 3)
        with self.assertRaisesRegex(duckdb.Error, "draws must be a whole number from 1 to 100000, got 0"):
            self.connection.execute(sql, [0, 0.9])

    def test_a_database_of_its_own(self):
        path = self.folder / "study.db"
        connection = simulate(connect(path), "TABLE")
        connection.execute(f"CREATE TABLE estimates AS {ESTIMATE}")
        connection.execute(f"CREATE VIEW again AS {ESTIMATE}")
        connection.close()
        plain = connect(path, load=False)
        self.assertEqual(rows(plain, "FROM estimates"), self.expected)
        with self.assertRaises(duckdb.Error):
            plain.execute("FROM again")
        plain.execute(f"LOAD '{EXTENSION}'")
        self.assertEqual(rows(plain, "FROM again"), self.expected)


class Examples(unittest.TestCase):
    def test_every_example_runs(self):
        connection = connect()
        for name in ("profiles", "ratings"):
            connection.execute(f"CREATE TEMP TABLE {name} AS FROM muster.simulate_{name}(companies := 5)")
        examples = rows(connection, "SELECT name, example FROM muster.functions()")
        self.assertGreaterEqual(len(examples), 13)
        # the server of the tests answers for the language models
        with language_models():
            for name, example in examples:
                with self.subTest(name):
                    self.assertGreater(len(connection.execute(example).fetchall()), 0)


class Names(unittest.TestCase):
    """Relations and columns may have any name, those of the macros' own parameters, tables and columns too.

    The names are taken from the macros themselves. What is known not to work says so: see `test_reserved`.
    """

    STUDY = "{ratings}, {profiles}, {company}, {truth}"
    TOTALS = "{counts}, {ratings}, {firm}, {judge}, {number}, {size}"
    CALLS = {
        "check_inputs": "{profiles}, {ratings}, company := {company}, headcount := {headcount}",
        "fit_probit_bootstrap": STUDY + ", headcount := {headcount}, draws := 5, keep_draws := true",
        "headcount_total": "{estimates}, stratum := {stratum}",
        "probit_posterior": "{ratings}, {profiles}, {truth}, company := {company}, prior := 0.2",
        "probit_model": "{ratings}, {profiles}, {truth}",
        "log_debias_counts": "{ratings}, {profiles}, {company}",
        "log_debias_estimate": "{counts}, {firm}, {judge}, {number}, headcount := {size}",
        "rogan_gladen": "{ratings}, {profiles}, {truth}, company := {company}",
        "majority_vote": "{ratings}",
        "dawid_skene": "{ratings}, profiles := {profiles}, truth := {truth}",
        "dawid_skene_annotators": "{ratings}, profiles := {profiles}, truth := {truth}",
        "dawid_skene_model": "{ratings}, profiles := {profiles}, truth := {truth}",
        "annotator_metrics": "{ratings}, {profiles}, {truth}",
        "annotator_correlations": "{ratings}, {profiles}, {truth}",
        "covariance_diagnostic": STUDY,
        "drift_summary": STUDY,
        "posterior_predictive_check": STUDY + ", draws := 20",
        "posterior_predictive_counts": STUDY + ", draws := 20",
        "prior_sensitivity": STUDY + ", draws := 5",
        "rating_plan": STUDY + ", budget := 3, headcount := {headcount}",
        "confidence_calibration": "{ratings}, {profiles}, {truth}, CASE WHEN label THEN 0.75 ELSE 0.25 END",
        "filter_ratings": "{ratings}, {profiles}, {company}, {headcount}, truth := {truth}, min_profiles := 1",
        "filter_affiliations": "{affiliations}, {named}, weight := {people}",
        "synthetic_ratings": TOTALS,
        "synthetic_profiles": TOTALS,
        "synthetic_adjustment": "{made}, {estimates}",
        "keybert_keywords": "{docs}, {body}, top_n := 2",
        "tfidf_keywords": "{docs}, {body}, top_n := 2, min_df := 1",
        "discriminative_keywords": "{docs}, {body}, {kind}, min_df := 1, max_df := 1.0, ngram_max := 1",
        "keyword_lists": "{keywords}, strict := 0.2, broad := 0.1, max_q := 1, min_documents := 0",
        "keyword_scores": "{docs}, {body}, {kind}, {lists}",
        "keyword_filter": "{docs}, {body}, [{{annotator: 'office', any_of: ['office']}}]",
        "cluster_keywords": "{docs}, {body}, weight := {count}, min_cluster_size := 2",
        "cluster_profiles": "{docs}, {body}, k := 2, method := 'kmeans'",
        "cluster_map": "{docs}, {kind}, text := {body}",
        # texts that are too long are rows without a request: nothing is sent
        "llm_annotate": "{docs}, {body}, ['openai:m', 'google:m'], replay := true, max_text_chars := 5, store := '{store}'",
        "llm_plan": "{docs}, {body}, ['openai:m', 'google:m'], store := '{store}'",
        "llm_import": "{answers}, store := '{store}'",
        "llm_agreement": "{ratings}",
        "lineage": "'CREATE TABLE a AS FROM t'",
        # other plots are called with the relation that they name
        "plot_uncertainty": "{estimates}, company := NULL, level := 0.8",
        "plot_uncertainty_spec": "{estimates}, company := NULL, level := 0.8",
        "plot_methods": "{settings}",
        "plot_methods_spec": "{settings}",
    }
    RELATIONS = {
        "ratings": "r", "profiles": "p", "estimates": "e", "made": "e", "counts": "c", "docs": "d", "keywords": "k", "lists": "l",
        "affiliations": "a", "answers": "m", "settings": "s", "metrics": "t", "correlations": "o", "priors": "b", "coverage": "v", "map": "x",
        "edges": "g",
    }
    # where a column stands, and its plain name
    COLUMNS = {
        "company": ("profiles", "x1"),
        "truth": ("profiles", "x2"),
        "headcount": ("profiles", "x3"),
        "stratum": ("estimates", "x4"),
        "firm": ("counts", "x5"),
        "judge": ("counts", "x6"),
        "number": ("counts", "x7"),
        "size": ("counts", "x8"),
        "named": ("affiliations", "x11"),
        "people": ("affiliations", "x12"),
        "body": ("docs", "x9"),
        "kind": ("docs", "x10"),
        "count": ("docs", "x13"),
    }
    PLAIN = {**{f: f"plain_{r}" for f, r in RELATIONS.items()}, **{f: column for f, (_, column) in COLUMNS.items()}}
    # columns that a relation has to have under the name it has
    OWN = {"estimates": ("company", "headcount", "draws", "estimate", "lower", "upper")}

    @classmethod
    def setUpClass(cls):
        cls.connection = connection = connect()
        folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        cls.addClassCleanup(folder.cleanup)
        cls.store = str(Path(folder.name) / "store.sqlite")
        small = "companies := 3, max_observed := 30, gold_experts := 12, gold_others := 12"
        connection.execute(
            f"""
            CREATE TABLE plain_p AS
            SELECT profile_id, company AS x1, is_expert AS x2, headcount AS x3 FROM muster.simulate_profiles({small});
            CREATE TABLE plain_r AS FROM muster.simulate_ratings({small}) WHERE annotator < 'gh';
            CREATE TABLE plain_e AS SELECT *, company AS x4
            FROM muster.fit_probit_bootstrap(plain_r, plain_p, x1, x2, draws := 5, keep_draws := true);
            CREATE TABLE plain_c AS SELECT company AS x5, annotator AS x6, value AS x7, 400 AS x8
            FROM muster.log_debias_counts(plain_r, plain_p, x1);
            CREATE TABLE plain_a AS SELECT x1 || ', Inc. / ' || x1 AS x11, count(*) AS x12 FROM plain_p GROUP BY ALL;
            CREATE TABLE plain_d AS
            FROM (VALUES (1, 'neural networks for computer vision', true, 2), (2, 'sales of office furniture', false, 3))
            AS t(profile_id, x9, x10, x13);
            CREATE TABLE plain_k AS
            FROM muster.discriminative_keywords(plain_d, x9, x10, min_df := 1, max_df := 1.0, ngram_max := 1);
            CREATE TABLE plain_l AS
            FROM muster.keyword_lists(plain_k, strict := 0.2, broad := 0.1, max_q := 1, min_documents := 0);
            CREATE TABLE plain_m AS
            SELECT sha256(request) AS request_hash, *, 'm' AS model, true AS label, 'ACCEPT' AS answer, 'why' AS reason,
                'stop' AS finish, 1 AS attempts, false AS batch, 100 AS input_tokens, 0 AS cached_tokens, 10 AS output_tokens,
                0 AS reasoning_tokens, 0.5 AS cost_usd, 'r' AS request_id, TIMESTAMP '2026-01-01' AS answered_at, '' AS response
            FROM (SELECT '{{"schema":{{"abstain":null,"field":"evaluation","no":"REJECT","yes":"ACCEPT"}},"text":"CV","version":1}}' AS request);
            FROM muster.llm_import(plain_m, store := '{cls.store}');
            CREATE TABLE plain_s AS
            FROM muster.prior_sensitivity(plain_r, plain_p, x1, x2, draws := 5) WHERE drift_sd IS NULL;
            CREATE TABLE plain_t AS FROM muster.annotator_metrics(plain_r, plain_p, x2);
            CREATE TABLE plain_o AS FROM muster.annotator_correlations(plain_r, plain_p, x2);
            CREATE TABLE plain_b AS SELECT 'original' AS name, 2 AS alpha, 10 AS beta;
            CREATE TABLE plain_v AS SELECT 'company' AS method, 0.8 AS level, 0.77 AS coverage, 0.7 AS lower, 0.8 AS upper;
            CREATE TABLE plain_x AS
            SELECT 'item ' || i AS item, i % 2 AS cluster, 'item' AS representative, sin(i) AS x, cos(i) AS y FROM range(9) AS t(i);
            CREATE TABLE plain_g AS FROM (VALUES ('a', 'b', 'view'), ('b', 'c', 'view')) AS t(source, target, kind);
            """
        )
        catalog = rows(
            connection,
            "SELECT function_name, parameters, macro_definition FROM duckdb_functions() WHERE database_name = 'muster'",
        )
        cls.macros = {name: (set(parameters), body) for name, parameters, body in catalog}
        plots = {name: f"{{{parameters[0]}}}" for name, parameters, _ in catalog if name.startswith("plot_")}
        cls.CALLS = {**plots, **cls.CALLS}
        cls.names = {call: cls.names_within(call, r"\b(_muster_\w+)") for call in cls.CALLS}
        cls.tables = {call: cls.names_within(call, r"\b(_muster_\w+) AS (?:MATERIALIZED )?\(") for call in cls.CALLS}
        cls.expected = {call: cls.run_call(call) for call in cls.CALLS}

    @classmethod
    def names_within(cls, macro, pattern):
        """Parameters of a macro and of those it calls, and what their bodies have that fits the pattern."""
        found, todo = set(), [macro]
        while todo:
            parameters, body = cls.macros[todo.pop()]
            found |= parameters | set(re.findall(pattern, body))
            todo += re.findall(r"\bmuster\.main\.\"?(\w+)\"?\(", body)
        return sorted(found)

    @classmethod
    def run_call(cls, call, prefix="", **names):
        arguments = cls.CALLS[call].format(**{**cls.PLAIN, "store": cls.store, **names})
        return rows(cls.connection, f"{prefix}FROM muster.{call}({arguments})")

    def fields(self, call):
        return re.findall(r"{(\w+)}", self.CALLS[call])

    def assert_call(self, call, prefix="", **names):
        with self.subTest(call, **names):
            self.assertEqual(self.run_call(call, prefix, **names), self.expected[call])

    def test_every_table_function_is_called(self):
        known = {*self.CALLS, "simulate_profiles", "simulate_ratings", "simulate_truth", "functions", "version", "stop_words", "study_filters", "machine_learning_filters",
                 "llm_store", "llm_usage"}  # fmt: skip
        listed = rows(self.connection, "SELECT name FROM muster.functions() WHERE kind = 'table'")
        self.assertEqual({name for (name,) in listed}, known)

    def test_documented_columns_are_those_that_come(self):
        for name, details in rows(self.connection, "SELECT name, details FROM muster.functions() WHERE kind = 'table'"):
            with self.subTest(name):
                block = details.split("columns:\n")[1]
                documented = [tuple(line.split()[:2]) for line in block.splitlines() if line.startswith("  ")]
                call = self.CALLS.get(name, "").format(**self.PLAIN, store=self.store)
                got = [row[:2] for row in rows(self.connection, f"DESCRIBE FROM muster.{name}({call})")]
                self.assertEqual([column for column, _ in got], [column for column, _ in documented])
                for (column, kind), (_, wanted) in zip(got, documented):
                    self.assertIn(wanted, ("ANY", kind), column)

    def test_texts_where_numbers_should_be(self):
        """Every option that is a number, or true or false: the error has function, option and value."""
        tried = 0
        for name, signature in rows(self.connection, "SELECT name, signature FROM muster.functions() WHERE kind = 'table'"):
            call = self.CALLS.get(name, "").format(**self.PLAIN, store=self.store)
            for option in re.findall(r"(\w+) := (?:[0-9][0-9.e-]*|true|false)[,)]", signature):
                if name == "check_inputs":
                    continue  # it says of values what is wrong, in rows
                for value in ("1,234", "many"):
                    given = f"{option} := '{value}'"
                    arguments, n = re.subn(rf"\b{option} := [^,)]+", given, call)
                    arguments = arguments if n else ", ".join(filter(None, [call, given]))
                    # some show texts in quotes
                    error = rf"^[A-Za-z ]*Error: {name}: {option} must .*, got '?{value}'?"
                    with self.subTest(name, given=given), self.assertRaisesRegex(duckdb.Error, error):
                        rows(self.connection, f"FROM muster.{name}({arguments})")
                    tried += 1
        self.assertGreater(tried, 200)

    def test_the_names_are_found(self):
        tables = {"_muster_person", "_muster_rating", "_muster_profile", "_muster_options"}
        parameters = {"company", "truth", "headcount", "ratings", "profiles", "caller", "people", "level", "seed", "draws"}
        self.assertLessEqual(tables | parameters | {"value"}, set(self.tables["fit_probit_bootstrap"]))
        self.assertLessEqual({"_muster_id", "_muster_seen"}, set(self.names["fit_probit_bootstrap"]))
        self.assertLessEqual({"_muster_estimate", "stratum", "estimates", "level"}, set(self.tables["headcount_total"]))
        # functions that find nothing in so small a study are no use here
        self.assertEqual([call for call, found in self.expected.items() if not found], [])

    def test_macros_of_the_user(self):
        """Macros with the names of all built-in functions that ours call, scalar and table functions."""
        text = "".join(path.read_text() for path in (ROOT / "sql").glob("*.sql"))
        called = set(re.findall(r"(?<![\w.])([a-z]\w*)\(", text))
        kinds = rows(
            self.connection,
            "SELECT DISTINCT function_name, function_type = 'table' FROM duckdb_functions() WHERE database_name = 'system' AND schema_name = 'main'",
        )
        known = [(name, table) for name, table in kinds if name in called]
        self.assertLessEqual({("sum", False), ("list", False), ("error", False), ("query_table", True)}, set(known))
        arguments, done = ["", "a", "a, b", "a, b, c"], []
        try:
            for name, table in known:
                made = "TABLE (SELECT 'mine' AS mine)" if table else "'mine'"
                bodies = ", ".join(f"({given}) AS {made}" for given in arguments)
                self.connection.execute(f'CREATE MACRO "{name}"{bodies}')
                done.append(f'DROP MACRO {"TABLE" if table else ""} memory.main."{name}"')
            found = {call: self.outcome(call) for call in self.CALLS}
        finally:
            for statement in done:
                self.connection.execute(statement)
        for call, result in found.items():
            with self.subTest(call):
                self.assertEqual(result, self.expected[call])

    def outcome(self, call):
        try:
            return self.run_call(call)
        except duckdb.Error as error:
            return str(error)

    def hidden(self, call, relation):
        return self.HIDDEN.get((call, relation), self.HIDDEN.get(("any", relation), ()))

    def test_common_table_expressions(self):
        """Every name once for each relation, the relations of a call under different names."""
        for call, tables in self.tables.items():
            relations = [field for field in self.fields(call) if field in self.RELATIONS]
            for i in range(len(tables) if relations else 0):
                names = {relation: tables[(i + 5 * at) % len(tables)] for at, relation in enumerate(relations)}
                for relation, name in names.items():
                    if name in self.hidden(call, relation):
                        names[relation] = "other"
                names = {relation: f'"{name}"' for relation, name in names.items()}
                parts = ", ".join(f"{name} AS (FROM {self.PLAIN[relation]})" for relation, name in names.items())
                self.assert_call(call, f"WITH {parts} ", **names)

    def test_tables(self):
        for call, relation in (("fit_probit_bootstrap", "profiles"), ("headcount_total", "estimates")):
            for name in self.tables[call]:
                self.connection.execute(f'CREATE TABLE "{name}" AS FROM {self.PLAIN[relation]}')
                self.assert_call(call, **{relation: f'"{name}"'})
                self.connection.execute(f'DROP TABLE "{name}"')

    def test_relations_exchanged(self):
        prefix = "WITH ratings AS (FROM plain_p), profiles AS (FROM plain_r) "
        for call in self.CALLS:
            if "profiles" in self.fields(call):
                self.assert_call(call, prefix, ratings="profiles", profiles="ratings")

    def test_columns(self):
        """Every name once for each column, the columns of a call under different names."""
        for call, names in self.names.items():
            columns = [field for field in self.fields(call) if field in self.COLUMNS]
            for relation in {self.COLUMNS[column][0] for column in columns}:
                names = [name for name in names if name not in self.OWN.get(relation, ())]
                for i in range(len(names)):
                    given = {column: f'"{names[(i + at) % len(names)]}"' for at, column in enumerate(columns)}
                    renamed = ", ".join(f"{self.PLAIN[column]} AS {name}" for column, name in given.items())
                    prefix = f"WITH changed AS (SELECT * RENAME ({renamed}) FROM {self.PLAIN[relation]}) "
                    self.assert_call(call, prefix, **{relation: "changed"}, **given)

    def test_columns_that_are_not_asked_for(self):
        for call, names in self.names.items():
            for relation in (field for field in self.fields(call) if field in self.RELATIONS):
                has = [row[0] for row in rows(self.connection, f"DESCRIBE {self.PLAIN[relation]}")]
                more = ", ".join(f"'x' AS \"{name}\"" for name in names if name not in has)
                prefix = f"WITH changed AS (SELECT *, {more} FROM {self.PLAIN[relation]}) "
                self.assert_call(call, prefix, **{relation: "changed"})

    # relations that a table of the macro hides: of two that a macro scans, the second comes behind the first
    HIDDEN = {
        ("any", "ratings"): ("_muster_profile",),
        ("filter_ratings", "ratings"): ("_muster_profile", "_muster_limit"),
        ("filter_ratings", "profiles"): ("_muster_limit",),
        ("synthetic_ratings", "ratings"): ("_muster_total",),
        ("synthetic_profiles", "ratings"): ("_muster_total",),
        ("synthetic_adjustment", "estimates"): ("_muster_synthetic",),
        ("keyword_scores", "lists"): ("_muster_document",),
    }

    def test_hidden_relations_are_errors(self):
        """Never a wrong result: what hides them does not have their columns."""
        for (call, relation), names in self.HIDDEN.items():
            for name in names:
                call = "fit_probit_bootstrap" if call == "any" else call
                with self.subTest(call, name=name), self.assertRaisesRegex(duckdb.Error, "column"):
                    self.run_call(call, f"WITH {name} AS (FROM {self.PLAIN[relation]}) ", **{relation: name})


class Versions(unittest.TestCase):
    def test_same_numbers_on_the_other_version(self):
        ours = checksum()
        self.assertRegex(ours, "^[0-9a-f]{64}$")
        self.assertEqual(checksum(), ours)
        others = [ROOT / name / "bin" / "python" for name in (".venv", ".venv-1.5")]
        others = [python for python in others if python.exists() and Path(sys.prefix) != python.parent.parent]
        if not others:
            self.skipTest("no environment with another DuckDB")
        command = [__file__, "--extension", str(EXTENSION), "--print-checksum"]
        for python in others:
            done = subprocess.run([python, *command], capture_output=True, text=True, check=True)
            self.assertEqual(done.stdout.strip(), ours, python)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--extension", type=Path, default=EXTENSION)
    parser.add_argument("--print-checksum", action="store_true")
    options, rest = parser.parse_known_args()
    EXTENSION = options.extension.resolve()
    if options.print_checksum:
        print(checksum())
    else:
        unittest.main(argv=[sys.argv[0], *rest])
