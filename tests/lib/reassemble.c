/* The plain reassembler, see reassemble.h. */
#include "tests/lib/reassemble.h"

#include <stdlib.h>
#include <string.h>

enum { BYTES = 65536, DATAGRAMS = 4096, PARTS_MOST = 2048 };

struct plain_datagram {
    struct part who; /* only its identity counts */
    uint64_t born;
    bool judged, ended;
    struct say say; /* fate of the first fragment, or of all if the datagram was ended */
    struct {
        uint32_t offset, len;
        bool more;
    } have[PARTS_MOST];
    unsigned count;
    uint8_t map[BYTES];
};

struct waiting {
    uint64_t packet, until;
    struct part part;
};

struct plain {
    struct plain_datagram *list[DATAGRAMS];
    unsigned count;
    struct waiting waits[FRAG_HELD];
    unsigned wait_count;
    struct say *final; /* indexed by packet */
};

bool part_same_datagram(const struct part *a, const struct part *b)
{
    return a->v6 == b->v6 && a->id == b->id && a->host == b->host && a->vlan == b->vlan &&
           (a->v6 || a->proto == b->proto);
}

static void forget(struct plain *m, unsigned at)
{
    free(m->list[at]);
    m->list[at] = m->list[--m->count];
}

static struct plain_datagram *look_up(struct plain *m, const struct part *f, uint64_t now)
{
    for (unsigned i = 0; i < m->count; i++) {
        if (!part_same_datagram(&m->list[i]->who, f)) continue;
        if (now - m->list[i]->born < FRAG_KEEP_NS) return m->list[i];
        forget(m, i);
        break;
    }
    struct plain_datagram *d = calloc(1, sizeof *d);
    if (!d || m->count == DATAGRAMS) abort();
    d->who = *f;
    d->born = now;
    return m->list[m->count++] = d;
}

static struct say drop_for(enum pkt_reason why)
{
    return (struct say){.action = ACTION_DROP, .reason = (uint8_t)why, .rule = RULE_NONE};
}

static void settle_waiting(struct plain *m, const struct part *who, struct say s)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < m->wait_count; i++) {
        if (part_same_datagram(&m->waits[i].part, who))
            m->final[m->waits[i].packet] = s;
        else
            m->waits[kept++] = m->waits[i];
    }
    m->wait_count = kept;
}

static void time_passes(struct plain *m, uint64_t now)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < m->wait_count; i++) {
        if (m->waits[i].until <= now)
            m->final[m->waits[i].packet] = drop_for(REASON_FRAGMENT_ORPHAN);
        else
            m->waits[kept++] = m->waits[i];
    }
    m->wait_count = kept;
}

static enum pkt_reason malformed(const struct part *f)
{
    if ((f->more && f->len % 8) || f->offset + f->len > 65535) return REASON_BAD_FRAGMENT;
    if (f->proto == PART_TCP && f->offset == 8) return REASON_TINY_FRAGMENT;
    if (f->offset == 0 && f->proto == PART_TCP && f->len < 20) return REASON_SHORT_TCP;
    if (f->offset == 0 && f->proto == PART_UDP && f->len < 8) return REASON_SHORT_UDP;
    return REASON_NONE;
}

static struct say judge(const struct part *f)
{
    struct say s = {.action = ACTION_DROP, .reason = REASON_NONE, .rule = RULE_DEFAULT};
    if (f->proto == PART_UDP && f->port == 53) s = (struct say){ACTION_ACCEPT, REASON_NONE, RULE_DNS};
    if (f->proto == PART_UDP && f->port == 54) s.rule = RULE_54;
    if (f->proto == PART_TCP && f->port == 80) s = (struct say){ACTION_ACCEPT, REASON_NONE, RULE_WEB};
    return s;
}

static struct say end_datagram(struct plain *m, struct plain_datagram *d, enum pkt_reason why)
{
    d->ended = true;
    d->say = drop_for(why);
    settle_waiting(m, &d->who, d->say);
    return d->say;
}

static uint32_t known_end(const struct plain_datagram *d)
{
    for (unsigned i = 0; i < d->count; i++)
        if (!d->have[i].more) return d->have[i].offset + d->have[i].len;
    return 0;
}

static bool covered(const struct plain_datagram *d, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++)
        if (d->map[i]) return true;
    return false;
}

/* Count the runs of neighbours of equal length, including this fragment. */
static unsigned ranges_with(const struct plain_datagram *d, const struct part *f)
{
    unsigned runs = d->count + 1;
    for (unsigned i = 0; i <= d->count; i++)
        for (unsigned k = 0; k <= d->count; k++) {
            uint32_t off[2], len[2];
            const unsigned at[2] = {i, k};
            for (unsigned n = 0; n < 2; n++) {
                off[n] = at[n] == d->count ? f->offset : d->have[at[n]].offset;
                len[n] = at[n] == d->count ? f->len : d->have[at[n]].len;
            }
            if (off[0] + len[0] == off[1] && len[0] == len[1]) runs--;
        }
    return runs;
}

static bool whole(const struct plain_datagram *d)
{
    const uint32_t end = known_end(d);
    for (uint32_t i = 0; i < end; i++)
        if (!d->map[i]) return false;
    return end;
}

