/* Words of the tables of counted reasons, by name. */
#pragma once

/* Return the words for a reason to drop a packet (vm/reason.def); "": no reason has this name. */
const char *words_reason(const char *name);
/* Return the words for a reason to go up from the kernel (vm/kernel/up.def); "": no reason has this name. */
const char *words_up(const char *name);
