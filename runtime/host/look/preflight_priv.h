/* Parts shared by the files of preflight: the callback for findings */
#pragma once

#include "runtime/host/look/preflight.h"

#define TOLD_MOST 5u /* most findings of a kind that are reported */

struct look {
    struct host *host;
    const struct preflight *p;
    preflight_say *say;
    void *arg;
    unsigned fatal;
};

/* Report a finding; the format is "what", a `|`, and "mend" */
__attribute__((format(printf, 3, 4))) void preflight_tell(struct look *l, bool fatal, const char *format, ...);

/* conflict.c: other users of the same name, interfaces and ports */
void look_at_name(struct look *l);
void look_at_programs(struct look *l);
void look_at_rules(struct look *l);
void look_at_ports(struct look *l);
void look_at_stats(struct look *l);
/* room.c: memory, and space for files */
void look_at_memory(struct look *l);
void look_at_log(struct look *l);
void look_at_record(struct look *l);
void look_at_state(struct look *l);
/* listeners.c: other listeners at the proxy's addresses */
void look_at_listeners(struct look *l);
