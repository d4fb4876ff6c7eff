/* Every packet action, decoded by tshark: what it says of each checksum after an action must be what it said before,
 * what we build must be right, and nothing may look malformed.
 *
 * The frames are those below, of every family and protocol, and all of the corpus that are whole Ethernet frames with a
 * well-formed IP packet. For each action they are written before and after it, and tshark, with nothing but the
 * protocols that we touch enabled, gives a line of checksum states a frame. Encapsulation puts its own header's state
 * in front; decapsulation must give back the bytes. */
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/corpus.h"
#include "tests/lib/note.h"
#include "vm/forward/splice/splice.h"
#include "vm/packet/edit/edit.h"
#include "vm/packet/edit/translate.h"
#include "vm/packet/pool_priv.h"
#include "vm/packet/reply/frame.h"
#include "vm/vm.h"

enum { FRAMES_MOST = 12000, LINE = 400, SLOTS = 32 };

static const char *const drawn[] = {
    "ip4 1.1.1.1 > 2.2.2.2 / tcp 1000 > 80 syn opt x\"020405b40103030704020000\"",
    "ip4 1.1.1.1 > 2.2.2.2 df / tcp 1000 > 80 ack psh seq 7 ack 9 opt x\"0101080a0000000100000002\" / payload \"odd\"",
    "vlan 5 / ip4 1.1.1.1 > 2.2.2.2 / tcp 1000 > 80 ack / zeros 1300",
    "ip4 1.1.1.1 > 2.2.2.2 tos 3 opt x\"01010101\" / udp 5 > 80 / payload \"odd\"",
    "ip4 1.1.1.1 > 2.2.2.2 / udp 5 > 80 csum 0 / payload \"none\"",
    "vlan 5 / vlan 6 / ip4 1.1.1.1 > 2.2.2.2 df / udp 5 > 80 / zeros 1400",
    "ip4 1.1.1.1 > 2.2.2.2 / sctp 5 > 80 tag 9 / payload x\"0b000004\"",
    "ip4 1.1.1.1 > 2.2.2.2 / icmp type 8 id 5 seq 3 / payload \"odd\"",
    "ip4 1.1.1.1 > 2.2.2.2 / icmp type 0 id 5 seq 3",
    "ip4 1.1.1.1 > 2.2.2.2 id 6 more / udp 5 > 80 len 1008 / zeros 992",
    "ip4 1.1.1.1 > 2.2.2.2 id 6 frag 1000 proto udp / zeros 8",
    "ip6 2001:db8::1 > 2001:db8::2 / tcp 1000 > 80 syn opt x\"020405b4\"",
    "ip6 2001:db8::1 > 2001:db8::2 tclass 2 / hbh / dst / tcp 1000 > 80 ack / payload \"odd\"",
    "vlan 7 / ip6 2001:db8::1 > 2001:db8::2 / udp 5 > 80 / zeros 1200",
    "ip6 2001:db8::1 > 2001:db8::2 / sctp 5 > 80 tag 9 / payload x\"0b000004\"",
    "ip6 2001:db8::1 > 2001:db8::2 / icmp6 type 128 id 5 seq 3 / payload \"odd\"",
    "ip6 2001:db8::1 > 2001:db8::2 / icmp6 type 129 id 5 seq 3",
    "ip4 9.9.9.9 > 1.1.1.1 / icmp type 3 code 4 mtu 1400 / ip4 1.1.1.1 > 2.2.2.2 df / tcp 1000 > 80 ack / zeros 30",
    "vlan 5 / ip4 9.9.9.9 > 1.1.1.1 / icmp type 3 code 3 / ip4 1.1.1.1 > 2.2.2.2 / udp 5 > 80 / payload \"odd\"",
    "ip4 9.9.9.9 > 1.1.1.1 / icmp type 11 / ip4 1.1.1.1 > 2.2.2.2 ttl 1 len 60 / icmp type 8 id 5 seq 3",
    "ip6 2001:db8::9 > 2001:db8::1 / icmp6 type 2 mtu 1300 / ip6 2001:db8::1 > 2001:db8::2 / tcp 1000 > 80 ack / zeros "
    "30",
    "ip6 2001:db8::9 > 2001:db8::1 / icmp6 type 1 code 4 / ip6 2001:db8::1 > 2001:db8::2 / udp 5 > 80 / payload "
    "\"odd\"",
};

