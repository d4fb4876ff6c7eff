/* --explain for programs that keep flows: the answer to `state` for the frame, and the flow it comes from. */
#include "runtime/report/explain/explain_look.h"
#include "runtime/report/explain/parts.h"
#include "runtime/report/flow_list.h"

static const char *state_word(const struct key *key)
{
    switch (key->marks & MARK_STATES) {
    case MARK_NEW: return "new";
    case MARK_ESTABLISHED: return "established";
    case MARK_RELATED: return "related";
    case MARK_INVALID: return "invalid";
    default: return NULL;
    }
}

static uint64_t since(const struct vm_in *in, uint64_t ns) { return in->mono_ns > ns ? in->mono_ns - ns : 0; }

/* Write "state established: flow of tcp, established, opened by 10.0.0.1:5000 12.3 s before, last packet 2.0 ms
 * before" */
void explain_flow_text(FILE *out, const struct subject *r, const struct explain_look *k)
{
    char side[FLOW_SIDE_TEXT], name[40], began[TEXT_NUMBER], seen[TEXT_NUMBER];
    const struct flow_record *f = &k->flow;
    const char *state = state_word(&k->key);
    if (!(r->program->meta->flags & PBC_KEEPS_FLOWS) || k->goes_on) return;
    fprintf(out, "  state %s: ", state ? state : "none");
    if (!k->in_flow) {
        fputs(state                           ? "there is no flow\n"
              : k->key.kind & KIND_FRAG_LATER ? "a later fragment has no flow of its own\n"
                                              : "this packet belongs to no flow\n",
              out);
        return;
    }
    fprintf(out, "%s flow, %s, opened by %s ", flow_protocol(f, name, sizeof name),
            flow_state_name((enum flow_state)f->state), flow_side(f, FLOW_ORIGINAL, side));
    fprintf(out, "%s before, last packet %s before\n", text_duration(since(&k->in, f->began_ns), began),
            text_duration(since(&k->in, f->seen_ns), seen));
}

void explain_flow_json(FILE *out, const struct subject *r, const struct explain_look *k)
{
    const char *state = state_word(&k->key);
    if (!(r->program->meta->flags & PBC_KEEPS_FLOWS) || k->goes_on) return;
    json_print(out, ",'state':%s,'flow':", state);
    if (k->in_flow)
        flow_json(out, &k->flow, k->flow.server == PBC_NONE ? NULL : r->labels.server[k->flow.server]);
    else
        json_string(out, NULL);
}
