/* The observers of a worker: connections that begin, go on, and end; see observers.h */
#include "vm/observe/observers.h"
#include "vm/observe/observers_priv.h"

#include <stdlib.h>
#include <string.h>

#include "vm/flow/tcp/tcp_window.h"
#include "vm/observe/choose.h"

/* Time for which an ended session keeps its place, because its last packets may come again. */
#define LINGERS_NS UINT64_C(10000000000)
/* A session idle for this time may make room for another. */
#define MAKES_ROOM_NS UINT64_C(60000000000)
#define SECOND_NS     UINT64_C(1000000000)
/* Sizes without a setting, and the greatest ones, as the compiler has them */
#define USUAL_MOST  100000
#define MOST        10000000
#define USUAL_BYTES (UINT64_C(64) << 20)
#define BYTES_MOST  (UINT64_C(64) << 30)
enum { RESET_REACH = 1 << 16, SHORT_PART = 8, RELIEVED = 16 };

static uint64_t usual(uint64_t said, uint64_t otherwise, uint64_t most)
{
    return !said ? otherwise : said < most ? said : most;
}

/* Take limits and timeouts of the program; one without settings has the usual ones. */
void observers_limits(struct observers *o)
{
    static const struct pbc_settings none;
    const struct pbc_settings *s = o->p->settings_count ? o->p->settings : &none;
    o->limits.open_ns = usual(s->tcp_established_ns, 7440 * SECOND_NS, UINT64_MAX);
    o->limits.half_open_ns = usual(s->tcp_half_open_ns, 60 * SECOND_NS, UINT64_MAX);
    o->limits.closing_ns = usual(s->tcp_closing_ns, 120 * SECOND_NS, UINT64_MAX);
    o->limits.first_ns = usual(s->proxy_first_ns, 5 * SECOND_NS, UINT64_MAX);
    o->limits.first_bytes = (uint32_t)usual(s->first_bytes, 16 << 10, STREAM_MAX);
    holding_services(o);
}

/* Reserve memory according to the program. */
static bool reserve_memory(struct observers *o, uint64_t seed)
{
    const bool said = o->p->settings_count;
    const uint64_t most = usual(said ? o->p->settings->observed : 0, USUAL_MOST, MOST);
    const uint64_t bytes = usual(said ? o->p->settings->observed_bytes : 0, USUAL_BYTES, BYTES_MOST);
    const bool good = observed_init(&o->conns, most, seed);
    return chunks_reserve(&o->chunks, bytes) && good;
}

struct observers *observers_new(const struct program *p, const struct observe_out *out, uint64_t seed)
{
    struct observers *o = calloc(1, sizeof *o);
    if (!o) return NULL;
    o->p = p;
    waiting_init(&o->held);
    if (out) o->out = *out;
    o->first = calloc(OBSERVE_HALVES, sizeof *o->first);
    o->scratch = malloc((size_t)OBSERVE_HALVES * STREAM_MAX);
    o->names = malloc(NAMES_MOST);
    o->opens = malloc((2 * (size_t)p->observes_count + 1) * sizeof *o->opens);
    o->each = calloc((size_t)p->observes_count + 1, sizeof *o->each);
    if (o->opens) memset(o->opens, 0xff, 2 * (size_t)p->observes_count * sizeof *o->opens); /* all NUMBER_NONE */
    observers_limits(o);
    if (reserve_memory(o, seed) && o->first && o->scratch && o->names && o->opens && o->each) return o;
    observers_free(o);
    return NULL;
}

void observers_free(struct observers *o)
{
    if (!o) return;
    waiting_fini(&o->held);
    observed_fini(&o->conns);
    chunks_release(&o->chunks);
    free(o->first);
    free(o->scratch);
    free(o->names);
    free(o->opens);
    free(o->each);
    free(o);
}

const struct observe_counters *observers_counters(const struct observers *o) { return &o->counters; }
const struct observe_counters *observers_each(const struct observers *o) { return o->each; }

/* Return when the connection has timed out. */
static uint64_t deadline(const struct observers *o, const struct conn *c)
{
    if (c->flags & CONN_OVER) return time_after(c->seen_ns, LINGERS_NS);
    if (c->state == OBSERVE_CLOSES) return time_after(c->seen_ns, o->limits.closing_ns);
    return time_after(c->seen_ns, c->state == OBSERVE_OPEN ? o->limits.open_ns : o->limits.half_open_ns);
}

