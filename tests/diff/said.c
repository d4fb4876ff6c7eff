/* --diff shows each change of a statement that judges no packet: an option gets another value, two statements change
 * places, one is repeated, a quoted text is replaced. Old and new are shown in text and JSON, with complete quoted
 * texts; without a change nothing is shown.
 *
 *   said [SEED [DRAWS]]
 *
 * The same numbers give the same run. LONG=1: twenty times as many draws. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/analysis/diff/diff_priv.h"
#include "compiler/compiler.h"
#include "lang/json.h"
#include "tests/lib/compiled.h"
#include "tests/lib/diff_text.h"
#include "tests/lib/rng.h"

#define FIREWALL "firewall f default drop { accept icmp6 type nd; accept tcp to 203.0.113.10 }\n"
#define SERVER   "server a 10.0.0.1:80"
#define SERVICE  "service s on 203.0.113.10 tcp/80 "
#define PROXY(mode, in)                                                                                                \
    FIREWALL "pool p { " SERVER " }\npool q { server b 10.0.0.2 }\n" SERVICE "{ mode proxy" mode "\n" in "\n-> p }\n"
#define INLINE(in)                                                                                                     \
    "firewall f default accept { }\npool p { " SERVER " }\nservice s on any tcp/80 { mode proxy inline" in " }\n"
/* Lists longer than --diff shows */
#define TEN(of, end)                                                                                                   \
    of "1" end ", " of "3" end ", " of "5" end ", " of "7" end ", " of "9" end ", " of "11" end ", " of "13" end       \
       ", " of "15" end ", " of "17" end ", " of "19" end
#define LONG_LIST  TEN("10.1.0.", "") ", " TEN("10.2.0.", "") ", " TEN("10.3.0.", "") ", " TEN("10.4.0.", "")
#define LONG_PORTS TEN("", "01") ", " TEN("", "03") ", " TEN("", "05") ", " TEN("", "07")
#define SIMPLE(in)                                                                                                     \
    FIREWALL "meter slow = 10/s\nmeter fast = 20/s\nmeter each = 10/s per source\npool p { " SERVER                    \
             " }\npool q { server b 10.0.0.2 }\n" SERVICE "{ " in " }\n"
#define POOL(in) FIREWALL "check c = tcp\npool p { " in " }\n" SERVICE "{ mode passthrough; -> p }\n"
#define NAT(in)  FIREWALL "nat n {\n" in "\n}\n"
#define NAT_NAMED(in)                                                                                                  \
    "set lan = 10.0.0.0/8, fd00::/8\nset vpn = 10.8.0.0/16\ninterface wan = \"eth0\"\n" FIREWALL "nat n {\n" in "\n}"  \
    "\n"
#define WATCH(in) FIREWALL "service s on any tcp/any { mode observe" in " }\n"
#define RULES(in) "meter m = 10/s\nfirewall f default drop {\naccept icmp6 type nd\n" in "\n}\n"

/* A file with a place `@` for one of several values. Each value is a text of the language, `=`, and --diff's words
 * for it (no `=`: as written; "": omitted) */
