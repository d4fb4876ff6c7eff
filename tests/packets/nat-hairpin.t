# nat, hairpin (RFC 4787, REQ-9; RFC 5382, REQ-8): from inside to an outside end, translated both ways; the inside target
# sees the asker's outside address.
self    203.0.113.1, 2001:db8:ff::1
route   default=wan, 10.0.0.0/8=lan, 2001:db8:1::/48=lan
speaks  203.0.113.1, 2001:db8:ff::1
rules
    interface wan = "eth0"
    set inside = 10.0.0.0/24, 2001:db8:1::/48
    nat home {
      masquerade from inside out on wan ports 1024-65535
      forward 203.0.113.1 tcp/80 -> 10.0.0.80:8080
      forward 2001:db8:ff::1 udp/53 -> 2001:db8:1::53
    }
    firewall f default drop { accept from inside as OUT }
# UDP to a mapped end, and back
in      eth / ip4 10.0.0.5 > 192.0.2.1 / udp 5000 > 53
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.1 > 192.0.2.1 ttl 63 / udp 5000 > 53
in      eth 02:00:00:00:00:66 > 02:00:00:00:00:02 / ip4 10.0.0.6 > 203.0.113.1 / udp 6000 > 5000 / payload "hi"
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:05 / ip4 203.0.113.1 > 10.0.0.5 ttl 63 / udp 6000 > 5000 / payload "hi"
in      eth 02:00:00:00:00:55 > 02:00:00:00:00:02 / ip4 10.0.0.5 > 203.0.113.1 / udp 5000 > 6000 / payload "ho"
verdict forward - - - -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:66 / ip4 203.0.113.1 > 10.0.0.6 ttl 63 / udp 5000 > 6000 / payload "ho"
# its mapping is the one that others see
in      eth / ip4 10.0.0.6 > 192.0.2.1 / udp 6000 > 53
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.1 > 192.0.2.1 ttl 63 / udp 6000 > 53
# to itself
in      eth / ip4 10.0.0.5 > 203.0.113.1 / udp 7000 > 5000
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:05 / ip4 203.0.113.1 > 10.0.0.5 ttl 63 / udp 7000 > 5000
in      eth / ip4 10.0.0.5 > 203.0.113.1 / udp 5000 > 7000
verdict forward - - - -
out     eth back / ip4 203.0.113.1 > 10.0.0.5 ttl 63 / udp 5000 > 7000
# from its own end to its own end: nobody could tell question from answer
in      eth / ip4 10.0.0.5 > 203.0.113.1 / udp 5000 > 5000
verdict drop OUT - - no-source-port
# TCP to a forwarded end
in      eth / ip4 10.0.0.5 > 203.0.113.1 / tcp 5000 > 80 syn seq 1
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:50 / ip4 203.0.113.1 > 10.0.0.80 ttl 63 / tcp 5000 > 8080 syn seq 1
in      eth / ip4 10.0.0.80 > 203.0.113.1 / tcp 8080 > 5000 syn ack seq 7 ack 2
verdict forward - - - -
out     eth back / ip4 203.0.113.1 > 10.0.0.5 ttl 63 / tcp 80 > 5000 syn ack seq 7 ack 2
in      eth / ip4 10.0.0.5 > 203.0.113.1 / tcp 5000 > 80 ack seq 2 ack 8
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:50 / ip4 203.0.113.1 > 10.0.0.80 ttl 63 / tcp 5000 > 8080 ack seq 2 ack 8
# IPv6
in      eth / ip6 2001:db8:1::5 > 2001:db8:ff::1 / udp 5000 > 53
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:53 / ip6 2001:db8:ff::1 > 2001:db8:1::53 hop 63 / udp 5000 > 53
in      eth / ip6 2001:db8:1::53 > 2001:db8:ff::1 / udp 53 > 5000
verdict forward - - - -
out     eth back / ip6 2001:db8:ff::1 > 2001:db8:1::5 hop 63 / udp 53 > 5000
# An end that nobody has is the host's; so is an echo.
in      eth / ip4 10.0.0.5 > 203.0.113.1 / udp 5000 > 4999
verdict accept OUT - - -
in      eth / ip4 10.0.0.5 > 203.0.113.1 / icmp type echo-request id 5000
verdict accept OUT - - -
