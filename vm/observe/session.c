/* Events and records of sessions, and the names found in them; names of reasons for ends of observed connections and
 * for missing bytes */
#include <string.h>

#include "vm/observe/observers_priv.h"

const char *const observe_why_name[] = {
#define OBSERVE_WHY(ident, name, doc) [OBSERVE_WHY_##ident] = name,
#include "vm/observe/why.def"
};

const char *const observe_hole_name[] = {
#define OBSERVE_HOLE(ident, name, doc) [OBSERVE_HOLE_##ident] = name,
#include "vm/observe/hole.def"
};

const char *const observe_state_name[] = {
    [OBSERVE_OPENS] = "opens", [OBSERVE_OPEN] = "open", [OBSERVE_CLOSES] = "closes"};

enum { NAME_MOST = 255, NAME_HEAD = 2 /* kind and length before each name */ };

void session_ends(const struct observers *o, const struct conn *c, struct observe_ends *ends)
{
    const struct ends *t = conn_ends(&o->conns, c);
    const bool high = c->flags & CONN_HIGH;
    struct stack_tag tags[STACK_TAGS];
    const unsigned count = stack_tags(o->conns.stacks, t->stack, tags);
    *ends = (struct observe_ends){
        .client_port = high ? t->high_port : t->low_port,
        .server_port = high ? t->low_port : t->high_port,
        .vlan = {count ? tags[0].vid : OBSERVE_NO_VLAN, count > 1 ? tags[1].vid : OBSERVE_NO_VLAN},
        .iface = c->iface,
        .family = t->v6 ? 6 : 4,
        .midstream = c->flags & CONN_MIDSTREAM};
    memcpy(ends->client, high ? t->high : t->low, sizeof ends->client);
    memcpy(ends->server, high ? t->low : t->high, sizeof ends->server);
}

/* Report an event of a connection whose ends are known. */
static void event_tell(const struct observers *o, const struct conn *c, struct observe_event *e)
{
    struct observe_ends ends;
    session_ends(o, c, &ends);
    e->program = o->p;
    e->does = c->does;
    e->observe = c->observe;
    e->choice = c->choice;
    e->number = c->number;
    e->begin_ns = c->began_ns;
    e->at_ns = o->now_ns;
    e->ends = &ends;
    o->out.told(o->out.arg, e);
}

void session_event(const struct observers *o, const struct conn *c, struct observe_event *e)
{
    if (o->out.told && c->does != PBC_IGNORE && !(c->flags & CONN_OVER)) event_tell(o, c, e);
}

void session_say(const struct observers *o, const struct conn *c, enum observe_kind kind)
{
    struct observe_event e = {.kind = (uint8_t)kind};
    struct observe_summary sum;
    if (!o->out.told || c->flags & CONN_OVER) return;
    if (kind == OBSERVE_END) {
        session_sum(o, c, &sum);
        e.sum = &sum;
    }
    event_tell(o, c, &e);
}

static void sum_half(const struct half *h, struct observe_sum *s)
{
    *s = (struct observe_sum){.bytes = h->next - h->hole_bytes,
                              .packets = h->packets,
                              .holes = h->holes,
                              .hole_bytes = h->hole_bytes,
                              .retransmitted = h->retransmissions,
                              .reordered = h->reordered,
                              .differing = h->differs,
                              .urgent = h->urgents,
                              .keepalives = h->keepalives,
                              .rtt_min_ns = h->rtt_min * UINT64_C(1000),
                              .rtt_ns = h->rtt_avg / 8 * UINT64_C(1000),
                              .rtt_max_ns = h->rtt_max * UINT64_C(1000),
                              .rtt_count = h->rtt_count,
                              .fin = h->flags & HALF_FIN};
}

/* Put the connection's names one behind the other, as they were kept. Return their number of bytes. */
static uint32_t names_gather(const struct observers *o, const struct conn *c)
{
    uint32_t n = 0;
    for (uint32_t i = c->names; i != NAME_CHUNK_NONE; i = o->conns.name_chunks[i].next, n += NAME_CHUNK_BYTES)
        memcpy(o->names + n, o->conns.name_chunks[i].bytes, NAME_CHUNK_BYTES);
    return n;
}

