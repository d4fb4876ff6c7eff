/* Ports come twice: in advance, to be mapped, and later with the position up to which they were read */
#include "runtime/live/main/take_ports.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runtime/io/steer/deal.h"
#include "runtime/live/carry/worker_ports.h"
#include "runtime/live/main/take_workers.h"
#include "runtime/parent/between/message.h"

int take_ports_hear(struct take *t, const struct carry *carry, uint32_t ports, uint64_t until_ns)
{
    int failed = ports == (!take_gives_ports(t) ? 0 : t->hello.workers * carry->ports.count) ? 0 : -EPROTO;
    for (uint32_t i = 0; i < ports && !failed; i++) {
        struct handoff_port m;
        int fds[IO_FDS_MOST];
        unsigned count = 0;
        failed = message_receive(t->fd, &m, sizeof m, fds, IO_FDS_MOST, &count, until_ns);
        const bool fits = !failed && m.worker < t->hello.workers && m.at < carry->ports.count &&
                          (!count || m.handed.blocks) && m.fds == count && !t->ports[m.worker][m.at].fd_count;
        if (!fits) {
            while (count) close(fds[--count]);
            return failed ? failed : -EPROTO;
        }
        t->ports[m.worker][m.at] =
            (struct io_made){.group = -1, .slots = m.slots, .ring = m.ring, .fd_count = count, .handed = m.handed};
        memcpy(t->ports[m.worker][m.at].fds, fds, count * sizeof *fds);
    }
    return failed;
}

int take_ports_early(struct live *l, char *err, size_t err_len)
{
    struct take *t = l->take;
    unsigned none;
    struct handoff_early m = {0};
    const int tables = t->fds[YIELD_TABLES];
    char why[300];
    if (t->others || (tables >= 0 && !deal_reads(tables))) {
        const int failed = dealt_anew(&l->carry, why, sizeof why);
        if (failed) snprintf(err, err_len, "this start has no program that spreads frames over its workers");
        if (failed) return failed;
    }
    int failed = take_say(t, HANDOFF_EARLY);
    if (!failed) failed = message_receive(t->fd, &m, sizeof m, NULL, 0, &none, take_patience());
    if (!failed) failed = take_ports_hear(t, &l->carry, m.ports, take_patience());
    for (unsigned i = 0; i < t->hello.workers && !failed; i++)
        ports_take_early(&l->carry, take_ports_of(l, i), t->ports[i]);
    if (!failed && ports_join(&l->carry, t->hello.workers)) failed = -EIO;
    return failed;
}

int take_ports_open(struct live *l)
{
    struct carry *carry = &l->carry;
    const unsigned were = l->take->hello.workers;
    for (unsigned i = 0; i < were; i++)
        if (ports_take(carry, take_ports_of(l, i), l->take->ports[i])) return 2;
    if (ports_join(carry, were)) return 2;
    for (unsigned i = were; i < carry->worker_count; i++) carry->workers[i]->egress.port_count = carry->ports.count;
    return 0;
}

void take_ports_leave(struct live *l)
{
    const unsigned were = l->take->hello.workers, are = l->carry.worker_count;
    for (unsigned i = 0; i < were || i < are; i++)
        if (i < are || l->take->others) ports_leave_early(&l->carry, take_ports_of(l, i));
}
