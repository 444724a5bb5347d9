"""Run sqllogictest files in DuckDB's dialect over the `duckdb` package of this interpreter.

DuckDB's own runner is a C++ program that has to be built with the database. This one needs only Python, so the same
files can be run on every released version. What passes here is meant to pass there too: where the two differ this
one is the stricter. An expected error must have a text, a query must have rows or a label that another query shares,
and values are compared as text; only under the letter R may a DOUBLE or FLOAT be off, by 1e-6 of its size.

    python test/run_sql.py --extension build/release/muster.duckdb_extension [test/sql/*.test ...]

Known: statement, query, require, load, restart, loop, foreach, concurrentloop, mode skip, mode unskip.
"""

import argparse
import math
import os
import re
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

EXTENSION = "muster"
ROOT = Path(__file__).resolve().parent.parent
LOOPS = ("loop", "foreach", "concurrentloop")
SORTS = ("nosort", "rowsort", "sort", "valuesort")
CONFIG = {
    "allow_unsigned_extensions": "true",
    "autoload_known_extensions": "false",  # as in DuckDB's runner, a file says what it requires
    "autoinstall_known_extensions": "false",
    "python_enable_replacements": "false",  # a relation must never resolve to a variable of this program
}
# Types whose Python values say less than DuckDB's do.
INEXACT = re.compile(r"\b(INTERVAL|TIMESTAMP_NS|TIME ZONE|UNION)\b")
SCRATCH = duckdb.connect()


class Skip(Exception):
    """The file requires something that this DuckDB does not have."""


class Failure(Exception):
    """A check that did not hold, and the two sides of it. The line and the statement are added on the way up."""

    def __init__(self, what, expected=None, got=None, line=None):
        super().__init__(what)
        self.what, self.expected, self.got, self.line, self.sql = what, expected, got, line, None

    def report(self, name):
        sides = (("statement", self.sql), ("expected", self.expected), ("got", self.got))
        return "\n".join([f"FAIL {name}:{self.line or 1}: {self.what}"] + [f"{k}:\n{v}" for k, v in sides if v])


@dataclass
class Command:
    line: int
    words: list[str]
    sql: str
    expected: list[str] | None  # the lines under ----; None where there is no ----
    body: list["Command"] = field(default_factory=list)  # the commands of a loop


def parse(text):
    """The commands of a file, which empty lines part; those of a loop stand in its body."""
    open_blocks = [[]]
    for block in re.finditer(r".+(?:\n.+)*", text):
        line, rows = text.count("\n", 0, block.start()) + 1, block[0].split("\n")
        while rows and rows[0].startswith("#"):
            line, rows = line + 1, rows[1:]
        if not rows:
            continue
        head, rest = rows[0].split() or [""], rows[1:]
        sql = rest[: rest.index("----")] if "----" in rest else rest
        command = Command(line, head, "\n".join(sql), rest[len(sql) + 1 :] if len(sql) < len(rest) else None)
        if any(row.startswith("#") for row in sql) or rest and head[0] not in ("statement", "query"):
            raise Failure("an empty line must part this command from what follows it", line=line)
        if head[0] != "endloop":
            open_blocks[-1].append(command)
        elif len(open_blocks) > 1:
            open_blocks.pop()
        else:
            raise Failure("endloop without a loop", line=line)
        if head[0] in LOOPS:
            open_blocks.append(command.body)
    if len(open_blocks) > 1:
        raise Failure("a loop has no endloop", line=open_blocks[-2][-1].line)
    return open_blocks[0]


def bindable(value):
    """The value as a parameter: DuckDB 1.5 would bind a NaN as NULL."""
    if isinstance(value, float) and math.isnan(value):
        return "nan"
    if isinstance(value, (list, tuple)):
        return [bindable(item) for item in value]
    return {key: bindable(item) for key, item in value.items()} if isinstance(value, dict) else value


def as_text(values, kind):
    """A column of Python values as DuckDB casts it to VARCHAR."""
    if kind == "BOOLEAN":
        values = [None if value is None else str(value).lower() for value in values]
    elif not all(value is None or isinstance(value, (int, str)) for value in values):
        cast = f"SELECT CAST(unnest(CAST(? AS {kind}[])) AS VARCHAR)"
        values = [value for value, in SCRATCH.cursor().execute(cast, [bindable(values)]).fetchall()]
    return ["NULL" if value is None else str(value) or "(empty)" for value in values]


def fetch(connection, sql):
    """The column types of a query and its rows as text. The SQL is run as it stands, wrapped in nothing."""
    cursor = connection.execute(sql)
    kinds = [str(column[1]) for column in cursor.description or []]
    for kind in filter(INEXACT.search, kinds):
        raise Failure(f"{kind} does not come through Python unchanged: cast it to VARCHAR in the query")
    rows = cursor.fetchall()
    columns = [as_text([row[i] for row in rows], kind) for i, kind in enumerate(kinds)]
    return kinds, [list(row) for row in zip(*columns)]


