#!/bin/bash
# --explain where the list is searched by a classifier: it still names each rule that was tried, in file order, and why it
# did not match; what it says decided is what the code did. B is the build folder.
set -u
. tests/lib/scratch.sh

# Rules of every kind among many plain ones: chains, counts, logs, sets, bytes, meters, negations, states.
python3 "$top/tests/e2e/classified_rules.py" >long.prey
"$bin/preyc" long.prey -o long.pbc >/dev/null 2>said || sed 's/^/# /' said
"$bin/preyc" --dump=bytecode long.prey 2>/dev/null | grep -q 'classify '
ok $? 'the list is searched by a classifier'
{
    for i in 0 1 77 255 256 700 1499; do
        echo "eth / ip4 10.$((i / 256)).$((i % 256)).9 > 203.0.113.1 / tcp 50000 > $((i % 999 + 1)) syn"
        echo "eth / ip4 10.$((i / 256)).$((i % 256)).9 > 203.0.113.1 / tcp 50000 > 443 ack"
        printf 'eth / ip6 2001:db8:%x::9 > 2001:db8::1 / udp 50000 > %d\n' $i $((i % 500 + 5))
    done
    cat <<'END'
eth / ip4 192.0.2.7 > 203.0.113.1 / tcp 50000 > 80 syn
eth / ip4 192.0.2.7 > 203.0.113.1 / tcp 50000 > 22 syn
eth / ip4 192.0.2.7 > 203.0.113.1 / tcp 50000 > 22 rst
eth / ip4 198.51.100.7 > 203.0.113.1 / tcp 50000 > 8043 ack / payload x"16 03 01"
eth / ip4 198.51.100.7 > 203.0.113.1 / tcp 50000 > 8043 ack / payload x"17 03 01"
eth / ip4 198.51.100.7 > 203.0.113.1 / udp 137 > 138
eth / ip4 10.9.9.9 > 203.0.113.1 / udp 5000 > 53
repeat 5 eth / ip4 198.51.100.7 > 203.0.113.1 / icmp type echo-request id 7 seq 1
eth / arp who-has 203.0.113.1 tell 203.0.113.9
eth / ip4 198.51.100.7 > 203.0.113.1 / sctp 5000 > 53
eth / ip4 198.51.100.7 > 203.0.113.1 len 9999 / tcp 1000 > 80 syn
END
} >frames.notes
"$bin/tests/tools/mkcap" frames.notes frames.pcap || exit 1
"$bin/preyrun" --pcap frames.pcap --verdicts lines --log text long.pbc >summary 2>/dev/null
frames=$(($(wc -l <lines) - 1))
for n in $(seq "$frames"); do
    "$bin/preyrun" --pcap frames.pcap --explain "$n" --format json long.pbc || echo '{}'
done >explained

# What the rule list says of itself: rules of the firewall and of the chain, by line; then each explanation.
cat >check.py <<'END'
import json
lines = open("long.prey").read().split("\n")
rules = {"edge": [], "watch": []}
inside = None
for number, line in enumerate(lines, 1):
    word = line.split()
    if word[:1] in (["chain"], ["firewall"]):
        inside = word[1]
    elif word[:1] == ["}"]:
        inside = None
    elif inside and word:
        rules[inside].append(number)
decoder, text, at, frame, wrong, tried = json.JSONDecoder(), open("explained").read(), 0, 0, [], 0
verdicts = [l.rstrip("\n").split("\t") for l in open("lines")][1:]
while at < len(text):
    e, at = decoder.raw_decode(text, at)
    while at < len(text) and text[at].isspace(): at += 1
    line = verdicts[frame]
    frame += 1
    if (e.get("verdict"), e.get("rule") or "-") != (line[1], line[2]):
        wrong.append(f"frame {frame}: {e.get('verdict')} by {e.get('rule')}, its line says {line[1]} by {line[2]}")
    steps = e.get("tried", [])
    tried += len(steps)
    if line[1] == "pass" or line[5] != "-":
        continue
    # From the first rule on, none left out; a chain's behind the `do` that matched, up to a `return`.
    want, expect = [], list(rules["edge"])
    got = [(s["depth"], int(s["place"].rsplit(":", 1)[1])) for s in steps]
    of_firewall = [l for d, l in got if d == 0]
    if of_firewall != expect[:len(of_firewall)]:
        wrong.append(f"frame {frame}: rules of the firewall left out or not in order")
    chain = [l for d, l in got if d == 1]
    if chain != rules["watch"][:len(chain)]:
        wrong.append(f"frame {frame}: rules of the chain left out or not in order")
    do = [s for s in steps if s["verdict"] == "do watch"]
    if bool(chain) != bool(do and do[0]["matched"]):
        wrong.append(f"frame {frame}: the chain's rules don't go with its `do`")
    ends = [s for s in steps if s["matched"] and s["verdict"] in ("accept", "drop", "reject")]
    last = ends[-1]["rule"] if ends else "default"
    if len(ends) > 1 or last != line[2] or (not ends and of_firewall != expect):
        wrong.append(f"frame {frame}: {last} decides, its line says {line[2]}")
    if any(not s["matched"] and not s["why"] for s in steps):
        wrong.append(f"frame {frame}: no reason for a rule that didn't match")
for w in wrong[:10]: print("#", w)
print(f"{frame} frames, {tried} rules tried" if not wrong else "wrong")
END
said=$(python3 check.py)
echo "$said" | grep '^#'
[ "$(echo "$said" | tail -1 | cut -d ' ' -f 1)" = "$frames" ]
ok $? "every rule that was tried is named, in file order, with its reason; the deciding rule is the executed one ($said)"
for rule in WEB SSH TLS FLOOD NETBIOS DNS PING RESET FROM_OFFICE default; do
    grep -q "\"rule\":\"$rule\"[^}]*\"matched\":true" explained || { [ $rule = default ] && cut -f3 lines | grep -qx default; }
    ok $? "some frame shows $rule"
done
grep -q '"why":"source is in office"' explained && grep -q '"why":"destination port is' explained
ok $? 'reasons are those of the conditions as they were written'

python3 -c '
print("firewall edge default drop {\n  accept icmp6 type nd")
for i in range(100000): print(f"  drop tcp from 10.{i >> 8 & 255}.{i & 255}.0/24 to port {i % 9999 + 1}")
print("}")' >huge.prey
"$bin/preyc" huge.prey -o huge.pbc >/dev/null 2>said || sed 's/^/# /' said
timeout 60 "$bin/preyrun" --pcap frames.pcap --explain 22 huge.pbc >out
[ $? -eq 0 ] && [ "$(grep -c '  no   ' out)" -eq 100001 ] && [ "$(tail -1 out)" = 'verdict: drop  rule default' ]
ok $? 'of a list of 100,001 rules each is named'
exit $failed
