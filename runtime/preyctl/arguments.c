#include "runtime/preyctl/arguments.h"

#include <string.h>

static void take(struct command_line *l, unsigned at, unsigned words)
{
    l->count -= words;
    for (unsigned i = at; i < l->count; i++) l->arguments[i] = l->arguments[i + words];
}

bool argument_flag(struct command_line *l, const char *name)
{
    for (unsigned i = 0; i < l->count; i++) {
        if (strcmp(l->arguments[i], name) != 0) continue;
        take(l, i, 1);
        return true;
    }
    return false;
}

const char *argument_value(struct command_line *l, const char *name)
{
    const size_t len = strlen(name);
    for (unsigned i = 0; i < l->count; i++) {
        const char *word = l->arguments[i];
        if (strncmp(word, name, len) != 0 || (word[len] && word[len] != '=')) continue;
        const bool next = !word[len] && i + 1 < l->count;
        const char *value = word[len] ? word + len + 1 : next ? l->arguments[i + 1] : "";
        take(l, i, next ? 2 : 1);
        return value;
    }
    return NULL;
}

const char *argument_unknown(const struct command_line *l)
{
    for (unsigned i = 0; i < l->count; i++)
        if (*l->arguments[i] == '-' && l->arguments[i][1]) return l->arguments[i];
    return NULL;
}
