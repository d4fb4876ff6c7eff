/* Maps are lent by descriptor: who gets them may do what this service may with them, and no more */
#include "runtime/live/control/takeover/yield_kernel.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "runtime/kernel/pass/layout.h"
#include "runtime/live/carry/kernel/in_kernel_pass.h"
#include "runtime/live/control/control_state.h"
#include "runtime/parent/between/channel.h"
#include "runtime/parent/between/handoff.h"

void yield_kernel_hello(const struct control *control, struct handoff_hello *h)
{
    if (!control->carry->in_kernel) return;
    h->kernel = sizeof(struct handoff_kernel);
    if (!kernel_layout(h->layout)) snprintf(h->refused, sizeof h->refused, "out of memory");
}

int yield_kernel_say(const struct control *control, const struct handoff_hello *h, int fd, uint64_t until_ns)
{
    const struct carry *carry = control->carry;
    struct handoff_kernel m = {.hooks.zero = 0};
    int fds[PASSED_FDS];
    if (!h->kernel || *h->refused) return 0;
    m.hooks = in_kernel_pass_hooks(carry);
    const unsigned count = in_kernel_pass(carry, &m.says, fds);
    return count ? channel_send(fd, &m, sizeof m, fds, count, until_ns) : -EBUSY;
}

uint64_t yield_kernel_bytes(const struct control *control)
{
    struct kernel_passed_says says = {0};
    int fds[PASSED_FDS];
    return control->carry->in_kernel && in_kernel_pass(control->carry, &says, fds) ? says.bytes : 0;
}
