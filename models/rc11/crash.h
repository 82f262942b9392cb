/* crash.h: a producer that is killed after its CRASH_AT-th store.
 *
 * Its thread continues, but no later store takes effect, so for other threads it is dead. The successor runs in the
 * same thread afterwards: the kernel's lock orders the two. */
#ifndef RC11_CRASH_H
#define RC11_CRASH_H

#define IMMORTAL UINT32_MAX

static _Thread_local uint32_t stores_left = IMMORTAL;

static inline bool is_live(void)
{
    return stores_left > 0;
}

static inline bool store_happens(void)
{
    if (stores_left > 0 && stores_left != IMMORTAL)
        return stores_left-- > 0;
    return stores_left > 0;
}

#define IF_LIVE(access) (store_happens() ? (void)(access) : (void)0)

#undef store_relaxed
#undef store_release
#undef fetch_add_relaxed
#undef fetch_add_release
#undef compare_exchange_relaxed
#define store_relaxed(p, v) IF_LIVE((atomic_store_explicit((p), (v), memory_order_relaxed), 0))
#define store_release(p, v) IF_LIVE((atomic_store_explicit((p), (v), memory_order_release), 0))
#define fetch_add_relaxed(p, v) IF_LIVE(atomic_fetch_add_explicit((p), (v), memory_order_relaxed))
#define fetch_add_release(p, v) IF_LIVE(atomic_fetch_add_explicit((p), (v), memory_order_release))
#define compare_exchange_relaxed(p, expected, v) \
    (!store_happens() ||                         \
     atomic_compare_exchange_strong_explicit((p), (expected), (v), memory_order_relaxed, memory_order_relaxed))
#define fence_seq_cst() (is_live() ? fence_seq_cst() : (void)0)

#endif
