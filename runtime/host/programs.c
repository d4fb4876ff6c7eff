/* See programs.h. */
#include "runtime/host/programs.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "runtime/host/proc_priv.h"

/* Is the kernel's compiler for programs off? */
static bool interpreted(void)
{
    char text[8] = "1";
    return !proc_read("/proc/sys/net/core/bpf_jit_enable", text, sizeof text) && *text == '0';
}

static bool locked_down(void)
{
    char text[80] = "";
    return !proc_read("/sys/kernel/security/lockdown", text, sizeof text) && strstr(text, "[confidentiality]");
}

const char *programs_lack(int failed)
{
    if (failed == -EPERM || failed == -EACCES)
        return "the kernel forbids it: the capabilities BPF, NET_ADMIN and PERFMON are missing, or a security module "
               "or the rules of a container are in the way (dmesg or the audit log says which)";
    if (interpreted())
        return "programs are not compiled, and then may not call functions; this mends it: sysctl -w "
               "net.core.bpf_jit_enable=1";
    if (access("/sys/kernel/btf/vmlinux", R_OK))
        return "the kernel does not say its types: there is no /sys/kernel/btf/vmlinux (CONFIG_DEBUG_INFO_BTF)";
    if (locked_down())
        return "the kernel is locked down (lockdown=confidentiality), and then lets no program copy from its memory, "
               "which this one does before Linux 6.2; lockdown=integrity allows it";
    return NULL;
}
