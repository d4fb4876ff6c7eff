/* Constructors that grammar actions call: nodes, and the mistakes that only they can see. */
#pragma once

#include "lang/lex/lex.h"

/* An error that a constructor finds: reported, and the statement in hand is left out of the tree. */
#define build_error(p, ...) ((p)->stmt.bad = true, diag((p)->diags, __VA_ARGS__))

/* build.c: nodes */
struct span span_join(struct span a, struct span b);
struct node *leaf(struct parser *p, enum node_kind kind, struct span span);
struct node *name_node(struct parser *p, struct str word, struct span span);
struct node *int_leaf(struct parser *p, enum node_kind kind, uint64_t i, struct span span);
/* Append all of a chain of siblings; NULL is no sibling. */
struct node *adopt(struct node *parent, struct node *chain);
struct node *chain(struct node *a, struct node *b);
/* Append to a list that is made with its first element: as many as there are, each in constant time. */
struct node *append(struct parser *p, struct node *list, struct node *siblings);
struct node *kids(struct node *list);
/* A node of `kind` with the given chain as children. */
struct node *tree(struct parser *p, enum node_kind kind, struct span span, struct node *children);
struct node *clause(struct parser *p, enum clause clause, struct span span, struct node *children);
struct node *step(struct parser *p, enum clause clause, struct span span, struct node *children);
struct node *choice(struct parser *p, enum clause clause, struct span span);
/* Lists under construction: a container node whose children count. */
struct node *list_of(struct parser *p, struct node *first, struct span span);
struct node *list_more(struct node *list, struct node *next, struct span span);
struct node *list_not(struct parser *p, struct node *list, struct span not_span, unsigned nots, struct span second);
/* `not proto 47` for `proto not 47`. */
struct node *list_outer_not(struct parser *p, struct node *list, struct span not_span, unsigned nots,
                            struct span second);
/* The value of `is not x".."`: flag NOT. NULL for NULL. */
struct node *other_than(struct parser *p, struct node *value, unsigned nots, struct span second);
void list_inner_not(struct parser *p, struct span span);
/* A statement is complete: add it to `body` unless something in it was reported. */
struct node *statement_done(struct parser *p, struct node *body, struct node *n);
/* The statement in hand had an error and is left out. */
struct node *statement_broken(struct parser *p, struct node *body);

/* build_value.c: values where the place decides */
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
/* The value if it is one of `wants` (names always pass W_NAME); else an error that says what `where` takes, and NULL.
 */
struct node *want(struct parser *p, struct node *value, unsigned wants, const char *where);
struct node *want_list(struct parser *p, struct node *list, unsigned wants, const char *where);
struct node *colon_ratio(struct parser *p, struct node *colon);
struct node *colon_time(struct parser *p, struct node *colon);
struct node *colon_time_range(struct parser *p, struct node *colon);
struct node *proto_ports(struct parser *p, struct str word, struct span span);
/* The address of `server`, the range of `servers`, as `wants` says; a constant is asked later. keyword: its place. */
struct node *server_at(struct parser *p, struct node *value, struct span keyword, unsigned wants);
/* What `mss clamp` takes, where it is not `auto`. */
struct node *segment_size(struct parser *p, struct node *value);
struct node *server_ref(struct parser *p, struct str word, struct span span);
struct node *per_prefix(struct parser *p, struct str word, struct span span, struct node *len6);

/* settings.c: one key with its value; without one the last word is it. */
struct node *setting(struct parser *p, struct node *words, struct node *value, bool is_timeout);

/* build_rule.c: declarations and rules */
struct node *const_decl(struct parser *p, struct span kw, struct str word, struct span word_span, struct node *value);
struct node *set_op(struct parser *p, struct node *left, enum node_kind op, struct span op_span, struct node *right);
struct node *set_member(struct parser *p, struct node *value);
struct node *file_ref(struct parser *p, struct node *path, bool live, struct span span);
/* A condition whose list elements are its own children, from a finished list. */
struct node *condition(struct parser *p, enum node_kind kind, struct span span, struct node *list, unsigned wants,
                       const char *where);
struct node *rule_new(struct parser *p, struct node *audit, struct node *verdict);
struct node *rule_part(struct parser *p, struct node *rule, struct node *part, struct span keyword);
struct node *when_new(struct parser *p, struct span kw, struct node *conditions, struct node *pools);
struct node *flag_list(struct parser *p, enum node_kind kind, struct span span, struct node *list);
struct node *packet(struct parser *p, enum clause proto, struct span span, struct node *number, struct node *addrs,
                    struct node *opts);
/* A name that has to be one of those listed (the last is CL_NONE), as a CHOICE; else the nearest is offered, and NULL.
 */
struct node *one_of(struct parser *p, struct node *name, const char *where, const enum clause *choices);
