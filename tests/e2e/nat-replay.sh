#!/bin/bash
# nat, in a replay: what a capture of both sides becomes, as pcap, with its counters; the same seed gives the same ports.
# B is the build folder.
set -u
. tests/lib/scratch.sh

routes='--route default=eth0 --route 10.0.0.0/24=eth1'
replay() { # ARGUMENT...
    timeout 60 "$bin/preyrun" --pcap in.pcap --self 203.0.113.1 $routes --write left.pcap --verdicts lines "$@" rules.pbc \
        >out 2>err </dev/null
}
# The source and destination of the Nth packet that left: each has 42 bytes, behind 16 of record.
ends() {
    od -An -tu1 -j $((24 + ($1 - 1) * 58 + 16 + 26)) -N 12 left.pcap |
        awk '{ printf "%d.%d.%d.%d:%d > %d.%d.%d.%d:%d\n", $1, $2, $3, $4, $9 * 256 + $10, $5, $6, $7, $8, $11 * 256 + $12 }'
}

cat >rules.prey <<'END_OF_RULES'
set lan = 10.0.0.0/24
nat home {
  masquerade from lan out on "eth0" ports 2000-2001
  forward 203.0.113.1 udp/53 -> 10.0.0.53:5353
}
firewall edge default drop {
  accept from lan as OUT
  accept udp to self port 53, 2000-2001 as IN
}
END_OF_RULES
cat >in.notes <<'END_OF_NOTES'
eth / ip4 10.0.0.5 > 192.0.2.1 / udp 2000 > 53
eth / ip4 192.0.2.1 > 203.0.113.1 / udp 53 > 2000
eth / ip4 10.0.0.5 > 192.0.2.1 / udp 2000 > 53
eth / ip4 10.0.0.6 > 192.0.2.1 / udp 2000 > 53
eth / ip4 192.0.2.1 > 203.0.113.1 / udp 53 > 2001
eth / ip4 10.0.0.6 > 192.0.2.1 / udp 2000 > 53
eth / ip4 10.0.0.7 > 192.0.2.1 / udp 2000 > 53
eth / ip4 192.0.2.9 > 203.0.113.1 / udp 4 > 2000
eth / ip4 192.0.2.9 > 203.0.113.1 / udp 4 > 53
eth / ip4 10.0.0.6 > 203.0.113.1 / udp 2000 > 53
eth / ip4 192.0.2.9 > 203.0.113.1 / udp 4 > 54
END_OF_NOTES
"$bin/preyc" rules.prey -o rules.pbc >said 2>&1 || { sed 's/^/# /' said; ok 1 "rules.prey compiles"; }
"$bin/tests/tools/mkcap" in.notes in.pcap || ok 1 "in.notes is a capture"

replay
ok $? "it is replayed"
same "the verdicts" "$(tail -n +2 lines | cut -f 2,3,6 | tr '\t\n' ' ,')" \
    "forward OUT -,forward - -,forward OUT -,forward OUT -,forward - -,forward OUT -,drop OUT no-source-port,forward IN -,forward IN -,forward OUT -,drop default -,"
same "from inside" "$(ends 1)" "203.0.113.1:2000 > 192.0.2.1:53"
same "the answer" "$(ends 2)" "192.0.2.1:53 > 10.0.0.5:2000"
same "another host with the same port" "$(ends 4)" "203.0.113.1:2001 > 192.0.2.1:53"
same "a stranger at a mapped end" "$(ends 7)" "192.0.2.9:4 > 10.0.0.5:2000"
same "a stranger at a forwarded end" "$(ends 8)" "192.0.2.9:4 > 10.0.0.53:5353"
same "from inside to a forwarded end" "$(ends 9)" "203.0.113.1:2001 > 10.0.0.53:5353"
same "nothing else" "$(wc -c <left.pcap)" $((24 + 9 * 58))
grep -q 'translated *5 flows, 1 from inside to inside; 2 mappings now, peak 2' out &&
    grep -q 'flows refused: 1 because no port was free' out
