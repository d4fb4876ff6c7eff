#!/usr/bin/env bash
# COUNT (200,000) connections one after the other, and as many by 50 at once, through a service of each mode (MODES, by commas), by either
# executor (EXECS): all are answered, while a server goes down and up by its health check, and reloads weigh the servers otherwise. The
# other server stays up throughout: a probe has ten seconds, so one whose packets a busy machine loses is sent again and answered.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@" || ok 1 'this machine mounts no file system for pinned programs'
live_begin
count=${COUNT:-200000}
asks=${bin%/san}/tests/tools/asks

served= # processes that serve there
# The check's port is not the clients': who goes down by it still answers.
serve() {
    local s
    for s in one two; do
        web "$s"
        served="$served $last"
        background "$s" nc -l -k -p 9
        served="$served $last"
    done
}
toggled() { # until the clients have ended
    while [ ! -e asked ]; do
        at two nft 'add table inet off; add chain inet off in { type filter hook input priority 0; }; add rule inet off in tcp dport 9 reject with tcp reset'
        sleep 0.7
        at two nft delete table inet off
        sleep 0.7
    done
}
reloaded() { # SECONDS between two
    local n=0
    while [ ! -e asked ]; do
        n=$((n + 1))
        cp "with$((n % 2)).pbc" next.pbc
        mv next.pbc rules.pbc
        kill -HUP "$prey"
        sleep "$1"
    done
}

# through MODE EXEC
through() {
    local mode=$1 exec=$2 to=10.1.0.100 n toggler reloader first=10.1.0.3 second=10.1.0.4 on='-i eth0' source= way
    case $mode in
    passthrough) source='source 10.1.0.50' ;;
    'passthrough keep source') first=10.2.0.2 second=10.2.0.3 on='-i wan -i lan' ;;
    proxy*) to=10.1.0.2 ;;
    esac
    for n in 0 1; do
        rules "with$n" <<END
timeouts { tcp closing 1s }
check alive = tcp port 9 every 200ms timeout 10s rise 1 fall 1
pool farm { check alive; on down keep; $source; server one $first weight $((n + 1)); server two $second }
service web on $to tcp/80 { mode $mode; $([ $to = 10.1.0.2 ] || echo 'announce;') -> farm }
END
    done
    cp with0.pbc rules.pbc
    rm -f asked
    prey prey $on --exec "$exec" --format json rules.pbc
    toggled 2>/dev/null &
    toggler=$!
    reloaded 1 &
    reloader=$!
    pids="$pids $toggler $reloader"
    for way in 1 50; do
        same "$mode, $exec: $count connections, $way at once" "$(at client "$asks" "$to" 80 "$count" $way)" "$count answered, 0 not"
    done
    : >asked
    wait $toggler $reloader
    same "$mode, $exec: there were reloads" "$(($(grep -c '^reloaded' prey.err) > 0))" 1
    same "$mode, $exec: the server whose port is shut went down" "$(($(grep -c 'farm/two.* is down' prey.err) > 0))" 1
    same "$mode, $exec: the other did not" "$(grep 'farm/one.* is down' prey.err)" ''
    prey_ends
    same "$mode, $exec: it ends with 0" "$status" 0
}

# in_wire SENTENCE CLAUSES OPTION...: connections in the wire to two servers' own addresses, under a reload each 100 ms, by which the
# servers of a pool have other numbers; the address of the pool's server is $second.
in_wire() {
    local clauses=$2 it="mode proxy inline, $1" n to way reloader to_all="$first $first6"
    case $clauses in *farm*) to_all=$first ;; esac # of one family
    shift 2
    for n in 0 1; do
        {
            [ $n = 0 ] || echo 'pool other { server nobody 10.9.9.9:80 }'
            echo "pool farm { server two $second }"
            echo "service wire on any tcp/80 { mode proxy inline$clauses }"
        } | rules "with$n"
    done
    cp with0.pbc rules.pbc
    rm -f asked
    prey prey "$@" --format json rules.pbc
    reloaded 0.1 &
    reloader=$!
    pids="$pids $reloader"
    for to in $to_all; do
        for way in 1 50; do
            same "$it: $inline_count connections to $to, $way at once" "$(at client "$asks" "$to" 80 "$inline_count" $way)" "$inline_count answered, 0 not"
        done
    done
    : >asked
    wait $reloader
    same "$it: there were reloads" "$(($(grep -c '^reloaded' prey.err) > inline_count / 1000))" 1
    prey_ends
    same "$it: it ends with 0" "$status" 0
}

