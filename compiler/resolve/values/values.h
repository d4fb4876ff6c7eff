/* What is written where a value stands: constants, numbers, lists of ports, MAC addresses, addresses and host names. */
#pragma once

#include "compiler/resolve/names/names.h"

struct node_value {
    const struct node *node;
    const struct symbol *constant;
}; /* constant: NULL if written in place */
/* A node itself, or, if it names a constant, the value behind it; node is NULL after a report. */
struct node_value value_of(struct compile *c, const struct node *n);
/* What the node is, in the user's words: "an address", "the number 5". */
const char *value_name(const struct node *n);
/* Ends of an ADDR, PREFIX or ADDR_RANGE; false after reporting host bits or a reversed range. */
bool address_ends(struct compile *c, const struct node *n, struct addr *lo, struct addr *hi);
/* False after reporting that the range runs backwards. */
bool range_is_forward(struct compile *c, const struct node *n, uint64_t first, uint64_t last);
void report_wrong_value(struct compile *c, const struct node *at, struct node_value v, const char *wanted);
void addr_print(const struct addr *a, char buf[64]);
/* An address as struct key has it: host order, v4 in word 0. */
void addr_words(const struct addr *a, uint32_t words[4]);

/* A kind of number: its bounds, its words, and whether a ports list may stand for it. */
struct number_kind {
    const char *what;  /* "a port" */
    const char *range; /* "ports go from 0 to 65535" */
    uint32_t least, most;
    const char *less;         /* what to write in place of a number under `least`; or NULL */
    const struct word *words; /* names of the language for it; NULL-terminated */
    const char *words_what;   /* "an ICMP type" */
    bool ports;               /* ports lists may stand here */
};
struct word {
    const char *name;
    uint32_t value;
};

/* Collect siblings from `first` on into `out` and make it normal. False if any was wrong (all are reported). `name` (or
 * NULL) receives the one declared name that the list consists of. */
bool numbers_of(struct compile *c, const struct node *first, const struct number_kind *kind, struct symbol *from,
                struct number_set *out, const struct symbol **name);
/* Count `entries` that a name brings into a list; false after reporting that EXPAND_MAX is passed. */
bool expand(struct compile *c, struct span at, uint64_t entries);
void numbers_add(struct compile *c, struct number_set *s, uint32_t lo, uint32_t hi);
/* The same for one element; *name is set to the ports list that it names, if it does. */
bool numbers_add_node(struct compile *c, const struct node *n, const struct number_kind *kind, struct symbol *from,
                      struct number_set *out, const struct symbol **name);
void numbers_normalise(struct number_set *s);
bool number_one(struct compile *c, const struct node *n, const struct number_kind *kind, uint32_t *out);
/* One MAC address, constants followed; 48 bits, the first byte highest. False with a diagnostic if it is none. */
bool mac_one(struct compile *c, const struct node *n, uint64_t *mac);
bool numbers_hold(const struct number_set *s, uint32_t n);

bool ports_resolve(struct compile *c, struct symbol *s, struct symbol *from, struct span at);
bool names_resolve(struct compile *c, struct symbol *s, struct symbol *from, struct span at); /* hosts.c */
/* Entries of a list of names of hosts, or of texts, while it is made (hosts.c). */
struct listed {
    const char *text;        /* in the arena; of a host in normal form */
    const struct node *node; /* that brought it: a string, or the name of another list */
};
struct listing {
    struct listed *e;
    uint32_t n, cap;
};
void listing_add(struct compile *c, struct listing *list, const char *text, const struct node *node);
/* In the order of `compare`, without repetitions and without what an entry before covers; of both there is a warning.
 * vm/program/program.h has the two functions. */
void listing_settle(struct compile *c, struct listing *list, int (*compare)(const char *a, const char *b),
                    bool (*covers)(const char *glob, const char *text));
/* Into the image. */
bool listing_place(struct compile *c, enum pbc_names_kind kind, const struct listing *list, struct span at,
                   uint32_t *index);
/* A list of names of hosts, or of texts, that a condition names, in the image; false after a report (hosts.c).
 */
bool names_of(struct compile *c, const struct node *list, uint32_t *index);
enum text_kind { TEXT_ALPN, TEXT_PATH, TEXT_METHOD, TEXT_VALUE };
bool texts_of(struct compile *c, const struct node *list, enum text_kind kind, uint32_t *index);
bool names_place(struct compile *c, enum pbc_names_kind kind, const char *const *texts, uint32_t n, struct span at,
                 uint32_t *index);
bool macs_resolve(struct compile *c, struct symbol *s, struct symbol *from, struct span at);
/* MAC and NAME siblings; words: MAC_MULTICAST | MAC_BROADCAST may be given where `words` is not NULL. */
bool macs_of(struct compile *c, const struct node *first, struct symbol *from, struct mac_set *out, uint32_t *words,
             const struct symbol **name);
bool set_resolve(struct compile *c, struct symbol *s, struct symbol *from, struct span at);
/* The path of a file that the text at `at` names: relative to its own file. In the arena. */
char *path_beside(struct compile *c, struct span at, struct str name);
/* A file was read: it is no place for the output. */
void remember_file(struct symbols *s, uint64_t dev, uint64_t ino);

/* What a rule's address list holds. */
struct addr_list {
    struct addr_set set; /* all but the named sets kept apart; normal */
    struct symbol **big; /* named sets that stand alone or are too large to be copied into `set` */
    uint32_t big_count;
    bool any, self;
    const struct symbol *name; /* the list is this one set */
};
bool addr_list_of(struct compile *c, const struct node *list, struct addr_list *out);

/* The set that a name in a list stands for; NULL: it is none. */
struct symbol *named_set(struct compile *c, const struct node *n);

/* A value of a list of addresses. */
struct set_member {
    struct addr lo, hi;
    const struct node *node;
};
/* nested.c: tell of values and named sets of a list that lie inside others of it; `m` is sorted on the way. */
void warn_members(struct compile *c, struct set_member *m, size_t n, const struct node *list);
/* ", and so do 3 more", or nothing. */
enum { SO_DO_MAX = 48 };
const char *and_so_do(uint64_t more, char text[SO_DO_MAX]);
/* The list's sets as a run of SETS; false after reporting that the image is full. */
bool addr_list_place(struct compile *c, const struct addr_list *l, struct span at, uint32_t *first, uint32_t *count);
