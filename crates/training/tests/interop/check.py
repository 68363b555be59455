"""Trains a few steps with ours and compares the exports live with peft, transformers and
sentence-transformers, both ways.

    python check.py --finetune PROGRAM --bench PROGRAM --csv FILE.csv BASE [BASE …]

PROGRAM are the examples `finetune` (crate training) and `encoder_bench` (crate models). For every base, with
adapters and whole, pooling the first token and the mean: our exports in Python against the logits that training
computed; then what Python saves of them again, in our encoder. Fails when a logit differs by more than 1e-4.
"""

import argparse
import csv
import json
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import warnings

import torch
import transformers
from peft import PeftModel
from sentence_transformers import SentenceTransformer
from transformers import AutoModelForSequenceClassification, PreTrainedTokenizerFast

TOLERANCE = 1e-4
ROWS = 160
METHODS = {"lora": {"lora": {"rank": 4, "alpha": 8.0}}, "full": "full"}


def sample(source, target):
    """Some rows of a labelled CSV, as `text,label`."""
    with open(source, newline="") as f:
        rows = list(csv.reader(f))[1:]
    random.Random(0).shuffle(rows)
    with open(target, "w", newline="") as f:
        writer = csv.writer(f)
        writer.writerow(["text", "label"])
        # One text that is cut.
        writer.writerow([" ".join(row[0] for row in rows[:40]), rows[0][1]])
        writer.writerows([row[0], row[1]] for row in rows[:ROWS])


def whole_base(base, folder):
    """The base; a tiny one gets the tokenizer settings that every published one has."""
    if (base / "tokenizer_config.json").exists():
        return base
    copy = shutil.copytree(base, folder / "bases" / base.name)
    special = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", **special}
    (copy / "tokenizer_config.json").write_text(json.dumps(settings))
    return copy


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{command[0]} failed:\n{done.stdout}\n{done.stderr}")


class Case:
    """One trained model with its exports, and the worst difference met."""

    def __init__(self, args, base, folder):
        self.args, self.base, self.folder = args, base, folder
        self.exports = folder / "exports"
        record = json.loads((self.exports / "logits.json").read_text())
        self.texts, self.expected = record["texts"], torch.tensor(record["logits"])
        limits = json.loads((self.exports / "merged" / "freehold_input.json").read_text())
        # The file itself, because classes of old may build another tokenizer from its vocabulary.
        tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(base / "tokenizer.json"))
        self.ids = [tokenizer(text, truncation=True, max_length=limits["tokens_max"])["input_ids"] for text in self.texts]
        assert max(map(len, self.ids)) == limits["tokens_max"], "no text is cut"

    def report(self, name, logits):
        worst = (torch.as_tensor(logits) - self.expected).abs().max().item()
        print(f"{self.folder.name} {name}: {worst:.1e}", flush=True)
        return worst

    def stock(self, name, model):
        """A stock class of transformers, maybe under PEFT."""
        model.eval()
        with torch.no_grad():
            return self.report(name, torch.stack([model(input_ids=torch.tensor([ids])).logits[0] for ids in self.ids]))

    def ours(self, name, version, base="-"):
        """Our encoder on what Python saved."""
        ids, out = self.folder / "ids.json", self.folder / "out.json"
        ids.write_text(json.dumps(self.ids))
        run(self.args.bench, version, base, ids, "f32", out)
        return self.report(name, json.loads(out.read_text())["logits"])

    def compare(self):
        merged, adapter = self.exports / "merged", self.exports / "adapter"
        yield self.ours("merged in ours", merged)
        if (merged / "modules.json").exists():
            # Its own tokenizer and its own limit: texts go in.
            whole = SentenceTransformer(str(merged), device="cpu")
            yield self.report("merged in sentence-transformers", whole.encode(self.texts))
            return
        whole = AutoModelForSequenceClassification.from_pretrained(merged)
        yield self.stock("merged in transformers", whole)
        whole.save_pretrained(self.folder / "again")
        (self.folder / "again" / "tokenizer.json").write_bytes((merged / "tokenizer.json").read_bytes())
        yield self.ours("saved by transformers in ours", self.folder / "again")
        if adapter.is_dir():
            # Pooling is the base's own in ModernBERT, and adapters do not bring it.
            config = transformers.AutoConfig.from_pretrained(self.base, num_labels=self.expected.shape[1])
            if hasattr(config, "classifier_pooling"):
                config.classifier_pooling = whole.config.classifier_pooling
            base = AutoModelForSequenceClassification.from_pretrained(
                self.base, config=config, ignore_mismatched_sizes=True)
            adapted = PeftModel.from_pretrained(base, adapter)
            yield self.stock("adapter in peft", adapted)
            saved = self.folder / "adapter-again"
            adapted.save_pretrained(saved)
            for name in ["freehold_head.json", "freehold_input.json"]:
                if (adapter / name).exists():
                    (saved / name).write_bytes((adapter / name).read_bytes())
            yield self.ours("saved by peft in ours", saved, self.base)


def main():
    parser = argparse.ArgumentParser()
    for name in ["finetune", "bench", "csv"]:
        parser.add_argument(f"--{name}", required=True, type=pathlib.Path)
    parser.add_argument("bases", nargs="+", type=pathlib.Path)
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    worst = 0.0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        sample(args.csv, folder / "train.csv")
        for base in (whole_base(it, folder) for it in args.bases):
            for method, value in METHODS.items():
                for pooling in ["cls", "mean"]:
                    place = folder / f"{base.name}-{method}-{pooling}"
                    spec = {"method": value, "pooling": pooling, "epochs": 1, "tokens_max": 48}
                    run(args.finetune, base, folder / "train.csv", place, json.dumps(spec), 1, 0.1)
                    worst = max(worst, *Case(args, base, place).compare())
    print(f"largest difference {worst:.1e}, allowed {TOLERANCE:.0e}")
    sys.exit(not worst <= TOLERANCE)


if __name__ == "__main__":
    main()
