/* TCP as the middlebox sees it: scripts of segments, and the result for each.
 *
 *     DIR FLAGS SEQ[+LEN] [ack N] [win N] [scale N] [first] : MARK STATE [quiet] [reopen]
 *
 * DIR is > for the side that opened the flow, < for the other. Flags are letters: S F R P A and - for none. LEN is
 * payload; numbers of > count from one base, those of < from another, and each script runs with many pairs of bases,
 * so that every number in it is across the wrap once. win is 1000 by default. Valid segments are accepted; invalid
 * ones must change nothing. `quiet`: the segment doesn't keep the flow alive. Lines with `pickup` or `one-side` set
 * how the flow is tracked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/rng.h"
#include "vm/flow/flow.h"

struct script {
    const char *name, *text;
};

static const struct script scripts[] = {
    {"handshake, data both ways, close", /* */
     "> S 0 : new syn-sent\n"
     "< SA 0 ack 1 : est syn-received\n"
     "> A 1 ack 1 : est open\n"
     "> PA 1+100 ack 1 : est open\n"
     "< A 1 ack 101 : est open\n"
     "< PA 1+500 ack 101 : est open\n"
     "> A 101 ack 501 : est open\n"
     "> FA 101 ack 501 : est half-closed\n"
     "< A 501 ack 102 : est half-closed\n"
     "< PA 501+20 ack 102 : est half-closed\n"
     "> A 102 ack 521 : est half-closed\n"
     "< FA 521 ack 102 : est closing\n"
     "> A 102 ack 522 : est closing\n"
     "> A 102 ack 522 : est closing\n"},
    {"the third segment carries data, and may carry the FIN", "> S 0 : new syn-sent\n"
                                                              "< SA 0 ack 1 : est syn-received\n"
                                                              "> FA 1+40 ack 1 : est half-closed\n"
                                                              "< FA 1 ack 42 : est closing\n"},
    {"SYN, SYN|ACK and the last ACK again", "> S 0 : new syn-sent\n"
                                            "> S 0 : new syn-sent\n"
                                            "< SA 0 ack 1 : est syn-received\n"
                                            "> S 0 : new syn-received quiet\n"
                                            "< SA 0 ack 1 : est syn-received\n"
                                            "> A 1 ack 1 : est open\n"
                                            "< SA 0 ack 1 : est open\n"
                                            "> A 1 ack 1 : est open\n"},
    {"a SYN with another number before any answer: the newer is followed", "> S 0 : new syn-sent\n"
                                                                           "> S 90000 : new syn-sent\n"
                                                                           "< SA 0 ack 1 : invalid\n"
                                                                           "< SA 0 ack 90001 : est syn-received\n"
                                                                           "> A 1 ack 1 : invalid\n"
                                                                           "> A 90001 ack 1 : est open\n"},
    {"nothing is acknowledged, or what was not sent", "> S 0 : new syn-sent\n"
                                                      "< SA 0 ack 0 : invalid\n"
                                                      "< SA 0 ack 2 : invalid\n"
                                                      "< SA 0 ack 2000000 : invalid\n"
                                                      "< A 1 ack 1 : invalid\n"
                                                      "> A 1 ack 1 : invalid\n"
                                                      "> SA 0 ack 1 : invalid\n"
                                                      "< SA 0 ack 1 : est syn-received\n"
                                                      "> A 1 ack 0 : invalid\n"
                                                      "> A 1 ack 2 : invalid\n"
                                                      "> PA 1+10 ack 70000 : invalid\n"
                                                      "> A 1 ack 1 : est open\n"},
    {"a server without memory answers the second SYN with another number", "> S 0 : new syn-sent\n"
                                                                           "< SA 0 ack 1 : est syn-received\n"
                                                                           "> S 0 : new syn-received quiet\n"
                                                                           "< SA 777777 ack 1 : est syn-received\n"
                                                                           "> A 1 ack 1 : invalid\n"
                                                                           "> A 1 ack 777778 : est open\n"},
    {"no flags, and no ACK", "> S 0 : new syn-sent\n"
                             "< SA 0 ack 1 : est syn-received\n"
                             "> - 1 : invalid\n"
                             "> P 1+5 : invalid\n"
                             "> F 1 : invalid\n"
                             "> A 1 ack 1 : est open\n"
                             "> - 1 : invalid\n"
                             "> F 1+5 : invalid\n"},
    {"without a flow", "> A 1 ack 1 : invalid\n"},
    {"without a flow, SYN|ACK", "> SA 1 ack 1 : invalid\n"},
    {"without a flow, RST", "> R 1 : invalid\n"},
    {"without a flow, RST and SYN", "> SR 1 : invalid\n"},
    {"RST and SYN in one", "> S 0 : new syn-sent\n"
                           "< SRA 0 ack 1 : invalid\n"
                           "< SA 0 ack 1 : est syn-received\n"
                           "> SR 1 : invalid\n"
                           "> A 1 ack 1 : est open\n"
                           "> SR 1 : invalid\n"
                           "> SRA 1 ack 1 : invalid\n"
                           "> R 1 : est reset\n"},
    {"without a flow, SYN and FIN", "> SF 1 : new syn-sent\n< SA 0 ack 2 : est syn-received\n> A 3 ack 1 : est open\n"},
    {"a SYN on an open flow changes nothing; the challenge and its RST",
     "> S 0 : new syn-sent\n"
     "< SA 0 ack 1 : est syn-received\n"
     "> A 1 ack 1 : est open\n"
     "< PA 1+50 ack 1 : est open\n"
     "> S 123456 : new open quiet\n"
     "< S 123456 : new open quiet\n"
     "< A 51 ack 1 : est open\n" /* the challenge ACK */
     "< SA 9 ack 123457 : invalid\n"
     "> PA 1+10 ack 51 : est open\n"
     "> R 11 : est reset\n"
     "> R 11 : invalid\n"
     "< A 51 ack 11 : invalid\n"
     "> A 11 ack 51 : invalid\n"
     "< SA 0 ack 1 : invalid\n"
     "> S 5000 : new syn-sent reopen\n"},
    {"both hosts have forgotten the flow: the SYN|ACK to the SYN that was ignored", /* */
     "> S 0 win 500 : new syn-sent\n"
     "< SA 0 ack 1 win 300 : est syn-received\n"
     "> A 1 ack 1 : est open\n"
     "< SA 9000000 ack 900001 : invalid\n"
     "> S 900000 win 400 scale 4 : new open quiet\n"
     "< SA 9000000 ack 900000 : invalid\n"
     "< SA 9000000 ack 900002 : invalid\n"
     "> SA 9000000 ack 900001 : invalid\n"
     "< SA 9000000 ack 900001 win 300 scale 2 : est syn-received reopen\n"
     "< SA 9000000 ack 900001 win 300 scale 2 : est syn-received\n"
     "> A 1 ack 1 : invalid\n"
     "> PA 900001+100 ack 9000001 win 600 : est open\n"
     "> A 900101+202 ack 9000001 : invalid\n" /* past the server's 300 and a probe */
     "> A 900101+201 ack 9000001 : est open\n"
     "< A 9000001+65538 ack 900302 : invalid\n" /* past what a SYN may announce, and a probe */
     "< A 9000001+65537 ack 900302 : est open\n"},
    {"of several SYNs that were ignored the last counts", /* */
     "> S 0 : new syn-sent\n"
     "< SA 0 ack 1 : est syn-received\n"
     "> A 1 ack 1 : est open\n"
     "> S 900000 : new open quiet\n"
     "> S 800000 : new open quiet\n"
     "< SA 9000000 ack 900001 : invalid\n"
     "< SA 9000000 ack 800001 : est syn-received reopen\n"},
    {"a flow that goes on after all forgets the SYN", /* */
     "> S 0 : new syn-sent\n"
     "< SA 0 ack 1 : est syn-received\n"
     "> A 1 ack 1 : est open\n"
     "> S 900000 : new open quiet\n"
     "< A 1 ack 1 : est open\n"
     "< SA 9000000 ack 900001 : invalid\n"},
    {"so does one that was reset", /* */
     "> S 0 : new syn-sent\n"
     "< SA 0 ack 1 : est syn-received\n"
     "> A 1 ack 1 : est open\n"
     "> S 900000 : new open quiet\n"
     "> R 1 : est reset\n"
     "< SA 9000000 ack 900001 : invalid\n"},
    {"a server without memory answers the client's next try", /* */
     "> S 0 : new syn-sent\n"
     "< SA 0 ack 1 : est syn-received\n"
     "> S 900000 : new syn-received quiet\n"
     "< SA 9000000 ack 900001 : est syn-received reopen\n"
     "> A 900001 ack 9000001 : est open\n"},
    {"SYN on half-closed", "> S 0 : new syn-sent\n"
                           "< SA 0 ack 1 : est syn-received\n"
                           "> FA 1 ack 1 : est half-closed\n"
                           "> S 700 : new half-closed quiet\n"
                           "< PA 1+50 ack 2 : est half-closed\n"},
    {"a closing flow is opened again, from the other side too", "> S 0 : new syn-sent\n"
                                                                "< SA 0 ack 1 : est syn-received\n"
                                                                "> FA 1 ack 1 : est half-closed\n"
                                                                "< FA 1 ack 2 : est closing\n"
                                                                "> A 2 ack 2 : est closing\n"
                                                                "< S 123 : new syn-sent reopen\n"},
    {"RST: the number that the receiver expects, or the end of what was sent", "> S 0 : new syn-sent\n"
                                                                               "< SA 0 ack 1 : est syn-received\n"
                                                                               "> A 1 ack 1 : est open\n"
                                                                               "> PA 1+100 ack 1 : est open\n"
                                                                               "> PA 101+100 ack 1 : est open\n"
                                                                               "< A 1 ack 101 : est open\n"
                                                                               "> R 100 : invalid\n"
                                                                               "> R 102 : invalid\n"
                                                                               "> RA 150 ack 1 : invalid\n"
                                                                               "> R 1 : invalid\n"
                                                                               "> R 500000 : invalid\n"
                                                                               "> R 101 : est reset\n"},
    {"RST at the end of what was sent", "> S 0 : new syn-sent\n"
                                        "< SA 0 ack 1 : est syn-received\n"
                                        "> A 1 ack 1 : est open\n"
                                        "> PA 1+100 ack 1 : est open\n"
                                        "> RA 101 ack 1 : est reset\n"},
    {"RST by the other side, after FIN", "> S 0 : new syn-sent\n"
                                         "< SA 0 ack 1 : est syn-received\n"
                                         "> A 1 ack 1 : est open\n"
                                         "> FA 1+10 ack 1 : est half-closed\n"
                                         "< R 0 : invalid\n"
                                         "< R 2 : invalid\n"
                                         "< R 1 : est reset\n"},
    {"RST after both FINs: the FIN counts", "> S 0 : new syn-sent\n"
                                            "< SA 0 ack 1 : est syn-received\n"
                                            "> FA 1+10 ack 1 : est half-closed\n"
                                            "< FA 1 ack 1 : est closing\n"
                                            "> R 11 : invalid\n"
                                            "> R 12 : est reset\n"},
    {"refused: the RST must acknowledge the SYN", "> S 0 : new syn-sent\n"
                                                  "< R 0 : invalid\n"
                                                  "< R 1 : invalid\n"
                                                  "< RA 0 ack 0 : invalid\n"
                                                  "< RA 0 ack 2 : invalid\n"
                                                  "> R 1 : invalid\n" /* only one side has sent */
                                                  "< RA 0 ack 1 : est reset\n"
                                                  "< SA 0 ack 1 : invalid\n"
                                                  "> S 0 : new syn-sent reopen\n"},
    {"refused after the SYN|ACK, in the three ways there are", "> S 0 : new syn-sent\n"
                                                               "< SA 500 ack 1 : est syn-received\n"
                                                               "< RA 0 ack 2 : invalid\n"
                                                               "< RA 0 ack 1 : est reset\n"},
    {"the client doesn't want the SYN|ACK", "> S 0 : new syn-sent\n"
                                            "< SA 0 ack 1 : est syn-received\n"
                                            "> R 0 : invalid\n"
                                            "> R 1 : est reset\n"},
    {"the server gives up after its SYN|ACK", "> S 0 : new syn-sent\n"
                                              "< SA 0 ack 1 : est syn-received\n"
                                              "< R 1 : est reset\n"},
    {"a SYN with data (fast open), all acknowledged", "> S 0+300 : new syn-sent\n"
                                                      "< SA 0 ack 301 : est syn-received\n"
                                                      "< PA 1+50 ack 301 : est syn-received\n"
                                                      "> A 301 ack 51 : est open\n"},
    {"a SYN with data, the SYN alone acknowledged",
     "> S 0+300 : new syn-sent\n"
     "> S 0 : new syn-sent\n"
     "< SA 0 ack 1 win 10 : est syn-received\n"
     "> PA 1+300 ack 1 : est open\n"
     "> A 301 ack 1 : est open\n" /* 300 were in flight before any window was known */
     "> PA 301+1 ack 1 : invalid\n"},
    {"a SYN with data, an acknowledgement past it, an RST in the midst of it", "> S 0+300 : new syn-sent\n"
                                                                               "< SA 0 ack 302 : invalid\n"
                                                                               "< RA 0 ack 302 : invalid\n"
                                                                               "< RA 0 ack 301 : est reset\n"},
    {"simultaneous open", "> S 0 : new syn-sent\n"
                          "< S 0 : est syn-both\n"
                          "> S 0 : est syn-both\n"
                          "< S 0 : est syn-both\n"
                          "> SA 0 ack 0 : invalid\n"
                          "> SA 0 ack 1 : est syn-received\n"
                          "< SA 0 ack 2 : invalid\n"
                          "< SA 0 ack 1 : est open\n"
                          "> PA 1+10 ack 1 : est open\n"},
    {"simultaneous open, completed by an ACK", "> S 0 : new syn-sent\n"
                                               "< S 0 : est syn-both\n"
                                               "< SA 0 ack 1 : est syn-received\n"
                                               "< PA 1+10 ack 1 : est syn-received\n"
                                               "> A 1 ack 0 : invalid\n"
                                               "> A 1 ack 1 : est open\n"},
    {"simultaneous open without SYN|ACK", "> S 0 : new syn-sent\n"
                                          "< S 0 : est syn-both\n"
                                          "< A 1 ack 1 : est syn-received\n"
                                          "> A 1 ack 1 : est open\n"},
    {"a SYN by a stranger before the answer", "> S 0 : new syn-sent\n"
                                              "< S 70000 : est syn-both\n"
                                              "< R 70001 : invalid\n"
                                              "> R 1 : invalid\n"
                                              "< SA 0 ack 1 : est syn-received\n"
                                              "> A 1 ack 1 : est open\n"},
    {"simultaneous open, refused", "> S 0 : new syn-sent\n"
                                   "< S 0 : est syn-both\n"
                                   "< RA 1 ack 2 : invalid\n"
                                   "< RA 1 ack 1 : est reset\n"},
    {"simultaneous open, a newer SYN", "> S 0 : new syn-sent\n"
                                       "< S 0 : est syn-both\n"
                                       "< S 4000 : est syn-both\n"
                                       "> SA 0 ack 1 : invalid\n"
                                       "> SA 0 ack 4001 : est syn-received\n"},
    {"simultaneous close", "> S 0 : new syn-sent\n"
                           "< SA 0 ack 1 : est syn-received\n"
                           "> A 1 ack 1 : est open\n"
                           "> FA 1 ack 1 : est half-closed\n"
                           "< FA 1 ack 1 : est closing\n"
                           "< A 2 ack 2 : est closing\n"
                           "> A 2 ack 2 : est closing\n"},
    {"the FINs again; data that the first FIN overtook", "> S 0 : new syn-sent\n"
                                                         "< SA 0 ack 1 : est syn-received\n"
                                                         "> A 1 ack 1 : est open\n"
                                                         "> FA 101 ack 1 : est half-closed\n"
                                                         "> PA 1+100 ack 1 : est half-closed\n"
                                                         "> FA 101 ack 1 : est half-closed\n"
                                                         "< FA 1 ack 102 : est closing\n"
                                                         "< FA 1 ack 102 : est closing\n"
                                                         "> A 102 ack 2 : est closing\n"},
    {"the window, to the octet, and a probe past it",
     "> S 0 win 1000 : new syn-sent\n"
     "< SA 0 ack 1 win 500 : est syn-received\n"
     "> A 1 ack 1 win 1000 : est open\n"
     "> PA 1+502 ack 1 : invalid\n"
     "> PA 400+103 ack 1 : invalid\n"
     "> PA 1+500 ack 1 : est open\n"
     "> PA 501+1 ack 1 : est open\n" /* the probe */
     "> PA 502+1 ack 1 : invalid\n"
     "< PA 1+1000 ack 1 win 500 : est open\n"
     "< PA 1001+2 ack 1 win 500 : invalid\n"
     "< A 1001 ack 501 win 0 : est open\n"
     "> PA 501+1 ack 1001 : est open\n"
     "> PA 501+501 ack 1001 : est open\n" /* allowed once: windows don't shrink here */
     "> PA 501+502 ack 1001 : invalid\n"},
    {"retransmissions, keep-alives, and what is too old", "> S 0 : new syn-sent\n"
                                                          "< SA 0 ack 1 win 500 : est syn-received\n"
                                                          "> A 1 ack 1 : est open\n"
                                                          "> PA 1+500 ack 1 : est open\n"
                                                          "< A 1 ack 501 win 500 : est open\n"
                                                          "> PA 501+500 ack 1 : est open\n"
                                                          "> PA 1+500 ack 1 : est open\n"
                                                          "< A 1 ack 1001 win 500 : est open\n"
                                                          "> A 1000 ack 1 : est open\n"
                                                          "> A 1000+1 ack 1 : est open\n"
                                                          "> PA 1+500 ack 1 : est open\n"
                                                          "> A 500 ack 1 : est open\n"
                                                          "> A 499 ack 1 : invalid\n"
                                                          "> PA 1+498 ack 1 : invalid\n"
                                                          "< A 0 ack 1001 : est open\n"
                                                          "< A 0+1 ack 1001 : est open\n"},
    {"old acknowledgements are forgiven, for two windows or 66,000", "> S 0 : new syn-sent\n"
                                                                     "< SA 0 ack 1 win 65535 : est syn-received\n"
                                                                     "> A 1 ack 1 win 65535 : est open\n"
                                                                     "< A 1+60000 ack 1 : est open\n"
                                                                     "> A 1 ack 60001 win 65535 : est open\n"
                                                                     "< A 60001+60000 ack 1 : est open\n"
                                                                     "> A 1 ack 120001 win 65535 : est open\n"
                                                                     "< A 120001+60000 ack 1 : est open\n"
                                                                     "> A 1 ack 60001 : est open\n"
                                                                     "> A 1 ack 48931 : est open\n"
                                                                     "> A 1 ack 48930 : invalid\n"
                                                                     "> A 1 ack 180001 : est open\n"
                                                                     "> A 1 ack 180002 : invalid\n"},
    {"old acknowledgements are forgiven by 66,000 where windows are small", "> S 0 win 30000 : new syn-sent\n"
                                                                            "< SA 0 ack 1 : est syn-received\n"
                                                                            "> A 1 ack 1 win 30000 : est open\n"
                                                                            "< A 1+30000 ack 1 : est open\n"
                                                                            "> A 1 ack 30001 win 30000 : est open\n"
                                                                            "< A 30001+30000 ack 1 : est open\n"
                                                                            "> A 1 ack 60001 win 30000 : est open\n"
                                                                            "< A 60001+30000 ack 1 : est open\n"
                                                                            "> A 1 ack 24001 : est open\n"
                                                                            "> A 1 ack 24000 : invalid\n"},
    {"SACK and other segments that only acknowledge",
     "> S 0 : new syn-sent\n"
     "< SA 0 ack 1 : est syn-received\n"
     "> A 1 ack 1 : est open\n"
     "> PA 101+100 ack 1 : est open\n" /* the one before was lost before it got here */
     "< A 1 ack 1 : est open\n"
     "< A 1 ack 1 : est open\n"
     "> PA 1+100 ack 1 : est open\n"
     "< A 1 ack 201 : est open\n"},
    {"windows are shifted, but not those of SYNs", "> S 0 win 100 scale 4 : new syn-sent\n"
                                                   "< SA 0 ack 1 win 200 scale 3 : est syn-received\n"
                                                   "> PA 1+202 ack 1 win 100 : invalid\n"
                                                   "> PA 1+201 ack 1 win 100 : est open\n"
                                                   "< PA 1+1601 ack 1 win 200 : est open\n"
                                                   "< PA 1602+1 ack 1 win 200 : invalid\n"
                                                   "> PA 202+1401 ack 1 win 100 : invalid\n"
                                                   "> PA 202+1400 ack 1 win 100 : est open\n"},
    {"the window of a SYN, rounded up to its shift", "> S 0 win 65535 scale 14 : new syn-sent\n"
                                                     "< SA 0 ack 1 win 1 scale 14 : est syn-received\n"
                                                     "< PA 1+65537 ack 1 win 0 : est syn-received\n"
                                                     "< PA 65538+1 ack 1 win 0 : invalid\n"},
    {"without the option on both SYNs nothing is shifted", "> S 0 win 100 scale 4 : new syn-sent\n"
                                                           "< SA 0 ack 1 win 200 : est syn-received\n"
                                                           "> A 1 ack 1 win 100 : est open\n"
                                                           "< PA 1+102 ack 1 : invalid\n"
                                                           "< PA 1+101 ack 1 : est open\n"},
    {"the option on the answer alone counts for nothing", "> S 0 win 100 : new syn-sent\n"
                                                          "< SA 0 ack 1 win 100 scale 4 : est syn-received\n"
                                                          "> A 1 ack 1 win 100 : est open\n"
                                                          "> PA 1+102 ack 1 : invalid\n"},
    {"the SYN comes again without its options, and the answer is to the first",
     "> S 0 win 100 scale 4 : new syn-sent\n"
     "> S 0 win 90 : new syn-sent\n"
     "< SA 0 ack 1 win 100 scale 0 : est syn-received\n"
     "> A 1 ack 1 win 100 : est open\n"
     "< PA 1+1601 ack 1 : est open\n"},
    {"another answer has other options", "> S 0 win 1600 scale 4 : new syn-sent\n"
                                         "< SA 0 ack 1 win 100 : est syn-received\n"
                                         "< SA 500 ack 1 win 100 scale 2 : est syn-received\n"
                                         "> A 1 ack 501 win 200 : est open\n"
                                         "< PA 501+3201 ack 1 : est open\n"
                                         "< PA 3702+1 ack 1 : invalid\n"},
    {"another answer with the same options", "> S 0 win 1600 scale 4 : new syn-sent\n"
                                             "< SA 0 ack 1 win 100 scale 2 : est syn-received\n"
                                             "< SA 500 ack 1 win 100 scale 2 : est syn-received\n"
                                             "< PA 501+1602 ack 1 : invalid\n"
                                             "< PA 501+1601 ack 1 : est syn-received\n"},
    {"the SYN comes again with more than before", "> S 0 win 90 : new syn-sent\n"
                                                  "> S 0 win 100 scale 4 : new syn-sent\n"
                                                  "< SA 0 ack 1 win 100 scale 0 : est syn-received\n"
                                                  "> A 1 ack 1 win 100 : est open\n"
                                                  "< PA 1+1601 ack 1 : est open\n"},
    {"a window of 2^30 on both sides", "> S 0 win 65535 scale 14 : new syn-sent\n"
                                       "< SA 0 ack 1 win 65535 scale 14 : est syn-received\n"
                                       "> A 1 ack 1 win 65535 : est open\n"
                                       "< A 1 ack 1 win 65535 : est open\n"
                                       "> A 1000000000+1000 ack 1 win 65535 : est open\n"
                                       "> A 1073725442 ack 1 : est open\n"
                                       "> A 1073725443 ack 1 : invalid\n"
                                       "> A 3221225472 ack 1 : invalid\n"
                                       "> A 2147483648 ack 1 : invalid\n"},
    {"a first fragment: what follows of its segment may be acknowledged",
     "> S 0 win 5000 : new syn-sent\n"
     "< SA 0 ack 1 win 5000 : est syn-received\n"
     "> A 1 ack 1 win 5000 : est open\n"
     "> PA 1+1000 ack 1 win 5000 first : est open\n"
     "< A 1 ack 5003 win 5000 : invalid\n"
     "< A 1 ack 4001 win 5000 : est open\n"
     "> PA 4001+1000 ack 1 win 5000 : est open\n"
     "> R 5001 : est reset\n"},
    {"mid-stream, without pick-up", "> PA 100+100 ack 100 : invalid\n"},
    {"picked up", "pickup\n"
                  "> PA 100+100 ack 100 : new picked-up\n"
                  "> PA 200+100 ack 100 : new picked-up\n"
                  "< A 100 ack 300 : est open\n"
                  "< R 99 : invalid\n"
                  "< PA 100+50 ack 300 : est open\n"
                  "> A 300 ack 150 : est open\n"
                  "> FA 300 ack 150 : est half-closed\n"
                  "< FA 150 ack 301 : est closing\n"},
    {"picked up: the windows may be the largest, but there are some", "pickup\n"
                                                                      "> A 100 ack 100 : new picked-up\n"
                                                                      "< A 100 ack 100 : est open\n"
                                                                      "> A 1073725541 ack 100 : est open\n"
                                                                      "> A 2147483748 ack 100 : invalid\n"
                                                                      "> A 100 ack 1500000000 : invalid\n"},
    {"picked up: while data is on its way that nobody saw", "pickup\n"
                                                            "> A 100 ack 100 : new picked-up\n"
                                                            "< PA 50+50 ack 70000 : est open\n"
                                                            "> A 70000 ack 90000 : est open\n"
                                                            "< PA 90000+50 ack 70000 : est open\n"},
    {"picked up by its FIN", "pickup\n"
                             "> FA 100 ack 100 : new picked-up\n"
                             "< A 100 ack 101 : est half-closed\n"
                             "< FA 100 ack 101 : est closing\n"},
    {"picked up, then reset by the other side", "pickup\n"
                                                "> A 100 ack 100 : new picked-up\n"
                                                "< R 99 : invalid\n"
                                                "< RA 101 ack 100 : invalid\n"
                                                "< R 100 : est reset\n"},
    {"picked up, then reset by the same side", "pickup\n"
                                               "> A 100+10 ack 100 : new picked-up\n"
                                               "> R 109 : invalid\n"
                                               "> R 110 : est reset\n"},
    {"picked up, then a SYN, late or a stranger's: nothing changes", "pickup\n"
                                                                     "> A 100+10 ack 100 : new picked-up\n"
                                                                     "< S 5 : new picked-up quiet\n"
                                                                     "> S 99 : new picked-up quiet\n"
                                                                     "< SA 99 ack 100 : invalid\n"
                                                                     "< A 100 ack 110 : est open\n"},
    {"no pick-up by a SYN|ACK", "pickup\n> SA 1 ack 1 : invalid\n"},
    {"no pick-up by an RST", "pickup\n> RA 1 ack 1 : invalid\n"},
    {"no pick-up without ACK", "pickup\n> F 1+7 : invalid\n"},
    {"a SYN while pick-up lasts is a SYN", "pickup\n"
                                           "> S 0 : new syn-sent\n"
                                           "> A 1 ack 1 : invalid\n"
                                           "< SA 0 ack 1 : est syn-received\n"},
    {"one side is seen (DSR): no window, closed by one FIN", "one-side\n"
                                                             "> S 0 : new syn-sent\n"
                                                             "> S 0 : new syn-sent\n"
                                                             "> A 1 ack 1 : est open\n"
                                                             "> PA 500000+100 ack 4000000 : est open\n"
                                                             "> R 77 : est open quiet\n"
                                                             "> FA 500100 ack 4000000 : est closing\n"
                                                             "> A 500101 ack 4000001 : est closing\n"
                                                             "> S 80 : new syn-sent reopen\n"},
    {"one side is seen: a newer SYN", "one-side\n"
                                      "> S 0 : new syn-sent\n"
                                      "> S 9000 : new syn-sent\n"
                                      "> A 9001 ack 1 : est open\n"
                                      "> A 5 ack 1 : est open\n"},
    {"one side is seen: its RST at the end of what it sent", "one-side\n"
                                                             "> S 0 : new syn-sent\n"
                                                             "> A 1 ack 1 : est open\n"
                                                             "> PA 1+100 ack 1 : est open\n"
                                                             "> R 101 : est reset\n"
                                                             "> A 101 ack 1 : invalid\n"},
    {"one side is seen: refused at once", "one-side\n"
                                          "> S 0 : new syn-sent\n"
                                          "> R 2 : invalid\n"
                                          "> R 1 : est reset\n"},
};

