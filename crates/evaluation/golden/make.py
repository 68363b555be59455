"""Writes metrics.json: values of scikit-learn, scipy and statsmodels for the tests of this crate.

    pip install scikit-learn scipy statsmodels
    python make.py > metrics.json
"""

import json

import numpy as np
import scipy
import sklearn
import statsmodels
from scipy.stats import beta
from sklearn import metrics as m
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

rng = np.random.default_rng(20261120)


def softmax(logits):
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def single():
    n, strangers, classes = 160, 40, 5
    gold = rng.choice(classes, n, p=[0.4, 0.3, 0.2, 0.08, 0.02])
    logits = rng.normal(size=(n + strangers, classes))
    logits[np.arange(n), gold] += 1.5
    probabilities = np.round(softmax(logits), 4)
    probabilities[:, -1] = np.round(1 - probabilities[:, :-1].sum(axis=1), 4)
    inside, confidence = probabilities[:n], probabilities.max(axis=1)
    predicted = inside.argmax(axis=1)
    outside = np.r_[np.zeros(n), np.ones(strangers)]
    false_rate, true_rate, _ = m.roc_curve(1 - outside, np.round(confidence, 6))
    # Rounding keeps ties apart from noise in the last bit.
    strange = np.round(1 - confidence, 6)
    p, r, f, s = m.precision_recall_fscore_support(
        gold, predicted, labels=range(classes), zero_division=0
    )
    onehot = np.eye(classes)[gold]
    return {
        "probabilities": probabilities.tolist(),
        "gold": gold.tolist(),
        "expected": {
            "accuracy": m.accuracy_score(gold, predicted),
            "macro_f1": m.f1_score(gold, predicted, average="macro"),
            "micro_f1": m.f1_score(gold, predicted, average="micro"),
            "weighted_f1": m.f1_score(gold, predicted, average="weighted"),
            "matthews": m.matthews_corrcoef(gold, predicted),
            "log_loss": m.log_loss(gold, inside, labels=range(classes)),
            "brier": ((inside - onehot) ** 2).sum(axis=1).mean(),
            "auroc": m.roc_auc_score(outside, strange),
            "fpr95": false_rate[np.argmax(true_rate >= 0.95)],
        },
        "precision": p.tolist(),
        "recall": r.tolist(),
        "f1": f.tolist(),
        "support": s.tolist(),
        "confusion": m.confusion_matrix(gold, predicted, labels=range(classes)).tolist(),
    }


def multi():
    n, classes = 120, 4
    gold = (rng.random((n, classes)) < [0.5, 0.3, 0.2, 0.05]).astype(int)
    logits = rng.normal(size=(n, classes)) * 1.5 + 2 * (gold - 0.5)
    probabilities = np.round(1 / (1 + np.exp(-logits)), 4)
    predicted = (probabilities >= 0.5).astype(int)
    p, r, f, s = m.precision_recall_fscore_support(gold, predicted, zero_division=0)
    clipped = np.clip(probabilities, np.finfo(float).eps, 1 - np.finfo(float).eps)
    surprise = -(gold * np.log(clipped) + (1 - gold) * np.log(1 - clipped))
    return {
        "probabilities": probabilities.tolist(),
        "gold": [np.flatnonzero(row).tolist() for row in gold],
        "expected": {
            "accuracy": m.accuracy_score(gold, predicted),
            "macro_f1": m.f1_score(gold, predicted, average="macro", zero_division=0),
            "micro_f1": m.f1_score(gold, predicted, average="micro", zero_division=0),
            "weighted_f1": m.f1_score(gold, predicted, average="weighted", zero_division=0),
            "hamming_loss": m.hamming_loss(gold, predicted),
            "log_loss": surprise.mean(),
            "brier": ((probabilities - gold) ** 2).mean(),
        },
        "precision": p.tolist(),
        "recall": r.tolist(),
        "f1": f.tolist(),
        "support": s.tolist(),
    }


def intervals():
    cases = [(0, 10), (1, 2), (3, 7), (90, 100), (2876, 3080), (30000, 100000), (99999, 100000)]
    rows = []
    for level in (0.9, 0.95, 0.99):
        for k, n in cases:
            rows.append(
                {
                    "level": level,
                    "successes": k,
                    "n": n,
                    "wilson": proportion_confint(k, n, 1 - level, "wilson"),
                    "clopper_pearson": proportion_confint(k, n, 1 - level, "beta"),
                    "upper": beta.ppf(level, k + 1, n - k),
                    "lower": beta.ppf(1 - level, k, n - k + 1) if k else 0.0,
                }
            )
    return rows


def tests():
    rows = []
    for b, c in [(5, 0), (1, 1), (12, 5), (121, 59), (400, 380), (3, 9)]:
        table = [[50, b], [c, 10]]
        rows.append(
            {
                "only_candidate": b,
                "only_baseline": c,
                "exact_p": mcnemar(table, exact=True).pvalue,
                "corrected": mcnemar(table, exact=False, correction=True).statistic,
                "corrected_p": mcnemar(table, exact=False, correction=True).pvalue,
            }
        )
    return rows


p_values = np.round(rng.random(12) ** 2, 4)
print(
    json.dumps(
        {
            "made_with": {
                "scikit-learn": sklearn.__version__,
                "scipy": scipy.__version__,
                "statsmodels": statsmodels.__version__,
            },
            "single": single(),
            "multi": multi(),
            "intervals": intervals(),
            "mcnemar": tests(),
            "adjust": {
                "p": p_values.tolist(),
                "holm": multipletests(p_values, method="holm")[1].tolist(),
                "bh": multipletests(p_values, method="fdr_bh")[1].tolist(),
            },
        }
    )
)
