#!/usr/bin/env bash
# preyctl takeover with --io xdp: sockets of AF_XDP, their memory and the steering programs go over, in the driver's mode and the
# generic one, with one worker and two, with several queues and with frames that come in pieces. Nothing that waits in a ring is lost or
# judged twice, slots go round afterwards, and the new one steers by rules of its own, lets interfaces go and takes them back.
set -u
EXEC=user # --io is user space's
. tests/e2e/live/takeover.sh
export RECORD=0 # two can't record into one directory

# cable NAME DEVICE NAME DEVICE: with four queues each way, and senders that leave nothing to a card.
cable() {
    ip -n "$id-$1" link add "$2" numrxqueues 4 numtxqueues 4 mtu "${mtu-1500}" type veth \
        peer name "$4" netns "$id-$3" numrxqueues 4 numtxqueues 4 || exit 1
    ip -n "$id-$3" link set dev "$4" mtu "${mtu-1500}"
    for_programs "$1:$2" "$3:$4"
    ip -n "$id-$1" link set dev "$2" up
    ip -n "$id-$3" link set dev "$4" up
}
wan() { # between client and prey
    cable client eth0 prey wan
    address client eth0 10.1.0.1/24
    address prey wan 10.1.0.2/24
    ip -n "$id-client" route replace default via 10.1.0.2
}
lan() { # between prey and the server
    cable prey lan one eth0
    address prey lan 10.2.0.2/24
    address one eth0 10.2.0.3/24
    ip -n "$id-one" route replace default via 10.2.0.2
}
space client prey one
wan
lan
at prey sysctl -q -w net.ipv4.ip_forward=1
: >served
background one python3 "$takeover" echo >served
until_true 100 'one listens' grep -q listens served
rules all <<'END'
limits { flows 20_000 }
pool farm { source 10.2.0.77-10.2.0.78; server one 10.2.0.3 }
service echo on 10.1.0.100 tcp/9000, udp/9000 { mode passthrough; announce; -> farm }
nat home { masquerade from 10.1.0.0/24 out on "lan" }
firewall ways forward default drop {
  accept state established, related
  accept tcp to port 9000 state new
  accept udp to port 9000
}
END
programs() { for d in wan lan; do ip -d -n "$id-prey" link show $d; done 2>/dev/null | grep -c "prog/xdp"; }
program_of() { ip -d -n "$id-prey" link show "$1" 2>/dev/null | sed -n 's/.* id \([0-9]*\) .*/\1/p'; }
it_ends() { # SENTENCE
    ctl stop
    until_true 300 "$1: it ends" ends_itself "$prey"
}
goes_over() { # SENTENCE
    local was=$(owner)
    ctl takeover
    same "$1" "$status $(grep -v notice: err) $(grep -c "^process [0-9]* has taken over from $was\$" out)" '0  1'
}

for workers in 1 2; do
    say="$workers worker$([ $workers = 1 ] || echo s)"
    prey prey -i wan -i lan --workers $workers --io xdp --ring 4MiB all.pbc
    first=$prey
    talks 10.1.0.100 10.2.0.3
    before=$(number verdicts.forward.packets)
    steering=$(program_of wan)
    for n in 1 2 3 4 5; do
        goes_over "$say: takeover $n"
        same "$say: programs stand, $n" "$(programs)" 2
    done
    ctl takeover --workers $((3 - workers))
    same "$say: another number: refused" "$status $(grep -c 'and XDP sockets belong to their workers; use --workers '$workers', or stop prey and start it without --takeover' err) $(programs)" '2 1 2'
    same "$say: the first one has ended well" "$(wait "$first"; echo $?)" 0
    [ "$(program_of wan)" != "$steering" ]
    ok $? "$say: the steering program is one of its own"
    [ "$(number verdicts.forward.packets)" -ge "$before" ]
    ok $? "$say: what was counted goes on"
    talked "$say"
    prey=$(owner)
    # All slots go round: more frames than the memory has (4096 of each worker).
    same "$say: slots are not used up" "$(at client "$tools/udp" flows 10.2.0.3 9000 20000 5000 | wc -l)" 5000
    same "$say: no frame was lost" "$(grep -c 'lost' prey.err)" 0
    it_ends "$say"
    same "$say: and undoes all" "$(at prey nft list tables | grep -c prey) $(programs)" '0 0'
done

# ---- afterwards it steers by rules of its own, and lets interfaces go and takes them back ----

sed 's/10.1.0.100/10.1.0.101/' all.prey | rules other
prey prey -i wan -i lan --workers 2 --io xdp --ring 4MiB all.pbc
goes_over 'a takeover'
prey=$(owner)
served() { [ "$(at client "$tools/udp" flows 10.1.0.100 9000 30000 1 | wc -l)" = 1 ]; }
ip -n "$id-prey" link del lan
awaits 'lan is gone'
lan
until_true 100 'lan is served again' served && ok 0 'lan is served again'
goes_over 'an interface that was away: a takeover'
prey=$(owner)
talks 10.1.0.100 10.2.0.3
goes_over 'and one more'
prey=$(owner)
talked 'after an interface came back'
ip -n "$id-prey" link del wan
goes_over 'with an interface away'
prey=$(owner)
wan
until_true 100 'wan is served again' served && ok 0 'wan is served again'
talks 10.1.0.100 10.2.0.3
goes_over 'and with it'
prey=$(owner)
talked 'an interface came back after a takeover'
ctl load other.pbc
same 'other rules are loaded' "$status" 0
served() { [ "$(at client "$tools/udp" flows 10.1.0.101 9000 30000 1 | wc -l)" = 1 ]; }
until_true 100 'the new service is served' served && ok 0 'the new service is served'
it_ends 'other rules'

# ---- one between the two, who says something else ----

socket=$(at prey sh -c 'echo "/run/prey/$(stat -L -c %i /proc/self/ns/net)/wan.sock"')
prey prey -i wan -i lan --workers 2 --io xdp --ring 4MiB all.pbc
talks 10.1.0.100 10.2.0.3
same 'whoever hands over damaged words: refused by a line' "$(at prey env LENT=1 timeout 300 \
    python3 "$top/tests/e2e/live/takeover_between.py" damage ${SEED-1} ${ROUNDS-17} "$socket" "$bin/preyrun" --takeover -i wan -i lan \
    --workers 2 --io xdp --ring 4MiB all.pbc 2>between.err)" "${ROUNDS-17} of ${ROUNDS-17}"
same 'and the other one goes on, alone' "$(owner) $(programs)" "$prey 2"
goes_over 'and then it is taken over'
prey=$(owner)
talked 'damaged words'
it_ends 'damaged words'

# ---- frames in pieces ----

for device in wan lan; do ip -n "$id-prey" link del $device; done
if ! kernel_before 6.6; then
    mtu=9000
    wan
    lan
    prey prey -i wan -i lan --workers 1 --io xdp --ring 4MiB all.pbc
    SIZES='20 1400 4000 8000' talks 10.1.0.100 10.2.0.3
    for n in 1 2 3; do goes_over "pieces: takeover $n"; done
    talked 'pieces'
    prey=$(owner)
    it_ends 'pieces'
    for device in wan lan; do ip -n "$id-prey" link del $device; done
    mtu=1500
fi
exit $failed
