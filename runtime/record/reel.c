/* The ring of files that the recorder writes: finds those of the directory, begins the next one, removes the oldest
 * before the limit is met, and cuts off a torn write (reel.h) */
#include "runtime/record/reel.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/files.h"
#include "runtime/base/grown.h"

enum { TAKEN_MOST = 64 }; /* most numbers in a row that may be taken by other files */

static int file_add(struct reel *r, uint64_t number, uint64_t bytes)
{
    if (!grow(&r->files, r->count, &r->room, 16, sizeof *r->files)) return -ENOMEM;
    r->files[r->count++] = (struct reel_file){number, bytes};
    r->total += bytes;
    return 0;
}

static int file_by_number(const void *a, const void *b)
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
        uint64_t bytes;
        const uint64_t number = recording_there(r->dir, e->d_name, &bytes);
        if (number) failed = file_add(r, number, bytes);
    }
    closedir(d);
    if (r->count) qsort(r->files, r->count, sizeof *r->files, file_by_number);
    return failed;
}

int reel_open(struct reel *r, const char *path, uint64_t most, char *err, size_t err_len)
{
    *r = (struct reel){.fd = -1, .most = most};
    r->dir = recordings_open(path, most, err, err_len);
    if (r->dir < 0) return r->dir;
    const int failed = look_around(r);
    if (failed) snprintf(err, err_len, "%.200s: %s", path, strerror(-failed));
    return failed;
}

void reel_leave(struct reel *r, const struct reel_maker *maker)
{
    if (r->dir >= 0) close(r->dir);
    r->dir = -1;
    r->maker = *maker;
}

int reel_again(struct reel *r)
{
    uint64_t bytes;
    const unsigned before = r->count;
    const uint64_t last = before ? r->files[before - 1].number : 0;
    const int failed = r->maker.there ? r->maker.there(r->maker.arg, last + 1, &bytes) : -ENOENT;
    if (failed && failed != -ENOENT) return failed;
    r->count = 0;
    r->total = 0;
    for (unsigned i = 0; i < before && r->maker.there; i++) /* each file keeps its place, or moves forward */
        if (!r->maker.there(r->maker.arg, r->files[i].number, &bytes)) file_add(r, r->files[i].number, bytes);
    unsigned missing = 0;
    for (uint64_t n = last + 1; missing < TAKEN_MOST && r->maker.there; n++) {
        const bool there = !r->maker.there(r->maker.arg, n, &bytes);
        missing = there ? 0 : missing + 1;
        if (there && file_add(r, n, bytes)) return -ENOMEM;
    }
    return 0;
}

void reel_close(struct reel *r)
{
    if (r->fd >= 0) close(r->fd);
    if (r->dir >= 0) close(r->dir);
    free(r->files);
    *r = (struct reel){.dir = -1, .fd = -1};
}

uint64_t reel_written(const struct reel *r) { return r->fd < 0 || !r->count ? 0 : r->files[r->count - 1].bytes; }

static void remove_file(const struct reel *r, uint64_t number)
{
    if (r->maker.remove)
        r->maker.remove(r->maker.arg, number);
    else
        record_remove_file(r->dir, number);
}

static void drop_oldest(struct reel *r)
{
    remove_file(r, r->files[0].number);
    r->total -= r->files[0].bytes;
    memmove(r->files, r->files + 1, --r->count * sizeof *r->files);
}

static int make_file(const struct reel *r, uint64_t number)
{
    return r->maker.make ? r->maker.make(r->maker.arg, number) : record_open_file(r->dir, number, true);
}

int reel_next(struct reel *r)
{
    if (r->fd >= 0 && !reel_written(r)) return 0; /* nothing was written to the file yet */
    if (r->fd >= 0) close(r->fd);
    r->fd = -1;
    while (r->count >= RECORDINGS_MOST) drop_oldest(r);
    const uint64_t number = r->count ? r->files[r->count - 1].number + 1 : 1;
    const int failed = file_add(r, number, 0);
    if (failed) return failed;
    struct reel_file *f = &r->files[r->count - 1];
    r->fd = make_file(r, number);
    while (r->fd == -EEXIST && f->number < number + TAKEN_MOST) r->fd = make_file(r, ++f->number);
    if (r->fd >= 0) return 0;
    const int why = r->fd;
    r->fd = -1;
    r->count--;
    return why;
}

/* Append bytes, all or none. Return 0 or a negative errno. */
static int reel_append(struct reel *r, const void *bytes, size_t len)
{
    struct reel_file *f = &r->files[r->count - 1];
    const int failed = write_whole(r->fd, bytes, len);
    if (failed) {
        if (r->maker.shorten)
            r->maker.shorten(r->maker.arg, f->number, f->bytes);
        else
            (void)!ftruncate(r->fd, (off_t)f->bytes);
        (void)lseek(r->fd, (off_t)f->bytes, SEEK_SET);
        return failed;
    }
    f->bytes += len;
    r->total += len;
    return 0;
}

int reel_write(struct reel *r, const void *bytes, size_t len)
{
    if (r->fd < 0) return -EBADF;
    while (r->total + len > r->most && r->count > 1) drop_oldest(r);
    const int failed = r->total + len > r->most ? -EFBIG : reel_append(r, bytes, len);
    if (failed && !reel_written(r)) {
        /* Remove the last file, whose beginning could not be written: a replay cannot use it. */
        close(r->fd);
        r->fd = -1;
        remove_file(r, r->files[--r->count].number);
    }
    return failed;
}
