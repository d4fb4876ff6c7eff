"""Facts of a statistics page, for live-page.sh.
page_says.py PAGE JSON: prints a line NAME VALUE for each fact; NAME in words, VALUE `True`, or why not.
It compares what the page says with the document of the same moment, and the page with itself."""
import html.parser
import json
import re
import sys

VOID = {"meta", "link", "br", "img", "input", "meter", "line", "rect"}


APART = {"td", "th", "tr", "li", "p", "h1", "h2", "h3", "div", "section", "header", "nav", "figure", "figcaption"}


class Node:
    def __init__(self, tag, attrs, parent):
        self.tag, self.attrs, self.parent, self.children = tag, dict(attrs), parent, []

    def text(self):
        """With a space behind what a browser for text puts on a line or in a cell of its own."""
        return "".join(c if isinstance(c, str) else c.text() for c in self.children) + " " * (self.tag in APART)

    def all(self, tag=None, **attrs):
        for c in self.children:
            if isinstance(c, str):
                continue
            if (tag is None or c.tag == tag) and all(c.attrs.get(k.rstrip("_")) == v for k, v in attrs.items()):
                yield c
            yield from c.all(tag, **attrs)

    def one(self, tag=None, **attrs):
        return next(self.all(tag, **attrs), None)


class Tree(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.root = self.at = Node("", [], None)

    def handle_starttag(self, tag, attrs):
        node = Node(tag, attrs, self.at)
        self.at.children.append(node)
        if tag not in VOID:
            self.at = node

    def handle_startendtag(self, tag, attrs):
        self.at.children.append(Node(tag, attrs, self.at))

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.at.tag == tag, f"{self.at.tag} ends as {tag}"
            self.at = self.at.parent

    def handle_data(self, data):
        self.at.children.append(data)


def tree(path):
    t = Tree()
    with open(path) as f:
        t.feed(f.read())
    assert t.at is t.root, f"{t.at.tag} doesn't end"
    return t.root


def words(node):
    return re.sub(r"\s+", " ", node.text()).strip() if node else ""


def rows(page, table):
    """{first cell: [other cells]} of a table."""
    t = page.one("table", id=f"t-{table}")
    body = t.one("tbody") if t else None
    return {words(r.one("th")): [words(c) for c in r.all("td")] for r in body.all("tr")} if body else {}


def number(text):
    return int(text.replace(",", ""))


def down(pool):
    return [s for s in pool["servers"] if s["health"] == "down" and not s["by_hand"]]


def facts(page, doc):
    drops, lost, rules = rows(page, "drops"), rows(page, "lost"), rows(page, "rules")
    dropped = doc["verdicts"]["drop"]["packets"]
    yield "the drops of all causes are those of the verdict", \
        not dropped and not drops or number(drops["total"][0]) == dropped == sum(number(v[0]) for k, v in drops.items() if k != "total")
    kernel, live = doc.get("kernel", {}), doc["live"]
    losses = [sum(i[k] for i in doc["interfaces"]) for k in ("lost", "cut", "refused", "not_sent")] \
        + [kernel.get(k, 0) for k in ("lost", "pings", "unjudged")] \
        + [live[k] for k in ("hand_lost", "not_given", "no_receiver", "inside_lost")] + list(live["lost"].values())
    yield "each lost packet is in one row of the losses", sorted(number(v[0]) for v in lost.values()) == sorted(n for n in losses if n)
    machine = words(page.one("section", id="machine"))
    yield "no loss stands elsewhere", not re.search(r"dropped|packets lost", machine) or machine
    yield "defaults of firewalls are among the rules", all(
        rules.get(f"default of {d['firewall']}", [])[:2] == [d["verdict"], f"{d['packets']:,}"] for d in doc["defaults"])

    pools = [p for p in doc["pools"] if not p["past"]]
    sick = {p["pool"]: down(p) for p in pools if down(p)}
    alerts = [words(li) for li in page.one("div", id="alerts").all("li")]
    for pool, servers in sick.items():
        line = next((a for a in alerts if a.startswith(f"{pool}:")), "")
        yield f"the top tells why servers of {pool} are down", line and all(s["name"] in line and s["why"] in line for s in servers) or alerts
    yield "the top tells of no other pool", sum(a.split(":")[0] in {p["pool"] for p in pools} for a in alerts) == len(sick) or alerts
    title = words(page.one("title"))
    count, of = sum(map(len, sick.values())), sum(len(p["servers"]) for p in pools)
    yield "the title counts servers that are down", title == (f"{count} of {of} server{'s' * (of != 1)} down – " if count else "") + f"{doc['instance']['name']} – prey" or title
    yield "the tab's sign is of the same kind", page.one("link", id="icon").attrs["href"] == ("/bad.svg" if any(
        "bad" in li.attrs["class"] for li in page.one("div", id="alerts").all("li")) else "/good.svg")
    draining = lambda p: f", {p['servers_draining']} draining" if p["servers_draining"] else ""
    heads = {words(h).split()[1]: h.one("span") for h in page.all("h3") if words(h).startswith("Pool ")}
    yield "a pool's count has its colour", all(
        words(heads[p["pool"]]) == f"{p['servers_up']} of {p['servers_count']} up{draining(p)}"
        and heads[p["pool"]].attrs["class"] == "tag " + ("bad" if p["pool"] in sick else "good" if p["servers_up"] == p["servers_count"] and not draining(p) else "warn") for p in pools)
    for s in doc.get("sets", []):
        if s.get("fault"):
            yield f"the top tells that set {s['set']} fails", any(s["fault"] in a for a in alerts) or alerts

    tiles = [words(li) for li in page.all("li") if "tile" in li.attrs.get("class", "")]
    total = sum(v["packets"] for v in doc["verdicts"].values())
    yield "the first tile is all traffic", tiles[0].startswith("all") and tiles[0].endswith(f"{total:,} in all") or tiles[0]
    if doc["rates_over_ms"]:
        yield "with packets and bits per second", re.search(r"^all [\d,. kM]+/s, [\d.]+ [kMG]?bit/s ", tiles[0]) is not None or tiles[0]
    text = words(page.one("body"))
    yield "no rate of bits has more than four digits", not re.search(r"\d{4,} ?[kMG]?bit/s|,\d{3} ?[kMG]?bit/s", text)
    yield "one of a thing is no plural", not re.search(r"(?<![\d,.])1 (packets|bytes|flows|records|holes|connections|files|events|sessions|connects)\b", text)
    http = {s["service"] for s in doc["services"] if s["mode"] in ("proxy http", "proxy inline http")}
    yield "requests are of services that know them", all((v[3] == "–") == (k not in http) for k, v in rows(page, "proxy-services").items())
    yield "no time is empty", all(v[-1] for p in range(len(pools)) for v in rows(page, f"pool-{p}").values())
    yield "the meter is not for less than a hundredth", (page.one("meter") is None) == (
        not doc["flows"] or doc["flows"]["now"] * 100 < doc["flows"]["limit"])
    yield "the heading names product and instance", words(page.one("h1")) == f"prey {doc['instance']['name']}"
    yield "its style is in it", len(words(page.one("style"))) > 1000 and page.one("link", rel="stylesheet") is None
    yield "words do not run together", "Traffic Services Rules" in text and not re.search(r"in all\w", text)
    yield "each table has a name", all(t.attrs.get("role") == "table" and t.attrs.get("aria-label") for t in page.all("table"))


if __name__ == "__main__":
    with open(sys.argv[2]) as f:
        document = json.load(f)
    for name, value in facts(tree(sys.argv[1]), document):
        print(name, value if isinstance(value, str) or not value else True, sep="\t")
