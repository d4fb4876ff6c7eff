#!/usr/bin/env bash
# Connections that leave for the packet path in drawn conversations (drawn.py): data in flight both ways, pauses, halves that end early or late.
# Each is whole at both ends; what each end is told, in the capture at its own device, never contradicts what it has sent or was told
# before (segments.py); in either executor, under a reload every 100 ms, and over cables that lose, double and reorder frames, where the
# kernel has netem. N conversations a round: 10, 200 with LONG=1.
set -u
EXEC=user # where it says no other
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
. "$top/tests/e2e/live/drawn.sh"
pins "$@" || { echo 'ok - connections that leave for the packet path in drawn conversations, live # SKIP this machine lets us mount no file system of BPF'; exit 0; }
live_begin
between one
ip -n "$id-client" route add default via 10.1.0.2
ip -n "$id-client" -6 route add default via fd00:1::2

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

# round WHAT SERVER WHO-IS-FIRST OPTION...: conversations through prey with these options; some of them have left.
round() {
    local it=$1 server=$2 first=$3 client spliced begins= ends=
    shift 3
    client=$(case $server in *:*) echo fd00:1::1 ;; *) echo 10.1.0.1 ;; esac)
    drawn_serves one "$server" 7001
    prey prey --format json "$@" $first.pbc
    [ "$it" != reloads ] || begins='reloads server.pbc' ends=reloads_end
    drawn_talks "$it" "$n" 20 one "$server" 7001 "$client"
    ctl counters
    spliced=$(awk '$1 == "services.wire.proxy.spliced" { gsub(",", "", $2); print $2 }' out)
    same "$it: some have left for the packet path" "$((${spliced:-0} >= n / 10))" 1
    prey_ends
    same "$it: it ends well" "$status" 0
    grep -q 'takes no packets from XDP programs' prey.err && ok 1 "$it: its devices take what programs send"
}

n=${N:-$([ -n "${LONG-}" ] && echo 200 || echo 10)}
round 'user space, IPv4' 10.2.0.2 server -i wan -i lan
round 'user space, IPv6' fd00:2::2 bytes -i wan -i lan
round reloads 10.2.0.2 server -i wan -i lan
cables='outside:port1 outside:port2 inside:port1 inside:port2'
for_programs $cables client:eth0 prey:wan prey:lan one:eth0
round 'the kernel, IPv4' 10.2.0.2 bytes -i wan -i lan --exec kernel
round 'the kernel, IPv6' fd00:2::2 server -i wan -i lan --exec kernel
if lossy $cables; then
    at_client='outside port2' at_server='inside port1'
    round 'lossy cables' 10.2.0.2 bytes -i wan -i lan
    round 'lossy cables, IPv6, the kernel' fd00:2::2 server -i wan -i lan --exec kernel
    same 'frames were lost on each cable, each way' "$(losses $cables)" 1111
else
    echo 'ok - drawn conversations over cables that lose frames # SKIP this kernel has no netem'
fi
exit $failed
