/* Lines of preyc itself. Names of files may hold any bytes; none reaches the terminal as a command. */
#include "compiler/say.h"

#include <stdarg.h>
#include <stdlib.h>

#include "compiler/progress.h"
#include "lang/diag/diag.h"
#include "lang/heap.h"

void say(FILE *out, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    char *line = heap_format(fmt, args);
    va_end(args);
    progress_hide();
    diag_put_text(line, out);
    fputc('\n', out);
    free(line);
}
