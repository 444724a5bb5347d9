"""Write the models tiny_*/ and the vectors that sentence-transformers gives with them, tiny_*.json.

    python test/oracle/tiny_models.py [tiny_bert …]

Random weights from a seed, two layers of 32 numbers, small enough to be kept here. The tokenizer is byte-level BPE trained on a few
sentences; its template puts <s> before a text and </s> behind it. Vectors are in base64, 32-bit floating point numbers, least
significant byte first.

| model | architecture | what else is tried |
| --- | --- | --- |
| tiny_mistral | that of Salesforce/SFR-Embedding-Mistral: four heads share two of keys | the last token, length 1 |
| tiny_mistral_window | the same, sees 16 tokens back | weights in three files of 16-bit numbers, rope_theta at its newer place |
| tiny_bert | BERT | the first token, lower case, a prompt before every text |
| tiny_roberta | XLM-RoBERTa, positions counted from 2 | mean and maximum side by side, the newer form of pooling, length 1 |
| tiny_distilbert | DistilBERT | no modules.json: mean of all tokens |
| tiny_mpnet | that of all-mpnet-base-v2 | texts beyond the last bucket of distances, mean, length 1 |
| tiny_modernbert | ModernBERT, two layers of three see 8 tokens to each side | layer_types and rope_parameters, mean |
| tiny_modernbert_bias | the same with biases, every second layer sees all | both as older files have them, the first token |
"""

import base64
import json
import shutil
import sys
from pathlib import Path

import numpy
import sentence_transformers
import tokenizers
import torch
import transformers
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig,
    BertModel,
    DistilBertConfig,
    DistilBertModel,
    MistralConfig,
    MistralModel,
    ModernBertConfig,
    ModernBertModel,
    MPNetConfig,
    MPNetModel,
    PreTrainedTokenizerFast,
    XLMRobertaConfig,
    XLMRobertaModel,
)

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


def dump(path, value):
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(value, indent=2) + "\n")


def write(name, seed, model_class, config, steps, dtype, max_shard_size="5GB", **files):
    """`steps` are the pipeline's behind the transformer, each with its configuration; `files` those of the folder."""
    if sys.argv[1:] and name not in sys.argv[1:]:
        return
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    torch.manual_seed(seed)
    model = model_class(config).eval()
    for parameter in model.parameters():  # norms begin at 1 and biases at 0, where a forgotten one would not be noticed
        if parameter.dim() == 1:
            parameter.data = parameter.data + 0.3 * torch.randn_like(parameter)
    model.to(dtype).save_pretrained(folder, max_shard_size=max_shard_size)
    tokenizer().save_pretrained(folder)
    settings = json.loads((folder / "config.json").read_text())
    # as older files have it
    if name == "tiny_mistral":
        settings["rope_theta"] = settings.pop("rope_parameters")["rope_theta"]
    if name == "tiny_modernbert_bias":
        rotations = settings.pop("rope_parameters")
        settings["global_rope_theta"] = rotations["full_attention"]["rope_theta"]
        settings["local_rope_theta"] = rotations["sliding_attention"]["rope_theta"]
        settings["global_attn_every_n_layers"] = 2
        del settings["layer_types"]
    dump(folder / "config.json", settings)
    if steps:
        names = ["Transformer", *steps]
        places = ["", *(f"{i}_{step}" for i, step in enumerate(steps, 1))]
        kind = "sentence_transformers.models."
        dump(
            folder / "modules.json",
            [{"idx": i, "name": str(i), "path": places[i], "type": kind + names[i]} for i in range(len(names))],
        )
        for place, configuration in zip(places[1:], steps.values()):
            if configuration:
                dump(folder / place / "config.json", configuration)
    for file, value in files.items():
        dump(folder / f"{file}.json", value)

    options = {"dtype": torch.float32, "attn_implementation": "eager"}
    peer = SentenceTransformer(str(folder), device="cpu", model_kwargs=options)
    prompt = peer.prompts.get(peer.default_prompt_name) or ""
    records = []
    for text in TEXTS:
        ids = peer.tokenize([prompt + text])["input_ids"][0].tolist()
        vector = peer.encode(text, show_progress_bar=False).astype("<f4")
        records.append({"text": text, "ids": ids, "vector": base64.b64encode(vector.tobytes()).decode()})
    alone = [numpy.frombuffer(base64.b64decode(record["vector"]), "<f4") for record in records]
    together = peer.encode(TEXTS, batch_size=len(TEXTS), show_progress_bar=False)
    assert abs(numpy.stack(alone) - together).max() < 1e-5, "padding changes a vector"
    made_by = {module.__name__: module.__version__ for module in (sentence_transformers, transformers, tokenizers, torch)}
    dump(HERE / f"{name}.json", {"made_by": made_by, "seed": seed, "texts": records})


