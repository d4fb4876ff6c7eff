/* Packets of connections that their clients' first bytes may reset: they are read before they are judged, and held
 * back until the branch is known. A server's bytes are never held, because its client may be waiting for them. */
#include <string.h>

#include "vm/flow/tcp/tcp_window.h"
#include "vm/observe/choose.h"
#include "vm/observe/observers_priv.h"
#include "vm/packet/pkt.h"

static bool service_holds(const struct observers *o, uint32_t observe)
{
    return observe < OBSERVES_MOST && o->holds[observe / 64] >> observe % 64 & 1;
}

bool holding_watches(const struct observers *o, const struct conn *c) { return service_holds(o, c->observe); }

void holding_services(struct observers *o)
{
    memset(o->holds, 0, sizeof o->holds);
    o->holding = o->cutting = false;
    for (uint32_t i = 0; i < o->p->choices_count; i++) {
        const struct pbc_choice *x = &o->p->choices[i];
        if (!pbc_does_hold(x->does) || x->observe >= OBSERVES_MOST) continue;
        o->holds[x->observe / 64] |= UINT64_C(1) << x->observe % 64;
        o->holding = true;
        o->cutting |= x->does == PBC_CUTS;
    }
}

static int32_t from_to(uint32_t from, uint32_t to) { return (int32_t)(to - from); }

static bool waits(const struct conn *c) { return c->does == PBC_DOES && !(c->holding & HOLDING_LET); }

/* True if the first bytes of a connection's client may be held. */
static bool may_wait(const struct observers *o, const struct conn *c)
{
    const bool from_syn = c->half[OBSERVE_CLIENT].flags & HALF_SYN && !(c->flags & (CONN_MIDSTREAM | CONN_OVER));
    return waits(c) && from_syn && service_holds(o, c->observe);
}

/* Return the number that the other side of a half expects next. */
static uint32_t expected(const struct half *h)
{
    return h->next_seq + (h->flags & HALF_FIN && h->next_seq == h->fin_seq ? 1 : 0);
}

/* Set the fate of the connection's waiting packets. */
static void held_settle(struct observers *o, const struct conn *c, enum held_fate first, enum held_fate others,
                        const struct both_reset *reset)
{
    const uint32_t place = conn_place(o, c);
    bool is_first = true;
    for (uint32_t i = c->held ? o->held.first : HELD_NONE; i != HELD_NONE; i = o->held.at[i].next) {
        struct waiting *h = &o->held.at[i];
        if (h->conn != place || h->fate != HELD_WAITS) continue;
        h->fate = (uint8_t)(is_first ? first : others);
        if (is_first && reset) h->reset = *reset;
        is_first = false;
        o->held.ready++;
    }
}

/* Return a connection's first held packet; NULL: none. */
static struct waiting *first_held(struct observers *o, const struct conn *c)
{
    const uint32_t place = conn_place(o, c);
    for (uint32_t i = c->held ? o->held.first : HELD_NONE; i != HELD_NONE; i = o->held.at[i].next)
        if (o->held.at[i].conn == place && o->held.at[i].fate == HELD_WAITS) return &o->held.at[i];
    return NULL;
}

static struct cutting *cutting_of(struct observers *o, uint32_t place)
{
    for (uint32_t i = 0; i < o->cut_count; i++)
        if (o->cuts[i].conn == place) return &o->cuts[i];
    return NULL;
}

void holding_ends(struct observers *o, struct conn *c)
{
    struct cutting *x = c->holding & HOLDING_CUTS ? cutting_of(o, conn_place(o, c)) : NULL;
    if (x) x->conn = NUMBER_NONE;
    if (c->does == PBC_CUTS) c->holding = (uint8_t)((c->holding & ~HOLDING_CUTS) | HOLDING_CUT);
    holding_decided(o, c);
}

void holding_decided(struct observers *o, struct conn *c)
{
    if (!c->held) return;
    if (c->does == PBC_CUTS && !(c->holding & HOLDING_CUT) && !(c->flags & CONN_OVER)) {
        struct waiting *h = first_held(o, c);
        if (h) h->reset.other = opening_held_from(o, c); /* the packets that will be cut into begin there */
        return;
    }
    if (c->does != PBC_RESETS) {
        held_settle(o, c, HELD_GOES, HELD_GOES, NULL);
        return;
    }
    const struct both_reset reset = {.sender = expected(&c->half[OBSERVE_SERVER]), .other = opening_held_from(o, c)};
    held_settle(o, c, HELD_RESETS, HELD_DROPPED, &reset);
}

