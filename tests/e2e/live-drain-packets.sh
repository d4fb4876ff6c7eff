#!/usr/bin/env bash
# Services that send packets on drain as those of `mode proxy` do (preyctl drain service NAME): who comes is refused as if no
# server were up, flows and connections go on, a reload keeps it; in both executors, and in the wire.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@" || EXECS=user
live_begin

site one
udp one 53
ip -n "$id-client" route add 10.2.0.0/24 via 10.1.0.2
shop() { # NAME RULE
    rules "$1" <<END
pool web { server one 10.2.0.2 }
service plain on 10.1.0.100 tcp/80, udp/53 { mode passthrough; announce; -> web }
service kept on 10.1.0.101 tcp/80 { mode passthrough keep source; announce; on no server drop; -> web }
service wire on any tcp/8080 { mode proxy inline http; -> original }
service ends on 10.1.0.2 tcp/90 { mode proxy; -> ninety }
pool ninety { server one 10.2.0.2:80 }
firewall in in default accept {
  accept tcp port 80, 90 as WEB
  $2
}
firewall over forward default accept {}
END
}
shop shop ''
shop other 'accept tcp port 81 as MORE'
cat >kept.py <<'PY'
import os, socket, sys, time
def answer(s, n):
    s.sendall(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
    got = b""
    while not got.endswith(b"one\n"):
        more = s.recv(65536)
        if not more:
            break
        got += more
    print(n, got.lower().count(b"connection: close"), flush=True)
goes_on, name, host, port = sys.argv[1:]
s = socket.create_connection((host, int(port)), 20)
answer(s, "first")
while not os.path.exists(goes_on):
    time.sleep(0.02)
answer(s, "second")
PY
keeps() { # NAME HOST PORT: a connection with a request answered, and another one once the file `on` is there
    background client python3 "$work/kept.py" on "$@" >"kept.$1"
    keeper[$1]=$last
    until_true 100 "$1: a request is answered" grep -q first "kept.$1"
}
fate() { at client curl -s -m "${2:-10}" -o /dev/null "http://$1/"; echo $?; } # HOST: 0 answered, 7 refused, 28 silence
is_refused() { [ "$(fate "$1")" -eq 7 ]; }
declare -A keeper
for exec in ${EXECS:-user kernel}; do
    rm -f on
    cp shop.pbc now.pbc
    prey prey -i wan -i lan --exec "$exec" --workers 2 --format json now.pbc
    keeps plain 10.1.0.100 80
    keeps kept 10.1.0.101 80
    keeps wire 10.2.0.2 8080
    same "$exec: a datagram is answered" "$(talk client 10.1.0.100 53 4000 | cut -d' ' -f1)" one
    for s in plain kept wire ends; do
        ctl drain service $s
        same "$exec: $s drains" "$status $(cat out err)" "0 service $s: it drains; its connections continue until they end"
    done
    until_true 100 "$exec: a client is refused" is_refused 10.1.0.100
    same "$exec: in the wire, too" "$(fate 10.2.0.2:8080)" 7
    same "$exec: as \`on no server\` says" "$(fate 10.1.0.101 1)" 28
    same "$exec: other connections cross" "$(fate 10.2.0.2:80)" 0
    same "$exec: a datagram of another client is refused" "$(refused_by client 10.1.0.100 53)" refused
    same "$exec: one of a flow is answered" "$(talk client 10.1.0.100 53 4000 | cut -d' ' -f1)" one
    ctl status
    has "$exec: status counts flows" '^service plain  .*  DRAIN, [23] left '
    has "$exec: and connections" '^service wire  .*  DRAIN, 1 left '
    ctl counters --json
    python3 -c 'import json; print(json.load(open("out"))["forward"]["drained"] > 3)' >seen
    same "$exec: refused packets are counted" "$(cat seen)" True
    for s in 10.1.0.100:80 10.2.0.2:8080 10.1.0.2:90; do
        ctl explain "tcp 10.1.0.1:5000 -> $s syn on wan"
        has "$exec: explain tells of $s" '^  service [a-z]* drains \(preyctl drain service\), so it takes no new connection$'
        has "$exec: and that it is refused" '^verdict: reject .*  reason service-drains$'
    done
    ctl --json explain 'tcp 10.1.0.1:5000 -> 10.1.0.100:80 syn on wan'
    has "$exec: as JSON" '"drains": ?true'
    cp other.pbc now.pbc
    : >prey.err
    kill -HUP "$prey"
    awaits 'reloaded: now.pbc'
    same "$exec: a reload keeps it" "$(fate 10.1.0.100)" 7
    : >on
    for s in plain kept wire; do wait "${keeper[$s]}"; done
    same "$exec: a flow goes on" "$(paste -sd' ' kept.plain)" 'first 0 second 0'
    same "$exec: one that keeps its source, too" "$(paste -sd' ' kept.kept)" 'first 0 second 0'
    same "$exec: a kept connection in the wire has its request answered, and ends" "$(paste -sd' ' kept.wire)" 'first 0 second 1'
    for s in plain kept wire ends; do ctl undrain service $s; done
    same "$exec: they drain no more" "$status" 0
    for s in 10.1.0.100 10.1.0.101 10.2.0.2:8080 10.1.0.2:90; do until_true 100 "$exec: $s serves" at client curl -s -m 1 -o /dev/null "http://$s"; done
    prey_ends
    same "$exec: it ends with 0" "$status" 0
done
exit $failed
