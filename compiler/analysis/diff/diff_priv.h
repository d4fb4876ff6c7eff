/* The parts of a comparison, in the order in which they run: both lists into one image (effort.c, import.c, times.c),
 * who judges what (judges.c), a firewall's rules in a row (flatten.c), which rules are the same (align.c), what the
 * others change (both.c, hull.c), told by the pair of rules that decide (changes.c, join.c), with an example
 * (example.c); where accepted traffic goes (routes.c, branches.c), what newly reaches what (ways.c, reach.c), and what
 * meters and services let through (meters.c); in print (print.c, print_beyond.c, json.c). */
#pragma once

#include "compiler/analysis/diff/diff.h"
#include "compiler/analysis/region_text.h"
#include "compiler/analysis/times.h"
#include "compiler/normal/normal.h"
#include "compiler/normal/region.h"
#include "vm/vm.h"

enum { OLD, NEW, SIDES };
enum { MOMENTS_MAX = 31, SCHEDULES_MAX = 32 }; /* bits of IR_DURING */

/* One program, and what its parts are called in the image of both. */
struct side {
    struct program *program;
    uint32_t rules, chains, firewalls, conds; /* where its own begin in the image of both */
    uint32_t *ifaces;                         /* [own] -> of both */
    uint32_t *edges;                          /* [own]: room for where ranges of interfaces begin and end (import.c) */
    uint32_t *schedules;                      /* [own] -> bits of both, in each of which it is active */
};

/* What a packet meets at the end: the verdict of a rule or a default, or what is not judged. */
enum { OUT_PASS = PBC_V_COUNTED };
struct outcome {
    uint8_t verdict; /* enum pbc_verdict, OUT_PASS */
    uint8_t answer;  /* enum pbc_answer, of REJECT */
    uint16_t port;   /* of a verdict that takes one */
};

/* What decides on one side: a rule of the image of both, RULE_DEFAULT of a firewall of it, or RULE_NONE. */
struct decider {
    uint32_t rule, firewall;
    struct outcome outcome;
};

/* All packets that one pair of deciders treats differently. */
struct change {
    struct decider by[SIDES];
    struct region region;
    double size;  /* log2 of headers */
    uint8_t kind; /* enum diff_kind */
    uint8_t dirs; /* bits 1 << enum pbc_direction: how its packets travel */
    bool maybe;   /* what no set of values says (meters, bytes, flows) has a part in it, and no example proves it */
    bool behind;  /* packets of it must not match some rule by what no set of values says, which both sides ask alike */
    bool has_example;
    char *example; /* as a test would write it, in the arena */
};

/* A rule whose packets were not worked out. */
struct undecided {
    uint32_t rule; /* of the image of both, or RULE_DEFAULT */
    uint32_t firewall;
    uint8_t side;
};

struct diff {
    struct compile c; /* image, ir and arena of both */
    struct side side[SIDES];
    struct region_text text; /* how regions are said (judges.c) */
    struct times times;
    uint32_t moments;                 /* ir->moments; 0: schedules are independent */
    double moment_share[MOMENTS_MAX]; /* ir->moment_share, known before there is an ir */
    uint32_t longer[SCHEDULES_MAX];   /* ir->longer, where they are independent */
    struct change *changes;
    uint32_t change_count, change_cap;
    uint32_t *slots, slot_count; /* of changes by their key; a power of two */
    struct undecided *undecided;
    uint32_t undecided_count, undecided_cap;
    struct set_name *set_names; /* set_names.c */
    uint32_t set_name_count, set_name_cap;
    uint64_t work;   /* left */
    bool no_servers; /* of a pool only what it says besides is told */
    char *err;
    size_t err_len;
    bool failed; /* err says why */
};

/* The whole comparison, ready to be printed; false: err says why there is none. Either way diff_fini is the caller's.
 */
bool diff_find(struct diff *d, struct program *old, struct program *new, uint64_t work, char *err, size_t err_len);
void diff_fini(struct diff *d);