ok $? "the summary says so"
"$bin/preyrun" --pcap in.pcap --self 203.0.113.1 $routes --format json rules.pbc 2>err | tr -d '[:space:]' |
    grep -qE '"translated":\{"out":2,"in":2,"hairpins":1,("way_[a-z_]+":0,){8}"routed":0,"routed_lost":0,"guessed":0,"mappings":2,"most":2,"ports_kept":1,"no_address":0,"exhausted":1,'
ok $? "so does JSON"

# Ways that nobody can tell: the summary counts them by cause, and an explanation says why.
"$bin/preyrun" --pcap in.pcap --self 203.0.113.1 rules.pbc >out 2>err
has "without routes the summary says what does" '^no way +3 packets not translated, .*: add routes with --route or --routes FILE$'
echo '192.0.2.0/24 encap mpls 100 via 203.0.113.9 dev eth0' >encapsulated
"$bin/preyrun" --pcap in.pcap --self 203.0.113.1 --routes encapsulated rules.pbc >out 2>err
has "with them, the causes" '^ +3: the route puts another header in front'
asked='udp 10.0.0.5:2000 -> 192.0.2.1:53 on eth1'
timeout 60 "$bin/preyc" --ask "$asked" rules.prey >out 2>err
has "an answer without routes says so" '^  way unknown, not translated here: no routes are known; to make it known, use: --route or --routes FILE$'
timeout 60 "$bin/preyc" --routes encapsulated --ask "$asked" rules.prey >out 2>err
has "one with them says why" '^  way unknown, not translated here: the route puts another header in front .*; to translate it, use: --exec kernel'
timeout 60 "$bin/preyc" --json --routes encapsulated --ask "$asked" rules.prey >out 2>err
has "as JSON" '"way_unknown":{"cause":"encapsulated","why":"the route puts another header in front'
"$bin/preyrun" --pcap in.pcap --self 203.0.113.1 --routes encapsulated --explain 1 rules.pbc >out 2>err
has "so does the explanation of a frame" '^  way unknown, not translated here: the route puts'

# Ways that live traffic may take otherwise: of several, and of a mark.
several='192.0.2.0/24 nexthop via 203.0.113.9 dev eth0 nexthop via 198.51.100.9 dev eth2'
printf '0: from all lookup local\n1: from all fwmark 0x7 lookup 7\n32766: from all lookup main\n192.0.2.0/24 via 203.0.113.9 dev eth0\n192.0.2.0/24 via 198.51.100.9 dev eth2 table 7\n' >marked
echo "$several" >several
for ways in several marked; do
    why=$([ $ways = marked ] && echo 'a policy rule matches a mark' || echo 'this machine chooses one of several interfaces')
    timeout 60 "$bin/preyc" --routes $ways --ask "$asked" rules.prey >out 2>err
    has "an answer by a way of $ways says that it is a guess" "^  way guessed: $why.*; to make it known, use: "
    timeout 60 "$bin/preyc" --json --routes $ways --ask "$asked" rules.prey >out 2>err
    has "as JSON" "\"way_guessed\":{\"cause\":\"${ways%ed}\",\"why\":\"$why"
    "$bin/preyrun" --pcap in.pcap --self 203.0.113.1 --routes $ways rules.pbc >out 2>err
    has "so does the summary" '^way guessed +[0-9]+ flows? took one of several routes, or the route without a mark: in live traffic, this machine chooses$'
done
echo '192.0.2.0/24 via 203.0.113.9 dev eth0' >single
timeout 60 "$bin/preyc" --routes single --ask "$asked" rules.prey >out 2>err
same "a way that is one is no guess" "$(grep -c guessed out)" 0

