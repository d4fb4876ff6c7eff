#!/usr/bin/env bash
# Operating a set-up: promises, tried on the built programs, one line each. B: the build
# folder.
set -u
. tests/lib/accept.sh

compiled() { # ARGUMENT... of preyc: good, and nothing said
    call preyc "$@"
    [ "$status" -eq 0 ] && [ ! -s err ]
}
addresses() { # FROM TO PRINTF-FORMAT: so many addresses, each once
    awk -v from="$1" -v to="$2" -v format="$3" 'BEGIN { for (i = from; i < to; i++) { a = i * 2654435761 % 4294967296;
        printf format, sprintf("%d.%d.%d.%d", int(a / 16777216), int(a / 65536) % 256, int(a / 256) % 256, a % 256) } }'
}
rejects() { # SENTENCE PATTERN: the list from standard input is refused, and it is said why
    cat >bad.list
    call preyc --check bad.prey
    says "$1" 1 "$2" err
}

# ---- where it leaves ----

cat >leaves.prey <<'END'
interface wan = "eth0"
firewall sent out default accept { drop tcp port 25 out on wan as NO_MAIL }
test "no mail from here" {
  expect drop by NO_MAIL: tcp self:5 -> 192.0.2.1:25 syn out on wan
  expect accept by default: tcp self:5 -> 192.0.2.1:25 syn out on "eth1"
  never accept: tcp self -> any port 25 out on wan
}
END
compiled --check leaves.prey
ok $? 'out on, in a firewall for what is sent'

# where it leaves, and whether it may come from there: routes
cat >ways.prey <<'END'
interface wan = "eth0"
interface lan = "eth1"
firewall cross forward default accept {
  drop urpf-failed as SPOOFED
  drop tcp port 25 out on wan as NO_MAIL
  do inner
}
firewall sent out default accept { do inner }
chain inner { drop udp port 69 out on not wan as NO_BOOT }
test "by routes, and as the packet says" {
  expect accept: tcp 10.0.0.5:5 -> 192.0.2.1:25 syn on lan
  expect drop by NO_MAIL: tcp 10.0.0.5:5 -> 192.0.2.1:25 syn on lan out on wan
  expect drop by NO_BOOT: udp self:5 -> 10.0.0.5:69 out on lan
  route 0.0.0.0/0 wan
  expect drop by NO_MAIL: tcp 198.51.100.9:5 -> 192.0.2.1:25 syn on wan
  route 10.0.0.0/8 lan
  expect drop by NO_MAIL: tcp 10.0.0.5:5 -> 192.0.2.1:25 syn on lan
  expect drop by SPOOFED: tcp 10.0.0.5:5 -> 192.0.2.1:80 syn on wan
  expect accept: tcp 169.254.1.1:5 -> 10.0.0.5:80 syn on wan
  route 10.9.0.0/16 "eth9"
  expect drop by SPOOFED: tcp 10.9.0.5:5 -> 192.0.2.1:80 syn on wan
  expect accept: tcp 10.9.0.5:5 -> 192.0.2.1:80 syn on "eth9"
  route 10.0.0.0/8 wan
  expect accept: tcp 10.0.0.5:5 -> 192.0.2.1:80 syn on wan
  never accept: tcp 10.0.0.0/8 -> any port 25 out on wan
  never accept: udp any -> any port 69 out on lan
}
END
compiled --check --allow W0513 ways.prey
ok $? 'where it leaves in forward and out firewalls and a chain of both, urpf-failed, routes in tests, claims'
sed 's/port 25 out on wan$/port 25 out on lan/' ways.prey >false.prey
call preyc --check --allow W0513 false.prey
says 'a claim about a way out is refuted, with the way' 1 'tcp .*:25 syn out on lan$' err
preyc --allow W0513 ways.prey -o ways.pbc
printf 'eth / ip4 10.0.0.5 > 192.0.2.1 / tcp 50000 > 25 syn\neth / ip4 192.0.2.7 > 10.0.0.5 / tcp 5 > 80 syn\n' >ways.notes
"$tools/mkcap" ways.notes ways.pcap
call preyrun -r ways.pcap --on lan --self 1.1.1.1 --json ways.pbc
says 'without routes all ways are unknown, and counted' 0 '"ways_unknown":	2,' out
printf '%s\n' 'default via 192.0.2.254 dev eth0 proto dhcp metric 100 ' '10.0.0.0/8 proto static ' '	nexthop via 10.0.0.2 dev eth1 weight 1 ' \
    '	nexthop via 10.0.0.3 dev eth9 weight 3 dead ' 'unreachable 10.66.0.0/16 metric 20' 'fe80::/64 dev eth0 metric 256 pref medium' >routes
