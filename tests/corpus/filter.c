/* The questions of tcpdump-filter.tsv, asked in our language: every expression of the table is a rule file below, every
 * capture that we can read is replayed with it, and the frames accepted must be those that the table counts.
 *
 * All captures are in one pcapng, so a question is one compile and one replay. Where a listing differs, libpcap
 * itself (held to the table first) says frame by frame what it answers, and each frame that differs must fall into a
 * class that the question names, for the reason beside the class. */
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/corpus.h"

/* Why a frame may be answered differently. */
enum {
    MALFORMED = 1 << 0, /* dropped before any rule, with a reason; libpcap reads fields without looking at lengths */
    CHAIN =
        1 << 1, /* IPv6 with extension headers: libpcap looks at the first next header (and behind a fragment header) */
    TAGS = 1 << 2,    /* two and more VLAN tags: libpcap looks behind as many as the expression says `vlan` */
    UNPLAIN = 1 << 3, /* our `length` is the IP packet's: comparable in untagged Ethernet frames without padding */
    LATER = 1 << 4, /* a later fragment follows its first where ports are asked for; one expression reads its payload as
                       a TCP header */
    CLASSES = 5
};
static const char *const class_name[CLASSES] = {"malformed", "extension headers", "several tags",
                                                "not plain IP in Ethernet", "later fragments"};

/* clang-format off */
/* libpcap looks at untagged frames unless told `vlan`: so `vlan none` is in what asks of IP. ARP's and RARP's
 * addresses (host, net) are bytes of the frame. */
#define Y(conditions) "accept " conditions " vlan none\n"
#define N(conditions) "drop " conditions " vlan none\n"
#define ARP_SRC(verdict, is)                              \
    verdict " arp vlan none bytes l2 at 28 is " is "\n"   \
    verdict " ether 0x8035 vlan none bytes l2 at 28 is " is "\n"
#define ARP_DST(verdict, is)                              \
    verdict " arp vlan none bytes l2 at 38 is " is "\n"   \
    verdict " ether 0x8035 vlan none bytes l2 at 38 is " is "\n"
#define SRC(verdict, net, is) verdict " ip vlan none from " net "\n" ARP_SRC(verdict, is)
#define DST(verdict, net, is) verdict " ip vlan none to " net "\n" ARP_DST(verdict, is)
#define NET(net, is) SRC("accept", net, is) DST("accept", net, is)
#define EITHER(proto, port) Y(proto "port " port) Y(proto "source port " port)
#define NEITHER(proto, port) N(proto "port " port) N(proto "source port " port)
#define ALL "accept\naccept arp\n"

