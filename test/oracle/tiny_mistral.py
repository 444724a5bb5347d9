"""Write the models tiny_mistral/ and tiny_mistral_window/ and the vectors that sentence-transformers gives with them.

    python test/oracle/tiny_mistral.py

Random weights from a seed in the architecture of Salesforce/SFR-Embedding-Mistral, small enough to be kept here: two layers of 32
numbers, four heads that share two of keys. The tokenizer is byte-level BPE trained on a few sentences; its template puts <s>
before a text and </s> behind it, and pooling takes the last token. The second model sees 16 tokens back, has its weights in
two files of 16-bit numbers and names rope_theta at the newer place of its configuration. Vectors are in base64, 32-bit
floating point numbers, least significant byte first.
"""

import base64
import json
import shutil
from pathlib import Path

import sentence_transformers
import tokenizers
import torch
import transformers
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import MistralConfig, MistralModel, PreTrainedTokenizerFast

HERE = Path(__file__).resolve().parent
TEXTS = [
    "",
    " ",
    "a",
    "machine learning",
    "Machine Learning engineer, ten years of experience",
    "Instruct: find the researchers\nQuery: who publishes on language models?",
    "naïve café 机器学习 🙂",
    "  spaces   at both ends  ",
    "def f(x):\n\treturn x ** 2",
    " ".join(["research"] * 25),
    " ".join(f"word{i}" for i in range(60)),
    "long " * 400,
    "x" * 3000,
]
TRAINING = """machine learning research engineer data science language model vision company team lead experience years
who publishes on deep neural networks statistics software development analysis find the researchers query instruct""".split("\n")


def tokenizer():
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=["<unk>", "<s>", "</s>"], initial_alphabet=alphabet, show_progress=False)
    made.train_from_iterator(TRAINING, trainer)
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> <s> $B </s>", special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=made, bos_token="<s>", eos_token="</s>", unk_token="<unk>", pad_token="</s>", model_max_length=128
    )


def write(name, seed, window, sharded):
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    torch.manual_seed(seed)
    words = tokenizer()
    config = MistralConfig(
        vocab_size=len(words),
        hidden_size=32,
        intermediate_size=56,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        max_position_embeddings=256,
        sliding_window=window,
        initializer_range=0.3,
        bos_token_id=1,
        eos_token_id=2,
        rope_parameters={"rope_type": "default", "rope_theta": 1000.0},
    )
    model = MistralModel(config).eval()
    for parameter in model.parameters():  # norms begin at 1, where a forgotten one would not be noticed
        if parameter.dim() == 1:
            parameter.data = 1 + 0.3 * torch.randn_like(parameter)
    dtype = torch.float16 if sharded else torch.float32
    model.to(dtype).save_pretrained(folder, max_shard_size="20KB" if sharded else "5GB")
    words.save_pretrained(folder)
    for extra in folder.glob("generation_config.json"):
        extra.unlink()
    settings = json.loads((folder / "config.json").read_text())
    if not sharded:  # as older files have it
        settings["rope_theta"] = settings.pop("rope_parameters")["rope_theta"]
    (folder / "config.json").write_text(json.dumps(settings, indent=2) + "\n")
    steps = ("Transformer", ""), ("Pooling", "1_Pooling"), ("Normalize", "2_Normalize")
    modules = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"} for i, (kind, path) in enumerate(steps)
    ]
    (folder / "modules.json").write_text(json.dumps(modules, indent=2) + "\n")
    (folder / "1_Pooling").mkdir()
    pooling = {"word_embedding_dimension": 32, "pooling_mode_mean_tokens": False, "pooling_mode_lasttoken": True}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling, indent=2) + "\n")
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 96, "do_lower_case": False}) + "\n")

    options = {"dtype": torch.float32, "attn_implementation": "eager"}
    peer = SentenceTransformer(str(folder), device="cpu", model_kwargs=options)
    records = []
    for text in TEXTS:
        ids = peer.tokenize([text])["input_ids"][0].tolist()
        vector = peer.encode(text, show_progress_bar=False).astype("<f4")
        records.append({"text": text, "ids": ids, "vector": base64.b64encode(vector.tobytes()).decode()})
    made_by = {module.__name__: module.__version__ for module in (sentence_transformers, transformers, tokenizers, torch)}
    out = {"made_by": made_by, "seed": seed, "texts": records}
    (HERE / f"{name}.json").write_text(json.dumps(out, indent=1) + "\n")


if __name__ == "__main__":
    write("tiny_mistral", 1, None, False)
    write("tiny_mistral_window", 2, 16, True)
