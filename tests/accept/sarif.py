"""What `preyc --format=sarif` printed (out) is SARIF 2.1.0, with places, an explanation and the fix as an edit."""
import json
log = json.load(open("out"))
run = log["runs"][0]
assert log["version"] == "2.1.0" and run["tool"]["driver"]["name"] == "preyc"
error = next(r for r in run["results"] if r["level"] == "error")
rule = run["tool"]["driver"]["rules"][error["ruleIndex"]]
assert rule["id"] == error["ruleId"] == "E0201" and rule["fullDescription"]["text"]
edit = error["fixes"][0]["artifactChanges"][0]["replacements"][0]
assert edit["insertedContent"]["text"] == "office"
assert edit["deletedRegion"] == error["locations"][0]["physicalLocation"]["region"]
assert error["relatedLocations"][0]["physicalLocation"]["region"]["startLine"] == 1