def fits_regex(got, expected):
    """Whether `got` satisfies an expected <REGEX>: or <!REGEX>:, which are about the whole text; else None."""
    for prefix, wanted in (("<REGEX>:", True), ("<!REGEX>:", False)):
        if expected.startswith(prefix):
            return bool(re.fullmatch(expected.removeprefix(prefix), got, re.DOTALL)) == wanted
    return None


def equal(got, expected, letter, kind):
    if got == expected or fits_regex(got, expected):
        return True
    if kind == "BOOLEAN":
        return got == {"1": "true", "0": "false"}.get(expected, expected)
    if letter == "R" and kind in ("DOUBLE", "FLOAT"):
        try:
            return math.isclose(float(got), float(expected), rel_tol=1e-6, abs_tol=1e-12)
        except ValueError:
            return False
    return False


def compare(rows, kinds, letters, lines):
    """Fail unless the lines under ---- are the rows: one row a line with tabs, or one value a line."""
    width, shown = len(kinds), "\n".join("\t".join(row) for row in rows)
    if lines and (width > 1 and len(lines) == len(rows) or all("\t" in line for line in lines)):
        expected = [line.split("\t") for line in lines]
    else:
        expected = [lines[i : i + width] for i in range(0, len(lines), width)]
    if len(expected) != len(rows):
        raise Failure(f"{len(rows)} rows, expected {len(expected)}", "\n".join(lines) or "no rows", shown or "no rows")
    for i, (want, got) in enumerate(zip(expected, rows), 1):
        if len(want) != width:
            raise Failure(f"row {i} is expected to have {len(want)} values, not {width}", "\n".join(lines), shown)
        for j in range(width):
            if not equal(got[j], want[j], letters[j], kinds[j]):
                raise Failure(f"row {i}, column {j + 1}: {got[j]} is not {want[j]}", "\n".join(lines), shown)


class Session:
    """What a test file has while it runs: a database, named connections, labelled results."""

    def __init__(self, extension, folder, root):
        self.extension, self.loads, self.labels = extension, [], {}
        self.skipping = self.checked = False
        self.variables = {"__TEST_DIR__": folder, "__WORKING_DIRECTORY__": str(root)}
        self.main, self.named = None, {}
        self.open(":memory:")

    def open(self, path, read_only=False):
        self.close()
        self.path, self.read_only = path, read_only
        self.main = duckdb.connect(path, read_only=read_only, config=CONFIG)
        for load in self.loads:
            self.main.execute(load)

    def close(self):
        for connection in filter(None, (*self.named.values(), self.main)):
            connection.close()
        self.main, self.named = None, {}

    def connection(self, name):
        if name is None:
            return self.main
        return self.named.get(name) or self.named.setdefault(name, self.main.cursor())

    def run(self, commands, variables, thread=None):
        """Run commands in order; `thread` is the connection of one turn of a concurrent loop."""

        def fill(text):
            for name, value in variables.items():
                text = text.replace(name, value)
            return text

        for command in commands:
            kind, *words = map(fill, command.words)
            if self.skipping and kind != "mode":
                continue
            sql, expected = fill(command.sql), command.expected and list(map(fill, command.expected))
            try:
                match kind, words:
                    case "mode", ["skip" | "unskip"]:
                        self.skipping = words == ["skip"]
                    case "require" | "load" | "restart", _:
                        getattr(self, kind)(*words)
                    case "statement" | "query", [_, *_] if sql.strip():
                        getattr(self, kind)(words, sql, expected, thread)
                    case ("loop" | "concurrentloop", [name, start, end]):
                        self.loop(kind, f"${{{name}}}", map(str, range(int(start), int(end))), command.body, variables)
                    case ("foreach", [name, *values]):
                        self.loop(kind, f"${{{name}}}", values, command.body, variables)
                    case _:
                        raise Failure(f"not understood: {' '.join(command.words)}")
            except Skip:
                raise
            except Exception as error:
                failure = error if isinstance(error, Failure) else Failure("an error came", got=str(error))
                failure.line, failure.sql = failure.line or command.line, failure.sql or sql
                raise failure from None

    def loop(self, kind, name, values, body, variables):
        scopes = [{**variables, name: value} for value in values]
        if kind != "concurrentloop":
            for scope in scopes:
                self.run(body, scope)
            return
        with ThreadPoolExecutor(len(scopes)) as pool:
            for turn in [pool.submit(self.run, body, scope, self.main.cursor()) for scope in scopes]:
                turn.result()

    def require(self, name):
        ours = name == EXTENSION
        if ours and not self.extension:
            raise Failure(f"require {name}: no --extension is given")
        load = f"LOAD '{self.extension}'" if ours else f"LOAD {name}"
        try:
            self.main.execute(load)
        except duckdb.Error as error:
            raise (error if ours else Skip(f"require {name}: {str(error).splitlines()[0]}")) from None
        self.loads.append(load)

    def load(self, path, mode=None):
        self.close()
        if mode != "readonly":
            for file in (path, path + ".wal"):
                Path(file).unlink(missing_ok=True)
        self.open(path, read_only=mode == "readonly")

    def restart(self):
        if self.path == ":memory:":
            raise Failure("restart needs a database file: load one first")
        self.open(self.path, self.read_only)

    def statement(self, words, sql, expected, thread):
        outcome, name = (*words, None)[:2]
        connection = thread or self.connection(name)
        if outcome == "ok" and expected is None:
            connection.execute(sql).fetchall()
            return
        if outcome != "error" or not expected:
            raise Failure("write `statement ok`, or `statement error` and under ---- which error")
        self.checked, text = True, "\n".join(expected)
        try:
            connection.execute(sql).fetchall()
        except Exception as error:
            # DuckDB's runner holds a regular expression against the message and a line end.
            if "INTERNAL Error" in str(error) or not (text in str(error) or fits_regex(f"{error}\n", text)):
                raise Failure("another error came", text, str(error)) from None
            return
        raise Failure("no error came", text)

    def query(self, words, sql, expected, thread):
        letters, sort, label = (*words, None, None)[:3]
        if expected is None and label is None:
            raise Failure("a query needs its rows under ----, or a label")
        name = None if sort in SORTS else sort
        kinds, rows = fetch(thread or self.connection(name), sql)
        if len(letters) != len(kinds) or letters.strip("ITR"):
            raise Failure(f"{len(kinds)} columns ({', '.join(kinds)}), expected {letters}")
        if sort in ("rowsort", "sort"):
            rows.sort()
        elif sort == "valuesort":
            values = sorted(value for row in rows for value in row)
            rows = [values[i : i + len(kinds)] for i in range(0, len(values), len(kinds))]
        self.checked = True
        if expected is not None:
            compare(rows, kinds, letters, expected)
        if label is not None:
            seen = self.labels.setdefault(label, [])
            seen.append(rows)
            if rows != seen[0]:
                sides = ("\n".join("\t".join(row) for row in side) for side in (seen[0], rows))
                raise Failure(f"not the rows of the first query labelled {label}", *sides)