static const struct option {
    const char *file;
    const char *values[6];
} options[] = {
    {SIMPLE("mode passthrough\n@\n-> p"), {"", "idle 1h", "idle 90m=idle 1h30m"}},
    {SIMPLE("mode passthrough\n@\n-> p"), {"", "on no server drop", "on no server pass"}},
    {SIMPLE("mode passthrough\n@\n-> p"), {"", "announce"}},
    {SIMPLE("mode passthrough\n@\n-> p"), {"", "affinity source 5m", "affinity source 6m"}},
    {SIMPLE("mode passthrough\n@\n-> p"), {"", "syn cookies"}},
    {SIMPLE("mode passthrough\n@\n-> p"), {"", "mss clamp auto", "mss clamp 1400"}},
    {SIMPLE("mode passthrough\n@\n-> p"), {"", "max flows 10", "max flows 20", "max flows 10 per source"}},
    {SIMPLE("mode passthrough\n@\n-> p"), {"", "rate slow", "rate fast", "rate each"}},
    {SIMPLE("mode @\n-> p"),
     {"passthrough=mode passthrough", "passthrough keep source=mode passthrough keep source", "proxy=mode proxy"}},
    {SIMPLE("mode @\n-> q"),
     {"dsr l2=mode dsr l2", "dsr ipip=mode dsr ipip", "dsr gue 6080=mode dsr gue 6080",
      "dsr gue 6081=mode dsr gue 6081", "dsr gue 6080 variant 1=mode dsr gue 6080 variant 1"}},
    {SIMPLE("mode passthrough\n@"), {"-> p=else -> p", "else -> p 90%, q 10%", "else -> p 10%, q 90%"}},
    {SIMPLE("mode passthrough\nwhen @ -> p; else -> q"),
     {"from 10.0.0.0/8=when ip from 10.0.0.0/8 to any -> p", "from 10.0.0.0/9=when ip from 10.0.0.0/9 to any -> p",
      "from not 10.0.0.0/8"}},
    {FIREWALL "pool p { " SERVER " }\nservice s on self udp/53 { mode passthrough\nwhen @ -> p }\n",
     {"bytes payload at 0 is x\"01\"", "bytes payload at 0 is x\"02\"", "bytes payload at 0 is not x\"02\"",
      "bytes payload at 1 is x\"02\""}},
    {PROXY("", "@"), {"", "queue 10 within 1s", "queue 10 within 2s", "queue 11 within 1s"}},
    {PROXY("", "@"), {"", "max age 1h", "max age 2h"}},
    {PROXY("", "@"), {"", "on reload close"}},
    {PROXY("", "@"), {"", "splice packets"}},
    {PROXY(" @", ""),
     {"", "transparent", "send proxy v1", "send proxy v2", "accept proxy from 10.0.0.0/8",
      "accept proxy from 10.0.0.0/9"}},
    {PROXY(" @", ""), {"", "first bytes within 1s", "first bytes within 2s"}},
    {PROXY(" http", "@"), {"", "affinity cookie \"a\"", "affinity cookie \"b\" 1h", "affinity header \"a\""}},
    {PROXY("", "@"),
     {"", "tls to server verify off", "tls to server sni \"a.example\"", "tls to server sni \"a.example\" verify off",
      "tls to server sni \"b.example\""}},
    {PROXY(" http", "@"), {"", "access log common syslog", "access log json syslog"}},
    {PROXY("", "when sni @ -> q"),
     {"\"a.example\"=when sni \"a.example\" -> q", "\"b.example\"=when sni \"b.example\" -> q",
      "not \"a.example\"=when sni not \"a.example\" -> q"}},
    {INLINE("\n@\n-> p"), {"bytes first", "server first"}},
    {INLINE("\n@\n-> p"), {"", "on overload pass"}},
    {INLINE("\n-> @"),
     {"p=else -> p", "original=else -> original", "reject=else -> reject", "pass=else -> pass",
      "program \"/run/a\"=else -> program \"/run/a\"", "program \"/run/b\"=else -> program \"/run/b\""}},
    {POOL("@; " SERVER),
     {"=balance maglev", "balance round_robin", "balance least_conn", "balance random", "balance source"}},
    {POOL("@; " SERVER), {"", "check c"}},
    {POOL("@; " SERVER), {"", "drain 1m", "drain 2m"}},
    {POOL("@; " SERVER), {"", "retries 0", "retries 2"}},
    {POOL("@; " SERVER), {"", "slow start 1m", "slow start 2m"}},
    {POOL("@; " SERVER), {"", "on down keep"}},
    {POOL("@; " SERVER),
     {"", "source 10.9.0.1=source 10.9.0.1 ports 1024-65535",
      "source 10.9.0.2, 10.9.0.3=source 10.9.0.2/31 ports 1024-65535", "source 10.9.0.1 ports 2000-3000"}},
    {POOL(SERVER " @"),
     {"=a 10.0.0.1:80", "weight 0=a 10.0.0.1:80 weight 0", "weight 7=a 10.0.0.1:80 weight 7",
      "mac 02:00:00:00:00:01=a 10.0.0.1:80 mac 02:00:00:00:00:01", "check c=a 10.0.0.1:80 check c"}},
    {POOL(SERVER "; server b @"),
     {"10.0.0.2:80=b 10.0.0.2:80", "10.0.0.2:81=b 10.0.0.2:81", "10.0.0.3:80=b 10.0.0.3:80",
      "10.0.0.2:80 backup=b 10.0.0.2:80 backup"}},
    {"check d = tcp @\n" POOL("check d; " SERVER), {"every 1s", "every 3s"}},
    {"check d = @\n" POOL("check d; " SERVER),
     {"tcp", "icmp", "http GET \"/a\" expect 200=GET \"/a\"", "http GET \"/b\" expect 200=GET \"/b\"",
      "udp send x\"01\" expect x\"02\"=udp"}},
    {"check d = tcp @\n" POOL("check d; " SERVER), {"rise 3", "rise 4"}},
    {"check d = tcp @\n" POOL("check d; " SERVER), {"fall 4", "fall 5"}},
    {"check d = tcp @\n" POOL("check d; " SERVER), {"timeout 200ms", "timeout 300ms"}},
    {"check d = tcp @\n" POOL("check d; " SERVER), {"", "port 81", "port 82"}},
    {"check d = tcp @\n" POOL("check d; " SERVER), {"", "from 10.0.0.9", "from 10.0.0.8"}},
    {"check d = tcp @\n" POOL("check d; " SERVER), {"", "passive", "via service"}},
    {"check d = tcp @\n" POOL("check d; " SERVER), {"", "send x\"01\"=01", "send x\"0203\"=02 03"}},
    {"check d = http GET \"/\" expect @\n" POOL("check d; " SERVER),
     {"204=expect 204", "200, 404=expect 200, 404", "200 host \"a.example\"=host \"a.example\""}},
    {"check d = http @ expect 200\n" POOL("check d; " SERVER),
     {"GET \"/\"", "HEAD \"/\"", "OPTIONS \"/\"", "OPTIONS \"*\""}},
    {"check d = http GET \"/\" expect 200 @\n" POOL("check d; " SERVER),
     {"", "header \"A\" \"b\"", "header \"A\" \"c\"", "header \"B\" \"b\"", "body has \"a\"", "body has \"b\""}},
    {"check d = https GET \"/\" expect 200 sni \"a.example\" @\n" POOL("check d; " SERVER),
     {"", "verify off", "verify ca \"a.pem\"", "verify ca \"b.pem\""}},
    {"check d = https GET \"/\" expect 200 sni @\n" POOL("check d; " SERVER), {"\"a.example\"", "\"b.example\""}},
    {"check d = tcp @\n" POOL("check d; " SERVER), {"", "expect \"a\"", "expect \"b\"", "expect has \"a\""}},
    {"check d = tcp @\n" FIREWALL "pool p { check d; send proxy v1; " SERVER " }\n" SERVICE "{ mode proxy; -> p }\n",
     {"", "without proxy"}},
    {FIREWALL "pool p { @; " SERVER " }\n" SERVICE "{ mode proxy http; -> p }\n",
     {"", "keep none", "send proxy v1", "send proxy v2"}},
    {FIREWALL "pool p { " SERVER " @ }\n" SERVICE "{ mode proxy; -> p }\n", {"", "max flows 10", "max flows 20"}},
    {FIREWALL "pool p { " SERVER " mac 02:00:00:00:00:01 @ }\nservice s on any tcp/80 { mode proxy inline; -> p }\n",
     {"", "vlan 0", "vlan 7", "vlan 7 inner 0", "vlan 7 inner 9"}},
    {PROXY("", "@"), {"", "connect within 1s", "connect within 2s"}},
    {PROXY("", "@"), {"", "idle client 1m", "idle client 2m", "idle server 1m", "idle server 2m"}},
    {PROXY(" http", "@"), {"", "trust forwarded from 10.0.0.0/8", "trust forwarded from 10.0.0.0/9"}},
    {PROXY(" http", "@"), {"", "affinity cookie \"a\" 1h", "affinity cookie \"a\" 2h"}},
    {PROXY(" http", "access log json @"), {"\"a.log\"", "\"b.log\"", "syslog"}},
    {WATCH(" @"), {"", "first bytes within 1s", "first bytes within 2s"}},
    {WATCH("; stream to \"a\" @"), {"", "limit 1MiB", "limit 2MiB", "as pcapng limit 1MiB"}},
    {NAT("masquerade from 10.0.0.0/8 out on \"eth0\" @"), {"", "ports 61000-65535", "ports 2000-4000", "ports 500"}},
    {NAT("masquerade @ out on \"eth0\""),
     {"from 10.0.0.0/8", "from not 10.0.0.0/8", "from any", "ip from any", "ip6 from any", "from fd00::/8"}},
    {NAT("masquerade from " LONG_LIST ", @ out on \"eth0\""), {"10.9.0.1=", "10.9.0.3="}},
    {NAT("source from 10.0.0.0/8 out on \"eth0\" to @"),
     {"203.0.113.1=-> 203.0.113.1", "203.0.113.2=-> 203.0.113.2",
      "203.0.113.2-203.0.113.4=-> 203.0.113.2-203.0.113.4"}},
    {NAT("masquerade from 10.0.0.0/8 @ out on \"eth0\""),
     {"", "to not 10.8.0.0/16", "to 10.8.0.0/16",
      "to not " LONG_LIST ", 10.9.0.1=", "to not " LONG_LIST ", 10.9.0.3=", "to 10.8.0.0/16, 10.9.0.1 tcp"}},
    {NAT("masquerade from 10.0.0.0/8 @ out on \"eth0\""),
     {"tcp port 5", "tcp port not 5", "tcp, udp source port 5 port 6-7", "not icmp", "not tcp, udp",
      "to port 5=tcp, udp, sctp port 5"}},
    {NAT("masquerade from 10.0.0.0/8 @ out on \"eth0\""),
     {"gre", "esp, gre=gre, esp", "proto ipv6, 200-210", "not proto 41, 42=not proto ipv6, 42", "ah", "not ah"}},
    {NAT("masquerade from 10.0.0.0/8 @ out on \"eth0\""),
     {"on \"lan0\"", "on \"lan1\", \"lan0\"=on \"lan0\", \"lan1\"", "on not \"lan0\"", "on \"lan*\"",
      "to 10.8.0.0/16 tcp port 5 on not \"lan*\""}},
    {NAT("masquerade from 10.0.0.0/8 out on @"),
     {"\"eth0\"", "\"eth1\"", "\"eth1\", \"eth0\"=\"eth0\", \"eth1\"", "not \"eth0\"", "\"eth*\""}},
    {NAT("masquerade from 10.0.0.0/8 out on \"eth0\" ports @"),
     {"2000-2999, 4000-4999", "2000-2999, 4000-5999", "500, 4500"}},
    {NAT("source from 10.0.0.0/8, fd00::/8 out on \"eth0\" -> @"),
     {"203.0.113.1", "2001:db8::1", "203.0.113.1 ports 5", "203.0.113.4-203.0.113.7=203.0.113.4/30"}},
    {NAT("map 203.0.113.16/28 <-> 10.0.9.16/28 out on @"),
     {"\"eth0\"", "\"eth0\", \"eth1\"", "not \"eth0\"", "\"eth*\""}},
    {NAT("mss clamp @ out on \"ppp0\""), {"auto", "1400"}},
    {NAT("mss clamp auto out on @"), {"\"ppp0\"", "\"ppp1\"", "\"ppp*\""}},
    {NAT("forward self @ tcp/80 -> 10.0.0.1"),
     {"", "on \"eth0\"", "on not \"eth0\"", "on \"eth0\", \"eth1\" from 192.0.2.0/24", "from not 192.0.2.0/24"}},
    {NAT("forward @ -> 10.0.0.1"),
     {"self tcp/80", "any udp/53", "any on \"eth*\" from 192.0.2.0/24 tcp/80", "self tcp/any", "self gre",
      "self proto 41=self proto ipv6"}},
    {NAT("forward 203.0.113.9 @"),
     {"tcp/80 -> 10.0.0.1", "tcp/80 -> 10.0.0.1:81", "udp/80 -> 10.0.0.1", "tcp/80-90 -> 10.0.0.2", "gre -> 10.0.0.2",
      "icmp -> 10.0.0.2"}},
    {NAT("forward 2001:db8::9 @"),
     {"tcp/80 -> [fd00::1]:81", "icmp6 -> fd00::1", "from 2001:db8::/33 udp/53 -> fd00::1"}},
    {NAT("map 203.0.113.16/28 <-> @"),
     {"10.0.9.16/28", "10.0.9.32/28", "10.0.9.16/28 on \"eth0\"=10.0.9.16/28 out on \"eth0\""}},
    {NAT("map @"), {"203.0.113.16 <-> 10.0.9.16", "203.0.113.16 <-> 10.0.9.17", "2001:db8::/64 <-> fd00::/64"}},
    {NAT("masquerade from 10.0.0.0/8 out on \"eth0\"\n@"), {"", "mss clamp auto", "mss clamp 1400"}},
    {NAT_NAMED("source @ out on wan -> 203.0.113.1"),
     {"from lan to not vpn", "from not vpn", "from lan to vpn udp port 500", "from lan icmp"}},
    {NAT_NAMED("masquerade @ out on wan"),
     {"from lan to not vpn", "ip6 from any tcp port 80=from any ip6 tcp port 80"}},
    {"set lan = @\n" NAT("masquerade from lan out on \"eth0\""),
     {"10.0.0.0/8=masquerade from 10.0.0.0/8 ", "10.0.0.0/9=masquerade from 10.0.0.0/9 "}},
    {WATCH(" overlaps @"), {"linux=overlaps linux", "first=overlaps first", "last=overlaps last"}},
    {WATCH("; @"), {"", "sessions to \"a.log\"", "sessions to \"a.log\" limit 1MiB", "sessions to \"b.log\""}},
    {WATCH("; @"), {"", "stream to \"a\"", "stream to \"a\" as pcapng", "stream to \"b\""}},
    {WATCH("; stream to \"a\"; when sni \"a.example\" -> @"),
     {"stream=-> stream", "pass=-> pass", "ignore=-> ignore", "reject=-> reject"}},
    {RULES("mirror @ tcp\naccept tcp"),
     {"to \"t0\"=mirror to \"t0\"", "to \"t1\"=mirror to \"t1\"", "sent to \"t0\"=mirror sent to \"t0\"",
      "to socket \"t0\"=mirror to socket \"t0\"", "to \"t0\" snap 64B=mirror to \"t0\" snap 64B",
      "to \"t0\" limit 10/s=limit 10/s"}},
    {RULES("mirror to file \"a.pcapng\" limit @ tcp"),
     {"1048577B=limit 1048577B", "1048578B=limit 1048578B", "2MiB=limit 2MiB"}},
    {RULES("mirror to \"t0\" tcp @\naccept tcp"), {"port 1", "port 2", "from 10.0.0.0/8"}},
    {RULES("mirror to \"t0\" from " LONG_LIST ", @"), {"10.9.0.1=", "10.9.0.3="}},
    {RULES("accept tcp port " LONG_PORTS ", @ log"), {"1001=", "1003="}},
    {SIMPLE("mode passthrough\nwhen from " LONG_LIST ", @ -> p; else -> q"), {"10.9.0.1=", "10.9.0.3="}},
    {RULES("accept tcp port 1 @"), {"", "log", "log 10/s", "log \"a: \"", "log \"b: \" 10/s=log \"b: \" 10/s"}},
    {RULES("audit @ tcp port 5\naccept tcp"), {"drop=audit drop", "reject=audit reject"}},
    {RULES("audit drop tcp port @\naccept tcp"), {"5=port 5", "6=port 6"}},
    {"firewall f default audit @ { accept tcp }\n", {"drop=audit default drop", "reject=audit default reject"}},
    {"limits { flows @ }\n" FIREWALL, {"100=flows 100", "200=flows 200"}},
    {"limits { rejects @ }\n" FIREWALL, {"10/s=rejects 10", "20/s=rejects 20"}},
    {"timeouts { @ }\n" FIREWALL, {"udp 10s", "udp 20s", "tcp established 1h", "pickup 1m", "proxy first 9s"}},
    {"hash key @\n" FIREWALL, {"\"a\"=", "\"b\"="}},
};

