/* What the files of the writer share. */
#pragma once

#include <stdio.h>

#include "compiler/import/names.h"
#include "compiler/import/write.h"

/* The firewalls of prey. */
enum way { WAY_IN, WAY_FORWARD, WAY_OUT, WAYS };

/* A `forward` of a nat: whose packets netfilter judges where it forwards, by their new destination, and prey where they
 * arrive. */
struct forwarded {
    struct forwarded *next;
    const struct rule *rule;      /* what it asks for: arrival, source, protocol, ports */
    struct extent at;             /* the destination before; word "self" */
    struct extent to;             /* after */
    uint16_t port;                /* after, where it is known; else 0 */
    const struct forwarded *like; /* the first that goes to the same place: itself, or one before it */
};

/* Where rules of a chain are written: as the body of a firewall, or as one chain of prey for each way in which it has
 * to be said. */
struct place {
    struct place *next;
    enum {
        PLACE_JUMPED, /* a chain that rules jump to */
        PLACE_PLAIN,  /* a base chain that a later one follows: accepting returns */
        PLACE_WHOLE,  /* a base chain that always decides */
        PLACE_REST    /* what follows in a sequence, always decided */
    } kind;
    const struct chain *chain; /* not of a REST */
    enum hook hook;            /* of the base chain that it is, or was jumped to from */
    bool before_state;         /* it stands before connections are looked up */
    bool after_source;         /* it stands behind the translation of sources */
    enum way way;
    uint32_t from;                     /* of a REST: the first of the sequence */
    uint8_t family;                    /* of its packets; 0: both */
    const struct forwarded *forwarded; /* they were sent on by this; NULL: by none */
    struct place *accepted;            /* what accepted packets go on to; NULL: they are accepted */
    bool firewall;                     /* it is a firewall's body */
    const char *name;
};

/* A base chain in the sequence of a way, or where forwarded packets leave it. */
struct stage {
    const struct chain *chain; /* NULL: the `forward` statements part here */
};
struct sequence {
    struct stage *of;
    uint32_t count, parts_at; /* stages before parts_at see old destinations; UINT32_MAX: nothing parts */
};

struct writer {
    struct ruleset *s;
    struct names names;
    struct sequence ways[WAYS];
    struct forwarded *forwarded, **forwarded_end;
    struct place *places, **places_end;
    void *place_tree;
    struct schedule *schedules;
    FILE *out;
    struct unsaid unsaid;
    bool asks_not_on, asks_state;
    bool leaves_untracked; /* a rule was written so that it leaves out what netfilter does not track */
    bool sources;          /* a statement translates them */
    bool all_decided;      /* a rule of the chain that is written leaves no packet for what follows */
};

/* A time of the week, as a `schedule` has it. */
struct schedule {
    struct schedule *next;
    const char *text, *name;
};

/* Is what it says longer than prey could be asked to read, or is the ruleset spent? Then nothing more need be written:
 * write_rules says so. */
bool is_full(const struct writer *w);

void put_string(FILE *out, const char *s);
/* On one line, cut where it is very long: part of a comment. */
void put_comment(FILE *out, const char *s);
void put_address(FILE *out, uint8_t family, wide lo, wide hi);
/* `a, b`, or the set's name. */
void put_list(struct writer *w, const struct list *l, enum about about);
void put_declarations(struct writer *w);
const char *set_said(struct writer *w, struct set *set);
/* Why prey has no such meter; NULL: it has. */
const char *meter_unsayable(const struct meter *m);
/* Is every address of that family? False of none. */
bool list_is_of(const struct list *l, uint8_t family);

void put_rule(struct writer *w, const struct place *p, struct rule *r);
/* The verdict of a packet that the base chain accepts, or with `end` of one that comes to its end. */
const char *place_verdict(const struct place *p, bool end);
/* The conditions, each after a blank; `family`: what is known of the packet's. */
void put_conditions(struct writer *w, const struct rule *r, uint8_t family);
/* Why prey can't ask what the rule asks, wherever it stands; NULL: it can. */
const char *conditions_unsayable(const struct rule *r);
/* Is it asked of IPv4 alone, though no family is named? */
bool is_only_ip4(const struct rule *r);
/* The rule as one or two whose states are prey's, of which no packet matches both (write_tracked.c). `family`: what is
 * known of the packet's. Returns how many; 0: no packet that it asks for is in such a state in netfilter. */
unsigned rules_by_state(struct writer *w, const struct rule *r, uint8_t family, struct rule out[2]);
/* A comment for a rule that is left out, with the reason; it is counted. */
void put_unsaid(struct writer *w, struct rule *r, const char *why);

/* The chain of prey that says `target` where `p` jumps to it (write_ways.c). */
const struct place *place_of_jump(struct writer *w, const struct place *p, const struct chain *target);

void put_firewalls(struct writer *w);
/* Before the firewalls, which have to know what is forwarded. */
void put_nat(struct writer *w);
/* Its packets, as conditions, and the line's end. */
void put_forwarded(struct writer *w, const struct forwarded *f);