void observers_due(struct observers *o, uint32_t place)
{
    o->conns.numbers.due_s[place] = numbered_second(deadline(o, &o->conns.at[place]));
}

static void count_most(struct observe_counters *c)
{
    if (c->live > c->most) c->most = c->live;
}

void observers_count(struct observers *o)
{
    o->counters.live = 0;
    for (uint32_t i = 0; i < o->p->observes_count; i++) o->each[i].live = 0;
    for (uint32_t n = 0; n < o->conns.numbers.high; n++) {
        const struct conn *c = &o->conns.at[n];
        if (conn_lives(c) && !(c->flags & CONN_OVER)) COUNT(o, c, live, 1);
    }
    count_most(&o->counters);
    for (uint32_t i = 0; i < o->p->observes_count; i++) count_most(&o->each[i]);
}

void conn_end(struct observers *o, struct conn *c, enum observe_why why)
{
    if (c->flags & CONN_OVER) return;
    if (c->does != PBC_IGNORE) opening_end(o, c);
    holding_ends(o, c);
    const enum observe_half by = c->flags & CONN_BY_SERVER ? OBSERVE_SERVER : OBSERVE_CLIENT;
    for (unsigned side = 0; side < OBSERVE_HALVES; side++)
        half_end(o, c, side, c->flags & CONN_HELD_RESET && side == by ? &c->half[side].fin_seq : NULL);
    c->why = (uint8_t)why;
    if (why != OBSERVE_WHY_SILENT && why != OBSERVE_WHY_FULL && why != OBSERVE_WHY_OPEN) c->seen_ns = o->now_ns;
    session_say(o, c, OBSERVE_END);
    c->state = OBSERVE_CLOSES;
    c->flags |= CONN_OVER;
    name_chunks_put(&o->conns, c->names);
    c->names = NAME_CHUNK_NONE;
    COUNT(o, c, live, UINT64_MAX);
}

void conn_remove(struct observers *o, uint32_t place, enum observe_why why)
{
    conn_end(o, &o->conns.at[place], why);
    holding_forget(o, &o->conns.at[place]);
    observed_remove(&o->conns, place);
}

/* Find a place for a new connection of a service: if all are taken, that of a connection that makes room
 * (observed_victim). */
static uint32_t take_place(struct observers *o, uint32_t observe, const struct sought *at)
{
    uint32_t place = observed_add(&o->conns, at);
    if (place != NUMBER_NONE) return place;
    const uint64_t idle_ns = o->now_ns > MAKES_ROOM_NS ? o->now_ns - MAKES_ROOM_NS : 0;
    const uint32_t victim = observed_victim(&o->conns, idle_ns);
    if (victim == NUMBER_NONE) {
        o->counters.full++;
        o->each[observe].full++;
        return NUMBER_NONE;
    }
    const struct conn *lesser = &o->conns.at[victim];
    COUNT(o, lesser, evicted, !(lesser->flags & CONN_OVER));
    conn_remove(o, victim, OBSERVE_WHY_FULL);
    return observed_add(&o->conns, at);
}

/* Begin a connection with a packet. NULL: it is not observed. */
static struct conn *conn_begin(struct observers *o, const struct observe_packet *s, const struct sought *at)
{
    bool by_server;
    struct key client;
    if (s->flags & TCP_RST || (!(s->flags & (TCP_SYN | TCP_ACK)))) return NULL;
    const uint32_t observe = observe_begins(o->p, &s->key, &client, &by_server);
    const uint32_t place = observe == PBC_NONE ? NUMBER_NONE : take_place(o, observe, at);
    if (place == NUMBER_NONE) return NULL;
    struct conn *c = &o->conns.at[place];
    c->observe = observe;
    c->choice = PBC_NONE;
    c->names = NAME_CHUNK_NONE;
    c->opening = CHUNK_NONE;
    c->iface = s->key.iface;
    c->number = ++o->ids;
    COUNT(o, c, sessions, 1);
    c->began_ns = c->seen_ns = o->now_ns;
    c->why = OBSERVE_WHY_OPEN;
    c->does = PBC_DOES;
    const uint32_t client_self = by_server ? KIND_DST_SELF : KIND_SRC_SELF;
    const uint32_t server_self = by_server ? KIND_SRC_SELF : KIND_DST_SELF;
    c->flags =
        (uint8_t)((at->high != by_server ? CONN_HIGH : 0) | (s->flags & TCP_SYN ? 0 : CONN_MIDSTREAM) |
                  (s->key.kind & client_self ? CONN_FROM_SELF : 0) | (s->key.kind & server_self ? CONN_TO_SELF : 0));
    for (unsigned side = 0; side < OBSERVE_HALVES; side++)
        c->half[side] = (struct half){.dir = CHUNK_NONE, .scale = SCALE_UNKNOWN};
    COUNT(o, c, live, 1);
    count_most(&o->counters);
    count_most(&o->each[observe]);
    observers_due(o, place);
    session_say(o, c, OBSERVE_BEGIN);
    opening_begin(o, c);
    return c;
}

