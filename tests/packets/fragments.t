# Fragments follow their first: its verdict, rule, service and server, whatever they look like themselves.
speaks  10.9.0.1, 2001:db8:9::1
rules
    pool dns { server a 10.0.0.11 }
    service names on 203.0.113.53 udp/53 { mode passthrough; -> dns }
    firewall f default drop {
      count udp port 53 as ASKED
      accept udp port 53 as DNS
      drop udp port 666 as EVIL
      reject udp port 113 as IDENT
      accept tcp port 80 as WEB
    }
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 more / udp 1 > 53 len 108 / zeros 16
verdict accept DNS - - -
count DNS 1
count ASKED 1
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 frag 24 more proto udp / zeros 16
verdict accept DNS - - -
count DNS 2
# Only the rule that decided counts it.
count ASKED 1
in eth / ip4 10.0.0.1 > 10.0.0.2 id 2 more / udp 1 > 666 len 108 / zeros 16
verdict drop EVIL - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 2 frag 24 more proto udp / zeros 16
verdict drop EVIL - - -
# A reject is answered once.
in eth / ip4 10.0.0.1 > 10.0.0.2 id 3 more / udp 1 > 113 len 108 csum 1 / zeros 16
verdict reject IDENT - - -
out eth back / ip4 10.0.0.2 > 10.0.0.1 df tos 0xc0 / icmp type destination-unreachable code 3 / ip4 10.0.0.1 > 10.0.0.2 id 3 more / udp 1 > 113 len 108 csum 1 / zeros 16
in eth / ip4 10.0.0.1 > 10.0.0.2 id 3 frag 24 more proto udp / zeros 16
verdict reject IDENT - - -
count IDENT 2
# The default's, too
in eth / ip4 10.0.0.1 > 10.0.0.2 id 4 more / udp 1 > 7 len 108 / zeros 16
verdict drop default - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 4 frag 24 more proto udp / zeros 16
verdict drop default - - -
# Of a service: the same server
in eth / ip4 10.0.0.1 > 203.0.113.53 id 5 more / udp 1 > 53 len 108 / zeros 16
verdict forward DNS names dns/a -
out     any
in eth / ip4 10.0.0.1 > 203.0.113.53 id 5 frag 24 proto udp / zeros 8
verdict forward DNS names dns/a -
out     any
# Another datagram's fragments are not these: other id, protocol, addresses, VLAN stack
in eth / ip4 10.0.0.1 > 10.0.0.2 id 9 frag 40 more proto udp / zeros 16
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 frag 40 more proto tcp / zeros 16
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.3 id 1 frag 40 more proto udp / zeros 16
verdict held - - - -
in eth / vlan 5 / ip4 10.0.0.1 > 10.0.0.2 id 1 frag 40 more proto udp / zeros 16
verdict held - - - -
in eth / vlan 5 / vlan 6 / ip4 10.0.0.1 > 10.0.0.2 id 1 frag 40 more proto udp / zeros 16
verdict held - - - -
in eth / vlan 5 tpid 0x88a8 / ip4 10.0.0.1 > 10.0.0.2 id 1 frag 40 more proto udp / zeros 16
verdict held - - - -
# Priority is not part of the stack; a tag that the kernel took off is.
in eth / vlan 7 pcp 3 / ip4 10.0.0.1 > 10.0.0.2 id 1 more / udp 1 > 53 len 108 / zeros 16
verdict accept DNS - - -
in eth / vlan 7 / ip4 10.0.0.1 > 10.0.0.2 id 1 frag 24 more proto udp / zeros 16
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 frag 40 more proto udp / zeros 16 / taken 7
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 frag 40 more proto udp / zeros 16
verdict accept DNS - - -
after 0.1
released 1 drop - - - fragment-orphan
released 2 drop - - - fragment-orphan
released 3 drop - - - fragment-orphan
released 4 drop - - - fragment-orphan
released 5 drop - - - fragment-orphan
released 6 drop - - - fragment-orphan

