/* Words for what is counted by name, as its table says it. */
#pragma once

/* Return the words for a reason to drop a packet (vm/reason.def); "": there is none of that name. */
const char *words_reason(const char *name);
/* Return the words for a reason to go up from the kernel (vm/kernel/up.def); "": there is none of that name. */
const char *words_up(const char *name);
