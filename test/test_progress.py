"""The progress line of long calls: on a terminal, on standard error, and nowhere else.

    python test/test_progress.py --extension build/release/muster.duckdb_extension [-v] [names of tests]

Each statement is one of those of test_stopping.py, which take much longer than a test may. The terminal is a pseudo terminal; when it
has shown what was waited for, the statement is interrupted.
"""

import argparse
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from test_stopping import EXTENSION, GUARD, LONG, ROOT, STUDY, needed  # noqa: E402

# A process that runs a statement, after those that make its relations.
CHILD = """
import duckdb, json, signal, sys

extension, setup, statement = json.loads(sys.argv[1])
signal.signal(signal.SIGINT, lambda *_: None)
connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
connection.execute("SET enable_progress_bar = false")
connection.execute(f"LOAD '{extension}'")
for sql in setup:
    connection.execute(sql)
print("begins", flush=True)
try:
    connection.execute(statement).fetchall()
except duckdb.Error as error:
    print(error, flush=True)
"""

# Names of what each function counts first that takes its time; '' where the line has no more than its name.
SHOWN = {
    "fit_probit_bootstrap": "replicates",
    "prior_sensitivity": "settings",
    "posterior_predictive_check": "replicates",
    "drift_summary": "",
    "keybert_keywords": r"\d+ phrases, \d+ MB of vectors",
    "cluster_profiles": "embeddings",
    "tfidf_keywords": "(texts|phrases)",
    "discriminative_keywords": "(texts|phrases)",
}

# Statements that go on for long enough, however fast the machine is.
MANY = "WITH many AS (SELECT docs.* REPLACE (profile_id + 100000 * k AS profile_id) FROM docs, range(20) t(k))"
STATEMENTS = {
    **LONG,
    "tfidf_keywords": f"{MANY} FROM muster.tfidf_keywords(many, text)",
    "discriminative_keywords": f"{MANY} FROM muster.discriminative_keywords(many, text, label)",
}

# Seconds that a statement is left to work where it is to show nothing; a line would be there after one and a half.
LEFT = 4


class Terminal:
    """A pseudo terminal of 100 columns, and what was written to it."""

    def __init__(self):
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
        self.read_bytes = b""

    def read(self, seconds):
        """Waits for more, and takes all that is there."""
        while select.select([self.master], [], [], seconds)[0]:
            self.read_bytes += os.read(self.master, 65536)
            seconds = 0
        return self.read_bytes.decode(errors="replace")

    def close(self):
        os.close(self.slave)
        os.close(self.master)


class Progress(unittest.TestCase):
    def start(self, statement, terminal, **environment):
        """A process in the statement; its standard error is the terminal, or a pipe without one."""
        process = subprocess.Popen(
            [sys.executable, "-c", CHILD, json.dumps([str(EXTENSION), needed(statement), statement])],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=terminal.slave if terminal else subprocess.PIPE,
            text=True, cwd=ROOT, env={**os.environ, "TERM": "xterm", **environment},
        )  # fmt: skip
        self.addCleanup(process.kill)
        self.assertEqual(process.stdout.readline(), "begins\n")
        return process

    def terminal(self):
        terminal = Terminal()
        self.addCleanup(terminal.close)
        return terminal

    def end(self, process, name):
        """Interrupts the process; what it wrote to standard error where that is a pipe."""
        process.send_signal(signal.SIGINT)
        printed, errors = process.communicate(timeout=GUARD)
        self.assertRegex(printed, rf"\A[^\n]*{name}: interrupted\n\Z", "standard output has something else")
        return errors

    def test_every_long_function_shows_a_line(self):
        for name, what in SHOWN.items():
            with self.subTest(name):
                line = re.compile(rf"{name}{': ' if what else ''}{what}, \d+ %")
                terminal = self.terminal()
                process = self.start(STATEMENTS[name], terminal)
                until = time.monotonic() + GUARD
                while not line.search(terminal.read(0.5)) and time.monotonic() < until:
                    self.assertIsNone(process.poll(), "the statement ended before")
                self.end(process, name)
                written = terminal.read(0)
                self.assertRegex(written, line)
                self.assertNotIn("\n", written, "the line is one")
                self.assertRegex(written, r"\x1b\[2K\Z", "the line is taken away")

    def test_share_grows(self):
        terminal = self.terminal()
        process = self.start(f"FROM muster.fit_probit_bootstrap({STUDY}, draws := 100000, method := 'company')", terminal)
        until = time.monotonic() + GUARD
        shares = []
        while len(set(shares)) < 3 and time.monotonic() < until:
            shares = [int(share) for share in re.findall(r"replicates, (\d+) %", terminal.read(0.5))]
            self.assertIsNone(process.poll(), "the statement ended before")
        process.kill()
        process.communicate()
        self.assertGreaterEqual(len(set(shares)), 3)
        self.assertEqual(shares, sorted(shares))
        self.assertLessEqual(shares[-1], 100)

    def test_nothing_where_it_is_switched_off(self):
        name = "fit_probit_bootstrap"
        terminal = self.terminal()
        process = self.start(LONG[name], terminal, MUSTER_PROGRESS="0")
        time.sleep(LEFT)
        self.end(process, name)
        self.assertEqual(terminal.read(0), "")

    def test_nothing_without_a_terminal(self):
        name = "fit_probit_bootstrap"
        process = self.start(LONG[name], None)
        time.sleep(LEFT)
        self.assertEqual(self.end(process, name), "")

    def test_nothing_of_a_short_call(self):
        terminal = self.terminal()
        one = "WITH one AS (SELECT 1 AS profile_id, 'a text of a few words' AS text)"
        process = self.start(f"{one} FROM muster.tfidf_keywords(one, text, min_df := 1, max_df := 1.0)", terminal)
        printed, _ = process.communicate(timeout=GUARD)
        self.assertEqual((process.returncode, printed, terminal.read(0)), (0, "", ""))


def main():
    global EXTENSION
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--extension", type=Path, default=EXTENSION)
    arguments, rest = parser.parse_known_args()
    EXTENSION = arguments.extension.resolve()
    unittest.main(argv=[sys.argv[0], *rest])


if __name__ == "__main__":
    main()
