/* Ports of workers that go over, and those beside them of more workers than there were. */
#pragma once

#include "runtime/live/main/take.h"

/* Receive so many PORT messages by then, into t->ports. One that comes twice, or for no port, is refused. Return 0 or a
 * negative errno. */
int take_ports_hear(struct take *t, const struct carry *carry, uint32_t ports, uint64_t until_ns);
/* Open ports before they are handed over: mapping rings takes milliseconds. Nothing is read from them until then.
 * Return 0, or a negative errno, with err if there is more to say. */
int take_ports_early(struct live *l, char *err, size_t err_len);
/* Open those that are handed over, and what is beside them. Return 0, or the exit status after one line. */
int take_ports_open(struct live *l);
/* Close those that were opened in advance, and never handed over. */
void take_ports_leave(struct live *l);
