/* Parser of a file and all that it includes: each file once, however it is spelled, and never in a circle. */
#include "lang/lang.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lang/heap.h"
#include "lang/order.h"
#include "lang/parse/parse_file.h"

#define MAX_SOURCE        ((size_t)64 << 20) /* most bytes in one file */
#define MAX_INCLUDE_DEPTH 32
#define MAX_INCLUDES      4096 /* most files that the includes of one compile may name */

/* A file that was read, identified by device and inode. */
struct seen {
    dev_t dev;
    ino_t ino;
    const char *path;
    struct span included_at; /* the include that led here; SPAN_NONE for the main file */
    bool open;               /* the file's includes are being followed: another include of the file is a cycle */
};

struct compile {
    struct arena *arena;
    struct sources *sources;
    struct diags *diags;
    struct seen *seen;
    uint32_t seen_count, seen_cap;
    unsigned includes, depth;
    bool too_many; /* there were too many includes, which was reported */
};

static void follow_includes(struct compile *c, struct node *file);

/* Return the path of an include as the user would write it: beside the file that names it. */
static char *beside(struct compile *c, uint32_t file, const struct str *name)
{
    const char *path = c->sources->files[file].path;
    const char *slash = strrchr(path, '/');
    size_t dir = slash && name->s[0] != '/' ? (size_t)(slash - path) + 1 : 0;
    char *joined = arena_alloc(c->arena, dir + name->len + 1);
    memcpy(joined, path, dir);
    memcpy(joined + dir, name->s, name->len);
    return joined;
}

/* An `include` with a pattern: the files of a folder whose names match, sorted by their bytes. `*` is any run of
 * characters, `?` one byte; a name with a leading dot matches only a pattern with one, as in a shell. */
struct paths {
    char **path; /* array in the heap, strings in the arena */
    uint32_t count, cap;
};

/* True if the name matches the pattern. Linear except for going back to the last `*`. */
static bool matches(const char *pattern, const char *name)
{
    const char *star = NULL, *from = NULL;
    if (*name == '.' && *pattern != '.') return false;
    while (*name) {
        if (*pattern == '*') {
            star = pattern++;
            from = name;
        } else if (*pattern == '?' || *pattern == *name) {
            pattern++;
            name++;
        } else if (star) {
            pattern = star + 1;
            name = ++from;
        } else {
            return false;
        }
    }
    while (*pattern == '*') pattern++;
    return !*pattern;
}

static char *path_joined(struct arena *arena, const char *folder, size_t len, const char *name)
{
    const size_t name_len = strlen(name);
    char *path = arena_alloc(arena, len + name_len + 1);
    memcpy(path, folder, len);
    memcpy(path + len, name, name_len);
    return path;
}

/* Find the files that match the last part of `path`, with paths as a user would write them. Return 0, -E2BIG if more
 * than `most` match, or another negative errno if the folder can't be read. The caller frees out->path in any case. */
static int pattern_files(struct arena *arena, const char *path, uint32_t most, struct paths *out)
{
    const char *slash = strrchr(path, '/'), *last = slash ? slash + 1 : path;
    const size_t folder_len = (size_t)(last - path);
    const char *folder = folder_len ? arena_strndup(arena, path, folder_len) : "./";
    *out = (struct paths){0};
    DIR *d = opendir(folder);
    if (!d) return -errno;
    for (const struct dirent *entry;;) {
        errno = 0;
        entry = readdir(d);
        if (!entry || out->count > most) break;
        if (!matches(last, entry->d_name)) continue;
        out->path = heap_grown(out->path, (size_t)out->count + 1, sizeof(*out->path), &out->cap);
        out->path[out->count++] = path_joined(arena, path, folder_len, entry->d_name);
    }
    const int err = out->count > most ? E2BIG : errno;
    closedir(d);
    if (out->count) qsort(out->path, out->count, sizeof(*out->path), order_text);
    return -err;
}

/* Return the entry of a file met before, or the newest entry. */
static struct seen *seen_find(struct compile *c, const struct stat *st)
{
    for (unsigned i = 0; i < c->seen_count; i++)
        if (c->seen[i].dev == st->st_dev && c->seen[i].ino == st->st_ino) return &c->seen[i];
    return NULL;
}

