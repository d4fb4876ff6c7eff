/* The change to another program in the kernel: its judge is loaded, then put in force. */
#include <errno.h>
#include <stdio.h>

#include "runtime/kernel/adopt.h"
#include "runtime/kernel/maps/live_sets.h"
#include "runtime/kernel/run/counted.h"
#include "runtime/kernel/run/told_vips.h"
#include "runtime/live/carry/kernel/in_kernel_priv.h"
#include "runtime/live/carry/part.h"

bool in_kernel_prepare(struct carry *carry, const struct program *p, char *err, size_t err_len)
{
    if (!carry->kernel) return true;
    kernel_discard(carry->kernel->next);
    carry->kernel->to_judge = p;
    told_add(carry->kernel->kernel, p);
    carry->kernel->told_more = true;
    return !ask_prepare(carry->tell->channel, carry->kernel->kernel, p->past ? p->past->under : p, &carry->kernel->next,
                        &carry->kernel->proof, err, err_len);
}

/* True if the new program gives another number to an interface, an unserved device or a schedule, or newly asks for
 * ways. */
static bool renumbers(const struct carry *carry)
{
    struct kernel *k = carry->kernel->kernel;
    const struct kernel_port *ports = kernel_map(k, KERNEL_MAP_ports)->memory;
    bool others = carry->latest && carry->latest->facts.schedules != kernel_world(k)->facts.schedules;
    others |= carry->now.program->meta->flags & PBC_NEEDS_ROUTES && !kernel_world(k)->knows_routes;
    for (unsigned i = 0; i < carry->o->iface_count; i++)
        others |= ports[carry->kernel->ifindex[i] % KERNEL_PORTS].iface != carry->now.iface[i];
    return others || (carry->latest && in_kernel_others_differ(carry));
}

/* Change programs at the worker's batch boundary. The old program's counts go to the worker before its rules change. */
int in_kernel_swap(void *arg, struct vm *vm)
{
    const struct carry *carry = arg;
    struct in_kernel *k = carry->kernel;
    /* Packets go up meanwhile, because numbers and judge may belong to different programs. */
    uint32_t *const renumbered = &kernel_world(k->kernel)->renumbers;
    __atomic_store_n(renumbered, renumbers(carry), __ATOMIC_SEQ_CST);
    const int failed = ask_SWAP(carry->tell->channel, NULL, 0);
    if (!failed && carry->latest) in_kernel_push(carry);
    __atomic_store_n(renumbered, 0, __ATOMIC_SEQ_CST);
    if (failed) return failed;
    const unsigned next = k->numbers + 1;
    k->numbered[next & 1].program = k->to_judge;
    k->numbered[next & 1].serial = kernel_world(k->kernel)->program;
    __atomic_store_n(&k->numbers, next, __ATOMIC_RELEASE);
    if (k->counted) counted_add(k->counted, vm);
    kernel_took(k->kernel, k->next);
    k->next = NULL;
    __atomic_store_n(&k->judges, k->to_judge, __ATOMIC_RELEASE);
    if (k->counted)
        counted_follow(k->counted);
    else
        k->counted = counted_new(k->kernel);
    return 0;
}

struct proof in_kernel_proof(const struct carry *carry)
{
    return carry->kernel ? carry->kernel->proof : (struct proof){0};
}

/* Move the members into the new judge's maps; the old judge keeps its own. */
static bool move_members(const struct program_change *c)
{
    const struct carry *carry = c->carry;
    const struct ruling *now = &carry->now;
    const struct kernel *k = carry->kernel && now->lives ? carry->kernel->kernel : NULL;
    int failed = 0;
    if (k)
        failed =
            live_sets_move(judge_tables(carry->kernel->next), now->program, now->lives, carry->seed, c->leaving.lives);
    const bool asks =
        !k || live_sets_ask(now->lives, kernel_map(k, KERNEL_MAP_question_head), kernel_map(k, KERNEL_MAP_questions));
    if (!failed && !asks) failed = -ENOMEM;
    if (failed < 0) snprintf(c->err, c->err_len, "out of memory");
    if (failed > 0)
        snprintf(c->err, c->err_len,
                 "set %.60s: the set's table in the kernel is too small for its file: write a larger `size` for the "
                 "set in the rules",
                 program_str(now->program, now->program->lives[failed - 1].name));
    return !failed;
}

static bool in_kernel_follow(struct program_change *c)
{
    return in_kernel_prepare(c->carry, c->carry->now.program, c->err, c->err_len) && move_members(c);
}

static void in_kernel_undo(struct program_change *c)
{
    struct in_kernel *k = c->carry->kernel;
    if (k) k->to_judge = k->judges;
}

/* Note that one of the programs is freed: later reports about it have no program. */
static void in_kernel_ended(struct program_change *c)
{
    struct in_kernel *k = c->carry->kernel;
    for (unsigned i = 0; k && i < 2; i++) {
        if (!k->numbered[i].program || k->numbered[i].program == c->carry->now.program) continue;
        k->numbered[i].program = NULL;
        k->left_serial = k->numbered[i].serial;
    }
}

const struct part part_in_kernel = {.prepares = in_kernel_follow, .undoes = in_kernel_undo, .ends = in_kernel_ended};
