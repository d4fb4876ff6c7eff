/* Sockets with a foreign address: a client's (`transparent`), or one of a pool's `source`. Only the parent can make
 * them: they come in batches. */
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/sockaddr.h"
#include "runtime/proxy/core.h"

/* Bind; for port 0 the kernel chooses a port once the target is known */
static int bind_to(int fd, const struct stream_addr *a)
{
    union {
        struct sockaddr any;
        struct sockaddr_in6 v6;
    } at;
    const int one = 1;
    const socklen_t len = sockaddr_of(&at.any, a->v6 ? 6 : 4, a->addr, a->port);
    if (a->port && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one)) return -errno;
    return bind(fd, &at.any, len) ? -errno : 0;
}

static int foreign_socket(struct proxy *p, const struct stream_addr *from)
{
    struct foreign *f = &p->foreign[from->v6];
    if (!f->count) {
        const int made = p->cfg.foreign ? p->cfg.foreign(p->cfg.with, from->v6 ? 6 : 4, f->fds) : -EPERM;
        if (made <= 0) return made ? made : -EMFILE;
        f->count = (unsigned)made;
    }
    const int fd = f->fds[--f->count], failed = bind_to(fd, from);
    if (!failed) return fd;
    close(fd);
    return failed;
}

int client_socket(struct proxy *p, const struct stream_addr *client)
{
    struct stream_addr from = *client;
    from.port = 0;
    return foreign_socket(p, &from);
}

/* Put the `at`-th source address of a->v6's family into a->addr. Return the number of addresses looked at: `at` or
 * fewer, with a->addr unset, if there are no more. The verifier keeps the number small. */
static uint32_t source_at(const struct program *p, const struct pbc_pool *pool, uint32_t at, struct stream_addr *a)
{
    uint32_t n = 0;
    for (uint32_t i = pool->sources; i < pool->sources + pool->source_count; i++) {
        const struct pbc_set *s = &p->sets[i];
        const uint32_t first = a->v6 ? s->first6 : s->first4, count = a->v6 ? s->count6 : s->count4;
        for (uint32_t r = first; r < first + count && n <= at; r++) {
            const struct pbc_range6 *of = a->v6 ? &p->set6[r] : NULL;
            const uint32_t k = at - n;
            n += (of ? (uint32_t)(of->hi_lo - of->lo_lo) : p->set4[r].hi - p->set4[r].lo) + 1;
            if (n <= at) continue;
            if (!of) {
                a->addr[0] = p->set4[r].lo + k;
                continue;
            }
            const uint64_t words[2] = {of->lo_hi, of->lo_lo + k};
            for (unsigned w = 0; w < 4; w++) a->addr[w] = (uint32_t)(words[w / 2] >> (w % 2 ? 0 : 32));
        }
    }
    return n;
}

int source_socket(struct proxy *p, const struct pbc_pool *pool, bool v6, uint32_t turn)
{
    struct stream_addr from = {.v6 = v6};
    const uint32_t addresses = pool->source_count ? source_at(p->program, pool, UINT32_MAX, &from) : 0;
    const uint32_t lo = pool->source_port_lo, span = pool->source_port_hi - lo + 1u;
    if (!addresses) return -ENODATA;
    source_at(p->program, pool, turn % addresses, &from);
    const bool any = lo == PBC_SOURCE_PORT_LO && pool->source_port_hi == UINT16_MAX;
    from.port = any ? 0 : (uint16_t)(lo + turn / addresses % span);
    return foreign_socket(p, &from);
}

void foreign_fini(struct proxy *p)
{
    for (unsigned i = 0; i < 2; i++)
        while (p->foreign[i].count) close(p->foreign[i].fds[--p->foreign[i].count]);
}
