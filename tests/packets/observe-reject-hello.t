# `-> reject` in mode observe by the name in a ClientHello that comes in segments of six bytes: of a bad name the server gets none of
# them, of a good one all, in their order.
rules
    names bad = "bad.example"
    service guard on any tcp/443 {
      mode observe
      when sni bad -> reject
      else -> pass
    }
    firewall f default accept { drop tcp port 81 as T }
# A bad name.
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3000 > 443 syn seq 100 win 64000
verdict accept default - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 443 > 3000 syn ack seq 500 ack 101 win 64000
verdict accept default - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3000 > 443 ack seq 101 ack 501 win 64000 / payload x"160301004301"
verdict held - - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3000 > 443 ack seq 107 ack 501 win 64000 / payload x"00003f030300"
verdict held - - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3000 > 443 ack seq 113 ack 501 win 64000 / payload x"010203040506"
verdict held - - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3000 > 443 ack seq 119 ack 501 win 64000 / payload x"0708090a0b0c"
verdict held - - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3000 > 443 ack seq 125 ack 501 win 64000 / payload x"0d0e0f101112"
verdict held - - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3000 > 443 ack seq 131 ack 501 win 64000 / payload x"131415161718"
verdict held - - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3000 > 443 ack seq 137 ack 501 win 64000 / payload x"191a1b1c1d1e"
verdict held - - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3000 > 443 ack seq 143 ack 501 win 64000 / payload x"1f0000021301"
verdict held - - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3000 > 443 ack seq 149 ack 501 win 64000 / payload x"010000140000"
verdict held - - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3000 > 443 ack seq 155 ack 501 win 64000 / payload x"0010000e0000"
verdict held - - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3000 > 443 ack seq 161 ack 501 win 64000 / payload x"0b6261642e65"
verdict held - - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3000 > 443 ack seq 167 ack 501 win 64000 / payload x"78616d706c65"
verdict reject - - - observe-reject
out eth back / ip4 203.0.113.9 > 10.0.0.1 df / tcp 443 > 3000 rst ack seq 501 ack 107 win 0
out eth / ip4 10.0.0.1 > 203.0.113.9 df / tcp 3000 > 443 rst ack seq 101 ack 501 win 0
released 1 reject - - - observe-reject
released 2 reject - - - observe-reject
released 3 reject - - - observe-reject
released 4 reject - - - observe-reject
released 5 reject - - - observe-reject
released 6 reject - - - observe-reject
released 7 reject - - - observe-reject
released 8 reject - - - observe-reject
released 9 reject - - - observe-reject
released 10 reject - - - observe-reject
released 11 reject - - - observe-reject
# A good one.
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3001 > 443 syn seq 100 win 64000
verdict accept default - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 443 > 3001 syn ack seq 500 ack 101 win 64000
verdict accept default - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3001 > 443 ack seq 101 ack 501 win 64000 / payload x"160301004401"
verdict held - - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3001 > 443 ack seq 107 ack 501 win 64000 / payload x"000040030300"
verdict held - - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3001 > 443 ack seq 113 ack 501 win 64000 / payload x"010203040506"
verdict held - - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3001 > 443 ack seq 119 ack 501 win 64000 / payload x"0708090a0b0c"
verdict held - - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3001 > 443 ack seq 125 ack 501 win 64000 / payload x"0d0e0f101112"
verdict held - - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3001 > 443 ack seq 131 ack 501 win 64000 / payload x"131415161718"
verdict held - - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3001 > 443 ack seq 137 ack 501 win 64000 / payload x"191a1b1c1d1e"
verdict held - - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3001 > 443 ack seq 143 ack 501 win 64000 / payload x"1f0000021301"
verdict held - - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3001 > 443 ack seq 149 ack 501 win 64000 / payload x"010000150000"
verdict held - - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3001 > 443 ack seq 155 ack 501 win 64000 / payload x"0011000f0000"
verdict held - - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3001 > 443 ack seq 161 ack 501 win 64000 / payload x"0c66696e652e"
verdict held - - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3001 > 443 ack seq 167 ack 501 win 64000 / payload x"6578616d706c"
verdict held - - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3001 > 443 ack seq 173 ack 501 win 64000 / payload x"65"
verdict held - - - -
released 12 accept default - - -
released 13 accept default - - -
released 14 accept default - - -
released 15 accept default - - -
released 16 accept default - - -
released 17 accept default - - -
released 18 accept default - - -
released 19 accept default - - -
released 20 accept default - - -
released 21 accept default - - -
released 22 accept default - - -
released 23 accept default - - -
released 24 accept default - - -
