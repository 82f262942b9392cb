/* lock.c: threads that wait for a gate, and counting forks. */
#include "core/lock.h"

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

#ifndef Py_GIL_DISABLED

/* A thread that waits for its turn, on that thread's stack. The GIL guards the queue. */
struct py_gate_waiter {
    PyThread_type_lock turn; /* locked until this thread may enter */
    py_gate_waiter *next;
};

/* Join the queue and sleep without the GIL. The thread that leaves hands the gate over while it is still busy. A thread
 * that comes in between finds it busy, so a thread that publishes without a pause cannot keep the others out. */
static int wait_for_turn(py_gate *gate)
{
    py_gate_waiter self = {.turn = PyThread_allocate_lock()};
    if (self.turn == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    PyThread_acquire_lock(self.turn, WAIT_LOCK);
    *(gate->first == NULL ? &gate->first : &gate->last->next) = &self;
    gate->last = &self;
    Py_BEGIN_ALLOW_THREADS
    PyThread_acquire_lock(self.turn, WAIT_LOCK);
    Py_END_ALLOW_THREADS
    PyThread_release_lock(self.turn);
    PyThread_free_lock(self.turn);
    return 0;
}

void py_gate_hand_over(py_gate *gate)
{
    py_gate_waiter *next = gate->first;
    gate->first = next->next;
    PyThread_release_lock(next->turn);
}

/* When the interpreter ends, the thread inside may never run again. -1 with an exception. */
static int refuse_at_exit(void)
{
    PyObject *function = PySys_GetObject("is_finalizing");
    PyObject *answer = function == NULL ? NULL : PyObject_CallNoArgs(function);
    bool ending = answer == Py_True;
    Py_XDECREF(answer);
    if (ending)
        PyErr_SetString(PyExc_RuntimeError,
                        "another thread was inside a call on this object when the interpreter ended");
    return ending || PyErr_Occurred() ? -1 : 0;
}

#endif

int py_gate_enter_slow_path(py_gate *gate)
{
    /* A tensor subclass that publishes from inside its own copy would wait for itself. relaxed: only this thread stores
     * its own ident. */
    if (atomic_load_explicit(&gate->owner, memory_order_relaxed) == PyThread_get_thread_ident()) {
        PyErr_SetString(PyExc_RuntimeError, "publish was called from inside a publish on the same producer");
        return -1;
    }
#ifdef Py_GIL_DISABLED
    PyMutex_Lock(&gate->mutex); /* it hands over to a thread that has waited for a millisecond */
    return 0;
#else
    return refuse_at_exit() < 0 ? -1 : wait_for_turn(gate);
#endif
}
