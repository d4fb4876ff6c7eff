/* Model of another tool's rule set: base chains at hooks, chains that rules jump to, rules of conditions and a verdict,
 * sets, meters. A front end (nft/, iptables/) fills it in the order of the file; the writer (write.h) turns it into
 * text. The model has netfilter's meaning; the writer decides what prey can express, or "say".
 *
 * Everything lives in the ruleset's arena, including all texts passed in. No function returns NULL for lack of memory
 * (lang/heap.h). */
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

/* A word of ASK_FRAGMENT that prey lacks: IPv6's fragment header, also in packets that are not fragments */
#define FRAGMENT_HEADER "header"

/* One member: numbers lo to hi; addresses lo to hi of a family, as numbers; or a word */
struct extent {
    wide lo, hi;
    const char *word; /* device (also "wg*"), MAC, state, "self" or "multicast", as prey writes it, without quotes */
    uint8_t family;   /* 4 or 6 for addresses; 0 for everything else and for "self" */
};

/* First members of things in a tree (search.h), found by name in a scope: a table and its family */
struct named {
    const char *name, *scope;
};
/* Return the thing with this name in the scope; NULL: none. */
void *named_find(void *const *tree, const char *scope, const char *name);
/* Enter a thing that begins with struct named, or with its members. */
void named_enter(void **tree, void *thing);

/* The list of a condition or of a set */
struct list {
    struct extent *of;
    uint32_t count, cap;
    struct set *set; /* named set that holds the members, `of` being empty; NULL: `of` holds them */
    bool negated;
};

void list_add(struct list *l, struct extent e, struct arena *a);
void list_number(struct list *l, uint64_t lo, uint64_t hi, struct arena *a);
void list_word(struct list *l, const char *word, size_t len, struct arena *a);
bool list_has_word(const struct list *l, const char *word);
/* True if the set, or a part of it, is a live set of prey. */
bool set_is_live(const struct set *set);
/* True if both have the same members, in the same order, or the same set, and both or neither with `not`. */
bool list_same(const struct list *a, const struct list *b);
/* Add an address, `a/len` or `a-b`, as text, but not with a netmask. False: malformed; the list is unchanged. */
bool list_address(struct list *l, const char *text, size_t len, struct arena *a);

/* A set named in the file, or one made where two conditions meet */
struct set {
    const char *name;  /* name in the file, not in prey */
    const char *scope; /* table of the set: each table may have a set of this name */
    struct set *next;
    enum about_kind kind;
    struct list members;
    struct set *left, *right; /* halves of a made set (intersection or, with `except`, left without right), or NULL */
    bool except;
    uint8_t depth;    /* nesting depth of halves; 0: a set of the file */
    uint8_t family;   /* family of all its addresses, 4 or 6; 0: not known */
    bool changes;     /* rules, timeouts or other programs change it; `members` has those in the file */
    bool asked;       /* a condition asks for it */
    bool full;        /* a full set takes no new member; else an old member makes way */
    bool timeless;    /* members stay for good, whatever the adding rule states */
    uint64_t size;    /* most members; 0: not known */
    uint64_t stays_s; /* time for which a member stays if the rule names none; 0: for good */
    const char *text; /* comment of the set, or NULL */
    /* set by the writer */
    const char *said; /* name in prey; NULL: not yet given */
};

struct meter {
    struct meter *next;
    const char *name; /* name in the file, or NULL */
    uint64_t rate;    /* packets or bytes in `unit` seconds: 1, 60, 3600, 86400, 604800 */
    uint32_t unit;
    uint64_t burst; /* size of the bucket in packets or bytes; 0: prey's default */
    bool bytes;
    enum { METER_ALL, METER_SOURCE, METER_DESTINATION, METER_FLOW } per;
    uint8_t length4, length6; /* prefix lengths of the keys: 32 and 128 for whole addresses */
    const char *said;
};

/* A meter that a rule asks. over: matches if no token is left. */
struct metered {
    struct metered *next;
    struct meter *meter;
    bool over;
};

struct condition {
    struct condition *next; /* conditions in the order of enum about, each at most once */
    enum about about;
    struct list list;
};

