/* Connections to proxy services in a capture, see streams.h.
 *
 * They are in a table by their ends; when the table is full, the connection that was silent for longest is evicted.
 * The total memory of those being read is bounded, too: the connection that has held memory for longest is given up
 * first. */
#include "runtime/report/said/streams.h"

#include <stdlib.h>
#include <string.h>

#include "vm/forward/service.h"
#include "vm/keyed/keyed.h"

enum { CONNECTIONS_MOST = 1 << 16 };
#define BYTES_MOST (UINT64_C(64) << 20) /* most bytes for connections being read, in all */

struct streams {
    struct said_world world; /* first member: converted back by `hold` */
    struct keyed table;
    struct counter *served;
    struct streams_sum ended;
    uint64_t bytes;
    uint32_t oldest, newest; /* connections that hold memory: slots, or KEYED_NONE */
    uint32_t last;
};

static struct said *stream_at(const struct streams *s, uint32_t slot) { return keyed_at(&s->table, slot); }
static uint32_t stream_slot(const struct streams *s, const struct said *c)
{
    return (uint32_t)(((const uint8_t *)c - s->table.entries) / s->table.entry_bytes);
}

static void stream_give_back(struct streams *s, struct said *c)
{
    *(c->older == KEYED_NONE ? &s->oldest : &stream_at(s, c->older)->newer) = c->newer;
    *(c->newer == KEYED_NONE ? &s->newest : &stream_at(s, c->newer)->older) = c->older;
    s->bytes -= reassemble_bytes(c->in.room);
    free(c->in.there);
    c->in = (struct reassembly){.seq = c->in.seq};
}

static bool stream_hold(struct said_world *w, struct said *c, uint32_t room)
{
    struct streams *s = (struct streams *)w;
    if (!room) {
        stream_give_back(s, c);
        return true;
    }
    /* Give up the oldest other connections until there is room. */
    while (s->bytes + reassemble_bytes(room) > BYTES_MOST && s->oldest != KEYED_NONE && stream_at(s, s->oldest) != c) {
        struct said *victim = stream_at(s, s->oldest);
        if (victim->state == SAID_READING) victim->state = SAID_CROWDED;
        if (victim->state == SAID_BODY) victim->state = SAID_CHOSEN;
        stream_give_back(s, victim);
    }
    void *memory = malloc(reassemble_bytes(room));
    if (!memory) return false;
    const struct reassembly was = c->in;
    if (was.room)
        reassemble_grow(&c->in, memory, room);
    else
        reassemble_init(&c->in, memory, room, was.seq);
    s->bytes += reassemble_bytes(room);
    if (was.room) s->bytes -= reassemble_bytes(was.room);
    if (!was.room) {
        c->older = s->newest;
        c->newer = KEYED_NONE;
        *(s->newest == KEYED_NONE ? &s->oldest : &stream_at(s, s->newest)->newer) = stream_slot(s, c);
        s->newest = stream_slot(s, c);
    }
    free(was.there);
    return true;
}

static bool ends_of(const struct key *key, uint64_t ends[SAID_KEY_WORDS])
{
    for (unsigned i = 0; i < 2; i++) {
        ends[i] = hash_pair(key->src[2 * i], key->src[2 * i + 1]);
        ends[2 + i] = hash_pair(key->dst[2 * i], key->dst[2 * i + 1]);
    }
    ends[4] = (uint64_t)key->src_port << 16 | key->dst_port;
    ends[5] = !!(key->kind & KIND_IP6);
    return key->kind & KIND_TCP_FLAGS && key->kind & KIND_PORTS;
}

/* Return a key with the addresses and ports in c->ends. */
static struct key stream_key_of(const struct said *c)
{
    struct key key = {.src_port = (uint16_t)(c->ends[4] >> 16),
                      .dst_port = (uint16_t)c->ends[4],
                      .proto = 6,
                      .kind = (c->ends[5] ? KIND_IP6 : KIND_IP4) | KIND_TCP | KIND_PORTS};
    for (unsigned i = 0; i < 2; i++) {
        key.src[2 * i] = (uint32_t)c->ends[i], key.src[2 * i + 1] = (uint32_t)(c->ends[i] >> 32);
        key.dst[2 * i] = (uint32_t)c->ends[2 + i], key.dst[2 * i + 1] = (uint32_t)(c->ends[2 + i] >> 32);
    }
    return key;
}

