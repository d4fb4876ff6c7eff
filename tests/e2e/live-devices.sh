#!/usr/bin/env bash
# The table of devices in the guide: on each kind that this kernel has, each executor with each way in lets by what the rules let by,
# holds back what they don't, and translates; or all is lost, or the start refuses the device. A kind that the kernel lacks is skipped: kernels of the lab have them all.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
EXEC=each
pins "$@" || executors=user
live_begin

# Cells of the table's rows: KIND|user, packet|user, xdp|kernel, tc|kernel, xdp.
sed -n '/^| device |/,/^$/p' "$top/docs/guide/reference/devices.md" | sed '1,2d; s/ *| */|/g; s/^|//; s/|$//' >rows
cells() { awk -F'|' -v kind="$1" '$1 == kind' rows | cut -d'|' -f2-5; }

# With KIND, a pattern, those kinds alone.

# A client (10.1.0.1), prey and a server (10.2.0.2), with bare cables between client and prey: g0 and g1.
space client prey server
link client eth0 prey g0
link client eth1 prey g1
link prey lan server eth0
address prey lan 10.2.0.1/24
address server eth0 10.2.0.2/24
ip -n "$id-server" route add default via 10.2.0.1
at prey sysctl -q -w net.ipv4.ip_forward=1 net.ipv4.conf.all.arp_ignore=1 # a macvlan's parent does not answer for it
for name in client prey server; do web "$name"; done

