#!/usr/bin/env bash
# Connections that leave for the packet path in drawn conversations (drawn.py): data in flight both ways, pauses, halves that end early or late.
# Each is whole at both ends; what each end is told, in the capture at its own device, never contradicts what it has sent or was told
# before (segments.py); and so under reloads. N conversations a round, 1,000 in the long campaign.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin
between one
ip -n "$id-client" route add default via 10.1.0.2
ip -n "$id-client" -6 route add default via fd00:1::2
n=${N:-60}
drawn() { at "$1" timeout 300 python3 "$top/tests/e2e/live/drawn.py" "${@:2}"; }

for first in server bytes; do
    rules $first <<END
${limits}service wire on any tcp/7000-7009 {
  mode proxy inline
  splice packets
  $first first
  $([ $first = server ] || echo 'when bytes payload at 0 is x"44 52 41 57" -> original')
  $([ $first = server ] || echo 'else -> reject')
}
firewall f forward default accept { }
END
done

# round SENTENCE ADDRESS OPTION...: conversations through prey with these options; most of them have left.
round() {
    local it=$1 server=$2 first=$3 serves client
    shift 3
    client=$(case $server in *:*) echo fd00:1::1 ;; *) echo 10.1.0.1 ;; esac)
    : >serves
    background one python3 "$top/tests/e2e/live/drawn.py" serve "$server" 7001 >serves
    serves=$last
    until_true 100 'the server listens' grep -q listens serves
    prey prey --format json "$@" $first.pbc
    sniff client.pcap client eth0 -s 120 tcp port 7001
    sniff one.pcap one eth0 -s 120 tcp port 7001
    same "$it: drawn conversations, all whole" "$(drawn client talk "$server" 7001 "$at" "$n" 20)" "$n of $n"
    until_true 300 'the server has heard all' test "$(grep -cE ' (whole|torn)$' serves)" -ge "$n"
    same "$it: and at the server" "$(grep -c ' whole$' serves)" "$n"
    at=$((at + n))
    sniffed
    for end in "client $client" "one $server"; do
        python3 "$top/tests/e2e/live/segments.py" "${end% *}.pcap" "${end#* }" >segments
        sed -n '2,$s/^/# /p' segments
        same "$it: what the end at ${end#* } is told" "$(head -n 1 segments | grep -oE '[0-9]+ faults')" '0 faults'
    done
    ctl counters
    spliced=$(awk '$1 == "services.wire.proxy.spliced" { print $2 }' out)
    same "$it: most have left for the packet path" "$((${spliced:-0} >= n * 8 / 10))" 1
    prey_ends
    same "$it: it ends well" "$status" 0
    kill $serves
}

at=1
for first in server bytes; do
    for server in 10.2.0.2 fd00:2::2; do
        round "$first first, $server" "$server" "$first" -i wan -i lan
    done
done
exit $failed
