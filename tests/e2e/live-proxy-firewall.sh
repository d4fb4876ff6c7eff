#!/usr/bin/env bash
# The firewall comes before the proxy's listener, on `packet`, on `xdp` and in the kernel, for IPv4 and IPv6, at an announced address and at one
# of the host's: who may not connect gets no SYN-ACK or a reset, who may is served; what follows passes in the kernel; strays get
# nothing; a transparent service's server sees the client, others a pool's `source`; each frame has one verdict; and nothing of it is left after the end
# and after a kill.
set -u
EXEC=user # where it says no other
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

site one
address client eth0 10.1.0.8/24 fd00:1::8/64 10.1.0.9/24 fd00:1::9/64
payload 3000000 one
rules proxy <<'END_OF_RULES'
pool farm { server one 10.2.0.2:80 }
pool farm6 { server one [fd00:2::2]:80 }
meter slow = 5/m burst 5
firewall edge default drop {
  accept icmp6 type nd
  accept icmp
  accept tcp from 10.1.0.1, fd00:1::1 to port 80, 81, 90 as WEB
  accept tcp from 10.1.0.1 to port 1000 as TOLD
  reject tcp from 10.1.0.8, fd00:1::8 to port 80 with rst as NO
  drop tcp from 10.1.0.9, fd00:1::9 as NEVER
}
service four on 10.1.0.100, 10.1.0.2 tcp/80 { mode proxy; announce; -> farm }
service six on fd00:1::100 tcp/80 { mode proxy; announce; -> farm6 }
pool own { source 10.2.0.77, fd00:2::77-fd00:2::78 ports 5000-5007; balance round_robin; server one 10.2.0.2:80; server six [fd00:2::2]:80 }
service own on 10.1.0.102 tcp/80 { mode proxy; announce; -> own }
service rare on 10.1.0.2 tcp/90 { mode proxy; rate slow; -> farm }
service clear on 10.1.0.101 tcp/80 { mode proxy transparent; announce; -> farm }
service clear6 on fd00:1::101 tcp/80 { mode proxy transparent; announce; -> farm6 }
service told on 10.1.0.2 tcp/1000 { mode proxy; access log json "told.log"; when instruction to 10.2.0.0/24, fd00:2::/64 -> target }
END_OF_RULES
# Where the kernel judges, what the host asks itself is enforced, too: servers' answers are let in. Of clients only what opens
# connections is: the rest passes for it is of one.
sed 's/ as WEB/ flags has syn lacks ack as WEB/; s/ as TOLD/ flags has syn lacks ack as TOLD/; s/^firewall edge default drop {/firewall edge in default drop {\n  accept state established as ANSWERS\n  accept tcp to port 82 as SURE/' proxy.prey >enforced.prey
"$bin/preyc" enforced.prey -o enforced.pbc >/dev/null

get() { # SOURCE HOST SECONDS
    at client curl -s -m "$3" --interface "$1" "http://$2" || echo "failed: $?"
}
# By an instruction: NAT TARGET; the address that the target sees.
goes() {
    printf '%-32sGET /from HTTP/1.0\r\n\r\n' "$1 $2" | at client timeout 60 nc -w 30 10.1.0.2 1000 2>/dev/null | tail -n 1
}
# An ACK of no connection, and what comes back of it within the time that an answer of the host's takes: `reset` or `nothing`.
# `made`: from a port whose connection the client has reset.
stray() { # SOURCE ADDRESS [made]
    at client python3 "$top/tests/e2e/live/stray.py" "$@"
}
# Eight begin to connect at once; how many have, once five have and an answer has come to somebody else.
flood() {
    at client python3 "$top/tests/e2e/live/connecting.py"
}
nothing_left() {
    same "$1: no rules, no routes, no program" "$(at prey nft list tables; at prey ip rule show pref 28793
        at prey ip -6 rule show pref 28793; at prey ip route show table all proto 112; at prey ip -6 route show table all proto 112)" ''
    same "$1: no state" "$(ls -d "/run/prey/$(stat -L -c %i "/run/netns/$id-prey")" 2>/dev/null)" ''
}
serves() { # NAME
    local a l=10.1.0
    for a in 10.1.0.100 10.1.0.2 '[fd00:1::100]'; do
        case $a in *:*) l=fd00:1: ;; esac
        local dot=.
        case $a in *:*) dot=: ;; esac
        same "$1: $a serves whom the rules let in" "$(get "$l${dot}1" "$a" 20)" one
        same "$1: $a resets whom they reject" "$(get "$l${dot}8" "$a" 20)" 'failed: 7'
        same "$1: $a gives no answer to whom they drop" "$(get "$l${dot}9" "$a" 0.2)" 'failed: 28'
    done
    same "$1: a transparent service's server sees the client" \
        "$(get 10.1.0.1 10.1.0.101/from 20) $(get fd00:1::1 '[fd00:1::101]/from' 20)" '10.1.0.1 fd00:1::1'
    same "$1: so does a target, where the instruction says so" \
        "$(goes 1 '10.2.0.2 8080') $(goes 2 '10.2.0.2 8080')" '10.1.0.1 10.2.0.1'
    same "$1: but not at a target of the other family" "$(goes 1 '[fd00:2::2] 8080')$(goes 2 '[fd00:2::2] 8080')" fd00:2::1
    at client curl -s -m 60 --interface 10.1.0.1 http://10.1.0.100/files/file | cmp - payload
    ok $? "$1: a file arrives as it is"
}

