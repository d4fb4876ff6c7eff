/* See reel.h. */
#include "runtime/record/reel.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void reel_name(uint64_t number, char name[REEL_NAME])
{
    snprintf(name, REEL_NAME, "prey-%06llu.pcapng", (unsigned long long)number);
}

int record_open_file(int dir, uint64_t number, bool make)
{
    char name[REEL_NAME];
    reel_name(number, name);
    const int how = make ? O_WRONLY | O_CREAT | O_EXCL : O_RDONLY;
    const int fd = openat(dir, name, how | O_CLOEXEC | O_NOFOLLOW, 0600);
    return fd < 0 ? -errno : fd;
}

/* ---- opening ---- */

static int fail(char *err, size_t err_len, const char *path, int failed)
{
    snprintf(err, err_len, "%.200s: %s", path, strerror(-failed));
    return failed;
}

/* Nobody else reads what is recorded. */
static int check_owner(int dir, const char *path, char *err, size_t err_len)
{
    struct stat st;
    if (fstat(dir, &st)) return fail(err, err_len, path, -errno);
    if (st.st_uid != geteuid()) {
        snprintf(err, err_len, "%.200s: the directory belongs to somebody else; another one is made if it is not there",
                 path);
        return -EPERM;
    }
    if (!(st.st_mode & 077)) return 0;
    snprintf(err, err_len, "%.200s: others may look into the directory; this mends it: chmod 700 %.200s", path, path);
    return -EPERM;
}

static int open_directory(struct reel *r, const char *path, char *err, size_t err_len)
{
    if (r->most && mkdir(path, 0700) && errno != EEXIST) return fail(err, err_len, path, -errno);
    r->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (r->dir < 0) return fail(err, err_len, path, -errno);
    return r->most ? check_owner(r->dir, path, err, err_len) : 0;
}

/* Its number; 0: it is no file of a recording. */
static uint64_t number_of(const char *name)
{
    char same[REEL_NAME];
    if (strncmp(name, "prey-", 5) != 0 || name[5] < '0' || name[5] > '9') return 0;
    errno = 0;
    const uint64_t number = strtoull(name + 5, NULL, 10);
    reel_name(number, same);
    return errno || strcmp(name, same) != 0 ? 0 : number;
}

static int add(struct reel *r, uint64_t number, uint64_t bytes)
{
    if (r->count == r->room) {
        const unsigned room = r->room ? 2 * r->room : 16;
        struct reel_file *more = realloc(r->files, room * sizeof *more);
        if (!more) return -ENOMEM;
        r->files = more;
        r->room = room;
    }
    r->files[r->count++] = (struct reel_file){number, bytes};
    r->total += bytes;
    return 0;
}

static int by_number(const void *a, const void *b)
{
    const struct reel_file *x = a, *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

static int look_around(struct reel *r)
{
    const int fd = dup(r->dir);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d) {
        if (fd >= 0) close(fd);
        return -errno;
    }
    int failed = 0;
    for (const struct dirent *e; !failed && (e = readdir(d));) {
        const uint64_t number = number_of(e->d_name);
        struct stat st;
        if (!number || fstatat(r->dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(st.st_mode)) continue;
        failed = add(r, number, (uint64_t)st.st_size);
    }
    closedir(d);
    if (r->count) qsort(r->files, r->count, sizeof *r->files, by_number);
    return failed;
}

int reel_open(struct reel *r, const char *path, uint64_t most, char *err, size_t err_len)
{
    *r = (struct reel){.dir = -1, .fd = -1, .most = most};
    const int failed = open_directory(r, path, err, err_len);
    if (failed) return failed;
    const int blind = look_around(r);
    return blind ? fail(err, err_len, path, blind) : 0;
}

void reel_close(struct reel *r)
{
    if (r->fd >= 0) close(r->fd);
    if (r->dir >= 0) close(r->dir);
    free(r->files);
    *r = (struct reel){.dir = -1, .fd = -1};
}

/* ---- writing ---- */

uint64_t reel_written(const struct reel *r) { return r->fd < 0 || !r->count ? 0 : r->files[r->count - 1].bytes; }

static void drop_oldest(struct reel *r)
{
    char name[REEL_NAME];
    reel_name(r->files[0].number, name);
    unlinkat(r->dir, name, 0);
    r->total -= r->files[0].bytes;
    memmove(r->files, r->files + 1, --r->count * sizeof *r->files);
}

int reel_next(struct reel *r)
{
    if (r->fd >= 0) close(r->fd);
    r->fd = -1;
    const uint64_t number = r->count ? r->files[r->count - 1].number + 1 : 1;
    const int failed = add(r, number, 0);
    if (failed) return failed;
    r->fd = record_open_file(r->dir, number, true);
    if (r->fd >= 0) return 0;
    r->count--;
    return r->fd;
}

static int write_all(int fd, const uint8_t *bytes, size_t len)
{
    while (len) {
        const ssize_t n = write(fd, bytes, len);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return n ? -errno : -EIO;
        bytes += n;
        len -= (size_t)n;
    }
    return 0;
}

int reel_write(struct reel *r, const void *bytes, size_t len)
{
    if (r->fd < 0) return -EBADF;
    while (r->total + len > r->most && r->count > 1) drop_oldest(r);
    if (r->total + len > r->most) return -EFBIG;
    struct reel_file *f = &r->files[r->count - 1];
    const int failed = write_all(r->fd, bytes, len);
    if (failed) {
        if (ftruncate(r->fd, (off_t)f->bytes) || lseek(r->fd, (off_t)f->bytes, SEEK_SET) < 0) return failed;
        return failed;
    }
    f->bytes += len;
    r->total += len;
    return 0;
}
