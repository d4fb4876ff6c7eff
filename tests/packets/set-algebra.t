# Sets from sets. A chain of one operator groups to the left, and all of its members count.
rules
    set lan     = 10.0.0.0/8, 2001:db8::/32
    set holes   = lan except 10.1.0.0/16 except 10.2.0.0/16 except 2001:db8:1::/48
    set middle  = lan and 10.0.0.0-10.2.255.255 and 10.1.0.0-10.255.255.255
    set grouped = (lan except 10.1.0.0/16) and (10.1.0.0/16, 10.2.0.0/16, 2001:db8:1::/48)
    set back    = lan except (10.1.0.0/16 except 10.1.1.0/24 except 10.1.2.0/24)
    firewall f default accept {
      count from holes as HOLES
      count from middle as MIDDLE
      count from grouped as GROUPED
      count from back as BACK
    }
in eth / ip4 10.0.0.1 > 192.0.2.1
matches HOLES BACK
in eth / ip4 10.1.0.1 > 192.0.2.1
matches MIDDLE
in eth / ip4 10.1.1.1 > 192.0.2.1
matches MIDDLE BACK
in eth / ip4 10.1.2.1 > 192.0.2.1
matches MIDDLE BACK
in eth / ip4 10.2.0.1 > 192.0.2.1
matches MIDDLE GROUPED BACK
in eth / ip4 10.3.0.1 > 192.0.2.1
matches HOLES BACK
in eth / ip6 2001:db8::1 > 2001:db8::2
matches HOLES BACK
in eth / ip6 2001:db8:1::1 > 2001:db8::2
matches GROUPED BACK
