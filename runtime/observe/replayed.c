/* The log's files, with functions that open them below the directory of --observed */
#include "runtime/observe/replayed.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/base/complain.h"
#include "runtime/base/files.h"
#include "runtime/host/file/folder.h"

/* Write the place below DIR of a path of the rules: its last part. False: there is none. */
static bool place_of(const char *dir, const char *path, char at[PATH_MAX])
{
    const char *name = folder_name_in(path);
    if (!*name || !strcmp(name, ".") || !strcmp(name, "..")) return false;
    return snprintf(at, PATH_MAX, "%s/%s", dir, name) < PATH_MAX;
}

static int refuse(int failed, const char *path, char *err, size_t err_len)
{
    snprintf(err, err_len, "%.400s: %s", path, failed == -ENODEV ? "not a regular file" : strerror(-failed));
    return failed;
}

static int sessions(void *arg, const char *path, bool turn, char *err, size_t err_len)
{
    char at[PATH_MAX], before[PATH_MAX + 2];
    if (!place_of(((const struct observed_replay *)arg)->dir, path, at)) return refuse(-EINVAL, path, err, err_len);
    snprintf(before, sizeof before, "%s.1", at);
    if (turn && rename(at, before) && errno != ENOENT) return refuse(-errno, at, err, err_len);
    const int fd = open_regular(at, O_WRONLY | O_APPEND | O_CREAT);
    return fd < 0 ? refuse(fd, at, err, err_len) : fd;
}

static int begin(void *arg, const char *dir, uint64_t *earlier, char *err, size_t err_len)
{
    const struct observed_replay *o = arg;
    char at[PATH_MAX];
    const int failed = place_of(o->whole, dir, at) ? stream_dir_begin(o->dirs, at, earlier) : -EINVAL;
    return failed ? refuse(failed, *at ? at : dir, err, err_len) : 0;
}

static int file(void *arg, const char *dir, const char *name, enum stream_how how)
{
    const struct observed_replay *o = arg;
    char at[PATH_MAX];
    return place_of(o->whole, dir, at) ? stream_dir_file(o->dirs, at, name, how) : -EINVAL;
}

static uint64_t trim(void *arg, const char *dir, uint64_t bytes)
{
    const struct observed_replay *o = arg;
    char at[PATH_MAX];
    return place_of(o->whole, dir, at) ? stream_dir_trim(o->dirs, at, bytes) : 0;
}

static void say(void *arg, const char *what)
{
    (void)arg;
    complain("%s", what);
}

int observed_replay_begin(struct observed_replay *o, const char *dir)
{
    *o = (struct observed_replay){.dir = dir};
    if (mkdir(dir, 0700) && errno != EEXIST) return complain("%s: %s", dir, strerror(errno));
    o->whole = realpath(dir, NULL); /* streams are opened by a path without links */
    if (!o->whole) return complain("%s: %s", dir, strerror(errno));
    o->files = (struct observed_files){sessions, begin, file, trim, o, .cuts = true};
    o->dirs = stream_dirs_new();
    o->log = o->dirs ? observed_log_new(&o->files, say, o) : NULL;
    return o->log ? 0 : complain("out of memory");
}

int observed_replay_program(struct observed_replay *o, const struct program *p)
{
    char err[OBSERVED_LINE];
    return observed_log_program(o->log, p, err, sizeof err) ? 0 : complain("%s", err);
}

int observed_replay_end(struct observed_replay *o)
{
    if (o->log) observed_log_flush(o->log);
    const struct observed_counters c = o->log ? observed_log_counters(o->log) : (struct observed_counters){0};
    observed_log_free(o->log);
    stream_dirs_free(o->dirs);
    free(o->whole);
    *o = (struct observed_replay){0};
    return c.lost_bytes || c.lost_sessions ? 2 : 0; /* the reason was said */
}
