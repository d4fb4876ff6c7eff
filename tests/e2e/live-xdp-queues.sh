#!/usr/bin/env bash
# Live on AF_XDP with several queues and workers: one socket a queue, a conversation's owner is one worker, whichever got the
# frame; many clients, pieces, other rules by SIGHUP; interfaces that go and come back.
set -u
EXEC=user # --io is user space's
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

# cable NAME DEVICE NAME DEVICE QUEUES: with so many queues each way.
cable() {
    ip -n "$id-$1" link add "$2" numrxqueues "$5" numtxqueues "$5" type veth \
        peer name "$4" netns "$id-$3" numrxqueues "$5" numtxqueues "$5" || exit 1
    ip -n "$id-$1" link set dev "$2" up
    ip -n "$id-$3" link set dev "$4" up
}
wan() { # between client and prey
    cable client eth0 prey wan 4
    address client eth0 $(seq -f '10.1.0.%g/24' 10 19) fd00:1::1/64
    address prey wan 10.1.0.2/24 fd00:1::2/64
}
lan() { # between prey and the server
    cable prey lan one eth0 4
    address prey lan 10.2.0.2/24 fd00:2::2/64
    address one eth0 10.2.0.3/24 fd00:2::3/64
}
space client prey one
wan
lan
web one
udp one 53
shop() { # ADDRESS
    cat <<END
pool farm { server one 10.2.0.3 }
pool farm6 { server one fd00:2::3 }
service four on $1 tcp/80, udp/53 { mode passthrough; announce; -> farm }
service six on fd00:1::100 tcp/80, udp/53 { mode passthrough; announce; -> farm6 }
END
}
shop 10.1.0.100 | rules shop
from() { at client curl -s -m 20 --interface "$1" "http://$2/" || echo failed; }
all() { for i in $(seq 10 19); do from "10.1.0.$i" "$1"; done | sort | uniq -c | tr -s ' \n' ' '; }

at prey timeout 20 "$bin/preyrun" -i wan -i lan --workers 5 --io xdp shop.pbc >out 2>&1
same 'more workers than queues: exit status' "$?" 2
has 'more workers than queues' 'wan has 4 queues, and each worker needs one: use --workers 4'

prey prey -i wan -i lan --workers 2 --io xdp --format json shop.pbc
same 'it says how many' "$(grep ^ready prey.err)" 'ready: wan: wan, lan by xdp, 2 workers, shop.pbc'
same 'ten clients' "$(all 10.1.0.100)" ' 10 one '
same 'IPv6' "$(for i in $(seq 5); do at client curl -s -m 20 'http://[fd00:1::100]/' || echo failed; done | sort | uniq -c | tr -s ' \n' ' ')" ' 5 one '
for a in 10.1.0.100 fd00:1::100; do
    same "datagrams in pieces to $a" "$(for i in $(seq 5); do
        at client "$tools/udp" ask $a 53 0 4000 || echo failed
    done | cut -d' ' -f1,3 | sort | uniq -c | tr -s ' \n' ' ')" ' 5 one 4000 '
done
head -c 2000000 /dev/urandom >web-one/file
at client curl -s -m 20 http://10.1.0.100/files/file | cmp -s - web-one/file
ok $? '2 MB arrive as they are'
kill -USR1 "$prey"
until_true 50 'counters are printed at SIGUSR1' grep -q '^}' prey.out
adds_up 'every frame that was taken has one verdict, by one of both'
same 'nothing was without a way out' "$(number live lost no_way)" 0
same 'some were handed over' "$(python3 -c "print($(number live handed) > 0)")" True
truncate -s 0 prey.out

shop 10.1.0.101 | rules other
cp other.pbc shop.pbc
kill -HUP "$prey"
until_true 50 'other rules are taken' grep -q ^reloaded prey.err && ok 0 'other rules are taken'
same 'their service is served' "$(all 10.1.0.101)" ' 10 one '

# gone DEVICE, back DEVICE: what is said of it
gone() { ip -n "$id-prey" link del "$1"; }
# back DEVICE: it is there again, and a request is answered, which is not before it is served
back() {
    "$1"
    served() { [ "$(at client curl -s -m 3 http://10.1.0.101/)" = one ]; }
    until_true 100 "$1 is served again" served && ok 0 "$1 is served again"
}
for i in wan lan; do
    gone $i
    back $i
    same "all clients, behind $i" "$(all 10.1.0.101)" ' 10 one '
done
gone wan
gone lan
lan
back wan
same 'all clients, both gone and back' "$(all 10.1.0.101)" ' 10 one '
prey_ends
same 'it ends with 0' "$status" 0
# What came for a device while it was gone had no way out, and is counted so.
same 'devices took all that was sent' "$(number interfaces 0 not_sent) $(number interfaces 1 not_sent)" '0 0'
same 'no program is left' "$(ip -d -n "$id-prey" link show | grep -c prog/xdp)" 0
exit $failed
