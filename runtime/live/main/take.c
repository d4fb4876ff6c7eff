/* Until YOURS this start changes nothing on the host that the other instance would miss; after it, this start can't
 * be undone */
#include "runtime/live/main/take.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/base/complain.h"
#include "runtime/copies/copies.h"
#include "runtime/ctl/message.h"
#include "runtime/host/hook/hooks.h"
#include "runtime/host/state.h"
#include "runtime/host/state_file.h"
#include "runtime/kernel/pass/layout.h"
#include "runtime/live/carry/kernel/in_kernel_pass.h"
#include "runtime/live/carry/observed.h"
#include "runtime/live/carry/proxy/listeners.h"
#include "runtime/live/carry/steered.h"
#include "runtime/live/carry/worker_ports.h"
#include "runtime/live/control/document/limits.h"
#include "runtime/live/control/takeover/before.h"
#include "runtime/live/control/takeover/former.h"
#include "runtime/live/control/takeover/luggage.h"
#include "runtime/live/control/takeover/proxied_part.h"
#include "runtime/live/main/take_ports.h"
#include "runtime/live/main/take_workers.h"
#include "runtime/live/world/world.h"
#include "runtime/parent/between/channel.h"
#include "runtime/parent/between/starter.h"
#include "runtime/record/format.h"
#include "vm/keyed/keyed.h"

enum { ADVANCES_MOST = 1 << 16 /* most parts of flows in advance */ };

uint64_t take_patience(void) { return channel_until(HANDOFF_PATIENCE_NS); }

/* ---- the way to the other instance ---- */

static int reach_path(const struct options *o, struct sockaddr_un *a)
{
    char path[PATH_MAX];
    *a = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (o->control) {
        snprintf(path, sizeof path, "%s", o->control);
    } else {
        const int failed = state_path_of(STATE_RUN, o->name, path);
        if (failed) return failed;
        strcpy(strrchr(path, '.'), ".sock");
    }
    if (strlen(path) >= sizeof a->sun_path) return -ENAMETOOLONG;
    strcpy(a->sun_path, path);
    return 0;
}

/* Connect to the control socket. Return a descriptor or a negative errno. */
static int reach(const struct options *o)
{
    struct sockaddr_un a;
    const int failed = reach_path(o, &a);
    const int fd = failed ? failed : socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return failed ? failed : -errno;
    if (!connect(fd, (const struct sockaddr *)&a, sizeof a)) return fd;
    const int why = -errno;
    close(fd);
    return why;
}

/* Ask over the control socket, with one end of a socket pair. Return 0, or the exit status after one line. */
static int ask_takeover(int ctl, int with)
{
    static const char question[] = "{\"ask\":\"takeover\"}";
    char whole[MESSAGE_HEAD + sizeof question - 1], head[MESSAGE_HEAD], body[1001] = "";
    unsigned none;
    message_head(whole, MESSAGE_QUESTION, sizeof question - 1);
    memcpy(whole + MESSAGE_HEAD, question, sizeof question - 1);
    int failed = channel_send(ctl, whole, sizeof whole, &with, 1, take_patience());
    if (!failed) failed = channel_receive(ctl, head, sizeof head, NULL, 0, &none, take_patience());
    uint32_t len;
    memcpy(&len, head + 1, sizeof len);
    len = le32toh(len);
    if (!failed && (*head != MESSAGE_END || !len || len >= sizeof body)) failed = -EPROTO;
    if (!failed) failed = channel_receive(ctl, body, len, NULL, 0, &none, take_patience());
    if (failed) return complain("--takeover: the running instance doesn't reply: %s", strerror(-failed));
    return *body == '0' ? 0 : complain("--takeover: %s", body + 1);
}

static int file_make(struct take *t)
{
    const int fd = memfd_create("prey-takeover", MFD_CLOEXEC | MFD_ALLOW_SEALING), whole = F_SEAL_SHRINK | F_SEAL_GROW;
    if (fd < 0) return -errno;
    int failed = ftruncate(fd, (off_t)HANDOFF_FILE_MOST) ? -errno : 0;
    if (!failed && fcntl(fd, F_ADD_SEALS, whole | F_SEAL_SEAL))
        failed = -errno; /* reading a shorter file would be a fault */
    void *at = failed ? MAP_FAILED : mmap(NULL, HANDOFF_FILE_MOST, PROT_READ, MAP_SHARED | MAP_NORESERVE, fd, 0);
    if (at != MAP_FAILED) {
        t->file = at;
        return fd;
    }
    close(fd);
    return failed ? failed : -errno;
}

