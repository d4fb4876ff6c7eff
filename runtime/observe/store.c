/* Bytes are gathered in each file's buffer; the least recently written file is closed, the oldest removed */
#include "runtime/observe/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/files.h"
#include "runtime/base/grown.h"

enum { OPEN_MOST = 64, BUFFER = 1 << 14, FINISHED_MOST = 1 << 18, BLOCK = 4096, TRIES = 100 };

/* A file that is written; name NULL: the entry is free. */
struct stored {
    char *name;
    uint8_t *buffer; /* buffer of the file; NULL: the file is not open */
    int fd;
    struct appended appended;
    uint32_t waits;   /* bytes in the buffer */
    uint64_t lost;    /* bytes lost since the last report to a caller */
    uint64_t size;    /* bytes put to the file */
    uint64_t touched; /* value of the store's count of puts at the last put to this file */
    bool torn;        /* bytes were lost since the last call of store_torn */
};

struct finished {
    char *name;
    uint64_t size;
};

struct store {
    const struct observed_files *files;
    struct observed_counters *counters;
    char *dir;
    uint64_t limit, held, earlier,
        puts; /* held: bytes of all files, each in whole blocks, with those of earlier runs */
    struct stored *at;
    uint32_t count, room, spare, open[OPEN_MOST], opened; /* spare: no entry below it is free */
    struct finished *finished;                            /* a ring, oldest at `first` */
    size_t first, finished_count, finished_room;
    int failed;
};

static void store_count(uint64_t *counter, uint64_t n) { __atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED); }

/* Return the room that a file takes on the disk, at least a block. */
static uint64_t blocks(uint64_t size) { return size ? (size + BLOCK - 1) / BLOCK * BLOCK : BLOCK; }

struct store *store_new(const struct observed_files *files, const char *dir, uint64_t limit, uint64_t earlier,
                        struct observed_counters *counters)
{
    struct store *s = calloc(1, sizeof *s);
    if (!s) return NULL;
    *s = (struct store){.files = files, .dir = strdup(dir), .limit = limit, .held = earlier, .earlier = earlier};
    s->counters = counters;
    if (s->dir) return s;
    free(s);
    return NULL;
}

void store_limit(struct store *s, uint64_t limit) { s->limit = limit; }

void store_earlier(struct store *s, uint64_t earlier)
{
    s->held += earlier - s->earlier;
    s->earlier = earlier;
}

static uint64_t stored_lose(struct store *s, uint64_t len)
{
    store_count(&s->counters->lost_bytes, len);
    return len;
}

/* Write all of the bytes, or none. */
static void put_whole(struct store *s, struct stored *f, const void *bytes, size_t len)
{
    const int failed = append_whole(&f->appended, f->fd, bytes, len);
    if (!failed) {
        store_count(&s->counters->bytes, len);
        return;
    }
    s->failed = failed;
    f->torn = true;
    f->lost += stored_lose(s, len);
}

/* Write the buffer. */
static void drain(struct store *s, struct stored *f)
{
    put_whole(s, f, f->buffer, f->waits);
    f->waits = 0;
}

/* Return the number of the file's bytes lost since the last call, also while other files were written. */
static uint64_t take_lost(struct stored *f)
{
    const uint64_t lost = f->lost;
    f->lost = 0;
    return lost;
}

static void shut(struct store *s, struct stored *f)
{
    if (!f->buffer) return;
    drain(s, f);
    const size_t lost = append_end(&f->appended, f->fd);
    if (lost) { /* the lost bytes were counted as written */
        store_count(&s->counters->bytes, -(uint64_t)lost);
        f->torn = true;
        f->lost += stored_lose(s, lost);
    }
    close(f->fd);
    free(f->buffer);
    f->buffer = NULL;
    for (uint32_t i = 0; i < s->opened; i++)
        if (s->open[i] == (uint32_t)(f - s->at)) s->open[i] = s->open[--s->opened];
}

/* Open a file. False: it failed. */
static bool stored_open(struct store *s, struct stored *f, enum stream_how how)
{
    if (s->opened == OPEN_MOST) {
        /* Close the file that was not written for the longest time. */
        uint32_t oldest = 0;
        for (uint32_t i = 1; i < s->opened; i++)
            if (s->at[s->open[i]].touched < s->at[s->open[oldest]].touched) oldest = i;
        shut(s, &s->at[s->open[oldest]]);
    }
    const int fd = s->files->file(s->files->arg, s->dir, f->name, how);
    uint8_t *buffer = fd < 0 ? NULL : malloc(BUFFER);
    if (fd >= 0 && !buffer) close(fd);
    if (!buffer) {
        s->failed = fd < 0 ? fd : -ENOMEM;
        return false;
    }
    f->fd = fd;
    f->appended = (struct appended){.cuts = s->files->cuts};
    f->buffer = buffer;
    f->touched = ++s->puts;
    s->open[s->opened++] = (uint32_t)(f - s->at);
    return true;
}

