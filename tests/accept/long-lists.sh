#!/bin/bash
# A hundred thousand rules: promises, tried on the built programs, one line each. B: the
# build folder. Speed is not judged here (make bench), only that a classifier is used and that what it does is right.
set -u
. tests/lib/accept.sh
[ -x "$tools/mkcap" ] || { echo "not ok - $B/tests/tools/mkcap is built: make it first" && exit 2; }
# Sanitizers make a compile ten times as long.
case $B in *san) many=20000 said=20,001 ;; *) many=100000 said=100,001 ;; esac

rules() { # NAME: from standard input
    cat >"$1.prey"
}
compiled() { # NAME: without an error
    call preyc "$1.prey" -o "$1.pbc"
    [ "$status" -eq 0 ] || sed 's/^/# /' err
}
capture() { # NAME: frames from standard input
    cat >"$1.notes"
    "$tools/mkcap" "$1.notes" "$1.pcap"
}
head_of_list='firewall edge default drop {\n  accept icmp6 type nd'

# ---- what the compiler knows of rules ----

rules known <<'END'
firewall edge default drop {
  accept icmp6 type nd
  accept tcp to port 1-99 as LOW
  accept tcp to port 100-1023 as MIDDLE
  accept tcp to port 50-200 as COVERED
  accept tcp to port 1000-2000 as PARTLY
}
END
call preyc known.prey -o known.pbc
says 'a rule that several cover together is told' 0 'known.prey:5:3: warning: this rule can never match \[W0310\]' err
says 'with the rules that cover it' 0 'known.prey:3:3: note:' err
says 'all of them' 0 'known.prey:4:3: note:' err
same 'and no other rule' "$(grep -c 'warning:' err)" 1
call preyc --stats known.prey
says 'preyc --stats says what is left of a rule that is covered in part' 0 'PARTLY.*1024-2000' out

# ---- the classifier ----

python3 - <<END
def save(name, lines): open(name + ".prey", "w").write("$head_of_list".replace("\\\\n", "\n") + "\n" + "\n".join(lines) + "\n}\n")
net = lambda i: f"10.{i >> 8 & 255}.{i & 255}.0/24"
long = [f"  drop tcp from {net(i)} to port {i % 999 + 1}-{i % 999 + 9}" for i in range(3000)]
long += [f"  accept udp from 2001:db8:{i:x}::/48 to port {i % 500 + 1}" for i in range(1000)]
long += ["  drop tcp flags has syn, fin as SCAN", "  accept icmp type echo-request as PING", "  drop fragment first as PIECE",
         "  accept ip dscp ef vlan 5 as VOICE", "  accept tcp to port 22 as SSH", "  count udp as UDP"]
long += [f"  accept udp from 2001:db8:{i:x}::/64 to port 4000" for i in range(1000)]
save("long", long)
save("huge", [f"  drop tcp from {net(i * 7 % 65536)} to 192.{i >> 8 & 255}.{i & 255}.0/24 port {i % 9999 + 1}-{i % 9999 + 50}" for i in range($many)])
save("few", long[:20])
END
compiled long
call preyc --stats long.prey
for what in 'rules in' 'boxes out' 'cuts' 'forks' 'blocks' 'bytes' 'expected +[0-9.]+ blocks' 'at most +[0-9]+ blocks' '[0-9]+ cache lines' '[0-9.]+ ns'; do
    says "preyc --stats tells of a classifier: $what" 0 "^ .*$what" out
done
call preyc --dump=bytecode few.prey
same 'a short list is straight code' "$status $(grep -c 'classify ' out)" '0 0'
call preyc --dump=bytecode long.prey
says 'a long one a classifier' 0 'classify ' out
capture traffic <<'END'
eth / ip4 10.0.7.9 > 203.0.113.1 / tcp 50000 > 9 syn
eth / ip4 10.0.7.9 > 203.0.113.1 / tcp 50000 > 22 syn
eth / ip4 172.16.0.9 > 203.0.113.1 / tcp 50000 > 443 syn fin
eth / ip4 172.16.0.9 > 203.0.113.1 / icmp type echo-request id 7 seq 1
eth / ip4 172.16.0.9 > 203.0.113.1 id 7 more / udp 5000 > 53 len 24 / zeros 8
eth / vlan 5 / ip4 172.16.0.9 > 203.0.113.1 tos 184 / udp 5000 > 53
eth / ip6 2001:db8:7::9 > 2001:db8::1 / udp 50000 > 8
eth / ip6 2001:db8:8::9 > 2001:db8::1 / udp 50000 > 4000
eth / ip6 2001:db8:ffff::9 > 2001:db8::1 / udp 50000 > 4000
END
preyrun --pcap traffic.pcap --verdicts lines long.pbc >summary
same 'addresses of both families, ports, flags, ICMP, fragments, DSCP and tags are told apart' \
    "$(awk -F '\t' 'NR > 1 { printf "%s%s", sep, $3; sep = " " }' lines)" \
    'edge:10 SSH SCAN PING PIECE VOICE edge:3010 edge:4017 default'
