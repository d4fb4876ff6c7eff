/* The first foreign chain of `type nat` on each hook; /proc/net names tables of the older iptables */
#include "runtime/host/look/translators.h"

#include <stdio.h>
#include <string.h>

#include "runtime/host/look/chains.h"
#include "runtime/host/proc_priv.h"

static void note_table(char table[100], const char *family, const char *name)
{
    if (!*table) snprintf(table, 100, "%s %s", family, name);
}

/* Note the first table with a chain "type nat hook HOOK priority …". */
static void look_at_chain(void *arg, const struct chain_line *l)
{
    struct host_translators *t = arg;
    if (memmem(l->text, l->len, "type nat hook prerouting", 24)) note_table(t->arriving, l->family, l->table);
    if (memmem(l->text, l->len, "type nat hook postrouting", 25)) note_table(t->leaving, l->family, l->table);
}

/* Tables of iptables-legacy in the kernel aren't tables of nftables. */
static void look_at_iptables(struct host_translators *t)
{
    static const char *const of[] = {"/proc/net/ip_tables_names", "/proc/net/ip6_tables_names"};
    char names[200];
    for (unsigned i = 0; i < 2; i++) {
        if (proc_read(of[i], names, sizeof names) || !strstr(names, "nat\n")) continue;
        note_table(t->arriving, "iptables", "nat");
        note_table(t->leaving, "iptables", "nat");
    }
}

void host_translators(struct host_translators *t)
{
    *t = (struct host_translators){.bridges = proc_is_on("/proc/sys/net/bridge/bridge-nf-call-iptables") ||
                                              proc_is_on("/proc/sys/net/bridge/bridge-nf-call-ip6tables")};
    chains_each(look_at_chain, t);
    look_at_iptables(t);
}
