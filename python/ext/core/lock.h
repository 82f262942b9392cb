/* lock.h: calls on one handle take turns, and forks are counted. */
#ifndef PY_LOCK_H
#define PY_LOCK_H

#include "core/state.h"

/* ---- turns: the lock of a stream. Its calls into the library never release the GIL, so the GIL is their lock in a
 * Python that has one. */

typedef struct py_turn {
#ifdef Py_GIL_DISABLED
    PyMutex mutex;
#else
    char unused;
#endif
} py_turn;

static inline void py_turn_begin(py_turn *turn)
{
#ifdef Py_GIL_DISABLED
    PyMutex_Lock(&turn->mutex);
#else
    (void)turn;
#endif
}

static inline void py_turn_end(py_turn *turn)
{
#ifdef Py_GIL_DISABLED
    PyMutex_Unlock(&turn->mutex);
#else
    (void)turn;
#endif
}

/* ---- gates: the lock of a producer, a decoder or an encoder, whose calls release the GIL during large copies. All
 * zero: no thread is inside. Waiting threads enter in the order in which they came. */

typedef struct py_gate_waiter py_gate_waiter;
typedef struct py_gate {
    atomic_ulong owner; /* the thread inside, while it may run other code; else 0 */
#ifdef Py_GIL_DISABLED
    PyMutex mutex;
#else
    bool busy;
    py_gate_waiter *first;
    py_gate_waiter *last; /* valid only when `first` is set */
#endif
} py_gate;

/** Enter, waiting for the thread inside; -1 with an exception when that is the calling thread itself. */
int py_gate_enter_slow_path(py_gate *gate);

static inline int py_gate_enter(py_gate *gate)
{
#ifndef Py_GIL_DISABLED
    if (!gate->busy) {
        gate->busy = true;
        return 0;
    }
#endif
    return py_gate_enter_slow_path(gate);
}

#ifndef Py_GIL_DISABLED
/** Leave and let the first waiting thread in. The gate stays busy. */
void py_gate_hand_over(py_gate *gate);
#endif

static inline void py_gate_leave(py_gate *gate)
{
#ifdef Py_GIL_DISABLED
    PyMutex_Unlock(&gate->mutex);
#else
    if (gate->first != NULL)
        py_gate_hand_over(gate);
    else
        gate->busy = false;
#endif
}

/** Between enter and leave: from here on this thread may run other code or release the GIL. */
static inline void py_gate_hold(py_gate *gate)
{
    /* relaxed: only a thread that looks for its own ident has to find it */
    atomic_store_explicit(&gate->owner, PyThread_get_thread_ident(), memory_order_relaxed);
}

static inline void py_gate_unhold(py_gate *gate)
{
    atomic_store_explicit(&gate->owner, 0, memory_order_relaxed);
}

/* ---- forks */

/** Number of forks that this process descends from. A handle that was made at another count belongs to the parent. */
extern atomic_uint py_fork_generation;
/** Start counting forks. -1 with an exception. */
int py_fork_watch(void);

static inline unsigned py_generation(void)
{
    /* relaxed: only fork changes it, and the child has one thread then */
    return atomic_load_explicit(&py_fork_generation, memory_order_relaxed);
}

#endif