static void remove_oldest(struct store *s)
{
    struct finished *f = &s->finished[s->first];
    const int failed = s->files->file(s->files->arg, s->dir, f->name, STREAM_REMOVE);
    if (failed && failed != -ENOENT) s->failed = failed;
    s->held -= blocks(f->size);
    store_count(&s->counters->removed, 1);
    free(f->name);
    s->first = (s->first + 1) % s->finished_room;
    s->finished_count--;
}

/* Make room for `more` bytes below the limit. False: all remaining files are being written. */
static bool store_fits(struct store *s, uint64_t more)
{
    if (!s->limit || s->held + more <= s->limit) return true;
    if (s->earlier) {
        const uint64_t freed = s->files->trim(s->files->arg, s->dir, s->held + more - s->limit + s->limit / 16);
        s->held -= freed < s->earlier ? freed : s->earlier;
        s->earlier = freed && freed < s->earlier ? s->earlier - freed : 0;
    }
    while (s->held + more > s->limit && s->finished_count) remove_oldest(s);
    return s->held + more <= s->limit;
}

static struct stored *entry(struct store *s, uint32_t *index)
{
    for (*index = s->spare; *index < s->count && s->at[*index].name;) ++*index;
    s->spare = *index;
    if (*index < s->count) return &s->at[*index];
    if (!grow(&s->at, s->count, &s->room, 64, sizeof *s->at)) return NULL;
    s->at[s->count] = (struct stored){0};
    return &s->at[s->count++];
}

uint32_t store_make(struct store *s, const char *stem, const char *ending)
{
    char name[STREAM_NAME_MOST];
    uint32_t index;
    struct stored *f = store_fits(s, BLOCK) ? entry(s, &index) : NULL;
    if (!f) return STORED_NONE;
    for (unsigned i = 1; i <= TRIES; i++) {
        const int len = i == 1 ? snprintf(name, sizeof name, "%s%s", stem, ending)
                               : snprintf(name, sizeof name, "%s-%u%s", stem, i, ending);
        *f = (struct stored){.name = len < (int)sizeof name ? strdup(name) : NULL};
        if (f->name && stored_open(s, f, STREAM_MAKE)) {
            s->held += BLOCK;
            store_count(&s->counters->files, 1);
            return index;
        }
        const bool there = f->name && s->failed == -EEXIST;
        free(f->name);
        f->name = NULL;
        if (!there) break;
    }
    return STORED_NONE;
}

uint64_t store_put(struct store *s, uint32_t file, const void *bytes, size_t len)
{
    if (file == STORED_NONE) return stored_lose(s, len);
    struct stored *f = &s->at[file];
    const uint64_t more = blocks(f->size + len) - blocks(f->size);
    if (!store_fits(s, more) || (!f->buffer && !stored_open(s, f, STREAM_APPEND)))
        return stored_lose(s, len) + take_lost(f);
    s->held += more;
    f->size += len;
    f->touched = ++s->puts;
    if (len > BUFFER - f->waits) drain(s, f);
    if (len > BUFFER) {
        put_whole(s, f, bytes, len);
    } else {
        memcpy(f->buffer + f->waits, bytes, len);
        f->waits += (uint32_t)len;
    }
    return take_lost(f);
}

bool store_torn(struct store *s, uint32_t file)
{
    const bool torn = s->at[file].torn;
    s->at[file].torn = false;
    return torn;
}

uint64_t store_size(const struct store *s, uint32_t file) { return s->at[file].size; }
const char *store_name(const struct store *s, uint32_t file) { return s->at[file].name; }

/* Remember the file, so that it may be removed. Without a limit no file is removed. */
static bool remember(struct store *s, struct stored *f)
{
    if (!s->limit) return false;
    if (s->finished_count == FINISHED_MOST) remove_oldest(s);
    if (!ring_grow(&s->finished, s->finished_count, &s->finished_room, &s->first, 64, sizeof *s->finished))
        return false;
    s->finished[(s->first + s->finished_count++) % s->finished_room] = (struct finished){f->name, f->size};
    return true;
}

uint64_t store_done(struct store *s, uint32_t file)
{
    if (file == STORED_NONE) return 0;
    struct stored *f = &s->at[file];
    shut(s, f);
    if (!remember(s, f)) free(f->name);
    f->name = NULL;
    if (file < s->spare) s->spare = file;
    return take_lost(f);
}

void store_flush(struct store *s)
{
    for (uint32_t i = 0; i < s->opened; i++) drain(s, &s->at[s->open[i]]);
}

int store_failed(struct store *s)
{
    const int failed = s->failed == -EEXIST ? 0 : s->failed;
    s->failed = 0;
    return failed;
}

void store_free(struct store *s)
{
    if (!s) return;
    for (uint32_t i = 0; i < s->count; i++) {
        shut(s, &s->at[i]);
        free(s->at[i].name);
    }
    for (; s->finished_count; s->finished_count--, s->first = (s->first + 1) % s->finished_room)
        free(s->finished[s->first].name);
    free(s->finished);
    free(s->at);
    free(s->dir);
    free(s);
}
