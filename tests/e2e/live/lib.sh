# What tests of live traffic share, sourced from the tree's top before tests/lib/scratch.sh: namespaces and links of their
# own, servers and clients that run in them, preyrun, and waiting for what happens instead of for time. All of it is gone
# when the script ends, however it ends. The namespaces are called $id-NAME.
id=prey$$
pids=
spaces=
recordings=0
# The executor in the kernel takes memory of flows at the start, 150 MB and more unless rules say otherwise.
limits='limits { flows 30_000 }
'

live_end() {
    local p s ended=$?
    for p in $pids; do kill -KILL "$p" 2>/dev/null; done
    wait 2>/dev/null
    check_recordings
    [ -z "${open-}" ] || rm -rf "$open"
    [ "$failed" = 0 ] && [ "$ended" = 0 ] || said_last
    for s in $spaces; do
        # And what those had begun.
        for p in $(ip netns pids "$s" 2>/dev/null); do kill -KILL "$p" 2>/dev/null; done
        # What a killed preyrun wrote down there is gone with it; another namespace may get the number.
        rm -rf "/run/prey/$(stat -L -c %i "/run/netns/$s" 2>/dev/null || echo none)"
        ip netns del "$s" 2>/dev/null
    done
    [ "$failed" = 0 ] || exit 1
    exit "$ended"
}

# open_folder: $open, a folder that all users may enter, for what processes without rights run or reach: the tree may lie in a
# home of mode 0700.
open_folder() { open=$(mktemp -d) && chmod 755 "$open"; }

# said_last: the end of what preyrun and others have said, for whoever reads why a script failed.
said_last() {
    local f
    for f in *.err; do
        [ ! -s "$f" ] || { echo "# the end of $f:"; tail -n 40 "$f" | cut -c1-400 | sed 's/^/#   /'; }
    done
}

# With RECORD=1 in the environment every preyrun is recorded, and has to decide and send the same once more. RECORD_SAMPLE is
# its --record-sample: with 1, each packet that the kernel judges is recorded.
check_recordings() {
    local dir
    for dir in recorded-*; do
        [ -d "$dir" ] || continue
        replays_alike "$dir is replayed alike" "$dir"
        rm -rf "$dir"
    done
}

# replays_alike SENTENCE DIR: nothing is decided or sent otherwise, and nothing was left out.
replays_alike() {
    local said
    "$bin/preyrun" --replay "$2" >again.out 2>again.err && [ ! -s again.err ]
    said=$?
    [ $said -eq 0 ] || { grep -E '^(verdicts|left) ' again.out; cat again.err; } | sed 's/^/# /'
    ok $said "$1"
}

# Only in a build with the executor in the kernel; one sentence in another.
needs_programs() {
    [ -e "$bin/tests/lib/no_one_kernel.o" ] || return 0
    echo 'ok - live traffic through the kernel # SKIP this build has no programs for it (make KERNEL=0)'
    exit 0
}
# Only where namespaces may be made; one sentence where not.
live_begin() {
    if ! ip netns add "$id-try" 2>/dev/null; then
        echo "ok - live traffic # SKIP this machine lets us make no network namespaces"
        exit 0
    fi
    ip netns del "$id-try"
    [ "${EXEC-}" != kernel ] || needs_programs
    # Without a file system to pin programs in, preyrun takes user space where nobody says which executor.
    [ "${EXEC-}" = user ] || pins
    [ -z "${OLD_KERNEL-}" ] || older
    trap live_end EXIT
    # A second signal, which timeout sends to its whole group, must not end what cleans up.
    trap 'trap "" INT TERM HUP; exit 1' INT TERM HUP
}

# older: with OLD_KERNEL in the environment preyrun finds a kernel before 6.2 (tests/tools/tamper): filters of traffic control
# in the place of links.
older() {
    local real=$bin
    mkdir older
    bin=$PWD/older
    ln -s "$real/preyc" "$real/preyctl" "$real/tests" "$real/runtime" older
    printf '#!/bin/sh\nexec %s/tests/tools/tamper old - %s/preyrun "$@"\n' "$real" "$real" >older/preyrun
    chmod +x older/preyrun
}

