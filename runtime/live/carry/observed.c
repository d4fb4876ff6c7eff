#include "runtime/live/carry/observed.h"

#include <stdio.h>
#include <string.h>

#include "runtime/base/complain.h"
#include "runtime/observe/thread.h"
#include "runtime/parent/ask.h"
#include "runtime/parent/parent.h"

static struct channel *channel_of(void *arg)
{
    const struct carry *carry = arg;
    return carry->tell->channel;
}

static int sessions(void *arg, const char *path, bool turn, char *err, size_t err_len)
{
    int fd;
    const int failed =
        ask_path(channel_of(arg), turn ? REQUEST_SESSIONS_TURN : REQUEST_ACCESS_LOG, path, &fd, err, err_len);
    return failed ? failed : fd;
}

static int begin(void *arg, const char *dir, uint64_t *earlier, char *err, size_t err_len)
{
    char why[500];
    const int failed = ask_stream_begin(channel_of(arg), dir, earlier, why, sizeof why);
    if (failed)
        snprintf(err, err_len, strstr(why, dir) ? "%.500s" : "%.500s: %.60s", strstr(why, dir) ? why : dir, why);
    return failed;
}

static int file(void *arg, const char *dir, const char *name, enum stream_how how)
{
    return ask_stream_file(channel_of(arg), dir, name, how);
}

static uint64_t trim(void *arg, const char *dir, uint64_t bytes)
{
    return ask_stream_trim(channel_of(arg), dir, bytes);
}

void observed_known(const struct carry *carry, struct parent *parent)
{
    const struct program *p = carry->now.program;
    for (uint32_t i = 0; i < p->observes_count; i++)
        if (p->observes[i].sessions) parent_knows_log(parent, program_str(p, p->observes[i].sessions));
}

int observed_open(struct carry *carry)
{
    char err[OBSERVED_LINE];
    const struct observed_files files = {sessions, begin, file, trim, carry, .cuts = false};
    carry->observed = observed_thread_new(carry->worker_count, &files);
    if (!carry->observed) return complain("out of memory");
    return observed_program(carry, carry->now.program, err, sizeof err) ? 0 : complain("%s", err);
}

void observed_end(struct carry *carry)
{
    if (carry->observed) observed_thread_stop(carry->observed);
}

void observed_close(struct carry *carry)
{
    observed_thread_free(carry->observed);
    carry->observed = NULL;
}

const struct observe_out *observed_out(const struct carry *carry, unsigned worker)
{
    return observed_thread_out(carry->observed, worker);
}

bool observed_program(struct carry *carry, const struct program *p, char *err, size_t err_len)
{
    if (!p->observes_count) return true;
    if (!observed_thread_program(carry->observed, p, err, err_len)) return false;
    const int failed = observed_thread_start(carry->observed);
    if (failed) snprintf(err, err_len, "a thread cannot be started: %s", strerror(-failed));
    return !failed;
}

bool observed_look(const struct carry *carry, const struct program *p, char *err, size_t err_len)
{
    for (uint32_t i = 0; i < p->observes_count; i++) {
        const struct pbc_observe *o = &p->observes[i];
        if (o->sessions && ask_access_look(carry->tell->channel, program_str(p, o->sessions), err, err_len))
            return false;
        if (o->stream && ask_stream_look(carry->tell->channel, program_str(p, o->stream), err, err_len)) return false;
    }
    return true;
}

void observed_tick(struct carry *carry)
{
    char what[OBSERVED_LINE];
    if (observed_thread_said(carry->observed, what))
        events_tell(&carry->tell->events, TOLD_FAULT, "%s; what could not be written is lost", what);
}

struct observed_counters observed_counters(const struct carry *carry)
{
    return observed_thread_counters(carry->observed);
}