# An early fragment is held, and leaves with its first.
rules
    firewall f default drop { accept udp port 53 as DNS; reject udp port 113 as IDENT }
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 frag 24 proto udp / zeros 7
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 2 frag 16 proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 more / udp 1 > 53 len 31 / zeros 8
verdict accept DNS - - -
released 1 accept DNS - - -
released 2 accept DNS - - -
count DNS 3
in eth / ip4 10.0.0.1 > 10.0.0.2 id 2 more / udp 1 > 9 len 24 / zeros 8
verdict drop default - - -
released 3 drop default - - -
# Complete, the datagram is forgotten: the id may come again, and what repeats the old one is early.
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 frag 24 proto udp / zeros 7
verdict held - - - -
after 0.05
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 more / udp 1 > 9 len 31 / zeros 16
verdict drop default - - -
released 4 drop default - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 more / udp 1 > 53 len 31 / zeros 16
verdict accept DNS - - -
# A first that comes too late takes none with it.
in eth / ip4 10.0.0.1 > 10.0.0.2 id 3 frag 16 more proto udp / zeros 8
verdict held - - - -
after 0.099
in eth / ip4 10.0.0.1 > 10.0.0.9 / tcp 1 > 2
verdict drop default - - -
after 0.001
released 5 drop - - - fragment-orphan
in eth / ip4 10.0.0.1 > 10.0.0.2 id 3 more / udp 1 > 53 len 39 / zeros 8
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 3 frag 24 more proto udp / zeros 8
verdict accept DNS - - -
# No answer to a held fragment
in eth / ip4 10.0.0.1 > 10.0.0.2 id 4 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 4 more / udp 1 > 113 len 31 csum 1 / zeros 8
verdict reject IDENT - - -
out eth back / ip4 10.0.0.2 > 10.0.0.1 df tos 0xc0 / icmp type destination-unreachable code 3 / ip4 10.0.0.1 > 10.0.0.2 id 4 more / udp 1 > 113 len 31 csum 1 / zeros 8
released 6 reject IDENT - - -

# Rules that name `fragment`: before the one that decided the first, they are tried on the others; behind it, not.
rules
    chain late { count fragment later from 10.1.0.0/16 as DEEP; drop fragment later from 10.1.0.1 as DEEPER }
    firewall f default drop {
      count fragment any as ANY
      drop fragment later from 10.9.0.0/16 as BEFORE
      do late from 10.0.0.0/8 as LATE
      accept udp port 53 as DNS log
      drop fragment later from 10.8.0.0/16 as BEHIND
      accept udp port 54 as OTHER
      accept fragment later ttl 7 as LAST
    }
in eth / ip4 10.9.0.1 > 10.0.0.2 id 1 more / udp 1 > 53 len 108 / zeros 16
verdict accept DNS - - -
matches ANY LATE DNS
log DNS
in eth / ip4 10.9.0.1 > 10.0.0.2 id 1 frag 24 more proto udp / zeros 16
verdict drop BEFORE - - -
matches ANY BEFORE
in eth / ip4 10.8.0.1 > 10.0.0.2 id 1 more / udp 1 > 53 len 108 / zeros 16
verdict accept DNS - - -
log DNS
in eth / ip4 10.8.0.1 > 10.0.0.2 id 1 frag 24 more proto udp ttl 7 / zeros 16
verdict accept DNS - - -
matches ANY LATE DNS
in eth / ip4 10.8.0.1 > 10.0.0.2 id 2 more / udp 1 > 54 len 108 / zeros 16
verdict accept OTHER - - -
in eth / ip4 10.8.0.1 > 10.0.0.2 id 2 frag 24 more proto udp / zeros 16
verdict drop BEHIND - - -
in eth / ip4 10.7.0.1 > 10.0.0.2 id 2 more / udp 1 > 54 len 108 / zeros 16
verdict accept OTHER - - -
in eth / ip4 10.7.0.1 > 10.0.0.2 id 2 frag 24 more proto udp ttl 7 / zeros 16
verdict accept OTHER - - -
# Before the default stand all of them.
in eth / ip4 10.7.0.1 > 10.0.0.2 id 3 more / udp 1 > 55 len 108 / zeros 16
verdict drop default - - -
in eth / ip4 10.7.0.1 > 10.0.0.2 id 3 frag 24 more proto udp ttl 7 / zeros 16
verdict accept LAST - - -
in eth / ip4 10.7.0.1 > 10.0.0.2 id 3 frag 40 more proto udp ttl 8 / zeros 16
verdict drop default - - -
# In a chain
in eth / ip4 10.1.0.2 > 10.0.0.2 id 3 more / udp 1 > 53 len 108 / zeros 16
verdict accept DNS - - -
log DNS
in eth / ip4 10.1.0.2 > 10.0.0.2 id 3 frag 24 more proto udp / zeros 16
verdict accept DNS - - -
matches ANY LATE DEEP DNS
in eth / ip4 10.1.0.1 > 10.0.0.2 id 3 more / udp 1 > 53 len 108 / zeros 16
verdict accept DNS - - -
log DNS
in eth / ip4 10.1.0.1 > 10.0.0.2 id 3 frag 24 more proto udp / zeros 16
verdict drop DEEPER - - -
matches ANY LATE DEEP DEEPER
# Held ones, too
in eth / ip4 10.1.0.1 > 10.0.0.2 id 4 frag 24 more proto udp / zeros 16
verdict held - - - -
in eth / ip4 10.1.0.1 > 10.0.0.2 id 4 more / udp 1 > 53 len 108 / zeros 16
verdict accept DNS - - -
log DNS
released 1 drop DEEPER - - -
# Without its first the whole program judges it.
in eth / ip4 10.7.0.1 > 10.0.0.2 id 5 frag 24 more proto udp ttl 7 / zeros 16
verdict held - - - -
after 0.1
released 2 accept LAST - - -
matches ANY LATE LAST

