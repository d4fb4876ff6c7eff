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

/* The identity of a set; in nft, tables may have sets of the same name. */
struct addr_set_name {
    struct addr_word name, family, table; /* len 0: not given */
};

struct addr_scan {
    const struct addr_reader *reader;
    const char *at, *end; /* the unread rest of the file */
    const char *line_start;
    uint32_t line;
    struct addr_set_name set[2]; /* sets that the IPv4 and the IPv6 members come from; name.len 0: no member yet */
};

bool addr_word_is(const struct addr_word *w, const char *text);
/* True if the word is in the list, which ends in NULL. */
bool addr_word_in(const struct addr_word *w, const char *const *list);
bool addr_same_word(const struct addr_word *a, const struct addr_word *b);
bool addr_is_blank(char ch);

/* Read the next line, without its end; false at the end of the file. */
bool addr_next_line(struct addr_scan *s, struct addr_word *line);
/* Read the next word of the line from *at on and move *at behind it; false at the end of the line. */
bool addr_next_word(const struct addr_word *line, size_t *at, struct addr_word *word);

void addr_bad(const struct addr_scan *s, const struct addr_word *w, enum addr_fault fault);
/* Take an entry of that set. *refused: the user was told that this is a second set, and is not told again. */
void addr_take(struct addr_scan *s, const struct addr_word *entry, const struct addr_set_name *set, bool *refused);

/* Readers of a whole file, from its first line on. */
void addr_read_plain(struct addr_scan *s);
void addr_read_ipset(struct addr_scan *s); /* addr_ipset.c */
void addr_read_nft(struct addr_scan *s);   /* addr_nft.c */
