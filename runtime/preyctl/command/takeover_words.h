/* The command line and the environment of a preyrun that takes over: those of the running one, and options given
 * again */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct words {
    char **all; /* [count] words, and a NULL behind them; the words are not owned */
    uint32_t count, room;
};

/* False after a line: out of memory */
bool word_add(struct words *w, const char *word);

/* True if these are options of preyrun that a takeover accepts, with their values; else a line names the wrong word,
 * and the remedy. */
bool words_are_options(const char *const given[], unsigned count);

/* Make the new command line: `given`, then those words of `before` that are not replaced: [len], zeros between them.
 * False after a line. */
bool command_line_make(struct words *w, const char *preyrun, const char *const given[], unsigned count, char *before,
                       size_t len);

/* Take the environment of the running preyrun, [len]. False after a line. */
bool environment_make(struct words *w, char *before, size_t len);
