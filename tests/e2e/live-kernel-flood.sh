#!/usr/bin/env bash
# A flood of SYNs beside real connections, with the executor in the kernel: to a service with SYN cookies, and to one in `mode
# proxy`, behind a firewall that lets in what opens connections and nothing else. None of the real ones fails.
set -u
EXEC=user # where it says no other
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@" || { echo 'ok - a flood before the kernel executor # SKIP this machine lets us mount no file system of BPF'; exit 0; }
live_begin

site one
rules flooded <<'END_OF_RULES'
pool farm { server one 10.2.0.2:80 }
service sweet on 10.1.0.100 tcp/80 { mode passthrough keep source; announce; syn cookies; -> farm }
service ends on 10.1.0.101 tcp/80 { mode proxy; announce; -> farm }
firewall edge in default drop {
  accept tcp to port 80 flags has syn lacks ack as OPENERS
  accept state established as ANSWERS
}
END_OF_RULES
prey prey -i wan -i lan --exec kernel --format json flooded.pbc
at prey ip route add 198.51.100.0/22 dev wan

mkfifo until
at client python3 "$top/tests/e2e/live/flood.py" eth0 "$(at prey cat /sys/class/net/wan/address)" 10.1.0.100 10.1.0.101 <until >sent &
flood=$!
pids="$pids $flood"
exec 4>until
came_up() { ctl status; [ "$(grep -oE ' begin [0-9]+' out | tr -dc 0-9)" -gt 1000 ]; }
until_true 100 'the flood comes up' came_up
for i in 1 2 3 4 5; do ask client 10.1.0.100/ && ask client 10.1.0.101/; done 2>&1 | tr '\n' ' ' >said
exec 4>&-
wait $flood
same 'meanwhile ten connect, and each is answered' "$(cat said)" 'one one one one one one one one one one '
prey_ends
same 'it ends with 0' "$status" 0
adds_up 'every frame has one verdict'
same 'the ten began flows or sessions, the flood none' "$(number cookies proven) $(number proxy sessions)" '5 5'
same 'the end says whether something of the kernel was not heard' "$(number kernel untold) $(number kernel answers_over)" '0 0'
# The devices count what they had no room for: of that no executor hears.
lost=$(($(at client cat /sys/class/net/eth0/statistics/tx_dropped) + $(at prey cat /sys/class/net/wan/statistics/rx_dropped)))
same 'each SYN that arrived was seen' "$(python3 -c "print($(number cookies sent) + $(number live frames) > $(cat sent) - $lost, $(number cookies sent) > 400)")" 'True True'
exit $failed
