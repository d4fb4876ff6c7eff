/* Rewriting of one segment: its numbers are moved, its header is written again */
#include "vm/forward/splice/splice.h"
#include "vm/forward/splice/splice_priv.h"

#include "vm/forward/splice/slots.h"
#include "vm/packet/edit/edit.h"

enum { HEADER_MOST = TCP_LEN + TCP_OPTIONS_MOST, MSS_LEAST = 64 };

/* A segment being rewritten */
struct passing {
    struct splice *s;
    const struct splice_end *from, *to;
    unsigned from_at, to_at; /* indices in s->end */
    struct pkt *pkt;
    const struct key *key;
    uint8_t old[HEADER_MOST], new[HEADER_MOST];
    uint32_t old_len, new_len;
};

static bool before(uint32_t a, uint32_t b) { return (int32_t)(a - b) < 0; }

void splice_join(struct splice *s, const struct splice_end ends[2], uint32_t now_ms)
{
    *s = (struct splice){.end = {ends[0], ends[1]}, .joined_ms = now_ms};
    for (unsigned i = 0; i < 2; i++) {
        s->stamp_recent[i] = ends[i].stamp_in;
        s->stamp_sent[i] = ends[i].stamp_out;
        s->acked[i] = ends[i].in;
        s->edge[i] = ends[i].edge;
    }
}

static uint32_t moved_ack(const struct passing *p, uint32_t ack) { return ack - p->from->out + p->to->in; }

/* Translate timestamps for their receiver. */
static void move_stamps(struct passing *p, struct options *o, uint8_t flags, uint32_t now_ms)
{
    uint32_t *sent = &p->s->stamp_sent[p->to_at];
    bool known = o->has_stamps && p->from->has & SPLICE_STAMPS;
    o->has_stamps = p->to->has & SPLICE_STAMPS && (known || !(flags & TCP_RST));
    if (!o->has_stamps) return;
    if (known) {
        o->stamp = o->stamp - p->from->stamp_in + p->to->stamp_out;
        o->echo = flags & TCP_ACK ? o->echo - p->from->stamp_out + p->to->stamp_in : 0;
    } else {
        uint32_t ticked = p->to->stamp_out + (now_ms - p->s->joined_ms);
        o->stamp = p->from->has & SPLICE_STAMPS || before(ticked, *sent) ? *sent : ticked;
        o->echo = flags & TCP_ACK ? p->s->stamp_recent[p->to_at] : 0;
    }
    if (before(*sent, o->stamp)) *sent = o->stamp;
}

static void move_sack(const struct passing *p, struct options *o)
{
    if (!(p->from->has & p->to->has & SPLICE_SACK)) o->blocks = 0;
    for (unsigned i = 0; i < o->blocks; i++)
        for (unsigned edge = 0; edge < 2; edge++) o->sack[i][edge] = moved_ack(p, o->sack[i][edge]);
}

/* Translate a window; ack: as the receiver reads it. */
static uint16_t moved_window(struct passing *p, uint16_t window, uint32_t ack, bool acks)
{
    const unsigned in = p->from->scale_in, out = p->to->scale_out;
    if (p->to->keeps_edge && acks) return splice_window(window, in, out, ack, &p->s->edge[p->to_at]);
    const uint32_t v = (uint32_t)window << in >> out;
    return (uint16_t)(v < UINT16_MAX ? v : UINT16_MAX);
}

static void compose(struct passing *p, uint32_t now_ms)
{
    struct options o;
    uint32_t seq = wire_get32(p->old + TCP_SEQ), ack = wire_get32(p->old + TCP_ACKNO);
    uint8_t flags = p->old[TCP_FLAGS];
    splice_options_read(p->old + TCP_LEN, p->old_len - TCP_LEN, &o);
    /* RFC 7323, 4.3 (2): echo the timestamp of the segment that moved the left edge */
    uint32_t *recent = &p->s->stamp_recent[p->from_at];
    if (o.has_stamps && !before(o.stamp, *recent) && !before(p->s->acked[p->from_at], seq)) *recent = o.stamp;
    move_stamps(p, &o, flags, now_ms);
    move_sack(p, &o);
    memcpy(p->new, p->old, TCP_LEN);
    wire_put32(p->new + TCP_SEQ, seq - p->from->in + p->to->out);
    if (flags & TCP_ACK) {
        ack = moved_ack(p, ack);
        wire_put32(p->new + TCP_ACKNO, ack);
        if (before(p->s->acked[p->to_at], ack)) p->s->acked[p->to_at] = ack;
    }
    if (!(p->from->has & p->to->has & SPLICE_ECN)) p->new[TCP_FLAGS] = flags &(uint8_t) ~(TCP_ECE | TCP_CWR);
    wire_put16(p->new + TCP_WINDOW, moved_window(p, wire_get16(p->old + TCP_WINDOW), ack, flags & TCP_ACK));
    p->new_len = TCP_LEN + splice_options_write(&o, p->new + TCP_LEN);
    p->new[TCP_OFFSET] = (uint8_t)(p->new_len / 4 << 4 | (p->old[TCP_OFFSET] & 15));
}

