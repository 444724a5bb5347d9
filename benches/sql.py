"""Time the whole SQL statement, and twenty million ratings.

    .venv/bin/python benches/sql.py --extension build/release/muster.duckdb_extension [--million 20]

Prints seconds, the share that DuckDB's own scan and grouping take (the helper macro alone), and the peak memory of the
process. Nothing is asserted: shared machines are noisy.
"""

import argparse
import resource
import statistics
import tempfile
import time
from pathlib import Path

import duckdb

# simulated companies have about 4,150 ratings each, so many are needed for a million
COMPANIES_PER_MILLION = 241


def seconds(connection, sql: str, repeats: int = 1) -> float:
    """Median seconds of a statement whose rows are all fetched."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        connection.execute(sql).fetchall()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--extension", required=True)
    parser.add_argument("--million", type=float, default=20, help="ratings of the large run, in millions; 0 = leave it out")
    args = parser.parse_args()
    connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    connection.execute(f"LOAD '{args.extension}'")

    connection.execute("CREATE TEMP TABLE profiles AS FROM muster.simulate_profiles(max_observed := 150)")
    connection.execute("CREATE TEMP TABLE ratings AS FROM muster.simulate_ratings(max_observed := 150)")
    people, labels = (connection.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in ("profiles", "ratings"))
    print(f"{people:,} profiles in 200 companies, {labels:,} ratings, 1,000 draws")
    for method in ("company", "hierarchical", "original", "original_by_size"):
        sql = f"FROM muster.fit_probit_bootstrap(ratings, profiles, company, is_expert, headcount := headcount, method := '{method}')"
        print(f"  {method:<12} {seconds(connection, sql, 5):6.2f} s the whole statement, median of 5")

    if not args.million:
        return
    companies = round(args.million * COMPANIES_PER_MILLION)
    with tempfile.TemporaryDirectory() as folder:
        for what in ("profiles", "ratings"):
            target = Path(folder) / f"{what}.parquet"
            connection.execute(f"COPY (FROM muster.simulate_{what}(companies := {companies})) TO '{target}'")
        ratings, profiles = (f"'{folder}/{what}.parquet'" for what in ("ratings", "profiles"))
        rows = connection.execute(f"SELECT count(*) FROM {ratings}").fetchone()[0]
        arguments = f"{ratings}, {profiles}, company, is_expert"
        grouping = seconds(connection, f"SELECT count(*) FROM muster.main._muster_people('bench', {arguments}, headcount, 1, 1)")
        print(f"{rows:,} ratings in {companies:,} companies, parquet")
        for draws in (100, 1000):
            sql = f"SELECT count(*) FROM muster.fit_probit_bootstrap({arguments}, headcount := headcount, draws := {draws})"
            whole = seconds(connection, sql)
            print(f"  {draws:>5} draws {whole:6.1f} s, of which scan and grouping {grouping:.1f} s ({grouping / whole:.0%})")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"  peak memory {peak:.1f} GiB, making the data included")


if __name__ == "__main__":
    main()
