/* atomic.h: atomic operations whose names state their memory order. This library never uses the default order.
 *
 * Both ends of every synchronizing edge carry the same label in a comment, e.g.
 * [PUB]. src/pool/protocol.c lists them. */
#ifndef OS_ATOMIC_H
#define OS_ATOMIC_H

#include <stdatomic.h>

#define load_relaxed(p) atomic_load_explicit((p), memory_order_relaxed)
#define load_acquire(p) atomic_load_explicit((p), memory_order_acquire)
#define store_relaxed(p, v) atomic_store_explicit((p), (v), memory_order_relaxed)
#define store_release(p, v) atomic_store_explicit((p), (v), memory_order_release)
#define fetch_add_relaxed(p, v) atomic_fetch_add_explicit((p), (v), memory_order_relaxed)
#define fetch_add_release(p, v) atomic_fetch_add_explicit((p), (v), memory_order_release)
#define fetch_add_acq_rel(p, v) atomic_fetch_add_explicit((p), (v), memory_order_acq_rel)
#define fetch_or_relaxed(p, v) atomic_fetch_or_explicit((p), (v), memory_order_relaxed)
#define fetch_or_release(p, v) atomic_fetch_or_explicit((p), (v), memory_order_release)
#define fetch_and_relaxed(p, v) atomic_fetch_and_explicit((p), (v), memory_order_relaxed)
#define fetch_and_release(p, v) atomic_fetch_and_explicit((p), (v), memory_order_release)
#define compare_exchange_relaxed(p, expected, v) \
    atomic_compare_exchange_strong_explicit((p), (expected), (v), memory_order_relaxed, memory_order_relaxed)
#define compare_exchange_acq_rel(p, expected, v) \
    atomic_compare_exchange_strong_explicit((p), (expected), (v), memory_order_acq_rel, memory_order_relaxed)

/* ThreadSanitizer does not model fences, and gcc warns about them. Every edge that it must see is also a
 * release/acquire pair. */
#if defined(__SANITIZE_THREAD__) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wtsan"
#endif

static inline void fence_seq_cst(void)
{
    atomic_thread_fence(memory_order_seq_cst);
}

/* Orders streaming (non-temporal) stores, which a release store does not order. memcpy of a large sample makes such
 * stores, and so may the SIMD code of a user. */
static inline void fence_streaming_stores(void)
{
#if defined(__SSE__)
    __builtin_ia32_sfence();
#elif defined(__aarch64__)
    __asm__ __volatile__("dmb ishst" ::: "memory");
#else /* such as i386 without SSE: the fence is a locked instruction, which orders streaming stores too */
    atomic_thread_fence(memory_order_seq_cst);
#endif
}

#endif
