/* Values: constants, numbers, lists of ports, MAC addresses, addresses and host names */
#pragma once

#include "compiler/resolve/names/symbols.h"

struct node_value {
    const struct node *node;
    const struct symbol *constant;
}; /* constant: NULL if the value is written in place */
/* Return the node, or the value of the constant that it names; node is NULL after a report. */
struct node_value value_of(struct compile *c, const struct node *n);
/* Describe the node for messages: "an address", "the number 5". */
const char *value_name(const struct node *n);
/* Return the ends of an ADDR, PREFIX or ADDR_RANGE; false after reporting host bits or a reversed range. */
bool address_ends(struct compile *c, const struct node *n, struct addr *lo, struct addr *hi);
/* True if the range runs forward; else report. */
bool range_is_forward(struct compile *c, const struct node *n, uint64_t first, uint64_t last);
void report_wrong_value(struct compile *c, const struct node *at, struct node_value v, const char *wanted);
void addr_print(const struct addr *a, char buf[64]);
/* Write an address as words in host order, as in struct key; an IPv4 address is word 0. */
void addr_words(const struct addr *a, uint32_t words[4]);

/* A kind of number: its bounds, its words, and the use of ports lists in its place */
struct number_kind {
    const char *what;  /* noun, such as "a port" */
    const char *range; /* sentence, such as "ports go from 0 to 65535" */
    uint32_t least, most;
    const char *less;         /* replacement for a number under `least`; or NULL */
    const struct word *words; /* names of the language for it; NULL-terminated */
    const char *words_what;   /* noun for the words without article, such as "ICMP type" */
    bool ports;               /* true if ports lists are possible here */
};
/* Numbers that are in several places. plain: a number only; listed: also the name of a list */
extern const struct number_kind plain_port_kind, listed_port_kind, gue_port_kind, vlan_kind, icmp_code_kind;
struct word {
    const char *name;
    uint32_t value;
};

/* Collect siblings from `first` on into `out`, normal afterwards. False after reports. *name (name may be NULL): the
 * declared name, if the list is one name. */
bool numbers_of(struct compile *c, const struct node *first, const struct number_kind *kind, struct symbol *from,
                struct number_set *out, const struct symbol **name);
/* Count `entries` that a name adds to a list; false after reporting that EXPAND_MAX is exceeded. */
bool expand(struct compile *c, struct span at, uint64_t entries);
void numbers_add(struct compile *c, struct number_set *s, uint32_t lo, uint32_t hi);
/* Add one element; *name: the ports list that it names, if any. */
bool numbers_add_node(struct compile *c, const struct node *n, const struct number_kind *kind, struct symbol *from,
                      struct number_set *out, const struct symbol **name);
void numbers_normalise(struct number_set *s);
bool number_one(struct compile *c, const struct node *n, const struct number_kind *kind, uint32_t *out);
/* Read one MAC address or a constant of one: 48 bits, the first byte highest. False after a report. */
bool mac_one(struct compile *c, const struct node *n, uint64_t *mac);
bool numbers_hold(const struct number_set *s, uint32_t n);

bool ports_resolve(struct compile *c, struct symbol *s, struct symbol *from, struct span at);
/* hosts.c: resolve the list, and the lists that it names. */
bool names_resolve(struct compile *c, struct symbol *s, struct symbol *from, struct span at);
/* Entries of a list of host names or texts while it is built (hosts.c) */
struct listed {
    const char *text;        /* text in the arena; host names in normal form */
    const struct node *node; /* source of the entry: a string, or the name of another list */
};
struct listing {
    struct listed *e;
    uint32_t n, cap;
};
void listing_add(struct compile *c, struct listing *list, const char *text, const struct node *node);
/* Sort by `compare`, and drop repetitions and entries that an earlier one covers, with warnings. vm/program/program.h
 * has both functions. */
void listing_settle(struct compile *c, struct listing *list, int (*compare)(const char *a, const char *b),
                    bool (*covers)(const char *glob, const char *text));
/* Enter the list in the image. */
bool listing_place(struct compile *c, enum pbc_names_kind kind, const struct listing *list, struct span at,
                   uint32_t *index);
/* Enter a list of host names or texts of a condition in the image; false after a report (hosts.c). */
bool names_of(struct compile *c, const struct node *list, uint32_t *index);
/* Enter the name of one host in STRINGS; 0 after a report (hosts.c). */
uint32_t host_name(struct compile *c, const struct node *text);
enum text_kind { TEXT_ALPN, TEXT_PATH, TEXT_METHOD, TEXT_VALUE };
bool texts_of(struct compile *c, const struct node *list, enum text_kind kind, uint32_t *index);
bool names_place(struct compile *c, enum pbc_names_kind kind, const char *const *texts, uint32_t n, struct span at,
                 uint32_t *index);
bool macs_resolve(struct compile *c, struct symbol *s, struct symbol *from, struct span at);
/* Read MAC and NAME siblings. If words is not NULL, it gets MAC_MULTICAST | MAC_BROADCAST, which are then allowed. */
bool macs_of(struct compile *c, const struct node *first, struct symbol *from, struct mac_set *out, uint32_t *words,
             const struct symbol **name);
bool set_resolve(struct compile *c, struct symbol *s, struct symbol *from, struct span at);
/* Return the path of a file named by the text at `at`, relative to the file of that text. In the arena. */
char *path_beside(struct compile *c, struct span at, struct str name);
/* Remember a file that was read, so that the output does not replace it. `path` stays the caller's, and must live as
 * long. */
void remember_file(struct symbols *s, const char *path, uint64_t dev, uint64_t ino);

/* Addresses of a rule's list */
struct addr_list {
    struct addr_set set; /* all but the sets in `big`; normal */
    struct symbol **big; /* named sets that are used by themselves or are too large to copy into `set` */
    uint32_t big_count;
    bool any, self;
    const struct symbol *name; /* the one set that makes up the list, or NULL */
};
bool addr_list_of(struct compile *c, const struct node *list, struct addr_list *out);

/* Return the set of a name in a list; NULL: no set. */
struct symbol *named_set(struct compile *c, const struct node *n);

/* A value of a list of addresses */
struct set_member {
    struct addr lo, hi;
    const struct node *node;
};
/* Warn about values and named sets of a list that are inside others; sorts `m` (nested.c). */
void warn_members(struct compile *c, struct set_member *m, size_t n, const struct node *list);
/* Write ", and so do 3 more", or nothing. */
enum { SO_DO_MAX = 48 };
const char *and_so_do(uint64_t more, char text[SO_DO_MAX]);
/* True if the list depends on a live set. */
bool addr_list_is_live(const struct addr_list *l);
/* Enter the list's sets as a run of SETS; false after reporting that the image is full, or that a live set is among
 * them. addr_list_place_live: live sets may be. */
bool addr_list_place(struct compile *c, const struct addr_list *l, struct span at, uint32_t *first, uint32_t *count);
bool addr_list_place_live(struct compile *c, const struct addr_list *l, struct span at, uint32_t *first,
                          uint32_t *count);
/* Report a live set in a place that needs known addresses. */
void report_live_here(struct compile *c, struct span at);
/* Add the addresses of the expression to `out`, and make `out` normal. */
bool set_eval(struct compile *c, const struct node *n, struct symbol *from, struct addr_set *out);
/* Enter the set's ranges, and all its parts, in the image; false if it is full. */
bool set_place(struct compile *c, const struct addr_set *s, struct pbc_set *entry);
/* Enter a live set in the image, and make the empty `out` its members (live_set.c); false after a report. */
bool live_declare(struct compile *c, struct symbol *s, const struct node *live, struct addr_set *out);
