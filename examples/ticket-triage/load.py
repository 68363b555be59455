"""Sends texts one by one over a kept connection: the latency a single caller sees."""
import csv
import http.client
import json
import sys
import urllib.parse

url, path, count = urllib.parse.urlparse(sys.argv[1]), sys.argv[2], int(sys.argv[3])
with open(path, newline="", encoding="utf-8") as file:
    texts = [row["text"] for row in csv.DictReader(file)]
step = max(1, len(texts) // count)
connection = http.client.HTTPConnection(url.hostname, url.port)
outcomes = {}
for text in texts[::step][:count]:
    connection.request("POST", "/v1/tasks/ticket-triage/predict", json.dumps({"inputs": [text]}), {"Content-Type": "application/json"})
    response = connection.getresponse()
    body = json.loads(response.read())
    if response.status != 200:
        sys.exit(f"the server answered {response.status}: {body}")
    result = body["results"][0]
    where = result["tier"] if result["outcome"] == "answered" else "human"
    outcomes[where] = outcomes.get(where, 0) + 1
print("  answered by:", ", ".join(f"{tier} {n}" for tier, n in sorted(outcomes.items())))
