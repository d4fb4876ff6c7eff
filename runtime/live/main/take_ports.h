/* Workers' ports that are handed over, and those of additional workers beside them. */
#pragma once

#include "runtime/live/main/take.h"

/* Receive that many PORT messages by the deadline, into t->ports. A repeated message, or one for no port, is
 * refused. Return 0 or a negative errno. */
int take_ports_hear(struct take *t, const struct carry *carry, uint32_t ports, uint64_t until_ns);
/* Open ports before they are handed over: mapping rings takes milliseconds. Frames are not read from them until
 * then. Return 0, or a negative errno, with err if there are details. */
int take_ports_early(struct live *l, char *err, size_t err_len);
/* Open the ports handed over, and those beside them. Return 0, or the exit status after one line. */
int take_ports_open(struct live *l);
/* Close ports that were opened in advance, but not handed over. */
void take_ports_leave(struct live *l);