static const struct question {
    const char *expr, *rules;
    unsigned may; /* classes besides MALFORMED */
} questions[] = {
    { "ip", Y("ip"), 0 },
    { "ip6", Y("ip6"), 0 },
    { "arp", "accept arp vlan none\n", 0 },
    { "tcp", Y("tcp"), CHAIN },
    { "udp", Y("udp"), CHAIN },
    { "icmp", Y("icmp"), 0 },
    { "icmp6", Y("icmp6"), CHAIN },
    { "sctp", Y("sctp"), CHAIN },
    { "not (tcp or udp or arp)", N("tcp, udp") "drop arp vlan none\n" ALL, CHAIN },
    { "tcp port 80", EITHER("tcp ", "80"), CHAIN },
    { "tcp dst port 443", Y("tcp port 443"), CHAIN },
    { "tcp src port 80", Y("tcp source port 80"), CHAIN },
    { "udp port 53", EITHER("udp ", "53"), CHAIN },
    { "port 53", EITHER("", "53"), CHAIN },
    { "not port 80 and not port 443", NEITHER("", "80, 443") ALL, CHAIN },
    { "portrange 1-1023", EITHER("", "1-1023"), CHAIN },
    { "tcp portrange 8000-9000", EITHER("tcp ", "8000-9000"), CHAIN },
    { "udp dst port 53 or tcp dst port 53", Y("tcp, udp port 53"), CHAIN },
    { "tcp dst port 22 or tcp dst port 23 or tcp dst port 25 or tcp dst port 110 or tcp dst port 143",
      Y("tcp port 22, 23, 25, 110, 143"), CHAIN },
    { "(tcp or udp) and not (port 80 or port 443 or port 53)", NEITHER("", "80, 443, 53") Y("tcp, udp"), CHAIN },
    { "host 10.0.0.1", NET("10.0.0.1", "x\"0a 00 00 01\""), 0 },
    { "src host 192.168.1.1 or dst host 192.168.1.1", NET("192.168.1.1", "x\"c0 a8 01 01\""), 0 },
    { "net 10.0.0.0/8", NET("10.0.0.0/8", "x\"0a\""), 0 },
    { "src net 192.168.0.0/16", SRC("accept", "192.168.0.0/16", "x\"c0 a8\""), 0 },
    { "dst net 192.168.0.0/16", DST("accept", "192.168.0.0/16", "x\"c0 a8\""), 0 },
    { "src net 192.168.0.0/16 and not dst net 192.168.0.0/16",
      DST("drop", "192.168.0.0/16", "x\"c0 a8\"") SRC("accept", "192.168.0.0/16", "x\"c0 a8\""), 0 },
    { "net 172.16.0.0/12 or net 192.168.0.0/16 or net 10.0.0.0/8",
      NET("172.16.0.0/12", "x\"ac 10\" mask x\"ff f0\"") NET("192.168.0.0/16", "x\"c0 a8\"")
      NET("10.0.0.0/8", "x\"0a\""), 0 },
    { "ip6 net 2001::/16", Y("ip6 from 2001::/16") Y("ip6 to 2001::/16"), 0 },
    { "ip6 net fe80::/10", Y("ip6 from fe80::/10") Y("ip6 to fe80::/10"), 0 },
    { "ip proto 2", Y("ip proto 2"), 0 },
    { "ip proto 47", Y("ip proto gre"), 0 },
    { "ip and not ip proto 6 and not ip proto 17", Y("ip proto not 6, 17"), 0 },
    { "ip6 proto 58", Y("ip6 proto 58"), CHAIN },
    { "ip6 proto 44", Y("ip6 bytes l3 at 6 is x\"2c\""), 0 },
    { "ip6 protochain 6", Y("ip6 tcp"), 0 },
    { "ip6[6] = 0", Y("ip6 bytes l3 at 6 is x\"00\""), 0 },
    { "icmp6 and ip6[40] = 135", Y("icmp6 type nd-neighbor-solicit"), CHAIN },
    { "ip multicast", Y("ip to 224.0.0.0/3"), 0 },
    { "ip[16] = 224", Y("ip bytes l3 at 16 is x\"e0\""), 0 },
    { "ip6 multicast", Y("ip6 to ff00::/8"), 0 },
    { "ip[0] & 0xf > 5", Y("ip options any"), 0 },
    { "ip[6:2] & 0x1fff != 0", Y("ip fragment later"), 0 },
    { "ip[6:2] & 0x3fff != 0", Y("ip fragment any"), 0 },
    { "ip[6] & 0x40 != 0", Y("ip bytes l3 at 6 is x\"40\" mask x\"40\""), 0 },
    { "ip[8] < 64", Y("ip ttl -63"), 0 },
    { "ip[8] = 64 or ip[8] = 128", Y("ip ttl 64, 128"), 0 },
    { "icmp[icmptype] = icmp-echo", Y("icmp type echo-request"), 0 },
    { "icmp[0] = 8 or icmp[0] = 0", Y("icmp type echo-request, echo-reply"), 0 },
    { "icmp[0] = 3 and icmp[1] = 4", Y("icmp type destination-unreachable code 4"), 0 },
    { "tcp[tcpflags] & (tcp-syn|tcp-ack) = tcp-syn", Y("ip tcp flags has syn lacks ack"), 0 },
    { "tcp[tcpflags] & tcp-rst != 0", Y("ip tcp flags has rst"), 0 },
    { "tcp[13] & 0x12 = 0x12", Y("ip tcp flags has syn, ack"), 0 },
    { "tcp[13] = 0x10", Y("ip tcp flags has ack lacks fin, syn, rst, psh, urg, ece, cwr"), 0 },
    { "tcp and (ip[2:2] - ((ip[0]&0xf)<<2) - ((tcp[12]&0xf0)>>2)) != 0",
      Y("ip tcp bytes payload at 0 is x\"00\" mask x\"00\""), 0 },
    { "tcp[((tcp[12] & 0xf0) >> 2):2] = 0x1603", Y("ip tcp bytes payload at 0 is x\"16 03\""), 0 },
    { "tcp[((tcp[12] & 0xf0) >> 2):4] = 0x47455420", Y("ip tcp bytes payload at 0 is x\"47 45 54 20\""), 0 },
    { "udp[4:2] > 512",
      N("ip udp bytes l4 at 4 is x\"00 00\" mask x\"fe 00\"") N("ip udp bytes l4 at 4 is x\"02 00\"")
      Y("ip udp fragment no, first"), 0 },
    { "udp[8:2] & 0x7fff = 0 and udp port 53",
      Y("ip udp port 53 bytes l4 at 8 is x\"00 00\" mask x\"7f ff\"")
      Y("ip udp source port 53 bytes payload at 0 is x\"00 00\" mask x\"7f ff\""), 0 },
    { "len >= 200 and len <= 800", Y("length 186-786"), UNPLAIN },
    { "less 64", Y("length -50"), UNPLAIN },
    { "greater 1500", Y("length 1486-"), UNPLAIN },
    { "ether broadcast", "accept ether to broadcast\naccept arp ether to broadcast\n", 0 },
    { "ether multicast", "accept ether to broadcast, multicast\naccept arp ether to broadcast, multicast\n", 0 },
    { "ether proto 0x86dd", Y("ether 0x86dd"), 0 },
    { "ether[0] & 1 = 1",
      "accept bytes l2 at 0 is x\"01\" mask x\"01\"\naccept arp bytes l2 at 0 is x\"01\" mask x\"01\"\n", 0 },
    { "ether[12:2] = 0x8847", "accept bytes l2 at 12 is x\"88 47\"\n", 0 },
    { "mpls", Y("ether 0x8847"), 0 },
    { "pppoes", Y("ether 0x8864"), 0 },
    { "vlan", "accept vlan any\naccept arp vlan any\n", 0 },
    { "vlan 10", "accept vlan 10\naccept arp vlan 10\n", 0 },
    { "vlan and vlan", "accept vlan any inner 0-4094\naccept arp vlan any inner 0-4094\n", 0 },
    { "vlan and ip", "accept ip vlan any\n", TAGS },
    { "vlan and tcp port 80", "accept vlan any tcp port 80\naccept vlan any tcp source port 80\n", TAGS | CHAIN },
};
/* clang-format on */
enum { QUESTIONS = sizeof questions / sizeof *questions, CAPTURES = 128 };