# add NAME DEVICE LINK-ARGUMENT...: a device there that is up. False: the kernel has no such kind.
add() {
    local name=$1 device=$2
    shift 2
    ip -n "$id-$name" link add "$@" 2>/dev/null && ip -n "$id-$name" link set dev "$device" up
}
# below: addresses for what tunnels are in: 10.9.0.2 and the client's 10.9.0.1.
below() {
    address prey g0 10.9.0.2/24
    address client eth0 10.9.0.1/24
}
# tunnel NAME DEVICE OWN OTHER TYPE ARGUMENT...: its end there, by 10.9.0.OWN to 10.9.0.OTHER.
tunnel() {
    local name=$1 device=$2 own=10.9.0.$3 other=10.9.0.$4
    shift 4
    [ "$name" = client ] || below
    set -- "$@" local "$own" remote "$other"
    [ "$1" != sit ] || set -- "$@" mode any
    add "$name" "$device" name "$device" type "$@"
}
# protects NAME OWN OTHER SELECTOR...: ESP for what a device of IPsec takes there.
protects() {
    local name=$1 own=10.9.0.$2 other=10.9.0.$3 way
    shift 3
    for way in "$own $other out" "$other $own in" "$other $own fwd"; do
        xfrm $name $way "$@"
    done
}
xfrm() { # NAME FROM TO WAY SELECTOR...
    local name=$1 from=$2 to=$3 way=$4 spi=0x10${3##*.} by
    shift 4
    case $1 in mark) by='' ;; *) by="$*" ;; esac
    [ "$way" = fwd ] ||
        at "$name" ip xfrm state add src "$from" dst "$to" proto esp spi "$spi" reqid 1 mode tunnel $by \
            aead 'rfc4106(gcm(aes))' 0x0102030405060708090a0b0c0d0e0f1011121314 128 || return
    at "$name" ip xfrm policy add src 0.0.0.0/0 dst 0.0.0.0/0 dir "$way" "$@" \
        tmpl src "$from" dst "$to" proto esp reqid 1 mode tunnel
}
# peers: both ends of a WireGuard tunnel know each other.
peers() {
    local name
    for name in prey client; do wg genkey >"key-$name" && wg pubkey <"key-$name" >"pub-$name" || return; done
    at prey wg set d0 private-key key-prey listen-port 51820 peer "$(cat pub-client)" allowed-ips 0.0.0.0/0 endpoint 10.9.0.1:51820 &&
        at client wg set t0 private-key key-client listen-port 51820 peer "$(cat pub-prey)" allowed-ips 0.0.0.0/0 endpoint 10.9.0.2:51820
}
# dial: a line by PPPoE, with Debian's programs at both ends. It has its addresses when it is up.
dial() {
    command -v pppd pppoe-server >/dev/null && { modprobe -a ppp_generic pppoe ppp_async 2>/dev/null || [ -c /dev/ppp ]; } || return
    printf 'noauth\nlcp-echo-interval 0\nmtu 1492\nmru 1492\nnodefaultroute\n' >ppp-options
    background client pppoe-server -F -I eth0 -L 10.1.0.1 -R 10.1.0.2 -N 1 -O "$PWD/ppp-options" >ppp.err 2>&1
    concentrator=$last
    background prey pppd plugin rp-pppoe.so g0 nodetach noauth ifname d0 mtu 1492 mru 1492 lcp-echo-interval 0 nodefaultroute persist maxfail 0 holdoff 1 >>ppp.err 2>&1
    line=$last
    until_true 300 'the line is up' dialled
}
dialled() { at prey ip -4 addr show d0 2>/dev/null | grep -q '10.1.0.2 peer 10.1.0.1'; }
# bonded NAME BOND PORT...: a bond there that speaks LACP, each second.
bonded() {
    local name=$1 bond=$2 port
    shift 2
    add "$name" "$bond" "$bond" type bond mode 802.3ad lacp_rate fast miimon 50 || return
    for port in "$@"; do at "$name" sh -c "ip link set $port down; ip link set $port master $bond; ip link set $port up"; done
}
# aggregated: both ports, and those at their other ends, collect and distribute (state 63), at both ends.
aggregated() {
    [ "$(at prey grep -c 'port state: 63$' /proc/net/bonding/d0) $(at client grep -c 'port state: 63$' /proc/net/bonding/both)" = '4 4' ]
}
# on KIND: makes its device; $device is what `-i` names, $holds what has the address, $far the client's.
on() {
    device=d0 holds=d0 far=eth0
    case $1 in
    veth) device=g0 holds=g0 ;;
    bridge) bridged prey d0 g0 ;;
    'port of a bridge') device=g0 && bridged prey d0 g0 ;;
    'bridge, with br_netfilter')
        bridged prey d0 g0 && { modprobe br_netfilter 2>/dev/null || [ -e /proc/sys/net/bridge ]; } &&
            at prey sysctl -q -w net.bridge.bridge-nf-call-iptables=1 2>/dev/null
        ;;
    macvlan) add prey d0 link g0 name d0 type macvlan mode bridge ;;
    'ipvlan, L2') add prey d0 link g0 name d0 type ipvlan mode l2 ;;
    'below an ipvlan') device=g0 && add prey d0 link g0 name d0 type ipvlan mode l2 ;;
    'ipvlan, L3') # asks for no neighbours and is asked for none; it sends by the routes of the device below
        add prey d0 link g0 name d0 type ipvlan mode l3 && ip -n "$id-prey" route add 10.1.0.0/24 dev g0 metric 9 &&
            ip -n "$id-prey" neigh replace 10.1.0.1 lladdr "$(at client cat /sys/class/net/eth0/address)" dev g0 &&
            ip -n "$id-client" neigh replace 10.1.0.2 lladdr "$(at prey cat /sys/class/net/g0/address)" dev eth0
        ;;
    'VLAN, 802.1Q') far=v5 && add prey d0 link g0 name d0 type vlan id 5 && add client v5 link eth0 name v5 type vlan id 5 ;;
    'VLAN in a VLAN, 802.1ad')
        far=v7
        add prey v5 link g0 name v5 type vlan proto 802.1ad id 5 && add prey d0 link v5 name d0 type vlan id 7 &&
            add client v5 link eth0 name v5 type vlan proto 802.1ad id 5 && add client v7 link v5 name v7 type vlan id 7
        ;;
    'bond, active-backup')
        far=both
        add prey d0 d0 type bond mode active-backup miimon 50 || return
        for slave in g0 g1; do at prey sh -c "ip link set $slave down; ip link set $slave master d0; ip link set $slave up"; done
        bridged client both eth0 eth1
        ;;
    'bond, 802.3ad')
        far=both
        bonded prey d0 g0 g1 && bonded client both eth0 eth1 || return
        until_true 300 'both ends of the bond know each other' aggregated
        ;;
    'team, active-backup')
        far=both
        add prey d0 d0 type team && at prey python3 "$top/tests/e2e/live/team.py" d0 mode activebackup || return
        for slave in g0 g1; do at prey sh -c "ip link set $slave down address $(at prey cat /sys/class/net/d0/address); ip link set $slave master d0; ip link set $slave up"; done
        at prey python3 "$top/tests/e2e/live/team.py" d0 activeport g0 || return
        bridged client both eth0 eth1
        ;;
    'port of a VRF' | VRF)
        add prey d0 name d0 type vrf table 10 && ip -n "$id-prey" link set d0 mtu 1500 || return # else that refuses it
        at prey sysctl -q -w net.ipv4.tcp_l3mdev_accept=1
        for slave in g0 lan; do ip -n "$id-prey" link set "$slave" master d0; done
        [ "$1" = VRF ] && holds=g0 || device=g0 holds=g0
        ;;
    tun) far=t0 && cord prey d0 client t0 && line=$last ;;
    ipip | gre | sit) far=t0 && tunnel prey d0 2 1 "$1" && tunnel client t0 1 2 "$1" ;;
    ip6tnl | ip6gre)
        far=t0 && below &&
            ip -n "$id-prey" addr add fd00:9::2/64 dev g0 nodad && ip -n "$id-client" addr add fd00:9::1/64 dev eth0 nodad &&
            any=$([ "$1" = ip6gre ] || echo mode any) &&
            add prey d0 name d0 type "$1" local fd00:9::2 remote fd00:9::1 $any && add client t0 name t0 type "$1" local fd00:9::1 remote fd00:9::2 $any
        ;;
    vti)
        far=t0 && tunnel prey d0 2 1 vti key 5 && tunnel client t0 1 2 vti key 5 &&
            for end in 'prey 2 1' 'client 1 2'; do protects $end mark 5 mask 0xffffffff; done
        ;;
    xfrm)
        far=t0 && below && add prey d0 name d0 type xfrm dev g0 if_id 5 && add client t0 name t0 type xfrm dev eth0 if_id 5 &&
            for end in 'prey 2 1' 'client 1 2'; do protects $end if_id 5; done
        ;;
    WireGuard)
        far=t0 && below && add prey d0 name d0 type wireguard && add client t0 name t0 type wireguard && peers
        ;;
    'PPP over Ethernet') dial ;;
    esac || return
    if [ "$1" != 'PPP over Ethernet' ]; then # which has given them itself
        address prey "$holds" 10.1.0.2/24
        address client "$far" 10.1.0.1/24
    fi
    ip -n "$id-client" route add 10.2.0.0/24 via 10.1.0.2
}