compiled huge
call preyc --stats huge.prey
tr -d , <out >figures
says 'a hundred thousand rules are one classifier' 0 "rules in +$((many + 1))$" figures
{ echo 'limits { classifier 64KiB }'; cat huge.prey; } >small.prey
call preyc small.prey -o small.pbc
says 'limits { classifier SIZE } bounds it: one error that names the limit' 1 'error: .*classifier.*\[E0593\]' err
same 'and only one' "$(grep -c 'error:' err)" 1
call preyc --dump=bytecode small.prey
[ ! -e small.pbc ]
ok $? 'nothing is written then'

# ---- proof that it is right (tests/diff and tests/corpus hold much more) ----

for n in $(seq 9); do preyrun --pcap traffic.pcap --explain "$n" long.pbc | tail -1; done | sed 's/.*rule //' >explained
same 'the executed rule of every packet is the one that the rule list gives' "$(tr '\n' ' ' <explained)" \
    "$(awk -F '\t' 'NR > 1 { printf "%s ", $3 }' lines)"
for damage in 1 2 3 4 5; do
    python3 - $damage <<'END'
import sys
seed, d = int(sys.argv[1]), bytearray(open("long.pbc", "rb").read())
for i in range(20): d[(seed * 7919 + i * 104729) % len(d)] ^= 1 << (seed + i) % 8
open("damaged.pbc", "wb").write(d)
END
    call preyrun --pcap traffic.pcap damaged.pbc
    [ "$status" -eq 2 ] && clean && [ "$(wc -l <err)" -eq 1 ]
    ok $? "a damaged program with classifiers is refused in a line ($damage)"
done

# ---- never and always ----

rules claims <<'END'
set admins = 192.0.2.0/28
meter slow = 5/s burst 3 per source
firewall edge default drop {
  accept icmp6 type nd
  accept tcp from admins to port 22 as SSH
  accept tcp to port 80, 443 as WEB
  accept udp to port 53 within slow as DNS
}
test "what must hold" {
  never accept: tcp not admins -> any port 22
  never accept: udp any -> any port 54
  always accept: tcp any -> any port 443
}
END
call preyc --werror claims.prey -o claims.pbc
same '`never` and `always` are proved, without a word' "$status$(cat err)" 0
sed 's/port 80, 443 as WEB/port 20-443 as WEB/' claims.prey >refuted.prey
call preyc refuted.prey -o refuted.pbc
says 'or refuted' 1 'refuted.prey:10:[0-9]*: error: test "what must hold": `never accept` is refuted: found accept by WEB \[E0715\]' err
says 'with a concrete packet' 1 'note: the packet: tcp [0-9.:]+ -> [a-z0-9.:]+:22 syn' err
says 'and the rule' 1 'refuted.prey:6:3: note: `WEB` decides' err
[ ! -e refuted.pbc ]
ok $? 'nothing is written then'
rules unknown <<'END'
firewall f default accept { drop tcp to self port 23; accept udp bytes l3 at 0 is x"46" mask x"4f"; drop udp }
test "no datagrams" { never accept: udp any -> self port 53 }
END
call preyc unknown.prey -o unknown.pbc
says 'unknown where bytes decide' 1 'E0716' err
says 'and it says which rule' 1 'unknown.prey:1:' err

# ---- what a change changes; what a capture touched ----

