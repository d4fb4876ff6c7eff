/* A line of iptables-save as words */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WORDS_MOST = 512,      /* words of a line; iptables-restore takes 255 */
    LINE_MOST = 64 * 1024, /* bytes of a line */
};

struct words {
    char text[LINE_MOST + WORDS_MOST]; /* the words, each NUL-terminated */
    const char *of[WORDS_MOST];
    bool quoted[WORDS_MOST]; /* the word stood in quotes, and so is no option */
    uint32_t count;
};

/* Split a line without its newline at blanks. A word may stand in double quotes, where a backslash quotes the next
 * byte. Returns NULL, or what is wrong with the line, as part of a sentence. */
const char *words_split(struct words *w, const char *line, size_t len);
