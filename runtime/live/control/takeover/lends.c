/* The parent's replies are passed on as they come */
#include "runtime/live/control/takeover/lends.h"

#include <string.h>
#include <unistd.h>

#include "runtime/live/carry/carry_state.h"
#include "runtime/live/carry/proxy/inline_stack.h"
#include "runtime/parent/ask.h"
#include "runtime/parent/between/handoff.h"

uint32_t lends_count(const struct carry *carry)
{
    return carry->io == &io_XDP ? carry->o->iface_count + carry->worker_count : 0;
}

static int lend_say(const struct carry *carry, int fd, uint64_t deadline, uint32_t what, uint32_t at)
{
    struct answer a;
    int fds[IO_FDS_MOST];
    int failed = ask_LEND(carry->tell->channel, &(struct request_lend){what, at}, &a, fds, NULL, 0);
    if (failed) return failed;
    const struct handoff_lent l = {what, at, a.slots, a.ring};
    failed = message_send(fd, &l, sizeof l, fds, a.fd_count, deadline);
    for (unsigned i = 0; i < a.fd_count; i++) close(fds[i]);
    return failed;
}

uint32_t lends_wire(const struct carry *carry)
{
    const int *fds;
    return inline_stack_each(carry, 0, &fds);
}

static int wire_say(const struct carry *carry, int fd, uint64_t deadline)
{
    int failed = 0;
    for (uint32_t i = 0; lends_wire(carry) && i < carry->worker_count && !failed; i++) {
        const int *fds, memory = inline_stack_memory(carry, i);
        const unsigned each = inline_stack_each(carry, i, &fds);
        const struct handoff_wire m = {i, memory != 0};
        int all[IO_FDS_MOST];
        memcpy(all, fds, each * sizeof *all);
        all[each] = memory;
        failed = message_send(fd, &m, sizeof m, all, each + m.memory, deadline);
    }
    return failed;
}

int lends_say(const struct carry *carry, int fd, uint64_t deadline)
{
    const uint32_t count = lends_count(carry);
    int failed = 0;
    for (uint32_t i = 0; i < count && !failed; i++) {
        const bool port = i < carry->o->iface_count;
        failed = port ? lend_say(carry, fd, deadline, LEND_PORT, i)
                      : lend_say(carry, fd, deadline, LEND_MEMORY, i - carry->o->iface_count);
    }
    return failed ? failed : wire_say(carry, fd, deadline);
}
