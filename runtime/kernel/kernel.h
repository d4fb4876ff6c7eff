/* The kernel executor: stages that are loaded once, and the judge of one program after the other. */
#pragma once

#include <stddef.h>

#include "runtime/kernel/maps/maps.h"
#include "vm/kernel/keyed/meters.h"

/* Entries that are loaded: rows of vm/kernel/entry.def. */
enum kernel_entry {
#define ENTRY(name, type, array, at, doc) KERNEL_ENTRY_##name,
#include "vm/kernel/entry.def"
    KERNEL_ENTRIES
};

/* Places where the kernel hands over a packet. */
enum kernel_hook {
    KERNEL_XDP = 1 << 0,  /* the packet arrives */
    KERNEL_TC = 1 << 1,   /* traffic control: the host sends the packet */
    KERNEL_IN = 1 << 2,   /* traffic control: the packet arrives; loaded with KERNEL_TC */
    KERNEL_BARE = 1 << 3, /* traffic control, both ways, for devices without Ethernet; beside KERNEL_TC */
};

struct judge_tables;  /* maps/judge_tables.h */
struct kernel_passed; /* pass/passed.h */

struct kernel_cfg {
    unsigned hooks;  /* bits of enum kernel_hook to load: XDP, TC, or both; BARE beside TC */
    bool live;       /* packets arrive: only openings of proxied connections are seen, and flows get room for more */
    uint32_t raises; /* bit i: packets of port i come up at traffic control, by a ring (kernel_ring) */
    uint64_t seed;   /* seed of hashes; with a worker's seed (vm_cfg), both use the same slots */
    /* Maps of another process, already checked, for the program in force there: their content is kept, and the first
     * judge uses that program's tables. They stay the caller's. NULL: new maps. */
    const struct kernel_passed *passed;
    const struct kernel_sizes *sizes; /* sizes of maps that are made; NULL: those that follow from the program */
    uint32_t mark;                    /* mark of packets that sockets of this process send; 0: drawn */
    /* Receives the name of a refused program and the verifier's complete log; called by several threads at once.
     * NULL: the log is not wanted. */
    void (*refused)(const char *name, const char *log);
};

struct kernel;

/* Make the maps, in sizes that follow from the program, and load the stages without a judge: packets are not judged
 * before a program is loaded. NULL: one line in err gives the missing part and the remedy; errno is EPERM if
 * privileges are missing. */
struct kernel *kernel_new(const struct program *p, const struct kernel_cfg *cfg, char *err, size_t err_len);
void kernel_free(struct kernel *kernel); /* NULL is fine */

/* Return a ring for packets that come up by a port at traffic control, or a negative errno. It replaces the port's
 * last ring, and the caller closes it. */
int kernel_ring(void *kernel, uint32_t port);

/* Load a program's judge in two steps. A prepared judge is in the kernel and can be asked while another one judges.
 * Once put in force, it judges immediately. On failure, NULL or a negative errno, with one line in err and nothing
 * changed. */
struct judge;
/* Give the program another serial if, under its present serial, its data for the stages would replace the running
 * program's. Call this before kernel_prepare, while the caller has the only reference. (Serials grow with each
 * refused program.) */
void kernel_place(const struct kernel *kernel, struct program *p);
struct judge *kernel_prepare(struct kernel *kernel, const struct program *p, char *err, size_t err_len);
void kernel_discard(struct judge *j); /* Free a judge that is not in force; NULL is fine */
/* Return the descriptor of a prepared judge's entry, as kernel_program does. */
int kernel_prepared(const struct judge *j, enum kernel_entry entry);
/* Put a judge in force. The kernel owns it from then on, and frees its predecessor. */
int kernel_swap(struct kernel *kernel, struct judge *j, char *err, size_t err_len);

/* Stop remembering decisions for flows, while other inputs to decisions change. Remember decisions again after the
 * change; earlier ones are then invalid (second function). */
void kernel_remember_nothing(struct kernel *kernel);
void kernel_remember(struct kernel *kernel);

/* Return the hook for arriving packets: XDP if that is loaded, else IN. */
enum kernel_hook kernel_arrives(const struct kernel *kernel);
/* Return descriptors that the kernel owns; -1 for an entry that was not loaded. */
int kernel_program(const struct kernel *kernel, enum kernel_entry entry);
const struct map *kernel_map(const struct kernel *kernel, enum kernel_map map);
struct kpkt *kernel_kpkts(const struct kernel *kernel);
struct kernel_world *kernel_world(const struct kernel *kernel);
/* Return the slots of spliced connections, for the worker; `groups` is 0 if the first program has no services. */
struct splice_slots kernel_splices(const struct kernel *kernel);
/* Return the maps of a judge's program. Return those of the program in force (second function). */
const struct judge_tables *judge_tables(const struct judge *j);
const struct judge_tables *kernel_tables(const struct kernel *kernel);
/* Return the meters of the program in force, or NULL. Before asking them, call kernel_meters_at. */
struct kernel_meters *kernel_meters(struct kernel *kernel);
/* Return the number of records that found no room in the ring of events (run/events.h). */
uint64_t kernel_events_lost(const struct kernel *kernel);
/* Return the number of drops that the stages did not report because half of that ring was full. */
uint64_t kernel_drops_untold(const struct kernel *kernel);
/* Sweep a part of the meters, as meters_sweep does; true while any key is held. */
bool kernel_sweep(struct kernel *kernel, uint64_t now_ns);
/* Return the number of possible CPUs, which is the number of rows of each counter. */
uint32_t kernel_cpus(const struct kernel *kernel);
/* Return the bytes of flat maps that outlive programs, all taken from the start, mostly for flows. */
uint64_t kernel_memory(const struct kernel *kernel);
/* Return the number of the asker that proves a prepared judge. */
unsigned kernel_prover(const struct kernel *kernel);
/* Return the index of the first asker's packet (asker.h) in kernel_kpkts. */
uint32_t kernel_askers(const struct kernel *kernel);
/* Return the ways, [KERNEL_WAYS] by interface id. */
struct kernel_way *kernel_ways(const struct kernel *kernel);
/* Return the layout of the counter rows of the program in force. */
const struct kernel_program *kernel_rows(const struct kernel *kernel);
/* Return the counters that all programs share, summed over all CPUs. */
struct kernel_counters kernel_counters(const struct kernel *kernel);
