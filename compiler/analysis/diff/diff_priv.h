/* Parts of a comparison, in the order in which they run: both lists into one image (import.c, times.c),
 * firewalls that judge packets (judges.c), a firewall's rules in a row (flatten.c), equal rules (align.c), effect of
 * the others (both.c), by pair of rules that decide (changes.c, join.c), with an example (example.c); where
 * accepted traffic goes (route_changes.c, nats.c, noted.c, order.c, branches.c), endpoints that newly reach servers
 * (side_ways.c, reach.c), what meters and services let through (meter_changes.c); output (print_changes.c,
 * print_beyond.c, json.c). */
#pragma once

#include "compiler/analysis/diff/diff.h"
#include "compiler/analysis/region_text.h"
#include "compiler/analysis/times.h"
#include "compiler/normal/normal.h"
#include "compiler/normal/region.h"
#include "vm/packet/reply/frame.h"
#include "vm/vm.h"

enum { OLD, NEW, SIDES };
enum { MOMENTS_MAX = 31, SCHEDULES_MAX = 32 }; /* bits of IR_DURING */

/* One program, and the numbers of its parts in the image of both */
struct side {
    struct program *program;
    uint32_t rules, chains, firewalls, conds; /* first index of each in the image of both */
    uint32_t *ifaces;                         /* own number -> number in the image of both */
    uint32_t *edges;                          /* room for the bounds of ranges, by own number (import.c) */
    uint32_t *schedules;                      /* own number -> bits of the times at which it is active */
    struct ir_product *nat_asks;              /* packets that a statement of a nat asks for, by own number (nats.c) */
    bool nats_turn;                           /* true if a statement translates destinations */
};

/* Fate of a packet at the end: the verdict of a rule or a default, or passed without judgement */
enum { OUT_PASS = PBC_V_COUNTED };
struct outcome {
    uint8_t verdict; /* enum pbc_verdict, or OUT_PASS */
    uint8_t answer;  /* enum pbc_answer of a REJECT */
    uint16_t port;   /* port of a verdict that has one */
};

/* Decider on one side: a rule of the image of both, RULE_DEFAULT of one of its firewalls, or RULE_NONE */
struct decider {
    uint32_t rule, firewall;
    struct outcome outcome;
};

/* All packets that one pair of deciders treats differently */
struct change {
    struct decider by[SIDES];
    struct region region;
    double size;  /* log2 of the number of headers */
    uint8_t kind; /* enum diff_kind */
    uint8_t dirs; /* directions of its packets: bits 1 << enum pbc_direction */
    bool maybe;   /* depends on conditions that are not sets of values (meters, bytes, flows); no example proves it */
    bool behind;  /* its packets must fail such a condition, in a rule that both sides have */
    bool has_example;
    char *example; /* a packet as a test writes it, in the arena */
};

/* A rule whose packets were not computed */
struct undecided {
    uint32_t rule; /* rule of the image of both, or RULE_DEFAULT */
    uint32_t firewall;
    uint8_t side;
};

struct diff {
    struct compile c; /* image, ir and arena of both */
    struct side side[SIDES];
    struct region_text text; /* settings for printing regions (judges.c) */
    struct times times;
    uint32_t moments;                 /* value of ir->moments; 0: schedules are independent */
    double moment_share[MOMENTS_MAX]; /* ir->moment_share, known before the ir */
    uint32_t longer[SCHEDULES_MAX];   /* ir->longer, if schedules are independent */
    struct change *changes;
    uint32_t change_count, change_cap;
    uint32_t *slots, slot_count; /* changes by key, index + 1; the size is a power of two */
    struct undecided *undecided;
    uint32_t undecided_count, undecided_cap;
    struct set_name *set_names; /* names of sets */
    uint32_t set_name_count, set_name_cap;
    uint64_t work;        /* work left */
    bool without_servers; /* print pools without their servers */
    char *err;
    size_t err_len;
    bool failed; /* err gives the reason */
};

/* Find all differences. False: err gives the reason. The caller calls diff_fini in either case. */
bool diff_find(struct diff *d, struct program *old, struct program *new, uint64_t work, char *err, size_t err_len);
void diff_fini(struct diff *d);

