"""Makes the golden files: tiny random models, trained a few steps by torch and PEFT.

Run as `python make.py [ARCHITECTURE …]` with torch, transformers, peft and safetensors installed. For
each architecture it writes a base (random weights, tiny sizes), the trainable tensors before and after
some steps of AdamW on one batch without dropout, and the loss and gradient norm of every step.
The Rust tests repeat the steps from the same start and compare.
"""

import json
import os
import shutil
import sys

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    BertConfig, BertForSequenceClassification, DistilBertConfig,
    DistilBertForSequenceClassification, ModernBertConfig, ModernBertForSequenceClassification,
    RobertaConfig, RobertaForSequenceClassification,
)

HERE = os.path.dirname(os.path.abspath(__file__))
WORDS = "card lost stolen where is my money the a transfer failed top up pin blocked new cash".split()
TEXTS = ["where is my card", "my card is lost", "transfer failed", "the top up failed where is my money",
         "pin blocked", "a new pin", "cash", "my money is stolen my card is stolen"]
CLASSES = [0, 0, 1, 1, 2, 2, 1, 0]
STEPS = 4


def tokenizer():
    vocab = {t: i for i, t in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]"] + WORDS)}
    it = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]"))
    it.normalizer = normalizers.BertNormalizer()
    it.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    it.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    return it


def architectures():
    # RoBERTa counts positions from one past the padding id.
    sizes = dict(vocab_size=4 + len(WORDS), num_labels=3)
    yield "bert", BertForSequenceClassification(BertConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
        max_position_embeddings=20, **sizes)), ["query", "key", "value", "attention.output.dense",
        "intermediate.dense", "output.dense"], ["classifier", "pooler"]
    yield "distilbert", DistilBertForSequenceClassification(DistilBertConfig(
        dim=16, n_layers=2, n_heads=2, hidden_dim=24, max_position_embeddings=20, **sizes)), \
        ["q_lin", "v_lin"], ["pre_classifier", "classifier"]
    yield "roberta", RobertaForSequenceClassification(RobertaConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
        max_position_embeddings=20, pad_token_id=0, bos_token_id=2, eos_token_id=3, type_vocab_size=1,
        **sizes)), ["query", "key", "value", "intermediate.dense"], ["classifier"]
    # Two layers that see everything, with and without a norm before attention, one that sees two tokens far.
    yield "modernbert", ModernBertForSequenceClassification(ModernBertConfig(
        hidden_size=16, num_hidden_layers=3, num_attention_heads=2, intermediate_size=24,
        max_position_embeddings=20, local_attention=4, classifier_pooling="mean", pad_token_id=0,
        layer_types=["full_attention", "sliding_attention", "full_attention"],
        bos_token_id=2, eos_token_id=3, cls_token_id=2, sep_token_id=3, **sizes)), \
        ["Wqkv", "Wo", "Wi"], ["head", "classifier"]


def batch(it):
    ids = [e.ids for e in it.encode_batch(TEXTS)]
    width = max(map(len, ids))
    return (torch.tensor([x + [0] * (width - len(x)) for x in ids]),
            torch.tensor([[1] * len(x) + [0] * (width - len(x)) for x in ids]))


def steps(model, ids, mask):
    """AdamW on everything that is trainable; returns losses, gradient norms and final logits."""
    model.eval()  # No dropout: the masks of two libraries cannot agree.
    trainable = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW([
        {"params": [p for _, p in trainable if p.dim() > 1], "weight_decay": 0.01},
        {"params": [p for _, p in trainable if p.dim() == 1], "weight_decay": 0.0}], lr=1e-2)
    losses, norms = [], []
    for _ in range(STEPS):
        optimiser.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(input_ids=ids, attention_mask=mask).logits,
                                                 torch.tensor(CLASSES))
        loss.backward()
        norms.append(float(torch.nn.utils.clip_grad_norm_([p for _, p in trainable], 0.5)))
        losses.append(float(loss.detach()))
        optimiser.step()
    with torch.no_grad():
        logits = model(input_ids=ids, attention_mask=mask).logits.tolist()
    return dict(losses=losses, norms=norms, logits=logits)


def sentence():
    """What sentence-transformers itself writes for a mean and a dense layer, without the transformer."""
    from sentence_transformers import SentenceTransformer, models
    folder = os.path.join(HERE, "sentence")
    shutil.rmtree(folder, ignore_errors=True)
    base = models.Transformer(os.path.join(HERE, "bert"), max_seq_length=20)
    whole = SentenceTransformer(modules=[base, models.Pooling(16, pooling_mode="mean"), models.Dense(
        16, 3, activation_function=torch.nn.Identity())])
    whole.save(folder, create_model_card=False)
    kept = ["modules.json", "1_Pooling", "2_Dense"]
    for name in os.listdir(folder):
        if name not in kept:
            os.remove(os.path.join(folder, name))


def main():
    torch.manual_seed(0)
    for name, model, targets, saved in architectures():
        if sys.argv[1:] and name not in sys.argv[1:]:
            continue
        folder = os.path.join(HERE, name)
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        for _, p in model.named_parameters():  # Larger than the usual start: every term shows.
            p.data += 0.2 * torch.randn_like(p)
        model.save_pretrained(folder)
        it = tokenizer()
        it.save(os.path.join(folder, "tokenizer.json"))
        ids, mask = batch(it)
        torch.manual_seed(1)
        lora = get_peft_model(model, LoraConfig(
            task_type="SEQ_CLS", r=3, lora_alpha=6, lora_dropout=0.0, target_modules=targets,
            modules_to_save=saved, init_lora_weights=False))
        lora.save_pretrained(os.path.join(folder, "before"))
        record = {"lora": steps(lora, ids, mask), "texts": TEXTS, "classes": CLASSES}
        lora.save_pretrained(os.path.join(folder, "after"))
        model = type(model).from_pretrained(folder)
        for n, p in model.named_parameters():
            p.requires_grad = "embeddings" not in n
        record["full"] = steps(model, ids, mask)
        save_file({n: p.detach().contiguous() for n, p in model.named_parameters() if p.requires_grad},
                  os.path.join(folder, "full.safetensors"))
        with open(os.path.join(folder, "record.json"), "w") as f:
            json.dump(record, f)
        for extra in ["before/README.md", "after/README.md", "before/adapter_config.json"]:
            path = os.path.join(folder, extra)
            if os.path.exists(path):
                os.remove(path)
    if not sys.argv[1:] or "sentence" in sys.argv[1:]:
        sentence()


main()