struct line {
    enum flow_dir dir;
    struct tcp_segment s;
    char mark[8], state[16];
    bool quiet, reopen, known;
};

static const char *mark_word(enum flow_mark m)
{
    return m == MARK_NEW ? "new" : m == MARK_ESTABLISHED ? "est" : m == MARK_INVALID ? "invalid" : "?";
}

static const char *state_word(unsigned s)
{
    static const char *const words[] = {"syn-sent",    "syn-both", "syn-received", "open",
                                        "half-closed", "closing",  "reset",        "picked-up"};
    return s < sizeof words / sizeof *words ? words[s] : "?";
}

static void read_flags(const char *word, struct line *l)
{
    static const char letters[] = "FSRPA";
    for (; *word && *word != '-'; word++) l->s.flags |= (uint8_t)(1u << (strchr(letters, *word) - letters));
}

/* Read one line; numbers count from the bases. */
static void read_line(const char *text, const uint32_t base[2], struct line *l)
{
    char copy[120];
    *l = (struct line){.s = {.window = 1000, .scale = SCALE_ABSENT}};
    snprintf(copy, sizeof copy, "%s", text);
    char *save, *word = strtok_r(copy, " ", &save);
    l->dir = *word == '<' ? FLOW_REPLY : FLOW_ORIGINAL;
    read_flags(strtok_r(NULL, " ", &save), l);
    char *plus;
    l->s.seq = (uint32_t)strtoul(strtok_r(NULL, " ", &save), &plus, 10) + base[l->dir];
    l->s.len = *plus == '+' ? (uint32_t)strtoul(plus + 1, NULL, 10) : 0;
    l->s.len += (l->s.flags & TCP_SYN ? 1u : 0) + (l->s.flags & TCP_FIN ? 1u : 0);
    while ((word = strtok_r(NULL, " ", &save)) && *word != ':') {
        if (strcmp(word, "first") == 0) {
            l->s.first_fragment = true;
            continue;
        }
        const uint32_t n = (uint32_t)strtoul(strtok_r(NULL, " ", &save), NULL, 10);
        if (strcmp(word, "ack") == 0) l->s.ack = n + base[!l->dir];
        if (strcmp(word, "win") == 0) l->s.window = (uint16_t)n;
        if (strcmp(word, "scale") == 0) l->s.scale = (uint8_t)n;
    }
    snprintf(l->mark, sizeof l->mark, "%s", strtok_r(NULL, " ", &save));
    while ((word = strtok_r(NULL, " ", &save))) {
        if (strcmp(word, "quiet") == 0)
            l->quiet = true;
        else if (strcmp(word, "reopen") == 0)
            l->reopen = true;
        else
            snprintf(l->state, sizeof l->state, "%s", word);
    }
}

