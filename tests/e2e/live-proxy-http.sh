#!/usr/bin/env bash
# Live, `mode proxy http`: curl's requests through the proxy to nginx, of both families.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

site one
rules http <<'RULES'
pool one { server s 10.2.0.2:80 }
service shop on 10.1.0.2, fd00:1::2 tcp/80 { mode proxy http; -> one }
RULES
prey prey -i wan -i lan http.pbc
web=$web_one

who=client four=10.1.0.1 six=fd00:1::1
get() { at $who curl -s -m 10 "$@"; }

same "a request of IPv4 is answered" "$(get http://10.1.0.2/)" one
same "… of IPv6, by a server of IPv4" "$(get 'http://[fd00:1::2]/')" one
same "the server hears who asks" "$(get -H 'X-Forwarded-For: 192.0.2.7' http://10.1.0.2/told)" \
    "192.0.2.7, $four for=$four;proto=http 1.1 prey 10.1.0.2"
same "a client of IPv6, too" "$(get 'http://[fd00:1::2]/told')" \
    "$six for=\"[$six]\";proto=http 1.1 prey [fd00:1::2]"
get http://10.1.0.2/nth >first
same "clients share a connection to the server, one after the other" "$(get http://10.1.0.2/nth)" \
    "$(awk '{ print $1, $2 + 1 }' first)"
same "a client that keeps its own asks three times over it" \
    "$(get -w '%{num_connects}' http://10.1.0.2/ http://10.1.0.2/ http://10.1.0.2/ | tr -d '\n')" one1one0one0
same "HTTP/1.0 is spoken" "$(get -0 http://10.1.0.2/ http://10.1.0.2/ | tr -d '\n')" oneone

head -c 20000000 /dev/urandom >web-one/big
get http://10.1.0.2/files/big | cmp - web-one/big
ok $? "20 MB come as they are"
same "an answer that comes before all of its request is heard" \
    "$(get -o out -w '%{http_code}' --data-binary @web-one/big http://10.1.0.2/)" 413
same "… with HEAD nothing but a head" "$(get -I http://10.1.0.2/files/big | tr -d '\r' | grep -c -e '^HTTP/1.1 200' -e '^Content-Length: 20000000')" 2

refused() { printf "$1" | at $who nc -N -w 5 10.1.0.2 80 | head -1 | tr -d '\r'; }
same "a malformed request reaches no server" "$(refused 'GET / HTTP/1.1\r\nHost : a\r\n\r\n')" 'HTTP/1.1 400 Bad Request'
same "one with two lengths" "$(refused 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab')" 'HTTP/1.1 400 Bad Request'
get --http2-prior-knowledge http://10.1.0.2/ >out
[ $? -ne 0 ]
ok $? "HTTP/2 is sent away at once"
get http://10.1.0.2/ >out
same "and all goes on" "$(cat out)" one

kill -KILL "$web"
same "without a server there is a page that says so" "$(get -w '%{http_code}' http://10.1.0.2/ | tail -1)" 503
web one
same "a server that is back serves" "$(get http://10.1.0.2/)" one
prey_ends
same "it ends with 0" "$status" 0