/* Ethernet frames that hold a whole, well-formed IP packet. */
static struct frames inputs;
static struct pool *pool;

static bool usable(const uint8_t *data, uint32_t len, uint32_t wire, int dlt)
{
    struct pkt pkt;
    struct key key;
    if (dlt != DLT_EN10MB || len != wire || len > 2500) return false;
    pkt_view(&pkt, data, len, wire, LINK_ETHER, IFACE_NONE);
    return pkt_parse(&pkt, NULL, &key) == REASON_NONE && key.kind & KIND_IP;
}

static void draw_inputs(void)
{
    static struct note n;
    char err[200], text[400];
    for (size_t i = 0; i < sizeof drawn / sizeof *drawn; i++) {
        snprintf(text, sizeof text, "eth / %s", drawn[i]);
        if (note_parse(text, &n, err, sizeof err) != 0 || !usable(n.bytes, n.cap_len, n.wire_len, DLT_EN10MB)) {
            printf("not ok - %s\n", text);
            exit(1);
        }
        frames_add(&inputs, n.bytes, n.cap_len, n.wire_len, DLT_EN10MB);
    }
}

static void read_corpus(const char *dir)
{
    FILE *index = corpus_open("INDEX.tsv");
    char *fields[8], path[4300];
    while (inputs.count < FRAMES_MOST && corpus_fields(index, '\t', fields, 8)) {
        if (strncmp(fields[0], "pcap/", 5) != 0) continue;
        struct frames here = {0};
        snprintf(path, sizeof path, "%s/%s", dir, fields[0]);
        frames_read(&here, path, NULL);
        for (size_t i = 0; i < here.count && i < 500 && inputs.count < FRAMES_MOST; i++) {
            const struct frame *f = &here.v[i];
            if (usable(f->data, f->cap_len, f->wire_len, f->dlt))
                frames_add(&inputs, f->data, f->cap_len, f->wire_len, f->dlt);
        }
        frames_free(&here);
    }
    while (corpus_fields(index, '\t', fields, 8)) {}
    corpus_close(index);
}

/* Some of the large capture. */
static void read_mix(void)
{
    enum { EVERY = 20 };
    struct frames all = {0};
    frames_read_mix(&all, EVERY);
    for (size_t i = 0; i < all.count; i++) {
        const struct frame *f = &all.v[i];
        if (usable(f->data, f->cap_len, f->wire_len, f->dlt))
            frames_add(&inputs, f->data, f->cap_len, f->wire_len, DLT_EN10MB);
    }
    frames_free(&all);
}

/* One line of tshark's a frame. */
struct lines {
    char (*v)[LINE];
    size_t count;
};

/* tshark's configuration: a folder with a list of every protocol but these. */
static const char *configured(void)
{
    static char dir[4300];
    char command[14000];
    if (dir[0]) return dir;
    snprintf(dir, sizeof dir, "%s.shark", scratch("actions"));
    snprintf(
        command, sizeof command,
        "mkdir -p '%s' && tshark -G protocols 2>'%s/err' | awk -F'\\t' 'BEGIN { n = split(\"frame eth ethertype vlan "
        "ieee8021ad ip ipv6 ipv6.hopopts ipv6.dstopts ipv6.fraghdr ipv6.routing ah tcp udp sctp icmp icmpv6 data "
        "raw\", a, \" \"); for (i = 1; i <= n; i++) keep[a[i]] = 1 } !($3 in keep) { print $3 }' "
        ">'%s/disabled_protos'",
        dir, dir, dir);
    if (system(command) != 0) exit(1);
    return dir;
}

