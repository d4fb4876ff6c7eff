/* Link types: those that the vm can parse, and the names of all. */
#include <pcap/pcap.h>

#include "runtime/capture/capture_priv.h"

bool linktype_link(uint32_t linktype, enum pkt_link *link)
{
    switch (linktype) {
#define LINKTYPE(number, ident)                                                                                        \
    case number:                                                                                                       \
        *link = LINK_##ident;                                                                                          \
        return true;
#include "runtime/capture/linktype.def"
    default: return false;
    }
}

const char *linktype_name(uint32_t linktype, char *buf, size_t len)
{
    /* Numbers in files that differ from the DLT_ values of this system's libpcap. */
    static const struct {
        uint8_t file, dlt;
    } differ[] = {
        {100, DLT_ATM_RFC1483},
        {102, DLT_SLIP_BSDOS},
        {103, DLT_PPP_BSDOS},
        {106, DLT_ATM_CLIP},
    };
    int dlt = linktype <= INT32_MAX ? (int)linktype : -1;
    for (size_t i = 0; i < sizeof differ / sizeof differ[0]; i++)
        if (linktype == differ[i].file) dlt = differ[i].dlt;
    const char *name = dlt < 0 ? NULL : pcap_datalink_val_to_name(dlt);
    if (name)
        snprintf(buf, len, "%u (%s)", linktype, name);
    else
        snprintf(buf, len, "%u", linktype);
    return buf;
}
