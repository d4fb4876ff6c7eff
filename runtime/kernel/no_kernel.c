/* Replacement of the rest of runtime/kernel/, except the executor, in a build without clang (make KERNEL=0). */
#include <errno.h>
#include <stdio.h>

#include "runtime/kernel/maps/live_sets.h"
#include "runtime/kernel/object/refused.h"
#include "runtime/kernel/prove.h"
#include "runtime/kernel/run/copied_ring.h"
#include "runtime/kernel/run/counted.h"
#include "runtime/kernel/run/events.h"
#include "runtime/kernel/run/facts.h"
#include "runtime/kernel/run/flow_map.h"
#include "runtime/kernel/run/others.h"
#include "runtime/kernel/run/told_vips.h"

struct kernel *kernel_new(const struct program *p, const struct kernel_cfg *cfg, char *err, size_t err_len)
{
    snprintf(
        err, err_len,
        "this preyrun has no kernel executor, because it was built without clang (make KERNEL=0): use --exec user");
    errno = ENOTSUP;
    return NULL;
}

void kernel_free(struct kernel *k) {}

int kernel_ring(void *k, uint32_t port) { return -ENOTSUP; }

void kernel_place(const struct kernel *k, struct program *p) {}

int kernel_program(const struct kernel *k, enum kernel_entry entry) { return -1; }

enum kernel_hook kernel_arrives(const struct kernel *k) { return KERNEL_XDP; }

const struct map *kernel_map(const struct kernel *k, enum kernel_map map) { return NULL; }

struct splice_slots kernel_splices(const struct kernel *k) { return (struct splice_slots){.groups = 0}; }

struct kpkt *kernel_kpkts(const struct kernel *k) { return NULL; }

struct kernel_world *kernel_world(const struct kernel *k) { return NULL; }

const struct kernel_program *kernel_rows(const struct kernel *k) { return NULL; }

struct kernel_counters kernel_counters(const struct kernel *k) { return (struct kernel_counters){.given_up = 0}; }

uint32_t kernel_cpus(const struct kernel *k) { return 0; }
uint64_t kernel_memory(const struct kernel *k) { return 0; }

void asker_init(struct asker *a, struct kernel *k, unsigned number) {}

int ask_frame(struct asker *a, enum kernel_hook hook, const struct pkt *pkt, uint64_t now_ns, struct kpkt **k)
{
    return -ENOTSUP;
}

int ask_stage(struct asker *a, enum kernel_entry entry) { return -ENOTSUP; }

int ask_judge(struct asker *a, const struct key *key, const struct pkt *pkt, const struct effects *e, uint64_t now_ns,
              uint64_t *decision)
{
    return -ENOTSUP;
}

int kernel_prove(struct asker *a, const struct program *p, struct proof *proof, char *err, size_t err_len)
{
    return -ENOTSUP;
}

int kernel_prove_prepared(struct kernel *k, const struct judge *j, const struct program *p, struct proof *proof,
                          char *err, size_t err_len)
{
    return -ENOTSUP;
}

int refused_here(struct obstacle *o)
{
    *o = (struct obstacle){"this preyrun has no kernel executor, because it was built without clang (make KERNEL=0)",
                           "use --exec user"};
    return -ENOTSUP;
}

int kernel_facts_push(struct kernel_facts *f, struct kernel *k, const struct facts *facts) { return -ENOTSUP; }

int kernel_others_push(const struct kernel *k, const struct other others[], uint32_t count) { return -ENOTSUP; }

void kernel_facts_fini(struct kernel_facts *f) {}

struct counted *counted_new(struct kernel *k) { return NULL; }

void counted_free(struct counted *c) {}
void counted_add(struct counted *c, struct vm *vm) {}
void counted_archive(struct counted *c, struct archive *a) {}
unsigned kernel_prover(const struct kernel *k) { return 0; }
struct kernel_counters counted_so_far(const struct counted *c) { return (struct kernel_counters){0}; }

struct kernel_events *kernel_events_new(int map, kernel_event_fn *fn, void *arg) { return NULL; }

void kernel_events_free(struct kernel_events *e) {}

int kernel_events_take(struct kernel_events *e) { return -ENOTSUP; }

int kernel_events_some(struct kernel_events *e, unsigned most) { return -ENOTSUP; }

bool kernel_sweep(struct kernel *k, uint64_t now_ns) { return false; }

uint64_t kernel_events_lost(const struct kernel *k) { return 0; }

uint64_t kernel_drops_untold(const struct kernel *k) { return 0; }

struct kernel_meters *kernel_meters(struct kernel *k) { return NULL; }

bool flows_init(struct flow_ops *ops, const struct kernel *k) { return false; }
void flows_fini(struct flow_ops *ops) {}
const char *flows_lack(const struct kernel *k, const struct program *p) { return NULL; }

bool counted_follow(struct counted *c) { return false; }

int kernel_events_fd(const struct kernel_events *e) { return -1; }

bool kernel_events_there(const struct kernel_events *e) { return false; }

void told_add(struct kernel *k, const struct program *p) {}

void told_keep(struct kernel *k, const struct program *p) {}

bool kernel_copies(const struct kernel *k) { return false; }

struct kernel_copied_ring *kernel_copied_new(const struct kernel *k, kernel_copied_fn *fn, void *arg) { return NULL; }

void kernel_copied_free(struct kernel_copied_ring *r) {}

int kernel_copied_fd(const struct kernel_copied_ring *r) { return -1; }

unsigned kernel_copied_take(struct kernel_copied_ring *r, unsigned most) { return 0; }

void kernel_copies_device(struct kernel *k, const struct program *p, uint32_t mirror, uint32_t ifindex,
                          uint32_t longest)
{
}

struct kernel_mirror kernel_copies_taken(struct kernel *k, uint32_t serial, uint32_t mirror)
{
    return (struct kernel_mirror){.ring = 0};
}

uint64_t kernel_unseen(const struct kernel *k) { return 0; }

const struct judge_tables *judge_tables(const struct judge *j) { return NULL; }
const struct judge_tables *kernel_tables(const struct kernel *k) { return NULL; }
int live_sets_move(const struct judge_tables *t, const struct program *p, struct lives *l, uint64_t seed,
                   const struct lives *shared)
{
    return -ENOTSUP;
}
void live_sets_refused(struct lives *l) {}
bool live_sets_ask(struct lives *l, const struct map *head, const struct map *places) { return false; }
bool live_sets_lack(const struct program *p, char *why, size_t len) { return false; }