call preyrun -r ways.pcap --on lan --self 1.1.1.1 --routes routes --verdicts - ways.pbc
says 'what ip route prints' 0 '^1	drop	NO_MAIL' out
has 'and whose source comes by another way' '^2	drop	SPOOFED'
call preyrun -r ways.pcap --on lan --self 1.1.1.1 --route 0.0.0.0/0=eth9 --route 10.0.0.0/8=lan --route 192.0.2.7=lan --verdicts - ways.pbc
says '--route: another device' 0 '^1	accept	default' out
call preyc --ask 'tcp 10.0.0.5:5 -> 192.0.2.1:25 syn on lan' --route default=wan --route 10.0.0.0/8=lan ways.pbc
says '--ask with --route' 0 'rule NO_MAIL' out
esc=$(printf '\033')
printf '%s\n' "default via ${esc}[35m192.0.2.254 ${esc}[0mdev ${esc}[36meth0 ${esc}[0mproto dhcp " 'unicast 10.0.0.0/8 nhid 9 proto boot scope global ' \
    '	nh_info id 9 group 7/8 scope global proto unspec ' '	nexthop via 10.0.0.2 dev eth1 weight 1 ' \
    'throw 10.8.0.0/16 ' '192.0.2.0/24 tos 0x10 dev eth1 scope link ' '10.7.0.0/16  encap ip id 5 src 0.0.0.0 dst 1.1.1.1 ttl 0 tos 0 dev eth0 ' >odd
printf 'tcp 10.0.0.5:5 -> %s:25 syn on lan\n' 192.0.2.1 10.0.0.6 10.7.0.6 10.8.0.6 >packets
[ "$(preyc --ask - --routes odd ways.pbc <packets | sed -n 's/.*rule //p' | tr '\n' ' ')" = 'NO_MAIL default default default ' ]
ok $? 'colours, details, routes for one TOS, one that puts a header in front, one that another table says'
preyc --ask - ways.pbc <<<'tcp 10.0.0.5:5 -> 192.0.2.1:25 syn on' >out 2>err
status=$?
says '--ask: `on` without an interface' 2 'line 1 of standard input$' err
call preyc --ask 'tcp 10.0.0.5:5 -> 192.0.2.1:25 syn on lan out on lan' --routes routes ways.pbc
says '--ask with a way of its own' 0 'NO_MAIL +no +output interface is lan, not in wan' out
# policy rules, whose tables have names; IPv6's look like IPv4's
printf '%s\n' '0:	from all lookup local' '100:	from 10.0.5.0/24 iif eth1 lookup uplink' \
    '101:	not from all fwmark 0xca6c lookup 51820 suppress_prefixlength 0' '102:	from all ipproto tcp dport 80-81 lookup uplink' \
    '103:	from all to 10.6.0.0/16 iif eth7 [detached] blackhole' '104:	from all to 10.5.0.0/16 goto 32767' \
    '105:	from all tos 0x10 uidrange 0-5 lookup uplink' '106:	from all goto 400 [unresolved]' '107:	from all oif eth9 lookup uplink' \
    '32766:	from all lookup main' '32767:	from all lookup default' \
    '0:	from all lookup local' '10:	from all ipproto ipv6-icmp unreachable' '32766:	from all lookup main' \
    'default dev eth1 table uplink scope link' 'throw 10.9.0.0/16 table uplink' '10.4.0.0/16 dev eth1 table 51820' 'default dev eth1 table 51820' \
    'default via 192.0.2.254 dev eth0' 'local 10.3.0.1 dev eth0 table local' 'default dev eth0 table default' \
    '2001:db8::/32 dev eth0 metric 256 pref medium' >policies
cat >policies.prey <<'END'
interface wan = "eth0"
interface lan = "eth1"
firewall cross forward default accept {
  drop out on wan as WAN
  drop out on lan as LAN
}
END
preyc --allow W0513 policies.prey -o policies.pbc
printf '%s\n' 'tcp 10.0.0.5:5 -> 192.0.2.1:25 syn on lan' 'tcp 10.0.5.5:5 -> 192.0.2.1:25 syn on lan' 'tcp 10.0.5.5:5 -> 192.0.2.1:25 syn on wan' \
    'tcp 10.0.5.5:5 -> 10.9.2.1:25 syn on lan' 'tcp 10.0.0.5:5 -> 10.4.0.1:25 syn on lan' 'tcp 10.0.0.5:5 -> 192.0.2.1:80 syn on lan' \
    'udp 10.0.0.5:5 -> 192.0.2.1:80 on lan' 'tcp 10.0.0.5:5 -> 10.6.0.1:25 syn on lan' 'tcp 10.0.0.5:5 -> 10.5.0.1:25 syn on lan' >packets
[ "$(preyc --ask - --routes policies policies.pbc <packets | sed -n 's/.*rule //p' | tr '\n' ' ')" = 'WAN LAN WAN WAN LAN LAN WAN WAN WAN ' ]
ok $? 'policy rules: sources and interfaces, marks, protocols and ports, throw, goto'
# lists in which nothing tells the family
odd_rules='0:	from all lookup local
100:	from all iif eth1 lookup uplink
32766:	from all lookup main'
odd_routes='default dev eth1 table uplink scope link
default via 192.0.2.254 dev eth0'
six_rules='0:	from all lookup local
10:	from 2001:db8::/32 unreachable
32766:	from all lookup main'
six_route='2001:db8::/32 dev eth0 metric 256 pref medium'
by_lan='tcp 10.0.0.5:5 -> 192.0.2.1:25 syn on lan'
for way in "IPv4's, for all routes are" "IPv4's, for the other list is IPv6's" "IPv4's, for it comes first"; do
    case $way in
        *routes*) printf '%s\n' "$odd_rules" "$odd_routes" ;;
        *other*) printf '%s\n' "$six_rules" "$odd_rules" "$odd_routes" "$six_route" ;;
        *first) printf '%s\n' "$odd_rules" '0:	from all lookup local' '32766:	from all lookup main' "$odd_routes" "$six_route" ;;
    esac >untold
    call preyc --ask "$by_lan" --routes untold policies.pbc
    says "the list is $way" 0 'rule LAN' out
