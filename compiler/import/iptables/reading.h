/* One rule of iptables-save while it is read: what it asks for stands in `rule`, and what is one thing or another,
 * which prey says with a rule for each, in `choices`. */
#pragma once

#include "compiler/import/iptables/words.h"
#include "compiler/import/model.h"

enum { CHOICES_MOST = 4, ALTERNATIVES_MOST = 8, MODULES_MOST = 32 };

enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_ACK = 16 };

struct wanted {
    enum about about;
    struct list list;
};

/* Everything in it must hold. */
struct alternative {
    struct wanted wants[2];
    uint32_t count;
    struct wanted
        apart; /* asked besides where rules behind this one are tried, too: then no two alternatives may hold */
    bool has_apart;
    uint8_t has, lacks; /* TCP flags */
    bool translated;    /* its destination was */
};

/* At least one of them must hold. */
struct choice {
    struct alternative of[ALTERNATIVES_MOST];
    uint32_t count;
};

/* What options of one match say, in any order; they count when the rule is whole. */
struct limit {
    uint64_t rate, burst;
    uint32_t unit; /* seconds */
    bool begun, over;
};
struct hashlimit {
    struct limit limit;
    const char *name;
    unsigned keys;                              /* of enum hash_key */
    unsigned source_length, destination_length; /* 0: all of the address */
    bool bytes;
};
enum hash_key { KEY_SOURCE = 1, KEY_SPORT = 2, KEY_DESTINATION = 4, KEY_DPORT = 8 };
/* Of a day, in seconds; both ends of all of it where nothing is said. */
struct hours {
    uint64_t begin, end;
    const char *days; /* as prey has them, or NULL */
    bool asked, bounded, over_midnight;
};
struct connlimit {
    uint64_t over;
    bool asked, upto, destination;
    unsigned length;
};

/* A meter by the name of its hashlimit: rules with one name share it. */
struct shared_meter {
    const char *name, *scope;
    struct meter *meter;
};

struct reading {
    struct ruleset *s;
    struct import_fault *fault;
    void **shared; /* of struct shared_meter (search.h) */
    const struct words *words;
    uint32_t at;       /* the next word */
    uint8_t family;    /* 4 or 6 */
    const char *scope; /* of its table */
    const char *chain; /* its name */
    bool nat;          /* its table translates */
    struct rule rule;
    struct choice choices[CHOICES_MOST];
    uint32_t choice_count;
    const struct module *modules[MODULES_MOST]; /* matches, and last the target */
    uint32_t module_count;
    unsigned proto;        /* the one protocol that it asks for, or 0 */
    struct choice *no_syn; /* what `! --syn` leaves, or NULL */
    bool inverted;         /* `!` stands before the option that is read */
    bool targeted;         /* its target was read */
    bool limited;          /* a limit stands before what is read */
    bool metered_late;     /* and conditions behind it */
    struct limit limit;
    bool limit_first; /* it is asked before the hashlimit */
    struct hashlimit hash;
    struct connlimit conn;
    struct hours hours;
};

/* An option, and who takes its values. take NULL: prey can't say it. */
struct option {
    const char *name;
    uint32_t values;
    bool (*take)(struct reading *r, const char *const *values);
};

/* A match or a target. why: prey can't say it at all, as a part of a sentence, and its options are not read. */
struct module {
    const char *name;
    const char *why;
    const struct option *options;     /* the last has no name; or NULL */
    bool (*begin)(struct reading *r); /* when it is named, or NULL */
};

/* Matches and targets; the last of each has no name. What asks for no more than the ports of a protocol is one module.
 */
extern const struct module matches_of_address[], matches_of_packet[], matches_of_rate[], matches_of_time[],
    matches_of_past[], targets[];
#define MODULE_OF_PORTS "its ports"

/* Options that need no `-m`: addresses, protocol, devices, fragments. */
extern const struct option plain_options[];

/* What limits ask, and for how many connections, once the whole rule is read. */
void limits_finish(struct reading *r);
void connlimit_finish(struct reading *r);
void hours_finish(struct reading *r);

/* The file is at fault: false, for callers to return. */
bool reading_fault(struct reading *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A whole number, decimal or 0x…, up to `most`. False: the fault is set; `what` is what it should be. */
bool reading_number(struct reading *r, const char *text, uint64_t most, const char *what, uint64_t *n);
/* `N`, or from `N:M` both; an end that is missing is 0 or `most`. False: as above. */
bool reading_range(struct reading *r, const char *text, uint64_t most, const char *what, uint64_t *lo, uint64_t *hi);
/* `N/UNIT`: units are any beginning of second, minute, hour, day. */
bool reading_rate(struct reading *r, const char *text, uint64_t *rate, uint32_t *unit);

/* One number or range more that the rule asks for, `not` where that was written. */
bool reading_want_range(struct reading *r, enum about about, const char *text, uint64_t most, const char *what);
void reading_want(struct reading *r, enum about about, struct list l);
/* A choice to be filled; NULL: there are too many, and the rule is unsaid. */
struct choice *reading_choice(struct reading *r);
/* The next of it, empty. */
struct alternative *choice_next(struct choice *c);
void alternative_want(struct alternative *a, enum about about, struct list l);
/* Takes values that say nothing to prey. */
bool reading_ignore(struct reading *r, const char *const *values);

/* The rule that the words from r->at on say, at the chain's end: more than one where it leaves choices. False: the
 * fault is set. */
bool reading_rule(struct reading *r, struct chain *c);
