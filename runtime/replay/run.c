/* Replay: open everything, make the passes, print the results, turn a failure into one line and a status. */
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/files.h"
#include "runtime/base/stop.h"
#include "runtime/copies/copies_told.h"
#include "runtime/host/file/address_file.h"
#include "runtime/kernel/executor.h"
#include "runtime/kernel/kernel.h"
#include "runtime/observe/replayed.h"
#include "runtime/replay/replay_priv.h"
#include "runtime/report/coverage.h"
#include "runtime/report/given/given_ports.h"
#include "runtime/report/live_report.h"
#include "runtime/report/summary.h"
#include "runtime/schedule/schedule.h"
#include "vm/judge/lives.h"
#include "vm/vm.h"

/* Slots for packets that a call leaves, for held fragments and segments, and one to join a frame. */
enum {
    POOL_SLOTS = VM_BATCH * VM_TX_PER_PACKET + FRAG_HELD + HOLDING_MOST + INLINE_HELD_MOST + 1,
    POOL_SLOT = 2048,
    POOL_LARGE_SLOT = 4096
};
enum { LINK_HEAD_MOST = 14 + 16 * 4 };

/* Complain that a result cannot be written. If only its reader is gone, no message is printed. */
static int complain_output(const char *name, int error)
{
    return -error == EPIPE ? 2 : complain("%s: %s", name, strerror(-error));
}

static int pool_open(struct subject *r)
{
    const struct program *p = r->program;
    const bool asks = r->o->explained_count &&
                      r->o->exec == OPTIONS_EXEC_KERNEL; /* a second worker in this process uses slots, too */
    const unsigned slots = asks ? 2 * POOL_SLOTS : POOL_SLOTS;
    /* Packets sent on or opened are copied, also super-packets, which captures of hosts contain. */
    const bool copies = p->services_count || p->nats_count || p->meta->flags & PBC_OPENS;
    const bool fits = r->o->mtu + LINK_HEAD_MOST <= POOL_SLOT - POOL_HEADROOM;
    const unsigned slot_bytes = copies ? POOL_SLOT_MOST : fits ? POOL_SLOT : POOL_LARGE_SLOT;
    r->pool = pool_new(slots, slot_bytes);
    return r->pool ? 0 : complain("out of memory");
}

int complain_capture(const struct subject *r)
{
    const char *fault = capture_error(r->capture);
    return r->o->pcap_count > 1 ? complain("%s", fault) : complain("%s: %s", capture_name(r->capture), fault);
}

static void notice(void *arg, const char *line)
{
    (void)arg;
    complain("notice: %s", line);
}

/* Read the file of a live set. Without the file the set is empty, because it may be another machine's. */
static void file_take(const struct subject *r, uint32_t live)
{
    const char *path = program_str(r->program, r->program->lives[live].file);
    static const struct file_mark none;
    char err[400] = "";
    size_t len = 0;
    const int fd = address_file_look(path, &none, r->program->lives[live].size, true, err, sizeof err);
    const struct address_file *f = fd < 0 ? NULL : address_file_map(fd, &len);
    const struct live_base base = f ? address_file_base(f) : (struct live_base){.count4 = 0};
    struct live_net first;
    if (fd >= 0) close(fd);
    const char *why = !f ? err : f->fault;
    if (!*why && lives_refuse_base(r->program, live, &base, &first) != LIVE_MAY)
        why = "its file has addresses that `in` or `never` forbids";
    if (!*why && !live_replace(lives_set(r->lives, live), &base)) why = "out of memory";
    if (*why) complain("notice: live set %s is empty: %s", program_str(r->program, r->program->lives[live].name), why);
    if (f) munmap((void *)(uintptr_t)f, len);
}