/* Put descriptors in their places. False: the count is wrong. */
static bool place_descriptors(struct take *t, const int fds[], unsigned count)
{
    unsigned at = 0;
    for (unsigned i = 0; i < HANDOFF_FDS; i++)
        if (t->hello.has >> i & 1 && at < count) t->fds[i] = fds[at++];
    for (unsigned i = at; i < count; i++) close(fds[i]);
    return at == count && (unsigned)__builtin_popcount(t->hello.has) == count;
}

#define ENDS(text) (memchr(text, 0, sizeof(text)) != NULL)

static bool hooks_are_sound(const struct handoff_hello *h)
{
    const struct kernel_passed_hooks *k = &h->hooks;
    const uint32_t all = (uint32_t)((UINT64_C(1) << h->ifaces) - 1);
    return h->in_kernel <= 1 && (!h->kernel || h->in_kernel) && h->bound <= 1 &&
           !((k->by_tc | k->rings | k->generic) & ~all) && !(k->by_tc & k->rings);
}

static bool hello_is_sound(const struct handoff_hello *h)
{
    bool named = true;
    for (unsigned i = 0; i < OPTIONS_IFACES; i++) named &= ENDS(h->names[i]);
    const uint32_t needed = *h->refused ? 0 : 1u << YIELD_RECORD | 1u << YIELD_OUT | 1u << YIELD_ERR;
    const bool forms = h->form <= HANDOFF_FORM && (*h->refused || h->form >= HANDOFF_FORM_LEAST);
    return h->magic == HANDOFF_MAGIC && forms && (h->has & needed) == needed && ENDS(h->refused) && ENDS(h->name) &&
           ENDS(h->stats) && named && (*h->refused || h->workers) && h->workers <= WORKERS_MOST &&
           h->ifaces <= OPTIONS_IFACES && h->has < 1u << HANDOFF_FDS && h->program <= HANDOFF_FILE_MOST / 2 &&
           h->hops <= HANDOFF_FILE_MOST / 4 && h->former <= HANDOFF_FILE_MOST / 4 && h->present <= HANDOFF_FILE_MOST &&
           h->lent <= HANDOFF_LENT_MOST && take_wire_is_sound(h) && h->xdp <= 1 && h->generic <= 1 &&
           hooks_are_sound(h) && h->frame_most <= UINT16_MAX && program_bounds_fit(h->flows, h->half_open);
}

/* Refuse states that this version can't read. */
static void look_at_version(struct handoff_hello *h)
{
    if (*h->refused || (h->version >= RECORD_HANDED && h->version <= RECORD_VERSION)) return;
    snprintf(h->refused, sizeof h->refused,
             "the running instance has state of version %u, but this preyrun reads %d to %d; a restart of prey works, "
             "but ends its flows",
             h->version, RECORD_HANDED, RECORD_VERSION);
}

/* Exchange BEGIN and HELLO. Return 0, or a negative errno. */
static int greet(struct take *t, const struct options *o)
{
    struct handoff_begin b = {.magic = HANDOFF_MAGIC,
                              .file = HANDOFF_FILE_MOST,
                              .form_least = HANDOFF_FORM_LEAST,
                              .form = HANDOFF_FORM,
                              .process = getpid(),
                              .drain_ns = o->takeover_drain_ns};
    int fds[HANDOFF_FDS];
    unsigned count = 0;
    memcpy(b.layout, t->layout, sizeof b.layout);
    const int file = file_make(t);
    if (file < 0) return file;
    int failed = message_send(t->fd, &b, sizeof b, &file, 1, take_patience());
    close(file);
    if (!failed) failed = message_receive(t->fd, &t->hello, sizeof t->hello, fds, HANDOFF_FDS, &count, take_patience());
    const bool placed = place_descriptors(t, fds, count);
    look_at_version(&t->hello);
    return !failed && (!hello_is_sound(&t->hello) || !placed) ? -EPROTO : failed;
}

/* Receive KERNEL, if it comes. Return 0 or a negative errno. */
static int hear_kernel(struct take *t)
{
    struct handoff_kernel m;
    t->kernel.hooks = t->hello.hooks;
    t->kernel.mark = t->hello.mark;
    if (!t->hello.kernel || *t->hello.refused) return 0;
    const int failed =
        message_receive(t->fd, &m, sizeof m, t->kernel.fds, PASSED_FDS, &t->kernel.count, take_patience());
    t->kernel.says = m.says;
    return !failed && !t->kernel.count ? -EPROTO : failed;
}

