# Who judges, and what the default covers: other frames, ARP, several firewalls, none.
rules
    firewall f default drop { accept tcp as TCP }
in eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 1 > 2
verdict accept TCP - - -
in eth / ip4 1.1.1.1 > 2.2.2.2 / udp 1 > 2
verdict drop default - - -
in eth / arp who-has 10.0.0.2 tell 10.0.0.1
verdict pass - - - -
in eth type 0x88cc / raw x"00"
verdict drop default - - -
in eth 02:00:00:00:00:01 > 01:80:c2:00:00:00 type 38 / raw x"424203"
verdict drop default - - -

rules
    firewall f default drop other frames pass { accept tcp as TCP
      drop vlan 5 as V5 }
in eth type 0x88cc / raw x"00"
verdict pass default - - -
in eth type 38 / raw x"424203"
verdict pass default - - -
in eth / ip4 1.1.1.1 > 2.2.2.2 / udp 1 > 2
verdict drop default - - -
# A rule whose conditions can hold judges what is not IP, too, but never ARP.
in eth / vlan 5 type 0x88cc / raw x"00"
verdict drop V5 - - -
in eth / vlan 5 / arp who-has 10.0.0.2 tell 10.0.0.1
verdict pass - - - -

rules
    firewall f default accept other frames drop { count as ALL }
in eth type 0x88cc / raw x"00"
verdict drop default - - -
matches ALL
in eth / ip6 ::1 > ::2
verdict accept default - - -
in eth / arp who-has 10.0.0.2 tell 10.0.0.1
verdict pass - - - -
matches -

rules
    firewall f default reject { accept tcp port 1 as ONE }
in eth type 0x88cc / raw x"00"
verdict reject default - - -

# No firewall: accepted, no rule; ARP passes; the malformed is dropped all the same.
rules
    set unused = 10.0.0.1
in eth / ip4 1.1.1.1 > 2.2.2.2 / udp 1 > 2
verdict accept - - - -
in eth type 0x88cc / raw x"00"
verdict accept - - - -
in eth / arp who-has 10.0.0.2 tell 10.0.0.1
verdict pass - - - -
in eth / ip4 1.1.1.1 > 2.2.2.2 len 0
verdict drop - - - bad-ip-total-length

# Unnamed rules are called by the line of their verdict.
rules
    firewall edge default drop {
      accept udp
      accept \
        tcp
    }
in ip4 1.1.1.1 > 2.2.2.2 / udp 1 > 2
verdict accept edge:2 - - -
in ip4 1.1.1.1 > 2.2.2.2 / tcp 1 > 2
verdict accept edge:3 - - -

# A bare verdict decides everything after it.
rules
    firewall edge default accept { drop as ALL
     accept tcp as NEVER }
in ip4 1.1.1.1 > 2.2.2.2 / tcp 1 > 2
verdict drop ALL - - -
matches ALL
in eth / arp who-has 10.0.0.2 tell 10.0.0.1
verdict pass - - - -