static unsigned seen_add(struct compile *c, const struct stat *st, const char *path, struct span at)
{
    c->seen = heap_grown(c->seen, (size_t)c->seen_count + 1, sizeof(*c->seen), &c->seen_cap);
    c->seen[c->seen_count] =
        (struct seen){.dev = st->st_dev, .ino = st->st_ino, .path = path, .included_at = at, .open = true};
    return c->seen_count++;
}

static void report_cycle(struct compile *c, struct span at, const struct seen *again)
{
    diag(c->diags, E_INCLUDE_CYCLE, at, "this include leads back to `%s`", again->path);
    bool inside = false;
    for (unsigned i = 0; i < c->seen_count; i++) {
        const struct seen *s = &c->seen[i];
        if (inside && s->open) diag_note(c->diags, s->included_at, "`%s` is included here", s->path);
        inside |= s == again;
    }
}

static void report_too_large(struct diags *d, struct span at, const char *path)
{
    diag(d, E_TOO_LARGE, at, "`%s` is larger than %zu MiB, the limit for a rule file", path, MAX_SOURCE >> 20);
}

static void report_unreadable(struct compile *c, struct span at, const char *path, int err)
{
    if (err == EFBIG)
        report_too_large(c->diags, at, path);
    else if (err == EINVAL)
        diag(c->diags, E_INCLUDE, at, "`%s` isn't a regular file", path);
    else
        diag(c->diags, E_INCLUDE, at, "`%s` can't be read: %s", path, strerror(err));
}

/* Follow one file of an include. False: it is not in the tree, and the reason was reported. */
static bool follow_file(struct compile *c, struct node *include, const char *path)
{
    const struct span at = include->first->span;
    struct stat st;
    if (stat(path, &st) != 0) {
        report_unreadable(c, at, path, errno);
        return false;
    }
    const struct seen *again = seen_find(c, &st);
    if (again) {
        if (again->open) report_cycle(c, at, again);
        return !again->open;
    }
    if (c->depth > MAX_INCLUDE_DEPTH) {
        diag(c->diags, E_NESTING, at, "includes are nested more than %d deep", MAX_INCLUDE_DEPTH);
        return false;
    }
    int file = sources_read(c->sources, path, MAX_SOURCE);
    if (file < 0) {
        report_unreadable(c, at, path, -file);
        return false;
    }
    unsigned self = seen_add(c, &st, path, at);
    struct node *tree_of_file = parse_alone(c->arena, c->sources, c->diags, (uint32_t)file, NULL);
    node_add(include, tree_of_file);
    follow_includes(c, tree_of_file);
    c->seen[self].open = false;
    return true;
}

static bool report_many(struct compile *c, const struct node *include)
{
    if (!c->too_many)
        diag(c->diags, E_TOO_LARGE, include->span,
             "the includes name more than %d files, which is the limit: join some of the files", MAX_INCLUDES);
    c->too_many = true;
    return false;
}

static int why_unreadable(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0) return errno;
    if (S_ISDIR(st.st_mode)) return EISDIR;
    if (!S_ISREG(st.st_mode)) return EINVAL;
    return access(path, R_OK) == 0 ? 0 : errno;
}

/* Report the files that can't be read at one place, the first with the others as notes, and take them off the list. */
static bool report_unreadable_files(struct compile *c, struct span at, struct paths *paths)
{
    uint32_t kept = 0, told = 0;
    for (uint32_t i = 0; i < paths->count; i++) {
        const int err = why_unreadable(paths->path[i]);
        if (!err)
            paths->path[kept++] = paths->path[i];
        else if (!told++)
            report_unreadable(c, at, paths->path[i], err);
        else
            diag_note(c->diags, SPAN_NONE, "`%s` can't be read either: %s", paths->path[i],
                      err == EINVAL ? "not a regular file" : strerror(err));
    }
    paths->count = kept;
    return !told;
}

