/* What the stages from tree to rule list share: names and their meaning, scalar values, lists, rules under way. */
#pragma once

#include "compiler/compiler.h"
#include "compiler/resolve/sets.h"

/* SYMBOL(ident, node kind, space, "a thing", unused is a warning). Names of one space are unique; spaces are apart, so
 * a rule may be called like the set it uses. */
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

/* Numbers of a 16-bit field: sorted, disjoint, non-adjacent once normal. Memory is the compile's arena. */
struct number_set {
    struct pbc_range *r;
    uint32_t n, cap;
};
struct mac_set {
    uint64_t *macs;
    uint32_t n, cap;
};

/* Host names and globs in normal form and order (vm/program/program.h). */
struct host_list {
    const char **host;
    uint32_t n;
};

struct symbol {
    enum symbol_kind kind;
    struct str name;
    struct span span; /* of the name in its declaration */
    const struct node *decl;
    struct symbol *next;    /* in order of declaration */
    struct symbol *used_by; /* while visiting: who asked, for the text of a cycle */
    bool used;
    uint8_t state; /* enum symbol_state; of what follows */
    union {
        struct addr_set set;
        struct number_set ports;
        struct mac_set macs;
        struct host_list hosts;
    };
    struct pbc_set entry; /* of a set whose ranges are in the image (`placed`) */
    bool placed;
    uint32_t index; /* chain, interface or names list of the image */
};

struct symbols {
    struct symbol *first, **end;
    struct symbol_slot {
        uint32_t hash; /* of space and name, so that other symbols need not be read */
        struct symbol *symbol;
    } * slots;
    uint32_t count, size;
    bool text_at_fault;                /* the parser reported errors: declarations may be missing */
    bool file_lost;                    /* and an include could not be read: any name may have been in it */
    unsigned depth;                    /* of definitions that are being followed */
    uint32_t emptied;                  /* operators of set expressions that left nothing */
    uint64_t set_ranges;               /* held by all sets together */
    uint32_t sets;                     /* declared */
    uint64_t compared;                 /* names, for suggestions */
    const char *full[16];              /* tables of the image that were reported as full */
    const struct image *placed_in;     /* where place_of named a file last; NULL: nowhere yet */
    uint32_t placed_file, placed_name; /* the file, and its name there */
    uint64_t compared_ranges;          /* of named sets, for warnings */
    uint64_t expanded;                 /* entries copied where a name stands in a list */
    struct span setting_span[PBC_SETTINGS_KEYS + 1]; /* where each was set (settings.c) */
    struct read_file {
        uint64_t dev, ino;
    } * files; /* address files that were read */
    uint32_t file_count, file_cap;
};

void symbols_free(struct symbols *s);

enum {
    NEST_MAX = 256,       /* sets, lists and constants that name one another */
    EXPAND_MAX = 1 << 26, /* entries, all lists together, every name replaced by what it stands for */
};

const char *article(const char *noun); /* "a" or "an" */
/* NULL when nothing of that space has the name. */
struct symbol *symbol_find(const struct symbols *s, enum name_space space, struct str name);
/* NULL after reporting that the name is taken. */
struct symbol *symbol_declare(struct compile *c, enum symbol_kind kind, const struct node *decl,
                              const struct node *name);
/* Text that did not parse, or could not be read, may declare the name. */
bool symbol_lost(const struct compile *c, struct str name);
/* The symbol of one of the wanted kinds (mask of SYM), marked as used; NULL after a report. `what` is the kind to name
 * in messages: "set". */
struct symbol *symbol_want(struct compile *c, const struct node *name, unsigned wanted, const char *what);
/* Every name below the node counts as used: the statement is not due, so nothing is known of its names. */
void mark_names_used(struct compile *c, const struct node *n);
/* Enter the definition of `s` and leave it: false after reporting a cycle or nesting past NEST_MAX at `at`. */
bool symbol_enter(struct compile *c, struct symbol *s, struct symbol *from, struct span at);
void symbol_leave(struct compile *c, struct symbol *s, bool good);

/* allow.c: what the file and those that it includes allow; before all that may warn. */
void resolve_allowed(struct compile *c, const struct node *file);

bool str_is(struct str s, const char *word);
/* clauses.c: of a clause with its operands; its own span is its words alone. */
struct span whole_clause(const struct node *clause);
/* The empty span behind one, where text can be added. */
static inline struct span span_after(struct span span) { return (struct span){span.file, span.end, span.end}; }
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

/* Kinds that rules and the packets of tests share (cond_proto.c): protocols; ICMP types, then those of ICMPv6. */
extern const struct number_kind protocol_kind, icmp_type_kinds[2];
/* The word of a PROTO_WORD. */
const char *proto_word_name(const struct node *word);

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

