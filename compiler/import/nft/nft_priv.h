/* State and helpers that the readers of nft's JSON share */
#pragma once

#include <cjson/cJSON.h>

#include "compiler/import/model.h"

/* A set of several fields, or a map; rules take its elements */
struct kept {
    struct named is;
    struct kept *next;
    cJSON *item; /* owned; NULL if the model has the set */
};

struct named_limit {
    struct named is;
    struct meter *meter;
    bool over, good; /* good: the limit has been read */
};

struct nft {
    struct ruleset *s;
    struct import_fault *fault;
    struct kept *kept;
    void *kept_tree, *limit_tree; /* trees of struct named */
    const char *scope;            /* table of the object being read */
    uint32_t frame_rules;         /* rules of tables of frames so far */
    bool in_set;                  /* the elements of a named set are being read */
};

/* A rule while its statements are read. If prey needs several rules, of which a packet matches one, these are the
 * chain's rules from `first` on. */
struct reading_rule {
    struct nft *nft;
    struct chain *chain;
    struct rule *first, **slot; /* slot: pointer to `first` in the chain */
    bool counts;                /* a counter is among its statements */
    bool full;                  /* no room for more rules */
    bool copied;                /* the rules copy, or add to a set, so later statements become further rules */
};

/* Find an object of the current table; NULL: none. */
const struct kept *kept_find(struct nft *n, const char *name);
const struct named_limit *limit_find(struct nft *n, const char *name);
/* Enter an object that begins with struct named; the name is copied. */
void nft_enter(struct nft *n, void **tree, struct named *thing, const char *name);

/* Return the name of the object's only member, *value; NULL: no object, or an empty one. */
const char *nft_kind(const cJSON *o, const cJSON **value);
/* Return a member's text, or NULL. */
const char *nft_member(const cJSON *o, const char *name);

/* A rule as `nft list ruleset` writes it. The form of a value depends on what it is compared with. */
enum nft_look { LOOK_PLAIN, LOOK_QUOTED, LOOK_HEX, LOOK_TIME };
struct nft_text {
    char bytes[720];
    size_t len;
    bool cut;
    enum nft_look look;
    unsigned digits; /* number of digits, for LOOK_HEX */
};
void nft_rule(struct nft_text *t, const cJSON *statements);
void nft_statement(struct nft_text *t, const cJSON *statement);
void nft_say(struct nft_text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void nft_value(struct nft_text *t, const cJSON *v);
/* Write the values with which `of` is compared. */
void nft_value_of(struct nft_text *t, const cJSON *of, const cJSON *v);
void nft_each(struct nft_text *t, const cJSON *list, const char *between);
void nft_json(struct nft_text *t, const cJSON *v);
/* Write the object's member `name` behind a word; nothing if it has none. */
void nft_say_member(struct nft_text *t, const char *word, const cJSON *o, const char *name);
/* Write text unchanged, but each `{WORD|NAME}` as nft_say_member does. */
void nft_pattern(struct nft_text *t, const char *pattern, const cJSON *o);

/* The left side of a comparison */
struct subject {
    enum about about;
    uint8_t family; /* family that it implies; 0: none */
    uint8_t proto;  /* protocol that it implies; 0: none */
    uint8_t length; /* prefix length of a key that is a network; 0: a whole address, or no address */
    bool special;   /* `what` is compared, not a list */
    enum subject_kind {
        SUBJECT_FAMILY,
        SUBJECT_FLAGS,
        SUBJECT_STATUS,
        SUBJECT_ROUTE,
        SUBJECT_ADDRESS_TYPE,
        SUBJECT_PACKET_TYPE,
        SUBJECT_FRAGMENT,
        SUBJECT_HEADER
    } what;
    uint16_t mask; /* bits compared, for flags and fragments; for routes, whether marks matter */
    uint16_t more; /* added to numbers, because IPv6's length does not count the header */
};

/* Read the left side. Return NULL, or why prey can't test it; `no_condition` itself: the caller may name it. */
extern const char no_condition[];
const char *subject_of(const cJSON *left, struct subject *out);
/* Add a value, a range, a prefix or a list of them to `out`. NULL, or why prey can't express it. */
const char *value_into(struct nft *n, const struct subject *subject, const cJSON *value, struct list *out);
/* Return the elements of an anonymous or named set or map; NULL: none. */
const cJSON *elements_of(struct nft *n, const cJSON *set);
/* Read TCP flags as a mask; false: not flags. */
bool flags_of(const cJSON *value, uint16_t *mask);

void read_match(struct reading_rule *r, const cJSON *match);
/* Add the condition `key value` to each rule. */
void want_value(struct reading_rule *r, const cJSON *key, const cJSON *value);
void want_subject(struct reading_rule *r, const struct subject *s, struct list l);
/* Add the family and the protocol that the subject implies. */
void want_implied(struct reading_rule *r, const struct subject *s);
void want_number(struct reading_rule *r, enum about about, uint64_t number);
void want_family(struct reading_rule *r, uint8_t family);
/* Add one condition for each field of an element. */
void want_fields(struct reading_rule *r, const cJSON *keys, const cJSON *element);
/* Return the value of a set's element, without its options. */
const cJSON *element_value(const cJSON *element);
/* Return the members of a list, in the ruleset's arena. */
const cJSON **array_of(struct reading_rule *r, const cJSON *list, uint32_t *count);
/* Multiply the rules: `each` adds the alternative with its index `at` to a copy of every rule. */
void read_alternatives(struct reading_rule *r, uint32_t count,
                       void (*each)(struct reading_rule *one, uint32_t at, void *arg), void *arg);
/* Note that prey can't express the rules, or a part of them (second function). `why` must outlive the ruleset. */
void read_unsaid(struct reading_rule *r, const char *why);
void read_apart(struct reading_rule *r, const char *why);
/* Note why prey can't test a left side (subject_of), with its name. */
void read_unasked(struct reading_rule *r, const char *why, const cJSON *left);

/* Add a comparison that isn't a list (nft_special.c). */
void match_special(struct reading_rule *r, const struct subject *s, const char *op, const cJSON *right);
/* Make one rule for each verdict of the map (nft_map.c). */
void read_verdict_map(struct reading_rule *r, const cJSON *vmap);

/* Continue with rules that have the same conditions, behind those made so far. */
void reading_go_on(struct reading_rule *r);
void read_statement(struct reading_rule *r, const cJSON *statement);
/* Read accept, drop, jump and the like; false: another statement. */
bool read_verdict(struct reading_rule *r, const char *kind, const cJSON *value);
bool read_translation(struct reading_rule *r, const char *kind, const cJSON *value);
void read_limit(struct reading_rule *r, const cJSON *limit);
/* Add a limit, or a count of connections, for each key. */
void read_by_key(struct reading_rule *r, const struct subject *key, const cJSON *statement, const char *name);
void read_set_statement(struct reading_rule *r, const cJSON *statement);
/* Define a limit with a name. */
void define_limit(struct nft *n, const cJSON *object);