/* Statements of a block, of which two change places or one is repeated, and the beginning of --diff's words for each */
static const struct block {
    const char *file;
    const char *statements[4], *said[4];
    bool repeats; /* a statement may be repeated */
} blocks[] = {
    {NAT("@"),
     {"source from 10.0.0.0/9 out on \"eth0\" to 203.0.113.1", "source from 10.0.0.0/8 out on \"eth0\" to 203.0.113.2",
      "masquerade from any out on \"eth0\""},
     {"source from 10.0.0.0/9", "source from 10.0.0.0/8", "masquerade from any"},
     true},
    {NAT("@\nforward self tcp/80 -> 10.0.0.1"),
     {"source from 10.0.0.0/9 out on \"eth0\" to 203.0.113.1", "source from 10.0.0.0/8 out on \"eth1\" to 203.0.113.2"},
     {"source from 10.0.0.0/9", "source from 10.0.0.0/8"},
     false},
    {NAT("@"),
     {"forward self tcp/80 -> 10.0.0.1", "forward self tcp/80-90 -> 10.0.0.2", "forward self tcp/70-80 -> 10.0.0.3"},
     {"forward self tcp/80 ", "forward self tcp/80-90", "forward self tcp/70-80"},
     true},
    {POOL("@"),
     {SERVER, "server b 10.0.0.2:80", "server c 10.0.0.3:80"},
     {"a 10.0.0.1", "b 10.0.0.2", "c 10.0.0.3"},
     false},
    {SIMPLE("mode passthrough\n@\nelse -> p"),
     {"when from 10.0.0.0/8 -> p", "when from 10.0.0.0/9 -> q"},
     {"when ip from 10.0.0.0/8", "when ip from 10.0.0.0/9"},
     false},
    {WATCH("\n@"),
     {"when sni \"a.example\" -> ignore", "when sni \"b.example\" -> pass", "when from 10.0.0.0/8 -> ignore"},
     {"when sni \"a.example\"", "when sni \"b.example\"", "when ip from 10.0.0.0/8"},
     false},
    {RULES("@"), {"mirror to \"t0\" tcp port 1", "accept tcp port 1"}, {"mirror to \"t0\"", NULL}, false},
    {FIREWALL "@\n",
     {"nat a { masquerade from 10.0.0.0/9 out on \"eth0\" }",
      "nat b { source from 10.0.0.0/8 out on \"eth0\" to 203.0.113.2 }"},
     {"nat a", "nat b"},
     false},
    {FIREWALL "pool p { " SERVER " }\n@\n",
     {"service a on any tcp/80-90 { mode proxy inline }", "service b on any tcp/85-95 { mode proxy inline }"},
     {"service a", "service b"},
     false},
};

