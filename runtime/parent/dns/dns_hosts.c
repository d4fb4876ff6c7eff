/* Each word of each line is searched for among the names, which are sorted for that. */
#include "runtime/parent/dns/dns_hosts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "runtime/base/grown.h"

struct host_lines {
    const struct dns_name *names, **order; /* order: [count] names, sorted */
    uint32_t count, found, room;
    struct host_line *of;
};

static int by_name(const void *a, const void *b)
{
    const struct dns_name *const *x = a, *const *y = b;
    return strcasecmp((*x)->host, (*y)->host);
}

static int by_word(const void *word, const void *b)
{
    const struct dns_name *const *name = b;
    return strcasecmp(word, (*name)->host);
}

static int by_asked(const void *a, const void *b)
{
    const struct host_line *x = a, *y = b;
    if (x->name != y->name) return x->name < y->name ? -1 : 1;
    return (int)x->family - (int)y->family;
}

/* Read an address. False if the text is not an address. */
static bool line_address(const char *text, struct host_line *to)
{
    uint8_t b[16] = {0};
    to->family = inet_pton(AF_INET, text, b) == 1 ? 4 : inet_pton(AF_INET6, text, b) == 1 ? 6 : 0;
    for (unsigned i = 0; i < 4; i++)
        to->addr[i] =
            (uint32_t)b[4 * i] << 24 | (uint32_t)b[4 * i + 1] << 16 | (uint32_t)b[4 * i + 2] << 8 | b[4 * i + 3];
    return to->family;
}

/* Take a line's names. False: out of memory. */
static bool line_take(struct host_lines *h, char *text)
{
    static const char blank[] = " \t\r\n\f\v";
    char *rest;
    struct host_line line;
    text[strcspn(text, "#")] = 0;
    const char *word = strtok_r(text, blank, &rest);
    if (!word || !line_address(word, &line)) return true;
    while ((word = strtok_r(NULL, blank, &rest))) {
        const struct dns_name **name = bsearch(word, h->order, h->count, sizeof(*h->order), by_word);
        if (!name) continue;
        line.name = (uint32_t)(*name - h->names);
        if (!grow(&h->of, h->found, &h->room, 64, sizeof *h->of)) return false;
        h->of[h->found++] = line;
    }
    return true;
}

struct host_line *hosts_read(FILE *file, const struct dns_name names[], uint32_t count, uint32_t *found)
{
    struct host_lines h = {.names = names, .order = calloc(count + (size_t)1, sizeof(*h.order))};
    char *text = NULL;
    size_t room = 0;
    bool whole = h.order && grow(&h.of, 0, &h.room, 64, sizeof *h.of);
    for (uint32_t i = 0; whole && i < count; i++)
        if (!dns_is_service(names[i].host)) h.order[h.count++] = &names[i];
    if (whole) qsort(h.order, h.count, sizeof(*h.order), by_name);
    errno = 0;
    while (whole && getline(&text, &room, file) >= 0) whole = line_take(&h, text);
    whole = whole && errno != ENOMEM;
    free(text);
    free(h.order);
    if (!whole) {
        free(h.of);
        return NULL;
    }
    qsort(h.of, h.found, sizeof *h.of, by_asked);
    *found = h.found;
    return h.of;
}
