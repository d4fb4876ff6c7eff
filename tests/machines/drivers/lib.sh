# What the scripts of this folder share, sourced after tests/e2e/live/lib.sh and tests/lib/scratch.sh. They run in a machine of run.sh, which has two
# cards of each driver, and for each a card of virtio_net at the other end of its cable. Hardware addresses tell them apart.
move=$top/tests/machines/drivers/move.py

# mac DRIVER wan|lan: of a card; far MAC: of its other end.
mac() {
    local n
    case $1 in virtio_net) n=1 ;; e1000e) n=3 ;; vmxnet3) n=5 ;; esac
    [ "$2" = wan ] || n=$((n + 1))
    echo "52:54:00:00:0$n:01"
}
far() { echo "${1%1}2"; }

# monitor WORD...: a line for the monitor of this machine's emulator. cable off|on DRIVER wan|lan: it is pulled at that card, or put back.
monitor() {
    local port
    modprobe virtio_console
    port=$(grep -lx monitor /sys/class/virtio-ports/*/name) || { ok 1 'there is a way to the monitor'; return 1; }
    port=${port%/name}
    printf '%s\n' "$*" >"/dev/${port##*/}"
}
cable() {
    local n
    n=$(mac "$2" "$3")
    n=${n%:01}
    monitor "set_link card${n##*:0} $1"
}

# here MAC: the name that the card has in the machine's first namespace, where it comes when it is plugged in, or a namespace ends.
here() {
    local i
    for i in /sys/class/net/*; do
        [ "$(cat "$i/address" 2>/dev/null)" != "$1" ] || { echo "${i##*/}"; return; }
    done
    return 1
}
# take MAC NAME DEVICE: it goes there, by that name, and up.
take() {
    until_true 600 "a card $1 is there" here "$1" || exit 1
    ip link set dev "$(here "$1")" down netns "$id-$2" name "$3" && ip -n "$id-$2" link set dev "$3" up || ok 1 "$1 is $3 in $2"
}
carries() { [ "$(at "$1" cat "/sys/class/net/$2/carrier" 2>/dev/null)" = 1 ]; }

# cables DRIVER [NUMBER]: prey between a client and a server by two cards of that driver: as `between` of live/lib.sh does by veth. With a
# number all names and networks have it, so that two such pairs stand beside each other.
cables() {
    local n=${2-} d
    space "client$n" "one$n"
    [ -n "$n" ] || space prey
    take "$(mac "$1" wan)" prey "wan$n"
    take "$(mac "$1" lan)" prey "lan$n"
    take "$(far "$(mac "$1" wan)")" "client$n" eth0
    take "$(far "$(mac "$1" lan)")" "one$n" eth0
    address prey "wan$n" "10.1$n.0.2/24"
    address prey "lan$n" "10.2$n.0.1/24"
    address "client$n" eth0 "10.1$n.0.1/24"
    address "one$n" eth0 "10.2$n.0.2/24"
    ip -n "$id-one$n" route add default via "10.2$n.0.1"
    for d in "wan$n" "lan$n"; do until_true 200 "$d has a carrier" carries prey "$d"; done
}

# kept DEVICE: what a driver was set to, but for what changes by itself.
kept() {
    local what
    for what in -k -l -g -c -a; do at prey ethtool "$what" "$1" 2>/dev/null; done
    at prey cat "/sys/class/net/$1/mtu"
}
# went_off FILE FILE: features that were on in the first and are off in the second, in the words of `ethtool -K`.
went_off() {
    awk -F': ' 'FNR == NR { on[$1] = $2 ~ /^on/; next } on[$1] && $2 ~ /^off/ { print $1 }' "$1" "$2" |
        sed 's/^\t*//; s/large-receive-offload/lro/; s/generic-receive-offload/gro/; s/\([rt]x\)-vlan-offload/\1vlan/' | sort | tr '\n' ' '
}
# said_off DEVICE: what preyrun says that it has turned off.
said_off() { sed -n "s/.*notice: $1: preyrun turns off \(.*\) until it stops.*/\1/p" prey.err | tr -d , | tr ' ' '\n' | sort | tr '\n' ' '; }