done
printf '%s\n' '0:	from all lookup local' '32766:	from all lookup main' 'default dev eth1 table default' "$six_route" >untold
call preyc --ask "$by_lan" --routes untold policies.pbc
says "two usual rules are IPv6's" 0 'rule LAN' out
printf '%s\n' "# both families' routes" "$odd_rules" "$odd_routes" "$six_route" >untold
call preyrun -r ways.pcap --routes untold ways.pbc
says "of neither family for sure" 2 "^preyrun: --routes: untold:2: the policy rules don't show whether they are for IPv4 or IPv6: " err
for bad in '7:	from all' '7:	from all fwmark x lookup 5' '7:	from all sport 5-4 lookup main' '7:	from all nonsense lookup main' '7:	from 10.0.0.0/8 lookup'; do
    printf '10.1.0.0/16 dev eth1\n\n%s\n' "$bad" >bad.routes
    call preyrun -r ways.pcap --routes bad.routes ways.pbc
    says "a policy rule at fault: $bad" 2 '^preyrun: --routes: bad.routes:3: ' err
done
printf '10.1.0.0/16 dev eth1\n\n7:	from all nonsense lookup main\n' >bad.routes
call preyrun -r ways.pcap --routes bad.routes ways.pbc
says 'with the word' 2 'a policy rule can'\''t have the word `nonsense`$' err
for bad in '10.0.0.0/8 via 192.0.2.1' '[{"dst":"default"' '10.0.0.1/8 dev eth0' '10.0.0.0/8 dev eth0 metric x' \
    '10.0.0.0/8 dev a-name-of-17-bytes' 'default dev'; do
    printf '10.1.0.0/16 dev eth1\n\n%s\n' "$bad" >bad.routes
    call preyrun -r ways.pcap --routes bad.routes ways.pbc
    says "a route file at fault: $bad" 2 '^preyrun: --routes: bad.routes:3: ' err
done
head -c 5000 /dev/zero | tr '\0' x >bad.routes
call preyrun -r ways.pcap --routes bad.routes ways.pbc
says 'a line without end' 2 'bad.routes:1: the line has more than 4,096 bytes' err
printf 'default dev eth0\n\0' >bad.routes
call preyrun -r ways.pcap --routes bad.routes ways.pbc
says 'bytes that are no text' 2 'bad.routes:2: the line has a NUL byte' err
awk 'BEGIN { for (i = 0; i < 400000; i++) printf "10.%d.%d.%d dev d%d\n", i / 65536, i / 256 % 256, i % 256, i % 60000 }' >many.routes
call preyrun -r ways.pcap --on lan --self 1.1.1.1 --routes many.routes --verdicts - ways.pbc
says '400,000 routes by 60,000 devices' 0 '^2	' out
awk 'BEGIN { for (i = 0; i < 70000; i++) printf "10.%d.%d.%d dev d%d\n", i / 65536, i / 256 % 256, i % 256, i }' >many.routes
call preyrun -r ways.pcap --routes many.routes ways.pbc
says 'a device too many, where it stands' 2 'many.routes:65536: there are more than 1,048,576 routes, or more than 65,535 devices' err
echo 'firewall f in default accept { drop udp out on "eth0" }' >arrives.prey
call preyc --check arrives.prey
says 'what arrives leaves nowhere' 1 'E0516' err

# ---- sources that would not be reached so ----

# ---- claims by zone, interfaces by pattern ----

cat >zones.prey <<'END'
interface wan = "eth0"
interface vpn = "wg*"
set lan = 10.0.0.0/8
firewall tunnels on vpn default drop {
  accept icmp6 type nd
  accept tcp to lan port 22 on "wg0" as ADMIN
}
firewall edge default drop {
  accept icmp6 type nd
  accept tcp to lan port 80 on wan as WEB
}
test "zones" {
  expect accept by ADMIN: tcp 10.1.0.1:5 -> 10.0.0.1:22 syn on "wg0"
  expect drop by default: tcp 10.1.0.1:5 -> 10.0.0.1:22 syn on "wg1"
  never accept: tcp any -> lan on "wlan0"
  never accept: tcp any -> lan port 80 on not wan
}
END
compiled --check zones.prey
ok $? 'interfaces by pattern, claims by zone'
sed 's/on not wan$/on vpn, wan/' zones.prey >false.prey
call preyc --check false.prey
says 'a claim by zone is refuted' 1 'accept by WEB' err
sed 's/wg\*/wg+/' zones.prey >plus.prey
call preyc --check plus.prey
says 'a name with + shows *' 1 'write `"wg\*"`' err

# ---- translation, fleets ----

