#!/usr/bin/env bash
# Names whose name server misbehaves: records in another order each time, aliases that move, answers of others, cut ones; and a resolver that is killed.
# In a mount namespace of its own, for resolv.conf(5) and hosts(5).
set -u
[ -n "${own_mounts-}" ] || own_mounts=1 exec unshare -m --propagation private bash "$0" "$@"
: "${EXEC:=user}"
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin
between one
printf 'nameserver 10.2.0.2\n' >resolv.conf
printf '127.0.0.1 localhost\n' >hosts
mount --bind resolv.conf /etc/resolv.conf
mount --bind hosts /etc/hosts
knows() { printf '%s\n' "$@" >zone.new && mv zone.new zone; } # RECORD...: what the name server knows from now on
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=shop -keyout key.pem -out cert.pem 2>said || cat said
cat >rules.prey <<'END'
pool web { servers web srv "_http._tcp.turned.example.net" max 2 }
pool alias { server a name "alias.example.net":80 }
set lies = live names "otherid.example.net", "otherport.example.net", "othername.example.net", "othertype.example.net", "each.example.net", "loop.example.net", "failed.example.net"
service web on 203.0.113.10 tcp/80 { mode passthrough; -> web }
service alias on 203.0.113.10 tcp/81 { mode passthrough; -> alias }
service tls on 203.0.113.10 tcp/443 { mode proxy tls cert "cert.pem" key "key.pem"; -> alias }
firewall f forward default drop { accept tcp to 203.0.113.10; accept from lies }
END
"$bin/preyc" rules.prey -o rules.pbc || exit 1
lies=$(for n in otherid otherport othername othertype each loop failed; do echo "$n.example.net A 1 198.51.100.66"; done)
records='_http._tcp.turned.example.net SRV 1 1,10,80,one.example.net
_http._tcp.turned.example.net SRV 1 1,700,80,one.example.net
_http._tcp.turned.example.net SRV 1 2,900,80,one.example.net
one.example.net A 1 10.2.0.2'
knows "$lies" "$records" 'alias.example.net CNAME 1 old.example.net' 'old.example.net A 3600 10.2.0.7' 'new.example.net A 3600 10.2.0.8'
background one python3 "$top/tests/e2e/live/dns.py" serve 10.2.0.2 zone >dns.out 2>dns.err
until_true 100 'the name server is there' grep -q ready dns.out
prey prey -i wan -i lan rules.pbc
is_ready prey || exit 1
state() { # POOL SERVER FIELD: of a server that the rules name
    ctl status --json
    python3 -c 'import json, sys
s = json.load(open("out"))
print(*(x[sys.argv[3]] or "-" for p in s["pools"] if p["pool"] == sys.argv[1] for x in p["servers"] if x["name"] == sys.argv[2] and x["health"] != "past"))' "$@"
}
is() { [ "$(state "$1" "$2" "$3")" = "$4" ]; } # POOL SERVER FIELD VALUE
until_true 200 'an alias has an address' is alias a address 10.2.0.7
until_true 200 'a service has a server' is web web-1 address 10.2.0.2

# The alias lives for a second, the address behind it for an hour.
knows "$lies" "$records" 'alias.example.net CNAME 1 new.example.net' 'old.example.net A 3600 10.2.0.7' 'new.example.net A 3600 10.2.0.8'
until_true 30 'an alias that moves is followed when its own time is over' is alias a address 10.2.0.8
same 'an alias that moves is followed when its own time is over' "$(state alias a address)" 10.2.0.8

# Three records for one place.
weights=
for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do
    weights="$weights $(state web web-1 weight)/$(state web web-1 backup)"
    sleep 1
done
same 'of records for one place the same one counts, in whatever order they come' "$(printf '%s\n' $weights | sort -u | tr '\n' ' ')" '700/- '
ctl sets lies --json
same 'no answer of others, and no broken one, has a member' "$(cat out)" ''

# A reload that is refused while a name moves.
mv cert.pem away.pem
knows "$lies" "$records" 'alias.example.net A 1 10.2.0.9'
hears 'a move that is refused is told' 'servers by name: .*cert\.pem.*; the program that runs goes on$'
same 'the server stays' "$(state alias a address) $(grep -c 'is 10\.2\.0\.9 now' prey.err)" '10.2.0.8 0'
mv away.pem cert.pem
until_true 400 'the move is tried again' is alias a address 10.2.0.9
hears 'and told once it is in force' '^names: alias/a: alias\.example\.net is 10\.2\.0\.9 now; it was 10\.2\.0\.8$'

# The resolver is killed.
for p in $(pgrep -x prey-resolver); do [ ! "/proc/$p/ns/net" -ef "/run/netns/$id-prey" ] || kill -KILL "$p"; done
hears 'a resolver that ends is told' '^names: the process that asks for names has ended; another one is started$'
knows "$lies" "$records" 'alias.example.net CNAME 1 old.example.net' 'old.example.net A 3600 10.2.0.7'
until_true 200 'and another one asks' is alias a address 10.2.0.7
same 'and another one asks' "$(state alias a address)" 10.2.0.7
prey_ends
same 'it ends with 0' "$status" 0
exit $failed
