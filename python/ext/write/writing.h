/* writing.h: producers, loans, and what can be published. */
#ifndef PY_WRITING_H
#define PY_WRITING_H

#include "fields.h"

/* ---- source.c: what can be published --------------------------------------------------------------------------------
 */

/* One field's data, found to fit the schema. */
typedef struct py_source {
    const void *data; /* the elements, when they lie contiguously in host memory */
    bool strided;     /* they do not: `array` has to be copied by the library it comes from */
    int64_t length;   /* of the first dimension; 1 for 0-d */
    PyObject *array;  /* owned: a numpy array or a torch tensor */
    PyObject *keeper; /* owned: keeps `data` in place */
} py_source;

/** Find the elements of `object`, which must fit the field exactly. Release the source in any case. */
int py_source_find(py_schema *schema, uint32_t index, PyObject *object, const char *pool_name, py_source *source);
void py_source_release(py_source *source);
/** Copy into a slot what is not contiguous. `owner` keeps the slot mapped. */
int py_source_copy(py_schema *schema, uint32_t index, const py_source *source, void *data, PyObject *owner);
/** `object` as numpy array or torch tensor, new; NULL with TypeError naming the conversion. `context` begins its text.
 */
PyObject *py_source_array(PyObject *object, PyObject *context);
/** Fast test: a plain contiguous array of exactly this field. */
static inline bool py_source_is_exact(const py_field *field, PyObject *object)
{
    if (!PyArray_CheckExact(object))
        return false;
    PyArrayObject *array = (PyArrayObject *)object;
    if (PyArray_DESCR(array) != field->descr || PyArray_NDIM(array) != field->ndim || !PyArray_IS_C_CONTIGUOUS(array))
        return false;
    const npy_intp *dims = PyArray_DIMS(array);
    for (int i = 0; i < field->ndim; i++)
        if (dims[i] != field->shape[i])
            return false;
    return true;
}

/* ---- producer.c, loan.c
 * ---------------------------------------------------------------------------------------------- */

/* The library's handle. Arrays over a loaned slot count as references: freeing it would unmap them. */
typedef struct py_handle {
    atomic_int references;
    pmipc_producer *producer;
} py_handle;

void py_handle_release(py_handle *handle);
/** What arrays over a loaned slot have as base: a reference to the handle, new. */
PyObject *py_handle_capsule(py_handle *handle);

typedef struct py_ros_encoder py_ros_encoder;

struct py_producer {
    PyObject_HEAD py_state *state;
    py_handle *handle;       /* NULL: closed or never opened */
    py_schema *schema;       /* of the pool as it is now */
    PyObject *older_schemas; /* list of those before: another thread may be looking at one; NULL: none */
    PyObject *name;
    PyObject *folder; /* str or None */
    const char *name_text;
    PyObject *metadata; /* JSON text or None; NULL: never opened */
    uint32_t history_len;
    uint32_t origin;
    uint64_t incarnation;
    uint64_t owner_epoch;
    bool opened; /* __init__ has succeeded: until then name and name_text are empty, and schema is NULL */
    bool adopted;
    bool keep;
    bool warned_of_unit;
    unsigned generation;
    py_ros_encoder *ros; /* where samples go after the pool; NULL: nowhere */
    py_gate gate;
};

extern PyType_Spec py_producer_spec;
extern PyType_Spec py_loan_spec;
int py_producer_refuse(py_producer *self);
/** Whether calls may go on: what every method asks before anything else. -1 with WrongStateError (never opened),
 *  ClosedError or ForkedError. */
static inline int py_producer_usable(py_producer *self)
{
    return self->handle != NULL && self->generation == py_generation() ? 0 : py_producer_refuse(self);
}
void py_producer_raise(py_producer *self, pmipc_status status);
/** After a sample was published: take over what has changed when a larger pool took the place of the one so far. In the
 * gate. Keeps exceptions. */
void py_producer_refresh_slowly(py_producer *self);
static inline void py_producer_refresh(py_producer *self)
{
    if (self->handle != NULL && pmipc_producer_incarnation(self->handle->producer) != self->incarnation)
        py_producer_refresh_slowly(self);
}
PyObject *py_producer_publish(PyObject *object, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *py_producer_loan(PyObject *object, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);

/** Whether a RosEncoder can be used; -1 with WrongStateError (never initialised) or ForkedError. */
int py_ros_encoder_usable(py_ros_encoder *writer);

/* ---- ros_send.c: after the pool, ROS --------------------------------------------------------------------------------
 */

/** The stamp of a sample that nobody stamps: the node's clock. -1 exception. */
int py_ros_stamp(py_ros_encoder *writer, int64_t *stamp_ns);
/** Send what a loan holds that was just committed, in the producer's gate: until the next one nobody writes there.
 *  0 sent; 1 not: report `error` when the gate is left; -1 exception (an interrupt). */
int py_ros_send_loan(py_ros_encoder *writer, py_producer *producer, const pmipc_loan *loan, int64_t stamp_ns,
                     pmipc_error *error);
/** Tell whoever wants to know of failures. Raises nothing. */
void py_ros_report(py_ros_encoder *writer, const pmipc_error *error);

#endif
