/* The executor is loaded before the fork: a refusal is known while this process may still judge in its place. */
#include "runtime/base/complain.h"
#include "runtime/live/carry/kernel/in_kernel_priv.h"

int in_kernel_load(struct carry *carry, char *err, size_t err_len)
{
    if (carry->loaded.kernel) return 0;
    return loaded_begin(&carry->loaded, carry->now.program, carry->o->seed, err, err_len);
}

void in_kernel_unload(struct carry *carry) { loaded_free(&carry->loaded); }
