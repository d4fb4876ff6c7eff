#!/bin/bash
# Listings of nft that are large or made to hurt: each is read within bounds, or one line names what is wrong. What is cut or has
# wrong shapes is in golden/import (bad/, odd.nft.json). B is the build folder.
set -u
. tests/lib/scratch.sh
export NO_COLOR=1

import() { # FILE: its status, output in out and err
    timeout 120 "$bin/preyc" --import nft "$1" >out 2>err
    status=$?
}
listing() { # the objects of standard input, each with a comma before it, behind a table and a chain that drops
    printf '{"nftables": [{"table": {"family": "inet", "name": "f"}},
{"chain": {"family": "inet", "table": "f", "name": "input", "type": "filter", "hook": "input", "prio": 0, "policy": "drop"}}'
    cat
    echo ']}'
}
refused() { # SENTENCE PATTERN FILE
    import "$3"
    [ $status -eq 2 ] && [ ! -s out ] && [ "$(wc -l <err)" -eq 1 ] && grep -qE -- "$2" err
    local good=$?
    [ $good -eq 0 ] || { echo "# status $status"; head -c 300 err | sed 's/^/# /'; }
    ok $good "$1"
}
rule='{"rule": {"family": "inet", "table": "f", "chain": "input", "expr": ['
awk_rule=$(printf '%s' "$rule" | sed 's/"/\\"/g')

awk 'BEGIN { for (i = 0; i < 100000; i++) printf ",\n'"$awk_rule"'{\"match\": {\"op\": \"==\", \"left\": {\"payload\": {\"protocol\": \"ip\", \"field\": \"saddr\"}}, \"right\": \"10.%d.%d.%d\"}}, {\"match\": {\"op\": \"==\", \"left\": {\"payload\": {\"protocol\": \"tcp\", \"field\": \"dport\"}}, \"right\": %d}}, {\"accept\": null}]}}", i / 65536, i / 256 % 256, i % 256, i % 65535 + 1 }' |
    listing >rules
import rules
same '100,000 rules are imported' "$status $(grep -c '^  accept tcp from 10\.' out)" '0 100000'

{
    printf ',\n{"set": {"family": "inet", "table": "f", "name": "pairs", "type": ["ipv4_addr", "inet_service"], "elem": ["x"'
    awk 'BEGIN { for (i = 0; i < 20000; i++) printf ", {\"concat\": [\"10.0.%d.%d\", %d]}", i / 256, i % 256, i + 1 }'
    printf ']}}'
    for _ in $(seq 60); do
        printf ',\n%s{"match": {"op": "==", "left": {"concat": [{"payload": {"protocol": "ip", "field": "saddr"}}, {"payload": {"protocol": "tcp", "field": "dport"}}]}, "right": "@pairs"}}, {"drop": null}]}}' "$rule"
    done
} | listing >pairs
refused 'sets that make more than a million rules are refused' 'more than 1,000,000 rules' pairs

awk 'BEGIN { printf ",\n{\"rule\": {\"family\": \"inet\", \"table\": \"f\", \"chain\": \"input\", \"expr\": "; for (i = 0; i < 100000; i++) printf "["; }' | listing >nested
refused 'JSON that is nested too deep is refused, at the line' 'nested:3: the JSON is damaged or ends early at byte' nested

awk 'BEGIN { for (i = 0; i < 40; i++) printf ",\n{\"rule\": {\"family\": \"inet\", \"table\": \"f\", \"chain\": \"c%d\", \"expr\": [{\"jump\": {\"target\": \"c%d\"}}]}}", i, i + 1 }
    END { printf ",\n{\"chain\": {\"family\": \"inet\", \"table\": \"f\", \"name\": \"c40\"}}" }' </dev/null | listing >deep
refused 'chains 40 deep are refused' 'jumps are nested more than' deep

# Each chain of a nat leads to the next ten times: as many ways as no machine can go.
awk 'BEGIN { printf ",\n{\"chain\": {\"family\": \"inet\", \"table\": \"f\", \"name\": \"c0\", \"type\": \"nat\", \"hook\": \"postrouting\", \"prio\": 100, \"policy\": \"accept\"}}"
    for (l = 0; l < 10; l++) for (i = 0; i < 10; i++) printf ",\n{\"rule\": {\"family\": \"inet\", \"table\": \"f\", \"chain\": \"c%d\", \"expr\": [{\"jump\": {\"target\": \"c%d\"}}]}}", l, l + 1
    printf ",\n{\"rule\": {\"family\": \"inet\", \"table\": \"f\", \"chain\": \"c10\", \"expr\": [{\"masquerade\": null}]}}" }' </dev/null | listing >fan
import fan
[ $status -eq 1 ] && [ "$(wc -c <out)" -lt 10000000 ] && grep -q 'NOT IMPORTED: .*because more than 100,000 paths of jumps' out
ok $? 'ways through a nat that nobody can count are bounded, and told'

