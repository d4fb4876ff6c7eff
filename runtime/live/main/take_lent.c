/* LENT: what the parent of the other instance lends goes to the parent of this one, through the process that becomes it
 */
#include <unistd.h>

#include "runtime/base/complain.h"
#include "runtime/live/main/take.h"

int take_lent_hear(struct take *t, uint64_t until_ns)
{
    int failed = 0;
    for (uint32_t i = 0; i < t->hello.lent && !failed; i++) {
        struct handoff_lent m;
        struct parent_lent *l = &t->lent[i];
        failed = message_receive(t->fd, &m, sizeof m, l->fds, LEND_FDS, &l->fd_count, until_ns);
        if (failed) continue;
        l->what = m.what;
        l->at = m.at;
        l->slots = m.slots;
        l->slot_bytes = m.slot_bytes;
        if (m.what == LEND_PORT && l->fd_count && m.at < OPTIONS_IFACES) t->steered |= 1u << m.at;
    }
    return failed;
}

int take_lent(const struct take *t, struct parent *p)
{
    for (uint32_t i = 0; i < t->hello.lent; i++)
        if (!parent_takes(p, &t->lent[i]))
            return complain("--takeover: what it handed over is no steering program or memory of frames");
    return 0;
}

void take_lent_close(struct take *t)
{
    for (unsigned i = 0; i < HANDOFF_LENT_MOST; i++)
        while (t->lent[i].fd_count) close(t->lent[i].fds[--t->lent[i].fd_count]);
}
