"""Embedding models from a hub, in processes of their own against a hub of this machine.

    python test/test_hub.py --extension build/release/muster.duckdb_extension [-v] [names of tests]

What a hub may say wrong is tested in src/embed/hub; here is what takes a whole process: Ctrl-C, a closed database, the cache.
"""

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from mock import CHILD, ROOT, environment_without_keys, given  # noqa: E402

EXTENSION = ROOT / "build" / "release" / "muster.duckdb_extension"
TINY = ROOT / "test" / "oracle" / "tiny_bert"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub:
    """A hub that has the model `org/tiny`, and says nothing about a model `org/silent`."""

    def __init__(self):
        self.paths, self.asked, self.closed = [], threading.Event(), threading.Event()
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                hub.paths.append(self.path)
                hub.asked.set()
                if "silent" in self.path:
                    hub.closed.wait()
                elif self.path == "/api/models/org/tiny/revision/main":
                    names = [str(file.relative_to(TINY)) for file in TINY.rglob("*") if file.is_file()]
                    self.reply(json.dumps({"sha": COMMIT, "siblings": [{"rfilename": name} for name in names]}).encode())
                else:
                    self.reply((TINY / self.path.removeprefix("/org/tiny/resolve/main/")).read_bytes())

            def reply(self, body):
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.send_header("x-repo-commit", COMMIT)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def close(self):
        self.closed.set()
        self.server.shutdown()
        self.server.server_close()


class Downloads(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.hub = Hub()
        self.addCleanup(self.hub.close)

    def child(self, *statements, **environment):
        places = {"HF_HOME": str(self.folder), "MUSTER_MODEL_DIR": str(self.folder / "none"), "HF_ENDPOINT": self.hub.url}
        inherited = {name: value for name, value in environment_without_keys().items() if not name.startswith("HF_")}
        with given(str(EXTENSION), *statements) as stdin:
            return subprocess.Popen(
                [sys.executable, "-c", CHILD], stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                env={**inherited, **places, **environment},
            )  # fmt: skip

    def finish(self, process):
        out, err = process.communicate(timeout=300)
        self.assertEqual((process.returncode, err), (0, ""))
        return [json.loads(line) for line in out.splitlines()]

    def test_a_model_comes_once(self):
        embed = "SELECT len(muster.embed('a text', model := 'org/tiny'))"
        (first,) = self.finish(self.child(embed))
        (own,) = self.finish(self.child(embed.replace("org/tiny", str(TINY))))
        self.assertEqual(first, own)
        asked = len(self.hub.paths)
        self.assertGreater(asked, 3)
        for offline in ({}, {"HF_HUB_OFFLINE": "1"}, {"HF_ENDPOINT": "https://nowhere.invalid"}):
            self.assertEqual(self.finish(self.child(embed, **offline)), [first])
        self.assertEqual(len(self.hub.paths), asked)
        snapshot = self.folder / "hub" / "models--org--tiny" / "snapshots" / COMMIT
        self.assertEqual((snapshot / "model.safetensors").read_bytes(), (TINY / "model.safetensors").read_bytes())
        self.assertEqual((snapshot.parent.parent / "refs" / "main").read_text(), COMMIT)

    def test_interrupt(self):
        """A hub that says nothing, and the process goes on after Ctrl-C."""
        process = self.child("SELECT muster.embed('a text', model := 'org/silent')", "SELECT 42")
        self.assertTrue(self.hub.asked.wait(60))
        process.send_signal(signal.SIGINT)
        first, second = self.finish(process)
        self.assertRegex(first["error"], "(?i)interrupt")
        self.assertEqual(second, [[42]])
        self.assertEqual([file for file in self.folder.rglob("*") if file.is_file()], [])

    def test_a_closed_database_asks_nobody(self):
        statements = ("SET enable_external_access = false", "SELECT muster.embed('a text', model := 'org/tiny')")
        _, result = self.finish(self.child(*statements))
        self.assertIn("enable_external_access must be true", result["error"])
        self.assertEqual((self.hub.paths, list(self.folder.iterdir())), ([], []))

    def test_hosts_that_are_not_listed(self):
        embed = "SELECT muster.embed('a text', model := 'org/tiny')"
        for hosts, said in (("hub.example", "is not in"), ("", "is not in"), ("127.0.0.1,\udcff", "cannot be checked")):
            (result,) = self.finish(self.child(embed, MUSTER_ALLOWED_HOSTS=hosts))
            self.assertRegex(result["error"], f"the host {said}.*MUSTER_ALLOWED_HOSTS")
        port = self.hub.url.rsplit(":", 1)[1]
        for disguise in (f"http://hub.example\\@127.0.0.1:{port}", f"http://hub.example@127.0.0.1:{port}"):
            (result,) = self.finish(self.child(embed, MUSTER_ALLOWED_HOSTS="hub.example", HF_ENDPOINT=disguise))
            self.assertIn("error", result)
        self.assertEqual(self.hub.paths, [])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--extension", type=Path, default=EXTENSION)
    options, rest = parser.parse_known_args()
    EXTENSION = options.extension.resolve()
    unittest.main(argv=[sys.argv[0], *rest])
