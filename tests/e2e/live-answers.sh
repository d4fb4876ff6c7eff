#!/usr/bin/env bash
# Live sets of DNS answers (`live answers`): what is believed and what is not, of traffic that crosses, of this machine's own, and behind a
# translation; a member is in force before its client has the answer; reloads; the same members as dnsmasq's sets of nftables.
# EXEC=kernel: live-answers-kernel.sh.
set -u
: "${EXEC:=user}"
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin
. "$top/tests/e2e/live/sets.sh"
between one
ip -n "$id-client" route add default via 10.1.0.2
ip -n "$id-client" -6 route add default via fd00:1::2
ip -n "$id-prey" route add 203.0.113.0/24 via 10.2.0.2
at one ip route add local 203.0.113.0/24 dev lo
address one eth0 10.2.0.3/24
dns=$top/tests/e2e/live/dns.py

for i in $(seq 60); do echo "host$i.example.net A 60 203.0.113.$i"; done >zone
cat >>zone <<'END'
www.example.net A 60 198.51.100.7
www.example.net AAAA 60 2001:db8::7
a.b.example.net A 3600 198.51.100.8
example.net A 1 198.51.100.9
cdn.example.net CNAME 60 one.example.org
one.example.org CNAME 60 two.example.org
two.example.org A 60 198.51.100.10
two.example.org A 60 198.51.100.11
notexample.net A 60 198.51.100.20
other.example.org A 60 198.51.100.21
inside.example.net A 60 10.2.0.2
local.example.net A 60 127.0.0.1
linked.example.net AAAA 60 fe80::1
mapped.example.net AAAA 60 ::ffff:198.51.100.22
long.example.net A 4000000000 198.51.100.23
otherid.example.net A 60 198.51.100.201
otherport.example.net A 60 198.51.100.202
othername.example.net A 60 198.51.100.203
othercase.example.net A 60 198.51.100.204
othertype.example.net A 60 198.51.100.205
toelse.example.net A 60 198.51.100.206
twice.example.net A 60 198.51.100.30
cut.example.net A 60 198.51.100.207
failed.example.net A 60 198.51.100.208
stray.example.net A 60 198.51.100.31
loop.example.net A 60 198.51.100.209
each.example.net A 60 198.51.100.32
many.example.net A 60 198.51.100.33
shut.example.net A 60 198.51.100.34
END
long=$(printf '%060d.' 1 2 3)example.net
echo "$long A 60 198.51.100.36" >>zone
background one python3 "$dns" serve 10.2.0.2 "$work/zone" >served
until_true 50 'a resolver answers' grep -q ready served
background one python3 "$dns" serve 10.2.0.3 "$work/zone" >served3

rules asked <<'END'
set resolvers = 10.2.0.2, fd00:2::2
set vendor = live answers "*.example.net", "example.net" from resolvers never 10.0.0.0/8
firewall f forward default drop {
  accept state established
  drop udp from 10.1.0.1 source port 5353 to port 53
  accept udp to port 53
  accept to vendor
}
END
sed 's/accept state established/& as AGAIN/' asked.prey >again.prey
"$bin/preyc" again.prey -o again.pbc >/dev/null

