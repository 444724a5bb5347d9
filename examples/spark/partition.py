"""What muster does with one part of the people, and the fit of all of them. study.py calls it in Spark, processes.py without.

People are rows of profile_id (a number or a text), text, company, is_expert (NULL where nobody rated the person) and headcount.
They are parted by their texts, so that equal texts are in one part: each is asked once. A part has a store of paid answers of its
own, by its number, and its share of the limits.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import duckdb

BATCH_ROWS = 10_000
# columns that labelled people keep, of whatever type
KEPT = ("profile_id", "company", "is_expert", "headcount")
# the columns that labels add, as Spark names types
ADDED = "labels array<struct<annotator: string, label: boolean>>, errors long, vector array<float>"


@dataclass(frozen=True)
class Settings:
    """Work that is done with each part."""

    parts: int
    # SQL of a list of filters, as keyword_filter takes it
    filters: str = "(SELECT list(f) FROM muster.machine_learning_filters() AS f)"
    # 'provider:model', as llm_annotate takes them
    models: tuple[str, ...] = ()
    # folder of the stores, seen by all machines; needed where models are asked
    stores: str | None = None
    # limits of all parts together, for the whole run and for each model
    max_cost_usd: float | None = None
    requests_per_minute: int | None = None
    concurrency: int = 16
    # folder of an embedding model; none: no vectors
    embedding: str | None = None


def connect(extension):
    """A DuckDB of one thread with muster: Spark, or the list of processes, has the others."""
    connection = duckdb.connect(config={"allow_unsigned_extensions": "true", "threads": "1"})
    connection.execute("SET enable_progress_bar = false")
    connection.execute(f"LOAD {literal(str(extension))}")
    return connection


def literal(value):
    """A Python value as SQL."""
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(literal, value)) + "]"
    return str(value)


def store(settings, part):
    """The place of the answers of a part. Another number of parts would look for them in other places."""
    folder = Path(settings.stores)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "parts"
    if not file.exists():
        # written whole or not at all, whoever comes first
        mine = folder / f"parts.{os.uname().nodename}.{os.getpid()}"
        mine.write_text(str(settings.parts))
        mine.rename(file)
    if file.read_text() != str(settings.parts):
        raise ValueError(f"the stores in {folder} are those of {file.read_text()} parts, got {settings.parts}; merge them or use another folder")
    return str(folder / f"part-{part:05}.sqlite")


def label(people, part, extension, settings):
    """The people of one part with their labels, as Arrow's batches; `people` is whatever DuckDB reads as a relation."""
    os.environ.setdefault("MUSTER_PROGRESS", "0")
    with connect(extension) as connection:
        connection.execute("CREATE TEMP TABLE people AS FROM people")
        sources = [f"SELECT profile_id, annotator, label, false AS failed FROM muster.keyword_filter(people, text, {settings.filters})"]
        if settings.models:
            options = {
                "store": store(settings, part),
                "concurrency": settings.concurrency,
                "max_cost_usd": settings.max_cost_usd and settings.max_cost_usd / settings.parts,
                "requests_per_minute": settings.requests_per_minute and max(1, settings.requests_per_minute // settings.parts),
            }
            given = "".join(f", {name} := {literal(value)}" for name, value in options.items())
            # a text that shows nothing is not asked, which is no failure
            sources.append(
                "SELECT profile_id, annotator, label, request_hash IS NOT NULL AND error IS NOT NULL AS failed "
                f"FROM muster.llm_annotate(people, text, {literal(settings.models)}{given})"
            )
        vector = f"muster.embed(text, model := {literal(settings.embedding)})" if settings.embedding else "NULL::FLOAT[]"
        connection.execute(f"CREATE TEMP TABLE ratings AS {' UNION ALL '.join(sources)}")
        result = connection.sql(f"""
            SELECT
                {', '.join(KEPT)},
                coalesce(labels, []) AS labels,
                coalesce(errors, 0) AS errors,
                {vector} AS vector
            FROM people
            LEFT JOIN (
                SELECT
                    profile_id,
                    list({{annotator: annotator, label: label}} ORDER BY annotator) FILTER (label IS NOT NULL) AS labels,
                    count(*) FILTER (failed) AS errors
                FROM ratings
                GROUP BY profile_id
            ) USING (profile_id)
        """)
        yield from result.to_arrow_reader(BATCH_ROWS)


def fit(counts, extension, **options):
    """The estimates by company, from rows of company, is_expert, headcount, labels and weight: people alike are one row."""
    given = "".join(f", {name} := {literal(value)}" for name, value in options.items())
    with connect(extension) as connection:
        connection.execute(f"SET threads = {os.cpu_count()}")
        connection.execute("CREATE TEMP TABLE people AS SELECT row_number() OVER () AS profile_id, * FROM counts")
        connection.execute("CREATE TEMP TABLE ratings AS SELECT profile_id, unnest(labels, recursive := true) FROM people")
        return connection.sql(f"""
            FROM muster.fit_probit_bootstrap(
                ratings, people, company, is_expert, headcount := headcount, weight := weight{given}
            )
        """).to_arrow_table()


def merge(stores, into, extension):
    """Takes the answers of all parts into one store, whose number of parts does not matter; gives how many were new to it."""
    with connect(extension) as connection:
        imported = 0
        for folder in sorted(Path(stores).glob("part-*.sqlite.answers")):
            part = str(folder).removesuffix(".answers")
            imported += connection.execute(f"""
                WITH answers AS (FROM muster.llm_store(store := {literal(part)}))
                SELECT imported FROM muster.llm_import(answers, store := {literal(str(into))})
            """).fetchone()[0]
        return imported
