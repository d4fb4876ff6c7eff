#!/usr/bin/env bash
# Lines that other programs make, with the rules of two examples: PPPoE (pppd and pppoe-server of Debian) with pppoe-router, and WireGuard
# with vpn-hub. Who is inside, and who is reached from outside; whole transfers each way, byte for byte; segments that fit. AMOUNT bytes
# each way (with LONG=1 64 MiB), and ONCE=BYTES once more (BACK=1: the way back alone); with BOTH=1 by either kind at both MTUs. A kernel that lacks the kind is a skip: those of the lab have both.
# By hand in the lab, 27 November 2026, Linux 6.12, executor in the kernel: BOTH=1; and ONCE=1073741824 BACK=1, 1 GiB in 118 s of the machine's
# clock by PPPoE and in 47 s by WireGuard.
set -u
EXEC=${EXEC:-user}
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
[ "$EXEC" = user ] || pins "$@"
live_begin
limits=

amount=${AMOUNT:-3000000}
[ -z "${LONG-}" ] || amount=${AMOUNT:-67108864}

#     home --eth1-- prey --eth0-- switch -- isp, other
space prey home isp other
lan switch 9 prey:eth0 isp other
ip -4 -n "$id-prey" addr flush dev eth0
link home eth0 prey eth1
at prey sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
udp isp 53
udp home 51820
head -c "$amount" /dev/urandom >payload
with=$([ "$EXEC" = user ] && echo --monitor) # what is of this machine itself user space watches

# example NAME OPTION...: preyrun with that example. False, with a sentence: this executor doesn't serve it yet.
example() {
    local name=$1
    shift
    "$bin/preyc" "$top/rules-examples/$name.prey" -o "$name.pbc" >/dev/null 2>said || { sed 's/^/# /' said; ok 1 "$name.prey compiles"; }
    if ! seeing prey timeout 120 "$bin/preyrun" "$@" $with --exec "$EXEC" --preflight "$name.pbc" >out 2>err; then
        if [ "$EXEC" != user ]; then
            echo "ok - $name, $EXEC # SKIP $(grep -v ' notice: ' err | head -n 1)"
            return 1
        fi
        sed 's/^/# /' err
    fi
    # What the rules name without a device here is told, and shut.
    prey prey "$@" --format json $with "$name.pbc"
}

# moves SENTENCE FROM TO ADDRESS PORT [FILE]: the file goes there, by a connection that FROM opens; comes: by one that TO opens.
moves() {
    hands "$1" "$3" "$5" "at $2 timeout $patience nc.openbsd -N $4 $5" in "${6:-payload}"
}
comes() {
    hands "$1" "$2" "$5" "at $3 timeout $patience nc.openbsd $4 $5" out "${6:-payload}"
}
patience=3000
# once FROM TO ADDRESS PORT: as many bytes as ONCE says, if it does, the payload over and over, each time a few bytes further on.
once() {
    local n=0
    [ -n "${ONCE-}" ] || return
    while true; do
        echo $((n += 1)) && cat payload || break
    done 2>/dev/null | head -c "$ONCE" >large
    [ -n "${BACK-}" ] || moves 'once more' "$1" "$2" "$3" "$4" large
    comes 'and back' "$2" "$1" "$3" "$4" large
    ONCE=
    rm large
}
listens() { at "$1" sh -c "ss -Hltn sport = :$2 | grep -q ."; }
# hands SENTENCE LISTENER PORT COMMAND in|out FILE
hands() {
    local listener begun
    begun=$(date +%s)
    rm -f got
    if [ "$5" = in ]; then
        ip netns exec "$id-$2" sh -c "timeout $patience nc.openbsd -lN $(family "$4") $3 | cmp - $6 && echo alike >got" </dev/null &
    else
        ip netns exec "$id-$2" timeout "$patience" nc.openbsd -lN $(family "$4") "$3" <"$6" >/dev/null &
    fi
    listener=$!
    pids="$pids $listener"
    until_true 100 "$2 listens" listens "$2" "$3" || return
    if [ "$5" = in ]; then
        $4 <"$6" >/dev/null
        wait "$listener"
    else
        $4 </dev/null | cmp - "$6" && echo alike >got
        kill "$listener" 2>/dev/null
        wait "$listener" 2>/dev/null
    fi
    same "$1: $(stat -L -c %s "$6") bytes" "$(cat got 2>/dev/null)" alike
    echo "# $(($(date +%s) - begun)) seconds"
}
family() { case $1 in *:*) echo -6 ;; *) echo -4 ;; esac; }

