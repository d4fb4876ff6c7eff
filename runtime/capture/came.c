/* A list for each port, searched by link type; a new pair writes its interface block first */
#include "runtime/capture/came.h"

#include <errno.h>
#include <stdlib.h>

#include "runtime/capture/capture_priv.h"

enum { PORTS = 1 << 16 };

static int frame_add(struct came *c, struct bytes *to, const struct capture_frame *f)
{
    if (c->count == c->room) {
        const uint32_t room = c->room ? c->room * 2 : 16;
        struct came_iface *more = reallocarray(c->ifaces, room, sizeof *more);
        if (!more) return -ENOMEM;
        c->ifaces = more;
        c->room = room;
    }
    c->ifaces[c->count] = (struct came_iface){.dlt = f->dlt, .next = c->first[f->port]};
    ng_interface(to, c->name(c->arg, f->port), f->dlt, CAPTURE_FRAME_MAX);
    c->first[f->port] = ++c->count;
    return (int)c->count - 1;
}

int came_iface(struct came *c, struct bytes *to, const struct capture_frame *f)
{
    if (!c->first) c->first = calloc(PORTS, sizeof *c->first);
    if (!c->first) return -ENOMEM;
    for (uint32_t i = c->first[f->port]; i; i = c->ifaces[i - 1].next)
        if (c->ifaces[i - 1].dlt == f->dlt) return (int)i - 1;
    return frame_add(c, to, f);
}

void came_fini(struct came *c)
{
    free(c->ifaces);
    free(c->first);
}
