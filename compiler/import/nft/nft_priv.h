/* What the files that read nft's JSON share. */
#pragma once

#include <cjson/cJSON.h>

#include "compiler/import/model.h"

/* A thing of a table, found by both. */
struct named {
    const char *name, *scope;
};

/* Sets of several fields and maps, which rules ask by their elements. */
struct kept {
    struct named is;
    struct kept *next;
    cJSON *item; /* owned; NULL of a set that the model has */
};

struct named_limit {
    struct named is;
    struct meter *meter;
    bool over, good; /* good: it could be read */
};

struct nft {
    struct ruleset *s;
    struct import_fault *fault;
    struct kept *kept;
    void *kept_tree, *limit_tree; /* of struct named (search.h) */
    const char *scope;            /* of the rule that is read */
    bool in_set;                  /* the elements of a named set are read */
};

/* A rule while its statements are read, one or several: where a thing can only be said by several rules, of which one
 * packet matches one, they are all that follow `first` in the chain. */
struct reading_rule {
    struct nft *nft;
    struct chain *chain;
    struct rule *first, **slot; /* slot: what points at the first */
    bool counts;                /* a counter is among its statements */
    bool full;                  /* there was no room for more rules */
};

/* Of the table whose rule is read; NULL: there is none. */
const struct kept *kept_find(struct nft *n, const char *name);
const struct named_limit *limit_find(struct nft *n, const char *name);
/* `thing` begins with struct named; the name is copied. */
void named_enter(struct nft *n, void **tree, struct named *thing, const char *name);

/* The name of the only member, which is *value; NULL: it is no object, or an empty one. */
const char *nft_kind(const cJSON *o, const cJSON **value);
/* A member's text, or NULL. */
const char *nft_member(const cJSON *o, const char *name);

struct text {
    char bytes[720];
    size_t len;
    bool cut;
};
void text_rule(struct text *t, const cJSON *statements);
void text_statement(struct text *t, const cJSON *statement);

/* What stands to the left of a comparison. */
struct subject {
    enum about about;
    uint8_t family; /* that it implies; 0: none */
    uint8_t proto;  /* likewise */
    bool special;   /* it is `what`, and no list */
    enum subject_kind {
        SUBJECT_FAMILY,
        SUBJECT_FLAGS,
        SUBJECT_STATUS,
        SUBJECT_ROUTE,
        SUBJECT_ADDRESS_TYPE,
        SUBJECT_PACKET_TYPE,
        SUBJECT_FRAGMENT
    } what;
    uint16_t mask; /* of flags and fragments: what is compared */
    uint16_t more; /* to be added to numbers: IPv6's length counts no header */
};

/* NULL; or why prey can't ask about it. */
const char *subject_of(const cJSON *left, struct subject *out);
/* A value, a range, a prefix, or a list of such, into the list. NULL, or why it can't be said. */
const char *value_into(struct nft *n, const struct subject *subject, const cJSON *value, struct list *out);
/* The elements of an anonymous set or a map, or of a named one; NULL: there is no such. */
const cJSON *elements_of(struct nft *n, const cJSON *set);
/* TCP flags as a mask; false: it is none. */
bool flags_of(const cJSON *value, uint16_t *mask);

void read_match(struct reading_rule *r, const cJSON *match);
/* `subject value` as a condition of each rule. */
void want_value(struct reading_rule *r, const cJSON *key, const cJSON *value);
void want_subject(struct reading_rule *r, const struct subject *s, struct list l);
/* The family and the protocol that have such a field. */
void want_implied(struct reading_rule *r, const struct subject *s);
void want_number(struct reading_rule *r, enum about about, uint64_t number);
void want_family(struct reading_rule *r, uint8_t family);
/* Each field of an element is one condition. */
void want_fields(struct reading_rule *r, const cJSON *keys, const cJSON *element);
/* What the element of a set holds, without what stands beside it. */
const cJSON *element_value(const cJSON *element);
/* The members of a list, in the ruleset's arena. */
const cJSON **array_of(struct reading_rule *r, const cJSON *list, uint32_t *count);
/* As many rules as now, once more for each of `count` alternatives: `each` is told which it is. */
void read_alternatives(struct reading_rule *r, uint32_t count,
                       void (*each)(struct reading_rule *one, uint32_t at, void *arg), void *arg);
/* No rule of it can be said, or all but a part; the reason lives as long as the ruleset. */
void read_unsaid(struct reading_rule *r, const char *why);
void read_apart(struct reading_rule *r, const char *why);

/* What is compared by other ways than lists (nft_special.c, nft_flags.c). */
void match_special(struct reading_rule *r, const struct subject *s, const char *op, const cJSON *right);
void match_flags(struct reading_rule *r, const struct subject *s, const char *op, const cJSON *right);
/* One rule for each verdict (nft_map.c). */
void read_verdict_map(struct reading_rule *r, const cJSON *vmap);

void read_statement(struct reading_rule *r, const cJSON *statement);
/* accept, drop, jump and the like; false: it is none. */
bool read_verdict(struct reading_rule *r, const char *kind, const cJSON *value);
bool read_translation(struct reading_rule *r, const char *kind, const cJSON *value);
void read_limit(struct reading_rule *r, const cJSON *limit);
void read_set_statement(struct reading_rule *r, const cJSON *statement);
/* A named limit. */
void define_limit(struct nft *n, const cJSON *object);
