"""Embeddings a second: muster, sentence-transformers and onnxruntime side by side, each with two threads.

    python bench/embed.py --extension build/release/muster.duckdb_extension

Short phrases as keyword extraction has them, and texts that fill the model's 256 tokens. The engines take turns and the best of
several turns counts, since others may use the machine; every turn has new texts, so nothing is remembered. onnxruntime
runs the model as torch exports it, over batches sorted by length. muster is timed as a SQL statement, with DuckDB's scan.
Products are counted by the formula of the encoder and held against the largest matrix product of torch on the same two threads.
"""

import argparse
import os
import random
import tempfile
import time
from pathlib import Path

THREADS = 2
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


class Muster:
    name = "muster"

    def __init__(self, extension):
        self.connection = duckdb.connect(config={"allow_unsigned_extensions": "true", "threads": THREADS})
        self.connection.execute(f"LOAD '{extension}'")

    def encode(self, texts):
        self.connection.execute("CREATE OR REPLACE TEMP TABLE texts AS SELECT unnest(?) AS text", [texts])
        start = time.perf_counter()
        call = f"muster.embed(text, model := '{MODEL}')"
        self.connection.execute(f"CREATE OR REPLACE TEMP TABLE vectors AS SELECT {call} AS vector FROM texts")
        taken = time.perf_counter() - start
        vectors = self.connection.execute("FROM vectors").fetchnumpy()["vector"]
        return numpy.stack([numpy.asarray(vector) for vector in vectors]), taken


class Torch:
    name = "sentence-transformers"

    def __init__(self):
        self.model = SentenceTransformer(str(MODEL), device="cpu")

    def encode(self, texts):
        start = time.perf_counter()
        vectors = self.model.encode(texts, show_progress_bar=False)
        return vectors, time.perf_counter() - start


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
        start = time.perf_counter()
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
        return vectors, time.perf_counter() - start


def peak():
    """Floating point operations a second of a large product."""
    torch.set_num_threads(THREADS)
    a, b = torch.rand(2048, 2048), torch.rand(2048, 2048)
    best = float("inf")
    for _ in range(8):
        start = time.perf_counter()
        a @ b
        best = min(best, time.perf_counter() - start)
    return 2 * 2048**3 / best


def operations(lengths, hidden=384, inner=1536, layers=6):
    """Of the products of the encoder: four square ones and two wide ones a token, two over pairs of tokens."""
    return sum(layers * (2 * n * (4 * hidden**2 + 2 * hidden * inner) + 4 * n * n * hidden) for n in lengths)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--extension", required=True)
    parser.add_argument("--turns", type=int, default=5)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        peer = Torch()
        engines = [Muster(args.extension), peer, Onnx(peer, folder)]
        print(f"threads {THREADS}, peak of a matrix product {peak() / 1e9:.0f} GFLOP/s")
        rng = random.Random(1)
        for kind, make, n in (("2,000 phrases", phrases, 2000), ("256-token texts", documents, 64)):
            best = {}
            for turn in range(args.turns + 1):
                texts = make(n, rng)
                results = {}
                for engine in engines:
                    results[engine.name], taken = engine.encode(texts)
                    if turn:  # the first is for warming up
                        best[engine.name] = min(best.get(engine.name, float("inf")), taken)
                worst = max(abs(vectors - results["muster"]).max() for vectors in results.values())
                assert worst < 2e-6, worst
            peer.model.tokenizer.backend_tokenizer.no_padding()
            lengths = [min(256, len(ids)) for ids in peer.model.tokenizer(texts)["input_ids"]]
            for name, seconds in best.items():
                rate, ratio = n / seconds, best["sentence-transformers"] / seconds
                share = operations(lengths) / seconds / peak()
                print(f"{kind:16} {name:22} {rate:8.0f} texts/s {ratio:6.2f} x sentence-transformers {share:6.1%} of the peak")


if __name__ == "__main__":
    main()
