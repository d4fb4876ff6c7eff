/* Connections whose first bytes say where they go: what follows from that once the branch is known. */
#include <string.h>

#include "runtime/proxy/core.h"
#include "vm/judge/decide.h"

static bool asks(const struct program *p, uint32_t branch)
{
    const struct pbc_branch *b = &p->branches[branch];
    for (uint32_t c = b->conds; c < b->conds + b->cond_count; c++)
        if (p->conds[c].kind == COND_INSTRUCTION) return true;
    return false;
}

/* The bytes are the client's word to us: they are not delivered. */
void instruction_take(struct session *s)
{
    const struct first *f = &s->proxy->first;
    if (f->instruction != FIRST_KNOWN || !asks(s->proxy->program, s->branch)) return;
    s->up.buffer->from += f->told.len;
    s->nat = f->told.nat;
    s->instructed = true;
}

bool instruction_leads_back(const struct session *s)
{
    const struct program *p = s->proxy->program;
    if (p->branches[s->branch].shares != PBC_TARGET) return false;
    const uint32_t service = listeners_service(s->proxy, &s->proxy->first.told.target);
    bool takes = false;
    for (uint32_t i = 0; service != PBC_NONE && i < p->services[service].branch_count; i++)
        takes |= p->branches[p->services[service].branches + i].shares == PBC_TARGET;
    return takes;
}

bool instruction_answer(struct session *s)
{
    const struct pbc_pattern *ack = s->instructed ? program_ack(s->proxy->program, s->branch) : NULL;
    return !ack || side_write(&s->client, ack->value, ack->len) == ack->len;
}
