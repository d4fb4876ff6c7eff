#!/usr/bin/env bash
# Live, `mode proxy http`: curl's requests through the proxy to nginx, of both families.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

site one two
rules http <<RULES
pool one { server s 10.2.0.2:80 }
pool two { server s 10.2.0.3:80 }
pool both { balance round_robin; server one 10.2.0.2:80; server two 10.2.0.3:80 }
service shop on 10.1.0.2, fd00:1::2 tcp/80 {
  mode proxy http
  access log common "$work/common.log"
  when host "b.example" -> two
  when path "/two/*" -> two
  when method "DELETE" -> two
  when header "X-To" "two" -> two
  else -> one
}
service by_cookie on 10.1.0.2 tcp/81 { mode proxy http; affinity cookie "SRV" 1h; access log json "$work/logs/json.log"; -> both }
service fronted on 10.1.0.2 tcp/84 { mode proxy http; trust forwarded from 10.1.0.1; -> one }
service fenced on 10.1.0.2 tcp/85 { mode proxy http; trust forwarded from 10.1.0.77; -> one }
service by_header on 10.1.0.2 tcp/82 { mode proxy http; affinity header "X-User"; -> both }
RULES
mkdir logs
at prey "$bin/preyrun" -i wan -i lan http.pbc 2>out
has 'an access log in a folder for nothing of that kind is refused' 'logs/json\.log: an access log must be below /var/log, in the folder of the program.s file, or'
prey prey -i wan -i lan --access-logs logs http.pbc
web=$web_one

get() { at client curl -s -m 10 "$@"; }

same "a request of IPv4 is answered" "$(get http://10.1.0.2/)" one
same "… of IPv6, by a server of IPv4" "$(get 'http://[fd00:1::2]/')" one
same "the server hears who asks" "$(get -H 'X-Forwarded-For: 192.0.2.7' http://10.1.0.2/told)" \
    '192.0.2.7, 10.1.0.1 for=10.1.0.1;proto=http 1.1 prey 10.1.0.2'
same "a client of IPv6, too" "$(get 'http://[fd00:1::2]/told')" \
    'fd00:1::1 for="[fd00:1::1]";proto=http 1.1 prey [fd00:1::2]'
claims() { get -H 'x-forwarded-PROTO: https' -H 'X-Forwarded-Host: shop.example' -H 'X-Forwarded-Port: 443' -H 'X-Real-IP: 192.0.2.7' -H 'X-Forwarded-For: 192.0.2.7' "$1"; }
same "what a client claims is replaced" "$(claims http://10.1.0.2/came)" 'http 10.1.0.2 80 10.1.0.1 192.0.2.7, 10.1.0.1'
same "… of a trusted front it is believed" "$(claims http://10.1.0.2:84/came)" 'https shop.example 443 192.0.2.7 192.0.2.7, 10.1.0.1'
same "… and nobody else, where a front is named" "$(claims http://10.1.0.2:85/came)" 'http 10.1.0.2:85 85 10.1.0.1 10.1.0.1'
get http://10.1.0.2/nth >first
same "clients share a connection to the server, one after the other" "$(get http://10.1.0.2/nth)" \
    "$(awk '{ print $1, $2 + 1 }' first)"
same "each request of a kept connection goes where it says" \
    "$(get -w '%{num_connects}' http://10.1.0.2/ http://10.1.0.2/two/x http://10.1.0.2/ | tr -d '\n')" one1two0one0
same "HTTP/1.0 is spoken" "$(get -0 http://10.1.0.2/ http://10.1.0.2/ | tr -d '\n')" oneone

same "the host chooses, whatever its case and port" "$(get -H 'Host: B.example:80' http://10.1.0.2/)" two
same "the path, in normal form" "$(get --path-as-is http://10.1.0.2/x/../two/)" two
same "… in which a slash that is escaped is none" "$(get --path-as-is http://10.1.0.2/two%2f)" one
same "the method" "$(get -X DELETE http://10.1.0.2/)" two
same "a field" "$(get -H 'x-to: two' http://10.1.0.2/; get -H 'x-to: twos' http://10.1.0.2/)" "$(printf 'two\none')"

heard() { # WORDS
    ctl explain "tcp 10.1.0.1:5000 -> 10.1.0.2:80 syn $1 on wan"
    tail -1 out | sed "s/.*the client's data: //; s/ (.*)//"
}
same "explain says which pool a host or a path gets" "$(heard 'host "b.example"') $(heard 'host "c.example" path "/two/x"') $(heard 'path "/"')" \
    'when -> two when -> two else -> one'

