"""The study in Spark: labels and vectors by partitions, counts by Spark's GROUP BY, the fit on the driver.

    python study.py --extension muster.duckdb_extension --people people.parquet --out out [--master local[2]] [--models …]

spark-submit takes it as it is; docs/scale.md says what the cluster needs.
"""

import argparse
import os
import sys
from dataclasses import replace
from itertools import chain
from pathlib import Path

from pyspark import SparkFiles, TaskContext
from pyspark.sql import SparkSession, functions

import partition
from partition import ADDED, KEPT, Settings


def label(people, extension, settings):
    """The data frame `people` with labels. The extension, and the folder of the embedding model, are looked for among Spark's files."""

    def part(batches):
        import pyarrow

        first = next(batches, None)
        if first is None:
            return
        reader = pyarrow.RecordBatchReader.from_batches(first.schema, chain([first], batches))
        here = replace(settings, embedding=settings.embedding and SparkFiles.get(settings.embedding))
        yield from partition.label(reader, TaskContext.get().partitionId(), SparkFiles.get(extension), here)

    types = people.select(*KEPT).dtypes
    labelled = ", ".join([*(f"{name} {kind}" for name, kind in types), ADDED])
    # equal texts are in one partition, and its number is the same whenever this runs
    return people.repartition(settings.parts, "text").mapInArrow(part, labelled)


def count(labelled):
    """People alike as one row, with their number."""
    alike = labelled.groupBy("company", "is_expert", "labels")
    return alike.agg(functions.max("headcount").alias("headcount"), functions.count("*").alias("weight"))


def send(spark, extension, embedding=None):
    """Gives extension, embedding model and partition.py to all executors."""
    spark.sparkContext.addFile(str(extension))
    spark.sparkContext.addPyFile(str(Path(partition.__file__).resolve()))
    if embedding:
        spark.sparkContext.addFile(str(embedding), recursive=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--extension", required=True, help="file of the extension, for the executors' platform")
    parser.add_argument("--people", required=True, help="Parquet: profile_id, text, company, is_expert, headcount")
    parser.add_argument("--out", required=True, help="folder for labelled people and estimates")
    parser.add_argument("--master", help="of Spark, where spark-submit does not say it")
    parser.add_argument("--parts", type=int, default=8, help="number of partitions; keep it as long as you keep the stores")
    parser.add_argument("--models", nargs="*", default=[], help="provider:model; the executors have their keys in the environment")
    parser.add_argument("--stores", help="folder of the paid answers, seen by all executors")
    parser.add_argument("--max-cost-usd", type=float)
    parser.add_argument("--requests-per-minute", type=int)
    parser.add_argument("--embedding", help="folder of an embedding model; default: no vectors")
    args = parser.parse_args()
    if args.models and not args.stores:
        parser.error("--models needs --stores: answers are paid, and kept there")
    settings = Settings(
        parts=args.parts,
        models=tuple(args.models),
        stores=args.stores and str(Path(args.stores).resolve()),
        max_cost_usd=args.max_cost_usd,
        requests_per_minute=args.requests_per_minute,
        embedding=args.embedding and Path(args.embedding).name,
    )
    # the interpreter of this program, where the cluster does not say another
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName("muster")
    spark = (builder.master(args.master) if args.master else builder).getOrCreate()
    send(spark, args.extension, args.embedding)
    people = spark.read.parquet(args.people)
    # written before it is counted: what follows reads it and asks nobody again
    label(people, Path(args.extension).name, settings).write.mode("overwrite").parquet(f"{args.out}/labelled")
    labelled = spark.read.parquet(f"{args.out}/labelled")
    failed = labelled.agg(functions.sum("errors")).first()[0]
    if failed:
        print(f"{failed} answers failed; run again to ask for them, and for nothing else", file=sys.stderr)
    estimates = partition.fit(count(labelled).toArrow(), args.extension)
    spark.createDataFrame(estimates).coalesce(1).write.mode("overwrite").parquet(f"{args.out}/estimates")
    print(estimates.select(["company", "headcount", "estimate", "lower", "upper"]).to_pandas().to_string(index=False))
    if args.models:
        partition.merge(settings.stores, f"{settings.stores}/all.sqlite", args.extension)
    spark.stop()


if __name__ == "__main__":
    main()
