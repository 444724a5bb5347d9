"""Self-test of run_sql.py: that it passes what is right and, above all, that it fails what is wrong.

    python test/test_run_sql.py
"""

import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import run_sql

HEADER = "# name: test/sql/case.test\n# description: a case\n# group: [self]\n\n"


class RunSqlTest(unittest.TestCase):
    def run_case(self, body, header=HEADER, extension=None):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "test", "sql", "case.test")
            path.parent.mkdir(parents=True)
            path.write_text(header + body, encoding="utf-8")
            run_sql.run_file(path, extension, root=Path(folder))

    def assert_fails(self, body, what, line=None, **options):
        with self.assertRaisesRegex(run_sql.Failure, what) as caught:
            self.run_case(body, **options)
        if line:
            self.assertEqual(caught.exception.line, line)


class Values(RunSqlTest):
    def test_rows_with_tabs_and_one_value_a_line(self):
        self.run_case("query IT\nVALUES (1, 'a b'), (2, NULL)\n----\n1\ta b\n2\tNULL\n")
        self.run_case("query IT\nVALUES (1, 'a b'), (2, '')\n----\n1\na b\n2\n(empty)\n")

    def test_as_duckdb_writes_them(self):
        for sql, shown in (
            ("[1, NULL]", "[1, NULL]"),
            ("{'a': 1.5::DOUBLE, 'b': ['x', 'it''s', '']}", "{'a': 1.5, 'b': [x, 'it\\'s', '']}"),
            ("MAP {'k': true}", "{k=true}"),
            ("['nan'::DOUBLE, 1e-300, 1e20]", "[nan, 1e-300, 1e+20]"),
            ("'nan'::DOUBLE", "nan"),
            ("0.1::FLOAT", "0.1"),
            ("100::DOUBLE", "100.0"),
            ("1.50::DECIMAL(5, 2)", "1.50"),
            ("'a\\x00'::BLOB", "a\\x00"),
            ("TIMESTAMP '2024-02-29 10:00:00.5'", "2024-02-29 10:00:00.5"),
            ("170141183460469231731687303715884105727::HUGEINT", "170141183460469231731687303715884105727"),
        ):
            with self.subTest(sql):
                self.run_case(f"query T\nSELECT {sql}\n----\n{shown}\n")

    def test_inexact_types_are_refused(self):
        self.assert_fails("query T\nSELECT INTERVAL 3 MONTHS\n----\n90 days\n", "cast it to VARCHAR")

    def test_booleans(self):
        self.run_case("query II\nSELECT true, false\n----\n1\tfalse\n")
        self.assert_fails("query I\nSELECT true\n----\n0\n", "true is not 0")
        self.assert_fails("query I\nSELECT 1\n----\ntrue\n", "1 is not true")

    def test_tolerance_only_under_r(self):
        self.run_case("query R\nSELECT 1.0000005::DOUBLE\n----\n1\n")
        self.assert_fails("query R\nSELECT 1.00001::DOUBLE\n----\n1\n", "1.00001 is not 1")
        self.assert_fails("query I\nSELECT 1.0000005::DOUBLE\n----\n1\n", "is not 1")
        self.assert_fails("query R\nSELECT NULL::DOUBLE\n----\n0\n", "NULL is not 0")

    def test_regular_expressions(self):
        self.run_case("query T\nSELECT 'muster'\n----\n<REGEX>:m.*r\n")
        self.assert_fails("query T\nSELECT 'muster'\n----\n<REGEX>:must\n", "is not <REGEX>")
        self.assert_fails("query T\nSELECT 'muster'\n----\n<!REGEX>:m.*\n", "is not <!REGEX>")

    def test_wrong_value(self):
        self.assert_fails("query I\nSELECT 42\n----\n43\n", "row 1, column 1: 42 is not 43", line=5)

    def test_null_is_not_empty(self):
        self.assert_fails("query T\nSELECT NULL\n----\n(empty)\n", "NULL is not")

    def test_wrong_row_count(self):
        self.assert_fails("query I\nFROM range(3)\n----\n0\n1\n", "3 rows, expected 2")
        self.assert_fails("query II\nSELECT 1, 2 LIMIT 0\n----\n1\t2\n", "0 rows, expected 1")
        self.assert_fails("query I\nFROM range(3)\n----\n", "3 rows, expected 0")

    def test_wrong_column_count(self):
        self.assert_fails("query I\nSELECT 1, 2\n----\n1\t2\n", "2 columns .* expected I")
        self.assert_fails("query III\nSELECT 1, 2\n----\n1\t2\n", "2 columns .* expected III")
        self.assert_fails("query II\nSELECT 1, 2\n----\n1\t2\t3\n", "3 values, not 2")

    def test_sorting(self):
        self.run_case("query I rowsort\nVALUES (2), (1)\n----\n1\n2\n")
        self.run_case("query II valuesort\nVALUES (4, 1), (3, 2)\n----\n1\t2\n3\t4\n")
        self.assert_fails("query I nosort\nVALUES (2), (1)\n----\n1\n2\n", "2 is not 1")

    def test_labels(self):
        first = "query I nosort same\nSELECT 1\n\n"
        self.run_case(first + "query I nosort same\nSELECT 2 - 1\n")
        self.assert_fails(first + "query I nosort same\nSELECT 2\n", "labelled same")
        self.assert_fails(first, "one query only")
        self.assert_fails("query I\nSELECT 1\n", "needs its rows")


