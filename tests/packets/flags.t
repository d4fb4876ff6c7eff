# TCP flags: all of `has`, none of `lacks`; false where there are none.
rules
    firewall f default accept {
      count tcp flags has syn as SYN
      count tcp flags has syn lacks ack as OPEN
      count tcp flags has syn, ack as SYN_ACK
      count tcp flags lacks syn, rst as PLAIN
      count tcp flags has fin, psh, urg lacks syn, rst, ack as XMAS
      count tcp flags lacks fin, syn, rst, psh, ack, urg, ece, cwr as NULL_SCAN
      count tcp flags has ece, cwr as ECN
      count flags has rst as RST
      count fragment later as LATER
    }
in eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 1 > 2 syn
matches SYN OPEN
in eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 1 > 2 syn ack
matches SYN SYN_ACK
in eth / ip6 ::1 > ::2 / tcp 1 > 2 ack psh
matches PLAIN
in eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 1 > 2 fin psh urg
matches PLAIN XMAS
in eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 1 > 2
matches PLAIN NULL_SCAN
in eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 1 > 2 syn ece cwr
matches SYN OPEN ECN
in eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 1 > 2 rst
matches RST
# SYN and FIN together, or no flag at all, are not malformed: rules decide.
in eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 1 > 2 syn fin
matches SYN OPEN
in eth / ip4 1.1.1.1 > 2.2.2.2 / udp 1 > 2
matches -
in eth / ip4 1.1.1.1 > 2.2.2.2 frag 16 proto tcp / zeros 20
verdict held - - - -
after 0.1
released 1 accept default - - -
matches LATER
