/* Facts in separate memory, made from the first part of a world's record */
#include "runtime/record/own.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/record/format.h"

int own_read(const uint8_t *bytes, size_t len, struct self *self)
{
    struct record_head b;
    struct record_world w;
    if (len < sizeof b + sizeof w) return 0;
    memcpy(&b, bytes, sizeof b);
    memcpy(&w, bytes + sizeof b, sizeof w);
    if (b.enterprise != RECORD_ENTERPRISE || b.magic != RECORD_MAGIC || b.kind != RECORD_WORLD) return 0;
    const uint8_t *at = bytes + sizeof b + sizeof w;
    const size_t left = len - sizeof b - sizeof w;
    if (w.self4 > left / sizeof(uint32_t) || w.self6 > (left - w.self4 * sizeof(uint32_t)) / sizeof(struct pbc_range6))
        return 0;
    if (!self) return 1;
    uint32_t *v4 = malloc((w.self4 + 1) * sizeof *v4);
    struct pbc_range6 *v6 = malloc((w.self6 + 1) * sizeof *v6);
    const struct facts f = {.self4 = v4,
                            .self4_count = w.self4,
                            .self6 = v6,
                            .self6_count = w.self6,
                            .addr4 = w.addr4,
                            .addr6 = {w.addr6[0], w.addr6[1], w.addr6[2], w.addr6[3]}};
    int failed = v4 && v6 ? 0 : -ENOMEM;
    if (!failed) {
        memcpy(v4, at, w.self4 * sizeof *v4);
        memcpy(v6, at + w.self4 * sizeof *v4, w.self6 * sizeof *v6);
        failed = self_add_facts(self, &f);
    }
    free(v4);
    free(v6);
    return failed ? failed : 1;
}