/* Statements that share no packet, or of which the most specific decides: their order makes no difference */
static const struct block idle[] = {
    {NAT("@"),
     {"source from 10.0.0.0/24 out on \"eth0\" to 203.0.113.1",
      "source from 10.0.1.0/24 out on \"eth0\" to 203.0.113.2", "masquerade from 10.0.0.0/8 out on \"eth1\""},
     {NULL},
     false},
    {NAT("@"),
     {"source from 10.0.0.0/8 udp port 500 out on \"eth0\" -> 203.0.113.1",
      "source from 10.0.0.0/8 udp port 501 out on \"eth0\" -> 203.0.113.1",
      "masquerade from 10.0.0.0/8 tcp out on not \"eth1\"",
      "masquerade from 10.0.0.0/8 to 10.8.0.0/16 out on \"eth1\""},
     {NULL},
     false},
    {NAT("@"),
     {"forward self tcp/80 -> 10.0.0.1", "forward self udp/53 -> 10.0.0.2",
      "masquerade from 10.0.0.0/8 out on \"eth1\""},
     {NULL},
     false},
    {SIMPLE("mode passthrough\n@\nelse -> p"),
     {"when from 10.0.0.0/8 -> p", "when from 11.0.0.0/8 -> q"},
     {NULL},
     false},
    {FIREWALL "pool p { " SERVER " }\nservice s on @self tcp/82 { mode passthrough; -> p }\n",
     {"203.0.113.9,", "203.0.113.8,"},
     {NULL},
     false},
    {FIREWALL "pool p { " SERVER " }\n@\n",
     {"service a on 203.0.113.9 tcp/80 { mode passthrough; -> p }",
      "service b on any tcp/80 { mode passthrough; -> p }"},
     {NULL},
     false},
    {FIREWALL "@\n",
     {"nat a { masquerade from 10.0.0.0/24 out on \"eth0\" }",
      "nat b { source from 10.0.1.0/24 out on \"eth0\" to 203.0.113.2 }"},
     {NULL},
     false},
};