# queues DEVICE: pairs in use.
queues() { at prey ethtool -l "$1" 2>/dev/null | awk '/^Combined/ { n = $2 } END { print n + 0 ? n : 1 }'; }

# serves NAME PORT: a server of move.py; $servers are their processes.
serves() {
    background "$1" python3 "$move" serve "$2"
    servers="${servers-} $last"
    until_true 200 "a server listens in $1" sh -c "ip netns exec '$id-$1' ss -Hltn | grep -q ':$2 '"
}
# fetch NAME ADDRESS PORT MIB down|up: `same`, and how the server saw it named.
fetch() { at "$1" python3 "$move" fetch "$2" "$3" "$4" "$5"; }
# carry SENTENCE NAME ADDRESS PORT MIB SEEN: each way, byte for byte.
carry() {
    local way
    for way in down up; do same "$1: $5 MiB $way" "$(fetch "$2" "$3" "$4" "$5" "$way")" "same $6"; done
}
# shut NAME ADDRESS PORT: nothing comes back from there.
shut() { ! at "$1" timeout 3 bash -c "echo >/dev/tcp/$2/$3" 2>/dev/null; }

# job NAME: rules, servers, and what is carried: `carried MIB` asks for it.
job() {
    local farm='pool farm { server one 10.2.0.2:5000 }'
    job=$1
    case $job in
    host)
        rules "$job" <<'END'
firewall box in default drop { accept state established, related; accept tcp port 5000 as SERVED; accept icmp }
firewall out_of_box out default accept { drop udp port 9 as QUIET }
END
        serves prey 5000
        serves prey 5001
        serves client 5000
        carried() {
            carry 'to this machine' client 10.1.0.2 5000 "$1" 10.1.0.1
            carry 'from this machine' prey 10.1.0.1 5000 "$1" 10.1.0.2
        }
        ;;
    router)
        at prey sysctl -q -w net.ipv4.ip_forward=1
        rules "$job" <<'END'
firewall ways forward default drop { accept state established, related; accept tcp from 10.1.0.0/24 to 10.2.0.2 port 5000 as CROSSED }
END
        ip -n "$id-client" route add 10.2.0.0/24 via 10.1.0.2
        serves one 5000
        serves one 5001
        carried() { carry 'what crosses' client 10.2.0.2 5000 "$1" 10.1.0.1; }
        ;;
    nat)
        at prey sysctl -q -w net.ipv4.ip_forward=1
        echo 'nat n { masquerade from 10.2.0.0/24 out on "wan" }' | rules "$job"
        serves client 5000
        carried() { carry 'masqueraded' one 10.1.0.1 5000 "$1" 10.1.0.2; }
        ;;
    passthrough)
        { echo "${farm/server/source 10.2.0.50; server}"; echo 'service s on 10.1.0.100 tcp/5000 { mode passthrough; announce; -> farm }'; } | rules "$job"
        serves one 5000
        carried() { carry 'balanced' client 10.1.0.100 5000 "$1" 10.2.0.50; }
        ;;
    proxy)
        { echo "$farm"; echo 'service p on 10.1.0.2 tcp/8080 { mode proxy; -> farm }'; } | rules "$job"
        serves one 5000
        carried() { carry 'by proxy' client 10.1.0.2 8080 "$1" 10.2.0.1; }
        ;;
    esac
}

# options WAY: of preyrun.
options() {
    case $1 in
    user-*) echo "--exec user --io ${1#*-}" ;;
    kernel-*) echo "--exec kernel --hook ${1#*-}" ;;
    esac
}
# mode DEVICE: how programs run there: native, generic, or none.
mode() { ip -d -n "$id-prey" link show "$1" | awk '/prog\/xdp/ { there = 1 } / xdpgeneric/ { generic = 1 } END { print there ? generic ? "generic" : "native" : "none" }'; }
# native DRIVER: how programs run there. vmxnet3 has a native mode, and forgets a program whenever it makes its rings anew.
native() {
    case $1 in
    virtio_net) echo native ;;
    *) echo generic ;;
    esac
}