static bool as_expected(const struct line *l, enum flow_mark mark, const struct tcp_step *next)
{
    if (strcmp(l->mark, mark_word(mark)) != 0) return false;
    if (mark == MARK_INVALID) return true;
    return strcmp(l->state, state_word(next->state)) == 0 && next->refresh != l->quiet && next->reopen == l->reopen;
}

static void run_script(const struct script *script, const uint32_t base[2])
{
    struct tcp_step flow = {0}, next;
    bool live = false, pickup = false, one_side = false;
    char text[2000], *save;
    snprintf(text, sizeof text, "%s", script->text);
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        if (strcmp(line, "pickup") == 0 || strcmp(line, "one-side") == 0) {
            *(*line == 'p' ? &pickup : &one_side) = true;
            continue;
        }
        struct line l;
        read_line(line, base, &l);
        const enum flow_mark mark = live ? tcp_follow((enum flow_state)flow.state, &flow.track, l.dir, &l.s, &next)
                                         : tcp_begin(&l.s, pickup, &next);
        if (!as_expected(&l, mark, &next))
            fail_msg("%s (bases %u, %u): %s\n  but it is %s, %s%s%s", script->name, base[0], base[1], line,
                     mark_word(mark), state_word(next.state), next.refresh ? "" : " quiet",
                     next.reopen ? " reopen" : "");
        if (mark == MARK_INVALID) {
            assert_false(next.refresh || next.reopen);
            if (live) assert_memory_equal(&next.track, &flow.track, sizeof next.track);
            if (live) assert_int_equal(next.state, flow.state);
            continue;
        }
        flow = next;
        if (one_side && !live) flow.track.flags |= TCP_TRACK_NO_WINDOW;
        live = true;
    }
}