#define LONG "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"

/* Places of a quoted text, `@` without its quotes, and the maximum number of bytes drawn for it */
static const struct quoted {
    const char *file;
    size_t most;
} quotes[] = {
    {PROXY(" http", "access log common \"@.log\""), 900},
    {PROXY(" http", "affinity header \"x\"; when path \"/@\" -> q"), 900},
    {PROXY(" http", "when header \"x\" \"@\" -> q"), 900},
    {PROXY(" tls cert \"@\" key \"k\"", ""), 3000},
    {PROXY(" tls cert \"c\" key \"@\"", ""), 3000},
    {PROXY("", "tls to server sni \"a.example\" verify ca \"@\""), 900},
    {INLINE("\n-> program \"/@\""), 90},
    {"check d = http GET \"/\" expect 200 body has \"@\"\n" POOL("check d; " SERVER), 200},
    {WATCH("; sessions to \"@.log\""), 900},
    {WATCH("; stream to \"@\""), 900},
    {RULES("mirror to file \"" LONG "/" LONG "/@.pcapng\" tcp"), 200},
    {RULES("accept tcp port 1 log \"@\""), 60},
};

static unsigned faults;

/* Return the file with `with` inserted at the place. */
static char *filled(const char *file, const char *with, size_t len)
{
    const char *at = strchr(file, '@');
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    fprintf(out, "%.*s%.*s%s", (int)(at - file), file, (int)len, with, at + 1);
    fclose(out);
    return text;
}

