/* See each.h. The caller's thread does the last entry, so a single entry takes no further thread. */
#include "runtime/kernel/run/each.h"

#include <pthread.h>
#include <stdio.h>

struct one {
    each_fn *fn;
    void *arg;
    enum kernel_entry entry;
    bool apart; /* the entry is worked on in a separate thread */
    pthread_t thread;
    int failed;
    char err[400];
};

static void *one_run(void *arg)
{
    struct one *o = arg;
    o->failed = o->fn(o->arg, o->entry, o->err, sizeof o->err);
    return NULL;
}

int each_entry(uint32_t entries, each_fn *fn, void *arg, char *err, size_t err_len)
{
    struct one all[KERNEL_ENTRIES];
    unsigned count = 0;
    int failed = 0;
    for (unsigned e = 0; e < KERNEL_ENTRIES; e++)
        if (entries >> e & 1) all[count++] = (struct one){.fn = fn, .arg = arg, .entry = e};
    for (unsigned i = 0; i < count; i++) {
        all[i].apart = i + 1 < count && !pthread_create(&all[i].thread, NULL, one_run, &all[i]);
        if (!all[i].apart) one_run(&all[i]);
    }
    for (unsigned i = 0; i < count; i++) {
        if (all[i].apart) pthread_join(all[i].thread, NULL);
        if (!failed && all[i].failed) snprintf(err, err_len, "%s", all[i].err);
        if (!failed) failed = all[i].failed;
    }
    return failed;
}