struct capture {
    char path[128];
    size_t first, count; /* its frames, in `all` */
    int dlt;             /* -1: libpcap can't open it; not `known`: we can't */
};
static struct capture captures[CAPTURES];
static unsigned capture_count;
static struct frames all;
static struct line *lines;

/* The captures of the table, in its order; a link type that we can't read adds no frames. */
static struct capture *capture_find(const char *dir, const char *path)
{
    for (unsigned i = 0; i < capture_count; i++)
        if (strcmp(captures[i].path, path) == 0) return &captures[i];
    if (capture_count == CAPTURES) exit(test_ok(false, "filter: more than %d captures", CAPTURES));
    struct capture *c = &captures[capture_count++];
    snprintf(c->path, sizeof c->path, "%s", path);
    char full[4400];
    snprintf(full, sizeof full, "%s/%s", dir, path);
    struct frames here = {0};
    c->dlt = frames_read(&here, full, NULL);
    c->first = all.count;
    for (size_t i = 0; dlt_known(c->dlt) && i < here.count; i++)
        frames_add(&all, here.v[i].data, here.v[i].cap_len, here.v[i].wire_len, c->dlt);
    c->count = all.count - c->first;
    frames_free(&here);
    return c;
}

static unsigned be16(const uint8_t *p) { return (unsigned)p[0] << 8 | p[1]; }