/* Give up with one line for the user. Returns false. */
bool diff_fail(struct diff *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* import.c: fill d->c and d->side; false after diff_fail. */
bool import_both(struct diff *d);

/* times.c: fill side[].schedules. A bit is a moment of both programs, and all ir->moments together cover all time;
 * if these are too many, a bit is a schedule. False after diff_fail. */
bool import_schedules(struct diff *d);
/* Return the bits of both for a side's own schedules (bit i: schedule i). */
uint32_t schedules_of_both(const struct side *s, uint32_t own);
/* Convert back: times to a side's own schedules, and an interface of the image of both to its own (import.c). */
uint32_t side_schedules(const struct side *s, uint32_t of_both);
uint16_t side_iface(const struct image *both, const struct side *s, uint16_t of_both);
/* Return the packet as the side's program judges it: with its own numbers of the interfaces of arrival and
 * departure. */
struct frame_spec side_packet(const struct image *both, const struct side *s, const struct frame_spec *of_both);
/* Find a time of the product, as the bits that are active then. False: no such time. */
bool time_of(const struct diff *d, const struct ir_product *p, uint32_t *active);
/* region_times_fn: print "during work", or "at sat 08:00-18:00" if no clear name exists. */
void print_moments(const void *diff, uint32_t moments, FILE *out);

/* print_changes.c: note the names of sets in both programs, once the ir exists. */
void note_set_names(struct diff *d);
const char *set_name_of(const void *diff, uint32_t addrs, unsigned families); /* a region_set_fn for both programs */

/* judges.c: packets that one firewall of each side judges */
struct judges {
    uint32_t firewall[SIDES]; /* firewall of the image of both; PBC_NONE: none, so its packets are accepted */
    struct region frames;
    uint8_t dirs;
};
/* Find all pairs that may judge packets; *count gets their number. They are in the arena; the caller frees their
 * regions (region_fini). */
struct judges *find_judges(struct diff *d, uint32_t *count);

/* flatten.c: rules of a firewall in the order of their trial, chains in place of the `do` that leads there; rules
 * that do not decide are left out */
struct item {
    const struct ir_product *product;
    uint64_t hash;
    uint32_t rule; /* rule of the image of both */
    uint32_t skip; /* RETURN: the item at which to go on; else 0 */
    uint32_t twin; /* the equal item on the other side (align.c), or PBC_NONE */
    bool loose;    /* the product holds more than the rule's packets */
};
struct items {
    struct item *item;
    uint32_t count, cap;
    bool too_many;
    bool mirrors; /* set by the caller: keep rules that copy, too */
};
enum { ITEMS_MAX = 1 << 21 };
/* Write a firewall's rules in a row. The work is charged to d->work. */
void flatten(struct diff *d, uint32_t firewall, struct items *out);
/* Return the outcome of a rule that decides. Answers that mean the same for these packets are made equal. */
struct outcome outcome_of(const struct diff *d, uint32_t rule, const struct ir_product *p);

/* align.c: find twins. An item has at most one; twins are in the same order on both sides. */
void align(struct diff *d, struct items lists[SIDES]);

/* diff.c: text while it is printed. words_begin returns a stream for it; words_kept returns the text, valid as long as
 * d */
struct words {
    FILE *out;
    char *text;
    size_t len;
};
FILE *words_begin(struct words *w);
char *words_kept(struct diff *d, struct words *w);

/* both.c: add the differences for the packets of `j` to d->changes and d->undecided. */
void compare_lists(struct diff *d, const struct judges *j);

/* changes.c: add a product to the change with these deciders. */
void change_add(struct diff *d, const struct decider by[SIDES], const struct ir_product *p, uint8_t dirs, bool maybe,
                bool behind);
void undecided_add(struct diff *d, unsigned side, uint32_t rule, uint32_t firewall);
/* Finish the changes: compute sizes, sort the largest first, join parts. */
void changes_settle(struct diff *d);
/* join.c: express the packets in fewer products, which may overlap, for a reader. */
void join_parts(struct diff *d, struct region *r);

/* example.c: give each change a packet judged by both programs. False after diff_fail. */
bool find_examples(struct diff *d);

/* route_changes.c: services, pools and nats that only one side has, or that differ */
struct route_change {
    const char *what; /* "service", "pool", "nat", "check", "limits", "timeouts", "hash key" */
    const char *name; /* "": no name */
    char *was, *now;  /* texts on the heap, one statement per line; NULL: absent */
};
struct routes {
    struct route_change *r;
    uint32_t count, cap;
};
/* align.c: the statements of one side in their order, in the arena */
struct statements {
    char **at;
    uint32_t *twin; /* place of the same statement on the other side; PBC_NONE: added, removed or moved */
    uint32_t count;
};
/* Pair the statements of both sides. True: some differ only in order. */
bool statements_pair(struct diff *d, const struct route_change *r, struct statements to[SIDES]);
/* Pair equal statements in any order, setting only to[OLD].twin. True: both sides have the same statements. */
bool statements_twins(struct diff *d, const struct route_change *r, struct statements to[SIDES]);

/* print_changes.c: return settings for printing conditions of statements, which are compared as text. */
struct region_text statement_text(struct diff *d);

/* nats.c: write the statements of the nat that begins at `first`, one line each, for each family. */
void put_nat_statements(struct diff *d, const struct side *s, uint32_t first, FILE *out);
/* Write the clamps of interfaces, a line each. */
void put_clamps(const struct program *p, FILE *out);
/* Fill s->nat_asks and s->nats_turn. */
void note_nat_asks(struct diff *d, struct side *s);

/* route_changes.c: write the sets' ranges of `family` (0: both families): the text `first` and a range, then `next`
 * before each other range. A long list, which many statements may share, ends in the number of the rest. */
void put_ranges(struct diff *d, const struct program *p, const uint32_t sets[2], uint8_t family, const char *first,
                const char *next, FILE *out);
/* Return the union of these SETS, in the ir of both, where equal sets have one number. */
uint32_t sets_union(struct diff *d, const struct program *p, uint32_t sets, uint32_t count);
/* Write "203.0.113.10 tcp/443". Write "10.0.0.1:80" or "[::1]:80"; port 0: only the address (second function). */
void put_endpoint(const struct program *p, const struct pbc_endpoint *e, FILE *out);
void put_address_port(const uint32_t addr[4], uint8_t family, uint16_t port, FILE *out);
/* Print a server by name, as rules write it. */
void put_host_port(const char *host, uint16_t port, FILE *out);
/* Write "10.0.0.0/8"; a prefix of full length as an address. */
void put_prefix(const uint32_t addr[4], uint8_t family, uint8_t len, FILE *out);

/* reach.c: endpoints that newly reach servers, or no longer do; texts are in the arena */
struct reach {
    uint8_t kind;     /* DIFF_WIDENED or DIFF_NARROWED */
    const char *what; /* "service", "nat" */
    const char *by;   /* name of the service or nat */
    const char *to;   /* text of the endpoints */
    const char *servers;
    const char *example;      /* a packet that goes there; NULL: none found */
    uint32_t endpoints, more; /* more: endpoints not in the text */
};
struct reaches {
    struct reach *r;
    uint32_t count, cap;
    bool too_many; /* too many endpoints to compare, so they may widen */
};
void find_reaches(struct diff *d, struct reaches *to);

/* meter_changes.c: meters that let through another amount, and services with other bounds; texts are in the arena */
struct meter_change {
    uint8_t kind;     /* enum diff_kind */
    const char *what; /* "meter", "bounds of service" */
    const char *name, *was, *now;
};
/* more: the new meter lets through more packets in total or at once; less: fewer */
struct amount {
    bool more, less;
};
struct meters {
    struct meter_change *m;
    uint32_t count, cap;
};
void find_meters(struct diff *d, struct meters *to);
/* True if both meters count the same, and differ at most in the amount. Regions then treat them as one meter. */
bool meter_keys_are_equal(const struct pbc_meter *was, const struct pbc_meter *now);

/* branches.c: for a service of both programs (own numbers), find packets that it newly sends, or no longer sends, to a
 * pool that it had before. */
void compare_branches(struct diff *d, const uint32_t service[SIDES], struct reaches *to);
/* Return a packet of the region that the side's service sends to the pool (own numbers), in the arena; NULL: none
 * found. */
char *reach_example(struct diff *d, unsigned side, uint32_t service, uint32_t pool, const struct region *of);
enum { EXAMPLES_MOST = 64 };
/* Compare the packets and flows that a service takes. */
void compare_bounds(struct diff *d, const uint32_t service[SIDES], struct meters *to);

/* Differences in where accepted traffic goes, and in what meters and bounds let through */
struct beyond {
    struct routes routes;
    struct reaches reaches;
    struct meters meters, bounds;
};
enum { SERVICE_HEAD = 2 }; /* statements of a service before its branches (`on`, `mode`) */
/* order.c: true if nats, or services, are in another order than before, and some packet meets a different one first. */
bool nats_moved(struct diff *d);
bool services_moved(struct diff *d, bool observing);
/* True if the statements of a nat or service of both (own numbers) are the same in another order, without effect on
 * packets. */
bool order_is_idle(struct diff *d, const struct route_change *r, bool nat, const uint32_t own[SIDES]);
/* noted.c: print a mirror's copies, one line for each place where a firewall reaches it. */
void put_copies(struct diff *d, const struct side *s, const struct pbc_mirror *m, FILE *out);
/* Return what rules of the side log, sorted, one line each, on the heap; NULL: none. */
char *logs_text(struct diff *d, const struct side *s);
/* Return what audited rules and defaults would do, in their order, in the same form. */
char *audits_text(struct diff *d, const struct side *s);
/* route_changes.c: fill b->routes; for services of both also b->bounds, and b->reaches by compare_branches. */
void find_routes(struct diff *d, bool without_pools, struct beyond *b);

/* print_changes.c, print_beyond.c, json.c: print the comparison. */
void diff_put_text(struct diff *d, const struct beyond *b, FILE *out);
void print_beyond(struct diff *d, const struct beyond *b, FILE *out);
void print_sum_beyond(const struct beyond *b, FILE *out);  /* print the part of the last line that is about `b` */
extern const char *const diff_kind_names[DIFF_KIND_COUNT]; /* names such as "widened" */
void diff_put_json(struct diff *d, const struct beyond *b, bool widened, FILE *out);
/* Print "dropped", "rejected with rst". */
void print_outcome(const struct outcome *o, FILE *out);
/* Print "WEB" or "the default of edge", and its place. */
void print_decider(const struct diff *d, unsigned side, const struct decider *by, FILE *out);
struct pbc_place decider_place(const struct diff *d, unsigned side, const struct decider *by);
