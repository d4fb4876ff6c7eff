/* Every frame that comes in by an interface leaves by its peer, as it is: with its tags, and in one piece. */
#include <linux/bpf.h>
/* They want the types of the first. */
#include <bpf/bpf_helpers.h>

volatile const int peer; /* ifindex, written before it is loaded */

SEC("tc") int across(struct __sk_buff *skb)
{
    (void)skb;
    return (int)bpf_redirect((unsigned)peer, 0);
}

char terms[] SEC("license") = "BSD";
