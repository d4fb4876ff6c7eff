/* Enter spans and texts of the source in the image, and report that a bound is reached. */
#include <inttypes.h>
#include <string.h>

#include "compiler/resolve/names/symbols.h"

/* Return the file's name in the image, looked up once for consecutive statements of a file. */
static uint32_t file_name(struct compile *c, uint32_t file)
{
    struct symbols *s = c->symbols;
    const char *path = c->sources.files[file].path;
    if (s->placed_in == c->image && s->placed_file == file) return s->placed_name;
    s->placed_in = c->image;
    s->placed_file = file;
    return s->placed_name = text_of(c, (struct str){path, strlen(path)});
}

struct pbc_place place_of(struct compile *c, struct span span)
{
    struct pbc_place place = {0};
    unsigned line, col;
    if (span.file >= c->sources.count) return place;
    source_place(&c->sources, span.file, span.start, &line, &col);
    const uint32_t len = span.end > span.start ? span.end - span.start : 0;
    place.file = file_name(c, span.file);
    place.line = line;
    place.col = col > UINT16_MAX ? UINT16_MAX : (uint16_t)col;
    place.len = len > UINT16_MAX ? UINT16_MAX : (uint16_t)len;
    return place;
}

uint32_t text_of(struct compile *c, struct str s)
{
    const uint32_t offset = image_string(c->image, s.s, s.len);
    if (offset != PBC_NONE) return offset;
    report_full(c, SPAN_NONE, "bytes in names and comments", 1u << 28);
    return 0;
}

void report_full(struct compile *c, struct span at, const char *what, uint64_t most)
{
    enum { SLOTS = sizeof(c->symbols->full) / sizeof(c->symbols->full[0]) };
    unsigned i = 0;
    while (i < SLOTS && c->symbols->full[i] && strcmp(c->symbols->full[i], what) != 0) i++;
    if (i == SLOTS || c->symbols->full[i]) /* one report for each table */
        return;
    c->symbols->full[i] = what;
    diag(c->diags, E_TOO_MANY, at, "too many %s: a program holds at most %" PRIu64, what, most);
}

struct span span_at(struct compile *c, const struct pbc_place *place)
{
    const char *path = image_str(c->image, place->file);
    for (uint32_t f = 0; f < c->sources.count; f++)
        if (strcmp(c->sources.files[f].path, path) == 0) {
            const uint32_t at = source_line_start(&c->sources, f, place->line) + place->col - 1;
            return (struct span){f, at, at + place->len};
        }
    return SPAN_NONE;
}
