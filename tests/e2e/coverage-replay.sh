#!/bin/bash
# --coverage on the built programs: the report as text and JSON, its numbers against verdict lines and explanations of
# every example and of traffic in which verdicts are remembered and fragments follow, and long lists that stay readable.
# B is the build folder.
set -u
. tests/lib/scratch.sh

# The numbers of coverage.json: "RULE PACKETS" of rules that decided something, and the sum of the defaults.
cat >numbers.py <<'END'
import collections, json, sys
report = json.load(open("coverage.json"))
cover = report["coverage"]
rules = [r for l in cover["lists"] for r in l["rules"]]
passing = {r["rule"] for r in rules if not r["decides"]}
said = collections.Counter()
for line in open("lines"):
    frame, verdict, rule = line.split("\t")[:3]
    # Of a `decap` the line is one that could not be opened: counted beside the rules.
    if frame != "frame" and rule != "-" and rule not in passing:
        said[rule] += 1
counted = collections.Counter()
for r in rules:
    if r["decides"] and r["packets"]:
        counted[r["rule"]] += r["packets"]
defaults = sum(l["default"]["packets"] for l in cover["lists"] if l["kind"] == "firewall")
if defaults:
    counted["default"] = defaults
frames = report["capture"]["frames"]
wrong = [k for k in said | counted if said[k] != counted[k]]
wrong += [r["rule"] for r in rules if abs(r["share"] * frames - r["packets"]) > 1e-6 * frames]
if cover["rules"] != len(rules) or cover["matched"] != sum(r["packets"] > 0 for r in rules) or \
        cover["matched"] + cover["never"] != cover["rules"]:
    wrong.append("totals")
decided = report["decided_by"]
if decided["rules"]["packets"] != sum(counted.values()) - defaults or decided["defaults"]["packets"] != defaults or \
        sum(v["packets"] for v in decided.values()) != frames:
    wrong.append("decided_by")
print(" ".join(wrong) or "same")
END
agree() { # SENTENCE CAPTURE PROGRAM [OPTION...]: packets by rule are those of the verdict lines
    local what=$1 in=$2 program=$3
    shift 3
    timeout 60 "$bin/preyrun" --pcap "$in" "$@" --verdicts lines --coverage --format text "$program" >out 2>err &&
        timeout 60 "$bin/preyrun" --pcap "$in" "$@" --coverage --format json "$program" >coverage.json 2>>err ||
        { sed 's/^/# /' err; ok 1 "$what: it runs"; }
    same "$what: packets by rule are those of the verdict lines" "$(python3 numbers.py)" same
    same "$what: nothing is wider than 100 columns" "$(awk 'length > 100' out)" ''
}

rules edge <<'END'
set bad = 198.18.0.0/15
firewall edge default drop {
  log tcp flags has syn lacks ack as ASKED
  do noise
  accept tcp to port 80 as WEB
  reject tcp from bad to port 22-23
  accept icmp as PING
  accept icmp6 type nd
  do quiet
}
chain noise {
  count udp as NOISE
  drop udp port 137-139 as NETBIOS
}
chain quiet {
  drop sctp
}
END
capture all <<'END'
eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 50000 > 80 syn
eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 50000 > 22 syn
repeat 40 eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 50000 > 80 ack
eth / ip4 198.18.0.2 > 203.0.113.10 / udp 50000 > 53
eth / ip4 198.18.0.2 > 203.0.113.10 / udp 137 > 138
eth / arp who-has 203.0.113.10 tell 203.0.113.1
eth / ip4 198.18.0.1 > 203.0.113.10 len 9999 / tcp 1000 > 80 syn
END
frames=46

echo '# The report'
run --pcap all.pcap --coverage edge.pbc
same 'it ends with 0 and says nothing on standard error' "$status$(cat err)" 0
same 'rules in file order, packets and shares, never, defaults, places; then what neither decided' "$(sed 's/ *$//' out | tail -n +4)" \
"program     edge.pbc
            10 rules of edge.prey
