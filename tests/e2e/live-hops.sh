#!/usr/bin/env bash
# Where packets go next: a server whose MAC changes, a server that is its own client, one that nobody answers for, a way
# that changes under an open connection.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

space client prey one two
lan switch 1 client prey one two
web one
background one python3 "$top/tests/e2e/live/echo.py" serve 7
# Behind two gateways there is one server: `two` is the other way to `one`.
address one lo 10.9.0.1/32
at two sysctl -q -w net.ipv4.ip_forward=1 net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.eth0.send_redirects=0
ip -n "$id-two" route add 10.9.0.1/32 via 10.1.0.3
ip -n "$id-prey" route add 10.9.0.1/32 via 10.1.0.3
rules shop <<'END'
pool near { server one 10.1.0.3 }
pool far { server one 10.9.0.1 }
pool nobody { server none 10.1.0.77 }
service www on 10.1.0.100 tcp/80 { mode passthrough; announce; -> near }
service echo on 10.1.0.100 tcp/7 { mode passthrough; announce; -> far }
service lost on 10.1.0.100 udp/9 { mode passthrough; announce; -> nobody }
END
prey prey -i eth0 --format json shop.pbc
same 'a request' "$(at client curl -s -m 20 http://10.1.0.100/)" one
same 'a server that is its own client' "$(at one curl -s -m 20 http://10.1.0.100/)" one

# An open connection, line by line.
mkfifo lines
at client python3 "$top/tests/e2e/live/echo.py" ask 10.1.0.100 7 <lines >answers &
pids="$pids $!"
exec 7>lines
says() { # WORD: and hears it
    echo "$1" >&7
    hears() { grep -q "^$1$" answers; }
    until_true 100 "$2" hears "$1" && ok 0 "$2"
}
says first 'an open connection'
ip -n "$id-prey" route replace 10.9.0.1/32 via 10.1.0.4
says second 'goes on when its way changes'
seen() { at two cat /proc/net/snmp | awk '$1 == "Ip:" && $4 ~ /^[0-9]/ { print $7 }'; }
by_that_way() {
    echo again >&7
    [ "$(seen)" -gt 0 ]
}
until_true 50 'and goes by that way' by_that_way && ok 0 'and goes by that way'
ip -n "$id-one" link set dev eth0 address 02:00:00:00:00:77
at one ip neigh flush dev eth0
at one ping -c 1 -W 20 10.1.0.2 >/dev/null
at one ping -c 1 -W 20 10.1.0.4 >/dev/null
says third "and when the server's MAC does"
same 'a request to it' "$(at client curl -s -m 20 http://10.1.0.100/)" one
exec 7>&-

# Nobody answers: 16 wait, a second.
at client python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(40):
    s.sendto(b"x", ("10.1.0.100", 9))'
given_up() {
    truncate -s 0 prey.out
    kill -USR1 "$prey"
    sleep 0.1
    [ "$(number live lost neighbour)" = 16 ]
}
until_true 100 'nobody answers: 16 have waited' given_up && ok 0 'nobody answers: 16 have waited'
same 'the rest found no room' "$(number live lost crowd)" 24
truncate -s 0 prey.out
prey_ends
same 'it ends with 0' "$status" 0
adds_up 'every frame has one verdict'
exit $failed