/* Begin a half with its first packet. */
static void begin_half(const struct observers *o, struct conn *c, enum observe_half side,
                       const struct observe_packet *s)
{
    struct half *h = &c->half[side];
    const bool syn = s->flags & TCP_SYN;
    h->next_seq = s->seq + syn;
    h->iface = s->key.iface;
    h->flags |= HALF_SEEN | (syn ? HALF_SYN : 0);
    if (syn) {
        h->scale = s->scale;
        h->mss = s->mss;
        h->has = (uint8_t)((s->has_stamps ? HALF_HAS_STAMPS : 0) | (s->sack ? HALF_HAS_SACK : 0) |
                           (s->has_scale ? HALF_HAS_SCALE : 0));
        half_time(o, h, h->next_seq);
    }
    struct half *other = &c->half[!side];
    if (!(syn && s->flags & TCP_ACK) || other->flags & HALF_SEEN) return;
    /* The SYN that this packet acknowledges was not seen, but its number is known */
    other->next_seq = s->ack;
    other->flags |= HALF_SEEN;
}

/* True if the packet begins another connection between the same ends. A SYN within a connection that is open is
 * believed once its receiver has acknowledged it: it may be forged. */
static bool is_another(struct conn *c, enum observe_half side, const struct observe_packet *s)
{
    struct half *h = &c->half[side];
    const struct half *other = &c->half[!side];
    if (!(s->flags & TCP_SYN)) return false;
    if (h->flags & HALF_SEEN && s->seq + 1 == h->next_seq - (uint32_t)h->next) return false;
    if (c->flags & CONN_OVER) return true;
    if (s->flags & TCP_ACK) return h->flags & HALF_SEEN && other->has & HALF_HAS_FAR_SYN && other->far == s->ack;
    if (!(h->flags & HALF_SEEN)) return false;
    if (c->state == OBSERVE_OPENS) return !(other->flags & HALF_SEEN);
    h->far = s->seq + 1;
    h->has |= HALF_HAS_FAR_SYN;
    return false;
}

/* True if a RST ends the connection for certain: it has exactly the number that its receiver waits for. *perhaps: it
 * is in the window, so its receiver may ask back (RFC 5961, 3.2). */
static bool is_exact_reset(const struct conn *c, enum observe_half side, const struct observe_packet *s, bool *perhaps)
{
    const struct half *h = &c->half[side], *other = &c->half[!side];
    *perhaps = false;
    if (!(h->flags & HALF_SEEN)) return s->flags & TCP_ACK && other->flags & HALF_SEEN && s->ack == other->next_seq;
    if (s->seq == h->next_seq || (h->flags & HALF_ACKED && s->seq == h->acked)) return true;
    const uint32_t edge = h->flags & HALF_EDGE ? h->edge : h->next_seq + RESET_REACH;
    *perhaps = seq_between(h->flags & HALF_ACKED ? h->acked : h->next_seq, s->seq, edge);
    return false;
}

/* Handle a RST. */
static void conn_reset(struct observers *o, struct conn *c, enum observe_half side, const struct observe_packet *s)
{
    bool perhaps;
    const bool exact = is_exact_reset(c, side, s, &perhaps);
    if (!exact && !perhaps) {
        COUNT(o, c, outside, 1);
        return;
    }
    c->flags = (uint8_t)((c->flags & ~CONN_BY_SERVER) | (side == OBSERVE_SERVER ? CONN_BY_SERVER : 0));
    if (exact) {
        c->flags &= (uint8_t)~CONN_HELD_RESET;
        conn_end(o, c, OBSERVE_WHY_RESET);
        return;
    }
    c->flags |= CONN_HELD_RESET;
    c->state = OBSERVE_CLOSES;
    if (!(c->half[side].flags & HALF_FIN)) c->half[side].fin_seq = s->seq;
}

