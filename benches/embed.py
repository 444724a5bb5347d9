"""Embeddings a second: muster, sentence-transformers and onnxruntime side by side, each with as many threads.

    python benches/embed.py --extension build/release/muster.duckdb_extension [--threads 2]

Short phrases as keyword extraction has them, and texts that fill the model's 256 tokens. The engines take turns and the best of
several turns counts, since others may use the machine; where they do, the processor's seconds with one thread say more than
those of the clock. Every turn has new texts, so nothing is remembered. onnxruntime runs the model as torch exports it,
over batches sorted by length. muster is timed as a SQL statement, with DuckDB's scan. The products of the encoder are counted by
its formula and held against a large matrix product of torch with the same threads.
"""

import argparse
import os
import random
import tempfile
import time
from pathlib import Path

PARSER = argparse.ArgumentParser(description=__doc__.splitlines()[0])
PARSER.add_argument("--extension", required=True)
PARSER.add_argument("--threads", type=int, default=2)
PARSER.add_argument("--turns", type=int, default=5)
ARGS = PARSER.parse_args()
# read by the peers when they are imported
THREADS = ARGS.threads
os.environ["OMP_NUM_THREADS"] = str(THREADS)
os.environ["TOKENIZERS_PARALLELISM"] = "true"
os.environ["RAYON_NUM_THREADS"] = str(THREADS)
os.environ["HF_HUB_OFFLINE"] = "1"

import duckdb  # noqa: E402
import numpy  # noqa: E402
import onnxruntime  # noqa: E402
import torch  # noqa: E402
from sentence_transformers import SentenceTransformer  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
MODEL = ROOT / ".models" / "sentence-transformers" / "all-MiniLM-L6-v2"
WORDS = """machine learning data science statistics research engineer software company team lead analysis vision language model deep neural
network bayesian inference customer sales marketing project manager cloud platform python database security finance health product design
strategy business operations supply chain quality senior junior principal scientist developer architect consultant optimisation robotics
genomics chemistry physics teaching thesis publication conference patent startup bank insurance energy retail logistics""".split()


def phrases(n, rng):
    found = set()
    while len(found) < n:
        found.add(" ".join(rng.sample(WORDS, rng.randint(2, 4))))
    return sorted(found, key=lambda _: rng.random())


def documents(n, rng):
    return [" ".join(rng.choice(WORDS) for _ in range(300)) for _ in range(n)]


def timed(work):
    """What `work` gives, and the seconds of the clock and of the processor it took."""
    clock, processor = time.perf_counter(), time.process_time()
    result = work()
    return result, (time.perf_counter() - clock, time.process_time() - processor)


class Muster:
    name = "muster"

    def __init__(self, extension):
        self.connection = duckdb.connect(config={"allow_unsigned_extensions": "true", "threads": THREADS})
        self.connection.execute(f"LOAD '{extension}'")

    def encode(self, texts):
        self.connection.execute("CREATE OR REPLACE TEMP TABLE texts AS SELECT unnest(?) AS text", [texts])
        call = f"muster.embed(text, model := '{MODEL}')"
        statement = f"CREATE OR REPLACE TEMP TABLE vectors AS SELECT {call} AS vector FROM texts"
        _, taken = timed(lambda: self.connection.execute(statement))
        vectors = self.connection.execute("FROM vectors").fetchnumpy()["vector"]
        return numpy.stack([numpy.asarray(vector) for vector in vectors]), taken


class Torch:
    name = "sentence-transformers"

    def __init__(self):
        self.model = SentenceTransformer(str(MODEL), device="cpu")

    def encode(self, texts):
        return timed(lambda: self.model.encode(texts, show_progress_bar=False))


class States(torch.nn.Module):
    """The transformer with arguments by position, as the export wants them."""

    def __init__(self, transformer):
        super().__init__()
        self.transformer = transformer

    def forward(self, ids, mask, kinds):
        return self.transformer(input_ids=ids, attention_mask=mask, token_type_ids=kinds).last_hidden_state


