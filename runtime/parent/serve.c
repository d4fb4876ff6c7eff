/* Loop of the parent: requests, signals, the child's end */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/host/file/control.h"
#include "runtime/host/guard/guard.h"
#include "runtime/host/guard/served.h"
#include "runtime/host/hook/across.h"
#include "runtime/host/manager.h"
#include "runtime/io/steer/deal.h"
#include "runtime/io/steer/gate.h"
#include "runtime/io/steer/steer.h"
#include "runtime/parent/between/channel.h"
#include "runtime/parent/between/last.h"
#include "runtime/parent/crash.h"
#include "runtime/parent/interrupted/resets.h"
#include "runtime/parent/keeper.h"
#include "runtime/parent/parent_priv.h"

enum {
    END_MS = 30000,  /* longest time for the service to end once asked */
    KEEP_MS = 20000, /* longest time for the service to answer if it can be kept */
    NAMED_MS = 5000, /* longest time for the process that the manager has started to name this one, and end */
    UNCONFIRMED = 1  /* the service's exit status after a start that was not confirmed */
};
#define NS_PER_MS UINT64_C(1000000)

/* Return the time for a complete request to arrive, and for its answer to be taken; longer for large requests */
static uint64_t patience_ns(size_t bytes) { return 5000 * NS_PER_MS + bytes * 64; }

static void say_line(void *arg, const char *line) { complain("%s", line); }

static void say_nothing(void *arg, const char *line) {}

static int signals_open(struct parent *p)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2); /* the service's signal, which asks if it can be kept */
    sigaddset(&set, SIGCHLD);
    if (sigprocmask(SIG_BLOCK, &set, NULL)) return -errno;
    p->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return p->signal_fd < 0 ? -errno : 0;
}

/* In the child: free the parent's state. The parent keeps the lock on the state file. */
static void child_begins(struct parent *p)
{
    state_leave(p->state);
    close(p->fd);
    close(p->signal_fd);
    access_logs_free(p->access_logs);
    stream_dirs_free(p->streams);
    middle_sockets_free(p->middle_sockets);
    past_files_free(p->past_files);
    io_maker_fini(&p->maker); /* it may hold descriptors of the former instance */
    lent_fini(p);
    if (p->heir >= 0) close(p->heir);
    starter_leave(&p->starter);
    starter_said(NULL);
    free(p->shut);
    free(p);
}

static struct channel *channel_new(void)
{
    struct channel *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    *c = (struct channel){.fd = -1, .parent = getpid(), .user = getuid()};
    pthread_mutex_init(&c->lock, NULL);
    return c;
}

/* Fork the service; sets *c in the child */
static int fork_child(struct parent *p, struct channel **c)
{
    int fds[2];
    int failed = signals_open(p);
    if (!failed && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds)) failed = -errno;
    if (failed) return failed;
    struct channel *own = channel_new();
    p->fd = fds[0];
    fflush(NULL); /* otherwise the child writes buffered output again */
    if (own) p->child = fork();
    failed = !own ? -ENOMEM : p->child < 0 ? -errno : 0;
    if (!failed && !p->child) {
        own->fd = fds[1];
        child_begins(p);
        *c = own;
        return 0;
    }
    free(own);
    close(fds[1]);
    return failed;
}

/* Detach the steering programs whose frames no process takes. */
static void take_off(struct parent *p)
{
    for (unsigned i = 0; i < IO_PORTS_MOST; i++) {
        steer_close(p->maker.steers[i]);
        p->maker.steers[i] = NULL;
    }
}

/* True if another instance has the record of changes, and undoes them at its end. */
static bool is_anothers(const struct parent *p) { return p->borrows || p->yielded; }