static int replay_open(struct subject *r, const struct options *o)
{
    char err[600];
    *r = (struct subject){.o = o};
    r->facts = self_facts(&o->self);
    r->facts.generation = 1;
    r->facts.mtu = o->mtu;
    r->facts.drop_bad_checksum = o->strict_checksum;
    if (!path_is_compiled(o->program, err, sizeof err)) return complain("%s", err);
    r->program = program_load_file(o->program, err, sizeof err);
    if (!r->program) return complain("%s", err);
    r->lives = lives_new(r->program, o->seed);
    if (!r->lives) return complain("out of memory");
    program_members(r->program, r->lives);
    for (uint32_t i = 0; i < r->lives->count; i++)
        if (r->program->lives[i].file) file_take(r, i);
    r->ports = calloc(1, sizeof *r->ports);
    if (!r->ports) return complain("out of memory");
    const struct route_options said = {o->routes, o->route_files, o->route_count, o->route_file_count};
    if (known_routes_read(&r->routes, &said, r->program, err, sizeof err)) return complain("%s", err);
    if (ports_init(r->ports, r->program, o, &r->routes.addresses, err, sizeof err)) return complain("%s", err);
    addresses_are_self(&r->routes.addresses, &r->facts);
    known_routes_tell(&r->routes, &r->facts, true);
    addresses_doubts(&r->routes.addresses, &r->facts, notice, NULL);
    const char *zone = schedules_unknown_zone(r->program);
    if (zone)
        return complain("%s: this machine doesn't know the time zone `%s`; to fix it, run: apt-get install tzdata",
                        o->program, zone);
    if (down_find(r, err, sizeof err)) return complain("%s", err);
    if (labels_init(&r->labels, r->program)) return complain("out of memory");
    if (only_init(&r->only, o->only, &r->labels, err, sizeof err)) return complain("%s", err);
    if (only_asks_recorded(&r->only))
        return complain("--only otherwise: a capture lacks the earlier verdicts; use a recording (--replay DIR)");
    r->capture = capture_open_all(o->pcaps, o->pcap_count, err, sizeof err);
    if (!r->capture) return complain("%s", err);
    ports_ask(r->ports, r->capture);
    if (o->repeat > 1 && !capture_size(r->capture)) return complain("--repeat needs a file that can be read again");
    return pool_open(r);
}

struct results {
    struct out verdicts, standard;
    struct capture_writer *writer;
    struct seen seen;
    struct observed_replay observed; /* connections that are observed, with --observed DIR */
    struct observe_out observing;    /* interface for vm_cfg.observed */
    struct replay_copied copied;
};

/* Check that an output is not a file being read. */
static int overwrites(const struct subject *r, const char *path)
{
    struct stat st, program;
    if (!strcmp(path, "-") || stat(path, &st)) return 0;
    if (capture_is(r->capture, &st)) return complain("%s: this is the capture that preyrun reads", path);
    if (!stat(r->o->program, &program) && S_ISREG(st.st_mode) && st.st_dev == program.st_dev &&
        st.st_ino == program.st_ino)
        return complain("%s: this is the program that preyrun runs", path);
    return 0;
}

