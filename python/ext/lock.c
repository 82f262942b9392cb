/* lock.c: calls on one producer take turns, and forks are noticed. */
#include "core.h"

#include <pthread.h>

atomic_uint py_fork_generation;

static void count_fork(void)
{
    /* relaxed: the child has one thread */
    atomic_fetch_add_explicit(&py_fork_generation, 1, memory_order_relaxed);
}

int py_fork_watch(void)
{
    static bool watching;
    if (!watching && pthread_atfork(NULL, NULL, count_fork) != 0) {
        PyErr_SetString(PyExc_RuntimeError, "pthread_atfork failed");
        return -1;
    }
    watching = true;
    return 0;
}

int py_gate_init(py_gate *gate)
{
    *gate = (py_gate){0};
    gate->lock = PyThread_allocate_lock();
    if (gate->lock == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    return 0;
}

void py_gate_destroy(py_gate *gate)
{
    if (gate->lock != NULL)
        PyThread_free_lock(gate->lock);
    gate->lock = NULL;
}

int py_gate_enter_slowly(py_gate *gate)
{
    /* A tensor subclass that publishes from inside its own copy would wait for itself. */
    if (gate->busy && gate->owner == PyThread_get_thread_ident()) {
        PyErr_SetString(PyExc_RuntimeError, "publish was called from inside a publish on the same producer");
        return -1;
    }
#ifdef Py_GIL_DISABLED
    PyMutex_Lock(&gate->mutex);
    gate->busy = true;
    gate->owner = PyThread_get_thread_ident();
#else
    while (gate->busy) {
        Py_BEGIN_ALLOW_THREADS
        PyThread_acquire_lock(gate->lock, WAIT_LOCK);
        PyThread_release_lock(gate->lock);
        Py_END_ALLOW_THREADS
    }
    gate->busy = true;
#endif
    return 0;
}

void py_gate_hold(py_gate *gate)
{
#ifndef Py_GIL_DISABLED
    gate->owner = PyThread_get_thread_ident();
    /* Free but for a moment in which a waiter has it, without needing the GIL to let it go. */
    PyThread_acquire_lock(gate->lock, WAIT_LOCK);
#else
    (void)gate;
#endif
}

void py_gate_unhold(py_gate *gate)
{
#ifndef Py_GIL_DISABLED
    PyThread_release_lock(gate->lock);
    gate->owner = 0;
#else
    (void)gate;
#endif
}
