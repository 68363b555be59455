"""Repeats the golden comparison live, on random shapes: our encoder against `transformers` and
`peft`, every architecture, full weights and adapters.

    python interop.py --bench PATH_TO_encoder_bench [--seeds 5]

Needs torch, transformers, peft, safetensors. Fails when a logit differs by more than 1e-4.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

TOLERANCE = 1e-4


def compare(bench, root, name, base):
    expected = json.loads((root / name / "expected.json").read_text())
    ids, out = root / "ids.json", root / "out.json"
    ids.write_text(json.dumps(expected["ids"]))
    base = root / base if base else "-"
    command = [bench, root / name, base, ids, "f32", out]
    subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)
    found = json.loads(out.read_text())["logits"]
    pairs = zip(found, expected["logits"], strict=True)
    return max(abs(a - b) for one, other in pairs for a, b in zip(one, other, strict=True))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bench", required=True)
    parser.add_argument("--seeds", type=int, default=5)
    args = parser.parse_args()
    make = pathlib.Path(__file__).parent / "golden" / "make.py"
    worst = 0.0
    for seed in range(args.seeds):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            subprocess.run([sys.executable, make, root, str(seed)], check=True, capture_output=True)
            names = sorted(path.parent.name for path in root.glob("*/expected.json"))
            for name in names:
                base = name.split("-")[0] if "-" in name else None
                error = compare(args.bench, root, name, base)
                worst = max(worst, error)
                print(f"seed {seed} {name}: {error:.1e}")
    print(f"largest difference {worst:.1e}, allowed {TOLERANCE:.0e}")
    sys.exit(worst > TOLERANCE)


if __name__ == "__main__":
    main()
