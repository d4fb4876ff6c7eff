/* Source files in memory, and the conversion of byte offsets to line and column. */
#include "lang/sources.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lang/heap.h"

void sources_init(struct sources *s) { *s = (struct sources){0}; }

void sources_fini(struct sources *s)
{
    for (uint32_t i = 0; i < s->count; i++) {
        free(s->files[i].path);
        free(s->files[i].text);
        free(s->files[i].line_start);
    }
    free(s->files);
    *s = (struct sources){0};
}

/* Add `text`, and take ownership of it. */
static int add_owned(struct sources *s, const char *name, char *text, size_t len)
{
    s->files = heap_grown(s->files, (size_t)s->count + 1, sizeof(*s->files), &s->cap);
    s->files[s->count] = (struct source_file){.path = heap_strdup(name), .text = text, .len = len};
    return (int)s->count++;
}

/* Read up to max_len bytes into a new buffer, past st_size if there are more: a file may grow, and /proc files
 * report 0. */
static char *file_read(int fd, size_t hint, size_t max_len, size_t *len, int *err)
{
    size_t cap = hint + 2, n = 0;
    char *buf = heap_resized(NULL, cap, 1);
    for (;;) {
        if (n + 1 == cap) buf = heap_resized(buf, cap *= 2, 1);
        ssize_t got = read(fd, buf + n, cap - n - 1);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) {
            *err = got < 0 ? errno : 0;
            break;
        }
        n += (size_t)got;
        if (n > max_len) {
            *err = EFBIG;
            break;
        }
    }
    if (*err) {
        free(buf);
        return NULL;
    }
    buf[n] = '\0';
    *len = n;
    return buf;
}

int sources_read(struct sources *s, const char *path, size_t max_len)
{
    /* O_NONBLOCK: opening a FIFO must not wait for a writer. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) return -errno;
    struct stat st;
    int err = 0;
    if (fstat(fd, &st) < 0)
        err = errno;
    else if (S_ISDIR(st.st_mode))
        err = EISDIR;
    else if (!S_ISREG(st.st_mode))
        err = EINVAL;
    else if (st.st_size > 0 && (uintmax_t)st.st_size > max_len)
        err = EFBIG;
    size_t len = 0;
    char *text = err ? NULL : file_read(fd, (size_t)st.st_size, max_len, &len, &err);
    close(fd);
    return err ? -err : add_owned(s, path, text, len);
}

int sources_read_fd(struct sources *s, int fd, const char *name, size_t max_len)
{
    size_t len = 0;
    int err;
    char *text = file_read(fd, 4096, max_len, &len, &err);
    return err ? -err : add_owned(s, name, text, len);
}

int sources_add(struct sources *s, const char *name, const char *text, size_t len)
{
    char *copy = heap_resized(NULL, len + 1, 1);
    if (len) memcpy(copy, text, len);
    copy[len] = '\0';
    return add_owned(s, name, copy, len);
}

static void index_lines(struct source_file *f)
{
    uint32_t lines = 1;
    for (const char *p = f->text, *end = f->text + f->len; (p = memchr(p, '\n', (size_t)(end - p))); p++) lines++;
    f->line_start = heap_resized(NULL, lines, sizeof(*f->line_start));
    f->line_start[f->line_count++] = 0;
    for (const char *p = f->text, *end = f->text + f->len; (p = memchr(p, '\n', (size_t)(end - p))); p++)
        f->line_start[f->line_count++] = (uint32_t)(p + 1 - f->text);
}

static struct source_file *indexed(struct sources *s, uint32_t file)
{
    if (file >= s->count) return NULL;
    struct source_file *f = &s->files[file];
    if (!f->line_start) index_lines(f);
    return f;
}

void source_place(struct sources *s, uint32_t file, uint32_t offset, unsigned *line, unsigned *col)
{
    *line = *col = 1;
    struct source_file *f = indexed(s, file);
    if (!f) return;
    if (offset > f->len) offset = (uint32_t)f->len;
    uint32_t lo = 0, hi = f->line_count;
    if (f->line_start[f->asked] <= offset) lo = f->asked; /* most queries are for the same line or the next */
    if (lo + 2 < hi && offset < f->line_start[lo + 2]) hi = lo + 2;
    while (hi - lo > 1) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (f->line_start[mid] <= offset)
            lo = mid;
        else
            hi = mid;
    }
    f->asked = lo;
    *line = lo + 1;
    *col = offset - f->line_start[lo] + 1;
}

uint32_t source_line_start(struct sources *s, uint32_t file, unsigned line)
{
    const struct source_file *f = indexed(s, file);
    if (!f || line == 0) return 0;
    return line <= f->line_count ? f->line_start[line - 1] : (uint32_t)f->len;
}

const char *source_line(struct sources *s, uint32_t file, unsigned line, size_t *len)
{
    *len = 0;
    const struct source_file *f = indexed(s, file);
    if (!f || line == 0 || line > f->line_count) return "";
    const char *start = f->text + f->line_start[line - 1];
    const char *end = line < f->line_count ? f->text + f->line_start[line] - 1 : f->text + f->len;
    if (end > start && end[-1] == '\r') end--;
    *len = (size_t)(end - start);
    return start;
}
