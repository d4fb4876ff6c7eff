# Malformed TCP, UDP, SCTP, ICMP; over both families; a first fragment skips what needs the whole.
rules
    firewall f default accept { count as ALL }
in eth / ip4 1.1.1.1 > 2.2.2.2 proto tcp / zeros 19
verdict drop - - - short-tcp
in eth / ip6 ::1 > ::2 next tcp / zeros 19
verdict drop - - - short-tcp
in eth / ip4 1.1.1.1 > 2.2.2.2 proto tcp
verdict drop - - - short-tcp
in eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 1 > 2 syn
verdict accept default - - -
in eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 1 > 2 syn off 4
verdict drop - - - bad-tcp-offset
in eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 1 > 2 syn off 6 / payload x"010101"
verdict drop - - - bad-tcp-offset
in eth / ip6 ::1 > ::2 / tcp 1 > 2 syn off 15 / zeros 39
verdict drop - - - bad-tcp-offset
in eth / ip6 ::1 > ::2 / tcp 1 > 2 syn off 15 / zeros 40
verdict accept default - - -

in eth / ip4 1.1.1.1 > 2.2.2.2 proto udp / zeros 7
verdict drop - - - short-udp
in eth / ip6 ::1 > ::2 next udp / zeros 7
verdict drop - - - short-udp
in eth / ip4 1.1.1.1 > 2.2.2.2 / udp 1 > 2
verdict accept default - - -
in eth / ip4 1.1.1.1 > 2.2.2.2 / udp 1 > 2 len 0 / zeros 10
verdict drop - - - bad-udp-length
in eth / ip4 1.1.1.1 > 2.2.2.2 / udp 1 > 2 len 7
verdict drop - - - bad-udp-length
in eth / ip4 1.1.1.1 > 2.2.2.2 / udp 1 > 2 len 19 / zeros 10
verdict drop - - - bad-udp-length
in eth / ip4 1.1.1.1 > 2.2.2.2 / udp 1 > 2 len 18 / zeros 10
verdict accept default - - -
# A length under the IP payload is slack, ignored.
in eth / ip6 ::1 > ::2 / udp 1 > 2 len 8 / zeros 10
verdict accept default - - -
# A zero checksum is no fault of the parser's, nor is a wrong one.
in eth / ip6 ::1 > ::2 / udp 1 > 2 csum 0
verdict accept default - - -
in eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 1 > 2 syn csum 0xbad
verdict accept default - - -

in eth / ip4 1.1.1.1 > 2.2.2.2 proto sctp / zeros 11
verdict drop - - - short-sctp
in eth / ip4 1.1.1.1 > 2.2.2.2 / sctp 1 > 2
verdict accept default - - -
in eth / ip4 1.1.1.1 > 2.2.2.2 proto icmp / zeros 7
verdict drop - - - short-icmp
in eth / ip4 1.1.1.1 > 2.2.2.2 / icmp type 8
verdict accept default - - -
in eth / ip6 ::1 > ::2 next icmp6 / zeros 7
verdict drop - - - short-icmp
in eth / ip6 ::1 > ::2 / icmp6 type 128
verdict accept default - - -
# ICMP over the other family is just a number.
in eth / ip6 ::1 > ::2 next 1 / zeros 3
verdict accept default - - -

# First fragments: the whole header must be there, lengths of the whole are not asked.
in eth / ip4 1.1.1.1 > 2.2.2.2 more proto udp / zeros 0
verdict drop - - - short-udp
in eth / ip4 1.1.1.1 > 2.2.2.2 more / udp 1 > 2 len 4000 / zeros 8
verdict accept default - - -
in eth / ip4 1.1.1.1 > 2.2.2.2 more / udp 1 > 2 len 7 / zeros 8
verdict drop - - - bad-udp-length
in eth / ip6 ::1 > ::2 / frag6 0 more next tcp / zeros 16
verdict drop - - - short-tcp
in eth / ip6 ::1 > ::2 / frag6 0 more next icmp6 / zeros 0
verdict drop - - - short-icmp
in eth / ip6 ::1 > ::2 / frag6 0 more next sctp / zeros 8
verdict drop - - - short-sctp
# Never malformed: SYN with FIN, no flags, LAND, multicast sources, port 0.
in eth / ip4 1.1.1.1 > 1.1.1.1 / tcp 0 > 0 syn fin
verdict accept default - - -
in eth / ip4 224.0.0.1 > 2.2.2.2 / tcp 0 > 0
verdict accept default - - -