/* Return the state, SAID_CHOSEN for a connection between two requests or in a body. */
static enum said_state final(const struct said *c)
{
    const bool between = c->state == SAID_BODY || (c->state == SAID_READING && c->later);
    return between ? SAID_CHOSEN : (enum said_state)c->state;
}

static void stream_drop(struct streams *s, uint32_t slot)
{
    struct said *c = stream_at(s, slot);
    const struct key key = stream_key_of(c);
    said_end(&s->world, c, &key);
    s->ended.connections[final(c)]++;
    free(c->words);
    free(c->passed);
    keyed_drop(&s->table, slot);
}

static uint32_t stream_add(struct streams *s, const struct place *place, const uint64_t ends[])
{
    const uint32_t slot = keyed_add(&s->table, place, ends);
    if (slot != KEYED_NONE) return slot;
    stream_drop(s, keyed_lowest(&s->table, place));
    return keyed_add(&s->table, place, ends);
}

/* Find the segment's connection, or make a new one. */
static uint32_t stream_find(struct streams *s, uint32_t service, const struct said_segment *seg)
{
    uint64_t ends[SAID_KEY_WORDS];
    struct place place;
    ends_of(seg->key, ends);
    keyed_place(&s->table, ends, SAID_KEY_WORDS, &place);
    uint32_t slot = keyed_find(&s->table, &place, ends);
    const bool again = slot != KEYED_NONE && seg->key->marks & TCP_SYN && stream_at(s, slot)->opened != seg->seq + 1;
    if (again) stream_drop(s, slot);
    if (slot != KEYED_NONE && !again) return slot;
    slot = stream_add(s, &place, ends);
    s->ended.all++;
    said_begin(&s->world, stream_at(s, slot), service, seg);
    return slot;
}

/* Give up waiting for connections whose first bytes are late; that may choose their server. */
static void lapse(struct streams *s, const struct said_segment *seg)
{
    while (s->oldest != KEYED_NONE) {
        struct said *c = stream_at(s, s->oldest);
        const struct key key = stream_key_of(c);
        const struct said_segment late = {.now_ns = seg->now_ns, .frame = seg->frame, .key = &key};
        if (c->later || c->state != SAID_READING || seg->now_ns - c->accepted_ns < said_patience(&s->world, c)) return;
        said_late(&s->world, c, &late);
        if (c->in.room) stream_give_back(s, c);
    }
}

static struct said_segment segment_of(const struct streams *s, const struct vm_in *in, struct pkt *pkt, struct key *key,
                                      uint64_t frame)
{
    pkt_parse(pkt, in->facts, key);
    key_settle(s->world.program, key);
    const uint32_t from = pkt->payload, end = pkt->l3_end, there = least_len(end, pkt->head_len);
    const uint8_t *tcp = pkt->data + pkt->l4;
    return (struct said_segment){.now_ns = in->mono_ns,
                                 .frame = frame,
                                 .key = key,
                                 .seq =
                                     (uint32_t)tcp[4] << 24 | (uint32_t)tcp[5] << 16 | (uint32_t)tcp[6] << 8 | tcp[7],
                                 .bytes = pkt->data + from,
                                 .n = from < there ? there - from : 0,
                                 .cut = there < end,
                                 .partial = key->kind & KIND_FRAG_FIRST};
}

/* True if the segment belongs to a connection that its service ends. For a service in the wire, servers' segments
 * and connections that were not seen from their SYN also match its endpoints. */
static bool is_followed_stream(const struct streams *s, uint32_t service, const struct key *key, const uint64_t ends[])
{
    struct place place;
    if (!mode_is(s->world.program->services[service].mode, MODE_INLINE)) return true;
    if ((key->marks & (TCP_SYN | TCP_ACK)) == TCP_SYN) return true;
    keyed_place(&s->table, ends, SAID_KEY_WORDS, &place);
    return keyed_find(&s->table, &place, ends) != KEYED_NONE;
}