# What was laid out, and what runs there, goes.
leave() {
    local p s
    for s in $spaces; do
        for p in $(ip netns pids "$s"); do kill -KILL "$p"; done
        ip netns del "$s"
    done
    wait $served 2>/dev/null
    spaces=
}

# wanted MODE: is it one of MODES?
wanted() { [ -z "${MODES:-}" ] || case ",$MODES," in *",$1,"*) ;; *) false ;; esac; }
both() {
    local exec
    wanted "$1" || return
    for exec in ${EXECS:-user kernel}; do through "$1" "$exec"; done
}

between one two
serve
both 'passthrough keep source'
if wanted inline; then
    ip -n "$id-client" route add default via 10.1.0.2
    ip -n "$id-client" -6 route add default via fd00:1::2
    inline_count=$((count < 10000 ? count : 10000))
    first=10.2.0.2 first6=fd00:2::2 second=10.2.0.3:80
    in_wire 'server first, routed' '' -i wan -i lan
    in_wire 'bytes first, routed' '; bytes first' -i wan -i lan --workers 2
    in_wire 'a pool, routed' ' first bytes within 20s; when bytes payload at 0 is x"4745" -> farm; else -> original' -i wan -i lan --workers 2
fi
leave 2>/dev/null
if wanted inline; then
    space client prey one
    link client eth0 prey a
    link one eth0 prey b
    address client eth0 10.1.0.1/24 fd00:1::1/64
    address one eth0 10.1.0.2/24 fd00:1::2/64 10.1.0.3/24
    web one
    served=$last
    first=10.1.0.2 first6=fd00:1::2 second="10.1.0.3:80 mac $(at one cat /sys/class/net/eth0/address)"
    in_wire 'server first, a bridge' '' --bridge a:b
    in_wire 'bytes first, a bridge' '; bytes first' --bridge a:b --workers 2
    in_wire 'a pool, a bridge' ' first bytes within 20s; when bytes payload at 0 is x"4745" -> farm; else -> original' --bridge a:b
    leave 2>/dev/null
fi

# On one LAN, servers may answer clients by themselves.
space client prey one two
lan switch 1 client prey one two
serve
both passthrough
both proxy
both 'proxy http'
for s in one two; do
    at "$s" sysctl -q -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2 net.ipv4.conf.all.rp_filter=0
    address "$s" lo 10.1.0.100/32
done
both 'dsr l2'
for s in one two; do
    echo "pool farm { server one 10.1.0.3; server two 10.1.0.4 }
service web on 10.1.0.100 tcp/80 { mode dsr rewrite; -> farm }" | rules setup
    "$bin/preyc" --server-setup "farm/$s" setup.prey | sed 's/^balancer=.*/balancer=10.1.0.2/' >setup
    at "$s" bash setup >said 2>&1 || { sed 's/^/# /' said; ok 1 "$s is set up"; }
done
both 'dsr rewrite'
for s in one two; do at "$s" nft flush ruleset; done
for kind in ipip gue; do
    port=0 mode="dsr $kind"
    [ $kind = ipip ] || port=6080 mode="dsr gue 6080"
    wanted "$mode" || continue
    for s in one two; do
        background "$s" python3 "$top/tests/e2e/live/decap.py" "$kind" "$port" "t-$kind" >far
        until_true 50 "the far end listens in $s" ip -n "$id-$s" link show "t-$kind"
        at "$s" sysctl -q -w "net.ipv4.conf.t-$kind.rp_filter=0"
        ip -n "$id-$s" link set "t-$kind" up
    done
    both "$mode"
done
exit $failed
