/* Nothing changes here before the last message; until then, workers are at most held */
#include "runtime/live/control/takeover/yield.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/live/carry/change.h"
#include "runtime/live/carry/copies/copied.h"
#include "runtime/live/carry/kernel/in_kernel_pass.h"
#include "runtime/live/carry/observed.h"
#include "runtime/live/carry/proxy/inline_stack.h"
#include "runtime/live/carry/proxy/taken.h"
#include "runtime/live/carry/worker_ports.h"
#include "runtime/live/control/asked.h"
#include "runtime/live/control/questions.h"
#include "runtime/live/control/takeover/advance.h"
#include "runtime/live/control/takeover/before.h"
#include "runtime/live/control/takeover/former.h"
#include "runtime/live/control/takeover/lends.h"
#include "runtime/live/control/takeover/proxied_part.h"
#include "runtime/live/control/takeover/said.h"
#include "runtime/live/control/takeover/yield_kernel.h"
#include "runtime/live/control/trace/onlookers.h"
#include "runtime/live/rules/members/members.h"
#include "runtime/live/tell/log.h"
#include "runtime/live/world/world.h"
#include "runtime/parent/between/channel.h"
#include "runtime/stats/web.h"
#include "vm/keyed/keyed.h"
#include "vm/vm.h"

#define NAMED_NS UINT64_C(1000000000)
#define REST_NS  2000000 /* between two looks for a moment without exchanges in progress */
enum { WINDOW = 4 << 20 /* bytes of the file for flows handed over in advance */ };

struct yield {
    int fd; /* socket to the other process */
    uint64_t until_ns;
    uint64_t deadline;     /* deadline for messages (channel_until) */
    pid_t to;              /* process that takes over; 0: it has not sent BEGIN */
    struct said_file text; /* the file in memory */
    uint64_t program;      /* serial of HELLO's program */
    uint64_t end;          /* end of LUGGAGE in the file */
    struct handoff_part window;
    struct advance advance;
    uint64_t drain_ns; /* longest time for sessions after another process judges; 0: unlimited */
    bool parted;       /* PARTS was answered */
    bool whole;        /* the contents of maps in the kernel are handed over, because the maps are not */
    bool over;
};

/* ---- state that is not handed over ---- */

bool yield_lacks(const struct control *control, char *words, size_t len)
{
    const struct carry *carry = control->carry;
    if (!change_settled(carry) || control->rules->reload) {
        snprintf(words, len, "a reload is in progress, and must finish first");
        return true;
    }
    const char *all[] = {ports_stay(carry), former_lacks(control), proxied_part_lacks(control), copied_stay(carry)};
    size_t used = 0;
    bool any = false;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (all[i] && used < len)
            used += (size_t)snprintf(words + used, len - used, "%s%s", any ? "; and " : "", all[i]);
        any |= all[i] != NULL;
    }
    return any;
}

void asked_TAKEOVER(void *with, struct call *c)
{
    struct control *control = with;
    char lacks[1000];
    if (yield_lacks(control, lacks, sizeof lacks)) {
        call_end(c, 2, "%s; a restart of prey works, but ends its flows", lacks);
        return;
    }
    if (!call_has_fd(c)) {
        cJSON *o = cJSON_CreateObject();
        cJSON_AddNumberToObject(o, "process", control->tell->channel->parent);
        call_document(c, o);
        cJSON_Delete(o);
        call_end(c, 0, "%s", "");
        return;
    }
    if (yield_waits(control)) {
        call_end(c, 2, "another process is already taking over");
        return;
    }
    struct yield *y = calloc(1, sizeof *y);
    if (!y) {
        call_end(c, 2, "out of memory");
        return;
    }
    *y = (struct yield){.fd = call_take_fd(c), .until_ns = clock_ns(CLOCK_MONOTONIC) + HANDOFF_PATIENCE_NS};
    control->yield = y;
    call_end(c, 0, "%s", "");
}

/* ---- messages ---- */

static int hear(const struct yield *y, void *what, size_t len, int *fd)
{
    unsigned count;
    return message_receive(y->fd, what, len, fd, fd ? 1 : 0, &count, y->deadline);
}

static int say(const struct yield *y, const void *what, size_t len, const int fds[], unsigned count)
{
    return message_send(y->fd, what, len, fds, count, y->deadline);
}

static int hear_word(const struct yield *y, uint32_t wanted)
{
    uint32_t word;
    const int failed = message_word(y->fd, &word, y->deadline);
    return failed ? failed : word == wanted ? 0 : -EPROTO;
}

/* ---- HELLO ---- */