# mss SENTENCE NAME DEVICE SIZE: the last sniffed SYN allows segments of that size. (sniff syns NAME DEVICE … before it)
mss() { same "$1" "$(tcpdump -n -r syns 2>/dev/null | grep -oE 'mss [0-9]+' | sort -u | tr '\n' ' ')" "mss $2 "; }

over() {
    truncate -s 0 prey.out
    prey_ends
    same "$1: it ends with 0" "$status" 0
    adds_up "$1: every frame has one verdict"
    same "$1: nothing was lost" "$(number live lost | tr -dc '1-9')" ''
}

# --- PPPoE ---

# concentrates MTU ADDRESS: the concentrator of isp, which is 203.0.113.1, gives that address. dials MTU ADDRESS: prey's line, which gets it.
concentrates() {
    printf 'noauth\nlcp-echo-interval 0\nmtu %s\nmru %s\nnodefaultroute\n' "$1" "$1" >ppp-options
    background isp pppoe-server -F -I eth0 -L 203.0.113.1 -R "$2" -N 1 -O "$PWD/ppp-options" >concentrator.err 2>&1
    concentrator=$last
}
dials() {
    background prey pppd plugin rp-pppoe.so eth0 nodetach noauth ifname ppp0 mtu "$1" mru "$1" lcp-echo-interval 0 defaultroute persist maxfail 0 holdoff 1 >line.err 2>&1
    line=$last
    until_true 300 "the line is up, as $2" dialled "$2"
}
dialled() { at prey ip -4 addr show ppp0 2>/dev/null | grep -q "$1 peer 203.0.113.1"; }
hangs_up() {
    kill "$line" "$concentrator"
    wait "$line" "$concentrator" 2>/dev/null
}

pppoe() { # MTU: all of it
    echo "# PPPoE, MTU $1"
    concentrates "$1" 203.0.113.2
    dials "$1" 203.0.113.2
    example pppoe-router -i ppp0 -i eth1 || { hangs_up; return; }
    sniff syns isp eth0 'pppoes and tcp[tcpflags] & tcp-syn != 0'
    comes "PPPoE, $1: from the provider's side" isp home 203.0.113.1 8080
    moves "PPPoE, $1: to it" home isp 203.0.113.1 8080
    same "PPPoE, $1: the device dropped none of it" "$(at prey cat /sys/class/net/ppp0/statistics/tx_dropped)" 0
    moves "PPPoE, $1: to what is forwarded" isp home 203.0.113.2 443
    sniffed
    mss "PPPoE, $1: both ends send segments that fit" $(($1 - 40))
    same "PPPoE, $1: masquerade, and a forward of datagrams" "$(talk home 203.0.113.1 53 | cut -d' ' -f1,2) $(talk isp 203.0.113.2 51820 | cut -d' ' -f1)" 'isp 203.0.113.2 home'
    same "PPPoE, $1: in fragments, too" "$(talk home 203.0.113.1 53 0 4000 | cut -d' ' -f1,3)" 'isp 4000'
    at isp ip route replace 192.168.1.0/24 via 203.0.113.2
    same "PPPoE, $1: nobody comes in otherwise" "$(at isp timeout 3 nc.openbsd -z 192.168.1.20 22; echo $?)" 124
    at home ping -c 1 -W 20 -M do -s $(($1 - 27)) 203.0.113.1 >out 2>&1
    has "PPPoE, $1: what is too long is told" "From 192.168.1.1 .*Frag needed and DF set \(mtu = $1\)"
    once home isp 203.0.113.1 8080
    hangs_up
    concentrates "$1" 203.0.113.77
    dials "$1" 203.0.113.77
    until_true 100 "PPPoE, $1: the line serves again, by its new address" again && ok 0 "PPPoE, $1: the line serves again, by its new address"
    moves "PPPoE, $1: what is forwarded has it, too" isp home 203.0.113.77 443
    over "PPPoE, $1"
    same "PPPoE, $1: that it came back is counted" "$(python3 -c "print($(number interfaces 0 returned) > 0, $(number interfaces 1 returned))")" 'True 0'
    hangs_up
}
again() { [ "$(talk home 203.0.113.1 53 | cut -d' ' -f1,2)" = 'isp 203.0.113.77' ]; }

