/* State and helpers that the files of the writer share */
#pragma once

#include <stdio.h>

#include "compiler/import/given_names.h"
#include "compiler/import/write.h"

/* Firewalls of prey, by way of the packets */
enum way { WAY_IN, WAY_FORWARD, WAY_OUT, WAYS };

/* A `forward` of a nat. netfilter judges its packets at the forward hook, by their new destination; prey judges them
 * where they arrive. */
struct forwarded {
    struct forwarded *next;
    const struct rule *rule;      /* conditions on interface, source, protocol, ports */
    struct extent at;             /* destination before; may be the word "self" */
    struct extent to;             /* destination after */
    uint16_t port;                /* port after; 0: not known */
    const struct forwarded *like; /* the first `forward` with the same target, maybe this one */
    const char *exit;             /* device towards the target; NULL: not in the rules */
    const struct rule *exit_told; /* the rule that determines `exit` */
};

/* A chain at the place where its rules are written: the body of a firewall, or a chain of prey. A chain with
 * different meanings at several places is written for each. */
struct place {
    struct place *next;
    enum {
        PLACE_JUMPED, /* a chain that rules jump to */
        PLACE_PLAIN,  /* a base chain before a later one, so accept returns */
        PLACE_WHOLE,  /* a base chain that decides every packet */
        PLACE_REST    /* the end of a sequence, which decides every packet */
    } kind;
    const struct chain *chain; /* the chain; NULL for a REST */
    enum hook hook;            /* hook of the base chain, or of the one that jumped here */
    bool before_state;         /* before connections are looked up */
    bool before_defrag;        /* before fragments are put together */
    bool after_source;         /* after sources are translated */
    enum way way;
    uint32_t from;                     /* REST: index of its first stage */
    uint8_t family;                    /* family of its packets; 0: both */
    const struct forwarded *forwarded; /* `forward` that sent its packets on; NULL: none */
    struct place *accepted;            /* place where accepted packets go on; NULL: none */
    bool firewall;                     /* body of a firewall */
    const char *name;
};

/* Base chains in the order of a way */
struct sequence {
    const struct chain **of;
    uint32_t count, parts_at; /* index of the first stage after destination translation; UINT32_MAX: none */
};

struct writer {
    struct ruleset *s;
    struct names names;
    struct sequence ways[WAYS];
    struct forwarded *forwarded, **forwarded_end;
    struct place *places, **places_end;
    void *place_tree;
    struct schedule *schedules;
    void *told_tree;    /* comments by their text (search.h) */
    struct told **told; /* comments in the order in which they were first written */
    uint32_t told_count, told_cap;
    FILE *out;
    struct unsaid unsaid;
    bool asks_not_on, asks_state;
    bool leaves_untracked; /* a rule was written without packets that netfilter does not track */
    bool adds;             /* a rule adds to a set */
    bool lists;            /* a set of addresses was written as a static set */
    bool sources;          /* a statement translates sources */
    bool all_decided;      /* a rule of the chain being written leaves no packet for the next */
    bool syn_fin_dropped;  /* a rule of the chain being written drops every SYN with FIN */
};

/* A time of the week, for a `schedule` */
struct schedule {
    struct schedule *next;
    const char *text, *name;
};

/* True if the text is too long for prey, or the ruleset is spent. Writers may stop: write_rules reports it. */
bool is_full(const struct writer *w);

void put_string(FILE *out, const char *s);
/* Write part of a comment, on one line, cut if very long. */
void put_comment(FILE *out, const char *s);
void put_address(FILE *out, uint8_t family, wide lo, wide hi);
/* Write `a, b`, or the set's name. */
void put_list(struct writer *w, const struct list *l, enum about about);
void put_declarations(struct writer *w);
/* Write the prefix lengths of the networks whose addresses count together, as `/24,/64`. Write nothing if each address
 * counts alone. */
void put_lengths(struct writer *w, unsigned length4, unsigned length6);
/* Write `add source to SET for TIME`. */
void put_adding(struct writer *w, const struct adding *a);
const char *set_said(struct writer *w, struct set *set);
/* Return why prey has no such meter; NULL: prey has it. */
const char *meter_unsayable(const struct meter *m);
/* True if the list has addresses, all of that family. */
bool list_is_of(const struct list *l, uint8_t family);

void put_rule(struct writer *w, const struct place *p, struct rule *r);
/* Return the verdict for packets that the base chain accepts or, with `end`, for packets that reach its end. */
const char *place_verdict(const struct place *p, bool end);
/* Write the conditions, each after a blank. family: known family of the packet, or 0. */
void put_conditions(struct writer *w, const struct rule *r, uint8_t family);
/* Return why prey can't ask the rule's conditions at any place; NULL: prey can. */
const char *conditions_unsayable(const struct rule *r);
/* True if the rule demands IPv4 without naming a family. */
bool is_only_ip4(const struct rule *r);
/* Write to `out` one or two exclusive rules with states of prey (write_tracked.c). family: known family of the packet,
 * or 0. Returns their number; 0: none of the packets has such a state in netfilter. */
unsigned rules_by_state(struct writer *w, const struct rule *r, uint8_t family, struct rule out[2]);
/* Write the rule, by `put`, so that a SYN with FIN has its netfilter states (write_syn_fin.c). */
typedef void put_one(struct writer *w, const struct place *p, const struct rule *r);
void put_by_netfilter(struct writer *w, const struct place *p, const struct rule *r, put_one *put);
/* True if the rule asks for TCP and no other protocol. */
bool is_tcp(const struct rule *r);
/* Write the rule's conditions at this place. */
void put_conditions_here(struct writer *w, const struct place *p, const struct rule *r);
/* Write `log`, name and comment of the rule. */
void put_options(struct writer *w, const struct rule *r);
/* Write `# WHAT: TEXT (WHY)`, but equal comments only once: the first shows the number of the others (write_told.c). */
void put_why(struct writer *w, const char *what, const char *text, const char *why);
/* Write the text with what its comments count. */
void put_counted(const struct writer *w, const char *text, size_t len, FILE *out);
void told_fini(struct writer *w);
/* Write a comment for a rule that is left out, with the reason, and count it. */
void put_unsaid(struct writer *w, struct rule *r, const char *why);

/* Find the exit of each forwarded port in the rules (write_exit.c). */
void find_exits(struct writer *w);
/* True if the list of devices holds the device. */
bool list_has_device(const struct list *l, const char *device);

/* Write a comment for a rule of which a part is left out, and count it. */
void put_apart(struct writer *w, struct rule *r, const char *why);
/* Write clamps of segment sizes as items of a nat (write_clamp.c). True if there are any. */
bool put_segment_sizes(struct writer *w);

/* Return the place for `target` where `p` jumps to it (write_ways.c). */
const struct place *place_of_jump(struct writer *w, const struct place *p, const struct chain *target);

void put_firewalls(struct writer *w);
/* Write the nat, before the firewalls, which need w->forwarded. */
void put_nat(struct writer *w);
/* Write conditions for the forward's packets, and end the line. */
void put_forwarded(struct writer *w, const struct forwarded *f);
