/* Access logs of proxy services: files, and the loops' lines for them. */
#pragma once

#include "runtime/live/carry/carry_state.h"

struct parent;
struct proxy;

/* Report to the parent the logs that the first program names. Called in the parent. */
void access_known(const struct carry *carry, struct parent *p);

/* Open the logs that the program's services name and that are not open yet. Return 0, or a negative errno with one
 * line in err; opened logs stay open until access_close. */
int access_open(struct carry *carry, const struct program *p, char *err, size_t err_len);
/* True if all logs of the program could be opened; no file is made. False, with one line in err. */
bool access_look(const struct carry *carry, const struct program *p, char *err, size_t err_len);
/* Open the event log and all access logs again, after their files were moved away. Requests until now are written to
 * the old files. */
void logs_again(struct carry *carry);
void access_close(struct carry *carry);

/* Write all lines that the loop has; report lost lines, at most once per second. */
void access_write(struct carry *carry, struct proxy *from);
void access_tick(struct carry *carry, uint64_t lost_in_loops);
