"""Makes the golden files beside this script: tiny random encoders and what `transformers` and
`peft` compute with them.

    python make.py            # rewrites the folders beside this file
    python make.py OUT SEED   # random shapes into OUT, for the live comparison

Needs torch, transformers, peft and safetensors. Weights are rounded to f16 before they are used,
so the small files hold exactly what was computed.
"""

import json
import pathlib
import random
import sys

import torch
import transformers as tf
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file

LABELS = 5


def shapes(rng):
    """Fixed shapes for the committed files, random ones with a generator."""
    if rng is None:
        return dict(vocab=48, hidden=24, layers=2, heads=2, inner=40, positions=48)
    heads = rng.choice([1, 2, 3, 4])
    return dict(
        vocab=rng.randint(30, 90),
        hidden=heads * 2 * rng.randint(4, 24),
        layers=rng.randint(1, 4),
        heads=heads,
        inner=rng.randint(16, 200),
        positions=rng.randint(40, 160),
    )


def config(kind, rng):
    s = shapes(rng)
    common = dict(vocab_size=s["vocab"], num_labels=LABELS, pad_token_id=0)
    bert = dict(
        hidden_size=s["hidden"],
        num_hidden_layers=s["layers"],
        num_attention_heads=s["heads"],
        intermediate_size=s["inner"],
        max_position_embeddings=s["positions"],
        hidden_act=rng.choice(["gelu", "gelu_new", "relu", "silu"]) if rng else "gelu",
        **common,
    )
    if kind == "bert":
        return tf.BertConfig(**bert)
    if kind == "roberta":
        return tf.RobertaConfig(**{**bert, "pad_token_id": 1, "type_vocab_size": 1})
    if kind == "distilbert":
        return tf.DistilBertConfig(
            dim=s["hidden"],
            n_layers=s["layers"],
            n_heads=s["heads"],
            hidden_dim=s["inner"],
            max_position_embeddings=s["positions"],
            **common,
        )
    return tf.ModernBertConfig(
        hidden_size=s["hidden"],
        num_hidden_layers=s["layers"] + 1,
        num_attention_heads=s["heads"],
        intermediate_size=s["inner"],
        max_position_embeddings=s["positions"],
        local_attention=2 * rng.randint(1, 20) if rng else 6,
        classifier_pooling=rng.choice(["cls", "mean"]) if rng else "mean",
        norm_bias=bool(rng and rng.random() < 0.5),
        attention_bias=bool(rng and rng.random() < 0.5),
        mlp_bias=bool(rng and rng.random() < 0.5),
        classifier_bias=bool(rng and rng.random() < 0.5),
        cls_token_id=2,
        sep_token_id=3,
        bos_token_id=2,
        eos_token_id=3,
        **common,
    )


def randomise(model, generator):
    """Larger than the usual start, so that every part changes the logits; exact in f16."""
    with torch.no_grad():
        for name, value in model.named_parameters():
            scale = 0.25 if value.dim() > 1 else 0.1
            noise = torch.randn(value.shape, generator=generator) * scale
            is_gain = value.dim() == 1 and name.endswith("weight")
            value.copy_(((1.0 if is_gain else 0.0) + noise).half().float())


def texts(vocab, positions, generator):
    lengths = [1, 3, 17, positions - 3]
    draw = lambda n: torch.randint(4, vocab, (n,), generator=generator).tolist()
    return [draw(n) for n in lengths]


def compute(model, ids):
    model.eval()
    with torch.no_grad():
        return [model(input_ids=torch.tensor([one])).logits[0].tolist() for one in ids]


def write_tokenizer(folder):
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    words = ["card", "lost", "my", "##s", "money", "where", "is", "the", "top", "up"]
    vocab = {word: i for i, word in enumerate(special + words)}
    piece = lambda name: {"SpecialToken": {"id": name, "type_id": 0}}
    entry = lambda name: {"id": name, "ids": [vocab[name]], "tokens": [name]}
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": True,
            "strip_accents": None,
            "lowercase": True,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [piece("[CLS]"), {"Sequence": {"id": "A", "type_id": 0}}, piece("[SEP]")],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {name: entry(name) for name in ["[CLS]", "[SEP]"]},
        },
        "decoder": None,
        "model": {
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": vocab,
        },
    }
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer, separators=(",", ":")) + "\n")


