"""The guide's page lists every metric of /metrics: those that runtime/stats/metrics.c makes of runtime/stats/metric.def and the tables of counters,
and those that it names itself. `<!-- metrics-NAME -->` begins a table; UPDATE=1 writes them. Names, types, labels and words agree with what the
program printed (tests/golden/told/metrics-different.txt). Each metric that a page of the guide names exists, and promtool takes the page's
alert rules, which fire where its cases say so. Prints TAP lines."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import counters

PAGE = pathlib.Path("docs/guide/reference/metrics.md")
GUIDE = pathlib.Path("docs/guide")
SOURCE = pathlib.Path("runtime/stats/metrics.c")
PRINTED = pathlib.Path("tests/golden/told/metrics-different.txt")
TABLE = re.compile(r"(<!-- metrics-([\w-]+) -->\n\|.*\n\|.*\n)((?:\|.*\n)*)(?=<!-- end -->)")
# The tables of the page, and how the names in them go on behind prey_. The longest beginning decides.
PLACES = {
    "prey": ["info", "uptime_seconds", "to_be_confirmed_seconds", "reloads", "limit_reached", "routes"],
    "packets": ["packets", "bytes", "dropped", "decided", "watched", "snapped", "bad_checksum", "ways_unknown", "inside", "copied", "answers"],
    "rules": ["rule", "default", "would", "audit", "meter", "mirror"],
    "flows": ["flows", "cookies", "wire"],
    "fragments": ["fragments"],
    "interfaces": ["interface", "lost_packets"],
    "workers": ["worker", "live"],
    "kernel": ["kernel"],
    "services": ["service_packets", "service_bytes", "service_flows", "service_drains", "forward"],
    "servers": ["server"],
    "nat": ["translated"],
    "sets": ["set"],
    "proxy": ["proxy"],
    "http": ["http"],
    "tls": ["tls"],
    "proxy-services": ["service"],
    "observed": ["observed"],
    "observe-services": ["observe_service"],
}
# Labels of the metrics that metrics.c names itself.
LABELS = {"prey_info": "version, instance_name, program", "prey_interface_up": "interface", "prey_observe_service_left_out_total": "service, reason",
          "prey_to_be_confirmed_seconds": ""}
# Units: by the name, else by the first word of the help that is one; else what is counted happens.
UNITS = [(r"_seconds$", "seconds"), (r"bytes(_total)?$", "bytes"), (r"_(up|failing|drains|info)$", "1 or 0"), (r"_weight$", "weight"),
         (r"packets(_total)?$|^prey_kernel_(up|long)_total$", "packets"), (r"probes_total$", "probes"), (r"^prey_tls_(server_)?failed", "handshakes"),
         (r"_stays_total$|_changes_total$", "events"), (r"^prey_(service_http|observed_files)_total$", "by `what`"), (r"flows|sessions|ended_total$|spliced", "connections")]
COUNTED = re.compile(r"\b(packets|bytes|frames|connections|segments|fragments|datagrams|requests|answers|replies|responses|handshakes|members|ranges|routes|holes|mappings|copies|"
                     r"checksums|connects|SYNs|flows|sessions|errors|resets|reloads|programs|pieces|groups|ports|ends|directions|pings|logs|overlaps|times)\b", re.I)
SAME = {"flows": "connections", "sessions": "connections", "times": "events", "syns": "SYNs"}
TABLES_OF_NFT = re.compile(r"prey_(wan|lan|eth\d)")
# What the alert rules make of series: rules that fire at once, and none while all is well.
CASES = """rule_files: [rules.yaml]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - {series: 'prey_server_up{pool="web",server="one"}', values: 'SERVER'}
      - {series: 'prey_flows_limit', values: '1000x20'}
      - {series: 'prey_flows{class="established"}', values: 'FLOWS'}
      - {series: 'prey_reloads_refused_total', values: 'REFUSED'}
    alert_rule_test:
