#include "runtime/live/control/saved.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool saved_may(const struct control *control, char *err, size_t err_len)
{
    if (strcmp(control->o->program, "-") != 0) return true;
    snprintf(err, err_len, "what preyrun was started with came by standard input, so there is no file to replace");
    return false;
}

int saved_write(struct control *control, char *err, size_t err_len)
{
    size_t len;
    uint8_t *bytes = program_file(control->carry->now.program, &len);
    snprintf(err, err_len, "out of memory");
    const int failed = bytes ? ask_save(control->tell->channel, bytes, len, err, err_len) : -ENOMEM;
    free(bytes);
    if (failed) return failed;
    memcpy(control->rules->file_digest, control->carry->now.program->digest, sizeof control->rules->file_digest);
    control->tell->changes++;
    return 0;
}
