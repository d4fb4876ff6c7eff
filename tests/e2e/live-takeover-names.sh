#!/usr/bin/env bash
# preyctl takeover with names: servers by name keep their addresses, and flows their servers, from the first packet on, and the new process asks
# for the names. So do live sets of names keep their members. EXEC=kernel: live-takeover-names-kernel.sh.
set -u
: "${EXEC:=user}"
. tests/e2e/live/names.sh
. "$top/tests/e2e/live/takeover.sh"
. "$top/tests/e2e/live/sets.sh"
needs_pins

site one two
head -c 200000 /dev/zero >web-one/large
name_files
ip -n "$id-client" route add 203.0.113.0/24 via 10.1.0.2
ip -n "$id-client" -6 route add fd00:5::/64 via fd00:1::2
rules shop <<'END'
set bad = live names "bad.example.net"
pool web { drain 30s; server a name "app.example.net":80 }
pool six { servers s name "app.example.net":80 ip6 max 2 }
service shop on 203.0.113.10 tcp/80 { mode passthrough; -> web }
service of_six on fd00:5::1 tcp/80 { mode passthrough; -> six }
service proxied on 203.0.113.10 tcp/81 { mode proxy; -> web }
firewall f forward default drop { drop from bad as BAD; accept tcp to 203.0.113.10; accept tcp to fd00:5::1 }
END
where() { echo "$(state web a address) $(state six s-1 address) $(state six s-2 address)"; }
asks_all() { echo "$(ask client 203.0.113.10) $(ask client '[fd00:5::1]') $(ask client 203.0.113.10:81)"; }
digest() { ctl status --json; python3 -c 'import json; p = json.load(open("out"))["program"]; print(p["digest"], p["file_differs"])'; }
takes_over() { # SENTENCE
    local was
    was=$(owner)
    kctl takeover
    same "$1" "$status $(grep -c "^process [0-9]* has taken over from $was\$" out)" '0 1'
}
names '10.2.0.2 app.example.net' 'fd00:2::2 app.example.net' '10.1.0.66 bad.example.net'
serve_names
prey_with shop.pbc
is_ready prey || exit 1
until_true 200 'a server has an address' is web a address 10.2.0.2
until_true 200 'and one of IPv6' is six s-1 address fd00:2::2
same 'connections go there' "$(asks_all)" 'one one one'
was=$(digest)

# No name server answers: what the new process knows came from the one before.
silence
ip netns exec "$id-client" curl -s -m 60 --limit-rate 20k -o fetched "http://203.0.113.10/files/large" &
fetch=$!
pids="$pids $fetch"
until_true 100 'a connection stands' test -s fetched
takes_over 'a takeover'
same 'servers have the addresses before any answer' "$(where)" '10.2.0.2 fd00:2::2 -'
same 'connections go there' "$(asks_all)" 'one one one'
same 'it is the same program' "$(digest)" "$was"
ctl sets bad has 10.1.0.66
same 'a set of names keeps its members' "$status" 0
wait "$fetch"
same 'a connection that stands goes on' "$? $(stat -c %s fetched)" '0 200000'

# The new process asks, and so does the next one.
for to in 3:two 2:one; do
    names "10.2.0.${to%:*} app.example.net" "fd00:2::${to%:*} app.example.net" "10.1.0.7${to%:*} bad.example.net"
    [ -n "${server-}" ] || serve_names
    until_true 400 'a name moves' is web a address "10.2.0.${to%:*}"
    until_true 400 'a name of IPv6 moves' is six s-1 address "fd00:2::${to%:*}"
    same "the process asks for names: ${to#*:}" "$(asks_all)" "${to#*:} ${to#*:} ${to#*:}"
    member() { ctl sets bad has "10.1.0.7${to%:*}" && [ "$status" = 0 ]; }
    until_true 200 'a set has the new address' member
    takes_over "a takeover after a move: ${to#*:}"
    same "servers stay where they are: ${to#*:}" "$(where), $(asks_all)" "10.2.0.${to%:*} fd00:2::${to%:*} -, ${to#*:} ${to#*:} ${to#*:}"
done
same 'it is the same program after all' "$(digest)" "$was"
resolvers() { [ "$(resolver | wc -l)" = "$1" ]; }
until_true 200 'the resolvers of processes before end' resolvers 1 && ok 0 'the resolvers of processes before end'
prey=$(owner)
ctl stop
until_true 300 'it ends' ends_itself "$prey"
until_true 200 'and so does its resolver' resolvers 0 && ok 0 'it ends, and its resolver'
same 'it ends with 0' "$status" 0
exit $failed
