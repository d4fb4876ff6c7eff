/* Reading lists of five-field rules, and converting them to boxes, keys, text and frames. */
#include "tests/lib/ruleset.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/corpus.h"

static void *grown(void *v, uint32_t count, size_t size)
{
    /* Grow to a power of two, so that most calls change nothing. */
    if (count & (count - 1)) return v;
    v = realloc(v, (count ? 2 * (size_t)count : 1) * size);
    if (!v) abort();
    return v;
}

/* ---- ClassBench ---- */

static bool is_there(const char *file)
{
    char path[4200];
    const char *dir = getenv("PREY_CORPUS");
    snprintf(path, sizeof path, "%s/%s", dir && *dir ? dir : "../shared/corpus", file);
    return access(path, R_OK) == 0;
}

static uint32_t prefix_mask(int bits) { return bits <= 0 ? 0 : bits >= 32 ? ~0u : ~0u << (32 - bits); }

static bool rule_read(const char *line, struct flat_rule *r)
{
    unsigned s[4], d[4], len[2], port[4], proto, mask;
    if (sscanf(line, "@%u.%u.%u.%u/%u %u.%u.%u.%u/%u %u : %u %u : %u %x/%x", &s[0], &s[1], &s[2], &s[3], &len[0], &d[0],
               &d[1], &d[2], &d[3], &len[1], &port[0], &port[1], &port[2], &port[3], &proto, &mask) != 16)
        return false;
    *r = (struct flat_rule){.src_len = (uint8_t)len[0],
                            .dst_len = (uint8_t)len[1],
                            .proto = mask ? (uint8_t)proto : 0,
                            .any_proto = !mask,
                            .sport = {(uint16_t)port[0], (uint16_t)port[1]},
                            .dport = {(uint16_t)port[2], (uint16_t)port[3]}};
    r->src[0] = (s[0] << 24 | s[1] << 16 | s[2] << 8 | s[3]) & prefix_mask((int)len[0]);
    r->dst[0] = (d[0] << 24 | d[1] << 16 | d[2] << 8 | d[3]) & prefix_mask((int)len[1]);
    return true;
}

bool ruleset_classbench(struct ruleset *rs, const char *set)
{
    char file[80], *line = NULL;
    size_t cap = 0;
    *rs = (struct ruleset){0};
    snprintf(rs->name, sizeof rs->name, "%s", set);
    snprintf(file, sizeof file, "classbench/%s.rules.gz", set);
    if (!is_there(file)) return false;
    FILE *f = corpus_open(file);
    while (getline(&line, &cap, f) > 0) {
        rs->rules = grown(rs->rules, rs->count, sizeof *rs->rules);
        if (rule_read(line, &rs->rules[rs->count])) rs->count++;
    }
    free(line);
    corpus_close(f);
    return rs->count > 0;
}

bool headers_classbench(struct headers *h, const char *set, const char *kind)
{
    char trace[80], expect[80], *v[7];
    *h = (struct headers){0};
    snprintf(trace, sizeof trace, "classbench/%s_%s.gz", set, kind);
    snprintf(expect, sizeof expect, "classbench/%s%s.expect.gz", set, strcmp(kind, "mut_trace") == 0 ? "_mut" : "");
    if (!is_there(trace) || !is_there(expect)) return false;
    FILE *f = corpus_open(trace);
    while (corpus_fields(f, '\t', v, 7) >= 5) {
        h->v = grown(h->v, h->count, sizeof *h->v);
        h->v[h->count++] = (struct flat_header){.src = {(uint32_t)strtoul(v[0], NULL, 10)},
                                                .dst = {(uint32_t)strtoul(v[1], NULL, 10)},
                                                .sport = (uint16_t)strtoul(v[2], NULL, 10),
                                                .dport = (uint16_t)strtoul(v[3], NULL, 10),
                                                .proto = (uint8_t)strtoul(v[4], NULL, 10)};
    }
    corpus_close(f);
    f = corpus_open(expect);
    uint32_t n = 0;
    for (; corpus_fields(f, '\t', v, 1) >= 1 && n < h->count; n++) {
        h->expect = grown(h->expect, n, sizeof *h->expect);
        h->expect[n] = (uint32_t)strtol(v[0], NULL, 10); /* -1 is FLAT_NONE */
    }
    corpus_close(f);
    return h->count && n == h->count;
}

void ruleset_fini(struct ruleset *rs)
{
    free(rs->rules);
    *rs = (struct ruleset){0};
}

void headers_fini(struct headers *h)
{
    free(h->v);
    free(h->expect);
    *h = (struct headers){0};
}

/* ---- linear search ---- */

static bool in_prefix(const uint32_t *net, unsigned len, const uint32_t *addr)
{
    for (int w = 0, bits = (int)len; bits > 0; w++, bits -= 32)
        if ((addr[w] & prefix_mask(bits)) != net[w]) return false;
    return true;
}

bool flat_holds(const struct flat_rule *r, const struct flat_header *h)
{
    return in_prefix(r->src, r->src_len, h->src) && in_prefix(r->dst, r->dst_len, h->dst) &&
           (r->any_proto || r->proto == h->proto) && h->sport >= r->sport.lo && h->sport <= r->sport.hi &&
           h->dport >= r->dport.lo && h->dport <= r->dport.hi;
}

