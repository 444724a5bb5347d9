"""Time keyword_filter beside DuckDB's own regexp_matches on the same texts, terms and thread.

    .venv/bin/python benches/filter.py --extension build/release/muster.duckdb_extension

The texts are the sample CVs many times over. Filters are the study's: one that asks for one word list, and all six, which
ask for three. A regular expression of a list is `(?i)\\b(?:term|term|…)\\b` with `[\\s-]+` for each space or hyphen. Median of 3 by processor time,
which other programs of a shared machine change least; one thread. The last line is what any search is bounded by: DuckDB's search for one
string that is in no text.
"""

import argparse
import re
import statistics
import time

import duckdb

MEGABYTES = 200


def seconds(connection, sql):
    times = []
    for _ in range(3):
        start = time.process_time()
        connection.execute(sql).fetchall()
        times.append(time.process_time() - start)
    return statistics.median(times)


def expression(terms):
    parts = [re.sub(r"[\s-]+", r"[\\s-]+", re.escape(term).replace(r"\-", "-").replace(r"\ ", " ")) for term in terms]
    return "(?i)\\b(?:" + "|".join(parts) + ")\\b"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--extension", required=True)
    extension = parser.parse_args().extension
    connection = duckdb.connect(config={"allow_unsigned_extensions": "true", "threads": "1"})
    connection.execute(f"LOAD '{extension}'")
    size = connection.execute("SELECT sum(strlen(text)) FROM 'data/cvs.csv'").fetchone()[0]
    copies = round(MEGABYTES * 1e6 / size)
    connection.execute(f"CREATE TABLE cvs AS SELECT row_number() OVER () AS profile_id, text FROM 'data/cvs.csv', range({copies})")
    rows = connection.execute("SELECT annotator, any_of, none_of, all_of FROM muster.machine_learning_filters()").fetchall()
    rows = {name: lists for name, *lists in rows}
    learning, research, business = rows["machine-learning"][0], rows["research"][0], rows["not-business"][1]
    one = "(SELECT list(f) FROM muster.machine_learning_filters() AS f WHERE annotator = 'machine-learning')"
    six = "(SELECT list(f) FROM muster.machine_learning_filters() AS f)"
    ours = "SELECT count(*) FROM muster.keyword_filter(cvs, text, {}) WHERE label"
    matches = lambda terms: f"regexp_matches(text, '{expression(terms)}')"
    peer_one = f"SELECT count(*) FILTER ({matches(learning)}) FROM cvs"
    peer_six = (
        "SELECT count(*) FILTER (a), count(*) FILTER (b), count(*) FILTER (NOT c), count(*) FILTER (a AND b), count(*) FILTER (a AND NOT c),"
        " count(*) FILTER (a AND b AND NOT c)"
        f" FROM (SELECT {matches(learning)} AS a, {matches(research)} AS b, {matches(business)} AS c FROM cvs)"
    )
    print(f"{copies * 585:,} texts, {size * copies / 1e6:.0f} MB, one thread\n")
    print("| | keyword_filter, MB/s | regexp_matches, MB/s |\n| --- | --- | --- |")
    terms = len(learning) + len(research) + len(business)
    compared = (
        (f"one filter, {len(learning)} terms", ours.format(one), peer_one),
        (f"six filters, {terms} terms", ours.format(six), peer_six),
    )
    for name, sql, peer in compared:
        speeds = [size * copies / 1e6 / seconds(connection, statement) for statement in (sql, peer)]
        print(f"| {name} | {speeds[0]:.0f} | {speeds[1]:.0f} |")
    scan = seconds(connection, "SELECT count(*) FILTER (contains(text, 'zqxjkv')) FROM cvs")
    print(f"| contains, one string | | {size * copies / 1e6 / scan:.0f} |")


if __name__ == "__main__":
    main()