/* True if both are one file with two spellings. Equal spellings were rejected with the options. */
static bool is_same_file(const struct out *o, const char *path)
{
    struct stat a, b;
    return o->f && !fstat(fileno(o->f), &a) && !stat(path, &b) && S_ISREG(a.st_mode) && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

static int writer_open(const struct subject *r, struct results *to)
{
    const struct program *p = r->program;
    char err[400];
    const char **devices = calloc(p->ifaces_count + 1u, sizeof *devices);
    if (!devices) return complain("out of memory");
    for (uint32_t i = 0; i < p->ifaces_count; i++) devices[i] = program_str(p, p->ifaces[i].device);
    to->writer = capture_create(r->o->write, devices, NULL, p->ifaces_count, err, sizeof err);
    free(devices);
    return to->writer ? 0 : complain("%s", err);
}

static int results_open(const struct subject *r, struct results *to)
{
    const struct options *o = r->o;
    out_open(&to->standard, "-");
    const char *const files[] = {o->verdicts, o->write, o->write_seen};
    for (unsigned i = 0; i < 3; i++)
        if (files[i] && overwrites(r, files[i])) return 2;
    if (o->verdicts) {
        const int failed = out_open(&to->verdicts, o->verdicts);
        if (failed) return complain_output(o->verdicts, failed);
        verdicts_begin(to->verdicts.f, r->program->would, o->json, o->describe);
    }
    if (o->write && is_same_file(&to->verdicts, o->write))
        return complain("--verdicts and --write can't both be `%s`", o->write);
    if (o->write && writer_open(r, to)) return 2;
    char err[400];
    return seen_open(&to->seen, r, err, sizeof err) ? complain("%s", err) : 0;
}

/* Flush and close all outputs, and report the first failure. */
static int results_close(struct results *to, const struct options *o)
{
    int status = 0;
    const int written = capture_finish(to->writer);
    if (written) status = complain_output(!strcmp(o->write, "-") ? "standard output" : o->write, written);
    int failed = seen_close(&to->seen);
    if (failed && to->seen.mixed)
        status = complain("%s: the frames have several link types, which a pcap can't hold; to fix it, choose a name "
                          "that ends in .pcapng",
                          o->write_seen);
    else if (failed && !status)
        status = complain_output(!strcmp(o->write_seen, "-") ? "standard output" : o->write_seen, failed);
    failed = out_close(&to->verdicts);
    if (failed && !status) status = complain_output(to->verdicts.name, failed);
    failed = out_close(&to->standard);
    if (failed && !status) status = complain_output(to->standard.name, failed);
    return status;
}

static double per_packet(const struct totals *t) { return t->frames ? (double)t->elapsed_ns / (double)t->frames : 0; }

static int compare_times(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Make the passes after the first, each with a new vm, only judging and counting. */
static int passes_measure(const struct subject *r, double first, struct timing *t)
{
    const uint64_t n = r->o->repeat;
    double *times = calloc(n, sizeof *times);
    if (!times) return complain("out of memory");
    int status = 0;
    bool stopped = false; /* a pass stopped by a signal is not counted */
    uint64_t made = 1;
    times[0] = first;
    while (made < n && !status && !stopped) {
        struct pass *p = capture_rewind(r->capture) ? pass_new(r, false, NULL, NULL) : NULL;
        if (p) pass_run(p);
        if (!p || executor_fault(p->exec) || capture_error(r->capture)[0])
            status = complain("--repeat: pass %llu failed", (unsigned long long)made + 1);
        else if (!(stopped = p->stopped))
            times[made++] = per_packet(&p->t);
        pass_free(p);
    }
    qsort(times, made, sizeof *times, compare_times);
    *t = (struct timing){
        .first = first, .best = times[0], .median = times[made / 2], .worst = times[made - 1], .passes = made};
    free(times);
    return status;
}

static int cover(const struct subject *r, struct results *to, const struct pass *p, const char *fault)
{
    const struct vm_counters *c = executor_counters(p->exec);
    if (r->o->json) return coverage_json(to->standard.f, r, c, &p->t, fault) ? complain("out of memory") : 0;
    coverage_text(to->standard.f, r, c, &p->t, fault);
    return 0;
}

static int summarise(const struct subject *r, struct results *to, struct pass *p, const struct timing *timing,
                     const char *fault)
{
    const struct vm_counters *c = executor_counters(p->exec);
    const bool flows = r->o->flows;
    const struct copies_told copied = {.copies = to->copied.to.copies,
                                       .table = to->copied.table,
                                       .program = r->program,
                                       .counters = c,
                                       .replayed = true,
                                       .dir = r->o->copies};
    flow_list_sort(&p->flows);
    p->flows.servers = r->labels.server;
    struct cJSON *root = summary_document(r, c, &p->t, timing, fault);
    if (!root) return complain("out of memory");
    copies_json(root, &copied);
    if (r->o->json) return report_json(to->standard.f, root, flows ? &p->flows : NULL) ? complain("out of memory") : 0;
    summary_text(to->standard.f, root, r, c, &p->t, timing, fault);
    copies_text(to->standard.f, root, &copied);
    cJSON_Delete(root);
    if (flows) flow_list_behind(to->standard.f, &p->flows, c); /* last, because it may be long */
    return 0;
}

static int passes_run(const struct subject *r, struct results *to, struct pass *p)
{
    const struct options *o = r->o;
    p->verdicts = to->verdicts.f ? &to->verdicts : NULL;
    p->writer = to->writer;
    p->seen = seen_wanted(o) ? &to->seen : NULL;
    p->log = o->log != LOG_NONE;
    progress_begin(&p->progress, options_summarise(o) || !o->verdicts);
    pass_run(p);
    p->t.stopped = p->stopped;
    if ((p->verdicts && out_failed(p->verdicts)) || p->write_error || to->seen.write_error)
        return 2; /* results_close reports the error */
    if (executor_fault(p->exec))
        return complain("the kernel executor failed: %s; use --exec user", strerror(-executor_fault(p->exec)));
    char fault[300];
    snprintf(fault, sizeof fault, "%s", capture_error(r->capture));
    struct timing timing = {0};
    const bool timed = o->repeat > 1 && !*fault && !p->stopped;
    if (timed && passes_measure(r, per_packet(&p->t), &timing)) return 2;
    const int status = !options_summarise(o) ? 0
                       : o->coverage         ? cover(r, to, p, fault)
                                             : summarise(r, to, p, timed ? &timing : NULL, fault);
    out_flush(&to->verdicts); /* results come before the error that ends them */
    out_flush(&to->standard);
    if (p->t.log_lost && p->log)
        complain("%llu log event%s lost, because there was no room", (unsigned long long)p->t.log_lost,
                 text_plural(p->t.log_lost));
    return *fault ? complain_capture(r) : status;
}

int complain_memory(const struct program *p)
{
    if (!(p->meta->flags & PBC_KEEPS_FLOWS)) return complain("out of memory");
    return complain("out of memory: the rules need a table of %llu flows; lower `limits { flows }`",
                    (unsigned long long)p->flows);
}

struct executor *replay_executor(const struct subject *r, const struct vm_cfg *cfg, bool in_kernel)
{
    char err[600] = "";
    const unsigned hook = !in_kernel ? 0 : r->o->hook == OPTIONS_HOOK_TC ? KERNEL_TC : KERNEL_XDP;
    struct executor *e = executor_new(r->program, cfg, hook, err, sizeof err);
    if (!e && *err)
        complain("%s", err);
    else if (!e)
        complain_memory(r->program);
    return e;
}

/* Take an event of an observed connection, and pass it straight to the log. */
static void event_take(void *arg, const struct observe_event *e)
{
    const struct results *to = arg;
    observed_log_event(to->observed.log, 0, e, 0);
}

static int observed_open(struct results *to, const struct subject *r)
{
    const char *dir = r->o->observed;
    to->observing = (struct observe_out){event_take, to};
    if (!dir) return 0;
    if (!r->program->observes_count) return complain("--observed: no service of %s is in mode observe", r->o->program);
    const int failed = observed_replay_begin(&to->observed, dir);
    return failed ? failed : observed_replay_program(&to->observed, r->program);
}

static int replay_all(const struct subject *r)
{
    struct results to = {0};
    int status = results_open(r, &to);
    if (!status) status = observed_open(&to, r);
    if (!status) status = replay_copied_open(&to.copied, r);
    struct pass *p = status ? NULL : pass_new(r, r->o->flows, to.observed.log ? &to.observing : NULL, &to.copied);
    if (!status) status = p ? passes_run(r, &to, p) : 2;
    const int observed = observed_replay_end(&to.observed), closed = results_close(&to, r->o);
    const int copied = replay_copied_close(&to.copied);
    pass_free(p);
    return closed ? closed : status ? status : observed ? observed : copied;
}

int replay(const struct options *o)
{
    struct subject r;
    int status = replay_open(&r, o);
    const int deaf = status ? 0 : stop_begin();
    if (deaf) status = complain("signals: %s", strerror(-deaf));
    if (!status) status = o->explained_count ? explain(&r) : replay_all(&r);
    capture_close(r.capture);
    only_fini(&r.only);
    if (r.ports) ports_fini(r.ports);
    free(r.ports);
    known_routes_fini(&r.routes);
    labels_fini(&r.labels);
    program_put(r.program);
    lives_free(r.lives);
    free(r.pool);
    free(r.down);
    return status;
}
