/* state.h: the module's state, and the headers of Python, numpy and the C library that every file needs.
 *
 * The extension calls the public C API only. Its functions begin with `py_`. Each folder builds on those before it:
 * core, arrays, read and write, ros, module.c. */
#ifndef PY_STATE_H
#define PY_STATE_H

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

#define PY_STATUS_LIMIT 33
#define PY_RELEASE_GIL_BYTES (64 * 1024)       /* larger copies run without the GIL */
#define PY_MAX_DIMENSIONS (PMIPC_MAX_NDIM + 1) /* a history has one dimension more than its samples */

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

typedef struct py_pin py_pin;

/* What the extension uses of torch. All zero until an array or a backend needs torch. */
typedef struct py_torch {
    PyObject *module; /* NULL: torch has not been imported yet */
    PyTypeObject *tensor_type;
    const struct dlpack_exchange *exchange; /* NULL: this torch has none, or a test turned it off: capsules are used */
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
    PyObject *sample_info; /* the classes of _infos.py, imported at first use */
    PyObject *history_info;
    PyObject *field_info;
    PyObject *names[NAME_COUNT];
    PyObject *abandoned; /* (name, folder): (incarnation, owner epoch, fork generation); see write/producer.c */
    py_torch torch;
    py_pin *free_pins;
    int free_pin_count;
} py_state;

/** Load numpy's C API. Called once, while the module is created. -1 with an exception. */
int py_numpy_import(void);
/** Say which definition the module is created from. Called once, before py_state_of. */
void py_state_set_definition(PyModuleDef *definition);
/** State of the module that a class of the extension, or a Python subclass of one, belongs to; NULL with an exception.
 */
py_state *py_state_of(PyTypeObject *type);

/* ---- compatibility */

#if PY_VERSION_HEX < 0x030D0000
static inline int PyDict_GetItemRef(PyObject *dict, PyObject *key, PyObject **value)
{
    *value = Py_XNewRef(PyDict_GetItemWithError(dict, key));
    return *value != NULL ? 1 : PyErr_Occurred() != NULL ? -1 : 0;
}
#endif

#endif
