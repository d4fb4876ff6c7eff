/* Why the kernel refuses programs on a machine that is not as usual. */
#ifndef RUNTIME_HOST_PROGRAMS_H
#define RUNTIME_HOST_PROGRAMS_H

#include <stdbool.h>

/* What may be the reason that the kernel took no program, by the negative errno that it gave and what the machine
 * says: a few words, with what mends it. NULL: nothing is known of it. */
const char *programs_lack(int failed);

/* Is the kernel's compiler for programs off? Of a program that may be loaded, a descriptor, it is asked whether it was
 * compiled: the setting itself is out of sight in other network namespaces than the machine's own. */
bool programs_interpreted(int program);
/* What mends it. */
#define PROGRAMS_COMPILED                                                                                              \
    "sysctl -w net.core.bpf_jit_enable=1, in the machine's own network namespace, for others do not have that setting"

#endif