# A chain that is called twice: the order is that of the walk.
rules
    chain web { accept tcp port 80 as WEB }
    firewall f default drop {
      do web from 10.1.0.0/16
      drop fragment later as MIDDLE
      do web
    }
in eth / ip4 10.1.0.1 > 10.0.0.2 id 1 more / tcp 1 > 80 / zeros 4
verdict accept WEB - - -
in eth / ip4 10.1.0.1 > 10.0.0.2 id 1 frag 24 more proto tcp / zeros 16
verdict accept WEB - - -
in eth / ip4 10.2.0.1 > 10.0.0.2 id 1 more / tcp 1 > 80 / zeros 4
verdict accept WEB - - -
in eth / ip4 10.2.0.1 > 10.0.0.2 id 1 frag 24 more proto tcp / zeros 16
verdict drop MIDDLE - - -

# A `do` that names `fragment` takes all of its chain along; a `return` that names it ends a chain.
rules
    chain pieces { return fragment later ttl 1 as ENOUGH; drop from 10.1.0.0/16 as PIECE }
    firewall f default accept {
      do pieces fragment later
      drop tcp port 81 as WEB
    }
in eth / ip4 10.1.0.1 > 10.0.0.2 id 1 more / tcp 1 > 80 / zeros 4
verdict accept default - - -
in eth / ip4 10.1.0.1 > 10.0.0.2 id 1 frag 24 more proto tcp / zeros 16
verdict drop PIECE - - -
in eth / ip4 10.1.0.1 > 10.0.0.2 id 1 frag 40 more proto tcp ttl 1 / zeros 16
verdict accept default - - -
matches ENOUGH

