/* See core.h: the chooser gets its inputs (time, world, tables) when it is used, once per turn */
#include "runtime/proxy/core.h"

/* Take balancing tables built by the main thread: building a large one takes a millisecond, which would stop this
 * loop */
static void take_tables(struct proxy *p)
{
    const struct tables *t = p->world->tables;
    const unsigned workers = p->cfg.vm.workers ? p->cfg.vm.workers : 1, user = workers + p->cfg.vm.worker;
    p->tables_ns = UINT64_MAX;
    if (!t || t->program != p->program) return;
    struct balance *due = tables_due(p->world, user, p->loop.now_ns, &p->tables, &p->tables_ns);
    if (due) chooser_take_tables(p->chooser, due);
}

struct chooser *proxy_chooser(struct proxy *p)
{
    if (p->told_ns != p->loop.now_ns) {
        if (p->loop.now_ns >= p->tables_ns) take_tables(p);
        const struct vm_in in = {.mono_ns = p->loop.now_ns, .facts = &p->world->facts};
        chooser_facts(p->chooser, &in);
        p->told_ns = p->loop.now_ns;
    }
    return p->chooser;
}
