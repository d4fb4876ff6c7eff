# Frames cut by the capture: length checks use the wire; headers whole are judged, headers cut are dropped as `snapped`.
rules
    firewall f default accept {
      count tcp port 80 as WEB
      count tcp bytes payload at 0 is x"47" as G
      count length 1000- as LONG
      count tcp flags has syn as SYN
    }
in eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 1 > 80 syn / payload "GET" / zeros 1000 / cut 54
verdict accept default - - -
matches WEB LONG SYN
in eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 1 > 80 syn / payload "GET" / zeros 1000 / cut 55
matches WEB G LONG SYN
in eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 1 > 80 syn / payload "GET" / zeros 1000 / cut 53
verdict drop - - - snapped
in eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 1 > 80 syn / cut 33
verdict drop - - - snapped
in eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 1 > 80 syn / cut 14
verdict drop - - - snapped
in eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 1 > 80 syn / cut 13
verdict drop - - - snapped
in eth / vlan 5 / ip4 1.1.1.1 > 2.2.2.2 / tcp 1 > 80 syn / cut 16
verdict drop - - - snapped
# TCP options are headers.
in eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 1 > 80 syn opt x"020405b4" / payload "GET" / cut 57
verdict drop - - - snapped
in eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 1 > 80 syn opt x"020405b4" / payload "GET" / cut 58
matches WEB SYN
# IPv4 options cut, an IPv6 chain cut
in eth / ip4 1.1.1.1 > 2.2.2.2 opt x"01010101" / tcp 1 > 80 / cut 36
verdict drop - - - snapped
in eth / ip6 ::1 > ::2 / dst / tcp 1 > 80 syn / cut 60
verdict drop - - - snapped
in eth / ip6 ::1 > ::2 / udp 1 > 53 / payload "x" / cut 62
verdict accept default - - -
in eth / ip6 ::1 > ::2 / udp 1 > 53 / payload "x" / cut 61
verdict drop - - - snapped
in eth / ip4 1.1.1.1 > 2.2.2.2 / icmp type 8 / payload "x" / cut 41
verdict drop - - - snapped
in eth / ip4 1.1.1.1 > 2.2.2.2 / sctp 1 > 2 / payload "x" / cut 45
verdict drop - - - snapped
# A fault that can be seen is told, cut or not: the total length is past the wire.
in eth / ip4 1.1.1.1 > 2.2.2.2 len 9999 / tcp 1 > 80 syn / payload "GET" / cut 54
verdict drop - - - bad-ip-total-length
# A packet shorter on the wire than its headers is malformed, not snapped.
in eth / ip4 1.1.1.1 > 2.2.2.2 proto tcp / zeros 10 / cut 40
verdict drop - - - short-tcp
# What is sent on keeps the length that it had on the wire, plus or minus what was put around it.
speaks  10.9.0.1, 2001:db8:9::1
mtu     576
rules
    pool web { server a 10.0.0.11 }
    pool old { source 10.9.0.7; server a 10.0.0.11 }
    service bent on 203.0.113.20 udp/53 { mode dsr rewrite; -> web }
    service wrapped on 203.0.113.30 udp/53 { mode dsr ipip; -> old }
    service gued on 203.0.113.40 udp/53 { mode dsr gue 6080; -> old }
    firewall f default drop { accept ip, ip6 as IN; }
in      eth / vlan 5 / ip4 198.51.100.1 > 203.0.113.20 / udp 1000 > 53 csum 0 / zeros 500 / cut 50
verdict forward IN bent web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / vlan 5 / ip4 198.51.100.1 > 10.0.0.11 ttl 63 / udp 1000 > 53 csum 0 / zeros 500 / cut 50
in      eth / ip4 198.51.100.1 > 203.0.113.30 df / udp 1000 > 53 csum 0 / zeros 500 / pad 7 / cut 60
verdict forward IN wrapped old/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / ip4 10.9.0.7 > 10.0.0.11 df / ip4 198.51.100.1 > 203.0.113.30 df ttl 63 / udp 1000 > 53 csum 0 / zeros 500 / cut 80
in      eth / ip4 198.51.100.1 > 203.0.113.40 df / udp 1000 > 53 csum 0 / zeros 400 / cut 42
verdict forward IN gued old/a -
out     any
# What must leave in pieces, and is not whole, does not leave: the packet without DF, and the outer packet of a tunnel.
in      eth / ip4 198.51.100.1 > 203.0.113.20 id 9 / udp 1000 > 53 csum 0 / zeros 600 / cut 60
verdict drop IN bent web/a snapped
in      eth / ip4 198.51.100.1 > 203.0.113.30 df / udp 1000 > 53 csum 0 / zeros 529 / cut 60
verdict drop IN wrapped old/a snapped
# One byte less than all.
in      eth / ip4 198.51.100.1 > 203.0.113.20 id 9 / udp 1000 > 53 csum 0 / zeros 600 / cut 641
verdict drop IN bent web/a snapped
in      eth / ip4 198.51.100.1 > 203.0.113.20 id 9 / udp 1000 > 53 csum 0 / zeros 600 / pad 4 / cut 642
verdict forward IN bent web/a -
out     any
out     any
# With DF the sender is told, cut or not.
in      eth / ip4 198.51.100.1 > 203.0.113.20 df / udp 1000 > 53 csum 0 / zeros 600 / cut 60
verdict drop IN bent web/a too-big
out     any
