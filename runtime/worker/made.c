/* Creation and destruction of a worker. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "runtime/io/gso.h"
#include "runtime/worker/owned/owned.h"
#include "runtime/worker/up.h"
#include "runtime/worker/worker.h"
#include "vm/vm.h"

enum { ASKS = 256, LOGS = 1024, TOLD = 64, REFUSALS = 256, TOLD_A_SECOND = 100, EVENTS_MOST = 4096, CARRIED = 4096 };
/* Slots: departures of a vm call, held fragments and segments, one to join a frame, packets waiting for neighbours,
 * pieces of a super-packet, and fragments waiting for their datagram's first fragment. */
enum { POOL_TOUCHED = 4096 }; /* bytes of a slot touched at the start: frames longer than Ethernet's are rare */
enum {
    POOL_SLOTS = VM_BATCH * VM_TX_PER_PACKET + FRAG_HELD + HOLDING_MOST + INLINE_HELD_MOST + 1 + WAIT_MOST +
                 GSO_PIECES + FRAGMENTS_WAIT_MOST
};

/* Make the pool. A batch's slots are touched now: all of them are soon used in turn, by frames of any length. */
static int pool_make(struct worker *w)
{
    const size_t bytes = pool_bytes(POOL_SLOTS, POOL_SLOT_MOST);
    if (posix_memalign(&w->pool_memory, 64, bytes)) return -ENOMEM;
    w->pool = pool_init(w->pool_memory, bytes, POOL_SLOTS, POOL_SLOT_MOST);
    if (!w->pool) return -ENOMEM;
    pool_touch(w->pool, VM_BATCH, POOL_TOUCHED);
    return 0;
}

static int rings_make(struct worker *w)
{
    if (ring_init(&w->asks, ASKS, sizeof(struct hop_ask)) || ring_init(&w->logs, LOGS, sizeof(struct log_note)) ||
        ring_init(&w->told, TOLD, sizeof(struct pmtu_note)) ||
        ring_init(&w->refusals, REFUSALS, sizeof(struct refusal)) ||
        ring_init(&w->carried, CARRIED, sizeof(struct carried)) || drops_init(&w->drops))
        return -ENOMEM;
    w->openers = openers_new();
    if (!w->openers) return -ENOMEM;
    w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    w->call_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return w->wake_fd < 0 || w->call_fd < 0 ? -errno : 0;
}

/* Record on the tape a value read from the shared state. */
static uint64_t note_heard(void *arg, uint64_t value)
{
    struct worker *w = arg;
    if (w->tape) tape_note(w->tape, TAPE_SHARED, w->tape->now_ns, value);
    return value;
}

/* Put the answers of live sets so far on the tape. */
static void heard_full(void *arg, struct heard_answers *h)
{
    struct worker *w = arg;
    if (w->tape && h->count) tape_heard(w->tape, h);
    heard_clear(h);
}

static void note_cut(void *arg, const struct flow_id *id)
{
    struct worker *w = arg;
    if (w->tape && !w->cfg.world && w->cut_count < VM_CUTS_MOST) w->cut[w->cut_count++] = *id;
}

static struct share worker_share(struct worker *w)
{
    if (w->cfg.hear) return (struct share){.hear = w->cfg.hear, .arg = w->cfg.hear_arg};
    if (!w->cfg.shared) return (struct share){0};
    return (struct share){.all = w->cfg.shared, .hear = note_heard, .arg = w};
}

struct vm_cfg worker_vm_cfg(struct worker *w)
{
    return (struct vm_cfg){.pool = w->pool,
                           .copies = &w->copies,
                           .seed = w->cfg.seed,
                           .worker = w->cfg.worker,
                           .workers = w->cfg.workers > 1 ? w->cfg.workers : 0,
                           .share = worker_share(w),
                           .kernel = w->cfg.kernel,
                           .inline_share = &w->cfg.inline_share,
                           .inline_carried = w->leaving ? w->leaving->carried : NULL,
                           .lending = w->lending,
                           .cuts = w->cfg.flow_cuts,
                           .cuts_told = w->cfg.again ? w->cfg.again->cuts : &w->cuts,
                           .observed = w->cfg.observed,
                           .live = true,
                           .grows = w->cfg.patient || w->cfg.kernel ? NULL : ahead_want,
                           .grows_arg = &w->ahead,
                           .flow_events = w->cfg.ended};
}

