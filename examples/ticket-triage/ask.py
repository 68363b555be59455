"""What an application does: the OpenAI client with another base URL, nothing else changed."""
import json
import sys

from openai import OpenAI

client = OpenAI(base_url=sys.argv[1] + "/v1", api_key="not-needed-on-loopback")
print("models:", ", ".join(model.id for model in client.models.list()))
for text in sys.argv[2:]:
    reply = client.chat.completions.create(model="ticket-triage", messages=[{"role": "user", "content": text}])
    answer = json.loads(reply.choices[0].message.content)
    extra = (reply.model_extra or {}).get("freehold", {})
    print(f"  {text[:58]!r:62} -> {answer['label']} ({answer['confidence']:.2f}), tier {extra.get('tier')}, trace {extra.get('trace_id')}")
