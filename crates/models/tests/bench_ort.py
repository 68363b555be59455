"""The encoder beside ONNX Runtime: same weights, same texts, same machine, one thread, one run.

    python bench_ort.py --base BASE_DIR --csv test.csv --bench PATH_TO_encoder_bench [--version DIR]

BASE_DIR is a BERT model directory. Without --version a head is fitted first (ridge regression on
the frozen, mean-pooled base; --train names the csv for it) and written as a version directory.
The version must have a mean-pooled head without a dense part. Prints one table; tokenisation is
outside every figure. Figures are medians over the rounds, in which all engines take turns; accuracy comes
with Wilson's interval at 95 %. Needs torch, transformers, onnx, onnxruntime, safetensors, numpy.
"""

import argparse
import csv
import json
import math
import os
import pathlib
import subprocess
import tempfile
import time

import numpy as np
import onnx
import onnxruntime as ort
import torch
import transformers as tf
from onnxruntime.quantization import QuantType, quantize_dynamic
from safetensors.torch import load_file, save_file


class Classifier(torch.nn.Module):
    """The mean of the tokens, then one matrix."""

    def __init__(self, bert, weight, bias):
        super().__init__()
        self.bert = bert
        self.head = torch.nn.Linear(weight.shape[1], weight.shape[0])
        self.head.weight.data, self.head.bias.data = weight, bias

    def forward(self, input_ids, attention_mask):
        states = self.bert(input_ids=input_ids, attention_mask=attention_mask)[0]
        mask = attention_mask.unsqueeze(-1).to(states.dtype)
        return self.head((states * mask).sum(1) / mask.sum(1))


def read(path):
    with open(path, newline="", encoding="utf-8") as file:
        rows = [(row["text"], row["category"]) for row in csv.DictReader(file)]
    return [r[0] for r in rows], [r[1] for r in rows]


def pad(batch):
    width = max(map(len, batch))
    ids = np.array([one + [0] * (width - len(one)) for one in batch], dtype=np.int64)
    mask = np.array([[1] * len(one) + [0] * (width - len(one)) for one in batch], dtype=np.int64)
    return {"input_ids": ids, "attention_mask": mask}


def pooled(bert, ids):
    out = np.zeros((len(ids), bert.config.hidden_size), dtype=np.float32)
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    with torch.no_grad():
        for at in range(0, len(order), 64):
            some = order[at : at + 64]
            feed = {k: torch.from_numpy(v) for k, v in pad([ids[i] for i in some]).items()}
            mask = feed["attention_mask"].unsqueeze(-1).float()
            states = bert(**feed)[0]
            out[some] = ((states * mask).sum(1) / mask.sum(1)).numpy()
    return out


