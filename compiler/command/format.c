/* preyc --fmt: reads, compares and writes files that lang/ formats. A file that fails does not stop the others. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/command/command_priv.h"
#include "compiler/say.h"

enum { STATUS_GOOD, STATUS_RULES, STATUS_ENVIRONMENT };

static int formatted_give(const struct options *o, const char *path, const struct source_file *before, const char *text,
                          size_t len)
{
    const bool differs = before->len != len || memcmp(before->text, text, len) != 0;
    if (o->write)
        return differs && output_write(path, (const uint8_t *)text, len) < 0 ? STATUS_ENVIRONMENT : STATUS_GOOD;
    if (!o->check) {
        fwrite(text, 1, len, stdout);
        return STATUS_GOOD;
    }
    if (differs && o->format == FORMAT_TEXT) puts(before->path);
    return differs ? STATUS_RULES : STATUS_GOOD;
}

static int format_file(const struct options *o, const char *path, struct sources *sources, struct diags *d)
{
    const int file = lang_read(sources, d, path);
    char *text;
    size_t len;
    if (file == -EFBIG) return STATUS_RULES;
    if (file < 0) {
        say(stderr, "preyc: can't read `%s`: %s", path, strerror(-file));
        return STATUS_ENVIRONMENT;
    }
    const int rc = lang_format(sources, d, (uint32_t)file, &text, &len);
    if (rc == -EINVAL) return STATUS_RULES;
    if (rc < 0) {
        say(stderr, "preyc: `%s` is unchanged: the standard layout would change its meaning", path);
        return STATUS_ENVIRONMENT;
    }
    const int status = formatted_give(o, path, &sources->files[file], text, len);
    free(text);
    return status;
}

int format_files(const struct options *o, struct sources *sources, struct diags *d)
{
    int status = STATUS_GOOD;
    for (int i = 0; i < o->input_count; i++) {
        const int one = format_file(o, o->inputs[i], sources, d);
        if (one > status) status = one;
    }
    return status;
}