void holding_forget(struct observers *o, const struct conn *c)
{
    const uint32_t place = conn_place(o, c);
    for (uint32_t i = c->held ? o->held.first : HELD_NONE; i != HELD_NONE; i = o->held.at[i].next)
        if (o->held.at[i].conn == place) o->held.at[i].conn = HELD_NONE;
}

/* End a connection whose ends are reset now. */
static void conn_rejected(struct observers *o, struct conn *c, enum observe_half sender, const struct both_reset *reset)
{
    COUNT(o, c, rejected, 1);
    c->holding |= HOLDING_RESET;
    conn_end(o, c, OBSERVE_WHY_REJECTED);
    c->half[sender].far = reset->other;
    c->half[!sender].far = reset->sender;
    c->seen_ns = o->now_ns;
    observers_due(o, conn_place(o, c));
}

/* Return the number that the sender of a packet expects next, as far as the other half's packets show. */
static uint32_t sender_expects(const struct half *other, const struct observe_packet *s)
{
    return other->flags & HALF_SEEN ? expected(other) : s->ack;
}

static enum holding_says reject(struct observers *o, struct conn *c, enum observe_half side,
                                const struct observe_packet *s, uint32_t passed, struct holding *g)
{
    g->reset = (struct both_reset){.sender = sender_expects(&c->half[!side], s), .other = passed};
    g->quiet = c->held; /* a held packet resets both */
    if (!g->quiet) conn_rejected(o, c, side, &g->reset);
    return HOLDING_REJECT;
}

/* Reset both ends again after a late packet of a connection that was reset: its sender has not got the reset. */
static enum holding_says reject_again(struct observers *o, struct conn *c, enum observe_half side,
                                      const struct observe_packet *s, struct holding *g)
{
    if (s->flags & (TCP_RST | TCP_SYN)) return HOLDING_NONE;
    COUNT(o, c, packets, 1);
    COUNT(o, c, late, 1);
    c->seen_ns = o->now_ns;
    observers_due(o, conn_place(o, c));
    g->reset = (struct both_reset){.sender = s->ack, .other = c->half[side].far};
    return HOLDING_REJECT;
}

/* True for a SYN with bytes to a service that holds: they would reach the server unread. The client sends them again
 * after its handshake (RFC 7413, 4.1.2). */
static bool is_early(const struct observers *o, const struct observe_packet *s)
{
    struct key client;
    bool by_server;
    if (!s->len || (s->flags & (TCP_SYN | TCP_ACK)) != TCP_SYN) return false;
    return service_holds(o, observe_begins(o->p, &s->key, &client, &by_server));
}

/* True if both ends are sufficiently known, and neither has ended. */
static bool may_cut(const struct conn *c)
{
    const uint8_t both = c->half[OBSERVE_CLIENT].flags & c->half[OBSERVE_SERVER].flags;
    const uint8_t either = c->half[OBSERVE_CLIENT].flags | c->half[OBSERVE_SERVER].flags;
    return both & HALF_SYN && both & HALF_ACKED && !(either & HALF_FIN) && !(c->flags & (CONN_OVER | CONN_MIDSTREAM));
}

/* Give up cutting into a connection, which goes on; the caller has counted the cause. */
static void cut_gives_up(struct observers *o, struct conn *c)
{
    c->holding = (uint8_t)((c->holding & ~HOLDING_CUTS) | HOLDING_CUT);
    held_settle(o, c, HELD_GOES, HELD_GOES, NULL);
}

/* Begin to cut into a connection at a packet of its client, which the observers have taken. passed: number of the
 * client's next byte before the packet. */
static enum holding_says cut_begins(struct observers *o, struct conn *c, const struct observe_packet *s,
                                    uint32_t passed, struct holding *g)
{
    const struct waiting *h = first_held(o, c);
    const bool known = may_cut(c), room = o->cut_count < CUTS_AT_ONCE;
    g->cut = known && room;
    if (!known) COUNT(o, c, cut_unknown, 1);
    if (known && !room) COUNT(o, c, cut_busy, 1);
    g->from = h ? h->reset.other : passed;
    g->waits = g->cut;
    if (!g->cut) cut_gives_up(o, c);
    const bool carries = s->len || s->flags & TCP_FIN;
    return carries && (g->cut || c->held) ? HOLDING_WAITS : HOLDING_SHOWN;
}