/* Copy a packet, as the vm asks. Without a receiver, nothing is copied. */
static void worker_copies(void *arg, unsigned mirror, const struct pkt *pkt)
{
    const struct worker *w = arg;
    if (w->copying) copying_copy(w->copying, mirror, pkt);
}

void worker_copy(struct worker *w, struct copying *copying, const struct copies_table *table)
{
    w->copying = w->egress.copying = copying;
    copying->table = table;
}

int worker_inline(struct worker *w, const struct program *p, int memory)
{
    w->cfg.inline_memory = memory;
    if (w->inlined && w->inline_io.fd < 0) { /* made for a program that was refused after all */
        inlined_free(w->inlined);
        w->inlined = NULL;
    }
    if (!w->inlined) w->inlined = inlined_new((uint32_t)p->settings->proxy_sessions);
    const int failed = worker_leaving(w, p);
    if (failed) return failed;
    return w->inlined ? inline_io_init(&w->inline_io) : -ENOMEM;
}

static bool has_inline(const struct program *p)
{
    for (uint32_t i = 0; i < p->services_count; i++)
        if (mode_is(p->services[i].mode, MODE_INLINE_STACK)) return true;
    return false;
}

int worker_leaving(struct worker *w, const struct program *p)
{
    if (w->leaving || !has_inline(p)) return 0;
    w->leaving = leaving_new((uint32_t)p->settings->proxy_sessions, w->cfg.inline_memory, w->wake_fd);
    return w->leaving ? 0 : -ENOMEM;
}

int worker_init(struct worker *w, const struct worker_cfg *cfg)
{
    memset(w, 0, sizeof *w);
    w->cfg = *cfg;
    w->wake_fd = w->call_fd = w->inline_io.fd = -1;
    w->tick_ns = UINT64_MAX;
    w->copies = (struct vm_copies){worker_copies, w};
    heard_init(&w->heard, heard_full, w);
    w->cuts = (struct vm_cuts){.told = note_cut, .arg = w};
    ahead_init(&w->ahead);
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->changed, NULL);
    int err = pool_make(w);
    if (!err) err = rings_make(w);
    if (!err && cfg->workers > 1) err = owned_init(w);
    if (!err)
        err = bridge_init(&w->bridge, cfg->program->settings_count ? cfg->program->settings->macs : PBC_MACS_DEFAULT);
    if (err) return err;
    w->tx = (struct vm_tx){.entries = w->entries, .cap = VM_BATCH * VM_TX_PER_PACKET};
    w->tx.event_cap = EVENTS_MOST;
    w->tx.events = calloc(w->tx.event_cap + 1u, sizeof *w->tx.events);
    if (worker_leaving(w, cfg->program)) return -ENOMEM;
    struct vm_cfg vm = worker_vm_cfg(w);
    vm.prefault = !cfg->patient && program_begins_flows(cfg->program);
    w->vm = vm_new(cfg->program, &vm);
    if (vm.grows) w->ahead.vm = w->vm;
    up_init(w);
    w->egress = (struct egress){.ports = w->ports, .pool = w->pool, .asks = &w->asks};
    if (cfg->inline_tun >= 0 && !(err = worker_inline(w, cfg->program, cfg->inline_memory)))
        w->inline_io.fd = cfg->inline_tun;
    if (err) return err;
    limit_init(&w->told_limit, TOLD_A_SECOND);
    limit_init(&w->egress.answers, cfg->program->meta->rejects_per_s);
    return w->tx.events && w->vm ? 0 : -ENOMEM;
}

void worker_fini(struct worker *w)
{
    risen_end(&w->risen);
    ahead_fini(&w->ahead);
    egress_fini(&w->egress);
    for (unsigned i = 0; i < w->egress.port_count; i++) w->ports[i].ops->close(w->ports[i].io);
    owned_fini(w);
    bridge_fini(&w->bridge);
    vm_free(w->vm);
    observing_fini(&w->observing);
    free(w->tx.events);
    free(w->pool_memory);
    ring_fini(&w->asks);
    ring_fini(&w->logs);
    ring_fini(&w->told);
    ring_fini(&w->refusals);
    ring_fini(&w->carried);
    drops_fini(&w->drops);
    openers_free(w->openers);
    inlined_free(w->inlined);
    leaving_free(w->leaving);
    inline_io_fini(&w->inline_io);
    if (w->wake_fd >= 0) close(w->wake_fd);
    if (w->call_fd >= 0) close(w->call_fd);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->changed);
}
