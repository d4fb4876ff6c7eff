#include "runtime/replay/observed.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/base/complain.h"
#include "runtime/host/file/folder.h"
#include "runtime/replay/replay_priv.h"

/* Write the place below DIR of a path of the rules: its last part. False: there is none. */
static bool place_of(const struct replay_observed *o, const char *path, char at[PATH_MAX])
{
    const char *name = folder_name_in(path);
    if (!*name || !strcmp(name, ".") || !strcmp(name, "..")) return false;
    return snprintf(at, PATH_MAX, "%s/%s", o->dir, name) < PATH_MAX;
}

static int refuse(int failed, const char *path, char *err, size_t err_len)
{
    snprintf(err, err_len, "%.400s: %s", path, strerror(-failed));
    return failed;
}

static int sessions(void *arg, const char *path, bool turn, char *err, size_t err_len)
{
    char at[PATH_MAX], before[PATH_MAX + 2];
    if (!place_of(arg, path, at)) return refuse(-EINVAL, path, err, err_len);
    snprintf(before, sizeof before, "%s.1", at);
    if (turn && rename(at, before) && errno != ENOENT) return refuse(-errno, at, err, err_len);
    const int fd = open(at, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    return fd < 0 ? refuse(-errno, at, err, err_len) : fd;
}

static int begin(void *arg, const char *dir, uint64_t *earlier, char *err, size_t err_len)
{
    const struct replay_observed *o = arg;
    char at[PATH_MAX];
    const int failed = place_of(o, dir, at) ? stream_dir_begin(o->dirs, at, earlier) : -EINVAL;
    return failed ? refuse(failed, *at ? at : dir, err, err_len) : 0;
}

static int file(void *arg, const char *dir, const char *name, enum stream_how how)
{
    const struct replay_observed *o = arg;
    char at[PATH_MAX];
    return place_of(o, dir, at) ? stream_dir_file(o->dirs, at, name, how) : -EINVAL;
}

static uint64_t trim(void *arg, const char *dir, uint64_t bytes)
{
    const struct replay_observed *o = arg;
    char at[PATH_MAX];
    return place_of(o, dir, at) ? stream_dir_trim(o->dirs, at, bytes) : 0;
}

static void say(void *arg, const char *what)
{
    (void)arg;
    complain("%s", what);
}

static void told(void *arg, const struct observe_event *e)
{
    const struct replay_observed *o = arg;
    observed_log_event(o->log, 0, e, 0);
}

int replay_observed_open(struct replay_observed *o, const struct subject *r)
{
    char err[OBSERVED_LINE];
    *o = (struct replay_observed){.r = r, .dir = r->o->observed};
    if (!o->dir) return 0;
    if (!r->program->observes_count) return complain("--observed: no service of %s is in mode observe", r->o->program);
    if (mkdir(o->dir, 0700) && errno != EEXIST) return complain("%s: %s", o->dir, strerror(errno));
    o->files = (struct observed_files){sessions, begin, file, trim, o};
    o->dirs = stream_dirs_new();
    o->log = o->dirs ? observed_log_new(&o->files, say, o) : NULL;
    o->out = (struct observe_out){told, o};
    if (!o->log) return complain("out of memory");
    return observed_log_program(o->log, r->program, err, sizeof err) ? 0 : complain("%s", err);
}

int replay_observed_close(struct replay_observed *o)
{
    if (o->log) observed_log_flush(o->log);
    const struct observed_counters c = o->log ? observed_log_counters(o->log) : (struct observed_counters){0};
    observed_log_free(o->log);
    stream_dirs_free(o->dirs);
    return c.lost_bytes || c.lost_sessions ? 2 : 0; /* the reason was said */
}

const struct observe_out *replay_observed_out(const struct replay_observed *o) { return o->log ? &o->out : NULL; }