address prey eth1 192.168.1.1/24
address home eth0 192.168.1.20/24 192.168.1.10/24
at home ip route add default via 192.168.1.1
if [ "${KIND-pppoe}" != pppoe ]; then
    :
elif command -v pppd pppoe-server >/dev/null && { modprobe -a ppp_generic pppoe ppp_async 2>/dev/null || [ -c /dev/ppp ]; }; then
    pppoe 1492
    [ -z "${BOTH-}" ] || pppoe 1420
else
    echo 'ok - PPPoE # SKIP this kernel has none, or Debian'\''s packages ppp and pppoe are absent'
fi

# --- WireGuard ---

ip -4 -n "$id-prey" addr flush dev eth1
ip -4 -n "$id-home" addr flush dev eth0
address prey eth0 203.0.113.5/24
address isp eth0 203.0.113.77/24
address other eth0 203.0.113.78/24
address prey eth1 10.0.0.1/16 2001:db8:0:1::1/64
address home eth0 10.0.9.10/16 2001:db8:0:1::10/64
at home ip route replace default via 10.0.0.1
at home ip -6 route replace default via 2001:db8:0:1::1

# peer NAME N MTU: somebody on the road, and the hub knows him.
peer() {
    ip -n "$id-$1" link add wg0 mtu "$3" type wireguard || return
    wg genkey 2>said >"key-$1" && wg pubkey <"key-$1" >"pub-$1" || return
    at "$1" wg set wg0 private-key "key-$1" peer "$(cat pub-prey)" allowed-ips 0.0.0.0/0,::/0 endpoint 203.0.113.5:51820 &&
        at prey wg set wg0 peer "$(cat "pub-$1")" allowed-ips "10.2.0.$2/32,2001:db8:2::$2/128" || return
    address "$1" wg0 "10.2.0.$2/16" "2001:db8:2::$2/48"
    ip -n "$id-$1" link set wg0 up
    ip -n "$id-$1" route add 10.0.0.0/8 dev wg0
    ip -n "$id-$1" -6 route add 2001:db8::/32 dev wg0
}
hub() {
    ip -n "$id-prey" link add wg0 mtu "$1" type wireguard 2>/dev/null || return
    wg genkey 2>said >key-prey && wg pubkey <key-prey >pub-prey && at prey wg set wg0 private-key key-prey listen-port 51820 || return
    ip -n "$id-prey" link set wg0 up
    ip -n "$id-prey" route add 10.2.0.0/16 dev wg0
    ip -n "$id-prey" -6 route add 2001:db8:2::/48 dev wg0
    peer isp 7 "$1" && peer other 8 "$1"
}
wireguard() {
    echo "# WireGuard, MTU $1"
    if ! hub "$1"; then
        echo 'ok - WireGuard # SKIP this kernel has none, or Debian'\''s package wireguard-tools is absent'
        return
    fi
    example vpn-hub -i eth0 -i eth1 -i wg0 || return
    comes "WireGuard, $1: from the files" home isp 10.0.9.10 443
    moves "WireGuard, $1: to them" isp home 10.0.9.10 443
    comes "WireGuard, $1: IPv6, to the other" home other 2001:db8:0:1::10 443
    moves "WireGuard, $1: IPv6, from him" other home 2001:db8:0:1::10 443
    once isp home 10.0.9.10 443
    same "WireGuard, $1: no way from one to the other" "$(at isp timeout 3 nc.openbsd -z 10.2.0.8 443; echo $?)" 1
    at isp ip addr add 10.1.0.7/32 dev wg0
    same "WireGuard, $1: nobody speaks for a branch" "$(at isp timeout 3 nc.openbsd -s 10.1.0.7 -z 10.0.9.10 443; echo $?)" 124
    over "WireGuard, $1"
    for s in prey isp other; do ip -n "$id-$s" link del wg0; done
}
[ "${KIND-wireguard}" != wireguard ] || wireguard 1420
[ -z "${BOTH-}" ] || wireguard 1492
[ "$failed" = 0 ]
