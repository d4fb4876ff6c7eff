/* --explain for a frame that was sent on or answered: each packet that left because of it, and every field in which
 * that packet differs from the frame. */
#include "runtime/report/explain/sent.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "vm/flow/flow.h"
#include "vm/judge/decide.h"
#include "vm/packet/edit/edit.h"
#include "vm/packet/parse/read.h"

enum { SIDE_TEXT = INET6_ADDRSTRLEN + 10, FIELDS_MOST = 16 };

struct fields {
    struct field of[FIELDS_MOST];
    unsigned count;
};

void departures_add(struct departures *d, const struct tx_entry *e)
{
    const struct pkt *p = e->pkt;
    if (e->kind != TX_SEND || d->count == DEPARTURES_MOST) return;
    uint8_t *bytes = malloc(p->head_len + 1u);
    if (!bytes) return;
    memcpy(bytes, p->data, p->head_len);
    d->of[d->count++] = (struct departure){
        .bytes = bytes, .cap_len = p->head_len, .wire_len = p->wire_len, .link = p->link, .cause = e->cause};
}

void departures_fini(struct departures *d)
{
    for (unsigned i = 0; i < d->count; i++) free(d->of[i].bytes);
    *d = (struct departures){0};
}

static void changed(struct fields *f, const char *name, const char *before, const char *after)
{
    if (!strcmp(before, after) || f->count == FIELDS_MOST) return;
    struct field *to = &f->of[f->count++];
    to->name = name;
    snprintf(to->before, sizeof to->before, "%s", before);
    snprintf(to->after, sizeof to->after, "%s", after);
}

static void changed_number(struct fields *f, const char *name, uint32_t before, uint32_t after)
{
    char a[TEXT_NUMBER], b[TEXT_NUMBER];
    snprintf(a, sizeof a, "%u", before);
    snprintf(b, sizeof b, "%u", after);
    changed(f, name, a, b);
}

static const char *side(const struct key *key, const uint32_t addr[4], uint16_t port, char buf[SIDE_TEXT])
{
    char text[INET6_ADDRSTRLEN];
    const bool v4 = key->kind & KIND_IP4;
    address_text(v4 ? 4 : 6, addr, text);
    if (key->kind & KIND_PORTS)
        snprintf(buf, SIDE_TEXT, v4 ? "%s:%u" : "[%s]:%u", text, port);
    else
        snprintf(buf, SIDE_TEXT, "%s", text);
    return buf;
}

static void changed_sides(struct fields *f, const char *src, const char *dst, const struct key *a, const struct key *b)
{
    char x[SIDE_TEXT], y[SIDE_TEXT];
    changed(f, src, side(a, a->src, a->src_port, x), side(b, b->src, b->src_port, y));
    changed(f, dst, side(a, a->dst, a->dst_port, x), side(b, b->dst, b->dst_port, y));
}

/* Write the first block of a segment's SACK option (RFC 2018, 3), or "-" without one. */
static void sack_text(const struct pkt *pkt, char buf[SIDE_TEXT])
{
    enum { HEADER = 20, MOST = 40, END = 0, NOP = 1, SACK = 5, ONE_BLOCK = 10 };
    uint8_t scratch[MOST];
    uint32_t block[2], len = pkt->payload > pkt->l4 + HEADER ? (uint32_t)pkt->payload - pkt->l4 - HEADER : 0;
    const uint8_t *at = len <= MOST ? bytes_at(pkt, (uint32_t)pkt->l4 + HEADER, len, scratch) : NULL;
    snprintf(buf, SIDE_TEXT, "-");
    for (uint32_t step; at && len && *at != END; at += step, len -= step) {
        step = *at == NOP ? 1 : len < 2 ? 0 : at[1];
        if (!step || step > len || (*at != NOP && step < 2)) return;
        if (*at != SACK || step < ONE_BLOCK) continue;
        memcpy(block, at + 2, sizeof block);
        snprintf(buf, SIDE_TEXT, "%u-%u", ntohl(block[0]), ntohl(block[1]));
        return;
    }
}

