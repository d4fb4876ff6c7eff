/* See address_file.h. A file is looked at every second, but read only when it has changed. */
#include "runtime/host/file/address_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/base/files.h"
#include "runtime/host/file/certificates.h"
#include "vm/words/words.h"

typedef unsigned __int128 u128;

enum { TEXT_SHOWN = 80 };
#define SETTLED_NS UINT64_C(1000000000)
#define SEALS      (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL)

/* ---- the text ---- */

struct reading {
    struct pbc_range *r4;
    struct pbc_range6 *r6;
    size_t count4, count6, room4, room6;
    uint64_t members;
    uint32_t most;
    bool no_memory, too_many;
    char *err; /* "" until a line is bad */
    size_t err_len;
};

static u128 low6(const struct pbc_range6 *r) { return (u128)r->lo_hi << 64 | r->lo_lo; }
static u128 high6(const struct pbc_range6 *r) { return (u128)r->hi_hi << 64 | r->hi_lo; }

static int order4(const void *a, const void *b)
{
    const struct pbc_range *x = a, *y = b;
    return (x->lo > y->lo) - (x->lo < y->lo);
}

static int order6(const void *a, const void *b)
{
    const u128 x = low6(a), y = low6(b);
    return (x > y) - (x < y);
}

/* Join ranges that meet or touch; they are in order. Return the number that is left. */
static uint32_t join4(struct pbc_range *r, size_t count)
{
    uint32_t last = 0;
    for (size_t i = 1; i < count; i++) {
        if (r[last].hi == UINT32_MAX || r[i].lo <= r[last].hi + 1)
            r[last].hi = r[i].hi > r[last].hi ? r[i].hi : r[last].hi;
        else
            r[++last] = r[i];
    }
    return count ? last + 1 : 0;
}

static uint32_t join6(struct pbc_range6 *r, size_t count)
{
    uint32_t last = 0;
    for (size_t i = 1; i < count; i++) {
        const u128 end = high6(&r[last]);
        if (end != ~(u128)0 && low6(&r[i]) > end + 1)
            r[++last] = r[i];
        else if (high6(&r[i]) > end)
            r[last].hi_hi = r[i].hi_hi, r[last].hi_lo = r[i].hi_lo;
    }
    return count ? last + 1 : 0;
}

/* Join the ranges that were read so far. Return their number. */
static uint64_t settle(struct reading *r)
{
    if (r->count4) qsort(r->r4, r->count4, sizeof *r->r4, order4);
    if (r->count6) qsort(r->r6, r->count6, sizeof *r->r6, order6);
    r->count4 = join4(r->r4, r->count4);
    r->count6 = join6(r->r6, r->count6);
    return (uint64_t)r->count4 + r->count6;
}

/* Return the array with room for one more entry; NULL: out of memory. */
static void *with_room(void *array, size_t count, size_t *room, size_t each)
{
    if (count < *room) return array;
    const size_t more = *room ? 2 * *room : 1024;
    void *larger = realloc(array, more * each);
    if (larger) *room = more;
    return larger;
}

/* Ranges are joined whenever twice the allowed number exist, so a long file of few ranges takes little memory. */
static void take_member(void *arg, const struct addr_member *m)
{
    struct reading *r = arg;
    if (r->too_many || r->no_memory) return;
    if (r->count4 + r->count6 >= 2 * ((uint64_t)r->most + 512)) r->too_many = settle(r) > r->most;
    r->members++;
    if (m->family == 4) {
        struct pbc_range *all = with_room(r->r4, r->count4, &r->room4, sizeof *all);
        r->no_memory |= !all;
        if (!all) return;
        r->r4 = all;
        all[r->count4++] = m->v4;
    } else {
        struct pbc_range6 *all = with_room(r->r6, r->count6, &r->room6, sizeof *all);
        r->no_memory |= !all;
        if (!all) return;
        r->r6 = all;
        all[r->count6++] = m->v6;
    }
}

