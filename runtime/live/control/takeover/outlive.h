/* The service during a restart by the service manager: it goes on judging, below a keeper (runtime/parent/keeper.h),
 * until the next start takes over. */
#pragma once

#include <stdbool.h>

struct control;

/* The parent asks whether the service can go on without it, for the unit stops and starts again. True: it does, with
 * another parent; false, after a line that says why not: it has to end. */
bool keep_asked(struct control *control);
/* At the end: tell a keeper, who is no parent, with what status. */
void keep_left(struct control *control, int status);
