/* The table of ports that workers share, see shared.h */
#include "vm/shared/shared.h"

bool port_owners_hold(struct port_owners *o, uint16_t port, unsigned worker)
{
    const uint32_t free = (worker + 1) << PORT_OWNER_SHIFT;
    uint32_t was = port_entry(o, port), next;
    do {
        if (was && was >> PORT_OWNER_SHIFT != worker + 1) return false;
        next = (was ? was : free) + 1;
    } while (!__atomic_compare_exchange_n(&o->of[port], &was, next, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    return true;
}

void port_owners_share(struct port_owners *o, uint16_t port, unsigned worker)
{
    const uint32_t its = (worker + 1) << PORT_OWNER_SHIFT, users = (1u << PORT_OWNER_SHIFT) - 1;
    uint32_t was = port_entry(o, port), next;
    do {
        const bool others = was && was >> PORT_OWNER_SHIFT != worker + 1;
        next = ((others ? (uint32_t)PORT_SHARED << PORT_OWNER_SHIFT : its) | (was & users)) + 1;
    } while (!__atomic_compare_exchange_n(&o->of[port], &was, next, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
}

void port_owners_drop(struct port_owners *o, uint16_t port)
{
    uint32_t was = port_entry(o, port), next;
    do {
        next = (was - 1) & ((1u << PORT_OWNER_SHIFT) - 1) ? was - 1 : 0;
    } while (!__atomic_compare_exchange_n(&o->of[port], &was, next, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
}
