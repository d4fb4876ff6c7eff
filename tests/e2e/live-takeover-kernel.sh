#!/usr/bin/env bash
# preyctl takeover where the kernel judges, and traffic control takes what arrives (HOOK=xdp: XDP): flows go on in the maps that they are in, through
# a firewall, through services (passthrough, keep-source, dsr) and a nat, under load; so do counters, meters, ages and places that clients
# keep. The stages that are there judge until the new one's take their place.
. tests/e2e/live/takeover_kernel.sh

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
limits { flows 500 }
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

ends
exit $failed
