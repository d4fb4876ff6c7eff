/* libpcap's own filter tests (libpcap-apply/apply.tsv) that can be asked in our language: the frames accepted by the
 * rules below are those for which libpcap's filter returns other than 0. What is left out asks for link types that we
 * don't read, for host names, or for addresses inside tunnels of unknown length. */
#include <stdlib.h>
#include <string.h>

#include "tests/lib/corpus.h"

/* clang-format off */
#define A(conditions) "accept " conditions "\n"
#define D(conditions) "drop " conditions "\n"
/* An 802.3 length (under 0x600) where a type would be, then the LLC header. */
#define LLC(control) D("bytes l2 at 14 is x\"ff ff\"") \
    A("bytes l2 at 12 is x\"00 00\" mask x\"fc 00\" " control) \
    A("bytes l2 at 12 is x\"04 00\" mask x\"fe 00\" " control)
#define CONTROL(is, mask) LLC("bytes l2 at 16 is x\"" is "\" mask x\"" mask "\"")
/* DECnet phase IV: short and long routing headers, each also with one byte of padding; node 1.1 is 01 04. */
#define DECNET(verdict, flags, mask, at) \
    verdict " ether 0x6003 bytes l2 at 16 is x\"" flags "\" mask x\"" mask "\" bytes l2 at " at " is x\"01 04\"\n"
#define DECNET_SRC(v) DECNET(v, "02", "07", "19") DECNET(v, "81 02", "ff 07", "20") \
    DECNET(v, "06", "07", "31") DECNET(v, "81 06", "ff 07", "32")
#define DECNET_DST(v) DECNET(v, "02", "07", "17") DECNET(v, "81 02", "ff 07", "18") \
    DECNET(v, "06", "07", "23") DECNET(v, "81 06", "ff 07", "24")
#define ARP(at, is) A("arp bytes l2 at " at " is x\"" is "\"")
#define RARP(at, is) A("ether 0x8035 bytes l2 at " at " is x\"" is "\"")
#define VXLAN "udp port 4789 bytes payload at 0 is x\"08\" mask x\"08\" "
#define GENEVE "udp port 6081 bytes payload at 0 is x\"00\" mask x\"c0\" "
#define ISO "bytes l2 at 14 is x\"fe fe\" "