static struct lines decode(const struct frames *f, bool put_together)
{
    const char *dir = configured();
    char path[4400], command[14000];
    struct lines all = {.v = calloc(f->count + 1, LINE)};
    if (!all.v) exit(1);
    snprintf(path, sizeof path, "%s/frames.pcapng", dir);
    frames_write(f, path);
    snprintf(command, sizeof command,
             "WIRESHARK_CONFIG_DIR='%s' tshark -n -r '%s' -o ip.check_checksum:TRUE -o tcp.check_checksum:TRUE -o "
             "udp.check_checksum:TRUE -o 'sctp.checksum:CRC 32c' -o udp.ignore_ipv6_zero_checksum:TRUE -o "
             "ip.defragment:%s -T fields "
             "-e ip.checksum.status -e tcp.checksum.status -e udp.checksum.status -e icmp.checksum.status -e "
             "icmpv6.checksum.status -e sctp.checksum.status -e _ws.malformed 2>'%s/err'",
             dir, path, put_together ? "TRUE" : "FALSE", dir);
    FILE *in = popen(command, "r");
    while (in && all.count < f->count && fgets(all.v[all.count], LINE, in))
        all.v[all.count][strcspn(all.v[all.count], "\n")] = '\0', all.count++;
    if (!in || pclose(in) != 0) all.count = 0;
    return all;
}

/* An action's frames before and after it. */
struct series {
    const char *name, *front; /* front: what the first column gets in front */
    struct frames before, after;
    unsigned wrong; /* found without tshark */
};

static struct pkt *slot(const struct frame *f, struct key *key)
{
    struct pkt view;
    pkt_view(&view, f->data, f->cap_len, f->wire_len, LINK_ETHER, IFACE_NONE);
    struct pkt *pkt = pool_copy(pool, &view);
    if (!pkt || pkt_parse(pkt, NULL, key)) exit(1);
    return pkt;
}

static void add_after(struct series *s, struct pkt *pkt)
{
    frames_add(&s->after, pkt->data, pkt->head_len, pkt->wire_len, pkt->link == LINK_ETHER ? DLT_EN10MB : DLT_RAW);
}

static void add_pair(struct series *s, const struct frame *before, struct pkt *after)
{
    frames_add(&s->before, before->data, before->cap_len, before->wire_len, before->dlt);
    add_after(s, after);
}

static size_t bad_words(const char *line)
{
    size_t bad = strstr(line, "alformed") != NULL;
    for (const char *at = line; *at; at++) bad += *at == '0';
    return bad;
}

/* Every line after is the one before, with `front` before its first column. */
static void compare(struct series *s)
{
    struct lines before = decode(&s->before, false), after = decode(&s->after, false);
    size_t differ = before.count != s->before.count || after.count != s->after.count, good = 0;
    for (size_t i = 0; i < after.count && i < before.count; i++) {
        char expected[LINE + 8];
        const char *comma = s->front[0] && before.v[i][0] != '\t' ? "," : "";
        snprintf(expected, sizeof expected, "%s%s%s", s->front, comma, before.v[i]);
        good += bad_words(after.v[i]) == 0;
        if (strcmp(expected, after.v[i]) != 0 && differ++ < 5)
            printf("#   %s, frame %zu: '%s' became '%s'\n", s->name, i, before.v[i], after.v[i]);
    }
    test_ok(differ == 0 && s->wrong == 0 && good > 0,
            "%s: %zu frames say of their checksums what they said before, %zu that all are right", s->name, after.count,
            good);
    free(before.v);
    free(after.v);
    frames_free(&s->before);
    frames_free(&s->after);
}