/* The classes that a frame falls into, read by hand: independent of the parser under test. */
static unsigned classes_of(const struct frame *f, const struct line *line)
{
    unsigned is = strcmp(line->reason, "-") != 0 ? MALFORMED : 0, at, tags = 0;
    const uint8_t *p = f->data;
    if (f->dlt == DLT_EN10MB) {
        for (at = 12; at + 2 <= f->cap_len; at += 4, tags++)
            if (be16(p + at) != 0x8100 && be16(p + at) != 0x88a8 && be16(p + at) != 0x9100) break;
        at += 2;
    } else {
        at = f->dlt == DLT_LINUX_SLL                    ? 16
             : f->dlt == DLT_LINUX_SLL2                 ? 20
             : f->dlt == DLT_NULL || f->dlt == DLT_LOOP ? 4
                                                        : 0;
    }
    if (tags > 1) is |= TAGS;
    const bool ip4 = at + 20 <= f->cap_len && p[at] >> 4 == 4, ip6 = at + 40 <= f->cap_len && p[at] >> 4 == 6;
    if (ip6 && p[at + 6] < 141 && strchr("\x2b\x2c\x33\x3c\x87\x8b\x8c", p[at + 6]))
        is |= CHAIN; /* 0: hop-by-hop, as NUL */
    if (ip4 && (be16(p + at + 6) & 0x1fff)) is |= LATER;
    const unsigned length = ip4 ? be16(p + at + 2) : ip6 ? be16(p + at + 4) + 40 : 0;
    if (f->dlt != DLT_EN10MB || tags || !length || at + length != f->wire_len) is |= UNPLAIN;
    return is;
}

struct tally {
    unsigned exact, near, wrong;
    size_t differing[CLASSES];
};

/* The classes that may differ where this is asked. */
static unsigned may_differ(const struct question *q)
{
    static const char *const beyond[] = {"port ", "flags ", "icmp type", "icmp6 type", "bytes l4", "bytes payload"};
    unsigned may = q->may | MALFORMED;
    for (unsigned i = 0; i < sizeof beyond / sizeof *beyond; i++)
        if (strstr(q->rules, beyond[i])) may |= LATER;
    return may;
}

/* The frames that libpcap accepts, as the table's crc: false where this libpcap answers differently from the table's.
 */
static bool oracle(const struct question *q, const struct capture *c, uint32_t crc, bool says[])
{
    struct bpf_program code;
    pcap_t *dead = pcap_open_dead(c->dlt, 262144);
    if (!dead || pcap_compile(dead, &code, q->expr, 1, PCAP_NETMASK_UNKNOWN) != 0) return false;
    size_t *indices = calloc(c->count + 1, sizeof *indices), n = 0;
    for (size_t i = 0; i < c->count; i++) {
        const struct frame *f = &all.v[c->first + i];
        const struct pcap_pkthdr head = {.caplen = f->cap_len, .len = f->wire_len};
        says[i] = pcap_offline_filter(&code, &head, f->data) != 0;
        if (says[i]) indices[n++] = i;
    }
    const bool same = crc_of_indices(indices, n) == crc;
    free(indices);
    pcap_freecode(&code);
    pcap_close(dead);
    return same;
}

static bool ours(size_t frame) { return strcmp(lines[frame].verdict, "accept") == 0; }

/* Frame by frame against libpcap: true when every difference is of a class that the question names. */
static bool explained(const struct question *q, const struct capture *c, uint32_t crc, struct tally *t)
{
    bool *says = calloc(c->count + 1, sizeof *says);
    bool good = oracle(q, c, crc, says);
    if (!good) printf("# %s: libpcap here does not answer as the table does\n", c->path);
    for (size_t i = 0; good && i < c->count; i++) {
        if (ours(c->first + i) == says[i]) continue;
        const unsigned is = classes_of(&all.v[c->first + i], &lines[c->first + i]) & may_differ(q);
        if (!is)
            printf("# %s frame %zu: libpcap says %s, we %s (rule %s, reason %s)\n", c->path, i + 1,
                   says[i] ? "yes" : "no", lines[c->first + i].verdict, lines[c->first + i].rule,
                   lines[c->first + i].reason);
        good &= is != 0;
        for (unsigned k = 0; k < CLASSES; k++) t->differing[k] += is >> k & 1;
    }
    free(says);
    return good;
}