void session_sum(const struct observers *o, const struct conn *c, struct observe_summary *sum)
{
    const uint64_t shook = c->handshake_us[OBSERVE_CLIENT] && c->handshake_us[OBSERVE_SERVER]
                               ? (uint64_t)c->handshake_us[OBSERVE_CLIENT] + c->handshake_us[OBSERVE_SERVER]
                               : 0;
    *sum = (struct observe_summary){.why = c->why,
                                    .end_ns = c->why == OBSERVE_WHY_OPEN ? 0 : c->seen_ns,
                                    .handshake_ns = shook * 1000,
                                    .status = c->status,
                                    .reset_by_server = c->flags & CONN_BY_SERVER};
    for (unsigned side = 0; side < OBSERVE_HALVES; side++) sum_half(&c->half[side], &sum->half[side]);
    struct view *const names[] = {[NAME_SNI] = &sum->sni,
                                  [NAME_ALPN] = &sum->alpn,
                                  [NAME_HOST] = &sum->host,
                                  [NAME_METHOD] = &sum->method,
                                  [NAME_PATH] = &sum->path};
    const uint32_t n = names_gather(o, c);
    for (uint32_t at = 0; at + NAME_HEAD <= n && o->names[at]; at += NAME_HEAD + o->names[at + 1])
        if (o->names[at] <= NAMES && at + NAME_HEAD + o->names[at + 1] <= n)
            *names[o->names[at] - 1] = (struct view){.at = o->names + at + NAME_HEAD, .len = o->names[at + 1]};
}

/* Add bytes at an offset of the connection's names. False: no chunk is left. */
static bool names_put(struct observers *o, struct conn *c, uint32_t at, const uint8_t *bytes, uint32_t n)
{
    uint32_t *link = &c->names;
    for (uint32_t here = 0; n; here += NAME_CHUNK_BYTES) {
        if (*link == NAME_CHUNK_NONE) {
            *link = name_chunk_take(&o->conns);
            if (*link == NAME_CHUNK_NONE) return false;
            memset(o->conns.name_chunks[*link].bytes, 0, NAME_CHUNK_BYTES);
        }
        struct name_chunk *chunk = &o->conns.name_chunks[*link];
        for (; n && at < here + NAME_CHUNK_BYTES; at++, bytes++, n--) chunk->bytes[at - here] = *bytes;
        link = &chunk->next;
    }
    return true;
}

void session_name(struct observers *o, struct conn *c, enum name_kind kind, struct view name)
{
    if (!name.at || !name.len) return;
    const uint8_t head[NAME_HEAD] = {(uint8_t)(kind + 1), name.len < NAME_MOST ? (uint8_t)name.len : NAME_MOST};
    const uint32_t gathered = names_gather(o, c);
    uint32_t at = 0;
    while (at + NAME_HEAD <= gathered && o->names[at]) at += NAME_HEAD + o->names[at + 1];
    if (at + NAME_HEAD + head[1] > NAMES_MOST) return;
    if (names_put(o, c, at + NAME_HEAD, name.at, head[1])) names_put(o, c, at, head, NAME_HEAD);
}

/* Describe a session. False if the number is free, or the session has ended. */
static bool record_of(const struct observers *o, const struct conn *c, struct observe_record *r)
{
    if (!conn_lives(c) || c->flags & CONN_OVER) return false;
    *r = (struct observe_record){.number = c->number,
                                 .observe = c->observe,
                                 .choice = c->choice,
                                 .does = c->does,
                                 .state = c->state,
                                 .begin_ns = c->began_ns,
                                 .seen_ns = c->seen_ns,
                                 .cut_ns = o->conns.cut_ns[conn_place(o, c)]};
    session_ends(o, c, &r->ends);
    session_sum(o, c, &r->sum);
    return true;
}

bool observers_next(const struct observers *o, uint32_t *at, struct observe_record *r)
{
    while (*at < o->conns.numbers.high)
        if (record_of(o, &o->conns.at[(*at)++], r)) return true;
    return false;
}

bool observers_of(const struct observers *o, const struct key *key, const struct pkt *pkt, struct observe_record *r)
{
    struct sought at;
    const uint16_t stack = stack_of(o->conns.stacks, pkt);
    if ((key->kind & (KIND_TCP | KIND_PORTS)) != (KIND_TCP | KIND_PORTS) || stack == STACK_UNKNOWN) return false;
    const struct conn *c = observed_find(&o->conns, key, stack, &at);
    return c && record_of(o, c, r);
}