/* The same of packets in fragments; a fragment whose wire_len is 1 is not the last of its packet. */
static void compare_fragments(struct series *s, struct frames *fragments)
{
    size_t differ = 0, at = 0;
    bool *more = calloc(fragments->count + 1, sizeof *more);
    if (!more) exit(1);
    for (size_t i = 0; i < fragments->count; i++) {
        more[i] = fragments->v[i].wire_len == 1;
        fragments->v[i].wire_len = fragments->v[i].cap_len;
    }
    struct lines before = decode(&s->before, false), after = decode(fragments, true);
    for (size_t i = 0; i < after.count; i++) {
        char expected[LINE + 8];
        const char *inner = more[i] ? "\t\t\t\t\t\t" : before.v[at];
        snprintf(expected, sizeof expected, "%s%s%s", s->front, s->front[0] && inner[0] != '\t' ? "," : "", inner);
        at += !more[i];
        if (strcmp(expected, after.v[i]) != 0 && differ++ < 5)
            printf("#   %s, frame %zu: '%s', not '%s'\n", s->name, i, after.v[i], expected);
    }
    test_ok(differ == 0 && s->wrong == 0 && at && at == before.count && after.count == fragments->count,
            "%s: %zu of %zu packets, put together the same again", s->name, fragments->count, at);
    free(before.v);
    free(after.v);
    frames_free(&s->before);
    frames_free(fragments);
    free(more);
}

/* Every frame is right. */
static void all_right(struct series *s)
{
    struct lines after = decode(&s->after, false);
    size_t bad = after.count != s->after.count || after.count == 0;
    for (size_t i = 0; i < after.count; i++)
        if ((bad_words(after.v[i]) || !strchr(after.v[i], '1')) && bad++ < 5)
            printf("#   %s, frame %zu: '%s'\n", s->name, i, after.v[i]);
    test_ok(bad == 0 && s->wrong == 0, "%s: %zu frames, all right", s->name, after.count);
    free(after.v);
    frames_free(&s->after);
}

static struct translation other_ends(const struct key *key)
{
    struct translation t = {.src_port = 40123, .dst_port = 8443, .what = 15};
    if (key->kind & KIND_FRAG_FIRST && key->kind & KIND_SCTP) t.what = TRANSLATE_SRC | TRANSLATE_DST;
    const uint32_t src6[4] = {0x20010db8, 1, 2, 3}, dst6[4] = {0xfd001234, 5, 6, 7};
    memcpy(t.src, src6, sizeof src6);
    memcpy(t.dst, dst6, sizeof dst6);
    if (key->kind & KIND_IP4) t.src[0] = 0xc6336401;
    if (key->kind & KIND_IP4) t.dst[0] = 0x0a090807;
    return t;
}

static void try_translate(void)
{
    struct series s = {.name = "translate", .front = ""}, hop = {.name = "one hop", .front = ""},
                  quoted = {.name = "quoted", .front = ""};
    for (size_t i = 0; i < inputs.count; i++) {
        struct key key;
        struct pkt *pkt = slot(&inputs.v[i], &key);
        struct translation t = other_ends(&key);
        s.wrong += translate(pkt, &key, &t) != 0;
        add_pair(&s, &inputs.v[i], pkt);
        pool_put(pkt);
        pkt = slot(&inputs.v[i], &key);
        if (ttl_decrement(pkt, &key)) add_pair(&hop, &inputs.v[i], pkt);
        pool_put(pkt);
        pkt = slot(&inputs.v[i], &key);
        if (quoted_translate(pkt, &key, &t, &t) == 0) add_pair(&quoted, &inputs.v[i], pkt);
        pool_put(pkt);
    }
    compare(&s);
    compare(&hop);
    compare(&quoted);
}

