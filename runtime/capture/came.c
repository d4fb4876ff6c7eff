#include "runtime/capture/came.h"

#include <errno.h>
#include <stdlib.h>

#include "runtime/base/grown.h"
#include "runtime/capture/capture_priv.h"

enum { PORTS = 1 << 16 };

static int frame_add(struct came *c, FILE *out, const struct capture_frame *f)
{
    if (!grow(&c->ifaces, c->count, &c->room, 16, sizeof *c->ifaces)) return -ENOMEM;
    c->ifaces[c->count] = (struct came_iface){.dlt = f->dlt, .next = c->first[f->port]};
    pcapng_interface(out, c->name(c->arg, f->port), f->dlt);
    c->first[f->port] = ++c->count;
    return (int)c->count - 1;
}

int came_iface(struct came *c, FILE *out, const struct capture_frame *f)
{
    if (!c->first) c->first = calloc(PORTS, sizeof *c->first);
    if (!c->first) return -ENOMEM;
    for (uint32_t i = c->first[f->port]; i; i = c->ifaces[i - 1].next)
        if (c->ifaces[i - 1].dlt == f->dlt) return (int)i - 1;
    return frame_add(c, out, f);
}

void came_fini(struct came *c)
{
    free(c->ifaces);
    free(c->first);
}