coverage    7 of 10 rules matched packets, 3 never did
            decided by rules: 93.5 % of the packets; by defaults: 2.2 %; by neither: 4.3 %

firewall edge                            packets                       bytes  place
  ASKED                 log                    2    4.3 %                108  edge.prey:3
  edge:4                do noise              45   97.8 %              2,394  edge.prey:4
  WEB                   accept                41   89.1 %              2,214  edge.prey:5
  edge:6                reject                 1    2.2 %                 54  edge.prey:6
  PING                  accept             never                              edge.prey:7
  edge:8                accept             never                              edge.prey:8
  edge:9                do quiet               2    4.3 %                 84  edge.prey:9
  default               drop                   1    2.2 %                 42  edge.prey:2

chain noise                              packets                       bytes  place
  NOISE                 count                  2    4.3 %                 84  edge.prey:12
  NETBIOS               drop                   1    2.2 %                 42  edge.prey:13

chain quiet                              packets                       bytes  place
  quiet:16              drop               never                              edge.prey:16

neither rule nor default                 packets                       bytes
  malformed or snapped  drop                   1    2.2 %                 54
  ARP, not judged       pass                   1    2.2 %                 42"
agree 'rules that decide' all.pcap edge.pbc
# Rules that only count, log or lead to a chain have no verdict lines; explanations name them.
for n in $(seq $frames); do
    "$bin/preyrun" --pcap all.pcap --explain "$n" edge.pbc
done | awk '$2 == "yes" && $1 != "default" { n[$1]++ } END { for (r in n) print r, n[r] }' | sort >explained
same 'what every explanation said "yes" to, rules that decide nothing too' "$(python3 -c '
import json
for l in json.load(open("coverage.json"))["coverage"]["lists"]:
    for r in l["rules"]:
        if r["packets"]: print(r["rule"], r["packets"])' | sort)" "$(cat explained)"
run --pcap all.pcap --from 500 --coverage edge.pbc
same 'no packet: everything never' "$status $(grep -c never out) $(grep '^coverage' out)" '0 12 coverage    0 of 10 rules matched packets, 10 never did'
run --pcap all.pcap --write left.pcap --verdicts lines --log text --coverage edge.pbc
same 'it goes with --verdicts FILE, --write FILE, --log' "$status $(wc -l <lines) $(wc -l <err) $(grep -c '^firewall edge' out) $([ -s left.pcap ] && echo left)" '0 47 2 1 left'
head -c $(($(stat -c %s all.pcap) - 5)) all.pcap >short.pcap
run --pcap short.pcap --coverage edge.pbc
same 'a capture that breaks off: what there is, then the error' "$status $(grep -c '^incomplete' out) $(wc -l <err)" '2 1 1'
"$bin/preyrun" --pcap all.pcap --coverage edge.pbc >/dev/full 2>err
same 'a full disk' "$?|$(cat err)" '2|preyrun: standard output: No space left on device'

