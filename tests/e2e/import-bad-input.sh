#!/bin/bash
# Listings of iptables that are large or made to hurt: each is read within bounds, or one line names what is wrong and where.
# What is cut or misspelt is in golden/import. B is the build folder.
set -u
. tests/lib/scratch.sh
export NO_COLOR=1

import() { # NAME: its status, output in out and err
    timeout 120 "$bin/preyc" --import iptables "$1" >out 2>err
    status=$?
}
# A table filter with the lines of standard input.
table() { echo '*filter'; echo ':INPUT DROP [0:0]'; cat; echo COMMIT; }
refused() { # SENTENCE PATTERN FILE
    import "$3"
    [ $status -eq 2 ] && [ ! -s out ] && [ "$(wc -l <err)" -eq 1 ] && grep -qE -- "$2" err
    local good=$?
    [ $good -eq 0 ] || { echo "# status $status"; head -c 300 err | sed 's/^/# /'; }
    ok $good "$1"
}

awk 'BEGIN { for (i = 0; i < 100000; i++) printf "-A INPUT -s 10.%d.%d.%d/32 -p tcp -m tcp --dport %d -j ACCEPT\n", i / 65536, i / 256 % 256, i % 256, i % 65535 + 1 }' |
    table >rules
import rules
same '100,000 rules are imported' "$status $(grep -c '^  accept tcp from 10\.' out)" '1 100000'

awk 'BEGIN { for (i = 0; i < 100000; i++) print ":c" i " - [0:0]"; for (i = 0; i < 100000; i++) print "-A INPUT -j c" i }' | table >chains
import chains
same '100,000 chains, too' "$status $(grep -c '^  do c[0-9]' out)" '1 100000'

# Each chain leads to all of the next layer: as many ways as no machine can go.
awk 'BEGIN { for (l = 0; l < 11; l++) for (i = 0; i < 30; i++) print ":l" l "_" i " - [0:0]"
    for (i = 0; i < 30; i++) print "-A INPUT -g l0_" i
    for (l = 0; l < 10; l++) for (i = 0; i < 30; i++) for (j = 0; j < 30; j++) print "-A l" l "_" i " -p tcp -m tcp --dport " j " -j l" l + 1 "_" j
    for (i = 0; i < 30; i++) print "-A l10_" i " -i eth0 -j ACCEPT" }' | table >fan
import fan
[ $status -eq 1 ] && [ "$(wc -c <out)" -lt 10000000 ]
ok $? 'chains that all lead to all of the next are each written once'

awk 'BEGIN { for (l = 0; l < 40; l++) print ":d" l " - [0:0]"; print "-A INPUT -j d0"; for (l = 0; l < 39; l++) print "-A d" l " -j d" l + 1 }' | table >deep
refused 'chains 40 deep are refused' 'jumps are nested more than' deep

# One rule of four choices is hundreds, and 3,000 of them more than there may be.
awk 'BEGIN { for (i = 0; i < 3000; i++) print "-A INPUT -p tcp -m multiport --ports 1,2 -m tcp ! --tcp-flags ALL SYN -m tcp ! --tcp-flags ALL SYN -m tcp ! --tcp-flags ALL ACK -j LOG" }' |
    table >choices
refused 'rules that become more than a million are refused, at the line' 'choices:[0-9]+: the file has more than 1,000,000 rules' choices
awk 'BEGIN { for (i = 0; i < 50000; i++) print "-A INPUT -p tcp -m hashlimit --hashlimit-upto 5/sec --hashlimit-burst 5 --hashlimit-mode srcip --hashlimit-name n" i " -j ACCEPT" }' | table >limits
import limits
same '50,000 named limits are found by their names' "$status $(grep -c '^meter n' out)" '1 50000'

# Rules that nobody can say, each shown; returns among them, and the drops behind.
awk 'BEGIN { for (i = 0; i < 25000; i++) { printf "-A INPUT -s 10.0.%d.%d -m mark --mark %d -j RETURN\n", i / 256, i % 256, i
    printf "-A INPUT -s 10.0.%d.%d -j DROP\n", i / 256, i % 256 } }' | { echo ':OUTPUT ACCEPT [0:0]'; cat; } | table | sed 's/INPUT DROP/INPUT ACCEPT/' >unsaid
