/* The server and its services, and the beginning of every part of the text. */
#include "compiler/setup/setup_priv.h"

#include <errno.h>
#include <string.h>

#include "compiler/say.h"
#include "lang/diag/diag.h"
#include "vm/words/words.h"

bool setup_in_mode(const struct setup *s, uint32_t i, enum pbc_mode mode)
{
    return s->img->services[s->services[i]].mode == mode;
}

bool setup_has_mode(const struct setup *s, enum pbc_mode mode)
{
    for (uint32_t i = 0; i < s->count; i++)
        if (setup_in_mode(s, i, mode)) return true;
    return false;
}

void setup_names(const struct setup *s, enum pbc_mode mode)
{
    bool first = true;
    for (uint32_t i = 0; i < s->count; i++) {
        if (!setup_in_mode(s, i, mode)) continue;
        fprintf(s->out, "%s%s", first ? "" : ", ", image_str(s->img, s->img->services[s->services[i]].name));
        first = false;
    }
}

void setup_address(const struct setup *s, const uint32_t words[4], uint8_t family)
{
    char text[INET6_ADDRSTRLEN];
    const bool unknown = words == s->server->addr && s->server->flags & PBC_SERVER_UNKNOWN;
    fputs(unknown ? "$server" : address_text(family, words, text), s->out);
}

/* Print a name as a shell variable, without `-`. */
static void put_variable(const struct setup *s, uint32_t service)
{
    fputs("vip_", s->out);
    for (const char *c = image_str(s->img, s->img->services[service].name); *c; c++)
        fputc(*c == '-' ? '_' : *c, s->out);
}

void setup_endpoint_address(const struct setup *s, const struct pbc_endpoint *e)
{
    if (e->to == PBC_TO_ADDRESS) {
        setup_address(s, e->addr, e->family);
        return;
    }
    fputc('$', s->out);
    put_variable(s, e->service);
}

static void put_addresses(const struct setup *s, const uint32_t lo[4], const uint32_t hi[4])
{
    setup_address(s, lo, s->server->family);
    if (memcmp(lo, hi, 4 * sizeof(*lo)) == 0) return;
    fputc('-', s->out);
    setup_address(s, hi, s->server->family);
}

uint32_t setup_sources(const struct setup *s, FILE *out)
{
    uint32_t n = 0;
    for (uint32_t i = s->pool->sources; i < s->pool->sources + s->pool->source_count; i++) {
        const struct pbc_set *set = &s->img->sets[i];
        const bool six = s->server->family == 6;
        for (uint32_t k = 0; k < (six ? set->count6 : set->count4); k++, n++) {
            if (!out) continue;
            if (n) fputs(", ", out);
            if (six) {
                uint32_t lo[4], hi[4];
                range6_words(&s->img->set6[set->first6 + k], lo, hi);
                put_addresses(s, lo, hi);
            } else {
                const struct pbc_range *r = &s->img->set4[set->first4 + k];
                put_addresses(s, (const uint32_t[4]){r->lo}, (const uint32_t[4]){r->hi});
            }
        }
    }
    return n;
}

void setup_ports(const struct setup *s, uint16_t lo, uint16_t hi)
{
    fprintf(s->out, lo == hi ? "%u" : "%u-%u", lo, hi);
}

static bool sends_to(const struct image *img, const struct pbc_service *service, uint32_t pool)
{
    for (uint32_t b = service->branches; b < service->branches + service->branch_count; b++)
        for (uint32_t i = img->branches[b].shares; i < img->branches[b].shares + branch_shares(&img->branches[b]); i++)
            if (img->shares[i].pool == pool) return true;
    return false;
}

static bool is_called(const struct image *img, uint32_t string, const char *name, size_t len)
{
    const char *text = image_str(img, string);
    return strlen(text) == len && memcmp(text, name, len) == 0;
}

static int name_unknown(const char *what, const char *name, size_t len, const char *const *names, size_t count)
{
    char text[256];
    snprintf(text, sizeof(text), "%.*s", (int)len, name);
    const char *near = diag_nearest(text, names, count);
    say(stderr, "preyc: no %s is called `%s`%s%s%s", what, text, near ? "; did you mean `" : "", near ? near : "",
        near ? "`?" : "");
    return -ENOENT;
}