/* True if a segment is between its receiver's acknowledgement and the right edge of its window: otherwise a stranger
 * who knows only the tuple could prevent every cut. */
static bool is_in_window(const struct half *h, const struct observe_packet *s)
{
    return from_to(h->acked, s->seq + s->len) >= 0 && from_to(s->seq, h->edge) >= 0;
}

/* Handle a packet of a connection that is being cut into. A SYN passes: an end that has the connection challenges
 * it, and an end that has lost the connection then resets it (RFC 5961, 4). */
static enum holding_says cut_goes_on(struct observers *o, struct conn *c, enum observe_half side, uint64_t now_ns,
                                     const struct observe_packet *s, struct holding *g)
{
    struct cutting *x = cutting_of(o, conn_place(o, c));
    const struct half *h = &c->half[side];
    if (!x || s->flags & TCP_SYN) return HOLDING_NONE;
    if (s->flags & (TCP_RST | TCP_FIN)) {
        if (!is_in_window(h, s)) return HOLDING_NONE;
        x->conn = NUMBER_NONE;
        COUNT(o, c, cut_ends, 1);
        cut_gives_up(o, c);
        if (!c->held) return HOLDING_NONE;
        observers_see(o, now_ns, s);
        return HOLDING_WAITS;
    }
    if (!s->len || (side == OBSERVE_SERVER && !x->holds) || from_to(x->from[side], s->seq + s->len) <= 0)
        return HOLDING_NONE;
    if (from_to(x->from[side], s->seq) >= 0 && from_to(s->seq + s->len, expected(h)) >= 0) {
        observers_drop(o, s);
        return HOLDING_DROP;
    }
    observers_see(o, now_ns, s);
    g->waits = true;
    return HOLDING_WAITS;
}

/* Read a client's packet with bytes, or its end, before it is judged. */
static enum holding_says read_first(struct observers *o, struct conn *c, uint64_t now_ns,
                                    const struct observe_packet *s, struct holding *g)
{
    struct half *h = &c->half[OBSERVE_CLIENT];
    const uint32_t passed = h->next_seq, end = s->seq + s->len + (s->flags & TCP_FIN ? 1 : 0);
    const uint32_t limit = o->limits.first_bytes;
    if (waits(c) && c->held && !(s->flags & TCP_RST)) {
        const uint32_t from = opening_held_from(o, c);
        if (from_to(from, end) <= 0) return HOLDING_NONE; /* the packet has passed before */
        if (from_to(from, s->seq) >= 0 && from_to(end, expected(h)) >= 0) {
            h->retransmissions++;
            COUNT(o, c, packets, 1);
            COUNT(o, c, retransmissions, 1);
            observers_drop(o, s);
            return HOLDING_DROP; /* the packet is held already */
        }
    }
    if (s->key.kind & KIND_FRAGMENT && may_wait(o, c) && opening_hangs(o, c)) {
        COUNT(o, c, hold_parts, 1);
        observers_drop(o, s);
        return HOLDING_DROP;
    }
    const bool waited = waits(c);
    observers_see(o, now_ns, s);
    if (c->does == PBC_RESETS) {
        if (c->flags & CONN_OVER && !c->held) return HOLDING_SHOWN;
        return reject(o, c, OBSERVE_CLIENT, s, passed, g);
    }
    if (c->does == PBC_CUTS && !(c->holding & HOLDING_CUT)) return cut_begins(o, c, s, passed, g);
    if (waited && c->held && c->does != PBC_DOES && h->next >= limit) COUNT(o, c, hold_long, 1);
    const bool again = may_wait(o, c) && opening_hangs(o, c) && opening_wait(o, c);
    if (again && !c->held) opening_hold_from(o, c, passed);
    if (!again) held_settle(o, c, HELD_GOES, HELD_GOES, NULL);
    g->waits = again;
    return again || c->held ? HOLDING_WAITS : HOLDING_SHOWN;
}

bool observers_hang_on(struct observers *o, const struct observe_packet *s)
{
    enum observe_half side;
    if (!o->holding || s->key.kind & KIND_FRAGMENT || !(s->len || s->flags & (TCP_FIN | TCP_RST))) return false;
    const struct conn *c = conn_found(o, s, &side);
    if (!c || c->flags & CONN_OVER || c->holding & HOLDING_CUT) return false;
    return may_wait(o, c) || c->held || c->does == PBC_CUTS;
}

void observers_drop_damaged(struct observers *o, const struct observe_packet *s)
{
    o->counters.hold_damaged++;
    observers_drop(o, s);
}

