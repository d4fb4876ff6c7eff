#include "runtime/live/control/saved.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool saved_may(const struct live *l, char *err, size_t err_len)
{
    if (strcmp(l->o->program, "-") != 0) return true;
    snprintf(err, err_len, "what preyrun was started with came by standard input, so there is no file to replace");
    return false;
}

int saved_write(struct live *l, char *err, size_t err_len)
{
    size_t len;
    uint8_t *bytes = program_file(l->carry.now.program, &len);
    snprintf(err, err_len, "out of memory");
    const int failed = bytes ? ask_save(l->tell.channel, bytes, len, err, err_len) : -ENOMEM;
    free(bytes);
    if (failed) return failed;
    memcpy(l->rules.file_digest, l->carry.now.program->digest, sizeof l->rules.file_digest);
    l->tell.changes++;
    return 0;
}