static void changed_options(struct fields *f, const struct pkt *before, const struct pkt *after)
{
    struct tcp_syn_options x, y;
    tcp_syn_options_read(before, &x);
    tcp_syn_options_read(after, &y);
    char a[SIDE_TEXT], b[SIDE_TEXT];
    if (x.has_stamps && y.has_stamps) {
        changed_number(f, "timestamp", x.stamp, y.stamp);
        changed_number(f, "timestamp echo", x.echo, y.echo);
    }
    sack_text(before, a);
    sack_text(after, b);
    changed(f, "first SACK block", a, b);
}

static void changed_tcp(struct fields *f, const struct pkt *before, const struct key *a, const struct pkt *after,
                        const struct key *b)
{
    struct tcp_segment x, y;
    if (!(a->kind & b->kind & KIND_TCP_FLAGS)) return;
    tcp_read(before, a, &x);
    tcp_read(after, b, &y);
    changed_number(f, "sequence number", x.seq, y.seq);
    changed_number(f, "acknowledgement", x.ack, y.ack);
    changed_number(f, "window", x.window, y.window);
    if (x.mss && y.mss) changed_number(f, "MSS", x.mss, y.mss);
    changed_options(f, before, after);
}

static void changed_icmp(struct fields *f, const struct pkt *before, const struct key *a, const struct pkt *after,
                         const struct key *b)
{
    struct quoted x, y;
    if (!(a->kind & b->kind & KIND_ICMP_HEADER)) return;
    if (!icmp_is_error(a)) {
        changed_number(f, "identifier", icmp_query_read(before), icmp_query_read(after));
    } else if (quoted_read(before, a, &x) && quoted_read(after, b, &y)) {
        changed_sides(f, "quoted source", "quoted destination", &x.key, &y.key);
        changed_number(f, "quoted sequence number", x.seq, y.seq);
        changed_number(f, "quoted identifier", x.query, y.query);
    }
}

/* Note every field in which the packets differ. */
static void fields_compare(struct fields *f, const struct pkt *before, const struct key *a, const struct pkt *after,
                           const struct key *b)
{
    changed_sides(f, "source", "destination", a, b);
    for (unsigned i = 0; i < IP_NUMBERS; i++) {
        const struct cond_info *row = &cond_info[ip_number_conds[i]];
        if (a->kind & b->kind & row->has)
            changed_number(f, row->name, cond_number(row, a, before), cond_number(row, b, after));
    }
    changed_tcp(f, before, a, after, b);
    changed_icmp(f, before, a, after, b);
}

static const char *cause_name(unsigned cause)
{
    static const char *const names[] = {
        [TX_CAUSE_PACKET] = "sent",
        [TX_CAUSE_HELD] = "sent",
    };
    return cause < sizeof names / sizeof *names && names[cause] ? names[cause] : "answered";
}

/* Return the packet inside a tunnel's packet, in a slot that the caller puts back, or NULL. */
static struct pkt *inner_of(const struct subject *r, const struct pkt *pkt, const struct key *key,
                            const struct key *came, struct key *inner)
{
    struct pkt *copy = pool_copy(r->pool, pkt);
    if (!copy) return NULL;
    struct key outer = *key;
    pkt_parse(copy, NULL, &outer);
    const bool bare = !(key->kind & KIND_UDP);
    const enum tunnel_kind kind = bare ? TUNNEL_IPIP : TUNNEL_GUE;
    if (tunnel_decap(copy, &outer, kind, key->dst_port) == DECAP_DONE && !pkt_parse(copy, NULL, inner) &&
        inner->proto == came->proto)
        return copy;
    pool_put(copy);
    return NULL;
}

