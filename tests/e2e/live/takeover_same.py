"""What an instance says before and after a takeover, for live-takeover-hard.sh:
takeover_same.py KIND BEFORE AFTER     files of `preyctl flows --json` or `servers --json`: prints what differs, then the number of entries

Times may differ by two seconds, for each question reads the clock anew; how long something has lasted, rates and what checks count are left out, for they go on."""
import datetime
import json
import sys

LASTS = {"age_ms", "idle_ms", "lasted_ns", "process", "latency_us", "probes_good", "probes_bad", "packets", "bytes", "packets_per_s", "bytes_per_s"}
SECONDS = 2


def read(path):
    with open(path) as f:
        text = f.read()
    try:
        whole = json.loads(text)
    except ValueError:
        whole = [json.loads(line) for line in text.splitlines() if line.strip()]
    if isinstance(whole, dict):
        whole = next((v for v in whole.values() if isinstance(v, list)), [whole])
    return [s | {"pool": one.get("name")} for one in whole for s in one["servers"]] if whole and "servers" in whole[0] else whole


def time_of(text):
    try:
        return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    except (ValueError, AttributeError):
        return None


def differs(a, b, at=""):
    """Yield the places where both say other things. A flow that has gone on since may be in another state."""
    if isinstance(a, dict) and isinstance(b, dict):
        was, now = time_of(a.get("last")), time_of(b.get("last"))
        if was and now and (now - was).total_seconds() > SECONDS:
            a, b = a | {"last": 0, "state": 0}, b | {"last": 0, "state": 0}
        for key in sorted((set(a) | set(b)) - LASTS):
            yield from differs(a.get(key), b.get(key), f"{at}.{key}")
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for i, (x, y) in enumerate(zip(a, b)):
            yield from differs(x, y, f"{at}[{i}]")
    elif a != b:
        was, now = time_of(a), time_of(b)
        if not (was and now and abs((was - now).total_seconds()) <= SECONDS):
            yield f"{at}: {a} and {b}"


def key(kind, one):
    names = ("protocol", "opener", "other", "id") if kind == "flows" else ("pool", "server", "name")
    return json.dumps([one.get(n) for n in names], sort_keys=True)


kind, before, after = sys.argv[1], *(sorted(read(p), key=lambda one: key(sys.argv[1], one)) for p in sys.argv[2:])
for line in differs(before, after):
    print(line)
print(len(before))