static void try_tunnel(const char *name, const struct tunnel *t)
{
    struct series s = {.name = name, .front = t->v6 ? "" : "1"};
    for (size_t i = 0; i < inputs.count; i++) {
        struct key key;
        struct pkt *pkt = slot(&inputs.v[i], &key);
        uint32_t end = pkt->l3 + (uint32_t)key.length, overhead = tunnel_overhead(t), inner_mtu;
        struct frame inner = {.data = pkt->data, .cap_len = end, .wire_len = end, .dlt = DLT_EN10MB};
        if (tunnel_fit(t, pkt, &key, &inner_mtu) != TUNNEL_FITS) {
            pool_put(pkt);
            continue;
        }
        frames_add(&s.before, inputs.v[i].data, inner.cap_len, inner.wire_len, DLT_EN10MB);
        s.wrong += tunnel_encap(pkt, &key, t, (uint32_t)i * 2654435761u, (uint16_t)i) != 0;
        s.wrong += pkt->head_len != end + overhead;
        add_after(&s, pkt);
        struct frame outer = s.after.v[s.after.count - 1];
        pool_put(pkt);
        pkt = slot(&outer, &key);
        s.wrong += tunnel_decap(pkt, &key, (enum tunnel_kind)t->kind, t->port) != DECAP_DONE;
        s.wrong += pkt->head_len != end || memcmp(pkt->data, inputs.v[i].data, end) != 0;
        pool_put(pkt);
    }
    if (t->kind == TUNNEL_IPIP) {
        compare(&s);
        return;
    }
    /* tshark does not look into GUE: the outer headers only, whose UDP checksum is absent (state 3). */
    struct lines after = decode(&s.after, false);
    size_t bad = after.count != s.after.count;
    const char *expected = t->v6 ? "\t\t3\t\t\t\t" : "1\t\t3\t\t\t\t";
    for (size_t i = 0; i < after.count; i++)
        if (strcmp(after.v[i], expected) != 0 && bad++ < 5) printf("#   %s, frame %zu: '%s'\n", name, i, after.v[i]);
    test_ok(bad == 0 && s.wrong == 0 && after.count, "%s: %zu frames, right outside and the same again inside", name,
            after.count);
    free(after.v);
    frames_free(&s.before);
    frames_free(&s.after);
}

static void try_tunnels(void)
{
    struct tunnel t = {.src = {0x0a000001}, .dst = {0x0a000002}, .port = 6080, .mtu = 2400};
    try_tunnel("ipip over IPv4", &t);
    t.kind = TUNNEL_GUE;
    try_tunnel("gue over IPv4", &t);
    t = (struct tunnel){
        .src = {0xfd000000, 0, 0, 1}, .dst = {0xfd000000, 0, 0, 2}, .port = 6080, .mtu = 2400, .v6 = true};
    try_tunnel("ipip over IPv6", &t);
    t.kind = TUNNEL_GUE;
    try_tunnel("gue over IPv6", &t);
}

/* Each packet in two fragments, or the fragments before the last in one line: what was encapsulated is decoded with the
 * last.
 */
static void try_fragments(const char *name, const struct tunnel *t)
{
    struct series s = {.name = name, .front = t->v6 ? "" : "1"};
    struct frames fragments = {0};
    for (size_t i = 0; i < inputs.count; i++) {
        struct pkt *out[FRAGMENTS_MOST];
        struct key key;
        struct pkt *pkt = slot(&inputs.v[i], &key);
        uint32_t inner_mtu;
        if (key.kind & KIND_FRAG_NO && tunnel_fit(t, pkt, &key, &inner_mtu) == TUNNEL_IN_FRAGMENTS &&
            tunnel_encap(pkt, &key, t, 1, (uint16_t)i) == 0) {
            int count = fragment(pkt, t->mtu, 1, pool, out);
            s.wrong += count < 2;
            frames_add(&s.before, inputs.v[i].data, inputs.v[i].cap_len, inputs.v[i].wire_len, DLT_EN10MB);
            for (int k = 0; k < count; k++) {
                frames_add(&fragments, out[k]->data, out[k]->head_len, k + 1 < count, DLT_EN10MB);
                pool_put(out[k]);
            }
        }
        pool_put(pkt);
    }
    compare_fragments(&s, &fragments);
}

