/* Constructors that grammar actions call: nodes, and the mistakes that only constructors can see. */
#pragma once

#include "lang/lex/lex.h"

/* Report an error in a constructor, and leave the current statement out of the tree. */
#define build_error(p, ...) ((p)->stmt.bad = true, diag((p)->diags, __VA_ARGS__))

/* build.c: nodes */
struct span span_join(struct span a, struct span b);
struct node *leaf(struct parser *p, enum node_kind kind, struct span span);
struct node *name_node(struct parser *p, struct str word, struct span span);
struct node *int_leaf(struct parser *p, enum node_kind kind, uint64_t i, struct span span);
/* Append all of a chain of siblings; a NULL chain is empty. */
struct node *adopt(struct node *parent, struct node *chain);
struct node *chain(struct node *a, struct node *b);
/* Append siblings to a list, which is made with its first element; constant time for each. */
struct node *append(struct parser *p, struct node *list, struct node *siblings);
struct node *kids(struct node *list);
/* Make a node of `kind` with the given chain as children. */
struct node *tree(struct parser *p, enum node_kind kind, struct span span, struct node *children);
struct node *clause(struct parser *p, enum clause clause, struct span span, struct node *children);
struct node *step(struct parser *p, enum clause clause, struct span span, struct node *children);
struct node *choice(struct parser *p, enum clause clause, struct span span);
/* Make a list under construction: a container node whose children are the elements. */
struct node *list_of(struct parser *p, struct node *first, struct span span);
struct node *list_more(struct node *list, struct node *next, struct span span);
struct node *list_not(struct parser *p, struct node *list, struct span not_span, unsigned nots, struct span second);
/* Read `not proto 47` as `proto not 47`. */
struct node *list_outer_not(struct parser *p, struct node *list, struct span not_span, unsigned nots,
                            struct span second);
/* Set flag NOT on the value of `is not x".."`. NULL gives NULL. */
struct node *other_than(struct parser *p, struct node *value, unsigned nots, struct span second);
void list_inner_not(struct parser *p, struct span span);
/* Add a complete statement to `body`, unless an error in it was reported. */
struct node *statement_done(struct parser *p, struct node *body, struct node *n);
/* Leave out the current statement, which had an error. */
struct node *statement_broken(struct parser *p, struct node *body);

/* build_value.c: values that are valid only in some places */
enum want {
    W_INT = 1 << 0,
    W_RANGE = 1 << 1,
    W_ADDR = 1 << 2,
    W_PREFIX = 1 << 3,
    W_ADDR_RANGE = 1 << 4,
    W_ENDPOINT = 1 << 5,
    W_MAC = 1 << 6,
    W_STRING = 1 << 7,
    W_BYTES = 1 << 8,
    W_PERCENT = 1 << 9,
    W_STATUS = 1 << 10,
    W_DURATION = 1 << 11,
    W_RATE = 1 << 12,
    W_BANDWIDTH = 1 << 13,
    W_SIZE = 1 << 14,
    W_RATIO = 1 << 15,
    W_TIME = 1 << 16,
    W_NAME = 1 << 17,
    W_ANY = 1 << 18,
    W_SELF = 1 << 19,
    W_NONE = 1 << 20,
    W_ADDRS = W_ADDR | W_PREFIX | W_ADDR_RANGE | W_NAME | W_ANY | W_SELF,
    W_NUMBERS = W_INT | W_RANGE | W_NAME,
    W_ENDPOINT_RANGE = 1 << 21,
    W_SCALAR = (W_NAME - 1) | W_ENDPOINT_RANGE,
};
/* Return the value if `wants` allows it (names always pass W_NAME); else report the values that `where` takes, and
 * return NULL. */
struct node *want(struct parser *p, struct node *value, unsigned wants, const char *where);
struct node *want_list(struct parser *p, struct node *list, unsigned wants, const char *where);
struct node *colon_ratio(struct parser *p, struct node *colon);
struct node *colon_time(struct parser *p, struct node *colon);
struct node *colon_time_range(struct parser *p, struct node *colon);
struct node *proto_ports(struct parser *p, struct str word, struct span span);
/* Check that the word before the host of a server by name is `name`. Return the host; NULL after a report. */
struct node *server_host(struct parser *p, struct node *word, struct node *host);
/* The same for `servers`, where the word may also be `srv`, before a service's name. */
struct node *servers_host(struct parser *p, struct str word, struct span at, struct node *host);
/* Check the range of `servers`; if the range is a text, the name must be `srv`. */
struct node *servers_at(struct parser *p, struct node *name, struct node *value, struct span keyword);
/* Check the address of `server` or the range of `servers`; a constant is checked later. keyword: place of that word. */
struct node *server_at(struct parser *p, struct node *value, struct span keyword, unsigned wants);
/* Check the value of `mss clamp`, unless `auto`. */
struct node *segment_size(struct parser *p, struct node *value);
struct node *server_ref(struct parser *p, struct str word, struct span span);
struct node *per_prefix(struct parser *p, struct str word, struct span span, struct node *len6);

/* settings.c: make a setting from its key and value; without a value, the last word is the value. */
struct node *setting(struct parser *p, struct node *words, struct node *value, bool is_timeout);

/* build_rule.c: declarations and rules */
struct node *const_decl(struct parser *p, struct span kw, struct str word, struct span word_span, struct node *value);
struct node *set_op(struct parser *p, struct node *left, enum node_kind op, struct span op_span, struct node *right);
struct node *set_member(struct parser *p, struct node *value);
/* Make the option `size N` or `answers HOST, …` of a live set, and `once` or `cut` of a rule that adds: words that may
 * be names elsewhere. */
struct node *live_word(struct parser *p, struct node *word, struct node *values);
struct node *add_word(struct parser *p, struct node *word);
/* Make a condition from a finished list, whose elements become its own children. */
struct node *condition(struct parser *p, enum node_kind kind, struct span span, struct node *list, unsigned wants,
                       const char *where);
struct node *rule_new(struct parser *p, struct node *audit, struct node *verdict);
struct node *rule_part(struct parser *p, struct node *rule, struct node *part, struct span keyword);
/* Add a condition to those of a nat's statement (NULL: the first). */
struct node *nat_conds_more(struct parser *p, struct node *conds, struct node *cond);
/* Make a `source` of a nat. target: CL_TO; NULL: it may be among the conditions, as in older files. */
struct node *nat_source(struct parser *p, struct span kw, struct node *conds, struct node *target, struct node *ports);
struct node *when_new(struct parser *p, struct span kw, struct node *conditions, struct node *pools);
struct node *flag_list(struct parser *p, enum node_kind kind, struct span span, struct node *list);
struct node *packet(struct parser *p, enum clause proto, struct span span, struct node *number, struct node *addrs,
                    struct node *opts);
/* Make `idle client D` or `idle server D`, of which `span` begins with `idle`. */
struct node *idle_of(struct parser *p, struct span span, struct node *end, struct node *time);
/* Return a name as a CHOICE if it is listed (the last entry is CL_NONE); else offer the nearest, and return NULL. */
struct node *one_of(struct parser *p, struct node *name, const char *where, const enum clause *choices);
