"""Fine-tuning steps in PyTorch and PEFT on given batches, for the comparison in training.sh.

    python training_peer.py batches BASE TRAIN.csv OUT.json    # length-bucketed batches of 32 texts
    python training_peer.py measure BASE BATCHES.json full|lora STEPS

`measure` prints tokens, processor seconds and peak memory of STEPS steps after three of warm-up.
"""
import csv
import json
import random
import resource
import sys


def batches(base, path, out):
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(f"{base}/tokenizer.json")
    tokenizer.no_padding()
    tokenizer.enable_truncation(128)
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    labels = {label: index for index, label in enumerate(sorted({row["category"] for row in rows}))}
    encoded = tokenizer.encode_batch([row["text"] for row in rows])
    items = [(it.ids, labels[row["category"]]) for it, row in zip(encoded, rows)]
    rng = random.Random(7)
    rng.shuffle(items)
    made = []
    for start in range(0, len(items), 32 * 32):
        pool = sorted(items[start : start + 32 * 32], key=lambda item: len(item[0]))
        group = [pool[at : at + 32] for at in range(0, len(pool), 32)]
        rng.shuffle(group)
        made += group
    with open(out, "w", encoding="utf-8") as file:
        json.dump([{"ids": [ids for ids, _ in batch], "labels": [label for _, label in batch]} for batch in made], file)


def measure(base, path, method, steps):
    import torch
    from transformers import BertModel

    torch.set_num_threads(1)
    torch.manual_seed(0)
    dropout = 0.1
    encoder = BertModel.from_pretrained(base, add_pooling_layer=False, hidden_dropout_prob=dropout, attention_probs_dropout_prob=dropout)
    if method == "lora":
        from peft import LoraConfig, get_peft_model

        encoder = get_peft_model(encoder, LoraConfig(r=16, lora_alpha=32, target_modules=["query", "key", "value", "dense"], lora_dropout=dropout))
    else:
        for parameter in encoder.embeddings.parameters():
            parameter.requires_grad = False
    head = torch.nn.Linear(encoder.config.hidden_size, 77)
    encoder.train()
    weights = [it for it in encoder.parameters() if it.requires_grad] + list(head.parameters())
    optimiser = torch.optim.AdamW(weights, lr=2e-4, weight_decay=0.01)

    def step(batch):
        longest = max(map(len, batch["ids"]))
        ids = torch.zeros(len(batch["ids"]), longest, dtype=torch.long)
        mask = torch.zeros(len(batch["ids"]), longest)
        for row, tokens in enumerate(batch["ids"]):
            ids[row, : len(tokens)] = torch.tensor(tokens)
            mask[row, : len(tokens)] = 1
        states = encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        pooled = (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        logits = head(torch.nn.functional.dropout(pooled, dropout))
        loss = torch.nn.functional.cross_entropy(logits, torch.tensor(batch["labels"]))
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()

    def spent():
        used = resource.getrusage(resource.RUSAGE_SELF)
        return used.ru_utime + used.ru_stime

    with open(path, encoding="utf-8") as file:
        given = json.load(file)
    for batch in given[:3]:
        step(batch)
    before, tokens = spent(), 0
    for batch in given[3 : 3 + steps]:
        step(batch)
        tokens += sum(map(len, batch["ids"]))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"tokens": tokens, "cpu_s": spent() - before, "peak_mb": peak}))


if __name__ == "__main__":
    if sys.argv[1] == "batches":
        batches(*sys.argv[2:5])
    else:
        measure(sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5]))
