#!/usr/bin/env bash
# preyctl takeover where packets are copied: to a device, and into files as they come and as they leave. Each has each packet once,
# also those that wait in the rings when the process is another one, and what was counted goes on.
set -u
EXEC=${EXEC:-user} # kernel: live-takeover-copies-kernel.sh
. tests/e2e/live/takeover.sh
needs_pins
export RECORD=0

copies=$top/tests/e2e/live/takeover_copies.py
between one
space ids
link prey tap0 ids tap0
ip -n "$id-client" route add default via 10.1.0.2
at prey sysctl -q -w net.ipv4.ip_forward=1
rules copied <<'END'
limits { flows 20_000 }
firewall ways forward default accept {
  mirror to "tap0" udp to port 9000 as DEVICE
  mirror to file "came.pcapng" udp to port 9000 as CAME
  mirror sent to file "left.pcapng" udp to port 9000 as LEFT
  mirror to socket "nobody" udp to port 9000 as NOBODY
}
END
counted() { ctl counters mirrors; awk -v key="mirrors.$1" '$1 == key { gsub(",", "", $2); print $2 }' out; } # RULE.KEY

ways=('1 packet' '2 packet' '1 xdp')
[ $EXEC = user ] || ways=(kernel)
for how in "${ways[@]}"; do
    set -- $how
    say="$1 worker$([ $1 = 1 ] || echo s), ${2-}"
    options="--workers $1 --io ${2-}"
    [ $EXEC = user ] || { say='in the kernel' options=; }
    rm -f enough stop sent received device ./*.pcapng*
    : >received >device
    prey prey -i wan -i lan $options --access-logs "$PWD" copied.pbc
    first=$prey
    background one python3 "$copies" receive 9000 >received
    receiver=$last
    background ids python3 "$copies" device tap0 >device
    sniffer=$last
    until_true 100 'one listens' grep -q listens received
    until_true 100 'ids listens' grep -q listens device
    [ "$failed" = 0 ] || exit
    at client python3 "$copies" send 10.2.0.2 9000 >sent &
    sender=$!
    pids="$pids $sender"
    for n in 1 2 3 4 5; do
        more() { [ "$(counted CAME.packets)" -gt "${was:-0}" ]; }
        until_true 100 "$say: copies are made, $n" more
        was=$(counted CAME.packets)
        before=$(owner)
        kctl takeover
        same "$say: takeover $n" "$status $(grep -v notice: err) $(grep -c "^process [0-9]* has taken over from $before\$" out)" '0  1'
    done
    same "$say: the first one has ended well" "$(wait "$first"; echo $?)" 0
    until_true 100 "$say: the last one copies" more
    was=0
    touch stop
    wait "$sender"
    all=$(cat sent)
    is() { [ "$(counted "$1")" = "$all" ]; } # RULE.KEY
    for rule in DEVICE CAME LEFT; do until_true 100 "$rule has copied all" is $rule.packets && ok 0 "$say: $rule has counted each copy"; done
    same "$say: what nobody reads is counted, too" "$(counted NOBODY.lost_by.unread)" "$all"
    touch enough
    wait "$receiver" "$sniffer"
    same "$say: each packet came, and has each copy once" "$(python3 "$copies" check "$all" received device came.pcapng left.pcapng 2>&1)" \
        "received: each once
device: each once
came.pcapng: each once
left.pcapng: each once"
    same "$say: no file was turned, for each ended well" "$(ls ./*.pcapng.1 2>/dev/null)" ''
    prey=$(owner)
    ctl stop
    until_true 300 "$say: it ends" ends_itself "$prey"
done

# ---- what is not handed over ----

prey prey -i wan -i lan --tap nobody="$PWD/tap.sock" --access-logs "$PWD" copied.pbc
ctl takeover
same 'readers of a socket: refused, and it goes on' "$status $(grep -c 'programs may read copies from a socket' err) $(owner)" "2 1 $prey"
prey_ends
exit $failed
