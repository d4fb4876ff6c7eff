/* Shared by the files of preyc: the command line, the inputs that it names, and the outputs. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "compiler/compiler.h"
#include "compiler/figures.h"
#include "compiler/import/import.h"
#include "lang/diag/diag.h"
#include "lang/lang.h"

enum print_format { FORMAT_TEXT, FORMAT_JSON, FORMAT_SARIF };
enum colour { COLOUR_AUTO, COLOUR_ALWAYS, COLOUR_NEVER };
enum dump_kind { DUMP_NONE, DUMP_AST, DUMP_IR, DUMP_BYTECODE, DUMP_FILES };

enum { OPTIONS_ASKED = 64, OPTIONS_PCAPS = 32, OPTIONS_SERVED = 64, DEVICE_MOST = 15 };
struct options {
    const char *input; /* the rule file */
    char **inputs;     /* all inputs: several for --fmt and --check, OLD and NEW for --diff */
    int input_count;
    const char *output;               /* value of -o, or NULL */
    const char *explain;              /* diagnostic code, or NULL */
    const char *setup;                /* POOL/SERVER, or NULL */
    const char *asked[OPTIONS_ASKED]; /* packets of --ask, or "-" */
    unsigned asked_count;
    const char *routes[OPTIONS_PCAPS], *route_files[OPTIONS_PCAPS]; /* for --ask, --against */
    unsigned route_count, route_file_count;
    const char *pcaps[OPTIONS_PCAPS], *maps[OPTIONS_PCAPS], *selves[OPTIONS_PCAPS]; /* options about captures */
    unsigned pcap_count, map_count, self_count;
    const char *on, *at;                          /* at: the time of --ask, or NULL */
    char served[OPTIONS_SERVED][DEVICE_MOST + 1]; /* interfaces that the program is for */
    bool bridged[OPTIONS_SERVED];                 /* [served_count]: true for a port of a bridge */
    unsigned served_count;
    const char *allows[OPTIONS_PCAPS]; /* as given: devices that may be left unjudged, separated by commas */
    unsigned allow_count;
    bool against, suggest, import;
    enum import_from import_from;
    unsigned width4, width6; /* widths for --suggest */
    bool with_text, check, stats, werror, fmt, write, diff, help, version;
    enum print_format format; /* format of diagnostics */
    enum dump_kind dump;
    enum colour colour;
    bool allow[DIAG_COUNT]; /* warnings to drop */
};

/* Read the command line. Options may be anywhere; `--` ends them. Return 0, or -EINVAL after one line on standard
 * error that names the fault. */
int options_read(struct options *o, int argc, char **argv);

void options_print_help(FILE *out);

/* Print one line on standard error: the fault, its value, a remedy; the last two may be NULL. Return -EINVAL. */
int options_fault(const char *what, const char *value, const char *hint);
/* Check that the options go together. Return 0, or -EINVAL after a line of options_fault. */
int options_check(const struct options *o);

/* preyc --fmt: print the formatted text of the one input; with -w rewrite each file that differs; with --check print
 * the names of such files. Files with syntax errors (in `d`) stay untouched. Return the exit status: 1 for errors or,
 * with --check, for a file that differs; 2 for files that can't be read or written, after a line on standard error. */
int format_files(const struct options *o, struct sources *sources, struct diags *d);

/* Inputs of `--check`: files, folders for the rule files in them, and with `-i IF,...` interfaces */
struct inputs {
    char **names; /* owned array of malloc'd names */
    uint32_t count, room;
};

/* Expand `given` in its order; a folder becomes its `*.prey` sorted bytewise, without those of its folders. Return 0,
 * or -1 after a line on standard error: a folder can't be read or holds no rule file. Call inputs_free in either
 * case. */
int inputs_expand(struct inputs *in, char *const *given, int count);
void inputs_free(struct inputs *in);

/* Check that firewalls judge all interfaces that preyrun is to serve. Call after a good compile. Warnings go to
 * c->diags. Without -i nothing is checked. */
void interfaces_check(const struct options *o, struct compile *c);

/* Check that `path` may be written. It may be missing, a regular file or a link to one, but not a file that the
 * compile has read (`c` NULL: only `input` is compared). Return 0, or -EINVAL after one line on standard error. */
int output_allowed(const char *path, const char *input, const struct compile *c);

/* Print the names of all files that a good compile has read, one per line, each once. Rule files come first, then
 * lists of addresses, then captures of tests that ran. Names are as the rules lead to them from the working
 * directory. Standard input isn't printed. */
void output_files_read(const struct compile *c, FILE *out);

/* Replace `path` (or the target of the link at `path`) by `len` bytes: write a temporary file beside it, sync, rename.
 * A replaced file keeps its mode; a new file gets that of the umask. On failure leave nothing behind, print one line on
 * standard error, and return a negative errno. */
int output_write(const char *path, const uint8_t *bytes, size_t len);

/* Print parts of `preyc --stats`, each in a separate file; stats.c prints them in their order. */
void stats_print_memos(const struct compile *c, struct figures *f); /* verdicts that are remembered */
void stats_print_lists(const struct compile *c, struct figures *f); /* lists and their classifiers */