uint32_t ruleset_first(const struct ruleset *rs, const struct flat_header *h)
{
    for (uint32_t i = 0; i < rs->count; i++)
        if (flat_holds(&rs->rules[i], h)) return i;
    return FLAT_NONE;
}

/* ---- boxes and keys ---- */

static bool any_port(struct port_range p) { return p.lo == 0 && p.hi == UINT16_MAX; }

static uint32_t kind_of_proto(uint8_t proto, bool v6)
{
    return proto == 6          ? KIND_TCP
           : proto == 17       ? KIND_UDP
           : proto == 132      ? KIND_SCTP
           : proto == 1 && !v6 ? KIND_ICMP
           : proto == 58 && v6 ? KIND_ICMP6
                               : 0;
}

static uint32_t family(const struct ruleset *rs) { return rs->v6 ? KIND_IP6 : KIND_IP4; }

/* Return key.proto's place within its slot. */
static unsigned proto_shift(void)
{
    struct key k = {.proto = 1};
    return k.slot[KEY_HALF(proto) / 2] == 1 ? 0 : 16;
}

static bool ask_prefix(struct boxes *b, uint32_t box, unsigned slot, const uint32_t *net, unsigned len)
{
    bool good = true;
    for (int bits = (int)len; good && bits > 0; slot++, net++, bits -= 32)
        good = boxes_ask(b, box, slot, *net, prefix_mask(bits));
    return good;
}

static bool rule_box(const struct ruleset *rs, uint32_t i, struct boxes *b)
{
    const struct flat_rule *r = &rs->rules[i];
    const uint32_t box = boxes_add(b, i), named = r->any_proto ? 0 : kind_of_proto(r->proto, rs->v6);
    const bool ports = !any_port(r->sport) || !any_port(r->dport);
    const uint32_t kind = family(rs) | named | (ports ? KIND_PORTS : 0) | (!r->any_proto && !named ? KIND_PROTO : 0);
    if (box == UINT32_MAX) return false;
    b->sport[box] = r->sport;
    b->dport[box] = r->dport;
    return ask_prefix(b, box, KEY_SLOT(src), r->src, r->src_len) &&
           ask_prefix(b, box, KEY_SLOT(dst), r->dst, r->dst_len) && boxes_ask(b, box, KEY_SLOT(kind), kind, kind) &&
           (r->any_proto || named ||
            boxes_ask(b, box, KEY_HALF(proto) / 2, (uint32_t)r->proto << proto_shift(), 0xffffu << proto_shift()));
}

bool ruleset_boxes(const struct ruleset *rs, struct boxes *b)
{
    boxes_init(b);
    for (uint32_t i = 0; i < rs->count; i++)
        if (!rule_box(rs, i, b)) return false;
    b->entries = rs->count;
    return true;
}

void header_key(const struct ruleset *rs, const struct flat_header *h, struct key *key)
{
    *key = (struct key){.src_port = h->sport,
                        .dst_port = h->dport,
                        .proto = h->proto,
                        .ether_type = rs->v6 ? 0x86dd : 0x0800,
                        .kind = family(rs) | kind_of_proto(h->proto, rs->v6) | KIND_PROTO | KIND_PORTS | KIND_FRAG_NO |
                                KIND_IN | KIND_ETHER | KIND_ETHERTYPE,
                        .iface = IFACE_NONE,
                        .length = 100,
                        .ttl = 64};
    memcpy(key->src, h->src, sizeof key->src);
    memcpy(key->dst, h->dst, sizeof key->dst);
}

void header_of_key(const struct key *key, struct flat_header *h)
{
    *h = (struct flat_header){.sport = key->src_port, .dport = key->dst_port, .proto = (uint8_t)key->proto};
    memcpy(h->src, key->src, sizeof h->src);
    memcpy(h->dst, key->dst, sizeof h->dst);
}

/* ---- text and frames ---- */

static void print_addr(const struct ruleset *rs, FILE *out, const uint32_t *a)
{
    if (!rs->v6) {
        fprintf(out, "%u.%u.%u.%u", a[0] >> 24, a[0] >> 16 & 255, a[0] >> 8 & 255, a[0] & 255);
        return;
    }
    for (unsigned i = 0; i < 8; i++) fprintf(out, "%s%x", i ? ":" : "", a[i / 2] >> (i % 2 ? 0 : 16) & 0xffff);
}

static void print_side(const struct ruleset *rs, FILE *out, const char *word, const uint32_t *net, unsigned len)
{
    if (!len) return;
    fprintf(out, " %s ", word);
    print_addr(rs, out, net);
    if (len < (rs->v6 ? 128 : 32)) fprintf(out, "/%u", len);
}

static void print_ports(FILE *out, const char *word, struct port_range p)
{
    if (any_port(p)) return;
    fprintf(out, p.lo == p.hi ? " %s port %u" : " %s port %u-%u", word, p.lo, p.hi);
}

