/* Access logs of proxy services: their files, and lines from the loops to them. */
#pragma once

#include "runtime/live/carry/state.h"

struct parent;
struct proxy;

/* In the parent: those that the program names which was read at the start are known to it. */
void access_known(const struct carry *carry, struct parent *p);

/* Open those that a program's services name and that are not open. 0, or a negative errno with one line in err; what
 * was opened stays so, until access_close. */
int access_open(struct carry *carry, const struct program *p, char *err, size_t err_len);
/* Would they be opened? Nothing is made. False, with one line in err. */
bool access_look(const struct carry *carry, const struct program *p, char *err, size_t err_len);
/* Open all once more: files were moved away. */
void access_again(struct carry *carry);
void access_close(struct carry *carry);

/* Write all that the loop has; say what is lost, once a second at most. */
void access_write(struct carry *carry, struct proxy *from);
void access_tick(struct carry *carry, uint64_t lost_in_loops);
