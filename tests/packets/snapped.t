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