# What a replay of these says of their servers.
replayed() { "$bin/preyrun" --pcap kept.pcap --verdicts - http.pbc 2>&1 | awk -v service="$1" '$4 == service && $5 != "-" { print $5 }' | sort -u; }
get -c jar http://10.1.0.2:81/ >first
sniff kept.pcap client eth0 tcp port 81
same "a cookie keeps the server" "$(for i in 1 2 3 4; do get -b jar http://10.1.0.2:81/; done | sort -u)" "$(cat first)"
same "… and is set once" "$(get -b jar -I http://10.1.0.2:81/ | grep -ci set-cookie)" 0
sniffed
same "… in a replay, too" "$(replayed by_cookie)" "both/$(cat first)"
same "who has none goes on in turn" "$(for i in 1 2 3 4; do get http://10.1.0.2:81/; done | shares)" ' 2 one 2 two '
sniff kept.pcap client eth0 tcp port 82
get -H 'X-User: 5' http://10.1.0.2:82/ >first
same "a field keeps it" "$(for i in 1 2 3 4; do get -H 'X-User: 5' http://10.1.0.2:82/; done | sort -u)" "$(cat first)"
sniffed
same "… in a replay, too" "$(replayed by_header)" "both/$(cat first)"

head -c 20000000 /dev/urandom >web-one/big
get http://10.1.0.2/files/big | cmp - web-one/big
ok $? "20 MB come as they are"
same "an answer that comes before all of its request is heard" \
    "$(get -o out -w '%{http_code}' --data-binary @web-one/big http://10.1.0.2/)" 413
get -I http://10.1.0.2/files/big | tr -d '\r' >out
same "with HEAD nothing comes but a head" "$(grep -c -e '^HTTP/1.1 200' -e '^Content-Length: 20000000' out)" 2

refused() { printf "$1" | at client nc -N -w 60 10.1.0.2 80 | head -1 | tr -d '\r'; }
same "a malformed request reaches no server" "$(refused 'GET / HTTP/1.1\r\nHost : a\r\n\r\n')" 'HTTP/1.1 400 Bad Request'
same "one with two lengths" "$(refused 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab')" 'HTTP/1.1 400 Bad Request'
get --http2-prior-knowledge http://10.1.0.2/ >out
[ $? -ne 0 ]
ok $? "HTTP/2 is sent away at once"

kill -KILL "$web"
same "without a server there is a page that says so" "$(get -w '%{http_code}' http://10.1.0.2/ | tail -1)" 503
web one
same "a server that is back serves" "$(get http://10.1.0.2/)" one

mv common.log common.old
counted() { ctl counters pools.one.servers.one/s.packets && awk '{ gsub(",", "", $2) } $2 > 100 { found = 1 } END { exit !found }' out; }
until_true 100 "what was carried is told of its server" counted
kill -HUP "$prey"
until_true 100 "logs are opened again" test -f common.log
get 'http://10.1.0.2/last"' >out
# Rules that come again and again, with other numbers for all that they name.
for n in 1 2 3; do
    rules http <<RULES
pool new$n { server n 10.2.0.3:8080 }
pool one { server s 10.2.0.2:80 }
pool two { server s 10.2.0.3:80 }
service added$n on 10.1.0.2 tcp/83 { mode proxy http; -> new$n }
service shop on 10.1.0.2, fd00:1::2 tcp/80 { mode proxy http; when host "b.example" -> two; else -> one }
RULES
    kill -HUP "$prey"
    until_true 100 "reload $n is heard" eval "[ \"\$(grep -c reloaded prey.err)\" -gt $n ]"
    same "after reload $n requests go where they say" "$(get http://10.1.0.2/; get -H 'Host: b.example' http://10.1.0.2/)" "$(printf 'one\ntwo')"
done
prey_ends
same "it ends with 0" "$status" 0
same "what was refused is counted by its reason" "$(sed -n 's/^  refused *//p' prey.out)" '1 http-name-space, 1 http-two-lengths, 1 http2'
same "requests are counted, and answers by class" \
    "$(sed -n 's/^  http *//p' prey.out | grep -cE '^[0-9]+ requests, [0-9]+ answers_2xx, .*[0-9]+ answers_4xx, 1 answers_5xx')" 1
grep "\"GET / HTTP/1" common.old | grep -v " \(200 4\|503 -\)$" | sed "s,^,# ,"
same "what was asked before a log was moved away stands in it" "$(grep -c '"GET / HTTP/1' common.old)" "$(grep -c '"GET / HTTP/1.* \(200 4\|503 -\)$' common.old)"
same "… what came later in the new one, its quotes escaped" "$(sed 's/\[.*\]/[]/' common.log)" '10.1.0.1 - - [] "GET /last\" HTTP/1.1" 200 4'
python3 - >out <<'END'
import json
lines = [json.loads(line) for line in open("logs/json.log")]
good = [x for x in lines if x["status"] == 200 and x["client"] == "10.1.0.1" and x["service"] == "by_cookie" and 0 <= x["wait_ms"] <= x["took_ms"] < 10000]
print(len(lines) == len(good) == 10)
END
same "each request is an object of the other log" "$(cat out)" True