cat >block.prey <<'END'
interface wan = "eth0"
set inside = 10.0.0.0/16
pool fleet { balance round_robin; servers w 10.9.0.1-10.9.0.20:8443 weight 2 }
service www on 203.0.113.3 tcp/443 { mode passthrough keep source; -> fleet }
nat block {
  map 203.0.113.16/28 <-> 10.0.0.16/28 on wan
  source from inside out on wan to 203.0.113.4-203.0.113.7
  forward self on wan from 198.51.100.0/24 tcp/443, gre -> 10.0.0.43
  mss clamp auto
}
firewall edge forward default drop {
  accept from inside as OUT
  accept tcp to 203.0.113.16/28 port 443 as IN
}
firewall here in default drop { accept icmp6 type nd; accept tcp, gre to self, 203.0.113.3 as HERE }
test "translation and a fleet" {
  self 203.0.113.2
  expect forward by IN: tcp 198.51.100.9:5 -> 203.0.113.17:443 syn on wan
  expect forward: reply syn ack
  expect forward by OUT: tcp 10.0.3.3:5 -> 198.51.100.9:80 syn on "eth1" out on wan
  expect forward: reply syn ack
  expect forward by HERE: gre 198.51.100.9 -> self on wan
  expect forward by HERE: tcp 198.51.100.9:5 -> self:443 syn on wan
  server fleet/w-1 down
  expect server fleet/w-2: tcp 198.51.100.9:7 -> 203.0.113.3:443 syn
}
END
compiled --check block.prey
ok $? 'map, several addresses, forward by interface and source and of gre, mss clamp, servers w A-B'
sed '/self on wan/s/ on wan//;s/-> self:443 syn on wan/-> self:443 syn on "eth1"/' block.prey >any.prey
compiled --check any.prey
ok $? 'without `on` a forward takes what comes by any interface'
call preyc --stats block.prey
says '--stats says how many mappings there is room for' 0 'mappings per protocol: 4 addresses x 64512 ports' out
for fault in 's/10.0.0.16.28/10.0.1.0\/24/;E0847' 's/203.0.113.7$/203.0.113.16/;E0847' 's/203.0.113.4-/203.0.113.9-/;E0302' 's/203.0.113.4-203.0.113.7/100.64.0.0-100.65.0.0/;E0845' \
    's/clamp auto/clamp pmtu/;write .auto' 's/gre ->/proto 51 ->/;E0846' 's/-10.9.0.20/-10.10.0.20/;E0845'; do
    sed "${fault%;*}" block.prey >fault.prey
    call preyc --check fault.prey
    says "... ${fault#*;}" 1 "${fault#*;}" err
done

# ---- includes by pattern ----

mkdir -p conf.d empty.d
echo 'ports web = 80, 443' >conf.d/20-ports.prey
echo 'set office = 192.0.2.0/24' >conf.d/10-office.prey
echo 'set office = nonsense' >conf.d/.10-office.prey.swp
cat >main.prey <<'END'
include "conf.d/*.prey"
firewall edge default drop {
  accept icmp6 type nd
  accept tcp from office to port web
}
END
compiled --check main.prey
ok $? 'include "conf.d/*.prey" reads the files of a folder'
echo 'set office = 198.51.100.0/24' >conf.d/9-late.prey
call preyc --check main.prey
says 'in the order of their names: the later one is the one at fault' 1 'conf.d/9-late.prey:1:5: error: .office. is already' err
rm conf.d/9-late.prey
ln -s loop.prey conf.d/loop.prey
call preyc --check main.prey
says 'a link in a circle is an error that names it' 1 "conf.d/loop.prey. can't be read: Too many levels" err
rm conf.d/loop.prey
sed 's/conf.d/empty.d/' main.prey >none.prey
call preyc --check none.prey
says 'a pattern that matches nothing warns' 1 'warning: no file matches.*W0601' err
(cd empty.d && seq -f '%05g.prey' 1 5000 | xargs touch)
call preyc --check none.prey
says 'thousands of files are bounded by a limit that has a name' 1 'more than 4096 files.*E0134' err

# ---- words of habit ----

