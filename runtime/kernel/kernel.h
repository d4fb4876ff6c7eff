/* The executor in the kernel: stages that are loaded once, and the judge of one program after the other. */
#pragma once

#include <stddef.h>

#include "runtime/kernel/maps/maps.h"
#include "vm/kernel/keyed/meters.h"

/* What is loaded: rows of vm/kernel/entry.def. */
enum kernel_entry {
#define ENTRY(name, type, array, at, doc) KERNEL_ENTRY_##name,
#include "vm/kernel/entry.def"
    KERNEL_ENTRIES
};

enum kernel_hook { KERNEL_XDP = 1 << 0, KERNEL_TC = 1 << 1 };

struct kernel_cfg {
    unsigned hooks; /* enum kernel_hook: what is loaded */
    bool live; /* packets arrive: of a proxy's connections no more is seen than how they open; and other programs may
                  take the place of the first, so flows have room for what those need */
    uint64_t seed; /* of hashes: who has the same as a worker's (vm_cfg) finds the same places */
    /* Called with the name of a refused program and the verifier's whole log; by several threads at once. NULL: nobody
     * reads it. */
    void (*refused)(const char *name, const char *log);
};

struct kernel;

/* The maps, of sizes that follow from the program, and the stages but for the judge: until a program is loaded nothing
 * is judged. NULL with one line in err that says what is missing, and what helps; errno is EPERM where a right is. */
struct kernel *kernel_new(const struct program *p, const struct kernel_cfg *cfg, char *err, size_t err_len);
void kernel_free(struct kernel *kernel); /* NULL is fine */

/* A program's judge in two steps: prepared, it is in the kernel and may be asked, while another one judges; and put in
 * force, which takes no time. NULL, or a negative errno, with one line in err: then nothing has changed. */
struct judge;
/* Before that, of a program that nobody else has yet: another serial where, by its own, what the stages know of it
 * would take the place of the program in force. (Serials go on with each program that is refused.) */
void kernel_place(const struct kernel *kernel, struct program *p);
struct judge *kernel_prepare(struct kernel *kernel, const struct program *p, char *err, size_t err_len);
void kernel_discard(struct judge *j);                                /* of one that is not in force; NULL is fine */
int kernel_prepared(const struct judge *j, enum kernel_entry entry); /* as kernel_program */
/* It is the kernel's from then on, and the one before it is freed. */
int kernel_swap(struct kernel *kernel, struct judge *j, char *err, size_t err_len);

/* What decisions depend on, beside the program, is about to change: none of them is remembered for flows meanwhile. And
 * it has changed: those from before do not hold. */
void kernel_remember_nothing(struct kernel *kernel);
void kernel_remember(struct kernel *kernel);

/* Descriptors, the kernel's. Of an entry that was not loaded: -1. */
int kernel_program(const struct kernel *kernel, enum kernel_entry entry);
const struct map *kernel_map(const struct kernel *kernel, enum kernel_map map);
struct kpkt *kernel_kpkts(const struct kernel *kernel);
struct kernel_world *kernel_world(const struct kernel *kernel);
/* The meters of the program in force, NULL: there is none; before anything is asked of them, kernel_meters_at. */
struct kernel_meters *kernel_meters(struct kernel *kernel);
/* Records for the ring of events (run/events.h) that found no room there. */
uint64_t kernel_events_lost(const struct kernel *kernel);
/* As meters_sweep, a part of them; true while any key is held. */
bool kernel_sweep(struct kernel *kernel, uint64_t now_ns);
uint32_t kernel_cpus(const struct kernel *kernel); /* possible ones: rows of what each counts */
/* The packet of the first asker (ask.h), in kernel_kpkts. */
uint32_t kernel_askers(const struct kernel *kernel);
struct kernel_way *kernel_ways(const struct kernel *kernel); /* [KERNEL_WAYS] by interface id */
/* How the rows of counters of the program in force lie. */
const struct kernel_program *kernel_rows(const struct kernel *kernel);
/* The sum over all CPUs of what is counted for all programs. */
struct kernel_counters kernel_counters(const struct kernel *kernel);
