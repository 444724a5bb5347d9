"""How many of the keywords that were planted in the sample CVs `discriminative_keywords` finds again.

    .venv/bin/python benches/planted.py --extension build/release/muster.duckdb_extension

data/planted_keywords.csv says which words were put into the CVs, and into what share of each class by design. A list is cut at a
score, with and without the limit on q, from rates and from raw counts. Of the planted words in it, precision is the share that
have the list's class by design; words that tell nothing have none. Recall is the share of the class's planted words
that are in the list.
"""

import argparse

import duckdb

SCORES = (0.5, 0.6, 0.7, 0.85, 0.95)

SQL = """
WITH lists AS (
    FROM muster.keyword_lists(keywords, strict := {score}, broad := {score}, max_q := {q}, min_documents := 0)
    WHERE list = 'strict'
),
judged AS (
    SELECT
        class,
        count(*) FILTER (listed) AS listed,
        count(*) FILTER (listed AND planted.label IS NOT DISTINCT FROM class) AS found,
        count(*) FILTER (planted.label IS NOT DISTINCT FROM class) AS all_planted
    FROM (SELECT unnest(['true', 'false']) AS class)
    CROSS JOIN planted
    CROSS JOIN LATERAL (
        SELECT count(*) > 0 AS listed FROM lists WHERE lists.label = class AND lists.keyword = lower(planted.keyword)
    )
    GROUP BY class
)
SELECT class, found, listed, found / listed, found / all_planted FROM judged ORDER BY class DESC
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--extension", required=True)
    extension = parser.parse_args().extension
    connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    connection.execute(f"LOAD '{extension}'")
    connection.execute(
        """
        CREATE TABLE gold AS
        SELECT is_expert, text FROM 'data/profiles.csv' JOIN 'data/cvs.csv' USING (profile_id) WHERE is_expert IS NOT NULL;
        CREATE TABLE planted AS FROM read_csv('data/planted_keywords.csv', types := {'label': 'VARCHAR'});
        """
    )
    print("| counts | max_q | score | experts: precision | recall | others: precision | recall |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for counts in ("rate", "raw"):
        call = f"muster.discriminative_keywords(gold, text, is_expert, max_features := NULL, counts := '{counts}')"
        connection.execute(f"CREATE OR REPLACE TABLE keywords AS FROM {call}")
        for q in (0.05, 1):
            for score in SCORES:
                cells = []
                for _, found, listed, precision, recall in connection.execute(SQL.format(score=score, q=q)).fetchall():
                    cells += [f"{found} of {listed}" + (f" = {precision:.2f}" if listed else ""), f"{recall:.2f}"]
                print(f"| {counts} | {q} | {score} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
