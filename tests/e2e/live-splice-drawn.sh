#!/usr/bin/env bash
# Connections that leave for the packet path in drawn conversations (drawn.py): data in flight both ways, pauses, halves that end early or late.
# Each is whole at both ends; what each end is told, in the capture at its own device, never contradicts what it has sent or was told
# before (segments.py); in either executor, and under a reload every 100 ms. N conversations a round, 1,000 in the long campaign.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@" || { echo 'ok - connections that leave for the packet path in drawn conversations, live # SKIP this machine lets us mount no file system of BPF'; exit 0; }
live_begin
between one
ip -n "$id-client" route add default via 10.1.0.2
ip -n "$id-client" -6 route add default via fd00:1::2
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
firewall f forward default drop {
  accept tcp as ALL
  accept icmp
  accept icmp6
}
END
done

# Others say in a rule that a word was changed, so that each is another program.
for i in 0 1; do
    sed "s/as ALL/as ALL$i/" server.prey >again$i.prey
    "$bin/preyc" -o again$i.pbc again$i.prey >said 2>&1 || sed 's/^/# /' said
done
reloads() {
    local n=0
    while sleep 0.1; do
        n=$((n + 1))
        cp again$((n % 2)).pbc next.pbc
        mv next.pbc server.pbc
        kill -HUP "$prey"
    done
}

# round SENTENCE SERVER WHO-IS-FIRST OPTION...: conversations through prey with these options; some of them have left.
round() {
    local it=$1 server=$2 first=$3 serves client end spliced reloading=
    shift 3
    client=$(case $server in *:*) echo fd00:1::1 ;; *) echo 10.1.0.1 ;; esac)
    : >serves
    background one python3 "$top/tests/e2e/live/drawn.py" serve "$server" 7001 >serves
    serves=$last
    until_true 100 'the server listens' grep -q listens serves
    prey prey --format json "$@" $first.pbc
    sniff client.pcap client eth0 -s 120 tcp port 7001
    sniff one.pcap one eth0 -s 120 tcp port 7001
    if [ "$it" = reloads ]; then
        reloads 2>/dev/null &
        reloading=$!
        pids="$pids $reloading"
    fi
    same "$it: drawn conversations, all whole" "$(drawn client talk "$server" 7001 "$at" "$n" 20)" "$n of $n"
    [ -z "$reloading" ] || { kill $reloading && wait $reloading; } 2>/dev/null
    heard() { [ "$(grep -cE ' (whole|torn)$' serves)" -ge "$n" ]; }
    until_true 300 'the server has heard all' heard
    same "$it: and at the server" "$(grep -c ' whole$' serves)" "$n"
    at=$((at + n))
    sniffed
    for end in "client $client" "one $server"; do
        python3 "$top/tests/e2e/live/segments.py" "${end% *}.pcap" "${end#* }" >segments
        sed -n '2,$s/^/# /p' segments
        same "$it: what the end at ${end#* } is told" "$(head -n 1 segments | grep -oE '[0-9]+ faults')" '0 faults'
    done
    ctl counters
    spliced=$(awk '$1 == "services.wire.proxy.spliced" { gsub(",", "", $2); print $2 }' out)
    same "$it: some have left for the packet path" "$((${spliced:-0} >= n / 10))" 1
    prey_ends
    same "$it: it ends well" "$status" 0
    kill $serves
}

n=${N:-40}
at=${FROM:-1}
round 'user space, IPv4' 10.2.0.2 server -i wan -i lan
round 'user space, IPv6' fd00:2::2 bytes -i wan -i lan
round reloads 10.2.0.2 server -i wan -i lan
round 'the kernel, IPv4' 10.2.0.2 bytes -i wan -i lan --exec kernel
round 'the kernel, IPv6' fd00:2::2 server -i wan -i lan --exec kernel
exit $failed