"""


def text_of(literals):
    return "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', literals))


def named_in_source():
    """(name, type, labels, help) of what metrics.c names itself."""
    source = SOURCE.read_text()
    variables = dict(re.findall(r'(\w+)(?:\[\])? = "(prey_\w+)"', source))
    words = r'((?:"(?:[^"\\]|\\.)*"\s*)+)'
    for name, member, kind, doc in re.findall(rf'(?:family|alone)\(out, (?:"(prey_\w+)"|(\w+)), "(\w+)",\s*{words}', source):
        name = name or variables.get(member)
        if name:
            yield name, kind, LABELS.get(name, "pool, server" if name.startswith("prey_server") else None), text_of(doc)
    for name, kind, doc in re.findall(rf'\{{"\w+", "(prey_server_\w+)", "(\w+)", {words}\}}', source):
        yield name, kind, "pool, server", text_of(doc)
    for name, kind, label, doc in re.findall(rf'\{{"[\w.]+", "(prey_service_\w+)", "(\w+)", (NULL|"\w+"),\s*{words}\}}', source):
        yield name, kind, "service" + ("" if label == "NULL" else ", " + label.strip('"')), text_of(doc)


def metrics():
    """(name, type, labels, help) of every metric, in the order of the tables."""
    found = [(name, kind, label, doc) for label, name, kind, doc in
             counters.expand("#define SINGLE(path, name, type, help) @ROW (\"\", name, type, help)\n"
                             "#define METRIC(list, label, key, value, name, type, help) @ROW (label, name, type, help)\n", "runtime/stats/metric.def")]
    found += list(named_in_source())
    levels = "".join(f"#define {k}_COUNTER(field, kind, object, key, line, words, doc) @ROW (#kind, object, key, line, doc)\n" for k in counters.KINDS + ["OBSERVE"])
    observed = "#define OBSERVE_COUNTER(field, kind, object, key, line, words, doc) @ROW (#kind, object, key, line, doc)\n"
    row = lambda kind, place, doc: (f"prey_{place}" + ("" if kind == "LEVEL" else "_total"), "gauge" if kind == "LEVEL" else "counter", "", doc)
    found += [row(kind, f"{group}_{key}" if group else key, doc) for kind, group, key, _, doc in counters.expand(levels, "vm/counter.def")]
    found += [row(kind, f"observe_service_{key}", doc)[:2] + ("service", doc) for kind, _, key, line, doc in counters.expand(observed, "vm/counter.def") if not line]
    for path, doc in counters.live_rows() + counters.rows_of(counters.PROXY_KINDS):
        if path.startswith("interfaces[]."):
            found.append((path.replace("interfaces[].", "prey_interface_") + "_total", "counter", "interface", doc))
        elif path.startswith("proxy.took."):
            found.append((path.replace("proxy.took.", "prey_proxy_") + "_duration_seconds", "histogram", "le", doc))
        elif path.count(".") == 1 or path.startswith(("proxy.http.", "proxy.tls.")):
            found.append(row("COUNT", path.removeprefix("proxy." if path.count(".") == 2 else "").replace(".", "_"), doc))
    return found


def unit(name, doc):
    counted = COUNTED.search(doc)
    word = next((word for pattern, word in UNITS if re.search(pattern, name)), counted[0].lower() if counted else "events")
    return SAME.get(word, word)


def meaning(doc):
    """A help as a cell: without a full stop, and in lower case unless it begins with a name."""
    doc = doc.removesuffix(".").replace("|", "\\|")
    return doc[0].lower() + doc[1:] if doc[1:2].islower() else doc


def on_page(text, table):
    """The page with the tables as they are, and the metrics that no table of it takes."""
    places = sorted(((begin, place) for place, begins in PLACES.items() for begin in begins), key=lambda pair: -len(pair[0]))
    owner = {name: next((place for begin, place in places if re.match(rf"prey_{begin}(_|$)", name)), None) for name, *_ in table}

    def fresh(found):
        lines = [f"| `{name}` | {kind} | {', '.join(f'`{one}`' for one in labels.split(', ') if one)} | {unit(name, doc)} | {meaning(doc)} |\n"
                 for name, kind, labels, doc in table if owner[name] == found[2]]
        return found[1] + "".join(lines)

    shown = [mark for _, mark, _ in TABLE.findall(text)]
    return TABLE.sub(fresh, text), [name for name, place in owner.items() if place not in shown]


def printed():
    """(name, type, labels, help) of what the program printed for a made-up document."""
    docs, kinds, labels = {}, {}, {}
    for line in PRINTED.read_text().splitlines():
        if line.startswith("# HELP "):
            _, _, name, doc = line.split(" ", 3)
            docs[name] = doc
        elif line.startswith("# TYPE "):
            kinds[line.split()[2]] = line.split()[3]
        else:
            name = re.match(r"\w+", line)[0]
            labels.setdefault(re.sub(r"_bucket$", "", name), ", ".join(re.findall(r'[{,](\w+)="', line)))
    return {(name, kinds[name], labels.get(name, ""), docs[name]) for name in docs if name in labels}


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.M | re.S)


def fires(rules, case, *alerts):
    """True if promtool says that just these alerts fire after 15 minutes."""
    values = dict(zip(("SERVER", "FLOWS", "REFUSED"), case))
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "rules.yaml").write_text(re.sub(r" +annotations:\n +summary: .*\n", "", rules))
        text = CASES
        for word, series in values.items():
            text = text.replace(word, series)
        for alert, expected in alerts:
            text += f"      - {{eval_time: 15m, alertname: {alert}" + (f", exp_alerts: [{{exp_labels: {expected}}}]}}\n" if expected else "}\n")
        pathlib.Path(folder, "cases.yaml").write_text(text)
        run = subprocess.run(["promtool", "test", "rules", "cases.yaml"], cwd=folder, capture_output=True, text=True)
    return run.returncode == 0, *(run.stdout + run.stderr).splitlines()


def check_alerts():
    rules = next(text for text in blocks("yaml") if "alert:" in text)
    names = re.findall(r"alert: (\w+)", rules)
    counters.say(len(names) == 3, "the page has three alert rules")
    if not shutil.which("promtool"):
        print("ok - promtool takes the alert rules # SKIP there is no promtool")
        return
    config = next(text for text in blocks("yaml") if "scrape_configs:" in text)
    for what, text in ("rules", rules), ("config", config):
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(text)
            file.flush()
            run = subprocess.run(["promtool", "check", what, file.name], capture_output=True, text=True)
        counters.say(run.returncode == 0, f"promtool takes the page's {what}", *(run.stdout + run.stderr).splitlines())
    well = ("1x20", "100x20", "0x20")
    for case, firing in ((well, None), (("0x20", *well[1:]), 0), ((well[0], "950x20", well[2]), 1), ((*well[:2], "0x10 1x10"), 2)):
        expected = [(name, "{}" if i == firing and i else '{pool: web, server: one}' if i == firing else "") for i, name in enumerate(names)]
        good, *why = fires(rules, case, *expected)
        counters.say(good, f"{'no alert fires while all is well' if firing is None else names[firing] + ' fires when it should, and no other'}", *why)


def main():
    table = metrics()
    text = PAGE.read_text()
    page, homeless = on_page(text, table)
    if os.environ.get("UPDATE"):
        PAGE.write_text(page)
        text = page
    counters.say(page == text, "the guide's page lists the metrics as they are (UPDATE=1 python3 tests/lint/metrics.py)")
    counters.say(not homeless, "each metric has a table on the page", *homeless)
    names = {name for name, *_ in table}
    counters.say(len(names) == len(table), "no two metrics share a name")
    strangers = sorted(map(str, printed() - set(table)))
    counters.say(not strangers, "name, type, labels and words are those that the program prints", *strangers)
    said = {(page, name) for page in [*GUIDE.rglob("*.md"), pathlib.Path("README.md")]
            for name in re.findall(r"(?<![\w.])prey_[a-z]+_?[a-z_]+(?![\w…*./(@])", page.read_text()) if not TABLES_OF_NFT.match(name)}
    unknown = [f"{page}: {name}" for page, name in sorted(said) if re.sub(r"_(bucket|sum|count)$", "", name) not in names]
    counters.say(not unknown, "each metric that the guide names exists", *unknown)
    check_alerts()
    sys.exit(counters.failed != 0)


if __name__ == "__main__":
    main()
