#!/usr/bin/env bash
# Connections that are cut into in drawn conversations (drawn.py): servers speak from the beginning, and clients say some time later, in pieces, what
# decides, so a cut finds data on its way to both ends, pauses, and halves that end just then. Each is whole at both ends; what each
# end is told, in the capture at its own device, never contradicts what it has sent or was told before (segments.py); alone, beside
# load and under a reload every 100 ms, and over cables that lose, reorder and double frames: by netem where the kernel has it, else both
# ends lose some of what comes. N conversations a round: 10, 250 with LONG=1.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
. "$top/tests/e2e/live/drawn.sh"
live_begin
RECORD=0 # sockets' answers are no part of a recording's packets
export EARLY=1

# A cable is a bridge of the kernel's between an end and prey, where frames can be lost.
space client near prey far server
link client eth0 near end
link near prey prey a
link server eth0 far end
link far prey prey b
bridged near cable end prey
bridged far cable end prey
address client eth0 10.1.0.1/24 fd00:1::1/64
address server eth0 10.1.0.2/24 fd00:1::2/64

for name in cut again0 again1; do # each another program
    rules $name <<END
firewall edge forward default accept { accept state established as OPEN; accept tcp as $name }
service wire on any tcp/7001 { mode observe; when bytes payload at 0 is x"44 52 41 57" -> proxy inline; else -> pass }
END
done

n=${N:-$([ -n "${LONG-}" ] && echo 250 || echo 10)}
into=0
# round WHAT SERVER: conversations through prey; those whose ends close at once are not cut into.
round() {
    local it=$1 server=$2 client
    client=$(case $server in *:*) echo fd00:1::1 ;; *) echo 10.1.0.1 ;; esac)
    drawn_serves server "$server" 7001
    prey prey --bridge a:b --format json cut.pbc
    drawn_talks "$it" "$n" 10 server "$server" 7001 "$client"
    cuts_counted "$it" "$n"
    into=$((into + cuts))
    prey_ends
    same "$it: it ends well" "$status" 0
    same "$it: the flow of each that was cut into ended with it" "$(number flows ended cut-into)" "$cuts"
}

round IPv4 10.1.0.2
round IPv6 fd00:1::2

web server
payload 20000000 server
# loads N: files come by, until `enough` is there.
loads() {
    until [ -e enough ]; do
        at client curl -s -m 60 --limit-rate 16M -o "loaded-$1" http://10.1.0.2/files/file && cmp "loaded-$1" payload && echo whole
    done
}
beside() {
    loads 1 >loads-1 2>&1 &
    loading=$!
    loads 2 >loads-2 2>&1 &
    loading="$loading $!"
    pids="$pids $loading"
    reloads cut.pbc
}
beside_ends() {
    reloads_end
    touch enough
    wait $loading
    same 'what goes by meanwhile is whole' "$(cat loads-1 loads-2 | sort -u)" whole
}
begins=beside ends=beside_ends
round 'beside load, reloads each 100 ms' 10.1.0.2
begins='' ends=''

# Cables that lose frames, and more where they can
cables='near:end near:prey far:end far:prey'
if lossy $cables; then
    at_client='near prey' at_server='far prey'
    round 'over cables that lose, reorder and double frames' 10.1.0.2
    same 'frames were lost on each cable, each way' "$(losses $cables)" 1111
else
    for end in client server; do
        at $end nft 'add table inet lossy; add chain inet lossy in { type filter hook input priority 0; }
            add rule inet lossy in meta l4proto tcp numgen inc mod 40 == 39 counter drop'
    done
    round 'over cables that lose frames' 10.1.0.2
    same 'frames were lost at both ends' "$(for end in client server; do at $end nft list table inet lossy | grep -oE 'packets [0-9]+'; done | awk '$2 > 0' | wc -l)" 2
fi
same 'a tenth of all were cut into' "$((into * 10 >= 4 * n))" 1
exit $failed