/* True if a text can only be an address: not a number, nor a word of hexadecimal digits. */
static bool may_be_address(const char *text, size_t len)
{
    unsigned dots = 0, colons = 0;
    for (size_t i = 0; i < len; i++) dots += text[i] == '.', colons += text[i] == ':';
    return len && len <= TEXT_SHOWN && (dots || colons > 1) && strspn(text, "0123456789abcdefABCDEF.:/-") >= len;
}

/* Keep the first bad line. Its text is shown if it might be an address: a stranger who controls the service must not
 * read other files through their faults. */
static void take_bad(void *arg, const struct addr_bad_line *l)
{
    const struct reading *r = arg;
    const char *text = l->text + l->col - 1;
    char why[200];
    if (*r->err) return;
    addr_fault_describe(text, l->len, l->fault, why, sizeof why);
    if (may_be_address(text, l->len))
        snprintf(r->err, r->err_len, "line %u: `%.*s`: %s", l->line, (int)l->len, text, why);
    else
        snprintf(r->err, r->err_len, "line %u: %s", l->line, why);
}

void address_list_fini(struct address_list *l)
{
    free((void *)(uintptr_t)l->base.r4);
    free((void *)(uintptr_t)l->base.r6);
    *l = (struct address_list){.members = 0};
}

int address_list_read(const char *text, size_t len, uint32_t most, struct address_list *l, char *err, size_t err_len)
{
    struct reading r = {.most = most, .err = err, .err_len = err_len};
    *err = 0;
    const bool is_text = addr_text_read(text, len, &(struct addr_reader){&r, take_member, take_bad});
    const uint64_t ranges = settle(&r);
    *l = (struct address_list){.base = {r.r4, r.r6, (uint32_t)r.count4, (uint32_t)r.count6}, .members = r.members};
    int failed = 0;
    if (!is_text)
        failed = -EINVAL, snprintf(err, err_len, "the file contains NUL bytes, so it isn't a list of addresses");
    else if (r.no_memory)
        failed = -ENOMEM, snprintf(err, err_len, "out of memory");
    else if (*err)
        failed = -EINVAL;
    else if (!l->members)
        failed = -EINVAL, snprintf(err, err_len, "it has no address");
    else if (r.too_many || ranges > most)
        failed = -EINVAL, snprintf(err, err_len, "it has more than %u ranges: set a larger `size`", most);
    if (failed) address_list_fini(l);
    return failed;
}

/* ---- the file ---- */

static uint64_t ns_of(const struct timespec *t) { return (uint64_t)t->tv_sec * 1000000000 + (uint64_t)t->tv_nsec; }

static struct file_mark mark_of(const struct stat *s)
{
    return (struct file_mark){s->st_dev, s->st_ino, (uint64_t)s->st_size, ns_of(&s->st_ctim), ns_of(&s->st_mtim)};
}

/* True if the file was written to a moment ago: its writer may still be writing. A clock that was set back proves
 * nothing. */
static bool is_young(const struct file_mark *m)
{
    const uint64_t now = clock_ns(CLOCK_REALTIME);
    return m->modified_ns <= now && now - m->modified_ns < SETTLED_NS;
}

/* Write the ranges into memory that no process can change afterwards. Return its descriptor or a negative errno. */
static int seal_ranges(const struct address_file *head, const struct live_base *base)
{
    const int fd = memfd_create("prey addresses", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) return -errno;
    int failed = write_whole(fd, head, sizeof *head);
    if (!failed && head->count6) failed = write_whole(fd, base->r6, head->count6 * sizeof *base->r6);
    if (!failed && head->count4) failed = write_whole(fd, base->r4, head->count4 * sizeof *base->r4);
    if (!failed && fcntl(fd, F_ADD_SEALS, SEALS)) failed = -errno;
    if (!failed) return fd;
    close(fd);
    return failed;
}

/* Read an open file into *l, and describe it in *head. Return 0 (also for a file that isn't a list) or a negative
 * errno. */
