# Rules that copy go on to the next, and count what matched them, however the packet ends.
rules
    chain later { mirror to "eth9" tcp port 25 as MAIL }
    firewall f default drop {
      mirror to file "came.pcapng" udp as CAME
      mirror sent to socket "ids" limit 1/h udp port 53 as RARE
      do later
      drop udp port 54 as GONE
      mirror to socket "rest" snap 1B as REST
      accept udp
      reject tcp port 25 with unreachable
    }
in      eth / ip4 192.0.2.1 > 192.0.2.2 / udp 1000 > 53
verdict accept f:8 - - -
matches CAME RARE REST
in      eth / ip4 192.0.2.1 > 192.0.2.2 / udp 1000 > 53
verdict accept f:8 - - -
matches CAME RARE REST
in      eth / ip4 192.0.2.1 > 192.0.2.2 / udp 1000 > 54
verdict drop GONE - - -
matches CAME GONE
in      eth / ip4 192.0.2.1 > 192.0.2.2 / tcp 1000 > 25 syn
verdict reject f:9 - - -
matches MAIL REST
out any
in      eth / ip4 192.0.2.1 > 192.0.2.2 / tcp 1000 > 80 syn
verdict drop default - - -
matches REST
count   CAME 3
count   RARE 2
