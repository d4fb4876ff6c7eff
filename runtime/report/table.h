/* Tables of packets and bytes by rule, as in summary and coverage: at most 100 columns wide. */
#pragma once

#include "runtime/report/subject.h"

enum { TABLE_NAME = 200 /* bytes of a name column's text */, TABLE_SHARE = 16 };

struct table {
    FILE *out;
    uint64_t whole; /* number of packets that is 100 % */
    int verdict;    /* width of the verdict column */
    int name;       /* width of the name column, verdict column included */
};

/* True if the rule has its own row: in programs with more rules than TABLE_ALL_RULES, only if it matched. */
enum { TABLE_ALL_RULES = 40 };
bool table_shows(const struct subject *r, const struct vm_counters *c, uint32_t rule);

/* Return a table wide enough for the names and verdicts of the shown rules, and the firewalls' defaults. */
struct table table_of(FILE *out, const struct subject *r, const struct vm_counters *c, uint64_t whole);
/* Write an empty line and the titles; the last column's title may be "". */
void table_head(const struct table *t, const char *title, const char *last);
/* Write "NAME        accept" for the name column. */
const char *table_name(const struct table *t, const char *name, const char *verdict, char *buf, size_t len);
const char *table_rule_name(const struct table *t, const struct subject *r, uint32_t rule, char *buf, size_t len);
const char *table_default_name(const struct table *t, const struct subject *r, uint32_t firewall, char *buf,
                               size_t len);
/* Write a row. brackets: the numbers are not part of the table's sum or shares. */
void table_row(const struct table *t, const char *name, const struct counter *c, bool brackets, const char *last);
/* Write a row with words in place of packets and bytes. */
void table_words(const struct table *t, const char *name, const char *packets, const char *bytes, const char *last);
/* Write "34.9 %", the share of all packets: "" for none; small shares and those near 100 % are not rounded away. */
void table_share(char *buf, size_t len, uint64_t n, uint64_t whole);
/* Cut "FILE:LINE" to the last column, without the main file's folder. */
const char *table_place(const struct subject *r, const char *place, char *buf, size_t len);
