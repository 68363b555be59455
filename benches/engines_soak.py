"""Sends whole and streamed requests and checks every answer word by word.

    engines_soak.py URL MODEL REQUESTS CONCURRENCY whole|streamed

Prints how many were answered, with Wilson's interval, and what went wrong with the others.
"""

import asyncio
import collections
import json
import math
import sys
import time

URL, MODEL, REQUESTS, CONCURRENCY, FORM = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
HOST, PORT = URL.removeprefix("http://").split(":")
ANSWER = "One answer of twelve tokens that is the same wherever it comes from."


async def ask(number):
    body = {"model": MODEL, "messages": [{"role": "user", "content": f"question {number}"}], "stream": FORM == "streamed"}
    data = json.dumps(body).encode()
    reader, writer = await asyncio.open_connection(HOST, PORT)
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: {HOST}\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {len(data)}\r\n\r\n"
    writer.write(head.encode() + data)
    raw = await reader.read()
    writer.close()
    head, _, rest = raw.partition(b"\r\n\r\n")
    status = int(head.split(b" ", 2)[1])
    if b"transfer-encoding: chunked" in head.lower():
        text = b""
        while rest:
            size, _, rest = rest.partition(b"\r\n")
            if int(size, 16) == 0:
                break
            text, rest = text + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
        rest = text
    if status != 200:
        return f"{status} {json.loads(rest)['error']['code']}"
    if FORM == "whole":
        said = json.loads(rest)["choices"][0]["message"]["content"]
        return "answered" if said == ANSWER else f"wrong: {said}"
    events = [it.removeprefix("data: ") for it in rest.decode().split("\n\n") if it.startswith("data: ")]
    pieces = [json.loads(it) for it in events if it != "[DONE]"]
    said = "".join(it["choices"][0]["delta"].get("content") or "" for it in pieces if it.get("choices"))
    broken = [it["error"]["code"] for it in pieces if "error" in it]
    if broken:
        return f"broken after {len(said)} characters: {broken[0]}"
    return "answered" if said == ANSWER and events[-1] == "[DONE]" else f"wrong: {said}"


def wilson(hits, n, z=1.959964):
    p, z2 = hits / n, z * z
    middle, half = p + z2 / (2 * n), z * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    return (middle - half) / (1 + z2 / n), (middle + half) / (1 + z2 / n)


async def main():
    numbers, outcomes = iter(range(REQUESTS)), collections.Counter()

    async def worker():
        for number in numbers:
            try:
                outcomes[await ask(number)] += 1
            except Exception as error:  # counted as a failure, whatever it is
                outcomes[f"client: {error!r}"] += 1

    begun = time.monotonic()
    await asyncio.gather(*(worker() for _ in range(CONCURRENCY)))
    hits = outcomes.pop("answered", 0)
    low, high = wilson(hits, REQUESTS)
    print(json.dumps({"form": FORM, "requests": REQUESTS, "answered": hits, "share": hits / REQUESTS, "wilson95": [low, high],
                      "seconds": round(time.monotonic() - begun, 1), "others": dict(outcomes)}))


asyncio.run(main())
