/* LENT: the things that the other instance's parent lends go to this instance's parent, through the process that
 * becomes it */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/complain.h"
#include "runtime/host/device/inline_stack.h"
#include "runtime/live/carry/proxy/inline_stack.h"
#include "runtime/live/main/take.h"
#include "vm/flow/flow.h"

bool take_wire_is_sound(const struct handoff_hello *h)
{
    return !h->wire || ((h->wire == INLINE_STACK_FDS || h->wire == INLINE_STACK_FDS - 1) &&
                        h->workers <= INLINE_WORKERS && h->workers * h->wire <= IO_FDS_MOST);
}

/* True for memory that no process can shorten under a reader. */
static bool is_memory(int fd)
{
    const int whole = F_SEAL_SHRINK | F_SEAL_SEAL, seals = fcntl(fd, F_GET_SEALS);
    return seals >= 0 && (seals & whole) == whole;
}

/* Receive WIRE: the inline stack, with one worker's device and listeners in each message, in the workers' order, and
 * its memory */
static int wire_hear(struct take *t, uint64_t until_ns)
{
    int failed = 0;
    for (uint32_t i = 0; t->hello.wire && i < t->hello.workers && !failed; i++) {
        struct handoff_wire m = {0};
        int fds[INLINE_STACK_FDS + 1];
        unsigned count = 0;
        failed = message_receive(t->fd, &m, sizeof m, fds, t->hello.wire + 1, &count, until_ns);
        if (count > t->hello.wire) t->memory[i] = fds[--count];
        memcpy(t->wire + (size_t)i * t->hello.wire, fds, count * sizeof *fds);
        const bool whole = m.worker == i && count == t->hello.wire && m.memory == (t->memory[i] != 0);
        if (!failed && (!whole || (m.memory && !is_memory(t->memory[i])))) failed = -EPROTO;
    }
    return failed;
}

int take_wire(struct live *l)
{
    struct take *t = l->take;
    if (!t->hello.wire) return 0;
    const int failed = inline_stack_take(&l->carry, t->wire, t->hello.wire, t->memory);
    if (failed) return complain("out of memory");
    for (unsigned i = 0; i < IO_FDS_MOST; i++) t->wire[i] = -1;
    memset(t->memory, 0, sizeof t->memory);
    return 0;
}

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
    return failed ? failed : wire_hear(t, until_ns);
}

int take_lent(const struct take *t, struct parent *p)
{
    for (uint32_t i = 0; i < t->hello.lent; i++)
        if (!parent_takes(p, &t->lent[i]))
            return complain(
                "--takeover: the running instance handed over something other than a steering program or frame memory");
    if (t->hello.wire && !parent_takes_stack(p, t->wire, t->hello.workers, t->hello.wire))
        return complain(
            "--takeover: the running instance handed over something other than a network stack for inline connections");
    return 0;
}

void take_lent_close(struct take *t)
{
    for (unsigned i = 0; i < HANDOFF_LENT_MOST; i++)
        while (t->lent[i].fd_count) close(t->lent[i].fds[--t->lent[i].fd_count]);
}