static void test_scripts(void **state)
{
    (void)state;
    static const uint32_t near[] = {0, 1, 2, 50, 100, 101, 400, 500, 501, 1000, 1001, 5000, 65536, 70000, 1u << 31};
    const unsigned count = sizeof near / sizeof *near;
    struct rng r = {1};
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        for (unsigned k = 0; k < count * count; k++)
            run_script(&scripts[i], (const uint32_t[2]){0 - near[k / count], 0 - near[k % count]});
        for (unsigned k = 0; k < 200; k++)
            run_script(&scripts[i], (const uint32_t[2]){(uint32_t)rng_next(&r), (uint32_t)rng_next(&r)});
    }
}

/* ---- quotes in ICMP errors ---- */

static void test_quoted(void **state)
{
    (void)state;
    struct tcp_step flow;
    const struct tcp_segment syn = {.seq = 1000, .len = 1, .flags = TCP_SYN, .window = 300, .scale = SCALE_ABSENT};
    tcp_begin(&syn, false, &flow);
    assert_true(tcp_quoted(&flow.track, FLOW_ORIGINAL, 1000));
    assert_true(tcp_quoted(&flow.track, FLOW_ORIGINAL, 1001));
    assert_false(tcp_quoted(&flow.track, FLOW_ORIGINAL, 999));
    assert_false(tcp_quoted(&flow.track, FLOW_ORIGINAL, 1002));
    assert_false(tcp_quoted(&flow.track, FLOW_REPLY, 0));
    assert_false(tcp_quoted(&flow.track, FLOW_REPLY, 1001));

    const struct tcp_segment fast = {.seq = 1000, .len = 101, .flags = TCP_SYN, .window = 300, .scale = SCALE_ABSENT};
    struct tcp_step opened; /* with data in its SYN, before the other side has allowed any (RFC 7413) */
    tcp_begin(&fast, false, &opened);
    assert_true(tcp_quoted(&opened.track, FLOW_ORIGINAL, 1000));
    assert_false(tcp_quoted(&opened.track, FLOW_ORIGINAL, 999));

    const struct tcp_segment answer = {
        .seq = 5, .ack = 1001, .len = 1, .flags = TCP_SYN | TCP_ACK, .window = 200, .scale = SCALE_ABSENT};
    struct tcp_step next;
    assert_int_equal(tcp_follow((enum flow_state)flow.state, &flow.track, FLOW_REPLY, &answer, &next),
                     MARK_ESTABLISHED);
    struct tcp_track *t = &next.track;
    t->side[FLOW_ORIGINAL] = (struct tcp_side){.end = 3000, .acked = 6};
    t->side[FLOW_REPLY] = (struct tcp_side){.end = 6, .acked = 2950};
    assert_true(tcp_quoted(t, FLOW_ORIGINAL, 3000));
    assert_false(tcp_quoted(t, FLOW_ORIGINAL, 3001));
    assert_true(tcp_quoted(t, FLOW_ORIGINAL, 2799));
    assert_false(tcp_quoted(t, FLOW_ORIGINAL, 2798));
    assert_true(tcp_quoted(t, FLOW_REPLY, 6));
    assert_false(tcp_quoted(t, FLOW_REPLY, 7));
    assert_true(tcp_quoted(t, FLOW_REPLY, 0u - 295)); /* the window reaches back over the wrap */
    assert_false(tcp_quoted(t, FLOW_REPLY, 0u - 296));
    t->flags |= TCP_TRACK_LOOSE;
    assert_true(tcp_quoted(t, FLOW_ORIGINAL, 3151));
    assert_false(tcp_quoted(t, FLOW_ORIGINAL, 3152));
    t->flags |= TCP_TRACK_NO_WINDOW;
    assert_true(tcp_quoted(t, FLOW_ORIGINAL, 12345678));
}

