/* The filter of packet sockets. It keeps away super-packets that the kernel cannot describe to a socket, and packets
 * of the proxy's connections, which the host's own stack takes. The gate (gate.bpf.h) is in the same object.
 *
 * With PACKET_VNET_HDR the kernel writes the kind of a super-packet. If the header has no word for the kind (UDP's
 * old fragmentation offload, which a TAP may bring), tpacket_rcv gives up after taking the ring's next slot. That
 * ring never gets another frame. A filter runs before that. */
#include "runtime/io/steer/filter.bpf.h"

#include <bpf/bpf_core_read.h>

#include "runtime/io/steer/gate.bpf.h"

/* Kernel structures with the fields that are read, by their kernel names. */
#define KERNELS __attribute__((preserve_access_index))
struct sk_buff {
    unsigned char *head;
    unsigned int end;
} KERNELS;
struct skb_shared_info {
    unsigned short gso_size;
    unsigned int gso_type;
} KERNELS;
enum gso { SKB_GSO_TCPV4 = 1, SKB_GSO_TCPV6 = 16, SKB_GSO_UDP_L4 = 1 << 17 };

/* Weak: if they are missing, only the program that calls them is not loaded. */
extern void *bpf_cast_to_kern_ctx(void *ctx) __ksym __weak;
extern void *bpf_rdonly_cast(const void *at, __u32 type) __ksym __weak;

__u64 refused[FILTER_COUNTS]; /* memory that user space maps */

static __always_inline int frame_refuse(const struct __sk_buff *skb)
{
    __sync_fetch_and_add(&refused[skb->ifindex % FILTER_COUNTS], 1);
    return 0;
}

/* The filter for kernels with these casts. They also describe UDP segmentation (USO); both are in Linux 6.2. */
SEC("socket") int filter(struct __sk_buff *skb)
{
    if (is_carried(skb)) return 0;
    if (!skb->gso_size) return -1;
    const struct sk_buff *kernels = bpf_cast_to_kern_ctx(skb);
    const struct skb_shared_info *shared =
        bpf_rdonly_cast(kernels->head + kernels->end, bpf_core_type_id_kernel(struct skb_shared_info));
    return shared->gso_type & (SKB_GSO_TCPV4 | SKB_GSO_TCPV6 | SKB_GSO_UDP_L4) ? -1 : frame_refuse(skb);
}

/* The filter for older kernels. The context is the kernel's own structure, which a helper copies from. */
SEC("socket") int filter_old(struct __sk_buff *skb)
{
    if (is_carried(skb)) return 0;
    if (!skb->gso_size) return -1;
    const struct sk_buff *kernels = (const void *)skb;
    const struct skb_shared_info *shared = (const void *)(BPF_CORE_READ(kernels, head) + BPF_CORE_READ(kernels, end));
    return BPF_CORE_READ(shared, gso_type) & (SKB_GSO_TCPV4 | SKB_GSO_TCPV6) ? -1 : frame_refuse(skb);
}

char terms[] SEC("license") = "Dual BSD/GPL";
