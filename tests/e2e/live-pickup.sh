#!/usr/bin/env bash
# TCP connections that are older than prey, across a bridge and to this machine, as the executor in the kernel judges: they live
# across a start, a restart, a kill and a reload that follows connections for the first time; not where rules say
# `pickup 0s`, and one that no rule lets in is not let in.
set -u
EXEC=user # where it says no other
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

space client prey server
link client eth0 prey wan
link prey lan server eth0
address client eth0 10.1.0.1/24
address prey wan 10.1.0.2/24
address server eth0 10.1.0.3/24
# programs WAY: of firewalls that judge what goes that way.
programs() {
    local body="firewall f $1 default drop {
  accept arp
  accept state established as OLD
  drop state invalid as INVALID
  accept tcp to port 2222 as SSH
}"
    rules host <<<"$body"
    rules none <<<"timeouts { pickup 0s }
$body"
    rules plain <<<"firewall f $1 default drop { accept arp; accept tcp as ALL }"
}

# A bridge of the kernel's while no prey carries frames.
bridged prey kernels
for space in prey server; do
    for port in 2222 2223; do
        background $space python3 "$top/tests/e2e/live/echo.py" serve $port
        until_true 100 "port $port listens in $space" at $space python3 -c "import socket; socket.create_connection(('127.0.0.1', $port)).close()"
    done
done
carried() { for d in wan lan; do ip -n "$id-prey" link set dev $d ${1:+master} ${1:-nomaster}; done; }

# starts PROGRAM: in the executor at hand.
starts() {
    case $on in
    user)
        carried ''
        prey prey --bridge wan:lan --exec user --format json "$1"
        ;;
    kernel) prey prey -i wan --exec kernel --format json "$1" ;;
    esac
}
ends() {
    prey_ends
    [ $on = kernel ] || carried kernels
}

# session PORT: one connection; says WORD has a line go there and come back: within SECONDS, for a segment that comes while
# nobody judges, or is dropped once, is sent again.
session() {
    rm -f lines
    mkfifo lines
    : >echoed
    exec 7<>lines
    ip netns exec "$id-client" python3 "$top/tests/e2e/live/echo.py" ask "$there" "$1" <lines >echoed 2>client.err &
    client=$!
    pids="$pids $client"
    says before
}
over() {
    exec 7>&-
    kill "$client" 2>/dev/null
    wait "$client" 2>/dev/null
}
came() { grep -q "^$1\$" echoed; }
says() {
    echo "$1" >&7
    until_true 100 "$1: the session goes on" came "$1" && ok 0 "$on: $1: the session goes on"
}

# Those of the session are sent again and again; nothing else that is dropped comes as often.
drops() { ctl counters verdicts.drop; tr -d , <out | awk '$1 == "verdicts.drop.packets" { print $2 }'; }
dropped() { [ "$(drops)" -ge $((${1:-0} + 4)) ]; }

for on in user kernel; do
    case $on in
    user) programs forward; there=10.1.0.3; carried kernels ;;
    kernel) programs 'on "wan" in'; there=10.1.0.2; carried '' ;;
    esac
    session 2222
    starts host.pbc
    says started
    ends
    starts host.pbc
    says restarted
    prey_killed
    starts host.pbc
    says after-a-kill
    says again
    ends
    same "$on: the rule that lets in took the session up, none of its packets were invalid" "$(by_rule INVALID) $(($(by_rule SSH) > 0))" '0 1'
    over

    session 2223
    starts host.pbc
    before=$(drops)
    echo shut >&7
    until_true 200 "$on: its segments are dropped" dropped "$before"
    came shut
    same "$on: what no rule lets in is not taken up" $? 1
    ends
    over

    session 2222
    starts none.pbc
    before=$(drops)
    echo frozen >&7
    until_true 200 "$on: its segments are dropped" dropped "$before"
    came frozen
    same "$on: nor with pickup 0s" $? 1
    ends
    over

    # Memory for flows is taken at the start where the kernel judges.
    [ $on = user ] || continue
    session 2222
    starts plain.pbc
    says unfollowed
    ctl load host.pbc
    same "$on: a load of rules that follow connections" $status 0
    says followed
    ends
    same "$on: it was taken up then" "$(by_rule INVALID) $(($(by_rule SSH) > 0)) $(($(by_rule OLD) > 0))" '0 1 1'
    over
done
exit $failed
