#include "runtime/host/look/translators.h"

#include <nftables/libnftables.h>
#include <stdio.h>
#include <string.h>

#include "runtime/host/proc_priv.h"

static void keep(char table[100], const char *family, const char *name)
{
    if (!*table) snprintf(table, 100, "%s %s", family, name);
}

/* Find the lines "table ip NAME {" and, of its chains, "type nat hook HOOK priority …". */
static void read_listing(struct host_translators *t, const char *text)
{
    char family[16] = "", table[80] = "";
    for (const char *line = text, *end; *line; line = *end ? end + 1 : end) {
        end = strchrnul(line, '\n');
        const size_t len = (size_t)(end - line);
        if (sscanf(line, "table %15s %79s", family, table) == 2 || !strncmp(table, "prey_", 5)) continue;
        if (memmem(line, len, "type nat hook prerouting", 24)) keep(t->arriving, family, table);
        if (memmem(line, len, "type nat hook postrouting", 25)) keep(t->leaving, family, table);
    }
}

static bool is_on(const char *setting)
{
    char text[8] = "0";
    return !proc_read(setting, text, sizeof text) && *text == '1';
}

static void look_at_nftables(struct host_translators *t)
{
    struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);
    if (!nft) return;
    nft_ctx_buffer_output(nft);
    nft_ctx_buffer_error(nft);
    if (!nft_run_cmd_from_buffer(nft, "list chains")) read_listing(t, nft_ctx_get_output_buffer(nft));
    nft_ctx_free(nft);
}

/* The older iptables of the kernel are no tables of nftables. */
static void look_at_iptables(struct host_translators *t)
{
    static const char *const of[] = {"/proc/net/ip_tables_names", "/proc/net/ip6_tables_names"};
    char names[200];
    for (unsigned i = 0; i < 2; i++) {
        if (proc_read(of[i], names, sizeof names) || !strstr(names, "nat\n")) continue;
        keep(t->arriving, "iptables", "nat");
        keep(t->leaving, "iptables", "nat");
    }
}

void host_translators(struct host_translators *t)
{
    *t = (struct host_translators){.bridges = is_on("/proc/sys/net/bridge/bridge-nf-call-iptables") ||
                                              is_on("/proc/sys/net/bridge/bridge-nf-call-ip6tables")};
    look_at_nftables(t);
    look_at_iptables(t);
}
