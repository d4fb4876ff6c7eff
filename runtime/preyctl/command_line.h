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
    const char *name, *control; /* values of --name and --control; NULL: not given */
    bool json;
    enum command command;
    const char *word;       /* the command */
    const char **arguments; /* [count] words after the command, stored in argv */
    unsigned count;
};

enum command_line_result { LINE_RUN, LINE_DONE /* help or version printed */, LINE_WRONG /* reason in err */ };

/* Read the command line; argv is reordered, its strings are kept. preyctl's options may be before or after the
 * command; other words after the command that begin with `-` belong to the command. */
enum command_line_result command_line_read(int argc, const char *argv[], struct command_line *line, FILE *out,
                                           char *err, size_t err_len);

/* Take the command's option `name` out of the arguments. False: missing. */
bool argument_flag(struct command_line *l, const char *name);
/* Take `name VALUE` or `name=VALUE` out of the arguments. NULL: missing; "": the value is missing. */
const char *argument_value(struct command_line *l, const char *name);
/* Return the first remaining argument that begins with `-`; NULL: none. */
const char *argument_unknown(const struct command_line *l);
