/* Sockets that have a client's address (`transparent`). Only the parent makes them: they come in batches. */
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/host/sockaddr.h"
#include "runtime/proxy/core.h"

static int bind_to(int fd, const struct stream_addr *a)
{
    union {
        struct sockaddr any;
        struct sockaddr_in6 v6;
    } at;
    const socklen_t len = sockaddr_of(&at.any, a->v6 ? 6 : 4, a->addr, 0);
    return bind(fd, &at.any, len) ? -errno : 0;
}

int foreign_socket(struct proxy *p, const struct stream_addr *client)
{
    struct foreign *f = &p->foreign[client->v6];
    if (!f->count) {
        const int made = p->cfg.foreign ? p->cfg.foreign(p->cfg.with, client->v6 ? 6 : 4, f->fds) : -EPERM;
        if (made <= 0) return made ? made : -EMFILE;
        f->count = (unsigned)made;
    }
    const int fd = f->fds[--f->count], failed = bind_to(fd, client);
    if (!failed) return fd;
    close(fd);
    return failed;
}

void foreign_fini(struct proxy *p)
{
    for (unsigned i = 0; i < 2; i++)
        while (p->foreign[i].count) close(p->foreign[i].fds[--p->foreign[i].count]);
}
