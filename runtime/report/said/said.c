/* States of a connection, from its SYN to the branch; memory is given back once no byte is needed */
#include "runtime/report/said/said.h"

#include <string.h>

#include "vm/judge/decide.h"

enum { ROOM_FIRST = 2048 };

static const struct pbc_proxy *said_proxy(const struct said_world *w, const struct said *c)
{
    return &w->program->proxies[w->program->services[c->service].proxy - 1];
}

static bool asks_requests(const struct said_world *w, const struct said *c)
{
    return mode_is(w->program->services[c->service].mode, MODE_REQUESTS);
}

uint64_t said_patience(const struct said_world *w, const struct said *c)
{
    const uint64_t own = said_proxy(w, c)->first_ns;
    return own ? own : w->program->settings->proxy_first_ns;
}

/* Set a final state: no further byte is read, and the memory is given back. */
static void said_settle(struct said_world *w, struct said *c, enum said_state state)
{
    c->state = (uint8_t)state;
    if (c->in.room) w->hold(w, c, 0);
}

static void leave_server(struct said_world *w, struct said *c)
{
    if (c->begun) chooser_end(w->chooser, c->server);
    c->begun = false;
}

static void said_lose(struct said_world *w, struct said *c, enum said_state state)
{
    leave_server(w, c);
    c->server = c->pool = PBC_NONE;
    said_settle(w, c, state);
}

void said_end(struct said_world *w, struct said *c, const struct key *key)
{
    leave_server(w, c);
    if (c->in.room) w->hold(w, c, 0);
    if (c->admitted) chooser_leave(w->chooser, c->service, key, c->known);
    c->admitted = false;
}

/* Return the key as rules and balancing see it. */
static struct key named_key(const struct said *c, const struct key *key)
{
    struct key k = *key;
    if (!c->is_named) return k;
    memcpy(k.src, c->named, sizeof k.src);
    k.src_port = c->named_port;
    return k;
}

/* Choose by the branch. In SAID_CHOSEN the memory is kept, because more requests may follow. */
static void said_choose(struct said_world *w, struct said *c, const struct said_segment *s, const struct key *key,
                        uint32_t branch)
{
    leave_server(w, c);
    c->branch = branch;
    c->frame = s->frame;
    c->server = c->pool = PBC_NONE;
    if (w->explains) said_words(w, c, key);
    if (branch != PBC_NONE && program_refuses(w->program, branch, &w->first)) {
        c->reason = STREAM_INSTRUCTION_REFUSED;
        said_settle(w, c, SAID_REFUSED);
        return;
    }
    const enum pbc_goes goes = branch == PBC_NONE ? PBC_GOES_NOWHERE : branch_goes(&w->program->branches[branch]);
    if (goes == PBC_GOES_REJECT) {
        said_settle(w, c, SAID_REJECTED);
        return;
    }
    c->state = SAID_CHOSEN;
    if (goes != PBC_GOES_NOWHERE && goes != PBC_GOES_POOLS) return;
    const uint64_t last =
        asks_requests(w, c) ? chooser_affinity(w->chooser, c->service, &w->first) : 0; /* the request's */
    const struct choice at = branch == PBC_NONE ? (struct choice){PBC_NONE, PBC_NONE, REASON_NO_SERVER}
                                                : chooser_pick(w->chooser, branch, key, last);
    c->pool = at.pool;
    if (at.server == PBC_NONE || !chooser_begin(w->chooser, branch, at.server, key)) {
        said_settle(w, c, SAID_NO_SERVER);
        return;
    }
    c->server = at.server;
    c->begun = true;
}

static bool is_trusted(const struct said_world *w, const struct pbc_proxy *x, const struct key *key)
{
    for (uint32_t i = 0; i < x->accept_count; i++)
        if (set_has(w->program, x->accept_from + i, key, false)) return true;
    return false;
}

/* True if a branch of the service asks for the client's hello. */
static bool asks_hello(const struct program *p, const struct pbc_service *s)
{
    for (uint32_t b = s->branches; b < s->branches + s->branch_count; b++)
        for (uint32_t i = p->branches[b].conds; i < p->branches[b].conds + p->branches[b].cond_count; i++)
            if (p->conds[i].kind == COND_SNI || p->conds[i].kind == COND_ALPN) return true;
    return false;
}