import unsaid
same '50,000 rules that are left out are told, each once' "$status $(grep -c 'NOT IMPORTED' out)" '1 50001'
awk 'BEGIN { print "{\"nftables\": [{\"chain\": {\"family\": \"inet\", \"table\": \"t\", \"name\": \"c\", \"hook\": \"input\", \"prio\": 0, \"policy\": \"drop\"}}"
    for (i = 0; i < 50000; i++) printf ", {\"rule\": {\"family\": \"inet\", \"table\": \"t\", \"chain\": \"c\", \"expr\": [{\"match\": {\"op\": \"==\", \"left\": {\"meta\": {\"key\": \"mark\"}}, \"right\": %d}}, {\"accept\": null}]}}\n", i % 25000
    print "]}" }' >marks.json
timeout 120 "$bin/preyc" --import nft marks.json >out 2>err
same 'of 50,000 rules that read alike the first counts the others' "$? $(grep -c '^  # not imported.*; 1 more like this$' out)" '1 25000'

# The rules of FORWARD, once more for each place that a port is forwarded to.
{
    printf '*nat\n:PREROUTING ACCEPT [0:0]\n'
    awk 'BEGIN { for (i = 0; i < 3000; i++) printf "-A PREROUTING -i eth0 -p tcp -m tcp --dport %d -j DNAT --to-destination 10.0.%d.%d:80\n", i + 1, i / 250, i % 250 + 1 }'
    printf 'COMMIT\n*filter\n:FORWARD DROP [0:0]\n'
    awk 'BEGIN { for (i = 0; i < 3000; i++) printf "-A FORWARD -s 10.1.%d.%d -p tcp -m tcp --sport %d -j ACCEPT\n", i / 250, i % 250 + 1, i + 1 }'
    echo COMMIT
} >targets
refused '3,000 forwarded ports by 3,000 rules of FORWARD are refused' 'targets: the rules have more than 64 MiB of text, with each chain copied to its jumps' targets

echo '-A INPUT -p tcp -m multiport --ports 1 -m multiport --ports 2 -m multiport --ports 3 -m multiport --ports 4 -m multiport --ports 5 -j DROP' | table >choice
import choice
grep -q 'the rule has too many alternatives' out
ok $? 'a rule of five choices is left out, and told'

{ printf -- '-A INPUT -m comment --comment "'; head -c 1000000 /dev/zero | tr '\0' x; echo '" -j ACCEPT'; } | table >long
refused 'a line of a megabyte is refused' 'long:3: the line has more than 65,536 bytes' long
{ printf -- '-A INPUT'; for _ in $(seq 600); do printf ' -s 192.0.2.1'; done; echo ' -j ACCEPT'; } | table >words
refused 'a line of 1,200 words is refused' 'words:3: the line has more than 512 words' words
{ printf -- '-A INPUT'; for _ in $(seq 40); do printf ' -m tcp'; done; echo ' -j ACCEPT'; } | table >matches
refused 'a rule of 40 matches is refused' 'matches:3: the rule has more than 32 matches' matches
{ printf -- '-A INPUT -p udp -m multiport --dports 1'; for _ in $(seq 2 5000); do printf ',%d' "$_"; done; echo ' -j ACCEPT'; } | table >ports
import ports
grep -q 'accept udp to port 1-5000$' out || grep -q 'accept udp to port 1, 2, 3' out
ok $? 'a list of 5,000 ports is one rule'

# Cut at any byte, a listing never is what it is whole.
table <<'END_OF_RULES' >whole
-A INPUT -s 192.0.2.0/24 -p tcp -m multiport --dports 22,80 -m comment --comment "a \"b\"" -j ACCEPT
-A INPUT -m limit --limit 5/min -j LOG --log-prefix "no: "
END_OF_RULES
for n in $(seq 1 7 $(($(wc -c <whole) - 2))); do
    head -c "$n" whole >cut
    import cut
    [ $status -eq 2 ] && [ ! -s out ] && [ "$(wc -l <err)" -eq 1 ] || { echo "# $n bytes: status $status"; break; }
done
[ $status -eq 2 ]
ok $? 'a listing that is cut is refused, wherever it is cut'

table <<<$'-A INPUT -i "a\001b" -j ACCEPT' >control
refused 'a device of control characters is refused' 'control:3: a device name has control characters' control
table <<<$'-A INPUT -m comment --comment "a\001\377\033[1m" -j ACCEPT\n-A INPUT -j LOG --log-prefix "\001\377"\n-A INPUT -m nosuch --x "\033\302\205" -j DROP' >bytes
import bytes
[ $status -eq 1 ] && ! grep -q $'[\001\033]' out && cp out bytes.prey && timeout 60 "$bin/preyc" --check bytes.prey >said 2>&1
good=$?
[ $good -eq 0 ] || sed 's/^/# /' said
ok $good 'bytes that are no text are written as escapes, and what is written compiles'
exit $failed
