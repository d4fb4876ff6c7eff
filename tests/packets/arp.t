# ARP is judged by rules that name it, in file order with all others.
rules
    macs known = 02:00:00:00:00:01
    firewall f default accept {
      drop vlan 7 as V7
      drop arp vlan 5 as ARP5
      accept arp ether from known as KNOWN
      drop arp as REST
      count as ALL
    }
in eth / arp who-has 10.0.0.2 tell 10.0.0.1
verdict accept KNOWN - - -
in eth 02:00:00:00:00:09 > ff:ff:ff:ff:ff:ff / arp who-has 10.0.0.2 tell 10.0.0.1
verdict drop REST - - -
in eth / vlan 5 / arp reply 10.0.0.2 is-at 02:00:00:00:00:01
verdict drop ARP5 - - -
# V7 does not name ARP.
in eth / vlan 7 / arp who-has 10.0.0.2 tell 10.0.0.1
verdict accept KNOWN - - -
in eth / ip4 1.1.1.1 > 2.2.2.2
verdict accept default - - -
matches ALL

rules
    firewall f default drop {
      count arp as SEEN
      drop ether 0x0806 vlan 9 as BY_NUMBER
      reject arp vlan 10 as REFUSED
      accept ip, ip6 as REST
    }
# Named, but not decided: it passes.
in eth / arp who-has 10.0.0.2 tell 10.0.0.1
verdict pass - - - -
matches SEEN
in eth / vlan 9 / arp who-has 10.0.0.2 tell 10.0.0.1
verdict drop BY_NUMBER - - -
# What can't be answered is `reject` all the same, silently.
in eth / vlan 10 / arp who-has 10.0.0.2 tell 10.0.0.1
verdict reject REFUSED - - -

# For ARP a `do` without a protocol is followed.
rules
    chain guard { drop arp ether to broadcast as BROADCAST
      accept udp as UDP }
    chain only_tcp { drop arp as UNREACHED }
    firewall f default drop {
      do guard
      do only_tcp tcp
      accept arp as LAST
    }
in eth / arp who-has 10.0.0.2 tell 10.0.0.1
verdict accept LAST - - -
in eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / arp who-has 10.0.0.2 tell 10.0.0.1
verdict drop BROADCAST - - -
in eth / ip4 1.1.1.1 > 2.2.2.2 / udp 1 > 2
verdict accept UDP - - -
