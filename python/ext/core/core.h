/* core.h: what all files of the extension share: the module's state, errors, arguments, locks. fields.h goes on with
 * schemas and arrays, reading.h with streams, writing.h with producers.
 *
 * Everything below the Python layer goes through the public C API. Functions of this extension begin with `py_`. */
#ifndef PY_CORE_H
#define PY_CORE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#define PY_ARRAY_UNIQUE_SYMBOL polymorph_ipc_numpy_api
#ifndef PY_IMPORTS_NUMPY
#define NO_IMPORT_ARRAY
#endif
#define NPY_NO_DEPRECATED_API NPY_1_20_API_VERSION
#include <numpy/arrayobject.h>

#include <polymorph_ipc/polymorph_ipc.h>
#include <stdatomic.h>

#include "dlpack.h"

#define PY_STATUS_LIMIT 33
#define PY_RELEASE_GIL_BYTES (64 * 1024)       /* copies above this size let other threads run meanwhile */
#define PY_MAX_DIMENSIONS (PMIPC_MAX_NDIM + 1) /* a history has one more than its samples */

/* X(identifier): argument names and attributes that are looked up in loops. */
/* clang-format off */
#define PY_NAME_MAP(X)                                                                       \
    X(copy) X(copy_) X(data) X(detach) X(from_dlpack) X(is_conj) X(is_neg) X(length)         \
    X(max_age) X(method) X(n) X(out) X(pad) X(return_info) X(stamp) X(timeout) X(to_dlpack)  \
    X(tolerance)
/* clang-format on */
#define PY_NAME_ENUM(name) NAME_##name,
typedef enum py_name { PY_NAME_MAP(PY_NAME_ENUM) NAME_COUNT } py_name;
#undef PY_NAME_ENUM

typedef struct py_schema py_schema;
typedef struct py_pin py_pin;
typedef struct py_producer py_producer;
typedef struct py_stream py_stream;

/* What is known of torch: nothing until some array or backend asks for it. */
typedef struct py_torch {
    PyObject *module; /* NULL: not imported by anybody yet */
    PyTypeObject *tensor_type;
    const dlpack_exchange *exchange; /* NULL: this torch has none, or tests forbid it: capsules are used */
    PyObject *from_dlpack;
    PyObject *to_dlpack;
} py_torch;

typedef struct py_state {
    PyObject *errors[PY_STATUS_LIMIT]; /* by status; NULL for outcomes */
    PyObject *base_error;
    PyTypeObject *schema_type;
    PyTypeObject *pin_type;
    PyTypeObject *loan_type;
    PyTypeObject *producer_type;
    PyTypeObject *stream_type;
    PyTypeObject *ros_decoder_type;
    PyTypeObject *ros_encoder_type;
    PyObject *sample_info; /* the classes of infos.py, imported at first use */
    PyObject *history_info;
    PyObject *field_info;
    PyObject *names[NAME_COUNT];
    PyObject *abandoned; /* (name, folder): (incarnation, owner epoch, fork generation); see producer.c */
    py_torch torch;
    py_pin *free_pins;
    int free_pin_count;
} py_state;

extern struct PyModuleDef py_module;

/** State of the module that a class of ours (or a subclass of one in Python) belongs to; NULL with an exception set. */
py_state *py_state_of(PyTypeObject *type);

/* ---- compatibility -------------------------------------------------------------------------------------------- */

#if PY_VERSION_HEX < 0x030D0000
static inline int PyDict_GetItemRef(PyObject *dict, PyObject *key, PyObject **value)
{
    *value = Py_XNewRef(PyDict_GetItemWithError(dict, key));
    return *value != NULL ? 1 : PyErr_Occurred() != NULL ? -1 : 0;
}
#endif

/* ---- lock.c: calls on one handle take turns --------------------------------------------------------------------- */

/* A stream's calls into the library never let the GIL go, so that the GIL is their lock where there is one. */
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

/* A producer's calls do let it go, in large copies; this is its lock. All zero: nobody inside. Those who wait get it in
 * the order in which they came. */
