/* Rows of all CPUs are added up, and what was there the last time is taken off. */
#include "runtime/kernel/counted.h"

#include <stdlib.h>
#include <string.h>

#include "vm/kernel/meters.h"

struct counted {
    struct kernel *kernel;
    struct kernel_counters seen;       /* so far */
    struct counter *row, *fresh;       /* of a row of `counts`: so far, and since */
    struct meter_counter *said, *more; /* likewise, of meters */
    size_t meters;
};

struct counted *counted_new(struct kernel *kernel)
{
    const struct kernel_meters *m = kernel_meters(kernel);
    struct counted *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    c->kernel = kernel;
    c->row = calloc(kernel_rows(kernel)->row, sizeof *c->row);
    c->fresh = calloc(kernel_rows(kernel)->row, sizeof *c->fresh);
    c->meters = m ? m->layout.cells : 0;
    c->said = calloc(c->meters + 1, sizeof *c->said);
    c->more = calloc(c->meters + 1, sizeof *c->more);
    if (c->row && c->fresh && c->said && c->more) return c;
    counted_free(c);
    return NULL;
}

void counted_free(struct counted *c)
{
    if (!c) return;
    free(c->row);
    free(c->fresh);
    free(c->said);
    free(c->more);
    free(c);
}

/* now becomes what has come since `seen`, which becomes now. */
static void since(void *now, void *seen, size_t bytes)
{
    uint64_t *a = now, *b = seen;
    for (size_t i = 0; i < bytes / sizeof *a; i++) {
        const uint64_t sum = a[i];
        a[i] -= b[i];
        b[i] = sum;
    }
}

void counted_add(struct counted *c, struct vm *vm)
{
    const struct kernel_program *at = kernel_rows(c->kernel);
    struct kernel_counters now = kernel_counters(c->kernel);
    since(&now, &c->seen, sizeof now);
    for (uint32_t i = 0; i < at->row; i++) c->fresh[i] = kernel_counter(c->kernel, i);
    since(c->fresh, c->row, at->row * sizeof *c->row);
    if (c->meters) kernel_meters_sum(kernel_meters(c->kernel), c->more);
    since(c->more, c->said, c->meters * sizeof *c->said);
    struct vm_counters more = {.rules = c->fresh,
                               .meters = c->meters ? c->more : NULL,
                               .defaults = c->fresh + at->rules + 1,
                               .services = c->fresh + at->services,
                               .unserved = c->fresh + at->unserved,
                               .servers = c->fresh + at->servers,
                               .snapped = now.snapped,
                               .bad_checksum = now.bad_checksum};
    memcpy(more.verdicts, now.verdicts, sizeof more.verdicts);
    memcpy(more.reasons, now.reasons, sizeof more.reasons);
    vm_count(vm, &more);
}
