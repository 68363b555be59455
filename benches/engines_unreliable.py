"""A model server that fails, stalls and truncates, and keeps the bill of everything it did.

Speaks vLLM's dialect of OpenAI's chat completions: usage with every piece of a stream if asked for
(`continuous_usage_stats`), and going on with an answer (`continue_final_message`). Only the standard
library. Prints its port, then serves until it is stopped; GET /bill gives what it did.

    unreliable.py SEED FAIL STALL TRUNCATE [PIECE_MS]
"""

import asyncio
import json
import random
import sys

SEED, FAIL, STALL, TRUNCATE = int(sys.argv[1]), *map(float, sys.argv[2:5])
PIECE_SECONDS = float(sys.argv[5]) / 1000 if len(sys.argv) > 5 else 0.0
ANSWER = "One answer of twelve tokens that is the same wherever it comes from.".split(" ")
PROMPT_TOKENS = 20
chance = random.Random(SEED)
bill = {"calls": 0, "failed": 0, "stalled": 0, "truncated": 0, "answered": 0, "left": 0,
        "input_tokens": 0, "output_tokens": 0}


def word(place):
    return ANSWER[place] if place == 0 else " " + ANSWER[place]


def estimated(body):
    """A token per four bytes: what a client must assume of which it was told nothing."""
    texts = [it["content"] for it in body["messages"] if isinstance(it["content"], str)]
    return -(-sum(len(it.encode()) for it in texts) // 4)


def charge(input_tokens, output_tokens):
    bill["input_tokens"] += input_tokens
    bill["output_tokens"] += output_tokens


def usage(prompt, done):
    return {"prompt_tokens": prompt, "completion_tokens": done, "total_tokens": prompt + done}


async def stall(reader):
    """Says nothing more until the client gives up."""
    await reader.read()


async def send(writer, text):
    data = text.encode()
    writer.write(b"%x\r\n%s\r\n" % (len(data), data))
    await writer.drain()


async def stream(reader, writer, body, fate):
    last = body["messages"][-1]
    done = 0
    prompt = PROMPT_TOKENS
    if last["role"] == "assistant":
        assert body["continue_final_message"] is True
        text = last["content"] if isinstance(last["content"], str) else last["content"][0]["text"]
        said = text.split(" ")
        assert said == ANSWER[: len(said)], said
        done = len(said)
        prompt += done
    begin, breaks = done, done + chance.randint(0, max(0, len(ANSWER) - 1 - done))
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
    head = {"id": "c", "object": "chat.completion.chunk", "model": "m"}

    def piece(delta, finish=None):
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        chunk = dict(head, choices=[choice], usage=usage(prompt, done - begin))
        return f"data: {json.dumps(chunk)}\n\n"

    try:
        await send(writer, piece({"role": "assistant", "content": ""}))
        while done < len(ANSWER):
            if fate != "answered" and done == breaks:
                bill[fate] += 1
                if fate == "stalled":
                    await stall(reader)
                writer.transport.abort()
                return False
            if PIECE_SECONDS:
                await asyncio.sleep(PIECE_SECONDS)
            text = word(done)
            done += 1
            await send(writer, piece({"content": text}))
        final = dict(head, choices=[], usage=usage(prompt, done - begin))
        text = piece({}, "stop") + f"data: {json.dumps(final)}\n\ndata: [DONE]\n\n"
        await send(writer, text)
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        bill["answered"] += 1
        return True
    except (ConnectionError, asyncio.IncompleteReadError):
        bill["left"] += 1
        return False
    finally:
        charge(prompt, done - begin)


async def whole(reader, writer, body, fate):
    if fate == "answered":
        charge(PROMPT_TOKENS, len(ANSWER))
    else:
        charge(estimated(body), 0)
    bill[fate] += 1
    if fate == "stalled":
        await stall(reader)
        return False
    message = {"role": "assistant", "content": " ".join(ANSWER)}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    answer = {"id": "c", "model": "m", "choices": [choice], "usage": usage(PROMPT_TOKENS, len(ANSWER))}
    data = json.dumps(answer).encode()
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(data))
    writer.write(data if fate == "answered" else data[: len(data) // 2])
    await writer.drain()
    if fate != "answered":
        writer.transport.close()
    return fate == "answered"


def reply(writer, status, value):
    data = json.dumps(value).encode()
    writer.write(b"HTTP/1.1 %d X\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (status, len(data), data))


async def serve(reader, writer):
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            path = head.split(" ")[1]
            length = next((int(it.split(":")[1]) for it in head.split("\r\n") if it.startswith("content-length:")), 0)
            body = await reader.readexactly(length)
            if path != "/v1/chat/completions":
                known = {"/bill": bill, "/health": {}, "/version": {"version": "0.33.0"},
                         "/v1/models": {"data": [{"id": "m", "max_model_len": 4096}]}}
                reply(writer, 200 if path in known else 404, known.get(path, {}))
                await writer.drain()
                continue
            body = json.loads(body)
            bill["calls"] += 1
            draw = chance.random()
            if draw < FAIL:
                bill["failed"] += 1
                reply(writer, 500, {"error": {"message": "out of order"}})
                await writer.drain()
                continue
            draw -= FAIL
            fate = "stalled" if draw < STALL else "truncated" if draw < STALL + TRUNCATE else "answered"
            go_on = await (stream if body.get("stream") else whole)(reader, writer, body, fate)
            if not go_on:
                return
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1 << 20, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