static void parent_free(struct parent *p)
{
    take_off(p);
    parent_kernel_fini(p);
    lent_fini(p);
    gate_close(p->maker.gate);
    io_maker_fini(&p->maker);
    resolver_free(p->resolver);
    dns_end(&p->dns);
    aside_free(p->check_stack);
    aside_free(p->inline_stack);
    if (p->fd >= 0) close(p->fd);
    if (p->signal_fd >= 0) close(p->signal_fd);
    if (p->recordings >= 0) close(p->recordings);
    access_logs_free(p->access_logs);
    stream_dirs_free(p->streams);
    middle_sockets_free(p->middle_sockets);
    past_files_free(p->past_files);
    starter_leave(&p->starter);
    if (p->state && p->borrows) control_leave_next(p->state, p->o->control);
    if (p->state && is_anothers(p))
        state_leave(p->state);
    else
        state_close(p->state);
    for (unsigned i = 0; i < 2; i++)
        if (p->streams_taken[i] >= 0) close(p->streams_taken[i]);
    if (p->heir >= 0) close(p->heir);
    if (p->child_fd >= 0) close(p->child_fd);
    free(p->shut);
    free(p);
}

static void undo(struct parent *p, enum state_end end)
{
    if (is_anothers(p)) return;
    if (state_undo(p->state, end, say_nothing, NULL)) state_undo(p->state, end, say_line, NULL);
}

static struct parent *parent_new(const struct options *o)
{
    char folder[4096];
    struct parent *p = calloc(1, sizeof *p);
    if (!p) return NULL;
    *p = (struct parent){.o = o,
                         .fd = -1,
                         .signal_fd = -1,
                         .dns = {-1, -1},
                         .recordings = -1,
                         .starter.fd = -1,
                         .streams_taken = {-1, -1},
                         .heir = -1,
                         .child_fd = -1,
                         .kept_end = -1};
    const char *program = strcmp(o->program, "-") != 0 ? o->program : NULL;
    p->access_logs = access_logs_new(program, o->access_logs);
    p->middle_sockets = middle_sockets_new(program);
    p->streams = stream_dirs_new();
    p->past_files = past_files_new(manager_history(o->name, folder, sizeof folder));
    if (p->access_logs && p->middle_sockets && p->streams && p->past_files) return p;
    parent_free(p);
    return NULL;
}

/* Take the instance's name with the remains of a dead instance, as in `handed`. Return 0, or the exit status. */
static int name_take(const struct options *o, const struct state_handed *handed, struct parent **made)
{
    char err[400];
    struct parent *p = parent_new(o);
    *made = NULL;
    if (!p) return complain("out of memory");
    p->state = state_open(STATE_RUN, o->name, handed, say_line, NULL, err, sizeof err);
    const int failed = p->state ? served_reserve(p->state, o->ifaces, o->iface_count, err, sizeof err) : -EBUSY;
    if (!failed) {
        *made = p;
        return 0;
    }
    complain("%s", err);
    if (failed == -EADDRINUSE && handed->closed) {
        *made = p;
        return 2;
    }
    if (p->state) undo(p, handed->closed ? STATE_CLOSED : STATE_HANDED);
    parent_free(p);
    return 2;
}

int parent_take(const struct options *o, struct parent **made)
{
    const char *what[OPTIONS_IFACES + 1];
    char table[GUARD_TABLE_MOST];
    guard_table_name(o->name, table);
    for (unsigned i = 0; i < o->iface_count; i++) what[i] = o->ifaces[i];
    what[o->iface_count] = table;
    return name_take(o, &(struct state_handed){what, o->iface_count + 1, true}, made);
}

static int duplicate(int fd) { return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0); }

struct parent *parent_take_over(const struct options *o, const int fds[YIELD_FDS])
{
    struct parent *p = parent_new(o);
    if (p) p->state = state_share(STATE_RUN, o->name, duplicate(fds[YIELD_RECORD]));
    if (!p || !p->state) {
        complain(p ? "--takeover: the running instance handed over another record of changes than this start has"
                   : "out of memory");
        if (p) parent_free(p);
        return NULL;
    }
    p->borrows = p->guarded = true;
    for (unsigned i = 0; i < 2; i++) p->streams_taken[i] = duplicate(fds[YIELD_OUT + i]);
    if (fds[YIELD_DEAL] >= 0) p->maker.deal = deal_adopt(duplicate(fds[YIELD_DEAL]), duplicate(fds[YIELD_TABLES]));
    p->maker.deal_asked = p->maker.deal;
    return p;
}

