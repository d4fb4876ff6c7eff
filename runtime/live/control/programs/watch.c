/* Watch of the rule file: some time after events in its folder prey looks at the file, and reads it if it has
 * changed. */
#include "runtime/live/control/programs/watch.h"

#include <errno.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/live/rules/reload.h"
#include "runtime/live/tell/log.h"

#define QUIET_NS UINT64_C(100000000)  /* wait after the last change */
#define MOST_NS  UINT64_C(1000000000) /* longest wait after the first change */
#define AGAIN_NS UINT64_C(1000000000) /* wait if the folder is gone */
#define NEVER    UINT64_MAX

/* Open a new watch, before the look at the file, so that no change is missed. A link may have another target by now. */
static bool watch_open(struct control *control)
{
    struct watch *w = &control->watch;
    char err[500] = "";
    int fd = -1;
    struct answer a;
    const int failed = ask_WATCH(control->tell->channel, &a, &fd, err, sizeof err);
    w->linked = a.value;
    tell_once(control->tell, failed, &w->told, TOLD_FAULT, "--watch: %s; prey tries again every second", err);
    if (failed) return false;
    if (w->fd >= 0) close(w->fd);
    w->fd = fd;
    return true;
}

int watch_begin(struct control *control)
{
    control->watch.due_ns = NEVER;
    if (!control->o->watch) return 0;
    if (!watch_open(control)) return 2;
    control->watch.due_ns = clock_ns(CLOCK_MONOTONIC); /* the file may have changed since it was read */
    return 0;
}

void watch_end(struct control *control)
{
    if (control->watch.fd >= 0) close(control->watch.fd);
}

/* True if the event may concern the file: by its name, because events were lost, or because the file is a link. */
static bool is_about(const struct control *control, const struct inotify_event *e)
{
    const char *slash = strrchr(control->o->program, '/');
    if (e->mask & (IN_Q_OVERFLOW | IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED) || control->watch.linked) return true;
    return e->len && !strcmp(e->name, slash ? slash + 1 : control->o->program);
}

static bool any_about(const struct control *control, const char *bytes, size_t len)
{
    bool any = false;
    for (size_t at = 0; at + sizeof(struct inotify_event) <= len;) {
        const struct inotify_event *e = (const void *)(bytes + at);
        any |= is_about(control, e);
        at += sizeof *e + e->len;
    }
    return any;
}

void watch_read(struct control *control, uint64_t now_ns)
{
    _Alignas(struct inotify_event) char bytes[8192];
    struct watch *w = &control->watch;
    const ssize_t n = read(w->fd, bytes, sizeof bytes);
    if (n <= 0 || !any_about(control, bytes, (size_t)n)) return;
    if (w->due_ns == NEVER) w->most_ns = now_ns + MOST_NS;
    w->due_ns = now_ns + QUIET_NS < w->most_ns ? now_ns + QUIET_NS : w->most_ns;
}

void watch_again(struct control *control)
{
    if (!control->o->watch) return;
    control->watch.mark = (struct watch_mark){0};
    control->watch.due_ns = clock_ns(CLOCK_MONOTONIC);
}

/* True if the file has changed since the last look. A missing file does not count. */
static bool is_other(struct control *control)
{
    struct watch_mark *last = &control->watch.mark;
    char err[500];
    struct stat st;
    int fd;
    if (ask_RULES(control->tell->channel, &fd, err, sizeof err)) return false;
    const bool known = !fstat(fd, &st);
    close(fd);
    if (!known) return false;
    const int64_t changed_ns = st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec;
    const bool same =
        last->dev == st.st_dev && last->ino == st.st_ino && last->size == st.st_size && last->changed_ns == changed_ns;
    *last = (struct watch_mark){st.st_dev, st.st_ino, st.st_size, changed_ns};
    return !same;
}

void watch_step(struct control *control, uint64_t now_ns)
{
    struct watch *w = &control->watch;
    if (now_ns < w->due_ns || control->rules->reload) return;
    w->due_ns = NEVER;
    if (!watch_open(control)) w->due_ns = now_ns + AGAIN_NS;
    if (is_other(control)) reload_changed(control->rules);
}

uint64_t watch_due_ns(const struct control *control)
{
    return control->rules->reload ? UINT64_MAX : control->watch.due_ns;
}
