#!/usr/bin/env bash
# Live with two workers: each conversation has one owner, whoever got the frame; many clients, fragments, counters that add
# up over both, and what both count together.
set -u
EXEC=user # several workers are user space's
: "${RECORD:=1}" # and what it did is done once more at its end
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

space client prey one two
lan switch 1 client prey one two
for s in one two; do
    web "$s"
    udp "$s" 53
    udp "$s" 54
done
for i in $(seq 60 79); do address client eth0 "10.1.0.$i/24"; done

rules pass <<'END'
meter slow = 9/h burst 9
meter fast = 3200/s burst 3200
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
service rare on 10.1.0.100 udp/56 { mode passthrough; announce; rate slow; -> farm }
service many on 10.1.0.100 udp/57 { mode passthrough; announce; rate fast; -> farm }
service few on 10.1.0.100 udp/54 { mode passthrough; announce; max flows 7; -> farm }
END
prey prey -i eth0 --workers 2 --format json pass.pbc
same 'it says how many workers there are' "$(cat prey.err)" 'ready: eth0: eth0 by packet, 2 workers, pass.pbc'
# What came before the second worker's socket was there is the first one's.
kill -USR1 "$prey"
until_true 50 'counters are printed at SIGUSR1' grep -q '^}' prey.out
before=$(number live handed)
: >prey.out
for i in $(seq 60 79); do
    at client curl -s -m 20 --interface "10.1.0.$i" http://10.1.0.100/ || echo failed
    at client curl -s -m 20 --interface "10.1.0.$i" http://10.1.0.100/ || echo failed
done >answers
# Each worker takes servers in turn for itself.
same 'twenty clients, two requests each' "$(wc -l <answers) $(sort -u answers | tr '\n' ' ')" '40 one two '
shares() { awk -v n="$(grep -c one answers)" 'BEGIN { exit !(n >= 18 && n <= 22) }'; }
shares
ok $? 'shared by both servers, within one a worker'
for i in $(seq 1 10); do at client curl -s -m 20 'http://[fd00:1::100]/' || echo failed; done | sort | uniq >six
same 'IPv6' "$(tr '\n' ' ' <six)" 'one two '
kill -USR1 "$prey"
until_true 50 'counters are printed at SIGUSR1' grep -q '^}' prey.out
if [ "$(number live dealt)" = owner ]; then
    same 'each frame came to its owner' "$(number live handed)" "$before"
else
    echo 'ok - each frame came to its owner # SKIP the dealing program can'\''t be loaded here'
fi
truncate -s 0 prey.out
for i in $(seq 1 10); do
    at client "$tools/udp" ask 10.1.0.100 53 0 4000 || echo failed
done | cut -d' ' -f2,3 | sort | uniq -c | tr -s ' \n' ' ' >pieces
same 'datagrams in fragments arrive whole' "$(cat pieces)" ' 10 10.1.0.50 4000 '
for i in $(seq 1 10); do
    at client "$tools/udp" ask fd00:1::100 53 0 4000 || echo failed
done | cut -d' ' -f2,3 | sort | uniq -c | tr -s ' \n' ' ' >pieces
same 'of IPv6, too' "$(cat pieces)" ' 10 fd00:1::50 4000 '
# A question from each of twenty sources; those that are over get no answer, so they are counted.
at client python3 -c '
import socket
for i in range(60, 80):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((f"10.1.0.{i}", 5400))
    for port in 54, 56, 57: s.sendto(b"x", ("10.1.0.100", port))'
few_over() {
    truncate -s 0 prey.out
    kill -USR1 "$prey"
    until_true 50 'counters are printed once more' grep -q '^}' prey.out
    [ "$(number reasons max-flows packets)" -ge 13 ] && [ "$(number reasons over-rate packets)" -ge 11 ]
}
until_true 50 'those that are over come' few_over
same '`max flows` is of both workers together' "$(number reasons max-flows packets)" 13
same 'a meter without a key, too' "$(number reasons over-rate packets)" 11
truncate -s 0 prey.out
prey_ends
same 'it ends with 0' "$status" 0
adds_up 'every frame that came has one verdict, by one of both'
same 'some were handed over, none was lost' "$(python3 -c "print($(number live handed) > 0, $(number live hand_lost))")" 'True 0'
same 'nothing was lost on the way out' "$(number live lost | tr -dc '1-9')" ''
exit $failed