# A flow that others drove out: its port is not another's while it would have lived, and what comes late finds the same host.
cp rules.prey kept.prey
{ echo 'limits { flows 16 }'; sed 's/ports 2000-2001/ports 2000-2999/' kept.prey; } >rules.prey
{
    printf 'eth / ip4 %s / udp %s\n' '10.0.0.5 > 192.0.2.1' '2000 > 53' '192.0.2.1 > 203.0.113.1' '53 > 2000'
    for i in $(seq 2100 2130); do
        printf 'eth / ip4 %s / udp %s\n' "10.0.0.$((i - 2000)) > 192.0.2.1" "$i > 53" '192.0.2.1 > 203.0.113.1' "53 > $i"
    done
    printf 'eth / ip4 %s / udp %s\n' '10.0.0.6 > 192.0.2.1' '2000 > 53' '192.0.2.1 > 203.0.113.1' '53 > 2000'
} >evicted.notes
"$bin/preyc" rules.prey -o rules.pbc >said 2>&1 && "$bin/tests/tools/mkcap" evicted.notes evicted.pcap
ok $? "a capture of more flows than there is room for"
"$bin/preyrun" --pcap evicted.pcap --self 203.0.113.1 $routes --write left.pcap --format json rules.pbc >out 2>err
same "some were driven out" "$? $(python3 -c 'import json; print(json.load(open("out"))["flows"]["ended"]["evicted-answered"] > 0)')" '0 True'
same "the port is not another's" "$(ends 65 | cut -d: -f1,3)" '203.0.113.1:53'
[ "$(ends 65)" != '203.0.113.1:2000 > 192.0.2.1:53' ]
ok $? "though it has left the table"
same "a late answer" "$(ends 66)" '192.0.2.1:53 > 10.0.0.5:2000'
mv kept.prey rules.prey

# Many ports to draw from.
sed -i 's/ports 2000-2001/ports 30000-65535/' rules.prey
"$bin/preyc" rules.prey -o rules.pbc >said 2>&1
replay --seed 5 && cp left.pcap five.pcap && replay --seed 5 && cmp -s left.pcap five.pcap
ok $? "the same seed gives the same ports"
replay --seed 6 && ! cmp -s left.pcap five.pcap
ok $? "another seed gives others"

# Without --self, this machine's addresses are those of the table `local` in --routes, in each family.
cat >rules.prey <<'END_OF_RULES'
firewall host default drop {
  accept tcp to self port 80 as OURS
}
END_OF_RULES
cat >in.notes <<'END_OF_NOTES'
eth / ip4 10.0.0.5 > 192.0.2.1 / tcp 2000 > 80 syn
eth / ip4 10.0.0.5 > 192.0.2.255 / tcp 2000 > 80 syn
eth / ip4 10.0.0.5 > 192.0.2.2 / tcp 2000 > 80 syn
eth / ip4 10.0.0.5 > 192.0.2.3 / tcp 2000 > 80 syn
eth / ip6 2001:db8::5 > 2001:db8::1 / tcp 2000 > 80 syn
END_OF_NOTES
cat >table <<'END_OF_ROUTES'
local 192.0.2.1 dev eth0 table local proto kernel scope host src 192.0.2.1
broadcast 192.0.2.255 dev eth0 table local proto kernel scope link src 192.0.2.1
local 192.0.2.2 dev lo table 100
192.0.2.0/24 dev eth0 proto kernel scope link src 192.0.2.1
local 2001:db8::1 dev eth0 table local proto kernel metric 0 pref medium
END_OF_ROUTES
"$bin/preyc" rules.prey -o rules.pbc >said 2>&1 && "$bin/tests/tools/mkcap" in.notes in.pcap
ok $? 'a capture of packets to a machine'
ours() { # ARGUMENT...: which packets are for this machine
    timeout 60 "$bin/preyrun" --pcap in.pcap --verdicts - "$@" rules.pbc 2>err | awk '$3 == "OURS" { printf "%s ", $1 }'
}
same 'self is what --routes has as local' "$(ours --routes table)" '1 2 5 '
same 'unless --self lists an address of the family' "$(ours --routes table --self 192.0.2.3)" '4 5 '
same 'without both nothing is' "$(ours)" ''
exit $failed
