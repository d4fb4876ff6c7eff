/* Source files, kept for as long as a compile lives, and places in them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A stretch of one file: `file` indexes sources.files, offsets are bytes, end is exclusive. */
struct span {
    uint32_t file;
    uint32_t start, end;
};

#define SPAN_NONE ((struct span){.file = UINT32_MAX})

struct source_file {
    char *path; /* path as the user would write it: relative to preyc's working directory */
    char *text; /* text, NUL-terminated; len is authoritative */
    size_t len;
    uint32_t *line_start;       /* byte offset of each line; made on first use */
    uint32_t line_count, asked; /* asked: the line last queried, from 0 */
    bool typed; /* true for one line from a command line: text output shows it without line and column */
};

struct sources {
    struct source_file *files;
    uint32_t count, cap;
};

void sources_init(struct sources *s);
void sources_fini(struct sources *s);

/* Read a complete regular file (at most `max_len` bytes) and add it. Return its index, or a negative errno:
 * -EFBIG over the bound, -EISDIR / -EINVAL for other kinds of file, else the system's. */
int sources_read(struct sources *s, const char *path, size_t max_len);

/* Read an open file to its end and add it as `name`: standard input. Return its index, or a negative errno, such as
 * -EFBIG. */
int sources_read_fd(struct sources *s, int fd, const char *name, size_t max_len);

/* Add text under a name; the bytes are copied. Return its index. */
int sources_add(struct sources *s, const char *name, const char *text, size_t len);

/* Set 1-based line and column (in bytes, as editors and compilers count) of an offset; out-of-range offsets clamp. */
void source_place(struct sources *s, uint32_t file, uint32_t offset, unsigned *line, unsigned *col);

/* Return the offset at which a 1-based line begins; the text's end for a line past it. */
uint32_t source_line_start(struct sources *s, uint32_t file, unsigned line);

/* Return the text of a 1-based line without its newline and set *len. Empty for a line past the end. */
const char *source_line(struct sources *s, uint32_t file, unsigned line, size_t *len);
