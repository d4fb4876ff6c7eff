/* State of reading one rule of iptables-save. `rule` holds its conditions; `choices` holds alternatives, each of which
 * becomes a rule of prey. */
#pragma once

#include "compiler/import/model.h"

enum {
    WORDS_MOST = 512,      /* words of a line; iptables-restore takes 255 */
    LINE_MOST = 64 * 1024, /* bytes of a line */
};

/* A line of iptables-save as words */
struct words {
    char text[LINE_MOST + WORDS_MOST]; /* the words, each NUL-terminated */
    const char *of[WORDS_MOST];
    bool quoted[WORDS_MOST]; /* the word was in quotes, so it is not an option */
    uint32_t count;
};

enum { CHOICES_MOST = 4, ALTERNATIVES_MOST = 8, MODULES_MOST = 32 };

enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_ACK = 16 };

struct wanted {
    enum about about;
    struct list list;
};

/* One alternative: all of its conditions must hold */
struct alternative {
    struct wanted wants[2];
    uint32_t count;
    struct wanted apart; /* for rules that do not decide: condition that leaves only one alternative to a packet */
    bool has_apart;
    uint8_t has, lacks; /* TCP flags that must be set; that must be clear */
    bool translated;    /* asks for a translated destination */
};

/* Alternatives, of which at least one must hold */
struct choice {
    struct alternative of[ALTERNATIVES_MOST];
    uint32_t count;
};

/* Options of one match, in any order; they take effect at the end of the rule */
struct limit {
    uint64_t rate, burst;
    uint32_t unit; /* unit of the rate in seconds */
    bool begun, over;
};
struct hashlimit {
    struct limit limit;
    const char *name;
    unsigned keys;                              /* bits of enum hash_key */
    unsigned source_length, destination_length; /* prefix lengths; 0: the whole address */
    bool bytes;
};
enum hash_key { KEY_SOURCE = 1, KEY_SPORT = 2, KEY_DESTINATION = 4, KEY_DPORT = 8 };
/* Part of a day, in seconds; an absent bound is the day's */
struct hours {
    uint64_t begin, end;
    const char *days; /* days as prey writes them, or NULL */
    bool asked, bounded, over_midnight;
};
struct connlimit {
    uint64_t over;
    bool asked, upto, destination;
    bool masked; /* networks are counted, with prefixes of this length: */
    unsigned length;
};

/* Meter of a hashlimit's name; rules of a table with that name share it */
struct shared_meter {
    struct named is;
    struct meter *meter;
};

struct reading {
    struct ruleset *s;
    struct import_fault *fault;
    void **shared; /* tree of struct shared_meter */
    const struct words *words;
    uint32_t at;       /* the next word */
    uint8_t family;    /* 4 or 6 */
    const char *scope; /* the rule's table */
    const char *chain; /* the rule's chain */
    bool nat;          /* the table translates */
    struct rule rule;
    struct choice choices[CHOICES_MOST];
    uint32_t choice_count;
    const struct module *modules[MODULES_MOST]; /* matches, and the target last */
    uint32_t module_count;
    unsigned proto;        /* the only protocol that the rule asks for, or 0 */
    struct choice *no_syn; /* the choice that `! --syn` made, or NULL */
    bool inverted;         /* `!` precedes the option being read */
    bool targeted;         /* the target has been read */
    bool limited;          /* a limit has been read */
    bool metered_late;     /* a condition has been read after a limit */
    struct limit limit;
    bool limit_first; /* the limit precedes the hashlimit */
    struct hashlimit hash;
    struct connlimit conn;
    struct hours hours;
    bool exists; /* `--exist`: a member of the set gets the new time */
};

/* An option: the number of its values, the function that takes them, and the function's arguments. */
struct option {
    const char *name;
    uint32_t values;
    bool (*take)(struct reading *r, const struct option *o,
                 const char *const *values); /* NULL: prey can't express it */
    enum about about;                        /* subject of the condition that it adds */
    uint64_t most;                           /* the largest number that it takes */
    const char *noun;                        /* name of the number in faults */
    size_t into;                             /* place of its value in struct reading */
    bool above;      /* the option asks for more than its value; else for less, or for at most its value */
    const char *why; /* reason if prey can't express it, as part of a sentence; NULL: prey lacks the condition */
};

/* A match or a target. why: reason, as part of a sentence, if prey can't express it at all; its options are then
 * skipped. */
struct module {
    const char *name;
    const char *why;
    const struct option *options;                             /* ended by a row without name; or NULL */
    bool (*begin)(struct reading *r, const struct module *m); /* called when the module is named; or NULL */
    enum act act;         /* verdict of a target; ACT_NONE: set by `begin`, or none */
    enum translation how; /* kind of translation, for ACT_TRANSLATE */
};

/* Tables of matches and targets, each ended by a row without name. One module serves all protocols tested only for
 * ports. */
extern const struct module matches_of_address[], matches_of_packet[], matches_of_rate[], matches_of_time[],
    matches_of_past[], targets[];
#define MODULE_OF_PORTS "its ports"

/* Options that need no `-m`: addresses, protocol, devices, fragments */
extern const struct option plain_options[];

/* Add the limits, the count of connections or the hours to the rule, or the target of copies, once the rule is read
 * completely. */
void limits_finish(struct reading *r);
void connlimit_finish(struct reading *r);
void hours_finish(struct reading *r);
void tee_finish(struct reading *r);
void adding_finish(struct reading *r);
/* Return the set of addresses of that name; NULL: not in the file. The caller may fill an empty set. */
struct set *reading_set(const struct reading *r, const char *name);

/* Set the fault and return false, which callers return. */
bool reading_fault(struct reading *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Read a whole number up to `most`, decimal or 0x…. what: its name in the fault. False: the fault is set. */
bool reading_number(struct reading *r, const char *text, uint64_t most, const char *what, uint64_t *n);
/* Read `N`, for both ends, or `N:M`; a missing end is 0 or `most`. False: the fault is set. */
bool reading_range(struct reading *r, const char *text, uint64_t most, const char *what, uint64_t *lo, uint64_t *hi);
/* Read `N/UNIT`. A unit is any prefix of second, minute, hour, day. */
bool reading_rate(struct reading *r, const char *text, uint64_t *rate, uint32_t *unit);

void reading_want(struct reading *r, enum about about, struct list l);
/* Return a new choice to fill; NULL: too many, and the rule is marked unsaid. */
struct choice *reading_choice(struct reading *r);
/* Return the choice's next alternative, empty. */
struct alternative *choice_next(struct choice *c);
void alternative_want(struct alternative *a, enum about about, struct list l);
/* Functions for options: skip values without meaning for prey; ask for a number or range, or with `!` for all
 * others; copy a text to its place; set the bool at its place. */
bool take_nothing(struct reading *r, const struct option *o, const char *const *values);
bool take_range(struct reading *r, const struct option *o, const char *const *values);
bool take_text(struct reading *r, const struct option *o, const char *const *values);
bool take_flag(struct reading *r, const struct option *o, const char *const *values);

/* Read the rule from the words at r->at on, and append it to the chain, as several rules if it has choices. False: the
 * fault is set. */
bool reading_rule(struct reading *r, struct chain *c);
