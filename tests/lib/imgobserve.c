/* A program with two observe services, see imgbuild.h. */
#include "tests/lib/imgbuild.h"
#include "vm/packet/key.h"
#include "vm/stream/wants.h"

void img_sample_observe(struct imgbuild *b)
{
    img_init(b);
    img_add_hosts(b, img_string(b, "GET"));
    img_add_names(b, (struct pbc_names){.count = 1, .kind = PBC_NAMES_TEXTS});
    img_add_patterns(b, (struct pbc_pattern){.layer = PBC_PAYLOAD, .len = 2, .value = "SS", .mask = {0xff, 0xff}});
    img_add_set4(b, (struct pbc_range){0x0a000000, 0x0affffff});
    img_add_sets(b, (struct pbc_set){.count4 = 1});
    img_add_conds(b, (struct pbc_cond){.kind = COND_METHOD, .count = 1});
    img_add_conds(b, (struct pbc_cond){.kind = COND_BYTES, .flags = PBC_COND_REPLY, .count = 1});
    img_add_conds(b, (struct pbc_cond){.kind = COND_FROM, .count = 1});
    img_add_conds(b, (struct pbc_cond){.kind = COND_FLAGS}); /* no branch uses it */
    img_add_observes(b, (struct pbc_observe){.name = img_string(b, "w"),
                                             .choice_count = 4,
                                             .sessions = img_string(b, "s.jsonl"),
                                             .stream = img_string(b, "d"),
                                             .wants = {FIRST_HTTP, 2u << FIRST_BYTES_SHIFT}});
    img_add_observes(b, (struct pbc_observe){.name = img_string(b, "v"), .choices = 4, .choice_count = 1});
    for (uint32_t i = 0; i < 3; i++) img_add_choices(b, (struct pbc_choice){.conds = i, .cond_count = 1, .does = i});
    img_add_choices(b, (struct pbc_choice){.does = PBC_PASS});
    img_add_choices(b, (struct pbc_choice){.observe = 1, .does = PBC_IGNORE});
    img_add_observe_endpoints(
        b,
        (struct pbc_endpoint){.addr = {0xc0000201}, .family = 4, .port_lo = 80, .port_hi = 80, .wire = PBC_WIRE_ALL});
    img_add_observe_endpoints(b, (struct pbc_endpoint){.service = 1,
                                                       .to = PBC_TO_ANY,
                                                       .port_lo = 80,
                                                       .port_hi = 90,
                                                       .wire = PBC_WIRE_VLAN,
                                                       .vlan_lo = 7,
                                                       .vlan_hi = 9});
    img_function(b, "main", (const struct insn[]){{.op = OP_ACCEPT}}, 1);
}