bool parent_is_guarded(const struct parent *p)
{
    char table[GUARD_TABLE_MOST];
    guard_table_name(p->o->name, table);
    return state_noted(p->state, CHANGE_GUARD, table, "", "");
}

/* Shut devices, except those whose name nftables can't express, which are reported. Return 0, or the exit status. */
static int shut_named(const struct options *o, struct state *s, const struct guard_shut *shut, unsigned count)
{
    char err[400];
    const char *ports[OPTIONS_IFACES], *bridged[OPTIONS_IFACES];
    struct guard_shut *named = calloc(count + 1, sizeof *named);
    struct guard g = {.ports = ports, .bridged = bridged, .shut = named};
    if (!named) return complain("out of memory");
    for (unsigned i = 0; i < o->iface_count; i++) {
        if (!guard_names(o->ifaces[i])) {
            complain("%s: guard rules can't name this interface, so it stays open", o->ifaces[i]);
            continue;
        }
        ports[g.port_count++] = o->ifaces[i];
        if (o->peer[i] != OPTIONS_NO_PEER) bridged[g.bridged_count++] = o->ifaces[i];
    }
    for (unsigned i = 0; i < count; i++)
        if (guard_shut_valid(&shut[i]) && (guard_names(shut[i].device) || !options_serve(o, shut[i].device)))
            named[g.shut_count++] = shut[i];
    const int failed = guard_set(s, o->name, &g, err, sizeof err);
    free(named);
    return failed ? complain("%s", err) : 0;
}

int parent_shut(struct parent *p, const struct guard_shut *shut, unsigned count)
{
    const int status = shut_named(p->o, p->state, shut, count);
    p->unshut = status;
    p->guarded |= !status;
    return status;
}

void parent_shut_unrecorded(const struct options *o, const struct guard_shut *shut, unsigned count)
{
    char table[GUARD_TABLE_MOST];
    guard_table_name(o->name, table);
    if (shut_named(o, NULL, shut, count)) return;
    complain(
        "the interfaces of -i are shut, but preyrun couldn't note that in /run, so --cleanup can't open them; to open "
        "them, run: nft delete table inet %s; nft delete table netdev %s",
        table, table);
}

void parent_drop_judges(struct parent *p) { hooks_drop(p->state); }

/* Report that the end was closed, and how to open it. */
static void say_closed(const struct parent *p)
{
    if (is_anothers(p)) return;
    if (p->unshut) complain("the interfaces of -i aren't shut: fix the errors above, and start again");
    if (p->unshut || !parent_is_guarded(p)) return;
    complain("the interfaces of -i are shut to unjudged packets (--on-exit closed); to open them, run: "
             "preyrun --cleanup --name %s",
             p->o->name);
}

void parent_refuse(struct parent *p)
{
    undo(p, STATE_CLOSED);
    say_closed(p);
    parent_free(p);
}

void parent_undo(struct parent *p)
{
    undo(p, STATE_OPEN);
    parent_free(p);
}

int parent_begin(const struct options *o, bool in_kernel, struct parent **made, struct channel **c)
{
    *c = NULL;
    struct parent *p = *made;
    const bool closed = p || o->on_exit == OPTIONS_END_CLOSED;
    const struct state_handed handed = {o->ifaces, in_kernel ? o->iface_count : 0, false};
    /* An owner may have ended since start_shut: devices that it left shut stay shut. */
    const int status = p ? 0 : closed ? parent_take(o, &p) : name_take(o, &handed, &p);
    *made = NULL;
    if (status && p) parent_refuse(p);
    if (status) return status;
    p->in_kernel = in_kernel;
    const int failed = fork_child(p, c);
    if (!failed && !*c) {
        *made = p;
        if (!p->borrows) resets_end(o->name);
        if (!p->borrows) state_works(p->state, p->child);
    }
    if (!failed) return 0;
    complain("preyrun can't start its child process: %s", strerror(-failed));
    if (closed) {
        parent_refuse(p);
    } else {
        undo(p, STATE_HANDED);
        parent_free(p);
    }
    return 2;
}

