/* `preyc --fmt`. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct diags;
struct sources;

/* Format the text of a source: other blanks and line breaks, the same tokens and comments, the same tree. Includes are
 * not followed. Return 0 with *out malloc'd and NUL-terminated; -EINVAL after syntax errors, which are in `d`; -EPROTO
 * if the result would not be the same program, which is a fault of the formatter. */
int lang_format(struct sources *sources, struct diags *d, uint32_t file, char **out, size_t *len);