cat >crossing <<'RULES'
nat home { masquerade from 10.2.0.0/24 out on "WAN" }
firewall through forward default drop { accept state established, related; accept on "WAN" tcp to port 80; accept from 10.2.0.0/24 }
RULES
cat crossing - >whole <<'RULES'
firewall box in default drop { accept state established, related; accept on "WAN" tcp to port 80; accept on "lan" }
RULES
# off: its device is gone, and the cables are bare again.
off() {
    local d
    [ -z "${line-}" ] || { kill "$line" && wait "$line"; } 2>/dev/null
    [ -z "${concentrator-}" ] || { kill "$concentrator" && wait "$concentrator"; } 2>/dev/null
    line='' concentrator=''
    for d in client prey; do at "$d" sh -c 'ip xfrm state flush; ip xfrm policy flush' 2>/dev/null; done
    for d in t0 v7 v5 both; do ip -n "$id-client" link del "$d" 2>/dev/null; done
    for d in d0 v5; do ip -n "$id-prey" link del "$d" 2>/dev/null; done
    for d in eth0 eth1; do ip -n "$id-client" addr flush dev "$d" scope global; done
    ip -n "$id-prey" addr flush dev g0 scope global
    for d in g0 g1; do ip -n "$id-prey" link set "$d" up; done # a bond leaves them down
}

# right EXEC: what the rules let by gets through, and nothing else.
right() {
    echo "$(ask client 10.2.0.2 5) $(ask client 10.2.0.2:8080 1) $(ask server 10.1.0.1/from 5)"
    [ "$1" = user ] || echo "$(ask client 10.1.0.2 5) $(ask client 10.1.0.2:8080 1)"
}
# served EXEC OPTION VALUE: yes, or why not.
served() {
    local rules=crossing want="server failed: 28 10.1.0.2"
    [ "$1" = user ] || rules=whole want="$want
prey failed: 28"
    # What leaves by a bridge's port leaves by the bridge, as routes have it: a nat can't name the port.
    [ "$device" = "$holds" ] || want=${want/10.1.0.2/10.2.0.2}
    sed "s/WAN/$device/; $([ "$device" = "$holds" ] || echo /^nat/d)" "$rules" | rules now
    prey prey -i "$device" -i lan --exec "$1" "$2" "$3" now.pbc >said
    if ! is_ready prey; then
        sed 's/^/# /' prey.err >&2
        echo no
    elif got=$(right "$1") && [ "$got" = "$want" ]; then
        echo yes
    elif [ "$1 $got" = 'user failed: 28 failed: 28 failed: 28' ]; then
        echo lost
    elif [ "$kind $1 $got" = 'port of a VRF user server failed: 28 failed: 7' ] && kernel_before 6.12 && told 'g0 is in a VRF, whose addresses nftables doesn'\''t find'; then
        echo yes # but for what a nat translates, as it has said
    elif [ "$got" = "${want/#server/failed: 28}" ]; then
        echo own
    else
        echo "wrong: $got"
    fi
    prey_ends
}

