#!/usr/bin/env bash
# `mode proxy inline` on a bridge: connections of the wire end in prey and begin again, and both ends keep their addresses,
# ports, MAC addresses, tags, DSCP and TTL. Who is refused is refused by the server; first bytes choose; two tenants with
# the same addresses and ports stay apart; reloads lose nothing.
set -u
EXEC=user # its bridges are user space's
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

across left right
address right eth0 10.1.0.3/24
web right
payload 3000000 right
left_mac=$(at left cat /sys/class/net/eth0/address)
right_mac=$(at right cat /sys/class/net/eth0/address)

rules plain <<'END'
service wire on any tcp/any { mode proxy inline }
firewall f forward default drop {
  accept icmp
  accept tcp port 80 as WEB
  accept tcp port 81, 82, 83, 84 as OTHERS
  accept icmp6
}
END
prey prey --bridge a:b --format json plain.pbc
for server in 10.1.0.2 '[fd00:1::2]'; do
    same "the server at $server sees the client's own address" "$(ask left "$server/from")" \
        "$(case $server in *:*) echo fd00:1::1 ;; *) echo 10.1.0.1 ;; esac)"
    fetches "3 MB from $server arrive as they are" left "$server"
done
at right python3 "$top/tests/e2e/live/inline.py" receives 10.1.0.2 84 >got &
receives=$!
pids="$pids $receives"
until_true 100 'a server listens' grep -q listens got
sent=$(at left python3 "$top/tests/e2e/live/inline.py" sends 10.1.0.2 84 5000000)
wait "$receives"
same '5 MB towards the server arrive as they are' "$(tail -n 1 got)" "$sent"

# What the server's side shows of the client, and the client's of the server.
sniff right.pcap right eth0 tcp port 80
sniff left.pcap left eth0 tcp port 80
at left sysctl -q -w net.ipv4.ip_default_ttl=61
at right sysctl -q -w net.ipv4.ip_default_ttl=201
at left python3 "$top/tests/e2e/live/inline.py" marked 10.1.0.2 80 >out
same 'a client that marks its packets is answered' "$(cat out)" answered
sniffed
of() { tcpdump -n -e -v -r "$1" "$2" 2>/dev/null | grep -oE "$3" | sort -u | tr '\n' ' '; }
same 'the server gets frames of the client' "$(of right.pcap 'src host 10.1.0.1' "$left_mac > $right_mac")" "$left_mac > $right_mac "
same 'the client gets frames of the server' "$(of left.pcap 'src host 10.1.0.2' "$right_mac > $left_mac")" "$right_mac > $left_mac "
same "the client's TTL arrives" "$(of right.pcap 'src host 10.1.0.1' 'ttl [0-9]+')" 'ttl 61 '
same "so does the client's DSCP" "$(of right.pcap 'src host 10.1.0.1' 'tos 0x[0-9a-f]+')" 'tos 0xb8 '
same "the server's TTL arrives" "$(of left.pcap 'src host 10.1.0.2 and tcp[tcpflags] & tcp-syn == 0' 'ttl [0-9]+')" 'ttl 201 '

# `server first`, as all leads to where the client wanted to go: who refuses is the server.
same 'a port that nobody listens on is refused' "$(at left curl -s -m 20 http://10.1.0.2:81/; echo $?)" 7
at right nft -f - <<'END'
table inet t {
  chain in {
    type filter hook input priority 0
    tcp dport 82 reject with icmpx admin-prohibited
    tcp dport 83 drop
  }
}
END
same 'what a router says of it reaches the client' "$(at left python3 "$top/tests/e2e/live/inline.py" connects 10.1.0.2 82 20)" EHOSTUNREACH
same 'so it does in IPv6' "$(at left python3 "$top/tests/e2e/live/inline.py" connects fd00:1::2 82 20)" EACCES
same 'a server that says nothing is not answered for' "$(at left python3 "$top/tests/e2e/live/inline.py" connects 10.1.0.2 83 2)" late
same 'what no rule accepts does not cross' "$(at left python3 "$top/tests/e2e/live/inline.py" connects 10.1.0.2 8080 2)" late
at left ping -c 1 -W 20 10.1.0.2 >out 2>&1
has 'other traffic crosses as ever' ' 1 received'
prey_ends
same 'it ends well' "$status" 0

