#!/usr/bin/env bash
# preyctl takeover where connections are observed: what is known of each goes over, while they are busy, and while packets of them wait
# for a branch that may reject. One line of a session comes of each, with all its bytes; its files and captures go on.
set -u
EXEC=${EXEC:-user} # kernel: live-takeover-observe-kernel.sh
. tests/e2e/live/takeover.sh
needs_pins
export RECORD=0

ends=$top/tests/e2e/live/takeover_observed.py
between one
ip -n "$id-client" route add default via 10.1.0.2
# Who sends again while its bytes are held sends nothing new: here that begins late.
ip -n "$id-one" addr add 10.2.0.9/24 dev eth0
ip -n "$id-client" route add 10.2.0.9 via 10.1.0.2 rto_min 60s
at prey sysctl -q -w net.ipv4.ip_forward=1
: >served
background one python3 "$ends" serve >served
until_true 100 'one listens' grep -q listens served
rules watch <<'END'
limits { flows 20_000 }
firewall ways forward default accept { }
service web on any tcp/80 { mode observe first bytes within 60s; sessions to "web.jsonl" limit 500KiB; stream to "bytes" limit 1GiB }
service made on any tcp/8080 { mode observe first bytes within 60s; sessions to "made.jsonl"; stream to "captured" as pcapng }
END
reset=5
ways=('1 packet' '2 packet' '1 xdp')
if [ $EXEC = user ]; then
    echo 'service guarded on any tcp/8081 { mode observe first bytes within 60s; sessions to "guarded.jsonl"; when path "/bad" -> reject }' >>watch.prey
    "$bin/preyc" watch.prey -o watch.pbc >/dev/null
else # it holds nothing back
    export HOLDS=no PAUSE=0.03 # what comes while the worker stands still has to fit into its ring
    reset=0 ways=(kernel)
fi

for how in "${ways[@]}"; do
    set -- $how
    say="$1 worker$([ $1 = 1 ] || echo s), ${2-}"
    options="--workers $1 --io ${2-}"
    [ $EXEC = user ] || { say='in the kernel' options=; }
    rm -rf enough talked step-* over-* said *.jsonl* bytes captured
    mkdir said
    [ "${2-packet}" = packet ] || for_programs client:eth0 outside:port1 prey:wan outside:port2 prey:lan inside:port1 one:eth0 inside:port2
    prey prey -i wan -i lan $options --access-logs "$PWD" watch.pbc
    first=$prey
    at client python3 "$ends" talk said 10.2.0.2 10.2.0.9 >talked 2>&1 &
    talker=$!
    pids="$pids $talker"
    until_true 300 'all connections are open' grep -q open talked
    for n in 1 2 3 4 5; do
        was=$(owner) sessions=$(number observed.sessions) written=$(number observed_files.sessions)
        touch step-$n
        until_true 100 "$say: three have said half a line, $n" grep -q "^half $n\$\|^#" talked
        kctl takeover
        same "$say: takeover $n" "$status $(grep -v notice: err) $(grep -c "^process [0-9]* has taken over from $was\$" out)" '0  1'
        touch over-$n
        [ "$(number observed.sessions)" -ge "$sessions" ] && [ "$(number observed_files.sessions)" -ge "$written" ]
        ok $? "$say: what was counted goes on, $n"
    done
    same "$say: the first one has ended well" "$(wait "$first"; echo $?)" 0
    same "$say: none is open there any more" "$(cat ./*.jsonl* | grep -c still-open)" 0
    prey=$(owner)
    touch enough
    wait "$talker"
    sed -n '/^#/p' talked
    same "$say: no client has met a fault, and bad ones were reset" "$(tail -n 1 talked)" "0 faults, $reset were reset, short: True"
    none_open() { [ "$(number observed.live)" = 0 ]; }
    until_true 300 "$say: all sessions end" none_open
    ctl stop
    until_true 300 "$say: it ends" ends_itself "$prey"
    python3 "$ends" check said >checked 2>&1
    sed -n '/^#/p' checked
    same "$say: each has one session, whole, and its bytes" "$(grep -v '^#' checked)" "all: parts: 6, rejected: $reset, of True"
    same "$say: and nothing was lost" "$(grep -c 'lost\|too slow' prey.err)" 0
done
exit $failed
