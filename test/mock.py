"""The mock server of language models (test/mock_llm) as tests, benches and the demo use it.

    with Mock() as mock:                        # started, and ended with the block
        os.environ.update(mock.environment())   # base URLs and made-up keys of all providers
        ...
        mock.stats()["requests"]
        mock.reset(latency_ms=100)              # forget what was counted, change settings

Run as a program it runs a command so, with a store of its own: `python test/mock.py duckdb -unsigned`. Answers are kept under the server's
address, so a store that is to last needs a port that stays: `python test/mock.py --port 8719 --store FILE duckdb -unsigned`.
"""

import argparse
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SERVER = ROOT / "target" / "release" / "mock_llm"
# no proxy: the server is on loopback
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
# the providers that the server plays, each with the environment variables that lead muster to it
PROVIDERS = json.loads(subprocess.check_output([SERVER, "--providers"]))
# made up, and easy to find wherever one has leaked to
KEYS = {variable: key for provider in PROVIDERS for variable, key in provider["keys"].items()}

# A process of its own, for what ends processes. It prints the rows of each statement as JSON; see `given`.
CHILD = """
import duckdb, json, signal, sys, time
# a shell that runs the tests in the background has its children ignore Ctrl-C
signal.signal(signal.SIGINT, signal.default_int_handler)
extension, *statements = json.load(sys.stdin)
connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
# of a program without a file DuckDB thinks that somebody looks on, and shows its progress on standard output after 2 s
connection.execute("SET enable_progress_bar = false")
connection.execute(f"LOAD '{extension}'")
for statement in statements:
    result = None
    try:
        try:
            result = connection.execute(statement).fetchall()
        except Exception as error:
            result = {"error": f"{type(error).__name__}: {error}"}
        time.sleep(0.01)  # after a Ctrl-C Python's own exception comes as soon as it runs again, behind or for DuckDB's
    except KeyboardInterrupt:
        result = result or {"error": "KeyboardInterrupt"}
    print(json.dumps(result, default=str), flush=True)
"""


def given(*values):
    """Standard input of a child, from which it reads what it is to do: arguments may be too short for it."""
    file = tempfile.TemporaryFile("w+")
    json.dump(values, file)
    file.seek(0)
    return file


class Mock:
    def __init__(self, **settings):
        words = [word for name, value in settings.items() for word in (f"--{name.replace('_', '-')}", str(value))]
        # the server ends with its standard input, so with this process, however that ends
        self.process = subprocess.Popen(
            [SERVER, "--while-stdin", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.url = self.process.stdout.readline().strip()
        if not self.url:
            raise RuntimeError(f"{SERVER} did not start")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()

    def get(self, path):
        with OPENER.open(self.url + path) as answer:
            return json.load(answer)

    def stats(self):
        return self.get("/__stats")

    def reset(self, **settings):
        self.get("/__reset?" + urllib.parse.urlencode(settings))

    def set(self, **settings):
        self.get("/__set?" + urllib.parse.urlencode(settings))

    def requests(self, part):
        """How many requests came to routes whose name contains `part`."""
        return sum(route["requests"] for name, route in self.stats()["routes"].items() if part in name)

    def wait_for(self, what, patience=60):
        """The statistics, once `what` holds of them."""
        end = time.monotonic() + patience
        while not what(stats := self.stats()):
            if time.monotonic() > end:
                raise TimeoutError(f"the server never saw it; it saw {json.dumps(stats)}")
            time.sleep(0.005)
        return stats

    def environment(self, **more):
        """Variables that send every provider here, with keys that open nothing."""
        return {
            **KEYS,
            **{variable: self.url + path for provider in PROVIDERS for variable, path in provider["paths"].items()},
            "MUSTER_PROGRESS": "0",
            **more,
        }


def environment_without_keys():
    """This process's variables less those that could send a test to a provider, or change what it asks."""
    ours = {*KEYS, "GOOGLE_API_KEY", "MUSTER_STORE", "MUSTER_PRICES", "MUSTER_ALLOWED_HOSTS", "MUSTER_KEY_VARIABLES", "MUSTER_PROGRESS"}
    return {name: value for name, value in os.environ.items() if name not in ours and not name.endswith("_BASE_URL")}


@contextlib.contextmanager
def language_models():
    """Within the block this process's language models are the mock, with a store of their own."""
    for name in set(os.environ) - set(environment_without_keys()):
        del os.environ[name]
    with Mock() as mock, tempfile.TemporaryDirectory() as folder:
        os.environ.update(mock.environment(MUSTER_STORE=f"{folder}/store.sqlite", MUSTER_BATCH_POLL_MS="20"))
        yield mock


def free(port):
    """The port, or 0, which stands for any, where another program listens on it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            print(f"port {port} is taken, so the server has another and finds no stored answer", file=sys.stderr)
            return 0
    return port


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=0, help="of the server; 0 = any that is free")
    parser.add_argument("--store", help="file of answers and vectors; default: one that is gone afterwards")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    args = parser.parse_args()
    with Mock(port=free(args.port)) as mock, tempfile.TemporaryDirectory() as folder:
        variables = mock.environment(MUSTER_STORE=args.store or f"{folder}/store.sqlite")
        return subprocess.run(args.command, env={**environment_without_keys(), **variables}).returncode


if __name__ == "__main__":
    sys.exit(main())