enum act {
    ACT_NONE, /* counts only; the next rule follows */
    ACT_ACCEPT,
    ACT_DROP,
    ACT_REJECT,
    ACT_JUMP,   /* goes to `target`, and back here */
    ACT_GOTO,   /* goes to `target`, and returns to the caller of this chain */
    ACT_RETURN, /* ends the chain; in a base chain, its policy decides */
    ACT_TRANSLATE,
    ACT_MIRROR, /* copies to the device `target`; the next rule follows */
    ACT_ADD,    /* adds an address to a set (`adding`); the next rule follows */
    ACT_SILENT, /* not written: another part of prey does it, or prey does not need it */
};

/* Translation by a rule of a nat chain */
struct translation_act {
    enum translation {
        NAT_MASQUERADE,
        NAT_SOURCE,
        NAT_DESTINATION,
        NAT_REDIRECT,
        NAT_PREFIX_SOURCE,
        NAT_PREFIX_DESTINATION
    } how;
    struct extent to;          /* addresses; family 0: none named */
    uint16_t port_lo, port_hi; /* 0: none named */
};

struct rule {
    struct rule *next;
    const char *text; /* the rule as the other tool writes it, for comments; never NULL */
    struct condition *conditions;
    uint8_t family;                       /* 4, 6; 0: both */
    uint8_t flags_has, flags_lacks;       /* TCP flags that must be set, clear; the protocol is a separate condition */
    uint32_t flows_over;                  /* matches above this number of connections of the source; 0: not asked */
    uint8_t flows_length4, flows_length6; /* prefix lengths of the sources that count together */
    enum { NO_MATTER, MUST_BE, MUST_NOT_BE } translated; /* translated destination (`ct status dnat`) */
    bool urpf_failed, urpf_passed; /* the source must have no return route by its device; it must have one */
    bool broadcast; /* a condition asks for all broadcast addresses, of which prey has only that of all networks */
    bool by_mark;   /* the route is looked up with the packet's mark */
    bool never;     /* its conditions exclude one another */
    struct metered *meters; /* the last one added comes first */
    enum act act;
    const char *target; /* name of a chain of the same table, or of a device */
    enum {
        ANSWER_OWN,
        ANSWER_RST,
        ANSWER_UNREACHABLE,
        ANSWER_PROHIBITED
    } answer; /* OWN: reset for TCP, else unreachable */
    bool log;
    uint16_t clamp;      /* clamp of segment sizes, in bytes; 1: by the path; 0: none */
    const char *prefix;  /* prefix of `log`, or NULL */
    const char *comment; /* comment of the rule, or NULL */
    const char *name;    /* name of its counter, or NULL */
    struct translation_act nat;
    struct adding {
        struct set *to;
        bool destination; /* true: the destination; false: the source */
        bool renews;      /* true: members get the new end; false: they keep theirs */
        bool counts;      /* the rule only counts: if no condition asks for the set, its members are not needed */
        uint64_t for_s;   /* time in seconds; 0: for good */
    } adding;
    const char *unsaid; /* reason why prey can't express the rule, which is left out; NULL: none */
    bool told;          /* the writer has counted it as left out, completely or in part */
    const char *apart;  /* the part that prey can't express, while the rest is kept; NULL: none */
};

/* Add a condition, and own `l`. A second list on one subject narrows the first: their intersection is computed, or
 * becomes a set. If prey can't express it, the rule is marked unsaid. */
struct ruleset;
void rule_want(struct ruleset *s, struct rule *r, enum about about, struct list l);
/* Demand family 4 or 6; a rule with both never matches. */
void rule_want_family(struct rule *r, uint8_t family);
/* Demand all of `has` set and all of `lacks` clear, in addition to earlier flags. */
void rule_want_flags(struct rule *r, uint8_t has, uint8_t lacks);
void rule_want_meter(struct ruleset *s, struct rule *r, struct meter *m, bool over);
/* Add that the source, or its network of that prefix length, has more than n connections; n is at least 1. netfilter
 * counts only connections that reached the rule, so a remark says that prey counts all. */
void rule_want_flows(struct rule *r, uint64_t n, unsigned length4, unsigned length6);
/* Mark the rule as not expressible; the first reason stays. A reason is part of a sentence: "prey asks no marks". */
void rule_unsaid(struct rule *r, const char *why);
/* Note a part of the rule that prey can't express, while the rest is kept. */
void rule_apart(struct rule *r, const char *why);
/* Return the rule's list about this subject; NULL: none. */
const struct list *rule_asks(const struct rule *r, enum about about);

/* The error in the file; line 0: not known */
struct import_fault {
    uint32_t line;
    char text[240];
};