# Duplicates and overlaps
rules
    firewall f default drop { accept udp port 53 as DNS }
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 more / udp 1 > 53 len 108 / zeros 16
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 frag 40 more proto udp / zeros 16
verdict accept DNS - - -
# An exact duplicate is dropped alone, the first as well.
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 frag 40 more proto udp / zeros 16
verdict drop - - - duplicate-fragment
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 more / udp 1 > 53 len 108 / zeros 16
verdict drop - - - duplicate-fragment
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 frag 24 more proto udp / zeros 16
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 frag 24 more proto udp / zeros 16
verdict drop - - - duplicate-fragment
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 frag 56 more proto udp / zeros 16
verdict accept DNS - - -
# Any other overlap ends the datagram.
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 frag 48 more proto udp / zeros 16
verdict drop - - - overlapping-fragment
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 frag 72 more proto udp / zeros 16
verdict drop - - - overlapping-fragment
# Parts of one that has come, or more than it
in eth / ip4 10.0.0.1 > 10.0.0.2 id 2 more / udp 1 > 53 len 108 / zeros 16
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 2 frag 8 more proto udp / zeros 16
verdict drop - - - overlapping-fragment
in eth / ip4 10.0.0.1 > 10.0.0.2 id 3 more / udp 1 > 53 len 108 / zeros 16
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 3 more / udp 1 > 666 len 108 / zeros 8
verdict drop - - - overlapping-fragment
# What is held goes, too.
in eth / ip4 10.0.0.1 > 10.0.0.2 id 4 frag 40 more proto udp / zeros 16
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 4 frag 48 more proto udp / zeros 16
verdict drop - - - overlapping-fragment
released 1 drop - - - overlapping-fragment
in eth / ip4 10.0.0.1 > 10.0.0.2 id 4 more / udp 1 > 53 len 108 / zeros 16
verdict drop - - - overlapping-fragment
# IPv6 likewise (RFC 5722)
in eth / ip6 ::1 > ::2 / frag6 0 id 1 more / udp 1 > 53 len 108 / zeros 16
verdict accept DNS - - -
in eth / ip6 ::1 > ::2 / frag6 16 id 1 next 17 / zeros 16
verdict drop - - - overlapping-fragment
in eth / ip6 ::1 > ::2 / frag6 24 id 1 next 17 / zeros 16
verdict drop - - - overlapping-fragment
# Half a minute on, the id is free again.
after 30
in eth / ip6 ::1 > ::2 / frag6 0 id 1 more / udp 1 > 53 len 40 / zeros 16
verdict accept DNS - - -
in eth / ip6 ::1 > ::2 / frag6 24 id 1 next 17 / zeros 16
verdict accept DNS - - -
# Where the datagram ends: one end alone, and nothing past it
in eth / ip4 10.0.0.1 > 10.0.0.2 id 5 more / udp 1 > 53 len 48 / zeros 16
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 5 frag 64 proto udp / zeros 8
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 5 frag 72 more proto udp / zeros 8
verdict drop - - - fragment-end
in eth / ip4 10.0.0.1 > 10.0.0.2 id 5 frag 24 more proto udp / zeros 8
verdict drop - - - fragment-end
in eth / ip4 10.0.0.1 > 10.0.0.2 id 6 more / udp 1 > 53 len 48 / zeros 16
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 6 frag 64 more proto udp / zeros 8
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 6 frag 32 proto udp / zeros 9
verdict drop - - - fragment-end
in eth / ip4 10.0.0.1 > 10.0.0.2 id 7 more / udp 1 > 53 len 48 / zeros 16
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 7 frag 64 proto udp / zeros 8
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 7 frag 32 proto udp / zeros 9
verdict drop - - - fragment-end
# The same bytes with more to come where none was: no duplicate
in eth / ip4 10.0.0.1 > 10.0.0.2 id 8 more / udp 1 > 53 len 48 / zeros 16
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 8 frag 64 proto udp / zeros 8
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 8 frag 64 proto udp / zeros 8
verdict drop - - - duplicate-fragment
in eth / ip4 10.0.0.1 > 10.0.0.2 id 8 frag 64 more proto udp / zeros 8
verdict drop - - - overlapping-fragment
# Without a byte: none
in eth / ip4 10.0.0.1 > 10.0.0.2 id 9 frag 64 proto udp
verdict drop - - - bad-fragment

# A malformed first takes the rest of its datagram with it; a malformed later one goes alone.
rules
    firewall f default accept { drop tcp port 81 as WEB }
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 frag 24 more proto tcp / zeros 16
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 more proto tcp / zeros 16
verdict drop - - - short-tcp
released 1 drop - - - short-tcp
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 frag 40 more proto tcp / zeros 16
verdict drop - - - short-tcp
in eth / ip4 10.0.0.1 > 10.0.0.2 id 2 more / tcp 1 > 80 off 4 / zeros 4
verdict drop - - - bad-tcp-offset
in eth / ip4 10.0.0.1 > 10.0.0.2 id 2 frag 24 more proto tcp / zeros 16
verdict drop - - - bad-tcp-offset
in eth / ip6 ::1 > ::2 / frag6 0 id 1 more next 6 / zeros 8
verdict drop - - - short-tcp
in eth / ip6 ::1 > ::2 / frag6 16 id 1 next 6 / zeros 8
verdict drop - - - short-tcp
in eth / ip4 10.0.0.1 > 10.0.0.2 id 3 more / tcp 1 > 80 / zeros 4
verdict accept default - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 3 frag 8 more proto tcp / zeros 16
verdict drop - - - tiny-fragment
in eth / ip4 10.0.0.1 > 10.0.0.2 id 3 more proto tcp / zeros 16
verdict drop - - - short-tcp
in eth / ip4 10.0.0.1 > 10.0.0.2 id 3 frag 24 more proto tcp / zeros 12
verdict drop - - - bad-fragment
in eth / ip4 10.0.0.1 > 10.0.0.2 id 3 frag 24 proto tcp / zeros 12
verdict accept default - - -

