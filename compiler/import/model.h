/* What was read from another tool's rule set, before it becomes rules of prey: base chains at hooks, chains that rules
 * jump to, rules of conditions and a verdict, sets, meters. A front end (nft/, iptables/) fills it in the order of the
 * file; write.h makes text of it. It means what netfilter means: whether prey can say it is the writer's question.
 *
 * All of it lives in the ruleset's arena, and so does every text that is handed in. Nothing returns NULL (lang/heap.h).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lang/arena.h"

enum { IMPORT_RULES_MOST = 1000000 };

typedef unsigned __int128 wide;

enum about_kind { ABOUT_NUMBERS, ABOUT_ADDRESSES, ABOUT_WORDS };
enum about {
#define ABOUT(ident, words, kind) ASK_##ident,
#include "compiler/import/about.def"
    ASK_COUNT
};

/* One member: numbers lo to hi; addresses lo to hi of a family, as numbers; or a word. */
struct extent {
    wide lo, hi;
    const char *word; /* device ("wg*" too), MAC, state, "self", "multicast": as prey writes it, without quotes */
    uint8_t family;   /* 4 or 6 of addresses, else 0; with word "self" 0 */
};

/* A list as a condition asks for it, or as a set holds it. */
struct list {
    struct extent *of;
    uint32_t count, cap;
    struct set *set; /* the members are a named set's, then `of` is empty; NULL: they stand here */
    bool not ;
};

void list_add(struct list *l, struct extent e, struct arena *a);
void list_number(struct list *l, uint64_t lo, uint64_t hi, struct arena *a);
void list_word(struct list *l, const char *word, size_t len, struct arena *a);
/* An address, `a/len`, or `a-b`, as text, and no netmask. False: it is none, and the list is as it was. */
bool list_address(struct list *l, const char *text, size_t len, struct arena *a);

/* A set that the file names, or one that was made where two conditions met. */
struct set {
    struct set *next;
    const char *name;  /* the file's; not yet one of prey */
    const char *scope; /* table and family: sets of two tables may share a name */
    enum about_kind kind;
    struct list members;
    struct set *left,
        *right; /* of a set that was made: what is in both, or with `except` in left alone; NULL: members count */
    bool except;
    uint8_t depth;    /* how many of its halves lie in one another: 0 of one that the file names */
    uint8_t family;   /* 4 or 6: of all its addresses; 0: it is not known */
    bool changes;     /* rules or time change it at run time: what stands here is what the file shows */
    const char *text; /* what its comment says, or NULL */
    /* the writer's */
    const char *said; /* its name in prey; NULL: not asked for yet */
};

struct meter {
    struct meter *next;
    const char *name; /* the file's, or NULL */
    uint64_t rate;    /* packets or bytes in `unit` seconds: 1, 60, 3600, 86400, 604800 */
    uint32_t unit;
    uint64_t burst; /* size of the bucket, packets or bytes; 0: prey's own default */
    bool bytes;
    enum { METER_ALL, METER_SOURCE, METER_DESTINATION, METER_FLOW } per;
    uint8_t length4, length6; /* of the keys' prefixes: 32 and 128 for addresses */
    const char *said;
};

/* over: true where no token is left. */
struct metered {
    struct metered *next;
    struct meter *meter;
    bool over;
};

struct condition {
    struct condition *next; /* in the order of enum about, each at most once */
    enum about about;
    struct list list;
};

enum act {
    ACT_NONE, /* it counts, and goes on */
    ACT_ACCEPT,
    ACT_DROP,
    ACT_REJECT,
    ACT_JUMP,   /* to `target`, and back */
    ACT_GOTO,   /* to `target`, and back to where this chain was jumped from */
    ACT_RETURN, /* in a base chain: its policy */
    ACT_TRANSLATE,
    ACT_SILENT, /* nothing is left to say of it: prey does it elsewhere, or needs no such thing */
};

/* What a rule of a nat chain does. */
struct translation_act {
    enum { NAT_MASQUERADE, NAT_SOURCE, NAT_DESTINATION, NAT_REDIRECT, NAT_PREFIX_SOURCE, NAT_PREFIX_DESTINATION } how;
    struct extent to;          /* addresses; family 0: none is named */
    uint16_t port_lo, port_hi; /* 0: none is named */
};

struct rule {
    struct rule *next;
    const char *text; /* as the other tool writes it: for comments. Never NULL */
    struct condition *conditions;
    uint8_t family;                 /* 4, 6; 0: both */
    uint8_t flags_has, flags_lacks; /* TCP flags that are all set, all clear; the protocol is a condition apart */
    uint32_t flows_over;            /* connections of the source; 0: not asked */
    enum { NO_MATTER, MUST_BE, MUST_NOT_BE } translated; /* its destination was (`ct status dnat`) */
    bool urpf_failed;
    bool never;             /* its conditions exclude one another */
    struct metered *meters; /* the last one asked first */
    enum act act;
    const char *target; /* a chain of the same table, by name */
    enum {
        ANSWER_OWN,
        ANSWER_RST,
        ANSWER_UNREACHABLE,
        ANSWER_PROHIBITED
    } answer; /* OWN: a reset of TCP, else unreachable */
    bool log;
    const char *prefix;  /* of log, or NULL */
    const char *comment; /* or NULL */
    const char *name;    /* of a named counter, or NULL */
    struct translation_act nat;
    const char *unsaid; /* why prey can't say the rule, which is then left out; NULL: it can */
    bool told;          /* the writer has counted it as left out, or in part */
    const char *apart;  /* what of it can't be said, while the rest stands; NULL: nothing */
};

