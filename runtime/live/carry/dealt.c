/* The dealing program's tables follow what is published to the workers. Where they are late, a frame is handed over. */
#include "runtime/live/carry/dealt.h"

#include "runtime/io/steer/deal.h"

void dealt_take(struct carry *carry, struct io_made *made)
{
    if (!made->deal) return;
    deal_unmap(carry->dealt);
    carry->dealt = deal_map(made->fds[--made->fd_count]); /* it is the last */
    made->deal = 0;
    if (carry->latest) dealt_world(carry);
}

void dealt_world(struct carry *carry)
{
    const struct deal_world w = {.owners = carry->now.owners,
                                 .facts = &carry->latest->facts,
                                 .ifindex = carry->ifindex,
                                 .iface = carry->now.iface,
                                 .ports = carry->o->iface_count};
    if (carry->dealt) deal_fill(carry->dealt, &w);
}

void dealt_close(struct carry *carry)
{
    deal_unmap(carry->dealt);
    carry->dealt = NULL;
}