void ruleset_print(const struct ruleset *rs, FILE *out)
{
    fputs("firewall f default drop {\n", out);
    for (uint32_t i = 0; i < rs->count; i++) {
        const struct flat_rule *r = &rs->rules[i];
        fputs(rs->v6 ? "accept ip6" : "accept ip", out);
        if (!r->any_proto) fprintf(out, " proto %u", r->proto);
        print_side(rs, out, "from", r->src, r->src_len);
        print_side(rs, out, "to", r->dst, r->dst_len);
        print_ports(out, "source", r->sport);
        print_ports(out, "to", r->dport);
        fprintf(out, " as R%u\n", i);
    }
    fputs("}\n", out);
}

static void nft_side(const struct ruleset *rs, FILE *out, const char *word, const uint32_t *net, unsigned len)
{
    if (!len) return;
    fprintf(out, "%s %s ", rs->v6 ? "ip6" : "ip", word);
    print_addr(rs, out, net);
    fprintf(out, "/%u ", len);
}

static void nft_ports(FILE *out, const char *word, struct port_range p)
{
    if (!any_port(p)) fprintf(out, p.lo == p.hi ? "th %s %u " : "th %s %u-%u ", word, p.lo, p.hi);
}

void ruleset_print_nft(const struct ruleset *rs, const char *hook, FILE *out)
{
    fprintf(out, "table %s bench {\nchain c {\ntype filter hook %s priority 0;\n", rs->v6 ? "ip6" : "ip", hook);
    for (uint32_t i = 0; i < rs->count; i++) {
        const struct flat_rule *r = &rs->rules[i];
        nft_side(rs, out, "saddr", r->src, r->src_len);
        nft_side(rs, out, "daddr", r->dst, r->dst_len);
        if (!r->any_proto) fprintf(out, "meta l4proto %u ", r->proto);
        nft_ports(out, "sport", r->sport);
        nft_ports(out, "dport", r->dport);
        fputs("accept\n", out);
    }
    fputs("}\n}\n", out);
}

static uint8_t *put32(uint8_t *to, uint32_t v)
{
    for (unsigned i = 0; i < 4; i++) *to++ = (uint8_t)(v >> (24 - 8 * i));
    return to;
}

static uint8_t *put16(uint8_t *to, unsigned v)
{
    *to++ = (uint8_t)(v >> 8);
    *to++ = (uint8_t)v;
    return to;
}

static void ip4_checksum(uint8_t *ip)
{
    uint32_t sum = 0;
    for (unsigned i = 0; i < 20; i += 2) sum += (uint32_t)ip[i] << 8 | ip[i + 1];
    sum = (sum & 0xffff) + (sum >> 16);
    put16(ip + 10, ~((sum & 0xffff) + (sum >> 16)) & 0xffff);
}

/* Length of the header after IP's: a valid TCP, UDP, SCTP or ICMP header, depending on the protocol. */
enum { L4_LEN = 20 };
static void l4_put(uint8_t *to, const struct flat_header *h)
{
    put16(put16(to, h->sport), h->dport);
    if (h->proto == 6) to[12] = 5 << 4, to[13] = 2;
    if (h->proto == 17) put16(to + 4, L4_LEN);
    if (h->proto == 1 || h->proto == 58) memset(to, 0, 4), to[0] = h->proto == 1 ? 8 : 128;
}

unsigned header_frame(const struct ruleset *rs, const struct flat_header *h, uint8_t out[FLAT_FRAME_MOST])
{
    memset(out, 0, FLAT_FRAME_MOST);
    uint8_t *ip = put16(out + 12, rs->v6 ? 0x86dd : 0x0800), *l4 = ip;
    if (rs->v6) {
        ip[0] = 6 << 4;
        put16(ip + 4, L4_LEN);
        ip[6] = h->proto;
        ip[7] = 64;
        l4 = ip + 8;
        for (unsigned i = 0; i < 4; i++) l4 = put32(l4, h->src[i]);
        for (unsigned i = 0; i < 4; i++) l4 = put32(l4, h->dst[i]);
    } else {
        ip[0] = 0x45;
        put16(ip + 2, 20 + L4_LEN);
        ip[8] = 64;
        ip[9] = h->proto;
        l4 = put32(put32(ip + 12, h->src[0]), h->dst[0]);
        ip4_checksum(ip);
    }
    l4_put(l4, h);
    return (unsigned)(l4 - out) + L4_LEN;
}

bool header_possible(uint32_t mask, uint32_t value)
{
    static const uint32_t families[] = {KIND_IP4, KIND_IP6},
                          protocols[] = {0, KIND_TCP, KIND_UDP, KIND_SCTP, KIND_ICMP, KIND_ICMP6};
    const uint32_t all = KIND_PROTO | KIND_PORTS | KIND_FRAG_NO | KIND_IN | KIND_ETHER | KIND_ETHERTYPE;
    for (unsigned f = 0; f < sizeof families / sizeof *families; f++)
        for (unsigned i = 0; i < sizeof protocols / sizeof *protocols; i++)
            if (((families[f] | protocols[i] | all) & mask) == value) return true;
    return false;
}