compiled claims
sed '/^test/,$d' claims.prey >old.prey
sed 's/port 80, 443 as WEB/port 80, 443, 8443 as WEB/' old.prey >wide.prey
sed 's/port 80, 443 as WEB/port 80 as WEB/' old.prey >narrow.prey
sed 's/as WEB/as HTTP  # the same/' old.prey >renamed.prey
call preyc --diff old.prey wide.prey
says 'preyc --diff: what widened, status 1' 1 '^widened .*tcp .*8443' out
says 'with both deciding rules' 1 'default of edge' out
says 'and an example packet' 1 'tcp [0-9.]+:[0-9]+ -> [a-z0-9.]+:8443' out
call preyc --diff old.prey narrow.prey
says 'what narrowed, status 0' 0 '^narrowed .*443' out
call preyc --diff old.prey renamed.prey
says 'text alone is no difference' 0 '^no difference' out
for p in old wide; do preyc $p.prey -o $p.pbc 2>/dev/null; done
call preyc --diff old.pbc wide.prey
says 'compiled programs too' 1 '^widened .*8443' out
call preyc --diff --format=json old.prey wide.prey
same '--format=json' "$status $(python3 -c 'import json; j = json.load(open("out")); print(j["widened"], len(j["regions"]))')" '1 True 1'
example=$(python3 -c 'import json; print(json.load(open("out"))["regions"][0]["example"])')
for side in 'old drop by default' 'wide accept by WEB'; do
    set -- $side
    { cat "$1.prey"; echo "test \"the example\" { expect $2 by $4: $example }"; } >shown.prey
    call preyc --check shown.prey
    says "the example is judged as it says: $side" 0 '1 test passed' out
done
rules days <<'END'
schedule open = mon-fri 08:00-18:00
firewall f default drop { accept tcp port 80 during open }
END
sed 's/mon-fri/mon-sat/' days.prey >longer.prey
call preyc --diff days.prey longer.prey
says 'longer hours widen' 1 '^widened .* at sat 08:00-18:00' out
same 'and nothing else' "$(tail -1 out)" '1 region: 1 widened'
call preyc --diff longer.prey days.prey
says 'shorter ones do not' 0 '^1 region: 1 narrowed' out

call preyrun --pcap traffic.pcap --coverage huge.pbc
says 'preyrun --coverage: which rules a capture touched, and which never' 0 "^coverage +0 of $said rules matched packets, $said never did" out
same 'readable with a hundred thousand' "$([ "$(wc -l <out)" -lt 20 ] && echo short) $(grep -c "$said rules" out)" 'short 3'
call preyrun --pcap traffic.pcap --coverage long.pbc
says 'by share of packets, with source lines' 0 'SSH +accept +1 +11\.1 % .*long.prey:4007' out
says 'and those that only count' 0 'UDP +count +2 +22\.2 % .*long.prey:4008' out
call preyrun --pcap traffic.pcap --coverage --format json long.pbc
same 'packets by rule are those of the verdict lines' "$(python3 -c '
import collections, json
cover = json.load(open("out"))["coverage"]
counted = {r["rule"]: r["packets"] for l in cover["lists"] for r in l["rules"] if r["packets"] and r["decides"]}
said = collections.Counter(l.split("\t")[2] for l in open("lines"))
print(all(said[k] == v for k, v in counted.items()), sum(counted.values()), cover["never"])')" 'True 8 4998'

# ---- explanations stay exact ----

call preyrun --pcap traffic.pcap --explain 2 long.pbc
same '--explain lists every rule that was tried, in file order' \
    "$status $(awk '$2 == "no" || $2 == "yes"' out | sed -n 's/.*long.prey:\([0-9]*\))$/\1/p' | sort -cn && awk '$2 == "no" || $2 == "yes"' out | wc -l)" '0 4006'
same 'and why each didn'\''t match' "$(awk '$2 == "no"' out | grep -c 'no   (long')" 0

# ---- bad input is bounded: it compiles, or one error names the limit and the rules ----

python3 "$top/tests/accept/long_lists.py" $many "$head_of_list"
bounded() { # NAME SENTENCE: it compiles within its time, or one error says why not
    call preyc "$1.prey" -o "$1.pbc"
    if { [ "$status" -eq 0 ] || { [ "$status" -eq 1 ] && [ "$(grep -c 'error:' err)" -eq 1 ]; }; } && clean; then ok 0 "$2"; else
        echo "# status $status"
        head -5 err | sed 's/^/# /'
        ok 1 "$2"
    fi
}
bounded wild '100,000 overlapping wildcards'
bounded ports '65,536 single ports'
bounded dead '100,000 rules that are all dead'
same 'whose warnings stay readable' "$([ "$(wc -l <err)" -lt 400 ] && grep -c 'more warnings' err)" 1
bounded million 'a set of a million members in 1,000 rules'
bounded asked '1,024 rules on one box that ask for bytes'
call preyc asked-more.prey -o asked-more.pbc
says 'more of them are one error, with the limit' 1 'asked-more.prey:[0-9:]+ error: .*1024 rules.*\[E0594\]' err
says 'and the rules' 1 'note: ' err
exit $failed