cat >words.prey <<'END'
schedule feast = 2026-12-24 18:00 - 2026-12-27
firewall edge default drop {
  drop ah from 192.0.2.66, 2001:db8:bad::/48 as BAD
  accept icmp6 type nd
  drop tcp to port 22 during feast
  accept ah proto tcp to self port 179 as SIGNED
  accept esp, gre, udp to self as VPN
  accept igmp, ospf, vrrp, ipip, l2tp, pim from 192.0.2.0/24
  count not proto 47
  accept icmp to self type echo-request as PING
  drop tcp bytes payload at 0 is not x"16" log "plain: " 10/s as PLAIN
  accept tcp to port 22 as SSH
}
test "words" {
  expect accept by VPN: esp 192.0.2.1 -> self
  expect accept by VPN: gre 2001:db8::1 -> self
  expect drop by BAD: ah 192.0.2.66 -> self
  expect drop by BAD: udp [2001:db8:bad::1]:5 -> self:500 ah
  expect accept by SIGNED: tcp [2001:db8::1]:1024 -> self:179 syn ah
  expect drop: tcp [2001:db8::1]:1024 -> self:179 syn
  never accept: ah 2001:db8:bad::/48 -> self
  expect accept by PING: icmp 192.0.2.1 -> self type echo-request
  expect accept by SSH: tcp 192.0.2.1:1024 -> self:22 syn
  at 2026-12-25 12:00
  expect drop: tcp 192.0.2.1:1025 -> self:22 syn
  never accept: proto eigrp any -> any
}
END
compiled --check words.prey
ok $? 'protocols by name in lists and packets, AH over IPv6, not proto, type anywhere, is not, log "prefix", dates'
cat >networks.prey <<'END'
firewall edge default drop {
  accept icmp6 type nd
  drop udp flows over 1 per source as ONE
  drop flows over 2 per source/24,/56 as NETWORK
  accept state new, established as REST
}
test "networks" {
  expect accept: udp 198.51.100.1:1 -> self:53
  expect drop by ONE: udp 198.51.100.1:2 -> self:53
  expect accept: udp 198.51.100.2:1 -> self:53
  expect drop by NETWORK: tcp 198.51.100.3:1 -> self:22 syn
  expect accept: tcp 198.51.101.3:1 -> self:22 syn
  expect accept: tcp [2001:db8:0:1::1]:1 -> self:22 syn
  expect accept: tcp [2001:db8:0:2::1]:1 -> self:22 syn
  expect drop by NETWORK: tcp [2001:db8:0:3::1]:1 -> self:22 syn
  expect accept: tcp [2001:db8:0:100::1]:1 -> self:22 syn
}
END
compiled --check networks.prey
ok $? 'flows over N per source/24,/56, beside per source'
sed 's/24,.56/24/' networks.prey >one.prey
call preyc --check one.prey
says 'one length for both families' 1 'E0322' err
echo 'pool p { balance wlc; server a 10.0.0.1 }' >bad.prey
call preyc --check bad.prey
says "IPVS' names of balances are hinted" 1 'write .least_conn.' err

# ---- address files as they are published ----

addresses 0 100000 '%s ; SBL1\n' >drop.list
{ echo 'create bad hash:ip family inet hashsize 1024 maxelem 200000'; addresses 0 100000 'add bad %s timeout 300 packets 1 bytes 60\n'; } >ipset.list
{ printf 'table inet f {\n\tset bad {\n\t\ttype ipv4_addr\n\t\telements = {\n'; addresses 0 100000 '%s timeout 1h expires 59m,\n'; printf '}\n\t}\n\tchain c { ip saddr { 192.0.2.1 } drop; }\n}\n'; } >nft.list
for form in drop ipset nft; do
    printf 'set bad = file "%s.list"\nfirewall f default accept { drop from bad }\n' $form >$form.prey
    compiled $form.prey -o $form.pbc
    ok $? "100,000 addresses as $form has them"
done
call preyc --diff drop.pbc ipset.pbc
same 'ipset and the plain list hold the same' "$(cat out)" 'no difference for any packet that the rules judge'
call preyc --diff drop.pbc nft.pbc
same 'so does nft' "$(cat out)" 'no difference for any packet that the rules judge'
printf 'set bad = file "bad.list"\nfirewall f default accept { drop from bad }\n' >bad.prey
printf '192.0.2.1 ; ok\n192.0.2.1/24 ; SBL2\n' | rejects 'the line of a fault, and what is wrong with it' 'bad.list:2:1: error: the address has bits set past its first 24'
printf 'add a 192.0.2.1\nadd b 192.0.2.2\n' | rejects 'two sets of one family: which is meant is not guessed' 'bad.list:2:5: error: this is a second set'
head -c 1000 nft.list | rejects 'a listing that has lost its end' 'bad.list:[0-9]+:[0-9]+: error: .*is the end of the file missing'
printf '{"cidr":"192.0.2.0/24"}\n' | rejects 'JSON' 'bad.list:1:1: error: this is JSON'
head -c 3000000 /dev/zero | tr '\0' '{' | sed 's/^/set a /' | rejects 'three million open braces, soon' 'bad.list:1:'

# ---- silent misreadings ----

echo 'firewall in default drop { accept icmp6 type nd }' >bad.prey
call preyc --check bad.prey
says 'a firewall named in, without a direction, is an error' 1 'not its direction.*E0514' err
echo 'chain rules { drop tcp }' >bad.prey
call preyc --check bad.prey
says 'a program that judges nothing' 0 'no firewall, service or nat.*W0514' err
echo 'nat n { masquerade from 10.0.0.0/8 out on "eth0" }' >bad.prey
call preyc --check bad.prey
says 'a nat without a firewall for what crosses' 0 'no firewall judges forwarded packets.*W0515' err
printf 'set office = 192.0.2.0/24\nset offices = 198.51.100.0/24\nfirewall f default accept { drop from office }\n' >bad.prey
call preyc --check bad.prey
says 'an unused set, a letter from one that is used' 0 'differs by one letter.*W0203' err
call preyc --werror --allow W0203 --check bad.prey
same 'which allow takes' "$status" 0

# ---- warnings that are not wanted ----

