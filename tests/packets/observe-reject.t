# `-> reject` in mode observe: what a client says first is held until the branch is known, in order; both ends are reset at the numbers that they expect.
rules
    service guard on any tcp/any {
      mode observe
      when bytes payload at 0 is x"424144" -> reject
      when reply bytes payload at 0 is x"4e4f" -> reject
      else -> pass
    }
    firewall f default accept { drop tcp port 81 as T }
# One segment says all: it is refused, and the server hears nothing of it.
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3000 > 80 syn seq 100 win 1000
verdict accept default - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 3000 syn ack seq 500 ack 101 win 1000
verdict accept default - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3000 > 80 ack seq 101 ack 501 win 1000
verdict accept default - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3000 > 80 psh ack seq 101 ack 501 win 1000 / payload "BADGER"
verdict reject - - - observe-reject
out eth back / ip4 203.0.113.9 > 10.0.0.1 df / tcp 80 > 3000 rst ack seq 501 ack 107 win 0
out eth / ip4 10.0.0.1 > 203.0.113.9 df / tcp 3000 > 80 rst ack seq 101 ack 501 win 0
# It comes again, and so does the server: each is answered, and the other end is told once more.
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3000 > 80 psh ack seq 101 ack 501 win 1000 / payload "BADGER"
verdict reject - - - observe-reject
out eth back / ip4 203.0.113.9 > 10.0.0.1 df / tcp 80 > 3000 rst ack seq 501 ack 107 win 0
out eth / ip4 10.0.0.1 > 203.0.113.9 df / tcp 3000 > 80 rst ack seq 101 ack 501 win 0
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 3000 ack seq 501 ack 101 win 1000
verdict reject - - - observe-reject
out eth back / ip4 10.0.0.1 > 203.0.113.9 df / tcp 3000 > 80 rst ack seq 101 ack 501 win 0
out eth / ip4 203.0.113.9 > 10.0.0.1 df / tcp 80 > 3000 rst ack seq 501 ack 101 win 0
# Another connection of the same ports, whose word comes in two segments, the second one first.
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3000 > 80 syn seq 9000 win 1000
verdict accept default - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 3000 syn ack seq 7000 ack 9001 win 1000
verdict accept default - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3000 > 80 ack seq 9001 ack 7001 win 1000
verdict accept default - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3000 > 80 ack seq 9003 ack 7001 win 1000 / payload "DGE"
verdict held - - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 3000 ack seq 7001 ack 9001 win 1000 / payload "hi"
verdict accept default - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3000 > 80 ack seq 9006 ack 7003 win 1000
verdict accept default - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3000 > 80 ack seq 9001 ack 7003 win 1000 / payload "BA"
verdict reject - - - observe-reject
out eth back / ip4 203.0.113.9 > 10.0.0.1 df / tcp 80 > 3000 rst ack seq 7003 ack 9006 win 0
out eth / ip4 10.0.0.1 > 203.0.113.9 df / tcp 3000 > 80 rst ack seq 9001 ack 7001 win 0
released 1 reject - - - observe-reject
# One that is harmless: it goes on in the order in which it came, and what came again while it waited does not.
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3001 > 80 syn seq 100 win 1000
verdict accept default - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 3001 syn ack seq 500 ack 101 win 1000
verdict accept default - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3001 > 80 ack seq 101 ack 501 win 1000 / payload "BA"
verdict held - - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3001 > 80 ack seq 101 ack 501 win 1000 / payload "BA"
verdict drop - - - observe-wait
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3001 > 80 ack seq 104 ack 501 win 1000 / payload "K"
verdict held - - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3001 > 80 ack seq 103 ack 501 win 1000 / payload "N"
verdict held - - - -
released 2 accept default - - -
released 3 accept default - - -
released 4 accept default - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3001 > 80 ack seq 105 ack 501 win 1000 / payload "BAD"
verdict accept default - - -
# Not known in time: it goes on. What the client had sent before passes again.
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3002 > 80 syn seq 100 win 1000
verdict accept default - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 3002 syn ack seq 500 ack 101 win 1000
verdict accept default - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3002 > 80 ack seq 101 ack 501 win 1000 / payload "B"
verdict held - - - -
after 6
released 5 accept default - - -
# An end without a word decides as well; a word that is cut short is no word.
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3003 > 80 syn seq 100 win 1000
verdict accept default - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 3003 syn ack seq 500 ack 101 win 1000
verdict accept default - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3003 > 80 ack seq 101 ack 501 win 1000 / payload "BA"
verdict held - - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3003 > 80 fin ack seq 103 ack 501 win 1000
verdict held - - - -
released 6 accept default - - -
released 7 accept default - - -
# What the server says is not held: both are reset by the client's next packet.
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3004 > 80 syn seq 100 win 1000
verdict accept default - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 3004 syn ack seq 500 ack 101 win 1000
verdict accept default - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3004 > 80 ack seq 101 ack 501 win 1000 / payload "GOOD"
verdict accept default - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 3004 ack seq 501 ack 105 win 1000 / payload "NO"
verdict accept default - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3004 > 80 ack seq 105 ack 503 win 1000
verdict reject - - - observe-reject
out eth back / ip4 203.0.113.9 > 10.0.0.1 df / tcp 80 > 3004 rst ack seq 503 ack 105 win 0
out eth / ip4 10.0.0.1 > 203.0.113.9 df / tcp 3004 > 80 rst ack seq 105 ack 503 win 0
# Bytes in a SYN, and in fragments, do not pass unread; a connection whose SYN wasn't seen is left alone.
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3005 > 80 syn seq 100 win 1000 / payload "BAD"
verdict drop - - - observe-wait
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3005 > 80 syn seq 100 win 1000
verdict accept default - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 3005 syn ack seq 500 ack 101 win 1000
verdict accept default - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 id 7 more / tcp 3005 > 80 ack seq 101 ack 501 win 1000 / payload "BADBADBADBAD"
verdict drop - - - observe-wait
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3006 > 80 psh ack seq 101 ack 501 win 1000 / payload "BADGER"
verdict accept default - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3006 > 80 psh ack seq 107 ack 501 win 1000 / payload "BADGER"
verdict accept default - - -
# What the firewall drops is dropped when it leaves.
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3007 > 82 syn seq 100 win 1000
verdict accept default - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 82 > 3007 syn ack seq 500 ack 101 win 1000
verdict accept default - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3007 > 82 ack seq 101 ack 501 win 1000 / payload "B"
verdict held - - - -
# A client that resets while it is held.
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3007 > 82 rst seq 102
verdict held - - - -
released 8 accept default - - -
released 9 accept default - - -