/* ---- arbitrary bytes ---- */

static struct tcp_segment any_segment(struct rng *r, const struct tcp_track *t, enum flow_dir dir)
{
    static const uint8_t flags[] = {TCP_ACK,           TCP_ACK,           TCP_ACK | TCP_PSH, TCP_SYN,
                                    TCP_SYN | TCP_ACK, TCP_FIN | TCP_ACK, TCP_RST,           TCP_RST | TCP_ACK};
    const bool near = !rng_one_in(r, 4);
    return (struct tcp_segment){
        .seq = near ? t->side[dir].end + rng_below(r, 5) - 2 : (uint32_t)rng_next(r),
        .ack = near ? t->side[!dir].end + rng_below(r, 5) - 2 : (uint32_t)rng_next(r),
        .len = rng_one_in(r, 3) ? rng_below(r, 70000) : rng_below(r, 3),
        .window = (uint16_t)rng_next(r),
        .flags = rng_one_in(r, 4) ? (uint8_t)rng_next(r) : flags[rng_below(r, 8)],
        .scale = rng_one_in(r, 2) ? SCALE_ABSENT : (uint8_t)rng_below(r, SCALE_MOST + 1),
        .first_fragment = rng_one_in(r, 50),
    };
}

/* Check invariants of any flow that segments can make. */
static void check_flow(const struct tcp_step *f)
{
    const struct tcp_track *t = &f->track;
    const unsigned acks = TCP_TRACK_ACK_ORIGINAL | TCP_TRACK_ACK_REPLY,
                   fins = TCP_TRACK_FIN_ORIGINAL | TCP_TRACK_FIN_REPLY;
    const bool both_acked = (t->flags & acks) == acks;
    assert_true(f->state <= FLOW_STATE_PICKED_UP);
    if (t->flags & TCP_TRACK_SCALED) assert_true((t->scale & 15) <= SCALE_MOST && t->scale >> 4 <= SCALE_MOST);
    switch (f->state) {
    case FLOW_STATE_SYN_SENT: assert_false(t->flags & (acks | fins | TCP_TRACK_HEARD_REPLY | TCP_TRACK_SCALED)); break;
    case FLOW_STATE_SYN_BOTH: assert_true((t->flags & (acks | TCP_TRACK_HEARD_REPLY)) == TCP_TRACK_HEARD_REPLY); break;
    case FLOW_STATE_SYN_RECEIVED:
        assert_true(t->flags & acks && !both_acked && t->flags & TCP_TRACK_HEARD_REPLY);
        break;
    case FLOW_STATE_OPEN: assert_true(both_acked && !(t->flags & fins)); break;
    case FLOW_STATE_HALF_CLOSED: assert_true(both_acked && t->flags & fins && (t->flags & fins) != fins); break;
    case FLOW_STATE_CLOSING: assert_true(both_acked && (t->flags & fins) == fins); break;
    case FLOW_STATE_PICKED_UP:
        assert_true(t->flags & TCP_TRACK_NO_WINDOW && !(t->flags & TCP_TRACK_HEARD_REPLY));
        break;
    default: break;
    }
}