# at NAME COMMAND...: run it there.
at() {
    local space=$id-$1
    shift
    ip netns exec "$space" "$@"
}

# seeing NAME COMMAND...: run it there with pinned programs in sight, which `ip netns exec` hides.
seeing() {
    local space=$id-$1
    shift
    nsenter "--net=/run/netns/$space" "$@"
}

# space NAME...: with a loopback that is up, and no duplicate detection that would make addresses wait.
space() {
    local name
    for name in "$@"; do
        ip netns add "$id-$name" || exit 1
        spaces="$spaces $id-$name"
        at "$name" sysctl -q -w net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 \
            net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0 net.ipv6.conf.default.accept_ra=0
        ip -n "$id-$name" link set dev lo up
    done
}

# for_programs NAME:DEVICE...: what is sent by XDP a veth takes only where its other end receives by NAPI (gro on), and XDP sees no
# checksum that a sender has left to its card.
for_programs() {
    local d
    for d in "$@"; do at "${d%:*}" ethtool -K "${d#*:}" gro on tx off txvlan off tx-vlan-stag-hw-insert off >/dev/null 2>&1; done
}

# link NAME DEVICE NAME DEVICE: a cable between two; user space gets cables as they come.
link() {
    ip -n "$id-$1" link add "$2" type veth peer name "$4" netns "$id-$3" || exit 1
    [ "${EXEC-}" = user ] || for_programs "$1:$2" "$3:$4"
    ip -n "$id-$1" link set dev "$2" up
    ip -n "$id-$3" link set dev "$4" up
}

# cord NAME DEVICE NAME DEVICE [plain]: a link without Ethernet between two (cord.py); $last is its process, and it goes with that.
cord() {
    : >"cord-$2"
    python3 "$top/tests/e2e/live/cord.py" "$id-$1" "$2" "$id-$3" "$4" ${5+"$5"} >"cord-$2" 2>&1 &
    last=$!
    pids="$pids $last"
    until_true 100 "the cord $2 is there" grep -q ready "cord-$2"
    ip -n "$id-$1" link set dev "$2" up
    ip -n "$id-$3" link set dev "$4" up
}

# address NAME DEVICE ADDRESS/BITS...
address() {
    local name=$1 device=$2 a
    shift 2
    for a in "$@"; do
        case $a in
        *:*) ip -n "$id-$name" addr add "$a" dev "$device" nodad ;;
        *) ip -n "$id-$name" addr add "$a" dev "$device" ;;
        esac || exit 1
    done
}

# lan SWITCH NET NAME...: each on one switch by eth0 (or the device behind `NAME:`), the first as 10.NET.0.1 and
# fd00:NET::1, the next as .2, and so on.
lan() {
    local switch=$1 net=$2 n=0 name device
    shift 2
    space "$switch"
    ip -n "$id-$switch" link add bridge type bridge mcast_snooping 0 || exit 1
    ip -n "$id-$switch" link set dev bridge up
    for name in "$@"; do
        n=$((n + 1))
        device=eth0
        case $name in *:*) device=${name#*:} name=${name%:*} ;; esac
        link "$name" "$device" "$switch" "port$n"
        ip -n "$id-$switch" link set dev "port$n" master bridge
        address "$name" "$device" "10.$net.0.$n/24" "fd00:$net::$n/64"
    done
}

# bridged NAME BRIDGE PORT...: a bridge of the kernel's there, up, with these ports.
bridged() {
    local name=$1 bridge=$2 port
    shift 2
    ip -n "$id-$name" link add "$bridge" up type bridge mcast_snooping 0 || exit 1
    for port in "$@"; do ip -n "$id-$name" link set dev "$port" up master "$bridge"; done
}