static bool from_service(const struct subject *r, const struct verdict *v)
{
    if (v->service == PBC_NONE) return false;
    return mode_is(r->program->services[v->service].mode, MODE_TUNNELS);
}

/* A packet that left: in words, the packet inside if it is a tunnel's (or ""), and the differing fields. */
struct told {
    char packet[200], inner[200];
    uint32_t inner_bytes, inner_captured;
    struct fields fields;
};

static void departure_tell(const struct subject *r, const struct departure *d, const struct pkt *came,
                           const struct key *key, const struct verdict *v, struct told *t)
{
    struct pkt pkt;
    struct key left, within;
    *t = (struct told){0};
    pkt_view(&pkt, d->bytes, d->cap_len, d->wire_len, (enum pkt_link)d->link, IFACE_NONE);
    if (pkt_parse(&pkt, NULL, &left) != REASON_NONE) {
        snprintf(t->packet, sizeof t->packet, "%u bytes", d->wire_len);
        return;
    }
    pkt_describe(&pkt, &left, t->packet, sizeof t->packet);
    text_clean(t->packet);
    if (d->cause != TX_CAUSE_PACKET && d->cause != TX_CAUSE_HELD) return;
    struct pkt *held = from_service(r, v) ? inner_of(r, &pkt, &left, key, &within) : NULL;
    if (held) {
        pkt_describe(held, &within, t->inner, sizeof t->inner);
        text_clean(t->inner);
        t->inner_bytes = held->wire_len;
        t->inner_captured = held->cap_len;
        fields_compare(&t->fields, came, key, held, &within);
        pool_put(held);
    } else {
        fields_compare(&t->fields, came, key, &pkt, &left);
    }
}

static void cut_text(FILE *out, uint32_t wire_len, uint32_t cap_len)
{
    if (cap_len < wire_len) fprintf(out, "  %u bytes, %u captured", wire_len, cap_len);
    fputc('\n', out);
}

void departures_text(FILE *out, const struct subject *r, const struct departures *all, const struct pkt *came,
                     const struct key *key, const struct verdict *v)
{
    struct told t;
    for (unsigned i = 0; i < all->count; i++) {
        const struct departure *d = &all->of[i];
        departure_tell(r, d, came, key, v, &t);
        fprintf(out, "  %s %s", cause_name(d->cause), t.packet);
        cut_text(out, d->wire_len, d->cap_len);
        if (*t.inner) {
            fprintf(out, "    inside: %s", t.inner);
            cut_text(out, t.inner_bytes, t.inner_captured);
        }
        for (unsigned f = 0; f < t.fields.count; f++)
            fprintf(out, "    %s %s -> %s\n", t.fields.of[f].name, t.fields.of[f].before, t.fields.of[f].after);
    }
}

void fields_json(FILE *out, const struct field *fields, unsigned count)
{
    json_print(out, ",'rewritten':[");
    for (unsigned i = 0; i < count; i++) {
        json_next(out, i);
        json_print(out, "{'field':%s,'before':%s,'after':%s}", fields[i].name, fields[i].before, fields[i].after);
    }
    fputc(']', out);
}

void departures_json(FILE *out, const struct subject *r, const struct departures *all, const struct pkt *came,
                     const struct key *key, const struct verdict *v)
{
    struct told t;
    json_print(out, ",'left':[");
    for (unsigned i = 0; i < all->count; i++) {
        const struct departure *d = &all->of[i];
        departure_tell(r, d, came, key, v, &t);
        json_next(out, i);
        json_print(out, "{'how':%s,'packet':%s,'bytes':%u,'captured':%u", cause_name(d->cause), t.packet, d->wire_len,
                   d->cap_len);
        if (*t.inner)
            json_print(out, ",'inside':%s,'inside_bytes':%u,'inside_captured':%u", t.inner, t.inner_bytes,
                       t.inner_captured);
        fields_json(out, t.fields.of, t.fields.count);
        fputc('}', out);
    }
    fputc(']', out);
}
