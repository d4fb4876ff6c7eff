/* Names and their symbols; places and texts in the image */
#pragma once

#include "compiler/compiler.h"
#include "compiler/resolve/sets/sets.h"

/* SYMBOL(ident, node kind, space, "a thing", unused is a warning). A name is unique in its space, so a rule may have
 * the name of a set. */
#define SYMBOLS(SYMBOL)                                                                                                \
    SYMBOL(CONST, N_CONST, SPACE_VALUES, "constant", true)                                                             \
    SYMBOL(SET, N_SET, SPACE_VALUES, "set", true)                                                                      \
    SYMBOL(PORTS, N_PORTS, SPACE_VALUES, "ports list", true)                                                           \
    SYMBOL(MACS, N_MACS, SPACE_VALUES, "macs list", true)                                                              \
    SYMBOL(NAMES, N_NAMES, SPACE_VALUES, "names list", true)                                                           \
    SYMBOL(INTERFACE, N_INTERFACE, SPACE_VALUES, "interface", true)                                                    \
    SYMBOL(METER, N_METER, SPACE_VALUES, "meter", true)                                                                \
    SYMBOL(SCHEDULE, N_SCHEDULE, SPACE_VALUES, "schedule", true)                                                       \
    SYMBOL(CHECK, N_CHECK, SPACE_CHECKS, "check", true)                                                                \
    SYMBOL(CHAIN, N_CHAIN, SPACE_LISTS, "chain", true)                                                                 \
    SYMBOL(FIREWALL, N_FIREWALL, SPACE_LISTS, "firewall", false)                                                       \
    SYMBOL(POOL, N_POOL, SPACE_POOLS, "pool", true)                                                                    \
    SYMBOL(SERVICE, N_SERVICE, SPACE_SERVICES, "service", false)                                                       \
    SYMBOL(NAT, N_NAT, SPACE_SERVICES, "nat", false)                                                                   \
    SYMBOL(RULE, N_RULE, SPACE_RULES, "rule", false)                                                                   \
    SYMBOL(TEST, N_TEST, SPACE_TESTS, "test", false)

enum symbol_kind {
#define SYMBOL(ident, node, space, name, warns) SYM_##ident,
    SYMBOLS(SYMBOL)
#undef SYMBOL
        SYM_COUNT
};
#define SYM(ident) (1u << SYM_##ident)

enum name_space {
    SPACE_VALUES,
    SPACE_CHECKS,
    SPACE_LISTS,
    SPACE_POOLS,
    SPACE_SERVICES,
    SPACE_RULES,
    SPACE_TESTS,
    SPACE_COUNT
};

enum symbol_state { STATE_NEW, STATE_VISITING, STATE_DONE, STATE_BAD };

/* Numbers of a field: sorted, disjoint, non-adjacent once normal. Memory is the compile's arena. */
struct number_set {
    struct pbc_range *r;
    uint32_t n, cap;
};
struct mac_set {
    uint64_t *macs;
    uint32_t n, cap;
};

/* Host names and globs in normal form and order (vm/program/program.h) */
struct host_list {
    const char **host;
    uint32_t n;
};

struct symbol {
    enum symbol_kind kind;
    struct str name;
    struct span span; /* place of the name in its declaration */
    const struct node *decl;
    struct symbol *next;    /* next in order of declaration */
    struct symbol *used_by; /* user of the symbol while it is visited, for the text of a cycle */
    bool used;
    uint8_t state; /* enum symbol_state of the union below */
    union {
        struct addr_set set;
        struct number_set ports;
        struct mac_set macs;
        struct host_list hosts;
    };
    struct pbc_set entry; /* the set's entry in the image if `placed`, with its ranges */
    bool placed;
    uint32_t index; /* index in the image: chain, interface, names list, …; an audited rule: PBC_NONE */
    uint32_t would; /* a rule's number in WOULD_RULES, if there is `audit` */
};

struct symbols {
    struct symbol *first, **end;
    struct symbol_slot {
        uint32_t hash; /* hash of space and name: saves reading other symbols */
        struct symbol *symbol;
    } * slots;
    uint32_t count, size;
    bool text_at_fault;                              /* the parser reported errors: declarations may be missing */
    bool file_lost;                                  /* an include was unreadable, so it may declare any name */
    unsigned depth;                                  /* definitions being followed */
    uint32_t emptied;                                /* number of set operators that left nothing */
    uint64_t set_ranges;                             /* ranges of all sets together */
    uint32_t sets;                                   /* number of declared sets */
    uint64_t compared;                               /* number of names compared for suggestions */
    const char *full[16];                            /* tables of the image reported as full */
    const struct image *placed_in;                   /* image in which place_of last named a file, or NULL */
    uint32_t placed_file, placed_name;               /* that file, and its name in the image */
    uint64_t compared_ranges;                        /* number of ranges of named sets compared for warnings */
    uint64_t expanded;                               /* number of list entries copied for names */
    struct span setting_span[PBC_SETTINGS_KEYS + 1]; /* place where each setting is written (settings.c) */
    struct read_file {
        const char *path; /* in the arena, relative to the working directory */
        uint64_t dev, ino;
    } * files; /* further files read: lists of addresses, and captures of tests */
    uint32_t file_count, file_cap;
};

void symbols_free(struct symbols *s);

enum {
    NEST_MAX = 256,       /* depth of sets, lists and constants that name one another */
    EXPAND_MAX = 1 << 26, /* entries of all lists together, with names replaced by their entries */
};

const char *article(const char *noun); /* return "a" or "an" */
/* Find a name in its space, or NULL. */
struct symbol *symbol_find(const struct symbols *s, enum name_space space, struct str name);
/* Declare a symbol; NULL after reporting that the name is taken. */
struct symbol *symbol_declare(struct compile *c, enum symbol_kind kind, const struct node *decl,
                              const struct node *name);
/* True if text that did not parse, or could not be read, may declare the name. */
bool symbol_lost(const struct compile *c, struct str name);
/* Find a symbol of the wanted kinds (mask of SYM), and mark it as used; NULL after a report. what: the kind in
 * messages, such as "set". */
struct symbol *symbol_want(struct compile *c, const struct node *name, unsigned wanted, const char *what);
/* Mark all names below the node as used: the statement is not supported yet. */
void mark_names_used(struct compile *c, const struct node *n);
/* Begin to follow the definition of `s`, and end it. False after reporting a cycle or nesting past NEST_MAX at `at`. */
bool symbol_enter(struct compile *c, struct symbol *s, struct symbol *from, struct span at);
void symbol_leave(struct compile *c, struct symbol *s, bool good);

bool str_is(struct str s, const char *word);
/* Return the empty span behind the given span, where text can be added. */
static inline struct span span_after(struct span span) { return (struct span){span.file, span.end, span.end}; }

void report_full(struct compile *c, struct span at, const char *what, uint64_t most);
/* Return a span or a text as entered in the image. */
struct pbc_place place_of(struct compile *c, struct span span);
/* Return the span of a place in the image; SPAN_NONE if no source has it. */
struct span span_at(struct compile *c, const struct pbc_place *place);
uint32_t text_of(struct compile *c, struct str s);
