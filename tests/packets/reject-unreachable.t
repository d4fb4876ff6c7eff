# reject answers what is not TCP with ICMP; `with unreachable` and `with prohibited` for anything; exact bytes.
rules
    firewall f default drop {
      reject udp port 1 as PORT
      reject udp port 2 with unreachable as SAID
      reject udp port 3 with prohibited as PROHIBITED
      reject tcp port 3 with prohibited as TCP_PROHIBITED
      reject tcp port 4 with unreachable as TCP_UNREACHABLE
      reject icmp as ICMP
      reject icmp6 as ICMP6
      reject proto gre as GRE
      reject fragment later as LATER
      reject ether 0x88cc as LLDP
    }
in  eth / ip4 198.51.100.1 > 10.0.0.9 ttl 3 id 77 / udp 1000 > 1 / payload "question"
verdict reject PORT - - -
out eth back / ip4 10.0.0.9 > 198.51.100.1 ttl 64 df tos 0xc0 / icmp type destination-unreachable code 3 / ip4 198.51.100.1 > 10.0.0.9 ttl 3 id 77 / udp 1000 > 1 / payload "question"
in  eth / ip4 198.51.100.1 > 10.0.0.9 / udp 1000 > 2
verdict reject SAID - - -
out eth back / ip4 10.0.0.9 > 198.51.100.1 df tos 0xc0 / icmp type destination-unreachable code 3 / ip4 198.51.100.1 > 10.0.0.9 / udp 1000 > 2
in  eth / ip4 198.51.100.1 > 10.0.0.9 / udp 1000 > 3
verdict reject PROHIBITED - - -
out eth back / ip4 10.0.0.9 > 198.51.100.1 df tos 0xc0 / icmp type destination-unreachable code 13 / ip4 198.51.100.1 > 10.0.0.9 / udp 1000 > 3
in  eth / ip4 198.51.100.1 > 10.0.0.9 / tcp 1000 > 3 syn
verdict reject TCP_PROHIBITED - - -
out eth back / ip4 10.0.0.9 > 198.51.100.1 df tos 0xc0 / icmp type destination-unreachable code 13 / ip4 198.51.100.1 > 10.0.0.9 / tcp 1000 > 3 syn
in  eth / ip4 198.51.100.1 > 10.0.0.9 / tcp 1000 > 4 syn
verdict reject TCP_UNREACHABLE - - -
out eth back / ip4 10.0.0.9 > 198.51.100.1 df tos 0xc0 / icmp type destination-unreachable code 3 / ip4 198.51.100.1 > 10.0.0.9 / tcp 1000 > 4 syn
# Options are quoted; padding is not; what was wrong stays wrong in the quote.
in  eth / ip4 198.51.100.1 > 10.0.0.9 opt x"01010101" csum 0x1234 / udp 1000 > 1 csum 0x5678 / pad 14
verdict reject PORT - - -
out eth back / ip4 10.0.0.9 > 198.51.100.1 df tos 0xc0 / icmp type destination-unreachable code 3 / ip4 198.51.100.1 > 10.0.0.9 opt x"01010101" csum 0x1234 / udp 1000 > 1 csum 0x5678
# IPv6
in  eth / ip6 2001:db8::1 > 2001:db8::9 hop 3 / udp 1000 > 1 / payload "question"
verdict reject PORT - - -
out eth back / ip6 2001:db8::9 > 2001:db8::1 hop 64 / icmp6 type destination-unreachable code 4 / ip6 2001:db8::1 > 2001:db8::9 hop 3 / udp 1000 > 1 / payload "question"
in  eth / vlan 7 / ip6 2001:db8::1 > 2001:db8::9 / dst / udp 1000 > 3
verdict reject PROHIBITED - - -
out eth back / vlan 7 / ip6 2001:db8::9 > 2001:db8::1 / icmp6 type destination-unreachable code 1 / ip6 2001:db8::1 > 2001:db8::9 / dst / udp 1000 > 3
# An echo request may be answered, and so may a protocol without ports
in  eth / ip4 198.51.100.1 > 10.0.0.9 / icmp type echo-request id 5 seq 6 / payload "ping"
verdict reject ICMP - - -
out eth back / ip4 10.0.0.9 > 198.51.100.1 df tos 0xc0 / icmp type destination-unreachable code 3 / ip4 198.51.100.1 > 10.0.0.9 / icmp type echo-request id 5 seq 6 / payload "ping"
in  eth / ip4 198.51.100.1 > 10.0.0.9 / gre / payload "tunnel"
verdict reject GRE - - -
out eth back / ip4 10.0.0.9 > 198.51.100.1 df tos 0xc0 / icmp type destination-unreachable code 3 / ip4 198.51.100.1 > 10.0.0.9 / gre / payload "tunnel"

