/* Why the kernel refuses programs on a machine that is not as usual. */
#ifndef RUNTIME_HOST_HOOK_PROGRAMS_H
#define RUNTIME_HOST_HOOK_PROGRAMS_H

/* What may be the reason that the kernel took no program, by the negative errno that it gave and what the machine
 * says: a few words, with what mends it. NULL: nothing is known of it. */
const char *programs_lack(int failed);

#endif
