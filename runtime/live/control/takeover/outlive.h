/* A restart by the service manager: the service goes on judging, below a keeper (runtime/parent/keeper.h), until the
 * next start takes over. */
#pragma once

#include <stdbool.h>

struct control;

/* Answer the parent's question whether the service can go on without it, because the unit is restarted. True: it
 * goes on, with another parent. False, after a line with the reason: it must end. */
bool keep_asked(struct control *control);
/* Send the exit status to a keeper that is not the parent. Call at the end. */
void keep_left(struct control *control, int status);
