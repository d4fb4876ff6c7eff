"""Reasons and rules of a live run (prey.out) are the sum of those of two replays (native.json, generic.json)."""
import json
live, a, b = (json.load(open(n)) for n in ("prey.out", "native.json", "generic.json"))
wrong = []
for name in {*live["reasons"], *a["reasons"], *b["reasons"]}:
    n = [j["reasons"].get(name, {"packets": 0})["packets"] for j in (live, a, b)]
    if n[0] != n[1] + n[2]:
        wrong.append((name, *n))
for l, x, y in zip(live["rules"], a["rules"], b["rules"]):
    if l["packets"] != x["packets"] + y["packets"]:
        wrong.append((l["rule"], l["packets"], x["packets"], y["packets"]))
print(wrong or "equal")
