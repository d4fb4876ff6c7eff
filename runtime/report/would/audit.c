/* Rules that would decide, and verdicts that would differ, as text and as JSON (audit.h) */
#include "runtime/report/would/audit.h"

#include "runtime/report/document/fill.h"
#include "runtime/report/json.h"
#include "runtime/report/summary.h"

/* Return the subject with the rules as they would decide without `audit`. */
static struct subject would_be(const struct subject *r)
{
    struct subject would = *r;
    would.program = (struct program *)(uintptr_t)r->program->would;
    would.labels = *r->labels.would;
    return would;
}

static bool is_audited(const struct subject *would, uint32_t rule)
{
    return would->program->rules[rule].flags & PBC_RULE_AUDIT;
}

/* True for a rule that would decide, or that is audited and counts. */
static bool rule_shows(const struct subject *would, const struct vm_counters *c, uint32_t rule)
{
    const bool some = c->would_rules[rule].decided.packets;
    if (is_audited(would, rule)) return some || would->program->rules_count <= TABLE_ALL_RULES;
    return some && rule_decides(&would->program->rules[rule]);
}

static void rules_text(const struct table *t, const struct subject *would, const struct vm_counters *c)
{
    char name[TABLE_NAME], place[TABLE_NAME];
    for (uint32_t i = 0; i < would->program->rules_count; i++)
        if (rule_shows(would, c, i))
            table_row(t, table_rule_name(t, would, i, name, sizeof name), &c->would_rules[i].decided,
                      !rule_decides(&would->program->rules[i]),
                      table_place(would, label_rule_place(&would->labels, i), place, sizeof place));
    for (uint32_t i = 0; i < would->program->firewalls_count; i++)
        if (would->program->firewalls[i].audit || c->would_defaults[i].decided.packets)
            table_row(t, table_default_name(t, would, i, name, sizeof name), &c->would_defaults[i].decided, false,
                      table_place(would, label_firewall_place(&would->labels, i), place, sizeof place));
}

void audit_text(const struct table *t, const cJSON *root, const struct subject *r, const struct vm_counters *c)
{
    if (!r->program->would || !c->would_rules || !r->labels.would) return;
    const struct subject would = would_be(r);
    table_head(t, "would be decided by", "place");
    rules_text(t, &would, c);
    fputc('\n', t->out);
    bool any = false;
    for (unsigned a = 0; a < ACTION_COUNT; a++) any |= c->would[a].changed.packets != 0;
    fill(t->out, root,
         "{*would?changed_packets|audit       |            |would {$} {#changed_packets|packet}"
         "{?flows  of {#flows|flow}}\n}");
    if (!any) note(t->out, "audit", "no packet would get another verdict");
}

static void counts_add(cJSON *one, const struct would_counter *w)
{
    json_number(one, "packets", w->decided.packets);
    json_number(one, "bytes", w->decided.bytes);
    json_number(one, "changed_packets", w->changed.packets);
    json_number(one, "changed_bytes", w->changed.bytes);
    json_number(one, "flows", w->flows);
}

void audit_json(cJSON *root, const struct subject *r, const struct vm_counters *c)
{
    if (!r->program->would || !c->would_rules || !r->labels.would) return;
    const struct subject would = would_be(r);
    cJSON *all = cJSON_AddObjectToObject(root, "would");
    for (unsigned a = 0; a < ACTION_COUNT; a++)
        if (c->would[a].decided.packets || a <= ACTION_REJECT)
            counts_add(cJSON_AddObjectToObject(all, action_name(a)), &c->would[a]);
    cJSON *rules = cJSON_AddArrayToObject(root, "audit_rules");
    for (uint32_t i = 0; i < would.program->rules_count; i++) {
        char verdict[128];
        if (!rule_shows(&would, c, i)) continue;
        cJSON *one = json_object(rules);
        cJSON_AddStringToObject(one, "rule", label_rule(&would.labels, i));
        cJSON_AddBoolToObject(one, "named", would.program->rules[i].name != 0);
        cJSON_AddStringToObject(one, "verdict", label_verdict(&would.labels, i, verdict, sizeof verdict));
        cJSON_AddStringToObject(one, "place", label_rule_place(&would.labels, i));
        cJSON_AddBoolToObject(one, "decides", rule_decides(&would.program->rules[i]));
        cJSON_AddBoolToObject(one, "audited", is_audited(&would, i));
        counts_add(one, &c->would_rules[i]);
    }
    cJSON *defaults = cJSON_AddArrayToObject(root, "audit_defaults");
    for (uint32_t i = 0; i < would.program->firewalls_count; i++) {
        cJSON *one = json_object(defaults);
        cJSON_AddStringToObject(one, "firewall", would.labels.firewall[i]);
        cJSON_AddStringToObject(one, "verdict", verdict_word(would.program->firewalls[i].default_verdict));
        cJSON_AddBoolToObject(one, "audited", would.program->firewalls[i].audit != PBC_AUDIT_NOT);
        counts_add(one, &c->would_defaults[i]);
    }
}
