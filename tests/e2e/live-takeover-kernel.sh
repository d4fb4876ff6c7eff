#!/usr/bin/env bash
# preyctl takeover where the kernel judges, and traffic control takes what arrives (HOOK=xdp: XDP): flows go on in the maps that they are in, through
# a firewall, through services (passthrough, keep-source, dsr) and a nat, under load; so do counters, meters, ages and places that clients
# keep. The stages that are there judge until the new one's take their place, and whoever is killed on the way leaves them
# so. Nothing is left behind: no program, no map, no descriptor.
set -u
EXEC=kernel
HOOK=${HOOK:-tc} # xdp: live-takeover-kernel-xdp.sh
LAYOUT=${LAYOUT:-same} # other: live-takeover-layout.sh
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin
. "$top/tests/e2e/live/takeover.sh"
[ "$HOOK" = tc ] || ! grep -q __asan_init "$bin/preyrun" || { echo 'ok - where XDP takes what arrives # SKIP live-takeover-kernel runs with sanitizers'; exit 0; }
[ -n "${files_of_bpf-}" ] || { echo 'ok - a takeover in the kernel # SKIP no file system to pin programs in'; exit 0; }

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


# ---- under load: each byte, each SYN ----

rm -f enough
prey prey -i wan -i lan all.pbc
first=$prey
talks before
at client python3 "$takeover" open 10.1.0.100 10.1.0.101 10.1.0.102 10.2.0.2 10.2.0.3 >opened 2>&1 &
opener=$!
pids="$pids $opener"
ctl set farm/two weight 3
at client "$tools/udp" flows 10.2.0.3 9009 30000 5 >/dev/null
kept=$(talk client 10.1.0.103 9001 20000 | sed 's/ .*//')
before=$(number verdicts.forward.packets)
metered=$(number rules.METERED.packets)
added=$(number flows.added)
for n in 1 2 3 4 5; do
    was=$(owner)
    kctl takeover
    [ "$status" = 0 ] && grep -q "^process [0-9]* has taken over from $was\$" out || { ok 1 "takeover $n"; sed 's/^/# /' out err; }
    same "its file says who it is, $n" "$(grep -c "from process $was" prey.err) $(kill -0 "$(owner)" && echo runs)" '1 runs'
done
same 'the first one has ended well' "$(wait "$first"; echo $?)" 0
[ "$(number verdicts.forward.packets)" -ge "$before" ] && { [ $LAYOUT = other ] || [ "$(number flows.added)" -ge "$added" ]; } &&
    [ "$(number rules.METERED.packets)" -ge "$metered" ]
ok $? 'what was counted goes on'
ctl servers
same 'what was set by hand stays' "$(grep -c '^farm/two .*weight 3 .*by user 0' out)" 1
same 'health is known' "$(grep -c 'check [0-9]' out)" 2
for s in one two; do [ "$s" = "$kept" ] || ctl set both/$s weight 100; done # where a new client would go
same 'a client keeps its server' "$(talk client 10.1.0.103 9001 20001 | sed 's/ .*//')" "$kept"
touch enough
wait "$opener"
sed -n '/^#/p' opened
same 'no connection is refused' "$(grep -v '^#' opened)" 'True 0 refused'
talked before 'no byte is lost or another'
same 'no packet that came up was lost' "$(number kernel.lost.packets | grep -v '^0$')" ''

# ---- meters and ages go on, and a rule counts once ----

prey=$(owner)
ctl stop
until_true 300 'it ends' ends_itself "$prey"
rules metered <<'END'
limits { flows 20_000 }
meter few = 1/h burst 20 per source
firewall ways forward default drop {
  accept udp to port 9009 within few as METERED
  drop udp to port 9009 as OVER
  drop udp to port 9001 state new flows over 24 per source as MANY
  accept udp to port 9001 state new as FEW
  accept state established
}
END
prey prey -i wan -i lan metered.pbc
sends() { at client "$tools/udp" flows 10.2.0.3 "${3:-9009}" "$1" "$2" >/dev/null 2>&1; }
sends 31000 15
until_true 100 'fifteen are counted' [ "$(number rules.METERED.packets)" = 15 ]
sends 34000 2 9001 # its source has seventeen flows now, and twenty-two before the next three
kctl takeover
same 'one with meters takes over' "$status $(cat err)" '0 '
sends 32000 6 # the last one asks five times, in vain
all_counted() { [ $(($(number rules.METERED.packets) + $(number rules.OVER.packets))) = 25 ]; }
until_true 100 'twenty-five are counted' all_counted
sends 36000 3 9001 # the third one asks in vain
many() { [ "$(number rules.MANY.packets)" = 5 ]; }
until_true 100 'five are counted' many
same "its source's flows are still counted" "$(number rules.FEW.packets) $(number rules.MANY.packets)" '4 5'
same 'its meter is not full again, and nothing is counted twice' "$(number rules.METERED.packets) $(number rules.OVER.packets)" '20 5'

# ---- who is killed at which step, and who says something else ----

