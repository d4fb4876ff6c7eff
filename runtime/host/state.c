/* Changes are undone from the last line to the first, again if some fail; each kind of change has its own undo
 * function */
#include "runtime/host/state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/files.h"
#include "runtime/host/change_priv.h"
#include "runtime/host/state_file.h"

#define OVER_MOST 4096 /* most lines that are out of force */

struct state {
    int fd;
    int lock; /* the same file, read-only: this descriptor has the lock, and may be lent (state_lend). -1: fd has it */
    long works; /* the owner's worker process; 0: none yet */
    char path[PATH_MAX];
};

static const struct {
    const char *word, *doc;
    enum state_end when; /* the end that keeps the change; if STATE_HANDED, STATE_CLOSED keeps it, too */
    int (*undo)(const char *what, const char *before, const char *after);
} changes[CHANGE_COUNT] = {
#define CHANGE(ident, word, undo, when, doc) [CHANGE_##ident] = {word, doc, STATE_##when, undo},
#include "runtime/host/change.def"
};

const char *state_path(const struct state *s) { return s->path; }

long state_owner(const char *run, const char *name)
{
    char path[PATH_MAX];
    return !state_path_of(run, name, path) && state_is_owned(path) ? state_owner_of(path) : 0;
}

static void say_line(state_say *say, void *arg, const char *verb, const char *doc, const char *what, int failed)
{
    char line[512];
    snprintf(line, sizeof line, "%s: the %s `%s`%s%s", verb, doc, what, failed ? ": " : "",
             failed ? strerror(-failed) : "");
    if (say && doc) say(arg, line);
}

/* Selection of changes to undo: all except those that the end keeps, of the things in `handed` */
struct undoing {
    enum state_end end;
    const struct state_handed *handed; /* NULL: changes of all things */
    state_say *say;
    void *arg;
};

static bool end_keeps(const struct undoing *u, enum state_end when, const char *what)
{
    if (u->end == STATE_OPEN || when < u->end) return false;
    bool named = !u->handed;
    const size_t len = strcspn(what, "/"); /* `eth0/rxvlan` belongs to eth0 */
    for (unsigned i = 0; !named && i < u->handed->count; i++)
        named = strlen(u->handed->what[i]) == len && !strncmp(u->handed->what[i], what, len);
    return named;
}

enum {
    KEPT = 1,
    WAITS = CHANGE_WAITS
}; /* a line stays because the end keeps the change, or because it can't be undone yet */

/* Undo the change of a line, which this cuts into words. last: also report a failure. Return 0, KEPT, WAITS or a
 * negative errno. */
static int undo_line(char *line, const struct undoing *u, bool last)
{
    char *word[4];
    state_cut(line, word);
    for (unsigned k = 0; k < CHANGE_COUNT && word[3]; k++) {
        if (strcmp(word[0], changes[k].word) != 0) continue;
        if (end_keeps(u, changes[k].when, word[1])) return KEPT;
        const int failed = changes[k].undo(word[1], word[2], word[3]), why = failed == WAITS ? -EBUSY : failed;
        if (!failed || last)
            say_line(u->say, u->arg, failed ? "couldn't be undone" : "undone", changes[k].doc, word[1], why);
        return failed;
    }
    say_line(u->say, u->arg, "not understood", "recorded line", word[0], 0);
    return 0; /* keeping the line forever would not help */
}

/* Go over the lines of a locked file, the last first. Return the number of failures; *waiting: number of lines that
 * wait. */
static unsigned undo_pass(int fd, const struct undoing *u, bool last, unsigned *waiting)
{
    unsigned left = 0;
    char *text = state_read(fd);
    *waiting = 0;
    if (!text) return 1;
    char *end = strrchr(text, '\n'); /* an unfinished line's change was never made */
    while (end) {
        *end = 0;
        char *before = strrchr(text, '\n');
        char *line = before ? before + 1 : text;
        const off_t at = line - text;
        if (*line == '+') {
            const int undone = undo_line(line, u, last);
            if (undone < 0 || (undone == 0 && pwrite(fd, "-", 1, at) != 1)) left++;
            *waiting += undone == WAITS;
        }
        end = before;
    }
    free(text);
    return left;
}