/* Return the words for a failure of the exchange. */
static const char *talk_failed(int failed)
{
    return failed == -ENODATA ? "the old instance has stopped the takeover, perhaps because of a reload; its log has "
                                "the reason; try again"
                              : strerror(-failed);
}

static const char ended_early[] = "the running instance has stopped the takeover, or has ended; if that happens again, "
                                  "its version is too old: a restart of prey works, but ends its flows";

struct take *take_meet(const struct options *o)
{
    int pair[2];
    struct take *t = calloc(1, sizeof *t);
    if (!t) {
        complain("out of memory");
        return NULL;
    }
    if (!kernel_layout(t->layout))
        memset(t->layout, 0, sizeof t->layout); /* comes before anyone waits, because it takes a while */
    t->fd = starter_socket();
    for (unsigned i = 0; i < HANDOFF_FDS; i++) t->fds[i] = -1;
    for (unsigned i = 0; i < IO_FDS_MOST; i++) t->wire[i] = -1;
    if (t->fd >= 0) {
        int failed = greet(t, o);
        if (!failed) failed = hear_kernel(t);
        if (!failed && !*t->hello.refused) return t;
        complain("after a crash: %s", failed ? strerror(-failed) : t->hello.refused);
        take_free(t);
        return NULL;
    }
    const int ctl = reach(o);
    if (ctl < 0) {
        complain("--takeover: no preyrun named `%s` runs here, or it doesn't listen: %s; to start one, leave out "
                 "--takeover",
                 o->name, strerror(-ctl));
    } else if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) {
        complain("--takeover: %s", strerror(errno));
    } else {
        t->fd = pair[0];
        const int status = ask_takeover(ctl, pair[1]);
        close(pair[1]);
        int failed = status ? 0 : greet(t, o);
        if (!status && !failed) failed = hear_kernel(t);
        if (!status && !failed && !*t->hello.refused) failed = take_lent_hear(t, take_patience());
        if (failed)
            complain("--takeover: the running instance doesn't hand over: %s",
                     failed == -ENODATA ? ended_early : strerror(-failed));
        if (!status && !failed && *t->hello.refused) complain("--takeover: %s", t->hello.refused);
        if (!status && !failed && !*t->hello.refused) {
            close(ctl);
            return t;
        }
    }
    if (ctl >= 0) close(ctl);
    take_free(t);
    return NULL;
}

void take_free(struct take *t)
{
    if (!t) return;
    if (t->file) munmap(t->file, HANDOFF_FILE_MOST);
    for (unsigned i = 0; i < HANDOFF_FDS; i++)
        if (t->fds[i] >= 0) close(t->fds[i]);
    for (unsigned i = 0; i < WORKERS_MOST; i++)
        for (unsigned at = 0; at < PORTS_MOST; at++) io_made_close(&t->ports[i][at]);
    kernel_passed_close(&t->kernel);
    for (unsigned i = 0; i < IO_FDS_MOST; i++)
        if (t->wire[i] >= 0) close(t->wire[i]);
    for (unsigned i = 0; i < WORKERS_MOST; i++)
        if (t->memory[i]) close(t->memory[i]);
    take_workers_free(t);
    take_lent_close(t);
    if (t->fd >= 0) close(t->fd);
    free(t);
}

/* ---- a start that is made like the other instance ---- */

/* Return the file's program with the past of the running one added, and release `file`. NULL: one line in err. */
static struct program *with_past(struct take *t, struct program *file, char *err, size_t err_len)
{
    t->former = (struct archive){.at = t->file + t->hello.program, .left = t->hello.former, .reads = true};
    struct program *p = former_program(file, &t->former, err, err_len);
    program_put(file);
    return p;
}

/* Check the maps that came, or choose sizes for new maps in their place. Return 0, or a negative errno with one
 * line. */
static int look_at_maps(struct take *t, struct program *p, char *err, size_t err_len)
{
    if (!t->hello.in_kernel) return 0;
    if (!t->kernel.count) return kernel_passed_anew(&t->kernel, p, t->hello.slots, t->hello.bound, err, err_len);
    program_go_on(p, t->kernel.says.program);
    return kernel_passed_look(&t->kernel, p, err, err_len);
}

