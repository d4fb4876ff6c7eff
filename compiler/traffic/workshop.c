/* Slots for a full batch and all held fragments; the facts change only with the schedules */
#include "compiler/traffic/workshop.h"

#include <errno.h>
#include <stdlib.h>

#include "compiler/say.h"
#include "runtime/schedule/schedule.h"
#include "vm/judge/lives.h"

enum { SLOTS = VM_BATCH * VM_TX_PER_PACKET + FRAG_HELD + 8, MTU = 1500 };

int workshop_open(struct workshop *w, struct program *p, const struct facts *self)
{
    const size_t bytes = pool_bytes(SLOTS, POOL_SLOT_MOST);
    *w = (struct workshop){.program = p, .facts = *self};
    w->facts.generation = 1;
    w->facts.mtu = MTU;
    w->members = p->lives_count ? lives_new(p, 1) : NULL;
    if (p->lives_count && !w->members) return -ENOMEM;
    program_members(p, w->members);
    if (labels_init(&w->labels, p) || posix_memalign(&w->pool_memory, 64, bytes)) return -ENOMEM;
    w->pool = pool_init(w->pool_memory, bytes, SLOTS, POOL_SLOT_MOST);
    return w->pool ? 0 : -ENOMEM;
}

void workshop_close(struct workshop *w)
{
    if (w->program) {
        labels_fini(&w->labels);
        program_members(w->program, NULL);
        lives_free(w->members);
    }
    free(w->pool_memory);
}

int selves_read(struct self *self, const char *const said[], unsigned count)
{
    char err[200];
    for (unsigned i = 0; i < count; i++)
        if (self_add(self, said[i], err, sizeof(err)) < 0) {
            say(stderr, "preyc: --self: %s", err);
            return -1;
        }
    return 0;
}

void workshop_notice(void *arg, const char *line)
{
    (void)arg;
    say(stderr, "preyc: notice: %s", line);
}

struct vm *workshop_vm(struct workshop *w)
{
    const struct vm_cfg cfg = {.pool = w->pool};
    return vm_new(w->program, &cfg);
}

void workshop_stop(struct workshop *w, uint32_t schedules)
{
    w->facts.schedules = schedules;
    w->until_ns = UINT64_MAX;
}

struct vm_in workshop_in(struct workshop *w, uint64_t now_ns)
{
    if (w->program->schedules_count && now_ns >= w->until_ns)
        w->facts.schedules = schedules_at(w->program, now_ns, &w->until_ns);
    return (struct vm_in){.mono_ns = now_ns, .facts = &w->facts};
}
