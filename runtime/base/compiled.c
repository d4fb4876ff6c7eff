#include "runtime/base/compiled.h"

#include <stdio.h>
#include <string.h>

bool rules_are_compiled(const char *path, char *err, size_t err_len)
{
    const size_t len = strlen(path), tail = strlen(".prey");
    if (len <= tail || strcmp(path + len - tail, ".prey") != 0) return true;
    snprintf(err, err_len, "%.200s is rules as text; this compiles them: preyc %.200s -o %.*s.pbc", path, path,
             (int)(len - tail), path);
    return false;
}
