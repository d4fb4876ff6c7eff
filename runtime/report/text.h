/* How names, numbers and times are written: one spelling for summary, verdict lines, explanation and log. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "runtime/base/clean.h"
#include "vm/vm.h"
#include "vm/words/words.h"

/* What is printed for each rule: cleaned of what would break a line or a JSON string. Of rules only what is asked for
 * is made: a million of them can share one long name of a list and of a file. */
struct labels {
    const struct program *program;
    char **rule; /* [rules_count] NAME or LIST:LINE; NULL: not asked for yet */
    char *place; /* the one asked for last */
    size_t place_room;
    char *folder;    /* of the main file, with its `/`; "" */
    char **firewall; /* [firewalls_count] */
    char **service;  /* [services_count] */
    char **server;   /* [servers_count] POOL/SERVER */
};
/* 0 or -ENOMEM. */
int labels_init(struct labels *l, const struct program *p);
void labels_fini(struct labels *l);
/* NAME or LIST:LINE. Here and below `?` is what the program does not have: live, a number may be an earlier one's. */
const char *label_rule(const struct labels *l, uint32_t rule);
/* The blank that keeps a text from what follows it: none behind nothing, or behind another. */
const char *text_gap(const char *before);
/* What the rule's `log "…"` has its lines begin with, cleaned; empty where it says nothing. */
enum { LOG_PREFIX = 80 };
const char *label_log_prefix(const struct labels *l, uint32_t rule, char prefix[LOG_PREFIX]);
/* FILE:LINE; good until the next is asked for. */
const char *label_rule_place(const struct labels *l, uint32_t rule);
const char *label_firewall_place(const struct labels *l, uint32_t firewall);
/* A place without the folder of the main file, for people who know where that is. */
const char *label_place(const struct labels *l, const char *place);
/* The rule column: a label, "default" or "-". */
const char *label_of(const struct labels *l, uint32_t rule);
/* The service and server columns: a label or "-". */
const char *label_service(const struct labels *l, uint32_t service);
const char *label_server(const struct labels *l, uint32_t server);
/* "accept", "do web": the rule's verdict as written. */
const char *label_verdict(const struct labels *l, uint32_t rule, char *buf, size_t len);
/* Does the rule end the judging when it matches? */
bool rule_decides(const struct pbc_rule *r);
/* "accept", "drop", "reject": of a rule or a firewall's default. */
const char *verdict_word(unsigned pbc_verdict);

/* Write a JSON string with its quotes; s is cleaned text. */
void text_json(FILE *out, const char *s);

enum { TEXT_TIME = 40 };
/* "3.1 ms", "158.3 s", "12 min 5 s", "2 h 4 min", "12.5 days" */
const char *text_duration(uint64_t ns, char buf[TEXT_NUMBER]);
/* "2024-03-01 09:14:03" UTC */
const char *text_date(uint64_t ns, char buf[TEXT_TIME]);
/* "09:14:03.118" UTC */
const char *text_clock(uint64_t ns, char buf[TEXT_TIME]);
/* "2024-03-01T09:14:03.118000000Z" */
const char *text_iso(uint64_t ns, char buf[TEXT_TIME]);
/* At most `width` columns of s: the end is kept behind "..". */
const char *text_tail(const char *s, unsigned width, char *buf, size_t len);