static int find_server(const struct compile *c, const char *which, struct setup *s)
{
    const struct image *img = c->image;
    const char *slash = strchr(which, '/');
    const size_t pool_len = slash ? (size_t)(slash - which) : strlen(which);
    const char **names = arena_alloc(c->arena, ((size_t)img->pools_count + img->servers_count + 1) * sizeof(*names));
    for (uint32_t i = 0; i < img->pools_count; i++) {
        names[i] = image_str(img, img->pools[i].name);
        if (is_called(img, img->pools[i].name, which, pool_len)) s->pool = &img->pools[i];
    }
    if (!s->pool) return name_unknown("pool", which, pool_len, names, img->pools_count);
    const char *name = slash ? slash + 1 : "";
    for (uint32_t i = 0; i < s->pool->server_count; i++) {
        const struct pbc_server *server = &img->servers[s->pool->servers + i];
        names[i] = image_str(img, server->name);
        if (is_called(img, server->name, name, strlen(name))) s->server = server;
    }
    return s->server ? 0 : name_unknown("server of that pool", name, strlen(name), names, s->pool->server_count);
}

/* Print the values that the rules do not hold and the reader fills in. */
static void print_unknowns(const struct setup *s)
{
    const bool sources = setup_sources(s, NULL);
    const bool tunnels = setup_has_mode(s, PBC_MODE_DSR_IPIP) || setup_has_mode(s, PBC_MODE_DSR_GUE);
    const bool balancer = setup_has_mode(s, PBC_MODE_KEEP_SOURCE) || setup_has_mode(s, PBC_MODE_DSR_REWRITE) ||
                          (tunnels && !sources) || (setup_has_mode(s, PBC_MODE_PASSTHROUGH) && sources);
    if (s->server->flags & PBC_SERVER_UNKNOWN) fputs("server=CHANGE_ME  # this server's address\n", s->out);
    if (balancer) fputs("balancer=CHANGE_ME  # the balancer's address, as this server sees it\n", s->out);
    for (uint32_t i = 0; i < s->count; i++) {
        const struct pbc_service *service = &s->img->services[s->services[i]];
        const struct pbc_endpoint *e = &s->img->endpoints[service->endpoints];
        bool known = true;
        for (uint32_t k = 0; k < service->endpoint_count; k++) known &= e[k].to == PBC_TO_ADDRESS;
        if (known || !mode_is(service->mode, MODE_ONE_SIDED)) continue;
        put_variable(s, s->services[i]);
        fprintf(s->out, "=CHANGE_ME  # the address of `%s` that clients use; the rules don't name it\n",
                image_str(s->img, service->name));
    }
}

static void print_head(const struct setup *s)
{
    fprintf(s->out, "# Server %s/%s, ", image_str(s->img, s->pool->name), image_str(s->img, s->server->name));
    setup_address(s, s->server->addr, s->server->family);
    fputs(s->count ? ", for:\n" : ": no service uses this server's pool.\n", s->out);
    for (uint32_t i = 0; i < s->count; i++) {
        const struct pbc_service *service = &s->img->services[s->services[i]];
        fprintf(s->out, "#   %s, mode %s", image_str(s->img, service->name), mode_info[service->mode].name);
        if (mode_is(service->mode, MODE_TAKES_PORT))
            fprintf(s->out, service->gue_variant ? " %u variant 1" : " %u", service->gue_port);
        fputc('\n', s->out);
    }
    if (s->count) fputs("# Run these commands on the Linux server as root, after each restart.\n", s->out);
}

int setup_print(const struct compile *c, const char *which, FILE *out)
{
    const struct image *img = c->image;
    uint32_t *services = arena_alloc(c->arena, ((size_t)img->services_count + 1) * sizeof(*services));
    struct setup s = {.arena = c->arena, .img = img, .services = services, .out = out};
    if (find_server(c, which, &s) < 0) return -ENOENT;
    for (uint32_t i = 0; i < img->services_count; i++)
        if (sends_to(img, &img->services[i], (uint32_t)(s.pool - img->pools))) services[s.count++] = i;
    print_head(&s);
    print_unknowns(&s);
    setup_local(&s);
    setup_replies(&s);
    return 0;
}