void streams_judged(struct streams *s, const struct vm_in *in, const struct pkt *pkt, uint64_t frame, struct verdict *v)
{
    const struct program *p = s->world.program;
    struct pkt mine = *pkt;
    struct key key;
    uint64_t ends[SAID_KEY_WORDS];
    s->last = KEYED_NONE;
    if (v->action != ACTION_FORWARD || v->service >= p->services_count || !p->services[v->service].proxy) return;
    const struct said_segment seg = segment_of(s, in, &mine, &key, frame);
    s->ended.frames++;
    if (!ends_of(&key, ends) || !is_followed_stream(s, v->service, &key, ends)) return;
    chooser_facts(s->world.chooser, in);
    lapse(s, &seg);
    s->last = stream_find(s, v->service, &seg);
    struct said *c = stream_at(s, s->last);
    s->table.words[s->last] = in->mono_ns;
    said_segment(&s->world, c, &seg);
    v->server = c->server;
    if (c->server == PBC_NONE) return;
    s->served[c->server].packets++;
    s->served[c->server].bytes += pkt->wire_len;
}

const struct said *streams_last(const struct streams *s)
{
    return s && s->last != KEYED_NONE ? stream_at(s, s->last) : NULL;
}

void streams_name(const struct streams *s, struct flow_record *f)
{
    uint64_t ends[SAID_KEY_WORDS];
    struct key key = {.src_port = f->src_port, .dst_port = f->dst_port, .kind = f->family == 6 ? KIND_IP6 : KIND_IP4};
    struct place place;
    memcpy(key.src, f->src, sizeof key.src);
    memcpy(key.dst, f->dst, sizeof key.dst);
    ends_of(&key, ends);
    keyed_place(&s->table, ends, SAID_KEY_WORDS, &place);
    const uint32_t slot = f->proto == 6 ? keyed_find(&s->table, &place, ends) : KEYED_NONE;
    if (slot == KEYED_NONE) return;
    f->service = stream_at(s, slot)->service;
    f->server = stream_at(s, slot)->server;
}

struct streams_sum streams_sum(const struct streams *s)
{
    struct streams_sum sum = s->ended;
    for (uint32_t slot = 0; slot < s->table.groups * GROUP; slot++)
        if (s->table.tags[slot]) sum.connections[final(stream_at(s, slot))]++;
    return sum;
}

const struct counter *streams_served(const struct streams *s) { return s ? s->served : NULL; }

struct streams *streams_new(struct program *p, uint64_t seed, bool explains, bool *failed)
{
    struct streams *s = p->proxies_count ? calloc(1, sizeof *s) : NULL;
    const uint64_t sessions = p->settings_count ? p->settings->proxy_sessions : 1;
    const struct keyed_cfg cfg = {.most = sessions && sessions < CONNECTIONS_MOST ? sessions : CONNECTIONS_MOST,
                                  .key_words = SAID_KEY_WORDS,
                                  .entry_bytes = sizeof(struct said),
                                  .seed = seed};
    const struct vm_cfg alone = {.seed = seed};
    if (!p->proxies_count) return NULL;
    if (s) {
        s->world = (struct said_world){
            .program = p, .chooser = chooser_new(p, &alone), .hold = stream_hold, .explains = explains};
        s->served = calloc((size_t)p->servers_count + 1, sizeof *s->served);
        s->oldest = s->newest = s->last = KEYED_NONE;
    }
    if (s && s->world.chooser && s->served && keyed_init(&s->table, &cfg)) return s;
    *failed = true;
    streams_free(s);
    return NULL;
}

void streams_free(struct streams *s)
{
    if (!s) return;
    for (uint32_t slot = 0; s->table.groups && slot < s->table.groups * GROUP; slot++)
        if (s->table.tags[slot]) stream_drop(s, slot);
    keyed_fini(&s->table);
    chooser_free(s->world.chooser);
    free(s->served);
    free(s);
}
