#!/usr/bin/env bash
# Frames with VLAN tags for this machine's own stack: it gets those that it gets without preyrun, in both executors, by both hooks, also
# where they come up to the process, of TCP and of UDP.
set -u
EXEC=user # where it says no other
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@" || { echo 'ok - frames with tags, live # SKIP this machine lets us mount no file system of BPF'; exit 0; }
. "$top/tests/e2e/live/kernel.sh"
web client
web prey
nginx=$last
udp prey 53
from=$(at client cat /sys/class/net/eth0/address) to=$(at prey cat /sys/class/net/eth0/address)
ip -n "$id-prey" neigh replace 10.1.0.1 lladdr "$from" dev eth0 nud permanent

rules service <<'END'
pool here { server client 10.1.0.1:80 }
service web on 10.1.0.2 tcp/80 { mode proxy; -> here }
firewall edge in default drop {
  accept state established, related
  accept tcp to 10.1.0.2 port 80
  accept udp port 53
}
END

# Each form has ports of its own, by which its answers are known.
forms=('' 8100:5 88a8:5 9100:5 '8100:5 8100:0' '8100:0 8100:5' '88a8:7 8100:5' '8100:7 8100:5' 8100:0 88a8:0 '8100:0 8100:0' 9100:0)
for ((i = 0; i < ${#forms[@]}; i++)); do
    tags=
    for tag in ${forms[i]}; do tags="$tags / vlan ${tag#*:} tpid 0x${tag%:*}"; done
    echo "eth $from > $to$tags / ip4 10.1.0.1 > 10.1.0.2 / tcp PORT$((30 + i)) > 80 syn seq 1"
    echo "eth $from > $to$tags / ip4 10.1.0.1 > 10.1.0.2 / udp PORT$((30 + i)) > 53 / payload \"?\""
done >frames
echo "eth $from > $to / ip4 10.1.0.1 > 10.1.0.2 / udp PORT99 > 53 / payload \"the last\"" >>frames

# answered NAME NUMBER: the forms that are answered, TCP's and UDP's. NUMBER: the ports begin so.
answered() {
    local name=$1 number=$2 at=$((100 * $2))
    sed "s/PORT/$number/" frames | capture "sent$number"
    sniff "got$number" client eth0 'src host 10.1.0.2 and (udp src port 53 or tcp src port 80)'
    at client python3 "$top/tests/e2e/live/send.py" eth0 "sent$number.pcap" >sent
    until_true 100 "$name: the last is answered" last_came "got$number" $((at + 99))
    sniffed
    tcpdump -n -r "got$number" 'udp or tcp[13] == 0x12' 2>/dev/null | awk -v at="$at" '{
        proto = /Flags/ ? "tcp" : "udp"; to = $5; sub(/:$/, "", to); sub(/.*\./, "", to)
        if (to >= at + 30 && to < at + 99) print proto, to - at - 30 }' | sort -u | tr '\n' ','
}
last_came() { tcpdump -n -r "$1" "udp dst port $2" 2>/dev/null | grep -q .; }

alone=$(answered 'without preyrun' 101)
same 'without preyrun some are answered' "$(grep -c 'tcp 0,.*tcp 8,.*udp 0,.*udp 8,' <<<"$alone")" 1
n=102
for rules in host service; do
    [ $rules = host ] || kill "$nginx" # the proxy answers in its place
    for way in 'kernel --hook tc' 'kernel --hook xdp' 'user --monitor'; do
        # shellcheck disable=SC2086
        prey prey -i eth0 --exec $way --log text --format json $rules.pbc
        same "$rules, $way: the same are answered" "$(answered "$rules, $way" $n)" "$alone"
        prey_ends
        same "$rules, $way: it ends in order" "$status" 0
        n=$((n + 1))
    done
done
exit $failed
