# What tests of takeovers where the kernel judges share: a firewall, services and a nat between a client and two servers, and talk by all.
set -u
EXEC=kernel
HOOK=${HOOK:-tc} # xdp: live-takeover-kernel-xdp.sh
LAYOUT=${LAYOUT:-same} # other: live-takeover-layout.sh
. tests/e2e/live/takeover.sh
[ "$HOOK" = tc ] || ! grep -q __asan_init "$bin/preyrun" || { echo 'ok - where XDP takes what arrives # SKIP live-takeover-kernel runs with sanitizers'; exit 0; }
[ "${0##*/}" != live-takeover-layout.sh ] || ! grep -q __asan_init "$bin/preyrun" || { echo 'ok - between two layouts # SKIP live-takeover-layout-hostile runs with sanitizers'; exit 0; }
needs_pins

middle=$top/tests/e2e/live/takeover_between.py
[ $LAYOUT = same ] || two_layouts
echoes one two
for s in one two; do
    ip -n "$id-$s" addr add 10.1.0.102/32 dev lo # dsr: the service's address is the server's, too
    at $s sysctl -q -w net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eth0.rp_filter=0
    udp $s 9001
    udp $s 9009
done
rules all <<'END'
limits { flows 20_000 }
check up = tcp every 1s
meter some = 1000/h burst 1000 per source
pool farm { source 10.2.0.77-10.2.0.78; check up; server one 10.2.0.2; server two 10.2.0.3 }
pool both { source 10.2.0.79; server one 10.2.0.2; server two 10.2.0.3 }
service echo on 10.1.0.100 tcp/9000, udp/9000 { mode passthrough; announce; -> farm }
service sticky on 10.1.0.103 udp/9001 { mode passthrough; announce; affinity source 1h; -> both }
service kept on 10.1.0.101 tcp/9000, udp/9000 { mode passthrough keep source; announce; -> both }
service direct on 10.1.0.102 tcp/9000, udp/9000 { mode dsr l2; announce; -> both }
nat home { masquerade from 10.1.0.0/24 to 10.2.0.2 out on "lan" }
firewall ways forward default drop {
  accept state established, related
  accept udp to port 9009 within some as METERED
  accept tcp to port 9000 state new as TCP
  accept udp to port 9000 as UDP
}
END
addresses='10.1.0.100 10.1.0.101 10.1.0.102 10.2.0.2 10.2.0.3'
# held: programs, maps, links and descriptors of whoever judges here
held() {
    local main
    main=$(owner)
    for p in $main $(cat "/proc/$main/task/$main/children"); do
        for f in "/proc/$p/fd/"*; do readlink "$f"; done
    done | sed 's/[0-9]//g' | sort | uniq -c | awk '{ printf "%s %s, ", $1, $2 }'
    find /sys/fs/bpf | wc -l
}
not_more() { held >many && cmp -s few many; } # what was refused is closed a moment later
how=talk
[ $LAYOUT = same ] || how=slow # what comes up between the state and the new stages is lost: a datagram is sent again
talks() { # FILE: begin to talk; ends once the file `enough` is there
    rm -f enough
    at client python3 "$takeover" $how 200 $addresses >"$1" 2>&1 &
    talker=$!
    pids="$pids $talker"
    until_true 300 'all connections are open' grep -q open "$1"
}
talked() { # FILE SENTENCE
    touch enough
    wait "$talker"
    sed -n '/^#/p' "$1"
    same "$2" "$(grep -v '^#' "$1")" "open
True 0 lost 0 other 0 under way"
}

ends() { # it undoes all
    prey=$(owner)
    ctl stop
    until_true 300 'it ends' ends_itself "$prey"
    same 'and undoes all' "$(at prey nft list tables | grep -c prey) $(find /sys/fs/bpf/prey 2>/dev/null | wc -l)" '0 0'
}
