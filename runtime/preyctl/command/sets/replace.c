/* preyctl sets NAME replace: the addresses of a file in place of all members. The file is read and sorted here; the
 * service accepts all of it or nothing. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/files.h"
#include "runtime/preyctl/command/sets/changes.h"
#include "runtime/preyctl/hand.h"
#include "runtime/preyctl/print_json.h"
#include "runtime/report/document/item.h"

enum { FAULTS_SHOWN = 10, LINE_SHOWN = 100 };
#define FILE_BYTES_MOST ((size_t)256 << 20)

struct replaced_by {
    struct member_range *all;
    size_t count, room, faults;
    bool full; /* no memory, or more than the service takes */
};

static void take_member(void *arg, const struct addr_member *m)
{
    struct replaced_by *r = arg;
    if (r->count == r->room) {
        const size_t room = r->room ? 2 * r->room : 1024;
        struct member_range *more = room > MEMBER_RANGES_MOST ? NULL : realloc(r->all, room * sizeof *more);
        r->full |= !more;
        if (!more) return;
        r->all = more;
        r->room = room;
    }
    struct member_range *to = &r->all[r->count];
    *to = (struct member_range){.at = (uint32_t)r->count++, .v6 = m->family == 6};
    if (m->family == 4) {
        to->lo[0] = m->v4.lo;
        to->hi[0] = m->v4.hi;
        return;
    }
    range6_words(&m->v6, to->lo, to->hi);
}

static void take_bad(void *arg, const struct addr_bad_line *l)
{
    struct replaced_by *r = arg;
    char why[300];
    if (r->faults++ >= FAULTS_SHOWN) return;
    addr_fault_describe(l->text + l->col - 1, l->len, l->fault, why, sizeof why);
    talk_complain("line %u: `%.*s`: %s", l->line, (int)(l->len < LINE_SHOWN ? l->len : LINE_SHOWN),
                  l->text + l->col - 1, why);
}

static int range_compare(const void *a, const void *b)
{
    const struct member_range *x = a, *y = b;
    if (x->v6 != y->v6) return x->v6 < y->v6 ? -1 : 1;
    for (unsigned i = 0; i < 4; i++)
        if (x->lo[i] != y->lo[i]) return x->lo[i] < y->lo[i] ? -1 : 1;
    return 0;
}

static void count_member(void *arg, const struct addr_member *m)
{
    (void)m;
    ++*(size_t *)arg;
}

static void ignore_bad(void *arg, const struct addr_bad_line *l)
{
    (void)arg;
    (void)l;
}

/* Return the number of members in the first `len` bytes. */
static size_t members_in(const char *text, size_t len)
{
    size_t n = 0;
    addr_text_read(text, len, &(struct addr_reader){&n, count_member, ignore_bad});
    return n;
}

/* Return the beginnings of all lines and the end of the text, [*lines + 1]; NULL: out of memory. */
static size_t *line_begins(const char *text, size_t len, size_t *lines)
{
    size_t count = 1;
    for (size_t i = 0; i + 1 < len; i++) count += text[i] == '\n';
    size_t *begin = calloc(count + 1, sizeof *begin);
    if (!begin) return NULL;
    *lines = 1;
    for (size_t i = 0; i + 1 < len; i++)
        if (text[i] == '\n') begin[(*lines)++] = i + 1;
    begin[*lines] = len;
    return begin;
}

/* Report the line of the member with that number, from 0, and why it was refused. It is the first line up to whose
 * end there are more members than `at`. */
static void tell_refused(const char *text, size_t len, size_t at, const char *why)
{
    size_t lines, lo = 0;
    size_t *begin = line_begins(text, len, &lines);
    for (size_t hi = begin ? lines - 1 : 0; lo < hi;) {
        const size_t mid = lo + (hi - lo) / 2;
        if (members_in(text, begin[mid + 1]) > at)
            hi = mid;
        else
            lo = mid + 1;
    }
    if (begin) {
        size_t all = begin[lo + 1] - begin[lo];
        while (all && (text[begin[lo] + all - 1] == '\n' || text[begin[lo] + all - 1] == '\r')) all--;
        talk_complain("line %zu: `%.*s`: %s", lo + 1, (int)(all < LINE_SHOWN ? all : LINE_SHOWN), text + begin[lo],
                      why);
    }
    free(begin);
}

/* Ask, and print the answer. Return the exit status. */
static int replace_ask(struct talk *t, const char *set, bool wide, int fd, const char *text, size_t len)
{
    struct message m;
    cJSON *question = sets_question("replace", set), *now = NULL;
    if (wide) cJSON_AddTrueToObject(question, "wide");
    int next = talk_ask(t, question, fd) ? -1 : 1;
    while (next > 0 && (next = talk_next(t, &m, PATIENCE_MS)) > 0) {
        if (m.kind != MESSAGE_DOCUMENT) continue;
        cJSON_Delete(now);
        now = document_parse(m.body, m.len);
    }
    if (!next && t->status == 1 && item(now, "at"))
        tell_refused(text, len, (size_t)item_number(now, "at"), item_text(now, "why"));
    const int status = talk_over(t, next);
    if (!status) talk_tell(t, now);
    cJSON_Delete(now);
    return status;
}

int sets_replace_by(struct talk *t, const char *set, bool wide)
{
    size_t len = 0;
    struct replaced_by r = {.count = 0};
    char *text = read_whole(STDIN_FILENO, FILE_BYTES_MOST, &len);
    if (!text && errno == EFBIG)
        return talk_complain("standard input has more than %zu MiB, which is the limit", FILE_BYTES_MOST >> 20);
    if (!text) return talk_complain("standard input: %s", strerror(errno));
    int status = 0;
    if (!addr_text_read(text, len, &(struct addr_reader){&r, take_member, take_bad}))
        status = talk_complain("standard input has NUL bytes, so it isn't a list of addresses") ? 1 : 0;
    else if (r.faults > FAULTS_SHOWN)
        status = talk_complain("%zu more bad lines", r.faults - FAULTS_SHOWN) ? 1 : 0;
    else if (!r.faults && !r.count)
        status = talk_complain("standard input has no address; to remove all members, run: preyctl sets %s flush", set)
                     ? 1
                     : 0;
    if (!status && r.full)
        status = talk_complain("out of memory, or more than %u members", (unsigned)MEMBER_RANGES_MOST);
    if (!status && r.faults) status = 1;
    if (status == 1) talk_complain("%s: nothing has changed", set);
    if (!status && r.count) qsort(r.all, r.count, sizeof *r.all, range_compare);
    const int fd = status ? -1 : hand_bytes(r.all, r.count * sizeof *r.all);
    if (!status) status = fd < 0 ? 2 : replace_ask(t, set, wide, fd, text, len);
    if (fd >= 0) close(fd);
    free(r.all);
    free(text);
    return status;
}
