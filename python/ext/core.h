/* core.h: what the files of the extension share: the module's state, and one block of declarations per file.
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
#define PY_RELEASE_GIL_BYTES (64 * 1024)  /* copies above this size let other threads run meanwhile */
#define PY_MAX_DIMENSIONS (PMIPC_MAX_NDIM + 1)  /* a history has one more than its samples */

/* X(identifier): argument names and attributes that are looked up in loops. */
#define PY_NAME_MAP(X)                                                                                                 \
    X(copy) X(copy_) X(data) X(detach) X(from_dlpack) X(is_conj) X(is_neg)      \
    X(max_age) X(method) X(n) X(out) X(pad) X(return_info) X(stamp) X(timeout) X(to_dlpack)  \
    X(tolerance)
#define PY_NAME_ENUM(name) NAME_##name,
typedef enum py_name { PY_NAME_MAP(PY_NAME_ENUM) NAME_COUNT } py_name;
#undef PY_NAME_ENUM

typedef struct py_schema py_schema;
typedef struct py_pin py_pin;
typedef struct py_producer py_producer;
typedef struct py_stream py_stream;

/* What is known of torch: nothing until some array or backend asks for it. */
typedef struct py_torch {
    PyObject *module;                 /* NULL: not imported by anybody yet */
    PyTypeObject *tensor_type;
    const dlpack_exchange *exchange;  /* NULL: this torch has none, or tests forbid it: capsules are used */
    PyObject *from_dlpack;
    PyObject *to_dlpack;
} py_torch;