/* Follow a pattern. A missing folder matches nothing; an unreadable folder may hide rules, so it is an error. */
static bool follow_pattern(struct compile *c, struct node *include, const char *path)
{
    const unsigned left = c->includes < MAX_INCLUDES ? MAX_INCLUDES - c->includes : 0;
    struct paths paths;
    bool good = true;
    const int rc = pattern_files(c->arena, path, left, &paths);
    if (rc == -E2BIG) {
        good = report_many(c, include);
    } else if (rc < 0 && rc != -ENOENT) {
        report_unreadable(c, include->first->span, path, -rc);
        good = false;
    } else {
        c->includes += paths.count;
        if (!paths.count) include->flags |= NF_NO_MATCH;
        good = report_unreadable_files(c, include->first->span, &paths);
        for (uint32_t i = 0; i < paths.count; i++) good = follow_file(c, include, paths.path[i]) && good;
    }
    free(paths.path);
    return good;
}

static void include_follow(struct compile *c, struct node *include)
{
    const struct node *name = include->first;
    const char *path = beside(c, name->span.file, &name->v.str), *written = name->v.str.s;
    bool good = false;
    if (memchr(written, '\0', name->v.str.len) || name->v.str.len == 0)
        diag(c->diags, E_INCLUDE, name->span, "the file's name is empty or has a zero byte");
    else if (strpbrk(written, "*?") && strchr(strpbrk(written, "*?"), '/'))
        diag(c->diags, E_INCLUDE, name->span, "a pattern is only possible in the last part of a path");
    else if (strpbrk(written, "*?") != NULL)
        good = follow_pattern(c, include, path);
    else
        good = c->includes++ < MAX_INCLUDES ? follow_file(c, include, path) : report_many(c, include);
    if (!good) include->flags |= NF_UNREAD;
}

static void follow_includes(struct compile *c, struct node *file)
{
    c->depth++;
    node_each(n, file) if (n->kind == N_INCLUDE) include_follow(c, n);
    c->depth--;
}

/* Parse the main file, which is in `sources`, and all that it includes. */
static struct node *parse_all(struct arena *arena, struct sources *sources, struct diags *d, uint32_t file)
{
    struct compile c = {.arena = arena, .sources = sources, .diags = d};
    struct stat st;
    const char *path = sources->files[file].path;
    if (stat(path, &st) == 0) seen_add(&c, &st, arena_strndup(arena, path, strlen(path)), SPAN_NONE);
    struct node *tree_of_file = parse_alone(arena, sources, d, file, NULL);
    follow_includes(&c, tree_of_file);
    free(c.seen);
    return tree_of_file;
}

/* Read a pipe such as `preyc <(...)` opens. An `include` reads only files, so that no compile waits for a writer. */
static int read_pipe(struct sources *sources, const char *path)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -errno;
    const int file = sources_read_fd(sources, fd, path, MAX_SOURCE);
    close(fd);
    return file;
}

int lang_read(struct sources *sources, struct diags *d, const char *path)
{
    struct stat st;
    int file;
    if (strcmp(path, "-") == 0)
        file = sources_read_fd(sources, STDIN_FILENO, "<stdin>", MAX_SOURCE);
    else if (stat(path, &st) == 0 && S_ISFIFO(st.st_mode))
        file = read_pipe(sources, path);
    else
        file = sources_read(sources, path, MAX_SOURCE);
    if (file == -EFBIG) report_too_large(d, SPAN_NONE, path);
    return file;
}

struct node *lang_parse(struct arena *arena, struct sources *sources, struct diags *d, const char *path)
{
    const int file = lang_read(sources, d, path);
    if (file == -EFBIG) return node_new(arena, N_FILE, SPAN_NONE);
    if (file < 0) {
        errno = -file;
        return NULL;
    }
    return parse_all(arena, sources, d, (uint32_t)file);
}

struct node *lang_parse_text(struct arena *arena, struct sources *sources, struct diags *d, const char *name,
                             const char *text, size_t len)
{
    if (len > MAX_SOURCE) {
        report_too_large(d, SPAN_NONE, name);
        return node_new(arena, N_FILE, SPAN_NONE);
    }
    int file = sources_add(sources, name, text, len);
    if (file < 0) {
        errno = -file;
        return NULL;
    }
    return parse_all(arena, sources, d, (uint32_t)file);
}
