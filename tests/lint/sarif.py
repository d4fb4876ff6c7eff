"""--format=sarif and --format=json are what their readers expect.

Checked by hand against SARIF 2.1.0 (OASIS, sections 3.13 to 3.58) and what code hosts require beyond it: every file of
tests/golden/diag, sources with multibyte characters, bytes that are no UTF-8 and names that need escapes. A fix that
SARIF carries, applied, does away with its diagnostic. Prints TAP lines."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import urllib.parse

PREYC = pathlib.Path(os.environ.get("B", "build"), "preyc").resolve()
GOLDEN = pathlib.Path("tests/golden/diag").resolve()
LEVELS = ("error", "warning", "note", "none")


class Wrong(Exception):
    pass


def need(true, what):
    if not true:
        raise Wrong(what)


def preyc(folder, *arguments):
    run = subprocess.run([PREYC, *arguments], cwd=folder, capture_output=True, timeout=60)
    need(run.returncode in (0, 1), f"status {run.returncode}: {run.stderr.decode(errors='replace')}")
    return run.returncode, json.loads(run.stdout.decode("utf-8"), object_pairs_hook=unique)


def unique(pairs):
    names = [name for name, _ in pairs]
    need(len(names) == len(set(names)), f"a member stands twice in {names}")
    return dict(pairs)


def typed(value, kind, members):
    """An object with these members required, and of these types."""
    need(isinstance(value, dict), f"{kind} is an object")
    for name, sort in members.items():
        need(isinstance(value.get(name), sort) and not isinstance(value[name], bool) or sort is bool,
             f"{kind}.{name} is {sort.__name__}")
    return value


def text_of(value, kind):
    need(typed(value, kind, {"text": str})["text"].strip(), f"{kind}.text says something")


def lines_of(folder, uri):
    """Lines as code points, a byte that is no UTF-8 for one."""
    path = pathlib.Path(folder, urllib.parse.unquote(uri.removeprefix("file://"), errors="surrogateescape"))
    return path.read_bytes().decode("utf-8", errors="surrogateescape").split("\n")


def check_region(region, lines):
    typed(region, "region", {n: int for n in ("startLine", "startColumn", "endLine", "endColumn")})
    need((1, 1) <= (region["startLine"], region["startColumn"]) <= (region["endLine"], region["endColumn"]),
         f"the region runs forward: {region}")
    for line, column in (("startLine", "startColumn"), ("endLine", "endColumn")):
        need(region[line] <= len(lines), f"{line} {region[line]} is in the file")
        need(region[column] <= len(lines[region[line] - 1]) + 1, f"{column} {region[column]} is in its line")


def check_artifact(location, run):
    typed(location, "artifactLocation", {"uri": str, "index": int})
    need(all(c.isascii() and c not in ' "<>\\^`{|}' for c in location["uri"]), f"a URI: {location['uri']}")
    need(run["artifacts"][location["index"]]["location"]["uri"] == location["uri"], "index and uri name one artifact")


def check_location(location, run, folder):
    place = typed(location["physicalLocation"], "physicalLocation", {"artifactLocation": dict, "region": dict})
    check_artifact(place["artifactLocation"], run)
    check_region(place["region"], lines_of(folder, place["artifactLocation"]["uri"]))


def check_result(result, run, folder):
    typed(result, "result", {"ruleId": str, "ruleIndex": int, "level": str, "message": dict})
    text_of(result["message"], "message")
    need(result["level"] in LEVELS, "level is one of four")
    need(run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"], "ruleIndex points at ruleId")
    for location in result.get("locations", []):
        check_location(location, run, folder)
    ids = [location["id"] for location in result.get("relatedLocations", [])]
    need(len(ids) == len(set(ids)), "related locations have ids of their own")
    for location in result.get("relatedLocations", []):
        check_location(location, run, folder)
        text_of(location["message"], "message")
    for fix in result.get("fixes", []):
        text_of(fix["description"], "description")
        for change in fix["artifactChanges"]:
            check_artifact(change["artifactLocation"], run)
            for replacement in change["replacements"]:
                check_region(replacement["deletedRegion"], lines_of(folder, change["artifactLocation"]["uri"]))
                need(isinstance(replacement["insertedContent"]["text"], str), "insertedContent.text")


def check_rule(rule):
    typed(rule, "rule", {"id": str, "name": str})
    for member in ("shortDescription", "fullDescription", "help"):
        text_of(rule[member], member)
    need(rule["defaultConfiguration"]["level"] in LEVELS, "level is one of four")


def check_log(log, folder):
    need(log["version"] == "2.1.0" and log["$schema"].endswith("sarif-schema-2.1.0.json"), "version and $schema")
    need(isinstance(log["runs"], list) and len(log["runs"]) == 1, "one run")
    run = typed(log["runs"][0], "run", {"tool": dict, "results": list, "artifacts": list, "columnKind": str})
    need(run["columnKind"] == "unicodeCodePoints", "columnKind")
    need(run["invocations"][0]["executionSuccessful"] is True, "invocations")
    driver = typed(run["tool"]["driver"], "driver", {"name": str, "version": str, "rules": list})
    need(driver["name"] == "preyc", "driver.name")
    for rule in driver["rules"]:
        check_rule(rule)
    codes = [rule["id"] for rule in driver["rules"]]
    twice = {code for code in codes if codes.count(code) > 1}
    need(not twice, f"rule ids are unique, not {twice}")
    uris = [artifact["location"]["uri"] for artifact in run["artifacts"]]
    need(len(uris) == len(set(uris)), "artifacts are unique")
    for result in run["results"]:
        check_result(result, run, folder)
    return run


def check_json(document):
    typed(document, "document", {"diagnostics": list, "errors": int, "warnings": int, "complete": bool})
    for d in document["diagnostics"]:
        typed(d, "diagnostic", {"code": str, "severity": str, "message": str, "notes": list})
        need(d["severity"] in ("error", "warning"), "severity")
        if "file" in d:
            typed(d, "diagnostic", {n: int for n in ("line", "column", "end_line", "end_column")})
        for edit in d.get("suggestions", []):
            typed(edit, "suggestion", {"replacement": str, "file": str} |
                  {n: int for n in ("line", "column", "end_line", "end_column")})
        for note in d["notes"]:
            text_of({"text": note["message"]}, "note")
    severities = [d["severity"] for d in document["diagnostics"]]
    need(severities.count("error") == document["errors"], "errors are counted")
    need(severities.count("warning") == document["warnings"], "warnings are counted")


def fingerprint(result):
    place = result["locations"][0]["physicalLocation"]["region"] if "locations" in result else {}
    return result["ruleId"], place.get("startLine"), place.get("startColumn"), result["message"]["text"]


def apply_fix(path, replacement):
    region, lines = replacement["deletedRegion"], path.read_bytes().decode("utf-8", errors="surrogateescape").split("\n")
    first, last = region["startLine"] - 1, region["endLine"] - 1
    whole = (lines[first][:region["startColumn"] - 1] + replacement["insertedContent"]["text"]
             + lines[last][region["endColumn"] - 1:])
    return "\n".join(lines[:first] + [whole] + lines[last + 1:]).encode("utf-8", errors="surrogateescape")


def check_fixes(run, folder, name):
    """Each alternative on its own, in a file beside; counts those tried."""
    tried = 0
    for result in run["results"]:
        for fix in result.get("fixes", []):
            change = fix["artifactChanges"][0]
            if change["artifactLocation"]["uri"] != name:
                continue
            mended = pathlib.Path(folder, "mended-" + name)
            mended.write_bytes(apply_fix(pathlib.Path(folder, name), change["replacements"][0]))
            _, log = preyc(folder, "--check", "--format=sarif", mended.name)
            mended.unlink()
            left = [fingerprint(r) for r in log["runs"][0]["results"]]
            need(fingerprint(result) not in left, f"the fix of {fingerprint(result)} mends it")
            tried += 1
    return tried


def check_file(folder, name, *options):
    status, log = preyc(folder, "--check", "--format=sarif", *options, name)
    run = check_log(log, folder)
    json_status, document = preyc(folder, "--check", "--format=json", *options, name)
    check_json(document)
    need(status == json_status == (document["errors"] > 0), f"statuses {status} and {json_status}")
    need(len(run["results"]) == len(document["diagnostics"]), "both formats say the same")
    for result, d in zip(run["results"], document["diagnostics"]):
        need((result["ruleId"], result["level"]) == (d["code"], d["severity"]), "in the same order")
        fixes = [f["artifactChanges"][0]["replacements"][0]["insertedContent"]["text"] for f in result.get("fixes", [])]
        need(fixes == [s["replacement"] for s in d.get("suggestions", [])], "both formats carry the same edits")
    return run


ODD = {
    "é ü.prey": 'set "ü" = 10.0.0.0/8\n# ünïcödé\nfirewall f default accept { drop from ünknown }\n'.encode(),
    "column.prey": 'firewall f default accept { drop as A comment "äöü 𝄞" from offfice }\nset office = ::/0\n'.encode(),
    "broken.prey": b'# \xff\xfe\nfirewall f default accept {\n  drop comment "a\xc3" from x\n  drop from \x80\x81\n}\n',
    "control.prey": b"set a = \x01 \x7f\nset b = 10.0.0.1/33\n",
    "empty.prey": b"",
    "crlf.prey": b"set office = 10.0.0.0/8\r\nfirewall f default accept { drop from offfice }\r\n",
    "list.prey": b'set s = file "list"\nset t = file "list"\nfirewall f default accept { drop from s, t }\n',
    "list": "10.0.0.0/33\n# ü\nü 10.0.0.1\n\xff".encode("latin-1"),
}


def main():
    failed = fixes = 0

    def say(what, function, *arguments):
        nonlocal failed
        try:
            result = function(*arguments)
        except (Wrong, KeyError, IndexError, ValueError) as e:
            print(f"#   {type(e).__name__}: {e}")
            print(f"not ok - {what}")
            failed += 1
            return None
        print(f"ok - {what}")
        return result

    with tempfile.TemporaryDirectory() as folder:
        for path in GOLDEN.iterdir():
            pathlib.Path(folder, path.name).symlink_to(path)
        for path in sorted(GOLDEN.glob("*.prey")):
            run = say(f"{path.name} as sarif and json", check_file, folder, path.name)
            fixes += (run and say(f"{path.name}: its fixes mend", check_fixes, run, folder, path.name)) or 0
    print(f"{'ok' if fixes > 20 else 'not ok'} - {fixes} fixes were tried")
    with tempfile.TemporaryDirectory() as folder:
        for name, text in ODD.items():
            pathlib.Path(folder, name).write_bytes(text)
        for name in ODD:
            if name.endswith(".prey"):
                run = say(f"odd text: {name}", check_file, folder, name)
                say(f"odd text: {name}, --werror", check_file, folder, name, "--werror")
                if run and name == "column.prey":
                    regions = [r["locations"][0]["physicalLocation"]["region"] for r in run["results"]]
                    columns = [(r["startColumn"], r["endColumn"]) for r in regions]
                    say("columns count code points", need, (55, 67) in columns, columns)
    return failed != 0 or fixes <= 20


sys.exit(main())
