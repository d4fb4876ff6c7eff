/* The source that a server sees of an inline connection: the client's own in the wire and if the service is
 * `transparent`, else an address of the pool's `source` or of this machine, and a port of this worker's. */
#include <string.h>

#include "vm/forward/bind/outside.h"
#include "vm/forward/forward_priv.h"
#include "vm/forward/inline/inline.h"

enum { TRIES = 16 };

static struct track_tuple tuple_of(const struct inline_conn *c)
{
    struct track_tuple t = {.src_port = c->from_port, .dst_port = c->to_port};
    memcpy(t.src, c->from, sizeof t.src);
    memcpy(t.dst, c->to, sizeof t.dst);
    return t;
}

/* True if the client itself has a connection to that server, from the same port: the server's replies belong to that
 * one. */
static bool is_clients(const struct job *j, const struct inline_conn *c)
{
    const struct track_tuple t = tuple_of(c);
    return j->vm->track && track_is_open(j->vm->track, &t, c->v6, c->side[AT_SERVER].stack);
}

/* True if the server sees the client's address and port. */
static bool keeps_source(const struct job *j, const struct inline_conn *c, bool target, bool keeps)
{
    const struct program *p = j->vm->program;
    const struct pbc_service *s = &p->services[c->service];
    if (!s->proxy || !mode_is(s->mode, MODE_OWN_SOURCE)) return true;
    return target ? keeps : p->proxies[s->proxy - 1].flags & PBC_PROXY_TRANSPARENT;
}

/* Draw a source. False: no address is known. */
static bool source_draw(const struct job *j, struct inline_conn *c, uint32_t server, uint64_t hash)
{
    struct outside *o = j->vm->forward->outside;
    if (server == PBC_NONE) {
        c->from_port = outside_own_port(o);
        return inline_own_address(j->in->facts, c, c->from);
    }
    struct flow_bind b = {.server = server};
    if (!outside_draw(o, j->in->facts, hash, &b)) return false;
    memcpy(c->from, b.to_src, sizeof c->from);
    c->from_port = b.to_src_port;
    return true;
}

/* Take the source, with its tuple, for the connection. False: it is not free towards that server, or there is no
 * room. */
static bool source_take(const struct job *j, const struct inline_conn *c, uint32_t number)
{
    struct inlines *all = j->vm->inlines;
    const struct track_tuple t = tuple_of(c);
    if (address_equal(c->from, c->to)) return false;
    if (inlines_has(all, t.src, t.src_port, t.dst, t.dst_port, c->v6)) return false;
    if (j->vm->track && track_has(j->vm->track, &t, c->v6, c->side[AT_SERVER].stack)) return false;
    return inlines_also(all, number);
}

bool inline_source(const struct job *j, struct inline_conn *c, uint32_t number, uint32_t server, bool keeps)
{
    if (c->service == PBC_NONE) return false;
    if (keeps_source(j, c, server == PBC_NONE, keeps)) return !is_clients(j, c) && inlines_also(j->vm->inlines, number);
    const uint64_t first = (uint64_t)c->client_seq << 32 | number;
    for (uint64_t i = 0; i < TRIES; i++) {
        if (!source_draw(j, c, server, (first + i) * 0x9e3779b97f4a7c15u)) return false;
        if (source_take(j, c, number)) return true;
    }
    j->vm->forward->counters.exhausted++;
    return false;
}