static struct program *compiled(const char *text)
{
    struct program *p = compiled_text(text);
    if (p) return p;
    printf("not ok - it compiles\n");
    faults++;
    return NULL;
}

/* True if a line of the side contains `words`: "- …" or "was …", "+ …" or "now …". */
static bool shows(const char *text, const char *words, unsigned side)
{
    const char *marks[SIDES][2] = {{"            - ", "            was "}, {"            + ", "            now "}};
    for (const char *at = strstr(text, words); at; at = strstr(at + 1, words)) {
        const char *line = at;
        while (line > text && line[-1] != '\n') line--;
        for (unsigned m = 0; m < 2; m++)
            if (strncmp(line, marks[side][m], strlen(marks[side][m])) == 0) return true;
    }
    return false;
}

static bool shows_json(const char *json, const char *words)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    json_string(out, words);
    fclose(out);
    text[len - 1] = '\0';
    const bool found = strstr(json, text + 1);
    free(text);
    return found;
}

static void fail(const char *what, const char *words, const char *text, const char *file)
{
    if (faults++ < 20) printf("not ok - %s\n# %s\n# in %s# of %s\n", what, words, text, file);
}

/* Check the words of both sides; NULL or "": none. */
static void check_words(struct program *const p[SIDES], const char *const words[SIDES], const char *file)
{
    char *text = diff_text(p[OLD], p[NEW], false), *json = diff_text(p[OLD], p[NEW], true);
    if (strstr(text, "no difference for any packet")) fail("a change is a difference", "", text, file);
    for (unsigned s = 0; s < SIDES; s++) {
        if (!words[s] || !*words[s]) continue;
        if (!shows(text, words[s], s))
            fail(s == OLD ? "what was is shown" : "what is new is shown", words[s], text, file);
        if (!shows_json(json, words[s])) fail("JSON shows it, too", words[s], json, file);
    }
    free(text);
    free(json);
}

