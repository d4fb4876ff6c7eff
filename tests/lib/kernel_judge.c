/* Opening an executor in the kernel, for tests (kernel_judge.h). */
#include "tests/lib/kernel_judge.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "compiler/compiler.h"

struct kernel *kernel_judge_new(char *err, size_t err_len)
{
    static const char rules[] = "firewall f default drop {\n accept tcp\n}\n";
    struct kernel *k = NULL;
    struct compile c;
    compile_init(&c);
    struct program *p = NULL;
    if (!compile_text(&c, "plain", rules, sizeof rules - 1)) p = program_load(c.pbc, c.pbc_len, err, err_len);
    compile_fini(&c);
    if (p) k = kernel_new(p, &(struct kernel_cfg){.hooks = KERNEL_XDP}, err, err_len);
    if (!k && errno != EPERM && errno != ENOTSUP) {
        printf("not ok - %s\n", err);
        exit(1);
    }
    program_put(p);
    return k;
}
