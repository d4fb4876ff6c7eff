/* Generates rules and headers from a seed: lists like those of firewalls, and headers to look up in them.
 *
 * Addresses come from a tree that grows while it is drawn from. Most prefixes extend an earlier one, so lists have
 * few, nested networks with many neighbours, as real ones do. Shares of wildcards, lengths and ports follow what
 * ClassBench's three seeds show. */
#include <stdlib.h>
#include <string.h>

#include "tests/lib/rng.h"
#include "tests/lib/ruleset.h"

struct prefix {
    uint32_t word[4];
    uint8_t len;
};

/* Prefixes drawn so far for one side. */
struct pool {
    struct prefix *v;
    uint32_t count, cap;
};

struct maker {
    struct rng rng;
    enum ruleset_kind kind;
    bool v6;
    struct pool src, dst;
};

static void bit_set(uint32_t *word, unsigned bit, bool on)
{
    const uint32_t m = 1u << (31 - bit % 32);
    word[bit / 32] = on ? word[bit / 32] | m : word[bit / 32] & ~m;
}

static unsigned width(const struct maker *m) { return m->v6 ? 128 : 32; }
static bool percent(struct maker *m, unsigned p) { return rng_below(&m->rng, 100) < p; }

/* Draw a prefix length. Real lists have lengths that people choose, and seldom others. */
static unsigned length_draw(struct maker *m)
{
    static const uint8_t v4[] = {32, 32, 32, 24, 24, 16, 28, 29, 30, 27, 26, 25, 22, 20, 8, 31},
                         v6[] = {128, 128, 128, 64, 64, 64, 48, 48, 56, 40, 32, 60, 96, 112, 120, 127};
    if (percent(m, 15)) return m->v6 ? 32 + rng_below(&m->rng, 97) : 8 + rng_below(&m->rng, 25);
    return (m->v6 ? v6 : v4)[rng_below(&m->rng, sizeof v4)];
}

/* Draw a network without a parent: 2000::/3 in IPv6. The first 32 bits (16 in IPv4) are one of a few hundred. */
static struct prefix root_draw(struct maker *m)
{
    const uint32_t which = rng_below(&m->rng, m->kind == RULES_ACL ? 60 : 300);
    struct rng r = {.state = which * 77u + 5};
    const uint32_t bits = (uint32_t)rng_next(&r);
    return (struct prefix){.word = {m->v6 ? 0x20000000u | (bits & 0x01ffffffu) : bits & 0xffff0000u},
                           .len = m->v6 ? 32 : 16};
}

/* Lengthen or shorten a prefix. Bits after the parent's are drawn; the lowest few of a long prefix are small
 * numbers, as hosts are numbered upward. */
static struct prefix extended(struct maker *m, const struct prefix *parent, unsigned len)
{
    struct prefix p = *parent;
    const bool counted = m->v6 && percent(m, 60);
    for (unsigned b = p.len; b < len; b++) bit_set(p.word, b, (!counted || b + 12 >= len) && rng_one_in(&m->rng, 2));
    for (unsigned b = len; b < width(m); b++) bit_set(p.word, b, false);
    p.len = (uint8_t)len;
    return p;
}

static struct prefix prefix_draw(struct maker *m, struct pool *pool)
{
    const unsigned len = length_draw(m);
    const bool old = pool->count && percent(m, 80);
    if (old && percent(m, 35)) return pool->v[rng_below(&m->rng, pool->count)];
    const struct prefix parent = old ? pool->v[rng_below(&m->rng, pool->count)] : root_draw(m);
    const struct prefix p = extended(m, &parent, len);
    if (pool->count == pool->cap) {
        pool->cap = pool->cap ? pool->cap * 2 : 64;
        pool->v = realloc(pool->v, pool->cap * sizeof *pool->v);
        if (!pool->v) abort();
    }
    return pool->v[pool->count++] = p;
}

static struct port_range range_draw(struct maker *m)
{
    static const uint16_t known[] = {80, 443, 22, 25, 53, 123, 161, 389, 445, 514, 636, 1521, 3306, 3389, 5060, 8080};
    const struct port_range wide[] = {{1024, 65535}, {0, 1023}, {6000, 6063}, {135, 139}, {1812, 1813}};
    if (percent(m, 70)) {
        const uint16_t p = known[rng_below(&m->rng, 16)];
        return (struct port_range){p, p};
    }
    if (percent(m, 50)) return wide[rng_below(&m->rng, 5)];
    const uint16_t a = (uint16_t)rng_next(&m->rng), b = (uint16_t)(a + rng_below(&m->rng, 2000));
    return (struct port_range){a, b < a ? UINT16_MAX : b};
}

