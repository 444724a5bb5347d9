"""Time llm_annotate against the mock server, and count what it asks for.

    .venv/bin/python benches/llm.py --extension build/release/muster.duckdb_extension [--only throughput limits kill store memory] [--answers 1000000]

Prints requests a second and their share of what the latency allows, what rate limits let through, how many requests a
killed run pays twice, the store at a million answers, and the peak memory of a hundred thousand rows. Nothing is asserted: shared
machines are noisy.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "test"))
from mock import Mock, environment_without_keys  # noqa: E402

MODEL = "openai-compatible:llama"
CHILD = """
import duckdb, json, resource, sys, time
extension, *statements = json.loads(sys.argv[1])
connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
# of a program without a file DuckDB thinks that somebody looks on, and shows its progress on standard output after 2 s
connection.execute("SET enable_progress_bar = false")
connection.execute(f"LOAD '{extension}'")
for statement in statements:
    start = time.perf_counter()
    rows = connection.execute(statement).fetchall()
    seconds, used = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
    # the peak of getrusage would count the process that started this one
    peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) / 1024
    print(json.dumps([seconds, used.ru_utime + used.ru_stime, peak, rows]), flush=True)
"""


def people(n: int) -> str:
    """About 300 characters a person, all different."""
    text = "'Person ' || i || ': ' || repeat('built PyTorch models, led dashboards; ', 7)"
    return f"WITH docs AS (SELECT i AS profile_id, {text} AS text FROM range({n}) t(i)) "


def annotate(n: int, store: Path, options: str = "", columns: str = "count(*), count(label)") -> str:
    return people(n) + f"SELECT {columns} FROM muster.llm_annotate(docs, text, ['{MODEL}'], store := '{store}'{options})"


class Bench:
    def __init__(self, extension: Path, mock: Mock, folder: Path, answers: int):
        self.extension, self.mock, self.folder, self.answers = str(extension.resolve()), mock, folder, answers

    def start(self, *statements: str) -> subprocess.Popen:
        argument = json.dumps([self.extension, *statements])
        return subprocess.Popen([sys.executable, "-c", CHILD, argument], stdout=subprocess.PIPE, text=True)

    def run(self, *statements: str) -> list:
        """Seconds, processor seconds so far, peak MiB so far and rows of each statement, in a process of its own."""
        process = self.start(*statements)
        out, _ = process.communicate()
        if process.returncode:
            raise SystemExit(f"failed: {statements}")
        return [json.loads(line) for line in out.splitlines()]

    def served(self) -> float:
        """Processor seconds of the server."""
        fields = Path(f"/proc/{self.mock.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def throughput(self) -> None:
        n, latency, concurrency = 20_000, 0.1, 64
        self.mock.reset(latency_ms=round(latency * 1000))
        before = self.served()
        ((seconds, used, _, rows),) = self.run(annotate(n, self.folder / "throughput.sqlite", f", concurrency := {concurrency}"))
        seen = self.mock.stats()
        ideal = concurrency / latency
        print(f"{n:,} rows at {latency * 1000:.0f} ms, concurrency {concurrency}: {n / seconds:.0f} requests/s, "
              f"{n / seconds / ideal:.1%} of the ideal {ideal:.0f}")  # fmt: skip
        server = (self.served() - before) / seconds
        print(f"  processor: {used / seconds:.0%} of one core for DuckDB and muster, {server:.0%} for the server")
        print(f"  highest in flight {seen['highest_in_flight']}, answered {rows[0][1]:,}, requests {seen['requests']:,}")

        self.mock.reset()
        ((seconds, used, _, _),) = self.run(annotate(n, self.folder / "fast.sqlite", ", concurrency := 64"))
        print(f"  without latency: {n / seconds:,.0f} requests/s, {used / seconds:.0%} of one core")
        ((seconds, _, _, _),) = self.run(annotate(n, self.folder / "fast.sqlite"))
        print(f"  again, from the store: {n / seconds:,.0f} rows/s")

    def limits(self) -> None:
        limit, span = 600, 130
        for option in ("requests_per_minute", "tokens_per_minute"):
            self.mock.reset()
            per_request = 1
            if option == "tokens_per_minute":
                sql = annotate(1, self.folder / "one.sqlite", columns="any_value(input_tokens + output_tokens)")
                per_request = self.run(sql)[0][3][0][0]
                self.mock.reset()
            process = self.start(annotate(10_000, self.folder / f"{option}.sqlite", f", {option} := {limit * per_request}"))
            self.mock.wait_for(lambda stats: stats["requests"] > 0)
            time.sleep(span)
            seen = self.mock.stats()
            process.kill()
            process.communicate()
            (model,) = seen["models"].values()
            print(f"{option} for {limit} requests: at most {model['per_minute']} in any 60 s "
                  f"({model['per_minute'] / limit:.1%}), {seen['requests'] / span * 60:.0f} a minute over {span} s")  # fmt: skip

    def kill(self) -> None:
        n, concurrency, store = 5_000, 64, self.folder / "kill.sqlite"
        self.mock.reset(latency_ms=50)
        sql = annotate(n, store, f", concurrency := {concurrency}")
        process = self.start(sql)
        self.mock.wait_for(lambda stats: stats["statuses"].get("200", 0) >= n // 2)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        half = self.mock.stats()["requests"]
        ((_, _, _, rows),) = self.run(sql)
        seen = self.mock.stats()["requests"]
        print(f"kill -9 after {half:,} of {n:,} requests, run again: {seen:,} in all ({(seen - n) / n:+.2%}), "
              f"{rows[0][1]:,} rows answered")  # fmt: skip

    def store(self) -> None:
        n, asked = self.answers, min(self.answers, 100_000)
        store, one = self.folder / "million.sqlite", self.folder / "first.sqlite"
        self.mock.reset()
        connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
        connection.execute(f"LOAD '{self.extension}'")
        connection.execute(annotate(1, one)).fetchall()
        # rows as `llm_store` gives them, from the first one: only the text and with it the hash differ
        columns = "request, json_extract_string(request, '$.text')"
        first, text = connection.execute(f"SELECT {columns} FROM muster.llm_store(store := '{one}')").fetchone()
        parts = first.split(text)
        assert len(parts) == 2, "the text stands once in the request"
        head, tail = (part.replace("'", "''") for part in parts)
        connection.execute(
            f"""
            CREATE VIEW many AS
            {people(n)}, made AS (SELECT '{head}' || text || '{tail}' AS request FROM docs)
            SELECT answers.* REPLACE (made.request AS request, sha256(made.request) AS request_hash)
            FROM made, muster.llm_store(store := '{one}') answers
            """
        )
        start = time.perf_counter()
        connection.execute(f"FROM muster.llm_import(many, store := '{store}')").fetchall()
        size = sum(file.stat().st_size for file in Path(f"{store}.answers").iterdir())
        print(f"store: {n:,} answers imported in {time.perf_counter() - start:.1f} s, {size / 2**20:,.0f} MiB")
        connection.close()
        ((seconds, used, peak, rows),) = self.run(annotate(asked, store, ", replay := true"))
        print(f"  {rows[0][1]:,} looked up among them in {seconds:.1f} s ({used:.1f} s of processor), peak {peak:.0f} MiB")
        ((seconds, _, _, rows),) = self.run(f"SELECT count(*) FROM muster.llm_usage(store := '{store}')")
        print(f"  llm_usage of them in {seconds:.1f} s")

    def memory(self) -> None:
        self.mock.reset()
        runs = (annotate(n, self.folder / f"memory-{n}.sqlite", ", concurrency := 64") for n in (5_000, 100_000))
        few, many = (self.run(run)[0] for run in runs)
        print(f"memory: peak {few[2]:.0f} MiB for 5,000 rows, {many[2]:.0f} MiB for 100,000 ({many[0]:.0f} s)")


def main() -> None:
    steps = ("throughput", "limits", "kill", "store", "memory")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--extension", type=Path, required=True)
    parser.add_argument("--only", nargs="+", choices=steps, default=steps)
    parser.add_argument("--answers", type=int, default=1_000_000, help="of the step store")
    args = parser.parse_args()
    kept = environment_without_keys()
    os.environ.clear()
    os.environ.update(kept)
    with Mock() as mock, tempfile.TemporaryDirectory() as folder:
        os.environ.update(mock.environment())
        bench = Bench(args.extension, mock, Path(folder), args.answers)
        for step in args.only:
            getattr(bench, step)()
            sys.stdout.flush()


if __name__ == "__main__":
    main()
