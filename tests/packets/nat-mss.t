# nat, `mss clamp`: SYNs of both sides, to a number or to what both ways bear.
self    203.0.113.1, 2001:db8:ff::1
route   default=wan, 10.0.0.0/8=lan, 2001:db8:1::/48=lan
speaks  203.0.113.1, 2001:db8:ff::1
mtu     1492
rules
    interface wan = "eth0"
    nat fixed { mss clamp 1200; masquerade from 10.0.0.0/24, 2001:db8:1::/64 out on wan ports 1024-65535 }
    nat auto { forward 203.0.113.1 tcp/80 -> 10.1.0.80; map 203.0.113.7 <-> 10.1.0.7; mss clamp auto }
    nat none { masquerade from 10.2.0.0/24 out on wan ports 1024-65535 }
    firewall f default accept { }
in      eth / ip4 10.0.0.5 > 192.0.2.1 / tcp 5000 > 80 syn seq 1 opt x"020405b401010402"
verdict forward default - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.1 > 192.0.2.1 ttl 63 / tcp 5000 > 80 syn seq 1 opt x"020404b001010402"
in      eth / ip4 192.0.2.1 > 203.0.113.1 / tcp 80 > 5000 syn ack seq 7 ack 2 opt x"020405b4"
verdict forward - - - -
out     eth back / ip4 192.0.2.1 > 10.0.0.5 ttl 63 / tcp 80 > 5000 syn ack seq 7 ack 2 opt x"020404b0"
in      eth / ip4 10.0.0.5 > 192.0.2.1 / tcp 5001 > 80 syn opt x"02040218"
verdict forward default - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.1 > 192.0.2.1 ttl 63 / tcp 5001 > 80 syn opt x"02040218"
in      eth / ip6 2001:db8:1::5 > 2001:db8:2::1 / tcp 5000 > 80 syn opt x"020405a0"
verdict forward default - - -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:01 / ip6 2001:db8:ff::1 > 2001:db8:2::1 hop 63 / tcp 5000 > 80 syn opt x"020404b0"
# 1492 less 40
in      eth / ip4 192.0.2.1 > 203.0.113.1 / tcp 5000 > 80 syn seq 1 opt x"020405b4"
verdict forward default - - -
out     eth 02:00:00:00:00:02 > 02:00:0a:01:00:50 / ip4 192.0.2.1 > 10.1.0.80 ttl 63 / tcp 5000 > 80 syn seq 1 opt x"020405ac"
in      eth / ip4 10.1.0.80 > 192.0.2.1 / tcp 80 > 5000 syn ack seq 7 ack 2 opt x"020405b4"
verdict forward - - - -
out     eth back / ip4 203.0.113.1 > 192.0.2.1 ttl 63 / tcp 80 > 5000 syn ack seq 7 ack 2 opt x"020405ac"
in      eth / ip4 10.1.0.7 > 192.0.2.1 / tcp 5000 > 80 syn seq 1 opt x"020405b4"
verdict forward default - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.7 > 192.0.2.1 ttl 63 / tcp 5000 > 80 syn seq 1 opt x"020405ac"
in      eth / ip4 10.2.0.5 > 192.0.2.1 / tcp 5000 > 80 syn opt x"020405b4"
verdict forward default - - -
out     any

# nat, `mss clamp … out on`: of what crosses by that interface, either way.
self    203.0.113.1
speaks  203.0.113.1
rules
    interface wan = "eth0"
    interface lan = "eth1"
    nat ways { masquerade from 10.0.0.0/24 out on wan ports 1024-65535; mss clamp 1300 out on wan }
    firewall f default accept { }
on lan
in      eth / ip4 10.0.0.5 > 192.0.2.1 / tcp 5000 > 80 syn seq 1 opt x"020405b4"
verdict forward default - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.1 > 192.0.2.1 ttl 63 / tcp 5000 > 80 syn seq 1 opt x"02040514"
on wan
in      eth / ip4 192.0.2.1 > 203.0.113.1 / tcp 80 > 5000 syn ack seq 7 ack 2 opt x"020405b4"
verdict forward - - - -
out     eth back / ip4 192.0.2.1 > 10.0.0.5 ttl 63 / tcp 80 > 5000 syn ack seq 7 ack 2 opt x"02040514"
