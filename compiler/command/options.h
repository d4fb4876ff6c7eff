/* The command line of preyc: what it was asked to do. */
#ifndef COMPILER_OPTIONS_H
#define COMPILER_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

enum print_format { FORMAT_TEXT, FORMAT_JSON, FORMAT_SARIF };
enum dump_kind { DUMP_NONE, DUMP_AST, DUMP_IR, DUMP_BYTECODE };

struct options {
    const char *input; /* the rule file */
    char **inputs;     /* all that were named: several for --fmt, OLD and NEW for --diff */
    int input_count;
    const char *output;  /* -o, or NULL */
    const char *explain; /* a code, or NULL */
    const char *setup;   /* POOL/SERVER, or NULL */
    bool check, stats, werror, fmt, write, diff, help, version;
    enum print_format format; /* of diagnostics */
    enum dump_kind dump;
};

/* Read the command line. Options may stand anywhere; `--` ends them. Returns 0, or -EINVAL after one line on standard
 * error that says what is wrong with it. */
int options_read(struct options *o, int argc, char **argv);

void options_print_help(FILE *out);

#endif
