#!/usr/bin/env bash
# `mode observe`, live, of connections of the watching machine itself: both halves, also by several workers; and of what it
# forwards, where each packet counts once though two interfaces show it.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin
RECORD=0

space client prey server
link client eth0 prey a
link server eth0 prey b
address client eth0 10.1.0.1/24 fd00:1::1/64
address prey a 10.1.0.9/24 fd00:1::9/64
address prey b 10.2.0.9/24 fd00:2::9/64
address server eth0 10.2.0.2/24 fd00:2::2/64
at client ip route add default via 10.1.0.9
at server ip route add default via 10.2.0.9
web prey
web server
payload 300000 prey server
rules watch <<'END'
firewall f default accept { }
service watch on any tcp/any { mode observe; sessions to "sessions.jsonl"; stream to "bytes" }
END
sessions() { # what they have, in order; a sender in a hurry sends some twice, and two interfaces would show all twice
    python3 -c 'import json, sys
for s in map(json.loads, open("sessions.jsonl")):
    c, v = s["from_client"], s["from_server"]
    seldom = 2 * v["retransmitted"] < v["packets"] and 2 * c["retransmitted"] < c["packets"]
    print(s["server"], s["why"], c["holes"], v["holes"], v["bytes"] > 300000, seldom)'
}
ended() { [ -e sessions.jsonl ] && [ "$(wc -l <sessions.jsonl)" -ge "$1" ]; }

prey prey -i a -i b --io packet --workers 2 --monitor watch.pbc
for i in 1 2; do fetches "a file of this machine, $i" client 10.1.0.9; done
until_true 100 'sessions have ended' ended 2
prey_ends
same 'both halves of its own connections are whole' "$(sessions)" '10.1.0.9 closed 0 0 True True
10.1.0.9 closed 0 0 True True'
tail -c 300000 bytes/*.server | tail -c 300000 | cmp -s - payload
ok $? 'the bytes are those of the file'

rm -rf sessions.jsonl bytes
at prey sysctl -q -w net.ipv4.ip_forward=1
prey prey -i a -i b --io packet --workers 2 --monitor watch.pbc
fetches 'a file of another machine' client 10.2.0.2
until_true 100 'the session has ended' ended 1
prey_ends
same 'what is forwarded counts once' "$(sessions)" '10.2.0.2 closed 0 0 True True'
exit $failed
