/* sink.h: where samples go after the pool. A RosEncoder is one; producers know only this. */
#ifndef PY_WRITE_SINK_H
#define PY_WRITE_SINK_H

#include "arrays/schema.h"
#include "core/lock.h"

typedef struct py_sink py_sink;

typedef struct py_sink_calls {
    /** Whether it can be used. -1 with WrongStateError (never opened) or ForkedError. */
    int (*usable)(py_sink *self);
    /** The stamp of a sample that has none. -1 with an exception. */
    int (*stamp)(py_sink *self, int64_t *stamp_ns);
    /** Send the sample of a loan that was just committed, in the producer's gate: no thread writes to the slot before
     * the gate is left. The gate is held meanwhile. 0 sent; 1 not sent: report `error` after the gate is left; -1
     * exception (an interrupt). */
    int (*send)(py_sink *self, py_gate *producer_gate, const pmipc_loan *loan, int64_t stamp_ns, pmipc_error *error);
    /** Report a sample that was not sent. Raises nothing. */
    void (*report)(py_sink *self, const pmipc_error *error);
} py_sink_calls;

/* The first members of an object that is a sink. */
struct py_sink {
    PyObject_HEAD const py_sink_calls *calls;
    py_schema *schema; /* of its samples; NULL: never opened */
};

#endif
