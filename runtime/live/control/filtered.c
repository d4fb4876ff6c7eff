#include "runtime/live/control/filtered.h"

#include "runtime/live/control/handed.h"

bool filtered(const struct control *control, struct call *c, struct filter *f, char *err, size_t err_len)
{
    char why[300];
    *f = (struct filter){.program = NULL};
    if (!call_has_fd(c)) return true;
    struct program *p = handed_program(c, FILTER_BYTES_MOST, why, sizeof why);
    if (p) return filter_init(f, p, control->o->ifaces, control->o->iface_count, err, err_len);
    snprintf(err, err_len, "the filter: %s", why);
    return false;
}