/* Give up: one line for the user. Returns false. */
bool diff_fail(struct diff *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* effort.c: false after diff_fail, where a program asks so often for the same that reading it takes too long. */
bool bound_effort(struct diff *d, const struct side *s);

/* import.c: fills d->c and d->side; false after diff_fail. */
bool import_both(struct diff *d);

/* times.c: side[].schedules. A bit is a moment of both, so ir->moments of them make up all time; where these are too
 * many a bit is a schedule. False after diff_fail. */
bool import_schedules(struct diff *d);
/* Of one side's own schedules (bit i: schedule i) the bits of both. */
uint32_t schedules_of_both(const struct side *s, uint32_t own);
/* And back: what of a time is one side's own, and what an interface of the image of both is there (import.c). */
uint32_t side_schedules(const struct side *s, uint32_t of_both);
uint16_t side_iface(const struct image *both, const struct side *s, uint16_t of_both);
/* A time of the product, as the bits of both that are active then. False: it never comes. */
bool time_of(const struct diff *d, const struct ir_product *p, uint32_t *active);
/* region_times_fn: "during work", or "at sat 08:00-18:00" where a name would not tell. */
void print_moments(const void *diff, uint32_t moments, FILE *out);

/* set_names.c: what sets are called in either program, once there is an ir. */
void note_set_names(struct diff *d);
const char *set_name_of(const void *diff, uint32_t addrs, unsigned families); /* region_set_fn */

/* judges.c: packets that one firewall of each side judges. */
struct judges {
    uint32_t firewall[SIDES]; /* in the image of both; PBC_NONE: nobody, so they are accepted */
    struct region frames;
    uint8_t dirs;
};
/* All pairs that may judge packets. *count of them, in the arena; their regions are the caller's to region_fini. */
struct judges *find_judges(struct diff *d, uint32_t *count);

/* flatten.c: a firewall's rules as they are tried, chains in place of what leads there. What decides nothing is left
 * out. */
struct item {
    const struct ir_product *product;
    uint64_t hash;
    uint32_t rule; /* of the image of both */
    uint32_t skip; /* RETURN: the item to go on at; else 0 */
    uint32_t twin; /* the same item on the other side (align.c), or PBC_NONE */
    bool loose;    /* the product holds more than the rule's packets */
};
struct items {
    struct item *item;
    uint32_t count, cap;
    bool too_many;
};
enum { ITEMS_MAX = 1 << 21 };
/* Costs of d->work what it takes. */
void flatten(struct diff *d, uint32_t firewall, struct items *out);
/* Of rules that decide; answer: which of the ways to say the same it is for these packets. */
struct outcome outcome_of(const struct diff *d, uint32_t rule, const struct ir_product *p);
struct outcome default_outcome(const struct diff *d, uint32_t firewall, const struct ir_product *p);

/* align.c: find twins. Each has at most one, and twins are in the same order on both sides. */
void align(struct diff *d, struct items lists[SIDES]);

/* diff.c: what is printed to the stream that words_begin gives, kept as long as d. */
struct words {
    FILE *out;
    char *text;
    size_t len;
};
FILE *words_begin(struct words *w);
char *words_kept(struct diff *d, struct words *w);

/* hull.c: what holds a product, coarsely. False: they have no packet in common, certainly. */
struct hull {
    uint32_t src_lo, src_hi, dst_lo, dst_hi;
    uint16_t port_lo, port_hi;
    uint8_t kinds;
};
struct hull hull_of(const struct ir *ir, const struct ir_product *p);
bool hulls_meet(const struct hull *a, const struct hull *b);

/* both.c: what differs for the packets of `j`, into d->changes and d->undecided. */
void compare_lists(struct diff *d, const struct judges *j);

/* changes.c */
void change_add(struct diff *d, const struct decider by[SIDES], const struct ir_product *p, uint8_t dirs, bool maybe,
                bool behind);
void undecided_add(struct diff *d, unsigned side, uint32_t rule, uint32_t firewall);
/* Once all are found: sizes, the largest change first, and pieces joined. */
void changes_settle(struct diff *d);
/* join.c: the same packets in fewer products, which may have some in common, so that a person reads what is one. */
void join_pieces(struct diff *d, struct region *r);

/* example.c: give each change a packet, judged by both programs. False after diff_fail. */
bool find_examples(struct diff *d);

/* routes.c: services, pools and nats that are there on one side alone, or say something else. */
struct route_change {
    const char *what; /* "service", "pool", "nat", "check", "limits", "timeouts", "hash key" */
    const char *name; /* "": it has none */
    char *was, *now;  /* NULL: not there; of the heap; parts with "; " between them */
};
struct routes {
    struct route_change *r;
    uint32_t count, cap;
};
/* "203.0.113.10 tcp/443"; "10.0.0.1:80", "[::1]:80", port 0: the address alone. */
void put_endpoint(const struct pbc_endpoint *e, FILE *out);
void put_address_port(const uint32_t addr[4], uint8_t family, uint16_t port, FILE *out);

/* reach.c: endpoints that newly reach servers, or no longer do. Texts are of the arena. */
struct reach {
    uint8_t kind;     /* DIFF_WIDENED or DIFF_NARROWED */
    const char *what; /* "service", "nat" */
    const char *by;   /* its name */
    const char *to;   /* endpoints */
    const char *servers;
    const char *example;      /* a packet that goes there; NULL: none was found */
    uint32_t endpoints, more; /* of them those that are not in the text */
};
struct reaches {
    struct reach *r;
    uint32_t count, cap;
    bool too_many; /* to be compared: they may widen */
};
void find_reaches(struct diff *d, struct reaches *to);

/* meters.c: meters that let another number through, and services that take another one. Texts are of the
 * arena. */
struct meter_change {
    uint8_t kind;     /* enum diff_kind */
    const char *what; /* "meter", "bounds of service" */
    const char *name, *was, *now;
};
/* Does the new one let more packets through, or more at once? Likewise less. */
struct amount {
    bool more, less;
};
struct amount meter_amount(const struct pbc_meter *was, const struct pbc_meter *now);
struct meters {
    struct meter_change *m;
    uint32_t count, cap;
};
void find_meters(struct diff *d, struct meters *to);
/* Do both count the same, and differ at most in how much they let through? Then they are one meter for the regions. */
bool meter_grew(const struct pbc_meter *was, const struct pbc_meter *now);

/* branches.c: of a service of both (its own numbers), packets that newly go to a pool that it had, or no longer do. */
void compare_branches(struct diff *d, const uint32_t service[SIDES], struct reaches *to);
/* A packet of the region that the service's side sends to the pool (own numbers), in the arena; NULL: none was found.
 */
char *reach_example(struct diff *d, unsigned side, uint32_t service, uint32_t pool, const struct region *of);
enum { EXAMPLES_MOST = 64 };
/* How many packets or flows it takes. */
void compare_bounds(struct diff *d, const uint32_t service[SIDES], struct meters *to);

/* Where accepted traffic goes, and what meters and bounds let through. */
struct beyond {
    struct routes routes;
    struct reaches reaches;
    struct meters meters, bounds;
};
/* routes.c: b->routes; of services that both have also b->bounds, and what compare_branches adds to b->reaches. */
void find_routes(struct diff *d, bool no_pools, struct beyond *b);

/* print.c, print_beyond.c, json.c */
void diff_put_text(struct diff *d, const struct beyond *b, FILE *out);
void print_beyond(const struct beyond *b, FILE *out);
void print_sum_beyond(const struct beyond *b, FILE *out);  /* its part of the last line */
extern const char *const diff_kind_names[DIFF_KIND_COUNT]; /* "widened" and so on */
void diff_put_json(struct diff *d, const struct beyond *b, bool widened, FILE *out);
/* "dropped", "rejected with rst" */
void print_outcome(const struct outcome *o, FILE *out);
/* "WEB", "the default of edge"; and its place */
void print_decider(const struct diff *d, unsigned side, const struct decider *by, FILE *out);
struct pbc_place decider_place(const struct diff *d, unsigned side, const struct decider *by);
