/* Shared by the readers of address files (words.h): the place in the file, faults, and the set that members come
 * from. */
#pragma once

#include "vm/words/words.h"

/* A stretch of the file, within one line. */
struct addr_word {
    const char *s, *line_start;
    size_t len;
    uint32_t line; /* from 1 */
};

/* The identity of a set: in nft each table may have a set of the same name. */
struct addr_set_name {
    struct addr_word name, family, table; /* len 0: not said */
};

struct addr_scan {
    const struct addr_reader *reader;
    const char *at, *end; /* what is left of the file */
    const char *line_start;
    uint32_t line;
    struct addr_set_name set[2]; /* the sets of the IPv4 and of the IPv6 members; name.len 0: no member came yet */
};

bool addr_word_is(const struct addr_word *w, const char *text);
/* Is it one of them? The list ends in NULL. */
bool addr_word_in(const struct addr_word *w, const char *const *list);
bool addr_same_word(const struct addr_word *a, const struct addr_word *b);
bool addr_is_blank(char ch);

/* The next line without what ends it; false: there is none. */
bool addr_next_line(struct addr_scan *s, struct addr_word *line);
/* The next word of the line between blanks, from *at on, which is moved behind it. False: there is none. */
bool addr_next_word(const struct addr_word *line, size_t *at, struct addr_word *word);

void addr_bad(const struct addr_scan *s, const struct addr_word *w, enum addr_fault fault);
/* Take an entry of that set. *refused: the user was told that the set is a second one, and is not told again. */
void addr_take(struct addr_scan *s, const struct addr_word *entry, const struct addr_set_name *set, bool *refused);

/* The readers of a whole file, from its first line on. */
void addr_read_plain(struct addr_scan *s);
void addr_read_ipset(struct addr_scan *s); /* addr_ipset.c */
void addr_read_nft(struct addr_scan *s);   /* addr_nft.c */
