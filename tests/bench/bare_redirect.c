/* The floor of bench-live in the kernel: an XDP program that sends all frames of an interface out by another, unseen.
 *
 *     bare_redirect IN OUT */
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdio.h>
#include <unistd.h>

/* return bpf_redirect(out, 0) */
static int redirect(int out)
{
    const struct bpf_insn code[] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 1, .imm = out},
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 2},
        {.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_redirect},
        {.code = BPF_JMP | BPF_EXIT},
    };
    return bpf_prog_load(BPF_PROG_TYPE_XDP, "bare", "BSD", code, sizeof code / sizeof *code, NULL);
}

int main(int argc, char *argv[])
{
    LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = XDP_FLAGS_DRV_MODE);
    if (argc != 3) return 2;
    const int program = redirect((int)if_nametoindex(argv[2]));
    if (program < 0 || bpf_link_create(program, (int)if_nametoindex(argv[1]), BPF_XDP, &opts) < 0) {
        perror(argv[1]);
        return 2;
    }
    fprintf(stderr, "ready\n");
    pause();
    return 0;
}