def mistral(window):
    return MistralConfig(
        vocab_size=400,
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


def encoder(config_class, **more):
    return config_class(
        vocab_size=400,
        hidden_size=32,
        intermediate_size=56,
        num_hidden_layers=2,
        num_attention_heads=4,
        initializer_range=0.3,
        bos_token_id=1,
        eos_token_id=2,
        **more,
    )


def modernbert(layers, **more):
    rotations = {"full_attention": 500.0, "sliding_attention": 50.0}
    return ModernBertConfig(
        vocab_size=400,
        hidden_size=32,
        intermediate_size=40,
        num_hidden_layers=layers,
        num_attention_heads=4,
        max_position_embeddings=256,
        local_attention=16,
        initializer_range=0.3,
        bos_token_id=1,
        eos_token_id=2,
        cls_token_id=1,
        sep_token_id=2,
        pad_token_id=2,
        rope_parameters={kind: {"rope_type": "default", "rope_theta": theta} for kind, theta in rotations.items()},
        **more,
    )


def main():
    last = {"word_embedding_dimension": 32, "pooling_mode_mean_tokens": False, "pooling_mode_lasttoken": True}
    steps = {"Pooling": last, "Normalize": None}
    longest = {"max_seq_length": 96, "do_lower_case": False}
    write("tiny_mistral", 1, MistralModel, mistral(None), steps, torch.float32, sentence_bert_config=longest)
    write("tiny_mistral_window", 2, MistralModel, mistral(16), steps, torch.float16, "20KB", sentence_bert_config=longest)
    first = {"word_embedding_dimension": 32, "pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}
    write(
        "tiny_bert",
        3,
        BertModel,
        encoder(BertConfig, max_position_embeddings=64, pad_token_id=0),
        {"Pooling": first},
        torch.float16,
        sentence_bert_config={"max_seq_length": 48, "do_lower_case": True},
        config_sentence_transformers={"prompts": {"query": "query: ", "passage": "passage: "}, "default_prompt_name": "query"},
    )
    both = {"embedding_dimension": 32, "pooling_mode": ["mean", "max"], "include_prompt": True}
    write(
        "tiny_roberta",
        4,
        XLMRobertaModel,
        encoder(XLMRobertaConfig, max_position_embeddings=66, pad_token_id=1, type_vocab_size=1, layer_norm_eps=1e-5),
        {"Pooling": both, "Normalize": None},
        torch.bfloat16,
        sentence_bert_config={"max_seq_length": 64, "do_lower_case": False},
    )
    config = DistilBertConfig(
        vocab_size=400, dim=32, hidden_dim=56, n_layers=2, n_heads=4, max_position_embeddings=64, initializer_range=0.3, pad_token_id=0
    )
    write("tiny_distilbert", 5, DistilBertModel, config, {}, torch.float16)
    mean = {"word_embedding_dimension": 32, "pooling_mode_mean_tokens": True}
    write(
        "tiny_mpnet",
        6,
        MPNetModel,
        encoder(MPNetConfig, max_position_embeddings=130, pad_token_id=1, layer_norm_eps=1e-5),
        {"Pooling": mean, "Normalize": None},
        torch.float16,
        sentence_bert_config={"max_seq_length": 128, "do_lower_case": False},
    )
    write("tiny_modernbert", 7, ModernBertModel, modernbert(3), {"Pooling": mean, "Normalize": None}, torch.float16)
    config = modernbert(4, norm_bias=True, attention_bias=True, mlp_bias=True, layer_types=["full_attention", "sliding_attention"] * 2)
    write("tiny_modernbert_bias", 8, ModernBertModel, config, {"Pooling": first}, torch.float16)


if __name__ == "__main__":
    main()
