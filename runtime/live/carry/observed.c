/* The log's file functions are requests to the parent; observe/thread.h writes */
#include "runtime/live/carry/observed.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/clock.h"
#include "runtime/base/complain.h"
#include "runtime/live/carry/part.h"
#include "runtime/observe/thread.h"
#include "runtime/parent/ask.h"
#include "runtime/parent/parent.h"

/* longest waits for the thread: while workers are paused; while they judge */
#define SETTLE_NS UINT64_C(20000000)
#define AHEAD_NS  UINT64_C(200000000)
#define KEEP_NS   UINT64_C(3000000000) /* wait while the next process's workers judge, and its thread waits */

static struct channel *channel_of(void *arg)
{
    const struct carry *carry = arg;
    return carry->tell->channel;
}

static int sessions(void *arg, const char *path, bool turn, char *err, size_t err_len)
{
    int fd;
    const int failed = turn ? ask_SESSIONS_TURN(channel_of(arg), path, &fd, err, err_len)
                            : ask_ACCESS_LOG(channel_of(arg), path, &fd, err, err_len);
    return failed ? failed : fd;
}

/* Fill a request about a directory of bytes. False: a path is too long. */
static bool stream_request_fill(struct request_stream *asked, const char *dir, const char *name, char *err,
                                size_t err_len)
{
    static const char of[] = "a file with bytes of connections";
    return ask_path_fits(asked->dir, sizeof asked->dir, dir, of, err, err_len) &&
           ask_path_fits(asked->name, sizeof asked->name, name, of, err, err_len);
}

static int open_stream(void *arg, const char *dir, bool again, uint64_t *earlier, char *err, size_t err_len)
{
    char why[500];
    struct request_stream asked = {.again = again};
    const int failed = stream_request_fill(&asked, dir, "", why, sizeof why)
                           ? ask_STREAM_BEGIN(channel_of(arg), &asked, earlier, why, sizeof why)
                           : -ENAMETOOLONG;
    if (failed)
        snprintf(err, err_len, strstr(why, dir) ? "%.500s" : "%.500s: %.60s", strstr(why, dir) ? why : dir, why);
    return failed;
}

static int file(void *arg, const char *dir, const char *name, enum stream_how how)
{
    struct request_stream asked = {.how = how};
    int fd = -EPROTO;
    if (!stream_request_fill(&asked, dir, name, NULL, 0)) return -ENAMETOOLONG;
    const int given = ask_STREAM_FILE(channel_of(arg), &asked, &fd, NULL, 0);
    return given < 0 ? given : how == STREAM_REMOVE ? 0 : fd;
}

static uint64_t trim(void *arg, const char *dir, uint64_t bytes)
{
    struct request_stream asked = {.bytes = bytes};
    uint64_t freed = 0;
    if (stream_request_fill(&asked, dir, "", NULL, 0)) ask_STREAM_TRIM(channel_of(arg), &asked, &freed, NULL, 0);
    return freed;
}

void observed_known(const struct carry *carry, struct parent *parent)
{
    const struct program *p = carry->now.program;
    for (uint32_t i = 0; i < p->observes_count; i++)
        if (p->observes[i].sessions) parent_knows_log(parent, program_str(p, p->observes[i].sessions));
}

/* Open the files of a program that workers are about to take, and start the thread for the first program that
 * observes. False: a line in err. */
static bool observed_program(struct carry *carry, const struct program *p, char *err, size_t err_len)
{
    if (!p->observes_count) return true;
    if (!observed_thread_program(carry->observed, p, err, err_len)) return false;
    const int failed = observed_thread_start(carry->observed);
    if (failed)
        snprintf(err, err_len, "preyrun can't start the thread that writes sessions (`mode observe`): %s",
                 strerror(-failed));
    return !failed;
}

int observed_open(struct carry *carry)
{
    char err[OBSERVED_LINE];
    const struct observed_files files = {sessions, open_stream, file, trim, carry, .cuts = false};
    carry->observed = observed_thread_new(carry->worker_count, &files);
    if (!carry->observed) return complain("out of memory");
    return observed_program(carry, carry->now.program, err, sizeof err) ? 0 : complain("%s", err);
}

void observed_end(struct carry *carry)
{
    if (carry->observed) observed_thread_stop(carry->observed);
}

void observed_ahead(const struct carry *carry)
{
    observed_thread_settle(carry->observed, clock_ns(CLOCK_MONOTONIC) + AHEAD_NS);
}

void observed_archive(struct carry *carry, struct archive *a, bool waits)
{
    uint8_t late = 0;
    if (!a->reads && waits) late = !observed_thread_settle(carry->observed, clock_ns(CLOCK_MONOTONIC) + SETTLE_NS);
    ARCHIVE(a, late);
    if (!archive_sound(a, late <= 1)) return;
    observed_thread_archive(carry->observed, a, a->reads || (waits && !late));
    carry->observed_late = late;
    if (a->reads) observed_thread_wait(carry->observed, late);
}

bool observed_keep(struct carry *carry, struct archive *a)
{
    if (!observed_thread_settle(carry->observed, clock_ns(CLOCK_MONOTONIC) + KEEP_NS)) return false;
    observed_thread_archive(carry->observed, a, true);
    return !a->bad;
}

void observed_kept(struct carry *carry, struct archive *a)
{
    if (a) observed_thread_archive(carry->observed, a, true);
    observed_thread_wait(carry->observed, false);
    carry->observed_late = false;
    if (a && !a->bad) return;
    complain("notice: the disk was too slow for the observed data: files of open connections begin again, and their "
             "sessions record the lost bytes");
}

void observed_go_on(struct carry *carry) { observed_thread_again(carry->observed); }

bool observed_look(const struct carry *carry, const struct program *p, char *err, size_t err_len)
{
    for (uint32_t i = 0; i < p->observes_count; i++) {
        const struct pbc_observe *o = &p->observes[i];
        if (o->sessions && ask_ACCESS_LOOK(carry->tell->channel, program_str(p, o->sessions), err, err_len))
            return false;
        struct request_stream asked = {0};
        if (o->stream && (!stream_request_fill(&asked, program_str(p, o->stream), "", err, err_len) ||
                          ask_STREAM_LOOK(carry->tell->channel, &asked, err, err_len)))
            return false;
    }
    return true;
}

void observed_tick(struct carry *carry)
{
    char what[OBSERVED_LINE];
    if (observed_thread_said(carry->observed, what))
        events_tell(&carry->tell->events, TOLD_FAULT, "%s; data that couldn't be written is lost", what);
}

static bool observed_prepare(struct program_change *c)
{
    return observed_program(c->carry, c->remap->program, c->err, c->err_len);
}

const struct part part_observed = {.prepares = observed_prepare};
