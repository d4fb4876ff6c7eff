/* The dealing program's tables follow what is published to the workers. Where they are late, a frame is handed over. */
#include "runtime/live/carry/dealt.h"

#include "runtime/io/steer/deal.h"

void dealt_take(struct live *l, struct io_made *made)
{
    if (!made->deal) return;
    deal_unmap(l->carry.dealt);
    l->carry.dealt = deal_map(made->fds[--made->fd_count]); /* it is the last */
    made->deal = 0;
    if (l->carry.latest) dealt_world(l);
}

void dealt_world(struct live *l)
{
    const struct deal_world w = {.owners = l->carry.now.owners,
                                 .facts = &l->carry.latest->facts,
                                 .ifindex = l->carry.ifindex,
                                 .iface = l->carry.now.iface,
                                 .ports = l->o->iface_count};
    if (l->carry.dealt) deal_fill(l->carry.dealt, &w);
}

void dealt_close(struct live *l)
{
    deal_unmap(l->carry.dealt);
    l->carry.dealt = NULL;
}