class Onnx:
    name = "onnxruntime"
    BATCH = 32

    def __init__(self, peer, folder):
        transformer = States(peer.model[0].auto_model.eval())
        self.tokenizer = peer.model.tokenizer.backend_tokenizer.from_file(str(MODEL / "tokenizer.json"))
        self.tokenizer.enable_truncation(256)
        self.tokenizer.enable_padding()
        path = Path(folder) / "model.onnx"
        names = ["input_ids", "attention_mask", "token_type_ids"]
        example = tuple(torch.ones(2, 7, dtype=torch.int64) for _ in names)
        axes = {name: {0: "batch", 1: "length"} for name in [*names, "states"]}
        torch.onnx.export(
            transformer, example, str(path), input_names=names, output_names=["states"], dynamic_axes=axes, dynamo=False
        )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = THREADS
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def encode(self, texts):
        return timed(lambda: self.batches(texts))

    def batches(self, texts):
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        vectors = numpy.empty((len(texts), 384), dtype=numpy.float32)
        for first in range(0, len(order), self.BATCH):
            rows = order[first : first + self.BATCH]
            encoded = self.tokenizer.encode_batch([texts[i] for i in rows])
            ids, mask, kinds = (numpy.array([getattr(e, name) for e in encoded]) for name in ("ids", "attention_mask", "type_ids"))
            inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": kinds}
            states = self.session.run(None, inputs)[0]
            pooled = (states * mask[..., None]).sum(1) / mask.sum(1, keepdims=True)
            vectors[rows] = pooled / numpy.linalg.norm(pooled, axis=1, keepdims=True)
        return vectors


def peak():
    """Floating point operations a second of a large product, by the clock and by the processor."""
    a, b = torch.rand(2048, 2048), torch.rand(2048, 2048)
    times = [timed(lambda: a @ b)[1] for _ in range(8)]
    return [2 * 2048**3 / min(column) for column in zip(*times)]


def operations(lengths, hidden=384, inner=1536, layers=6):
    """Of the products of the encoder: four square ones and two wide ones a token, two over pairs of tokens."""
    return sum(layers * (2 * n * (4 * hidden**2 + 2 * hidden * inner) + 4 * n * n * hidden) for n in lengths)


def main():
    torch.set_num_threads(THREADS)
    with tempfile.TemporaryDirectory() as folder:
        peer = Torch()
        engines = [Muster(ARGS.extension), peer, Onnx(peer, folder)]
        peaks = peak()
        print(f"{THREADS} threads; a matrix product has {peaks[0] / 1e9:.0f} GFLOP/s, {peaks[1] / 1e9:.0f} a processor's second")
        rng = random.Random(1)
        for kind, make, n in (("phrases", phrases, 2000), ("256 tokens", documents, 64)):
            taken = {engine.name: [] for engine in engines}
            for turn in range(ARGS.turns + 1):
                texts = make(n, rng)
                results = {}
                for engine in engines:
                    results[engine.name], times = engine.encode(texts)
                    if turn:  # the first is for warming up
                        taken[engine.name].append(times)
                worst = max(abs(vectors - results["muster"]).max() for vectors in results.values())
                assert worst < 2e-6, worst
            lengths = [min(256, len(ids)) for ids in peer.model.tokenizer(texts, truncation=True)["input_ids"]]
            for column, unit in enumerate(("clock", "processor")):
                best = {name: min(times[column] for times in all_times) for name, all_times in taken.items()}
                for name, seconds in best.items():
                    ratio = best["sentence-transformers"] / seconds
                    share = operations(lengths) / seconds / peaks[column]
                    print(f"{kind:10} {unit:9} {name:22} {n / seconds:7.0f} texts/s, {ratio:5.2f} times sentence-transformers, {share:5.1%} of the product's speed")


if __name__ == "__main__":
    main()