# By AF_XDP, which gives no super-packets.
prey prey --bridge a:b --io xdp --format json plain.pbc
for server in 10.1.0.2 '[fd00:1::2]'; do
    same "by AF_XDP the server at $server sees the client's own address" "$(ask left "$server/from")" \
        "$(case $server in *:*) echo fd00:1::1 ;; *) echo 10.1.0.1 ;; esac)"
    fetches "by AF_XDP 3 MB from $server arrive as they are" left "$server"
    at left curl -s -m 60 --data-binary @payload "http://$server/from" >out
    ok $? "by AF_XDP 3 MB towards $server"
done
same 'by AF_XDP a port that nobody listens on is refused' "$(at left curl -s -m 20 http://10.1.0.2:81/; echo $?)" 7
prey_ends
same 'it ends well by AF_XDP' "$status" 0

# First bytes choose.
rules chosen <<END
names bad = "*.bad.example"
pool other { server o 10.1.0.3:80 mac $right_mac }
service wire on any tcp/any {
  mode proxy inline first bytes within 20s
  when sni bad -> reject
  when bytes payload at 0 is x"474554202f6e7468" -> other
}
END
prey prey --bridge a:b --workers 2 --format json chosen.pbc
same 'bytes that a rule names go to its pool' "$(ask left 10.1.0.2/nth | wc -w)" 2
for i in $(seq 20); do ask left 10.1.0.2/nth; done >asked
same 'with several workers, too, whose answers find them' "$(grep -vc failed asked)" 20
same 'others go on' "$(ask left 10.1.0.2/from)" 10.1.0.1
same 'a name that is rejected gets a reset' "$(at left python3 "$top/tests/e2e/live/inline.py" hello 10.1.0.2 80 x.bad.example)" reset
same 'another name goes on' "$(at left python3 "$top/tests/e2e/live/inline.py" hello 10.1.0.2 80 x.good.example)" answered
ctl counters
has 'sessions are counted as a proxy counts them' 'services.wire.proxy.ended_by.rejected +1$'

# Short connections under reloads, by which the pool's server has another number each time.
sed -e '1i pool earlier { server e 10.1.0.9:80 }' -e '/when sni bad/a when sni "e.example" -> earlier' chosen.prey | rules shifted
cp chosen.pbc whole.pbc
at left python3 "$top/tests/e2e/live/inline.py" short 10.1.0.2 80 400 >short.out &
short=$!
pids="$pids $short"
for i in $(seq 40); do
    kill -0 "$short" 2>/dev/null || break
    if [ $((i % 2)) = 1 ]; then cp shifted.pbc next.pbc; else cp whole.pbc next.pbc; fi
    mv next.pbc chosen.pbc
    kill -HUP "$prey"
    sleep 0.1
done
wait "$short"
same '400 short connections under reloads, none failed' "$(cat short.out)" '400 of 400'
prey_ends

# Pools behind such a service need owners that the start has to choose, where there are several workers.
cp plain.pbc now.pbc
prey prey --bridge a:b --workers 2 --format json now.pbc
cp whole.pbc next.pbc
mv next.pbc now.pbc
kill -HUP "$prey"
hears 'a reload that would part connections from their answers is refused in words' 'use pools.*this change needs a restart'
same 'and the rules before go on' "$(ask left 10.1.0.2/from)" 10.1.0.1
prey_ends

# A session that was open before such rules came goes on.
rules before <<'END'
firewall f forward default accept { }
END
rules after <<'END'
service wire on any tcp/any { mode proxy inline }
firewall f forward default accept { }
END
cp before.pbc now.pbc
prey prey --bridge a:b --format json now.pbc
background left python3 "$top/tests/e2e/live/inline.py" holds 10.1.0.2 80 >holds.out
holds=$last
until_true 100 'a session is open' grep -q open holds.out
cp after.pbc now.pbc
kill -HUP "$prey"
awaits 'reload'
kill -USR1 "$holds"
wait "$holds"
same 'a session that was open before goes on' "$(tail -n 1 holds.out)" answered
same 'a new one is taken' "$(ask left 10.1.0.2/from)" 10.1.0.1
ctl counters
has 'by the service' 'services.wire.proxy.sessions +1$'
prey_ends
exit $failed