/* Ask for one thing more. A list about what the rule asks for already narrows it: what both let by is computed, or
 * becomes a set. If that can't be said the rule becomes unsaid. `l` is the rule's from now on. */
struct ruleset;
void rule_want(struct ruleset *s, struct rule *r, enum about about, struct list l);
/* 4 or 6; two different ones never match. */
void rule_want_family(struct rule *r, uint8_t family);
/* All of `has` set and all of `lacks` clear, besides what it asks for already. */
void rule_want_flags(struct rule *r, uint8_t has, uint8_t lacks);
void rule_want_meter(struct ruleset *s, struct rule *r, struct meter *m, bool over);
/* The rule can't be said; the first reason stays. A reason is a part of a sentence: "prey asks no marks". */
void rule_unsaid(struct rule *r, const char *why);
/* Something that it does besides can't be said. */
void rule_apart(struct rule *r, const char *why);
/* Does it ask about this? NULL: no. */
const struct list *rule_asks(const struct rule *r, enum about about);

/* What is wrong with the file; line 0: none is known. */
struct import_fault {
    uint32_t line;
    char text[240];
};

enum hook { HOOK_NONE, HOOK_INGRESS, HOOK_PREROUTING, HOOK_INPUT, HOOK_FORWARD, HOOK_OUTPUT, HOOK_POSTROUTING };

struct chain {
    struct chain *next;
    const char *name, *scope; /* scope: the table and its family */
    uint8_t family;           /* 4, 6; 0: both */
    enum hook hook;           /* HOOK_NONE: rules jump to it */
    bool nat;                 /* a base chain that translates */
    int priority;             /* lower is asked earlier */
    bool drops;               /* its policy */
    struct list devices;      /* of ingress; none: all */
    struct rule *rules, **end;
    uint32_t count;
    /* of ruleset_check: chains that can follow one another below it; and what rules do and ask, here and below */
    enum { NOT_SEEN, ON_THE_WAY, SEEN } seen;
    unsigned height;
    struct traits {
        bool accepts, arrival, departure, destination, state, source;
    } has;
};

struct ruleset {
    struct arena *arena;
    struct chain *chains, **chains_end;
    struct set *sets, **sets_end;
    struct meter *meters, **meters_end;
    struct remark *remarks, **remarks_end; /* what of the file is neither rule nor chain, and can't be said */
    uint64_t rules;
    uint64_t effort;             /* see ruleset_spend */
    uint16_t clamp;              /* of segment sizes, where a rule asks for it: 1 for what paths bear, or bytes */
    void *chain_tree, *set_tree; /* of search.h, by scope and name */
};
struct remark {
    struct remark *next;
    const char *text;
};

/* What a file asks for multiplies: a rule by the elements of a set, chains by the places that lead to them. Each
 * condition, and each member of a list that is gone through for it, is a step; there are EFFORT_MOST of them. False:
 * they are spent, and whoever notices may stop: the file is refused. */
enum { EFFORT_MOST = 1 << 25 };
bool ruleset_spend(struct ruleset *s, uint64_t steps);
bool ruleset_is_spent(const struct ruleset *s);

void ruleset_open(struct ruleset *s);
void ruleset_close(struct ruleset *s);

/* The chain of that name in the scope, made where there is none. */
struct chain *ruleset_chain(struct ruleset *s, const char *scope, const char *name);
const struct chain *ruleset_find_chain(const struct ruleset *s, const char *scope, const char *name);
/* Chains come back to none that leads to them, and nest at most CHAINS_DEEP. Returns 0, or -EINVAL with a fault. */
enum { CHAINS_DEEP = 12 };
int ruleset_check(struct ruleset *s, struct import_fault *f);
struct set *ruleset_set(struct ruleset *s, const char *scope, const char *name, enum about_kind kind);
struct set *ruleset_find_set(const struct ruleset *s, const char *scope, const char *name);
/* A set of addresses that no name of the file stands for; the caller fills it. */
struct set *ruleset_made_set(struct ruleset *s, const char *name);
struct meter *ruleset_meter(struct ruleset *s, const char *name);
void ruleset_remark(struct ruleset *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A new rule at the chain's end; `text` is copied. NULL: there are IMPORT_RULES_MOST already. */
struct rule *chain_rule(struct ruleset *s, struct chain *c, const char *text);
/* The same once more, behind it: what is changed in one does not change the other. NULL as above. */
struct rule *chain_rule_again(struct ruleset *s, struct chain *c, const struct rule *r);

char *import_format(struct ruleset *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The file into the ruleset. 0, or -EINVAL: it is not what it should be, and the fault says what, in a sentence that
 * begins small and ends without a full stop. The text is NUL-terminated and may hold further NULs. */
int nft_read(struct ruleset *s, const char *text, size_t len, struct import_fault *f);
int iptables_read(struct ruleset *s, const char *text, size_t len, struct import_fault *f);
