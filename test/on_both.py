"""Run a test on both versions of DuckDB at the same time.

    python3 test/on_both.py test/test_study.py --extension build/release/muster.duckdb_extension

The environments are .venv and .venv-1.5. What each run prints follows that of the other, so that lines do not mix; the exit status
is 1 where either fails. Tests share nothing: each has folders and a server of its own.
"""

import shutil
import subprocess
import sys
import tempfile

PYTHONS = (".venv/bin/python", ".venv-1.5/bin/python")


def main() -> int:
    command = sys.argv[1:]
    runs = []
    for python in PYTHONS:
        output = tempfile.TemporaryFile()
        runs.append((python, output, subprocess.Popen([python, *command], stdout=output, stderr=subprocess.STDOUT)))
    status = 0
    for python, output, run in runs:
        run.wait()
        output.seek(0)
        print(python, *command, flush=True)
        shutil.copyfileobj(output, sys.stdout.buffer)
        sys.stdout.flush()
        if run.returncode != 0:
            print(f"{python} {command[0]}: exit status {run.returncode}", flush=True)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
