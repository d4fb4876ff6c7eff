/* Why the kernel refuses programs on a machine that is not as usual. */
#ifndef RUNTIME_HOST_PROGRAMS_H
#define RUNTIME_HOST_PROGRAMS_H

#include <stdbool.h>

/* What may be the reason that the kernel took no program, by the negative errno that it gave and what the machine
 * says: a few words, with what mends it. NULL: nothing is known of it. */
const char *programs_lack(int failed);
/* The part of it that nobody need have met: is the kernel's compiler for programs off? */
bool programs_interpreted(void);

#endif
