#!/usr/bin/env bash
# Live without a packet: two workers sleep, and all of preyrun takes less than a hundredth of a CPU (it should take less than 0.2 %;
# the kernel counts in hundredths of a second).
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

space prey peer
link prey eth0 peer eth0
for s in prey peer; do at $s sysctl -q -w net.ipv6.conf.eth0.disable_ipv6=1; done
address prey eth0 10.1.0.2/24
rules idle <<'RULES'
pool farm { balance maglev; source 10.1.0.50; server one 10.1.0.3 }
service web on 10.1.0.100 tcp/80 { mode passthrough; -> farm }
RULES
prey prey -i eth0 --workers 2 --format json idle.pbc
service=$(pgrep -P "$prey")
taken() { awk '{ n += $14 + $15 } END { print n }' "/proc/$prey/stat" "/proc/$service/stat"; }
woken() { awk '/^voluntary/ { n += $2 } END { print n }' "/proc/$service/task"/[0-9]*/status; }
# Five seconds are tried again where something was left to do: neighbours, links, pages of a start on a busy machine.
for try in 1 2 3 4; do
    before=$(taken) wakes=$(woken)
    sleep 5
    took=$(($(taken) - before)) woke=$(($(woken) - wakes))
    [ "$took" -gt 5 ] || [ "$woke" -gt 50 ] || break
done
[ "$took" -le 5 ]
ok $? "idle for five seconds: $took hundredths of a second"
[ "$woke" -le 50 ]
ok $? "its threads were woken $woke times"
prey_ends
same 'it ends with 0' "$status" 0
exit $failed