cat >warns.prey <<'END'
set nested = 192.0.2.0/24, 192.0.2.7, 192.0.2.9
set unused = 192.0.2.1
firewall f default accept { drop from nested }
END
call preyc --werror --check warns.prey
says 'warnings of one kind about one list are one' 1 'this member is inside another member of the list; one more is similar' err
compiled --werror --allow W0303,W0201 --check warns.prey
ok $? '--allow leaves them out, also with --werror'
{ echo 'allow W0201'; sed '1i allow W0303' warns.prey; } >allowed.prey
compiled --werror --check allowed.prey
ok $? 'so does `allow`, at the top and before a declaration'
call preyc --allow E0201 --check warns.prey
says 'an error can'\''t be allowed' 2 'takes codes of warnings' err

# ---- what would become of a packet ----

cat >ask.prey <<'END'
interface wan = "eth0"
firewall edge default drop {
  accept icmp6 type nd
  accept tcp to self port 22 on wan as SSH
}
END
call preyc --ask 'tcp 198.51.100.9:50000 -> self:22 syn on wan' ask.prey
says '--ask: the verdict' 0 '^verdict: accept  rule SSH$' out
has 'and each rule that was tried, with what failed' '^  edge:3  no   not icmp6'
call preyc --json --ask 'tcp 198.51.100.9:50000 -> self:23 syn on wan' ask.prey
says 'as JSON' 0 '"verdict":"drop","rule":"default"' out
preyc ask.prey -o ask.pbc
printf 'tcp 198.51.100.9:50000 -> self:22 syn on wan\nudp 198.51.100.9:1 -> self:53\n' | preyc --ask - ask.pbc >out 2>err
status=$?
says 'lines, and a program' 0 '^verdict: drop  rule default$' out

# ---- --diff sees services, pools, nats, meters, sets ----

cat >old.prey <<'END'
set office = 192.0.2.0/24
meter syns = 200/s burst 400
pool shop { server a 10.0.0.11:8443; server b 10.0.0.12:8443 }
service www on 203.0.113.10 tcp/443 { mode passthrough; -> shop }
nat home { masquerade from 10.0.0.0/8 out on "wan"; forward self tcp/2222 -> 10.0.0.5:22 }
firewall edge in default drop { accept icmp6 type nd; drop tcp flags has syn over syns; accept tcp from office to port 22; accept tcp to 203.0.113.10 port 443 }
firewall through forward default drop { accept tcp to 10.0.0.5 }
END
changed() { # SED-EXPRESSION STATUS SENTENCE PATTERN...: what --diff tells of the edit
    sed "$1" old.prey >new.prey
    cmp -s old.prey new.prey && ok 1 "$3: the edit is one"
    call preyc --diff old.prey new.prey
    local wanted=$2 sentence=$3
    shift 3
    says "$sentence" "$wanted" "$1" out
    for pattern in "${@:2}"; do has "... $pattern" "$pattern"; done
}
call preyc --diff old.prey old.prey
says 'a file and itself' 0 '^no difference for any packet that the rules judge$' out
changed 's/server b .*8443/& ; server c 10.0.0.13:8443/' 1 'a server more' '^widened +203.0.113.10 tcp/443 newly reaches shop/c 10.0.0.13:8443, by the service www' 'e.g.  tcp .* -> 203.0.113.10:443' '^ +\+ c 10.0.0.13:8443'
changed 's/; server b .*8443//' 0 'a server less' '^narrowed +203.0.113.10 tcp/443 no longer reaches shop/b'
changed 's/10.0.0.5:22 /10.0.0.5:23 /' 1 'a forward to another port' '^widened +self tcp/2222 newly reaches 10.0.0.5:23, by the nat home' '^narrowed +self tcp/2222 no longer reaches 10.0.0.5:22'
changed 's/self tcp.2222/self on "wan" tcp\/2222/' 0 'a forward by one interface alone' '^narrowed +self tcp/2222 on not "wan" no longer reaches 10.0.0.5:22, by the nat home'
changed 's/forward self/map 203.0.113.16\/28 <-> 10.0.9.16\/28; &/' 1 'a map more' '^widened +203.0.113.16/28 newly reaches 10.0.9.16/28, by the nat home'
changed 's/200.s/300\/s/' 1 'a meter that lets more through' '^widened +meter syns' 'was   200/s burst 400' 'now   300/s burst 400'
changed 's/200.s/100\/s/' 0 'a meter that lets less through' '^narrowed +meter syns'
changed 's/from office/from not office/' 1 'sets by their names' '^widened +tcp from not office to any port 22' '^narrowed +tcp from office to any port 22'
changed 's/8443; server/8443 weight 3; server/' 0 'another weight: a change that neither widens nor narrows' '^changed +pool shop' '^ +- a 10.0.0.11:8443$' '^ +\+ a 10.0.0.11:8443 weight 3$'

# ---- yesterday's traffic against tomorrow's rules ----

