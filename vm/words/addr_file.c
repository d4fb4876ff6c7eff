/* Address files (words.h). This file detects the form, reads files with one entry per line, and has the helpers of
 * all forms. */
#include <string.h>

#include "vm/words/words_priv.h"

bool addr_is_blank(char ch) { return ch == ' ' || ch == '\t' || ch == '\r' || ch == '\f' || ch == '\v'; }

bool addr_word_is(const struct addr_word *w, const char *text)
{
    return strlen(text) == w->len && memcmp(text, w->s, w->len) == 0;
}

bool addr_word_in(const struct addr_word *w, const char *const *list)
{
    while (*list && !addr_word_is(w, *list)) list++;
    return *list;
}

bool addr_same_word(const struct addr_word *a, const struct addr_word *b)
{
    return a->len == b->len && (!a->len || memcmp(a->s, b->s, a->len) == 0); /* an empty word may have s NULL */
}

bool addr_next_line(struct addr_scan *s, struct addr_word *line)
{
    if (s->at == s->end) return false;
    const char *newline = memchr(s->at, '\n', (size_t)(s->end - s->at)), *stop = newline ? newline : s->end;
    s->line++;
    s->line_start = s->at;
    *line = (struct addr_word){s->at, s->at, (size_t)(stop - s->at), s->line};
    s->at = newline ? stop + 1 : s->end;
    return true;
}

bool addr_next_word(const struct addr_word *line, size_t *at, struct addr_word *word)
{
    while (*at < line->len && addr_is_blank(line->s[*at])) (*at)++;
    const size_t from = *at;
    while (*at < line->len && !addr_is_blank(line->s[*at])) (*at)++;
    *word = (struct addr_word){line->s + from, line->line_start, *at - from, line->line};
    return word->len > 0;
}

/* Bytes of the line that a fault shows behind the member; a line may be as long as the file. */
enum { LINE_SHOWN = 256 };

void addr_bad(const struct addr_scan *s, const struct addr_word *w, enum addr_fault fault)
{
    const char *const behind = w->s + w->len;
    const size_t room = (size_t)(s->end - behind), most = room < LINE_SHOWN ? room : LINE_SHOWN;
    const char *newline = memchr(behind, '\n', most);
    const size_t col = (size_t)(w->s - w->line_start);
    size_t len = (size_t)((newline ? newline : behind + most) - w->line_start);
    while (len > col + w->len && w->line_start[len - 1] == '\r') len--;
    s->reader->bad(s->reader->arg, &(struct addr_bad_line){.line = w->line,
                                                           .col = col < UINT32_MAX ? (uint32_t)col + 1 : UINT32_MAX,
                                                           .text = w->line_start,
                                                           .text_len = len,
                                                           .len = w->len,
                                                           .fault = fault});
}

/* True if the families are equal. A table without a family belongs to IPv4 (nft(8), address families). */
static bool same_family(const struct addr_word *a, const struct addr_word *b)
{
    const bool a_is_ip = !a->len || addr_word_is(a, "ip"), b_is_ip = !b->len || addr_word_is(b, "ip");
    return (a_is_ip && b_is_ip) || addr_same_word(a, b);
}

static bool same_set(const struct addr_set_name *a, const struct addr_set_name *b)
{
    return addr_same_word(&a->name, &b->name) && addr_same_word(&a->table, &b->table) &&
           same_family(&a->family, &b->family);
}

void addr_take(struct addr_scan *s, const struct addr_word *entry, const struct addr_set_name *set, bool *refused)
{
    struct addr_member m;
    const enum addr_fault fault = addr_text_member(entry->s, entry->len, &m);
    if (fault != ADDR_GOOD) {
        addr_bad(s, entry, fault);
        return;
    }
    struct addr_set_name *from = &s->set[m.family == 6];
    if (!from->name.len) *from = *set;
    if (same_set(from, set)) {
        s->reader->member(s->reader->arg, &m);
    } else if (!*refused) {
        *refused = true;
        addr_bad(s, &set->name, ADDR_SECOND);
    }
}

/* Read a line with one entry. */
static void read_entry_line(struct addr_scan *s, const struct addr_word *line)
{
    struct addr_word entry = *line;
    struct addr_member m;
    size_t len = 0;
    while (len < entry.len && entry.s[len] != '#' && entry.s[len] != ';') len++;
    entry.len = len;
    while (entry.len && addr_is_blank(*entry.s)) entry.s++, entry.len--;
    while (entry.len && addr_is_blank(entry.s[entry.len - 1])) entry.len--;
    if (!entry.len) return;
    const enum addr_fault fault = addr_text_member(entry.s, entry.len, &m);
    if (fault == ADDR_GOOD)
        s->reader->member(s->reader->arg, &m);
    else
        addr_bad(s, &entry, fault);
}

void addr_read_plain(struct addr_scan *s)
{
    struct addr_word line;
    while (addr_next_line(s, &line)) read_entry_line(s, &line);
}

/* Name the form of a file that cannot be read; ADDR_GOOD: it may be readable. */
static enum addr_fault other_form(const struct addr_word *first)
{
    if (*first->s == '{' || (*first->s == '[' && (first->len == 1 || strchr("{\"[]", first->s[1])))) return ADDR_JSON;
    if (*first->s == '<') return ADDR_PAGE;
    return addr_word_is(first, "Name:") ? ADDR_LISTING : ADDR_GOOD;
}

/* True for `add element inet filter bad { ... }`, false for an ipset's line such as `add element 192.0.2.1`, whose set
 * is called `element`. */
static bool is_nft_command(const struct addr_word *line, size_t at)
{
    static const char *const things[] = {"table", "set", "element", "ruleset", "chain", "map", "rule", NULL};
    struct addr_word what, third;
    struct addr_member m;
    if (!addr_next_word(line, &at, &what) || !addr_word_in(&what, things)) return false;
    if (!addr_next_word(line, &at, &third)) return addr_word_is(&what, "ruleset");
    return !memchr(third.s, ':', third.len) && addr_text_member(third.s, third.len, &m) != ADDR_GOOD;
}

/* Find the form of the file from its first line that is not empty. */
static void read_form(struct addr_scan *s, const struct addr_word *line)
{
    static const char *const nft[] = {"table", "set", "define", "elements", NULL};
    static const char *const ipset[] = {"create", "-N", "add", "-A", "flush", "-F", NULL};
    static const char *const either[] = {"create", "add", "flush", "delete", "destroy", NULL};
    struct addr_word first;
    size_t at = 0;
    addr_next_word(line, &at, &first);
    const enum addr_fault other = other_form(&first);
    if (other != ADDR_GOOD)
        addr_bad(s, &first, other);
    else if (addr_word_in(&first, nft) || (addr_word_in(&first, either) && is_nft_command(line, at)))
        addr_read_nft(s);
    else if (addr_word_in(&first, ipset))
        addr_read_ipset(s);
    else
        addr_read_plain(s);
}

bool addr_text_read(const char *text, size_t len, const struct addr_reader *reader)
{
    if (len && memchr(text, '\0', len)) return false;
    const char *const end = text + len;
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) text += 3;
    struct addr_scan begin = {.reader = reader, .at = text, .end = end, .line_start = text}, s = begin;
    struct addr_word line, first;
    while (addr_next_line(&s, &line)) {
        size_t at = 0;
        if (!addr_next_word(&line, &at, &first) || *first.s == '#' || *first.s == ';') continue;
        read_form(&begin, &line);
        break;
    }
    return true;
}
