/* Why the kernel refuses programs on a machine that is not as usual. */
#pragma once

/* What may be the reason that the kernel took no program, by the negative errno that it gave and what the machine
 * says: a few words, with what mends it. NULL: nothing is known of it. */
const char *programs_lack(int failed);