struct program *take_program(struct take *t)
{
    char err[600];
    uint8_t *own = malloc(t->hello.program + 1); /* a copy, because the file may change while it is read */
    if (own) memcpy(own, t->file, t->hello.program);
    snprintf(err, sizeof err, "out of memory");
    struct program *p = own ? program_load(own, t->hello.program, err, sizeof err) : NULL;
    free(own);
    if (p) program_bound(p, t->hello.flows, t->hello.half_open);
    if (p && look_at_maps(t, p, err, sizeof err)) {
        complain("--takeover: %s", err);
        program_put(p);
        return NULL;
    }
    if (p) p = with_past(t, p, err, sizeof err);
    if (!p) complain("--takeover: the running instance's program can't be used: %s", err);
    return p;
}

bool take_fits(const struct take *t, const struct carry *carry)
{
    const struct options *o = carry->o;
    const char *why = carry->worker_count == t->hello.workers ? NULL : take_workers_stay(t, carry);
    bool same = o->iface_count == t->hello.ifaces;
    int status = 0;
    for (unsigned i = 0; i < o->iface_count && same; i++) same = !strcmp(o->ifaces[i], t->hello.names[i]);
    if (!same)
        status = complain("--takeover: the running instance serves other interfaces, or in another order; give the "
                          "same interfaces in the same order, or stop prey and start it without --takeover");
    if (why)
        status =
            complain("--takeover: the running instance has %u worker%s, but this start would have %u, and %s; use "
                     "--workers %u, or stop prey and start it without --takeover",
                     t->hello.workers, t->hello.workers == 1 ? "" : "s", carry->worker_count, why, t->hello.workers);
    if (!carry->in_kernel && carry->io != (t->hello.xdp ? &io_XDP : &io_PACKET)) {
        const char *io = t->hello.xdp ? "xdp" : "packet";
        status = complain("--takeover: the running instance uses --io %s, but this start wouldn't; use --io %s, or "
                          "stop prey and start it without --takeover",
                          io, io);
    }
    if (o->record && !program_is_plain(carry->now.program))
        status = complain("--takeover: flows of previous rules are still open, and a new recording can't contain them: "
                          "leave out --record, or restart first");
    if (carry->in_kernel && !hooks_last())
        status =
            complain("--takeover: the running instance has pinned eBPF programs, but this start finds no writable "
                     "BPF file system at %s%s",
                     HOOKS_FILES,
                     hooks_hidden() ? ": `ip netns exec` hides it; to fix it, use nsenter --net=/run/netns/NAME instead"
                                    : "; to fix it, run: mount -t bpf bpf " HOOKS_FILES);
    return !status;
}

int take_devices(struct live *l)
{
    struct take *t = l->take;
    l->carry.tun.fd = t->fds[HANDOFF_TUN];
    l->carry.tun.ifindex = t->hello.tun_ifindex;
    l->carry.ports.frame_most = t->hello.frame_most;
    l->carry.ports.generic = t->hello.generic;
    const bool same = l->o->stats && !strcmp(l->o->stats, t->hello.stats);
    l->control.handed_stats = same ? t->fds[HANDOFF_STATS] : -1;
    if (!same && t->fds[HANDOFF_STATS] >= 0) close(t->fds[HANDOFF_STATS]);
    t->fds[HANDOFF_TUN] = t->fds[HANDOFF_STATS] = -1;
    for (unsigned i = YIELD_RECORD; i <= YIELD_DEAL; i += YIELD_DEAL) {
        if (t->fds[i] >= 0) close(t->fds[i]);
        t->fds[i] = -1;
    }
    take_lent_close(t);
    return take_wire(l);
}

int take_listeners(struct live *l)
{
    struct control *control = &l->control;
    control->before = before_new();
    if (!control->before) return complain("out of memory");
    if (l->take->hello.crashes) return 0;
    const int failed = proxied_part_hear(l->take->fd, &l->carry.handed, control->before);
    if (l->carry.handed) l->carry.handed->loops = l->take->hello.workers;
    return failed ? complain("--takeover: the running instance doesn't hand over its listening sockets: %s",
                             talk_failed(failed))
                  : 0;
}

static const char unread[] = "--takeover: the state of the running instance's previous programs can't be read";

int take_former(struct live *l) { return former_rest(&l->control, &l->take->former) ? 0 : complain(unread); }

int take_owners(struct live *l, const struct owners_cfg *cfg)
{
    struct ruling *now = &l->carry.now;
    return former_owners(now->program, cfg, l->take->hello.workers, &l->take->former, &now->owners) ? 0
                                                                                                    : complain(unread);
}