static bool file_map(struct yield *y, int fd, uint64_t len)
{
    struct stat st;
    const bool fits = fd >= 0 && !fstat(fd, &st) && len && len <= HANDOFF_FILE_MOST && (uint64_t)st.st_size >= len;
    void *at = fits ? mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0) : MAP_FAILED;
    if (fd >= 0) close(fd);
    if (at == MAP_FAILED) return false;
    y->text = (struct said_file){at, len, 0};
    return true;
}

/* Allocate memory for the state that is written while workers are paused; flows were handed over in advance by then. */
static void hello_memory(const struct control *control, struct handoff_hello *h)
{
    struct yield *y = control->yield;
    const struct carry *carry = control->carry;
    enum { PAGE = 4096, MORE = 4 << 20 };
    for (unsigned i = 0; i < carry->worker_count; i++) {
        worker_hold(carry->workers[i]);
        const uint64_t bytes = vm_flow_bytes(carry->workers[i]->vm);
        worker_release(carry->workers[i]);
        if (bytes > h->flow_bytes) h->flow_bytes = bytes;
    }
    y->window.at = (y->text.used + PAGE) / PAGE * PAGE;
    y->window.len = y->window.at + WINDOW <= y->text.len / 2 ? WINDOW : 0;
    y->text.used = y->window.at + y->window.len;
    const uint64_t present = (y->text.used + MORE + yield_kernel_bytes(control)) / PAGE * PAGE;
    h->present = madvise(y->text.at, present, MADV_POPULATE_WRITE) ? 0 : present; /* since Linux 5.14 */
}

/* Descriptors that the other process gets: the parent's, which this process closes again, then its own. */
struct lent {
    int fds[HANDOFF_FDS];
    unsigned count, owned;
};

static void hello_descriptors(struct control *control, struct handoff_hello *h, struct lent *lent)
{
    const struct carry *carry = control->carry;
    const int got = ask_YIELD(control->tell->channel, lent->fds, h->refused, sizeof h->refused);
    lent->owned = lent->count = got > 0 ? (unsigned)got : 0;
    for (unsigned i = 0; i < lent->count; i++) h->has |= 1u << i;
    if (carry->tun.fd >= 0) {
        h->has |= 1u << HANDOFF_TUN;
        lent->fds[lent->count++] = carry->tun.fd;
    }
    const int stats = control->web ? web_listener(control->web) : -1;
    if (stats >= 0) {
        h->has |= 1u << HANDOFF_STATS;
        lent->fds[lent->count++] = stats;
    }
}

/* Return the newest version of the messages that both know; 0 if they share none, which one line reports. */
static uint32_t form_of(const struct handoff_begin *b, char *line, size_t line_len)
{
    const uint32_t form = b->form < HANDOFF_FORM ? b->form : HANDOFF_FORM;
    if (form >= HANDOFF_FORM_LEAST && form >= b->form_least) return form;
    snprintf(line, line_len,
             "the running instance hands over in formats %d to %d, but the new version takes over in formats %u to %u; "
             "a restart of prey works, but ends its flows",
             HANDOFF_FORM_LEAST, HANDOFF_FORM, b->form_least, b->form);
    return 0;
}

static int hello(struct control *control)
{
    struct yield *y = control->yield;
    struct handoff_begin b;
    struct lent lent = {.count = 0};
    char forms[200];
    struct handoff_hello *h = calloc(1, sizeof *h);
    int fd = -1;
    int failed = h ? hear(y, &b, sizeof b, &fd) : -ENOMEM;
    if (failed && fd >= 0) close(fd);
    const bool mapped = !failed && file_map(y, fd, b.file);
    if (!failed && (b.magic != HANDOFF_MAGIC || b.process <= 0 || !mapped)) failed = -EPROTO;
    if (failed) {
        free(h);
        return failed;
    }
    y->drain_ns = b.drain_ns;
    char words[sizeof h->refused];
    const char *lacks = yield_lacks(control, words, sizeof words) ? words : NULL;
    hello_of(control, h);
    h->form = form_of(&b, forms, sizeof forms);
    if (!h->form) lacks = forms;
    if (!lacks) yield_kernel_hello(control, &b, h, &lacks);
    if (lacks) snprintf(h->refused, sizeof h->refused, "%s", lacks);
    y->whole = h->in_kernel && !h->kernel;
    if (!lacks && !hello_program(control, h, &y->text)) snprintf(h->refused, sizeof h->refused, "out of memory");
    if (!lacks) hello_memory(control, h);
    if (!*h->refused) hello_descriptors(control, h, &lent);
    failed = say(y, h, sizeof *h, lent.fds, lent.count);
    if (!failed) failed = yield_kernel_say(control, h, y->fd, y->deadline);
    y->program = control->carry->now.program->serial;
    for (unsigned i = 0; i < lent.owned; i++) close(lent.fds[i]);
    y->to = b.process;
    if (!failed && *h->refused) failed = -ECANCELED;
    if (!failed) failed = lends_say(control->carry, y->fd, y->deadline);
    free(h);
    return failed;
}

