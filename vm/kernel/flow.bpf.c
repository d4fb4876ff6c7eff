/* Flows in the kernel: vm/flow/'s own code over the maps that all processors and user space share. */
#include "vm/kernel/bpf.h"

#define TABLE_ACCESS "vm/kernel/table_access.bpf.h"
#include "vm/forward/plain.h"
#include "vm/packet/parse/fragment.h"

#include "vm/flow/joined.c"
#include "vm/flow/keep.c"
#include "vm/flow/look.c"
#include "vm/flow/related.c"
#include "vm/flow/table.c"
#include "vm/flow/table_room.c"
#include "vm/flow/tcp.c"
#include "vm/flow/tcp_read.c"
#include "vm/flow/tuple.c"
#include "vm/packet/parse/bytes.c"
#include "vm/packet/parse/flow_body.c"
#include "vm/packet/parse/quoted.c"
#include "vm/packet/parse/tcp_header.c"
#include "vm/packet/parse/upper.c"

#include "vm/kernel/flow_ops.bpf.h"