prey=$(owner)
ctl stop
until_true 300 'it ends' ends_itself "$prey"
socket=$(at prey sh -c 'echo "/run/prey/$(stat -L -c %i /proc/self/ns/net)/wan.sock"')
folder=${socket%/*}
most=$(sed -n 's/.*WORKERS_MOST = \([0-9]*\).*/\1/p' "$top/runtime/worker/worker.h")
export LUGGAGE=$((16 * (1 + most) + 16)) EXEC
taker=$bin/preyrun
damages=8
[ $LAYOUT = same ] || damages=16
[ $LAYOUT = same ] || export AS=whole taker=$PWD/that/preyrun
between_them() {
    timeout 500 nsenter "--net=/run/netns/$id-prey" python3 "$middle" "$@" "$socket" "$taker" --takeover --exec kernel -i wan -i lan all.pbc 2>>between.err
}
left() { at prey ls "$folder" 2>/dev/null | grep -cvx 'wan.state\|wan.sock'; }
goes_on() { # SENTENCE [LEFT]: the first one judges, alone, and can be asked
    ctl counters
    same "$1: the other one goes on, alone, and leaves nothing" "$status $(owner) $(left) $(shut_stays) $(judges)" "0 $prey ${2-0} shut 1"
}
plain() { talk client 10.2.0.3 9009 "$1"; } # the kernel alone has such flows
prey prey -i wan -i lan all.pbc
held >few
same 'whoever hands over damaged words or other descriptors: refused by a line' "$(between_them damage 1 $damages)" "$damages of $damages"
goes_on 'damaged words'
if [ "$HOOK" = xdp ]; then # all that follows is the same for both hooks
    ctl stop
    until_true 300 'it ends' ends_itself "$prey"
    same 'and undoes all' "$(at prey nft list tables | grep -c prey) $(find /sys/fs/bpf/prey 2>/dev/null | wc -l)" '0 0'
    exit $failed
fi
talks killed
for step in kernel now luggage ready; do
    for who in new new-service; do
        [ $step-$who != kernel-new-service ] || continue # there is none yet
        [ $LAYOUT-$step != other-kernel ] || continue    # nor are maps said
        between_them kill $who $step >ended
        [ $who = new ] || goes_on "$who killed at $step"
        [ $who != new ] || goes_on "$who killed at $step" "$(left)" # nobody is left to remove a socket
    done
done
until_true 100 'descriptors are not more' not_more
same 'descriptors are not more' "$(cat many)" "$(cat few)"
talked killed 'and nobody has lost anything'
kctl takeover
same 'and then it is taken over' "$status $(cat err)" '0 '
if [ $LAYOUT = other ]; then # nor is all else another way
    prey=$(owner)
    ctl stop
    until_true 300 'it ends' ends_itself "$prey"
    same 'and undoes all' "$(at prey nft list tables | grep -c prey) $(find /sys/fs/bpf/prey 2>/dev/null | wc -l)" '0 0'
    exit $failed
fi
prey=$(owner)
same 'a flow begins' "$(plain 33000)" 'two 10.1.0.1 5'
for step in kernel now yours; do
    for who in old old-service; do
        prey=$(owner)
        plain 33000 >/dev/null # what begins by an interface of a nat is the worker's to judge
        between_them kill $who $step >ended
        case $step-$who in
        yours-*|*-old) until_true 300 "$who killed at $step: the first one ends" ends_itself "$prey" ;;
        *) until_true 600 "$who killed at $step: another service judges" judges_again "$prey" ;; # as after any crash
        esac
        case $step-$who in
        yours-old*) same "$who killed at $step: the new one judges, alone" "$(cat ended) $(left) $(shut_stays) $(judges) $([ "$(owner)" != "$prey" ]; echo $?)" 'runs 0 shut 1 0' ;;
        *-old) same "$who killed at $step: no process judges, and it stays shut" "$(shut_stays) $(judges)" 'shut 0' ;;
        *) same "$who killed at $step: and it is told" "$(shut_stays) $(judges) $(grep -c 'is started again' prey.err)" 'shut 2 1' ;;
        esac
        same "$who killed at $step: the kernel judges known flows" "$(plain 33000)" 'two 10.1.0.1 5'
        [ $step != yours ] || same "$who killed at $step: and flows begin" "$(plain 33001)" 'two 10.1.0.1 5'
        [ "$(judges)" != 0 ] || prey prey -i wan -i lan all.pbc
        kctl takeover
        same "$who killed at $step: and the next one takes over" "$status $(cat err)" '0 '
    done
done

# ---- nothing is left behind ----

held >few
for n in $(seq 20); do
    kctl takeover
    [ "$status" = 0 ] || { ok 1 "takeover $n of twenty"; cat err; }
done
until_true 100 'descriptors are not more' not_more
same 'descriptors are not more after twenty' "$(cat many)" "$(cat few)"
prey=$(owner)
ctl stop
until_true 300 'it ends' ends_itself "$prey"
same 'and undoes all' "$(at prey nft list tables | grep -c prey) $(find /sys/fs/bpf/prey 2>/dev/null | wc -l)" '0 0'
exit $failed