enum hook { HOOK_NONE, HOOK_INGRESS, HOOK_PREROUTING, HOOK_INPUT, HOOK_FORWARD, HOOK_OUTPUT, HOOK_POSTROUTING };

struct chain {
    const char *name, *scope;
    struct chain *next;
    uint8_t family;      /* 4, 6; 0: both */
    enum hook hook;      /* HOOK_NONE: rules jump to the chain */
    bool nat;            /* a base chain that translates */
    int priority;        /* chains with lower numbers run earlier */
    bool drops;          /* its policy is drop */
    struct list devices; /* devices of an ingress chain; empty: all */
    struct rule *rules, **end;
    uint32_t count;
    /* set by ruleset_check: depth of chains below; subjects and verdicts of rules here and below */
    enum { NOT_SEEN, ON_THE_WAY, SEEN } seen;
    unsigned height;
    unsigned split; /* the splits that led to this chain (settle.c) */
    struct traits {
        bool accepts, arrival, departure, destination, state, source, fragment;
    } has;
};

struct ruleset {
    struct arena *arena;
    struct chain *chains, **chains_end;
    struct set *sets, **sets_end;
    struct meter *meters, **meters_end;
    struct remark *remarks, **remarks_end; /* parts that are neither rules nor chains and that prey can't express */
    uint64_t rules;
    uint64_t untold, untold_drops; /* number of rules left out without a remark; how many of these drop */
    uint64_t effort;               /* steps so far (ruleset_spend) */
    bool tracks4, tracks6;         /* a rule makes the kernel track connections, and put fragments together first */
    bool sets_marks;               /* a rule sets marks */
    void *chain_tree, *set_tree;   /* trees of struct named */
};
struct remark {
    struct remark *next;
    const char *text;
    bool is_rule, drops; /* is_rule: the remark is about a rule of the file; drops: this rule's drops are missing */
};

/* Count steps: one for each condition, and one for each member of a list that is searched for it. Work multiplies: a
 * rule by the elements of a set, chains by the places that lead to them. False after EFFORT_MOST steps: the file is
 * rejected. */
enum { EFFORT_MOST = 1 << 25 };
bool ruleset_spend(struct ruleset *s, uint64_t steps);
bool ruleset_is_spent(const struct ruleset *s);

void ruleset_open(struct ruleset *s);
void ruleset_close(struct ruleset *s);

/* Return the chain of that name in the scope; make it if there is none. */
struct chain *ruleset_chain(struct ruleset *s, const char *scope, const char *name);
const struct chain *ruleset_find_chain(const struct ruleset *s, const char *scope, const char *name);
/* Adjust rules that depend on others of the file, once it is read completely. Rules for sources with a return route
 * lead other packets to a chain of the rest. If prey can't express a return, the drop that it avoids is left out,
 * too. */
void ruleset_settle(struct ruleset *s);
/* Note that a rule of this family (0: both) makes the kernel track connections. */
void ruleset_tracks(struct ruleset *s, uint8_t family);
/* Check that no chain leads back to itself, and that chains nest at most CHAINS_DEEP. Returns 0, or -EINVAL with a
 * fault. */
enum { CHAINS_DEEP = 12 };
int ruleset_check(struct ruleset *s, struct import_fault *f);
struct set *ruleset_set(struct ruleset *s, const char *scope, const char *name, enum about_kind kind);
struct set *ruleset_find_set(const struct ruleset *s, const char *scope, const char *name);
/* Return a new set of addresses, not named in the file, for the caller to fill. */
struct set *ruleset_made_set(struct ruleset *s, const char *name);
struct meter *ruleset_meter(struct ruleset *s, const char *name);
struct remark *ruleset_remark(struct ruleset *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Append a new rule to the chain; `text` is copied. NULL: the file has IMPORT_RULES_MOST rules already. */
struct rule *chain_rule(struct ruleset *s, struct chain *c, const char *text);
/* Append an independent copy of the rule. NULL: the file has IMPORT_RULES_MOST rules already. */
struct rule *chain_rule_again(struct ruleset *s, struct chain *c, const struct rule *r);

char *import_format(struct ruleset *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Read the file into the ruleset. Returns 0, or -EINVAL with a fault: a sentence in lower case without a full stop. The
 * text is NUL-terminated and may hold other NULs. */
int nft_read(struct ruleset *s, const char *text, size_t len, struct import_fault *f);
int iptables_read(struct ruleset *s, const char *text, size_t len, struct import_fault *f);
