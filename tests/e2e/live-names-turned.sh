#!/usr/bin/env bash
# Names whose name server misbehaves: records in another order each time, aliases that move, answers of others, cut ones; and a resolver that is killed.
set -u
: "${EXEC:=user}"
. tests/e2e/live/names.sh
between one
name_files
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=shop -keyout key.pem -out cert.pem 2>said || cat said
cat >rules.prey <<'END'
pool web { servers web srv "_http._tcp.turned.example.net" max 2 }
pool alias { server a name "alias.example.net":80 }
pool slow { servers slow srv "_slow._tcp.example.net" max 2 }
set lies = live names "otherid.example.net", "otherport.example.net", "othername.example.net", "othertype.example.net", "each.example.net", "loop.example.net", "failed.example.net"
service web on 203.0.113.10 tcp/80 { mode passthrough; -> web }
service alias on 203.0.113.10 tcp/81 { mode passthrough; -> alias }
service slow on 203.0.113.10 tcp/82 { mode passthrough; -> slow }
service tls on 203.0.113.10 tcp/443 { mode proxy tls cert "cert.pem" key "key.pem"; -> alias }
firewall f forward default drop { accept tcp to 203.0.113.10; accept from lies }
END
"$bin/preyc" rules.prey -o rules.pbc >/dev/null || exit 1
lies=$(for n in otherid otherport othername othertype each loop failed; do echo "$n.example.net A 1 198.51.100.66"; done)
records='_http._tcp.turned.example.net SRV 1 1,10,80,one.example.net
_http._tcp.turned.example.net SRV 1 1,700,80,one.example.net
_http._tcp.turned.example.net SRV 1 2,900,80,one.example.net
one.example.net A 3600 10.2.0.2
_slow._tcp.example.net SRV 3600 1,10,80,slow.example.net
slow.example.net A 3600 10.2.0.6
slow.example.net AAAA 3600 fd00:2::6'
knows "$lies" "$records" 'alias.example.net CNAME 1 old.example.net' 'old.example.net A 3600 10.2.0.7' 'new.example.net A 3600 10.2.0.8'
serve_zone
prey prey -i wan -i lan rules.pbc
is_ready prey || exit 1
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
# Records live as long as they say: 33 is the type of SRV; IPv4 and IPv6 are asked for apart.
asked() { grep -c "^asked $1 33$" dns.out; } # SERVICE
often() { [ "$(asked _http._tcp.turned.example.net)" -ge 5 ]; }
until_true 300 'a service whose records live for a second is asked for often' often
same 'and one whose records live for an hour once in each family' "$(often && asked _slow._tcp.example.net) $(state slow slow-1 address)" '2 10.2.0.6'
ctl sets lies --json
same 'no answer of others, and no broken one, has a member' "$(cat out)" ''

# A reload that is refused while a name moves.
mv cert.pem away.pem
knows "$lies" "$records" 'alias.example.net A 1 10.2.0.9'
hears 'a move that is refused is told' 'servers by name: .*cert\.pem.*; the old program keeps running$'
same 'the server stays' "$(state alias a address) $(grep -c 'is 10\.2\.0\.9 now' prey.err)" '10.2.0.8 0'
mv away.pem cert.pem
until_true 400 'the move is tried again' is alias a address 10.2.0.9
hears 'and told once it is in force' '^names: alias/a: alias\.example\.net is 10\.2\.0\.9 now; it was 10\.2\.0\.8$'

# The resolver is killed.
kill -KILL $(resolver)
hears 'a resolver that ends is told' '^names: the process that looks up names has ended; preyrun starts another$'
knows "$lies" "$records" 'alias.example.net CNAME 1 old.example.net' 'old.example.net A 3600 10.2.0.7'
until_true 200 'and another one asks' is alias a address 10.2.0.7
same 'and another one asks' "$(state alias a address)" 10.2.0.7
prey_ends
same 'it ends with 0' "$status" 0
exit $failed