def run_file(path, extension=None, root=ROOT):
    """Run one file. Raises Failure or Skip."""
    text = Path(path).read_text(encoding="utf-8")
    name = re.search(r"^# name: *(.*?) *$", text, re.MULTILINE)
    if not name or name[1] != Path(os.path.relpath(path, root)).as_posix():
        raise Failure("`# name:` must be the path of the file", Path(os.path.relpath(path, root)).as_posix())
    if not re.search(r"^# group: *\[.+\]", text, re.MULTILINE):
        raise Failure("`# group: [...]` is missing")
    commands = parse(text)
    with tempfile.TemporaryDirectory() as folder:
        session = Session(extension, folder, root)
        try:
            session.run(commands, session.variables)
        finally:
            session.close()
    for label in (label for label, seen in session.labels.items() if len(seen) == 1):
        raise Failure(f"label {label} stands on one query only, so nothing is compared")
    if not session.checked:
        raise Failure("the file checks nothing: it has no query and no statement error")


def main():
    parser = argparse.ArgumentParser(description="Run sqllogictest files over the duckdb package.")
    parser.add_argument("--extension", help="the extension that `require muster` loads")
    parser.add_argument("files", nargs="*", type=Path, help="default: every .test under test/sql")
    options = parser.parse_args()
    for file in filter(lambda file: not file.is_file(), options.files):
        parser.error(f"{file} is not a file")
    files = [file.resolve() for file in options.files] or sorted((ROOT / "test" / "sql").rglob("*.test"))
    extension = Path(options.extension).resolve() if options.extension else None
    os.environ["MUSTER_OFFLINE"] = "1"  # a model that is not there is an error, not a download
    os.chdir(ROOT)  # files name data relative to the root of the repository
    passed = failed = skipped = 0
    for file in files:
        name = os.path.relpath(file, ROOT)
        try:
            run_file(file, extension)
            passed += 1
        except Skip as skip:
            skipped += 1
            print(f"SKIP {name}: {skip}")
        except Failure as failure:
            failed += 1
            print(failure.report(name) + "\n", flush=True)
    counts = f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else "")
    print(f"DuckDB {duckdb.__version__}: {counts}")
    return int(failed > 0 or passed == 0)


if __name__ == "__main__":
    sys.exit(main())