/* Undo the lines of a locked file. A failed undo is tried once more, because a later line may have blocked an
 * earlier one. */
static unsigned undo_all(int fd, const struct undoing *u, unsigned *waiting)
{
    const unsigned left = undo_pass(fd, u, false, waiting);
    return left || *waiting ? undo_pass(fd, u, true, waiting) : 0;
}

/* Reduce the text to the lines in force, zero-terminated */
static void keep_lines(char *text)
{
    char *to = text;
    for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
        const size_t len = (size_t)(end + 1 - line);
        if (*line != '+') continue;
        memmove(to, line, len);
        to += len;
    }
    *to = 0;
}

/* Write the record of this process to an empty file: its pid, its worker, and the lines in force */
static int record_begin(const struct state *s, int fd)
{
    char *kept = state_read(s->fd), *all = NULL, line[40] = "";
    if (kept) keep_lines(kept);
    if (s->works) snprintf(line, sizeof line, "%s%ld\n", STATE_WORKS, s->works);
    const int len = kept ? asprintf(&all, "pid\t%ld\n%s%s", (long)getpid(), line, kept) : -1;
    const int failed = len < 0 ? -ENOMEM : write_whole(fd, all, (size_t)len);
    if (len >= 0) free(all);
    free(kept);
    return failed;
}

static void close_both(const struct state *s)
{
    if (s->fd >= 0) close(s->fd);
    if (s->lock >= 0) close(s->lock);
}

/* Replace the file by a new one, complete and locked at any moment. On failure the old file stays unchanged. */
static int write_anew(struct state *s)
{
    char path[PATH_MAX + 8];
    snprintf(path, sizeof path, "%s.new", s->path);
    struct state anew = {.lock = -1};
    anew.fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    int failed = anew.fd < 0 ? -errno : 0;
    if (!failed) anew.lock = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (!failed) failed = anew.lock < 0 || flock(anew.lock, LOCK_EX | LOCK_NB) ? -errno : record_begin(s, anew.fd);
    if (!failed && rename(path, s->path)) failed = -errno;
    if (failed && anew.fd >= 0) unlink(path);
    close_both(failed ? &anew : s);
    if (!failed) s->fd = anew.fd;
    if (!failed) s->lock = anew.lock;
    return failed;
}

static int open_state(struct state *s, const char *run, const char *name, const struct undoing *u)
{
    do { /* another process that ends may remove the folder meanwhile */
        const int failed = state_make_folder(run, name, s->path);
        if (failed) return failed;
        s->fd = state_take(s->path, O_CREAT);
    } while (s->fd == -ENOENT);
    if (s->fd < 0) return s->fd;
    unsigned waiting; /* waiting lines are no reason to refuse a start */
    return undo_all(s->fd, u, &waiting) ? -EBUSY : write_anew(s);
}

static void say_unwritten(const char *path, const char *run, int failed, char *err, size_t err_len)
{
    const char *last = strrchr(run, '/');
    const int above = last && last > run ? (int)(last - run) : 1;
    snprintf(err, err_len, "%s: the record of changes can't be written: %s%s%.*s", path, strerror(-failed),
             failed == -ENOSPC ? "; make room in " : "", failed == -ENOSPC ? above : 0, run);
}

int state_lack(const char *run, char *err, size_t err_len)
{
    char path[PATH_MAX];
    int failed = state_folder(run, path);
    while (!failed && access(path, F_OK) && errno == ENOENT && strrchr(path, '/') > path) *strrchr(path, '/') = 0;
    if (!failed) failed = folder_takes(path);
    if (failed) say_unwritten(run, run, failed, err, err_len);
    return failed;
}

