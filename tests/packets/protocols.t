# Families and protocols: which rules a packet meets. `matches` names all of them.
rules
    firewall f default accept {
      count ip as IP4
      count ip6 as IP6
      count ip, ip6 as BOTH
      count tcp as TCP
      count udp as UDP
      count sctp as SCTP
      count icmp as ICMP
      count icmp6 as ICMP6
      count tcp, udp as TCP_UDP
      count ip tcp as IP4_TCP
      count proto 6 as P6
      count proto 1 as P1
      count proto 58 as P58
      count proto gre, esp as GRE_ESP
      count proto not tcp, udp as NOT_TCP_UDP
      count proto 100-200 as P100
      count proto 253- as P253
      count arp as ARP
      count ether 0x88cc as LLDP
      count ether 0x0800 as E0800
      count ether 0x86dd, 0x0806 as E6_OR_ARP
      count ether not 0x0800 as NOT_E0800
      count as ALL
    }

in eth / ip4 10.0.0.1 > 10.0.0.2 / tcp 1 > 2 syn
verdict accept default - - -
matches IP4 BOTH TCP TCP_UDP IP4_TCP P6 E0800 ALL

in eth / ip6 2001:db8::1 > 2001:db8::2 / tcp 1 > 2 syn
matches IP6 BOTH TCP TCP_UDP P6 E6_OR_ARP NOT_E0800 ALL

in eth / ip4 10.0.0.1 > 10.0.0.2 / udp 1 > 2
matches IP4 BOTH UDP TCP_UDP E0800 ALL

in eth / ip4 10.0.0.1 > 10.0.0.2 / sctp 1 > 2
matches IP4 BOTH SCTP NOT_TCP_UDP P100 E0800 ALL

in eth / ip4 10.0.0.1 > 10.0.0.2 / icmp type echo-request
matches IP4 BOTH ICMP P1 NOT_TCP_UDP E0800 ALL

in eth / ip6 2001:db8::1 > 2001:db8::2 / icmp6 type echo-request
matches IP6 BOTH ICMP6 P58 NOT_TCP_UDP E6_OR_ARP NOT_E0800 ALL

# Protocol 1 over IPv6 is no `icmp`, 58 over IPv4 no `icmp6`; both match their number.
in eth / ip6 2001:db8::1 > 2001:db8::2 next 1 / payload x"0800000000000000"
matches IP6 BOTH P1 NOT_TCP_UDP E6_OR_ARP NOT_E0800 ALL
in eth / ip4 10.0.0.1 > 10.0.0.2 proto 58 / payload x"8000000000000000"
matches IP4 BOTH P58 NOT_TCP_UDP E0800 ALL

in eth / ip4 10.0.0.1 > 10.0.0.2 / gre / payload x"00"
matches IP4 BOTH GRE_ESP NOT_TCP_UDP E0800 ALL
in eth / ip4 10.0.0.1 > 10.0.0.2 / esp
matches IP4 BOTH GRE_ESP NOT_TCP_UDP E0800 ALL
in eth / ip4 10.0.0.1 > 10.0.0.2 proto 100
matches IP4 BOTH NOT_TCP_UDP P100 E0800 ALL
in eth / ip4 10.0.0.1 > 10.0.0.2 proto 99
matches IP4 BOTH NOT_TCP_UDP E0800 ALL
in eth / ip4 10.0.0.1 > 10.0.0.2 proto 255
matches IP4 BOTH NOT_TCP_UDP P253 E0800 ALL

# In IPv4 an authentication header is protocol 51 and not walked.
in eth / ip4 10.0.0.1 > 10.0.0.2 / ah / udp 1 > 2
matches IP4 BOTH NOT_TCP_UDP E0800 ALL

# ARP is judged only by rules that name it, by word or by number.
in eth / arp who-has 10.0.0.2 tell 10.0.0.1
verdict pass - - - -
matches ARP E6_OR_ARP

# What is not IP has no protocol, so `proto not` is false; the type after all tags counts.
in eth type 0x88cc / raw x"0001020304"
matches LLDP NOT_E0800 ALL
in eth / vlan 5 / vlan 6 type 0x88cc / raw x"0001020304"
matches LLDP NOT_E0800 ALL
# An LLC frame has a length there, not a type.
in eth type 5 / raw x"4242030000"
matches ALL

# A protocol named beside a family
rules
    firewall f default drop {
      accept ip6 udp as V6
      accept ip proto udp as V4
    }
in eth / ip6 ::1 > ::2 / udp 1 > 2
verdict accept V6 - - -
in eth / ip4 1.1.1.1 > 2.2.2.2 / udp 1 > 2
verdict accept V4 - - -
in eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 1 > 2
verdict drop default - - -

# Negated words
rules
    firewall f default accept {
      count not ip6 as NOT6
      count not tcp, udp as OTHERS
      count not icmp as NOT_ICMP
    }
in eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 1 > 2
matches NOT6 NOT_ICMP
in eth / ip6 ::1 > ::2 / udp 1 > 2
matches NOT_ICMP
in eth / ip4 1.1.1.1 > 2.2.2.2 / icmp type 8
matches NOT6 OTHERS

# Words of protocols whose headers are not read, in lists with others and after `not`.
rules
    firewall f default accept {
      count esp, gre, udp as TUNNELS
      count not esp, tcp, udp as NOT_ESP_TCP_UDP
      count igmp as IGMP
      count not igmp as NOT_IGMP
      count not proto 47 as NOT_GRE
      count icmp from 10.0.0.0/8 type echo-request ttl 64 as PING
      count type 3 to 10.0.0.2 code 1 icmp as UNREACHABLE
    }

