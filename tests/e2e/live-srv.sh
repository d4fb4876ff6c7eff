#!/usr/bin/env bash
# Servers of a service (`servers srv`) and of all addresses of a name: ports, weights and order of SRV records, targets that come and go.
set -u
: "${EXEC:=user}"
. tests/e2e/live/names.sh
site one two
head -c 200000 /dev/zero >web-two/large
name_files
serves() { serve --host-record=one.example.net,10.2.0.2,fd00:2::2 --host-record=two.example.net,10.2.0.3,fd00:2::3 "$@"; }
rules shop <<'END'
pool web { balance round_robin; servers srv "_http._tcp.example.net" max 3; server spare 10.2.0.3:80 backup }
pool all { balance round_robin; servers each name "all.example.net":80 max 2 }
pool six { balance round_robin; servers srv "_http._tcp.example.net" ip6 max 2 }
pool all_six { balance round_robin; servers each name "all.example.net":80 ip6 max 2; server one name "one.example.net":8080 ip6 backup }
service shop on 203.0.113.10 tcp/80 { mode passthrough; -> web }
service whole on 203.0.113.10 tcp/81 { mode proxy; -> all }
service of_six on fd00:5::1 tcp/80 { mode passthrough; -> six }
service whole_six on fd00:5::1 tcp/81 { mode proxy; -> all_six }
firewall f forward default drop { accept tcp to 203.0.113.10; accept tcp to fd00:5::1 }
END
at_port() { # SERVER [POOL]
    local pool=${2-web}
    echo "$(state "$pool" "$1" address) $(state "$pool" "$1" port) $(state "$pool" "$1" weight) $(state "$pool" "$1" backup)"
}
here() { [ "$(at_port "$1" "${3-web}")" = "$2" ]; } # SERVER WORDS [POOL]
many() { for _ in 1 2 3 4 5 6; do ask client "$1"; done | sort | uniq -c | tr -s ' \n' ' '; } # answers of six connections
ip -n "$id-client" route add 203.0.113.0/24 via 10.1.0.2
ip -n "$id-client" -6 route add fd00:5::/64 via fd00:1::2

serves --srv-host=_http._tcp.example.net,one.example.net,80,10,2000 --srv-host=_http._tcp.example.net,two.example.net,8080,10,1000 \
    --host-record=all.example.net,10.2.0.2,fd00:2::2 --host-record=all.example.net,10.2.0.3,fd00:2::3
prey prey -i wan -i lan shop.pbc
is_ready prey || exit 1
until_true 200 'a service has servers' here srv-1 '10.2.0.2 80 1000 -'
same 'ports and weights are those of its records' "$(at_port srv-1), $(at_port srv-2)" '10.2.0.2 80 1000 -, 10.2.0.3 8080 500 -'
ctl impact shop.pbc
same 'the same rules would change no server' "$status $(grep -cE '^pools|drain|reset|move' out)" '0 0'
same 'a server without a record is down' "$(state web srv-3 health): $(state web srv-3 why)" 'down: its name has no address for this server'
same 'connections go by weight' "$(many 203.0.113.10)" ' 4 one 2 two '
same 'all addresses of a name have a server' "$(many 203.0.113.10:81)" ' 3 one 3 two '
until_true 200 'a service has servers of IPv6' here srv-2 'fd00:2::3 8080 500 -' six
same 'ports and weights of IPv6 are those of its records' "$(at_port srv-1 six)" 'fd00:2::2 80 1000 -'
same 'connections of IPv6 go by weight' "$(many '[fd00:5::1]')" ' 4 one 2 two '
until_true 200 'a name has all its servers of IPv6' is all_six each-2 address fd00:2::3
same 'and connections of IPv6 go to all of them' "$(many '[fd00:5::1]:81')" ' 3 one 3 two '
same 'one server of IPv6 by name waits beside them' "$(at_port one all_six)" 'fd00:2::2 8080 1 True'

# Another order, and one target less.
serves --srv-host=_http._tcp.example.net,one.example.net,80,20,1 --srv-host=_http._tcp.example.net,two.example.net,8080,10,1 \
    --host-record=all.example.net,10.2.0.3,fd00:2::3
until_true 700 'a target of lower priority waits' here srv-1 '10.2.0.2 80 1 True'
same 'the other one serves' "$(at_port srv-2), $(many 203.0.113.10)" '10.2.0.3 8080 1 -,  6 two '
until_true 300 'an address that a name has no longer leaves its server' is all each-1 address -
same 'and connections go to what is left' "$(many 203.0.113.10:81)" ' 6 two '
until_true 300 'an address of IPv6 leaves its server, too' is all_six each-1 address -
same 'and connections of IPv6 go to what is left' "$(many '[fd00:5::1]:81')" ' 6 two '
until_true 300 'a target of IPv6 of lower priority waits, too' here srv-1 'fd00:2::2 80 1 True' six
same 'the other one of IPv6 serves' "$(many '[fd00:5::1]')" ' 6 two '

# The same target at two ports; a record that says that there is no such service.
serves --srv-host=_http._tcp.example.net,one.example.net,80,1,1 --srv-host=_http._tcp.example.net,one.example.net,8080,1,1
until_true 700 'a target may have two ports' here srv-2 '10.2.0.2 8080 1 -'
same 'each is a server' "$(at_port srv-1)" '10.2.0.2 80 1 -'
serves --srv-host=_http._tcp.example.net,.
sleep 2
same 'no service changes nothing' "$(at_port srv-1)" '10.2.0.2 80 1 -'
# shellcheck disable=SC2046 # a word for each record
serves $(seq -f '--srv-host=_http._tcp.example.net,two.example.net,%g,1,1' 1 257)
hears 'a service of too many targets is told' '^names: _http\._tcp\.example\.net: the service has 257 targets, more than 256'
same 'and changes nothing' "$(at_port srv-1)" '10.2.0.2 80 1 -'
prey_ends
same 'it ends with 0' "$status" 0
exit $failed
