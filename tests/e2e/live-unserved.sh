#!/usr/bin/env bash
# What comes in by a device that is not served is judged where it leaves by one that is: to rules, `on` is the device by which it
# came. What no firewall judges by that device, the firewall of the interface judges by which it leaves.
set -u
EXEC=kernel
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin
RECORD=1 RECORD_SAMPLE=1 # to a replay, too, `on` is the device by which a packet came

space host prey branch guest far
link host eth0 prey lan
link prey wan far eth0
link prey vpn branch eth0
link prey guest guest eth0
address host eth0 10.1.0.7/24
address prey lan 10.1.0.1/24
address prey wan 203.0.113.2/24
address far eth0 203.0.113.9/24
address prey vpn 10.99.0.1/24
address branch eth0 10.99.0.5/24
address prey guest 10.3.0.1/24
address guest eth0 10.3.0.5/24
ip -n "$id-prey" route add default via 203.0.113.9
ip -n "$id-host" route add default via 10.1.0.1
ip -n "$id-branch" route add default via 10.99.0.1
ip -n "$id-guest" route add default via 10.3.0.1
at prey sysctl -q -w net.ipv4.ip_forward=1
for name in host far guest; do web "$name"; done

from() { at "$1" curl -s -m "${3:-6}" "http://$2/from" || echo none; } # NAME ADDRESS[:PORT] [SECONDS]

rules by_device <<'END'
interface lan = "lan"
interface wan = "wan"
interface vpn = "vp*"
nat home { masquerade from 10.0.0.0/8 on vpn out on wan }
firewall f forward default drop {
  accept state established, related
  accept on lan
  accept on vpn to port 80
}
END
rules by_way <<'END'
firewall f on "lan" forward default drop { accept state established, related; accept to port 80 }
firewall g on "wan" forward default accept { }
END
rules by_not <<'END'
firewall f forward default drop { accept state established, related; accept on not "guest"; drop on "guest" to port 80 }
END

for hook in tc xdp; do
    prey prey --exec kernel --hook "$hook" -i lan -i wan --allow-unjudged vpn by_device.pbc
    same "$hook: \`on lan\` is what comes in there" "$(from host 10.3.0.5)" 10.1.0.7
    same "$hook: and not what goes there" "$(from guest 10.1.0.7 1)" none
    same "$hook: what a rule accepts from the device gets there" "$(from branch 10.1.0.7)" 10.99.0.5
    same "$hook: and nothing else" "$(from branch 10.1.0.7:8080 1)" none
    [ "$hook" = xdp ] || same "$hook: a nat asks for the device, too" "$(from branch 203.0.113.9)" 203.0.113.2
    ctl load by_way.pbc --allow-unjudged lan,wan
    same "$hook: where none judges the device, that of the way out does" "$(from guest 10.1.0.7) $(from guest 10.1.0.7:8080 1)" '10.3.0.5 none'
    ctl load by_not.pbc --allow-unjudged guest
    same "$hook: \`not on\` excludes the device" "$(from branch 10.1.0.7) $(from guest 10.1.0.7 1)" '10.99.0.5 none'
    prey_ends
    same "$hook: it ends with 0" "$status" 0
done

# By another program a device has the id that it has there. What cannot be told is left out.
rules anew <<'END'
interface wan = "wan"
interface vpn = "vp*"
interface lan = "lan"
firewall f forward default drop { accept state established, related; accept on vpn to port 80; accept on lan }
END
rules narrowed <<'END'
interface vpn = "vp*"
firewall f forward default drop { accept state established, related; drop on vpn; accept on "lan" }
END
rules by_itself <<'END'
firewall f forward default drop { accept state established, related; accept on "vpn", "lan" }
END
prey prey --exec kernel --hook tc -i lan -i wan --allow-unjudged vpn by_device.pbc
same 'one program: what a rule accepts from the device gets there' "$(from branch 10.1.0.7) $(from host 10.3.0.5)" '10.99.0.5 10.1.0.7'
prey_ends
others() { # PROGRAM: 1 if verdicts are as recorded, 1 if some are otherwise, 1 if some are left out
    "$bin/preyrun" --replay recorded-3 --format json "$1.pbc" 2>&1 |
        python3 -c 'import json, sys; v = json.load(sys.stdin)["recording"]; print(*(int(v["verdicts" + k] > 0) for k in ("", "_otherwise", "_unclaimed")))'
}
same 'another program with other ids: all as recorded' "$(others anew)" '1 0 0'
same 'one that drops what comes by the device: it says so' "$(others narrowed)" '1 1 0'
same 'one that names a device of the pattern: that is left out' "$(others by_itself)" '1 0 1'

# Who looks on, and who asks for flows, sees the device by which it came and the rule that let it in.
rules named <<'END'
interface lan = "lan"
interface vpn = "vpn"
firewall f forward default drop { accept state established, related as OLD; accept on vpn to port 80 as BRANCH; accept on lan }
END
prey prey --exec kernel --hook tc -i lan -i wan --allow-unjudged vpn named.pbc
background prey "$bin/preyctl" trace tcp to port 80 --count 1 >trace.out 2>trace.err
tracer=$last
until_true 100 'one traces' grep -qs shows trace.err
same 'what a rule accepts from a device of that name gets there' "$(from branch 10.1.0.7)" 10.99.0.5
wait "$tracer"
same 'trace names the device by which it came' "$(awk '{ print $2, $3, $4 }' trace.out)" 'vpn accept BRANCH'
ctl flows
same 'flows name the rule that let it in' "$(grep -c '10.99.0.5:.* BRANCH ' out)" 1
prey_ends
[ "$failed" = 0 ]
