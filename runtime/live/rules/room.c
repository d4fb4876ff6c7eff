/* A share of the memory, between a minimum and a maximum, divided among workers */
#include "runtime/live/rules/room.h"

#include <stdio.h>

#include "runtime/host/memory.h"
#include "runtime/live/carry/kernel/in_kernel.h"
#include "vm/words/words.h"

enum {
    BYTES_A_FLOW = 16 << 10,
    FLOWS_MOST = 1000000,
    KERNEL_MOST = 1 << 18,
    FLOWS_LEAST = 16384,
    HALF_OPEN = 10 /* flows per half-open flow */
};

uint64_t room_of(uint64_t memory, bool in_kernel)
{
    const uint64_t flows = memory / BYTES_A_FLOW, most = in_kernel ? KERNEL_MOST : FLOWS_MOST;
    return flows < FLOWS_LEAST ? FLOWS_LEAST : flows > most ? most : flows;
}

void room_look(struct rules *rules) { rules->room = room_of(host_memory(), rules->carry->in_kernel); }

void room_bound(const struct rules *rules, struct program *p)
{
    const uint64_t workers = rules->carry->worker_count ? rules->carry->worker_count : 1,
                   each = (rules->room + workers - 1) / workers;
    if (!program_says_flows(p)) program_bound(p, each, each / HALF_OPEN);
}

const char *room_text(const struct rules *rules, char buf[ROOM_TEXT])
{
    const struct program *p = rules->carry->now.program;
    char number[TEXT_NUMBER];
    *buf = 0;
    if (program_says_flows(p) || !program_begins_flows(p)) return buf;
    const uint64_t bytes = in_kernel_memory(rules->carry);
    int len = snprintf(buf, ROOM_TEXT, ", room for %s connections",
                       text_number(p->flows * rules->carry->worker_count, number));
    if (bytes) snprintf(buf + len, ROOM_TEXT - (size_t)len, " in %s MB", text_number((bytes >> 20) + 1, number));
    return buf;
}
