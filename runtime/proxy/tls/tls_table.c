/* See tls.h: TLS settings of a program's services */
#include <stdlib.h>

#include "runtime/proxy/tls/tls.h"

struct tls_table *tls_table_new(unsigned count)
{
    struct tls_table *t = calloc(1, sizeof *t + count * sizeof *t->of);
    if (!t) return NULL;
    t->refs = 1;
    t->count = count;
    return t;
}

struct tls_table *tls_table_get(struct tls_table *t)
{
    if (t) __atomic_add_fetch(&t->refs, 1, __ATOMIC_RELAXED);
    return t;
}

bool tls_table_any(const struct tls_table *t)
{
    for (unsigned i = 0; t && i < t->count; i++)
        if (t->of[i].front || t->of[i].back) return true;
    return false;
}

void tls_table_put(struct tls_table *t)
{
    if (!t || __atomic_sub_fetch(&t->refs, 1, __ATOMIC_ACQ_REL)) return;
    for (unsigned i = 0; i < t->count; i++) {
        tls_front_put(t->of[i].front);
        tls_back_put(t->of[i].back);
    }
    free(t);
}