def write_expected(folder, ids, logits):
    rounded = [[round(x, 7) for x in row] for row in logits]
    body = json.dumps({"ids": ids, "logits": rounded}, separators=(",", ":"))
    (folder / "expected.json").write_text(body + "\n")


def halve(path):
    tensors = load_file(path)
    halves = {k: v.half() if v.is_floating_point() else v for k, v in tensors.items()}
    save_file(halves, path, metadata={"format": "pt"})


def full(root, kind, rng, generator):
    """A stock model with full weights."""
    cfg = config(kind, rng)
    model = tf.AutoModelForSequenceClassification.from_config(cfg)
    randomise(model, generator)
    folder = root / kind
    model.save_pretrained(folder)
    halve(folder / "model.safetensors")
    write_tokenizer(folder)
    positions = cfg.max_position_embeddings - (2 if kind == "roberta" else 0)
    ids = texts(cfg.vocab_size, positions, generator)
    write_expected(folder, ids, compute(model, ids))
    return model, ids


TARGETS = {
    "bert": ["query", "value", "intermediate.dense"],
    "roberta": ["query", "key", "value", "output.dense"],
    "distilbert": ["q_lin", "k_lin", "v_lin", "out_lin", "lin1", "lin2"],
    "modernbert": ["Wqkv", "Wo", "Wi"],
}


def adapter(root, kind, model, ids, generator):
    """A PEFT adapter over the model of `full`, with its own head."""
    lora = LoraConfig(task_type="SEQ_CLS", r=2, lora_alpha=6, target_modules=TARGETS[kind])
    peft = get_peft_model(model, lora)
    with torch.no_grad():
        for _, value in peft.named_parameters():
            if value.requires_grad:
                noise = torch.randn(value.shape, generator=generator) * 0.2
                value.copy_(noise.half().float())
    folder = root / f"{kind}-lora"
    peft.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    halve(folder / "adapter_model.safetensors")
    write_expected(folder, ids, compute(peft, ids))


def mean_head(root, model, ids, generator):
    """A head that is not the stock one: the mean of the tokens, straight into the classifier."""
    folder = root / "bert-mean"
    folder.mkdir(exist_ok=True)
    hidden = model.config.hidden_size
    weight = (torch.randn((LABELS, hidden), generator=generator) * 0.3).half()
    bias = (torch.randn((LABELS,), generator=generator) * 0.3).half()
    saved = {f"base_model.model.classifier.{k}": v for k, v in [("weight", weight), ("bias", bias)]}
    save_file(saved, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    settings = {"peft_type": "LORA", "task_type": "SEQ_CLS", "r": 2, "lora_alpha": 2, "bias": "none"}
    (folder / "adapter_config.json").write_text(json.dumps(settings) + "\n")
    head = {"pooling": "mean", "dense": None, "classifier": "classifier"}
    (folder / "freehold_head.json").write_text(json.dumps(head) + "\n")
    model.eval()
    with torch.no_grad():
        pooled = [model.bert(input_ids=torch.tensor([one]))[0][0].mean(0) for one in ids]
        logits = [(weight.float() @ row + bias.float()).tolist() for row in pooled]
    write_expected(folder, ids, logits)


def main():
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 7
    rng = random.Random(seed) if len(sys.argv) > 2 else None
    generator = torch.Generator().manual_seed(seed)
    root.mkdir(parents=True, exist_ok=True)
    for kind in TARGETS:
        model, ids = full(root, kind, rng, generator)
        if kind == "bert":
            mean_head(root, model, ids, generator)
        adapter(root, kind, model, ids, generator)


if __name__ == "__main__":
    main()