static void compare(const struct question *q, const struct capture *c, size_t count, uint32_t crc, struct tally *t)
{
    size_t *indices = calloc(c->count + 1, sizeof *indices), n = 0;
    for (size_t i = 0; i < c->count; i++)
        if (ours(c->first + i)) indices[n++] = i;
    const bool same = n == count && crc_of_indices(indices, n) == crc;
    free(indices);
    if (same)
        t->exact++;
    else if (explained(q, c, crc, t))
        t->near++;
    else
        t->wrong++;
}

struct row {
    const struct question *question;
    struct capture *capture;
    size_t count;
    uint32_t crc;
};
static struct row rows[QUESTIONS * CAPTURES];
static size_t row_count;

static void table_read(const char *dir)
{
    FILE *f = corpus_open("tcpdump-filter.tsv.gz");
    char *field[4];
    corpus_fields(f, '\t', field, 4); /* the header */
    while (corpus_fields(f, '\t', field, 4) == 4) {
        const struct question *q = questions;
        while (q < questions + QUESTIONS && strcmp(q->expr, field[1]) != 0) q++;
        if (q == questions + QUESTIONS)
            test_ok(false, "filter: no rules for `%s`", field[1]);
        else if (row_count < QUESTIONS * CAPTURES)
            rows[row_count++] = (struct row){q, capture_find(dir, field[0]), strtoul(field[2], NULL, 10),
                                             (uint32_t)strtoul(field[3], NULL, 16)};
    }
    corpus_close(f);
}

/* One question over every capture that the table asks it of. */
static void ask(const struct question *q, const char *merged, struct tally *sum)
{
    char rules[8192], differ[256] = "";
    snprintf(rules, sizeof rules, "firewall f default drop other frames drop {\n%s}\n", q->rules);
    struct tally t = {0};
    if (!replay(rules, merged, lines, all.count)) {
        test_ok(false, "filter: %s: could not be replayed", q->expr);
        return;
    }
    for (size_t i = 0; i < row_count; i++)
        if (rows[i].question == q && dlt_known(rows[i].capture->dlt))
            compare(q, rows[i].capture, rows[i].count, rows[i].crc, &t);
    for (unsigned k = 0; k < CLASSES; k++)
        if (t.differing[k])
            snprintf(differ + strlen(differ), sizeof differ - strlen(differ), "%s %zu %s",
                     *differ ? "," : ", but for frames:", t.differing[k], class_name[k]);
    test_ok(!t.wrong, "filter: %s: %u captures agree%s", q->expr, t.exact + t.near, differ);
    sum->exact += t.exact;
    sum->near += t.near;
    sum->wrong += t.wrong;
}

int main(void)
{
    const char *dir = corpus_dir("tcpdump filter table");
    if (!dir) return 0;
    table_read(dir);
    char merged[4200];
    snprintf(merged, sizeof merged, "%s", scratch("filter"));
    frames_write(&all, merged);
    lines = calloc(all.count + 1, sizeof *lines);
    struct tally sum = {0};
    for (const struct question *q = questions; lines && q < questions + QUESTIONS; q++) ask(q, merged, &sum);
    size_t skipped = 0;
    for (size_t i = 0; i < row_count; i++) skipped += !dlt_known(rows[i].capture->dlt);
    test_ok(sum.exact + sum.near + sum.wrong + skipped == row_count && !sum.wrong,
            "filter: %zu pairs of the table: %u equal, %u equal but for frames explained above, %u wrong, %zu of other "
            "link types",
            row_count, sum.exact, sum.near, sum.wrong, skipped);
    remove(merged);
    frames_free(&all);
    free(lines);
    return test_status();
}