# IPv6: the identification alone, behind other headers; the first one's next header is what counts (RFC 8200, 4.5).
rules
    firewall f default drop { accept udp port 53 as DNS }
in eth / ip6 ::1 > ::2 / hbh / dst / frag6 0 id 1 more / dst / udp 1 > 53 len 108 / zeros 8
verdict accept DNS - - -
in eth / ip6 ::1 > ::2 / hbh / frag6 24 id 1 more next 60 / zeros 16
verdict accept DNS - - -
in eth / ip6 ::1 > ::2 / frag6 40 id 1 more next 6 / zeros 16
verdict accept DNS - - -
in eth / ip6 ::1 > ::2 / frag6 56 id 65537 more next 17 / zeros 16
verdict held - - - -
# An atomic fragment is none, whatever is known of its identification.
in eth / ip6 ::1 > ::2 / frag6 0 id 1 / udp 1 > 54
verdict drop default - - -
in eth / ip6 ::1 > ::2 / frag6 0 id 65537 / udp 1 > 53
verdict accept DNS - - -
in eth / ip6 ::1 > ::2 / frag6 56 id 1 next 17 / zeros 3
verdict accept DNS - - -
after 0.1
released 1 drop - - - fragment-orphan

# More than 32 ranges
rules
    firewall f default drop { accept udp port 53 as DNS }
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 more / udp 1 > 53 len 4000 / zeros 8
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 frag 32 more proto udp / zeros 8
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 frag 48 more proto udp / zeros 8
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 frag 64 more proto udp / zeros 8
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 frag 80 more proto udp / zeros 8
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 frag 96 more proto udp / zeros 8
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 frag 112 more proto udp / zeros 8
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 frag 128 more proto udp / zeros 8
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 frag 144 more proto udp / zeros 8
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 frag 160 more proto udp / zeros 8
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 frag 176 more proto udp / zeros 8
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 frag 192 more proto udp / zeros 8
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 frag 208 more proto udp / zeros 8
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 frag 224 more proto udp / zeros 8
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 frag 240 more proto udp / zeros 8
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 frag 256 more proto udp / zeros 8
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 frag 272 more proto udp / zeros 8
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 frag 288 more proto udp / zeros 8
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 frag 304 more proto udp / zeros 8
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 frag 320 more proto udp / zeros 8
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 frag 336 more proto udp / zeros 8
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 frag 352 more proto udp / zeros 8
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 frag 368 more proto udp / zeros 8
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 frag 384 more proto udp / zeros 8
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 frag 400 more proto udp / zeros 8
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 frag 416 more proto udp / zeros 8
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 frag 432 more proto udp / zeros 8
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 frag 448 more proto udp / zeros 8
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 frag 464 more proto udp / zeros 8
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 frag 480 more proto udp / zeros 8
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 frag 496 more proto udp / zeros 8
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 frag 512 more proto udp / zeros 8
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 frag 2000 more proto udp / zeros 8
verdict drop - - - fragment-ranges
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 frag 16 more proto udp / zeros 16
verdict drop - - - fragment-ranges
# A datagram cut evenly takes two ranges, however long.
in eth / ip4 10.0.0.1 > 10.0.0.2 id 2 more / udp 1 > 53 len 4000 / zeros 8
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 2 frag 16 more proto udp / zeros 16
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 2 frag 32 more proto udp / zeros 16
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 2 frag 48 more proto udp / zeros 16
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 2 frag 64 more proto udp / zeros 16
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 2 frag 80 more proto udp / zeros 16
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 2 frag 96 more proto udp / zeros 16
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 2 frag 112 more proto udp / zeros 16
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 2 frag 128 more proto udp / zeros 16
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 2 frag 144 more proto udp / zeros 16
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 2 frag 160 more proto udp / zeros 16
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 2 frag 176 more proto udp / zeros 16
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 2 frag 192 more proto udp / zeros 16
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 2 frag 208 more proto udp / zeros 16
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 2 frag 224 more proto udp / zeros 16
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 2 frag 240 more proto udp / zeros 16
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 2 frag 256 more proto udp / zeros 16
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 2 frag 272 more proto udp / zeros 16
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 2 frag 288 more proto udp / zeros 16
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 2 frag 304 more proto udp / zeros 16
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 2 frag 320 more proto udp / zeros 16
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 2 frag 336 more proto udp / zeros 16
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 2 frag 352 more proto udp / zeros 16
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 2 frag 368 more proto udp / zeros 16
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 2 frag 384 more proto udp / zeros 16
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 2 frag 400 more proto udp / zeros 16
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 2 frag 416 more proto udp / zeros 16
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 2 frag 432 more proto udp / zeros 16
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 2 frag 448 more proto udp / zeros 16
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 2 frag 464 more proto udp / zeros 16
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 2 frag 480 more proto udp / zeros 16
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 2 frag 496 more proto udp / zeros 16
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 2 frag 512 more proto udp / zeros 16
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 2 frag 528 more proto udp / zeros 16
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 2 frag 544 more proto udp / zeros 16
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 2 frag 560 more proto udp / zeros 16
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 2 frag 576 more proto udp / zeros 16
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 2 frag 592 more proto udp / zeros 16
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 2 frag 608 more proto udp / zeros 16
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 2 frag 624 more proto udp / zeros 16
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 2 frag 640 more proto udp / zeros 16
verdict accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 2 frag 320 more proto udp / zeros 16
verdict drop - - - duplicate-fragment
in eth / ip4 10.0.0.1 > 10.0.0.2 id 2 frag 328 more proto udp / zeros 16
verdict drop - - - overlapping-fragment

