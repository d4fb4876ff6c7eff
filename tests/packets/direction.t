# in, out, forward: by the machine's own addresses; multicast and broadcast count as `in`.
self 10.0.0.9, 2001:db8::9
rules
    firewall inwards in default drop { accept tcp port 22 as SSH }
    firewall outwards out default drop { accept udp port 53 as DNS }
    firewall across forward default reject { accept tcp as TRANSIT }
in eth / ip4 10.0.0.1 > 10.0.0.9 / tcp 1 > 22 syn
verdict accept SSH - - -
in eth / ip4 10.0.0.1 > 10.0.0.9 / udp 1 > 53
verdict drop default - - -
in eth / ip4 10.0.0.9 > 10.0.0.1 / udp 1 > 53
verdict accept DNS - - -
in eth / ip4 10.0.0.9 > 10.0.0.1 / tcp 1 > 22 syn
verdict drop default - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 / tcp 1 > 2 syn
verdict accept TRANSIT - - -
in eth / ip4 10.0.0.1 > 224.0.0.1 / tcp 1 > 22 syn
verdict accept SSH - - -
in eth / ip4 10.0.0.1 > 255.255.255.255 / tcp 1 > 22 syn
verdict accept SSH - - -
in eth / ip6 2001:db8::1 > ff02::1 / tcp 1 > 22 syn
verdict accept SSH - - -
in eth / ip6 2001:db8::1 > 2001:db8::9 / tcp 1 > 22 syn
verdict accept SSH - - -
in eth / ip6 2001:db8::9 > 2001:db8::1 / udp 1 > 53
verdict accept DNS - - -
in eth / ip6 2001:db8::1 > 2001:db8::2 / tcp 1 > 2
verdict accept TRANSIT - - -
# From the machine to itself: sent by the host.
in eth / ip4 10.0.0.9 > 10.0.0.9 / udp 1 > 53
verdict accept DNS - - -

# A frame of the host that no `out` firewall judges is accepted without a rule; each direction has its own judge.
rules
    firewall inwards in default drop { accept tcp as TCP }
in eth / ip4 10.0.0.9 > 10.0.0.1 / udp 1 > 53
verdict accept - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 / udp 1 > 53
verdict accept - - - -
in eth / ip4 10.0.0.1 > 10.0.0.9 / udp 1 > 53
verdict drop default - - -

# Without a direction a firewall judges every frame that arrives, not what the host sends.
rules
    firewall all default drop { accept tcp as TCP }
in eth / ip4 10.0.0.1 > 10.0.0.9 / tcp 1 > 2
verdict accept TCP - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 / udp 1 > 2
verdict drop default - - -
in eth / ip4 10.0.0.9 > 10.0.0.2 / udp 1 > 2
verdict accept - - - -

# Without own addresses everything comes in.
self -
rules
    firewall inwards in default drop { accept tcp as TCP }
    firewall across forward default accept { drop tcp as NEVER }
in eth / ip4 10.0.0.1 > 10.0.0.2 / udp 1 > 2
verdict drop default - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 / tcp 1 > 2
verdict accept TCP - - -

# ARP goes the way that its addresses say: from whom it comes, whom it asks for; and what is broadcast comes in.
self 10.0.0.9
rules
    firewall inwards in default accept { drop arp as IN }
    firewall outwards out default accept { drop arp as OUT }
    firewall across forward default accept { drop arp as ACROSS }
in eth / arp who-has 10.0.0.9 tell 10.0.0.1
verdict drop IN - - -
in eth / arp who-has 10.0.0.1 tell 10.0.0.9
verdict drop OUT - - -
in eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / arp who-has 10.0.0.1 tell 10.0.0.9
verdict drop OUT - - -
in eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / arp who-has 10.0.0.2 tell 10.0.0.1
verdict drop IN - - -
in eth / arp who-has 10.0.0.2 tell 10.0.0.1
verdict drop ACROSS - - -
in eth / arp reply 10.0.0.9 is-at 02:00:00:00:00:01
verdict drop OUT - - -
in eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / arp who-has 10.0.0.2 tell 10.0.0.1 / cut 41
verdict drop - - - snapped
