/* Lines of preyc itself. Names of files may hold anything; no byte of theirs reaches the terminal as a command. */
#include "compiler/say.h"

#include <stdarg.h>
#include <stdlib.h>

#include "lang/diag.h"

void say(FILE *out, const char *fmt, ...)
{
    va_list args;
    char *line;

    va_start(args, fmt);
    if (vasprintf(&line, fmt, args) < 0) line = NULL;
    va_end(args);
    diag_put_text(line ? line : "preyc: out of memory", out);
    fputc('\n', out);
    free(line);
}