def fit(bert, tokenizer, train, every, folder):
    """Multinomial logistic regression with L-BFGS on frozen features."""
    texts, labels = (part[::every] for part in read(train))
    names = sorted(set(read(train)[1]))
    x = torch.from_numpy(pooled(bert, tokenizer(texts)["input_ids"]))
    y = torch.tensor([names.index(label) for label in labels])
    scale = x.norm(dim=1).mean()
    head = torch.nn.Linear(x.shape[1], len(names))
    optimiser = torch.optim.LBFGS(head.parameters(), max_iter=150, line_search_fn="strong_wolfe")

    def loss():
        optimiser.zero_grad()
        data = torch.nn.functional.cross_entropy(head(x / scale), y)
        total = data + 5e-6 * head.weight.square().sum()
        total.backward()
        return total

    optimiser.step(loss)
    saved = {
        "base_model.model.classifier.weight": (head.weight.detach() / scale).contiguous(),
        "base_model.model.classifier.bias": head.bias.detach().contiguous(),
    }
    save_file(saved, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    settings = {"peft_type": "LORA", "task_type": "SEQ_CLS", "r": 1, "lora_alpha": 1, "bias": "none"}
    (folder / "adapter_config.json").write_text(json.dumps(settings))
    spec = {"pooling": "mean", "dense": None, "classifier": "classifier"}
    (folder / "freehold_head.json").write_text(json.dumps(spec))


def export(model, folder):
    """Every way of export: raw and fused, f32 and dynamic int8."""
    raw = folder / "raw.onnx"
    feed = tuple(torch.from_numpy(v) for v in pad([[101, 2026, 4003, 102], [101, 102]]).values())
    axes = {name: {0: "batch", 1: "length"} for name in ["input_ids", "attention_mask"]}
    axes["logits"] = {0: "batch"}
    torch.onnx.export(
        model,
        feed,
        str(raw),
        input_names=["input_ids", "attention_mask"],
        output_names=["logits"],
        dynamic_axes=axes,
        opset_version=17,
        dynamo=False,
    )
    files = {"f32": {"raw": raw}, "int8": {}}
    try:
        from onnxruntime.transformers import optimizer

        config = model.bert.config
        fused = optimizer.optimize_model(
            str(raw),
            model_type="bert",
            num_heads=config.num_attention_heads,
            hidden_size=config.hidden_size,
            opt_level=0,
        )
        files["f32"]["fused"] = folder / "fused.onnx"
        fused.save_model_to_file(str(files["f32"]["fused"]))
    except Exception as error:  # noqa: BLE001 - a peer that is missing must not look like one that lost
        raise SystemExit(f"ONNX Runtime's optimiser gives no fused export: {error}") from error
    for name, path in list(files["f32"].items()):
        for per_channel in [False, True]:
            key = f"{name}, per {'channel' if per_channel else 'tensor'}"
            out = folder / f"{name}-{per_channel}-int8.onnx"
            quantize_dynamic(
                str(path),
                str(out),
                per_channel=per_channel,
                weight_type=QuantType.QInt8,
                extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
            )
            files["int8"][key] = out
    return files


def session(path):
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def run_ort(path, ids):
    one = session(path)
    for i in range(0, len(ids), max(1, len(ids) // 20)):
        one.run(None, pad([ids[i]]))
    latency = []
    for text in ids[::8]:
        feed = pad([text])
        start, cpu = time.perf_counter(), time.process_time()
        one.run(None, feed)
        latency.append([(time.perf_counter() - start) * 1e3, (time.process_time() - cpu) * 1e3])
    report = {"latency_ms": latency}
    for batch in [32, 128]:
        feeds = [pad(ids[at : at + batch]) for at in range(0, len(ids), batch)]
        start = time.process_time()
        logits = [one.run(None, feed)[0] for feed in feeds]
        report[f"cpu_s_{batch}"] = time.process_time() - start
    report["logits"] = np.concatenate(logits).tolist()
    return report


def run_ours(args, version, ids_file, precision, folder):
    out = folder / f"{precision}.json"
    command = [args.bench, version, args.base, ids_file, precision, out]
    environment = {**os.environ, "RAYON_NUM_THREADS": "1"}
    subprocess.run([str(part) for part in command], check=True, env=environment, stdout=subprocess.DEVNULL)
    return json.loads(out.read_text())


def figures(reports, count):
    """The figures of every round."""
    lat = [np.array(r["latency_ms"]) for r in reports]
    return {
        "single wall p50 ms": [float(np.median(one[:, 0])) for one in lat],
        "single cpu p50 ms": [float(np.median(one[:, 1])) for one in lat],
        "docs/cpu-s, batch 32": [count / r["cpu_s_32"] for r in reports],
        "docs/cpu-s, batch 128": [count / r["cpu_s_128"] for r in reports],
    }


def shown(values):
    """The median, with the least and the largest of several."""
    if len(values) == 1:
        return f"{values[0]:.4g}"
    return f"{np.median(values):.4g} ({min(values):.4g}–{max(values):.4g})"


def wilson(right, n, z=1.959964):
    """A rate with its interval at 95 %."""
    p, square = right / n, z * z
    centre = (p + square / (2 * n)) / (1 + square / n)
    half = z * math.sqrt(p * (1 - p) / n + square / (4 * n * n)) / (1 + square / n)
    return f"{100 * p:.2f} % ({100 * (centre - half):.2f}–{100 * (centre + half):.2f})"


def main():
    parser = argparse.ArgumentParser()
    for name in ["base", "csv", "bench"]:
        parser.add_argument(f"--{name}", required=True)
    for name in ["train", "version", "out", "work"]:
        parser.add_argument(f"--{name}")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--every", type=int, default=1, help="take every n-th text, by length")
    parser.add_argument("--train-every", type=int, default=1, help="fit the head on every n-th row")
    args = parser.parse_args()
    torch.set_num_threads(1)
    folder = pathlib.Path(args.work or tempfile.mkdtemp(prefix="bench-ort-"))
    bert = tf.AutoModel.from_pretrained(args.base, attn_implementation="eager").eval()
    tokenizer = tf.AutoTokenizer.from_pretrained(args.base)
    version = pathlib.Path(args.version) if args.version else folder / "version"
    if not args.version:
        version.mkdir(exist_ok=True)
        fit(bert, tokenizer, args.train, args.train_every, version)
    if (version / "adapter_config.json").exists():
        saved = load_file(version / "adapter_model.safetensors")
        if any("lora_A" in name for name in saved):
            from peft import PeftModel

            plain = tf.AutoModelForSequenceClassification.from_pretrained(
                args.base, num_labels=saved["base_model.model.classifier.weight"].shape[0]
            )
            bert = PeftModel.from_pretrained(plain, str(version)).merge_and_unload().bert.eval()
    else:
        saved = load_file(version / "model.safetensors")
        bert = tf.AutoModel.from_pretrained(version, attn_implementation="eager").eval()
    head = [next(v for k, v in saved.items() if k.endswith(f"classifier.{part}")) for part in ["weight", "bias"]]
    model = Classifier(bert, *(part.float() for part in head)).eval()

    texts, labels = read(args.csv)
    names = sorted(set(labels))
    ids = tokenizer(texts, truncation=True, max_length=512)["input_ids"]
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))[:: args.every]
    ids = [ids[i] for i in order]
    truth = np.array([names.index(labels[i]) for i in order])
    ids_file = folder / "ids.json"
    ids_file.write_text(json.dumps(ids))

    rows, logits, right = {}, {}, {}
    files = export(model, folder)
    runs = {}
    for _ in range(args.rounds):
        for precision, exports in files.items():
            runs.setdefault(("ours", precision), []).append(
                run_ours(args, version, ids_file, precision, folder)
            )
            for name, path in exports.items():
                runs.setdefault((f"ORT {name}", precision), []).append(run_ort(path, ids))
    for key, reports in runs.items():
        rows[key] = figures(reports, len(ids))
        logits[key] = np.array(reports[0]["logits"])
        right[key] = int((logits[key].argmax(1) == truth).sum())
    reference = logits[("ORT raw", "f32")]
    columns = list(next(iter(rows.values())))
    n = len(ids)
    print(f"{n:,} texts of one data set, one thread, tokenisation excluded; medians of {args.rounds} rounds in which all engines take")
    print("turns, in brackets the least and the largest; accuracy with Wilson's interval at 95 %; logit error against ORT raw f32.\n")
    print("| precision | engine | " + " | ".join(columns) + f" | accuracy (n = {n:,}) | max logit error |")
    print("|---|---|" + "---|" * (len(columns) + 2))
    for (engine, precision), row in sorted(rows.items(), key=lambda item: (item[0][1], item[0][0])):
        key = (engine, precision)
        error = float(np.abs(logits[key] - reference).max())
        cells = [shown(row[c]) for c in columns] + [wilson(right[key], n), f"{error:.3g}"]
        print(f"| {precision} | {engine} | " + " | ".join(cells) + " |")
    print("\nRatios against the best export of ONNX Runtime for each figure, by medians; above 1 is in Freehold's favour:\n")
    print("| precision | one text, wall p50 | one text, CPU p50 | bulk, texts per CPU s |")
    print("|---|---|---|---|")
    mid = lambda row, key: float(np.median(row[key]))
    for precision in files:
        ours = rows[("ours", precision)]
        theirs = [row for (engine, p), row in rows.items() if p == precision and engine != "ours"]
        ratios = [min(mid(row, key) for row in theirs) / mid(ours, key) for key in columns[:2]]
        ratios.append(max(mid(ours, k) for k in columns[2:]) / max(mid(row, k) for row in theirs for k in columns[2:]))
        print(f"| {precision} | " + " | ".join(f"{it:.2f}" for it in ratios) + " |")
    ours = [right[("ours", precision)] for precision in ["f32", "int8"]]
    print(f"\nint8 answers {ours[1]:,} of {n:,} texts right, f32 {ours[0]:,}: {100 * (ours[0] - ours[1]) / n:.2f} points lost.")
    if args.out:
        pathlib.Path(args.out).write_text(json.dumps({" ".join(k): v for k, v in rows.items()}, indent=1))


if __name__ == "__main__":
    main()
