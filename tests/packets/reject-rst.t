# reject answers TCP with a RST (RFC 9293, 3.5.2), on the link and in the tags it came from; exact bytes.
rules
    firewall f default drop {
      reject tcp port 113 as IDENT
      reject tcp port 114 with rst as RST
      reject from 2001:db8::/32 as SIX
    }
# A SYN: sequence 0, everything it took acknowledged.
in  eth / ip4 198.51.100.1 > 10.0.0.9 ttl 3 id 77 / tcp 1000 > 113 syn seq 41 win 512
verdict reject IDENT - - -
out eth back / ip4 10.0.0.9 > 198.51.100.1 ttl 64 df / tcp 113 > 1000 rst ack seq 0 ack 42 win 0
# With data and FIN
in  eth / ip4 198.51.100.1 > 10.0.0.9 / tcp 1000 > 114 syn fin seq 4294967295 / payload "abc"
verdict reject RST - - -
out eth back / ip4 10.0.0.9 > 198.51.100.1 ttl 64 df / tcp 114 > 1000 rst ack ack 4 win 0
# Padding is no data.
in  eth / ip4 198.51.100.1 > 10.0.0.9 / tcp 1000 > 114 seq 5 / pad 6
verdict reject RST - - -
out eth back / ip4 10.0.0.9 > 198.51.100.1 ttl 64 df / tcp 114 > 1000 rst ack ack 5 win 0
# A segment with ACK: its acknowledgement is our sequence, and no ACK.
in  eth / ip4 198.51.100.1 > 10.0.0.9 / tcp 1000 > 113 ack psh seq 100 ack 999 / payload "hello"
verdict reject IDENT - - -
out eth back / ip4 10.0.0.9 > 198.51.100.1 ttl 64 df / tcp 113 > 1000 rst seq 999 win 0
# Options of the packet are not repeated.
in  eth / ip4 198.51.100.1 > 10.0.0.9 opt x"01010101" / tcp 1000 > 113 syn seq 7 opt x"020405b4"
verdict reject IDENT - - -
out eth back / ip4 10.0.0.9 > 198.51.100.1 ttl 64 df / tcp 113 > 1000 rst ack ack 8 win 0
# IPv6, behind an extension header
in  eth / ip6 2001:db8::1 > 2001:db8::9 hop 9 / dst / tcp 1000 > 113 syn seq 41
verdict reject IDENT - - -
out eth back / ip6 2001:db8::9 > 2001:db8::1 hop 64 / tcp 113 > 1000 rst ack ack 42 win 0
# In one VLAN and in QinQ: the whole stack comes back.
in  eth / vlan 5 pcp 3 / ip4 198.51.100.1 > 10.0.0.9 / tcp 1000 > 113 syn seq 41
verdict reject IDENT - - -
out eth back / vlan 5 pcp 3 / ip4 10.0.0.9 > 198.51.100.1 ttl 64 df / tcp 113 > 1000 rst ack ack 42 win 0
in  eth / vlan 5 tpid 0x88a8 / vlan 6 / ip6 2001:db8::1 > 2001:db8::9 / tcp 1000 > 113 syn
verdict reject IDENT - - -
out eth back / vlan 5 tpid 0x88a8 / vlan 6 / ip6 2001:db8::9 > 2001:db8::1 / tcp 113 > 1000 rst ack ack 1 win 0
# A first fragment has the header that an answer needs.
in  eth / ip4 198.51.100.1 > 10.0.0.9 more / tcp 1000 > 113 ack seq 1 ack 2 / zeros 12
verdict reject IDENT - - -
out eth back / ip4 10.0.0.9 > 198.51.100.1 df / tcp 113 > 1000 rst seq 2 win 0
# From a raw capture the answer is raw, too.
in  ip4 198.51.100.1 > 10.0.0.9 / tcp 1000 > 113 syn
verdict reject IDENT - - -
out ip4 10.0.0.9 > 198.51.100.1 df / tcp 113 > 1000 rst ack ack 1 win 0

# Never in answer to a RST
in  eth / ip4 198.51.100.1 > 10.0.0.9 / tcp 1000 > 113 rst seq 5
verdict reject IDENT - - -
in  eth / ip4 198.51.100.1 > 10.0.0.9 / tcp 1000 > 113 rst ack seq 5 ack 6
verdict reject IDENT - - -
# Nor to or from broadcast and multicast, by address or by MAC
in  eth / ip4 198.51.100.1 > 255.255.255.255 / tcp 1000 > 113 syn
verdict reject IDENT - - -
in  eth / ip4 198.51.100.1 > 224.0.0.5 / tcp 1000 > 113 syn
verdict reject IDENT - - -
in  eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / ip4 198.51.100.1 > 10.0.0.9 / tcp 1000 > 113 syn
verdict reject IDENT - - -
in  eth 02:00:00:00:00:01 > 01:00:5e:00:00:05 / ip4 198.51.100.1 > 10.0.0.9 / tcp 1000 > 113 syn
verdict reject IDENT - - -
in  eth / ip4 224.0.0.1 > 10.0.0.9 / tcp 1000 > 113 syn
verdict reject IDENT - - -
in  eth / ip4 0.0.0.0 > 10.0.0.9 / tcp 1000 > 113 syn
verdict reject IDENT - - -
in  eth / ip4 127.0.0.1 > 10.0.0.9 / tcp 1000 > 113 syn
verdict reject IDENT - - -
in  eth / ip4 255.255.255.255 > 10.0.0.9 / tcp 1000 > 113 syn
verdict reject IDENT - - -
in  eth / ip6 :: > 2001:db8::9 / tcp 1000 > 113 syn
verdict reject IDENT - - -
in  eth / ip6 2001:db8::1 > ff02::1 / tcp 1000 > 113 syn
verdict reject IDENT - - -
# Nor to a later fragment
in  eth / ip6 2001:db8::1 > 2001:db8::9 / frag6 0 more / tcp 1000 > 200 syn / zeros 12
verdict reject SIX - - -
out eth back / ip6 2001:db8::9 > 2001:db8::1 / tcp 200 > 1000 rst ack ack 13 win 0
in  eth / ip6 2001:db8::1 > 2001:db8::9 / frag6 32 next tcp / zeros 8
verdict reject SIX - - -