enum holding_says observers_holding(struct observers *o, uint64_t now_ns, const struct observe_packet *s,
                                    struct holding *g)
{
    enum observe_half side;
    *g = (struct holding){.conn = NUMBER_NONE};
    if (!o->holding && !o->held.count) return HOLDING_NONE;
    if (now_ns > o->now_ns) o->now_ns = now_ns;
    struct conn *c = conn_found(o, s, &side);
    if (is_early(o, s) && !(c && c->does != PBC_DOES && !(c->flags & CONN_OVER))) {
        o->counters.hold_early++;
        observers_drop(o, s);
        return HOLDING_DROP;
    }
    if (!c) return HOLDING_NONE;
    g->conn = conn_place(o, c);
    enum holding_says says = HOLDING_NONE;
    if (c->holding & HOLDING_RESET)
        says = reject_again(o, c, side, s, g);
    else if (c->does == PBC_RESETS && !(c->flags & CONN_OVER))
        says = s->flags & TCP_RST ? HOLDING_NONE : reject(o, c, side, s, expected(&c->half[side]), g);
    else if (c->holding & HOLDING_CUTS)
        return cut_goes_on(o, c, side, now_ns, s, g);
    else if (c->does == PBC_CUTS && !(c->holding & HOLDING_CUT) && side == OBSERVE_CLIENT && !(c->flags & CONN_OVER) &&
             !(s->flags & (TCP_SYN | TCP_RST))) {
        const uint32_t passed = c->half[side].next_seq;
        observers_see(o, now_ns, s);
        return c->flags & CONN_OVER ? HOLDING_SHOWN : cut_begins(o, c, s, passed, g);
    } else if (side == OBSERVE_CLIENT && !(s->flags & TCP_SYN) && (s->len || s->flags & (TCP_FIN | TCP_RST)) &&
               (c->held || may_wait(o, c)))
        return read_first(o, c, now_ns, s, g);
    if (says == HOLDING_REJECT) observers_drop(o, s);
    return says;
}

bool observers_hold(struct observers *o, const struct holding *g, struct pkt *pkt)
{
    struct conn *c = &o->conns.at[g->conn];
    const struct waiting h = {.pkt = pkt, .conn = g->conn, .fate = g->waits ? HELD_WAITS : HELD_GOES};
    if (c->held >= HOLDING_EACH || !waiting_add(&o->held, &h)) return false;
    c->held++;
    COUNT(o, c, held, 1);
    return true;
}

void observers_let(struct observers *o, struct holding *g)
{
    struct conn *c = &o->conns.at[g->conn];
    if (g->waits) COUNT(o, c, hold_full, 1);
    g->waits = false;
    c->holding |= HOLDING_LET;
    held_settle(o, c, HELD_GOES, HELD_GOES, NULL);
}

bool observers_send(struct observers *o, struct pkt *rst)
{
    return waiting_add(&o->held, &(struct waiting){.pkt = rst, .conn = HELD_NONE, .fate = HELD_GOES, .ours = 1});
}

bool observers_leaves(struct observers *o, struct waiting *h)
{
    if (!waiting_take(&o->held, h)) return false;
    if (h->conn == HELD_NONE) return true;
    struct conn *c = &o->conns.at[h->conn];
    c->held--;
    if (h->fate == HELD_RESETS && !(c->holding & HOLDING_RESET)) conn_rejected(o, c, OBSERVE_CLIENT, &h->reset);
    return true;
}

bool observers_cut_begun(struct observers *o, const struct holding *g, uint32_t number)
{
    struct conn *c = &o->conns.at[g->conn];
    if (number >= CUT_NUMBERS) {
        COUNT(o, c, cut_room, 1);
        cut_gives_up(o, c);
        return false;
    }
    o->cuts[o->cut_count++] = (struct cutting){
        .conn = g->conn, .number = number, .from = {g->from}, .until_ns = time_after(o->now_ns, CUT_NS)};
    c->holding |= HOLDING_CUTS;
    return true;
}

uint32_t observers_cut_service(const struct observers *o, const struct holding *g)
{
    return o->p->observes[o->conns.at[g->conn].observe].cut - 1;
}

unsigned observers_cut_count(const struct observers *o) { return o->cut_count; }

static bool is_acked(const struct half *h, uint32_t from) { return h->flags & HALF_ACKED && h->acked == from; }

