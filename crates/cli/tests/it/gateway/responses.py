"""OpenAI's public Python client against a running server: responses, files, batches, moderations.

Usage: responses.py URL. Prints what was seen and fails on the first difference.
"""

import json
import sys
import time

import openai

url = sys.argv[1]
client = openai.OpenAI(base_url=f"{url}/v1", api_key="local", max_retries=0)
tools = [{"type": "function", "name": "weather", "parameters": {"type": "object"}}]


def same(seen, expected):
    if seen != expected:
        sys.exit(f"expected {expected!r}, got {seen!r}")


# Responses.
whole = client.responses.create(model="large", input="hello", instructions="Be kind.")
same((whole.output_text, whole.status, whole.model), ("Hello there", "completed", "large"))
same((whole.usage.input_tokens, whole.usage.output_tokens, whole.usage.total_tokens), (12, 2, 14))
same(client.responses.retrieve(whole.id).to_dict(), whole.to_dict())
items = client.responses.input_items.list(whole.id)
same([it.content[0].text for it in items], ["hello"])

with client.responses.stream(model="large", input="hello") as stream:
    text = "".join(it.delta for it in stream if it.type == "response.output_text.delta")
    final = stream.get_final_response()
same((text, final.output_text), ("Hello there", "Hello there"))
same(client.responses.retrieve(final.id).output_text, "Hello there")
kinds = [it.type for it in client.responses.create(model="large", input="hello", stream=True)]
same((kinds[0], kinds[-1]), ("response.created", "response.completed"))

with client.responses.stream(model="large", input="tools", tools=tools) as stream:
    final = stream.get_final_response()
asked = [(it.call_id, it.name, json.loads(it.arguments)) for it in final.output]
same(asked, [("call_0", "weather", {"city": "Oslo"}), ("call_1", "weather", {"city": "Rome"})])
whole = client.responses.create(model="large", input="tools", tools=tools)
same([(it.call_id, it.name, json.loads(it.arguments)) for it in whole.output], asked)
outputs = [{"type": "function_call_output", "call_id": it[0], "output": "rain"} for it in asked]
# What follows is kept here, or by the client.
same(client.responses.create(model="large", input=outputs, tools=tools, previous_response_id=whole.id).output_text, "Hello there")
items = [{"role": "user", "content": "tools"}, *[it.to_dict() for it in whole.output], *outputs]
same(client.responses.create(model="large", input=items, tools=tools, store=False).output_text, "Hello there")

client.responses.delete(whole.id)
for gone in [
    lambda: client.responses.retrieve(whole.id),
    lambda: client.responses.create(model="large", input="x", previous_response_id=whole.id),
]:
    try:
        gone()
        sys.exit("a deleted response answered")
    except openai.NotFoundError as error:
        same(error.code, "not_found")
try:
    client.responses.create(model="large", input="x", extra_headers={"x-freehold-data-class": "restricted"})
    sys.exit("a restricted request went out")
except openai.PermissionDeniedError as error:
    same(error.code, "egress_denied")

# Files and batches.
lines = [
    {"custom_id": f"r{n}", "method": "POST", "url": "/v1/chat/completions",
     "body": {"model": model, "messages": [{"role": "user", "content": "hello"}]}}
    for n, model in enumerate(["large", "large", "nothing"])
]
content = "\n".join(json.dumps(it) for it in lines).encode()
file = client.files.create(file=("in.jsonl", content), purpose="batch")
same((file.bytes, file.filename, client.files.retrieve(file.id).id), (len(content), "in.jsonl", file.id))
same(client.files.content(file.id).read(), content)
same(file.id in [it.id for it in client.files.list()], True)
batch = client.batches.create(
    input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h", metadata={"k": "v"}
)
for _ in range(600):
    batch = client.batches.retrieve(batch.id)
    if batch.status not in ("validating", "in_progress", "finalizing"):
        break
    time.sleep(0.05)
same((batch.status, batch.metadata), ("completed", {"k": "v"}))
same((batch.request_counts.total, batch.request_counts.completed, batch.request_counts.failed), (3, 2, 1))
answers = [json.loads(it) for it in client.files.content(batch.output_file_id).text.splitlines()]
same(sorted(it["custom_id"] for it in answers), ["r0", "r1"])
same({it["response"]["body"]["choices"][0]["message"]["content"] for it in answers}, {"Hello there"})
errors = [json.loads(it) for it in client.files.content(batch.error_file_id).text.splitlines()]
same([(it["custom_id"], it["response"]["status_code"]) for it in errors], [("r2", 404)])
same([it.id for it in client.batches.list()], [batch.id])
try:
    client.batches.cancel(batch.id)
    sys.exit("a batch that ended was cancelled")
except openai.BadRequestError:
    pass
same(client.files.delete(file.id).deleted, True)
same(file.id in [it.id for it in client.files.list()], False)

# Moderations, by the model that the operator named.
judged = client.moderations.create(model="omni-moderation-latest", input=["hello", "hate"])
same([it.flagged for it in judged.results], [False, True])
same((judged.results[1].categories.hate, judged.results[1].category_scores.hate), (True, 0.75))
print("all clients are served")