/* Shares in percent: a side left open, a port given. */
struct habits {
    unsigned open_src, open_dst, sport, dport;
};
static const struct habits habits[] = {
    [RULES_ACL] = {.open_src = 12, .open_dst = 0, .sport = 0, .dport = 80},
    [RULES_FW] = {.open_src = 22, .open_dst = 22, .sport = 45, .dport = 55},
    [RULES_IPC] = {.open_src = 6, .open_dst = 8, .sport = 20, .dport = 45},
};

/* Draw a prefix of one of the networks; every bit after the network is random. */
static struct prefix lone_draw(struct maker *m)
{
    struct rng r = {.state = rng_below(&m->rng, 64) * 77u + 5};
    const uint32_t bits = (uint32_t)rng_next(&r);
    const unsigned root = m->v6 ? 32 : 8, len = root + rng_below(&m->rng, width(m) - root + 1);
    struct prefix p = {.word = {m->v6 ? 0x20000000u | (bits & 0x01ffffffu) : bits & 0xff000000u}};
    for (unsigned b = root; b < len; b++) bit_set(p.word, b, rng_one_in(&m->rng, 2));
    p.len = (uint8_t)len;
    return p;
}

static struct flat_rule pair_draw(struct maker *m)
{
    const struct prefix src = lone_draw(m), dst = lone_draw(m);
    const bool port = percent(m, 60);
    const uint16_t number = (uint16_t)rng_next(&m->rng);
    struct flat_rule r = {.src_len = src.len,
                          .dst_len = dst.len,
                          .proto = port ? 6 : 0,
                          .any_proto = !port,
                          .sport = {0, UINT16_MAX},
                          .dport = port ? (struct port_range){number, number} : (struct port_range){0, UINT16_MAX}};
    memcpy(r.src, src.word, sizeof r.src);
    memcpy(r.dst, dst.word, sizeof r.dst);
    return r;
}

static struct flat_rule rule_draw(struct maker *m)
{
    static const uint8_t protos[] = {6, 6, 6, 6, 17, 17, 17, 47};
    const struct habits *h = &habits[m->kind];
    const struct prefix none = {0};
    const bool open_src = percent(m, h->open_src);
    const struct prefix src = open_src ? none : prefix_draw(m, &m->src),
                        dst = !open_src && percent(m, h->open_dst) ? none : prefix_draw(m, &m->dst);
    struct flat_rule r = {.src_len = src.len, .dst_len = dst.len, .any_proto = percent(m, 8)};
    memcpy(r.src, src.word, sizeof r.src);
    memcpy(r.dst, dst.word, sizeof r.dst);
    r.proto = r.any_proto ? 0 : protos[rng_below(&m->rng, 8)];
    const bool ports = r.proto == 6 || r.proto == 17;
    r.sport = ports && percent(m, h->sport) ? range_draw(m) : (struct port_range){0, UINT16_MAX};
    r.dport = ports && percent(m, h->dport) ? range_draw(m) : (struct port_range){0, UINT16_MAX};
    return r;
}

static uint64_t rule_hash(const struct flat_rule *r)
{
    uint64_t h = 14695981039346656037u;
    for (size_t i = 0; i < sizeof *r; i++) h = (h ^ ((const uint8_t *)r)[i]) * 1099511628211u;
    return h ^ h >> 29;
}

/* Add the rule if it is new, and return true if it was. `seen` holds rules + 1 by their hash. */
static bool remember(uint32_t *seen, uint32_t mask, const struct ruleset *rs, const struct flat_rule *r)
{
    uint32_t at = (uint32_t)rule_hash(r) & mask;
    for (; seen[at]; at = (at + 1) & mask)
        if (!memcmp(&rs->rules[seen[at] - 1], r, sizeof *r)) return false;
    seen[at] = rs->count + 1;
    return true;
}

void ruleset_make(struct ruleset *rs, enum ruleset_kind kind, bool v6, uint32_t count, uint64_t seed)
{
    static const char *const names[] = {"acl", "fw", "ipc", "pairs"};
    struct maker m = {.rng = {.state = seed}, .kind = kind, .v6 = v6};
    uint32_t room = 64;
    while (room < 2 * count) room *= 2;
    uint32_t *seen = calloc(room, sizeof *seen);
    *rs = (struct ruleset){.v6 = v6, .rules = calloc(count + 1, sizeof *rs->rules)};
    if (!seen || !rs->rules) abort();
    snprintf(rs->name, sizeof rs->name, "%s%s", names[kind], v6 ? " of IPv6" : "");
    while (rs->count < count) {
        const struct flat_rule r = kind == RULES_PAIRS ? pair_draw(&m) : rule_draw(&m);
        if (!remember(seen, room - 1, rs, &r)) continue;
        rs->rules[rs->count++] = r;
    }
    free(seen);
    free(m.src.v);
    free(m.dst.v);
}