# across NAME NAME: two ends, one on each side of a bridge of prey's, its devices a and b: 10.1.0.1 and 10.1.0.2, fd00:1::1 and fd00:1::2, by
# eth0.
across() {
    space "$1" prey "$2"
    link "$1" eth0 prey a
    link "$2" eth0 prey b
    address "$1" eth0 10.1.0.1/24 fd00:1::1/64
    address "$2" eth0 10.1.0.2/24 fd00:1::2/64
}

# box_behind_bridge: a namespace `box`, by eth0 behind prey's bridge br0.
box_behind_bridge() {
    space box
    link box eth0 prey port
    bridged prey br0 port
}

# between NAME...: a client, prey, and these behind it, which reach the client by way of prey: the client is 10.1.0.1, prey
# 10.1.0.2 by wan and 10.2.0.1 by lan, the others 10.2.0.2 and on; and so in fd00:1:: and fd00:2::.
between() {
    local name
    space client prey "$@"
    lan outside 1 client prey:wan
    lan inside 2 prey:lan "$@"
    for name in "$@"; do
        ip -n "$id-$name" route add default via 10.2.0.1
        ip -n "$id-$name" -6 route add default via fd00:2::1
    done
}

# site NAME...: the same, and nginx in each of these; $web_NAME is its process.
site() {
    local name
    between "$@"
    for name in "$@"; do
        web "$name"
        eval "web_$name=$last"
    done
}

# two_uplinks ADDRESS: a client behind prey (lan), which two uplinks of equal weight (up1, up2) join to `one` and `two`;
# both have that address. several: both ways again.
two_uplinks() {
    local far
    space client prey one two
    link client eth0 prey lan
    link prey up1 one eth0
    link prey up2 two eth0
    address client eth0 10.1.0.7/24
    address prey lan 10.1.0.1/24
    address prey up1 203.0.113.2/24
    address prey up2 198.51.100.2/24
    address one eth0 203.0.113.9/24
    address two eth0 198.51.100.9/24
    for far in one two; do
        ip -n "$id-$far" addr add "$1/32" dev lo
        at "$far" sysctl -q -w net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eth0.rp_filter=0
    done
    ip -n "$id-client" route add default via 10.1.0.1
    at prey sysctl -q -w net.ipv4.ip_forward=1 net.ipv4.fib_multipath_hash_policy=1 net.ipv4.conf.all.rp_filter=0 \
        net.ipv4.conf.lan.rp_filter=0 net.ipv4.conf.up1.rp_filter=0 net.ipv4.conf.up2.rp_filter=0
    several
}
several() { ip -n "$id-prey" route replace default nexthop via 203.0.113.9 dev up1 nexthop via 198.51.100.9 dev up2; }

# kernel_before VERSION: is the kernel older than that?
kernel_before() { [ "$(printf '%s\n' "$1" "$(uname -r)" | sort -V | head -n 1)" != "$1" ]; }

# until_true TENTHS SENTENCE COMMAND...: bounded, and said where it never comes true. TENTHS of a second are plenty on a
# machine that has nothing else to do; a busy one gets five times as many.
until_true() {
    local tenths=$(($1 * 5)) sentence=$2
    shift 2
    while ! "$@" >/dev/null 2>&1; do
        tenths=$((tenths - 1))
        [ "$tenths" -gt 0 ] || { ok 1 "$sentence"; return 1; }
        sleep 0.1
    done
}

# background NAME COMMAND...: there, until the script ends; $last is its process.
background() {
    local space=$id-$1
    shift
    ip netns exec "$space" "$@" &
    last=$!
    pids="$pids $last"
}