static bool half_is_closed(const struct half *h)
{
    return h->flags & HALF_FIN && h->flags & HALF_ACKED && seq_between(h->fin_seq + 1, h->acked, h->fin_seq + 2);
}

/* Find the state that follows from both halves. */
static void settle_state(struct observers *o, struct conn *c)
{
    const struct half *client = &c->half[OBSERVE_CLIENT], *server = &c->half[OBSERVE_SERVER];
    const uint8_t either = client->flags | server->flags;
    if (c->flags & CONN_OVER) return;
    if (half_is_closed(client) && half_is_closed(server))
        conn_end(o, c, OBSERVE_WHY_CLOSED);
    else if (either & HALF_FIN || c->flags & CONN_HELD_RESET)
        c->state = OBSERVE_CLOSES;
    else if (client->flags & server->flags & HALF_ACKED)
        c->state = OBSERVE_OPEN;
}

/* True for a packet that was seen before on another interface, as one that this machine forwards: it brings nothing
 * new. */
static bool is_seen_elsewhere(const struct half *h, const struct half *other, const struct observe_packet *s)
{
    if (!h->packets || !(h->flags & HALF_SEEN) || s->key.iface == h->iface || s->flags & TCP_RST) return false;
    const bool fin = s->flags & TCP_FIN;
    if (fin && !(h->flags & HALF_FIN)) return false;
    const uint32_t end = s->seq + !!(s->flags & TCP_SYN) + s->len;
    const bool old = (int32_t)(end - h->next_seq) <= 0;
    return old && (!(s->flags & TCP_ACK) || (other->flags & HALF_ACKED && (int32_t)(s->ack - other->acked) <= 0));
}

/* Take a packet of a connection. */
static void conn_take(struct observers *o, struct conn *c, enum observe_half side, const struct observe_packet *s)
{
    struct half *h = &c->half[side];
    const bool first = !(h->flags & HALF_SEEN) || (h->flags & HALF_SEEN && !h->packets && s->flags & TCP_SYN);
    if (is_seen_elsewhere(h, &c->half[!side], s)) {
        COUNT(o, c, elsewhere, 1);
        return;
    }
    h->packets++;
    if (s->flags & TCP_RST) {
        conn_reset(o, c, side, s);
        return;
    }
    if (!(s->flags & (TCP_ACK | TCP_SYN))) {
        COUNT(o, c, no_ack, 1);
        return;
    }
    if (first) {
        begin_half(o, c, side, s);
    } else if (s->flags & TCP_SYN && s->seq + 1 == h->next_seq - (uint32_t)h->next) {
        h->retransmissions++;
        COUNT(o, c, retransmissions, 1);
        h->flags &= (uint8_t)~HALF_TIMED; /* it is unknown which SYN was acknowledged */
    } else if (s->flags & TCP_SYN) {
        COUNT(o, c, outside, 1);
        return;
    }
    h->ttl = (uint8_t)s->key.ttl;
    h->tos = key_tos(&s->key);
    if (s->has_stamps && (first || (int32_t)(s->stamp - h->stamp) > 0)) h->stamp = s->stamp;
    if (s->key.kind & KIND_FRAGMENT) {
        COUNT(o, c, fragments, 1);
        later_expect(o, c, side, s);
    }
    c->flags &= (uint8_t)~CONN_HELD_RESET;
    half_take(o, c, side, s);
    if (!(c->flags & CONN_OVER)) half_acked(o, c, !side, s);
    settle_state(o, c);
}

void observers_drop(struct observers *o, const struct observe_packet *s) { stack_put(o->conns.stacks, s->stack); }

/* Free the memory kept by a connection. */
static void relieve(struct observers *o, struct conn *c)
{
    if (c->does != PBC_IGNORE && c->opening != CHUNK_NONE) opening_end(o, c);
    for (unsigned side = 0; side < OBSERVE_HALVES; side++) {
        struct half *h = &c->half[side];
        if (h->ahead) {
            COUNT(o, c, memory, 1);
            half_skip(o, c, side, h->next + h->ahead, OBSERVE_HOLE_MEMORY);
        }
        half_clear(o, c, side);
    }
}

