#!/bin/bash
# Of cards.sh, in the machine: what each contender costs, in rows `CONTENDER NANOSECONDS-BUSY UNITS`, and in `# …` what preyrun says.
# A unit is a frame that leaves on lan, or with TRAFFIC=bulk a KiB.
set -u
. tests/machines/common.sh
modprobe -a virtio_net ip_vs ip_vs_rr
for _ in $(seq 100); do [ "$(ls /sys/class/net | wc -l)" -ge 3 ] && break; sleep 0.1; done
for i in /sys/class/net/*; do
    case $(cat "$i/address") in
    52:54:00:00:00:01) ip link set "${i##*/}" name wan ;;
    52:54:00:00:00:02) ip link set "${i##*/}" name lan ;;
    esac
done
for d in wan lan; do
    sysctl -q -w "net.ipv6.conf.$d.disable_ipv6=1"
    ip link set $d up
    echo "# $d: $(ethtool -l $d 2>/dev/null | awk '/^Combined/ { printf "%s%s", sep, $2; sep = " queues at most, in use " }')"
done
ip addr add 10.1.0.2/24 dev wan
ip addr add 10.2.0.1/24 dev lan
ip neigh replace 10.2.0.2 lladdr 52:54:00:00:00:04 dev lan nud permanent
ip neigh replace 10.1.0.1 lladdr 52:54:00:00:00:03 dev wan nud permanent
sysctl -q -w net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.wan.rp_filter=0 net.ipv4.conf.lan.rp_filter=0
work=$(mktemp -d)
cd "$work" || exit 1
top=$OLDPWD bin=$OLDPWD/$B
proto=udp flag=-u
[ "$TRAFFIC" != bulk ] || proto=tcp flag=-t
for mode in passthrough-keep-source dsr-l2; do
    cat >$mode.prey <<END
pool farm { server one 10.2.0.2 mac 52:54:00:00:00:04 }
service dns on 10.1.0.100 $proto/53 { mode ${mode//-/ }; announce; -> farm }
END
done
for p in *.prey; do "$bin/preyc" "$p" -o "${p%.prey}.pbc" || exit 1; done

# ONLY: contenders whose name begins so.
wanted() { [[ $1 == "${ONLY:-}"* ]]; }
# cost CONTENDER: once it forwards, for so many units. Nothing where it does not.
cost() {
    python3 "$top/tests/machines/cards_cost.py" "$1" "$TRAFFIC"
}
vip() { ip addr "$1" 10.1.0.100/32 dev wan; }
stack() {
    sysctl -q -w net.ipv4.ip_forward=1
    nft -f - <<END
table ip t { chain c { type nat hook prerouting priority dstnat; ip daddr 10.1.0.100 $proto dport 53 dnat to 10.2.0.2; }; }
END
    cost 'nftables, dnat'
    nft delete table ip t
    sysctl -q -w net.ipv4.ip_forward=0
}
ipvs() { # -m|-g NAME
    vip add
    sysctl -q -w net.ipv4.ip_forward=1
    ipvsadm -A $flag 10.1.0.100:53 -s rr && ipvsadm -a $flag 10.1.0.100:53 -r 10.2.0.2:53 "$1"
    cost "IPVS, $2"
    ipvsadm -C
    vip del
    sysctl -q -w net.ipv4.ip_forward=0
}
prey() { # EXEC MODE
    "$bin/preyrun" --exec "$1" --workers 1 -i wan -i lan "$2.pbc" >prey.out 2>prey.err &
    local pid=$!
    for _ in $(seq 600); do grep -q ^ready: prey.err && break; kill -0 $pid 2>/dev/null || break; sleep 0.1; done
    cost "prey in $1, $2"
    [ "$1" = user ] || "$bin/preyctl" status 2>&1 | grep -E '^(flows|judged|finished)' | sed "s/^/# $2: /"
    kill -TERM $pid
    wait $pid
    sed "s/^/# $1, $2: /" prey.err
}
for mode in passthrough-keep-source dsr-l2; do
    [ -n "${ONLY:-}" ] || echo "# auto, $mode: $("$bin/preyrun" --preflight -i wan -i lan $mode.pbc 2>&1 | grep '^--exec auto')"
done
for _ in $(seq "$ROUNDS"); do
    ! wanted nftables || stack
    ! wanted 'IPVS, nat' || ipvs -m nat
    [ "$TRAFFIC" = bulk ] || ! wanted 'IPVS, dr' || ipvs -g dr
    for exec in user kernel; do
        ! wanted "prey in $exec, passthrough-keep-source" || prey $exec passthrough-keep-source
        [ "$TRAFFIC" = bulk ] || ! wanted "prey in $exec, dsr-l2" || prey $exec dsr-l2
    done
done
