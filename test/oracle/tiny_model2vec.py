"""Write the static models tiny_model2vec*/ and the vectors that the package model2vec gives with them, tiny_model2vec*.json.

    python test/oracle/tiny_model2vec.py

Random tables from a seed, of 8 numbers a token. Vectors are in base64, 32-bit floating point numbers, least significant byte first.

| model | tokenizer | what else is tried |
| --- | --- | --- |
| tiny_model2vec | WordPiece | length 1, as many tokens as where the file does not say |
| tiny_model2vec_shared | Unigram | tokens that share rows, weights of 64 bits, a table of 16 bits, 20 tokens |
| tiny_model2vec_int8 | byte-level BPE, knows everything | a table of 8 bits, length 1, texts without an end |

A table of 16 bits is read as one of 32: the package rounds the mean to 16 bits, muster does not.
"""

import base64
import json
import shutil
from pathlib import Path

import model2vec
import numpy
import tokenizers
from model2vec import StaticModel
from tiny_models import TRAINING
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

HERE = Path(__file__).resolve().parent
TEXTS = [
    "",
    " ",
    "\x00",
    "a\x00b",
    "a",
    "机器",
    "🙂",
    "[UNK]",
    "[CLS] [SEP]",
    "machine learning",
    "Machine Learning engineer, ten years of experience",
    "naïve café 机器学习 🙂 research",
    "e\u0301quipe \u00e9quipe \u1e9b\u0323",
    "👩‍🔬 who publishes on 🇩🇪 language models?",
    "  spaces   at both ends  ",
    "one\u00a0two\u2028three\u3000four\ttab\r\nline",
    "\ufeffmark \u200bzero\u200dwidth \u00adsoft",
    "ΔΙΔΑΚΤΩΡ İstanbul Straße ﬁ ① Ⓐ",
    " ".join(["research"] * 25),
    " ".join(f"word{i}" for i in range(60)),
    "data science " * 1300,
    "é" * 1500,
    "x" * 1500,
    "机" * 600 + " research",
    " " * 2000 + "data",
]


def word_piece():
    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    made.train_from_iterator(TRAINING, trainers.WordPieceTrainer(vocab_size=200, special_tokens=special, show_progress=False))
    made.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    made.enable_padding(pad_id=0, pad_token="[PAD]")
    return made


def unigram():
    made = Tokenizer(models.Unigram())
    made.normalizer = normalizers.NFKC()
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=120, special_tokens=["<pad>", "<unk>"], unk_token="<unk>", show_progress=False)
    made.train_from_iterator(TRAINING, trainer)
    return made


def byte_level():
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator(TRAINING, trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet, show_progress=False))
    return made


def write(name, seed, tokenizer, make, config):
    """`make` gives the table for so many tokens, and the other arrays of the model."""
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    table, more = make(numpy.random.default_rng(seed), tokenizer.get_vocab_size())
    config = {"model_type": "model2vec", "architectures": ["StaticModel"], "hidden_dim": table.shape[1], **config}
    StaticModel(table, tokenizer, config, normalize=config["normalize"], max_length=config.get("max_length"), **more).save_pretrained(folder)
    (folder / "README.md").unlink()
    written = json.loads((folder / "config.json").read_text())
    if "max_length" not in config:  # older files do not say
        del written["max_length"]
    (folder / "config.json").write_text(json.dumps(written, indent=2) + "\n")

    peer = StaticModel.from_pretrained(folder, quantize_to=None if table.dtype == numpy.int8 else "float32")
    records = []
    for text in TEXTS:
        characters = None if peer.max_length is None else peer.max_length * peer.median_token_length
        ids = peer.tokenize([text[:characters]])[0]
        vector = peer.encode([text])[0].astype("<f4")
        records.append({"text": text, "ids": ids, "vector": base64.b64encode(vector.tobytes()).decode()})
    made_by = {module.__name__: module.__version__ for module in (model2vec, tokenizers, numpy)}
    (HERE / f"{name}.json").write_text(json.dumps({"made_by": made_by, "seed": seed, "texts": records}, separators=(",", ":")) + "\n")


def plain(generator, tokens):
    return generator.normal(size=(tokens, 8)).astype(numpy.float32), {}


def shared(generator, tokens):
    mapping = generator.integers(0, 40, tokens).astype(numpy.int32)
    weights = generator.uniform(0.1, 2.0, tokens)
    return generator.normal(size=(40, 8)).astype(numpy.float16), {"token_mapping": mapping, "weights": weights}


def int8(generator, tokens):
    return generator.integers(-127, 128, (tokens, 8)).astype(numpy.int8), {}


def main():
    write("tiny_model2vec", 1, word_piece(), plain, {"normalize": True})
    write("tiny_model2vec_shared", 2, unigram(), shared, {"normalize": False, "max_length": 20})
    write("tiny_model2vec_int8", 3, byte_level(), int8, {"normalize": True, "max_length": None})


if __name__ == "__main__":
    main()