/* Update the checksum from the old header's: for the bytes that changed, and the length in the pseudo header. */
static void set_sum(struct passing *p)
{
    uint16_t sum = wire_get16(p->old + TCP_SUM), whole = (uint16_t)(p->key->length - (p->pkt->l4 - p->pkt->l3));
    uint64_t delta = csum_delta16(whole, (uint16_t)(whole + p->new_len - p->old_len));
    if (p->pkt->flags & PKT_CSUM_PARTIAL) {
        sum = (uint16_t)~csum_apply((uint16_t)~sum, delta);
    } else {
        wire_put16(p->old + TCP_SUM, 0);
        wire_put16(p->new + TCP_SUM, 0);
        delta += (uint64_t)csum_of(p->old, p->old_len) + csum_add(0, p->new, p->new_len);
        sum = csum_apply(sum, delta);
    }
    wire_put16(p->new + TCP_SUM, sum);
}

/* Set a field of the IP header at an even offset, and update IPv4's checksum. */
static void set_ip16(struct pkt *pkt, bool v6, uint32_t at, uint16_t v)
{
    uint64_t delta = edit_swap16(pkt, pkt->l3 + at, v);
    uint32_t sum_at = pkt->l3 + (uint32_t)IP4_SUM;
    if (!v6) edit_put16(pkt, sum_at, csum_apply(edit_get16(pkt, sum_at), delta));
}

/* Translate the ECN field. False: the packet was marked, and the receiver would not know. */
static bool pass_ecn(const struct passing *p, bool v6)
{
    enum { SHIFT6 = 4 };
    if (p->to->has & SPLICE_ECN) return true;
    unsigned shift = v6 ? SHIFT6 : 0, word = edit_get16(p->pkt, p->pkt->l3), ecn = word >> shift & ECN_MASK;
    if (ecn == ECN_CE && p->from->has & SPLICE_ECN) return false;
    if (p->from->has & SPLICE_ECN && ecn) set_ip16(p->pkt, v6, 0, (uint16_t)(word & ~(unsigned)(ECN_MASK << shift)));
    return true;
}

/* Change the header's length by moving the bytes before the payload. False: no room, or the header of a first
 * fragment would grow. */
static bool header_resize(const struct passing *p, bool v6)
{
    struct pkt *pkt = p->pkt;
    uint32_t grow = p->new_len - p->old_len;
    if (p->new_len == p->old_len) return true;
    if (p->key->kind & KIND_FRAG_FIRST || (uint32_t)pkt->l3_end + grow >= UINT16_MAX) return false;
    if (p->new_len > p->old_len && !edit_open(pkt, pkt->payload, grow)) return false;
    if (p->new_len < p->old_len && !edit_close(pkt, pkt->l4 + p->new_len, p->old_len - p->new_len)) return false;
    pkt->payload = (uint16_t)(pkt->l4 + p->new_len);
    pkt->l3_end = (uint16_t)(pkt->l3_end + grow);
    uint32_t at = v6 ? IP6_PAYLOAD : IP4_TOTAL;
    set_ip16(pkt, v6, at, (uint16_t)(edit_get16(pkt, pkt->l3 + at) + grow));
    return true;
}

enum splice_fate splice_pass(struct splice *s, unsigned from, struct pkt *pkt, const struct key *key, uint32_t now_ms,
                             struct pool *pool, struct splice_out *out)
{
    uint32_t needs = KIND_TCP | KIND_TCP_FLAGS;
    bool v6 = key->kind & KIND_IP6;
    struct passing p = {.s = s, .from = &s->end[from], .to = &s->end[!from], .from_at = from, .to_at = !from};
    out->count = 0;
    if (pkt->reason || (key->kind & needs) != needs || key->marks & TCP_SYN || !(pkt->flags & PKT_WRITABLE) ||
        pkt->l3_end == UINT16_MAX)
        return SPLICE_NOT_SEGMENT;
    p.pkt = pkt;
    p.key = key;
    p.old_len = (uint32_t)pkt->payload - pkt->l4;
    if (p.old_len > HEADER_MOST || !edit_read(pkt, pkt->l4, p.old_len, p.old)) return SPLICE_NOT_SEGMENT;
    if (!pass_ecn(&p, v6)) return SPLICE_CONGESTED;
    edit_cut(pkt, pkt->l3_end);
    compose(&p, now_ms);
    if (key->kind & KIND_FRAG_FIRST && p.new_len < p.old_len) {
        /* The header of a first fragment is filled up to its old length, because later ones have fixed offsets */
        memset(p.new + p.new_len, TCP_OPT_NOP, p.old_len - p.new_len);
        p.new_len = p.old_len;
        p.new[TCP_OFFSET] = p.old[TCP_OFFSET];
    }
    if (!header_resize(&p, v6)) return SPLICE_NO_ROOM;
    set_sum(&p);
    edit_write(pkt, pkt->l4, p.new_len, p.new);
    const uint32_t mss = p.to->mss ? p.to->mss : mss_default(v6);
    const uint32_t most = (mss < MSS_LEAST ? MSS_LEAST : mss) - (p.new_len - TCP_LEN);
    if (pkt->segment > most) pkt->segment = (uint16_t)most;
    if (!pkt->segment && !(key->kind & KIND_FRAG_FIRST) && (uint32_t)pkt->l3_end - pkt->payload > most)
        return segments_cut(pkt, most, pool, out);
    out->pkts[0] = pkt;
    out->count = 1;
    return SPLICE_SENT;
}
