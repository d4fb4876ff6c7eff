/* --on: a declared name first, a device second; an unknown one is answered with all that the program knows. */
#include <errno.h>
#include <string.h>

#include "runtime/replay/replay_priv.h"

static int unknown(const struct program *p, const char *name, char *err, size_t err_len)
{
    if (!p->ifaces_count) {
        snprintf(err, err_len, "--on: the program names no interface, so `%.60s` selects nothing", name);
        return -ENOENT;
    }
    int n = snprintf(err, err_len, "--on: the program knows no interface `%.60s`; it knows", name);
    for (uint32_t i = 0; i < p->ifaces_count && n > 0 && (size_t)n + 40 < err_len; i++) {
        const char *declared = program_str(p, p->ifaces[i].name), *device = program_str(p, p->ifaces[i].device);
        n += snprintf(err + n, err_len - (size_t)n, "%s %s%s%s%s", i ? "," : "", *declared ? declared : device,
                      *declared ? " (" : "", *declared ? device : "", *declared ? ")" : "");
    }
    text_clean(err);
    return -ENOENT;
}

int iface_find(const struct program *p, const char *name, uint16_t *id, char *err, size_t err_len)
{
    for (uint32_t i = 0; i < p->ifaces_count; i++)
        if (p->ifaces[i].name && !strcmp(program_str(p, p->ifaces[i].name), name)) {
            *id = (uint16_t)i;
            return 0;
        }
    for (uint32_t i = 0; i < p->ifaces_count; i++)
        if (*name && !strcmp(program_str(p, p->ifaces[i].device), name)) {
            *id = (uint16_t)i;
            return 0;
        }
    return unknown(p, name, err, err_len);
}