# At most 576 bytes over v4 (RFC 1812), 1280 over v6 (RFC 4443): the quote is cut.
in  eth / ip4 198.51.100.1 > 10.0.0.9 / udp 1000 > 1 csum 1 / zeros 1400
verdict reject PORT - - -
out eth back / ip4 10.0.0.9 > 198.51.100.1 df tos 0xc0 / icmp type destination-unreachable code 3 / ip4 198.51.100.1 > 10.0.0.9 len 1428 / udp 1000 > 1 len 1408 csum 1 / zeros 520
in  eth / ip6 2001:db8::1 > 2001:db8::9 / udp 1000 > 1 csum 1 / zeros 1400
verdict reject PORT - - -
out eth back / ip6 2001:db8::9 > 2001:db8::1 / icmp6 type destination-unreachable code 4 / ip6 2001:db8::1 > 2001:db8::9 len 1408 / udp 1000 > 1 len 1408 csum 1 / zeros 1184

# Never: to ICMP errors, redirects, unknown types
in  eth / ip4 198.51.100.1 > 10.0.0.9 / icmp type destination-unreachable code 1 / ip4 10.0.0.9 > 198.51.100.1 / udp 1 > 2
verdict reject ICMP - - -
in  eth / ip4 198.51.100.1 > 10.0.0.9 / icmp type time-exceeded / ip4 10.0.0.9 > 198.51.100.1 / udp 1 > 2
verdict reject ICMP - - -
in  eth / ip4 198.51.100.1 > 10.0.0.9 / icmp type parameter-problem
verdict reject ICMP - - -
in  eth / ip4 198.51.100.1 > 10.0.0.9 / icmp type redirect
verdict reject ICMP - - -
in  eth / ip4 198.51.100.1 > 10.0.0.9 / icmp type 200
verdict reject ICMP - - -
in  eth / ip6 2001:db8::1 > 2001:db8::9 / icmp6 type packet-too-big mtu 1280
verdict reject ICMP6 - - -
in  eth / ip6 2001:db8::1 > 2001:db8::9 hop 255 / icmp6 type nd-redirect target ::1
verdict reject ICMP6 - - -
# Nor to groups, to later fragments, to what is not IP
in  eth / ip4 198.51.100.1 > 239.1.1.1 / udp 1000 > 1
verdict reject PORT - - -
in  eth / ip6 2001:db8::1 > ff05::2 / udp 1000 > 1
verdict reject PORT - - -
in  eth / ip6 ::1 > 2001:db8::9 / udp 1000 > 1
verdict reject PORT - - -
in  eth / ip4 240.0.0.1 > 10.0.0.9 / udp 1000 > 1
verdict reject PORT - - -
in  eth / ip4 198.51.100.1 > 10.0.0.9 frag 8 proto udp / zeros 8
verdict held - - - -
after 0.1
released 1 reject LATER - - -
in  eth type 0x88cc / raw x"00"
verdict reject LLDP - - -
# Nor to the malformed, which no rule judges
in  eth / ip4 198.51.100.1 > 10.0.0.9 / udp 1000 > 1 len 7
verdict drop - - - bad-udp-length

# A default may reject, too; RST for TCP, port unreachable for the rest.
rules
    firewall f default reject { accept tcp port 80 as WEB }
in  eth / ip4 198.51.100.1 > 10.0.0.9 / tcp 1000 > 81 syn
verdict reject default - - -
out eth back / ip4 10.0.0.9 > 198.51.100.1 df / tcp 81 > 1000 rst ack ack 1 win 0
in  eth / ip4 198.51.100.1 > 10.0.0.9 / udp 1000 > 81
verdict reject default - - -
out eth back / ip4 10.0.0.9 > 198.51.100.1 df tos 0xc0 / icmp type destination-unreachable code 3 / ip4 198.51.100.1 > 10.0.0.9 / udp 1000 > 81