/* ---- LUGGAGE ---- */

/* early: while the worker runs, so that the taker can map rings; ports that can't be opened in advance are left out */
static int say_port(const struct yield *y, const struct carry *carry, unsigned worker, unsigned at, bool early)
{
    struct worker *w = carry->workers[worker];
    const struct port *p = &w->ports[at];
    struct io_made made = {0};
    if (early) worker_hold(w);
    const int failed = early && !p->ops->resume ? 0 : ports_hand(carry, w, at, &made);
    if (early) worker_release(w);
    const struct handoff_port m = {.worker = worker,
                                   .at = at,
                                   .fds = made.fd_count,
                                   .slots = made.slots,
                                   .ring = made.ring,
                                   .handed = made.handed};
    return failed && !early ? failed : say(y, &m, sizeof m, made.fds, made.fd_count);
}

static int say_ports(const struct yield *y, const struct carry *carry, bool early)
{
    int failed = 0;
    for (unsigned i = 0; i < carry->worker_count; i++)
        for (unsigned at = 0; at < carry->ports.count && !failed; at++) {
            failed = say_port(y, carry, i, at, early);
        }
    return failed;
}

/* Send YOURS. The parent is told before that to undo nothing: if this process ended between the two, its parent
 * would undo settings that the other process needs. */
static int say_yours(const struct control *control)
{
    const struct yield *y = control->yield;
    struct channel *parent = control->tell->channel;
    const uint32_t yours = HANDOFF_YOURS;
    char err[300];
    int failed = ask_YIELDED(parent, &(struct request_process){y->to}, err, sizeof err);
    if (failed) return failed;
    failed = say(y, &yours, sizeof yours, NULL, 0);
    if (failed && ask_YIELDED(parent, &(struct request_process){0}, err, sizeof err))
        tell_fault(control->tell, "%s", err);
    return failed;
}

/* Hand over while all workers are held. Return 0 once the other process judges, or a negative errno. */
static int hand_over(struct control *control)
{
    struct yield *y = control->yield;
    const struct carry *carry = control->carry;
    struct handoff_luggage l = {.ports = y->whole ? 0 : carry->worker_count * carry->ports.count,
                                .rest = advance_counts(&y->advance, carry),
                                .whole = y->whole};
    struct archive a;
    if (!luggage_write(control, &l, &y->text, true, &a) || !luggage_write_workers(control, &l, &y->text, true, &a))
        return -EBUSY;
    const struct handoff_part *last = &l.workers[carry->worker_count - 1];
    y->end = last->at + last->len;
    int failed = say(y, &l, sizeof l, NULL, 0);
    if (!failed && l.ports) failed = say_ports(y, carry, false);
    if (!failed) failed = hear_word(y, HANDOFF_READY);
    return failed ? failed : say_yours(control);
}

/* Give the requested state while workers judge. Return 0, or a negative errno. */
static int say_ahead(struct control *control, uint32_t word)
{
    struct yield *y = control->yield;
    const struct carry *carry = control->carry;
    const struct handoff_early early = {carry->worker_count * carry->ports.count};
    if (word == HANDOFF_MORE) {
        struct handoff_advance said;
        advance_some(&y->advance, carry, y->text.at, &y->window, &said);
        return say(y, &said, sizeof said, NULL, 0);
    }
    const int failed = word == HANDOFF_EARLY ? say(y, &early, sizeof early, NULL, 0) : -EPROTO;
    return failed ? failed : say_ports(y, carry, true);
}

/* Send the state of observed connections that was late: the other process judges, and its thread waits for this. */
static void say_kept(struct control *control)
{
    const struct yield *y = control->yield;
    struct archive a = {.at = y->text.at + y->end, .left = y->text.len - y->end};
    const bool whole = observed_keep(control->carry, &a);
    const struct handoff_kept kept = {{y->end, whole ? (uint64_t)(a.at - y->text.at) - y->end : 0}};
    message_send(y->fd, &kept, sizeof kept, NULL, 0, channel_until(NAMED_NS));
}

static bool all_rest(const struct carry *carry)
{
    bool rest = true;
    for (unsigned i = 0; i < carry->worker_count; i++) rest &= vm_rests(carry->workers[i]->vm);
    return rest;
}

/* Hold all workers while no connection is about to leave its sockets. New tries are postponed; those under way end
 * within 200 ms (vm/forward/inline/). False if some go on; the workers are held anyway. */
static bool hold_at_rest(const struct carry *carry)
{
    enum { TURNS = 150 };
    inline_stack_still(carry, true);
    for (unsigned turn = 0;; turn++) {
        const bool held = hold_all(carry), rests = held && all_rest(carry);
        if (rests || !held || turn == TURNS) return rests;
        release_all(carry);
        nanosleep(&(struct timespec){.tv_nsec = REST_NS}, NULL);
    }
}

