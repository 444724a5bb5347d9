"""The build for graphics cards, where there is a card: its vectors against those of the processor, and how many a second.

    make cuda test-cuda bench-cuda

Says so and succeeds where the machine has no NVIDIA card, and fails where it has one but no build.
"""

import argparse
import shutil
import subprocess
import sys
import time
from pathlib import Path

import duckdb

ROOT = Path(__file__).resolve().parent.parent
# largest difference to f32 on the processor: rounding, for f32 with the card's own order of sums
LIMITS = {"f32": 1e-5, "f16": 1e-2, "bf16": 5e-2}
MODELS = {
    "sentence-transformers/all-MiniLM-L6-v2": LIMITS,
    **{f"test/oracle/tiny_{name}": {"f32": 1e-4} for name in ("bert", "roberta", "distilbert", "mistral", "mistral_window")},
}
TEXTS = "SELECT text FROM (SELECT unnest(texts).text AS text FROM read_json('test/oracle/embed.json', maximum_object_size = 10000000))"


def card() -> str | None:
    """The name of the machine's card."""
    if shutil.which("nvidia-smi") is None:
        return None
    asked = subprocess.run(["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"], capture_output=True, text=True)
    return asked.stdout.strip() or None if asked.returncode == 0 else None


def compare(connection) -> int:
    failed = 0
    for model, limits in MODELS.items():
        for dtype, limit in limits.items():
            ours = f"muster.embed(text, model := '{model}', device := 'cuda', dtype := '{dtype}')"
            theirs = f"muster.embed(text, model := '{model}', device := 'cpu')"
            difference = f"list_max([abs(x[1] - x[2]) FOR x IN list_zip({ours}, {theirs})])"
            worst, count = connection.execute(f"SELECT max({difference}), count(*) FROM ({TEXTS})").fetchone()
            right = worst is not None and worst <= limit
            failed += not right
            print(f"{'ok  ' if right else 'FAIL'} {model} {dtype}: {count} texts, largest difference {worst:.2e}, limit {limit:.0e}")
    return failed


def bench(connection) -> None:
    for kind, text, n in (("phrases", "'machine learning ' || i", 20000), ("256 tokens", "repeat('machine learning ' || i || ' ', 100)", 2000)):
        for device, dtype in (("cpu", "f32"), ("cuda", "f32"), ("cuda", "f16"), ("cuda", "bf16")):
            call = f"len(muster.embed({text}, device := '{device}', dtype := '{dtype}'))"
            connection.execute(f"SELECT {call} FROM range(-10, 0) AS t(i)").fetchall()
            start = time.perf_counter()
            connection.execute(f"SELECT sum({call}) FROM range({n}) AS t(i)").fetchall()
            print(f"{kind:10} {device:4} {dtype:4} {n / (time.perf_counter() - start):8.0f} texts/s")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--extension", required=True)
    parser.add_argument("--bench", action="store_true")
    args = parser.parse_args()
    name = card()
    if name is None:
        print("no NVIDIA card here: nothing was run on one")
        return 0
    print(name)
    connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    connection.execute(f"SET file_search_path = '{ROOT}'")
    connection.execute(f"LOAD '{args.extension}'")
    if args.bench:
        bench(connection)
        return 0
    return 1 if compare(connection) else 0


if __name__ == "__main__":
    sys.exit(main())