void parent_knows_log(struct parent *p, const char *path) { access_logs_know(p->access_logs, path); }
void parent_knows_middle(struct parent *p, const char *path) { middle_sockets_know(p->middle_sockets, path); }
void parent_knows_tuples(struct parent *p, const struct tuples *tuples) { p->tuples = tuples; }
void parent_knows_kernel(struct parent *p, struct loaded *l, uint32_t by_tc)
{
    p->by_tc = by_tc;
    p->loaded = *l;
    *l = (struct loaded){0};
}
void parent_knows_starter(struct parent *p, const struct starter *s) { p->starter = *s; }
void parent_knows_last(struct parent *p, struct last *last, uint32_t crashes)
{
    p->last = last;
    p->crashes = crashes;
}
void parent_told_gate(struct parent *p) { p->told_gate = true; }

/* Receive body and elements into one block, which the caller frees. NULL: out of memory, or the request is
 * incomplete. */
static void *receive(int fd, const struct request_row *b, const struct request_head *head, size_t *elements_at)
{
    unsigned none;
    const uint64_t until_ns = channel_until(patience_ns(b->each * head->count));
    *elements_at = (b->body + 15) / 16 * 16;
    char *block = calloc(1, *elements_at + b->each * head->count + 16);
    if (!block) return NULL;
    int failed = channel_receive(fd, block, b->body, NULL, 0, &none, until_ns);
    if (!failed && head->count)
        failed = channel_receive(fd, block + *elements_at, b->each * head->count, NULL, 0, &none, until_ns);
    if (!failed) return block;
    free(block);
    return NULL;
}

static int answer_send(const struct parent *p, struct answer *a, const int fds[])
{
    const int failed = channel_send(p->fd, a, sizeof *a, fds, a->fd_count, channel_until(patience_ns(0)));
    for (unsigned i = 0; i < a->fd_count; i++) close(fds[i]);
    return failed;
}

/* Note that the service ended before it could send YOURS: no process takes over, and the record stays here. */
static void yield_not(struct parent *p)
{
    p->yielded = false;
    manager_main(getpid());
}

/* Serve one request. Return 0, -ENODATA if the service has ended, -EPROTO for a request that is not in the table. */
static int serve_one(struct parent *p)
{
    struct request_head head;
    struct answer a = {0};
    int fds[IO_FDS_MOST];
    unsigned none;
    size_t at;
    const int failed = channel_receive(p->fd, &head, sizeof head, NULL, 0, &none, channel_until(patience_ns(0)));
    if (failed) return failed == -ENODATA ? failed : -EPROTO;
    if (head.kind >= REQUEST_COUNT || head.count > request_rows[head.kind].most) return -EPROTO;
    char *block = receive(p->fd, &request_rows[head.kind], &head, &at);
    if (!block) return -EPROTO;
    const struct request r = {block, block + at, head.count};
    const bool granted = grant(p, head.kind, &r, &a, fds);
    free(block);
    if (!granted) return -EPROTO;
    const int sent = request_rows[head.kind].answered ? answer_send(p, &a, fds) : 0;
    if (sent && head.kind == REQUEST_YIELDED) yield_not(p);
    return sent == -ENODATA || !sent ? sent : -EPROTO;
}

/* The manager ends this process: if a start follows, ask the service if it can be kept. False: it must end. */
static bool ask_to_keep(struct parent *p)
{
    if (!keeper_wanted(p)) return false;
    p->keep_until_ns = channel_until(KEEP_MS * NS_PER_MS);
    parent_signal(p, SIGUSR2);
    return true;
}

