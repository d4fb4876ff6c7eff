#include "runtime/live/carry/logs.h"

#include "runtime/live/carry/proxy/access.h"
#include "runtime/live/carry/proxy/proxied.h"
#include "runtime/live/tell/log.h"

void logs_again(struct carry *carry)
{
    log_again(carry->tell);
    proxied_tick(carry);
    access_again(carry);
}