void take_hops(struct live *l)
{
    const struct take *t = l->take;
    struct archive a = {.at = t->file + t->hello.program + t->hello.former, .left = t->hello.hops, .reads = true};
    if (t->hello.hops) hops_archive(&l->world.hops, &a, clock_ns(CLOCK_MONOTONIC));
}

/* Take memory for the flows, and map the present pages of the file, while the other instance still judges. */
static void take_memory(struct live *l)
{
    const struct take *t = l->take;
    const uint64_t bytes = t->hello.flow_bytes;
    for (unsigned i = 0; i < l->carry.worker_count; i++) vm_ahead(l->carry.workers[i]->vm, bytes);
    madvise(t->file, t->hello.present,
            MADV_POPULATE_READ); /* since Linux 5.14; otherwise pages are mapped as they are read */
}

/* ---- MORE, ADVANCE, NOW, LUGGAGE, READY, YOURS ---- */

int take_say(const struct take *t, uint32_t word)
{
    return message_send(t->fd, &word, sizeof word, NULL, 0, take_patience());
}

/* Receive YOURS. If it is late, this side's socket is shut first: messages sent until then still count, and the
 * other side can send no more, so exactly one of the two judges. */
static int hear_yours(const struct take *t)
{
    uint32_t word = 0;
    int failed = message_word(t->fd, &word, take_patience());
    if (failed == -ETIMEDOUT && !shutdown(t->fd, SHUT_RD)) failed = message_word(t->fd, &word, take_patience());
    return failed ? failed : word == HANDOFF_YOURS ? 0 : -EPROTO;
}

static bool part_fits(const struct handoff_part *p)
{
    return p->at <= HANDOFF_FILE_MOST && p->len <= HANDOFF_FILE_MOST - p->at;
}

static struct archive part_read(const struct take *t, const struct handoff_part *p, unsigned ports)
{
    return (struct archive){.at = t->file + p->at,
                            .left = p->len,
                            .reads = true,
                            .cookies = ports,
                            .unordered = t->hello.version < RECORD_ORDERED,
                            .beside = t->kernel.count != 0,
                            .moves = t->hello.in_kernel && !t->kernel.count,
                            .late = t->hello.crashes != 0};
}

/* Read flows that come in advance, until none are left. Return 0, or a negative errno. */
static int take_advance(struct live *l)
{
    const struct take *t = l->take;
    struct handoff_advance said = {.over = 0};
    unsigned none;
    for (unsigned rounds = 0; !said.over && rounds < ADVANCES_MOST; rounds++) {
        int failed = take_say(t, HANDOFF_MORE);
        if (!failed) failed = message_receive(t->fd, &said, sizeof said, NULL, 0, &none, take_patience());
        if (failed) return failed;
        for (unsigned i = 0; i < t->hello.workers; i++) {
            struct vm *vm = take_worker(l, i)->vm;
            if (!part_fits(&said.workers[i])) return -EPROTO;
            struct archive a = part_read(t, &said.workers[i], 0);
            if (!vm_advance_read(vm, &a)) return -EBADMSG;
            if (said.round) vm_advance_check(vm);
        }
    }
    return said.over ? 0 : -ETIMEDOUT;
}

/* Read all states into workers that have no thread yet, in the newest world. */
static bool states_read(struct live *l, const struct handoff_luggage *g)
{
    struct carry *carry = &l->carry;
    struct archive a = part_read(l->take, &g->state, carry->ports.count);
    if (!part_fits(&g->state) || !luggage_archive(&l->control, &a, true) || !world_publish(&l->world, true))
        return false;
    const uint64_t now = clock_ns(CLOCK_MONOTONIC);
    for (unsigned i = 0; i < l->take->hello.workers; i++) {
        struct worker *w = take_worker(l, i);
        const uint64_t program = w->program;
        if (!part_fits(&g->workers[i])) return false;
        if (l->take->hello.crashes && !g->workers[i].len) continue; /* the worker had too many flows to keep */
        a = part_read(l->take, &g->workers[i], carry->ports.count);
        a.rest = g->rest && !a.beside;
        worker_look(w, now);
        if (!w->egress.snapshot || !worker_archive(w, &a, now)) return false;
        if (take_gives_ports(l->take) && !l->take->others && !ports_walk_state(carry, w, &a)) return false;
        if (a.moves || (a.late && !a.beside))
            vm_loosen(w->vm); /* with the kernel's state beside it, sequence numbers are up to date */
        w->program = program; /* its number in this instance's recordings */
        w->tick_ns = now;
    }
    return !l->take->others || take_workers_move(l, now);
}