struct state *state_open(const char *run, const char *name, const struct state_handed *handed, state_say *say,
                         void *arg, char *err, size_t err_len)
{
    const enum state_end end = !handed ? STATE_OPEN : handed->closed ? STATE_CLOSED : STATE_HANDED;
    const struct undoing u = {end, handed, say, arg};
    struct state *s = calloc(1, sizeof *s);
    if (s) s->fd = s->lock = -1;
    const int failed = s ? open_state(s, run, name, &u) : -ENOMEM;
    if (!failed) return s;
    if (failed == -EWOULDBLOCK)
        snprintf(err, err_len, "another preyrun named `%s` already runs here (process %ld): choose another --name",
                 name, state_owner_of(s->path));
    else if (failed == -EBUSY)
        snprintf(err, err_len,
                 "not all changes of an earlier run named `%s` could be undone: read the lines above, and %s", name,
                 s->path);
    else if (failed == -EINVAL)
        snprintf(
            err, err_len,
            "`%.64s` can't name an instance: use 1 to 64 visible characters, without `/` and without a leading `.`",
            name);
    else
        say_unwritten(s && *s->path ? s->path : run, run, failed, err, err_len);
    if (s) close_both(s);
    free(s);
    return NULL;
}

struct state *state_share(const char *run, const char *name, int fd)
{
    struct state *s = calloc(1, sizeof *s);
    if (s && !state_path_of(run, name, s->path)) {
        s->lock = fd;
        s->fd = open(s->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        if (s->fd >= 0 && state_is_current(s->fd, s->path) && state_is_current(fd, s->path)) return s;
        if (s->fd >= 0) close(s->fd);
    }
    if (fd >= 0) close(fd);
    free(s);
    return NULL;
}

int state_own_up(struct state *s, long works)
{
    const int fd = open(s->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0) close(s->fd);
    if (fd >= 0) s->fd = fd; /* the process that shared the file may have replaced it since */
    s->works = works;
    return write_anew(s);
}

int state_lend(const struct state *s)
{
    const int fd = fcntl(s->lock, F_DUPFD_CLOEXEC, 0);
    return fd < 0 ? -errno : fd;
}

int state_works(struct state *s, long pid)
{
    char line[40];
    s->works = pid;
    snprintf(line, sizeof line, "%s%ld\n", STATE_WORKS, pid);
    return state_append(s->fd, line);
}

/* Return the line of a change, which the caller frees; NULL: out of memory */
static char *line_of(enum change kind, const char *what, const char *before, const char *after)
{
    char *line;
    return asprintf(&line, "+%s\t%s\t%s\t%s\n", changes[kind].word, what, before, after) < 0 ? NULL : line;
}

int state_note(struct state *s, enum change kind, const char *what, const char *before, const char *after)
{
    char *line = line_of(kind, what, before, after);
    if (!line) return -ENOMEM;
    int failed = state_is_line(line) ? 0 : -EINVAL;
    if (!failed && !state_has_line(s->fd, line)) failed = state_append(s->fd, line);
    free(line);
    return failed;
}

bool state_noted(const struct state *s, enum change kind, const char *what, const char *before, const char *after)
{
    char *line = line_of(kind, what, before, after);
    const bool noted = line && state_has_line(s->fd, line);
    free(line);
    return noted;
}

void state_forget(struct state *s, enum change kind, const char *what, bool (*is_over)(const char *before))
{
    char *text = state_read(s->fd);
    size_t over = 0;
    for (char *line = text, *end; line && (end = strchr(line, '\n')); line = end + 1) {
        char *word[4];
        const off_t at = line - text;
        *end = 0;
        if (*line == '-') over += (size_t)(end - line);
        if (*line != '+') continue;
        state_cut(line, word);
        if (!word[3] || strcmp(word[0], changes[kind].word) || strcmp(word[1], what) || !is_over(word[2])) continue;
        if (pwrite(s->fd, "-", 1, at) == 1) over += (size_t)(end - line);
    }
    free(text);
    if (over > OVER_MOST) (void)write_anew(s);
}

/* Visit the changes of a kind in one file; false: visit has ended it */
static bool visit_file(const char *path, const char *name, enum change kind, state_visit *visit, void *arg)
{
    char *text = state_read_at(path);
    bool going = true;
    for (char *line = text, *end; line && going && (end = strchr(line, '\n')); line = end + 1) {
        char *word[4];
        *end = 0;
        if (*line != '+') continue;
        state_cut(line, word);
        if (word[3] && !strcmp(word[0], changes[kind].word)) going = visit(arg, name, word[1], word[2], word[3]);
    }
    free(text);
    return going;
}

/* Visit the files of a folder whose owners live, except one. Overwrites the path's bytes. */
static int visit_folder(char path[PATH_MAX], const char *but, enum change kind, state_visit *visit, void *arg)
{
    char name[80];
    const size_t len = strlen(path);
    DIR *dir = opendir(path);
    if (!dir) return -errno;
    bool going = true;
    for (const struct dirent *e; going && (e = readdir(dir));) {
        if (!strcmp(e->d_name, but) || !state_instance(e->d_name, name)) continue;
        snprintf(path + len, PATH_MAX - len, "/%s", e->d_name);
        if (state_is_owned(path)) going = visit_file(path, name, kind, visit, arg);
    }
    closedir(dir);
    return 0;
}

/* Write the folder's path. */
static void folder_of(const struct state *s, char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s", s->path);
    *strrchr(path, '/') = 0;
}

int state_alone(const struct state *s)
{
    char path[PATH_MAX];
    folder_of(s, path);
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int failed = fd < 0 ? -errno : 0;
    while (!failed && flock(fd, LOCK_EX)) failed = errno == EINTR ? 0 : -errno;
    if (failed && fd >= 0) close(fd);
    return failed ? failed : fd;
}

int state_others(const struct state *s, enum change kind, state_visit *visit, void *arg)
{
    char path[PATH_MAX];
    folder_of(s, path);
    return visit_folder(path, strrchr(s->path, '/') + 1, kind, visit, arg);
}

void state_own(const struct state *s, enum change kind, state_visit *visit, void *arg)
{
    visit_file(s->path, "", kind, visit, arg);
}

int state_all(const char *run, enum change kind, state_visit *visit, void *arg)
{
    char path[PATH_MAX];
    const int failed = state_folder(run, path);
    return failed ? failed : visit_folder(path, "", kind, visit, arg);
}

unsigned state_undo(struct state *s, enum state_end end, state_say *say, void *arg)
{
    unsigned waiting;
    const unsigned left = undo_all(s->fd, &(struct undoing){end, NULL, say, arg}, &waiting);
    return left + waiting;
}

/* Remove a file whose lock is held, and its folder if that is empty then */
static void drop_file(const char *path)
{
    char up[PATH_MAX];
    unlink(path);
    snprintf(up, sizeof up, "%s", path);
    *strrchr(up, '/') = 0;
    rmdir(up);
}

void state_leave(struct state *s)
{
    close_both(s);
    free(s);
}

void state_close(struct state *s)
{
    if (!s) return;
    char *text = state_read(s->fd);
    if (text && *text != '+' && !strstr(text, "\n+")) drop_file(s->path); /* no line is in force */
    free(text);
    close_both(s);
    free(s);
}

static int clean_one(const char *path, const char *name, state_say *say, void *arg)
{
    const int fd = state_take(path, 0);
    if (fd == -EWOULDBLOCK) say_line(say, arg, "left alone", "running instance", name, 0);
    if (fd < 0) return fd == -EWOULDBLOCK || fd == -ENOENT ? 0 : fd;
    unsigned waiting;
    const unsigned left = undo_all(fd, &(struct undoing){STATE_OPEN, NULL, say, arg}, &waiting);
    if (!left && !waiting) drop_file(path);
    close(fd);
    return (int)(left + waiting);
}

int state_cleanup(const char *run, const char *name, state_say *say, void *arg)
{
    char path[PATH_MAX];
    const int failed = state_folder(run, path);
    if (failed) return failed;
    if (name && !state_is_name(name)) return -EINVAL;
    DIR *dir = opendir(path);
    if (!dir) return errno == ENOENT ? 0 : -errno;
    const size_t len = strlen(path);
    int left = 0;
    for (const struct dirent *e; left >= 0 && (e = readdir(dir));) {
        char one[80];
        if (!state_instance(e->d_name, one)) continue;
        if (name && strcmp(name, one) != 0) continue;
        snprintf(path + len, sizeof path - len, "/%s", e->d_name);
        const int more = clean_one(path, one, say, arg);
        left = more < 0 ? more : left + more;
    }
    closedir(dir);
    return left;
}