static int read_list(int fd, const char *path, uint32_t most, struct address_file *head, struct address_list *l)
{
    char why[280] = "";
    size_t len = 0;
    const uint64_t due = (UINT64_C(1) << 20) + (uint64_t)ADDRESS_FILE_EACH * most,
                   bound = (uint64_t)ADDRESS_FILE_MIB << 20;
    const uint64_t longest = due < bound ? due : bound;
    char *text = read_whole(fd, longest, &len);
    if (!text && errno == EFBIG)
        snprintf(why, sizeof why, "it has more than %u MiB, the limit for %u ranges", (unsigned)(longest >> 20), most);
    if (!text && errno != EFBIG) return -errno;
    const int failed = text ? address_list_read(text, len, most, l, why, sizeof why) : -EFBIG;
    free(text);
    if (failed) snprintf(head->fault, sizeof head->fault, "%.*s: %.180s", 120, path, why);
    head->members = l->members;
    head->count4 = l->base.count4;
    head->count6 = l->base.count6;
    return failed == -ENOMEM ? failed : 0;
}

int address_file_look(const char *path, const struct file_mark *was, uint32_t most, bool hurry, char *err,
                      size_t err_len)
{
    struct stat s;
    struct address_list l = {.members = 0};
    const int fd = file_open_regular(path, err, err_len);
    if (fd < 0) return fd;
    if (fstat(fd, &s)) return close_failed(fd);
    struct address_file head = {.mark = mark_of(&s)};
    const bool same = !memcmp(&head.mark, was, sizeof *was);
    if (same || (!hurry && is_young(&head.mark))) {
        close(fd);
        return same ? ADDRESS_FILE_SAME : ADDRESS_FILE_YOUNG;
    }
    const int failed = read_list(fd, path, most, &head, &l);
    close(fd);
    const int made = failed ? failed : seal_ranges(&head, &l.base);
    if (made < 0) snprintf(err, err_len, "%.300s: %s", path, strerror(-made));
    address_list_fini(&l);
    return made;
}

/* ---- the process that gets the ranges ---- */

struct live_base address_file_base(const struct address_file *f)
{
    const struct pbc_range6 *r6 = (const struct pbc_range6 *)(const void *)(f + 1);
    return (struct live_base){.r6 = r6,
                              .r4 = (const struct pbc_range *)(const void *)(r6 + f->count6),
                              .count4 = f->count4,
                              .count6 = f->count6};
}

/* True if the ranges are in order, with an address between each and the next. */
static bool is_in_order(const struct live_base *b)
{
    bool good = true;
    for (uint32_t i = 0; i < b->count4; i++)
        good &= b->r4[i].lo <= b->r4[i].hi && (!i || (uint64_t)b->r4[i - 1].hi + 1 < b->r4[i].lo);
    for (uint32_t i = 0; i < b->count6; i++) {
        const u128 lo = low6(&b->r6[i]), before = i ? high6(&b->r6[i - 1]) : 0;
        good &= lo <= high6(&b->r6[i]) && (!i || (before < lo && lo - before > 1));
    }
    return good;
}

const struct address_file *address_file_map(int fd, size_t *len)
{
    struct stat s;
    const bool large = !fstat(fd, &s) && s.st_size >= (off_t)sizeof(struct address_file);
    *len = large ? (size_t)s.st_size : 0;
    if (!large || (fcntl(fd, F_GET_SEALS) & SEALS) != SEALS) return NULL;
    void *at = mmap(NULL, *len, PROT_READ, MAP_PRIVATE, fd, 0);
    if (at == MAP_FAILED) return NULL;
    const struct address_file *f = at;
    const uint64_t due =
        sizeof *f + (uint64_t)f->count6 * sizeof(struct pbc_range6) + (uint64_t)f->count4 * sizeof(struct pbc_range);
    const struct live_base base = address_file_base(f);
    if (due == *len && memchr(f->fault, 0, sizeof f->fault) && is_in_order(&base)) return f;
    munmap(at, *len);
    return NULL;
}