/* Forward signals to the child. True if the child has ended. */
static bool signalled(struct parent *p, bool *ending, int *status)
{
    struct signalfd_siginfo s;
    while (read(p->signal_fd, &s, sizeof s) == sizeof s) {
        if (s.ssi_signo == SIGCHLD) {
            if (!p->keeps && waitpid(p->child, status, WNOHANG) == p->child) return true;
            continue;
        }
        if (s.ssi_signo == SIGUSR2 || (s.ssi_signo == SIGTERM && !*ending && !p->keep_until_ns && ask_to_keep(p)))
            continue;
        parent_signal(p, (int)s.ssi_signo);
        p->ended |= s.ssi_signo == SIGTERM || s.ssi_signo == SIGINT;
        *ending |= p->ended;
    }
    return false;
}

static int sooner(int ms, int other) { return ms < 0 || (other >= 0 && other < ms) ? other : ms; }

static int left_ms(uint64_t until_ns)
{
    const uint64_t now = channel_until(0);
    return now < until_ns ? (int)((until_ns - now) / NS_PER_MS + 1) : 0;
}

/* Return the timeout for poll. *ends_ns: deadline of the end, 0: not set yet. Later requests do not postpone it. */
static int wait_ms(const struct parent *p, bool ending, uint64_t *ends_ns)
{
    if (!ending) return sooner(keeper_wait_ms(p), p->keep_until_ns && !p->keeps ? left_ms(p->keep_until_ns) : -1);
    if (!*ends_ns) *ends_ns = channel_until(END_MS * NS_PER_MS);
    return left_ms(*ends_ns);
}

/* Handle ends that the service did not choose: true if it has been asked to end. */
static bool asked_to_end(struct parent *p, const struct pollfd *kept, const struct pollfd *heir)
{
    bool ends = keeper_step(p, kept->revents);
    if (p->keep_until_ns && !p->keeps && !left_ms(p->keep_until_ns)) {
        p->keep_until_ns = 0;
        ends = true;
    }
    if (p->heir >= 0 && heir->revents) {
        complain("the process that the service manager started is gone, so preyrun ends");
        close(p->heir);
        p->heir = -1;
        ends = true;
    }
    if (ends) parent_signal(p, SIGTERM);
    p->ended |= ends;
    return ends;
}

/* Serve the requests of the channel. False if it is closed. */
static bool serve_ready(struct parent *p)
{
    const int failed = serve_one(p);
    if (failed == -EPROTO) {
        parent_signal(p, SIGKILL);
        complain("internal error: the service made a request that isn't in the table, and is killed; please report "
                 "this with the rules");
        p->broke = true;
    }
    return !failed;
}

/* Return the child's status in the form of waitpid */
static int serve(struct parent *p)
{
    enum { SIGNALS, CHANNEL, KEPT, CHILD, HEIR, COUNT };
    bool ending = false, hung_up = false;
    uint64_t ends_ns = 0;
    int status;
    for (;;) {
        struct pollfd fds[COUNT] = {
            [SIGNALS] = {.fd = p->signal_fd, .events = POLLIN},
            [CHANNEL] = {.fd = hung_up ? -1 : p->fd, .events = POLLIN},
            [KEPT] = {.fd = p->keeps && !p->kept_over && !p->yielded ? p->kept_end : -1, .events = POLLIN},
            [CHILD] = {.fd = p->child_fd, .events = POLLIN},
            [HEIR] = {.fd = p->heir, .events = POLLIN}};
        const int most_ms = wait_ms(p, ending, &ends_ns);
        if (poll(fds, COUNT, most_ms) < 0) continue;
        if (ending && most_ms == 0) {
            parent_signal(p, SIGKILL);
            complain("the service didn't end within %d s, and is killed", END_MS / 1000);
            ends_ns = 0;
            hung_up = true;
        }
        if (fds[SIGNALS].revents && signalled(p, &ending, &status)) return status;
        if (!ending) ending = asked_to_end(p, &fds[KEPT], &fds[HEIR]);
        if (fds[CHANNEL].revents && !hung_up) hung_up = !serve_ready(p);
        ending |= hung_up;
        if (fds[CHILD].revents && keeper_child_ended(p, &status)) return status;
    }
}

