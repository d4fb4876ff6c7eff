/* Reading address files. The whole file is read once; a line is judged by itself, so one pass names every bad line. */
#include "compiler/addrfile.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compiler/front_priv.h"

/* Four decimal numbers without leading zeros, as inet_pton takes them; nearly every line is one, so it is worth a loop.
 */
static bool parse_v4(const char *s, size_t len, struct addr *a)
{
    size_t i = 0;

    for (unsigned part = 0; part < 4; part++) {
        unsigned n = 0;
        const size_t from = i;

        if (part && (i >= len || s[i++] != '.')) return false;
        const size_t digits = part ? from + 1 : from;
        while (i < len && s[i] >= '0' && s[i] <= '9' && i - digits < 3) n = n * 10 + (unsigned)(s[i++] - '0');
        if (i == digits || n > 255 || (i - digits > 1 && s[digits] == '0')) return false;
        a->bytes[part] = (uint8_t)n;
    }
    a->family = 4;
    return i == len;
}

static bool parse_addr(const char *s, size_t len, struct addr *a)
{
    char text[INET6_ADDRSTRLEN];

    *a = (struct addr){0};
    if (parse_v4(s, len, a)) return true;
    if (len >= sizeof(text) || !memchr(s, ':', len) || memchr(s, '\0', len)) return false;
    memcpy(text, s, len);
    text[len] = '\0';
    *a = (struct addr){.family = 6};
    return inet_pton(AF_INET6, text, a->bytes) == 1;
}

static bool parse_length(const char *s, size_t len, unsigned most, unsigned *out)
{
    unsigned n = 0;

    if (len == 0 || len > 3 || (len > 1 && s[0] == '0')) return false;
    for (size_t i = 0; i < len; i++) {
        if (s[i] < '0' || s[i] > '9') return false;
        n = n * 10 + (unsigned)(s[i] - '0');
    }
    *out = n;
    return n <= most;
}

static const char *guess(const char *s, size_t len)
{
    bool letters = false;

    for (size_t i = 0; i < len; i++) {
        const char ch = s[i];

        if (ch == '%') return "an address with a zone belongs to one link, not into a set";
        letters = letters || (ch >= 'g' && ch <= 'z') || (ch >= 'G' && ch <= 'Z');
        if (ch == ' ' || ch == '\t' || ch == ',') return "one address, prefix or range a line, without spaces in it";
    }
    return letters ? "names of hosts can't stand in a set: their addresses change" : NULL;
}

bool addr_member_parse(const char *s, size_t len, struct addr *lo, struct addr *hi, const char **hint, bool *host_bits)
{
    const char *slash = memchr(s, '/', len), *dash = memchr(s, '-', len);
    const size_t first = (size_t)((slash ? slash : dash ? dash : s + len) - s);
    unsigned bits;

    *hint = NULL;
    *host_bits = false;
    if (!parse_addr(s, first, lo)) {
        *hint = guess(s, len);
        return false;
    }
    if (slash) {
        const struct addr a = *lo;

        if (!parse_length(slash + 1, len - first - 1, a.family == 4 ? 32 : 128, &bits)) {
            *hint = a.family == 4 ? "a prefix length goes from 0 to 32" : "a prefix length goes from 0 to 128";
            return false;
        }
        *host_bits = !prefix_ends(&a, bits, lo, hi);
        return !*host_bits;
    }
    *hi = *lo;
    if (!dash) return true;
    if (!parse_addr(dash + 1, len - first - 1, hi) || hi->family != lo->family) {
        *hint = "a range is two addresses of one family";
        return false;
    }
    if (addr_compare(lo, hi) > 0) {
        *hint = "the range runs backwards";
        return false;
    }
    return true;
}

struct reader {
    struct compile *c;
    const char *path;
    uint64_t faults;
    struct addr_set *out;
    struct addrfile *info;
    size_t compact_at; /* normalise when so many ranges wait: a file of repetitions stays small */
};