printf 'eth / ip4 192.0.2.1 > 203.0.113.1 / tcp %s > 22 syn\n' 50000 50001 >day.notes
"$tools/mkcap" day.notes day.pcap
printf 'firewall f default drop { accept icmp6 type nd; accept tcp port 22 as SSH }\n' >yesterday.prey
printf 'firewall f default drop { accept icmp6 type nd; accept tcp port 23 as TELNET }\n' >tomorrow.prey
call preyc --against yesterday.prey tomorrow.prey --pcap day.pcap
says '--against: what would be judged otherwise, with status 1' 1 '^narrowed +2 frames of 2 flows$' out
has 'by which rules' '^ +was   accept by SSH \(yesterday.prey:1\)$'
has 'with the first frame' 'first frame 1 at .* tcp 192.0.2.1:50000 > 203.0.113.1:22 SYN'
call preyc --against yesterday.prey yesterday.prey --pcap day.pcap
says 'nothing: status 0' 0 'none would be judged or forwarded differently' out

# ---- rules from traffic ----

call preyc --suggest --pcap day.pcap
says '--suggest: what began, by service and source' 0 'accept tcp from 192.0.2.1 to 203.0.113.1 port 22 state new +as SSH' out
has 'and drops the rest' 'default drop'
cp out suggested.prey
compiled suggested.prey -o suggested.pbc
ok $? 'it compiles, and its tests pass'
call preyrun -r day.pcap --only accept suggested.pbc
same 'its replay accepts what it says' "$(tail -n +2 out | wc -l)" "$(sed -n 's/^# From the capture, these rules accept \([0-9]*\) of.*/\1/p' suggested.prey)"

# ---- captures as they are ----

for how in 'gzip -c' 'xz -c' 'zstd -qc' 'lz4 -qc'; do
    $how day.pcap >day.packed
    call preyrun -r day.packed --only 'rule SSH' suggested.pbc
    says "made by ${how% *}" 0 '^2[[:space:]]accept[[:space:]]SSH' out
done
gzip -c day.pcap | xz -c >twice
call preyrun -r twice suggested.pbc
says 'an archive in an archive is refused by name' 2 'compressed twice [(]xz, then gzip inside[)]' err
cp day.pcap other.pcap
call preyrun -r day.pcap -r other.pcap --map day.pcap=wan --map other.pcap=eth7 suggested.pbc
says 'several, merged' 0 '^ +4 frames' out
call preyrun -r day.pcap --map day.pcap=wan --self 203.0.113.1 --describe ask.pbc
says '--map says where frames came in, --describe what they are' 0 'SSH.*tcp 192.0.2.1:50001 > 203.0.113.1:22 SYN' out
call preyrun -r day.pcap --explain 1,2 suggested.pbc
same '--explain of several frames' "$(grep -c '^frame' out)" 2
call preyrun -r day.pcap --only 'not rule SSH, accept' --write-seen seen.pcap suggested.pbc
call preyrun -r seen.pcap --json suggested.pbc
says '--write-seen writes the frames that lines are about' 0 '"frames":[[:space:]]*2' out

# ---- habits ----

for program in preyc preyrun preyctl; do
    call $program -V
    says "$program -V" 0 "^$program [0-9]" out
    call $program -h
    says "$program -h" 0 "^(usage: )?$program " out
done
preyc --check - <ask.prey >out 2>err
status=$?
says 'a file from a pipe' 0 'good: 2 rules' out
mkdir -p several.d
cp ask.prey several.d/a.prey
cp zones.prey several.d/b.prey
call preyc --check ask.prey several.d
same 'several files and folders at once' "$(grep -c ': good: ' out)" 3
echo 'firewall f default accept { dorp tcp }' >bad.prey
call preyc --color=always --check bad.prey
says '--color' 1 "$(printf '\033')\\[" err
call preyc --stats --json ask.prey
says '--stats as JSON' 0 '^\{"rules":\{' out
call preyrun -r day.pcap suggested.pbc
says 'figures that a person reads' 0 ' 100.0 % ' out
same 'completion knows every option' "$(bash "$top/tests/lib/complete.sh" 'preyc --sug' | tr '\n' ' ')" '--suggest --suggest-width '

# ---- coming from another tool ----

for page in nftables iptables pf ipvs haproxy cisco; do
    sed -n '/^```prey$/,/^```$/{/^```/!p}' "$top/rules-examples/coming-from/$page.md" >$page.prey
    grep -q '^test ' $page.prey && grep -Eq '^  (never|always) ' $page.prey && compiled --check $page.prey && preyc --fmt $page.prey | cmp -s - $page.prey
    ok $? "coming from $page: what stands beside its set-up compiles, passes its tests and claims, and is formatted"
done

# The other side of a page is read by the tool itself, in a network of its own, where its kernel has what the page asks for.
beside() { # PAGE: its first block, which is not prey
    awk '/^```/ { if (n++) exit; next } n' "$top/rules-examples/coming-from/$1.md"
}
reads() { # TOOL PAGE FILE COMMAND...: the tool says that the set-up is good
    local tool=$1 page=$2 file=$3
    shift 3
    if ! command -v "$tool" >tool; then ok 0 "$tool reads its own side of $page # SKIP no $tool here"; return; fi
    status=1
    [ -s "$file" ] && call "$@"
    if grep -Eq 'Could not process rule: (No such file|Operation not supported)|Operation not permitted|unshare failed|missing kernel module' out err; then
        ok 0 "$tool reads its own side of $page # SKIP $(head -1 err)"
        return
    fi
    [ "$status" -eq 0 ] || head -3 err | sed 's/^/# /'
    ok "$status" "$tool reads its own side of $page"
}
alone='unshare -n'
[ "$(id -u)" -eq 0 ] || alone='unshare -rn'
for page in nftables iptables haproxy; do beside $page >$page.other; done
# A set of ipset would have to be there.
sed '/--match-set/d' iptables.other >no-set.other
reads nft nftables nftables.other $alone nft -c -f nftables.other
reads iptables-restore iptables no-set.other $alone iptables-restore --test no-set.other
reads haproxy haproxy haproxy.other haproxy -c -f haproxy.other

