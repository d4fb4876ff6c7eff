/* The command line of preyctl. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

enum command {
#define COMMAND(ident, ...) COMMAND_##ident,
#include "runtime/preyctl/command.def"
    COMMANDS
};

struct command_line {
    const char *name, *control; /* NULL: not said */
    bool json;
    enum command command;
    const char *word;       /* of the command */
    const char **arguments; /* [count] behind it, in argv's place */
    unsigned count;
};

enum command_line_result { LINE_RUN, LINE_DONE /* help or version printed */, LINE_WRONG /* err says why */ };

/* argv is changed, its strings are kept. Options of preyctl may stand before the command and behind it; what else
 * begins with `-` behind it is the command's. */
enum command_line_result command_line_read(int argc, const char *argv[], struct command_line *line, FILE *out,
                                           char *err, size_t err_len);

/* Options of a command's own, among its arguments: take `name` out of them. False: it is not among them. */
bool argument_flag(struct command_line *l, const char *name);
/* The same of `name VALUE` or `name=VALUE`. NULL: it is not among them; "": the value is missing. */
const char *argument_value(struct command_line *l, const char *name);
/* The first argument that begins with `-` and was not taken; NULL: none. */
const char *argument_unknown(const struct command_line *l);