static const struct question {
    const char *name, *rules;
    const char *dropped; /* a frame that libpcap matches and we drop before any rule, for this reason */
} questions[] = {
    { "pppoed_nullary_on_ctp", A("ether 0x8863"), NULL },
    { "pppoed_nullary_on_pppoed", A("ether 0x8863"), NULL },
    { "pppoed_nullary_on_pppoes", A("ether 0x8863"), NULL },
    { "pppoes_nullary_on_ctp", A("ether 0x8864"), NULL },
    { "pppoes_nullary_on_pppoed", A("ether 0x8864"), NULL },
    { "pppoes_nullary_on_pppoes", A("ether 0x8864"), NULL },
    { "pppoes_unary_on_ctp", A("ether 0x8864 bytes l2 at 16 is x\"00 3b\""), NULL },
    { "pppoes_unary_on_pppoed", A("ether 0x8864 bytes l2 at 16 is x\"00 3b\""), NULL },
    { "pppoes_unary_on_pppoes", A("ether 0x8864 bytes l2 at 16 is x\"00 3b\""), NULL },
    { "decnet_on_pppoed", A("ether 0x6003"), NULL },
    { "decnet_on_decnet", A("ether 0x6003"), NULL },
    { "decnet_src_1_1_on_pppoed", DECNET_SRC("accept"), NULL },
    { "decnet_dst_1_1_on_pppoed", DECNET_DST("accept"), NULL },
    { "decnet_src_1_1_on_decnet", DECNET_SRC("accept"), NULL },
    { "decnet_dst_1_1_on_decnet", DECNET_DST("accept"), NULL },
    { "decnet_src_not_1_1_on_decnet", DECNET_SRC("drop") "accept\n", NULL },
    { "decnet_dst_not_1_1_on_decnet", DECNET_DST("drop") "accept\n", NULL },
    { "decnet_src_not_1_1_on_pppoed", DECNET_SRC("drop") "accept\n", NULL },
    { "decnet_dst_not_1_1_on_pppoed", DECNET_DST("drop") "accept\n", NULL },
    { "vrrp_type_via_index", A("ip proto vrrp bytes l4 at 0 is x\"01\" mask x\"0f\""), NULL },
    { "vrrp_version_via_index", A("ip proto vrrp bytes l4 at 0 is x\"30\" mask x\"f0\""), NULL },
    { "vrrp_priority_via_index", A("ip proto vrrp bytes l4 at 2 is x\"bf\""), NULL },
    { "carp_checksum_via_index",
      D("bytes l4 at 6 is x\"00\" mask x\"80\"") D("bytes l4 at 6 is x\"80\" mask x\"e0\"")
      D("bytes l4 at 6 is x\"a0\" mask x\"f0\"") D("bytes l4 at 6 is x\"b0 00\"") A("ip proto 112"), NULL },
    { "ip_broadcast", A("ip bytes l3 at 19 is x\"ff\"") A("ip bytes l3 at 19 is x\"00\""), NULL },
    { "arp", A("arp"), NULL },
    { "arp_host", ARP("28", "c0 01 02 fe") ARP("38", "c0 01 02 fe"), NULL },
    { "arp_src_1", ARP("28", "c0 01 02 fe"), NULL },
    { "arp_src_2", ARP("28", "c0 01 02 17"), NULL },
    { "arp_dst_1", ARP("38", "c0 01 02 fe"), NULL },
    { "arp_dst_2", ARP("38", "c0 01 02 17"), NULL },
    { "rarp", A("ether 0x8035"), NULL },
    { "rarp_host_1", RARP("28", "00 00 00 00") RARP("38", "00 00 00 00"), NULL },
    { "rarp_host_2", RARP("28", "0a 01 01 64") RARP("38", "0a 01 01 64"), NULL },
    { "rarp_host_3", RARP("28", "0a 01 01 0a") RARP("38", "0a 01 01 0a"), NULL },
    { "rarp_src", RARP("28", "0a 01 01 0a"), NULL },
    { "rarp_dst", RARP("38", "0a 01 01 64"), NULL },
    { "ip_1", A("ip"), NULL },
    { "ip_2", A("ip"), NULL },
    { "ip_host", A("ip from 192.1.2.23") A("ip to 192.1.2.23"), NULL },
    { "ip_src_1", A("ip from 192.1.2.254"), NULL },
    { "ip_src_2", A("ip from 0.0.0.0"), NULL },
    { "ip_dst_1", A("ip to 192.1.2.254"), NULL },
    { "ip_dst_2", A("ip to 192.168.1.4"), NULL },
    { "ip6", A("ip6"), NULL },
    { "ip6_src_1", A("ip6 from fe80::d6ca:6dff:fe66:cf60"), NULL },
    { "ip6_src_2", A("ip6 from 10::1"), NULL },
    { "ip6_dst_1", A("ip6 to ff02::12"), NULL },
    { "ip6_dst_2", A("ip6 to 10::1"), NULL },
    { "iso_proto_isis_EN10MB", A(ISO "bytes l2 at 17 is x\"83\""), NULL },
    { "iso_proto_esis_EN10MB", A(ISO "bytes l2 at 17 is x\"82\""), NULL },
    { "csnp_EN10MB", A(ISO "bytes l2 at 17 is x\"83\" bytes l2 at 21 is x\"18\"")
                     A(ISO "bytes l2 at 17 is x\"83\" bytes l2 at 21 is x\"19\""), NULL },
    { "vxlan", A(VXLAN), NULL },
    { "vxlan_100", A(VXLAN "bytes payload at 4 is x\"00 00 64\""), NULL },
    { "vxlan_101", A(VXLAN "bytes payload at 4 is x\"00 00 65\""), NULL },
    { "vxlan_and_icmp_reply",
      A(VXLAN "bytes payload at 20 is x\"08 00 45\" bytes payload at 31 is x\"01\" "
              "bytes payload at 42 is x\"08\""), NULL },
    { "geneve", A(GENEVE), NULL },
    { "geneve_10", A(GENEVE "bytes payload at 4 is x\"00 00 0a\""), NULL },
    { "geneve_11", A(GENEVE "bytes payload at 4 is x\"00 00 0b\""), NULL },
    { "geneve_and_tcp_src_port",
      A(GENEVE "bytes payload at 0 is x\"00\" mask x\"3f\" bytes payload at 20 is x\"08 00 45\" "
               "bytes payload at 31 is x\"06\" bytes payload at 42 is x\"00 16\"")
      A(GENEVE "bytes payload at 0 is x\"02\" mask x\"3f\" bytes payload at 28 is x\"08 00 45\" "
               "bytes payload at 39 is x\"06\" bytes payload at 50 is x\"00 16\""), NULL },
    { "ip_protochain_17_deepstack", A("ip udp"), NULL },
    { "ip6_protochain_17_deepstack", A("ip6 udp"), "ip6-routing-0" },
    { "ip6_protochain_51_tunnel", A("ip6 bytes l3 at 6 is x\"33\""), NULL },
    { "ip6_protochain_41_tunnel", A("ip6 proto ipv6"), NULL },
    { "ip6_protochain_108_tunnel", A("ip6 proto ipcomp"), NULL },
    { "ip6_protochain_6_tunnel", A("ip6 tcp"), NULL },
    { "ip6_protochain_17_mixed", A("ip6 udp"), NULL },
    { "ip6_protochain_41_mixed", A("ip6 proto 41"), NULL },
    { "ip_protochain_51_tunnel", A("ip proto ah"), NULL },
    { "ip_protochain_4_tunnel", A("ip proto ah bytes l4 at 0 is x\"04\""), NULL },
    { "ip_protochain_108_tunnel", A("ip proto ah bytes l4 at 0 is x\"6c\""), NULL },
    { "ip_protochain_51_transport", A("ip proto ah"), NULL },
    { "ip_protochain_1_transport", "drop fragment later\n" /* else they follow their first */ A("ip proto ah bytes l4 at 0 is x\"01\""), NULL },
    { "llc", LLC(""), NULL },
    { "llc_i", CONTROL("00", "01"), NULL },
    { "llc_s", CONTROL("01", "03"), NULL },
    { "llc_rr", CONTROL("01", "0f"), NULL },
    { "llc_rnr", CONTROL("05", "0f"), NULL },
    { "llc_u", CONTROL("03", "03"), NULL },
    { "llc_ui", CONTROL("03", "ef"), NULL },
    { "llc_sabme", CONTROL("6f", "ef"), NULL },
    { "llc_ua", CONTROL("63", "ef"), NULL },
    { "icmp6_via_index", A("ip6 bytes l3 at 6 is x\"3a\""), NULL },
    { "icmp6_echo_reply", A("icmp6 type echo-reply"), NULL },
};
/* clang-format on */
enum { QUESTIONS = sizeof questions / sizeof *questions, FRAMES = 32 };

