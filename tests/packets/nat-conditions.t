# nat, conditions of a statement: destinations that stay untranslated, protocols and ports, `not`, several port ranges.
self    203.0.113.1
speaks  203.0.113.1
route   default=wan
rules
    interface wan = "eth0"
    set lan = 192.168.0.0/16
    set vpn = 10.8.0.0/16
    nat home {
      source from lan to not vpn udp port 500 out on wan -> 203.0.113.2 ports 500
      source from lan to not vpn out on wan -> 203.0.113.2 ports 4096-4111, 8192-8192
      masquerade from 172.17.0.0/16 to 192.0.2.0/24 not tcp out on wan ports 1024-65535
    }
    firewall f default drop { accept from lan, 172.17.0.0/16 as OUT; accept to 203.0.113.2 as IN }
# IKE keeps its port; what goes to the VPN is left alone, whatever it is.
in      eth 02:00:00:00:00:51 > 02:00:00:00:00:02 / ip4 192.168.0.7 > 192.0.2.1 / udp 500 > 500
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.2 > 192.0.2.1 ttl 63 / udp 500 > 500
in      eth / ip4 192.168.0.7 > 10.8.0.9 / udp 500 > 500
verdict accept OUT - - -
in      eth / ip4 192.168.0.7 > 10.8.0.9 / tcp 5000 > 80 syn
verdict accept OUT - - -
# Another port of UDP goes by the second statement: a port of either range, and no other once these are out.
in      eth / ip4 192.168.0.7 > 192.0.2.1 / udp 8192 > 501
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.2 > 192.0.2.1 ttl 63 / udp 8192 > 501
in      eth / ip4 192.168.0.7 > 192.0.2.1 / udp 4111 > 501
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.2 > 192.0.2.1 ttl 63 / udp 4111 > 501
# Identifiers of queries are drawn from the same ranges.
in      eth / ip4 192.168.0.7 > 192.0.2.1 / icmp type echo-request id 8192
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.2 > 192.0.2.1 ttl 63 / icmp type echo-request id 8192
in      eth / ip4 192.0.2.1 > 203.0.113.2 / icmp type echo-reply id 8192
verdict forward - - - -
out     eth back / ip4 192.0.2.1 > 192.168.0.7 ttl 63 / icmp type echo-reply id 8192
# `to` and `not tcp`
in      eth / ip4 172.17.0.2 > 192.0.2.1 / udp 5353 > 53
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.1 > 192.0.2.1 ttl 63 / udp 5353 > 53
in      eth / ip4 172.17.0.2 > 192.0.2.1 / tcp 5353 > 53 syn
verdict accept OUT - - -
in      eth / ip4 172.17.0.2 > 192.0.3.1 / udp 5353 > 53
verdict accept OUT - - -

# nat, forward any: what asks for a port anywhere is led to one host; who asked hears whom it asked.
self    203.0.113.1
speaks  203.0.113.1
rules
    interface wan = "eth0"
    interface lan = "eth1"
    nat lan { forward any on not wan from not 10.0.0.99 udp/53 -> 10.0.0.53 }
    firewall f default drop { accept udp as ALL }
on lan
in      eth 02:00:00:00:00:51 > 02:00:00:00:00:02 / ip4 10.0.0.7 > 192.0.2.1 / udp 5000 > 53
verdict forward ALL - - -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:35 / ip4 10.0.0.7 > 10.0.0.53 ttl 63 / udp 5000 > 53
in      eth / ip4 10.0.0.53 > 10.0.0.7 / udp 53 > 5000
verdict forward - - - -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:51 / ip4 192.0.2.1 > 10.0.0.7 ttl 63 / udp 53 > 5000
# this machine's own address, too
in      eth / ip4 10.0.0.7 > 203.0.113.1 / udp 5001 > 53
verdict forward ALL - - -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:35 / ip4 10.0.0.7 > 10.0.0.53 ttl 63 / udp 5001 > 53
# What goes to the resolver, what it asks itself, what `from not` leaves out, another port, and what comes by wan stay.
in      eth / ip4 10.0.0.7 > 10.0.0.53 / udp 5002 > 53
verdict accept ALL - - -
in      eth / ip4 10.0.0.53 > 192.0.2.1 / udp 5003 > 53
verdict accept ALL - - -
in      eth / ip4 10.0.0.99 > 192.0.2.1 / udp 5004 > 53
verdict accept ALL - - -
in      eth / ip4 10.0.0.7 > 192.0.2.1 / udp 5005 > 54
verdict accept ALL - - -
on wan
in      eth / ip4 10.0.0.7 > 192.0.2.1 / udp 5006 > 53
verdict accept ALL - - -