void parent_is_heir(struct parent *p, int fd) { p->heir = fd; }

void parent_named(struct parent *p)
{
    char word = 'r';
    if (p->heir < 0) return;
    struct pollfd gone = {.fd = p->heir, .events = POLLIN};
    if (send(p->heir, &word, 1, MSG_NOSIGNAL) == 1) poll(&gone, 1, NAMED_MS);
    close(p->heir);
    p->heir = -1;
}

/* Make each port's frames leave by its peer, unjudged. Return 0, or the exit status. */
static int leave_open(struct parent *p)
{
    const struct options *o = p->o;
    char err[300];
    for (unsigned i = 0; i < o->iface_count; i++) {
        if (o->peer[i] == OPTIONS_NO_PEER) continue;
        if (across_set(p->state, o->ifaces[i], o->ifaces[o->peer[i]], err, sizeof err)) return complain("%s", err);
    }
    return 0;
}

/* Undo the changes on the host, according to --on-exit, except after an unconfirmed start, and after an end that was
 * requested as open. After an error that the service reported, everything is undone unless the end must be closed;
 * programs that a former start left judging in the kernel stay if no others replaced them. */
static int undo_served(struct parent *p, int status)
{
    const bool open = p->opens || status == UNCONFIRMED;
    const bool closed = !open && p->o->on_exit == OPTIONS_END_CLOSED;
    undo(p, closed ? STATE_CLOSED : status && !open && !p->hooks ? STATE_HANDED : STATE_OPEN);
    if (closed && status) say_closed(p);
    return !status && !open && p->o->on_exit == OPTIONS_END_OPEN ? leave_open(p) : status;
}

/* True if another preyrun goes on for a service that has crashed. */
static bool mended(struct parent *p, int status, char *why, unsigned len)
{
    if (channel_until(0) - p->served_ns > CRASHES_S * 1000 * NS_PER_MS) p->crashes = 0;
    if (!crash_is_mended(p, why, len)) return false;
    complain("the service was ended by signal %d (%s); preyrun starts it again", WTERMSIG(status),
             strsignal(WTERMSIG(status)));
    const int failed = crash_pass(p);
    if (failed) complain("the service can't be started again: %s", strerror(-failed));
    return !failed;
}

int parent_serve(struct parent *p)
{
    p->served_ns = channel_until(0);
    const int status = serve(p);
    struct resets *resets = NULL;
    int result = 2;
    char why[160] = "";
    take_off(p); /* some drivers don't turn offloads on while a program is attached */
    struct starter follows = {.fd = -1};
    const bool goes_on = WIFSIGNALED(status) && mended(p, status, why, sizeof why);
    if (goes_on) {
        follows = p->starter;
        p->starter.fd = -1;
    } else if (is_anothers(p)) {
        result = WIFEXITED(status) ? WEXITSTATUS(status) : 2;
        if (WIFSIGNALED(status))
            complain("the service was ended by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
    } else if (WIFEXITED(status)) {
        result = undo_served(p, WEXITSTATUS(status));
    } else {
        undo(p, STATE_CLOSED);
        complain("the service was ended by signal %d (%s)%s%s", WTERMSIG(status), strsignal(WTERMSIG(status)),
                 p->guarded ? "; guard rules stay until the next start or --cleanup" : "", why);
        resets = resets_open(p->o, p->tuples, p->kernel);
    }
    parent_free(p);
    resets_start(resets); /* the process holds neither the name nor another descriptor of the parent */
    return goes_on ? crash_follow(&follows) : result;
}

void channel_free(struct channel *c)
{
    if (!c) return;
    close(c->fd);
    pthread_mutex_destroy(&c->lock);
    free(c);
}
