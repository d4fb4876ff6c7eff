# SCTP: verification tags, beginnings and ends of associations (RFC 9260).
rules
    timeouts { pickup 0s }
    firewall f default drop {
      accept state new as NEW
      accept state established as EST
      drop state invalid as INV
    }
# The handshake; before its cookie came no data has a tag.
in      eth / ip4 10.0.0.1 > 10.0.0.2 / sctp 9 > 10 tag 0 / payload x"010000140000000b0000ffff0001000100000001"
verdict accept NEW - - -
in      eth / ip4 10.0.0.2 > 10.0.0.1 / sctp 10 > 9 tag 12 / payload x"02000014000000160000ffff0001000100000001"
verdict drop INV - - -
in      eth / ip4 10.0.0.2 > 10.0.0.1 / sctp 10 > 9 tag 11 / payload x"02000014000000160000ffff0001000100000001"
verdict accept EST - - -
in      eth / ip4 10.0.0.1 > 10.0.0.2 / sctp 9 > 10 tag 22 / payload x"03000010000000010000100000000000"
verdict drop INV - - -
in      eth / ip4 10.0.0.1 > 10.0.0.2 / sctp 9 > 10 tag 23 / payload x"0a00000861626364"
verdict drop INV - - -
in      eth / ip4 10.0.0.1 > 10.0.0.2 / sctp 9 > 10 tag 22 / payload x"0a00000861626364"
verdict accept EST - - -
in      eth / ip4 10.0.0.2 > 10.0.0.1 / sctp 10 > 9 tag 11 / payload x"0b000004"
verdict accept EST - - -
# Data with its tag, and with others
in      eth / ip4 10.0.0.1 > 10.0.0.2 / sctp 9 > 10 tag 22 / payload x"0003001400000001000000000000000061626364"
verdict accept EST - - -
in      eth / ip4 10.0.0.2 > 10.0.0.1 / sctp 10 > 9 tag 22 / payload x"03000010000000010000100000000000"
verdict drop INV - - -
in      eth / ip4 10.0.0.2 > 10.0.0.1 / sctp 10 > 9 tag 99 / payload x"06000004"
verdict drop INV - - -
in      eth / ip4 10.0.0.2 > 10.0.0.1 / sctp 10 > 9 tag 0 / payload x"06000004"
verdict drop INV - - -
# An INIT in the server's name, which anybody can send: its tag holds for no data, and an ABORT with it ends nothing.
in      eth / ip4 10.0.0.2 > 10.0.0.1 / sctp 10 > 9 tag 5 / payload x"01000014000000370000ffff0001000100000001"
verdict drop INV - - -
in      eth / ip4 10.0.0.2 > 10.0.0.1 / sctp 10 > 9 tag 0 / payload x"01000014000000370000ffff0001000100000001"
verdict accept EST - - -
in      eth / ip4 10.0.0.1 > 10.0.0.2 / sctp 9 > 10 tag 55 / payload x"03000010000000010000100000000000"
verdict drop INV - - -
in      eth / ip4 10.0.0.1 > 10.0.0.2 / sctp 9 > 10 tag 55 / payload x"06000004"
verdict accept EST - - -
in      eth / ip4 10.0.0.1 > 10.0.0.2 / sctp 9 > 10 tag 22 / payload x"03000010000000010000100000000000"
verdict accept EST - - -
# A client that began anew: the old tags hold until its cookie comes.
in      eth / ip4 10.0.0.1 > 10.0.0.2 / sctp 9 > 10 tag 0 / payload x"01000014000000210000ffff0001000100000001"
verdict accept EST - - -
in      eth / ip4 10.0.0.2 > 10.0.0.1 / sctp 10 > 9 tag 33 / payload x"020000140000002c0000ffff0001000100000001"
verdict accept EST - - -
in      eth / ip4 10.0.0.2 > 10.0.0.1 / sctp 10 > 9 tag 11 / payload x"03000010000000010000100000000000"
verdict accept EST - - -
in      eth / ip4 10.0.0.1 > 10.0.0.2 / sctp 9 > 10 tag 44 / payload x"0a00000861626364"
verdict accept EST - - -
in      eth / ip4 10.0.0.2 > 10.0.0.1 / sctp 10 > 9 tag 11 / payload x"03000010000000010000100000000000"
verdict drop INV - - -
in      eth / ip4 10.0.0.2 > 10.0.0.1 / sctp 10 > 9 tag 33 / payload x"0b000004"
verdict accept EST - - -
# Aborted, with the receiver's own tag (T bit): 10 s later nothing is left.
in      eth / ip4 10.0.0.2 > 10.0.0.1 / sctp 10 > 9 tag 44 / payload x"06000004"
verdict drop INV - - -
in      eth / ip4 10.0.0.2 > 10.0.0.1 / sctp 10 > 9 tag 44 / payload x"06010004"
verdict accept EST - - -
after   9
in      eth / ip4 10.0.0.1 > 10.0.0.2 / sctp 9 > 10 tag 44 / payload x"03000010000000010000100000000000"
verdict accept EST - - -
after   1
in      eth / ip4 10.0.0.1 > 10.0.0.2 / sctp 9 > 10 tag 44 / payload x"03000010000000010000100000000000"
verdict drop INV - - -
# Only an INIT begins an association, and a HEARTBEAT another path of one.
in      eth / ip4 10.0.0.1 > 10.0.0.2 / sctp 1 > 2 tag 5 / payload x"0003001400000001000000000000000061626364"
verdict drop INV - - -
in      eth / ip4 10.0.0.1 > 10.0.0.2 / sctp 1 > 3 tag 5 / payload x"02000014000000160000ffff0001000100000001"
verdict drop INV - - -
in      eth / ip4 10.0.0.1 > 10.0.0.2 / sctp 1 > 4 tag 5 / payload x"06000004"
verdict drop INV - - -
in      eth / ip4 10.0.0.1 > 10.0.0.2 / sctp 1 > 5 tag 5 / payload x"08000004"
verdict drop INV - - -
in      eth / ip4 10.0.0.1 > 10.0.0.2 / sctp 1 > 6 tag 5 / payload x"0a00000861626364"
verdict drop INV - - -
in      eth / ip4 10.0.0.1 > 10.0.0.2 / sctp 1 > 7 tag 5
verdict drop INV - - -
in      eth / ip4 10.0.0.1 > 10.0.0.2 / sctp 1 > 8 tag 5 / payload x"0400000c0001000861626364"
verdict accept NEW - - -
in      eth / ip4 10.0.0.2 > 10.0.0.1 / sctp 8 > 1 tag 6 / payload x"0500000c0001000861626364"
verdict accept EST - - -
in      eth / ip4 10.0.0.2 > 10.0.0.1 / sctp 8 > 1 tag 6 / payload x"03000010000000010000100000000000"
verdict accept EST - - -
in      eth / ip4 10.0.0.2 > 10.0.0.1 / sctp 8 > 1 tag 7 / payload x"03000010000000010000100000000000"
verdict drop INV - - -
# An INIT stands alone, a cookie first.
in      eth / ip4 10.0.0.1 > 10.0.0.2 / sctp 2 > 2 tag 0 / payload x"010000140000000b0000ffff000100010000000106000004"
verdict drop INV - - -
in      eth / ip4 10.0.0.1 > 10.0.0.2 / sctp 2 > 3 tag 0 / payload x"06000004010000140000000b0000ffff0001000100000001"
verdict drop INV - - -
# While `pickup` lasts, an association in mid-stream goes on; each side's first packet tells its tag.
rules
    timeouts { pickup 60s }
    firewall f default drop {
      accept state new as NEW
      accept state established as EST
      drop state invalid as INV
    }
in      eth / ip4 10.0.0.1 > 10.0.0.2 / sctp 9 > 10 tag 22 / payload x"03000010000000010000100000000000"
verdict accept NEW - - -
in      eth / ip4 10.0.0.1 > 10.0.0.2 / sctp 9 > 10 tag 23 / payload x"03000010000000010000100000000000"
verdict drop INV - - -
in      eth / ip4 10.0.0.2 > 10.0.0.1 / sctp 10 > 9 tag 11 / payload x"03000010000000010000100000000000"
verdict accept EST - - -
in      eth / ip4 10.0.0.2 > 10.0.0.1 / sctp 10 > 9 tag 12 / payload x"03000010000000010000100000000000"
verdict drop INV - - -
in      eth / ip4 10.0.0.1 > 10.0.0.2 / sctp 9 > 11 tag 22 / payload x"06000004"
verdict drop INV - - -
