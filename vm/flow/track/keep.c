/* Update of a flow by an accepted packet (track_look.h) */
#include "vm/flow/track/track_look.h"
#include "vm/flow/track/track_priv.h"

enum keep keep_what(const struct track_seen *s)
{
    if (s->how == HOW_LOOSE || s->at & (AT_GROUP | AT_FOREIGN) || !(s->mark & (MARK_NEW | MARK_ESTABLISHED)))
        return KEEP_NOTHING;
    if (s->slot == FLOW_NONE) return s->mark == MARK_NEW ? KEEP_BEGIN : KEEP_NOTHING; /* established: PICKS_OPENED */
    return s->next.reopen ? KEEP_BEGIN : KEEP_GO_ON;
}

enum flow_state keep_on(struct flow *f, const struct track_seen *s, uint64_t now_ns)
{
    f->tcp = s->next.track;
    f->astray = s->next.astray;
    if (s->next.refresh) f->seen_ns = now_ns;
    return (enum flow_state)s->next.state;
}
