/* Sockets with a foreign address: a client's (`transparent`), one of a pool's `source`, or one in the inline stack of
 * inline connections. Only the parent can make them: they come in batches. */
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/sockaddr.h"
#include "runtime/proxy/core.h"

/* Bind; for port 0 the kernel chooses a port once the target is known */
static int bind_to(int fd, const struct stream_addr *a)
{
    union sockaddr_any at;
    const int one = 1;
    const socklen_t len = sockaddr_of(&at, a->v6 ? 6 : 4, a->addr, a->port);
    if (a->port && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one)) return -errno;
    return bind(fd, &at.any, len) ? -errno : 0;
}

/* Return a socket of a batch, bound to `from`; `more` gets the next batch */
static int batch_socket(const struct proxy *p, struct foreign *f, sockets_fn *more, const struct stream_addr *from)
{
    if (!f->count) {
        const int made = more ? more(p->cfg.with, from->v6 ? 6 : 4, f->fds) : -EPERM;
        if (made <= 0) return made ? made : -EMFILE;
        f->count = (unsigned)made;
    }
    const int fd = f->fds[--f->count], failed = bind_to(fd, from);
    if (!failed) return fd;
    close(fd);
    return failed;
}

static int foreign_socket(struct proxy *p, const struct stream_addr *from)
{
    return batch_socket(p, &p->foreign[from->v6], p->cfg.foreign, from);
}

int own_socket(struct proxy *p, const struct stream_addr *own)
{
    return batch_socket(p, &p->stack_sockets[own->v6], p->cfg.stack_sockets, own);
}

int client_socket(struct proxy *p, const struct stream_addr *client)
{
    struct stream_addr from = *client;
    from.port = 0;
    return foreign_socket(p, &from);
}

int source_socket(struct proxy *p, const struct pbc_pool *pool, bool v6, uint32_t turn)
{
    struct stream_addr from = {.v6 = v6};
    struct address_walk w = address_walk(p->program, pool->sources, pool->source_count, v6 ? 6 : 4);
    struct address_range r;
    /* The verifier keeps the number small */
    const uint32_t addresses =
        (uint32_t)address_count(p->program, pool->sources, pool->source_count, v6 ? 6 : 4, PBC_SOURCES_MAX);
    const uint32_t lo = pool->source_port_lo, span = pool->source_port_hi - lo + 1u;
    if (!addresses) return -ENODATA;
    uint64_t at = turn % addresses;
    for (; address_next(&w, &r) && at >= address_range_size(&r); at -= address_range_size(&r)) {}
    address_range_at(&r, at, from.addr);
    const bool any = lo == PBC_SOURCE_PORT_LO && pool->source_port_hi == UINT16_MAX;
    from.port = any ? 0 : (uint16_t)(lo + turn / addresses % span);
    return foreign_socket(p, &from);
}

void foreign_fini(struct proxy *p)
{
    for (unsigned i = 0; i < 2; i++) {
        while (p->foreign[i].count) close(p->foreign[i].fds[--p->foreign[i].count]);
        while (p->stack_sockets[i].count) close(p->stack_sockets[i].fds[--p->stack_sockets[i].count]);
    }
}