sent() { at prey cat "/sys/class/net/$1/statistics/tx_bytes"; }
# busier: the cable by which more has left since `before`.
busier() { [ $(($(sent g0) - ${before% *})) -gt $(($(sent g1) - ${before#* })) ] && echo g0 || echo g1; }
# fails_over EXEC OPTION VALUE: a download goes on when the cable is cut by which it goes.
fails_over() {
    sed "s/WAN/$device/" crossing | rules now
    prey prey -i "$device" -i lan --exec "$1" "$2" "$3" now.pbc
    before="$(sent g0) $(sent g1)"
    background client curl -s -m 60 --limit-rate 400K -o got http://10.2.0.2/files/file
    until_true 100 'some of it has come' test -s got
    cut=$(busier)
    at prey ip link set "$cut" down
    [ "$kind" != 'team, active-backup' ] || at prey python3 "$top/tests/e2e/live/team.py" d0 activeport g1 # as teamd does
    until_true 300 'all of it has come' cmp -s got payload
    ok $? "$kind fails over under load: $*"
    at prey ip link set "$cut" up
    case $kind in
    team*) at prey python3 "$top/tests/e2e/live/team.py" d0 activeport g0 ;;
    *802.3ad) until_true 300 'both ends of the bond know each other again' aggregated ;;
    esac
    rm -f got
    prey_ends
}
# narrow: by a tunnel whose way below bears less than its MTU, a line says that packets are lost.
narrow() {
    sed "s/WAN/$device/" crossing | rules now
    prey prey -i "$device" -i lan --exec user --io packet now.pbc
    ip -n "$id-prey" link set g0 mtu 1300
    at server ping -q -c 3 -i 0.2 -W 1 -M do -s 1372 10.1.0.1 >said 2>&1
    hears "$kind: what the way below does not bear is told" 'd0 has failed to send [0-9,]* packet'
    ip -n "$id-prey" link set g0 mtu 1500
    prey_ends
}
# once: prey sends on in user space, and this machine's stack nothing, although it is a router: the only way is that of a
# rule by the device of arrival, which the look-ups of guard rules can't ask.
once() {
    echo "firewall through forward default drop { accept on \"$device\", \"lan\" }" | rules now
    ip -n "$id-server" addr replace 10.7.0.1/32 dev lo
    ip -n "$id-client" route replace 10.7.0.1 via 10.1.0.2
    ip -n "$id-prey" rule add iif "$device" to 10.7.0.1 table 77 priority 77
    ip -n "$id-prey" route replace 10.7.0.1 via 10.2.0.2 dev lan table 77
    prey prey -i "$device" -i lan --exec user --io packet now.pbc
    at client ping -c 4 -i 0.2 -W 2 10.7.0.1 >pings 2>&1
    same "$kind: what crosses leaves once" "$(grep -c 'bytes from' pings), $(grep -c DUP pings) twice" '4, 0 twice'
    prey_ends
    ip -n "$id-prey" rule del priority 77
    ip -n "$id-prey" route flush table 77
}
payload 1500000 server

for kind in veth bridge 'bridge, with br_netfilter' 'port of a bridge' macvlan 'VLAN, 802.1Q' 'VLAN in a VLAN, 802.1ad' 'bond, active-backup' 'bond, 802.3ad' 'team, active-backup' \
    'ipvlan, L2' 'ipvlan, L3' 'below an ipvlan' 'port of a VRF' VRF tun ipip gre sit vti xfrm WireGuard \
    'PPP over Ethernet' ip6tnl ip6gre; do
    case $kind in ${KIND-*}) ;; *) continue ;; esac
    off
    if [ "$kind" = 'ipvlan, L3' ] && kernel_before 6.12; then
        echo "ok - $kind # SKIP Linux 6.1 loses what is sent on by it, which a start says"
        continue
    fi
    if ! on "$kind"; then
        echo "ok - $kind # SKIP this kernel has none"
        continue
    fi
    are="$(served user --io packet)|$(served user --io xdp)"
    [ "${executors-}" = user ] || are="$are|$(served kernel --hook tc)|$(served kernel --hook xdp)"
    same "$kind" "$are" "$(cells "$kind" | if [ "${executors-}" = user ]; then cut -d'|' -f1-2; else cat; fi)"
    case $kind in
    ipip | gre | sit | vti | xfrm | ip6tnl | ip6gre) narrow ;;
    veth) once ;;
    esac
    case $kind in bond* | team*) ;; *) continue ;; esac
    fails_over user --io packet
    [ "${executors-}" = user ] || fails_over kernel --hook tc
done
[ "$failed" = 0 ]