# Addresses that are nobody's: prey answers for them towards the servers, and their ports are taken in turn.
sources() {
    local i
    sniff sources.pcap one eth0 'tcp dst port 80 and src portrange 5000-5007 and tcp[13] == 2'
    for i in 1 2 3 4 5 6; do get 10.1.0.1 10.1.0.102/from 20; done >from
    sniffed
    same "connections come from the pool's sources" "$(sort -u from | sed 's/:78$/:77/' | uniq | tr '\n' ' ')" '10.2.0.77 fd00:2::77 '
    same 'and from its ports' "$(frames_of sources.pcap)" 3
}

# Where the kernel judges, an interface counts what leaves, too, but for what connections carry.
arrived() {
    local sent=0
    [ "${io-}" = kernel ] && sent=$(at prey cat /sys/class/net/wan/statistics/tx_packets)
    echo $(($(at prey cat /sys/class/net/wan/statistics/rx_packets) + sent))
}
# Once it routes between its interfaces, too: what is for an announced address crosses nowhere.
at prey sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
for io in packet xdp kernel; do
    how="--io $io --monitor" also='-i lan' rules=proxy.pbc
    [ $io = xdp ] && also=
    [ $io = kernel ] && how='--exec kernel' rules=enforced.pbc
    sniff "out-$io.pcap" client eth0 'tcp[13] & 18 == 18 and dst host 10.1.0.9'
    before=$(arrived)
    prey prey -i wan $also $how --format json $rules
    serves $io
    sniffed
    same "$io: who is dropped gets no SYN-ACK" "$(frames_of "out-$io.pcap")" 0
    [ $io = packet ] && sources
    same "$io: an ACK of no connection gets nothing" "$(stray 10.1.0.9 10.1.0.100) $(stray fd00:1::9 fd00:1::100)" 'nothing nothing'
    same "$io: one of a connection that was made gets a reset" "$(stray 10.1.0.1 10.1.0.100 made) $(stray fd00:1::1 fd00:1::100 made)" 'reset reset'
    same "$io: other ports of the address are the host's" "$(at client curl -s -m 20 http://10.1.0.2:81/ || echo "failed: $?")" 'failed: 7'
    same "$io: a service's rate counts what opens connections" "$(flood)" '5 connected'
    truncate -s 0 prey.out
    prey_ends
    same "$io: it ends with 0" "$status" 0
    same "$io: the access log names who was connected to by an instruction" \
        "$(grep -o '"target":[^,]*' told.log | sort | uniq -c | tr -s ' \n' ' ')" ' 2 "target":"10.2.0.2:8080" 2 "target":"[fd00:2::2]:8080" '
    rm told.log
    adds_up "$io: every frame has one verdict"
    # Of what the card got some was for nobody (ARP, other ports): each of the rest is counted once, carried or judged.
    same "$io: no packet is counted twice" "$(python3 -c "print($([ $io = kernel ] && echo 0.4 || echo 0.6) < $(number interfaces 0 packets) / ($(arrived) - $before) <= 1)")" True
    # Three requests and a file, each opened by one packet that the vm saw; what they carried is told under the same rule.
    same "$io: no bulk came into the rings" "$(python3 -c "print($(number live frames) - $(number interfaces 0 received) > 30, $(number interfaces 0 received) < 200)")" 'True True'
    same "$io: what was carried counts for the rule" "$(python3 -c "print($(by_rule WEB) > 50)")" True
    same "$io: which is counted so" "$(number proxy ended_by family)" 1
    nothing_left "$io: after the end"
done

# After a kill openers are held back, and the next start takes over.
prey prey -i wan --monitor proxy.pbc
prey_killed
same 'after a kill nobody answers' "$(get 10.1.0.1 10.1.0.100 0.2)" 'failed: 28'
prey prey -i wan --monitor proxy.pbc
same 'the next start serves' "$(get 10.1.0.1 10.1.0.100 20)" one
at prey sysctl -q -w net.ipv4.tcp_syncookies=2
same 'a handshake that lives in a cookie alone passes' "$(get 10.1.0.1 10.1.0.100 20) $(get fd00:1::1 '[fd00:1::100]' 20)" 'one one'
prey_ends
nothing_left 'after a kill and an end'

# Another program listens there.
background prey nc -l -k 10.1.0.2 80
until_true 50 'another listens' at prey sh -c 'ss -ltn | grep -q 10.1.0.2:80'
at prey "$bin/preyrun" -i wan --monitor proxy.pbc >out 2>&1
same 'a port in use: exit status' "$?" 2
has 'a port in use: it says whose' 'nc \(pid [0-9]+\) listens on 10\.1\.0\.2 port 80, which a service of the rules needs'
exit $failed
