#!/usr/bin/env bash
# Live passthrough on one interface: real clients and servers, both families, TCP and UDP; shares, counters, what the host
# keeps for itself.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

space client prey one two
lan switch 1 client prey one two
web one
web two
udp one 53
udp two 53

rules pass <<'END'
pool farm {
  balance round_robin
  source 10.1.0.50, fd00:1::50
  server one 10.1.0.3
  server two 10.1.0.4
  server one6 fd00:1::3
  server two6 fd00:1::4
}
service web on 10.1.0.100, fd00:1::100 tcp/80, udp/53 {
  mode passthrough
  announce
  -> farm
}
END
prey prey -i eth0 --format json pass.pbc
case ${EXEC:-$(sed -n 's/^--exec auto: \([a-z]*\), because .*/\1/p' prey.err)} in kernel) way=kernel ;; *) way=packet ;; esac
same 'it says that it is ready, on what and how' "$(grep -v '^--exec auto\|notice' prey.err)" "ready: eth0: eth0 by $way, 1 worker, pass.pbc"
for i in 1 2 3 4 5 6; do ask client 10.1.0.100; done >four
for i in 1 2 3 4 5 6; do ask client '[fd00:1::100]'; done >six
same 'IPv4, TCP: six requests, shared' "$(sort four | uniq -c | tr -s ' \n' ' ')" ' 3 one 3 two '
same 'IPv6, TCP: six requests, shared' "$(sort six | uniq -c | tr -s ' \n' ' ')" ' 3 one 3 two '
same 'the server sees the source of the pool' "$(at client curl -s -m 20 http://10.1.0.100/from)" 10.1.0.50
for i in 1 2 3 4; do talk client 10.1.0.100 53; done >four
for i in 1 2 3 4; do talk client fd00:1::100 53; done >six
same 'IPv4, UDP' "$(sort four | uniq -c | tr -s ' \n' ' ')" ' 2 one 10.1.0.50 5 2 two 10.1.0.50 5 '
same 'IPv6, UDP' "$(sort six | uniq -c | tr -s ' \n' ' ')" ' 2 one fd00:1::50 5 2 two fd00:1::50 5 '
at client ping -c 2 -i 0.2 -W 20 10.1.0.2 >out
has 'this machine itself still answers a ping' ' 0% packet loss'
at client ping -c 2 -i 0.2 -W 20 10.1.0.100 >out
has "so does the service's address" ' 0% packet loss'
kill -USR1 "$prey"
until_true 50 'counters are printed at SIGUSR1' grep -q '^}' prey.out
kill -0 "$prey"
ok $? 'and it goes on'
truncate -s 0 prey.out
prey_ends
same 'it ends with 0' "$status" 0
adds_up 'every frame that came has one verdict'
same 'the manual lists every number of live traffic' "$(python3 - "$top/man/preyrun.1" <<'END'
import json, sys
listed = {line.split(" ")[0] for line in open(sys.argv[1])}
root = json.load(open("prey.out"))
paths = [f"interfaces[].{k}" for k, v in root["interfaces"][0].items() if isinstance(v, int)]
for k, v in root["live"].items():
    paths += [f"live.{k}.{reason}" for reason in v] if isinstance(v, dict) else [f"live.{k}"] if isinstance(v, int) else []
print(*[p for p in paths if p not in listed])
END
)" ''
same 'nothing was lost on the way out' "$(number live lost)" '{"neighbour":0,"crowd":0,"no_way":0,"no_port":0,"link":0,"expired":0,"too_big":0,"no_slot":0}'

# With this machine's own address as the source: its stack neither answers for the translated flows nor loses its own.
sed 's/^  source .*//' pass.prey | rules own
at prey sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
prey prey -i eth0 --format json own.pbc
for i in 1 2 3 4; do ask client 10.1.0.100; ask client '[fd00:1::100]'; done >all
same 'own address: requests, shared' "$(sort all | uniq -c | tr -s ' \n' ' ')" ' 4 one 4 two '
same "own address: the server sees it" "$(at client curl -s -m 20 http://10.1.0.100/from)" 10.1.0.2
for i in 1 2 3 4; do talk client 10.1.0.100 53; done >all
same 'own address: UDP' "$(sort all | uniq -c | tr -s ' \n' ' ')" ' 2 one 10.1.0.2 5 2 two 10.1.0.2 5 '
same "this machine's own connections to a server are untouched" "$(at prey curl -s -m 20 http://10.1.0.3/)" one
truncate -s 0 prey.out
prey_ends
adds_up 'own address: every frame has one verdict'
exit $failed