typedef struct py_state {
    PyObject *errors[PY_STATUS_LIMIT];  /* by status; NULL for outcomes */
    PyObject *base_error;
    PyTypeObject *schema_type;
    PyTypeObject *pin_type;
    PyTypeObject *loan_type;
    PyTypeObject *producer_type;
    PyTypeObject *stream_type;
    PyObject *sample_info;   /* the classes of infos.py, imported at first use */
    PyObject *history_info;
    PyObject *field_info;
    PyObject *names[NAME_COUNT];
    PyObject *abandoned;     /* list of (name, folder, incarnation): see producer.c */
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

/* A producer's calls do let it go, in large copies; this is its lock. */
typedef struct py_gate {
    bool busy;
    unsigned long owner;        /* the thread that is inside; valid while busy */
    PyThread_type_lock lock;    /* held by the thread inside while it may let the GIL go */
#ifdef Py_GIL_DISABLED
    PyMutex mutex;
#endif
} py_gate;

int py_gate_init(py_gate *gate);
void py_gate_destroy(py_gate *gate);
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

static inline void py_gate_leave(py_gate *gate)
{
    gate->busy = false;
#ifdef Py_GIL_DISABLED
    PyMutex_Unlock(&gate->mutex);
#endif
}

/** Between enter and leave: from here on the GIL may be let go. */
void py_gate_hold(py_gate *gate);
void py_gate_unhold(py_gate *gate);

/** Counts the forks this process descends from: a handle made at another count is its parent's. */
extern atomic_uint py_fork_generation;
int py_fork_watch(void);

static inline unsigned py_generation(void)
{
    /* relaxed: only fork changes it, and the child has one thread then */
    return atomic_load_explicit(&py_fork_generation, memory_order_relaxed);
}

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
/** The UTF-8 of a pool's name, which lives as long as `name`; NULL with InvalidNameError when C would see less of it. */
const char *py_pool_name(py_state *state, PyObject *name);
/** Seconds (int, float, None) as ns, rounded; None and infinity give `absent`. ValueError when negative or NaN. */
int py_seconds(PyObject *value, const char *what, int64_t absent, int64_t *ns);
/** A stamp or a span: int ns or float seconds. */
int py_stamp(PyObject *value, const char *what, int64_t *ns);

/* ---- schema.c --------------------------------------------------------------------------------------------------- */

/* One field, in the terms of numpy and DLPack. */
typedef struct py_field {
    PyObject *name;         /* interned */
    PyArray_Descr *descr;   /* NULL until py_field_descr has been asked */
    dlpack_dtype dlpack;    /* lanes 0: DLPack has no such dtype */
    int ndim;
    bool variable;
    uint32_t itemsize;
    uint64_t nbytes;        /* of the largest sample */
    npy_intp shape[PMIPC_MAX_NDIM];
    int64_t strides[PMIPC_MAX_NDIM];  /* in elements */
} py_field;

struct py_schema {
    PyObject_HEAD
    py_state *state;
    pmipc_schema schema;
    bool is_dict;
    bool has_variable;
    bool is_plain;      /* one tensor of fixed shape: what pmipc_producer_publish takes */
    uint32_t field_count;
    uint64_t nbytes;
    PyObject *template; /* dict with the fields' names and None; NULL for a plain tensor */
    py_field *fields;
};

extern PyType_Spec py_schema_spec;
/** A Schema of what the library says; NULL with an exception set. */
py_schema *py_schema_wrap(py_state *state, const pmipc_schema *schema);
/** numpy's dtype of field `index`, borrowed; NULL with UnsupportedError when numpy has none. */
PyArray_Descr *py_field_descr(py_schema *schema, uint32_t index);
/** "uint8", "bfloat16", "datetime64[ns]": how people call its dtype, new. */
PyObject *py_field_dtype_name(py_schema *schema, uint32_t index);
/** "pool 'x'" or "pool 'x', field 'rgb'", new. */
PyObject *py_field_context(const py_schema *schema, uint32_t index, const char *pool_name);

/* ---- pin.c: what keeps samples in place -------------------------------------------------------------------------- */

typedef struct py_hold py_hold;

/* One tensor's description, alive until torch calls its deleter. */
typedef struct py_holder {
    union {
        dlpack_managed_versioned versioned;
        dlpack_managed capsule;
    } managed;
    int64_t shape[PY_MAX_DIMENSIONS];
    int64_t strides[PY_MAX_DIMENSIONS];
    py_hold *hold;    /* counted; NULL when `owner` keeps the memory */
    PyObject *owner;  /* counted */
    bool embedded;    /* part of its hold's memory */
} py_holder;

/* A view that tensors share. Counted in C and released by any thread, with or without the GIL, after the interpreter's
 * end too: torch frees tensors where it likes. */
struct py_hold {
    atomic_int references;
    bool holder_used;
    pmipc_view view;
    py_holder holder;  /* the first tensor's, so that most reads allocate once */
};

py_hold *py_hold_new(void);
/** One more reference, while a read is going on: nobody but its own thread knows of the hold yet. */
static inline void py_hold_acquire(py_hold *hold)
{
    int references = atomic_load_explicit(&hold->references, memory_order_relaxed);
    atomic_store_explicit(&hold->references, references + 1, memory_order_relaxed);
}
void py_hold_release(py_hold *hold);

/* A view that numpy arrays share: their base. */
struct py_pin {
    PyObject_HEAD
    py_state *state;
    py_hold *hold;      /* shares a hold, or NULL: has its own view */
    py_pin *next_free;
    pmipc_view view;
};

extern PyType_Spec py_pin_spec;
py_pin *py_pin_new(py_state *state);
void py_pins_free(py_state *state);

/* A view on its way from the library to arrays: in a pin or in a hold. */
typedef struct py_lease {
    pmipc_view *view;
    py_pin *pin;
    py_hold *hold;
} py_lease;

int py_lease_begin(py_state *state, bool torch, py_lease *lease);
void py_lease_end(py_lease *lease);
/** Move the view to where this backend wants it. */
int py_lease_convert_slowly(py_state *state, bool torch, py_lease *lease);
static inline int py_lease_convert(py_state *state, bool torch, py_lease *lease)
{
    return torch == (lease->hold != NULL) ? 0 : py_lease_convert_slowly(state, torch, lease);
}
/** What numpy arrays of the lease have as base, new. */
PyObject *py_lease_base(py_state *state, py_lease *lease);

/* ---- torch.c ----------------------------------------------------------------------------------------------------- */

/** Find torch: imported by somebody already (`import_it` false) or import it. 1 found, 0 not there, -1 exception. */
int py_torch_find(py_state *state, bool import_it);
/** A tensor over `data`. `strides` in elements. `hold`: kept until the tensor's memory is freed. */
PyObject *py_torch_view(py_state *state, py_hold *hold, dlpack_dtype dtype, void *data, int ndim, const npy_intp *shape,
                        const int64_t *strides);
/** A new tensor of torch's own memory. */
PyObject *py_torch_empty(py_state *state, const char *dtype_name, int ndim, const npy_intp *shape);
/** A tensor over memory that `owner` keeps alive (it is decref'ed, with the GIL, when the tensor's memory is freed). */
PyObject *py_torch_over(py_state *state, PyObject *owner, dlpack_dtype dtype, void *data, int ndim,
                        const npy_intp *shape, const int64_t *strides);
static inline bool py_torch_check(const py_state *state, PyObject *object)
{
    return state->torch.tensor_type != NULL && PyObject_TypeCheck(object, state->torch.tensor_type);
}
/** Where a tensor's elements lie. `*keeper` must be released after use. Shape and strides are valid until then. */
int py_torch_read(py_state *state, PyObject *tensor, dlpack_tensor *out, PyObject **keeper);
/** 1 when the elements in memory are not the tensor's values: conjugate and negative bit. -1 exception. */
int py_torch_lazy_bits(py_state *state, PyObject *tensor, dlpack_dtype dtype);
/** destination.copy_(source.detach()) */
int py_torch_copy(py_state *state, PyObject *destination, PyObject *source);
PyObject *py_torch_set_exchange(PyObject *module, PyObject *enabled);
void py_torch_clear(py_state *state);

/* ---- deliver.c: from a view to what the caller asked for ---------------------------------------------------------- */

typedef struct py_read_options {
    bool copy;
    bool return_info;
    int64_t max_age_ns;  /* negative: any age */
    PyObject *out;       /* borrowed; NULL: none */
} py_read_options;

/* Which rows a history has. */
typedef struct py_rows {
    uint32_t count;    /* rows of the result */
    uint32_t padding;  /* so many of them, in front, are not from the view */
    bool repeat;       /* padding repeats the oldest frame; else it is zeros */
    uint32_t first;    /* frame of the view that is the first real row */
    bool out_may_be_longer;
} py_rows;

/** What the caller gets for a view: an array or a dict of them, with info when asked for. `rows` NULL: one sample, else
 *  a history. Ends the lease in any case. */
PyObject *py_deliver(py_stream *stream, py_lease *lease, const py_rows *rows, const py_read_options *options);

/* ---- gather.c: private arrays and out= ----------------------------------------------------------------------------- */

/* Where the rows of one field go. */
typedef struct py_target {
    PyObject *result;     /* what the caller gets: an array, a list of arrays for a variable field's rows */
    PyObject *temporary;  /* filled in the place of `result`, whose memory is not plain; NULL: none */
    PyObject *keeper;     /* keeps `data` in place */
    char *data;           /* contiguous rows; NULL for a list */
    uint64_t row_bytes;
} py_target;

/* Arrays on their way to be filled. */
typedef struct py_gather {
    py_stream *stream;
    py_schema *schema;
    Py_ssize_t count;     /* rows; -1: one sample, without the leading dimension */
    PyObject *out;        /* borrowed; NULL: new arrays */
    py_target targets[PMIPC_MAX_FIELDS];
} py_gather;

/** Prepare `count` rows in new arrays or in `out`; `lengths` has the fields' leading lengths for a single sample. */
py_gather *py_gather_begin(py_stream *stream, py_schema *schema, Py_ssize_t count, const pmipc_view_field *lengths,
                           PyObject *out, bool out_may_be_longer);
/** Copy rows of fixed fields that lie `stride` apart, from row `row` on, and of variable fields one row. */
int py_gather_rows(py_gather *gather, Py_ssize_t row, Py_ssize_t count, const pmipc_view_field *fields,
                   int64_t stride);
/** A row of zeros; variable fields get length 0. */
int py_gather_zeros(py_gather *gather, Py_ssize_t row);
/** The filled arrays; frees the gather. */
PyObject *py_gather_end(py_gather *gather);
void py_gather_free(py_gather *gather);
/** A gather of frames of a view, as rows say (NULL: one sample). */
PyObject *py_gather_view(py_stream *stream, py_schema *schema, const pmipc_view *view, const py_rows *rows,
                         PyObject *out);

/* ---- source.c: what can be published -------------------------------------------------------------------------------- */

/* One field's data, found to fit the schema. */
typedef struct py_source {
    const void *data;  /* the elements, when they lie contiguously in host memory */
    bool strided;      /* they do not: `array` has to be copied by the library it comes from */
    int64_t length;    /* of the first dimension; 1 for 0-d */
    PyObject *array;   /* owned: a numpy array or a torch tensor */
    PyObject *keeper;  /* owned: keeps `data` in place */
} py_source;

/** Find the elements of `object`, which must fit the field exactly. Release the source in any case. */
int py_source_find(py_schema *schema, uint32_t index, PyObject *object, const char *pool_name, py_source *source);
void py_source_release(py_source *source);
/** Copy into a slot what is not contiguous. `owner` keeps the slot mapped. */
int py_source_copy(py_schema *schema, uint32_t index, const py_source *source, void *data, PyObject *owner);
/** `object` as numpy array or torch tensor, new; NULL with TypeError naming the conversion. `context` begins its text. */
PyObject *py_source_array(PyObject *object, PyObject *context);
/** Fast test: a plain contiguous array of exactly this field. */
static inline bool py_source_is_exact(const py_field *field, PyObject *object)
{
    if (!PyArray_CheckExact(object))
        return false;
    PyArrayObject *array = (PyArrayObject *)object;
    if (PyArray_DESCR(array) != field->descr || PyArray_NDIM(array) != field->ndim
        || !PyArray_IS_C_CONTIGUOUS(array))
        return false;
    const npy_intp *dims = PyArray_DIMS(array);
    for (int i = 0; i < field->ndim; i++)
        if (dims[i] != field->shape[i])
            return false;
    return true;
}

/* ---- producer.c, loan.c ---------------------------------------------------------------------------------------------- */

/* The library's handle. Arrays over a loaned slot count as references: freeing it would unmap them. */
typedef struct py_handle {
    atomic_int references;
    pmipc_producer *producer;
} py_handle;

void py_handle_release(py_handle *handle);
/** What arrays over a loaned slot have as base: a reference to the handle, new. */
PyObject *py_handle_capsule(py_handle *handle);

struct py_producer {
    PyObject_HEAD
    py_state *state;
    py_handle *handle;   /* NULL: closed or never opened */
    py_schema *schema;
    PyObject *name;
    PyObject *folder;    /* str or None */
    const char *name_text;
    uint32_t history_len;
    uint32_t origin;
    uint64_t incarnation;
    bool adopted;
    bool keep;
    unsigned generation;
    py_gate gate;
};

extern PyType_Spec py_producer_spec;
extern PyType_Spec py_loan_spec;
int py_producer_refuse(py_producer *self);
/** Whether calls may go on; -1 with ClosedError or ForkedError. */
static inline int py_producer_usable(py_producer *self)
{
    return self->handle != NULL && self->generation == py_generation() ? 0 : py_producer_refuse(self);
}
void py_producer_raise(py_producer *self, pmipc_status status);
PyObject *py_producer_publish(PyObject *object, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *py_producer_loan(PyObject *object, PyObject *unused);

/* ---- stream.c ---------------------------------------------------------------------------------------------------------- */

typedef enum py_backend { PY_BACKEND_UNSETTLED, PY_BACKEND_NUMPY, PY_BACKEND_TORCH } py_backend;

struct py_stream {
    PyObject_HEAD
    py_state *state;
    pmipc_stream *handle;   /* NULL: closed or never opened */
    py_schema *schema;      /* of the last sample; NULL until there was one */
    py_schema *expect;
    PyObject *name;
    PyObject *folder;       /* str or None */
    const char *name_text;
    uint64_t incarnation;   /* of the pool `schema` was read from; kept up to date when schemas may change */
    int64_t max_age_ns;
    py_backend asked;
    py_backend backend;
    bool copy;
    bool follow_schema;
    bool start_oldest;
    unsigned generation;
    py_turn turn;
};

extern PyType_Spec py_stream_spec;
/** Whether calls may go on: reopens a stream that was inherited over fork. -1 with an exception. */
int py_stream_usable(py_stream *self);
int py_stream_reopen(py_stream *self);
void py_stream_raise(py_stream *self, pmipc_status status);
/** The schema of what the stream reads, new, the backend settled; `from` is the view's schema. */
py_schema *py_stream_schema_slowly(py_stream *self, const pmipc_schema *from);
static inline py_schema *py_stream_schema(py_stream *self, const pmipc_schema *from)
{
#ifndef Py_GIL_DISABLED
    if (self->schema != NULL && !self->follow_schema)
        return (py_schema *)Py_NewRef((PyObject *)self->schema);
#endif
    return py_stream_schema_slowly(self, from);
}
static inline bool py_stream_gives_torch(const py_stream *self)
{
    return self->backend == PY_BACKEND_TORCH;
}

/* ---- read.c, history.c, at.c ---------------------------------------------------------------------------------------------- */

int py_read_options_parse(py_stream *self, PyObject *const *values, py_read_options *options);
PyObject *py_stream_get_last(PyObject *object, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *py_stream_get_new(PyObject *object, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *py_stream_get_next(PyObject *object, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *py_stream_iternext(PyObject *object);
PyObject *py_stream_get_all_new(PyObject *object, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *py_stream_get_history(PyObject *object, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *py_stream_get_at(PyObject *object, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
/** What a read without result returns: None, or (None, None). */
PyObject *py_nothing(const py_read_options *options);
/** Pair an array (stolen) with its info (stolen) when asked for. */
PyObject *py_with_info(PyObject *result, PyObject *info);

/* ---- info.c ------------------------------------------------------------------------------------------------------------------ */

int py_infos_find(py_state *state);
PyObject *py_sample_info(py_state *state, const pmipc_view *view, uint64_t dropped, bool copied);
PyObject *py_history_info(py_state *state, const pmipc_view *view, const py_rows *rows, uint64_t dropped, bool copied);
/** A HistoryInfo to be filled row by row. */
PyObject *py_history_info_begin(py_state *state, Py_ssize_t count, uint64_t dropped, bool copied);
void py_history_info_row(PyObject *info, Py_ssize_t row, uint64_t seq, int64_t stamp_ns, int64_t published_ns,
                         int64_t now_ns);

/* ---- wait.c -------------------------------------------------------------------------------------------------------------------- */

/** Monotonic deadline of a timeout; negative: never. */
int64_t py_deadline(int64_t timeout_ns);
/** Sleep until one of the streams has something to look at, or a slice of time is over. 1: look again; 0: the deadline is
 *  over; -1: exception (a signal handler raised, a stream was closed). */
int py_wait(py_stream *const *streams, uint32_t count, int64_t deadline_ns);
PyObject *py_stream_wait_connected(PyObject *object, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *py_wait_any(PyObject *module, PyObject *args);
PyObject *py_wait_connected(PyObject *module, PyObject *args);
/** Connect if that can be done now. 1 connected, 0 not, -1 exception. */
int py_stream_connect(py_stream *self);

/* ---- registry.c ------------------------------------------------------------------------------------------------------------------ */

PyObject *py_registry_list(PyObject *module, PyObject *folder);
PyObject *py_registry_inspect(PyObject *module, PyObject *args);
PyObject *py_registry_remove(PyObject *module, PyObject *args);
PyObject *py_registry_clean(PyObject *module, PyObject *folder);
PyObject *py_registry_folder(PyObject *module, PyObject *unused);
PyObject *py_reader_tuple(const pmipc_reader_info *reader);

#endif