class Errors(RunSqlTest):
    def test_missing_error(self):
        self.assert_fails("statement error\nSELECT 1\n----\nboo\n", "no error came")

    def test_wrong_error_text(self):
        self.run_case("statement error\nSELECT error('boo')\n----\nboo\n")
        self.run_case("statement error\nSELECT error('boo')\n----\n<REGEX>:.*b.o.*\n")
        self.assert_fails("statement error\nSELECT error('boo')\n----\nhiss\n", "another error came")
        self.assert_fails("statement error\nSELECT error('boo')\n----\n<REGEX>:.*hiss.*\n", "another error came")

    def test_error_without_text(self):
        self.assert_fails("statement error\nSELECT error('boo')\n", "which error")
        self.assert_fails("statement error\nSELECT error('boo')\n----\n", "which error")

    def test_unexpected_error(self):
        self.assert_fails("statement ok\nSELECT error('boo')\n", "an error came", line=5)
        late = "SELECT CASE WHEN i = 299999 THEN error('boo') ELSE i END FROM range(300000) t(i)"
        self.assert_fails(f"statement ok\n{late}\n", "an error came")
        self.run_case(f"statement error\n{late}\n----\nboo\n")


class Files(RunSqlTest):
    CHECK = "query I\nSELECT 1\n----\n1\n"

    def test_header(self):
        self.assert_fails(self.CHECK, "# name:", header=HEADER.replace("case", "other"))
        self.assert_fails(self.CHECK, "# name:", header="# group: [self]\n\n")
        self.assert_fails(self.CHECK, "# group:", header=HEADER.replace("# group: [self]\n", ""))

    def test_something_must_be_checked(self):
        self.assert_fails("", "checks nothing")
        self.assert_fails("statement ok\nSELECT 1\n", "checks nothing")
        self.assert_fails("mode skip\n\n" + self.CHECK, "checks nothing")

    def test_malformed(self):
        self.assert_fails("query I\n\n", "not understood", line=5)
        self.assert_fails("quarry I\n\n", "not understood")
        self.assert_fails("mode skip\n" + self.CHECK, "empty line must part")
        self.assert_fails("statement ok\nSELECT 1\n# then\n" + self.CHECK, "empty line must part")
        self.assert_fails("loop i 0 2\n\n" + self.CHECK, "no endloop", line=5)
        self.assert_fails("endloop\n\n" + self.CHECK, "without a loop")
        self.assert_fails("statement ok\nSELECT 1\n----\n1\n", "which error")

    def test_require(self):
        with self.assertRaisesRegex(run_sql.Skip, "nosuchextension"):
            self.run_case("require nosuchextension\n\n" + self.CHECK)
        self.run_case("require json\n\nquery T\nSELECT to_json([1])\n----\n[1]\n")
        self.assert_fails("require muster\n\n" + self.CHECK, "no --extension")
        self.assert_fails("require muster\n\n" + self.CHECK, "an error came", extension="absent.duckdb_extension")

    def test_mode_skip(self):
        self.run_case("mode skip\n\nstatement ok\nSELECT error('boo')\n\nmode unskip\n\n" + self.CHECK)

    def test_loops(self):
        inner = "query I\nSELECT ${i} + ${x} - ${x}\n----\n${i}\n\nendloop\n\nendloop\n"
        self.run_case("loop i 0 3\n\nforeach x 1 2\n\n" + inner)
        self.assert_fails("loop i 0 3\n\nquery I\nSELECT ${i} // 2\n----\n0\n\nendloop\n", "1 is not 0", line=7)

    def test_concurrent_loop(self):
        turns = "concurrentloop i 0 8\n\nstatement ok\nINSERT INTO t VALUES (${i})\n\nendloop\n\n"
        self.run_case("statement ok\nCREATE TABLE t (i INT)\n\n" + turns + "query I\nSELECT sum(i) FROM t\n----\n28\n")
        wrong = "concurrentloop i 0 8\n\nquery I\nSELECT ${i} // 7\n----\n0\n\nendloop\n"
        self.assert_fails(wrong, "1 is not 0", line=7)

    def test_named_connections(self):
        body = "statement ok con1\nCREATE TEMP TABLE t AS SELECT 1\n\nquery I con1\nFROM t\n----\n1\n\n"
        self.run_case(body + "statement error con2\nFROM t\n----\ndoes not exist\n")

    def test_load_and_restart(self):
        body = "load __TEST_DIR__/x.db\n\nstatement ok\nCREATE TABLE t AS SELECT 1\n\n"
        kept = "query I\nFROM t\n----\n1\n\n"
        self.run_case(body + "restart\n\n" + kept + "load __TEST_DIR__/x.db readonly\n\n" + kept)
        self.assert_fails(body + "load __TEST_DIR__/x.db\n\n" + kept, "an error came", line=12)
        self.assert_fails("restart\n\n" + self.CHECK, "needs a database file")

    def test_variables_of_the_runner_are_no_relations(self):
        self.run_case("statement error\nFROM commands\n----\ndoes not exist\n")


if __name__ == "__main__":
    unittest.main()
