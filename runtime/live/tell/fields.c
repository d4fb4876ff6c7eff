/* A control character becomes a space, so that each value is one line */
#include "runtime/live/tell/fields.h"

void fields_begin(FILE *out, int level, const char *instance, const char *event)
{
    fprintf(out, "PRIORITY=%d\nSYSLOG_IDENTIFIER=preyrun\n", level);
    fields_add(out, "PREY_INSTANCE", instance);
    fields_add(out, "PREY_EVENT", event);
}

void fields_add(FILE *out, const char *name, const char *value)
{
    if (!value || !*value) return;
    fprintf(out, "%s=", name);
    for (; *value; value++) fputc((unsigned char)*value < ' ' ? ' ' : *value, out);
    fputc('\n', out);
}

void fields_message(FILE *out) { fputs("MESSAGE=", out); }