# web NAME: nginx there on ports 80 and 8080 of both families, which answers with its name.
web() {
    local dir=$work/web-$1
    mkdir -p "$dir"
    cat >"$dir/nginx.conf" <<END
daemon off; master_process off; pid $dir/pid; error_log $dir/error.log;
events { worker_connections 512; }
http {
  access_log off; client_body_temp_path $dir; proxy_temp_path $dir; fastcgi_temp_path $dir; uwsgi_temp_path $dir; scgi_temp_path $dir;
  server {
    listen 80; listen [::]:80; listen 8080; listen [::]:8080;
    location / { default_type text/plain; return 200 "$1\n"; }
    location /files/ { alias $dir/; }
    location /at { default_type text/plain; return 200 "\$server_addr\n"; }
    location /from { default_type text/plain; return 200 "\$remote_addr\n"; }
    location /told { default_type text/plain; return 200 "\$http_x_forwarded_for \$http_forwarded \$http_via \$http_host\n"; }
    location /came { default_type text/plain; return 200 "\$http_x_forwarded_proto \$http_x_forwarded_host \$http_x_forwarded_port \$http_x_real_ip \$http_x_forwarded_for\n"; }
    location /nth { default_type text/plain; return 200 "\$connection \$connection_requests\n"; }
  }
}
END
    background "$1" nginx -c "$dir/nginx.conf" -e "$dir/error.log"
    until_true 100 "nginx answers in $1" at "$1" curl -s -o /dev/null http://127.0.0.1/
}

# udp NAME PORT: there, each datagram is answered with the name and the address that it came from.
udp() {
    background "$1" "$tools/udp" serve "$2" "$1"
    until_true 100 "a UDP server answers in $1" at "$1" "$tools/udp" ask 127.0.0.1 "$2"
}

# pins: programs of the kernel may be pinned, in a file system of this script's own, which `ip netns exec` would hide. The
# script begins anew for that, with its arguments: pins "$@". False: this machine lets us mount none.
pins() {
    [ -z "${files_of_bpf-}" ] || return 0
    files_of_bpf=${FILES_OF_BPF-}
    [ -n "$files_of_bpf" ] && return
    unshare -m mount -t bpf bpf /sys/fs/bpf 2>/dev/null || return
    cd "$top" && FILES_OF_BPF=here exec unshare -m bash -c 'mount -t bpf bpf /sys/fs/bpf && exec bash "$0" "$@"' "$0" "$@"
}

# pins_are_away: what preyrun says of that file system where it is unmounted: the machine's first process may have one.
pins_are_away() {
    if [ "$(stat -f -c %t /proc/1/root/sys/fs/bpf 2>/dev/null)" = cafe4a11 ]; then
        echo 'the BPF file system at /sys/fs/bpf is hidden'
    else
        echo '/sys/fs/bpf isn'\''t a writable BPF file system'
    fi
}

# prey NAME OPTION...: preyrun there, with one worker where no other number is said; ready; $prey is its process. Its outputs are $name.out and $name.err.
# With EXEC=user or EXEC=kernel in the environment that executor judges (where the options say no other), else the one that preyrun chooses;
# with HOOK=xdp or HOOK=tc the kernel's takes there what arrives.
prey() {
    local name=$1
    shift
    case " $* " in *' --workers '*) ;; *) set -- --workers 1 "$@" ;; esac
    : >"$name.out" >"$name.err"
    case " $* " in *' --exec '* | *' --io '* | *' --bridge '*) ;; *) [ -z "${EXEC-}" ] || set -- --exec "$EXEC" "$@" ;; esac
    case " $* " in *' --hook '*) ;; *' --exec kernel '*) [ -z "${HOOK-}" ] || set -- --hook "$HOOK" "$@" ;; esac
    if [ "${RECORD-0}" = 1 ]; then
        recordings=$((recordings + 1))
        set -- --record "recorded-$recordings" ${RECORD_SAMPLE:+--record-sample "$RECORD_SAMPLE"} "$@"
    fi
    if [ -n "${files_of_bpf-}" ]; then
        nsenter "--net=/run/netns/$id-$name" "$bin/preyrun" "$@" >>"$name.out" 2>"$name.err" </dev/null &
    else
        ip netns exec "$id-$name" "$bin/preyrun" "$@" >>"$name.out" 2>"$name.err" </dev/null &
    fi
    prey=$!
    pids="$pids $prey"
    if until_true 200 "preyrun is ready in $name" is_ready_or_over "$name"; then
        is_ready "$name" || ok 1 "preyrun is ready in $name"
    fi
    is_ready "$name" || sed 's/^/# /' "$name.err"
}
# small_prey NAME OPTION...: as prey, but without large pages (PR_SET_THP_DISABLE, 41), where memory is measured: the kernel
# makes one of small ones when it likes, two MiB at a time.
small_prey() {
    mkdir -p small
    cat >small/preyrun <<END
#!/usr/bin/env python3
import ctypes, os, sys
ctypes.CDLL(None).prctl(41, 1, 0, 0, 0)
os.execv("$bin/preyrun", ["$bin/preyrun"] + sys.argv[1:])
END
    chmod +x small/preyrun
    bin=$PWD/small prey "$@"
}
is_ready() { grep -qE '^([0-9:.]+  )?ready|"ready"' "$1.err"; }
is_ready_or_over() { is_ready "$1" || is_over "$prey"; }