typedef struct py_gate_waiter py_gate_waiter;
typedef struct py_gate {
    atomic_ulong owner; /* the thread inside, while it may run other code; else 0 */
#ifdef Py_GIL_DISABLED
    PyMutex mutex;
#else
    bool busy;
    py_gate_waiter *first;
    py_gate_waiter *last; /* valid while there is a first */
#endif
} py_gate;

/** Enter, waiting for the thread inside; -1 with an exception when that is the calling thread itself. */
int py_gate_enter_slowly(py_gate *gate);

static inline int py_gate_enter(py_gate *gate)
{
#ifndef Py_GIL_DISABLED
    if (!gate->busy) {
        gate->busy = true;
        return 0;
    }
#endif
    return py_gate_enter_slowly(gate);
}

#ifndef Py_GIL_DISABLED
/** Leave, and let the first of those who wait in: the gate stays busy. */
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

/** Between enter and leave: from here on other code may run in this thread, and the GIL may be let go. */
static inline void py_gate_hold(py_gate *gate)
{
    /* relaxed: only a thread that looks for itself must find it */
    atomic_store_explicit(&gate->owner, PyThread_get_thread_ident(), memory_order_relaxed);
}

static inline void py_gate_unhold(py_gate *gate)
{
    atomic_store_explicit(&gate->owner, 0, memory_order_relaxed);
}

/** Counts the forks this process descends from: a handle made at another count is its parent's. */
extern atomic_uint py_fork_generation;
int py_fork_watch(void);

static inline unsigned py_generation(void)
{
    /* relaxed: only fork changes it, and the child has one thread then */
    return atomic_load_explicit(&py_fork_generation, memory_order_relaxed);
}

/* ---- life.c: what every handle goes through ---------------------------------------------------------------------- */

/* A handle is made by tp_new, which leaves every field in a defined state, opened once by __init__, closed, and perhaps
 * inherited over fork. Code of a subclass may run between any two of these steps: each method and property asks first
 * how far its handle has come. */

/** Raise WrongStateError: __init__ has not run on `object`, or it raised. Always -1. */
int py_refuse_unopened(py_state *state, PyObject *object);
/** Raise WrongStateError: __init__ has succeeded on `object` already. Always -1. */
int py_refuse_second_init(py_state *state, PyObject *object);
/** Raise ForkedError: `object` was made in the parent of this process, and works there only. Always -1. */
int py_refuse_forked(py_state *state, PyObject *object);

/* ---- errors.c --------------------------------------------------------------------------------------------------- */

int py_errors_init(PyObject *module, py_state *state);
/** Raise the exception of `status` with exactly this text; `os_error` becomes errno of those that are OSErrors. */
void py_raise(py_state *state, pmipc_status status, const char *text, int os_error);
void py_raise_error(py_state *state, const pmipc_error *error);
void py_raise_format(py_state *state, pmipc_status status, const char *format, ...);

/* ---- arguments.c ------------------------------------------------------------------------------------------------ */

/* What a method takes: its argument names, the first `positional` of which may be given by position. */
typedef struct py_signature {
    const char *function;
    int positional;
    int required;
    int count;
    py_name names[8];
} py_signature;

int py_parse(const py_state *state, const py_signature *signature, PyObject *const *args, Py_ssize_t nargs,
             PyObject *kwnames, PyObject **values);
/** The UTF-8 of a pool's name, which lives as long as `name`; NULL with InvalidNameError when C would see less of it.
 */
const char *py_pool_name(py_state *state, PyObject *name);
/** Seconds (int, float, None) as ns, rounded; None and infinity give `absent`. ValueError when negative or NaN. Errors
 *  begin with `pool_name`, unless that is NULL: the number is for several. */
int py_seconds(PyObject *value, const char *what, const char *pool_name, int64_t absent, int64_t *ns);
/** A stamp or a span: int ns or float seconds. */
int py_stamp(PyObject *value, const char *what, const char *pool_name, int64_t *ns);
/** The stamp of a sample that is to be published; warns, unless `warned`, of an int that is the time of day in s, ms or
 * µs. */
int py_sample_stamp(PyObject *value, const char *pool_name, bool *warned, int64_t *ns);

#endif
