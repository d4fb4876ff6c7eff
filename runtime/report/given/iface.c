/* --on and --map: a declared name first, then a device, then the longest pattern, else an interface that the program
 * does not name. */
#include "runtime/report/given/iface.h"

#include <errno.h>
#include <string.h>

#include "runtime/report/text.h"

bool iface_may_be(const char *name)
{
    const size_t len = strlen(name);
    return len > 0 && len <= 15 && !strpbrk(name, " \t/:") && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

char *iface_names(const struct program *p, char *buf, size_t len)
{
    int n = 0;
    *buf = 0;
    for (uint32_t i = 0; i < p->ifaces_count && (size_t)n + 40 < len; i++) {
        const char *declared = program_str(p, p->ifaces[i].name), *device = program_str(p, p->ifaces[i].device);
        n += snprintf(buf + n, len - (size_t)n, "%s%s%s%s%s", i ? ", " : "", *declared ? declared : device,
                      *declared ? " (" : "", *declared ? device : "", *declared ? ")" : "");
    }
    return text_clean(buf);
}

int iface_find(const struct program *p, const char *name, uint16_t *id, char *err, size_t err_len)
{
    for (uint32_t i = 0; i < p->ifaces_count; i++)
        if (p->ifaces[i].name && !strcmp(program_str(p, p->ifaces[i].name), name)) {
            *id = (uint16_t)i;
            return 0;
        }
    const struct iface_table t = program_ifaces(p);
    const uint32_t known = *name ? iface_match(&t, name) : PBC_NONE;
    *id = known == PBC_NONE ? IFACE_OTHER : (uint16_t)known;
    if (known != PBC_NONE) return 0;
    if (iface_may_be(name)) return 0;
    snprintf(err, err_len, "`%.60s` can't be a device name: use 1 to 15 characters, without blanks, `/` and `:`", name);
    text_clean(err);
    return -ENOENT;
}
