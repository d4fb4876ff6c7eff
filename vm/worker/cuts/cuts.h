/* Flows that end because their source or destination became a member of a live set with `cut` (vm/judge/lives.h).
 */
#pragma once

#include "vm/context/context.h"

/* Add the members that rules add for the packet, once it has been judged. In a replay, flows of cut members end at
 * once. */
void adds_settle(const struct job *j);
/* Do a part of the walk, if one is due. True while there is more of it. */
bool cuts_tick(const struct job *j);
