/* Host names, texts, their globs and lists of them (program.h). */
#include <string.h>

#include "vm/program/program.h"

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c; }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* Check one label in lower case. */
static enum host_fault label_fault(const char *s, size_t len)
{
    if (len == 0) return HOST_LABEL_EMPTY;
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)s[i] >= 0x80) return HOST_NOT_ASCII;
        if (s[i] == '*') return HOST_STAR;
        if (!is_digit(s[i]) && !(s[i] >= 'a' && s[i] <= 'z') && s[i] != '-') return HOST_CHARACTER;
    }
    if (len > HOST_LABEL_MAX) return HOST_LABEL_LONG;
    return s[0] == '-' || s[len - 1] == '-' ? HOST_HYPHEN : HOST_GOOD;
}

static bool is_number(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!is_digit(s[i])) return false;
    return true;
}

/* Check all labels of a normal name, given without its `*.`. */
static enum host_fault labels_fault(const char *s)
{
    while (true) {
        const size_t len = strcspn(s, ".");
        enum host_fault fault = label_fault(s, len);
        if (fault) return fault;
        if (!s[len]) return is_number(s, len) ? HOST_NUMBER : HOST_GOOD;
        s += len + 1;
    }
}

static bool is_glob(const char *s) { return s[0] == '*' && s[1] == '.'; }

enum host_fault host_normal(const char *s, size_t len, char out[HOST_MAX + 1])
{
    if (len > 1 && s[len - 1] == '.') len--;
    if (len == 0) return HOST_EMPTY;
    if (len > HOST_MAX) return HOST_LONG;
    for (size_t i = 0; i < len; i++) out[i] = lower(s[i]);
    out[len] = '\0';
    if (strlen(out) != len) return HOST_CHARACTER;
    return labels_fault(is_glob(out) ? out + 2 : out);
}

/* Return the rank of a character in host_compare: dot, then star, then the rest. So names that end in another name
 * follow it directly. */
static int rank(char c) { return c == '.' ? 0 : c == '*' ? 1 : 2 + (unsigned char)c; }

static int compare_from_end(const char *a, size_t a_len, const char *b, size_t b_len)
{
    while (a_len && b_len) {
        int d = rank(a[--a_len]) - rank(b[--b_len]);
        if (d) return d;
    }
    return (a_len > 0) - (b_len > 0);
}

int host_compare(const char *a, const char *b) { return compare_from_end(a, strlen(a), b, strlen(b)); }

/* True if the name ends in the text behind the glob's star and has something before it. */
static bool glob_fits(const char *glob, const char *name, size_t len)
{
    const size_t tail = strlen(glob) - 1;
    return len > tail && memcmp(name + len - tail, glob + 1, tail) == 0;
}

bool host_covers(const char *glob, const char *name)
{
    return is_glob(glob) && strcmp(glob, name) != 0 && glob_fits(glob, name, strlen(name));
}

/* Write the client's name in lower case and without a dot at its end. Return its length, 0 if it can't be a name. */
static size_t client_name(const char *s, size_t len, char out[HOST_MAX])
{
    if (len && s[len - 1] == '.') len--;
    if (len == 0 || len > HOST_MAX || s[0] == '.') return 0;
    for (size_t i = 0; i < len; i++) {
        if (s[i] == '.' && i + 1 < len && s[i + 1] == '.') return 0;
        out[i] = lower(s[i]);
    }
    return out[len - 1] == '.' ? 0 : len;
}

/* Return the number of bytes before a glob's `*`, or of all bytes of a plain text. */
static size_t stem(const char *s, bool *glob)
{
    const size_t len = strlen(s);
    *glob = len && s[len - 1] == '*';
    return len - *glob;
}

static int bytes_compare(const char *a, size_t a_len, const char *b, size_t b_len)
{
    const int d = memcmp(a, b, a_len < b_len ? a_len : b_len);
    return d ? d : (a_len > b_len) - (a_len < b_len);
}

int text_compare(const char *a, const char *b)
{
    bool a_glob, b_glob;
    const size_t a_len = stem(a, &a_glob), b_len = stem(b, &b_glob);
    const int d = bytes_compare(a, a_len, b, b_len);
    return d ? d : b_glob - a_glob;
}

bool text_covers(const char *glob, const char *text)
{
    bool is_glob, other;
    const size_t len = stem(glob, &is_glob);
    return is_glob && strcmp(glob, text) != 0 && stem(text, &other) >= len && memcmp(glob, text, len) == 0;
}

/* Compare an entry of the list with a client's text: <0, 0, >0. */
static int entry_compare(const struct pbc_names *l, const char *entry, const char *s, size_t len)
{
    bool glob;
    if (l->kind == PBC_NAMES_TEXTS) return bytes_compare(entry, stem(entry, &glob), s, len);
    return compare_from_end(entry, strlen(entry), s, len);
}

static bool entry_holds(const struct pbc_names *l, const char *entry, const char *s, size_t len)
{
    if (l->kind == PBC_NAMES_TEXTS) {
        bool glob;
        const size_t own = stem(entry, &glob);
        return (glob ? len >= own : len == own) && memcmp(entry, s, own) == 0;
    }
    return is_glob(entry) ? glob_fits(entry, s, len) : entry_compare(l, entry, s, len) == 0;
}

/* Convert a client's text into the form in which the list's entries are compared. False: no entry can match. */
static bool comparable(const struct pbc_names *l, const char **s, size_t *len, char name[HOST_MAX])
{
    if (l->kind == PBC_NAMES_TEXTS) return true;
    *len = client_name(*s, *len, name);
    *s = name;
    return *len;
}

bool names_match(const struct program *p, uint32_t list, const char *s, size_t len)
{
    const struct pbc_names *l = &p->names[list];
    char name[HOST_MAX];
    uint32_t from = 0, to = l->count; /* `from` ends as the index of the first entry behind the text */
    if (!comparable(l, &s, &len, name)) return false;
    while (from < to) {
        const uint32_t mid = from + (to - from) / 2;
        if (entry_compare(l, program_str(p, p->hosts[l->first + mid]), s, len) <= 0)
            from = mid + 1;
        else
            to = mid;
    }
    return from && entry_holds(l, program_str(p, p->hosts[l->first + from - 1]), s, len);
}

bool names_match_plain(const struct program *p, uint32_t list, const char *s, size_t len)
{
    const struct pbc_names *l = &p->names[list];
    char name[HOST_MAX];
    if (!comparable(l, &s, &len, name)) return false;
    for (uint32_t i = 0; i < l->count; i++)
        if (entry_holds(l, program_str(p, p->hosts[l->first + i]), s, len)) return true;
    return false;
}
