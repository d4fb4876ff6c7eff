# nat, source to several addresses: one for each client, the same for all that it says (RFC 4787, REQ-2).
self    203.0.113.1
route   default=wan, 10.0.0.0/8=lan, 2001:db8:1::/48=lan
speaks  203.0.113.1
rules
    interface wan = "eth0"
    set inside = 10.0.0.0/24, 2001:db8:1::/64
    nat home { source from inside out on wan to 198.51.100.8-198.51.100.11, 198.51.100.64/31, 2001:db8:f::/126 ports 2000-2001 }
    firewall f default drop { accept from inside as OUT; accept to 198.51.100.0/24 as IN }
in      eth 02:00:00:00:00:51 > 02:00:00:00:00:02 / ip4 10.0.0.1 > 192.0.2.1 / udp 2000 > 53
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 198.51.100.11 > 192.0.2.1 ttl 63 / udp 2000 > 53
in      eth / ip4 10.0.0.1 > 192.0.2.77 / udp 2000 > 99
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:4d / ip4 198.51.100.11 > 192.0.2.77 ttl 63 / udp 2000 > 99
in      eth / ip4 10.0.0.1 > 192.0.2.1 / tcp 2001 > 80 syn
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 198.51.100.11 > 192.0.2.1 ttl 63 / tcp 2001 > 80 syn
in      eth / ip4 10.0.0.1 > 192.0.2.1 / icmp type echo-request id 2001
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 198.51.100.11 > 192.0.2.1 ttl 63 / icmp type echo-request id 2001
in      eth / ip4 10.0.0.1 > 192.0.2.1 proto 47
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 198.51.100.11 > 192.0.2.1 ttl 63 proto 47
in      eth / ip4 192.0.2.1 > 198.51.100.11 / udp 53 > 2000
verdict forward - - - -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:51 / ip4 192.0.2.1 > 10.0.0.1 ttl 63 / udp 53 > 2000
in      eth / ip4 10.0.0.2 > 192.0.2.1 / udp 2000 > 53
verdict forward OUT - - -
out     any
in      eth / ip4 10.0.0.3 > 192.0.2.1 / udp 2000 > 53
verdict forward OUT - - -
out     any
in      eth / ip6 2001:db8:1::1 > 2001:db8:2::1 / udp 2000 > 53
verdict forward OUT - - -
out     any
# No port of its own address is left: none of the others is taken.
in      eth / ip4 10.0.0.1 > 192.0.2.1 / udp 9 > 53
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 198.51.100.11 > 192.0.2.1 ttl 63 / udp 2001 > 53
in      eth / ip4 10.0.0.1 > 192.0.2.1 / udp 10 > 53
verdict drop OUT - - no-source-port
# Another end outside, of whoever the rules let in
in      eth / ip4 192.0.2.9 > 198.51.100.11 / udp 4 > 2001
verdict forward IN - - -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:01 / ip4 192.0.2.9 > 10.0.0.1 ttl 63 / udp 4 > 9
