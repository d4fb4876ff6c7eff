#!/usr/bin/env bash
# Services that drain (preyctl drain service NAME): a port that is closed for who comes, and connections that go on until they
# end; over reloads, as long as there is such a service. With two workers.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

site one
for i in $(seq 20 27); do address client eth0 "10.1.0.$i/24"; done
page() { # NAME SERVICE...
    local name=$1
    shift
    {
        echo 'pool web { server one 10.2.0.2:80 }'
        printf '%s -> web }\n' "$@"
    } | rules "$name"
}
plain='service plain on 10.1.0.2 tcp/90 { mode proxy;'
pages='service pages on 10.1.0.2, fd00:1::2 tcp/91-92 { mode proxy http;'
past='service past on 10.1.0.100 tcp/80 { mode passthrough; announce;'
page all "$plain" "$pages" "$past"
page others "$plain" "$past"
reloads() { # NAME
    : >prey.err
    cp "$1.pbc" shop.pbc
    kill -HUP "$prey"
    awaits 'reloaded: shop.pbc'
}
comes() { at client curl -s -m 10 -o /dev/null "$1"; } # URL
is_shut() {
    comes "$1"
    [ $? -eq 7 ]
}
shuts() { # SENTENCE URL
    until_true 100 "$1: nobody is let in" is_shut "$2"
    ok $? "$1"
}
says() { # SENTENCE ANSWER WORD...
    local sentence=$1 answer=$2
    shift 2
    ctl "$@"
    same "$sentence" "$status $(cat out err)" "$answer"
}

cp all.pbc shop.pbc
prey prey -i wan -i lan --workers 2 --format json --stats 127.0.0.1:8404 shop.pbc
cat >kept.py <<'PY'
import os, socket, sys, time
port, goes_on = int(sys.argv[1]), sys.argv[2]
def answer(n):
    s.sendall(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
    got = b""
    while not got.endswith(b"one\n"):
        more = s.recv(65536)
        if not more:
            break
        got += more
    print(n, got.lower().count(b"connection: close"), flush=True)
s = socket.create_connection(("10.1.0.2", port), 20)
answer("first")
while not os.path.exists(goes_on):
    time.sleep(0.02)
answer("second")
if port == 91:
    print("end", len(s.recv(1)))
PY
keeps() { # PORT FILE: a connection with a request answered, and another one once that file is there
    background client python3 "$work/kept.py" "$1" "$2" >"$2.said"
    until_true 100 "port $1: a request is answered" grep -q first "$2.said"
}
keeps 90 reloaded
plain_client=$last
keeps 91 drained
pages_client=$last

says 'a service drains' '0 service plain: it drains; its connections continue until they end' drain service plain
says 'another one, as JSON' '0 {"service":"pages","drains":true}' drain service pages --json
shuts 'a port of a service that drains is shut' http://10.1.0.2:90/
shuts 'all of its ports' http://10.1.0.2:92/
shuts 'of IPv6, too' 'http://[fd00:1::2]:91/'
awaits 'user 0 has set service plain: it drains'
one_is_left() {
    ctl status
    [ "$(grep -c '^service pl*a.*  DRAIN, 1 left   by user 0 at [0-9]' out)" -eq 2 ]
}
until_true 100 'status shows it, and how many are left' one_is_left
ok $? 'status shows it, and how many are left'
ctl status --json
python3 - >seen <<'PY'
import json
for s in json.load(open("out"))["services"]:
    print(s["service"], s["drains"], (s["by_hand"] or {}).get("state"), s.get("proxy", {}).get("now"))
PY
same 'as JSON, too' "$(cat seen)" "$(printf 'plain True drain 1\npages True drain 1\npast False None None')"
same 'the metrics' "$(at prey curl -s http://127.0.0.1:8404/metrics | grep '^prey_service_drains' | paste -sd' ')" \
    'prey_service_drains{service="plain"} 1 prey_service_drains{service="pages"} 1 prey_service_drains{service="past"} 0'
at prey curl -s http://127.0.0.1:8404/ >out
has 'and the page' 'drain by hand</span> <small>1 left'
same 'other services go on' "$(ask client 10.1.0.100)" one

: >drained
wait "$pages_client"
same 'a kept connection has its next request answered, and ends' "$(paste -sd' ' drained.said)" 'first 0 second 1 end 0'
reloads all
shuts 'a reload keeps it' http://10.1.0.2:90/
: >reloaded
wait "$plain_client"
same 'a connection goes on' "$(paste -sd' ' reloaded.said)" 'first 0 second 0'

says 'it drains no more' '0 service plain: it takes new connections' undrain service plain
until_true 100 'it is open again' comes http://10.1.0.2:90/
for i in $(seq 20 27); do at client curl -s -m 10 --interface "10.1.0.$i" http://10.1.0.2:90/; done >served
same 'and serves all, whichever worker takes them' "$(shares <served)" ' 8 one '
shuts 'the other one drains still' http://10.1.0.2:91/
reloads others
reloads all
until_true 100 'a service that was gone for a while is open' comes http://10.1.0.2:91/
ok $? 'of a service that was gone for a while nothing is kept'

# Wrong ones change nothing.
says 'an unknown name' '2 preyctl: plane: the running program has no service of this name that takes connections; you can drain these services: plain, pages, past' \
    drain service plane
says 'a server' '2 preyctl: this command drains a service: preyctl drain service NAME; to drain a server, run: preyctl set POOL/SERVER drain' drain web/one now
ctl status
same 'nothing drains' "$(grep -c DRAIN out)" 0
offered() { PATH=$bin:$PATH at prey bash "$top/tests/lib/complete.sh" "$1"; }
same 'TAB knows the services' "$(offered 'preyctl --name wan drain service p')" 'pages past plain'
prey_ends
same 'it ends with 0' "$status" 0
