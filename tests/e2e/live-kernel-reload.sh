#!/usr/bin/env bash
# The executor in the kernel, another program every 100 ms beside floods, in a table of flows that they fill, while pages are fetched: none
# fails. What is refused leaves the one that runs.
set -u
EXEC=user # where it says no other
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@" || { echo 'ok - reloads of the kernel executor, live # SKIP this machine lets us mount no file system of BPF'; exit 0; }
limits='limits { flows 4096 }
'
. "$top/tests/e2e/live/kernel.sh"
web prey
reloads=${LONG:+300}
reloads=${reloads:-30}
sed 's/accept tcp port 80/accept tcp port 80, 8080/' host.prey >wide.prey
"$bin/preyc" wide.prey -o wide.pbc >/dev/null
rules brings <<'END'
pool farm { server one 10.1.0.1 }
service web on 10.1.0.2 tcp/90 { mode passthrough; -> farm }
END
cp host.pbc run.pbc
kernel run.pbc

mac=$(at prey cat /sys/class/net/eth0/address)
for kind in fragment icmp syn; do
    background client "$bin/tests/tools/flood" eth0 "$mac" 10.1.0.2 80 $kind 3000 100 >/dev/null
done
at client sh -c 'i=0; bad=0; while [ ! -e stop ]; do curl -s -m 20 -o /dev/null http://10.1.0.2/ || bad=$((bad + 1)); i=$((i + 1)); done; echo "$bad of $i" >fetched' &
fetching=$!
count() { [ "$(grep -c '  reloaded' prey.err)" -ge "$1" ]; }
loads=0 # of those that are told of as reloads
for i in $(seq "$reloads"); do
    cp "$([ $((i % 2)) -eq 0 ] && echo host.pbc || echo wide.pbc)" next.pbc
    mv next.pbc run.pbc
    kill -HUP "$prey"
    sleep 0.05
    until_true 300 "reload $i" count $((i + loads))
    [ "$i" -ne $((reloads / 2)) ] || { ctl --name eth0 load brings.pbc; cp err refused; first=$status; ctl --name eth0 load wide.pbc; second=$status loads=1; }
done
touch stop
wait $fetching
same "$reloads reloads: no fetch failed" "$(cut -d' ' -f1-2 fetched)" '0 of'
same 'what needs other tables is refused, and what runs goes on' "$first|$(grep -c 'which needs tables that prey creates only when it starts' refused)|$second" '2|1|0'
same 'the last one judges' "$(gets 8080 0.2) $(gets 80)" 'curl 28 prey'
prey_ends
undone 'a clean stop undoes everything' "$status" 0
adds_up 'every frame has one verdict'
same 'a full table is told of' "$(grep -c 'limit: .*the table of flows is full' prey.err | tr -dc 1-9 | head -c1 | tr 1-9 y)" y