# What a few kilobytes multiply is bounded: elements by members, references by elements, statements by rules, targets by rules.
match() { printf '{"match": {"op": "==", "left": {"payload": {"protocol": "%s", "field": "%s"}}, "right": %s}}' "$@"; }
ports=$(seq -s , 1 2 8000)
{
    printf ',\n{"set": {"family": "inet", "table": "f", "name": "pairs", "type": ["ipv4_addr", "inet_service"], "elem": ["x"'
    awk 'BEGIN { for (i = 0; i < 20000; i++) printf ", {\"concat\": [\"10.0.%d.%d\", %d]}", i / 256, i % 256, i + 1 }'
    printf ']}},\n%s{"match": {"op": "==", "left": {"concat": [{"payload": {"protocol": "ip", "field": "saddr"}}, {"payload": {"protocol": "tcp", "field": "dport"}}]}, "right": "@pairs"}}, %s, {"drop": null}]}}' \
        "$rule" "$(match tcp dport "{\"set\": [$ports]}")"
} | listing >members
refused 'a list that narrows 20,000 rules is refused' 'members: the rules have more than 33,554,432 conditions and list members' members
{
    printf ',\n{"map": {"family": "inet", "table": "f", "name": "vm", "type": "inet_service", "map": "verdict", "elem": [[1, {"drop": null}]'
    awk 'BEGIN { for (i = 0; i < 20000; i++) printf ", [%d, {\"drop\": null}]", i }'
    printf ']}}'
    for _ in $(seq 2000); do printf ',\n%s{"vmap": {"key": {"payload": {"protocol": "tcp", "field": "dport"}}, "data": "@vm"}}]}}' "$rule"; done
} | listing >map
refused 'a map of 20,000 keys that 2,000 rules look into is refused' 'map: the rules have more than' map
deep='{"x": 1}'
for _ in $(seq 40); do deep="{\"a\": $deep}"; done
printf ',\n%s{"vmap": {"key": {"payload": {"protocol": "tcp", "field": "dport"}}, "data": {"set": [[1, %s], [2, %s]]}}}]}}' "$rule" "$deep" "$deep" | listing >verdicts
import verdicts
same 'verdicts of 40 objects in one another are compared soon' "$status $(grep -c 'the map has values other' out)" '1 1'
awk 'BEGIN { for (i = 0; i < 3000; i++) printf ",\n{\"chain\": {\"family\": \"inet\", \"table\": \"f\", \"name\": \"c%d\", \"type\": \"filter\", \"hook\": \"input\", \"prio\": %d, \"policy\": \"drop\", \"dev\": \"e%d\"}},\n{\"rule\": {\"family\": \"inet\", \"table\": \"f\", \"chain\": \"c%d\", \"expr\": [{\"accept\": null}]}}", i, i, i, i }' </dev/null | listing >stages
refused '3,000 base chains of one hook are refused' 'stages: the rules have more than 64 MiB of text, with each chain copied to its jumps' stages
{
    for i in $(seq 100); do printf ',\n{"set": {"family": "inet", "table": "f", "name": "s%d", "type": "ipv4_addr", "elem": ["10.0.0.%d"]}}' "$i" "$i"; done
    printf ',\n%s' "$rule"
    for i in $(seq 100); do printf '%s, ' "$(match ip saddr "\"@s$i\"")"; done
    printf '{"drop": null}]}}'
} | listing >sets
import sets
same 'a rule of 100 sets is left out, and told' "$status $(grep -c 'NOT IMPORTED.*more than 32 sets' out)" '1 1'

# A set of neither addresses nor ports stands element by element in its rules.
{
    printf ',\n{"set": {"family": "inet", "table": "f", "name": "macs", "type": "ether_addr", "elem": ['
    seq -s ' ' 0 1024 | awk '{ for (i = 1; i <= NF; i++) printf "%s\"02:00:00:00:%02x:%02x\"", (i > 1 ? "," : ""), int($i / 256), $i % 256 }'
    printf ']}}'
    printf ',\n%s%s, {"drop": null}]}}' "$rule" "$(match ether saddr '"@macs"')"
} | listing >macs
import macs
same 'a set of 1,025 MAC addresses is left out, and told' "$status $(grep -c 'the set has more than 1,024 elements' out)" '1 1'

# Cut at any byte, a listing never is what it is whole.
printf ',\n%s{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": {"set": [22, {"range": [80, 90]}]}}}, {"log": {"prefix": "a \\"b\\" "}}, {"accept": null}]}}' "$rule" | listing >whole
import whole
same 'whole, it is read' "$status" 0
for n in $(seq 1 13 $(($(wc -c <whole) - 2))); do
    head -c "$n" whole >cut
    import cut
    [ $status -eq 2 ] && [ ! -s out ] && [ "$(wc -l <err)" -eq 1 ] || { echo "# $n bytes: status $status"; break; }
done
[ $status -eq 2 ]
ok $? 'a listing that is cut is refused, wherever it is cut'
exit $failed
