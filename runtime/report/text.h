/* Text forms of names, numbers and times, the same in summary, verdict lines, explanation and log. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "lang/json.h"
#include "runtime/base/complain.h"
#include "vm/vm.h"
#include "vm/words/words.h"

/* Labels for printing, cleaned of bytes that would break a line or a JSON string. Labels of rules are made on
 * demand: a million of them can share one long name of a list and of a file. */
struct labels {
    const struct program *program;
    char **rule; /* [rules_count] NAME or LIST:LINE; NULL: not made yet */
    char *place; /* last place that was asked for */
    size_t place_room;
    char *folder;         /* folder of the main file, with its `/`; or "" */
    char **firewall;      /* [firewalls_count] labels */
    char **service;       /* [services_count] labels */
    char **server;        /* [servers_count] labels, POOL/SERVER */
    struct labels *would; /* labels of program->would; NULL: nothing is audited */
};
/* Return 0 or -ENOMEM. */
int labels_init(struct labels *l, const struct program *p);
void labels_fini(struct labels *l);
/* Return NAME or LIST:LINE. Here and below `?` replaces numbers that the program lacks, such as an earlier
 * program's. */
const char *label_rule(const struct labels *l, uint32_t rule);
/* Write "drop by TELNET", the packet's fate without the word `audit`; "-": unchanged. */
const char *label_would(const struct labels *l, const struct verdict *v, char *buf, size_t len);
/* Return the space between `before` and a following text: "" if `before` is empty or ends in a space. */
const char *text_gap(const char *before);
/* Write the prefix of the lines of the rule's `log "…"`, cleaned; "" without one. */
enum { LOG_PREFIX = 80 };
const char *label_log_prefix(const struct labels *l, uint32_t rule, char prefix[LOG_PREFIX]);
/* Return FILE:LINE, valid until the next call. */
const char *label_rule_place(const struct labels *l, uint32_t rule);
const char *label_firewall_place(const struct labels *l, uint32_t firewall);
/* Return a place without the folder of the main file, for readers who know it. */
const char *label_place(const struct labels *l, const char *place);
/* Return the rule column: a label, "default" or "-". */
const char *label_of(const struct labels *l, uint32_t rule);
/* Return the service or server column: a label or "-". */
const char *label_service(const struct labels *l, uint32_t service);
const char *label_server(const struct labels *l, uint32_t server);
/* Write the rule's verdict as in the file: "accept", "do web". */
const char *label_verdict(const struct labels *l, uint32_t rule, char *buf, size_t len);
/* True if a match of the rule ends the judging. */
bool rule_decides(const struct pbc_rule *r);
/* Return "accept", "drop" or "reject", for a rule or a firewall's default. */
const char *verdict_word(unsigned pbc_verdict);

/* Return a column for JSON: NULL for "-". */
const char *label_or_null(const char *label);
static inline void text_json(FILE *out, const char *s) { json_string(out, s); }

enum { TEXT_TIME = 40 };
/* Write "3.1 ms", "158.3 s", "12 min 5 s", "2 h 4 min" or "12.5 days". */
const char *text_duration(uint64_t ns, char buf[TEXT_NUMBER]);
/* Write "2024-03-01 09:14:03", in UTC. */
const char *text_date(uint64_t ns, char buf[TEXT_TIME]);
/* Write "09:14:03.118", in UTC. */
const char *text_clock(uint64_t ns, char buf[TEXT_TIME]);
/* Write "2024-03-01T09:14:03.118000000Z". */
const char *text_iso(uint64_t ns, char buf[TEXT_TIME]);
/* Write the moment "2024-03-01T09:14:03Z" as local time: "09:14:03" if today, else "2024-03-01 09:14"; "" for none. */
const char *text_local(const char *iso, char buf[TEXT_TIME]);
/* Text about an unknown way. Any part but `then` and `doc` may be "". */
struct way_told {
    const char *then;    /* fate of the packet: "dropped (no-way)" */
    const char *instead; /* option with which the packet is translated all the same */
    const char *doc;     /* reason why the way is unknown */
    const char *next;    /* change that makes the way known */
};
/* Write "unknown, dropped (no-way): a policy rule matches a mark; to translate it, use: …; to make it known, use: …".
 */
enum { TEXT_WAY = 500 };
const char *text_unknown_way(const struct way_told *w, char buf[TEXT_WAY]);
/* Write at most `width` columns of s; the end is kept behind "..". */
const char *text_tail(const char *s, unsigned width, char *buf, size_t len);