static bool ask(const struct question *q, const char *savefile, const char *expr, unsigned frames, char *results)
{
    static struct line lines[FRAMES];
    char rules[4096], capture[4400];
    const char *dir = getenv("PREY_CORPUS");
    snprintf(rules, sizeof rules, "firewall f default drop other frames drop {\n%s}\n", q->rules);
    snprintf(capture, sizeof capture, "%s/libpcap-apply/caps/%s", dir && *dir ? dir : "../shared/corpus", savefile);
    bool good = frames <= FRAMES && replay(rules, capture, lines, frames);
    for (unsigned i = 0; good && i < frames; i++) {
        const bool theirs = strtoul(results, &results, 10) != 0, ours = strcmp(lines[i].verdict, "accept") == 0;
        results += *results == ',';
        if (q->dropped && theirs && strcmp(lines[i].reason, q->dropped) == 0) continue;
        if (theirs != ours)
            printf("# %s frame %u: libpcap says %s, we %s (reason %s)\n", savefile, i + 1, theirs ? "yes" : "no",
                   lines[i].verdict, lines[i].reason);
        good = theirs == ours;
    }
    return test_ok(good, "apply: %s: `%s` on %s", q->name, expr, savefile);
}

int main(void)
{
    if (!corpus_dir("libpcap's filter tests")) return 0;
    FILE *f = corpus_open("libpcap-apply/apply.tsv");
    static char text[1 << 20];
    unsigned asked = 0, agreed = 0, rows = 0;
    const size_t len = fread(text, 1, sizeof text - 1, f);
    corpus_close(f);
    text[len] = '\0';
    for (char *line = strtok(text, "\n"); (line = strtok(NULL, "\n")); rows++) {
        char *field[10], *at = line;
        for (unsigned i = 0; i < 10; i++) field[i] = at ? strsep(&at, "\t") : line + strlen(line);
        for (const struct question *q = questions; q < questions + QUESTIONS; q++) {
            if (strcmp(q->name, field[0]) != 0) continue;
            asked++;
            agreed += ask(q, field[1], field[5], (unsigned)strtoul(field[6], NULL, 10), field[8]);
        }
    }
    test_ok(asked == QUESTIONS && agreed == asked, "apply: %u of %u rows can be asked, %u agree", asked, rows, agreed);
    return test_status();
}
