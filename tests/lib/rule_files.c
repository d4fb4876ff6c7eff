/* See rule_files.h. */
#include "tests/lib/rule_files.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct giver {
    rule_file_fn *fn;
    void *arg;
    const char *name; /* name of the file */
};

static void give(const struct giver *g, const char *text, size_t len, bool compiles, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
static void give(const struct giver *g, const char *text, size_t len, bool compiles, const char *format, ...)
{
    char name[300];
    va_list args;
    const int n = snprintf(name, sizeof name, "%s", g->name);
    va_start(args, format);
    vsnprintf(name + n, sizeof name - (size_t)n, format, args);
    va_end(args);
    g->fn(g->arg, &(struct rule_file){.name = name, .text = text, .len = len, .compiles = compiles});
}

static char *read_file(const char *path, size_t *len)
{
    struct stat st;
    FILE *f = fopen(path, "rb");
    char *text = f && !fstat(fileno(f), &st) ? calloc((size_t)st.st_size + 1, 1) : NULL;
    if (!text || fread(text, 1, (size_t)st.st_size, f) != (size_t)st.st_size) {
        printf("not ok - %s can be read\n", path);
        exit(1);
    }
    *len = (size_t)st.st_size;
    fclose(f);
    return text;
}

/* Lines of rules that belong together, as one text. */
struct block {
    const struct giver *to;
    char *s;
    size_t len;
    FILE *out;
    unsigned number;
};

static void open_block(struct block *b)
{
    b->number++;
    b->out = open_memstream(&b->s, &b->len);
    if (!b->out) abort();
}

static void close_block(struct block *b, bool compiles)
{
    if (!b->out) return;
    fclose(b->out);
    b->out = NULL;
    give(b->to, b->s, b->len, compiles, "-%u", b->number);
    free(b->s);
}

/* Take a line that is indented below `rules`. */
static void packet_line(struct block *b, const char *line)
{
    if (b->out && *line && !isspace((unsigned char)*line)) close_block(b, true);
    if (b->out) fprintf(b->out, "%s\n", line);
    if (!strcmp(line, "rules")) open_block(b);
}

/* Take a line between ```prey and ```. */
static void document_line(struct block *b, const char *line)
{
    line += strspn(line, " ");
    if (b->out && !strcmp(line, "```"))
        close_block(b, false);
    else if (b->out)
        fprintf(b->out, "%s\n", line);
    else if (!strcmp(line, "```prey"))
        open_block(b);
}

static const char declared[] = "limits { flows 1000 }\n"
                               "set some = 192.0.2.0/24, 198.51.100.7, 10.1.0.0/16, 2001:db8::/32\n"
                               "ports web = 80, 443, 8000-8080\nmacs phones = 02:00:00:00:00:11, 02:00:00:00:00:12\n"
                               "interface i0 = \"eth0\"\ninterface i1 = \"eth1\"\n"
                               "schedule work = mon-fri 08:00-18:00\nschedule night = 22:00-06:00\n"
                               "meter busy = 9/s burst 2 per source\nmeter wide = 1Mbit/s per source/24,/56\n"
                               "meter whole = 70/m\nmeter own = 5/s per flow\n";

/* Put the condition in a rule that counts, one that logs and one that decides; and in the filter that preyctl makes
 * of it (runtime/preyctl/filter.c). */
static void condition_line(struct block *b, const char *line)
{
    char text[4000];
    const bool out = !strncmp(line, "out out ", 8);
    const char *where = out ? "out " : "";
    if (!*line || *line == '#') return;
    if (out) line += 4;
    b->number++;
    const int n = snprintf(text, sizeof text,
                           "%sfirewall f %sdefault drop {\ncount %s\nlog %s\naccept %s\n}\nfirewall g %sdefault accept "
                           "{\nreject %s log 3/s\n}\n",
                           declared, where, line, line, line, out ? "forward " : "out ", line);
    give(b->to, text, (size_t)n, true, "-%u-rule", b->number);
    const int f = snprintf(text, sizeof text,
                           "chain filter { accept \\\n%s\n}\nfirewall come %sdefault drop { do filter }\nfirewall sent "
                           "out default drop { do filter }\n",
                           line, out ? "forward " : "");
    give(b->to, text, (size_t)f, false, "-%u-filter", b->number);
}

typedef void line_fn(struct block *b, const char *line);
static void lines(const struct giver *g, char *text, line_fn *fn)
{
    struct block b = {.to = g};
    for (char *line = text, *end; *line; line = end) {
        end = strchrnul(line, '\n');
        if (*end) *end++ = 0;
        fn(&b, line);
    }
    close_block(&b, false);
}

/* Write the name of a rule file ("rules-examples-laptop" for "rules-examples/laptop.prey") and return its ending. */
static const char *named(const char *path, char name[250])
{
    const char *dot = strrchr(path, '.');
    snprintf(name, 250, "%.*s", (int)(dot ? dot - path : 240), path);
    for (char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c)) *c = '-';
    return dot ? dot : "";
}

void rule_files_of(const char *path, rule_file_fn *fn, void *arg)
{
    char name[250];
    size_t len;
    const char *ending = named(path, name);
    char *text = read_file(path, &len);
    const struct giver g = {.fn = fn, .arg = arg, .name = name};
    if (!strcmp(ending, ".t"))
        lines(&g, text, packet_line);
    else if (!strcmp(ending, ".md"))
        lines(&g, text, document_line);
    else if (!strcmp(ending, ".txt"))
        lines(&g, text, condition_line);
    else
        fn(arg, &(struct rule_file){.name = name, .path = path, .text = text, .len = len});
    free(text);
}
