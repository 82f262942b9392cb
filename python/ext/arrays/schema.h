/* schema.h: the Schema class: what a pool carries, in the terms of the library, numpy and DLPack. */
#ifndef PY_SCHEMA_H
#define PY_SCHEMA_H

#include "arrays/dlpack.h"
#include "core/state.h"

/* One field, in the terms of numpy and DLPack. */
typedef struct py_field {
    PyObject *name;       /* interned */
    PyArray_Descr *descr; /* NULL until py_field_descr is called */
    dlpack_dtype dlpack;  /* lanes 0: DLPack has no such dtype */
    int ndim;
    bool variable;
    uint32_t itemsize;
    uint64_t nbytes; /* of the largest sample */
    npy_intp shape[PMIPC_MAX_NDIM];
    int64_t strides[PMIPC_MAX_NDIM]; /* in elements */
} py_field;

typedef struct py_schema {
    PyObject_HEAD py_state *state;
    pmipc_schema schema;
    bool is_dict;
    bool has_variable;
    bool is_plain; /* one tensor of fixed shape: what pmipc_producer_publish takes */
    uint32_t field_count;
    uint64_t nbytes;
    PyObject *template; /* dict with the names of the fields and None; NULL for a plain tensor */
    py_field *fields;
} py_schema;

/** Bytes of one element of the first dimension. */
static inline uint64_t py_field_row_bytes(const py_field *field)
{
    uint64_t bytes = field->itemsize;
    for (int i = 1; i < field->ndim; i++)
        bytes *= (uint64_t)field->shape[i];
    return bytes;
}

extern PyType_Spec py_schema_spec;
/** A new Schema of the library's schema; NULL with an exception. */
py_schema *py_schema_wrap(py_state *state, const pmipc_schema *schema);
/** numpy's dtype of field `index`, borrowed; NULL with UnsupportedError when numpy has none. */
PyArray_Descr *py_field_descr(py_schema *schema, uint32_t index);
/** The name of its dtype, new: "uint8", "bfloat16", "datetime64[ns]". */
PyObject *py_field_dtype_name(py_schema *schema, uint32_t index);
/** "pool 'x'" or "pool 'x', field 'rgb'", new. */
PyObject *py_field_context(const py_schema *schema, uint32_t index, const char *pool_name);

#endif
