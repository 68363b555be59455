"""The public peer of the trace log: SQLite with the same promise (synchronous=FULL, so an
acknowledged row is on the disk), the same rows and the same questions. One connection per
appender in WAL mode, which is SQLite at its best; every append is its own transaction.

Usage: peer_sqlite.py <folder> [<traces to query>]      Prints one JSON object.
"""

import json, os, random, sqlite3, statistics, sys, tempfile, threading, time

SECONDS = 3.0
COLUMNS = "id, at, task, caller, endpoint, input, outcome, labels, confidence, tier, certificate, latency_us, tiers"
WORDS = ["card", "refund", "late", "the", "transfer", "why", "is", "my"]
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
QUESTIONS = {
    "count": "SELECT count(*) FROM traces",
    "by_tier": "SELECT task, tier, count(*), avg(confidence) FROM traces GROUP BY task, tier",
    "max_latency_of_a_task": "SELECT max(latency_us) FROM traces WHERE task = 'mail'",
    "text_search": "SELECT count(*) FROM traces WHERE input LIKE '%refund 77%'",
}


def row(rng, at):
    labels = json.dumps([rng.choice(["refund", "card lost", "top up"])])
    tier = "small" if rng.random() < 0.25 else "micro"
    text = " ".join(rng.choice(WORDS) for _ in range(20)) + f" refund {rng.randrange(1000)}"
    tiers = json.dumps([{
        "tier": tier, "version": "sha256:" + "0" * 64, "labels": labels, "confidence": rng.random(),
        "ood_score": rng.random(), "kept": True, "reason": None, "latency_us": 40, "tokens": 24}])
    return ("".join(rng.choices(ALPHABET, k=26)), at, rng.choice(["mail", "tickets"]), "crm",
            "tasks.predict", text, "answered", labels, rng.random(), tier, "0f3a",
            50 + rng.randrange(5000), tiers)


def connect(path):
    connection = sqlite3.connect(path, timeout=60, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    return connection


def create(path):
    connection = connect(path)
    connection.execute(f"CREATE TABLE traces ({COLUMNS}, PRIMARY KEY (id))")
    return connection


INSERT = f"INSERT INTO traces VALUES ({','.join('?' * 13)})"


def acknowledged_per_second(folder, appenders):
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        path = os.path.join(scratch, "traces.db")
        create(path).close()
        counts = [0] * appenders
        begun = time.monotonic()

        def append(place):
            connection, rng = connect(path), random.Random(place)
            rows = [row(rng, at) for at in range(200)]
            while time.monotonic() - begun < SECONDS:
                fresh = ("".join(rng.choices(ALPHABET, k=26)),) + rows[counts[place] % 200][1:]
                connection.execute(INSERT, fresh)
                counts[place] += 1
            connection.close()

        threads = [threading.Thread(target=append, args=(place,)) for place in range(appenders)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        return sum(counts) / (time.monotonic() - begun)


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else tempfile.gettempdir()
    queried = int(sys.argv[2]) if len(sys.argv) > 2 else 200_000
    result = {"sqlite": sqlite3.sqlite_version}
    for appenders in (1, 16, 256):
        result[f"appenders_{appenders}_per_s"] = round(acknowledged_per_second(folder, appenders))
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        path = os.path.join(scratch, "traces.db")
        connection, rng = create(path), random.Random(99)
        connection.execute("BEGIN")
        connection.executemany(INSERT, (row(rng, at) for at in range(queried)))
        connection.execute("COMMIT")
        connection.close()
        result["queried_traces"] = queried
        result["megabytes"] = round(sum(
            os.path.getsize(os.path.join(scratch, name)) for name in os.listdir(scratch)) / 1e6, 1)
        for name, question in QUESTIONS.items():
            times = []
            for _ in range(7):
                begun = time.perf_counter()
                connection = sqlite3.connect(path)
                connection.execute(question).fetchall()
                connection.close()
                times.append((time.perf_counter() - begun) * 1e3)
            result[f"{name}_ms"] = round(statistics.median(times), 2)
    print(json.dumps(result))


main()