# 64 wait at once; the next is an orphan at once.
rules
    firewall f default drop { accept udp port 53 as DNS }
in eth / ip4 10.0.0.1 > 10.0.0.2 id 100 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 101 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 102 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 103 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 104 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 105 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 106 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 107 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 108 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 109 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 110 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 111 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 112 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 113 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 114 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 115 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 116 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 117 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 118 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 119 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 120 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 121 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 122 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 123 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 124 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 125 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 126 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 127 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 128 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 129 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 130 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 131 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 132 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 133 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 134 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 135 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 136 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 137 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 138 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 139 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 140 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 141 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 142 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 143 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 144 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 145 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 146 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 147 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 148 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 149 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 150 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 151 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 152 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 153 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 154 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 155 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 156 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 157 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 158 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 159 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 160 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 161 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 162 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 163 frag 16 more proto udp / zeros 8
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 300 frag 16 more proto udp / zeros 8
verdict drop - - - fragment-orphan
in eth / ip4 10.0.0.1 > 10.0.0.2 id 150 more / udp 1 > 53 len 100 / zeros 8
verdict accept DNS - - -
released 51 accept DNS - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 301 frag 16 more proto udp / zeros 8
verdict held - - - -

# Programs that ask for nothing which later fragments lack judge each by itself.
rules
    firewall f default drop { accept udp as UDP }
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 frag 16 more proto udp / zeros 8
verdict accept UDP - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 frag 16 more proto udp / zeros 8
verdict accept UDP - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 id 1 frag 8 more proto udp / zeros 16
verdict accept UDP - - -

# A state is asked alone: what later fragments lack is enough to make them follow.
rules
    firewall f default drop {
      accept ip state new, established as ANY
    }
in      eth / ip4 10.0.0.1 > 10.0.0.2 id 1 more / udp 1 > 53 len 32 / zeros 16
verdict accept ANY - - -
in      eth / ip4 10.0.0.1 > 10.0.0.2 id 1 frag 24 proto udp / zeros 8
verdict accept ANY - - -

# So do numbers of flows.
rules
    firewall f default drop {
      accept ip flows over 1 per source as MANY
    }
in      eth / ip4 10.0.0.1 > 10.0.0.2 id 1 more / udp 1 > 53 len 32 / zeros 16
verdict drop default - - -
in      eth / ip4 10.0.0.1 > 10.0.0.2 id 1 frag 24 proto udp / zeros 8
verdict drop default - - -
in      eth / ip4 10.0.0.1 > 10.0.0.2 id 2 frag 24 proto udp / zeros 8
verdict held - - - -
