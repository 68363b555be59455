"""Checks exports live: our files in transformers and PEFT, their logits against ours.

`python check.py BASE EXPORTS`: EXPORTS is what `cargo run --example finetune` wrote: `merged/`, maybe
`adapter/`, and `logits.json` with texts and the logits that training computed.
"""

import json
import os
import sys

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer


def compare(name, model, tokenizer, texts, expected):
    model.eval()
    worst = 0.0
    with torch.no_grad():
        for text, row in zip(texts, expected):
            inputs = tokenizer(text, return_tensors="pt", truncation=True, max_length=128)
            worst = max(worst, (model(**inputs).logits[0] - torch.tensor(row)).abs().max().item())
    print(f"{name}: largest difference of a logit {worst:.2e} over {len(texts)} texts")
    assert worst < 1e-4, name


def main(base, exports):
    with open(os.path.join(exports, "logits.json")) as f:
        record = json.load(f)
    tokenizer = AutoTokenizer.from_pretrained(base)
    labels = len(record["logits"][0])
    merged = AutoModelForSequenceClassification.from_pretrained(os.path.join(exports, "merged"))
    compare("merged", merged, tokenizer, record["texts"], record["logits"])
    adapter = os.path.join(exports, "adapter")
    if os.path.isdir(adapter):
        from peft import PeftModel
        stock = AutoModelForSequenceClassification.from_pretrained(base, num_labels=labels)
        compare("adapter", PeftModel.from_pretrained(stock, adapter), tokenizer, record["texts"], record["logits"])


main(*sys.argv[1:3])
