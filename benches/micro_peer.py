"""scikit-learn's linear models on n-grams and fastText, for the comparison in micro.sh and certificates.sh.

    python micro_peer.py texts BANKING77_FOLDER OUT_FOLDER EVERY      # train.json and test.json
    python micro_peer.py pool BANKING77_FOLDER OUT_FOLDER EVERY       # a small train.json, and the rest
    python micro_peer.py tfidf|hashing|fasttext TRAIN.json TEST.json  # one line of figures
"""
import csv
import json
import os
import pickle
import random
import re
import sys
import tempfile
import time


def rows(folder, split):
    with open(f"{folder}/{split}.csv", newline="", encoding="utf-8") as file:
        return [(row["text"], row["category"]) for row in csv.DictReader(file)]


def write(path, some, names):
    with open(path, "w", encoding="utf-8") as file:
        json.dump([[text, names[label]] for text, label in some], file)


def prepare(what, folder, out, every):
    train, test = rows(folder, "train"), rows(folder, "test")
    names = {label: number for number, label in enumerate(sorted({label for _, label in train}))}
    if what == "pool":
        # Models learn from the first part; all the rest is held out, and certificates judged on it.
        random.Random(7).shuffle(train)
        cut = len(train) // 4
        train, test = train[:cut], train[cut:] + test
    write(f"{out}/train.json", train[::every], names)
    write(f"{out}/test.json", test[::every], names)


def vectoriser(kind):
    from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer
    from sklearn.pipeline import FeatureUnion

    if kind == "tfidf":
        words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
        letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True)
    else:
        words = HashingVectorizer(ngram_range=(1, 2), n_features=2**16)
        letters = HashingVectorizer(analyzer="char_wb", ngram_range=(2, 4), n_features=2**16)
    return FeatureUnion([("words", words), ("letters", letters)])


def scikit(kind, texts, labels):
    """Trains; returns a function from texts to labels, and one that gives the model's bytes."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    model = make_pipeline(vectoriser(kind), LogisticRegression(C=10, max_iter=200))
    model.fit(texts, labels)
    return model.predict, lambda: len(pickle.dumps(model))


def fasttext(texts, labels):
    import fasttext

    plain = lambda text: " ".join(re.findall(r"\w+|[^\w\s]", text.lower()))
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
        file.writelines(f"__label__{label} {plain(text)}\n" for text, label in zip(texts, labels))
        file.flush()
        # As its tutorial advises for short texts: more epochs, a higher rate, word and letter n-grams.
        model = fasttext.train_supervised(file.name, epoch=50, lr=0.5, wordNgrams=2, minn=2, maxn=4,
                                          bucket=200_000, thread=1, verbose=0)

    def predict(some):
        return [int(best[0].removeprefix("__label__")) for best in model.predict([plain(text) for text in some])[0]]

    def size():
        with tempfile.NamedTemporaryFile() as file:
            model.save_model(file.name)
            return os.path.getsize(file.name)

    return predict, size


def measure(kind, train, test):
    read = lambda path: zip(*json.load(open(path, encoding="utf-8")))
    (texts, labels), (asked, truth) = read(train), read(test)
    # What a library takes to be loaded is no part of its training.
    __import__("fasttext" if kind == "fasttext" else "sklearn.pipeline")
    wall, cpu = time.perf_counter(), time.process_time()
    predict, size = fasttext(texts, labels) if kind == "fasttext" else scikit(kind, texts, labels)
    train_s, train_cpu_s = time.perf_counter() - wall, time.process_time() - cpu
    passes = max(1, 10_000 // len(asked))
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(passes):
        said = [label for at in range(0, len(asked), 512) for label in predict(asked[at : at + 512])]
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    count = passes * len(asked)
    print(json.dumps({
        "train_s": train_s, "train_cpu_s": train_cpu_s, "bytes": size(),
        "texts_per_s": count / wall, "texts_per_cpu_s": count / cpu,
        "right": sum(int(a == b) for a, b in zip(said, truth)), "n": len(truth),
    }))


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if sys.argv[1] in ("texts", "pool"):
        prepare(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
    else:
        measure(*sys.argv[1:4])
