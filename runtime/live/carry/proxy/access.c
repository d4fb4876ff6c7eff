/* Access logs. The main thread writes them in parts of many lines, so that a loop never waits for a file. */
#include "runtime/live/carry/proxy/access.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/live/carry/proxy/proxied.h"
#include "runtime/live/tell/events.h"
#include "runtime/live/tell/log.h"
#include "runtime/live/tell/sink.h"
#include "runtime/parent/parent.h"
#include "runtime/proxy/proxy.h"

enum { LOGS_MOST = 64, PART = 1 << 16 };

struct access_log {
    uint64_t target; /* lines_target of the path */
    char *path;
    struct sink sink;
    size_t n, lines; /* bytes and lines in the part */
    uint64_t lost, told;
    char part[PART];
};

struct access {
    unsigned count;
    uint64_t told; /* lines lost in loops, as last reported */
    struct access_log *logs[LOGS_MOST];
};

static struct access_log *log_of(const struct access *a, uint64_t target)
{
    for (unsigned i = 0; a && i < a->count; i++)
        if (a->logs[i]->target == target) return a->logs[i];
    return NULL;
}

/* Return the path of the proxy's log; NULL: none. */
static const char *log_path(const struct program *p, const struct pbc_proxy *says)
{
    if (!(says->flags & (PBC_PROXY_LOG_COMMON | PBC_PROXY_LOG_JSON | PBC_PROXY_LOG_SYSLOG))) return NULL;
    return says->flags & PBC_PROXY_LOG_SYSLOG ? "syslog" : program_str(p, says->log_file);
}

static int access_log_add(struct carry *carry, const char *path, char *err, size_t err_len)
{
    struct access *a = carry->access;
    int fd;
    if (a->count == LOGS_MOST)
        return snprintf(err, err_len,
                        "the services have more than %d access logs, which is the limit: let some services share a log",
                        LOGS_MOST),
               -E2BIG;
    const int failed = ask_ACCESS_LOG(carry->tell->channel, path, &fd, err, err_len);
    if (failed) return failed;
    struct access_log *log = calloc(1, sizeof *log);
    char *own = strdup(path);
    if (!log || !own) {
        close(fd);
        free(log);
        free(own);
        return snprintf(err, err_len, "out of memory"), -ENOMEM;
    }
    log->target = lines_target(path);
    log->path = own;
    sink_init(&log->sink, own, fd);
    a->logs[a->count++] = log;
    return 0;
}

void access_known(const struct carry *carry, struct parent *parent)
{
    const struct program *p = carry->now.program;
    for (uint32_t i = 0; i < p->proxies_count; i++) {
        const char *path = log_path(p, &p->proxies[i]);
        if (path) parent_knows_log(parent, path);
    }
}

int access_open(struct carry *carry, const struct program *p, char *err, size_t err_len)
{
    if (!carry->access) carry->access = calloc(1, sizeof *carry->access);
    if (!carry->access) return snprintf(err, err_len, "out of memory"), -ENOMEM;
    for (uint32_t i = 0; i < p->proxies_count; i++) {
        const char *path = log_path(p, &p->proxies[i]);
        const int failed =
            path && !log_of(carry->access, lines_target(path)) ? access_log_add(carry, path, err, err_len) : 0;
        if (failed) return failed;
    }
    return 0;
}

bool access_look(const struct carry *carry, const struct program *p, char *err, size_t err_len)
{
    for (uint32_t i = 0; i < p->proxies_count; i++) {
        const char *path = log_path(p, &p->proxies[i]);
        if (path && !log_of(carry->access, lines_target(path)) &&
            ask_ACCESS_LOOK(carry->tell->channel, path, err, err_len))
            return false;
    }
    return true;
}

void logs_again(struct carry *carry)
{
    log_again(carry->tell);
    proxied_tick(carry);
    for (unsigned i = 0; carry->access && i < carry->access->count; i++) {
        struct access_log *log = carry->access->logs[i];
        char err[500];
        int fd;
        if (ask_ACCESS_LOG(carry->tell->channel, log->path, &fd, err, sizeof err))
            events_tell(&carry->tell->events, TOLD_FAULT,
                        "access log: %s; prey still writes to the file that it opened earlier", err);
        else
            sink_renew(&log->sink, fd);
    }
}

void access_close(struct carry *carry)
{
    struct access *a = carry->access;
    for (unsigned i = 0; a && i < a->count; i++) {
        sink_fini(&a->logs[i]->sink);
        free(a->logs[i]->path);
        free(a->logs[i]);
    }
    free(a);
    carry->access = NULL;
}

static void flush(struct access_log *log)
{
    if (log->n && sink_put(&log->sink, log->part, log->n)) log->lost += log->lines;
    log->n = log->lines = 0;
}

static void line_put(struct access_log *log, const char *line, size_t len)
{
    if (log->n + len > PART) flush(log);
    memcpy(log->part + log->n, line, len);
    log->n += len;
    log->lines++;
    if (log->sink.kind == SINK_SYSLOG) flush(log); /* a datagram holds one line */
}

void access_write(struct carry *carry, struct proxy *from)
{
    struct access *a = carry->access;
    char line[LINES_MOST];
    uint64_t target;
    for (uint32_t len; (len = proxy_line(from, &target, line));) {
        struct access_log *log = log_of(a, target);
        if (log) line_put(log, line, len);
    }
    for (unsigned i = 0; a && i < a->count; i++) flush(a->logs[i]);
}

void access_tick(struct carry *carry, uint64_t lost_in_loops)
{
    struct access *a = carry->access;
    if (!a) return;
    const uint64_t lost = lost_in_loops - a->told;
    if (lost_in_loops > a->told)
        events_tell(&carry->tell->events, TOLD_FAULT, "access logs: the buffer was full, and %llu line%s %s lost",
                    (unsigned long long)lost, text_plural(lost), lost == 1 ? "is" : "are");
    a->told = lost_in_loops;
    for (unsigned i = 0; i < a->count; i++) {
        struct access_log *log = a->logs[i];
        const uint64_t more = log->lost - log->told;
        if (log->lost > log->told)
            events_tell(&carry->tell->events, TOLD_FAULT, "access log %s: %llu line%s couldn't be written, and %s lost",
                        log->path, (unsigned long long)more, text_plural(more), more == 1 ? "is" : "are");
        log->told = log->lost;
    }
}
