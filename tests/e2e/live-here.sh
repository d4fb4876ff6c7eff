#!/usr/bin/env bash
# Live, servers whose address is this machine's: packets that are sent on never reach one, though its checks, which go by the
# loopback, find it well. So it is down in all modes but proxies, until its address leaves the machine.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

site one two
web prey
ip -n "$id-prey" addr add 10.2.0.9/24 dev lan
rules here <<'RULES'
check alive = http GET "/" every 100ms timeout 1s rise 1 fall 2 expect 200
pool shop { check alive; server one 10.2.0.2:80; server own 10.2.0.1:80 backup }
pool both { check alive; server own 10.2.0.1:80 }
pool moves { server it 10.2.0.9:80 }
pool six { server own [fd00:2::1]:80 }
service shop on 10.1.0.100 tcp/90 { mode passthrough; announce; -> shop }
service sent on 10.1.0.101 tcp/90 { mode passthrough keep source; announce; -> both }
service told on 10.1.0.102 tcp/90 { mode proxy; announce; -> both }
service asks on 10.1.0.103 tcp/90 { mode proxy http; announce; -> both }
service moves on 10.1.0.104 tcp/90 { mode passthrough; announce; -> moves }
service dsr on 10.1.0.105 tcp/90 { mode dsr rewrite; announce; -> moves }
service six on fd00:1::100 tcp/90 { mode passthrough; announce; -> six }
service kept on 10.1.0.106 tcp/90 { mode passthrough keep source; announce; -> shop }
pool grows { balance round_robin; slow start 1h; server one 10.2.0.2:80; server own 10.2.0.1:80 }
service grows on 10.1.0.107 tcp/90 { mode proxy; announce; -> grows }
service sends on 10.1.0.108 tcp/90 { mode passthrough; announce; -> grows }
service hidden on 10.1.0.110, fd00:1::110 tcp/90, tcp/91 { mode passthrough; -> both6 }
pool both6 { server one 10.2.0.2:80; server one6 [fd00:2::2]:80 }
service held on 10.1.0.2 tcp/91 { mode passthrough; -> shop }
service far on 192.0.2.77 tcp/90 { mode passthrough; -> shop }
RULES
prey prey -i wan -i lan --log text here.pbc
why='this machine itself has the address, and forwarded packets can'\''t reach it'
hears 'a backup on this machine is told' "health: shop/own is down: $why"
hears 'and a server without a check' "health: moves/it is down: $why"
hears 'and one of IPv6' "health: six/own is down: $why"
same 'the start says what mends it' "$(grep -c 'notice: server both/own.*so it counts as down; to fix it: use .mode proxy., or' prey.err)" 1
same 'addresses in a subnet that nobody answers for are told, each once' "$(sed -n 's/.*notice: \(service .*\)/\1/p' prey.err)" \
    'service hidden has 10.1.0.110, in the subnet of wan, but this machine doesn'\''t answer ARP or ND for that address; to fix it, write `announce` in the service, or run: ip addr add 10.1.0.110/32 dev wan
service hidden has fd00:1::110, in the subnet of wan, but this machine doesn'\''t answer ARP or ND for that address; to fix it, write `announce` in the service, or run: ip addr add fd00:1::110/128 dev wan'
same 'who is well serves' "$(ask client 10.1.0.100:90/)" one
same 'a pool of this machine alone has no server' "$(ask client 10.1.0.101:90/ 5)" 'failed: 7'
same 'and none without a check' "$(ask client 10.1.0.104:90/ 5)" 'failed: 7'
same 'and none by dsr' "$(ask client 10.1.0.105:90/ 5)" 'failed: 7'
same 'and none by IPv6' "$(ask client '[fd00:1::100]:90/' 5)" 'failed: 7'
same 'a proxy reaches it' "$(ask client 10.1.0.102:90/)" prey
same 'and a proxy of requests' "$(ask client 10.1.0.103:90/)" prey
ctl status --json
same 'the document says why' "$(python3 -c '
import json
for p in json.load(open("out"))["pools"]:
    for s in p["servers"]:
        if s["health"] == "down": print(p.get("name", p.get("pool")), s["name"], s["why"])' | sort)" "both own $why
grows own $why
moves it $why
shop own $why
six own $why"
same 'and counts each once among those that have a check' "$(python3 -c '
import json
print(json.load(open("out"))["checks"])')" "{'servers': 3, 'down': 2, 'not_begun': 0}"
ctl set both/own up
same 'a hand brings it up no more than a check' "$(grep -c "still down: $why" out)" 1
same 'nobody is sent there' "$(ask client 10.1.0.101:90/ 5)" 'failed: 7'
ctl set both/own file

# A proxy's server on this machine that comes up starts slowly, too: with a tenth of its weight.
of_22() { for i in $(seq 22); do ask client "$1:90/" 5; done | shares; }
same 'a server here has its whole share of a proxy' "$(of_22 10.1.0.107)" ' 11 one 11 prey '
ctl set grows/own down
ctl set grows/own up
same 'one that came up has little' "$(of_22 10.1.0.107)" ' 20 one 2 prey '
same 'and nothing of what is sent on' "$(of_22 10.1.0.108)" ' 22 one '

# A server that is its own client gets nothing from itself, and that is counted; other clients are served.
same 'a server that is its own client is refused' "$(ask one 10.1.0.106:90/ 1)" 'failed: 28'
same 'others are served' "$(ask client 10.1.0.106:90/)" one
ctl status --json
same 'and counted, with the reason' "$(python3 -c '
import json
print(json.load(open("out"))["reasons"]["same-ends"]["packets"] > 0)')" True

# The last server goes: a sorry server on this machine takes nobody.
kill -STOP "$web_one"
hears 'the other is found dead' 'health: shop/one is down'
# It is told before workers know: a connection that begins between the two is reset.
refused() { [ "$(ask client 10.1.0.100:90/ 5)" = 'failed: 7' ]; }
until_true 20 'no connection hangs at the backup' refused
same 'no connection hangs at the backup' "$(ask client 10.1.0.100:90/ 5)" 'failed: 7'
kill -CONT "$web_one"
until_true 100 'it is found well again' eval 'ask client 10.1.0.100:90/ 5 | grep -q one'

# The address moves to another machine, and back.
ip -n "$id-prey" addr del 10.2.0.9/24 dev lan
ip -n "$id-two" addr add 10.2.0.9/24 dev eth0
hears 'the address leaves' 'health: moves/it is up: its address has left this machine'
until_true 100 'its new machine serves' eval 'ask client 10.1.0.104:90/ 5 | grep -q two'
same 'its new machine serves' "$(ask client 10.1.0.104:90/)" two
ip -n "$id-two" addr del 10.2.0.9/24 dev eth0
ip -n "$id-prey" addr add 10.2.0.9/24 dev lan
found_twice() { [ "$(grep -c "health: moves/it is down: $why" prey.err)" = 2 ]; }
until_true 100 'the address comes back' found_twice
same 'the address comes back, and nobody is sent there' "$(ask client 10.1.0.104:90/ 5)" 'failed: 7'

# A reload keeps it, and tells nothing anew.
kill -HUP "$prey"
hears 'a reload' 'reloaded: here.pbc'
same 'nobody is sent there after it' "$(ask client 10.1.0.101:90/ 5)$(ask client 10.1.0.104:90/ 5)" 'failed: 7failed: 7'
same 'nothing is told twice' "$(grep -c "health: both/own is down: $why" prey.err)" 1
same 'and the proxy goes on' "$(ask client 10.1.0.102:90/)" prey
prey_ends
