/* A line of iptables-save as words. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WORDS_MOST = 512,      /* iptables-restore itself takes 255 */
    LINE_MOST = 64 * 1024, /* bytes of a line */
};

struct words {
    char text[LINE_MOST + WORDS_MOST]; /* what the words point into, each NUL-terminated */
    const char *of[WORDS_MOST];
    bool quoted[WORDS_MOST]; /* it stood in quotes, and is no option whatever it says */
    uint32_t count;
};

/* The words of a line without its newline: between blanks, or in double quotes, in which a backslash takes the next
 * byte as it is. NULL, or what is wrong with the line, as a part of a sentence. */
const char *words_split(struct words *w, const char *line, size_t len);
