/* The map is compared with the facts: old keys are deleted, new ones added */
#include "runtime/io/steer/own.h"

#include <bpf/bpf.h>

#include "runtime/host/host.h"

struct numbered_ip own_ip(const struct host_addr *a)
{
    if (a->family == 4) return (struct numbered_ip){0, NUMBERED_V4 | a->word[0]};
    return (struct numbered_ip){(uint64_t)a->word[0] << 32 | a->word[1], (uint64_t)a->word[2] << 32 | a->word[3]};
}

static bool addresses_have(const struct facts *f, const struct numbered_ip *ip)
{
    for (unsigned i = 0; i < f->self4_count && !ip->hi; i++)
        if (ip->lo == (NUMBERED_V4 | f->self4[i])) return true;
    for (unsigned i = 0; i < f->self6_count; i++)
        if (ip->hi == f->self6[i].lo_hi && ip->lo == f->self6[i].lo_lo) return true;
    return false;
}

/* Delete addresses that the host has lost. Each next key is read before its predecessor is deleted. */
static void addresses_forget(int map, const struct facts *f)
{
    struct numbered_ip at, next;
    int more = bpf_map_get_next_key(map, NULL, &next);
    while (!more) {
        at = next;
        more = bpf_map_get_next_key(map, &at, &next);
        if (!addresses_have(f, &at)) bpf_map_delete_elem(map, &at);
    }
}

static int address_learn(int map, struct numbered_ip ip)
{
    const uint8_t here = 1;
    return bpf_map_update_elem(map, &ip, &here, BPF_ANY);
}

/* Old addresses are deleted first, to make room. An address without room is left out; the others are added. */
int own_addresses(int map, const struct facts *f)
{
    int failed = 0;
    addresses_forget(map, f);
    for (unsigned i = 0; i < f->self4_count; i++) {
        const int now = address_learn(map, (struct numbered_ip){0, NUMBERED_V4 | f->self4[i]});
        failed = failed ? failed : now;
    }
    for (unsigned i = 0; i < f->self6_count; i++) {
        const int now = address_learn(map, (struct numbered_ip){f->self6[i].lo_hi, f->self6[i].lo_lo});
        failed = failed ? failed : now;
    }
    return failed;
}
