/* See listing.h. Sessions are visited in order of their memory slots: none twice, and each part continues the last,
 * whatever began or ended meanwhile. */
#include "runtime/proxy/listing.h"

#include <netinet/in.h>
#include <string.h>

#include "runtime/proxy/core.h"
#include "runtime/proxy/inline/spliced_session.h"
#include "vm/flow/flow.h"

static_assert(offsetof(struct session, proxy) + sizeof(struct proxy *) <= SLAB_CLEAR, "0: it is none");

const char *session_phase_name(enum session_phase p)
{
    static const char *const names[] = {
#define PHASE(ident, name, doc) name,
#include "runtime/proxy/phase.def"
    };
    return names[p];
}

static enum session_phase phase_of(const struct session *s)
{
    if (s->state == SESSION_NAMES) return PHASE_NAMES;
    if (s->state == SESSION_SHAKES) return PHASE_SHAKES;
    if (s->queue_link) return PHASE_QUEUE;
    if (s->dials) return PHASE_DIALS;
    if (s->at) return PHASE_FIRST;
    if (session_is_spliced(s)) return PHASE_SPLICED;
    if (!s->server) return PHASE_REQUEST;
    if ((s->client.flags | s->server->flags) & SIDE_ENDED) return PHASE_HALF;
    return s->inlined && s->inlined->leave ? PHASE_PROXIED : PHASE_OPEN;
}

void session_flow(const struct session *s, struct flow_record *f)
{
    *f = (struct flow_record){.proto = IPPROTO_TCP,
                              .family = s->key.kind & KIND_IP6 ? 6 : 4,
                              .state = FLOW_STATE_OPEN,
                              .end = FLOW_ENDS,
                              .src_port = s->peer.port,
                              .dst_port = s->key.dst_port,
                              .vlan = {VLAN_UNTAGGED, VLAN_UNTAGGED},
                              .began_ns = s->begun_ns,
                              .seen_ns = s->seen_ns,
                              .service = s->service,
                              .server = s->chosen,
                              .nat = PBC_NONE};
    memcpy(f->src, s->peer.addr, sizeof f->src);
    memcpy(f->dst, s->key.dst, sizeof f->dst);
    if (s->inlined) memcpy(f->vlan, s->inlined->vlan, sizeof f->vlan);
}

static void record(const struct session *s, struct session_record *r)
{
    *r = (struct session_record){.rule = s->rule,
                                 .firewall = s->firewall,
                                 .up_bytes = s->up.moved,
                                 .down_bytes = s->down.moved,
                                 .phase = (uint8_t)phase_of(s),
                                 .target = s->target};
    session_flow(s, &r->flow);
    if (s->inlined && s->inlined->leave) r->since_ns = s->inlined->leave->since_ns;
    if (!session_is_spliced(s)) return;
    const struct spliced_seen seen = spliced_seen(s);
    r->up_bytes += seen.bytes[AT_CLIENT];
    r->down_bytes += seen.bytes[AT_SERVER];
    r->flow.seen_ns = seen.seen_ns;
}

void sessions_list(struct proxy *p, struct session_listing *l)
{
    l->program = p->program->serial;
    l->now_ns = p->loop.now_ns;
    l->count = 0;
    char *thing = NULL;
    for (uint32_t looked = 0, here = 0; l->count < LISTED && looked < LOOKED_AT; looked++, here--, l->at++) {
        if (!here) here = slab_see(&p->sessions, l->at, &thing);
        l->ended = !here;
        if (l->ended) return;
        const struct session *s = (const void *)thing;
        thing += p->sessions.size;
        if (s->proxy && s->ended == SESSION_ENDS) record(s, &l->sessions[l->count++]);
    }
}
