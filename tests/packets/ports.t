# port and source port: numbers, ranges open at either end, named lists, `not`, and packets without ports.
rules
    ports web = 80, 443, 8000-8080
    const admin = 22
    firewall f default accept {
      count port 80 as P80
      count port web as WEB
      count port not web as NOT_WEB
      count port 65535- as TOP
      count port -0 as ZERO
      count port admin, 53 as ADMIN_DNS
      count to port 53 as TO53
      count to 10.0.0.2 port 53 as TO_HOST53
      count source port 53 as S53
      count source port 1024- as SHIGH
      count source port not 1024- as SLOW
      count udp port 53 as UDP53
      count proto 6 port 80 as PROTO6
      count from 10.0.0.1 to port 0- as ANY_PORT
      count fragment later as LATER
    }
in eth / ip4 10.0.0.1 > 10.0.0.2 / tcp 1024 > 80 syn
matches P80 WEB SHIGH PROTO6 ANY_PORT
in eth / ip4 10.0.0.3 > 10.0.0.2 / udp 1023 > 53
matches NOT_WEB ADMIN_DNS TO53 TO_HOST53 SLOW UDP53
in eth / ip4 10.0.0.3 > 10.0.0.4 / tcp 53 > 53
matches NOT_WEB ADMIN_DNS TO53 S53 SLOW
in eth / ip6 ::1 > ::2 / sctp 53 > 8080
matches WEB S53 SLOW
in eth / ip4 10.0.0.3 > 10.0.0.4 / tcp 65535 > 8081
matches NOT_WEB SHIGH
in eth / ip4 10.0.0.3 > 10.0.0.4 / tcp 0 > 65535
matches NOT_WEB TOP SLOW
in eth / ip4 10.0.0.3 > 10.0.0.4 / tcp 1 > 0
matches NOT_WEB ZERO SLOW
in eth / ip4 10.0.0.3 > 10.0.0.4 / tcp 1 > 22
matches NOT_WEB ADMIN_DNS SLOW

# No ports there: neither the condition nor its `not`.
in eth / ip4 10.0.0.1 > 10.0.0.2 / icmp type 8 id 80
matches -
in eth / ip4 10.0.0.1 > 10.0.0.2 proto 33 / payload x"0050005000000000"
matches -
in eth / ip4 10.0.0.1 > 10.0.0.2 frag 8 proto 17 / payload x"0035003500000000"
verdict held - - - -
after 0.1
released 1 accept default - - -
matches LATER
in eth type 0x88cc / raw x"00500050"
matches -

# Many scattered ports: one map in the program
rules
    ports odd = 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31, 33, 35, 1000-1010, 65535
    firewall f default drop { accept tcp port odd as ODD
      accept udp source port not odd as NOT_ODD }
in ip4 1.1.1.1 > 2.2.2.2 / tcp 2 > 31
verdict accept ODD - - -
in ip4 1.1.1.1 > 2.2.2.2 / tcp 2 > 32
verdict drop default - - -
in ip4 1.1.1.1 > 2.2.2.2 / tcp 2 > 1010
verdict accept ODD - - -
in ip4 1.1.1.1 > 2.2.2.2 / tcp 2 > 1011
verdict drop default - - -
in ip4 1.1.1.1 > 2.2.2.2 / tcp 2 > 65535
verdict accept ODD - - -
in ip4 1.1.1.1 > 2.2.2.2 / udp 65535 > 2
verdict drop default - - -
in ip4 1.1.1.1 > 2.2.2.2 / udp 65534 > 2
verdict accept NOT_ODD - - -
