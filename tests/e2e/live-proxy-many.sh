#!/usr/bin/env bash
# Many connections through the proxy: idle ones, of `mode proxy` and of `mode proxy http`, all open at once, each answered
# afterwards, in less than 2 KiB each; and short ones, after which neither descriptors nor memory are left, with one worker
# and with two. 1,000 and 2,000; with LIVE=1 50,000 (IDLE) and 100,000 (SHORT). Where one process may not have so many
# files open and this bound cannot be raised, as many preyruns as it takes share them.
set -u
EXEC=user # slots of AF_XDP sockets count as memory once they were touched, so sessions seem to cost more
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin
idle=${IDLE:-1000} short=${SHORT:-2000} patience=300
[ -z "${LIVE:-}" ] || idle=${IDLE:-50000} short=${SHORT:-100000} patience=3000
hold="python3 $top/tests/load/hold.py"
ulimit -n "$(ulimit -Hn)"

# A connection takes two files of a preyrun, and one of a client and of a server.
most=$((($(ulimit -n) - 1500) / 2))
instances=$(((idle + most - 1) / most))
each=$((idle / instances))
idle=$((each * instances))

names=$(seq -f 'prey%g' "$instances")
space client one $names
lan outside 1 client $(printf '%s:wan ' $names)
lan inside 2 $(printf '%s:lan ' $names) one
for n in client one $names; do
    at "$n" sysctl -q -w net.ipv4.tcp_tw_reuse=1 net.ipv4.ip_local_port_range='1024 65535' net.core.somaxconn=4096 net.ipv4.tcp_max_syn_backlog=4096
done
for i in $(seq 60 67); do address client eth0 "10.1.0.$i/24"; done
: >serves
for i in $(seq "$instances"); do
    background one $hold serve 7000 >>serves
    rules "many$i" <<RULES
pool farm { server one 10.2.0.$((instances + 1)):7000 }
service plain on 10.1.0.$((i + 1)) tcp/7000 { mode proxy; -> farm }
service http on 10.1.0.$((i + 1)) tcp/7001 { mode proxy http first bytes within 30m; -> farm }
RULES
done
servers_listen() { [ "$(grep -c ready serves)" -eq "$instances" ]; }
until_true 100 'the servers listen' servers_listen

rss_of_all() { for prey in $preys; do rss; done | awk '{ sum += $1 } END { print sum }'; }
# Without its connections to servers that wait for the next request.
files_but_kept() { echo $(($(files) - $(at prey1 ss -Htn state established state close-wait '( dport = :7000 )' | wc -l))); }
quiet() { [ "$(at "$1" ss -Htn state established state close-wait state fin-wait-1 state fin-wait-2 '( sport = :7000 or sport = :7001 )' | wc -l)" -eq 0 ]; }
all_quiet() { for n in $names; do quiet "$n" || return 1; done; }

# ---- idle ----

idle_ones() { # plain|http PORT
    local i grown
    rm -f held.* go say
    mkfifo say
    for i in $(seq "$instances"); do
        ip netns exec "$id-client" $hold ask "10.1.0.$((i + 1))" "$2" "$each" 10.1.0.61 2000 "$1" <say >"held.$i" &
        pids="$pids $!"
    done
    exec 9>say
    held() { [ "$(cat held.* | grep -c "$1")" -eq "$instances" ]; }
    until_true "$patience" "$1: they are open" held open
    grown=$(($(rss_of_all) - before))
    touch go
    until_true "$patience" "$1: they were asked" held answered
    same "$1: $idle idle at once in $instances preyrun, and each answers" \
        "$(cat held.* | awk '{ sum[$1] += $2 } END { print sum["open"], sum["answered"] }')" "$idle $idle"
    echo "# $1: $grown KiB more: $((grown * 1024 / idle)) bytes each"
    same "$1: less than 2 KiB each" "$((grown < 2 * idle))" 1
    exec 9>&-
    until_true "$patience" "$1: they are closed" all_quiet
}

# ---- short ----

short_ones() { # WORKERS
    local round memory files
    for round in 1 2; do
        at client $hold short 10.1.0.2 7000 $((short / 4)) "$(seq -s, -f '10.1.0.%g' 60 67)" plain
        at client $hold short 10.1.0.2 7001 $((short / 4)) "$(seq -s, -f '10.1.0.%g' 60 67)" http
        until_true "$patience" "$1: they are closed" quiet prey1
        echo "memory $(rss) files $(files_but_kept)"
    done >said
    same "$1: $short short connections, each answered" "$(awk '/answered/ { n += $2 } END { print n }' said)" "$short"
    read -r _ memory _ files <<<"$(grep memory said | head -1)"
    echo "# $1: at half $memory KiB and $files files; at the end $(grep memory said | tail -1)"
    same "$1: as many descriptors after half of them as after all" "$(awk '/memory/ { print $4 }' said | uniq | wc -l)" 1
    same "$1: no memory is left" "$(awk -v half="$memory" '/memory/ { n = $2 } END { print n - half < 2048 }' said)" 1
}

preys=
for i in $(seq "$instances"); do
    small_prey "prey$i" -i wan -i lan "many$i.pbc"
    preys="$preys $prey"
done
# What the first ones take once is not what each takes.
for i in $(seq "$instances"); do
    for port in 7000 7001; do at client $hold short "10.1.0.$((i + 1))" $port 200 10.1.0.60 "$([ $port = 7000 ] && echo plain || echo http)"; done
done >said
before=$(rss_of_all)
idle_ones plain 7000
idle_ones http 7001
read -r prey _ <<<"$preys"
short_ones 1
for prey in $preys; do
    prey_ends
    same 'it ends with 0' "$status" 0
done
small_prey prey1 -i wan -i lan --workers 2 many1.pbc
short_ones 2
prey_ends
same '2: it ends with 0' "$status" 0
exit $failed
