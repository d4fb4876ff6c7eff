/* preyctl sets NAME feed: one change per line, as long as standard input is open. Lines that come together are sent
 * together; no connection stays open while no line comes. A takeover does not end it. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/when.h"
#include "runtime/preyctl/command/sets/changes.h"

enum {
    LINE_MOST = 4096 /* most bytes of a line */,
    AT_ONCE = 1 << 16,
    MORE_MS = 1 /* time in which more lines may come */
};

struct feed {
    struct changes c;
    uint64_t line; /* number of the line that is read */
    char text[LINE_MOST];
    size_t len;
    bool too_long;
    int failed;
};

/* Read the duration after a member. False if the text isn't one. */
static bool duration_of(const char *s, size_t len, uint64_t *ms)
{
    char text[32];
    uint64_t ns;
    if (len >= sizeof text) return false;
    memcpy(text, s, len);
    text[len] = 0;
    if (!duration_read(text, &ns) || !ns) return false;
    *ms = (ns + 999999) / 1000000;
    return true;
}

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

/* Remove `cut` from the end of the text after a member. */
static bool cut_of(const char *s, size_t *len)
{
    const size_t word = strlen("cut");
    if (*len < word || memcmp(s + *len - word, "cut", word) != 0) return false;
    if (*len > word && !is_blank(s[*len - word - 1])) return false;
    *len -= word;
    while (*len && is_blank(s[*len - 1])) --*len;
    return true;
}

/* Take a line: `+A[/N] [D] [cut]`, `-A[/N]`, or a decision of CrowdSec's. */
static void line_take(struct feed *f, size_t len)
{
    const char *s = f->text;
    char why[300];
    struct member_record r;
    if (len && s[len - 1] == '\r') len--;
    while (len && is_blank(s[len - 1])) len--;
    if (!len || *s == '#') return;
    if (memchr(s, 0, len)) {
        changes_refuse(&f->c, f->line, s, len, "the line has a NUL byte");
        return;
    }
    if (*s == '{') {
        if (decision_read(s, len, &r, why, sizeof why))
            f->failed |= changes_put(&f->c, &r, f->line, s, len);
        else
            changes_refuse(&f->c, f->line, s, len, why);
        return;
    }
    size_t member = 1;
    while (member < len && !is_blank(s[member])) member++;
    size_t more = member;
    while (more < len && is_blank(s[more])) more++;
    if (*s != '+' && *s != '-') {
        changes_refuse(&f->c, f->line, s, len,
                       "a line must begin with `+` or `-`: +ADDRESS[/N] [DURATION] [cut], -ADDRESS[/N]");
        return;
    }
    if (!member_read(s + 1, member - 1, &r, why, sizeof why)) {
        changes_refuse(&f->c, f->line, s, len, why);
        return;
    }
    r.does = *s == '-' ? MEMBER_REMOVE : MEMBER_ADD;
    size_t behind = len - more;
    if (*s == '+' && cut_of(s + more, &behind)) r.flags |= MEMBER_CUT;
    if (behind && (*s == '-' || !duration_of(s + more, behind, &r.ms))) {
        changes_refuse(&f->c, f->line, s, len,
                       *s == '-' ? "nothing may follow a member to remove"
                                 : "only a time such as 30s, 5m, 2h or 7d, and `cut`, may follow the member");
        return;
    }
    f->failed |= changes_put(&f->c, &r, f->line, s, len);
}

/* Take the bytes that were read: lines, and the beginning of one. */
static void bytes_take(struct feed *f, const char *s, size_t len)
{
    while (len && !f->failed) {
        const char *end = memchr(s, '\n', len);
        const size_t part = end ? (size_t)(end - s) : len, room = LINE_MOST - f->len, fits = part < room ? part : room;
        memcpy(f->text + f->len, s, fits);
        f->len += fits;
        f->too_long |= part > room;
        s += part + (end != NULL);
        len -= part + (end != NULL);
        if (!end) return;
        f->line++;
        if (f->too_long)
            changes_refuse(&f->c, f->line, f->text, f->len, "the line is longer than 4,096 bytes");
        else
            line_take(f, f->len);
        f->len = 0;
        f->too_long = false;
    }
}

static bool more_waits(void) { return poll(&(struct pollfd){.fd = STDIN_FILENO, .events = POLLIN}, 1, MORE_MS) > 0; }

int sets_feed(struct talk *t, const char *set, bool wide)
{
    static char bytes[AT_ONCE];
    struct feed f = {.line = 0};
    ssize_t got;
    if (!changes_init(&f.c, t, set)) return 2;
    f.c.wide = wide;
    f.c.lasts = true;
    while (!f.failed && (got = read(STDIN_FILENO, bytes, sizeof bytes)) != 0) {
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) f.failed = talk_complain("standard input: %s", strerror(errno));
        if (got > 0) bytes_take(&f, bytes, (size_t)got);
        if (!f.failed && !more_waits()) f.failed = changes_send(&f.c);
    }
    if (!f.failed && (f.len || f.too_long))
        changes_refuse(&f.c, f.line + 1, f.text, f.len, "the input ends in the middle of this line");
    if (!f.failed) f.failed = changes_send(&f.c);
    const int status = changes_tell(&f.c);
    changes_fini(&f.c);
    return f.failed ? f.failed : status;
}
