/* Copies that rules with `mirror` make in a replay: nothing is sent; with --copies DIR they are kept in files. */
#pragma once

#include "runtime/copies/replayed.h"

struct pass;
struct subject;
struct tx_entry;

struct replay_copied {
    struct pass *pass; /* pass whose packets are copied (pass_new) */
    struct replayed to;
    const struct copies_table *table; /* NULL: the program has no mirrors */
    const char **names;
    struct vm_copies out; /* for vm_cfg.copies */
};

/* Begin. Return 0, or 2 after a complaint. Call replay_copied_close in any case. */
int replay_copied_open(struct replay_copied *c, const struct subject *r);
/* Write all and close: after the summary. Return 0, or 2 after a complaint. */
int replay_copied_close(struct replay_copied *c);
/* Copy what became of packets, for mirrors with `sent`: what a call of the vm left, before its slots are put back; and
 * those of the batch that stay here. */
void replay_copied_left(struct replay_copied *c, const struct tx_entry *e, uint64_t time_ns);
void replay_copied_stays(struct replay_copied *c);
/* Write the files. */
void replay_copied_turn(struct replay_copied *c);
