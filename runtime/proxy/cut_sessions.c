/* End sessions one of whose addresses became a member of a live set with `cut` (vm/judge/lives.h). The loop looks at
 * a part of the sessions between two turns. A session ends here as it does when its server goes down. */
#include "runtime/proxy/core.h"
#include "runtime/proxy/session.h"
#include "vm/judge/lives.h"

enum { LOOKS = 1024 };

static struct flow_cuts_addr server_end(const struct program *p, uint32_t server)
{
    return (struct flow_cuts_addr){p->servers[server].addr, p->servers[server].family == 6};
}

/* Return the counter for the session if it ends; NULL: it goes on. */
static uint64_t *session_covered(const struct proxy *p, const struct session *s)
{
    const struct stream_addr client = session_client(s);
    const bool v6 = s->key.kind & KIND_IP6;
    struct flow_cuts_flow f = {.of = {{s->peer.addr, s->peer.v6}, {s->key.dst, v6}, {client.addr, client.v6}},
                               .count = 3,
                               .began_ns = s->begun_ns};
    if (s->target.port)
        f.of[f.count++] = (struct flow_cuts_addr){s->target.addr, s->target.v6};
    else if (s->chosen != PBC_NONE)
        f.of[f.count++] = server_end(p->program, s->chosen);
    return flow_cuts_cover(p->cfg.vm.cuts, p->program->members, &f);
}

void sessions_cut(struct proxy *p)
{
    struct flow_cuts *const c = p->cfg.vm.cuts;
    const unsigned walker = FLOW_CUTS_LOOPS + p->cfg.vm.worker;
    char *thing = NULL;
    if (!c || !flow_cuts_due(c, walker)) return;
    for (uint32_t looked = 0, here = 0; looked < LOOKS; looked++, here--, p->cut_at++) {
        if (!here) here = slab_see(&p->sessions, p->cut_at, &thing);
        if (!here) {
            p->cut_at = 0;
            flow_cuts_walked(c, walker);
            if (p->cfg.called) p->cfg.called(p->cfg.with);
            return;
        }
        struct session *const s = (void *)thing;
        thing += p->sessions.size;
        if (!s->proxy || s->ended != SESSION_ENDS) continue;
        uint64_t *const ended = session_covered(p, s);
        if (!ended) continue;
        session_end(s, SESSION_CUT);
        __atomic_fetch_add(ended, 1, __ATOMIC_RELAXED);
    }
    loop_wake(&p->loop); /* the rest in the next turn */
}