/* While memory is short, take back what idle connections keep: some per packet, in turn. */
static void find_memory(struct observers *o)
{
    const struct chunks *p = &o->chunks;
    if (p->used < p->most - p->most / SHORT_PART) return;
    for (unsigned i = 0; i < RELIEVED && i < o->conns.numbers.high; i++) {
        o->relief = o->relief + 1 < o->conns.numbers.high ? o->relief + 1 : 0;
        struct conn *c = &o->conns.at[o->relief];
        const bool keeps = conn_lives(c) && (c->half[0].count || c->half[1].count || c->opening != CHUNK_NONE);
        if (keeps && (p->used == p->most || c->seen_ns + SECOND_NS <= o->now_ns)) relieve(o, c);
    }
}

static enum observe_half side_of(const struct conn *c, const struct sought *at)
{
    return at->high == !!(c->flags & CONN_HIGH) ? OBSERVE_CLIENT : OBSERVE_SERVER;
}

struct conn *conn_found(struct observers *o, const struct observe_packet *s, enum observe_half *side)
{
    struct sought at;
    struct conn *c = observed_find(&o->conns, &s->key, s->stack, &at);
    if (c) *side = side_of(c, &at);
    return c;
}

/* Return the connection of a packet, or begin one; *began: it began. NULL: it is not observed. */
static struct conn *conn_of(struct observers *o, const struct observe_packet *s, enum observe_half *side, bool *began)
{
    struct sought at;
    struct conn *c = observed_find(&o->conns, &s->key, s->stack, &at);
    if (c) *side = side_of(c, &at);
    *began = !c || is_another(c, *side, s);
    if (!*began) return c;
    if (c) conn_remove(o, conn_place(o, c), OBSERVE_WHY_REUSED);
    c = conn_begin(o, s, &at);
    *began = c;
    if (c) *side = side_of(c, &at);
    return c;
}

/* Show a packet. True: a connection began and keeps the reference of its stack. */
static bool packet_show(struct observers *o, const struct observe_packet *s)
{
    enum observe_half side = OBSERVE_CLIENT;
    bool began;
    struct conn *c = conn_of(o, s, &side, &began);
    if (!c) return false;
    COUNT(o, c, packets, 1);
    if (c->flags & CONN_OVER) {
        COUNT(o, c, late, 1);
        return began;
    }
    c->seen_ns = o->now_ns;
    conn_take(o, c, side, s);
    return began;
}

void observers_see(struct observers *o, uint64_t now_ns, const struct observe_packet *s)
{
    if (now_ns > o->now_ns) o->now_ns = now_ns;
    o->schedules = s->key.marks >> MARK_SCHEDULES;
    find_memory(o);
    if (!packet_show(o, s)) observers_drop(o, s);
}

/* Check one connection: end it, or set the next check. */
static void look_again(struct observers *o, uint32_t place)
{
    struct conn *c = &o->conns.at[place];
    if (deadline(o, c) <= o->now_ns) {
        const bool was_over = c->flags & CONN_OVER;
        conn_end(o, c,
                 c->flags & CONN_HELD_RESET                                   ? OBSERVE_WHY_RESET
                 : half_is_closed(&c->half[0]) && half_is_closed(&c->half[1]) ? OBSERVE_WHY_CLOSED
                                                                              : OBSERVE_WHY_SILENT);
        if (was_over || c->seen_ns + LINGERS_NS <= o->now_ns) {
            holding_forget(o, c);
            observed_remove(&o->conns, place);
            return;
        }
    }
    observers_due(o, place);
}

uint64_t observers_tick(struct observers *o, uint64_t now_ns)
{
    struct numbered *all = &o->conns.numbers;
    if (now_ns > o->now_ns) o->now_ns = now_ns;
    for (uint32_t n, asked = 0; (n = numbered_due(all, o->now_ns, &asked)) != NUMBER_NONE;) look_again(o, n);
    const uint64_t opening_ns = opening_tick(o);
    const uint64_t wait_ns = numbered_wait_ns(all, NUMBERED_LOOKED_AT);
    return all->live ? time_sooner(opening_ns, time_after(o->now_ns, wait_ns)) : UINT64_MAX;
}

void observers_end(struct observers *o, uint64_t now_ns, enum observe_why why)
{
    if (now_ns > o->now_ns) o->now_ns = now_ns;
    for (uint32_t n = 0; n < o->conns.numbers.high; n++)
        if (conn_lives(&o->conns.at[n])) conn_remove(o, n, why);
}
