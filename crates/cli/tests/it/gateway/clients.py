"""The public Python clients of OpenAI and Anthropic against a running server.

Usage: clients.py URL. Prints what was seen and fails on the first difference.
"""

import sys

import anthropic
import openai

url = sys.argv[1]
tools = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]


def same(seen, expected):
    if seen != expected:
        sys.exit(f"expected {expected!r}, got {seen!r}")


def say(text):
    return [{"role": "user", "content": text}]


client = openai.OpenAI(base_url=f"{url}/v1", api_key="local", max_retries=0)
whole = client.chat.completions.create(model="large", messages=say("hello"))
same((whole.choices[0].message.content, whole.choices[0].finish_reason), ("Hello there", "stop"))
same((whole.usage.prompt_tokens, whole.usage.completion_tokens), (12, 2))

chunks = list(
    client.chat.completions.create(
        model="large", messages=say("hello"), stream=True, stream_options={"include_usage": True}
    )
)
same("".join(it.choices[0].delta.content or "" for it in chunks if it.choices), "Hello there")
same(chunks[-1].usage.total_tokens, 14)
# Without usage every chunk has a choice, as clients expect.
chunks = list(client.chat.completions.create(model="large", messages=say("hello"), stream=True))
same(all(it.choices for it in chunks), True)

with client.chat.completions.stream(model="large", messages=say("tools"), tools=tools) as stream:
    stream.until_done()
    final = stream.get_final_completion()
asked = [(it.id, it.function.name, it.function.arguments) for it in final.choices[0].message.tool_calls]
whole = client.chat.completions.create(model="large", messages=say("tools"), tools=tools)
same([(it.id, it.function.name, it.function.arguments) for it in whole.choices[0].message.tool_calls], asked)
same([it[0] for it in asked], ["call_0", "call_1"])
messages = say("tools") + [whole.choices[0].message.model_dump()]
messages += [{"role": "tool", "tool_call_id": it[0], "content": "rain"} for it in asked]
same(client.chat.completions.create(model="large", messages=messages, tools=tools).model, "large")

same(client.embeddings.create(model="large", input="hello").data[0].embedding, [0.25, -1.5])
same(client.completions.create(model="large", prompt="hello").choices[0].text, "Hello there")
same("large" in [it.id for it in client.models.list()], True)
try:
    client.chat.completions.create(
        model="large", messages=say("hello"), extra_headers={"x-freehold-data-class": "restricted"}
    )
    sys.exit("a restricted request went out")
except openai.PermissionDeniedError as error:
    same(error.code, "egress_denied")

claude = anthropic.Anthropic(base_url=url, api_key="local", max_retries=0)
whole = claude.messages.create(model="large", max_tokens=99, messages=say("hello"))
same((whole.content[0].text, whole.stop_reason), ("Hello there", "end_turn"))
same((whole.usage.input_tokens, whole.usage.output_tokens), (12, 2))
with claude.messages.stream(model="large", max_tokens=99, messages=say("hello")) as stream:
    same("".join(stream.text_stream), "Hello there")
    same(stream.get_final_message().usage.output_tokens, 2)
tools = [{"name": "weather", "input_schema": {"type": "object"}}]
with claude.messages.stream(model="large", max_tokens=99, messages=say("tools"), tools=tools) as stream:
    final = stream.get_final_message()
same([(it.type, it.name, it.input) for it in final.content], [("tool_use", "weather", {"city": c}) for c in ("Oslo", "Rome")])
same(final.stop_reason, "tool_use")
messages = say("tools") + [
    {"role": "assistant", "content": final.content},
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": it.id, "content": "rain"} for it in final.content]},
]
same(claude.messages.create(model="large", max_tokens=99, messages=messages, tools=tools).role, "assistant")
same(claude.messages.count_tokens(model="large", messages=say("12345678")).input_tokens, 2)
try:
    claude.messages.create(
        model="large", max_tokens=99, messages=say("hello"), extra_headers={"x-freehold-data-class": "restricted"}
    )
    sys.exit("a restricted request went out")
except anthropic.PermissionDeniedError as error:
    same(error.body["error"]["code"], "egress_denied")
try:
    claude.messages.create(model="nothing", max_tokens=99, messages=say("hello"))
    sys.exit("a model that does not exist answered")
except anthropic.NotFoundError:
    pass
print("all clients are served")
