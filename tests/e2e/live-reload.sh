#!/usr/bin/env bash
# Live reload by SIGHUP: a connection goes on across thirty of them (a hundred with LONG=1), requests fail in none; new
# rules hold; a bad file leaves the program that runs.
set -u
EXEC=user # a program that could only be watched is enforced, not refused
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

space client prey one two
lan switch 1 client prey one two
for s in one two; do web "$s"; done
reloads() { grep -c '^reloaded: rules' prey.err; }
more() { [ "$(reloads)" -gt "$before" ]; }
# and wait until it is made; again where its line was one too many of its second and left out.
hup() {
    local try
    before=$(reloads)
    for try in $(seq 30); do
        kill -HUP "$prey"
        for _ in $(seq 12); do
            more && return
            sleep 0.1
        done
    done
    ok 1 'a reload is made'
}
# No reload is under way any more: counters are not printed meanwhile.
settled() {
    : >prey.out
    kill -USR1 "$prey"
    until_true 100 'counters are printed' test -s prey.out
}
to() { # SERVER...: the service's servers from now on
    { echo 'pool farm { balance round_robin; source 10.1.0.50'
    for s in "$@"; do case $s in one) echo "  server one 10.1.0.3" ;; two) echo "  server two 10.1.0.4" ;; *) echo "  server $s 10.1.0.200" ;; esac; done
    echo '}'
    echo 'service web on 10.1.0.100 tcp/80, tcp/9000 { mode passthrough; announce; -> farm }'; printf '%s' "$limits"; } >next.prey
    "$bin/preyc" next.prey -o next.pbc && mv next.pbc rules.pbc
}

many=${LONG:+100}
many=${many:-30}
for workers in 1 2; do
    to one
    prey prey -i eth0 --workers $workers --format json rules.pbc
    same "$workers: one server" "$(ask client 10.1.0.100) $(ask client 10.1.0.100)" 'one one'

    # A connection that speaks now and then, as ssh does: an echo that each line comes back from.
    ip netns exec "$id-one" python3 "$top/tests/e2e/live/echo.py" serve 9000 &
    echoing=$!
    pids="$pids $echoing"
    until_true 50 'the echo listens' at one sh -c 'ss -ltn | grep -q :9000'
    mkfifo "say$workers"
    at client python3 "$top/tests/e2e/live/echo.py" ask 10.1.0.100 9000 <"say$workers" >"heard$workers" 2>&1 &
    talker=$!
    pids="$pids $talker"
    exec 9>"say$workers"
    echo first >&9
    heard() { grep -qx "$1" "heard$workers"; }
    until_true 50 "$workers: a connection speaks" heard first

    to one two
    hup
    # Each worker takes servers in turn for itself.
    same "$workers: two servers after a reload" "$(for i in $(seq 12); do ask client 10.1.0.100; done | sort -u | tr '\n' ' ')" 'one two '
    failed_requests=0
    for i in $(seq $many); do
        if [ $((i % 2)) -eq 0 ]; then to one two; else to two one; fi
        kill -HUP "$prey"
        case $(ask client 10.1.0.100) in one | two) ;; *) failed_requests=$((failed_requests + 1)) ;; esac
        [ $((i % (many / 5))) -ne 0 ] || echo "line $i" >&9
    done
    settled
    same "$workers: $many reloads, no request failed" "$failed_requests" 0
    for i in $(seq $((4 * many))); do kill -HUP "$prey" && sleep 0.002; done
    settled
    same "$workers: as many reloads as it can make in a second" "$(ask client 10.1.0.100 | grep -cE '^(one|two)$')" 1
    echo last >&9
    until_true 50 "$workers: the connection has outlived them" heard last && ok 0 "$workers: the connection has outlived them"
    same "$workers: with every line" "$(wc -l <"heard$workers")" 7
    exec 9>&-
    wait "$talker"
    kill "$echoing"

    echo garbage >rules.pbc
    kill -HUP "$prey"
    until_true 50 'a bad file is told of' grep -q '^preyrun: reload: rules.pbc: ' prey.err
    same "$workers: a bad file leaves what runs" "$(ask client 10.1.0.100 | tr -d '\n' | grep -cE '^(one|two)$') $(grep 'the old program keeps running' prey.err | sort -u | wc -l)" '1 1'
    echo 'firewall f default drop { accept tcp port 80 }' | rules watched
    mv watched.pbc rules.pbc
    kill -HUP "$prey"
    until_true 50 'so is one that can only watch' grep -q -- '--monitor' prey.err
    same "$workers: and it is refused" "$(ask client 10.1.0.100 | grep -cE '^(one|two)$')" 1
    to one two a
    hup
    to one two b
    hup
    to two
    hup
    same "$workers: a server that is gone and was not used is left out at the next reload" "$(at prey "$bin/preyctl" status --json |
        python3 -c 'import json, sys
print(*(s["name"] for p in json.load(sys.stdin)["pools"] for s in p["servers"] if s["name"] in ("a", "two")))')" two
    same "$workers: a server that is gone gets nothing new" "$(ask client 10.1.0.100) $(ask client 10.1.0.100)" 'two two'
    echo 'firewall f default accept { }' | rules none
    mv none.pbc rules.pbc
    hup
    same "$workers: a service that is gone is not counted" "$(grep '^reloaded: rules' prey.err | tail -1)" 'reloaded: rules.pbc: 0 rules, 0 services'
    at client ping -q -c 1 -W 10 10.1.0.2 >/dev/null
    echo 'firewall g default accept { accept icmp as PING }' | rules other
    mv other.pbc rules.pbc
    hup
    at client ping -q -c 1 -W 10 10.1.0.2 >/dev/null
    truncate -s 0 prey.out
    prey_ends
    same "$workers: it ends with 0" "$status" 0
    same "$workers: every frame has one verdict, and one that decided it, be it a rule of an earlier program" "$(python3 -c 'import json
j = json.load(open("prey.out"))
print(*(sum(v["packets"] for v in j[k].values()) == j["live"]["frames"] for k in ("verdicts", "decided_by")), j["decided_by"]["earlier"]["packets"] > 0)')" \
        'True True True'
done
exit $failed
