/* Sockets of programs in the middle of inline connections (`-> program "SOCKET"`), to which the parent connects. */
#pragma once

#include "runtime/live/carry/carry_state.h"

struct parent;

/* Report to the parent the sockets that the first program names. Called in the parent. */
void middle_known(const struct carry *carry, struct parent *parent);
/* True if all sockets that the program names may be connected to. False, with one line in err. */
bool middle_look(const struct carry *carry, const struct program *p, char *err, size_t err_len);