static void report_line(struct reader *r, unsigned line, const char *text, size_t text_len, size_t from, size_t len,
                        const char *hint, bool host_bits)
{
    char shown[256];

    if (r->faults++ >= ADDRFILE_FAULTS_MAX) return;
    text_len = text_len < sizeof(shown) ? text_len : sizeof(shown) - 1;
    memcpy(shown, text, text_len);
    shown[text_len] = '\0';
    const unsigned col = (unsigned)from + 1, width = (unsigned)(len < 200 ? len : 200);
    if (host_bits) {
        struct addr a, lo, hi;
        unsigned bits = 0;
        char net[64], host[64];
        const char *s = text + from, *slash = memchr(s, '/', len);

        parse_addr(s, (size_t)(slash - s), &a);
        parse_length(slash + 1, len - (size_t)(slash - s) - 1, 128, &bits);
        prefix_ends(&a, bits, &lo, &hi);
        addr_print(&lo, net);
        addr_print(&a, host);
        diag_at(r->c->diags, E_ADDRESS_LINE, r->path, line, col, width, shown,
                "the address has bits set past its first %u: this is either the network %s/%u or the host %s", bits,
                net, bits, host);
        return;
    }
    diag_at(r->c->diags, E_ADDRESS_LINE, r->path, line, col, width, shown, "this is no address, prefix or range%s%s",
            hint ? ": " : "", hint ? hint : "");
}

static bool is_blank(char ch) { return ch == ' ' || ch == '\t' || ch == '\r' || ch == '\f' || ch == '\v'; }

static void read_line(struct reader *r, unsigned line, const char *text, size_t len)
{
    const char *hash = memchr(text, '#', len);
    size_t from = 0, to = hash ? (size_t)(hash - text) : len;
    struct addr lo, hi;
    const char *hint;
    bool host_bits;

    while (from < to && is_blank(text[from])) from++;
    while (to > from && is_blank(text[to - 1])) to--;
    if (from == to) return;
    if (!addr_member_parse(text + from, to - from, &lo, &hi, &hint, &host_bits)) {
        while (len && text[len - 1] == '\r') len--;
        report_line(r, line, text, len, from, to - from, hint, host_bits);
        return;
    }
    set_add(r->out, &lo, &hi);
    r->info->members++;
    if (set_size(r->out) >= r->compact_at) {
        r->info->inside += set_normalise(r->out);
        r->compact_at = set_size(r->out) * 2 > r->compact_at ? set_size(r->out) * 2 : r->compact_at;
    }
}

static void read_lines(struct reader *r, const char *text, size_t len)
{
    const char *const end = text + len;
    unsigned line = 1;

    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) text += 3;
    for (; text < end; line++) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        const char *stop = newline ? newline : end;

        read_line(r, line, text, (size_t)(stop - text));
        text = stop + 1;
    }
    r->info->inside += set_normalise(r->out);
}

/* The file's bytes, or NULL with *why set: for people. */
static char *read_whole(const char *path, size_t *len, struct addrfile *info, const char **why)
{
    struct stat st;
    char *text = NULL;
    size_t n = 0;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0 || fstat(fd, &st) < 0)
        *why = strerror(errno);
    else if (!S_ISREG(st.st_mode))
        *why = S_ISDIR(st.st_mode) ? "it is a folder" : "it is not a regular file";
    else if (st.st_size > ADDRFILE_BYTES_MAX)
        *why = "it is larger than 256 MiB";
    else if (!(text = malloc((size_t)st.st_size + 1)))
        *why = strerror(ENOMEM);
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
    if (memchr(text, '\0', len)) {
        diag(c->diags, E_ADDRESS_FILE, at, "the address file `%s` is not text: it holds zero bytes", path);
        r.faults = 1;
    } else {
        read_lines(&r, text, len);
    }
    free(text);
    if (r.faults > ADDRFILE_FAULTS_MAX)
        diag(c->diags, E_ADDRESS_FILE, at, "the address file `%s` has %" PRIu64 " more bad lines", path,
             r.faults - ADDRFILE_FAULTS_MAX);
    return r.faults == 0;
}