struct rule_work {
    struct compile *c;
    const struct node *node;
    bool bad;                         /* something was reported: say no more about how its conditions go together */
    bool never;                       /* it was said that the rule never matches */
    bool not_due;                     /* E0900 was reported for it */
    bool answers;                     /* verdict reject */
    const struct node *seen[N_COUNT]; /* the first condition of each kind */
    uint32_t families;                /* KIND_IP4, KIND_IP6, KIND_ARP that it can match, and OTHER_FRAMES */
    uint32_t protocols;               /* KIND_TCP.. that it can match, and OTHER_PROTOCOLS */
    const struct node *family_node, *protocol_node; /* words of each; NULL: none */
    const struct node *no_port_protocol;            /* a protocol named beside others that has no ports */
    const struct node *families_end;                /* the condition that left no family */
    uint32_t named_families;                        /* by words, after `not` */
    uint32_t proto_family; /* KIND_IP4 or KIND_IP6 where all protocols that are named belong to it; else 0 */
    struct number_set single_protocols; /* of `proto`, those written one by one */
    bool names_arp;                     /* arp or ether 0x0806 */
    bool only_arp;
    bool single_type;          /* `type` with one number */
    uint32_t reach;            /* bytes of a frame that its conditions may test */
    const struct node *opener; /* its verdict, if that opens a tunnel */
    uint32_t gue_port;         /* of its packets; 0: they are IP in IP, or reported */
};
enum { OTHER_FRAMES = 1u << 30, OTHER_PROTOCOLS = 1u << 31 };

void conditions_resolve(struct rule_work *w);
/* Append a condition; NULL after reporting that the image is full. */
struct pbc_cond *cond_add(struct rule_work *w, uint8_t kind, const struct node *n);
bool cond_ranges(struct rule_work *w, struct pbc_cond *cond, const struct number_set *numbers);
void check_together(struct rule_work *w);
bool says_not(const struct node *n); /* on the condition or on its list */
void warn_never(struct rule_work *w, const struct node *n, const char *why);

void cond_protocols(struct rule_work *w, const struct node *n);
/* The one protocol that a number or name stands for; PBC_NONE after a report. */
uint32_t protocol_of(struct compile *c, const struct node *n);
void cond_proto_numbers(struct rule_work *w, const struct node *n);
void cond_ether(struct rule_work *w, const struct node *n);
void cond_icmp_type(struct rule_work *w, const struct node *n);
void cond_icmp_code(struct rule_work *w, const struct node *n);
void cond_addresses(struct rule_work *w, const struct node *n);
/* What the list of a `from` or `to` leaves of families; warns where that is nothing. */
void narrow_by_addresses(struct rule_work *w, const struct node *n, const struct addr_list *l);
void cond_ports(struct rule_work *w, const struct node *n);
void cond_on(struct rule_work *w, const struct node *n);
void cond_vlan(struct rule_work *w, const struct node *n);
void cond_inner(struct rule_work *w, const struct node *n);
void cond_macs(struct rule_work *w, const struct node *n);
void cond_flags(struct rule_work *w, const struct node *n);
/* The value of one of the words, or false after a report: "no WHAT is called ...". */
bool word_want(struct rule_work *w, const struct node *n, const struct word *words, const char *what, uint32_t *out);
void cond_state(struct rule_work *w, const struct node *n);
void cond_flows(struct rule_work *w, const struct node *n);
void cond_fragment(struct rule_work *w, const struct node *n);
void cond_numbers(struct rule_work *w, const struct node *n);
void cond_out_on(struct rule_work *w, const struct node *n);
void cond_urpf(struct rule_work *w, const struct node *n);
void cond_options(struct rule_work *w, const struct node *n);
void cond_bytes(struct rule_work *w, const struct node *n);
void cond_meter(struct rule_work *w, const struct node *n); /* meters.c */
/* Of a rule that opens a tunnel (decap.c): the conditions that its verdict stands for; that it has a `from`; what the
 * verdict is in the image. */
void opener_conditions(struct rule_work *w);
void check_opener(const struct rule_work *w);
void check_no_opener(struct compile *c, const struct pbc_firewall *out); /* error: an outbound rule opens a tunnel */
uint8_t opener_verdict(const struct node *verdict);
void cond_during(struct rule_work *w, const struct node *n); /* schedules.c */

/* The id of the device, made if it is new; PBC_NONE after a report. `n`: NAME or STRING. */
uint32_t interface_of(struct compile *c, const struct node *n, const struct symbol **name);
/* The same where no pattern may stand. */
uint32_t interface_alone(struct compile *c, const struct node *n, const struct symbol **name);
/* The device, or pattern, of an interface in a test, which adds none to the program. NULL after a report. */
const char *device_known(struct compile *c, const struct image *program, const struct node *n);
void declare_interfaces(struct compile *c);
void check_ways_out(struct compile *c); /* `out on` where something leaves (ways_out.c); chains have been checked */

/* Into the image; s->index is PBC_NONE after a report. */
/* How `per source/24,/56` cuts addresses: one length is for whichever family its rules can match (check_meters). */
struct pbc_grain per_lengths(const struct node *per);
void meter_declare(struct compile *c, struct symbol *s);
void schedule_declare(struct compile *c, struct symbol *s);
/* The day of the week (0: Monday) that a word of that length names; -1 after a report, which offers the nearest. */
int weekday_of(struct compile *c, const struct node *at, const char *word, size_t len);
/* 1 + the meter that limits a rule's log; 0 after a report. */
uint32_t log_meter_of(struct compile *c, const struct node *rate);

/* Chains that call themselves, nest too deep or grow too long (chains.c). */
void check_chains(struct compile *c);

/* "not supported yet: meters" for a statement, or nothing: true if it is not due. */
bool report_not_due(struct compile *c, const struct node *n);
void report_full(struct compile *c, struct span at, const char *what, uint64_t most);
/* Place and text in the image. */
struct pbc_place place_of(struct compile *c, struct span span);
/* The way back, for what only the image remembers; SPAN_NONE for what no source says. */
struct span span_at(struct compile *c, const struct pbc_place *place);
uint32_t text_of(struct compile *c, struct str s);
