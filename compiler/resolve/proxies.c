/* What a proxy service says besides its addresses and branches: an entry of PROXIES. */
#include "compiler/resolve/service.h"

/* Pairs of an address and a port, each of which the host listens at. */
static void check_listeners(const struct service_work *w)
{
    const struct image *img = w->c->image;
    const struct pbc_service *s = &img->services[w->id];
    uint64_t ports = 0;

    for (uint32_t e = s->endpoints; e < s->endpoints + s->endpoint_count; e++)
        ports += 1u + img->endpoints[e].port_hi - img->endpoints[e].port_lo;
    if (ports <= PBC_PROXY_PORTS_MAX) return;
    diag(w->c->diags, E_PROXY_PORTS, span_at(w->c, &s->place),
         "`%s` would listen at %llu ports, all addresses together; a proxy service can have %u",
         image_str(img, s->name), (unsigned long long)ports, PBC_PROXY_PORTS_MAX);
    diag_advise(w->c->diags, "name the ports that are served, or use `mode passthrough`");
}

void resolve_proxy(const struct service_work *w, const struct node *mode)
{
    struct compile *c = w->c;
    struct pbc_proxy *slot = image_add_proxies(c->image);

    if (!slot) {
        report_full(c, mode->span, "proxy services", 1u << 16);
        return;
    }
    *slot = (struct pbc_proxy){.service = w->id, .certs = c->image->certs_count};
    c->image->services[w->id].proxy = c->image->proxies_count;
    node_each(n, mode)
    {
        mark_names_used(c, n);
        diag(c->diags, E_UNSUPPORTED, n->span, "not supported yet: `%s`", node_words(n));
    }
    check_listeners(w);
}
