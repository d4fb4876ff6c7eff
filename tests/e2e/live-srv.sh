#!/usr/bin/env bash
# Servers of a service (`servers srv`) and of all addresses of a name: ports, weights and order of SRV records, targets that come and go. In a mount namespace of its own, for resolv.conf(5) and hosts(5).
set -u
[ -n "${own_mounts-}" ] || own_mounts=1 exec unshare -m --propagation private bash "$0" "$@"
: "${EXEC:=user}"
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin
site one two
head -c 200000 /dev/zero >web-two/large
printf 'nameserver 10.2.0.2\n' >resolv.conf
printf '127.0.0.1 localhost\n' >hosts
mount --bind resolv.conf /etc/resolv.conf
mount --bind hosts /etc/hosts
serve() { # OPTION...: dnsmasq with these records
    if [ -n "${server-}" ]; then
        kill -KILL "$server"
        wait "$server" 2>/dev/null
    fi
    background one dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv --no-hosts --user=root --pid-file= --bind-interfaces \
        --listen-address=10.2.0.2 --local=/example.net/ --local-ttl=1 --log-facility=- --host-record=one.example.net,10.2.0.2,fd00:2::2 \
        --host-record=two.example.net,10.2.0.3,fd00:2::3 "$@" >>dns.log 2>&1
    server=$last
}
rules shop <<'END'
pool web { balance round_robin; servers srv "_http._tcp.example.net" max 3; server spare 10.2.0.3:80 backup }
pool all { balance round_robin; servers each name "all.example.net":80 max 2 }
service shop on 203.0.113.10 tcp/80 { mode passthrough; -> web }
service whole on 203.0.113.10 tcp/81 { mode proxy; -> all }
firewall f forward default drop { accept tcp to 203.0.113.10 }
END
state() { # POOL SERVER FIELD: of a server that the rules name
    ctl status --json
    python3 -c 'import json, sys
s = json.load(open("out"))
print(*(x[sys.argv[3]] or "-" for p in s["pools"] if p["pool"] == sys.argv[1] for x in p["servers"] if x["name"] == sys.argv[2] and x["health"] != "past"))' "$@"
}
is() { [ "$(state "$1" "$2" "$3")" = "$4" ]; } # POOL SERVER FIELD VALUE
at_port() { echo "$(state web "$1" address) $(state web "$1" port) $(state web "$1" weight) $(state web "$1" backup)"; }
here() { [ "$(at_port "$1")" = "$2" ]; }
many() { for _ in 1 2 3 4 5 6; do ask client "$1"; done | sort | uniq -c | tr -s ' \n' ' '; } # answers of six connections
ip -n "$id-client" route add 203.0.113.0/24 via 10.1.0.2

serve --srv-host=_http._tcp.example.net,one.example.net,80,10,2000 --srv-host=_http._tcp.example.net,two.example.net,8080,10,1000 \
    --host-record=all.example.net,10.2.0.2 --host-record=all.example.net,10.2.0.3
prey prey -i wan -i lan shop.pbc
is_ready prey || exit 1
until_true 200 'a service has servers' here srv-1 '10.2.0.2 80 1000 -'
same 'ports and weights are those of its records' "$(at_port srv-1), $(at_port srv-2)" '10.2.0.2 80 1000 -, 10.2.0.3 8080 500 -'
ctl impact shop.pbc
same 'the same rules would change no server' "$status $(grep -cE '^pools|drain|reset|move' out)" '0 0'
same 'a server without a record is down' "$(state web srv-3 health): $(state web srv-3 why)" 'down: its name has no address for it'
same 'connections go by weight' "$(many 203.0.113.10)" ' 4 one 2 two '
same 'all addresses of a name have a server' "$(many 203.0.113.10:81)" ' 3 one 3 two '

# Another order, and one target less.
serve --srv-host=_http._tcp.example.net,one.example.net,80,20,1 --srv-host=_http._tcp.example.net,two.example.net,8080,10,1 \
    --host-record=all.example.net,10.2.0.3
until_true 700 'a target of lower priority waits' here srv-1 '10.2.0.2 80 1 True'
same 'the other one serves' "$(at_port srv-2), $(many 203.0.113.10)" '10.2.0.3 8080 1 -,  6 two '
until_true 300 'an address that a name has no longer leaves its server' is all each-1 address -
same 'and connections go to what is left' "$(many 203.0.113.10:81)" ' 6 two '

# The same target at two ports; a record that says that there is no such service.
serve --srv-host=_http._tcp.example.net,one.example.net,80,1,1 --srv-host=_http._tcp.example.net,one.example.net,8080,1,1
until_true 700 'a target may have two ports' here srv-2 '10.2.0.2 8080 1 -'
same 'each is a server' "$(at_port srv-1)" '10.2.0.2 80 1 -'
serve --srv-host=_http._tcp.example.net,.
sleep 2
same 'no service changes nothing' "$(at_port srv-1)" '10.2.0.2 80 1 -'
# shellcheck disable=SC2046 # a word for each record
serve $(seq -f '--srv-host=_http._tcp.example.net,two.example.net,%g,1,1' 1 257)
hears 'a service of too many targets is told' '^names: _http\._tcp\.example\.net: the service has 257 targets, more than 256'
same 'and changes nothing' "$(at_port srv-1)" '10.2.0.2 80 1 -'
prey_ends
same 'it ends with 0' "$status" 0
exit $failed