in eth / ip4 10.0.0.1 > 10.0.0.2 / udp 1 > 2
matches TUNNELS NOT_IGMP NOT_GRE
in eth / ip4 10.0.0.1 > 10.0.0.2 / esp
matches TUNNELS NOT_IGMP NOT_GRE
in eth / ip6 2001:db8::1 > 2001:db8::2 next 50 / payload x"0000000000000000"
matches TUNNELS NOT_IGMP NOT_GRE
in eth / ip4 10.0.0.1 > 10.0.0.2 / gre / payload x"00"
matches TUNNELS NOT_ESP_TCP_UDP NOT_IGMP
in eth / ip4 10.0.0.1 > 224.0.0.1 proto 2
matches NOT_ESP_TCP_UDP IGMP NOT_GRE
# Over IPv6 protocol 2 is no `igmp`.
in eth / ip6 2001:db8::1 > 2001:db8::2 next 2 / payload x"0000000000000000"
matches NOT_ESP_TCP_UDP NOT_IGMP NOT_GRE
in eth / ip4 10.0.0.1 > 10.0.0.2 / icmp type echo-request
matches NOT_ESP_TCP_UDP NOT_IGMP NOT_GRE PING
in eth / ip4 10.0.0.1 > 10.0.0.2 / icmp type 3 code 1 / payload x"00000000"
matches NOT_ESP_TCP_UDP NOT_IGMP NOT_GRE UNREACHABLE
in eth type 0x88cc / raw x"0001020304"
matches -

# AH over IPv4 is what the packet carries; over IPv6 it stands before that. By its word or its number.
rules
    firewall f default accept {
      count ah as AH
      count proto 51 as NUMBER
      count not ah as NOT_AH
      count proto 40-60 as RANGE
      count esp, ah as AH_ESP
      count not ah, udp as NOT_AH_UDP
      count ah, tcp as AH_TCP
      count ah proto tcp as AH_WITH_TCP
      count ah port 53 as AH_PORT
      count ip6 ah, gre as AH6_GRE
      count tcp as TCP
      count not tcp as NOT_TCP
    }

in eth / ip4 10.0.0.1 > 10.0.0.2 / ah / udp 1 > 53
matches AH NUMBER RANGE AH_ESP AH_TCP NOT_TCP
in eth / ip6 2001:db8::1 > 2001:db8::2 / ah / udp 1 > 53
matches AH NUMBER RANGE AH_ESP AH_TCP AH_PORT AH6_GRE NOT_TCP
in eth / ip6 2001:db8::1 > 2001:db8::2 / hbh / ah / dst / tcp 1 > 2 syn
matches AH NUMBER RANGE AH_ESP AH_TCP AH_WITH_TCP AH6_GRE TCP
in eth / ip6 2001:db8::1 > 2001:db8::2 / hbh / dst / tcp 1 > 2 syn
matches NOT_AH NOT_AH_UDP AH_TCP TCP
in eth / ip6 2001:db8::1 > 2001:db8::2 / ah / esp
matches AH NUMBER RANGE AH_ESP AH_TCP AH6_GRE NOT_TCP
in eth / ip6 2001:db8::1 > 2001:db8::2 / udp 1 > 53
matches NOT_AH NOT_TCP
in eth / ip6 2001:db8::1 > 2001:db8::2 / gre
matches NOT_AH RANGE NOT_AH_UDP AH6_GRE NOT_TCP

# Fragments that follow nothing: a later one says by its own header whether AH follows, or has it before, and where AH hides its protocol it is none.
rules
    firewall f default accept {
      count ah as AH
      count not ah as NOT_AH
      count ah, gre as AH_GRE
      count ah, tcp as AH_TCP
      count udp as UDP
      count not tcp as NOT_TCP
    }

in eth / ip6 2001:db8::1 > 2001:db8::2 / frag6 0 more / ah / udp 1 > 2 len 99 / zeros 8
matches AH AH_GRE AH_TCP UDP NOT_TCP
in eth / ip6 2001:db8::1 > 2001:db8::2 / frag6 1480 next 51 / zeros 8
matches AH AH_GRE AH_TCP
in eth / ip6 2001:db8::1 > 2001:db8::2 / ah / frag6 1480 next 17 / zeros 8
matches AH AH_GRE AH_TCP UDP NOT_TCP
in eth / ip6 2001:db8::1 > 2001:db8::2 / frag6 1480 next 60 / zeros 8
matches -
in eth / ip4 10.0.0.1 > 10.0.0.2 frag 1480 proto 51 / zeros 8
matches AH AH_GRE AH_TCP NOT_TCP

# Whether a packet carries AH is not its flow's: what is remembered of one holds for no other.
rules
    firewall f default accept {
      drop ah as AH
      accept state established as EST
      accept udp as NEW
    }

in eth / ip6 2001:db8::1 > 2001:db8::2 / udp 1 > 53
verdict accept NEW - - -
in eth / ip6 2001:db8::2 > 2001:db8::1 / udp 53 > 1
verdict accept EST - - -
in eth / ip6 2001:db8::2 > 2001:db8::1 / udp 53 > 1
verdict accept EST - - -
in eth / ip6 2001:db8::2 > 2001:db8::1 / ah / udp 53 > 1
verdict drop AH - - -
in eth / ip6 2001:db8::2 > 2001:db8::1 / udp 53 > 1
verdict accept EST - - -
