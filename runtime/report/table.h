/* Tables of packets and bytes by rule, as summary and coverage print them: at most 100 columns wide. */
#pragma once

#include "runtime/report/subject.h"

enum { TABLE_NAME = 200 /* room for a name column */, TABLE_SHARE = 16 };

struct table {
    FILE *out;
    uint64_t whole; /* packets that are 100 % */
    int verdict;    /* width of the verdict column */
    int name;       /* of the name column, verdict column included */
};

/* Is the rule a row of its own? */
typedef bool table_shows_fn(const struct subject *r, const struct vm_counters *c, uint32_t rule);

/* As wide as the names and verdicts of the rules that are shown, and the firewalls' defaults, ask for. */
struct table table_of(FILE *out, const struct subject *r, const struct vm_counters *c, uint64_t whole,
                      table_shows_fn *shows);
/* An empty line and the titles; the last column's may be "". */
void table_head(const struct table *t, const char *title, const char *last);
/* "NAME        accept" for the name column. */
const char *table_name(const struct table *t, const char *name, const char *verdict, char *buf, size_t len);
const char *table_rule_name(const struct table *t, const struct subject *r, uint32_t rule, char *buf, size_t len);
const char *table_default_name(const struct table *t, const struct subject *r, uint32_t firewall, char *buf,
                               size_t len);
/* brackets: the numbers are no part of the table's sum, and are no share of anything. */
void table_row(const struct table *t, const char *name, const struct counter *c, bool brackets, const char *last);
/* A row of words where packets and bytes stand. */
void table_words(const struct table *t, const char *name, const char *packets, const char *bytes, const char *last);
/* "34.9 %", of all packets: "" for none, and what is little or not quite all is not rounded away. */
void table_share(char *buf, size_t len, uint64_t n, uint64_t whole);
/* What fits the last column, of "FILE:LINE" without the main file's folder. */
const char *table_place(const struct subject *r, const char *place, char *buf, size_t len);
