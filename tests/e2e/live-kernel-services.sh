#!/usr/bin/env bash
# Services through the executor in the kernel: the first packets of a connection come up, the others do not; both families,
# translated and sent to a MAC address; servers set by hand, a reload, a kill.
set -u
EXEC=kernel
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@" || { echo 'ok - services in the kernel # SKIP this machine lets us mount no file system of BPF'; exit 0; }
live_begin

space client prey one two
lan switch 1 client prey one two
for s in one two; do
    web "$s"
    at "$s" sysctl -q -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2
    address "$s" lo 10.1.0.101/32
done
udp one 53
udp two 53
payload 1000000 one two

served() { # RULE: one more of the firewall
    cat <<END
pool farm {
  balance round_robin
  source 10.1.0.50, fd00:1::50
  server one 10.1.0.3
  server two 10.1.0.4
  server one6 fd00:1::3
}
pool near { balance round_robin; server one 10.1.0.3; server two 10.1.0.4 }
service web on 10.1.0.100, fd00:1::100 tcp/80, udp/53 { mode passthrough; announce; -> farm }
service direct on 10.1.0.101 tcp/80 { mode dsr l2; announce; -> near }
firewall edge in default drop {
  accept state established, related as OPEN
  accept tcp port 80 as WEB
  accept udp port 53 as DNS
  accept icmp type echo-request as PING
  accept icmp6 type nd as ND
  $1
}
firewall own out default accept { drop udp port 99 }
END
}
served '' | rules first
served 'accept tcp port 81 as MORE' | rules second
cp first.pbc run.pbc
serve() { prey prey -i eth0 --format json run.pbc; }
in_kernel() { # frames that were judged there, and those that came up
    kill -USR1 "$prey"
    until_true 50 'counters are printed' grep -q '^}' prey.out
    python3 -c 'import json; k = json.load(open("prey.out"))["kernel"]; print(k["packets"])'
    truncate -s 0 prey.out
}

serve
same 'a request, each family' "$(ask client 10.1.0.100/ | sed 's/two/one/') $(ask client '[fd00:1::100]/') $(talk client 10.1.0.100 | cut -d' ' -f2)" 'one one 10.1.0.50'
fetches 'a megabyte from behind a translation' client 10.1.0.100
fetches 'and over IPv6' client '[fd00:1::100]'
fetches 'and straight from a server that was chosen by its MAC address' client 10.1.0.101
same 'both servers' "$(for i in 1 2 3 4; do ask client 10.1.0.100/; done | shares)" ' 2 one 2 two '
same 'the address of a service answers a ping, and so does the host' "$(at client ping -qc1 -W3 10.1.0.100 | grep -c ' 0% packet loss') $(at client ping -qc1 -W3 10.1.0.2 | grep -c ' 0% packet loss')" '1 1'
same 'what carries them is judged in the kernel' "$(python3 -c "print($(in_kernel) > 400)")" True

# One connection that rests between its requests.
mkfifo asks
background client python3 -u -c '
import http.client
c = http.client.HTTPConnection("10.1.0.100", timeout=5)
while True:
    for line in open("asks"):
        try:
            c.request("GET", "/nth")
            print(c.getresponse().read().decode().split()[1])
        except Exception as e:
            print(type(e).__name__)
' >answers
again() { # SENTENCE WANTED: what its next request gets
    local lines
    lines=$(wc -l <answers)
    timeout 10 sh -c "echo >asks"
    until_true 80 "$1: an answer" sh -c "[ \$(wc -l <answers) -gt $lines ]"
    same "$1" "$(tail -n1 answers)" "$2"
}
again 'a connection' 1
cp second.pbc run.pbc
kill -HUP "$prey"
hears 'a reload' 'reloaded: run.pbc'
again 'goes on after a reload' 2
again 'and on' 3
ctl --name eth0 set farm/one down
same 'a server set down gets nothing new' "$(for i in 1 2 3; do ask client 10.1.0.100/; done | shares)" ' 3 two '
ctl --name eth0 set farm/one file
again 'what another server carries goes on' 4

# A kill leaves the programs judging: what they know goes on, and nothing new begins until the next start.
service=$(pgrep -P "$prey")
kill -KILL "$prey"
wait "$prey" 2>/dev/null
until_true 100 'the service ends' sh -c "! kill -0 $service"
again 'after a kill a connection goes on' 5
same 'and none begins' "$(at client curl -s -m 0.3 http://10.1.0.100/ || echo nothing)" nothing
serve
same 'the next start serves again' "$(ask client 10.1.0.100/ | sed 's/two/one/')" one
prey_sums 'services'