# is_over PROCESS: none of its threads holds anything any more, though its parent may not have heard of its end yet.
is_over() {
    local of
    { read -r of <"/proc/$1/stat"; } 2>/dev/null || return 0
    set -- "/proc/$1/task/"*
    case ${of##*) } in [ZX]*) [ $# -eq 1 ] ;; *) return 1 ;; esac
}

# ctl ARGUMENT...: preyctl beside it, into out, err and $status.
ctl() {
    timeout 60 ip netns exec "$id-prey" "$bin/preyctl" "$@" >out 2>err </dev/null
    status=$?
}

# told PATTERN: it has said so. awaits PATTERN: it will. hears SENTENCE PATTERN: likewise, as a test.
told() { grep -q "$1" prey.err; }
awaits() { until_true 300 "a line says: $1" told "$1"; }
hears() { until_true 300 "$1" told "$2" && ok 0 "$1"; }

# prey_ends [NAME]: it is asked to stop; $status is how it ended.
prey_ends() {
    kill -TERM "$prey" 2>/dev/null
    wait "$prey"
    status=$?
}

# starter_killed: whoever crashes is not started again
starter_killed() {
    local p
    for p in $(pgrep -x prey-starter); do
        [ "/proc/$p/ns/net" -ef "/proc/$prey/ns/net" ] && cmp -s "/proc/$p/cmdline" "/proc/$prey/cmdline" || continue
        kill -KILL "$p" 2>/dev/null
        until_true 200 'its starter ends' is_over "$p"
    done
}

# prey_killed [SIGNALLED...]: it is killed, or these processes of it are, and all of its processes are gone: the other one
# lives a moment longer, and as long it holds the control socket, the lock of recordings and the devices.
# It is not started again: its starter is killed first.
prey_killed() {
    local p all="$prey $(cat "/proc/$prey/task/$prey/children" 2>/dev/null)"
    starter_killed
    kill -KILL "${@:-$prey}"
    wait "$prey" 2>/dev/null
    for p in $all; do until_true 200 "killed, process $p of preyrun ends" is_over "$p"; done
}

# What clients say: ask NAME HOST/PATH [SECONDS]; talk NAME ADDRESS [PORT [SOURCE-PORT [BYTES]]], by UDP.
ask() { at "$1" curl -s -m "${3:-20}" "http://$2" || echo "failed: $?"; }
talk() { at "$1" "$tools/udp" ask "$2" "${3:-53}" "${4:-0}" "${5:-5}" || echo failed; }

# refused_by NAME ADDRESS PORT: `refused` where an ICMP error comes back for a datagram.
refused_by() { at "$1" "$tools/udp" refused "$2" "$3"; }

# shares: how many lines begin with which word: ` 2 one 2 two `
shares() { sort | awk '{ print $1 }' | uniq -c | tr -s ' \n' ' '; }

# payload BYTES NAME...: a file that each of these web servers gives out as /files/file; the first copy is ./payload.
payload() {
    local bytes=$1 name
    shift
    head -c "$bytes" /dev/urandom >payload
    for name in "$@"; do ln -f payload "web-$name/file"; done
}

# fetches SENTENCE NAME HOST: the payload arrives there as it is.
fetches() {
    at "$2" curl -s -m 120 "http://$3/files/file" | cmp - payload
    ok $? "$1"
}

# offloads on|off NAME:DEVICE...: checksums, super-packets made and super-packets joined.
offloads() {
    local set=$1 d
    shift
    for d in "$@"; do
        at "${d%:*}" ethtool -K "${d#*:}" tx "$set" tso "$set" gso "$set" gro "$set" >/dev/null 2>&1 || ok 1 "offloads of $d are $set"
    done
}

# lossy NAME:DEVICE...: what leaves by these is late, one of a hundred frames is lost and one is doubled, and some overtake others
# (netem). False where the kernel has none.
lossy() {
    local d
    for d in "$@"; do
        at "${d%:*}" tc qdisc replace dev "${d#*:}" root netem delay 2ms 1ms loss 1% duplicate 1% reorder 5% 25% 2>said || return
    done
}
# losses NAME:DEVICE...: a 1 for each that has lost more than three since.
losses() {
    local d
    for d in "$@"; do at "${d%:*}" tc -s qdisc show dev "${d#*:}" | awk 'match($0, /dropped [0-9]+/) { printf "%d", (substr($0, RSTART + 8) + 0 > 3) }'; done
}

# sniff FILE NAME DEVICE [FILTER...]: tcpdump writes there what passes, from now on.
sniff() {
    local file=$1 name=$2 device=$3
    shift 3
    : >"$file.said"
    ip netns exec "$id-$name" tcpdump -Z root -n -U --immediate-mode -B 32768 -i "$device" -w "$file" "$@" 2>"$file.said" &
    sniffers="${sniffers:-} $!"
    sniffs[$!]=$file
    pids="$pids $!"
    until_true 100 "tcpdump listens on $device in $name" grep -q 'listening on' "$file.said"
}
declare -A sniffs

# written PID: that tcpdump, if it goes on, has written all that came. It says how much it has when it is asked. What came before its filter
# was in force counts as received, and it never takes it: so it has all, too, once it has said the same twenty times.
written() {
    kill -USR1 "$1" 2>/dev/null || return 0
    awk '/captured,/ { same = $0 == last ? same + 1 : 1; last = $0; all = $2 + $10 >= $5 || same >= 20 } END { exit !all }' "${sniffs[$1]}.said"
}
# sniffed: all of them end, once they have written what came.
sniffed() {
    local s
    for s in $sniffers; do until_true 100 "${sniffs[$s]} is written" written "$s"; done
    kill -INT $sniffers
    wait $sniffers
    sniffers=
}

frames_of() { tcpdump -n -r "$1" 2>/dev/null | wc -l; }

# prey_sums SENTENCE: it ends with 0, each frame has one verdict, nothing was lost on the way out.
prey_sums() {
    truncate -s 0 prey.out
    prey_ends
    same "$1: it ends with 0" "$status" 0
    adds_up "$1: every frame has one verdict"
    same "$1: nothing was lost" "$(number live lost | tr -dc '1-9')" ''
}

# rss: KiB of memory that preyrun's processes hold, by their pages: VmRSS of `status` lacks what a thread has mapped lately, before
# Linux 6.2, which may be the whole ring of a socket.
rss() {
    local p
    for p in "$prey" $(cat "/proc/$prey/task/$prey/children" 2>/dev/null); do cat "/proc/$p/smaps_rollup"; done | awk '/^Rss:/ { sum += $2 } END { print sum + 0 }'
}

# files: descriptors that they have open.
files() {
    local p
    for p in "$prey" $(cat "/proc/$prey/task/$prey/children" 2>/dev/null); do ls "/proc/$p/fd"; done | wc -l
}

# number KEY...: of the JSON that preyrun printed at its end: number live watched
number() { "$tools/figures" prey.out number "$@"; }

# by_rule NAME: packets that the rule of that name decided.
by_rule() { "$tools/figures" prey.out by_rule "$1"; }

# The frames of all verdicts are those that arrived, or left, by interfaces.
adds_up() { same "$1" "$("$tools/figures" prey.out adds_up)" equal; }