/* Return the items that are wanted of the connection's bytes, and of a PROXY header. */
static uint32_t wants(const struct said_world *w, const struct said *c, const struct key *key)
{
    const struct pbc_proxy *x = said_proxy(w, c);
    if (c->later || !(x->flags & PBC_PROXY_ACCEPT)) return c->wants;
    return c->wants | (is_trusted(w, x, key) ? FIRST_PROXY : FIRST_PROXY_NEVER);
}

/* Take the client from a PROXY header, unless the header has another family. */
static void believe(struct said_world *w, struct said *c, const struct key *key)
{
    const struct proxy_header *h;
    if (first_proxy(&w->first, &h) != FIRST_KNOWN || h->src.v6 != !!(key->kind & KIND_IP6)) return;
    memcpy(c->named, h->src.addr, sizeof c->named);
    c->named_port = h->src.port;
    c->is_named = true;
}

/* Continue after a request's head: at its body, at the next request, or at bytes that are not requests (a tunnel). */
static void request_go_on(struct said_world *w, struct said *c)
{
    const struct http_head *h = &w->first.head;
    const bool tunnel = h->has & HTTP_HAS_UPGRADE || h->form == HTTP_AUTHORITY;
    if (!asks_requests(w, c) || tunnel || !http_keeps(h)) {
        said_settle(w, c, SAID_CHOSEN);
        return;
    }
    body_begin(&c->body, (enum http_framing)h->framing, h->length);
    reassemble_take(&c->in, w->first.skip + h->len);
    memset(&c->at, 0, sizeof c->at);
    c->later = true;
    c->state = SAID_BODY;
}

/* Read a request's head, or the first bytes. True: there may be more to read. */
static bool read_head(struct said_world *w, struct said *c, const struct said_segment *s, enum first_end end)
{
    const struct first_asked asked = {
        .wants = wants(w, c, s->key), .end = (uint8_t)end, .limit = (uint16_t)w->program->settings->first_bytes};
    if (c->later && c->in.have == 0) return false;
    const enum stream_read said = first_read(&w->first, &c->at, c->in.bytes, c->in.have, &asked);
    if (said == READ_BAD) {
        c->reason = w->first.reason;
        c->frame = s->frame;
        said_lose(w, c, SAID_REFUSED);
        return false;
    }
    if (said == READ_MORE && (asks_requests(w, c) || w->first.waits)) return false;
    if (asks_requests(w, c) && w->first.http != FIRST_KNOWN) { /* closed or late, without a byte: no head was read */
        said_lose(w, c, SAID_SILENT);
        return false;
    }
    if (!c->later) believe(w, c, s->key);
    const struct key key = named_key(c, s->key);
    const uint32_t branch = program_stream(w->program, &key, &w->first);
    if (branch == STREAM_MORE && end == FIRST_OPEN) return false;
    said_choose(w, c, s, &key, branch == STREAM_MORE ? PBC_NONE : branch);
    if (c->state == SAID_CHOSEN) request_go_on(w, c);
    return c->state == SAID_BODY;
}

/* Read a body. True: the message has ended, and a byte of the next is there. */
static bool read_body(struct said_world *w, struct said *c)
{
    uint32_t used = 0;
    if (!body_is_whole(&c->body)) {
        const enum stream_read said = body_read_all(&c->body, c->in.bytes, c->in.have, &used);
        reassemble_take(&c->in, used);
        if (said == READ_BAD) {
            c->reason = c->body.reason;
            said_lose(w, c, SAID_REFUSED);
            return false;
        }
        if (said == READ_MORE) return false;
    }
    c->state = SAID_READING;
    return c->in.have > 0;
}

static void read_on(struct said_world *w, struct said *c, const struct said_segment *s, enum first_end end)
{
    bool more = true;
    while (more) {
        if (c->state == SAID_READING)
            more = read_head(w, c, s, end);
        else
            more = c->state == SAID_BODY && read_body(w, c);
    }
    if (c->in.room && c->in.highest == 0 && c->later) w->hold(w, c, 0);
}

