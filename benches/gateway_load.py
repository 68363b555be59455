"""Loads gateways one after the other with wrk and prints what each took and added."""
import http.client
import json
import os
import re
import statistics
import subprocess
import sys
import time

from table import median

work, seconds, count, key = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
sides = {}
for argument in sys.argv[5:]:
    name, rest = argument.split("=")
    port, process = rest.split(":")
    sides[name] = (int(port), int(process))
hertz = os.sysconf("SC_CLK_TCK")
CONNECTIONS = [1, 8, 64]


def family(process):
    """A process with all that it started."""
    found, rest = [], [process]
    while rest:
        one = rest.pop()
        found.append(one)
        children = f"/proc/{one}/task"
        for task in os.listdir(children):
            with open(f"{children}/{task}/children", encoding="ascii") as file:
                rest.extend(int(it) for it in file.read().split())
    return found


def ticks(process):
    """Processor time so far, user and system."""
    total = 0
    for one in family(process):
        with open(f"/proc/{one}/stat", encoding="utf-8") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total


def resident(process):
    """Resident memory in MB."""
    total = 0
    for one in family(process):
        with open(f"/proc/{one}/status", encoding="utf-8") as file:
            total += sum(int(line.split()[1]) for line in file if line.startswith("VmRSS"))
    return total / 1024


def ms(text):
    """wrk's times."""
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text).groups()
    return float(number) * {"us": 1e-3, "ms": 1, "s": 1e3, "m": 6e4}[unit]


def load(name, connections):
    """One run of wrk."""
    port, process = sides[name]
    before = ticks(process) if process else 0
    url = f"http://127.0.0.1:{port}/v1/chat/completions"
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "--latency", "-s", f"{work}/post.lua", url]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    spent = (ticks(process) - before) / hertz if process else 0.0
    total = int(re.search(r"(\d+) requests in", text)[1])
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    if bad or total == 0:
        sys.exit(f"{name} answered with errors: {text}")
    return {
        "rate": float(re.search(r"Requests/sec:\s+(\S+)", text)[1]),
        "p50": ms(re.search(r"50%\s+(\S+)", text)[1]),
        "p99": ms(re.search(r"99%\s+(\S+)", text)[1]),
        "cpu": 1e3 * spent / total,
    }


def first_token(name, tries):
    """Milliseconds to the first piece of content of streamed answers, one request at a time.

    None at all from a peer that does not stream here; the table says so.
    """
    port, _ = sides[name]
    body = json.dumps({"model": "still", "stream": True, "messages": [{"role": "user", "content": "What is the same?"}]})
    headers = {
        "Content-Type": "application/json",
        "Authorization": f"Bearer {key}",
        "x-portkey-provider": "openai",
        "x-portkey-custom-host": f"http://127.0.0.1:{sides['direct'][0]}/v1",
    }
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    times = []
    for _ in range(tries):
        begun = time.perf_counter()
        connection.request("POST", "/v1/chat/completions", body, headers)
        answer = connection.getresponse()
        while b"word by word" not in (line := answer.readline()):
            if not line:
                print(f"{name} streamed nothing (status {answer.status})", file=sys.stderr)
                return []
        times.append(1e3 * (time.perf_counter() - begun))
        answer.read()
    return times


results = {name: {it: [] for it in CONNECTIONS} for name in sides}
firsts = {name: [] for name in sides}
memory = {}
for name in sides:
    load(name, 8)
for _ in range(count):
    for name in sides:
        for connections in CONNECTIONS:
            results[name][connections].append(load(name, connections))
        tries = first_token(name, 200 if seconds > 2 else 20)
        if tries:
            firsts[name].append(statistics.median(tries))
        memory[name] = resident(sides[name][1]) if sides[name][1] else 0.0


def values(name, connections, field):
    return [it[field] for it in results[name][connections]]


print("| | connections | CPU ms per request | × floor | p50 ms | p99 ms | added p50 ms | requests/s |")
print("|---|---|---|---|---|---|---|---|")
for name in sides:
    for connections in CONNECTIONS:
        cpu, p50 = values(name, connections, "cpu"), values(name, connections, "p50")
        floor = statistics.median(values("floor", connections, "cpu"))
        added = statistics.median(p50) - statistics.median(values("direct", connections, "p50"))
        own = "" if name == "direct" else median(cpu, "{:.3f}")
        times = "" if name == "direct" else f"{statistics.median(cpu) / floor:.2f}"
        print(
            f"| {name} | {connections} | {own} | {times} | {median(p50, '{:.2f}')} | {median(values(name, connections, 'p99'), '{:.2f}')} "
            f"| {'' if name == 'direct' else f'{added:.2f}'} | {median(values(name, connections, 'rate'), '{:,.0f}')} |"
        )
print()
print("| | time to the first token of a stream, p50 ms | added ms | resident memory after the load, MB |")
print("|---|---|---|---|")
for name in sides:
    first, added = "an error instead of a stream", ""
    if firsts[name]:
        first = median(firsts[name], "{:.2f}")
        added = f"{statistics.median(firsts[name]) - statistics.median(firsts['direct']):.2f}"
    own = "" if name == "direct" else f"{memory[name]:.0f}"
    print(f"| {name} | {first} | {'' if name == 'direct' else added} | {own} |")