static enum pkt_reason fault_of(const struct plain_datagram *d, const struct part *f)
{
    const uint32_t upto = f->offset + f->len, end = known_end(d);
    for (unsigned i = 0; i < d->count; i++)
        if (d->have[i].offset == f->offset && d->have[i].len == f->len && d->have[i].more == f->more)
            return REASON_DUPLICATE_FRAGMENT;
    if (covered(d, f->offset, upto)) return REASON_OVERLAPPING_FRAGMENT;
    if (end && (upto > end || !f->more)) return REASON_FRAGMENT_END;
    if (!f->more && covered(d, upto, BYTES)) return REASON_FRAGMENT_END;
    return ranges_with(d, f) > FRAG_RANGES ? REASON_FRAGMENT_RANGES : REASON_NONE;
}

static struct say wait_for_first(struct plain *m, const struct part *f, uint64_t packet, uint64_t now, uint64_t born,
                                 bool fits)
{
    const uint64_t hold = now + FRAG_HOLD_NS, keep = born + FRAG_KEEP_NS;
    if (!fits || m->wait_count == FRAG_HELD) return drop_for(REASON_FRAGMENT_ORPHAN);
    m->waits[m->wait_count++] = (struct waiting){packet, hold < keep ? hold : keep, *f};
    return (struct say){ACTION_HELD, REASON_NONE, RULE_NONE};
}

struct say plain_take(struct plain *m, const struct part *f, uint64_t packet, uint64_t now, bool fits)
{
    time_passes(m, now);
    const enum pkt_reason bad = malformed(f);
    if (bad && f->offset > 0) return drop_for(bad);
    if (!bad && f->len == 0) return drop_for(REASON_BAD_FRAGMENT);
    struct plain_datagram *d = look_up(m, f, now);
    if (bad) return d->judged || d->ended ? drop_for(bad) : end_datagram(m, d, bad);
    if (d->ended) return d->say;
    const enum pkt_reason fault = fault_of(d, f);
    if (fault == REASON_DUPLICATE_FRAGMENT) return drop_for(fault);
    if (fault) return end_datagram(m, d, fault);
    if (d->count == PARTS_MOST) abort();
    d->have[d->count].offset = f->offset;
    d->have[d->count].len = f->len;
    d->have[d->count++].more = f->more;
    memset(d->map + f->offset, 1, f->len);
    if (f->offset == 0) {
        d->judged = true;
        d->say = judge(f);
        settle_waiting(m, f, d->say);
    }
    if (!d->judged) return wait_for_first(m, f, packet, now, d->born, fits);
    const struct say s = d->say;
    for (unsigned i = 0; whole(d) && i < m->count; i++)
        if (m->list[i] == d) {
            forget(m, i);
            break;
        }
    return s;
}

struct plain *plain_new(struct say *final)
{
    struct plain *m = calloc(1, sizeof *m);
    if (!m) abort();
    m->final = final;
    return m;
}

void plain_free(struct plain *m)
{
    while (m->count) forget(m, 0);
    free(m);
}

unsigned plain_waiting(const struct plain *m) { return m->wait_count; }

/* ---- frames ---- */

static void put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
    put16(p, v >> 16);
    put16(p + 2, v);
}

static uint32_t put_link(const struct part *f, uint8_t *out)
{
    uint32_t at = 12;
    memset(out, 2, at);
    for (unsigned i = 0; i < f->vlan; i++, at += 4) {
        put16(out + at, i == 0 && f->vlan > 1 ? 0x88a8 : 0x8100);
        put16(out + at + 2, 10 + f->vlan);
    }
    put16(out + at, f->v6 ? 0x86dd : 0x0800);
    return at + 2;
}

static uint32_t put_ip4(const struct part *f, uint8_t *ip)
{
    memset(ip, 0, 20);
    ip[0] = 0x45;
    put16(ip + 2, 20 + f->len);
    put16(ip + 4, f->id);
    put16(ip + 6, f->offset / 8 | (f->more ? 0x2000u : 0));
    ip[8] = 64;
    ip[9] = f->proto;
    put32(ip + 12, 0x0a000001u + f->host);
    put32(ip + 16, 0x0a000100u);
    return 20;
}

static uint32_t put_ip6(const struct part *f, uint8_t *ip)
{
    memset(ip, 0, 48);
    ip[0] = 0x60;
    put16(ip + 4, 8 + f->len);
    ip[6] = 44;
    ip[7] = 64;
    ip[8] = ip[24] = 0xfd;
    ip[23] = (uint8_t)(1 + f->host);
    ip[40] = f->proto;
    put16(ip + 42, f->offset | f->more);
    put32(ip + 44, f->id);
    return 48;
}

uint32_t part_frame(const struct part *f, uint8_t *out)
{
    uint32_t at = put_link(f, out);
    at += f->v6 ? put_ip6(f, out + at) : put_ip4(f, out + at);
    memset(out + at, 0, f->len);
    if (f->offset == 0 && f->len >= 8) {
        put16(out + at, 1024);
        put16(out + at + 2, f->port);
        if (f->proto == PART_UDP) put16(out + at + 4, 60000);
        if (f->proto == PART_TCP && f->len >= 20) out[at + 12] = 0x50;
    }
    return at + f->len;
}
