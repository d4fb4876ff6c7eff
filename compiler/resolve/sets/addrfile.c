/* Read address files: the complete file at once, its text by vm/words/words.h */
#include "compiler/resolve/sets/addrfile.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lang/heap.h"
#include "vm/words/words.h"

enum { LINE_KEPT = 4096 }; /* most bytes of a bad line that are kept to show a part */

struct reader {
    struct compile *c;
    const char *path;
    uint64_t faults;
    struct addr_set *out;
    struct addrfile *info;
    size_t compact_at; /* normalise above this many ranges, so that repetitions take no memory */
};

static void take_bad_line(void *arg, const struct addr_bad_line *l)
{
    struct reader *r = arg;
    char shown[LINE_KEPT], why[256];
    if (r->faults++ >= ADDRFILE_FAULTS_MAX) return;
    const size_t len = l->text_len < sizeof(shown) ? l->text_len : sizeof(shown) - 1;
    memcpy(shown, l->text, len);
    shown[len] = '\0';
    addr_fault_describe(l->text + l->col - 1, l->len, l->fault, why, sizeof(why));
    diag_at(r->c->diags, E_ADDRESS_LINE, r->path, l->line, l->col, (unsigned)(l->len < 200 ? l->len : 200), shown, "%s",
            why);
}

static void take_member(void *arg, const struct addr_member *m)
{
    struct reader *r = arg;
    if (m->family == 4)
        set_add4(r->out, m->v4.lo, m->v4.hi);
    else
        set_add6(r->out, span6(&m->v6).lo, span6(&m->v6).hi);
    r->info->members++;
    if (set_size(r->out) >= r->compact_at) {
        r->info->inside += set_normalise(r->out);
        r->compact_at = set_size(r->out) * 2 > r->compact_at ? set_size(r->out) * 2 : r->compact_at;
    }
}

/* Return the file's bytes, or NULL with a text in *why. */
static char *read_whole(const char *path, size_t *len, struct addrfile *info, const char **why)
{
    struct stat st;
    char *text = NULL;
    size_t n = 0;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &st) < 0)
        *why = strerror(errno);
    else if (!S_ISREG(st.st_mode))
        *why = S_ISDIR(st.st_mode) ? "the path is a folder" : "the path isn't a regular file";
    else if (st.st_size > ADDRFILE_BYTES_MAX)
        *why = "the file is larger than 256 MiB";
    else
        text = heap_resized(NULL, (size_t)st.st_size + 1, 1);
    while (text && n < (size_t)st.st_size) {
        const ssize_t got = read(fd, text + n, (size_t)st.st_size - n);
        if (got == 0) break;
        if (got < 0 && errno != EINTR) {
            *why = strerror(errno);
            free(text);
            text = NULL;
        } else if (got > 0) {
            n += (size_t)got;
        }
    }
    if (fd >= 0) close(fd);
    if (text) {
        info->dev = st.st_dev;
        info->ino = st.st_ino;
        *len = n;
    }
    return text;
}

bool addrfile_read(struct compile *c, const char *path, struct span at, struct addr_set *out, struct addrfile *info)
{
    struct reader r = {.c = c, .path = path, .out = out, .info = info, .compact_at = (size_t)1 << 22};
    const char *why = NULL;
    size_t len = 0;
    *info = (struct addrfile){0};
    char *text = read_whole(path, &len, info, &why);
    if (!text) {
        diag(c->diags, E_ADDRESS_FILE, at, "the address file `%s` can't be read: %s", path, why);
        return false;
    }
    const struct addr_reader reader = {.arg = &r, .member = take_member, .bad = take_bad_line};
    if (!addr_text_read(text, len, &reader)) {
        diag(c->diags, E_ADDRESS_FILE, at, "the address file `%s` isn't text: it has zero bytes", path);
        r.faults = 1;
    }
    info->inside += set_normalise(out);
    free(text);
    if (r.faults > ADDRFILE_FAULTS_MAX)
        diag(c->diags, E_ADDRESS_FILE, at, "the address file `%s` has %" PRIu64 " more bad lines", path,
             r.faults - ADDRFILE_FAULTS_MAX);
    return r.faults == 0;
}