/* Begin after the handshake. seen: the connection was seen from its beginning. */
static void accept(struct said_world *w, struct said *c, const struct said_segment *s, bool seen)
{
    c->accepted_ns = s->now_ns;
    c->admitted = chooser_admit(w->chooser, c->service, s->key, &c->known) == REASON_NONE;
    if (!c->admitted) {
        said_lose(w, c, SAID_FULL);
    } else if (said_proxy(w, c)->cert_count && c->wants & ~(uint32_t)FIRST_TLS) {
        said_lose(w, c, SAID_BLIND); /* the client's bytes are encrypted, and more than its hello is asked for */
    } else if (!wants(w, c, s->key)) {
        /* Choose without a byte: w->first is no evidence, because it may be another connection's. */
        first_read(&w->first, &c->at, NULL, 0, &(struct first_asked){.end = FIRST_CLOSED});
        said_choose(w, c, s, s->key, program_stream(w->program, s->key, &w->first));
        if (c->in.room) w->hold(w, c, 0);
    } else if (!seen) {
        said_lose(w, c, SAID_UNSEEN);
    } else {
        c->state = SAID_READING;
    }
}

/* Make room for the segment's bytes. */
static bool segment_make_room(struct said_world *w, struct said *c, const struct said_segment *s)
{
    const int64_t end = (int64_t)(int32_t)(s->seq - c->in.seq) + s->n;
    uint32_t room = c->in.room ? c->in.room : ROOM_FIRST;
    while (room < end && room < REASSEMBLE_MOST) room *= 2;
    return room == c->in.room || w->hold(w, c, room);
}

static void segment_take(struct said_world *w, struct said *c, const struct said_segment *s)
{
    const bool fin = s->key->marks & TCP_FIN && !s->cut;
    if (!s->n && !fin) return;
    if (!segment_make_room(w, c, s))
        said_lose(w, c, SAID_CROWDED);
    else if (!reassemble_add(&c->in, s->seq, s->bytes, s->n, fin))
        said_lose(w, c, SAID_UNSEEN);
}

void said_begin(struct said_world *w, struct said *c, uint32_t service, const struct said_segment *s)
{
    c->service = service;
    /* A hello is read from the bytes here even if TLS ends at the service, because no handshake takes place here. */
    const bool hello = said_proxy(w, c)->cert_count && asks_hello(w->program, &w->program->services[c->service]);
    c->wants = program_wants(w->program, c->service) | (asks_requests(w, c) ? FIRST_HTTP : 0) | (hello ? FIRST_TLS : 0);
    c->branch = c->pool = c->server = PBC_NONE;
    c->opened = c->in.seq = s->seq + 1;
    if (!(s->key->marks & TCP_SYN)) accept(w, c, s, false);
}

void said_late(struct said_world *w, struct said *c, const struct said_segment *s)
{
    if (c->state == SAID_READING && !c->later) read_on(w, c, s, FIRST_LATE);
}

static bool is_read(const struct said *c) { return c->state == SAID_READING || c->state == SAID_BODY; }

void said_segment(struct said_world *w, struct said *c, const struct said_segment *s)
{
    struct said_segment data = *s;
    const bool syn = s->key->marks & TCP_SYN;
    data.seq += syn;
    if (c->state == SAID_OPENING && !syn) accept(w, c, s, true);
    if (c->state == SAID_READING && s->now_ns - c->accepted_ns >= said_patience(w, c)) said_late(w, c, s);
    if (is_read(c) && s->partial) said_lose(w, c, SAID_UNSEEN);
    if (is_read(c) || c->state == SAID_OPENING) segment_take(w, c, &data);
    if (is_read(c)) read_on(w, c, s, reassemble_whole(&c->in) ? FIRST_CLOSED : FIRST_OPEN);
    /* Release a closing connection's shares of its service. */
    const bool reset = s->key->marks & TCP_RST;
    if (!reset && (is_read(c) || !(s->key->marks & TCP_FIN))) return;
    if (reset && c->state <= SAID_READING) c->state = SAID_GONE;
    said_end(w, c, s->key);
}
