/* A filter of packet sockets: super-packets that the kernel cannot describe to one are kept from it.
 *
 * With PACKET_VNET_HDR the kernel writes what kind of super-packet a frame is. Of a kind that the header has no word
 * for (UDP's old fragmentation offload, which a TAP may bring) tpacket_rcv gives up with the ring's next slot already
 * taken, and that ring never gets another frame. A filter is asked before. */
#include "runtime/io/filter.bpf.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

/* As far as they are read, by the names that the kernel has for them. */
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

extern void *bpf_cast_to_kern_ctx(void *ctx) __ksym;
extern void *bpf_rdonly_cast(const void *at, __u32 type) __ksym;

__u64 refused[FILTER_COUNTS]; /* memory that others map */

/* The kernels that have these casts describe UDP segmentation (USO), too: both are of Linux 6.2. */
SEC("socket") int filter(struct __sk_buff *skb)
{
    const struct sk_buff *kernels = bpf_cast_to_kern_ctx(skb);
    const struct skb_shared_info *shared =
        bpf_rdonly_cast(kernels->head + kernels->end, bpf_core_type_id_kernel(struct skb_shared_info));
    if (!shared->gso_size || shared->gso_type & (SKB_GSO_TCPV4 | SKB_GSO_TCPV6 | SKB_GSO_UDP_L4)) return -1;
    __sync_fetch_and_add(&refused[skb->ifindex % FILTER_COUNTS], 1);
    return 0;
}

char terms[] SEC("license") = "Dual BSD/GPL";
