"""The study without Spark: processes over hash partitions of Parquet, on one machine or by hand on several.

    python processes.py --extension muster.duckdb_extension --people people.parquet --out out [--processes 2] [--models …]

A part is a file. Run again it labels the parts that are missing in `out`, so it goes on where it was killed, and those where answers
failed, and asks for these answers only; people, parts, models and embedding must be those of the first run, which `out/made.json` keeps.
"""

import argparse
import json
import shutil
import sys
from concurrent.futures import ProcessPoolExecutor
from itertools import chain
from multiprocessing import get_context
from pathlib import Path

import duckdb
import pyarrow.parquet

import partition
from partition import KEPT, Settings, literal

COLUMNS = ["text", *KEPT]


def fingerprint(people):
    """Of the Parquet files, from their footers: rows, sizes, and the least and largest values of columns."""
    with duckdb.connect() as connection:
        return connection.execute(f"""
            SELECT md5(string_agg(row, chr(10) ORDER BY row))
            FROM (
                SELECT concat_ws(
                    ' ', row_group_id, row_group_num_rows, path_in_schema, total_compressed_size, stats_min_value, stats_max_value
                ) AS row
                FROM parquet_metadata({literal(str(people))})
            )
        """).fetchone()[0]


def keep_to(file, made):
    """Ends the program where the folder was made with something else; `made` says with what."""
    if not file.exists():
        unfinished = file.with_suffix(".unfinished")
        unfinished.write_text(json.dumps(made, indent=1))
        unfinished.rename(file)
        return
    before = json.loads(file.read_text())
    for name, value in made.items():
        if before[name] != value:
            sys.exit(f"processes.py: {name} must be {before[name]!r} as in the first run with this --out, got {value!r}; give another --out")


def split(people, folder, parts):
    """The people by their texts in folders part=0, part=1, …; equal texts are in one."""
    with duckdb.connect() as connection:
        wrong = connection.execute(f"""
            SELECT profile_id, count(*) FROM read_parquet({literal(str(people))})
            GROUP BY profile_id HAVING count(*) > 1 OR profile_id IS NULL ORDER BY profile_id LIMIT 1
        """).fetchone()
        if wrong:
            sys.exit(f"processes.py: people must have one row a person, profile_id {wrong[0]} has {wrong[1]}")
        connection.execute(f"""
            COPY (
                SELECT {', '.join(COLUMNS)}, ('0x' || md5(coalesce(text, ''))[:8])::UBIGINT % {parts} AS part
                FROM read_parquet({literal(str(people))})
            ) TO {literal(str(folder))} (FORMAT parquet, PARTITION_BY (part))
        """)


def label(split, part, extension, settings, out):
    """Labels one part into a file, which is there when it is whole."""
    file = out / f"part-{part:05}.parquet"
    if file.exists() and not failed(file):
        return
    people = pyarrow.parquet.read_table(split / f"part={part}", columns=COLUMNS)
    batches = partition.label(people, part, extension, settings)
    unfinished = file.with_suffix(".unfinished")
    first = next(batches)
    with pyarrow.parquet.ParquetWriter(unfinished, first.schema) as writer:
        for batch in chain([first], batches):
            writer.write_batch(batch)
    unfinished.rename(file)


def failed(labelled):
    """How many answers failed in files of labelled people."""
    with duckdb.connect() as connection:
        return connection.execute(f"SELECT coalesce(sum(errors), 0)::BIGINT FROM read_parquet({literal(str(labelled))})").fetchone()[0]


def count(labelled):
    """People alike as one row, with their number."""
    with duckdb.connect() as connection:
        return connection.sql(f"""
            SELECT company, is_expert, labels, max(headcount) AS headcount, count(*) AS weight
            FROM read_parquet({literal(str(labelled / '*.parquet'))})
            GROUP BY company, is_expert, labels
        """).to_arrow_table()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--extension", required=True)
    parser.add_argument("--people", required=True, help="Parquet: profile_id, text, company, is_expert, headcount")
    parser.add_argument("--out", required=True, help="folder for parts, labelled people, stores and estimates")
    parser.add_argument("--parts", type=int, default=8, help="number of parts")
    parser.add_argument("--processes", type=int, default=2, help="how many parts at once")
    parser.add_argument("--models", nargs="*", default=[], help="provider:model; keys come from the environment")
    parser.add_argument("--max-cost-usd", type=float)
    parser.add_argument("--requests-per-minute", type=int)
    parser.add_argument("--embedding", help="folder of an embedding model; default: no vectors")
    args = parser.parse_args()
    for name in ("parts", "processes"):
        if getattr(args, name) < 1:
            parser.error(f"--{name} must be at least 1, got {getattr(args, name)}")
    out = Path(args.out).resolve()
    parts, labelled, stores = out / "parts", out / "labelled", out / "stores"
    labelled.mkdir(parents=True, exist_ok=True)
    settings = Settings(
        parts=args.parts,
        models=tuple(args.models),
        stores=str(stores),
        max_cost_usd=args.max_cost_usd,
        requests_per_minute=args.requests_per_minute,
        embedding=args.embedding,
    )
    made = {
        "people": fingerprint(args.people),
        "parts": args.parts,
        "models": args.models,
        "embedding": args.embedding and str(Path(args.embedding).resolve()),
    }
    if parts.exists():
        keep_to(out / "made.json", made)
    else:
        shutil.rmtree(out / "parts.unfinished", ignore_errors=True)
        split(args.people, out / "parts.unfinished", args.parts)
        # of a first run that came to nothing
        (out / "made.json").unlink(missing_ok=True)
        keep_to(out / "made.json", made)
        (out / "parts.unfinished").rename(parts)
    present = sorted(int(folder.name.removeprefix("part=")) for folder in parts.glob("part=*"))
    # a process of its own each, begun anew: a fork of a process with threads may stand still
    with ProcessPoolExecutor(args.processes, get_context("spawn")) as pool:
        tasks = [pool.submit(label, parts, part, args.extension, settings, labelled) for part in present]
        for task in tasks:
            task.result()
    estimates = partition.fit(count(labelled), args.extension)
    pyarrow.parquet.write_table(estimates, out / "estimates.parquet")
    print(estimates.select(["company", "headcount", "estimate", "lower", "upper"]).to_pandas().to_string(index=False))
    if missing := failed(labelled / "*.parquet"):
        print(f"{missing} answers failed; run again to ask for them, and for nothing else", file=sys.stderr)
    if args.models:
        partition.merge(stores, stores / "all.sqlite", args.extension)


if __name__ == "__main__":
    sys.exit(main())