static void check_same(struct program *a, struct program *b, const char *file)
{
    char *text = diff_text(a, b, false);
    if (strcmp(text, "no difference for any packet that the rules judge\n") != 0)
        fail("what means the same is no difference", "", text, file);
    free(text);
}

static void check_option(const struct option *o)
{
    enum { MOST = sizeof(o->values) / sizeof(*o->values) };
    struct program *p[MOST] = {NULL};
    const char *words[MOST] = {NULL};
    unsigned count = 0;
    for (; count < MOST && o->values[count]; count++) {
        const char *value = o->values[count], *said = strstr(value, "=");
        char *text = filled(o->file, value, said ? (size_t)(said - value) : strlen(value));
        words[count] = said ? said + 1 : value;
        p[count] = compiled(text);
        free(text);
    }
    for (unsigned i = 0; i < count; i++)
        for (unsigned k = 0; k < count; k++) {
            if (!p[i] || !p[k]) continue;
            if (i == k)
                check_same(p[i], p[i], o->file);
            else
                check_words((struct program *const[]){p[i], p[k]}, (const char *const[]){words[i], words[k]}, o->file);
        }
    for (unsigned i = 0; i < count; i++) program_put(p[i]);
}

/* Compile the block's file with the statements in this order, and one of them repeated. */
static struct program *arranged(const struct block *b, const unsigned order[4], unsigned count, unsigned twice)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    for (unsigned i = 0; i < count; i++)
        for (unsigned n = order[i] == twice ? 2 : 1; n > 0; n--) fprintf(out, "%s\n", b->statements[order[i]]);
    fclose(out);
    char *file = filled(b->file, text, len);
    struct program *p = compiled(file);
    free(text);
    free(file);
    return p;
}