/* ---- headers ---- */

/* Draw an address of the prefix: its first, its last, or any. */
static void addr_draw(struct rng *r, const uint32_t *net, unsigned len, unsigned bits, uint32_t to[4])
{
    const unsigned how = rng_below(r, 4);
    memcpy(to, net, 16);
    for (unsigned b = len; b < bits; b++) bit_set(to, b, how == 0 ? false : how == 1 ? true : rng_one_in(r, 2));
}

static uint16_t port_draw(struct rng *r, struct port_range p)
{
    const unsigned how = rng_below(r, 4);
    return how == 0 ? p.lo : how == 1 ? p.hi : (uint16_t)(p.lo + rng_below(r, p.hi - p.lo + 1u));
}

static uint8_t proto_draw(struct rng *r)
{
    static const uint8_t protos[] = {6, 6, 6, 17, 17, 47, 132, 1};
    return protos[rng_below(r, 8)];
}

/* Draw a header that matches a rule: half of the headers from a tenth of the list. */
static struct flat_header header_draw(struct rng *r, const struct ruleset *rs)
{
    const uint32_t tenth = rs->count / 10 + 1;
    const uint32_t i =
        rng_one_in(r, 2) ? (uint32_t)((uint64_t)rng_below(r, tenth) * 7919 % rs->count) : rng_below(r, rs->count);
    const struct flat_rule *f = &rs->rules[i];
    struct flat_header h = {.proto = f->any_proto ? proto_draw(r) : f->proto,
                            .sport = port_draw(r, f->sport),
                            .dport = port_draw(r, f->dport)};
    addr_draw(r, f->src, f->src_len, rs->v6 ? 128 : 32, h.src);
    addr_draw(r, f->dst, f->dst_len, rs->v6 ? 128 : 32, h.dst);
    return h;
}

static void headers_new(struct headers *h, uint32_t count)
{
    *h = (struct headers){.count = count, .v = calloc(count + 1, sizeof *h->v)};
    if (!h->v) abort();
}

/* Repeat each header several times in a row, like packets of a flow. */
void headers_trace(struct headers *h, const struct ruleset *rs, uint32_t count, uint64_t seed)
{
    struct rng r = {.state = seed};
    headers_new(h, count);
    for (uint32_t i = 0; i < count; i++) h->v[i] = i && rng_one_in(&r, 4) ? h->v[i - 1] : header_draw(&r, rs);
}

static void mutate(struct rng *r, bool v6, struct flat_header *h)
{
    const unsigned bits = v6 ? 128 : 32, bit = rng_below(r, bits);
    switch (rng_below(r, 6)) {
    case 0: h->src[bit / 32] ^= 1u << bit % 32; break;
    case 1: h->dst[bit / 32] ^= 1u << bit % 32; break;
    case 2: h->sport = (uint16_t)(h->sport + (rng_one_in(r, 2) ? 1 : -1)); break;
    case 3: h->dport = (uint16_t)(h->dport + (rng_one_in(r, 2) ? 1 : -1)); break;
    case 4: h->proto = proto_draw(r); break;
    case 5: h->dport = (uint16_t)rng_next(r); break;
    }
}

void headers_mutated(struct headers *h, const struct ruleset *rs, uint32_t count, uint64_t seed)
{
    struct rng r = {.state = seed};
    headers_new(h, count);
    for (uint32_t i = 0; i < count; i++) {
        h->v[i] = header_draw(&r, rs);
        mutate(&r, rs->v6, &h->v[i]);
    }
}

void headers_random(struct headers *h, const struct ruleset *rs, uint32_t count, uint64_t seed)
{
    struct rng r = {.state = seed};
    headers_new(h, count);
    for (uint32_t i = 0; i < count; i++) {
        struct flat_header *v = &h->v[i];
        *v = (struct flat_header){
            .sport = (uint16_t)rng_next(&r), .dport = (uint16_t)rng_next(&r), .proto = proto_draw(&r)};
        for (unsigned w = 0; w < (rs->v6 ? 4 : 1); w++) {
            v->src[w] = (uint32_t)rng_next(&r);
            v->dst[w] = (uint32_t)rng_next(&r);
        }
    }
}
