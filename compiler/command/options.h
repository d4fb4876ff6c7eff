/* The command line of preyc: the requested action and its options. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "compiler/import/import.h"
#include "lang/diag/diag.h"

enum print_format { FORMAT_TEXT, FORMAT_JSON, FORMAT_SARIF };
enum colour { COLOUR_AUTO, COLOUR_ALWAYS, COLOUR_NEVER };
enum dump_kind { DUMP_NONE, DUMP_AST, DUMP_IR, DUMP_BYTECODE, DUMP_FILES };

enum { OPTIONS_ASKED = 64, OPTIONS_PCAPS = 32, OPTIONS_SERVED = 64, DEVICE_MOST = 15 };
struct options {
    const char *input; /* the rule file */
    char **inputs;     /* all inputs: several for --fmt and --check, OLD and NEW for --diff */
    int input_count;
    const char *output;               /* -o, or NULL */
    const char *explain;              /* diagnostic code, or NULL */
    const char *setup;                /* POOL/SERVER, or NULL */
    const char *asked[OPTIONS_ASKED]; /* packets, or "-" */
    unsigned asked_count;
    const char *routes[OPTIONS_PCAPS], *route_files[OPTIONS_PCAPS]; /* for --ask, --against */
    unsigned route_count, route_file_count;
    const char *pcaps[OPTIONS_PCAPS], *maps[OPTIONS_PCAPS], *selves[OPTIONS_PCAPS]; /* for captures */
    unsigned pcap_count, map_count, self_count;
    const char *on, *at;                          /* at: the time of --ask, or NULL */
    char served[OPTIONS_SERVED][DEVICE_MOST + 1]; /* interfaces that the program is for */
    bool bridged[OPTIONS_SERVED];                 /* [served_count]: true for a port of a bridge */
    unsigned served_count;
    const char *allows[OPTIONS_PCAPS]; /* devices that may be left unjudged, with commas, as given */
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

/* Read the command line. Options may stand anywhere; `--` ends them. Return 0, or -EINVAL after one line on standard
 * error that names the fault. */
int options_read(struct options *o, int argc, char **argv);

void options_print_help(FILE *out);
