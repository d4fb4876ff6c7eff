/* Marks in shared code for the kernel's verifier (docs/kernel.md, Rules for code). Natively they are empty; code for
 * the kernel defines all of them before (vm/kernel/loop.bpf.h).
 *
 * LOOP: a loop that may be left at any turn. TURNS, before it: the most turns that it takes for any packet; kernels
 * without `may_goto` count them. LOOSE: the same value, hidden from the kernel's verifier, so that a loop over it
 * converges. FORGET: memory that was read is read again, also so that a loop converges. WITHIN: the same index,
 * bounded to a packet's head for the kernel's verifier. PKT_BYTES: a packet's first byte. ALONE: a function that the
 * kernel's verifier checks once, apart from its callers; it takes scalars and pointers (THERE: never NULL) to whole
 * objects, and returns a scalar. */
#pragma once

#ifndef LOOP
#define TURNS(most)
#define LOOP(cond) (cond)
#define LOOSE(x)   (x)
#define WITHIN(i)  (i)
#define FORGET()
#define PKT_BYTES(pkt) ((pkt)->data)
#define ALONE          static
#define THERE
#endif
