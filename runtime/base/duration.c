#include "runtime/base/duration.h"

#include <stdlib.h>
#include <string.h>

bool duration_read(const char *text, uint64_t *ns)
{
    static const struct {
        const char *name;
        uint64_t ns;
    } units[] = {{"ms", UINT64_C(1000000)},
                 {"s", UINT64_C(1000000000)},
                 {"m", UINT64_C(60000000000)},
                 {"h", UINT64_C(3600000000000)},
                 {"d", UINT64_C(86400000000000)}};
    const uint64_t most = 36525 * units[4].ns;
    char *unit;
    if (*text < '0' || *text > '9') return false;
    const uint64_t n = strtoull(text, &unit, 10); /* where it is out of range, the largest number there is */
    for (unsigned i = 0; i < sizeof units / sizeof *units; i++) {
        if (strcmp(unit, units[i].name) != 0 || n > most / units[i].ns) continue;
        *ns = n * units[i].ns;
        return true;
    }
    return false;
}
