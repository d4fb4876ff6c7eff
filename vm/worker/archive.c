/* All state that a worker remembers, as bytes (vm.h, vm_archive) */
#include "vm/context/context.h"
#include "vm/forward/forward.h"
#include "vm/forward/inline/conns.h"
#include "vm/forward/service.h"
#include "vm/keyed/archive.h"
#include "vm/observe/observers.h"
#include "vm/worker/vm_priv.h"

/* Return the parts of an archive; they follow from the program only. */
static uint8_t parts_of(const struct vm *vm)
{
    return (uint8_t)((vm->track != NULL) | (vm->forward != NULL) << 1 | (vm->fragments != NULL) << 2 |
                     (vm->inlines != NULL) << 3 | (vm->observers != NULL) << 4);
}

bool vm_rests(const struct vm *vm)
{
    const bool follows = vm->program->meta->flags & PBC_KEEPS_FLOWS;
    if (vm->observers && observers_cut_count(vm->observers)) return false;
    return !vm_swapping(vm) && (!vm->track || follows) && (!vm->forward || forward_rests(vm->forward)) &&
           (!vm->inlines || inlines_rest(vm->inlines));
}

bool vm_advance_begin(struct vm *vm) { return !vm->track || track_advance_begin(vm->track); }

void vm_advance_end(struct vm *vm)
{
    if (vm->track) track_advance_end(vm->track);
}

uint32_t vm_advance_left(const struct vm *vm) { return vm->track ? track_advance_left(vm->track) : 0; }

bool vm_advance_write(struct vm *vm, struct archive *a, uint32_t *hand, unsigned slots)
{
    return vm->track && track_advance_write(vm->track, a, hand, slots);
}

bool vm_advance_read(struct vm *vm, struct archive *a)
{
    while (vm->track && a->left && !a->bad) track_advance_read(vm->track, a);
    return archive_sound(a, !a->left);
}

void vm_advance_check(struct vm *vm)
{
    if (vm->track) track_advance_check(vm->track);
}

/* Write or read the meters that decide; those of the audit start full in the reader. */
static void archive_meters(struct vm *vm, const struct vm_in *in, struct archive *a)
{
    const struct vm_kernel *k = a->moves ? vm->cfg.kernel : NULL;
    if (k && !a->reads) {
        meters_at(vm->meters, in->mono_ns);
        k->meters(k->arg, vm->meters, false);
    }
    meters_archive(vm->meters, a);
    if (k && a->reads && !a->bad) k->set_meters(k->arg, vm->meters);
}

bool vm_archive(struct vm *vm, const struct vm_in *in, struct archive *a)
{
    const uint32_t ifaces = in->facts ? in->facts->ifaces_count : 0;
    uint8_t parts = parts_of(vm);
    ARCHIVE(a, parts);
    if (!archive_sound(a, parts == parts_of(vm))) return false;
    ARCHIVE(a, vm->now_ns);
    ARCHIVE(a, vm->answers.next_ns);
    ARCHIVE(a, vm->echoes.next_ns);
    ARCHIVE(a, vm->neighbours.next_ns);
    archive_meters(vm, in, a);
    balance_archive(vm->balance, a);
    forward_archive(vm->forward, vm->track, a, in->facts);
    if (vm->fragments) fragments_archive(vm, ifaces, a);
    if (vm->inlines) inlines_archive(vm->inlines, a, vm->program->services_count, ifaces);
    if (vm->observers) observers_archive(vm->observers, vm->cfg.pool, a, ifaces);
    if (a->reads && !a->bad) balance_update(vm->balance, in->facts, in->mono_ns);
    return !a->bad;
}

void vm_loosen(struct vm *vm)
{
    if (vm->track) track_loosen(vm->track);
}
