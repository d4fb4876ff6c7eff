/* Another program's impact (impact.h) as JSON. */
#include <arpa/inet.h>

#include "runtime/live/control/flows/impact.h"
#include "runtime/live/rules/names/names.h"
#include "runtime/report/json.h"
#include "vm/words/words.h"

/* Add a rule or default with the number of flows that it would decide differently. */
static void change_json(cJSON *to, const struct labels *labels, const struct impact *im, uint32_t at)
{
    const struct program *p = im->next;
    const struct impact_change *c = &im->changes[at];
    cJSON *one = json_object(to);
    if (at < p->rules_count) {
        cJSON_AddStringToObject(one, "rule", label_rule(labels, at));
        cJSON_AddStringToObject(one, "place", label_rule_place(labels, at));
    } else if (at < p->rules_count + p->firewalls_count) {
        const uint32_t firewall = at - p->rules_count;
        cJSON_AddStringToObject(one, "rule", "default");
        cJSON_AddStringToObject(one, "firewall", labels->firewall[firewall]);
        cJSON_AddStringToObject(one, "place", label_firewall_place(labels, firewall));
    } else {
        cJSON_AddNullToObject(one, "rule");
    }
    cJSON_AddStringToObject(one, "verdict", action_name(c->action));
    json_number(one, "flows", c->flows);
    json_number(one, "anew", c->anew);
}

static void changes_json(cJSON *to, const struct impact *im)
{
    struct labels labels;
    if (labels_init(&labels, im->next)) return;
    for (uint32_t i = 0; i < im->next->rules_count + im->next->firewalls_count + 1; i++)
        if (im->changes[i].flows + im->changes[i].anew) change_json(to, &labels, im, i);
    labels_fini(&labels);
}

/* Add removed servers that have flows. TCP flows drain, for the pool's `drain`; others move to another server. */
static void servers_json(cJSON *to, const struct impact *im)
{
    const struct program *p = im->now;
    for (uint32_t i = 0; i < p->servers_count; i++) {
        const struct impact_server *s = &im->of_server[i];
        const struct pbc_pool *pool = &p->pools[p->servers[i].pool];
        if (!s->drain && !s->move) continue;
        cJSON *one = json_object(to);
        cJSON_AddStringToObject(one, "server", label_server(&im->control->carry->now.labels, i));
        json_number(one, "drain", s->drain);
        json_number(one, "drain_s", pool->drain_ns / 1000000000);
        cJSON_AddStringToObject(one, "then", pool->on_down == PBC_DOWN_RESET ? "reset" : "keep");
        json_number(one, "move", s->move);
    }
}

struct named {
    const struct rules *rules;
    cJSON *to;
};

/* Add a name of the next program with its present addresses, or the reason why it has none. */
static void name_json(void *arg, const char *host)
{
    const struct named *n = arg;
    const struct host_name *h = names_find(n->rules, host);
    cJSON *one = json_object(n->to), *all = cJSON_AddArrayToObject(one, "addresses");
    const char *why = h ? name_none(h) : NULL;
    char text[INET6_ADDRSTRLEN];
    cJSON_AddStringToObject(one, "name", host);
    for (unsigned v6 = 0; h && v6 < 2; v6++) {
        for (uint32_t i = 0; i < h->of[v6].count; i++) {
            address_text(v6 ? 6 : 4, h->of[v6].addr[i], text);
            cJSON_AddItemToArray(all, cJSON_CreateString(text));
        }
        if (!why && *h->of[v6].fault) why = h->of[v6].fault;
    }
    json_text(one, "why", why);
}

void impact_json(const struct impact *im, cJSON *to)
{
    struct named named = {im->control->rules, cJSON_AddArrayToObject(to, "names")};
    cJSON *flows = cJSON_AddObjectToObject(to, "flows");
    json_number(flows, "live", im->live);
    json_number(flows, "judged", im->judged);
    json_number(flows, "drain", im->drain);
    json_number(flows, "move", im->move);
    json_number(flows, "refused", im->refused);
    if (!names_each(im->next, name_json, &named)) cJSON_DeleteItemFromObject(to, "names"); /* out of memory */
    servers_json(cJSON_AddArrayToObject(to, "servers"), im);
    changes_json(cJSON_AddArrayToObject(to, "verdicts"), im);
}