/* Take over all states. Return 0, or a negative errno with one line in `err`. */
static int take_all(struct live *l, char *err, size_t err_len)
{
    struct take *t = l->take;
    struct handoff_luggage g;
    unsigned none;
    snprintf(err, err_len, "the running instance doesn't hand over");
    const bool crash = t->hello.crashes;              /* after a crash, only the last written bytes exist */
    const bool early = !crash && !l->carry.in_kernel; /* the kernel executor has no such rings */
    int failed = early ? take_ports_early(l, err, err_len) : 0;
    if (!failed && !crash) failed = take_advance(l);
    if (!failed) failed = take_say(t, HANDOFF_NOW);
    const uint64_t until_ns =
        take_patience(); /* one deadline for everything, as on the other side, where workers are paused */
    if (!failed) failed = message_receive(t->fd, &g, sizeof g, NULL, 0, &none, until_ns);
    if (!failed) failed = take_ports_hear(t, &l->carry, g.ports, until_ns);
    if (failed) return failed;
    snprintf(err, err_len, "a socket that was handed over can't be used");
    if (take_gives_ports(t) && take_ports_open(l)) return -EIO;
    snprintf(err, err_len, "the state that was handed over can't be read");
    if (!states_read(l, &g)) return -EBADMSG;
    snprintf(
        err, err_len,
        "the parent process of this preyrun is gone"); /* without the parent, this process would not judge for long */
    if (getppid() != l->tell.channel->parent) return -ESRCH;
    snprintf(err, err_len, "the running instance hasn't stopped judging packets");
    failed = take_say(t, HANDOFF_READY);
    return failed ? failed : hear_yours(t);
}

int take_over(struct live *l)
{
    char err[300];
    const bool others = l->take->hello.workers != l->carry.worker_count;
    if (others && !take_workers_make(l)) return complain("out of memory");
    take_memory(l);
    const int failed = take_all(l, err, sizeof err);
    if (failed) take_ports_leave(l);
    if (failed) return complain("--takeover: %s: %s; the running instance continues", err, talk_failed(failed));
    if (l->take->fds[YIELD_TABLES] >= 0 && l->carry.ports.owners && !l->carry.ports.dealer) {
        if (!dealt_take(&l->carry, l->take->fds[YIELD_TABLES]))
            complain("notice: out of memory: workers hand frames to each other, which is slower");
        l->take->fds[YIELD_TABLES] = -1;
    }
    dealt_begin(&l->carry);
    listeners_deal(&l->carry);
    if (others) take_workers_drain(l);
    limits_go_on(&l->control); /* the workers' threads publish their counters later */
    observed_go_on(&l->carry);
    copies_again(l->carry.copies);
    return 0;
}

/* Receive KEPT. */
static void take_kept(struct live *l)
{
    const struct take *t = l->take;
    struct handoff_kept kept = {.part.len = 0};
    unsigned none;
    const int failed = message_receive(t->fd, &kept, sizeof kept, NULL, 0, &none, take_patience());
    const bool came = !failed && kept.part.len && part_fits(&kept.part);
    struct archive a = part_read(t, &kept.part, 0);
    observed_kept(&l->carry, came ? &a : NULL);
}

void take_settle(struct live *l)
{
    char err[300];
    if (ask_TAKEN(l->tell.channel, err, sizeof err))
        complain("notice: the record of this machine's changes can't be renewed: %s", err);
    if (!l->carry.in_kernel) steered_begin(&l->carry);
    /* The other instance waits for this message, so that its control socket exists until this one's does. */
    const struct handoff_named named = {l->o->takeover_drain_ns};
    message_send(l->take->fd, &named, sizeof named, NULL, 0, take_patience());
    if (l->carry.observed_late) take_kept(l);
    if (l->take->hello.crashes)
        close(l->take->fd);
    else if (before_add(l->control.before, l->take->fd, l->take->hello.process, 0))
        complain("notice: connections that the previous process serves end now");
    l->take->fd = -1;
    listeners_handed_free(l->carry.handed);
    l->carry.handed = NULL;
    for (int i = 0; i < 2; i++)
        if (dup3(l->take->fds[YIELD_OUT + i], STDOUT_FILENO + i, 0) < 0)
            complain("notice: preyrun keeps its own standard output: %s", strerror(errno));
}
