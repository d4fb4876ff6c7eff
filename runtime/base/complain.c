#include "runtime/base/complain.h"

#include <stdarg.h>
#include <stdio.h>

#include "runtime/base/clean.h"

int complain(const char *fmt, ...)
{
    char line[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    fprintf(stderr, "preyrun: %s\n", text_clean(line));
    return 2;
}
