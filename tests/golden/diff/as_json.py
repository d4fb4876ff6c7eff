"""What --diff tells as JSON is what it tells as text: JSON TEXT STATUS."""
import json, re, sys
d = json.load(open(sys.argv[1]))
text = open(sys.argv[2]).read()
assert set(d) == {"regions", "reaches", "meters", "bounds", "routes", "undecided", "complete", "widened"}, d.keys()
for r in d["regions"]:
    assert set(r) == {"kind", "certain", "size", "packets", "was", "now", "example"}, r.keys()
    for side in r["was"], r["now"]:
        assert set(side) == {"verdict", "rule", "firewall", "file", "line"}, side.keys()
for r in d["reaches"]:
    assert set(r) == {"kind", "what", "name", "to", "more", "servers", "example"}, r.keys()
for m in d["meters"] + d["bounds"]:
    assert set(m) == {"kind", "name", "was", "now"}, m.keys()
for r in d["routes"]:
    assert set(r) == {"what", "name", "was", "old", "now", "new"}, r.keys()
    for whole, statements in (r["was"], r["old"]), (r["now"], r["new"]):
        assert whole == (None if statements is None else "; ".join(statements)), r
    assert r["was"] != r["now"], r
told = d["regions"] + d["reaches"] + d["meters"] + d["bounds"]
assert d["widened"] == (int(sys.argv[3]) == 1) == any(r["kind"] == "widened" for r in told)
assert d["complete"] and not d["undecided"]
shown = re.findall(r"^(widened|narrowed|changed|may \w+) ", text, re.M)
told += [r for r in d["routes"] if r["was"] and r["now"]]
assert len(shown) == len(told), (shown, len(told))
sizes = [r["size"] for r in d["regions"]]
assert sizes == sorted(sizes, reverse=True), sizes