# A service with a server: the reset to the server is translated as the client's packets are.
rules
    pool p { server s 10.0.0.3:80 }
    service x on 10.0.0.2 tcp/80 { mode passthrough keep source; -> p }
    service guard on any tcp/any { mode observe; when bytes payload at 0 is x"424144" -> reject }
    firewall f default accept { }
in eth / ip4 10.0.0.1 > 10.0.0.2 / tcp 3000 > 80 syn seq 100 win 1000
verdict forward default x p/s -
out any
in eth / ip4 10.0.0.3 > 10.0.0.1 / tcp 80 > 3000 syn ack seq 500 ack 101 win 1000
verdict forward - x p/s -
out any
in eth / ip4 10.0.0.1 > 10.0.0.2 / tcp 3000 > 80 ack seq 101 ack 501 win 1000 / payload "BA"
verdict held - - - -
in eth / ip4 10.0.0.1 > 10.0.0.2 / tcp 3000 > 80 ack seq 103 ack 501 win 1000 / payload "DDY"
verdict reject - - - observe-reject
out eth back / ip4 10.0.0.2 > 10.0.0.1 df / tcp 80 > 3000 rst ack seq 501 ack 103 win 0
out eth 02:00:00:00:00:02 > 02:00:0a:00:00:03 / ip4 10.0.0.1 > 10.0.0.3 df ttl 63 / tcp 3000 > 80 rst ack seq 101 ack 501 win 0
released 1 reject - - - observe-reject

# `-> proxy inline` cuts into connections where packets are live. Here there are no sockets: they go on as they are.
rules
    service ssh on any tcp/any { mode observe; when bytes payload at 0 is x"535348" -> proxy inline }
    firewall f default accept { }
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3000 > 22 syn seq 100 win 1000
verdict accept default - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 22 > 3000 syn ack seq 500 ack 101 win 1000
verdict accept default - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3000 > 22 ack seq 101 ack 501 win 1000 / payload "SS"
verdict held - - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3000 > 22 ack seq 103 ack 501 win 1000 / payload "H-2"
verdict held - - - -
released 1 accept default - - -
released 2 accept default - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3000 > 22 ack seq 106 ack 501 win 1000 / payload "more"
verdict accept default - - -
