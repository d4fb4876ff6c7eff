/* The command line of preyc: what it was asked to do. */
#ifndef COMPILER_OPTIONS_H
#define COMPILER_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

enum dump_kind { DUMP_NONE, DUMP_AST, DUMP_IR, DUMP_BYTECODE };

struct options {
    const char *input;   /* the rule file */
    const char *output;  /* -o, or NULL */
    const char *explain; /* a code, or NULL */
    bool check, stats, werror, json, help, version;
    enum dump_kind dump;
};

/* Read the command line. Options may stand anywhere; `--` ends them. Returns 0, or -EINVAL after one line on standard
 * error that says what is wrong with it. */
int options_read(struct options *o, int argc, char **argv);

void options_print_help(FILE *out);

#endif