query() { at client python3 "$dns" ask 10.2.0.2 "$@" 2>/dev/null; } # NAME [TYPE] [OPTION...]: the client asks, and prints what comes
members() { at prey "$bin/preyctl" sets vendor --json | python3 -c 'import json, sys
print(*sorted(json.loads(l)["member"] for l in sys.stdin if l.strip()))'; }
left_s() { at prey "$bin/preyctl" sets vendor --json | python3 -c 'import json, sys
print(*[round(m["left_ms"] / 1000) for m in map(json.loads, sys.stdin) if m["member"] == sys.argv[1]])' "$1"; }
empty() { ctl sets vendor flush; }
between_of() { [ "$1" -ge "$2" ] && [ "$1" -le "$3" ] && echo yes || echo "$1"; }
# believed SENTENCE NAME TYPE MEMBERS: what the set has once that was asked, which begins empty
believed() {
    empty
    query "$2" "$3" --wait 0.4 >came
    same "$1" "$(members)" "$4"
}

prey prey -i wan -i lan asked.pbc
is_ready prey || exit 1
believed 'an address of a host is a member' www.example.net A 198.51.100.7
same 'its client has it' "$(cat came)" 198.51.100.7
ctl sets vendor has 198.51.100.7
has 'it says that an answer made it so' '^vendor has 198\.51\.100\.7: member 198\.51\.100\.7, for 1[01]m .*, by answer since [0-9:]*: www\.example\.net$'
same 'it stays for its TTL of a minute, and ten' "$(between_of "$(left_s 198.51.100.7)" 640 660)" yes
believed 'of IPv6, too' www.example.net AAAA 2001:db8::7
believed 'a star is any number of labels' a.b.example.net A 198.51.100.8
same 'an hour is an hour and ten minutes' "$(between_of "$(left_s 198.51.100.8)" 4180 4200)" yes
believed 'a name without a star is itself' example.net A 198.51.100.9
same 'a second counts as a minute' "$(between_of "$(left_s 198.51.100.9)" 640 660)" yes
believed 'a TTL of the upper half is none' long.example.net A 198.51.100.23
same 'and so a minute' "$(between_of "$(left_s 198.51.100.23)" 640 660)" yes
believed 'aliases are followed' cdn.example.net A '198.51.100.10 198.51.100.11'
believed 'case does not matter for the pattern' WwW.ExAmPlE.nEt A 198.51.100.7
believed 'a name may be long' "$long" A 198.51.100.36
believed 'another name is none' notexample.net A ''
believed 'nor is one of another domain' other.example.org A ''
before=$(of_set vendor refused)
believed 'never refuses' inside.example.net A ''
believed 'the loopback is refused' local.example.net A ''
believed 'so is an address of the link' linked.example.net AAAA ''
believed 'and IPv4 in IPv6' mapped.example.net AAAA ''
same 'each is counted' "$(($(of_set vendor refused) - before))" 4

unasked=$(of_set vendor unasked)
believed 'an answer with another number is not believed' otherid.example.net A ''
believed 'nor from another port' otherport.example.net A ''
believed 'nor of another name' othername.example.net A ''
believed 'nor in another case' othercase.example.net A ''
believed 'nor of another type' othertype.example.net A ''
believed 'nor to another port' toelse.example.net A ''
same 'those are counted that the rules let through, from port 53' "$(of_set vendor unasked)" "$((unasked + 4))"
empty
at client python3 "$dns" ask 10.2.0.3 www.example.net A --wait 0.4 >came
same 'nor of a resolver that is none' "$(cat came) $(members)" '198.51.100.7 '
believed 'a question has one answer' twice.example.net A 198.51.100.30
same 'the second one is counted' "$(of_set vendor unasked)" "$((unasked + 5))"
bad=$(of_set vendor bad)
believed 'an answer that was cut adds nothing' cut.example.net A ''
believed 'nor does one with a circle in its names' loop.example.net A ''
same 'both are counted' "$(of_set vendor bad)" "$((bad + 2))"
believed 'nor a failure' failed.example.net A ''
believed 'of the records those count that the question leads to' stray.example.net A 198.51.100.31
believed 'an answer cut at each byte adds nothing' each.example.net A ''
same 'preyrun goes on' "$(query host1.example.net)" 203.0.113.1
empty
query many.example.net >came
same 'of eighty addresses sixty-four are taken' "$(members | wc -w)" 64
empty
query shut.example.net A --port 5353 --wait 0.5 >came
same 'a question that was dropped has no answer' "$(cat came)$(members)" ''
query www.example.net A --port 53 --wait 0.4 >came
same 'a question may come from port 53, too' "$(members)" 198.51.100.7
empty
unasked=$(of_set vendor unasked)
mac=$(at prey cat /sys/class/net/wan/address)
at client python3 "$dns" forge 10.1.0.1 10.2.0.2 silent.example.net 198.51.100.66 eth0 "$mac"
forged_seen() { [ "$(of_set vendor unasked)" -gt "$unasked" ]; }
until_true 30 'a forged answer is seen' forged_seen
same 'nor is a client believed that answers itself in the name of a resolver' "$(members)" ''

# The first packet to the address after the answer.
missed=0
empty
for i in $(seq 60); do
    address=$(query "host$i.example.net")
    at client ping -c 1 -W 1 "$address" >/dev/null || missed=$((missed + 1))
done
same 'each address is a member before the client has it' "$missed $(members | wc -w)" '0 60'

# By hand.
ctl sets vendor add 192.0.2.1
same 'nobody adds by hand' "$status $(cat err out | tail -1)" '1 vendor: 1 refused'
ctl sets vendor remove 203.0.113.1
same 'but removes' "$status $(cat out)" '0 vendor: 1 removed'
echo 192.0.2.1 | at prey "$bin/preyctl" sets vendor replace >out 2>err
same 'or replaces' "$? $(cat err)" '2 preyctl: vendor: its members come only from DNS answers'

# This machine's own questions. The copies that the user executor sees of them may come behind the answer.
empty
at prey python3 "$dns" ask 10.2.0.2 www.example.net >came
own() { [ "$(members)" = 198.51.100.7 ]; }
until_true 30 'an own question is seen' own && ok 0 'of this machine, too'

# A reload while a question waits.
ctl load again.pbc
same 'a reload' "$status" 0
same 'keeps members' "$(members)" 198.51.100.7
same 'and counts' "$(between_of "$(of_set vendor answers)" 60 200)" yes
query a.b.example.net >came
same 'and goes on' "$(members)" '198.51.100.7 198.51.100.8'

# dnsmasq on this machine, whose sets of nftables get the addresses of the same names.
at prey nft -f - <<'END'
table inet t { set four { type ipv4_addr; }; set six { type ipv6_addr; }; }
END
background prey dnsmasq --no-daemon --conf-file=/dev/null --no-resolv --no-hosts --user=root --server=10.2.0.2 --listen-address=10.1.0.2 \
    --bind-interfaces --cache-size=0 --pid-file= --nftset=/example.net/4#inet#t#four,6#inet#t#six 2>dnsmasq.log
until_true 50 'dnsmasq answers' at client python3 "$dns" ask 10.1.0.2 host1.example.net --wait 1
empty
at prey nft flush set inet t four
names='www.example.net a.b.example.net example.net cdn.example.net notexample.net other.example.org host2.example.net host3.example.net'
for name in $names; do
    for type in A AAAA; do at client python3 "$dns" ask 10.1.0.2 "$name" $type --wait 1 >>asked; done
done
nft_has() { for s in four six; do at prey nft -j list set inet t $s; done | python3 -c 'import json, sys
d, out = json.JSONDecoder(), []
text = sys.stdin.read().strip()
while text:
    o, at = d.raw_decode(text)
    text = text[at:].strip()
    for x in o["nftables"]: out += x.get("set", {}).get("elem", [])
print(*sorted(out))'; }
alike() { [ -n "$(nft_has)" ] && [ "$(nft_has)" = "$(members)" ]; }
until_true 30 'members come' alike
same 'the same members as in the sets of dnsmasq' "$(members)" "$(nft_has)"
prey_ends
same 'it ends in order' "$status" 0

# A program without such a set first: questions are seen as of the reload.
rules plain <<'END'
firewall f forward default accept { drop state invalid to 192.0.2.0/24 }
END
prey prey -i wan -i lan plain.pbc
ctl load asked.pbc
same 'a program with such a set comes by a reload' "$status $(cat err)" "0 "
believed 'it hears' www.example.net A 198.51.100.7
if [ "$EXEC" = kernel ]; then
    empty
    at prey python3 "$dns" ask 10.2.0.2 www.example.net >came
    until_true 30 'an own question is seen' own && ok 0 'and this machine, too'
else
    hears 'that this machine is not heard before a restart is told' "asked.pbc: .*; prey sees this machine's own DNS questions only after a restart"
fi
prey_ends

# Behind a translation, by three workers: the resolver sees prey's address.
rules turned <<'END'
set resolvers = 10.2.0.2
set vendor = live answers "*.example.net" from resolvers never 10.0.0.0/8
nat n { source from 10.1.0.0/24 out on "lan" -> 10.2.0.1 }
firewall f forward default accept { drop to vendor }
END
prey prey -i wan -i lan --workers 3 turned.pbc
is_ready prey || exit 1
believed 'behind a translation' www.example.net A 198.51.100.7
believed 'again by the same flow' www.example.net A 198.51.100.7
for i in 1 2 3 4 5 6; do query a.b.example.net A --port 6000 >came; done
same 'and again' "$(members)" '198.51.100.7 198.51.100.8'
same 'all are taken' "$(of_set vendor answers unasked)" '8 0'
believed 'a forged one is not believed' otherid.example.net A ''
prey_ends
exit $failed