static void test_anything(void **state)
{
    (void)state;
    struct rng r = {7};
    uint64_t seen[FLOW_STATE_PICKED_UP + 1] = {0};
    for (unsigned run = 0; run < 20000; run++) {
        struct tcp_step flow = {0}, next;
        const bool pickup = rng_one_in(&r, 3);
        for (unsigned i = 0; i < 40; i++) {
            const enum flow_dir dir = (enum flow_dir)rng_below(&r, 2);
            const struct tcp_segment s = any_segment(&r, &flow.track, dir);
            const bool live = i > 0;
            const enum flow_mark mark = live ? tcp_follow((enum flow_state)flow.state, &flow.track, dir, &s, &next)
                                             : tcp_begin(&s, pickup, &next);
            assert_true(mark == MARK_NEW || mark == MARK_ESTABLISHED || mark == MARK_INVALID);
            if (mark == MARK_INVALID && !live) break;
            if (mark == MARK_INVALID) assert_memory_equal(&next.track, &flow.track, sizeof next.track);
            if (mark == MARK_INVALID) assert_int_equal(next.state, flow.state);
            if (next.reopen && !next.by_other)
                assert_true(flow.state == FLOW_STATE_CLOSING || flow.state == FLOW_STATE_RESET);
            if (next.by_other) assert_true(next.reopen && flow.track.ignored && s.flags & TCP_SYN && s.flags & TCP_ACK);
            if (live && flow.state == FLOW_STATE_RESET && !next.reopen) assert_int_equal(mark, MARK_INVALID);
            if (mark == MARK_NEW && live && flow.state != FLOW_STATE_PICKED_UP)
                assert_true((s.flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN);
            check_flow(&next);
            flow = next;
            seen[flow.state]++;
        }
    }
    for (unsigned i = 0; i <= FLOW_STATE_PICKED_UP; i++) assert_true(seen[i] > 100);
}

/* Tracks that no segments make: nothing fails, for any bytes; states of other protocols aren't TCP's. */
static void test_any_track(void **state)
{
    (void)state;
    struct rng r = {8};
    for (unsigned run = 0; run < 300000; run++) {
        struct tcp_track t;
        uint64_t bytes[3] = {rng_next(&r), rng_next(&r), rng_next(&r)};
        memcpy(&t, bytes, sizeof t);
        const enum flow_dir dir = (enum flow_dir)rng_below(&r, 2);
        const struct tcp_segment s = any_segment(&r, &t, dir);
        const enum flow_state from = (enum flow_state)rng_below(&r, FLOW_STATES);
        struct tcp_step next;
        const enum flow_mark mark = tcp_follow(from, &t, dir, &s, &next);
        tcp_quoted(&t, dir, s.seq);
        if (from > FLOW_STATE_PICKED_UP) assert_int_equal(mark, MARK_INVALID);
        if (mark == MARK_INVALID) assert_memory_equal(&next.track, &t, sizeof next.track);
        assert_true(next.state == from || next.state <= FLOW_STATE_PICKED_UP);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scripts),
        cmocka_unit_test(test_quoted),
        cmocka_unit_test(test_anything),
        cmocka_unit_test(test_any_track),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
