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

/* Write the place below DIR of a path of the rules: its last part. False if it has none. */
static bool replayed_place(const char *dir, const char *path, char at[PATH_MAX])
{
    const char *name = folder_name_in(path);
    if (!*name || !strcmp(name, ".") || !strcmp(name, "..")) return false;
    return snprintf(at, PATH_MAX, "%s/%s", dir, name) < PATH_MAX;
}

static int sessions(void *arg, const char *path, bool turn, char *err, size_t err_len)
{
    char at[PATH_MAX];
    if (!replayed_place(((const struct observed_replay *)arg)->dir, path, at))
        return open_refused(-EINVAL, path, err, err_len);
    return open_turned(at, O_WRONLY | O_APPEND | O_CREAT, turn, err, err_len);
}

static int streams_begin(void *arg, const char *dir, bool again, uint64_t *earlier, char *err, size_t err_len)
{
    const struct observed_replay *o = arg;
    char at[PATH_MAX];
    const int failed = replayed_place(o->whole, dir, at) ? stream_dir_begin(o->dirs, at, again, earlier) : -EINVAL;
    return failed ? open_refused(failed, *at ? at : dir, err, err_len) : 0;
}

static int file(void *arg, const char *dir, const char *name, enum stream_how how)
{
    const struct observed_replay *o = arg;
    char at[PATH_MAX];
    return replayed_place(o->whole, dir, at) ? stream_dir_file(o->dirs, at, name, how) : -EINVAL;
}

static uint64_t trim(void *arg, const char *dir, uint64_t bytes)
{
    const struct observed_replay *o = arg;
    char at[PATH_MAX];
    return replayed_place(o->whole, dir, at) ? stream_dir_trim(o->dirs, at, bytes) : 0;
}

static void replayed_say(void *arg, const char *what)
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
    o->files = (struct observed_files){sessions, streams_begin, file, trim, o, .cuts = true};
    o->dirs = stream_dirs_new();
    o->log = o->dirs ? observed_log_new(&o->files, replayed_say, o) : NULL;
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
    return c.lost_bytes || c.lost_sessions ? 2 : 0; /* the reason was reported already */
}
