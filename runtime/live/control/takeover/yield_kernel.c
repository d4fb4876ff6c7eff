/* Maps are lent by descriptor: the other process may do no more with them than this service may. If its maps have
 * another layout, it gets the contents with the states. */
#include "runtime/live/control/takeover/yield_kernel.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "runtime/kernel/pass/layout.h"
#include "runtime/live/carry/kernel/in_kernel_pass.h"
#include "runtime/live/control/control_state.h"
#include "runtime/parent/between/handoff.h"

void yield_kernel_hello(const struct control *control, const struct handoff_begin *b, struct handoff_hello *h,
                        const char **lacks)
{
    const struct carry *carry = control->carry;
    uint8_t layout[PBC_DIGEST_LEN];
    if (!carry->in_kernel) return;
    if (!kernel_layout(layout)) {
        *lacks = "out of memory";
        return;
    }
    h->in_kernel = 1;
    h->hooks = in_kernel_pass_hooks(carry);
    h->slots = in_kernel_slots(carry, &h->bound);
    h->mark = in_kernel_mark(carry);
    if (!memcmp(layout, b->layout, sizeof layout))
        h->kernel = 1;
    else if (carry->by_tc != (1u << carry->o->iface_count) - 1)
        *lacks = "the new version's kernel maps have another layout, and prey can't hand over XDP sockets without "
                 "these maps yet";
}

int yield_kernel_say(const struct control *control, const struct handoff_hello *h, int fd, uint64_t until_ns)
{
    const struct carry *carry = control->carry;
    struct handoff_kernel m;
    int fds[PASSED_FDS];
    if (!h->kernel || *h->refused) return 0;
    const unsigned count = in_kernel_pass(carry, &m.says, fds);
    return count ? message_send(fd, &m, sizeof m, fds, count, until_ns) : -EBUSY;
}

uint64_t yield_kernel_bytes(const struct control *control)
{
    struct kernel_passed_says says = {0};
    int fds[PASSED_FDS];
    return control->carry->in_kernel && in_kernel_pass(control->carry, &says, fds) ? says.bytes : 0;
}
