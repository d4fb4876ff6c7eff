/* Names have the form that prey gives them, or are refused; the oldest files of earlier runs are removed first */
#include "runtime/host/file/streams.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/grown.h"
#include "runtime/host/file/folder.h"

enum { DIRS_MOST = 256, EARLIER_MOST = 1 << 20, BLOCK = 4096, SECTOR = 512 /* unit of st_blocks */ };

/* A file of an earlier run */
struct earlier {
    char *name;
    uint64_t bytes;
    int64_t changed_s;
};

struct stream_dir {
    char *path;
    int fd;
    struct earlier *earlier; /* oldest first, from `at` on */
    uint32_t at, count, room;
};

struct stream_dirs {
    struct stream_dir dir[DIRS_MOST];
    unsigned count;
};

struct stream_dirs *stream_dirs_new(void) { return calloc(1, sizeof(struct stream_dirs)); }

static void forget_earlier(struct stream_dir *d)
{
    for (uint32_t k = d->at; k < d->count; k++) free(d->earlier[k].name);
    free(d->earlier);
    d->earlier = NULL;
    d->at = d->count = d->room = 0;
}

void stream_dirs_free(struct stream_dirs *all)
{
    for (unsigned i = 0; all && i < all->count; i++) {
        struct stream_dir *d = &all->dir[i];
        forget_earlier(d);
        free(d->path);
        close(d->fd);
    }
    free(all);
}

bool stream_name_is_good(const char *name)
{
    static const char *const ends[] = {".client", ".server", ".holes", ".pcapng"};
    const size_t len = strnlen(name, STREAM_NAME_MOST);
    if (len == STREAM_NAME_MOST || *name == '.') return false;
    for (size_t i = 0; i < len; i++) {
        const char c = name[i];
        const bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!word && c != '.' && c != '_' && c != '-') return false;
    }
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
        if (len > strlen(ends[i]) && !strcmp(name + len - strlen(ends[i]), ends[i])) return true;
    return false;
}

static struct stream_dir *dir_find(struct stream_dirs *all, const char *path)
{
    for (unsigned i = 0; i < all->count; i++)
        if (!strcmp(all->dir[i].path, path)) return &all->dir[i];
    return NULL;
}

static int by_age(const void *pa, const void *pb)
{
    const struct earlier *a = pa, *b = pb;
    return a->changed_s != b->changed_s ? (a->changed_s < b->changed_s ? -1 : 1) : strcmp(a->name, b->name);
}

/* Return the bytes that a file takes on disk, at least a block, as for files of this run. */
static uint64_t room_of(const struct stat *st)
{
    const uint64_t bytes = (uint64_t)st->st_blocks * SECTOR;
    return bytes < BLOCK ? BLOCK : bytes;
}

static int find_earlier(struct stream_dir *d, uint64_t *bytes)
{
    const int fd = openat(d->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = fd < 0 ? NULL : fdopendir(fd);
    int failed = list ? 0 : -errno;
    if (!list && fd >= 0) close(fd);
    for (const struct dirent *e; !failed && d->count < EARLIER_MOST && (e = readdir(list));) {
        struct stat st;
        if (!stream_name_is_good(e->d_name) || fstatat(d->fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW)) continue;
        if (!S_ISREG(st.st_mode)) continue;
        const uint64_t room = room_of(&st);
        char *own = grow(&d->earlier, d->count, &d->room, 64, sizeof *d->earlier) ? strdup(e->d_name) : NULL;
        *bytes += room;
        if (own) d->earlier[d->count++] = (struct earlier){own, room, st.st_mtime};
        failed = own ? 0 : -ENOMEM;
    }
    if (list) closedir(list);
    if (d->count > 1) qsort(d->earlier, d->count, sizeof *d->earlier, by_age);
    return failed;
}

/* Check that no other user may write there: otherwise existing names there could be other users' files. */
static int check(int fd)
{
    struct stat st;
    if (fstat(fd, &st)) return -errno;
    return st.st_uid != geteuid() || st.st_mode & 022 ? -EPERM : 0;
}

/* Make the directory if it is missing, and open it. Return a descriptor or a negative errno. */
static int make_and_open(const char *path)
{
    const char *name = folder_name_in(path);
    char *folder = strndup(path, (size_t)(name - path));
    const int dir = folder ? folder_open(folder) : -ENOMEM;
    free(folder);
    if (dir < 0) return dir;
    const bool made = !mkdirat(dir, name, 0700) || errno == EEXIST;
    const int fd = made ? openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW) : -1;
    const int failed = -errno;
    close(dir);
    return fd < 0 ? failed : fd;
}

int stream_dir_begin(struct stream_dirs *all, const char *path, bool again, uint64_t *earlier)
{
    *earlier = 0;
    struct stream_dir *d = dir_find(all, path);
    if (d && again) {
        forget_earlier(d);
        return find_earlier(d, earlier);
    }
    for (uint32_t i = d ? d->at : 0; d && i < d->count; i++) *earlier += d->earlier[i].bytes;
    if (d) return 0;
    if (all->count == DIRS_MOST) return -EMFILE;
    const int fd = make_and_open(path);
    int failed = fd < 0 ? fd : check(fd);
    struct stream_dir made = {.path = failed ? NULL : strdup(path), .fd = fd};
    if (!failed) failed = made.path ? find_earlier(&made, earlier) : -ENOMEM;
    all->dir[all->count] = made;
    if (!failed) return all->count++, 0;
    forget_earlier(&made);
    free(made.path);
    if (fd >= 0) close(fd);
    return failed;
}

int stream_dir_file(struct stream_dirs *all, const char *path, const char *name, enum stream_how how)
{
    struct stat st;
    const struct stream_dir *d = dir_find(all, path);
    if (!d || !stream_name_is_good(name)) return -EINVAL;
    if (how == STREAM_REMOVE) return unlinkat(d->fd, name, 0) ? -errno : 0;
    const int flags = O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
    const int fd = openat(d->fd, name, flags | (how == STREAM_MAKE ? O_CREAT | O_EXCL : 0), 0600);
    if (fd < 0) return -errno;
    const int failed = fstat(fd, &st) ? -errno : S_ISREG(st.st_mode) ? 0 : -EINVAL;
    if (failed) close(fd);
    return failed ? failed : fd;
}

uint64_t stream_dir_trim(struct stream_dirs *all, const char *path, uint64_t bytes)
{
    uint64_t freed = 0;
    struct stream_dir *d = dir_find(all, path);
    while (d && freed < bytes && d->at < d->count) {
        struct earlier *e = &d->earlier[d->at++];
        unlinkat(d->fd, e->name, 0);
        freed += e->bytes;
        free(e->name);
    }
    return freed;
}
