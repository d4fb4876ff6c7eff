/* Shared by the parts of the listing. */
#pragma once

#include "vm/words/text_priv.h"

enum { LINE = 1024 };

void add_place(struct text *t, const struct program *p, const struct pbc_place *place);
void add_quoted(struct text *t, const char *s);
/* Add "pool 3 (web)". */
void add_named(struct text *t, const struct program *p, const char *what, uint32_t index, uint32_t name);
/* Add "rule 4 (noisy:3)". */
void add_rule(struct text *t, const struct program *p, uint32_t rule);
void dump_line(const struct text *t, FILE *out);
void dump_cond(const struct program *p, const struct pbc_cond *c, FILE *out);

const char *endpoint_proto_name(uint8_t proto); /* name of an enum pbc_endpoint_proto: "tcp" */
void dump_rules(const struct program *p, FILE *out);
void dump_services(const struct program *p, FILE *out); /* checks, pools, services */
void dump_observes(const struct program *p, FILE *out); /* observe services */
void dump_classifiers(const struct program *p, FILE *out);
void dump_endpoint(const struct program *p, const struct pbc_endpoint *e, FILE *out);
void dump_nats(const struct program *p, FILE *out);
void dump_memos(const struct program *p, FILE *out); /* remembered verdicts */
void dump_code(const struct program *p, FILE *out);