# ---- import ----

cp "$top"/tests/golden/import/router.nft.json "$top"/tests/import/server.iptables .
call preyc --import nft router.nft.json
cp out router.prey
says '--import nft: what a listing says, with its forwarded ports' 0 'forward self on "wan" tcp/8443 -> 192.168.1.10:443' out
call preyc --check router.prey
same 'which compiles' "$status" 0
call preyc --import iptables server.iptables
cp out server.prey
says '--import iptables' 0 'firewall .* in default' out
call preyc --check server.prey
same 'which compiles, too' "$status" 0
printf '{"nftables": [{"chain": {"family": "inet", "table": "f", "name": "c", "type": "filter", "hook": "input", "prio": 0, "policy": "accept"}},
  {"rule": {"family": "inet", "table": "f", "chain": "c", "expr": [{"match": {"op": "==", "left": {"meta": {"key": "mark"}}, "right": 1}}, {"drop": null}]}}]}' >mark.json
call preyc --import nft mark.json
says 'what it can not say stands at its place, in capitals where it drops' 1 'NOT IMPORTED.*: meta mark 0x00000001 drop' out
call preyc --import nft "$top/README.md"
says 'what is no listing is told' 2 'isn.t the JSON that .nft -j list ruleset. prints' err
imports() { # KIND FILE SENTENCE: what preyc makes of it compiles
    call preyc --import "$1" "$2"
    local whole=$status
    cp out imported.prey
    call preyc --check imported.prey
    [ "$status" -eq 0 ] && [ "$whole" -le 1 ]
    ok $? "$3"
}
imports iptables no-set.other 'what stands beside prey in iptables.md'
has 'and holds' 'good: '
if $alone sh -c 'nft -f nftables.other && nft -j list ruleset' >listing.json 2>err; then
    imports nft listing.json 'what stands beside prey in nftables.md, as the kernel lists it'
else
    ok 0 "what stands beside prey in nftables.md # SKIP $(head -1 err)"
fi
echo '-A INPUT -j NONSENSE' >bad.save
call preyc --import iptables bad.save
says 'what is no iptables-save is refused, with its line' 2 'bad.save:1' err

# ---- the proof: fifteen set-ups, each with tests and claims, and named where one looks ----

setups='home-router=router antispoof=zones pf-antispoof=coming-from/pf keepalived-DR=coming-from/ipvs direct-routing=balancer-dsr-l2 Katran=anycast-edge
    security-groups=security-groups Cisco-list=coming-from/cisco VPN-hub=vpn-hub DNS=dns-server NAT-of-ranges=block
    mail-and-block-lists=mail-server VLANs-and-guests=office-vlans bridge=bridge-guard IPv6-alone=ipv6-only bastion=bastion
    voice-and-games=voip TLS-names=tls-names'
for setup in $setups; do
    name=${setup#*=}
    if [ "${name%/*}" = coming-from ]; then # compiled above
        file=$top/rules-examples/$name.md
    else
        file=$top/rules-examples/$name.prey
        compiled --werror --check "$file" || file=/dev/null
    fi
    grep -q '^test ' "$file" && grep -Eq '^  (never|always) ' "$file" && grep -Fq "(${file##*/})" "${file%/*}/README.md"
    ok $? "${setup%=*}: $name has tests and claims that hold, and is in the index"
done

# ---- hints ----

hint() { # TEXT ANSWER: such a rule is answered so
    printf 'interface wan = "eth0"\nfirewall f default drop {\n  %s\n}\n' "$1" >bad.prey
    call preyc --check bad.prey
    says "$1" 1 "$2" err
}
hint 'accept tcp flags syn' 'write .has syn.'
hint 'accept tcp from port 22' 'write .source port 22.'
hint 'drop tcp over 5/s' 'meter m = 5/s per source'
hint 'accept tcp port >1024' 'write .1025-.'
hint 'reject tcp with tcp-reset' 'did you mean .rst.'
hint 'accept ether from 02-00-00-00-00-01' 'write .02:00:00:00:00:01.'
hint 'accept from example.com' 'doesn.t look up host names'
hint 'accept tos 4' 'write .dscp 1.'
hint 'drop in on "eth1"' 'remove .in.'
hint 'accept to wan' 'write .on wan. for packets that arrive by this interface'
printf 'firewall f default accept { drop igmp }\n' >good.prey
compiled --check good.prey
ok $? 'igmp is a protocol'
echo 'ports p = file "x"' >bad.prey
call preyc --check bad.prey
says 'ports p = file "x"' 1 'only sets of addresses' err
printf '# T\xfcr\n' >bad.prey
call preyc --check bad.prey
says 'Latin-1 in a comment' 1 'in Latin-1' err
exit $failed
