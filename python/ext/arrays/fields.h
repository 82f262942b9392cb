/* fields.h: schemas, what keeps samples in place, and torch. */
#ifndef PY_FIELDS_H
#define PY_FIELDS_H

#include "core.h"

/* ---- schema.c --------------------------------------------------------------------------------------------------- */

/* One field, in the terms of numpy and DLPack. */
typedef struct py_field {
    PyObject *name;       /* interned */
    PyArray_Descr *descr; /* NULL until py_field_descr has been asked */
    dlpack_dtype dlpack;  /* lanes 0: DLPack has no such dtype */
    int ndim;
    bool variable;
    uint32_t itemsize;
    uint64_t nbytes; /* of the largest sample */
    npy_intp shape[PMIPC_MAX_NDIM];
    int64_t strides[PMIPC_MAX_NDIM]; /* in elements */
} py_field;

struct py_schema {
    PyObject_HEAD py_state *state;
    pmipc_schema schema;
    bool is_dict;
    bool has_variable;
    bool is_plain; /* one tensor of fixed shape: what pmipc_producer_publish takes */
    uint32_t field_count;
    uint64_t nbytes;
    PyObject *template; /* dict with the fields' names and None; NULL for a plain tensor */
    py_field *fields;
};

/** Bytes of one element of the leading dimension. */
static inline uint64_t py_field_row_bytes(const py_field *field)
{
    uint64_t bytes = field->itemsize;
    for (int i = 1; i < field->ndim; i++)
        bytes *= (uint64_t)field->shape[i];
    return bytes;
}

extern PyType_Spec py_schema_spec;
/** Find the named tuples of infos.py: see info.c. */
int py_infos_find(py_state *state);
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
    py_hold *hold;   /* counted; NULL when `owner` keeps the memory */
    PyObject *owner; /* counted */
    bool embedded;   /* part of its hold's memory */
} py_holder;

/* A view that tensors share. Counted in C and released by any thread, with or without the GIL, after the interpreter's
 * end too: torch frees tensors where it likes. */
struct py_hold {
    atomic_int references;
    bool holder_used;
    pmipc_view view;
    py_holder holder; /* the first tensor's, so that most reads allocate once */
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
    PyObject_HEAD py_state *state;
    py_hold *hold; /* shares a hold, or NULL: has its own view */
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

/** Find torch if it has been imported already; never waits for an import. 1 found, 0 not there, -1 exception. */
int py_torch_find(py_state *state);
/** Import torch; for constructors only, because it takes seconds. -1 with an exception: ImportError begins with
 * `wanted_by`. */
int py_torch_import(py_state *state, const char *wanted_by);
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

#endif