enum cut_step observers_cut_step(const struct observers *o, unsigned i, uint64_t now_ns, uint32_t *number)
{
    const struct cutting *x = &o->cuts[i];
    *number = x->number;
    if (x->conn == NUMBER_NONE || x->until_ns <= now_ns) return CUT_ENDS;
    const struct conn *c = &o->conns.at[x->conn];
    if (!x->holds) return CUT_AWAITS_SOCKETS;
    return is_acked(&c->half[0], x->from[0]) && is_acked(&c->half[1], x->from[1]) ? CUT_JOINS : CUT_AWAITS_ACKS;
}

void observers_cut_hold(struct observers *o, unsigned i)
{
    struct cutting *x = &o->cuts[i];
    x->holds = true;
    /* The number behind all bytes of the server that have passed, also behind a hole */
    const struct half *h = &o->conns.at[x->conn].half[OBSERVE_SERVER];
    x->from[OBSERVE_SERVER] = h->ahead ? h->next_seq + h->ahead : expected(h);
}

static struct cut_known known_of(const struct half *h, uint32_t from)
{
    return (struct cut_known){.next = from,
                              .stamp = h->stamp,
                              .edge = h->flags & HALF_EDGE ? h->edge : from,
                              .mss = h->mss,
                              .scale = h->scale,
                              .has = h->has,
                              .ttl = h->ttl,
                              .tos = h->tos};
}

void observers_cut_known(const struct observers *o, const struct holding *g, struct cut_known ends[2])
{
    const struct conn *c = &o->conns.at[g->conn];
    ends[0] = known_of(&c->half[0], g->from);
    ends[1] = known_of(&c->half[1], expected(&c->half[1]));
}

void observers_cut_now(const struct observers *o, unsigned i, struct cut_known ends[2])
{
    const struct cutting *x = &o->cuts[i];
    for (unsigned at = 0; at < 2; at++) ends[at] = known_of(&o->conns.at[x->conn].half[at], x->from[at]);
}

void observers_cut_over(struct observers *o, unsigned i, uint64_t now_ns, enum cut_end end)
{
    struct conn *c = o->cuts[i].conn == NUMBER_NONE ? NULL : &o->conns.at[o->cuts[i].conn];
    o->cuts[i] = o->cuts[--o->cut_count];
    if (!c) return;
    if (end != CUT_JOINED) {
        COUNT(o, c, cut_late, end == CUT_LATE);
        COUNT(o, c, cut_sockets, end == CUT_NO_SOCKETS);
        cut_gives_up(o, c);
        return;
    }
    COUNT(o, c, cut_into, 1);
    o->conns.cut_ns[conn_place(o, c)] = now_ns;
    c->holding = (uint8_t)((c->holding & ~HOLDING_CUTS) | HOLDING_CUT);
    held_settle(o, c, HELD_GOES, HELD_GOES, NULL);
}

bool observers_ready(const struct observers *o) { return o->held.ready; }

static bool waiting_is_sound(const struct observers *o, const struct waiting *h)
{
    if (h->fate > HELD_DROPPED || h->ours > 1 || (h->ours && (h->fate != HELD_GOES || h->conn != HELD_NONE)))
        return false;
    if (h->conn == HELD_NONE) return h->fate != HELD_WAITS;
    if (h->conn >= o->conns.numbers.high || !conn_lives(&o->conns.at[h->conn])) return false;
    const struct conn *c = &o->conns.at[h->conn];
    return h->fate != HELD_WAITS || (waits(c) && c->opening != CHUNK_NONE);
}

void holding_archive(struct observers *o, struct pool *pool, struct archive *a)
{
    uint32_t left = o->held.count, i = o->held.first;
    ARCHIVE(a, left);
    for (; left && !a->bad; left--) {
        struct waiting h = {0};
        if (!a->reads) {
            h = o->held.at[i];
            i = h.next;
        }
        ARCHIVE(a, h.reset);
        ARCHIVE(a, h.conn);
        ARCHIVE(a, h.fate);
        ARCHIVE(a, h.ours);
        if (!archive_sound(a, waiting_is_sound(o, &h)) || !pkt_archive(&h.pkt, pool, a) || !a->reads) continue;
        struct conn *c = h.conn == HELD_NONE ? NULL : &o->conns.at[h.conn];
        const bool fits = (!c || c->held < HOLDING_EACH) && waiting_add(&o->held, &h);
        if (!fits) pool_put(h.pkt);
        if (archive_sound(a, fits) && c) c->held++;
    }
}
