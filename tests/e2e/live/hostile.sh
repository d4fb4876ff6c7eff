# What tests of hostile ends in the wire share (wire_hostile.py), sourced after tests/lib/scratch.sh: left - prey - right, where
# prey is to be a bridge; a router before the server, which takes no more than 1,300 bytes; the server, whose answers to 10.1.0.77
# and fd00:1::77 go to the left, too; and the attacker.
live_begin
across left right
offloads off left:eth0 right:eth0 prey:a prey:b
at right nft 'add table inet t; add chain inet t in { type filter hook input priority 0; }; add rule inet t in tcp dport 7 meta length > 1300 drop'
left_mac=$(at left cat /sys/class/net/eth0/address)
right_mac=$(at right cat /sys/class/net/eth0/address)
for a in 10.1.0.77 fd00:1::77; do ip -n "$id-right" neigh add $a lladdr "$left_mac" dev eth0 nud permanent; done
hostile=$top/tests/e2e/live/wire_hostile.py
background right python3 "$hostile" serve >served
server=$last
until_true 100 'the server listens' grep -q listens served

# attacks PROGRAM CASE...
attacks() {
    at left timeout 280 python3 "$@" "$left_mac" "$right_mac" "$server" >attacked 2>&1
    local status=$?
    cat attacked
    ! grep -q '^not ok' attacked && [ $status = 0 ]
    ok $? "the attacker came to its end: ${1##*/}"
}