/* Check two drawn orders, or one order with a statement repeated. */
static void check_block(const struct block *b, bool is_idle, struct rng *r)
{
    unsigned order[SIDES][4] = {{0, 1, 2, 3}}, count = 0;
    while (count < 4 && b->statements[count]) count++;
    for (unsigned i = count; i-- > 1;) {
        const unsigned k = rng_below(r, i + 1), was = order[OLD][i];
        order[OLD][i] = order[OLD][k];
        order[OLD][k] = was;
    }
    memcpy(order[NEW], order[OLD], sizeof(order[OLD]));
    const bool repeat = b->repeats && rng_one_in(r, 3);
    const unsigned i = rng_below(r, count), k = (i + 1 + rng_below(r, count - 1)) % count;
    if (!repeat) order[NEW][i] = order[OLD][k], order[NEW][k] = order[OLD][i];
    struct program *p[SIDES] = {arranged(b, order[OLD], count, UINT32_MAX),
                                arranged(b, order[NEW], count, repeat ? order[NEW][i] : UINT32_MAX)};
    if (p[OLD] && p[NEW] && is_idle) check_same(p[OLD], p[NEW], b->file);
    if (p[OLD] && p[NEW] && !is_idle) {
        const char *words = b->said[order[OLD][repeat ? i : i < k ? i : k]];
        check_words(p, (const char *const[]){repeat ? NULL : "", NULL}, b->file);
        char *text = diff_text(p[OLD], p[NEW], false);
        if (repeat && !shows(text, words, NEW)) fail("a repetition is shown", words, text, b->file);
        if (!repeat && !strstr(text, "            - ") && !strstr(text, "            + "))
            fail("both orders are shown", "", text, b->file);
        for (unsigned n = 0; !repeat && n < count && b->said[0]; n++)
            if (b->said[n] && (n == order[OLD][i] || n == order[OLD][k]) && !strstr(text, b->said[n]))
                fail("what changed places is shown", b->said[n], text, b->file);
        free(text);
    }
    program_put(p[OLD]);
    program_put(p[NEW]);
}

/* Draw a text that looks like parts of the output, and its form in the language. */
static void draw_quote(struct rng *r, char written[], size_t most)
{
    static const char *const pieces[] = {"; ", ", ", " -> ", "\\\"",        "\\\\",        "- ", "+ ",
                                         "a",  "b",  "'",    "; else -> p", " limit 1MiB", "=",  "$"};
    const unsigned parts = rng_one_in(r, 4) ? 400 : 1 + rng_below(r, 5);
    size_t len = 0;
    written[0] = '\0';
    for (unsigned i = 0; i < parts; i++) {
        const char *piece = pieces[rng_below(r, sizeof(pieces) / sizeof(*pieces))];
        if (len + strlen(piece) < most) len += (size_t)sprintf(written + len, "%s", piece);
    }
}

static void check_quote(const char *file, size_t most, struct rng *r)
{
    char written[SIDES][4000];
    struct program *p[SIDES];
    draw_quote(r, written[OLD], most);
    strcpy(written[NEW], written[OLD]);
    strcat(written[NEW], "c");
    for (unsigned s = 0; s < SIDES; s++) {
        char *text = filled(file, written[s], strlen(written[s]));
        p[s] = compiled(text);
        free(text);
    }
    if (p[OLD] && p[NEW]) check_words(p, (const char *const[]){written[OLD], written[NEW]}, file);
    program_put(p[OLD]);
    program_put(p[NEW]);
}

#define LEN(list) (sizeof(list) / sizeof(*(list)))

int main(int argc, char **argv)
{
    struct rng r = {argc > 1 ? strtoull(argv[1], NULL, 0) : 1};
    const unsigned long_run = getenv("LONG") && *getenv("LONG") ? 20 : 1;
    const unsigned draws = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 0) : 4 * long_run;
    printf("# seed %s\n", argc > 1 ? argv[1] : "1");
    for (unsigned i = 0; i < LEN(options); i++) check_option(&options[i]);
    for (unsigned n = 0; n < draws; n++) {
        for (unsigned i = 0; i < LEN(blocks); i++) check_block(&blocks[i], false, &r);
        for (unsigned i = 0; i < LEN(idle); i++) check_block(&idle[i], true, &r);
        for (unsigned i = 0; i < LEN(quotes); i++) check_quote(quotes[i].file, quotes[i].most, &r);
    }
    printf("%s - one change of a statement is shown as it was and as it is\n", faults ? "not ok" : "ok");
    return faults != 0;
}