/* Hand over everything that the other process requested with NOW. True: it judges. */
static bool let_go(struct control *control)
{
    struct yield *y = control->yield;
    const struct carry *carry = control->carry;
    const bool same = y->program == carry->now.program->serial; /* false: the program was reloaded since HELLO */
    if (carry->in_kernel && !world_read(control->world))
        return false; /* recipes are valid only for the present facts */
    int failed = yield_lacks(control, NULL, 0) || !same ? -EBUSY : 0;
    if (!failed) observed_ahead(carry);
    if (!failed) copied_ahead(carry);
    if (!failed) members_notes_ahead(control->rules);
    if (!failed && !hold_at_rest(carry)) failed = -EBUSY;
    for (unsigned i = 0; i < carry->worker_count && !failed; i++) vm_inline_leave_kernel(carry->workers[i]->vm);
    if (!failed) before_tell(control);
    y->deadline = channel_until(HANDOFF_PATIENCE_NS); /* for all following messages, because workers are paused */
    if (!failed) failed = hand_over(control);
    members_notes_free(control->rules);
    y->over = !failed;
    if (failed) {
        inline_stack_still(carry, false);
        release_all(carry);
        taken_return(carry);
        return false;
    }
    struct handoff_named named = {0};
    dealt_leave(control->carry);
    if (!taken_leave(carry)) tell_fault(control->tell, "a proxy thread doesn't release its listeners");
    y->deadline = channel_until(NAMED_NS);
    if (!hear(y, &named, sizeof named, NULL)) y->drain_ns = named.drain_ns;
    if (carry->observed_late) say_kept(control);
    onlookers_leave(control, (long)y->to);
    asked_flush(control);
    return true;
}

/* ---- the main thread's steps ---- */

int yield_fd(const struct control *control) { return control->yield ? control->yield->fd : -1; }

uint64_t yield_due_ns(const struct control *control) { return control->yield ? control->yield->until_ns : UINT64_MAX; }

bool yield_is_over(const struct control *control) { return control->yield && control->yield->over; }
long yield_process(const struct control *control) { return (long)control->yield->to; }
uint64_t yield_drain_ns(const struct control *control) { return control->yield->drain_ns; }
bool yield_waits(const struct control *control) { return control->yield; }

void yield_fini(struct control *control)
{
    struct yield *y = control->yield;
    if (!y) return;
    if (y->text.at) munmap(y->text.at, y->text.len);
    close(y->fd);
    free(y);
    control->yield = NULL;
}

/* Continue as if no process had asked to take over. */
static void yield_give_up(struct control *control, const char *why)
{
    events_tell(&control->tell->events, TOLD_FAULT, "process %ld doesn't take over: %s; the old process keeps running",
                (long)control->yield->to, why);
    advance_end(&control->yield->advance, control->carry);
    yield_fini(control);
}

/* Read the messages between HELLO and NOW. Return 0 at NOW; -EAGAIN if more follow. */
static int hear_next(struct control *control)
{
    struct yield *y = control->yield;
    uint32_t word;
    int failed = hear(y, &word, sizeof word, NULL);
    if (failed || word == HANDOFF_NOW) return failed;
    if (word & MESSAGE_NOTICE) return -EAGAIN;
    if (word == HANDOFF_PARTS && !y->parted) {
        y->parted = true;
        failed = yield_lacks(control, NULL, 0) ? -EBUSY : proxied_part_say(control, y->fd, y->deadline);
    } else {
        failed = say_ahead(control, word);
    }
    return failed ? failed : -EAGAIN;
}

bool yield_step(struct control *control, uint64_t now_ns)
{
    struct yield *y = control->yield;
    if (!y || y->over) return yield_is_over(control);
    struct pollfd p = {.fd = y->fd, .events = POLLIN};
    if (poll(&p, 1, 0) <= 0) {
        if (now_ns >= y->until_ns) yield_give_up(control, "it took too long");
        return false;
    }
    if (!y->to) {
        y->deadline = channel_until(HANDOFF_PATIENCE_NS);
        const int failed = hello(control);
        y->until_ns =
            clock_ns(CLOCK_MONOTONIC) +
            12 * HANDOFF_PATIENCE_NS; /* meanwhile, the other process looks at the host and reads its program */
        if (failed == -ECANCELED)
            yield_fini(control);
        else if (failed)
            yield_give_up(control, strerror(-failed));
        return false;
    }
    y->deadline = channel_until(HANDOFF_PATIENCE_NS);
    const int failed = hear_next(control);
    if (failed == -EAGAIN) return false;
    if (!failed && let_go(control)) return true;
    yield_give_up(control, failed == -ENODATA ? "it has ended" : failed ? strerror(-failed) : "it wasn't ready");
    return false;
}
