/* A program with one proxy service, see imgbuild.h. */
#include <string.h>

#include "tests/lib/imgbuild.h"
#include "vm/packet/key.h"
#include "vm/stream/wants.h"

enum { METHOD, HEADER, BYTES, INSTRUCTION };

/* Add the conditions of branch 0: method GET, PO*; 1: header x-k not "a"; 2: bytes 53 53; 3: instruction to 10/8 ->
 * target; 4: else. */
static void conditions(struct imgbuild *b)
{
    img_add_hosts(b, img_string(b, "GET"));
    img_add_hosts(b, img_string(b, "PO*"));
    img_add_hosts(b, img_string(b, "a"));
    img_add_names(b, (struct pbc_names){.count = 2, .kind = PBC_NAMES_TEXTS});
    img_add_names(b, (struct pbc_names){.first = 2, .count = 1, .kind = PBC_NAMES_TEXTS});
    img_add_patterns(b, (struct pbc_pattern){.layer = PBC_PAYLOAD, .len = 2, .value = "SS", .mask = {0xff, 0xff}});
    img_add_set4(b, (struct pbc_range){0x0a000000, 0x0affffff});
    img_add_sets(b, (struct pbc_set){.count4 = 1});
    img_add_conds(b, (struct pbc_cond){.kind = COND_METHOD, .count = 1});
    img_add_conds(b,
                  (struct pbc_cond){
                      .kind = COND_HEADER, .flags = PBC_COND_NOT, .arg = img_string(b, "x-k"), .first = 1, .count = 1});
    img_add_conds(b, (struct pbc_cond){.kind = COND_BYTES, .count = 1});
    img_add_conds(b, (struct pbc_cond){.kind = COND_INSTRUCTION, .arg = 1, .count = 1});
}

static void services(struct imgbuild *b)
{
    struct pbc_settings settings;
    memset(&settings, 0, sizeof settings);
    for (unsigned i = 0; i < PBC_SETTINGS_KEYS; i++) (&settings.flows)[i] = 1000;
    settings.maglev = 251;
    img_add_settings(b, settings);
    img_add_pools(b, (struct pbc_pool){.name = img_string(b, "p"), .server_count = 1, .check = PBC_NONE});
    img_add_servers(b,
                    (struct pbc_server){
                        .name = img_string(b, "a"), .addr = {0x0a000001}, .family = 4, .check = PBC_NONE, .weight = 1});
    img_add_services(
        b, (struct pbc_service){
               .name = img_string(b, "s"), .endpoint_count = 1, .branch_count = 5, .mode = PBC_MODE_PROXY, .proxy = 1});
    img_add_proxies(b, (struct pbc_proxy){.flags = PBC_PROXY_ACCEPT | PBC_PROXY_AFFINITY_COOKIE,
                                          .accept_count = 1,
                                          .cert_count = 1,
                                          .affinity_name = img_string(b, "SRV"),
                                          .wants = FIRST_HTTP | FIRST_INSTRUCTION | 2u << FIRST_BYTES_SHIFT});
    img_add_certs(b, (struct pbc_cert){.cert = img_string(b, "c.pem"), .key = img_string(b, "k.pem")});
    img_add_endpoints(b, (struct pbc_endpoint){.addr = {0xc0000201}, .family = 4, .port_lo = 80, .port_hi = 80});
    for (uint32_t i = 0; i < 3; i++)
        img_add_branches(b, (struct pbc_branch){.conds = i, .cond_count = 1, .shares = i, .share_count = 1});
    img_add_branches(b, (struct pbc_branch){.conds = INSTRUCTION, .cond_count = 1, .shares = PBC_TARGET});
    img_add_branches(b, (struct pbc_branch){.shares = 3, .share_count = 1});
    for (uint32_t i = 0; i < 4; i++) img_add_shares(b, (struct pbc_share){0, 100});
}

void img_sample_proxies(struct imgbuild *b)
{
    static const struct insn packets[] = {{OP_RETB, 0, 0, 0}}, streams[] = {{OP_JNE, KEY_SLOT(dst), 9, 0xc0000201},
                                                                            {OP_JNFIRST, 0, 1, METHOD},
                                                                            {OP_RETB, 0, 0, 0},
                                                                            {OP_JNFIRST, 0, 1, HEADER},
                                                                            {OP_RETB, 0, 0, 1},
                                                                            {OP_JNFIRST, 0, 1, BYTES},
                                                                            {OP_RETB, 0, 0, 2},
                                                                            {OP_JNFIRST, 0, 1, INSTRUCTION},
                                                                            {OP_RETB, 0, 0, 3},
                                                                            {OP_RETB, 0, 0, 4},
                                                                            {OP_RETZ, 0, 0, 0}};
    struct insn root[] = {{OP_CALL, 0, 0, 2}, {OP_PICK, 0, 0, 0}, {OP_HOST, 0, 0, 0}};
    img_init(b);
    conditions(b);
    services(b);
    img_function(b, "main", (const struct insn[]){{.op = OP_ACCEPT}}, 1);
    b->meta->services = 1;
    img_function(b, "services", root, 3);
    img_function(b, "services/1", packets, 1);
    root[0].imm = 4;
    b->meta->streams = 3;
    img_function(b, "streams", root, 3);
    img_function(b, "streams/1", streams, 11);
}

void img_sample_wire(struct imgbuild *b)
{
    img_sample_proxies(b);
    b->services[0].mode = PBC_MODE_PROXY_INLINE;
    b->endpoints[0].wire = PBC_WIRE_ALL;
    b->branches[3].shares = PBC_PROGRAM;
    b->branches[3].share_count = img_string(b, "/run/s");
    b->branches[4].shares = PBC_ORIGINAL;
    b->branches[4].share_count = 0;
    b->shares_count = 3;
}