echo '# Every example, on its capture'
for file in "$top"/rules-examples/*.prey; do
    name=$(basename "$file" .prey)
    # Compiled where they stand, for they read files beside them.
    (cd "$top" && "$bin/preyc" "rules-examples/$name.prey" -o "$work/$name.pbc") 2>said || ok 1 "$name.prey compiles"
    "$bin/tests/tools/mkcap" "$top/tests/examples/$name.notes" "$name.pcap"
    options=$(sed -n 's/^# *preyrun --pcap [^ ]* \(.*\) [^ ]*\.pbc$/\1/p' "$file")
    # shellcheck disable=SC2086 — several options
    agree "$name" "$name.pcap" "$name.pbc" $options
done

echo '# Remembered verdicts, fragments'
rules flows <<'END'
firewall edge default drop {
  accept icmp6 type nd
  accept state established, related as OPEN
  do first
}
chain first {
  accept tcp to port 443 state new as WEB
  accept udp as UDP
}
END
C='198.51.100.9' S='203.0.113.10'
capture flows <<END
eth / ip4 $C > $S / tcp 50000 > 443 syn seq 100
eth / ip4 $S > $C / tcp 443 > 50000 syn ack seq 900 ack 101
eth / ip4 $C > $S / tcp 50000 > 443 ack seq 101 ack 901
repeat 200 eth / ip4 $C > $S / tcp 50000 > 443 ack seq 101 ack 901
eth / ip4 $C > $S id 7 more / udp 1000 > 53 len 24 / zeros 8
eth / ip4 $C > $S id 7 frag 16 proto udp / zeros 8
eth / ip4 $C > $S id 9 frag 16 proto udp / zeros 8
eth / ip4 $C > $S id 9 more / udp 1000 > 53 len 24 / zeros 8
END
agree 'remembered verdicts and later fragments' flows.pcap flows.pbc
same 'verdicts were remembered, and fragments followed their first' "$("$bin/preyrun" --pcap flows.pcap --format json flows.pbc | python3 -c '
import json, sys
j = json.load(sys.stdin)
print(j["flows"]["remembered"] > 100, j["fragments"]["followed"], j["fragments"]["released"])')" 'True 1 1'
same 'each packet counts for the rule that decided it' "$(awk '$1 ~ /^(OPEN|WEB|UDP)$/ { print $1, $3 }' out | tr '\n' ' ')" 'OPEN 202 WEB 1 UDP 4 '

echo '# Long lists'
{
    echo 'firewall edge default drop {'
    echo 'accept icmp6 type nd'
    for i in $(seq 0 4999); do echo "drop tcp from 10.$((i / 256)).$((i % 256)).0/24 to port $((i % 999 + 1))"; done
    echo 'accept tcp to port 80 as WEB; drop sctp; drop icmp; do c1; do c2; do c3; do c4; do c5'
    for i in $(seq 0 4999); do echo "drop udp from 11.$((i / 256)).$((i % 256)).0/24 to port $((i % 999 + 1))"; done
    echo '}'
    for c in 1 2 3 4 5; do echo "chain c$c { drop from 12.0.$c.1; drop udp from 12.0.$c.2$([ $c = 5 ] && echo '; drop udp to port 138 as NETBIOS') }"; done
} | rules long
run --pcap all.pcap --coverage long.pbc
same 'neighbours that never matched share a line, and so do chains' "$(sed -n '/^coverage/,$p' out | sed 's/ *$//' | grep -v '^  *decided by')" \
"coverage    7 of 10,020 rules matched packets, 10,013 never did

firewall edge                            packets                       bytes  place
  edge:2 to edge:5002                      never                 5,001 rules  long.prey:2-5002
  WEB                   accept                41   89.1 %              2,214  long.prey:5003
  edge:5003             drop               never                              long.prey:5003
  edge:5003             drop               never                              long.prey:5003
  edge:5003             do c1                  4    8.7 %                180  long.prey:5003
  edge:5003             do c2                  4    8.7 %                180  long.prey:5003
  edge:5003             do c3                  4    8.7 %                180  long.prey:5003
  edge:5003             do c4                  4    8.7 %                180  long.prey:5003
  edge:5003             do c5                  4    8.7 %                180  long.prey:5003
  edge:5004 to edge:10003                  never                 5,000 rules  long.prey:5004-10003
  default               drop                   2    4.3 %                 96  long.prey:1

chain c5                                 packets                       bytes  place
  c5:10009              drop               never                              long.prey:10009
  c5:10009              drop               never                              long.prey:10009
  NETBIOS               drop                   1    2.2 %                 42  long.prey:10009

chains without a match                   packets                       bytes  place
  c1 to c4                                 never                     8 rules  long.prey:10005-10008

neither rule nor default                 packets                       bytes
  malformed or snapped  drop                   1    2.2 %                 54
  ARP, not judged       pass                   1    2.2 %                 42"
agree 'a long list' all.pcap long.pbc
run --pcap all.pcap --coverage --format json long.pbc
same 'JSON has each rule' "$status $(grep -c '"decides":' out)" '0 10020'
exit $failed