static void try_answers(void)
{
    struct series s = {.name = "answers"}, mss = {.name = "mss clamp", .front = ""};
    for (size_t i = 0; i < inputs.count && i < 3000; i++) {
        struct key key;
        struct pkt *out[4] = {0}, *pkt = slot(&inputs.v[i], &key);
        build_time_exceeded(pkt, &key, NULL, pool, &out[0]);
        build_too_big(pkt, &key, 1400, NULL, pool, &out[1]);
        build_echo_reply(pkt, &key, pool, &out[2]);
        build_rst(pkt, &key, pool, &out[3]);
        for (unsigned k = 0; k < 4; k++) {
            if (!out[k]) continue;
            /* What is quoted may itself be wrong, or be cut, which tshark does not forgive: errors about what we drew,
             * short ones. */
            if (k >= 2 || (i < sizeof drawn / sizeof *drawn && key.length < BUILD_QUOTE4 - 40)) add_after(&s, out[k]);
            pool_put(out[k]);
        }
        if (mss_clamp(pkt, &key, 500)) add_pair(&mss, &inputs.v[i], pkt);
        pool_put(pkt);
    }
    all_right(&s);
    compare(&mss);
}

/* Segments joined to a flow with other options, and some that must be cut. */
static void try_splice(void)
{
    struct series s = {.name = "splice", .front = ""}, cut = {.name = "splice, cut"};
    const struct splice_end ends[2] = {{.in = 7, .out = 9, .mss = 1460, .scale_in = 7},
                                       {.in = 1000, .out = 5000, .mss = 600, .scale_out = 2, .has = SPLICE_STAMPS}};
    struct splice splice;
    for (size_t i = 0; i < inputs.count; i++) {
        struct key key;
        struct splice_out out;
        struct pkt *pkt = slot(&inputs.v[i], &key);
        splice_join(&splice, ends, 0);
        enum splice_fate fate = splice_pass(&splice, 0, pkt, &key, 5, pool, &out);
        if (fate == SPLICE_SENT && out.count == 1) add_pair(&s, &inputs.v[i], pkt);
        for (unsigned k = 0; fate == SPLICE_SENT && out.count > 1 && k < out.count; k++) add_after(&cut, out.pkts[k]);
        for (unsigned k = 1; k < out.count; k++) pool_put(out.pkts[k]);
        pool_put(pkt);
    }
    compare(&s);
    all_right(&cut);
}

/* tshark, asked like this, does find what is wrong. */
static bool tshark_sees(void)
{
    struct frames f = {0};
    for (size_t i = 0; i < 9; i++) {
        uint8_t bytes[2600];
        const struct frame *in = &inputs.v[i];
        memcpy(bytes, in->data, in->cap_len);
        bytes[in->cap_len - 1] ^= 0x40;
        frames_add(&f, bytes, in->cap_len, in->wire_len, in->dlt);
    }
    struct lines seen = decode(&f, false);
    size_t bad = 0;
    for (size_t i = 0; i < seen.count; i++) bad += bad_words(seen.v[i]) > 0;
    test_ok(bad == 8, "tshark finds %zu of 8 damaged frames, and none without a checksum", bad);
    free(seen.v);
    frames_free(&f);
    return bad == 8;
}

int main(void)
{
    if (system("command -v tshark >/dev/null 2>&1") != 0) {
        printf("ok - actions, as tshark decodes them # SKIP no tshark\n");
        return 0;
    }
    size_t bytes = pool_bytes(SLOTS, 4096);
    void *memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
    pool = pool_init(memory, bytes, SLOTS, 4096);
    if (!pool) return 1;
    draw_inputs();
    if (!tshark_sees()) return 1;
    const char *dir = corpus_dir("actions on the corpus");
    if (dir) read_corpus(dir);
    if (dir) read_mix();
    try_translate();
    try_tunnels();
    try_fragments("fragments of IPv4", &(struct tunnel){.src = {0x0a000001}, .dst = {0x0a000002}, .mtu = 576});
    try_fragments("fragments of IPv6",
                  &(struct tunnel){.src = {0xfd000000, 0, 0, 1}, .dst = {0xfd000000, 0, 0, 2}, .mtu = 576, .v6 = true});
    try_answers();
    try_splice();
    test_ok(pool->free_count == SLOTS, "every slot came back");
    char command[4400];
    snprintf(command, sizeof command, "rm -r '%s'", configured());
    test_ok(system(command) == 0, "nothing is left behind");
    frames_free(&inputs);
    free(memory);
    return test_status();
}
